package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A Trait is one attribute as it was read.
type Trait struct {
	Path   scim.Path    `json:"path"`
	Values []scim.Value `json:"values,omitempty"`
}

// A Loss is what somebody had when a run of ours deactivated or deleted them, as
// far as it was read, less what was given back since.
type Loss struct {
	At  time.Time `json:"at,omitzero"`  // zero: nobody knows yet whether they left
	Op  Op        `json:"op,omitempty"` // Deactivate or Delete
	Had []Trait   `json:"had,omitempty"`
}

// Leaves tells whether op closes an account, with whatever that takes away.
func (op Op) Leaves() bool { return op == Deactivate || op == Delete }

// Keeps tells whether what the user has is read before c is sent, since c closes
// the account: somebody who is inactive in the source can be adopted so.
func (c Change) Keeps() bool { return len(c.Leaving) > 0 && (c.Op.Leaves() || c.Op == Adopt) }

// Leavings are all the paths that can be kept of somebody whose account is closed.
func Leavings(d target.Dialect) []Trait {
	var out []Trait
	for _, p := range append(slices.Clone(d.Leaving), target.GrantsOf) {
		out = append(out, Trait{Path: p})
	}
	return out
}

// GroupsOf is the path under which a user shows the groups they are in:
// elements {"value": id}. It is read-only: memberships are written on groups.
const GroupsOf scim.Path = "groups"

const rolesOf scim.Path = "roles"

// Less is l without what the edits give back.
func (l Loss) Less(edits []Edit) Loss {
	var rest []Trait
	for _, t := range l.Had {
		for _, e := range edits {
			if e.Back && e.Path == t.Path {
				t.Values = slices.DeleteFunc(slices.Clone(t.Values), func(v scim.Value) bool {
					_, given := e.find(slices.Concat(e.Set, e.Add), v)
					return given
				})
			}
		}
		if len(t.Values) > 0 {
			rest = append(rest, t)
		}
	}
	if len(rest) == 0 {
		return Loss{}
	}
	l.Had = rest
	return l
}

// standing keeps what was answered about somebody who comes back.
func (b *Builder) standing(o target.Observed) {
	for i, p := range o.Row.Shape().Paths() {
		if vs, known := o.Row.Index(i); known {
			b.stands[o.ID] = append(b.stands[o.ID], Trait{Path: p, Values: vs})
		}
	}
}

// stand is what is there now of user u, beyond what is compared.
func (b *Builder) stand(u int, p scim.Path) ([]scim.Value, bool) {
	traits := b.stands[b.userID(u)]
	if i := slices.IndexFunc(traits, func(t Trait) bool { return t.Path == p }); i >= 0 {
		return traits[i].Values, true
	}
	return nil, false
}

// lossOf is what person n lost by leaving and may be given back now; nothing
// where they do not come back by this plan.
func (b *Builder) lossOf(n int) Loss {
	p := b.people[n]
	if p.fate != linked || p.flags&dormant != 0 || !b.in.Policy.Lifecycle {
		return Loss{}
	}
	loss := b.lost[p.tie]
	switch b.users[p.user].state {
	case target.Active:
		if !loss.At.IsZero() {
			return loss
		}
	case target.Inactive:
		if b.returns(n) {
			return loss
		}
	default:
	}
	return Loss{}
}

// returnQuestions ask what people who come back have of what they lost.
func (b *Builder) returnQuestions() []target.Query {
	var qs []target.Query
	for _, t := range slices.Sorted(maps.Keys(b.lost)) {
		n := int(b.ties[t].person)
		if n < 0 || b.people[n].flags&chosen == 0 || b.asked["lost "+string(b.keyOf(n))] {
			continue
		}
		var paths []scim.Path
		for _, had := range b.lossOf(n).Had {
			b.asked["lost "+string(b.keyOf(n))] = true
			if had.Path != target.GrantsOf {
				paths = append(paths, had.Path)
			} else if slices.Contains(b.in.Policy.Restore, target.GrantsOf) {
				qs = append(qs, target.Query{Ask: target.Grants, Type: scim.User, Who: b.tieID(int(t)), Paths: []scim.Path{target.GrantsOf}})
			}
		}
		if len(paths) > 0 {
			qs = append(qs, target.Query{Ask: target.ByID, Type: scim.User, Who: b.tieID(int(t)), Paths: paths})
		}
	}
	return qs
}

