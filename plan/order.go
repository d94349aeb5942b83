package plan

import (
	"cmp"
	"slices"

	"rollcall/scim"
	"rollcall/source"
)

// rival settles who gets which userName: two records that want one name get
// none of it, a name that is held is had only when its holder is renamed away
// by this plan, and then after that.
func (b *Builder) rival() {
	at := slices.IndexFunc(b.names, func(m matcher) bool { return m.path == userName })
	if at < 0 {
		return
	}
	var takers []int
	for n := range b.people {
		if b.takes(n, at) {
			takers = append(takers, n)
		}
	}
	for _, n := range takers {
		b.wanters(at, b.wantedName(n, at), n, func(q int) {
			if f := b.people[q].fate; f == created || f.hasUser() {
				b.people[n].flags |= stuck | twin
			}
		})
		if u, _ := b.holder(at, b.wantedName(n, at)); u >= 0 && int32(u) != b.people[n].user {
			if m := b.mover(u); m >= 0 && b.people[m].flags&chosen != 0 {
				b.people[n].waits = int32(m)
			} else {
				b.people[n].flags |= stuck
			}
		}
	}
	for _, n := range takers {
		b.chain(n)
	}
	for _, n := range takers {
		if p := &b.people[n]; p.flags&stuck != 0 && p.fate == created {
			p.fate = reused
			if p.flags&twin != 0 {
				p.fate = ambiguous
			}
		}
	}
}

// takes tells whether person n gets a userName by this plan.
func (b *Builder) takes(n, at int) bool {
	p := b.people[n]
	if !p.fate.hasUser() {
		return p.fate == created
	}
	name := b.wantedName(n, at)
	return b.renames() && name != "" && name != b.seenName(int(p.user), at) && p.flags&dormant == 0
}

// chain counts the renames that must come before that of n. Who waits for
// somebody that is stuck, or in a circle, is stuck too.
func (b *Builder) chain(n int) {
	path := []int32{int32(n)}
	for {
		p := b.people[path[len(path)-1]]
		if p.flags&stuck != 0 || p.waits >= 0 && slices.Contains(path, p.waits) {
			for _, m := range path {
				b.people[m].flags |= stuck
			}
			return
		}
		if p.waits < 0 {
			break
		}
		path = append(path, p.waits)
	}
	if len(path) > 1 {
		b.depth[path[0]] = uint32(len(path) - 1)
	}
}

// stuckFinding says that c's person keeps the userName they have.
func (b *Builder) stuckFinding(c *comparison) {
	if b.people[c.n].flags&stuck != 0 {
		c.find(Error, "address-reused", "another user has the userName, or another record wants it too; it is not changed")
	}
}

// restsOf tells which kinds of changes must happen so that n can have its userName.
func (b *Builder) restsOf(n int) rests {
	r := rests(0)
	for w := b.people[n].waits; w >= 0; w = b.people[w].waits {
		if b.people[w].fate == adopted {
			r |= restsAdopt
		}
	}
	return r
}

// layer puts every manager's create before those of their people. A circle is
// cut where the walk in the order of keys comes back: that reference follows
// in a second change.
func (b *Builder) layer() {
	var creates []int32
	for n := range b.people {
		if b.people[n].fate == created && b.people[n].flags&chosen != 0 {
			creates = append(creates, int32(n))
		}
	}
	l := layers{Builder: b, color: make([]uint8, len(b.people))}
	if l.walk(creates) {
		return
	}
	slices.SortFunc(creates, func(x, y int32) int { return cmp.Compare(b.keyOf(int(x)), b.keyOf(int(y))) })
	l = layers{Builder: b, color: make([]uint8, len(b.people)), cutting: true}
	l.walk(creates)
}

type layers struct {
	*Builder

	color   []uint8 // by person: not seen, on the way, done
	cutting bool
}

const (
	onTheWay uint8 = iota + 1
	walked
)

// A step is one person on the way, with the chiefs still to look at.
type step struct {
	n     int32
	todo  []int32
	depth uint32
}

// walk sets the depth of every create. It answers false at the first circle, unless it cuts.
func (l *layers) walk(creates []int32) bool {
	var way []step
	for _, n := range creates {
		if l.color[n] == walked {
			continue
		}
		way = append(way[:0], l.enter(n))
		for len(way) > 0 {
			var ok bool
			if way, ok = l.advance(way); !ok {
				return false
			}
		}
	}
	return true
}

func (l *layers) enter(n int32) step {
	l.color[n] = onTheWay
	return step{n: n, todo: l.chiefs(n)}
}

// advance looks at one more chief of the last step, or leaves it.
func (l *layers) advance(way []step) ([]step, bool) {
	s := &way[len(way)-1]
	if len(s.todo) == 0 {
		l.color[s.n] = walked
		if s.depth > 0 {
			l.depth[s.n] = s.depth
		}
		up := s.depth + 1
		way = way[:len(way)-1]
		if len(way) > 0 {
			way[len(way)-1].depth = max(way[len(way)-1].depth, up)
		}
		return way, true
	}
	m := s.todo[0]
	s.todo = s.todo[1:]
	switch l.color[m] {
	case walked:
		s.depth = max(s.depth, l.depth[m]+1)
	case onTheWay:
		if !l.cutting {
			return way, false
		}
		l.cuts[[2]int32{s.n, m}] = true
	default:
		way = append(way, l.enter(m))
	}
	return way, true
}

// chiefs are the people that n refers to and that are created too, but n.
func (b *Builder) chiefs(n int32) []int32 {
	var out []int32
	for _, k := range b.referred(int(n)) {
		m := int32(b.find(k))
		if m >= 0 && m != n && b.people[m].fate == created {
			out = append(out, m)
		}
	}
	return out
}

// referred are the keys that the record of n refers to.
func (b *Builder) referred(n int) []source.Key {
	var keys []source.Key
	row := b.wanted(n)
	for _, r := range b.rules {
		if !r.reference || r.Own == Watch {
			continue
		}
		vs, _ := row.Index(r.at)
		for _, v := range vs {
			keys = append(keys, b.meant(v)...)
		}
	}
	return keys
}

// cut tells whether e, of the create of n, refers to somebody who is created after n.
func (b *Builder) cut(n int, e Edit) bool {
	if len(b.cuts) == 0 {
		return false
	}
	later := func(v scim.Value) bool {
		return slices.ContainsFunc(persons(v), func(k source.Key) bool {
			return b.cuts[[2]int32{int32(n), int32(b.find(k))}]
		})
	}
	return slices.ContainsFunc(e.Set, later) || slices.ContainsFunc(e.Add, later)
}
