package plan

import (
	"cmp"
	"math"
	"slices"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/source"
)

// DefaultLimits are the bounds of somebody who configured none (design §8).
// Create and Reactivate have none.
func DefaultLimits() map[Op]Bound {
	return map[Op]Bound{
		Adopt:         {},
		Update:        {N: 50, Percent: 50},
		Rename:        {N: 5, Percent: 1},
		Deactivate:    {N: 10, Percent: 2},
		Delete:        {},
		GroupRemovals: {N: 5, Percent: 25},
		Rekey:         {N: 5, Percent: 1},
	}
}

// bounded are the limits in the order in which plans show them.
var bounded = []Op{Deactivate, Rename, GroupRemovals, Adopt, Create, Update, Reactivate, Delete, Rekey}

// Bound is the bound of op as configured, else the default's; N is negative where there is none.
func (p Policy) Bound(op Op) Bound {
	bound, ok := p.Limits[op]
	if !ok {
		bound, ok = DefaultLimits()[op]
	}
	if !ok {
		return Bound{N: -1}
	}
	return bound
}

// allowed is the bound of op over a base; -1: none. A limit that is not
// configured is the default's, and a negative N is no bound.
func (p Policy) allowed(op Op, base int) int {
	bound := p.Bound(op)
	lifted, lift := p.Allow[string(op)]
	if bound.N < 0 || lift && lifted < 0 {
		return -1
	}
	return max(bound.N, int(bound.Percent*float64(base)/100), lifted)
}

// stops tells whether a limit stops the whole plan, and not its kind alone.
func (op Op) stops() bool { return op == Deactivate || op == Rename || op == GroupRemovals }

// limits holds the counts of changes against the bounds.
func (b *Builder) limits() []Limit {
	base := b.in.Policy.Base
	if base == 0 {
		for _, t := range b.ties {
			if t.flags&closed == 0 {
				base++
			}
		}
	}
	b.measure()
	var out []Limit
	for _, op := range bounded {
		if op == GroupRemovals {
			out = append(out, Limit{Name: string(op)})
			continue
		}
		l := Limit{Name: string(op), Allowed: b.in.Policy.allowed(op, base), Wanted: b.counts[op] + b.in.Policy.Recent[op], StopsAll: op.stops()}
		l.Exceeded = l.Allowed >= 0 && l.Wanted > l.Allowed && b.counts[op] > 0
		out = append(out, l)
		var units []Limit
		if !l.Exceeded {
			units = b.byUnit(op)
		}
		out = append(out, units...)
		b.over[op] = (l.Exceeded || len(units) > 0) && !l.StopsAll
	}
	if n := b.counts[Restore]; n > 0 { // nobody is restored who was not allowed to be
		l := Limit{Name: string(Restore), Allowed: b.in.Policy.Allow[string(Restore)], Wanted: n}
		l.Exceeded = l.Allowed >= 0 && n > l.Allowed
		b.over[Restore] = l.Exceeded
		out = append(out, l)
	}
	return out
}

// A loss is what one group loses.
type loss struct {
	name            string
	allowed, wanted int
	over            bool
}

// leavable is how many may leave a group of this size; -1: all. Whatever the bound,
// no group of ten or more loses over half unless a person allows it.
func (p Policy) leavable(size int) int {
	n := p.allowed(GroupRemovals, size)
	if _, lifted := p.Allow[string(GroupRemovals)]; !lifted && size >= 10 && (n < 0 || n > size/2) {
		return size / 2
	}
	return n
}

// lose holds the removals from one group against its bound.
func (b *Builder) lose(g *group, size int, leaves []membership) {
	wanted := 0
	for _, m := range leaves {
		if m.held == "" {
			wanted++
		}
	}
	if wanted == 0 {
		return
	}
	p := b.in.Policy
	l := loss{name: g.name, allowed: p.leavable(size), wanted: wanted + p.RecentRemovals[g.ref.ID]}
	l.over = l.allowed >= 0 && l.wanted > l.allowed
	b.losses = append(b.losses, l)
	if l.over {
		b.Note(finding(Warning, "group-removals", "", source.Place{}, "%s of %d members would lose %d, more than the %d allowed", quote(g.name), size, l.wanted, l.allowed))
	}
}

// removals puts what groups lose into limits: those that lose too much, the
// worst first; where none does, the one that is nearest to its bound.
func (b *Builder) removals(limits []Limit) []Limit {
	var all []Limit
	for _, g := range b.losses {
		all = append(all, Limit{Name: string(GroupRemovals), Of: g.name, Allowed: g.allowed, Wanted: g.wanted, StopsAll: true, Exceeded: g.over})
	}
	slices.SortStableFunc(all, func(x, y Limit) int { return cmp.Compare(y.excess(), x.excess()) })
	over := slices.IndexFunc(all, func(l Limit) bool { return !l.Exceeded })
	switch {
	case len(all) == 0:
		all = []Limit{{Name: string(GroupRemovals), Allowed: b.in.Policy.allowed(GroupRemovals, 0), StopsAll: true}}
	case over >= 0:
		all = all[:max(1, over)]
	}
	at := slices.IndexFunc(limits, func(l Limit) bool { return l.Name == string(GroupRemovals) })
	return slices.Replace(limits, at, at+1, all...)
}

