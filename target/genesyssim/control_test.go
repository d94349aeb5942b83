package genesyssim_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/target/genesyssim"
)

func TestStats(t *testing.T) {
	t.Parallel()
	a := with(t, "rate: 5").demo()
	id := a.id("ada@example.com")
	a.get("/Users").is(200)
	a.get("/users/" + id).is(200)
	a.patch("/USERS/"+id, op("replace", "title", `"x"`)).is(200)
	a.get("/users/unknown").is(404)
	a.get("/api/v2/authorization/subjects/" + id).is(200)
	a.get("/users").is(429)
	a.advance(2 * time.Minute)
	a.get("/api/v2/Nothing").is(404)
	stats := a.control("GET", "/stats", nil).is(200).has(7, "requests").has(1, "throttled").has(6, "peakPerMinute").has(1, "tokens")
	line := func(method, path string, status int) map[string]any {
		return map[string]any{"method": method, "path": path, "status": status, "count": 1}
	}
	stats.has([]any{
		line("GET", "/api/v2/authorization/subjects/{id}", 200), line("GET", "/api/v2/nothing", 404), line("GET", "/users", 200), line("GET", "/users", 429),
		line("GET", "/users/{id}", 200), line("GET", "/users/{id}", 404), line("PATCH", "/users/{id}", 200),
	}, "by")
}

func TestPeakIsOfAnySixtySeconds(t *testing.T) {
	t.Parallel()
	a := with(t, "rate: off").demo()
	for range 4 {
		for range 10 {
			a.get("/users?count=0")
		}
		a.advance(25 * time.Second)
	}
	a.control("GET", "/stats", nil).has(40, "requests").has(30, "peakPerMinute")
}

func TestControl(t *testing.T) {
	t.Parallel()
	for name, prove := range map[string]func(*testing.T, *actor){
		"users are the truth, deleted ones too": func(_ *testing.T, a *actor) {
			a.control("GET", "/users", nil).is(200).lists([]string{"active", "active", "inactive", "deleted"}, "state", "users").
				lists([]string{"E1", "E2", "E3", "E4"}, "externalId", "users").has(a.id("Night Shift"), "users", 1, "groups", 0, "value")
		},
		"groups always have their members": func(_ *testing.T, a *actor) {
			a.control("GET", "/groups", nil).is(200).lists([]string{"Tool Design", "Night Shift"}, "displayName", "groups").
				lists([]string{a.id("ben@example.com")}, "value", "groups", 1, "members")
		},
		"switches are turned one by one": func(_ *testing.T, a *actor) {
			a.control("PUT", "/switches", `{"stale":412,"atomic":false}`).is(200).has("412", "stale").has("false", "atomic").has("300", "rate")
			a.control("PUT", "/switches", `{"page_max":"10"}`).is(200).has("412", "stale").has("10", "page_max")
			a.control("PUT", "/switches", `{"stale":413}`).platformErrorText(`switch stale: "413" is none of 400, 409, 412`)
			a.control("PUT", "/switches", `{"stole":400}`).platformErrorText(`unknown switch "stole", did you mean "stale"?`)
			a.control("GET", "/switches", nil).has("412", "stale")
		},
		"faults are listed as they were given": func(_ *testing.T, a *actor) {
			a.control("PUT", "/faults", `[{"match":"GET /users","do":503,"probability":0.5},{"match":"* *","do":"slow","ms":1}]`).is(200).
				has(503, 0, "do").has("slow", 1, "do").has(0.5, 0, "probability")
			a.control("PUT", "/faults", `[{"match":"GET /users","do":"explode"}]`).is(400)
			a.control("PUT", "/faults", `[{"match":"GET /users","do":503,"often":1}]`).is(400)
			a.control("GET", "/faults", nil).has(503, 0, "do")
		},
		"someone edits behind our back": func(_ *testing.T, a *actor) {
			for _, who := range []string{"ada@example.com", "E1", a.id("ada@example.com")} {
				a.control("POST", "/edit", `{"user":"`+who+`","operations":[{"op":"replace","path":"title","value":"By `+who+`"}]}`).is(200).has("By "+who, "title")
			}
			a.get(a.user("ada@example.com")).has("4", "meta", "version")
			a.control("POST", "/edit", `{"group":"Tool Design","operations":[{"op":"remove","path":"members"}]}`).is(200)
			a.members("Tool Design")
			a.control("POST", "/edit", `{"user":"ben@example.com","delete":true}`).is(204)
			a.truth("ben@example.com").has("deleted", "state")
			a.control("POST", "/edit", `{"user":"nobody","operations":[]}`).is(404)
			a.control("POST", "/edit", `{"user":"cleo@example.com","operations":[{"op":"add","path":"roles","value":[{"value":"Pilot"}]}]}`).is(400)
			a.control("GET", "/stats", nil).has(2, "requests") // the two reads
		},
		"the clock moves, never the wall's": func(_ *testing.T, a *actor) {
			a.control("POST", "/clock", `{"advance":"36h"}`).is(200).has("2026-11-25T00:00:00Z", "now")
			a.control("POST", "/clock", `{"advance":"3d"}`).is(200).has("2026-11-28T00:00:00Z", "now")
			a.control("POST", "/clock", `{"to":"2027-01-01T00:00:00Z"}`).is(200).has("2027-01-01T00:00:00Z", "now")
			a.control("POST", "/clock", `{"advance":"soon"}`).is(400)
			a.control("POST", "/clock", `{}`).is(400)
			a.demo().patch(a.user("ada@example.com"), op("replace", "title", `"x"`)).has("2027-01-01T00:00:00.000Z", "meta", "lastModified")
		},
		"clients are changed while running": func(_ *testing.T, a *actor) {
			a.control("POST", "/clients", `{"id":"demo","permissions":["directory:user:delete"]}`).is(200)
			a.get("/groups").is(403)
			a.control("POST", "/clients", `{"id":"demo","secret":"new"}`).is(200)
			a.login("demo", "demo-secret").is(401)
			a.login("demo", "new").is(200)
			a.control("POST", "/clients", `{"id":"dema"}`).platformErrorText(`there is no client "dema", did you mean "demo"?`)
		},
		"reset is the start again": func(t *testing.T, a *actor) {
			before := a.control("GET", "/users", nil).body
			a.delete(a.user("ada@example.com")).is(204)
			a.faults(`[{"match":"* *","do":500}]`)
			a.control("PUT", "/switches", `{"stale":412}`).is(200)
			a.advance(time.Hour)
			a.control("POST", "/reset", "").is(204)
			if after := a.control("GET", "/users", nil).body; !bytes.Equal(before, after) {
				t.Errorf("users before %s\nafter %s", before, after)
			}
			a.control("GET", "/stats", nil).has(0, "requests")
			a.control("GET", "/switches", nil).has("400", "stale")
			a.get("/users").is(401)
			a.demo().get("/users").is(200)
		},
		"there is nothing else": func(_ *testing.T, a *actor) {
			a.control("GET", "/secrets", nil).is(404)
			a.control("GET", "/requests?since=x", nil).is(400)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prove(t, with(t, "").demo())
		})
	}
}

