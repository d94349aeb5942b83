package genesyssim

import (
	"net/http"
	"strings"
)

// A route is an operation of the API.
type route struct {
	method  string
	pattern string   // relative to the SCIM base, or whole; {name} stands for a segment
	needs   []string // permissions of which one is enough to enter (dossier §2.4)
	serve   func(*Server, *call) reply

	segments []string
}

// The permissions of dossier §2.4.
const (
	userAdd        = "directory:user:add"
	userEdit       = "directory:user:edit"
	userDelete     = "directory:user:delete"
	userPassword   = "directory:user:setPassword" // the name of a permission
	groupEdit      = "directory:group:edit"
	grantAdd       = "authorization:grant:add"
	grantDelete    = "authorization:grant:delete"
	grantView      = "authorization:grant:view"
	roleView       = "authorization:role:view"
	skillAssign    = "routing:skill:assign"
	skillView      = "routing:skill:view"
	languageAssign = "routing:language:assign"
	extension      = "telephony:extension:assign"
	clientView     = "oauth:client:view"
)

var assigning = []string{grantAdd, grantDelete, skillAssign, languageAssign, extension}

// routes are the operations in the two halves of the API.
type routes struct{ scim, api []route }

func newRoutes() routes {
	creators := append([]string{userAdd}, assigning...)
	editors := append([]string{userEdit, userPassword}, assigning...)
	group := []string{groupEdit}
	return routes{
		scim: compileRoutes(
			route{method: http.MethodGet, pattern: "/users", serve: (*Server).listUsers},
			route{method: http.MethodPost, pattern: "/users", needs: creators, serve: (*Server).createUser},
			route{method: http.MethodGet, pattern: "/users/{id}", serve: (*Server).readUser},
			route{method: http.MethodPut, pattern: "/users/{id}", needs: editors, serve: (*Server).putUser},
			route{method: http.MethodPatch, pattern: "/users/{id}", needs: editors, serve: (*Server).patchUser},
			route{method: http.MethodDelete, pattern: "/users/{id}", needs: []string{userDelete}, serve: (*Server).deleteUser},
			route{method: http.MethodGet, pattern: "/groups", needs: group, serve: (*Server).listGroups},
			route{method: http.MethodPost, pattern: "/groups", serve: (*Server).noGroupWrite},
			route{method: http.MethodGet, pattern: "/groups/{id}", needs: group, serve: (*Server).readGroup},
			route{method: http.MethodPut, pattern: "/groups/{id}", needs: group, serve: (*Server).putGroup},
			route{method: http.MethodPatch, pattern: "/groups/{id}", needs: group, serve: (*Server).patchGroup},
			route{method: http.MethodDelete, pattern: "/groups/{id}", serve: (*Server).noGroupWrite},
			route{method: http.MethodGet, pattern: "/serviceproviderconfig", serve: (*Server).serviceProviderConfig},
			route{method: http.MethodGet, pattern: "/resourcetypes", serve: (*Server).listResourceTypes},
			route{method: http.MethodGet, pattern: "/resourcetypes/{id}", serve: (*Server).readResourceType},
			route{method: http.MethodGet, pattern: "/schemas", serve: (*Server).listSchemas},
			route{method: http.MethodGet, pattern: "/schemas/{id}", serve: (*Server).readSchema},
		),
		api: compileRoutes(
			route{method: http.MethodGet, pattern: "/api/v2/authorization/roles", needs: []string{roleView}, serve: (*Server).listRoles},
			route{method: http.MethodGet, pattern: "/api/v2/authorization/roles/{id}", needs: []string{roleView}, serve: (*Server).readRole},
			route{method: http.MethodGet, pattern: "/api/v2/authorization/divisions", serve: (*Server).listDivisions},
			route{method: http.MethodGet, pattern: "/api/v2/authorization/subjects/me", serve: (*Server).readOwnGrants},
			route{method: http.MethodGet, pattern: "/api/v2/authorization/subjects/{id}", needs: []string{grantView}, serve: (*Server).readGrants},
			route{method: http.MethodPost, pattern: "/api/v2/authorization/subjects/{id}/bulkadd", needs: []string{grantAdd}, serve: (*Server).addGrants},
			route{method: http.MethodPost, pattern: "/api/v2/authorization/subjects/{id}/bulkreplace", needs: []string{grantAdd}, serve: (*Server).replaceGrants},
			route{method: http.MethodGet, pattern: "/api/v2/routing/skills", needs: []string{skillView}, serve: (*Server).listSkills},
			route{method: http.MethodGet, pattern: "/api/v2/routing/languages", serve: (*Server).listLanguages},
			route{method: http.MethodGet, pattern: "/api/v2/users", serve: (*Server).listDirectory},
			route{method: http.MethodGet, pattern: "/api/v2/users/{id}", serve: (*Server).readDirectory},
			route{method: http.MethodPatch, pattern: "/api/v2/users/{id}", needs: []string{userEdit, userAdd}, serve: (*Server).patchDirectory},
			route{method: http.MethodGet, pattern: "/api/v2/groups", serve: (*Server).listGroupNames},
			route{method: http.MethodGet, pattern: "/api/v2/tokens/me", serve: (*Server).readToken},
			route{method: http.MethodHead, pattern: "/api/v2/tokens/me", serve: (*Server).readToken},
			route{method: http.MethodDelete, pattern: "/api/v2/tokens/me", serve: (*Server).revokeToken},
			route{method: http.MethodGet, pattern: "/api/v2/oauth/clients/{id}", needs: []string{clientView}, serve: (*Server).readClient},
			route{method: http.MethodGet, pattern: "/api/v2/organizations/limits/namespaces/{id}", serve: (*Server).readLimits},
			route{method: http.MethodGet, pattern: "/api/v2/organizations/limits/namespaces/{id}/defaults", serve: (*Server).readDefaultLimits},
		),
	}
}

func compileRoutes(list ...route) []route {
	for i := range list {
		list[i].segments = segments(list[i].pattern)
	}
	return list
}

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// matched is what a path was found to be.
type matched struct {
	rel      string // path relative to the SCIM base, or the whole one
	template string // the same with {id}
	tree     string // SCIM base as it is spelled in locations; "" outside of SCIM
	pinned   bool   // under /scim/v2
	id       string
	known    bool // some method is served here
}

// find matches a request. Segments are compared in any case (rule 1).
func (rs routes) find(method, path string) (*route, matched) {
	m := matched{rel: path}
	table := rs.api
	for _, base := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
		if rest, ok := under(path, base); ok {
			table, m.rel, m.tree, m.pinned = rs.scim, rest, base, strings.HasSuffix(base, "/scim/v2")
			break
		}
	}
	m.template = m.rel
	have := segments(m.rel)
	for i := range table {
		id, ok := table[i].match(have)
		if !ok {
			continue
		}
		m.known, m.id, m.template = true, id, table[i].pattern
		m.rel = strings.Replace(m.template, "{id}", id, 1)
		if table[i].method == method {
			return &table[i], m
		}
	}
	return nil, m
}

// under is path without base, if it is below it.
func under(path, base string) (string, bool) {
	if len(path) > len(base) && strings.EqualFold(path[:len(base)], base) && path[len(base)] == '/' {
		return path[len(base):], true
	}
	return "", false
}

func (r *route) match(have []string) (id string, ok bool) {
	if len(have) != len(r.segments) {
		return "", false
	}
	for i, want := range r.segments {
		switch {
		case want[0] == '{':
			id = have[i]
		case !strings.EqualFold(want, have[i]):
			return "", false
		}
	}
	return id, id != "" || !strings.Contains(r.pattern, "{")
}
