package genesyssim_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// pages are the userNames of all pages of count rows.
func pages(a *actor, count int) []string {
	a.Helper()
	var all []string
	for start := 1; ; start += count {
		r := a.get(fmt.Sprintf("/users?startIndex=%d&count=%d&attributes=id", start, count)).is(200)
		all = append(all, r.each("userName", "Resources")...)
		if len(r.list("Resources")) < count {
			return all
		}
	}
}

func listRules() map[int]behavior {
	const ada, ben, cleo = "ada@example.com", "ben@example.com", "cleo@example.com"
	return map[int]behavior{
		30: {"without a filter the active users, 25 a page": func(t *testing.T) {
			with(t, "").demo().get("/users").is(200).lists([]string{ada, ben}, "userName", "Resources")
			a := crowd(t, 60, "")
			a.get("/users").has(60, "totalResults").has(25, "itemsPerPage").has(1, "startIndex")
			a.get("/users?startIndex=51&count=25").has(10, "itemsPerPage").has(51, "startIndex").has("u50@example.com", "Resources", 0, "userName")
			a.get("/users?count=0").has(60, "totalResults").has(0, "itemsPerPage").has([]any{}, "Resources")
			a.get("/users?startIndex=0&count=1").has("u0@example.com", "Resources", 0, "userName")
			a.get("/users?startIndex=-3&count=1").has(1, "startIndex")
			a.get("/users?startIndex=100").has([]any{}, "Resources").has(60, "totalResults")
			a.get("/users?count=many").platformError(400, "invalid.query.param.value")
		}, "active eq false lists the inactive, nothing the deleted": func(t *testing.T) {
			a := with(t, "").demo()
			a.filter("/users", "active eq false").lists([]string{cleo}, "userName", "Resources")
			a.filter("/users", "active eq true").lists([]string{ada, ben}, "userName", "Resources")
			a.filter("/users", `userName eq "dan@example.com"`).has(0, "totalResults")
		}},
		31: {"a heavy page is refused, a lean one is not": func(t *testing.T) {
			a := crowd(t, 60, ", heavy_page: 1")
			for _, heavy := range []string{
				"count=26", "count=60&attributes=roles", "count=60&excludedAttributes=externalId,roles",
			} {
				r := a.get("/users?"+heavy).platformError(429, "too.many.requests.retry.after")
				if r.header.Get("Retry-After") == "" {
					t.Errorf("%s: no Retry-After", heavy)
				}
			}
			lean := url.Values{"count": {"60"}, "excludedAttributes": {"externalId", "roles", genesys + ":routingSkills", genesys + ":routingLanguages"}}
			for _, fine := range []string{"count=25", "count=60&attributes=id,active", lean.Encode()} {
				a.get("/users?" + fine).is(200)
			}
		}},
		32: {"users are found by eq on the documented names": func(t *testing.T) {
			a := with(t, "").demo()
			for filter, want := range map[string][]string{
				`id eq "` + a.id(ada) + `"`:        {ada},
				`id eq ` + a.id(cleo):              {cleo},
				`userName eq "ADA@example.com"`:    {ada},
				`USERNAME eq ada@example.com`:      {ada},
				`email eq "ben@work.example"`:      {ben},
				`email eq ben@example.com`:         {ben},
				`externalId eq "E3"`:               {cleo},
				`externalId eq "e3"`:               {},
				`employeeNumber eq "1001"`:         {ada},
				`division eq EMEA`:                 {ben},
				`division eq "Home"`:               {ada},
				`manager eq "` + a.id(ada) + `"`:   {ben},
				enterprise + `:division eq "EMEA"`: {ben},
				`active eq False`:                  {cleo},
				genesys + `:externalIds[authority eq "x-pc:scimv2:v1:demo" and value eq "E1"]`: {ada},
			} {
				a.filter("/users", filter).is(200).lists(want, "userName", "Resources")
			}
		}, "everything else is no filter": func(t *testing.T) {
			a := with(t, "").demo()
			for _, bad := range []string{
				`title eq "Head"`, `userName sw "a"`, `userName eq "a" or userName eq "b"`, `userName eq "a" and active eq true`,
				`active eq maybe`, `userName`, `eq`, `not (active eq true)`, `externalIds[authority eq "x"]`,
			} {
				a.filter("/users", bad).scimError(400, "invalidFilter")
			}
			a.filter("/groups", `members eq "x"`).scimError(400, "invalidFilter")
		}, "groups are found by id and name": func(t *testing.T) {
			a := with(t, "").demo()
			for _, filter := range []string{`displayname eq Night Shift`, `displayName eq "night shift"`, `id eq "` + a.id("Night Shift") + `"`} {
				a.filter("/groups", filter).is(200).lists([]string{"Night Shift"}, "displayName", "Resources")
			}
			a.get("/groups").has(2, "totalResults")
			a.filter("/schemas", `id eq "x"`).platformError(403, "not.authorized")
		}},
		33: {"attributes repeat, or stand with commas": func(t *testing.T) {
			a := with(t, "").demo()
			for _, query := range []string{"attributes=title&attributes=roles", "attributes=title,roles", "attributes=TITLE%2C%20Roles"} {
				a.get("/users?"+query).is(200).has("Head", "Resources", 0, "title").has("employee", "Resources", 0, "roles", 0, "value").
					has(nil, "Resources", 0, "displayName").has(nil, "Resources", 0, enterprise).
					has(ada, "Resources", 0, "userName").has(true, "Resources", 0, "active").has("1", "Resources", 0, "meta", "version")
			}
			a.get("/users?attributes=meta.version,"+enterprise+":division").has("Home", "Resources", 0, enterprise, "division").
				has(nil, "Resources", 0, enterprise, "department")
			a.get("/users?excludedAttributes="+genesys+",userName").has(nil, "Resources", 0, genesys).has(ada, "Resources", 0, "userName")
			for _, bad := range []string{"attributes=password", "excludedAttributes=nickName", "attributes=name.givenName"} {
				a.get("/users?"+bad).platformError(400, "invalid.query.param.value")
				a.get(a.user(ada)+"?"+bad).platformError(400, "invalid.query.param.value")
			}
			a.get("/groups?attributes=title").is(400)
		}, "the order stays": func(t *testing.T) {
			a := crowd(t, 40, "")
			if first, again := pages(a, 7), pages(a, 7); !slices.Equal(first, again) || len(first) != 40 {
				t.Errorf("first %v, then %v", first, again)
			}
		}},
	}
}