// A giving is what somebody who comes back is given back, and what is not.
type giving struct {
	edits  []Edit       // of the user
	grants []scim.Value // roles with their divisions
	groups []string     // ids
	left   []Trait      // all of these: what the ledger is to wait for
	news   bool         // left is less than what the ledger waits for
	denied map[string][]string
}

// giveBack holds what leaving took from person n against what is there now.
//
//	what was lost                        | what follows
//	------------------------------------ | ------------------------------------------
//	is there                             | nothing
//	the mapping decides about it         | what the mapping says
//	a guarded role                       | finding
//	restore does not name it, too late   | finding: what it was, and how to get it back
//	roles, and divisions are not known   | finding: never a guess
//	anything else                        | given back; whose it was it stays
func (b *Builder) giveBack(n int) giving {
	loss := b.lossOf(n)
	if len(loss.Had) == 0 {
		return giving{}
	}
	g := giving{denied: map[string][]string{}}
	_, granted := b.stand(int(b.people[n].user), target.GrantsOf)
	granted = granted && slices.ContainsFunc(loss.Had, func(t Trait) bool { return t.Path == target.GrantsOf })
	for _, t := range loss.Had {
		now, known := b.stand(int(b.people[n].user), t.Path)
		if !known || t.Path == rolesOf && granted {
			continue
		}
		missing := b.missing(n, loss, t, now)
		if len(missing) == 0 {
			continue
		}
		if why := b.withheld(loss, t.Path); why != "" {
			g.denied[why] = append(g.denied[why], b.lostWords(t.Path, missing))
			continue
		}
		g.give(b, Trait{t.Path, missing}, now)
	}
	g.news = !slices.EqualFunc(g.left, loss.Had, func(x, y Trait) bool { return x.Path == y.Path && slices.Equal(x.Values, y.Values) })
	return g
}

// give adds one attribute to what is given back.
func (g *giving) give(b *Builder, t Trait, now []scim.Value) {
	g.left = append(g.left, t)
	set, isSet := b.in.Dialect.Sets[t.Path]
	switch {
	case t.Path == target.GrantsOf:
		g.grants = t.Values
	case t.Path == GroupsOf:
		for _, v := range t.Values {
			id, _ := identity(v, "value").Text()
			g.groups = append(g.groups, id)
		}
	case isSet:
		g.edits = append(g.edits, Edit{Path: t.Path, Before: now, Add: t.Values, ID: set.Sub[0], Back: true})
	default:
		g.edits = append(g.edits, Edit{Path: t.Path, Before: now, Whole: true, Set: t.Values, Back: true})
	}
}

// precede lets edits begin with the roles that the grants before them give: in a
// saved plan they are nobody else's change.
func (g *giving) precede(edits []Edit) {
	for i := range edits {
		e := &edits[i]
		if e.Path != rolesOf || len(g.grants) == 0 {
			continue
		}
		e.Before = slices.Clone(e.Before)
		for _, v := range g.grants {
			e.Before = append(e.Before, scim.ValueOf(map[string]any{"value": v.Sub("role")}))
		}
		slices.Sort(e.Before)
		e.Before = slices.Compact(e.Before)
	}
}

// missing is what of t is not there now, is none of the mapping's business, and may be given.
func (b *Builder) missing(n int, loss Loss, t Trait, now []scim.Value) []scim.Value {
	id := b.elementID(t.Path)
	now = slices.Concat(now, b.in.Dialect.Sets[t.Path].Keep) // the service gives these by itself
	if id == "" && t.Path != target.GrantsOf {
		return b.missingValue(n, loss, t, now)
	}
	var out []scim.Value
	for _, v := range t.Values {
		if _, there := element(now, v, id); !there && !b.decides(n, t.Path, v) && !b.guardsBack(n, t.Path, v) {
			out = append(out, v)
		}
	}
	return out
}

