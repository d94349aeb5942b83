package genesyssim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The public API beside SCIM (dossier §11), as far as a provisioning client
// needs it.

// An entityPage is a page of the public API, which has nothing in common with
// SCIM's.
type entityPage struct {
	Entities   []any  `json:"entities"`
	PageSize   int    `json:"pageSize"`
	PageNumber int    `json:"pageNumber"`
	Total      int    `json:"total"`
	PageCount  int    `json:"pageCount"`
	SelfURI    string `json:"selfUri"`
	NextURI    string `json:"nextUri,omitempty"`
}

// paged shows a page of n entities.
func paged(c *call, n int, entity func(int) any) reply {
	size, number := 25, 1
	for name, into := range map[string]*int{"pageSize": &size, "pageNumber": &number} {
		text := c.query.Get(name)
		if text == "" {
			continue
		}
		v, err := strconv.Atoi(text)
		if err != nil || v < 1 || name == "pageSize" && v > 500 {
			return badParameter(name, text).reply()
		}
		*into = v
	}
	p := entityPage{
		Entities: []any{}, PageSize: size, PageNumber: number, Total: n, PageCount: (n + size - 1) / size,
		SelfURI: pageURI(c, number),
	}
	if number < p.PageCount {
		p.NextURI = pageURI(c, number+1)
	}
	from := min((number-1)*size, n)
	for i := from; i < min(from+size, n); i++ {
		p.Entities = append(p.Entities, entity(i))
	}
	return answer(http.StatusOK, p)
}

func pageURI(c *call, number int) string {
	query := c.query
	query.Set("pageNumber", strconv.Itoa(number))
	return c.path + "?" + query.Encode()
}

// A reference names something of the public API.
type reference struct {
	ID      guid   `json:"id"`
	Name    string `json:"name,omitempty"`
	SelfURI string `json:"selfUri,omitempty"`
}

// MarshalText writes the GUID.
func (g guid) MarshalText() ([]byte, error) { return g.append(nil), nil }

func (s *Server) divisionReference(d uint16) reference {
	id := s.org.divisions.ids[d]
	return reference{id, s.org.divisions.names[d], "/api/v2/authorization/divisions/" + id.String()}
}

// places are those of a catalog whose names match.
func places(c *catalog, match func(name string) bool) []uint16 {
	var out []uint16
	for i, n := range c.names {
		if match(n) {
			out = append(out, uint16(i))
		}
	}
	return out
}

// starting matches names that start with the parameter, in any case; all where there is none.
func starting(c *call) func(string) bool {
	prefix := strings.TrimSuffix(fold(c.query.Get("name")), "*")
	return func(name string) bool { return strings.HasPrefix(fold(name), prefix) }
}

func containing(c *call) func(string) bool {
	part := fold(c.query.Get("name"))
	return func(name string) bool { return strings.Contains(fold(name), part) }
}

func (s *Server) listDivisions(c *call) reply {
	found := places(s.org.divisions, containing(c))
	return paged(c, len(found), func(i int) any {
		return struct {
			reference

			HomeDivision bool `json:"homeDivision"`
		}{s.divisionReference(found[i]), found[i] == home}
	})
}

func (s *Server) listSkills(c *call) reply {
	return namedPage(c, s.org.skills, "/api/v2/routing/skills/")
}

func (s *Server) listLanguages(c *call) reply {
	return namedPage(c, s.org.languages, "/api/v2/routing/languages/")
}

func namedPage(c *call, in *catalog, base string) reply {
	found := places(in, starting(c))
	return paged(c, len(found), func(i int) any {
		id := in.ids[found[i]]
		return struct {
			reference

			State   string `json:"state"`
			Version string `json:"version"`
		}{reference{id, in.names[found[i]], base + id.String()}, "active", "1"}
	})
}

func (s *Server) listGroupNames(c *call) reply {
	return paged(c, len(s.org.groups), func(i int) any {
		g := s.org.groups[i]
		return struct {
			reference

			MemberCount int    `json:"memberCount"`
			State       string `json:"state"`
			Version     int32  `json:"version"`
			Type        string `json:"type"`
			Visibility  string `json:"visibility"`
			HasRules    bool   `json:"rulesVisible"`
			HasRoles    bool   `json:"rolesEnabled"`
		}{
			reference{g.id, g.name, "/api/v2/groups/" + g.id.String()},
			len(s.org.members(int32(i), false)), "active", g.version, "official", "public", true, len(g.roles) > 0,
		}
	})
}

