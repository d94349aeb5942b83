package genesyssim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/scim"
)

// control serves /_sim, what a real organization does not have: the truth, and
// ways to make trouble. It needs no token; it is for this machine only unless
// the configuration says otherwise.
func (s *Server) control(c *call, path string) reply {
	if !c.local && s.config.Control != "any" {
		return gatewayError(http.StatusForbidden, "not.authorized", "/_sim is served to this machine only.").reply()
	}
	path = strings.ToLower(strings.TrimSuffix(path, "/"))
	serve, ok := map[string]func(*Server, *call) reply{
		"GET /requests": (*Server).showRequests,
		"GET /stats":    (*Server).showStats,
		"GET /users":    (*Server).showUsers,
		"GET /groups":   (*Server).showGroups,
		"GET /faults":   (*Server).showFaults,
		"PUT /faults":   (*Server).setFaults,
		"GET /switches": (*Server).showSwitches,
		"PUT /switches": (*Server).setSwitches,
		"GET /clients":  (*Server).showClients,
		"POST /clients": (*Server).setClient,
		"GET /clock":    (*Server).showClock,
		"POST /clock":   (*Server).moveClock,
		"POST /edit":    (*Server).edit,
		"POST /reset":   (*Server).restart,
	}[c.method+" "+path]
	if !ok {
		return notFound("control")
	}
	if len(c.body) > maxBody {
		return misuse(errors.New("the body is too long"))
	}
	return serve(s, c)
}

// misuse is the answer to a control request that makes no sense.
func misuse(err error) reply {
	return gatewayError(http.StatusBadRequest, "bad.request", err.Error()).reply()
}

