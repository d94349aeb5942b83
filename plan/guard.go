package plan

import (
	"maps"
	"slices"
	"strings"

	"rollcall/scim"
	"rollcall/target"
)

// A minimum is a role that must keep a number of holders, and how many this
// plan leaves it: accounts that are closed count as losses too.
type minimum struct {
	role          string
	least         int
	holders, lost int
	losers        []Who
}

// compileMinimums reads the roles whose number of holders is bounded below.
// They can only be counted where roles are read.
func (b *Builder) compileMinimums() {
	i := slices.IndexFunc(b.rules, func(r rule) bool { return r.roles })
	if i < 0 {
		return
	}
	b.roles = &b.rules[i]
	for _, name := range slices.Sorted(maps.Keys(b.in.Policy.Roles)) {
		if least := b.in.Policy.Roles[name].Min; least > 0 && len(b.minimums) < 8 {
			b.minimums = append(b.minimums, minimum{role: name, least: least})
		}
	}
}

// holdings are the bits of the minimums whose roles are among vs.
func (b *Builder) holdings(vs []scim.Value) uint8 {
	var bits uint8
	for i, m := range b.minimums {
		if slices.ContainsFunc(vs, func(v scim.Value) bool {
			name, _ := identity(v, b.roles.id).Text()
			return strings.EqualFold(name, m.role)
		}) {
			bits |= 1 << i
		}
	}
	return bits
}

// hold remembers which of these roles user n has, who is active.
func (b *Builder) hold(n int, row scim.Row) {
	if len(b.minimums) == 0 {
		return
	}
	for len(b.holds) <= n {
		b.holds = append(b.holds, 0)
	}
	b.holds[n] = 0
	if b.users[n].state != target.Active {
		return
	}
	vs, known := row.Index(b.roles.at)
	if b.holds[n] = b.holdings(vs); !known && b.in.Quick {
		b.holds[n] = 1<<len(b.minimums) - 1 // may hold any of them
	}
}

// release counts what c takes from its user.
func (b *Builder) release(c Change) {
	if len(b.minimums) == 0 || c.Target.Type != scim.User || c.Target.ID == "" {
		return
	}
	n := b.findUser(c.Target.ID)
	if n < 0 || n >= len(b.holds) {
		return
	}
	bits := uint8(0)
	if c.Op == Deactivate || c.Op == Delete {
		bits = b.holds[n]
	}
	for _, e := range c.Edits {
		switch {
		case e.Path == active && slices.Equal(e.Set, activate(false)[0].Set):
			bits = b.holds[n]
		case e.Path == b.roles.Path:
			bits |= b.holds[n] &^ b.holdings(e.After())
		}
	}
	for i := range b.minimums {
		if bits&(1<<i) != 0 {
			b.minimums[i].lost++
			b.minimums[i].losers = append(b.minimums[i].losers, whoOf(c))
		}
	}
}

// fewest are the limits of the roles that must keep their holders. Over one of
// them nothing is applied. Holders are known where everybody was listed: a quick
// plan counts those alone whom it looks at.
func (b *Builder) fewest() []Limit {
	if !b.listed[scim.User] && !b.in.Quick {
		return nil
	}
	for _, bits := range b.holds {
		for i := range b.minimums {
			b.minimums[i].holders += int(bits >> i & 1)
		}
	}
	var out []Limit
	for _, m := range b.minimums {
		name := "role " + m.role
		l := Limit{Name: name, Allowed: max(0, m.holders-m.least, b.in.Policy.Allow[name]), Wanted: m.lost, StopsAll: true}
		if b.in.Policy.Allow[name] < 0 {
			l.Allowed = -1
		}
		if l.Exceeded = l.Allowed >= 0 && l.Wanted > l.Allowed; l.Exceeded {
			l.Who = m.losers
		}
		out = append(out, l)
	}
	return out
}
