package genesyssim_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// switchValues prove every value of every switch, by "name=value".
func switchValues() behavior {
	all := behavior{}
	for _, part := range []behavior{oauthSwitches(), userSwitches(), writeSwitches(), groupSwitches(), versionSwitches(), listSwitches(), patchSwitches()} {
		for name, prove := range part {
			all[name] = prove
		}
	}
	return all
}

func oauthSwitches() behavior {
	lifetime := func(seconds int) func(*testing.T) {
		return func(t *testing.T) {
			s := with(t, fmt.Sprintf("token_seconds: %d", seconds))
			s.login("demo", "demo-secret").has(seconds, "expires_in")
			a := s.demo()
			a.advance(time.Duration(seconds) * time.Second)
			a.get("/users").is(401)
		}
	}
	expired := func(code string) func(*testing.T) {
		return func(t *testing.T) {
			a := with(t, "expired_code: "+code).demo()
			a.advance(24 * time.Hour)
			a.get("/users").platformError(401, code)
		}
	}
	return behavior{
		"token_seconds=86400": lifetime(86400),
		"token_seconds=300":   lifetime(300),
		"idle_expiry=off": func(t *testing.T) {
			a := with(t, "idle_expiry: off").demo()
			a.advance(23 * time.Hour)
			a.get("/users").is(200)
		},
		"idle_expiry=15m": func(t *testing.T) {
			a := with(t, "idle_expiry: 15m").demo()
			a.advance(14 * time.Minute)
			a.get("/users").is(200)
			a.advance(14 * time.Minute)
			a.get("/users").is(200)
			a.advance(15 * time.Minute)
			a.get("/users").is(401)
		},
		"expired_code=credentials.expired": expired("credentials.expired"),
		"expired_code=bad.credentials":     expired("bad.credentials"),
		"rate=300": func(t *testing.T) {
			a := with(t, "rate: 300").demo()
			for range 300 {
				a.get("/users?count=0").is(200)
			}
			a.get("/users?count=0").is(429)
		},
		"rate=off": func(t *testing.T) {
			a := with(t, "rate: off").demo()
			for n := range 400 {
				rate(t, a.get("/users?count=0").is(200), strconv.Itoa(1+n), "1000000", "60")
			}
		},
		"rate_by=token": func(t *testing.T) {
			s := with(t, "rate: 1, rate_by: token")
			first, second := s.demo(), s.demo()
			first.get("/users").is(200)
			second.get("/users").is(200)
			second.get("/users").is(429)
		},
		"rate_by=client": func(t *testing.T) {
			s := with(t, "rate: 1, rate_by: client")
			first, second, other := s.demo(), s.demo(), s.as("other")
			first.get("/users").is(200)
			second.get("/users").is(429)
			other.get("/users").is(200)
		},
		"tokens=opaque": func(t *testing.T) {
			if r := with(t, "tokens: opaque").login("demo", "demo-secret"); strings.Contains(r.text("access_token"), ".") || r.at("scope") != nil {
				t.Errorf("token response = %s", r.body)
			}
		},
		"tokens=jwt": func(t *testing.T) {
			s := with(t, "tokens: jwt, token_seconds: 600")
			r := s.send("POST", "/oauth/token", "grant_type=client_credentials&scope=scim+users", http.Header{
				"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {basic("demo", "demo-secret")},
			}).is(200).has("scim users", "scope").has(600, "expires_in")
			parts := strings.Split(r.text("access_token"), ".")
			claims, err := base64.RawURLEncoding.DecodeString(parts[1])
			var body struct{ Exp int64 }
			if err != nil || len(parts) != 3 || json.Unmarshal(claims, &body) != nil || body.Exp != noon.Add(10*time.Minute).Unix() {
				t.Errorf("claims = %s", claims)
			}
			s.demo().get("/users").is(200)
		},
	}
}

