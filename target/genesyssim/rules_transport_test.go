package genesyssim_test

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func transportRules() map[int]behavior {
	return map[int]behavior{
		1: {"both trees serve one data set, segments in any case": func(t *testing.T) {
			a := with(t, "").demo()
			id := a.id("ada@example.com")
			for _, path := range []string{"/api/v2/scim/users/", "/api/v2/scim/v2/users/", "/api/v2/scim/v2/Users/", "/API/v2/SCIM/Users/"} {
				a.get(path+id).is(200).has("ada@example.com", "userName")
			}
			a.get("/api/v2/scim/Groups").is(200).has(2, "totalResults")
			a.get("/api/v2/scim/Robots").platformError(404, "not.found")
		}, "locations are in the tree that was asked": func(t *testing.T) {
			a := with(t, "").demo()
			id := a.id("ada@example.com")
			a.get("/api/v2/scim/users/"+id).has("http://sim.example/api/v2/scim/users/"+id, "meta", "location")
			a.get("/api/v2/scim/v2/Users/"+id).has("http://sim.example/api/v2/scim/v2/users/"+id, "meta", "location")
		}},
		2: {"tokens are opaque, with the lifetime and nothing else": func(t *testing.T) {
			r := with(t, "").login("demo", "demo-secret").is(200).has("bearer", "token_type").has(86400, "expires_in")
			if !regexp.MustCompile(`^[\w-]{86}$`).MatchString(r.text("access_token")) || len(r.json.(map[string]any)) != 3 {
				t.Errorf("token response = %s", r.body)
			}
		}, "credentials may be in the body": func(t *testing.T) {
			form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			s := with(t, "")
			s.send("POST", "/oauth/token", "grant_type=client_credentials&client_id=demo&client_secret=demo-secret", form).is(200)
			s.send("POST", "/oauth/token", "grant_type=password&client_id=demo&client_secret=demo-secret", form).is(400).has("unsupported_grant_type", "error")
			s.send("POST", "/oauth/token", "{}", http.Header{"Content-Type": {"application/json"}}).is(400).has("invalid_request", "error")
		}, "an earlier token stays valid": func(t *testing.T) {
			s := with(t, "")
			first := s.demo()
			s.demo()
			first.get("/users").is(200)
		}},
		3: {"an unknown client is 400, a wrong secret 401": func(t *testing.T) {
			s := with(t, "")
			s.login("nobody", "x").is(400).has("invalid_client", "error").has("client not found", "description").has("client not found", "error_description")
			s.login("demo", "x").is(401).has("invalid_client", "error").has("authentication failed", "description").has("authentication failed", "error_description")
		}, "a disabled client's tokens die and it gets no new ones": func(t *testing.T) {
			a := with(t, "").demo()
			a.control("POST", "/clients", `{"id":"demo","disabled":true}`).is(200)
			a.get("/users").platformError(401, "bad.credentials")
			a.login("demo", "demo-secret").is(400).has("client is disabled", "description")
			a.control("POST", "/clients", `{"id":"demo","disabled":false}`).is(200)
			a.get("/users").is(200)
		}},
		4: {"a token lives as long as it says": func(t *testing.T) {
			a := with(t, "token_seconds: 300").demo()
			a.advance(299 * time.Second)
			a.get("/users").is(200)
			a.advance(time.Second)
			a.get("/users").is(401)
		}},
		5: {"no, wrong and expired bearers are told apart": func(t *testing.T) {
			a := with(t, "").demo()
			a.having("Authorization", "Basic eDp5").get("/users").platformError(401, "authentication.required")
			(&actor{sim: a.sim, header: http.Header{}}).get("/users").platformError(401, "authentication.required")
			a.having("Authorization", "Bearer nonsense").get("/users").platformError(401, "bad.credentials")
			a.advance(24 * time.Hour)
			a.get("/users").platformError(401, "credentials.expired")
		}},
		6: permissionRules(),
		7: {"both media types are taken and given, others refused": func(t *testing.T) {
			a := with(t, "").demo()
			body := `{"userName":"new@example.com","displayName":"New"}`
			a.having("Content-Type", "application/json; charset=utf-8").post("/users", body).is(201)
			a.having("Content-Type", "application/scim+json").post("/users", strings.Replace(body, "new", "newer", 1)).is(201)
			a.having("Content-Type", "text/plain").post("/users", body).platformError(415, "unsupported.media.type")
			for accept, want := range map[string]string{
				"": "application/scim+json", "application/json": "application/json", "application/scim+json, application/json": "application/scim+json",
			} {
				if got := a.having("Accept", accept).get("/users").header.Get("Content-Type"); got != want {
					t.Errorf("Accept %q gives %q, want %q", accept, got, want)
				}
			}
		}},
		8: {"every response has its correlation id and the rate": func(t *testing.T) {
			a := with(t, "").demo()
			seen := map[string]bool{}
			for _, r := range []result{a.get("/users"), a.get("/nothing"), a.having("Authorization", "Bearer x").get("/users"), a.login("demo", "x")} {
				id := r.header.Get("ININ-Correlation-Id")
				if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) || seen[id] {
					t.Errorf("%s: correlation id %q", r.call, id)
				}
				seen[id] = true
				if got := r.header.Get("Cache-Control"); got != "no-cache, no-store, must-revalidate" {
					t.Errorf("%s: Cache-Control %q", r.call, got)
				}
				rate(t, r, r.header.Get("inin-ratelimit-count"), "300", "60")
			}
			a.advance(10 * time.Second)
			rate(t, a.get("/users"), "3", "300", "50")
		}},
		9: {"the 301st request of a minute waits for the next": func(t *testing.T) {
			a := with(t, "").demo()
			for range 300 {
				a.get("/users?count=0").is(200)
			}
			a.advance(20 * time.Second)
			r := a.get("/users?count=0").platformError(429, "too.many.requests.retry.after").
				has("Rate limit exceeded the maximum. Retry the request in [40] seconds", "message").
				has(map[string]any{"key": "client.credentials.token.rate.per.minute", "namespace": "platform.api", "value": 300}, "limit")
			if got := r.header.Get("Retry-After"); got != "40" {
				t.Errorf("Retry-After = %q, want 40", got)
			}
			a.advance(40 * time.Second)
			a.get("/users?count=0").is(200)
		}},
		10: {"a body over 512000 bytes is refused": func(t *testing.T) {
			a := with(t, "").demo()
			body := `{"userName":"new@example.com","displayName":"New","title":"` + strings.Repeat("x", 511000) + `"}`
			a.post("/users", body).is(201)
			a.post("/users", body+strings.Repeat(" ", 1000)).platformError(413, "request.entity.too.large")
		}, "faults make every kind of trouble": func(t *testing.T) {
			for _, status := range []int{408, 429, 500, 502, 503, 504} {
				a := with(t, "").demo()
				a.faults(`[{"match":"GET /users","do":` + strconv.Itoa(status) + `,"count":1}]`)
				r := a.get("/users").is(status).has(status, "status")
				if r.text("code") == "" || status == 429 && r.header.Get("Retry-After") == "" {
					t.Errorf("fault %d: %v %s", status, r.header, r.body)
				}
				a.get("/users").is(200)
			}
		}},
	}
}

