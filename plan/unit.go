package plan

import (
	"maps"
	"slices"

	"rollcall/source"
)

// Units are what limits_by tells apart, departments for instance: every bound
// holds within each of them too, of those who are linked there. Somebody whose
// unit is not known, or is empty, counts in the whole only.
type Units struct {
	Of   map[source.Key]string
	Size map[string]int // linked people; planning counts them
}

// belong notes where somebody belongs: by the source, or else where it had them last.
func (b *Builder) belong(k source.Key, unit string, now bool) {
	if _, known := b.units.Of[k]; unit == "" || known && !now {
		return
	}
	if b.units.Of == nil {
		b.units.Of = map[source.Key]string{}
	}
	b.units.Of[k] = b.words.list[b.words.of(unit)]
}

// measure counts the linked people of every unit.
func (b *Builder) measure() {
	if len(b.units.Of) == 0 || b.units.Size != nil {
		return
	}
	b.units.Size = map[string]int{}
	for t, k := range b.ties {
		if k.flags&closed == 0 {
			b.units.Size[b.units.Of[b.tieKey(t)]]++
		}
	}
}

// byUnit are the units in which op is over its bound, sorted.
func (b *Builder) byUnit(op Op) (over []Limit) {
	if len(b.units.Of) == 0 || b.counts[op] == 0 {
		return nil
	}
	now := map[string]int{}
	for _, e := range b.out.entries {
		if ops[e.op] == op && e.kind == counted {
			now[b.units.Of[b.out.change(e).Key]]++
		}
	}
	delete(now, "")
	before := map[string]int{}
	for _, k := range b.in.Policy.RecentOf[op] {
		before[b.units.Of[k]]++
	}
	for _, unit := range slices.Sorted(maps.Keys(now)) {
		l := Limit{Name: string(op), Of: unit, Allowed: b.in.Policy.allowed(op, b.units.Size[unit]), Wanted: now[unit] + before[unit], StopsAll: op.stops()}
		if l.Exceeded = l.Allowed >= 0 && l.Wanted > l.Allowed; l.Exceeded {
			over = append(over, l)
		}
	}
	return over
}
