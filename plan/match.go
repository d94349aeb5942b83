package plan

import (
	"slices"
	"strings"

	"rollcall/scim"
	"rollcall/target"
)

// A fate is what matching says about one person.
type fate uint8

// The fates. match pairs what is desired with what exists:
//
//	desired   link       user found           | fate
//	--------  ---------  -------------------  | ------------------------------------
//	held      -          -                    | standing (as last believed)
//	yes       yes        yes                  | linked
//	yes       yes        deleted, gone        | lost (finding)
//	yes       yes        nothing known        | unseen (a question; then nothing)
//	yes       no         one, free            | adopted
//	yes       open       one, free            | recovered: the create of ours whose answer was lost
//	yes       no         one, of a key gone   | rekeyed: linked, once its claim is not disputed
//	yes       no         one, of another key  | reused (finding)
//	active    no         a deleted one        | erased (finding)
//	yes       no         several              | ambiguous (finding), as is one that two records want
//	yes       closed     none, gone before    | buried (finding): not created anew by itself
//	active    no         none                 | created; incomplete (finding) where the mapping is
//	inactive  no         none, a deleted one  | idle (counted)
//	not said  no         none, a deleted one  | unclear (finding)
//	yes       no         none, lifecycle none | absent (finding)
const (
	undecided fate = iota
	standing
	linked
	lost
	buried
	unseen
	adopted
	recovered
	heir // of the link of a key that is gone; linked as soon as nobody else wants it
	reused
	erased
	ambiguous
	created
	incomplete
	idle
	unclear
	absent
	shunned // protected: never touched
)

// hasUser tells whether the person has a user by the plan, who need not be created.
func (f fate) hasUser() bool { return f == linked || f == adopted || f == recovered }

// decide matches everybody anew. It adds no findings: it is asked again after every answer.
func (b *Builder) decide() {
	b.given = nil
	for n := range b.users {
		b.users[n].tie, b.users[n].claim = -1, -1
		b.users[n].flags &^= contested
	}
	for n := range b.ties {
		t := &b.ties[n]
		t.user, t.person = -1, int32(b.find(b.tieKey(n)))
		t.flags &^= contested
		if id := b.tieID(n); id != "" && t.flags&closed == 0 {
			t.user = int32(b.findUser(id))
		}
		if t.user >= 0 {
			b.users[t.user].tie = int32(n)
		}
	}
	for n := range b.people {
		b.people[n].fate = b.fateOf(n)
	}
	for n := range b.people {
		p := &b.people[n]
		if (p.fate == adopted || p.fate == recovered) && b.users[p.user].flags&contested != 0 {
			p.fate = ambiguous
		}
		if p.fate == heir {
			b.succeed(n)
		}
		if b.picked(n, int(p.tie)) {
			p.flags |= chosen
		}
	}
	for n := range b.ties {
		if b.ties[n].person < 0 && b.picked(-1, n) {
			b.ties[n].flags |= chosen
		}
	}
}

func (b *Builder) fateOf(n int) fate {
	p := &b.people[n]
	p.tie, p.user, p.waits = int32(b.findTie(b.keyOf(n))), -1, -1
	p.flags &^= rekeyed
	if p.flags&held != 0 {
		return standing
	}
	if p.tie >= 0 && b.ties[p.tie].flags&closed == 0 && b.tieID(int(p.tie)) != "" {
		p.user = b.ties[p.tie].user
		switch {
		case p.user < 0:
			return unseen
		case b.users[p.user].state == target.Gone || b.users[p.user].state == target.Erased:
			return lost
		case b.in.Policy.Protects(b.nameOf(int(p.user))):
			return shunned
		}
		return linked
	}
	return b.match(n)
}

// match looks for the user of an unlinked person, key by key.
func (b *Builder) match(n int) fate {
	row := b.wanted(n)
	found := b.risen(n)
	for i, m := range b.names {
		name := b.nameIn(row, i)
		if m.holds || name == "" {
			continue
		}
		u, several := b.holder(i, name)
		switch {
		case several:
			b.contest(i, name)
			return ambiguous
		case u < 0 || m.path == userName && b.mover(u) >= 0:
		case found < 0:
			found = u
		case found != u && b.users[u].tie < 0:
			b.users[u].flags |= contested
			b.users[found].flags |= contested
			return ambiguous
		}
	}
	if found < 0 {
		return b.newcomer(n, row)
	}
	return b.claim(n, row, found)
}

// newcomer is the fate of a person whom no key finds.
func (b *Builder) newcomer(n int, row scim.Row) fate {
	for i, m := range b.names {
		name := b.nameIn(row, i)
		if m.path != userName || name == "" {
			continue
		}
		if b.in.Policy.Protects(name) {
			return shunned
		}
		if u := b.deleted(i, name); u >= 0 && (b.people[n].flags&(dormant|vague) == 0 || !b.in.Policy.Lifecycle) {
			b.people[n].user = int32(u)
			return erased
		}
	}
	switch {
	case !b.in.Policy.Lifecycle:
		return absent
	case b.people[n].flags&dormant != 0:
		return idle
	case b.people[n].flags&vague != 0:
		return unclear
	case b.mourned(n):
		return buried
	case b.lacking(row) != "":
		return incomplete
	default:
		return created
	}
}

