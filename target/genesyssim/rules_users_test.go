package genesyssim_test

import (
	"strings"
	"testing"
)

// created makes a user of the company's organization and answers its path.
func created(a *actor, more string) string {
	a.Helper()
	return "/users/" + a.post("/users", `{"userName":"new@example.com","displayName":"New"`+more+`}`).is(201).text("id")
}

func userRules() map[int]behavior {
	all := map[int]behavior{
		11: {"userName and displayName are required": func(t *testing.T) {
			a := with(t, "").demo()
			a.post("/users", `{"displayName":"New"}`).scimError(400, "invalidValue")
			a.post("/users", `{"userName":"new@example.com"}`).scimError(400, "invalidValue")
			a.post("/users", `{}`).scimError(400, "invalidValue")
			a.post("/users", `nonsense`).scimError(400, "invalidSyntax")
		}, "what is created shows id, meta and version": func(t *testing.T) {
			a := with(t, "").demo()
			r := a.post("/users", `{"userName":"new@example.com","displayName":"New","password":"s3cret!"}`).is(201).
				has("User", "meta", "resourceType").has("2026-11-23T12:00:00.000Z", "meta", "lastModified").has("1", "meta", "version").
				has("http://sim.example/api/v2/scim/v2/users/"+a.id("new@example.com"), "meta", "location").has(nil, "meta", "created").
				has(true, "active").has(nil, "password")
			if r.header.Get("ETag") != `"1"` || r.text("id") == "" {
				t.Errorf("created %s with ETag %q", r.body, r.header.Get("ETag"))
			}
			if strings.Contains(string(a.control("GET", "/users", nil).body), "s3cret") {
				t.Error("the password shows")
			}
		}},
		12: {"a userName in use conflicts in any case": func(t *testing.T) {
			a := with(t, "").demo()
			for _, name := range []string{"ada@example.com", "ADA@Example.com", "cleo@example.com"} {
				a.post("/users", `{"userName":"`+name+`","displayName":"X"}`).scimError(409, "uniqueness").
					has("User name already in use by non-deleted user.", "detail")
			}
			a.patch(a.user("ben@example.com"), op("replace", "userName", `"ada@example.com"`)).scimError(409, "uniqueness")
			a.patch(a.user("ben@example.com"), op("replace", "userName", `"BEN@example.com"`)).is(200).has("BEN@example.com", "userName")
		}},
		13: {"a deleted user's userName restores it": func(t *testing.T) {
			a := with(t, "").demo()
			id := a.id("dan@example.com")
			a.post("/users", `{"userName":"Dan@example.com","displayName":"Daniel"}`).is(201).has(id, "id").has("Daniel", "displayName").
				has("Clerk", "title").has(nil, "roles").has("Home", enterprise, "division").has(true, "active")
			a.truth("Dan@example.com").has("active", "state")
		}},
		14: {"a new user is an employee, a restored one is not": func(t *testing.T) {
			a := with(t, "").demo()
			a.get(created(a, "")).lists([]string{"employee"}, "value", "roles")
			a.post("/users", `{"userName":"dan@example.com","displayName":"Dan"}`).is(201).lists([]string{}, "value", "roles")
		}},
		15: {"deactivation takes direct roles, not those of groups": func(t *testing.T) {
			a := with(t, "").demo()
			ben := a.user("ben@example.com")
			a.patch(ben, op("add", "roles", `[{"value":"Sales Agent"}]`)).is(200).lists([]string{"Sales Agent", "Night Agent"}, "value", "roles")
			a.patch(ben, op("replace", "active", "false")).is(200).has(false, "active")
			a.patch(ben, op("replace", "active", "true")).is(200).lists([]string{"Night Agent"}, "value", "roles")
		}, "who is created inactive has none either": func(t *testing.T) {
			a := with(t, "").demo()
			a.get(created(a, `,"active":false,"roles":[{"value":"Sales Agent"}]`)).has(false, "active").has(nil, "roles")
		}, "roles of groups are neither taken nor given through the user": func(t *testing.T) {
			a := with(t, "").demo()
			ben := a.user("ben@example.com")
			a.patch(ben, op("remove", "roles", "")).is(200).lists([]string{"Night Agent"}, "value", "roles")
			a.patch(ben, op("add", "roles", `[{"value":"Night Agent"}]`)).is(200)
			a.patch(ben, op("replace", enterprise+":department", `"Sales"`)).is(200).lists([]string{}, "value", "roles")
		}},
		16: {"deletion is soft and takes roles, extensions, groups, division": func(t *testing.T) {
			a := with(t, "").demo()
			ben := a.user("ben@example.com")
			a.patch(a.group("Tool Design"), op("add", "members", `[{"value":"`+a.id("ben@example.com")+`"}]`)).is(200)
			a.patch(ben, op("add", "roles", `[{"value":"Sales Agent"}]`), op("add", "phoneNumbers", `[{"type":"work","value":"tel:+13175550100;ext=9"}]`)).is(200)
			if r := a.delete(ben).is(204); len(r.body) > 0 {
				t.Errorf("DELETE answers %s", r.body)
			}
			a.get(ben).platformError(404, "not.found")
			a.patch(ben, op("replace", "title", `"x"`)).is(404)
			a.put(ben, `{}`).is(404)
			a.delete(ben).is(404)
			a.filter("/users", `userName eq "ben@example.com"`).has(0, "totalResults")
			a.filter("/users", `active eq false`).lists([]string{"cleo@example.com"}, "userName", "Resources")
			a.truth("ben@example.com").has("deleted", "state").has(nil, "roles").has(nil, "groups").has("Home", enterprise, "division").
				lists([]string{"+13175550100"}, "value", "phoneNumbers")
			a.get(a.group("Tool Design")).lists([]string{a.id("ada@example.com")}, "value", "members")
		}},
		17: {"the e-mail of type other is the userName": func(t *testing.T) {
			a := with(t, "").demo()
			ada := a.user("ada@example.com")
			a.patch(ada, op("replace", "userName", `"ada@new.example"`)).is(200).has("ada@new.example", "emails", 0, "value").has("other", "emails", 0, "type")
			a.patch(ada, op("replace", `emails[type eq "other"].value`, `"ada@new.example"`)).is(200)
			a.patch(ada, op("replace", `emails[type eq "other"].value`, `"x@new.example"`)).scimError(400, "mutability")
			a.patch(ada, op("replace", "userName", `"ada@third.example"`), op("replace", `emails[type eq "other"].value`, `"ada@third.example"`)).is(200)
			a.patch(ada, op("remove", "emails", "")).is(200).has("ada@third.example", "emails", 0, "value")
			a.post("/users", `{"userName":"n@example.com","displayName":"N","emails":[{"type":"other","primary":true,"value":"n@example.com"}]}`).is(201)
			a.post("/users", `{"userName":"m@example.com","displayName":"M","emails":[{"type":"other","value":"n@example.com"}]}`).scimError(400, "mutability")
		}, "what Genesys writes is ignored in a body": func(t *testing.T) {
			a := with(t, "").demo()
			path := created(a, `,"id":"x","schemas":["y"],"meta":{"version":"77"},"groups":[{"value":"`+a.id("Tool Design")+`"}]`)
			a.get(path).is(200).has("1", "meta", "version").has(nil, "groups")
			a.put(path, `{"id":"x","meta":{"version":"9"},"groups":[],"displayName":"Newer"}`).is(200).has("2", "meta", "version")
			a.patch(path, op("replace", "", `{"id":"x","groups":[],"title":"T"}`)).is(200).has("T", "title")
		}},
		18: {"names must be in their catalogs": func(t *testing.T) {
			for path, c := range map[string]struct{ good, bad string }{
				"roles":                       {`[{"value":"sales agent"}]`, `[{"value":"Pilot"}]`},
				enterprise + ":division":      {`"emea"`, `"Moon"`},
				genesys + ":routingSkills":    {`[{"name":"Spanish","proficiency":0.5}]`, `[{"name":"spanish","proficiency":1}]`},
				genesys + ":routingLanguages": {`[{"name":"Deutsch","proficiency":5}]`, `[{"name":"deutsch","proficiency":1}]`},
			} {
				a := with(t, "").demo()
				a.patch(a.user("ben@example.com"), op("replace", path, c.good)).is(200)
				a.patch(a.user("ben@example.com"), op("replace", path, c.bad)).scimError(400, "invalidValue")
			}
			a := with(t, "").demo()
			a.patch(a.user("ben@example.com"), op("replace", enterprise+":division", `"emea"`)).has("EMEA", enterprise, "division")
		}, "proficiencies are from 0 to 5, lists of at most 50": func(t *testing.T) {
			a := with(t, "").demo()
			ben := a.user("ben@example.com")
			for level, status := range map[string]int{"0.0": 200, "5.0": 200, "2.25": 200, "5.1": 400, "-0.1": 400, `"3"`: 400} {
				a.patch(ben, op("replace", genesys+":routingSkills", `[{"name":"Billing","proficiency":`+level+`}]`)).is(status)
			}
			many := `[` + strings.Repeat(`{"name":"Billing","proficiency":1},`, 51) + `{"name":"Spanish"}]`
			a.post("/users", `{"userName":"n@example.com","displayName":"N","`+genesys+`":{"routingSkills":`+many+`}}`).scimError(400, "invalidValue")
		}},
		19: {"a manager is an existing user": func(t *testing.T) {
			a := with(t, "").demo()
			ada := a.user("ada@example.com")
			a.patch(ada, op("replace", enterprise+":manager", `{"value":"`+a.id("cleo@example.com")+`"}`)).is(200).
				has(a.id("cleo@example.com"), enterprise, "manager", "value")
			a.patch(ada, op("replace", enterprise+":manager.value", `"`+a.id("ben@example.com")+`"`)).is(200)
			for _, bad := range []string{a.id("dan@example.com"), "00000000-0000-4000-8000-000000000000", "nobody"} {
				a.patch(ada, op("replace", enterprise+":manager", `{"value":"`+bad+`"}`)).scimError(400, "invalidValue")
			}
			a.delete(a.user("ben@example.com")).is(204)
			a.get(ada).has(nil, enterprise, "manager")
		}},
		20: {"dates come back as dates": func(t *testing.T) {
			a := with(t, "").demo()
			path := created(a, `,"`+enterprise+`":{"dateHire":"2024-12-01T10:30:00.000Z"}`)
			a.get(path).has("2024-12-01", enterprise, "dateHire")
			a.patch(path, op("replace", enterprise+":dateHire", `"2025-01-02"`)).is(200).has("2025-01-02", enterprise, "dateHire")
			a.patch(path, op("replace", enterprise+":dateHire", `"yesterday"`)).scimError(400, "invalidValue")
		}, "phones come back in one form": func(t *testing.T) {
			for sent, want := range map[string]string{
				"+13175550100": "+13175550100", "tel:+13175550100": "+13175550100", "+1 (317) 555-0100": "+13175550100",
				"tel:+13175550100; ext=12345": "tel:+13175550100; ext=12345", "tel:+13175550100;ext=7": "tel:+13175550100; ext=7",
			} {
				a := with(t, "").demo()
				a.get(created(a, `,"phoneNumbers":[{"type":"mobile","value":"`+sent+`"}]`)).has(want, "phoneNumbers", 0, "value")
			}
			a := with(t, "").demo()
			for _, bad := range []string{`{"type":"work","value":"555-0100"}`, `{"type":"fax","value":"+13175550100"}`, `{"type":"work","value":"+13175550100;isub=1"}`} {
				a.post("/users", `{"userName":"n@example.com","displayName":"N","phoneNumbers":[`+bad+`]}`).scimError(400, "invalidValue")
			}
		}},
	}
	all[21] = externalIDRules()
	all[22] = behavior{"unknown attributes are ignored": func(t *testing.T) {
		a := with(t, "").demo()
		path := created(a, `,"nickName":"N","name":{"givenName":"N"},"`+enterprise+`":{"costCenter":"1"}`)
		a.get(path).is(200).has(nil, "nickName").has(nil, "name").has(nil, enterprise, "costCenter")
		a.patch(path, op("replace", "", `{"nickName":"N","title":"T"}`)).is(200).has("T", "title").has(nil, "nickName")
		a.patch(path, op("add", "roles", `[{"value":"Sales Agent","display":"x","color":"red"}]`)).is(200)
	}}
	return all
}

