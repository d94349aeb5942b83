package genesyssim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// member is the JSON of a list with one member.
func (s *sim) member(userName string) string {
	s.Helper()
	return `[{"value":"` + s.id(userName) + `"}]`
}

// members fails the test where group name has other members, by userName.
func (a *actor) members(name string, want ...string) {
	a.Helper()
	ids := []string{}
	for _, w := range want {
		ids = append(ids, a.id(w))
	}
	a.get(a.group(name)).is(200).lists(ids, "value", "members")
}

// crowd is an organization of n listed users, u0@example.com and so on, and a group.
func crowd(t *testing.T, n int, switches string) *actor {
	t.Helper()
	var config strings.Builder
	config.WriteString("groups: [All]\nswitches: {rate: off" + switches + "}\nusers:\n")
	for i := range n {
		fmt.Fprintf(&config, "  - {userName: u%d@example.com, displayName: U %d}\n", i, i)
	}
	return start(t, config.String()).demo()
}

func groupRules() map[int]behavior {
	const ada, ben, cleo, design = "ada@example.com", "ben@example.com", "cleo@example.com", "Tool Design"
	return map[int]behavior{
		23: {"groups are not made or deleted, nor renamed": func(t *testing.T) {
			a := with(t, "").demo()
			a.post("/groups", `{"displayName":"New"}`).platformError(405, "method.not.allowed")
			a.delete(a.group(design)).platformError(405, "method.not.allowed")
			a.patch(a.group(design), op("replace", "displayName", `"X"`)).scimError(400, "mutability")
			a.patch(a.group(design), op("replace", "displayName", `"Tool Design"`)).is(200)
			a.put(a.group(design), `{"displayName":"X"}`).scimError(400, "mutability")
			a.put(a.group(design), `{"members":[]}`).scimError(400, "invalidValue")
			a.patch(a.group(design), op("replace", "externalId", `"G1"`)).is(200).has("G1", "externalId")
			a.as("other").get(a.group(design)).has(nil, "externalId")
		}},
		24: {"members come and go in all forms": func(t *testing.T) {
			a := with(t, "").demo()
			g := a.group(design)
			a.patch(g, op("add", "members", a.member(ben))).is(200)
			a.members(design, ada, ben)
			a.patch(g, op("remove", `members[value eq "`+a.id(ben)+`"]`, "")).is(200)
			a.members(design, ada)
			a.patch(g, op("add", "members", a.member(ben)), op("remove", "members", a.member(ada))).is(200)
			a.members(design, ben)
			a.patch(g, op("add", "", `{"members":`+a.member(cleo)+`}`)).is(200)
			a.members(design, ben, cleo)
			a.patch(g, op("replace", "members", a.member(ada))).is(200)
			a.members(design, ada)
			a.patch(g, op("remove", "members", "")).is(200)
			a.members(design)
			a.put(g, `{"displayName":"Tool Design","members":`+a.member(ben)+`}`).is(200)
			a.members(design, ben)
			a.get(a.user(ben)).lists([]string{a.id(design), a.id("Night Shift")}, "value", "groups")
		}, "what changes nothing succeeds and keeps the version": func(t *testing.T) {
			a := with(t, "").demo()
			g := a.group(design)
			a.patch(g, op("add", "members", a.member(ada))).is(200).has("1", "meta", "version")
			a.patch(g, op("remove", "members", a.member(ben))).is(200).has("1", "meta", "version")
			a.patch(g, op("remove", `members[value eq "`+a.id(ben)+`"]`, "")).is(200).has("1", "meta", "version")
			a.patch(g, op("add", "members", a.member(ben))).is(200).has("2", "meta", "version")
		}, "members must be users who are there": func(t *testing.T) {
			a := with(t, "").demo()
			for _, bad := range []string{a.member("dan@example.com"), `[{"value":"nobody"}]`, `[{"value":"` + a.id(design) + `"}]`} {
				a.patch(a.group(design), op("add", "members", bad)).scimError(400, "invalidValue")
			}
			a.patch(a.group("Night Shift"), op("add", "members", a.member(cleo))).is(200)
		}, "at most 50 members a request": func(t *testing.T) {
			a := crowd(t, 60, "")
			list := func(n int) string {
				var ids []string
				for i := range n {
					ids = append(ids, `{"value":"`+a.id(fmt.Sprintf("u%d@example.com", i))+`"}`)
				}
				return "[" + strings.Join(ids, ",") + "]"
			}
			a.patch(a.group("All"), op("add", "members", list(51))).is(400)
			a.patch(a.group("All"), op("add", "members", list(26)), op("remove", "members", list(25))).is(400)
			a.patch(a.group("All"), op("add", "members", list(50))).is(200)
			a.put(a.group("All"), `{"displayName":"All","members":`+list(51)+`}`).is(400)
		}},
		25: {"members made by a rule or ownership stay": func(t *testing.T) {
			a := with(t, "").demo()
			a.members("Night Shift", ben)
			a.patch(a.group("Night Shift"), op("remove", "members", "")).is(200)
			a.members("Night Shift", ben)
			a.patch(a.user(ada), op("replace", enterprise+":department", `"facilities"`)).is(200)
			a.members("Night Shift", ada, ben)
			a.patch(a.user(ben), op("replace", "active", "false")).is(200)
			a.members("Night Shift", ada)
			o := start(t, "users: [{userName: ada@example.com, displayName: Ada}]\ngroups: [{name: Owned, owners: [ada@example.com]}]\n").demo()
			o.patch(o.group("Owned"), op("remove", "members", o.member(ada))).is(200)
			o.members("Owned", ada)
		}, "rules may be any filter": func(t *testing.T) {
			a := start(t, `
users: [{userName: a@example.com, displayName: A, title: Manager of X, routingSkills: [{name: Billing, proficiency: 4}]}, {userName: b@example.com, displayName: B}]
groups: [{name: Leads, rule: 'title co "Manager"'}, {name: Skilled, rule: 'routingSkills[name eq "Billing"]'}, {name: Both, rule: 'displayName eq "B" and active eq true'}]
`).demo()
			a.members("Leads", "a@example.com")
			a.members("Skilled", "a@example.com")
			a.members("Both", "b@example.com")
		}, "memberships may show late": func(t *testing.T) {
			a := with(t, "member_delay: 5s").demo()
			a.patch(a.group(design), op("add", "members", a.member(ben)), op("remove", "members", a.member(ada))).is(200)
			a.members(design, ada)
			a.get(a.user(ben)).lists([]string{a.id("Night Shift")}, "value", "groups")
			a.among(a.control("GET", "/groups", nil), "groups", "displayName", design).lists([]string{a.id(ben)}, "value", "members")
			a.advance(5 * time.Second)
			a.members(design, ben)
		}},
		26: {"members are left out on demand": func(t *testing.T) {
			a := with(t, "").demo()
			a.get(a.group(design)+"?excludedAttributes=members").is(200).has(nil, "members").has(design, "displayName")
			a.get("/groups?attributes=displayName").is(200).has(nil, "Resources", 0, "members").has(design, "Resources", 0, "displayName")
			a.get("/groups").is(200).lists([]string{a.id(ada)}, "value", "Resources", 0, "members")
		}},
	}
}

