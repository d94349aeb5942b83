package plan

import (
	"maps"
	"slices"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// Carries finds the first of these grants, as an answer to [target.Grants] has
// them, whose role neither data nor a file of operations may grant or take.
func (p Policy) Carries(grants []scim.Value) (role string, ok bool) {
	i := slices.IndexFunc(grants, func(v scim.Value) bool { return p.Guards(v, "role") })
	if i < 0 {
		return "", false
	}
	role, _ = grants[i].Sub("role").Text()
	return role, true
}

// carry keeps what was answered about the grants of a group.
func (b *Builder) carry(group string, grants []scim.Value) {
	if role, ok := b.in.Policy.Carries(grants); ok {
		b.carried[group] = role
	}
}

// carriers ask for the grants of every group that this plan is about to
// change, each once: who joins a group has its roles.
func (b *Builder) carriers() []target.Query {
	ids := map[string]bool{}
	findings := len(b.findings)
	b.foresees = true
	b.eachGroup(func(g *group, own Own, people []int32) {
		if m := b.movements(g, own, people); len(m.joins)+len(m.leaves) > 0 {
			ids[g.ref.ID] = true
		}
	})
	for t := range b.lost {
		for _, id := range b.rejoined(t) {
			ids[id] = true
		}
	}
	b.foresees, b.findings = false, b.findings[:findings] // Plan makes them
	var qs []target.Query
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if !b.asked["grants "+id] {
			b.asked["grants "+id] = true
			qs = append(qs, target.Query{Ask: target.Grants, Type: scim.Group, Who: id, Paths: []scim.Path{target.GrantsOf}})
		}
	}
	return qs
}

// rejoined are the groups that the person of tie t is to be given back.
func (b *Builder) rejoined(t int32) (ids []string) {
	n := int(b.ties[t].person)
	if n < 0 || b.people[n].flags&chosen == 0 {
		return nil
	}
	loss := b.lossOf(n)
	for _, had := range loss.Had {
		now, known := b.stand(int(b.people[n].user), had.Path)
		if had.Path != GroupsOf || !known || b.withheld(loss, had.Path) != "" {
			continue
		}
		for _, v := range b.missing(n, loss, had, now) {
			id, _ := identity(v, "value").Text()
			ids = append(ids, id)
		}
	}
	return ids
}

// guardsGroup tells whether a group carries a role that data must not grant or
// take: then nobody joins or leaves it. It is an error that somebody is to join.
func (b *Builder) guardsGroup(g *group, m movements) bool {
	role, guarded := b.carried[g.ref.ID]
	if !guarded {
		return false
	}
	severity := Error
	if len(m.joins) == 0 {
		severity = Warning
	}
	b.Note(finding(severity, "guarded-group", "", source.Place{},
		"the group %s carries the role %s: nobody joins or leaves it by data (%d and %d would); protect.roles can allow it",
		quote(g.name), quote(role), len(m.joins), len(m.leaves)))
	return true
}

// guardsRejoining finds a membership that is given back by hand only.
func (b *Builder) guardsRejoining(n int, v scim.Value) bool {
	id, _ := identity(v, "value").Text()
	role, guarded := b.carried[id]
	if !guarded {
		return false
	}
	s := b.person(n)
	b.Note(finding(Warning, "guarded-group", s.key, s.place,
		"leaving took the membership of %s, which carries the role %s and is not given back by itself; protect.roles can allow it",
		quote(b.groupName(id)), quote(role)))
	return true
}
