package genesyssim

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A policy is permissions as roles hold them.
type policy struct {
	Domain     string   `json:"domain"`
	EntityName string   `json:"entityName"`
	ActionSet  []string `json:"actionSet"`

	AllowConditions bool `json:"allowConditions"`
}

// policies are a list of permissions by domain and entity. "*" alone is every
// domain that the simulator knows.
func policies(permissions []string) []policy {
	if slices.Contains(permissions, "*") {
		permissions = []string{"authorization:*:*", "directory:*:*", "oauth:*:*", "routing:*:*", "telephony:*:*"}
	}
	sets := map[[2]string][]string{}
	for _, p := range permissions {
		if parts := strings.Split(p, ":"); len(parts) == 3 {
			key := [2]string{parts[0], parts[1]}
			sets[key] = append(sets[key], parts[2])
		}
	}
	out := []policy{}
	for _, key := range slices.SortedFunc(maps.Keys(sets), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		out = append(out, policy{Domain: key[0], EntityName: key[1], ActionSet: slices.Sorted(slices.Values(sets[key]))})
	}
	return out
}

// permissionsOf are those of a role: the clients' roles hold them, admin has all.
func (s *Server) permissionsOf(role uint16) []string {
	for _, c := range s.clients {
		if c.role == role {
			return c.Permissions
		}
	}
	if strings.EqualFold(s.org.roles.names[role], "admin") {
		return []string{"*"}
	}
	return nil
}

// A roleEntity is a role of the public API.
type roleEntity struct {
	reference

	Description        string   `json:"description"`
	Permissions        []string `json:"permissions"`
	PermissionPolicies []policy `json:"permissionPolicies"`
	UserCount          *int     `json:"userCount,omitempty"`
	RoleNeedsUpdate    bool     `json:"roleNeedsUpdate"`
	Base               bool     `json:"base"`
	Default            bool     `json:"default"`
}

func (s *Server) role(c *call, r uint16) roleEntity {
	id, name := s.org.roles.ids[r], s.org.roles.names[r]
	e := roleEntity{
		reference:   reference{id, name, "/api/v2/authorization/roles/" + id.String()},
		Permissions: []string{}, PermissionPolicies: policies(s.permissionsOf(r)), Default: name == defaultRole,
	}
	if c.query.Get("userCount") != "false" {
		n := 0
		for _, u := range s.org.users {
			if holds(u.grants, r) {
				n++
			}
		}
		e.UserCount = &n
	}
	return e
}

func (s *Server) listRoles(c *call) reply {
	found := places(s.org.roles, starting(c))
	return paged(c, len(found), func(i int) any { return s.role(c, found[i]) })
}

func (s *Server) readRole(c *call) reply {
	id, _ := parseGUID(c.match.id)
	r, ok := s.org.roles.byID[id]
	if !ok {
		return notFound("role")
	}
	return answer(http.StatusOK, s.role(c, r))
}

// A subject is who holds grants: a user, a group, a client.
type subject struct {
	reference

	Grants  []grantEntity `json:"grants"`
	Version int           `json:"version"`
}

type grantEntity struct {
	SubjectID guid      `json:"subjectId"`
	Division  reference `json:"division"`
	Role      grantRole `json:"role"`
	MadeAt    time.Time `json:"grantMadeAt"`
}

type grantRole struct {
	reference

	Policies []policy `json:"policies"`
	Default  bool     `json:"default"`
}

func (s *Server) grantEntity(holder guid, g grant) grantEntity {
	id, name := s.org.roles.ids[g.role], s.org.roles.names[g.role]
	return grantEntity{
		SubjectID: holder, Division: s.divisionReference(g.division), MadeAt: s.started,
		Role: grantRole{
			reference{id, name, "/api/v2/authorization/roles/" + id.String()}, policies(s.permissionsOf(g.role)), name == defaultRole,
		},
	}
}

// subject of a user has its own grants and those of its groups, which name the group as subject.
func (s *Server) subject(i int32) subject {
	u := s.org.users[i]
	sub := subject{reference: reference{ID: u.id, Name: u.displayName}, Grants: []grantEntity{}, Version: int(u.version)}
	for _, g := range u.grants {
		sub.Grants = append(sub.Grants, s.grantEntity(u.id, g))
	}
	for _, g := range u.groups {
		sub.Grants = append(sub.Grants, s.groupSubject(g).Grants...)
	}
	return sub
}

func (s *Server) groupSubject(g int32) subject {
	grp := s.org.groups[g]
	sub := subject{reference: reference{ID: grp.id, Name: grp.name}, Grants: []grantEntity{}, Version: int(grp.version)}
	for _, r := range grp.roles {
		sub.Grants = append(sub.Grants, s.grantEntity(grp.id, grant{r, home}))
	}
	return sub
}

func (s *Server) clientSubject(c *client) subject {
	return subject{
		reference: reference{ID: c.guid, Name: c.ID}, Grants: []grantEntity{s.grantEntity(c.guid, grant{c.role, home})}, Version: 1,
	}
}