func versionRules() map[int]behavior {
	const ada, ben = "ada@example.com", "ben@example.com"
	return map[int]behavior{
		27: {"versions are integers, quoted in the header": func(t *testing.T) {
			a := with(t, "").demo()
			for _, path := range []string{a.user(ada), a.group("Tool Design")} {
				if r := a.get(path).has("1", "meta", "version"); r.header.Get("ETag") != `"1"` {
					t.Errorf("%s: ETag %q", path, r.header.Get("ETag"))
				}
			}
			if r := a.patch(a.user(ada), op("replace", "title", `"Chief"`)).has("2", "meta", "version"); r.header.Get("ETag") != `"2"` {
				t.Errorf("ETag %q after a change", r.header.Get("ETag"))
			}
			a.patch(a.user(ada), op("replace", "title", `"Chief"`)).has("2", "meta", "version")
		}},
		28: {"a stale If-Match is refused, for every write": func(t *testing.T) {
			a := with(t, "").demo()
			ada, g := a.user(ada), a.group("Tool Design")
			stale := a.having("If-Match", `"7"`)
			title := op("replace", "title", `"x"`)
			stale.patch(ada, title).scimError(400, "invalidVers").has("Version does not match current version.", "detail")
			stale.put(ada, `{}`).scimError(400, "invalidVers")
			stale.delete(ada).scimError(400, "invalidVers")
			stale.patch(g, op("remove", "members", "")).scimError(400, "invalidVers")
			stale.put(g, `{"displayName":"Tool Design"}`).scimError(400, "invalidVers")
			for _, bad := range []string{"1", `W/"1"`, `"01"`} {
				a.having("If-Match", bad).patch(ada, title).scimError(400, "invalidVers")
			}
			for _, good := range []string{`"1"`, "*", ""} {
				a.having("If-Match", good).patch(ada, op("replace", "title", `"`+strings.Trim(good, `"`)+` x"`)).is(200)
			}
			a.having("If-Match", `"8", "4"`).patch(ada, title).is(200)
		}},
		29: {"a current If-None-Match is 304 without body": func(t *testing.T) {
			a := with(t, "").demo()
			for _, path := range []string{a.user(ada), a.group("Tool Design"), "/serviceproviderconfig"} {
				if r := a.having("If-None-Match", `"1"`).get(path).is(304); len(r.body) > 0 {
					t.Errorf("%s: 304 with %s", path, r.body)
				}
				a.having("If-None-Match", `"0"`).get(path).is(200)
			}
		}, "secondary attributes do not advance the version": func(t *testing.T) {
			a := with(t, "").demo()
			secondary(a, "1")
		}},
	}
}

// secondary changes roles, skills, external ids and a membership of ben, after
// each of which his version must be the next of versions, or the last.
func secondary(a *actor, versions ...string) {
	a.Helper()
	ben := a.user("ben@example.com")
	for i, change := range []func(){
		func() { a.patch(ben, op("add", "roles", `[{"value":"Sales Agent"}]`)).is(200) },
		func() {
			a.patch(ben, op("add", genesys+":routingSkills", `[{"name":"Billing","proficiency":2}]`)).is(200)
		},
		func() {
			a.patch(ben, op("add", genesys+":routingLanguages", `[{"name":"English","proficiency":2}]`)).is(200)
		},
		func() { a.patch(ben, op("replace", "externalId", `"E22"`)).is(200) },
		func() { a.patch(a.group("Tool Design"), op("add", "members", a.member("ben@example.com"))).is(200) },
	} {
		change()
		a.get(ben).has(versions[min(i, len(versions)-1)], "meta", "version")
	}
}