func userSwitches() behavior {
	again := func(a *actor) result {
		return a.post("/users", `{"userName":"dan@example.com","displayName":"Dan"}`)
	}
	newRoles := func(value string, given string, want ...string) func(*testing.T) {
		return func(t *testing.T) {
			a := with(t, "default_role: "+value).demo()
			a.get(created(a, given)).lists(want, "value", "roles")
		}
	}
	const sales = `,"roles":[{"value":"Sales Agent"}]`
	strip := func(value string, want ...string) func(*testing.T) {
		return func(t *testing.T) {
			a := with(t, "strip_roles: "+value).demo()
			ada := a.user("ada@example.com")
			a.patch(ada, op("replace", "active", "false")).is(200).lists(want, "value", "roles")
			a.patch(ada, op("replace", "active", "true")).is(200).lists(want, "value", "roles")
		}
	}
	return behavior{
		"deleted_username=restore": func(t *testing.T) {
			a := with(t, "deleted_username: restore").demo()
			again(a).is(201).has(a.id("dan@example.com"), "id")
		},
		"deleted_username=new": func(t *testing.T) {
			a := with(t, "deleted_username: new").demo()
			old := a.id("dan@example.com")
			if r := again(a).is(201); r.text("id") == old || r.text("title") != "" {
				t.Errorf("created %s, want a new id", r.body)
			}
			a.get("/api/v2/users/"+old+"?state=deleted").is(200).has("deleted", "state")
		},
		"deleted_username=conflict": func(t *testing.T) {
			again(with(t, "deleted_username: conflict").demo()).scimError(409, "uniqueness")
		},
		"default_role=always": newRoles("always", sales, "employee", "Sales Agent"),
		"default_role=unless_given": func(t *testing.T) {
			newRoles("unless_given", sales, "Sales Agent")(t)
			newRoles("unless_given", "", "employee")(t)
		},
		"strip_roles=true":  strip("true"),
		"strip_roles=false": strip("false", "employee", "Sales Agent"),
		"mirror_email=reject": func(t *testing.T) {
			a := with(t, "mirror_email: reject").demo()
			a.patch(a.user("ada@example.com"), op("replace", `emails[type eq "other"].value`, `"x@example.com"`)).scimError(400, "mutability")
		},
		"mirror_email=ignore": func(t *testing.T) {
			a := with(t, "mirror_email: ignore").demo()
			a.patch(a.user("ada@example.com"), op("replace", `emails[type eq "other"].value`, `"x@example.com"`)).is(200).
				has("ada@example.com", "emails", 0, "value").has("1", "meta", "version")
		},
	}
}

func writeSwitches() behavior {
	names := []string{
		op("add", "roles", `[{"value":"Pilot"}]`), op("replace", enterprise+":division", `"Moon"`),
		op("add", genesys+":routingSkills", `[{"name":"Flying","proficiency":1}]`), op("add", genesys+":routingLanguages", `[{"name":"Latin","proficiency":1}]`),
	}
	phones := func(form, plain string) func(*testing.T) {
		return func(t *testing.T) {
			a := with(t, "phone_form: "+form).demo()
			path := created(a, `,"phoneNumbers":[{"type":"work","value":"tel:+13175550100"},{"type":"home","value":"+13175550101"},{"type":"mobile","value":"+13175550102;ext=5"}]`)
			a.get(path).lists([]string{plain + "+13175550100", plain + "+13175550101", "tel:+13175550102; ext=5"}, "value", "phoneNumbers")
		}
	}
	return behavior{
		"unknown_name=reject": func(t *testing.T) {
			for _, o := range names {
				a := with(t, "unknown_name: reject").demo()
				a.patch(a.user("ben@example.com"), o).scimError(400, "invalidValue")
			}
		},
		"unknown_name=ignore": func(t *testing.T) {
			a := with(t, "unknown_name: ignore").demo()
			a.patch(a.user("ben@example.com"), names...).is(200).has("EMEA", enterprise, "division").
				lists([]string{"Night Agent"}, "value", "roles").has(nil, genesys, "routingSkills").has("1", "meta", "version")
		},
		"phone_form=e164": phones("e164", ""),
		"phone_form=tel":  phones("tel", "tel:"),
		"external_id=client": func(t *testing.T) {
			s := with(t, "external_id: client")
			s.as("demo").get(s.user("ada@example.com")).has("E1", "externalId").has("x-pc:scimv2:v1:demo", genesys, "externalIds", 0, "authority")
			s.as("other").get(s.user("ada@example.com")).has(nil, "externalId")
		},
		"external_id=org": func(t *testing.T) {
			s := with(t, "external_id: org")
			for _, client := range []string{"demo", "other"} {
				s.as(client).get(s.user("ada@example.com")).has("E1", "externalId").has("x-pc:scimv2:v1", genesys, "externalIds", 0, "authority")
			}
		},
		"unknown_attribute=ignore": func(t *testing.T) {
			a := with(t, "unknown_attribute: ignore").demo()
			a.patch(created(a, `,"nickName":"N"`), op("replace", "", `{"nickName":"N","title":"T"}`)).is(200).has("T", "title")
		},
		"unknown_attribute=reject": func(t *testing.T) {
			a := with(t, "unknown_attribute: reject").demo()
			a.post("/users", `{"userName":"n@example.com","displayName":"N","nickName":"N"}`).scimError(400, "invalidSyntax")
			a.put(a.user("ada@example.com"), `{"name":{"givenName":"A"}}`).scimError(400, "invalidSyntax")
			a.patch(a.user("ada@example.com"), op("replace", "", `{"nickName":"N"}`)).scimError(400, "invalidSyntax")
			a.patch(a.user("ada@example.com"), op("add", "roles", `[{"value":"employee","display":"x"}]`)).is(200)
		},
	}
}

