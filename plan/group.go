package plan

import (
	"cmp"
	"maps"
	"slices"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// managed are the groups whose memberships this plan rules, by name: those that
// are configured, and, where a column names groups, those that it names or that
// we gave members.
func (b *Builder) managed() map[string]Own {
	m := map[string]Own{}
	if b.in.ByColumn != 0 {
		for n := range b.people {
			for _, w := range b.person(n).groups {
				m[b.words.list[w]] = b.in.ByColumn
			}
		}
		given := map[string]bool{}
		for t := range b.ties {
			l, _ := b.head(t)
			for _, id := range l.Groups {
				given[id] = true
			}
		}
		for _, g := range b.groups {
			if given[g.ref.ID] {
				m[g.name] = b.in.ByColumn
			}
		}
	}
	for _, r := range b.in.Members {
		m[r.Name] = r.Own
	}
	return m
}

// planGroups compares the members of every managed group.
func (b *Builder) planGroups() { b.eachGroup(b.planGroup) }

// eachGroup visits every managed group whose members are known, in the order
// of names, with the people who belong in it.
func (b *Builder) eachGroup(visit func(g *group, own Own, people []int32)) {
	managed := b.managed()
	if len(managed) == 0 {
		return
	}
	belongs := map[int][]int32{} // word of a name: people
	for n := range b.people {
		for _, w := range b.person(n).groups {
			belongs[w] = append(belongs[w], int32(n))
		}
	}
	byName := map[string][]*group{}
	for i := range b.groups {
		byName[b.groups[i].name] = append(byName[b.groups[i].name], &b.groups[i])
	}
	known := slices.Sorted(maps.Keys(byName))
	for _, name := range slices.Sorted(maps.Keys(managed)) {
		switch found := byName[name]; {
		case len(found) == 0 && b.listed[scim.Group]:
			b.Note(finding(Warning, "unknown-group", "", source.Place{}, "there is no group %s%s; nobody joins it", quote(name), nearest(name, known)))
		case len(found) > 1:
			b.Note(finding(Warning, "ambiguous-group", "", source.Place{}, "%d groups are called %s; none is touched", len(found), quote(name)))
		case len(found) == 1 && (found[0].known || b.in.Quick):
			visit(found[0], managed[name], belongs[b.words.of(name)])
		}
	}
}

// A membership is one person, or one foreign user, who joins or leaves.
type membership struct {
	key  source.Key
	id   string // of a foreign user
	held string
}

func (m membership) value() scim.Value {
	if m.id != "" {
		return scim.ValueOf(map[string]any{"value": m.id})
	}
	return scim.ValueOf(map[string]any{"value": map[string]any{personMember: string(m.key)}})
}

// movements are who joins a group, who is in it and becomes ours, and who leaves.
type movements struct {
	joins, claims, leaves []membership
	size                  int // of the group now
}

func (b *Builder) planGroup(g *group, own Own, people []int32) {
	m := b.movements(g, own, people)
	if len(m.joins)+len(m.leaves) > 0 && b.guardsGroup(g, m) {
		return
	}
	b.grows(g, m)
	b.members(g, Join, m.joins, func(e *Edit) *[]scim.Value { return &e.Add })
	b.members(g, Join, m.claims, func(e *Edit) *[]scim.Value { return &e.Claim })
	b.members(g, Leave, m.leaves, func(e *Edit) *[]scim.Value { return &e.Remove })
	b.lose(g, m.size, m.leaves)
}

// grows finds a group that gets more members than it is advised to have.
func (b *Builder) grows(g *group, m movements) {
	after, most := m.size+len(m.joins)-len(m.leaves), b.in.Dialect.MembersPerGroup
	if most > 0 && after > most && len(m.joins) > 0 {
		b.Note(finding(Warning, "large-group", "", source.Place{}, "%s would have %d members; the service advises at most %d that are added one by one: a rule of the group takes more", quote(g.name), after, most))
	}
}

// movements compares the members of g with the people who belong in it.
func (b *Builder) movements(g *group, own Own, people []int32) movements {
	current := b.membersOf(g)
	all := movements{size: len(current)}
	wanted := make(map[int32]bool, len(people))
	for _, n := range people {
		wanted[n] = true
		switch m, is := b.belongs(n, current); {
		case !b.moves(n):
		case !is:
			all.joins = append(all.joins, m)
		case own == Mine && b.claims(n, g.ref.ID):
			all.claims = append(all.claims, m)
		}
	}
	for id := range current {
		if m, ok := b.parts(id, g, own, wanted); ok {
			all.leaves = append(all.leaves, m)
		}
	}
	return all
}

// membersOf are the ids of the members of g: as read, else those of the
// people who are looked at whose membership is ours.
func (b *Builder) membersOf(g *group) map[string]bool {
	members, _ := g.row.At(target.Members)
	current := make(map[string]bool, len(members))
	for _, v := range members {
		id, _ := v.Sub("value").Text()
		current[id] = true
	}
	for _, id := range b.givenTo(g) {
		current[id] = true
	}
	return current
}

// moves tells whether the memberships of person n are to follow the source now:
// of everybody who is, or will be, active by this plan.
func (b *Builder) moves(n int32) bool {
	p := b.people[n]
	switch {
	case !b.followed(int(n)):
		return false
	case p.fate == created:
		return true
	default:
		return p.fate.hasUser() && (b.users[p.user].state == target.Active || p.flags&touched != 0 || b.foresees && b.mayReturn(n))
	}
}

// mayReturn tells whether this plan may bring the user of person n back.
func (b *Builder) mayReturn(n int32) bool {
	return b.people[n].fate != linked || b.returns(int(n)) || b.in.Policy.Allow[string(Reactivate)] != 0
}

// belongs is the membership of person n, and whether it is there.
func (b *Builder) belongs(n int32, current map[string]bool) (m membership, is bool) {
	p := b.people[n]
	m = membership{key: b.keyOf(int(n)), held: b.awaits(n)}
	return m, p.user >= 0 && p.fate != created && current[b.userID(int(p.user))]
}

// awaits is the limit that the user of person n waits for.
func (b *Builder) awaits(n int32) string {
	p := b.people[n]
	switch {
	case p.fate == created:
		return string(b.waiting[n])
	case p.fate == adopted && p.flags&touched != 0 && b.over[Adopt]:
		return string(Adopt)
	case p.flags&rekeyed != 0 && b.over[Rekey]:
		return string(Rekey)
	case p.fate == linked && b.users[p.user].state != target.Active && b.over[Reactivate]:
		return string(Reactivate)
	default:
		return ""
	}
}

// claims tells whether a membership that is there and desired becomes ours: on
// adoption, and where the answer to our own request was lost.
func (b *Builder) claims(n int32, group string) bool {
	p := b.people[n]
	if b.in.Policy.NoClaim {
		return false
	}
	if p.tie >= 0 && b.gave(int(p.tie), group) {
		return false
	}
	return p.fate != linked || b.ties[p.tie].flags&open != 0
}

// parts tells whether the member with this id leaves:
//
//	member                                        | exact   mine
//	--------------------------------------------  | -------------------
//	of the source, belongs                        | stays   stays
//	of the source, does not belong                | leaves  where it is ours
//	of the source, and its column is blank        | stays   stays, but for a group with a rule of its own
//	bad row, ambiguous, waiting, inactive, leaver | stays   stays
//	linked by nobody, known, not protected        | leaves  stays
//	not known (no user of the listing)            | stays   stays
func (b *Builder) parts(id string, g *group, own Own, wanted map[int32]bool) (m membership, ok bool) {
	u := b.findUser(id)
	if u < 0 || own == Additive || b.users[u].flags&contested != 0 || b.in.Policy.Protects(b.nameOf(u)) {
		return m, false
	}
	n := b.users[u].claim
	t := b.users[u].tie
	if t >= 0 {
		n = b.ties[t].person
	}
	switch {
	case t < 0 && n < 0 && b.fixed(id, g, n, own):
		return m, false
	case t < 0 && n < 0:
		foreign := own == Exact && len(b.in.Policy.Only) == 0 && b.users[u].state != target.Erased && b.users[u].state != target.Gone
		return membership{id: id}, foreign
	case n < 0 || wanted[n] || !b.moves(n), b.people[n].flags&unnamed != 0 && !b.ruled(g.name):
		return m, false
	case own == Mine && (t < 0 || !b.gave(int(t), g.ref.ID)):
		return m, false
	case b.fixed(id, g, n, own):
		return m, false
	}
	return membership{key: b.keyOf(int(n)), held: b.awaits(n)}, true
}

// fixed finds a member who came back after their removal: it is not tried again.
func (b *Builder) fixed(id string, g *group, n int32, own Own) bool {
	if own == Additive || !slices.Contains(b.in.Fixed[g.ref.ID], id) {
		return false
	}
	who := source.Key("")
	if n >= 0 {
		who = b.keyOf(int(n))
	}
	b.Note(finding(Note, "fixed-member", who, source.Place{}, "%s still has a member who was removed (user %s): a rule of the group, or ownership, keeps them, and SCIM cannot; change the rule, or own: add", quote(g.name), id))
	return true
}

// ruled tells whether the group has a rule of its own, beside the column that names groups.
func (b *Builder) ruled(name string) bool {
	return slices.ContainsFunc(b.in.Members, func(r GroupRule) bool { return r.Name == name })
}

// members emits memberships in requests of the size that the service takes.
// Those that wait travel apart.
func (b *Builder) members(g *group, op Op, ms []membership, list func(*Edit) *[]scim.Value) {
	slices.SortFunc(ms, func(x, y membership) int {
		return cmp.Or(cmp.Compare(x.held, y.held), cmp.Compare(x.key, y.key), cmp.Compare(x.id, y.id))
	})
	size := b.in.Dialect.MembersPerRequest
	if size <= 0 {
		size = 50
	}
	reason, at := belongsByGroup, joining
	if op == Leave {
		reason, at = belongsNoLonger, parting
	}
	for len(ms) > 0 {
		n := 1
		for n < min(size, len(ms)) && ms[n].held == ms[0].held {
			n++
		}
		e := Edit{Path: target.Members, ID: "value"}
		values := list(&e)
		for _, m := range ms[:n] {
			*values = append(*values, m.value())
		}
		ref := scim.Ref{Type: scim.Group, ID: g.ref.ID} // named members carry no version
		if e.Back {
			reason = givenBack
		}
		c := Change{Op: op, UserName: g.name, Target: ref, Reason: reason, Edits: []Edit{e}, Held: ms[0].held}
		k := counted
		if !c.sends() {
			k = bare
		} else {
			b.changed[g.ref.ID] = true
		}
		b.emit(c, at, 0, k, 0)
		ms = ms[n:]
	}
}
