package plan

import (
	"cmp"
	"iter"
	"slices"

	"rollcall/scim"
	"rollcall/source"
)

// Plan concludes. The Builder is spent.
func (b *Builder) Plan() *Plan {
	b.decide()
	b.decision = newDecision()
	b.rival()
	b.layer()
	if b.spare > 0 {
		b.tidy()
	}
	b.complain()
	for n := range b.people { // a row is given back as soon as its person is planned
		b.rows.drop(b.people[n].row)
		b.planPerson(n)
	}
	for t := range b.ties {
		b.leave(t)
	}
	limits := b.limits()
	b.wait()
	b.planGroups()
	b.rejoin()
	limits = append(b.removals(limits), b.fewest()...)
	if b.idle > 0 {
		b.Note(finding(Note, "inactive-new", "", source.Place{}, "%d in the source are inactive and have no user, or a deleted one: not created", b.idle))
	}
	p := &Plan{Basis: b.in.Basis, Findings: sorted(b.findings), Limits: limits, Waits: b.resters, packed: b.out, confirmed: b.confirmed}
	slices.SortFunc(p.Waits, func(x, y Wait) int { return cmp.Compare(x.Key, y.Key) })
	b.accuse(p.Limits)
	p.Succeeded, p.Unlinked = b.succeeded(), b.unlinked
	slices.SortFunc(p.Unlinked, func(x, y Change) int { return cmp.Compare(x.Key, y.Key) })
	p.packed.sort()
	p.packed.number()
	p.summarize(b.actives(), 0)
	p.Summary.Groups = len(b.changed)
	return p
}

func newDecision() decision {
	return decision{
		depth: map[int32]uint32{}, cuts: map[[2]int32]bool{}, over: map[Op]bool{}, counts: map[Op]int{},
		waiting: map[int32]Op{}, changed: map[string]bool{}, rejoins: map[string][]membership{},
	}
}

// Of packs changes made elsewhere (explicit operations, a saved plan) into a
// plan: ids are computed where they are missing, limits checked, order kept by
// wave, type, key. A change that comes held stays held.
func Of(in Input, changes iter.Seq[Change], findings []Finding) *Plan {
	b := &Builder{in: in, decision: newDecision(), units: in.Units}
	losses := map[string]*loss{}
	for c := range changes {
		k := counted
		switch {
		case !c.sends() && c.Op != Rekey:
			k = bare
		case c.Reason == referenceFollows, c.Reason == givenBack:
			k = secondHalf
		default:
			b.counts[c.Op]++
		}
		b.out.add(c, k, 0)
		if c.Target.Type != scim.Group || k == bare {
			continue
		}
		b.changed[c.Target.ID] = true
		for _, e := range c.Edits {
			l := losses[c.Target.ID]
			if l == nil {
				l = &loss{name: c.UserName}
				losses[c.Target.ID] = l
			}
			l.wanted += len(e.Remove)
		}
	}
	b.ofLosses(losses)
	limits := b.limits()
	b.wait()
	limits = b.removals(limits)
	b.accuse(limits)
	p := &Plan{Basis: in.Basis, Findings: sorted(findings), Limits: limits, packed: b.out}
	p.packed.sort()
	p.summarize(in.Policy.Base, 0)
	p.Summary.Groups = len(b.changed)
	return p
}

// ofLosses bounds removals from groups; from those whose size is not known by number alone.
func (b *Builder) ofLosses(losses map[string]*loss) {
	for id, l := range losses {
		if l.wanted == 0 {
			continue
		}
		l.allowed = b.in.Policy.leavable(b.in.Sizes[id])
		l.wanted += b.in.Policy.RecentRemovals[id]
		l.over = l.allowed >= 0 && l.wanted > l.allowed
		b.losses = append(b.losses, *l)
	}
	slices.SortFunc(b.losses, func(x, y loss) int { return cmp.Compare(x.name, y.name) })
}

// sorted orders findings by severity, code, key, place and text, each once.
func sorted(fs []Finding) []Finding {
	rank := map[Severity]int{Error: 0, Warning: 1, Note: 2}
	out := slices.Clone(fs)
	slices.SortFunc(out, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(rank[x.Severity], rank[y.Severity]), cmp.Compare(x.Code, y.Code), cmp.Compare(x.Key, y.Key),
			cmp.Compare(x.Place, y.Place), cmp.Compare(x.Text, y.Text))
	})
	return slices.Compact(out)
}

// number makes waves of stages and depths: 0, 1, 2, ...
func (p *pack) number() {
	wave, last := uint32(0), uint32(0)
	for i := range p.entries {
		e := &p.entries[i]
		if i > 0 && e.wave != last {
			wave++
		}
		last, e.wave = e.wave, wave
	}
}