// A directoryUser is a user of the public API.
type directoryUser struct {
	reference

	Division   reference `json:"division"`
	Chat       struct{}  `json:"chat"`
	Department string    `json:"department,omitempty"`
	Email      string    `json:"email"`
	Title      string    `json:"title,omitempty"`
	Username   string    `json:"username"`
	State      string    `json:"state"`
	Version    int32     `json:"version"`
}

func (s *Server) directoryUser(i int32) directoryUser {
	u := s.org.users[i]
	return directoryUser{
		reference: reference{u.id, u.displayName, "/api/v2/users/" + u.id.String()}, Division: s.divisionReference(u.division),
		Department: u.department, Email: u.userName, Title: u.title, Username: u.userName, State: u.state.String(), Version: u.version,
	}
}

// listDirectory is GET /api/v2/users?state=, the only list with deleted users.
func (s *Server) listDirectory(c *call) reply {
	var found []int32
	switch word := c.query.Get("state"); word {
	case "", "active":
		found = s.org.active
	case "any":
		found = slices.Concat(s.org.active, s.org.inactive, s.org.deleted)
		slices.Sort(found)
	default:
		state, ok := parseState(word)
		if !ok {
			return badParameter("state", word).reply()
		}
		found = *s.org.list(state)
	}
	if ids := names(c.query["id"]); len(ids) > 0 {
		found = s.named(found, ids)
	}
	return paged(c, len(found), func(i int) any { return s.directoryUser(found[i]) })
}

// readDirectory is GET /api/v2/users/{id}: a deleted user shows only when asked for.
func (s *Server) readDirectory(c *call) reply {
	i, ok := s.org.find(c.match.id)
	if !ok {
		return notFound("user")
	}
	word := c.query.Get("state")
	state := s.org.users[i].state
	wanted := word == state.String() || word == "any" || word == "" && state != deletedUser
	if !wanted {
		return notFound("user")
	}
	return answer(http.StatusOK, s.directoryUser(i))
}

// A directoryPatch is the body of PATCH /api/v2/users/{id}.
type directoryPatch struct {
	Version    *int32  `json:"version"`
	State      *string `json:"state"`
	Name       *string `json:"name"`
	Title      *string `json:"title"`
	Department *string `json:"department"`
}

// patchDirectory is PATCH /api/v2/users/{id}: state restores a deleted user, of
// whom it is the only field that can be changed.
func (s *Server) patchDirectory(c *call) reply {
	i, ok := s.org.find(c.match.id)
	if !ok {
		return notFound("user")
	}
	var p directoryPatch
	if err := json.Unmarshal(c.body, &p); err != nil || p.Version == nil {
		return gatewayError(http.StatusBadRequest, "bad.request", "The request could not be understood: version is required.").reply()
	}
	have := s.org.users[i]
	if *p.Version != have.version {
		return gatewayError(http.StatusConflict, "general.conflict", "The version does not match the current version.").reply()
	}
	next := have.clone()
	if p.State != nil {
		state, ok := parseState(*p.State)
		if !ok || state == deletedUser {
			return gatewayError(http.StatusBadRequest, "invalid.value", "The value of state is not valid.").reply()
		}
		if have.state == deletedUser {
			return s.restore(c, i, state)
		}
		next.state = state
	}
	if have.state == deletedUser {
		return gatewayError(http.StatusBadRequest, "bad.request", "Only the state of a deleted user can be changed.").reply()
	}
	for _, f := range []struct {
		from *string
		into *string
	}{{p.Name, &next.displayName}, {p.Title, &next.title}, {p.Department, &next.department}} {
		if f.from != nil {
			*f.into = *f.from
		}
	}
	s.org.commit(i, next, false, c.now)
	return answer(http.StatusOK, s.directoryUser(i))
}

// restore brings a deleted user back, unless the userName has a new holder.
func (s *Server) restore(c *call, i int32, as state) reply {
	if _, taken := s.org.byName[fold(s.org.users[i].userName)]; taken {
		return gatewayError(http.StatusConflict, "general.conflict", "The user name is in use by another user.").reply()
	}
	next := s.org.restored(i)
	next.state = as
	next.touch(c.now)
	s.org.replaceUser(i, next)
	return answer(http.StatusOK, s.directoryUser(i))
}