// missingValue is a single value that is gone. A division is moved by deletion
// only: where somebody else moved it, it stays.
func (b *Builder) missingValue(n int, loss Loss, t Trait, now []scim.Value) []scim.Value {
	r := b.ruleOf(t.Path)
	if r != nil && r.Own == Managed {
		if _, known := b.wanted(n).Index(r.at); known {
			return nil
		}
	}
	if len(t.Values) == 0 || slices.Equal(now, t.Values) || len(now) > 0 && loss.Op != Delete {
		return nil
	}
	return t.Values
}

// elementID is what tells the elements of a set apart; "" where p is none.
func (b *Builder) elementID(p scim.Path) string {
	if set, isSet := b.in.Dialect.Sets[p]; isSet {
		return set.Sub[0]
	}
	if p == GroupsOf {
		return "value"
	}
	return ""
}

func (b *Builder) ruleOf(p scim.Path) *rule {
	if i := slices.IndexFunc(b.rules, func(r rule) bool { return r.Path == p }); i >= 0 {
		return &b.rules[i]
	}
	return nil
}

// decides tells whether the mapping decides about the element v of a set: it
// grants it anew, or has taken it away meanwhile. The division of a role is
// never its business.
func (b *Builder) decides(n int, p scim.Path, v scim.Value) bool {
	if p == GroupsOf {
		return b.decidesGroup(n, v)
	}
	from := p
	if p == target.GrantsOf {
		from, v = rolesOf, scim.ValueOf(map[string]any{"value": v.Sub("role")})
	}
	r := b.ruleOf(from)
	if r == nil || r.Own == Watch {
		return false
	}
	want, known := b.wanted(n).Index(r.at)
	if !known {
		return false
	}
	if _, wanted := element(want, v, r.id); wanted {
		return p != target.GrantsOf
	}
	ours, _ := b.link(int(b.people[n].tie)).Ours.Index(r.at)
	_, mine := element(ours, v, r.id)
	_, kept := element(r.set.Keep, v, r.id)
	return !kept && (r.Own == Exact || r.Own == Mine && mine)
}

// decidesGroup tells whether the mapping decides about a membership.
func (b *Builder) decidesGroup(n int, v scim.Value) bool {
	id, _ := identity(v, "value").Text()
	i := slices.IndexFunc(b.groups, func(g group) bool { return g.ref.ID == id })
	if i < 0 {
		return false
	}
	own, managed := b.managed()[b.groups[i].name]
	if !managed || b.people[n].flags&unnamed != 0 && !b.ruled(b.groups[i].name) {
		return false
	}
	for _, w := range b.person(n).groups {
		if b.words.list[w] == b.groups[i].name {
			return true
		}
	}
	return own == Exact || own == Mine && b.gave(int(b.people[n].tie), id)
}

// guardsBack finds roles, and groups that carry them, that are given by hand only.
func (b *Builder) guardsBack(n int, p scim.Path, v scim.Value) bool {
	if p == GroupsOf {
		return b.guardsRejoining(n, v)
	}
	if p != target.GrantsOf || !b.in.Policy.Guards(v, "role") {
		return false
	}
	s := b.person(n)
	b.Note(finding(Warning, "guarded-role", s.key, s.place, "leaving took the role %s, which is not given back by itself; protect.roles can allow it", v.Sub("role")))
	return true
}

// withheld says why what was lost at p is not given back; "" where it is.
func (b *Builder) withheld(loss Loss, p scim.Path) string {
	path := p
	if p == rolesOf {
		path = target.GrantsOf
	}
	switch {
	case !slices.Contains(b.in.Policy.Restore, path):
		return "leavers.restore does not name it: name it before this is applied, or give it by hand"
	case !loss.At.IsZero() && b.now().Sub(loss.At) > b.in.Policy.RestoreWithin:
		return "they left on " + loss.At.Format(time.DateOnly) + " and leavers.restore_within is over: give it by hand"
	case p == rolesOf:
		return "in which divisions is not known, for grants could not be read (authorization:grant:view): give it by hand"
	}
	return ""
}

