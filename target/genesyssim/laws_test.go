package genesyssim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// consistent is what holds whatever was sent: userNames and external ids of
// users who are there are unique, memberships agree from both sides.
func consistent(s *sim) {
	s.Helper()
	users, groups := s.control("GET", "/users", nil).is(200), s.control("GET", "/groups", nil).is(200)
	seen, memberships := map[string]string{}, map[string]bool{}
	claim := func(what, by string) {
		if other := seen[what]; other != "" {
			s.Errorf("%s and %s both have %s", by, other, what)
		}
		seen[what] = by
	}
	for i := range users.list("users") {
		if users.text("users", i, "state") == "deleted" {
			continue
		}
		id := users.text("users", i, "id")
		claim("userName "+strings.ToLower(users.text("users", i, "userName")), id)
		for j := range users.list("users", i, genesys, "externalIds") {
			claim(fmt.Sprint("external id ", users.at("users", i, genesys, "externalIds", j)), id)
		}
		for _, g := range users.each("value", "users", i, "groups") {
			memberships[g+" "+id] = true
		}
	}
	for g := range groups.list("groups") {
		for _, u := range groups.each("value", "groups", g, "members") {
			if pair := groups.text("groups", g, "id") + " " + u; memberships[pair] {
				delete(memberships, pair)
			} else {
				s.Errorf("group and member disagree on %s", pair)
			}
		}
	}
	for pair := range memberships {
		s.Errorf("member and group disagree on %s", pair)
	}
}

// FuzzRequests: whatever is sent, the server answers JSON and stays consistent.
func FuzzRequests(f *testing.F) {
	for _, seed := range []struct{ method, path, body string }{
		{"POST", "/users", `{"userName":"x@example.com","displayName":"X","roles":[{"value":"employee"}],"emails":[{"value":"w@example.com","type":"work"}]}`},
		{"POST", "/users", `{"userName":"dan@example.com","displayName":"X","externalId":"E4"}`},
		{"PUT", "/users/ADA", `{"active":false,"` + genesys + `":{"routingSkills":[{"name":"Billing","proficiency":1}]}}`},
		{"PATCH", "/users/ADA", `{"Operations":[{"op":"add","path":"externalId","value":"E9"},{"op":"remove","path":"title"},{"op":"replace","path":"active","value":false}]}`},
		{"PATCH", "/users/BEN", `{"Operations":[{"op":"replace","value":{"` + enterprise + `:manager":{"value":"ADA"},"userName":"ben2@example.com"}}]}`},
		{"PATCH", "/groups/DESIGN", `{"Operations":[{"op":"add","path":"members","value":[{"value":"BEN"}]},{"op":"remove","path":"members[value eq \"ADA\"]"}]}`},
		{"PATCH", "/groups/NIGHT", `{"Operations":[{"op":"replace","path":"members","value":[{"value":"ADA"}]}]}`},
		{"DELETE", "/users/BEN", ``},
		{"GET", "/users?filter=userName%20eq%20%22ada@example.com%22&attributes=roles", ``},
		{"GET", "/groups?count=0&startIndex=-1", ``},
	} {
		f.Add(seed.method, seed.path, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		a := with(t, "rate: off").demo()
		names := strings.NewReplacer(
			"ADA", a.id("ada@example.com"), "BEN", a.id("ben@example.com"), "DESIGN", a.id("Tool Design"), "NIGHT", a.id("Night Shift"),
		)
		r, err := http.NewRequestWithContext(t.Context(), method, "http://sim.example/api/v2/scim/v2"+names.Replace(path), strings.NewReader(names.Replace(body)))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bearer "+a.token)
		r.Header.Set("Content-Type", "application/json")
		resp, err := a.server.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s %s %s = %d", method, path, body, resp.StatusCode)
		}
		if resp.ContentLength > 0 && method != http.MethodHead {
			var v any
			if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
				t.Errorf("%s %s %s: the answer is not JSON: %v", method, path, body, err)
			}
		}
		consistent(a.sim)
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	a := with(t, "rate: off").demo()
	group, ben := a.group("Tool Design"), a.user("ben@example.com")
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				id := a.post("/users", fmt.Sprintf(`{"userName":"w%d.%d@example.com","displayName":"W","externalId":"W%d.%d"}`, w, i, w, i)).text("id")
				a.patch(group, op("add", "members", `[{"value":"`+id+`"}]`))
				a.patch(ben, op("replace", "title", fmt.Sprintf(`"%d.%d"`, w, i)))
				a.get("/users?count=5")
				if i%2 == 0 {
					a.delete("/users/" + id)
				}
			}
		})
	}
	wg.Wait()
	consistent(a.sim)
	a.get("/users?count=0").has(2+8*10, "totalResults")
	a.get(ben).has("161", "meta", "version")
}

func TestABadProjectionWritesNothing(t *testing.T) {
	t.Parallel()
	a := with(t, "").demo()
	a.post("/users?attributes=nonsense", `{"userName":"new@example.com","displayName":"New"}`).is(400)
	a.patch(a.user("ada@example.com")+"?excludedAttributes=nonsense", op("replace", "title", `"x"`)).is(400)
	a.get(a.user("ada@example.com")).has("1", "meta", "version")
	a.get("/users?count=0").has(2, "totalResults")
}