func patchRules() map[int]behavior {
	const ada = "ada@example.com"
	return map[int]behavior{
		34: {"operations in any case; faults by kind": func(t *testing.T) {
			a := with(t, "").demo()
			path := a.user(ada)
			a.patch(path, op("Replace", "title", `"A"`), op("ADD", "Title", `"B"`)).is(200).has("B", "title")
			a.patch(path, op("remove", "", "")).scimError(400, "noTarget")
			a.patch(path, op("replace", "nickName", `"x"`)).scimError(400, "invalidPath")
			a.patch(path, op("replace", "emails[type eq", `"x"`)).is(400)
			a.patch(path, op("move", "title", `"x"`)).scimError(400, "invalidSyntax")
			a.patch(path, op("replace", "groups", `[]`)).scimError(400, "mutability")
			a.patch(path, op("replace", "active", `"maybe"`)).scimError(400, "invalidValue")
			a.rawPatch(path, `{`).scimError(400, "invalidSyntax")
			a.rawPatch(path, `{"schemas":["`+patchOp+`"]}`).scimError(400, "invalidSyntax")
			a.patch("/users/"+a.id("Tool Design"), op("replace", "title", `"x"`)).platformError(404, "not.found")
		}, "all operations or none": func(t *testing.T) {
			a := with(t, "").demo()
			path := a.user(ada)
			a.patch(path, op("replace", "title", `"New"`), op("replace", "nickName", `"x"`)).is(400)
			a.patch(path, op("replace", "title", `"New"`), op("add", "roles", `[{"value":"Pilot"}]`)).is(400)
			a.get(path).has("Head", "title").has("1", "meta", "version")
			g := a.group("Tool Design")
			a.patch(g, op("remove", "members", ""), op("add", "members", `[{"value":"nobody"}]`)).is(400)
			a.members("Tool Design", ada)
		}},
		35: {"a missing element is made, an empty value keeps": func(t *testing.T) {
			a := with(t, "").demo()
			path := a.user(ada)
			a.patch(path, op("replace", `phoneNumbers[type eq "mobile"].value`, `"+13175550199"`)).is(200).
				lists([]string{"work", "mobile"}, "type", "phoneNumbers")
			a.patch(path, op("replace", "title", `""`)).is(200).has("Head", "title")
			a.patch(path, op("add", "title", `null`)).is(200).has("Head", "title")
			a.patch(path, op("remove", "title", "")).is(200).has(nil, "title")
			a.patch(path, op("remove", `phoneNumbers[type eq "mobile"]`, "")).is(200).lists([]string{"work"}, "type", "phoneNumbers")
		}, "PUT clears what it leaves out, but for the name and the state": func(t *testing.T) {
			a := with(t, "").demo()
			a.put(a.user(ada), `{"title":"Only"}`).is(200).has("Only", "title").has(ada, "userName").has("Ada Byron", "displayName").
				has(true, "active").has(nil, "phoneNumbers").has(nil, "roles").has(nil, enterprise, "department").has(nil, genesys, "routingSkills")
		}},
		36: {"SCIM errors have string statuses, others numbers": func(t *testing.T) {
			a := with(t, "").demo()
			a.post("/users", `{"userName":"`+ada+`","displayName":"X"}`).scimError(409, "uniqueness")
			a.patch(a.user(ada), op("replace", "nickName", `1`)).scimError(400, "invalidPath")
			a.filter("/users", "x").scimError(400, "invalidFilter")
			a.get("/users/x").platformError(404, "not.found")
			a.do("PUT", "/users", "{}").platformError(405, "method.not.allowed")
		}},
	}
}

