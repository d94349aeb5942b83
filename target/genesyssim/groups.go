package genesyssim

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// noGroupWrite answers creating and deleting groups, which SCIM cannot (rule 23).
func (s *Server) noGroupWrite(*call) reply {
	if s.knobs.groupWrite == http.StatusNotFound {
		return notFound("resource")
	}
	return gatewayError(http.StatusMethodNotAllowed, "method.not.allowed", "Groups are not created or deleted through SCIM.").reply()
}

func (s *Server) showGroup(c *call, g int32) reply {
	show, _ := project(scim.Group, c.query)
	var e encoder
	e.group(s.org, g, s.view(c, show))
	return resource(http.StatusOK, e.b, s.org.groups[g].version)
}

func (s *Server) readGroup(c *call) reply {
	g, ok := s.org.findGroup(c.match.id)
	if !ok {
		return notFound("group")
	}
	if fresh(c, s.org.groups[g].version) {
		return nothing(http.StatusNotModified).with("ETag", etag(s.org.groups[g].version))
	}
	return s.showGroup(c, g)
}

// A membership is what a write makes of a group.
type membership struct {
	join, leave []int32
	externalID  *string // nil: as it is
}

// writable is the group of a call that may be written under its If-Match.
func (s *Server) writable(c *call) (int32, reply, bool) {
	g, ok := s.org.findGroup(c.match.id)
	if !ok {
		return 0, notFound("group"), false
	}
	rep, refused := s.stale(c, s.org.groups[g].version)
	return g, rep, !refused
}

// putGroup is PUT /groups/{id}: the members are the body's.
func (s *Server) putGroup(c *call) reply {
	g, rep, ok := s.writable(c)
	if !ok {
		return rep
	}
	attrs, err := s.body(c, scim.Group)
	if err != nil {
		return scimReply(err)
	}
	var d decoder
	externalID := d.text(attrs, "externalId")
	members, _ := d.elements(attrs, "members")
	if d.fault != nil {
		return scimReply(d.fault)
	}
	if err := s.sameName(g, c.body); err != nil {
		return scimReply(err)
	}
	if err := s.notTooMany(len(members)); err != nil {
		return scimReply(err)
	}
	m, err := s.difference(g, s.org.groups[g].individual, members)
	if err != nil {
		return scimReply(err)
	}
	m.externalID = &externalID
	s.writeGroup(c, g, m)
	return s.showGroup(c, g)
}

// sameName holds a body's displayName, which it must have, against the group's (rule 23).
func (s *Server) sameName(g int32, body []byte) *scim.Error {
	name := ""
	for key, value := range decoded(body) {
		if strings.EqualFold(key, "displayName") {
			name, _ = value.(string)
		}
	}
	switch name {
	case s.org.groups[g].name:
		return nil
	case "":
		return refuse("invalidValue", "displayName is required.")
	default:
		return refuse("mutability", "The displayName of a group is read-only.")
	}
}

// notTooMany refuses a request that names more members than one may (rule 24).
func (s *Server) notTooMany(n int) *scim.Error {
	if limit := s.knobs.membersLimit; limit > 0 && n > limit {
		return refuse("tooMany", "A request may name at most %d members.", limit)
	}
	return nil
}

// patchGroup is PATCH /groups/{id}.
func (s *Server) patchGroup(c *call) reply {
	g, rep, ok := s.writable(c)
	if !ok {
		return rep
	}
	ops, err := s.operations(c, scim.Group)
	if err != nil {
		return scimFault(err)
	}
	named := mention(ops)
	if err := s.notTooMany(named.count); err != nil {
		return scimReply(err)
	}
	steps := [][]scim.Op{ops}
	if s.knobs.partial {
		steps = slices.Collect(slices.Chunk(ops, 1))
	}
	for _, step := range steps {
		if err := s.patchMembers(c, g, step, named); err != nil {
			return scimFault(err)
		}
	}
	return s.showGroup(c, g)
}