// claim takes the user that was found, unless it is another's.
func (b *Builder) claim(n int, row scim.Row, found int) fate {
	p, u := &b.people[n], &b.users[found]
	p.user = int32(found)
	inherits := b.inherits(n, int(u.tie))
	if u.tie >= 0 && !inherits {
		if b.ties[u.tie].left == 0 { // else they left before, and go on leaving
			b.ties[u.tie].flags |= contested
		}
		return reused
	}
	for i, m := range b.names {
		want, has := b.nameIn(row, i), b.seenName(found, i)
		if m.path == externalID && want != "" && has != "" && want != has && !inherits {
			return reused
		}
	}
	if b.in.Policy.Protects(b.nameOf(found)) {
		return shunned
	}
	if u.claim >= 0 {
		u.flags |= contested
	}
	u.claim = int32(n)
	if inherits {
		return heir
	}
	if p.tie >= 0 && b.ties[p.tie].flags&open != 0 && b.openOp(int(p.tie)) == Create {
		return recovered
	}
	return adopted
}

// holder is the user, active or inactive, that has this name; several tells
// that more than one has.
func (b *Builder) holder(i int, name string) (u int, several bool) {
	u = -1
	b.userByName.each(b.nameKey(i, name), func(n int) bool {
		n, at := n/len(b.names), n%len(b.names)
		if s := b.users[n].state; at != i || n == u || s == target.Gone || s == target.Erased || b.seenName(n, i) != name {
			return true
		}
		several = u >= 0
		u = n
		return !several
	})
	return u, several
}

// contest marks every user of this name: they stand as they are.
func (b *Builder) contest(i int, name string) {
	b.userByName.each(b.nameKey(i, name), func(n int) bool {
		if n%len(b.names) == i && b.seenName(n/len(b.names), i) == name {
			b.users[n/len(b.names)].flags |= contested
		}
		return true
	})
}

// deleted is a deleted user that had this name, or -1.
func (b *Builder) deleted(i int, name string) int {
	found := -1
	b.userByName.each(b.nameKey(i, name), func(n int) bool {
		n, at := n/len(b.names), n%len(b.names)
		if at == i && b.users[n].state == target.Erased && b.seenName(n, i) == name {
			found = n
		}
		return found < 0
	})
	return found
}

// wanters are the people, other than n, that want this name.
func (b *Builder) wanters(i int, name string, n int, use func(q int)) {
	b.byName.each(b.nameKey(i, name), func(m int) bool {
		q, at := m/len(b.names), m%len(b.names)
		if at == i && q != n && b.people[q].flags&held == 0 && b.wantedName(q, i) == name {
			use(q)
		}
		return true
	})
}

// mover is the person whose rename takes the userName of u away, or -1.
func (b *Builder) mover(u int) int {
	p := -1
	if t := b.users[u].tie; t >= 0 {
		p = int(b.ties[t].person)
	}
	for i, m := range b.names {
		if name := b.seenName(u, i); b.users[u].tie < 0 && m.path != userName && name != "" {
			b.wanters(i, name, -1, func(q int) { p = q })
		}
	}
	if p < 0 || b.people[p].flags&(held|dormant) != 0 || b.users[u].state != target.Active || !b.renames() {
		return -1
	}
	row := b.wanted(p)
	for i, m := range b.names {
		name := b.nameIn(row, i)
		if m.path == userName && name != "" && name != b.seenName(u, i) && !b.in.Policy.Protects(b.seenName(u, i)) {
			return p
		}
	}
	return -1
}

// renames tells whether userNames are ruled by the source.
func (b *Builder) renames() bool {
	for _, r := range b.rules {
		if r.Path == userName {
			return r.Own == Managed && b.in.Policy.Lifecycle
		}
	}
	return false
}

// lacking is the first attribute that a create needs and row does not have.
func (b *Builder) lacking(row scim.Row) scim.Path {
	for _, p := range b.in.Dialect.CreateNeeds {
		if vs, _ := row.At(p); len(vs) == 0 {
			return p
		}
	}
	return ""
}

// wantsActive tells what the source says of a person: active, unless it says not.
func wantsActive(row scim.Row) bool {
	vs, known := row.At(active)
	return !known || len(vs) != 1 || vs[0] != "false"
}

// unsaid tells that the source says of others whether they are active, and of
// this person not: they are neither created nor brought back.
func (b *Builder) unsaid(row scim.Row) bool {
	vs, known := row.At(active)
	return (!known || len(vs) != 1) && slices.ContainsFunc(b.in.Rules, func(r Rule) bool { return r.Path == active && r.Own != Watch })
}

// picked tells whether Policy.Only selects this person, or link: by key,
// userName, externalId or id.
func (b *Builder) picked(n, t int) bool {
	if len(b.in.Policy.Only) == 0 {
		return true
	}
	var names []string
	if n >= 0 {
		p := b.people[n]
		names = append(names, string(b.keyOf(n)))
		row := b.wanted(n)
		for i := range b.names {
			names = append(names, b.nameIn(row, i))
		}
		if p.user >= 0 {
			names = append(names, b.userID(int(p.user)), b.nameOf(int(p.user)))
		}
	}
	if t >= 0 {
		l, _ := b.head(t)
		names = append(names, string(l.Key), l.Ref.ID, strings.ToLower(l.UserName))
	}
	chosen := false
	for _, name := range names {
		if who := b.who(name); who != "" {
			b.asked["who "+who], chosen = true, true
		}
	}
	return chosen
}

// who is the entry of Policy.Only that name is.
func (b *Builder) who(name string) string {
	for _, w := range b.in.Policy.Only {
		if name != "" && (w == name || strings.Contains(name, "@") && strings.ToLower(w) == name) {
			return w
		}
	}
	return ""
}