// platformErrorText is a refused control request that says why.
func (r result) platformErrorText(want string) {
	r.Helper()
	if !strings.Contains(r.is(400).text("message"), want) {
		r.Errorf("%s: %s, want %q", r.call, r.body, want)
	}
}

func TestControlIsForThisMachine(t *testing.T) {
	t.Parallel()
	for control, want := range map[string]int{"loopback": 403, "any": 200} {
		s := start(t, "control: "+control+"\n")
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://sim.example/_sim/stats", nil)
		r.RemoteAddr = "192.0.2.7:4711"
		w := httptest.NewRecorder()
		s.server.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("control %s: a stranger gets %d, want %d", control, w.Code, want)
		}
		r.RemoteAddr = "[::1]:4711"
		w = httptest.NewRecorder()
		s.server.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("control %s: this machine gets %d", control, w.Code)
		}
	}
}

// TestRun serves over sockets, with a login listener of its own.
func TestRun(t *testing.T) {
	t.Parallel()
	c, err := genesyssim.ParseConfig("sim.yaml", []byte(company+"listen: 127.0.0.1:0\nlogin_listen: 127.0.0.1:0\n"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := genesyssim.New(c, genesyssim.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	type bases struct{ api, login string }
	where, done := make(chan bases, 1), make(chan error, 1)
	go func() { done <- s.Run(ctx, func(api, login string) { where <- bases{api, login} }) }()
	at := <-where
	form := "grant_type=client_credentials&client_id=demo&client_secret=demo-secret"
	status := func(method, url, body, token string) (int, string, error) {
		r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if strings.HasPrefix(body, "grant") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text), err
	}
	if code, _, _ := status("POST", at.api+"/oauth/token", form, ""); code != http.StatusNotFound {
		t.Errorf("the API answers %d to a login, want 404", code)
	}
	code, body, err := status("POST", at.login+"/oauth/token", form, "")
	if code != http.StatusOK {
		t.Fatalf("login = %d %s %v", code, body, err)
	}
	token := strings.Split(strings.SplitAfter(body, `"access_token":"`)[1], `"`)[0]
	if code, _, _ := status("GET", at.login+"/api/v2/scim/users", "", token); code != http.StatusNotFound {
		t.Errorf("the login listener answers %d to the API, want 404", code)
	}
	if code, body, _ := status("GET", at.api+"/api/v2/scim/users", "", token); code != http.StatusOK || !strings.Contains(body, at.api+"/api/v2/scim/users/") {
		t.Errorf("users = %d %s", code, body)
	}
	for _, do := range []string{"lose-answer", "cut-body"} {
		if code, _, _ := status("PUT", at.api+"/_sim/faults", `[{"match":"GET /users","do":"`+do+`"}]`, ""); code != http.StatusOK {
			t.Fatalf("faults = %d", code)
		}
		if code, body, err := status("GET", at.api+"/api/v2/scim/users", "", token); err == nil {
			t.Errorf("%s: %d %s, want a broken answer", do, code, body)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", strings.TrimPrefix(at.api, "http://")); err != nil {
		t.Errorf("the address is not free after Run: %v", err)
	} else {
		_ = l.Close()
	}
}