func groupSwitches() behavior {
	const design, ada, cleo = "Tool Design", "ada@example.com", "cleo@example.com"
	write := func(status int) func(*testing.T) {
		return func(t *testing.T) {
			a := with(t, fmt.Sprintf("group_write: %d", status)).demo()
			a.post("/groups", `{"displayName":"New"}`).is(status).has(status, "status")
			a.delete(a.group(design)).is(status)
		}
	}
	inactive := func(value string, want ...string) func(*testing.T) {
		return func(t *testing.T) {
			a := with(t, "inactive_members: "+value).demo()
			a.patch(a.user(ada), op("replace", "active", "false")).is(200)
			a.members(design, want...)
			a.patch(a.user(ada), op("replace", "active", "true")).is(200)
			a.members(design, want...)
		}
	}
	crowded := func(value string, named, status int) func(*testing.T) {
		return func(t *testing.T) {
			a := crowd(t, 60, ", members_limit: "+value)
			var list []string
			for _, id := range a.control("GET", "/users", nil).each("id", "users")[:named] {
				list = append(list, `{"value":"`+id+`"}`)
			}
			a.patch(a.group("All"), op("add", "members", "["+strings.Join(list, ",")+"]")).is(status)
		}
	}
	return behavior{
		"group_write=405": write(405),
		"group_write=404": write(404),
		"unknown_member=reject": func(t *testing.T) {
			a := with(t, "unknown_member: reject").demo()
			a.patch(a.group(design), op("add", "members", a.member("dan@example.com"))).scimError(400, "invalidValue")
		},
		"unknown_member=ignore": func(t *testing.T) {
			a := with(t, "unknown_member: ignore").demo()
			a.patch(a.group(design), op("add", "members", `[{"value":"`+a.id("dan@example.com")+`"},{"value":"x"},{"value":"`+a.id(cleo)+`"}]`)).is(200)
			a.members(design, ada, cleo)
		},
		"inactive_members=kept":    inactive("kept", ada),
		"inactive_members=dropped": inactive("dropped"),
		"members_limit=50": func(t *testing.T) {
			crowded("50", 50, 200)(t)
			crowded("50", 51, 400)(t)
		},
		"members_limit=off": crowded("off", 60, 200),
		"member_delay=0s": func(t *testing.T) {
			a := with(t, "member_delay: 0s").demo()
			a.patch(a.group(design), op("add", "members", a.member(cleo))).is(200).lists([]string{a.id(ada), a.id(cleo)}, "value", "members")
		},
		"member_delay=5s": func(t *testing.T) {
			a := with(t, "member_delay: 5s").demo()
			a.patch(a.group(design), op("add", "members", a.member(cleo))).is(200).lists([]string{a.id(ada)}, "value", "members")
			a.patch(a.group(design), op("remove", "members", a.member(cleo))).is(200)
			a.advance(5 * time.Second)
			a.members(design, ada)
			a.patch(a.group(design), op("add", "members", a.member(cleo))).is(200)
			a.advance(4 * time.Second)
			a.members(design, ada)
			a.advance(time.Second)
			a.members(design, ada, cleo)
		},
	}
}