// parse reads the body of a control request strictly.
func parse(c *call, into any) error {
	d := json.NewDecoder(strings.NewReader(string(c.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the body: %w: %w", fault.Invalid, err)
	}
	return nil
}

func (s *Server) showRequests(c *call) reply {
	since, err := strconv.Atoi(c.query.Get("since"))
	if c.query.Has("since") && err != nil {
		return misuse(errors.New("since is not a number"))
	}
	return answer(http.StatusOK, s.journal.log(since))
}

func (s *Server) showStats(*call) reply { return answer(http.StatusOK, s.journal.stats()) }

// truth is the view of the control endpoints: everything, with the externalId
// of the first client.
func (s *Server) truth(c *call) view {
	v := view{show: showAll, base: c.origin + "/api/v2/scim/v2", truth: true}
	if len(s.config.Clients) > 0 {
		v.self = s.org.authority(s.config.Clients[0].ID)
	}
	return v
}

func (s *Server) showUsers(c *call) reply {
	v := s.truth(c)
	e := encoder{b: make([]byte, 0, 1024*(1+len(s.org.users)))}
	e.open()
	e.field("users", '[')
	for i, u := range s.org.users {
		e.open()
		e.userBody(s.org, int32(i), u, v)
		e.text("state", u.state.String())
		e.close('}')
	}
	e.close(']')
	e.close('}')
	return reply{status: http.StatusOK, media: typeJSON, body: e.b}
}

func (s *Server) showGroups(c *call) reply {
	v := s.truth(c)
	var e encoder
	e.open()
	e.field("groups", '[')
	for g := range s.org.groups {
		e.group(s.org, int32(g), v)
	}
	e.close(']')
	e.close('}')
	return reply{status: http.StatusOK, media: typeJSON, body: e.b}
}

func (s *Server) showFaults(*call) reply {
	list := make([]Fault, 0, len(s.faults))
	for _, a := range s.faults {
		list = append(list, a.Fault)
	}
	return answer(http.StatusOK, list)
}

// setFaults takes the list itself, which replaces the one before.
func (s *Server) setFaults(c *call) reply {
	var list []Fault
	if err := parse(c, &list); err != nil {
		return misuse(err)
	}
	armed, err := arm(list)
	if err != nil {
		return misuse(err)
	}
	s.faults = armed
	return s.showFaults(c)
}

func (s *Server) showSwitches(*call) reply { return answer(http.StatusOK, s.set) }

// setSwitches turns the switches that the body names; the others stay. Values
// may be texts, numbers or booleans.
func (s *Server) setSwitches(c *call) reply {
	var given map[string]any
	if err := parse(c, &given); err != nil {
		return misuse(err)
	}
	next := maps.Clone(s.set)
	for name, value := range given {
		switch v := value.(type) {
		case string:
			next[name] = v
		case float64:
			next[name] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			next[name] = fmt.Sprint(v)
		}
	}
	k, err := next.compile()
	if err != nil {
		return misuse(err)
	}
	*s.knobs, s.set = *k, next
	return s.showSwitches(c)
}

func (s *Server) showClients(*call) reply {
	list := make([]Client, 0, len(s.clients))
	for _, id := range slices.Sorted(maps.Keys(s.clients)) {
		shown := s.clients[id].Client
		shown.Secret = ""
		list = append(list, shown)
	}
	return answer(http.StatusOK, map[string]any{"clients": list})
}

// setClient changes what the body names of a client that exists: whether it is
// disabled, its secret, its permissions.
func (s *Server) setClient(c *call) reply {
	var given struct {
		ID          string    `json:"id"`
		Secret      *string   `json:"secret"`
		Permissions *[]string `json:"permissions"`
		Disabled    *bool     `json:"disabled"`
	}
	if err := parse(c, &given); err != nil {
		return misuse(err)
	}
	who, ok := s.clients[given.ID]
	if !ok {
		return misuse(fmt.Errorf("there is no client %q%s", given.ID, suggest(given.ID, slices.Sorted(maps.Keys(s.clients)))))
	}
	if given.Secret != nil {
		who.Secret = *given.Secret
	}
	if given.Permissions != nil {
		who.Permissions = *given.Permissions
	}
	if given.Disabled != nil {
		who.Disabled = *given.Disabled
	}
	return s.showClients(c)
}

func (s *Server) showClock(*call) reply {
	return answer(http.StatusOK, map[string]any{"now": s.time().UTC(), "offset": s.offset.String()})
}

// moveClock takes {"advance": "36h"}, {"advance": "90d"} or {"to": "2027-01-31T12:00:00Z"}.
func (s *Server) moveClock(c *call) reply {
	var given struct {
		Advance string     `json:"advance"`
		To      *time.Time `json:"to"`
	}
	if err := parse(c, &given); err != nil {
		return misuse(err)
	}
	switch {
	case given.To != nil && given.Advance == "":
		s.offset += given.To.Sub(s.time())
	case given.To == nil && given.Advance != "":
		d, err := stretch(given.Advance)
		if err != nil {
			return misuse(errors.New(`advance is not a duration, such as "90s", "36h" or "90d"`))
		}
		s.offset += d
	default:
		return misuse(errors.New("the body has either advance or to"))
	}
	s.org.settle(s.time())
	return s.showClock(c)
}

// stretch is a duration, also in whole days.
func stretch(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(text)
}

// An edit is a change behind everybody's back.
type edit struct {
	User       string          `json:"user"`
	Group      string          `json:"group"`
	Operations json.RawMessage `json:"operations"`
	Delete     bool            `json:"delete"` // the user, instead of operations
}

// edit lets someone change a user or a group: {"user": WHO, "operations": [...]},
// where WHO is an id, a userName or an externalId; the name or id of a group.
// It is no request: neither log nor limits see it.
func (s *Server) edit(c *call) reply {
	var given edit
	if err := parse(c, &given); err != nil {
		return misuse(err)
	}
	if len(s.config.Clients) == 0 {
		return misuse(errors.New("there is no client whose view to edit"))
	}
	c.client, c.match = &client{Client: Client{ID: s.config.Clients[0].ID, Permissions: []string{"*"}}}, matched{tree: "/api/v2/scim/v2"}
	c.query = nil
	if given.Group != "" {
		return s.editGroup(c, given)
	}
	i, ok := s.org.who(given.User)
	if !ok || s.org.users[i].state == deletedUser {
		return notFound("user")
	}
	if given.Delete {
		s.org.remove(i, c.now)
		return nothing(http.StatusNoContent)
	}
	ops, err := editOperations(scim.User, given.Operations)
	if err != nil {
		return scimFault(err)
	}
	attrs, err := s.patched(c, i, ops)
	if err != nil {
		return scimFault(err)
	}
	return s.writeUser(c, i, attrs, false)
}

func (s *Server) editGroup(c *call, given edit) reply {
	g, ok := s.org.findGroup(given.Group)
	if !ok {
		g, ok = s.org.groupByName[fold(given.Group)]
	}
	if !ok {
		return notFound("group")
	}
	ops, err := editOperations(scim.Group, given.Operations)
	if err != nil {
		return scimFault(err)
	}
	if err := s.patchMembers(c, g, ops, mention(ops)); err != nil {
		return scimFault(err)
	}
	return s.showGroup(c, g)
}

func editOperations(t scim.Type, operations json.RawMessage) ([]scim.Op, error) {
	if len(operations) == 0 {
		operations = json.RawMessage("[]")
	}
	ops, err := scim.ParsePatch(slices.Concat([]byte(`{"Operations":`), operations, []byte("}")), false)
	if err != nil {
		return nil, err
	}
	return newCleaner(t).operations(ops), nil
}

// restart puts everything as it was when the server was made: users, groups,
// tokens, switches, faults, clock, log and counts.
func (s *Server) restart(*call) reply {
	if err := s.reset(); err != nil {
		return misuse(err)
	}
	return nothing(http.StatusNoContent)
}
