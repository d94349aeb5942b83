package genesyssim_test

import (
	"fmt"
	"testing"
)

func TestPublicAPI(t *testing.T) {
	t.Parallel()
	const roles, subjects, users = "/api/v2/authorization/roles", "/api/v2/authorization/subjects/", "/api/v2/users"
	for name, prove := range map[string]func(*testing.T, *actor){
		"catalogs have names and ids": func(_ *testing.T, a *actor) {
			a.get(roles).is(200).lists([]string{"employee", "Sales Agent", "admin", "Night Agent", "rollcall client", "other client"}, "name", "entities").
				has(6, "total").has(1, "pageCount").has(1, "pageNumber").has(25, "pageSize").has(true, "entities", 0, "default").has(1, "entities", 0, "userCount")
			a.get("/api/v2/authorization/divisions").lists([]string{"Home", "EMEA"}, "name", "entities").has(true, "entities", 0, "homeDivision")
			a.get("/api/v2/routing/skills").lists([]string{"Billing", "Spanish"}, "name", "entities")
			a.get("/api/v2/routing/languages").lists([]string{"English", "Deutsch"}, "name", "entities")
			a.get("/api/v2/groups").lists([]string{"Tool Design", "Night Shift"}, "name", "entities").has(true, "entities", 1, "rolesEnabled")
		},
		"pages and names narrow": func(_ *testing.T, a *actor) {
			a.get(roles+"?pageSize=2&pageNumber=2").lists([]string{"admin", "Night Agent"}, "name", "entities").has(3, "pageCount").
				has("/api/v2/authorization/roles?pageNumber=3&pageSize=2", "nextUri")
			a.get(roles+"?pageSize=2&pageNumber=9").has([]any{}, "entities").has(nil, "nextUri")
			a.get(roles+"?name=sales*&userCount=false").lists([]string{"Sales Agent"}, "name", "entities").has(nil, "entities", 0, "userCount")
			a.get("/api/v2/authorization/divisions?name=em").lists([]string{"EMEA"}, "name", "entities")
			a.get("/api/v2/routing/skills?name=sp").lists([]string{"Spanish"}, "name", "entities")
			a.get(roles+"?pageSize=0").platformError(400, "invalid.query.param.value")
		},
		"the client's own permissions can be read": func(_ *testing.T, a *actor) {
			a.control("POST", "/clients", `{"id":"demo","permissions":["directory:user:edit","directory:user:add","authorization:role:view","oauth:client:view","authorization:grant:view"]}`)
			want := []any{
				map[string]any{"domain": "authorization", "entityName": "grant", "actionSet": []string{"view"}, "allowConditions": false},
				map[string]any{"domain": "authorization", "entityName": "role", "actionSet": []string{"view"}, "allowConditions": false},
				map[string]any{"domain": "directory", "entityName": "user", "actionSet": []string{"add", "edit"}, "allowConditions": false},
				map[string]any{"domain": "oauth", "entityName": "client", "actionSet": []string{"view"}, "allowConditions": false},
			}
			for _, who := range []string{"me", "demo"} {
				a.get(subjects+who).is(200).has("rollcall client", "grants", 0, "role", "name").has(want, "grants", 0, "role", "policies").
					has("Home", "grants", 0, "division", "name")
			}
			role := a.get("/api/v2/oauth/clients/demo").is(200).has("active", "state").has("CLIENT-CREDENTIALS", "authorizedGrantType").text("roleIds", 0)
			a.get(roles+"/"+role).is(200).has("rollcall client", "name").has(want, "permissionPolicies")
			a.get(roles + "/00000000-0000-4000-8000-000000000000").is(404)
		},
		"users by state": func(_ *testing.T, a *actor) {
			for state, want := range map[string][]string{
				"": {"ada@example.com", "ben@example.com"}, "?state=active": {"ada@example.com", "ben@example.com"}, "?state=inactive": {"cleo@example.com"},
				"?state=deleted": {"dan@example.com"}, "?state=any": {"ada@example.com", "ben@example.com", "cleo@example.com", "dan@example.com"},
			} {
				a.get(users+state).is(200).lists(want, "username", "entities").has(len(want), "total")
			}
			a.get(users + "?state=gone").is(400)
			dan := users + "/" + a.id("dan@example.com")
			a.get(dan).is(404)
			a.get(dan+"?state=deleted").is(200).has("deleted", "state").has("Clerk", "title").has("Home", "division", "name")
			a.get(dan + "?state=any").is(200)
			a.get(users + "/" + a.id("ada@example.com") + "?state=deleted").is(404)
		},
		"state restores a deleted user": func(_ *testing.T, a *actor) {
			dan := users + "/" + a.id("dan@example.com")
			a.do("PATCH", dan, `{"state":"active"}`).is(400)
			a.do("PATCH", dan, `{"version":1,"title":"x"}`).is(400)
			a.do("PATCH", dan, `{"version":7,"state":"active"}`).platformError(409, "general.conflict")
			a.do("PATCH", dan, `{"version":1,"state":"gone"}`).is(400)
			a.do("PATCH", dan, `{"version":1,"state":"active"}`).is(200).has("active", "state").has(2, "version")
			a.get(a.user("dan@example.com")).is(200).has(nil, "roles").has("Home", enterprise, "division").has("E4", "externalId")
		},
		"not beside a new holder of the name": func(_ *testing.T, a *actor) {
			a.control("PUT", "/switches", `{"deleted_username":"new"}`)
			dan := users + "/" + a.id("dan@example.com")
			a.post("/users", `{"userName":"dan@example.com","displayName":"D","externalId":"E4"}`).is(201)
			a.do("PATCH", dan, `{"version":1,"state":"active"}`).platformError(409, "general.conflict")
		},
		"profiles change under their version": func(_ *testing.T, a *actor) {
			ada := users + "/" + a.id("ada@example.com")
			a.do("PATCH", ada, `{"version":1,"title":"Boss","department":"IT","name":"Ada"}`).is(200).has("Boss", "title").has(2, "version")
			a.do("PATCH", ada, `{"version":2,"state":"inactive"}`).is(200).has("inactive", "state")
			a.get(a.user("ada@example.com")).has(false, "active").has("IT", enterprise, "department").has(nil, "roles")
		},
		"grants have divisions": func(_ *testing.T, a *actor) {
			ben := subjects + a.id("ben@example.com")
			role := a.among(a.get(roles), "entities", "name", "Sales Agent").text("id")
			emea := a.get("/api/v2/authorization/divisions").text("entities", 1, "id")
			home := a.get("/api/v2/authorization/divisions").text("entities", 0, "id")
			grants := func(ids ...string) string {
				body := ""
				for i := 0; i < len(ids); i += 2 {
					body += fmt.Sprintf(`,{"roleId":%q,"divisionId":%q}`, ids[i], ids[i+1])
				}
				return `{"grants":[` + body[min(1, len(body)):] + `]}`
			}
			a.post(ben+"/bulkadd", grants(role, home, role, emea)).is(204)
			a.get(ben).is(200).has("Sales Agent", "grants", 0, "role", "name").has("Home", "grants", 0, "division", "name").
				has("EMEA", "grants", 1, "division", "name").has("Night Agent", "grants", 2, "role", "name").has(a.id("Night Shift"), "grants", 2, "subjectId")
			a.get(a.user("ben@example.com")).lists([]string{"Sales Agent", "Night Agent"}, "value", "roles").has("1", "meta", "version")
			a.post(ben+"/bulkreplace", grants(role, emea)).is(204)
			a.get(ben).has("EMEA", "grants", 0, "division", "name").has("Night Agent", "grants", 1, "role", "name").has(nil, "grants", 2)
			a.post(ben+"/bulkreplace", grants()).is(204)
			a.post(ben+"/bulkadd", grants(emea, role)).is(400)
			a.post(ben+"/bulkadd", `[`).is(400)
			a.post(subjects+"nobody/bulkadd", grants(role, home)).is(404)
			a.get(subjects+a.id("Night Shift")).is(200).has("Night Agent", "grants", 0, "role", "name")
			a.get(subjects + a.id("dan@example.com")).is(404)
		},
		"a grant of SCIM is in the user's division": func(_ *testing.T, a *actor) {
			a.patch(a.user("ben@example.com"), op("add", "roles", `[{"value":"admin"}]`)).is(200)
			a.get(subjects+a.id("ben@example.com")).has("EMEA", "grants", 0, "division", "name")
		},
		"tokens tell whose they are, and are revoked": func(t *testing.T, a *actor) {
			a.get("/api/v2/tokens/me").is(200).has("demo", "OAuthClient", "id").has("Simulated organization", "organization", "name")
			if r := a.do("HEAD", "/api/v2/tokens/me", "").is(200); len(r.body) > 0 {
				t.Errorf("HEAD answers %s", r.body)
			}
			a.delete("/api/v2/tokens/me").is(200)
			a.get("/api/v2/tokens/me").is(401)
		},
		"limits of a namespace": func(_ *testing.T, a *actor) {
			const at = "/api/v2/organizations/limits/namespaces/"
			a.control("PUT", "/switches", `{"rate":600}`)
			a.get(at+"platform.api").is(200).has("client.credentials.token.rate.per.minute", "entities", 0, "key").has(600, "entities", 0, "value")
			a.get(at+"platform.api/defaults").is(200).has(300, "entities", 0, "value")
			a.get(at+"scim").is(200).has([]any{}, "entities")
			a.get(at + "nothing").is(404)
		},
		"methods that are not served": func(_ *testing.T, a *actor) {
			a.do("DELETE", roles, "").platformError(405, "method.not.allowed")
			a.get("/api/v2/analytics").platformError(404, "not.found")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prove(t, with(t, "").demo())
		})
	}
}