func versionSwitches() behavior {
	form := func(value, want string) func(*testing.T) {
		return func(t *testing.T) {
			a := with(t, "version_form: "+value).demo()
			r := a.get(a.user("ada@example.com")).has(want, "meta", "version")
			a.get(a.group("Tool Design")).has(want, "meta", "version")
			if r.header.Get("ETag") != `"1"` {
				t.Errorf("ETag = %q", r.header.Get("ETag"))
			}
		}
	}
	stale := func(status int) scene {
		return func(t *testing.T) (*actor, result) {
			a := with(t, fmt.Sprintf("stale: %d", status)).demo()
			return a, a.having("If-Match", `"9"`).patch(a.user("ada@example.com"), op("replace", "title", `"x"`)).is(status)
		}
	}
	return behavior{
		"version_form=plain":  form("plain", "1"),
		"version_form=quoted": form("quoted", `"1"`),
		"stale=400": func(t *testing.T) {
			_, r := stale(400)(t)
			r.scimError(400, "invalidVers")
		},
		"stale=409": func(t *testing.T) {
			a, r := stale(409)(t)
			r.scimError(409, "invalidVers")
			a.having("If-Match", "*").patch(a.user("ada@example.com"), op("replace", "title", `"x"`)).is(200)
		},
		"stale=412": func(t *testing.T) {
			_, r := stale(412)(t)
			r.platformError(412, "precondition.failed")
		},
		"bump_on_secondary=false": func(t *testing.T) { secondary(with(t, "bump_on_secondary: false").demo(), "1") },
		"bump_on_secondary=true": func(t *testing.T) {
			secondary(with(t, "bump_on_secondary: true").demo(), "2", "3", "4", "5", "6")
		},
		"second_bump=0s": func(t *testing.T) {
			a := with(t, "second_bump: 0s").demo()
			path := created(a, "")
			a.advance(time.Hour)
			a.get(path).has("1", "meta", "version")
		},
		"second_bump=2s": func(t *testing.T) {
			a := with(t, "second_bump: 2s").demo()
			path := created(a, "")
			a.advance(time.Second)
			a.get(path).has("1", "meta", "version")
			a.advance(time.Second)
			a.get(path).has("2", "meta", "version")
			a.advance(time.Hour)
			a.get(path).has("2", "meta", "version")
		},
	}
}

// A scene sets itself and answers the request that matters in it.
type scene func(*testing.T) (*actor, result)

func listSwitches() behavior {
	keys := func(value string, want ...string) func(*testing.T) {
		return func(t *testing.T) {
			a := with(t, "key_filter_inactive: "+value).demo()
			for _, filter := range []string{`userName eq "cleo@example.com"`, `id eq "` + a.id("cleo@example.com") + `"`, `email eq cleo@example.com`, `externalId eq "E3"`} {
				a.filter("/users", filter).is(200).lists(want, "userName", "Resources")
			}
		}
	}
	return behavior{
		"page_max=500": func(t *testing.T) {
			a := crowd(t, 501, ", page_max: 500")
			a.get("/users?count=1000").has(500, "itemsPerPage").has(501, "totalResults")
		},
		"page_max=10": func(t *testing.T) {
			a := crowd(t, 30, ", page_max: 10")
			a.get("/users?count=1000").has(10, "itemsPerPage").has(30, "totalResults")
			a.get("/users").has(10, "itemsPerPage")
			a.get("/serviceproviderconfig").has(10, "filter", "maxResults")
		},
		"heavy_page=0": func(t *testing.T) { crowd(t, 60, ", heavy_page: 0").get("/users?count=60").is(200) },
		"heavy_page=1": func(t *testing.T) {
			a := crowd(t, 60, ", heavy_page: 1")
			a.get("/users?count=60").is(429)
			a.get("/users?count=25").is(200)
		},
		"key_filter_inactive=true":  keys("true", "cleo@example.com"),
		"key_filter_inactive=false": keys("false"),
		"groups_need_filter=false": func(t *testing.T) {
			a := with(t, "groups_need_filter: false").demo()
			a.get("/groups").is(200)
			a.get("/api/v2/scim/groups").is(200)
		},
		"groups_need_filter=true": func(t *testing.T) {
			a := with(t, "groups_need_filter: true").demo()
			a.get("/groups").platformError(400, "invalid.query.param.value")
			a.get("/api/v2/scim/groups").is(200)
			a.filter("/groups", "displayName eq Night Shift").is(200)
		},
		"list_order=stable": func(t *testing.T) {
			a := crowd(t, 40, ", list_order: stable")
			if first, again := pages(a, 10), pages(a, 10); !slices.Equal(first, again) {
				t.Errorf("%v, then %v", first, again)
			}
		},
		"list_order=shuffle": func(t *testing.T) {
			a := crowd(t, 400, ", list_order: shuffle")
			first, again := pages(a, 10), pages(a, 10)
			if slices.Equal(first, again) {
				t.Error("two listings have one order")
			}
			slices.Sort(first)
			if distinct := len(slices.Compact(first)); distinct == 400 || distinct < 380 {
				t.Errorf("%d of 400 users are in 40 pages, want nearly all", distinct)
			}
		},
	}
}