func externalIDRules() behavior {
	return behavior{"each client has its own externalId": func(t *testing.T) {
		s := with(t, "")
		demo, other, ada := s.as("demo"), s.as("other"), s.user("ada@example.com")
		demo.get(ada).has("E1", "externalId").lists([]string{"x-pc:scimv2:v1:demo"}, "authority", genesys, "externalIds")
		other.get(ada).has(nil, "externalId").lists([]string{"E1"}, "value", genesys, "externalIds")
		other.filter("/users", `externalId eq "E1"`).has(0, "totalResults")
		other.patch(ada, op("replace", "externalId", `"E2"`)).is(200).has("E2", "externalId")
		demo.get(ada).has("E1", "externalId").lists([]string{"E1", "E2"}, "value", genesys, "externalIds")
		other.filter("/users", `externalId eq "E2"`).lists([]string{"ada@example.com"}, "userName", "Resources")
	}, "it is unique and case-sensitive": func(t *testing.T) {
		a := with(t, "").demo()
		a.patch(a.user("ada@example.com"), op("replace", "externalId", `"E2"`)).scimError(409, "uniqueness")
		a.patch(a.user("ada@example.com"), op("replace", "externalId", `"e2"`)).is(200).has("e2", "externalId")
		a.post("/users", `{"userName":"n@example.com","displayName":"N","externalId":"E2"}`).scimError(409, "uniqueness")
		a.post("/users", `{"userName":"n@example.com","displayName":"N","externalId":"E4"}`).is(201)
	}, "the entry that Genesys made is immutable": func(t *testing.T) {
		a := with(t, "").demo()
		ada := a.user("ada@example.com")
		list := genesys + ":externalIds"
		a.patch(ada, op("replace", list+`[authority eq "x-pc:scimv2:v1:demo"].value`, `"E9"`)).scimError(400, "mutability")
		a.patch(ada, op("remove", list+`[authority eq "x-pc:scimv2:v1:demo"]`, "")).scimError(400, "mutability")
		a.patch(ada, op("replace", list, `[{"authority":"hr","value":"1"}]`)).scimError(400, "mutability")
		a.patch(ada, op("add", list, `[{"authority":"x-pc:scimv2:v1:forged","value":"1"}]`)).scimError(400, "mutability")
		a.patch(ada, op("remove", "externalId", "")).is(200).has(nil, "externalId").has(nil, genesys, "externalIds")
	}, "other authorities are written freely, and found": func(t *testing.T) {
		a := with(t, "").demo()
		ada := a.user("ada@example.com")
		list := genesys + ":externalIds"
		a.patch(ada, op("add", list, `[{"authority":"https://hr.example/","value":"A 1"}]`)).is(200)
		a.patch(ada, op("replace", list+`[authority eq "microsoftteams"].value`, `"x"`)).is(200).
			lists([]string{"E1", "A 1", "x"}, "value", genesys, "externalIds")
		a.filter("/users", list+`[authority eq "https://hr.example/" and value eq "A 1"]`).lists([]string{"ada@example.com"}, "userName", "Resources")
		a.patch(a.user("ben@example.com"), op("add", list, `[{"authority":"microsoftteams","value":"x"}]`)).scimError(409, "uniqueness")
		a.patch(a.user("ben@example.com"), op("add", list, `[{"authority":"microsoftteams"}]`)).is(400)
		a.patch(ada, op("remove", list+`[authority eq "microsoftteams"]`, "")).is(200).lists([]string{"E1", "A 1"}, "value", genesys, "externalIds")
	}}
}
