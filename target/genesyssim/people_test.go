package genesyssim_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/target/genesyssim"
)

func TestGeneratedPeople(t *testing.T) {
	t.Parallel()
	const n = 1000
	s := start(t, fmt.Sprintf("users: %d\nswitches: {rate: off}\n", n))
	people := s.control("GET", "/users", nil).is(200)
	if got := len(people.list("users")); got != n {
		t.Fatalf("%d users, want %d", got, n)
	}
	states, managers := map[string]int{}, map[string]bool{}
	var accents, apostrophes, grouped, skilled, phoned, managed int
	for i := range people.list("users") {
		states[people.text("users", i, "state")]++
		name := people.text("users", i, "displayName")
		count := func(n *int, yes bool) {
			if yes {
				*n++
			}
		}
		count(&accents, strings.ContainsFunc(name, func(r rune) bool { return r > 127 }))
		count(&apostrophes, strings.Contains(name, "'"))
		count(&grouped, len(people.list("users", i, "groups")) > 0)
		count(&skilled, people.text("users", i, genesys, "routingSkills", 0, "proficiency") != "")
		count(&phoned, len(people.list("users", i, "phoneNumbers")) > 0)
		count(&managed, people.text("users", i, enterprise, "manager", "value") != "")
		managers[people.text("users", i, enterprise, "manager", "value")] = true
		for _, path := range [][]any{{enterprise, "department"}, {enterprise, "division"}, {enterprise, "employeeNumber"}, {"title"}, {"externalId"}, {genesys, "routingLanguages", 0, "name"}} {
			if people.text(append([]any{"users", i}, path...)...) == "" {
				t.Errorf("%s has no %v", name, path)
			}
		}
	}
	if states["inactive"] != n*4/100 || states["deleted"] != n/100 {
		t.Errorf("states = %v, want 4%% inactive and 1%% deleted", states)
	}
	for what, share := range map[string]struct{ got, least int }{
		"accents": {accents, n / 4}, "apostrophes": {apostrophes, n / 50}, "groups": {grouped, n * 9 / 10}, "skills": {skilled, n / 3},
		"phones": {phoned, n / 2}, "managers": {managed, n - 1},
	} {
		if share.got < share.least {
			t.Errorf("%d people have %s, want %d or more", share.got, what, share.least)
		}
	}
	for i := range people.list("users") {
		if managers[people.text("users", i, "id")] && people.text("users", i, "state") != "active" {
			t.Errorf("the manager %s is %s", people.text("users", i, "userName"), people.text("users", i, "state"))
		}
	}
}

// Whatever is asked, a generated person is what a client could have written.
func TestGeneratedPeopleCanBePutBack(t *testing.T) {
	t.Parallel()
	a := start(t, "users: 60\nswitches: {rate: off}\n").demo()
	page := a.get("/users?count=60").is(200)
	for i := range page.list("Resources") {
		path := "/users/" + page.text("Resources", i, "id")
		before := a.get(path).is(200)
		after := a.put(path, string(before.body)).is(200)
		if !bytes.Equal(before.body, after.body) {
			t.Errorf("PUT of what was read changed %s\ninto %s", before.body, after.body)
		}
	}
}

func TestTheSeedDecides(t *testing.T) {
	t.Parallel()
	run := func(seed int) []byte {
		s := start(t, fmt.Sprintf("seed: %d\nusers: 300\n", seed))
		a := s.demo()
		created(a, "")
		return append(s.control("GET", "/users", nil).body, []byte(a.token)...)
	}
	first, second, other := run(1), run(1), run(2)
	if !bytes.Equal(first, second) {
		t.Error("one seed gives two organizations")
	}
	if bytes.Equal(first, other) {
		t.Error("two seeds give one organization")
	}
}

func TestConfiguredGroupsGetMembers(t *testing.T) {
	t.Parallel()
	s := start(t, "users: 400\ngroups: [Tool Design, Chess Club, {name: Empty, members: []}, {name: Night Shift, rule: 'department eq \"Facilities\"'}]\n")
	groups := s.control("GET", "/groups", nil)
	for i, name := range []string{"Tool Design", "Chess Club", "Empty", "Night Shift"} {
		if got := len(groups.list("groups", i, "members")); (got == 0) != (name == "Empty") {
			t.Errorf("%s has %d members", name, got)
		}
	}
}

// Starting takes time in proportion to the people. Twenty times the people take
// four hundred times as long where it does not; the bound leaves room for a busy
// machine. It is not parallel, for the same reason.
func TestStartIsLinear(t *testing.T) { //nolint:paralleltest // it measures time
	const small, large, rounds, bound = 2000, 40000, 4, 120
	best := map[int]time.Duration{small: time.Hour, large: time.Hour}
	for range rounds {
		for n := range best {
			begin := time.Now()
			if _, err := genesyssim.New(genesyssim.Config{Users: genesyssim.Users{Count: n}}, genesyssim.Options{Now: time.Now}); err != nil {
				t.Fatal(err)
			}
			best[n] = min(best[n], time.Since(begin))
		}
	}
	if best[large] > bound*best[small] {
		t.Errorf("%d people take %v, %d take %v", large, best[large], small, best[small])
	}
}