// now is when the run began.
func (b *Builder) now() time.Time {
	if !b.in.Basis.At.IsZero() {
		return b.in.Basis.At
	}
	today, _ := time.Parse(time.DateOnly, b.in.Basis.Today)
	return today
}

// lostWords names what was lost as people call it.
func (b *Builder) lostWords(p scim.Path, vs []scim.Value) string {
	words := make([]string, len(vs))
	for i, v := range vs {
		words[i] = b.lostWord(p, v)
	}
	if p == target.GrantsOf {
		p = rolesOf
	}
	return b.label(p) + " " + strings.Join(words, ", ")
}

func (b *Builder) lostWord(p scim.Path, v scim.Value) string {
	word, _ := identity(v, b.elementID(p)).Text()
	switch p {
	case target.GrantsOf:
		return grantWord(v)
	case GroupsOf:
		return b.groupName(word)
	}
	return word
}

func grantWord(v scim.Value) string {
	role, _ := v.Sub("role").Text()
	division, _ := v.Sub("division").Text()
	return role + " in " + division
}

func (b *Builder) groupName(id string) string {
	for i := range b.groups {
		if b.groups[i].ref.ID == id && b.groups[i].name != "" {
			return b.groups[i].name
		}
	}
	return id
}

// give emits what g gives back to person n, beside the edits, which travel with
// what else changes of them: r is what it rests on.
func (b *Builder) give(n int, g giving, r rests) {
	if len(g.left)+len(g.denied) == 0 {
		return
	}
	s := b.person(n)
	for _, why := range slices.Sorted(maps.Keys(g.denied)) {
		b.Note(finding(Warning, "lost-by-leaving", s.key, s.place, "leaving took %s; %s", strings.Join(g.denied[why], "; "), why))
	}
	c := b.compareTo(n)
	if len(g.grants) > 0 {
		b.emit(c.change(Grant, givenBack, []Edit{{Path: target.GrantsOf, Add: g.grants, Back: true}}), halving, 0, secondHalf, r)
	}
	for _, id := range g.groups {
		b.rejoins[id] = append(b.rejoins[id], membership{key: s.key})
	}
}

// rejoin emits the memberships that are given back, group by group.
func (b *Builder) rejoin() {
	for _, id := range slices.Sorted(maps.Keys(b.rejoins)) {
		for i, m := range b.rejoins[id] {
			b.rejoins[id][i].held = b.awaits(int32(b.find(m.key)))
		}
		g := group{ref: scim.Ref{Type: scim.Group, ID: id}, name: b.groupName(id)}
		b.members(&g, Join, b.rejoins[id], func(e *Edit) *[]scim.Value { e.Back = true; return &e.Add })
	}
}

// restore brings a deleted user back for the person who wants the userName,
// where somebody allowed it. What they are to have follows in the next run: of a
// deleted user nothing can be read.
func (b *Builder) restore(n int) {
	p, s := b.people[n], b.person(n)
	id := b.userID(int(p.user))
	c := Change{Op: Restore, Key: s.key, UserName: b.nameOf(int(p.user)), Target: b.ref(int(p.user)), Reason: returned, Place: s.place}
	if p.tie >= 0 && b.tieID(int(p.tie)) == id {
		c.Leaving = b.lost[p.tie].Had
	}
	b.emit(c, updating, 0, counted, 0)
	b.Note(finding(Note, "restored", s.key, source.Place{}, "the deleted user is restored, in the Home division and without roles; attributes, groups and what is given back follow in the next run"))
}

// restores tells whether the deleted user that person n matches may be
// restored: it is allowed, and the user was nobody else's.
func (b *Builder) restores(n int) bool {
	if b.in.Policy.Allow[string(Restore)] == 0 || b.people[n].flags&(dormant|vague) != 0 || !b.in.Policy.Lifecycle {
		return false
	}
	id := b.userID(int(b.people[n].user))
	t := lookup(&b.tieByID, id, func(t int) bool { return b.tieID(t) == id })
	return t < 0 || b.tieKey(t) == b.keyOf(n)
}