// excess is by how much l is exceeded; negative where it is not.
func (l Limit) excess() int {
	if l.Allowed < 0 {
		return math.MinInt
	}
	return l.Wanted - l.Allowed
}

// wait holds the changes of every kind that is over its limit, and whatever
// rests on one that waits. It runs in the order of waves: what is waited for comes first.
func (b *Builder) wait() {
	b.out.sort()
	for i := range len(b.out.entries) {
		e := &b.out.entries[i]
		if why := b.waitsFor(*e); why != "" {
			e.held = uint16(b.out.of(string(why)))
			b.holdBack(b.out.change(*e), why)
			continue
		}
		if e.rests&restsPart != 0 && len(b.waiting) > 0 {
			b.part(i)
		}
	}
}

// holdBack remembers whose change waits.
func (b *Builder) holdBack(c Change, why Op) {
	if c.Op == Create {
		b.waiting[int32(b.find(c.Key))] = why
	}
	if c.Sent != (Digest{}) {
		b.resters = append(b.resters, Wait{Key: c.Key, Digest: c.Sent})
	}
}

func (b *Builder) waitsFor(e entry) Op {
	switch op := ops[e.op]; {
	case e.kind == counted && b.over[op]:
		return op
	case e.rests&restsAdopt != 0 && b.over[Adopt]:
		return Adopt
	case e.rests&restsCreate != 0 && b.over[Create]:
		return Create
	case e.rests&restsReactivate != 0 && b.over[Reactivate]:
		return Reactivate
	case e.rests&restsRekey != 0 && b.over[Rekey]:
		return Rekey
	default:
		return ""
	}
}

// part splits the edits that wait for a create that waits from the i-th change.
func (b *Builder) part(i int) {
	e := b.out.entries[i]
	c := b.out.change(e)
	var why Op
	awaits := func(v scim.Value) bool {
		return slices.ContainsFunc(persons(v), func(k source.Key) bool {
			op, waits := b.waiting[int32(b.find(k))]
			if waits {
				why = op
			}
			return waits
		})
	}
	rest := c
	rest.Edits = nil
	c.Edits = slices.DeleteFunc(c.Edits, func(d Edit) bool {
		waits := slices.ContainsFunc(d.Set, awaits) || slices.ContainsFunc(d.Add, awaits)
		if waits {
			rest.Edits = append(rest.Edits, d)
		}
		return waits
	})
	if len(rest.Edits) == 0 {
		return
	}
	if len(c.Edits) == 0 && c.Op == Update {
		b.out.entries[i].held = uint16(b.out.of(string(why)))
		return
	}
	c.Sent = Digest{}
	b.out.replace(i, c)
	rest.ID, rest.Op, rest.Reason, rest.Held = "", Update, referenceFollows, string(why)
	rest.Wave = int(halving) << 16
	b.out.add(rest, secondHalf, 0)
}

// summarize counts what is planned, and what carrying it out takes.
func (p *Plan) summarize(activeBefore, reads int) {
	s := Summary{Findings: len(p.Findings), ActiveBefore: activeBefore, ActiveAfter: activeBefore}
	for _, e := range p.packed.entries {
		s.count(e)
		if e.held == 0 {
			p.Cost.Writes += int(e.needs)
		}
	}
	p.Cost.Reads = reads
	if p.Basis.Granted > 0 {
		p.Cost.Seconds = float64(p.Cost.Writes) * 60 / float64(p.Basis.Granted)
	}
	s.Requests, s.Seconds = p.Cost.Writes, p.Cost.Seconds
	p.Summary = s
}

func (s *Summary) count(e entry) {
	op, goes := ops[e.op], e.held == 0
	switch {
	case goes && e.rests&closing != 0:
		s.ActiveAfter--
	case goes && e.kind != bare && (op == Create || op == Reactivate || op == Restore):
		s.ActiveAfter++
	}
	counter := map[Op]*int{
		Create: &s.Create, Adopt: &s.Adopt, Update: &s.Update, Rename: &s.Rename,
		Deactivate: &s.Deactivate, Reactivate: &s.Reactivate, Restore: &s.Reactivate, Delete: &s.Delete,
	}[op]
	switch {
	case e.kind == healed:
		s.Create++
	case op == Rekey:
		s.Rekey++
	case counter != nil && e.kind != secondHalf && (e.kind != bare || op == Adopt):
		*counter++
	}
}

// complain finds the entries of Policy.Only that nobody is.
func (b *Builder) complain() {
	var names []string
	for _, who := range b.in.Policy.Only {
		if b.asked["who "+who] {
			continue
		}
		if names == nil {
			names = b.everybody()
		}
		b.Note(finding(Error, "unknown-who", "", source.Place{}, "nobody is %s%s", quote(who), fault.DidYouMean(who, names)))
	}
}

// everybody is known by these keys and userNames.
func (b *Builder) everybody() (names []string) {
	for n := range b.people {
		names = append(names, string(b.keyOf(n)), b.userNameOf(n))
	}
	for t := range b.ties {
		l, _ := b.head(t)
		names = append(names, string(l.Key), l.UserName)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
