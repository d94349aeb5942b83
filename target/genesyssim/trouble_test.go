package genesyssim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/target/genesyssim"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	const newUser = `{"userName":"new@example.com","displayName":"New"}`
	for name, prove := range map[string]func(*testing.T, *actor){
		"a lost answer was an answer": func(t *testing.T, a *actor) {
			a.faults(`[{"match":"POST /users","do":"lose-answer","count":1}]`)
			if r, err := a.try("POST", "/api/v2/scim/v2/users", newUser, http.Header{
				"Authorization": {"Bearer " + a.token}, "Content-Type": {"application/json"},
			}); err == nil {
				t.Fatalf("got %d, want no answer", r.status)
			}
			a.truth("new@example.com").has("active", "state")
			a.post("/users", newUser).is(409)
			log := a.control("GET", "/requests?since=1", nil)
			log.has("lose-answer", "requests", 0, "fault").has(201, "requests", 0, "status")
		},
		"a cut body ends in the middle": func(t *testing.T, a *actor) {
			a.faults(`[{"match":"GET /users","do":"cut-body","count":1}]`)
			_, err := a.try("GET", "/api/v2/scim/v2/users", "", http.Header{"Authorization": {"Bearer " + a.token}})
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error = %v, want %v", err, io.ErrUnexpectedEOF)
			}
			a.get("/users").is(200)
		},
		"a stale fault is someone else's write": func(t *testing.T, a *actor) {
			a.faults(`[{"match":"PATCH /Users/*","do":"stale","count":1}]`)
			ada := a.user("ada@example.com")
			title := op("replace", "title", `"x"`)
			a.having("If-Match", `"1"`).patch(ada, title).scimError(400, "invalidVers")
			a.get(ada).has("2", "meta", "version").has("Head", "title")
			a.having("If-Match", `"2"`).patch(ada, title).is(200)
			a.faults(`[{"match":"PATCH /groups/*","do":"stale","count":1}]`)
			a.having("If-Match", `"1"`).patch(a.group("Tool Design"), op("remove", "members", "")).scimError(400, "invalidVers")
		},
		"an expired token stays expired": func(t *testing.T, a *actor) {
			a.faults(`[{"match":"* /users","do":"expire-token","count":1}]`)
			a.get("/users").platformError(401, "credentials.expired")
			a.get("/users").is(401)
			a.demo().get("/users").is(200)
		},
		"the edge answers in HTML": func(t *testing.T, a *actor) {
			a.faults(`[{"match":"GET *","do":"html","count":1}]`)
			r := a.get("/users").is(502)
			if r.header.Get("Content-Type") != "text/html" || !strings.Contains(string(r.body), "<HTML>") {
				t.Errorf("got %v %s", r.header, r.body)
			}
		},
		"nothing is processed behind a status": func(_ *testing.T, a *actor) {
			a.faults(`[{"match":"POST /users","do":503,"count":1}]`)
			a.post("/users", newUser).is(503)
			a.post("/users", newUser).is(201)
		},
		"the first that matches befalls": func(_ *testing.T, a *actor) {
			a.faults(`[{"match":"GET /groups","do":500},{"match":"GET /users/*","do":503,"count":1},{"match":"* /users/*","do":504}]`)
			a.get("/users").is(200)
			a.get(a.user("ada@example.com")).is(503)
			a.get(a.user("ada@example.com")).is(504)
			a.delete(a.user("ada@example.com")).is(504)
			a.get("/groups").is(500)
			a.faults(`[]`)
			a.get("/groups").is(200)
		},
		"paths beside SCIM are whole": func(_ *testing.T, a *actor) {
			a.faults(`[{"match":"GET /api/v2/authorization/subjects/*","do":500},{"match":"POST /oauth/token","do":503,"count":1}]`)
			a.get("/api/v2/authorization/subjects/me").is(500)
			a.get("/api/v2/authorization/divisions").is(200)
			a.login("demo", "demo-secret").is(503)
			a.login("demo", "demo-secret").is(200)
			a.faults(`[{"match":"* *","do":500}]`)
			a.login("demo", "demo-secret").is(200)
			a.get("/api/v2/authorization/divisions").is(500)
		},
		"chance follows from the seed": func(t *testing.T, a *actor) {
			outcomes := func(a *actor) (failed int, all []int) {
				a.faults(`[{"match":"GET /users","do":500,"probability":0.3}]`)
				for range 200 {
					all = append(all, a.get("/users?count=0").status)
					if all[len(all)-1] == 500 {
						failed++
					}
				}
				return failed, all
			}
			failed, first := outcomes(a)
			_, second := outcomes(with(t, "").demo())
			if failed < 40 || failed > 80 || !slices.Equal(first, second) {
				t.Errorf("%d of 200 failed, want about 60, and the same ones again", failed)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prove(t, with(t, "").demo())
		})
	}
}

func TestShiftedPagesRepeatOrMissRows(t *testing.T) {
	t.Parallel()
	a := crowd(t, 100, "")
	a.faults(`[{"match":"GET /users","do":"shift-pages"}]`)
	all := pages(a, 10)
	slices.Sort(all)
	if distinct := len(slices.Compact(slices.Clone(all))); distinct == 100 || distinct < 60 {
		t.Errorf("%d of 100 users in pages that shift, want fewer than all", distinct)
	}
}

// In a bubble time passes at once: no sockets, no goroutines of the server.
func TestSlowAnswersTakeTheTimeOfABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := genesyssim.New(genesyssim.Config{
			Faults: []genesyssim.Fault{{Match: "POST /oauth/token", Do: genesyssim.Slow, Ms: 90000}},
		}, genesyssim.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		login := func(ctx context.Context) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://login.example/oauth/token", strings.NewReader("grant_type=client_credentials"))
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth("demo", "demo-secret")
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			resp, err := s.Transport().RoundTrip(r)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		}
		begin := time.Now()
		if err := login(t.Context()); err != nil || time.Since(begin) != 90*time.Second {
			t.Errorf("login took %v, %v, want 90 s", time.Since(begin), err)
		}
		begin = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := login(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
			t.Errorf("login = %v after %v, want the deadline after 5 s", err, time.Since(begin))
		}
	})
}