func patchSwitches() behavior {
	const ada = "ada@example.com"
	upper := op("Replace", "title", `"New"`)
	return behavior{
		"strict_op=false": func(t *testing.T) {
			a := with(t, "strict_op: false").demo()
			a.patch(a.user(ada), upper).is(200)
			a.rawPatch(a.user(ada), `{"schemas":["urn:x"],"Operations":[`+upper+`]}`).is(200)
		},
		"strict_op=true": func(t *testing.T) {
			a := with(t, "strict_op: true").demo()
			a.patch(a.user(ada), upper).scimError(400, "invalidSyntax")
			a.rawPatch(a.user(ada), `{"Operations":[`+strings.ToLower(upper)+`]}`).scimError(400, "invalidSyntax")
			a.patch(a.user(ada), strings.ToLower(upper)).is(200)
		},
		"atomic=true": func(t *testing.T) {
			a := with(t, "atomic: true").demo()
			a.patch(a.user(ada), op("replace", "title", `"New"`), op("add", "roles", `[{"value":"Pilot"}]`)).is(400)
			a.get(a.user(ada)).has("Head", "title")
		},
		"atomic=false": func(t *testing.T) {
			a := with(t, "atomic: false").demo()
			a.patch(a.user(ada), op("replace", "title", `"New"`), op("add", "roles", `[{"value":"Pilot"}]`), op("replace", "displayName", `"X"`)).is(400)
			a.get(a.user(ada)).has("New", "title").has("Ada Byron", "displayName")
			a.patch(a.group("Tool Design"), op("remove", "members", ""), op("add", "members", `[{"value":"nobody"}]`)).is(400)
			a.members("Tool Design")
		},
		"missing_element=create": func(t *testing.T) {
			a := with(t, "missing_element: create").demo()
			a.patch(a.user(ada), op("replace", `emails[type eq "work"].value`, `"w@example.com"`)).is(200).
				lists([]string{"ada@example.com", "w@example.com"}, "value", "emails")
		},
		"missing_element=noTarget": func(t *testing.T) {
			a := with(t, "missing_element: noTarget").demo()
			a.patch(a.user(ada), op("replace", `emails[type eq "work"].value`, `"w@example.com"`)).scimError(400, "noTarget")
		},
		"empty_value=keep": func(t *testing.T) {
			a := with(t, "empty_value: keep").demo()
			a.patch(a.user(ada), op("replace", "title", `""`), op("replace", enterprise+":department", `null`)).is(200).
				has("Head", "title").has("Sales", enterprise, "department").has("1", "meta", "version")
		},
		"removed_value=clear": func(t *testing.T) {
			a := with(t, "removed_value: clear").demo()
			a.patch(a.user(ada), op("remove", "title", "")).is(200).has(nil, "title")
		},
		"removed_value=keep": func(t *testing.T) {
			a := with(t, "removed_value: keep").demo()
			a.patch(a.user(ada), op("remove", "title", ""), op("remove", enterprise+":department", "")).is(200).
				has("Head", "title").has("Sales", enterprise, "department").has("1", "meta", "version")
		},
		"empty_value=clear": func(t *testing.T) {
			a := with(t, "empty_value: clear").demo()
			a.patch(a.user(ada), op("replace", "title", `""`), op("replace", enterprise+":department", `null`)).is(200).
				has(nil, "title").has(nil, enterprise, "department")
		},
	}
}