// patchMembers applies operations to as much of the group as they name: a group
// may have very many members, and most requests mean few of them.
func (s *Server) patchMembers(c *call, g int32, ops []scim.Op, named mentioned) error {
	grp := s.org.groups[g]
	all := s.org.members(g, true)
	if !named.all {
		all = s.named(all, named.ids)
	}
	have := make([]any, len(all))
	for i, u := range all {
		have[i] = map[string]any{"value": s.org.users[u].id.String(), "type": "User"}
	}
	self := s.org.authority(c.client.ID)
	attrs := map[string]any{"id": grp.id.String(), "displayName": grp.name, "members": have}
	if id := grp.externals[self]; id != "" {
		attrs["externalId"] = id
	}
	next, _, err := genesysschema.Schema().Patch(scim.Group, attrs, ops, s.knobs.patchOptions())
	if err != nil {
		return err
	}
	var d decoder
	externalID := d.text(next, "externalId")
	members, _ := d.elements(next, "members")
	if d.fault != nil {
		return d.fault
	}
	m, fault := s.difference(g, all, members)
	if fault != nil {
		return fault
	}
	m.externalID = &externalID
	s.writeGroup(c, g, m)
	return nil
}

// mentioned is which members operations name.
type mentioned struct {
	ids   []string
	count int
	all   bool // they mean every member, or cannot be told
}

func mention(ops []scim.Op) mentioned {
	var m mentioned
	for _, op := range ops {
		if op.Path == "" {
			m.values(op.Value.Sub("members"), op.Verb)
			continue
		}
		p := op.Path.Parts()
		if !strings.EqualFold(p.Attr, "members") {
			continue
		}
		if p.Filter == nil {
			m.values(op.Value, op.Verb)
			continue
		}
		attr, value, ok := p.Filter.Equality()
		id, isText := value.Text()
		if !ok || !isText || !strings.EqualFold(string(attr), "value") {
			m.all = true
			continue
		}
		m.ids, m.count = append(m.ids, id), m.count+1
	}
	return m
}

// values are the members that the value of an operation lists.
func (m *mentioned) values(v scim.Value, verb scim.Verb) {
	if v == "" || v == "null" {
		m.all = m.all || verb != scim.Add
		return
	}
	m.all = m.all || verb == scim.Replace
	list, many := v.Any().([]any)
	if !many {
		list = []any{v.Any()}
	}
	for _, e := range list {
		m.count++
		object, _ := e.(map[string]any)
		if id, ok := object["value"].(string); ok {
			m.ids = append(m.ids, id)
		} else if id, ok := e.(string); ok {
			m.ids = append(m.ids, id)
		}
	}
}

// named are those of members whose ids are among these.
func (s *Server) named(members []int32, ids []string) []int32 {
	var out []int32
	for _, id := range ids {
		if u, ok := s.org.find(id); ok && has(members, u) {
			out = insert(out, u)
		}
	}
	return out
}

// difference is how to come from the members have to those of a body.
func (s *Server) difference(g int32, have []int32, members []map[string]any) (membership, *scim.Error) {
	var m membership
	var want []int32
	for _, e := range members {
		id, _ := e["value"].(string)
		u, ok := s.org.live(id)
		if ok {
			want = insert(want, u)
			continue
		}
		if !s.knobs.ignoreUnknownMember {
			return m, refuse("invalidValue", "A member is not an existing user.")
		}
	}
	for _, u := range want {
		if !s.org.groups[g].member(u) {
			m.join = append(m.join, u)
		}
	}
	for _, u := range have {
		if !has(want, u) {
			m.leave = append(m.leave, u)
		}
	}
	return m, nil
}

// writeGroup commits a membership: the group's version covers it, the users'
// only with a switch (rule 29).
func (s *Server) writeGroup(c *call, g int32, m membership) {
	o, grp, changed := s.org, s.org.groups[g], false
	note := func(u int32, joined bool) {
		changed = true
		o.delay(late{group: g, user: u, joined: joined}, c.now)
		if o.knobs.bumpSecondary {
			o.users[u].touch(c.now)
		}
	}
	for _, u := range m.join {
		if o.enter(g, u) {
			note(u, true)
		}
	}
	for _, u := range m.leave {
		if o.leave(g, u) {
			note(u, false)
		}
	}
	self := o.authority(c.client.ID)
	if id := m.externalID; id != nil && *id != grp.externals[self] {
		changed = true
		grp.externals[self] = *id
	}
	if changed {
		grp.touch(c.now)
	}
}

// delay keeps a membership from showing for a while (switch member_delay). What
// undoes one that does not show yet leaves nothing to wait for.
func (o *org) delay(l late, now time.Time) {
	if o.knobs.memberDelay <= 0 {
		return
	}
	waiting := len(o.late)
	o.late = slices.DeleteFunc(o.late, func(x late) bool { return x.group == l.group && x.user == l.user })
	if len(o.late) < waiting {
		return
	}
	l.at = now.Add(o.knobs.memberDelay)
	o.late = append(o.late, l)
}