func (s *Server) readOwnGrants(c *call) reply {
	return answer(http.StatusOK, s.clientSubject(c.client))
}

// clientOf is the client that an id of the API names: its OAuth id, or its subject's.
func (s *Server) clientOf(id string) (*client, bool) {
	if c, ok := s.clients[id]; ok {
		return c, true
	}
	g, _ := parseGUID(id)
	for _, c := range s.clients {
		if c.guid == g {
			return c, true
		}
	}
	return nil, false
}

func (s *Server) readGrants(c *call) reply {
	if i, ok := s.org.live(c.match.id); ok {
		return answer(http.StatusOK, s.subject(i))
	}
	if g, ok := s.org.findGroup(c.match.id); ok {
		return answer(http.StatusOK, s.groupSubject(g))
	}
	if who, ok := s.clientOf(c.match.id); ok {
		return answer(http.StatusOK, s.clientSubject(who))
	}
	return notFound("subject")
}

// given reads the grants of a bulk request; only users take them here.
func (s *Server) given(c *call) (i int32, grants []grant, bad reply, ok bool) {
	i, found := s.org.live(c.match.id)
	if !found {
		return 0, nil, notFound("subject"), false
	}
	var body struct {
		Grants []struct{ RoleID, DivisionID string } `json:"grants"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return 0, nil, gatewayError(http.StatusBadRequest, "bad.request", "The request could not be understood.").reply(), false
	}
	for _, g := range body.Grants {
		role, roleOK := lookup(s.org.roles, g.RoleID)
		division, divisionOK := lookup(s.org.divisions, g.DivisionID)
		if !roleOK || !divisionOK {
			return 0, nil, gatewayError(http.StatusBadRequest, "invalid.value", "A grant names a role or division that does not exist.").reply(), false
		}
		grants = append(grants, grant{role, division})
	}
	return i, grants, reply{}, true
}

func lookup(c *catalog, id string) (uint16, bool) {
	g, ok := parseGUID(id)
	if !ok {
		return 0, false
	}
	i, ok := c.byID[g]
	return i, ok
}

func (s *Server) addGrants(c *call) reply {
	i, grants, bad, ok := s.given(c)
	if !ok {
		return bad
	}
	return s.regrant(c, i, append(slices.Clone(s.org.users[i].grants), grants...))
}

// replaceGrants leaves grants inherited from groups alone (dossier §11).
func (s *Server) replaceGrants(c *call) reply {
	if lacking := c.client.missing(grantAdd, grantDelete); lacking != "" {
		return missingPermissions(false, lacking)
	}
	i, grants, bad, ok := s.given(c)
	if !ok {
		return bad
	}
	return s.regrant(c, i, grants)
}

func (s *Server) regrant(c *call, i int32, grants []grant) reply {
	next := s.org.users[i].clone()
	next.grants = sorted(grants)
	s.org.commit(i, next, false, c.now)
	return nothing(http.StatusNoContent)
}

func sorted(grants []grant) []grant {
	slices.SortFunc(grants, func(a, b grant) int {
		return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.division, b.division))
	})
	return slices.Compact(grants)
}

// readToken is GET and HEAD /api/v2/tokens/me.
func (s *Server) readToken(c *call) reply {
	type named struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	return answer(http.StatusOK, map[string]named{
		"organization": {s.org.id.String(), "Simulated organization"},
		"OAuthClient":  {c.client.ID, c.client.ID},
	})
}

func (s *Server) revokeToken(c *call) reply {
	delete(s.tokens, c.token.value)
	return nothing(http.StatusOK)
}

func (s *Server) readClient(c *call) reply {
	who, ok := s.clientOf(c.match.id)
	if !ok {
		return notFound("client")
	}
	state := "active"
	if who.Disabled {
		state = "disabled"
	}
	role := s.org.roles.ids[who.role]
	return answer(http.StatusOK, map[string]any{
		"id": who.ID, "name": who.ID, "state": state, "authorizedGrantType": "CLIENT-CREDENTIALS",
		"accessTokenValiditySeconds": s.knobs.tokenSeconds, "roleIds": []guid{role},
		"roleDivisions": []map[string]guid{{"roleId": role, "divisionId": s.org.divisions.ids[home]}},
		"selfUri":       "/api/v2/oauth/clients/" + who.ID,
	})
}

func (s *Server) readLimits(c *call) reply        { return limits(c, s.allowed()) }
func (s *Server) readDefaultLimits(c *call) reply { return limits(c, 300) }

// limits are those of a namespace (dossier §3.1); of scim's nothing is known.
func limits(c *call, rate int) reply {
	known := map[string][]limit{
		"platform.api": {
			{"client.credentials.token.rate.per.minute", "platform.api", rate},
			{"token.rate.per.minute", "platform.api", rate},
			{"org.app.user.rate.per.minute", "platform.api", 10 * rate},
			{"request.bytes.max", "platform.api", maxBody},
		},
		"scim": {},
	}
	list, ok := known[fold(c.match.id)]
	if !ok {
		return notFound("namespace")
	}
	return paged(c, len(list), func(i int) any { return list[i] })
}