func discoveryRules() map[int]behavior {
	return map[int]behavior{
		37: {"discovery needs no permission and says what is": func(t *testing.T) {
			a := limited(t, "x:y:z")
			a.get("/ServiceProviderConfig").is(200).has(true, "patch", "supported").has(true, "filter", "supported").has(true, "etag", "supported").
				has(false, "bulk", "supported").has(false, "sort", "supported").has("oauthbearertoken", "authenticationSchemes", 0, "type")
			a.get("/resourcetypes").is(200).lists([]string{"User", "Group", "ServiceProviderConfig", "ResourceType", "Schema"}, "id", "Resources")
			a.get("/resourcetypes/User").is(200).has("/users", "endpoint").has(enterprise, "schemaExtensions", 0, "schema").has(nil, "meta", "version")
			a.get("/resourcetypes/Robot").is(404)
			a.get("/schemas").is(200).has(7, "totalResults").has(7, "itemsPerPage")
			a.get("/schemas/"+enterprise).is(200).lists([]string{"division", "department", "manager", "employeeNumber", "dateHire"}, "name", "attributes")
			a.get("/schemas/urn:nothing").is(404)
			user := a.get("/schemas/urn:ietf:params:scim:schemas:core:2.0:User").is(200)
			for name, want := range map[string]string{"userName": "readWrite", "groups": "readOnly", "password": "writeOnly", "id": "readOnly", "roles": "readWrite"} {
				user.T.Helper()
				for i, have := range user.each("name", "attributes") {
					if have == name {
						user.has(want, "attributes", i, "mutability")
					}
				}
			}
		}},
		38: {"the log has what was asked and answered": func(t *testing.T) {
			a := with(t, "").demo()
			id := a.id("ada@example.com")
			r := a.having("If-Match", `"1"`).rawPatch("/Users/"+id+"?attributes=title", `{"Operations":[{"op":"replace","path":"title","value":"Ω"}]}`).is(200)
			a.get("/api/v2/routing/languages?name=Eng").is(200)
			log := a.control("GET", "/requests?since=1", nil).is(200).has(3, "last").
				has(2, "requests", 0, "seq").has("PATCH", "requests", 0, "method").has("/users/"+id+"?attributes=title", "requests", 0, "path").
				has(`"1"`, "requests", 0, "ifMatch").has("demo", "requests", 0, "client").has(200, "requests", 0, "status").
				has(`{"Operations":[{"op":"replace","path":"title","value":"Ω"}]}`, "requests", 0, "body").
				has(r.header.Get("ININ-Correlation-Id"), "requests", 0, "correlationId").has("2026-11-23T12:00:00Z", "requests", 0, "time").
				has("/api/v2/routing/languages?name=Eng", "requests", 1, "path")
			if len(log.list("requests")) != 2 {
				t.Errorf("log = %s", log.body)
			}
			all := a.control("GET", "/requests", nil)
			all.has("/oauth/token", "requests", 0, "path")
			if strings.Contains(string(all.body), a.token) || strings.Contains(string(all.body), "demo-secret") {
				t.Errorf("the log gives a secret away: %s", all.body)
			}
		}},
	}
}