func rate(t *testing.T, r result, count, allowed, reset string) {
	t.Helper()
	for name, want := range map[string]string{"count": count, "allowed": allowed, "reset": reset} {
		if got := r.header.Get("inin-ratelimit-" + name); got != want {
			t.Errorf("%s: inin-ratelimit-%s = %q, want %q", r.call, name, got, want)
		}
	}
}

func permissionRules() behavior {
	const (
		newUser = `{"userName":"new@example.com","displayName":"New"%s}`
		ada     = "ada@example.com"
	)
	create := func(more string) func(*actor) result {
		return func(a *actor) result { return a.post("/users", strings.Replace(newUser, "%s", more, 1)) }
	}
	change := func(ops ...string) func(*actor) result {
		return func(a *actor) result { return a.patch(a.user(ada), ops...) }
	}
	all := behavior{}
	for sentence, c := range map[string]struct {
		have    string
		do      func(*actor) result
		missing string // the permission that the answer names, "" where it is no 403
	}{
		"reading users needs nothing":               {"x:y:z", func(a *actor) result { return a.get("/users") }, ""},
		"reading groups needs group:edit":           {"directory:user:edit", func(a *actor) result { return a.get("/groups") }, "directory:group:edit"},
		"reading a group needs group:edit":          {"x:y:z", func(a *actor) result { return a.get(a.group("Tool Design")) }, "directory:group:edit"},
		"writing a group needs group:edit":          {"x:y:z", func(a *actor) result { return a.patch(a.group("Tool Design"), op("remove", "members", "")) }, "directory:group:edit"},
		"group:edit reads groups":                   {"directory:group:edit", func(a *actor) result { return a.get("/groups") }, ""},
		"creating needs one of several":             {"x:y:z", create(""), "directory:user:add"},
		"creating needs user:add":                   {"directory:user:add", create(""), ""},
		"any of them passes the gate only":          {"routing:skill:assign", create(""), "directory:user:add"},
		"creating with roles needs grant:add":       {"directory:user:add", create(`,"roles":[{"value":"Sales Agent"}]`), "authorization:grant:add"},
		"creating with skills needs skill:assign":   {"directory:user:add", create(`,"` + genesys + `":{"routingSkills":[{"name":"Billing","proficiency":1}]}`), "routing:skill:assign"},
		"editing needs user:edit":                   {"routing:skill:assign", change(op("replace", "title", `"x"`)), "directory:user:edit"},
		"editing needs one of several":              {"directory:user:add", change(op("replace", "title", `"x"`)), "directory:user:edit"},
		"user:edit edits":                           {"directory:user:edit", change(op("replace", "title", `"x"`)), ""},
		"entities may be stars":                     {"directory:*:*", change(op("replace", "title", `"x"`)), ""},
		"what changes nothing needs no more":        {"directory:user:edit", change(op("add", "roles", `[{"value":"employee"}]`)), ""},
		"adding a role needs grant:add":             {"directory:user:edit", change(op("add", "roles", `[{"value":"admin"}]`)), "authorization:grant:add"},
		"taking a role needs grant:delete":          {"authorization:grant:add", change(op("remove", `roles[value eq "employee"]`, "")), "authorization:grant:delete"},
		"languages need language:assign":            {"directory:user:edit", change(op("add", genesys+":routingLanguages", `[{"name":"English","proficiency":1}]`)), "routing:language:assign"},
		"language:assign assigns languages":         {"routing:language:assign", change(op("add", genesys+":routingLanguages", `[{"name":"English","proficiency":1}]`)), ""},
		"a password needs setPassword":              {"directory:user:edit", change(op("replace", "password", `"s3cret!"`)), "directory:user:setPassword"},
		"setPassword alone does not edit":           {"directory:user:setPassword", change(op("replace", "title", `"x"`)), "directory:user:edit"},
		"an extension needs extension:assign":       {"directory:user:edit", change(op("replace", `phoneNumbers[type eq "work"].value`, `"tel:+13175550100; ext=7"`)), "telephony:extension:assign"},
		"a number without extension does not":       {"directory:user:edit", change(op("replace", `phoneNumbers[type eq "work"].value`, `"+13175550101"`)), ""},
		"deleting needs user:delete":                {"directory:user:edit", func(a *actor) result { return a.delete(a.user(ada)) }, "directory:user:delete"},
		"roles of the public API need role:view":    {"x:y:z", func(a *actor) result { return a.get("/api/v2/authorization/roles") }, "authorization:role:view"},
		"skills of the public API need skill:view":  {"x:y:z", func(a *actor) result { return a.get("/api/v2/routing/skills") }, "routing:skill:view"},
		"grants of others need grant:view":          {"x:y:z", func(a *actor) result { return a.get("/api/v2/authorization/subjects/" + a.id(ada)) }, "authorization:grant:view"},
		"one's own grants need nothing":             {"x:y:z", func(a *actor) result { return a.get("/api/v2/authorization/subjects/me") }, ""},
		"discovery needs nothing":                   {"x:y:z", func(a *actor) result { return a.get("/schemas") }, ""},
		"an unknown id is found out after the gate": {"x:y:z", func(a *actor) result { return a.patch("/users/"+a.id("Tool Design"), op("replace", "title", `"x"`)) }, "directory:user:edit"},
	} {
		all[sentence] = func(t *testing.T) {
			a := limited(t, c.have)
			before := string(a.control("GET", "/users", nil).body)
			r := c.do(a)
			if c.missing == "" {
				if r.status == http.StatusForbidden {
					t.Errorf("%s = 403 %s", r.call, r.body)
				}
				return
			}
			if code := r.is(403).text("code"); code != "missing.permissions" && code != "missing.any.permissions" {
				t.Errorf("%s: code %q", r.call, code)
			}
			r.platformError(403, r.text("code"))
			if !strings.Contains(r.text("message"), c.missing) || !strings.Contains(r.text("messageParams", "permissions"), c.missing) {
				t.Errorf("%s: %s, want %s named", r.call, r.body, c.missing)
			}
			if after := string(a.control("GET", "/users", nil).body); after != before {
				t.Errorf("%s = 403 and yet changed something", r.call)
			}
		}
	}
	all["the gate asks for any, an attribute for one"] = func(t *testing.T) {
		a := limited(t, "routing:skill:assign")
		a.get("/groups").platformError(403, "missing.any.permissions")
		a.patch(a.user(ada), op("replace", "title", `"x"`)).platformError(403, "missing.permissions")
	}
	return all
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}
