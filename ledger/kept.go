package ledger

import (
	"slices"

	"rollcall/plan"
	"rollcall/scim"
)

// owe follows what a create was to carry and did not: what it says that it
// leaves to others, and what of it waited. It is owed until it is carried out.
func (p *Person) owe(c plan.Change, o Outcome) {
	if p.Closed || c.Target.Type != scim.User {
		return
	}
	if c.Op == plan.Create {
		p.Owed = slices.Concat(p.Owed, c.Owes, o.Waiting)
	}
	for _, e := range editsOf(c, o) {
		if !slices.Contains(o.Waiting, e.Path) {
			p.Owed = slices.DeleteFunc(p.Owed, func(owed scim.Path) bool { return owed == e.Path })
		}
	}
	slices.Sort(p.Owed)
	if p.Owed = slices.Compact(p.Owed); len(p.Owed) == 0 {
		p.Owed = nil
	}
}

// concede follows what the service did not carry out although it answered well.
// What a create left out is sent once more before it counts: a create touches
// many services, and some of them are late.
func (p *Person) concede(c plan.Change, o Outcome) {
	if p.Closed || c.Op == plan.Create || c.Target.Type != scim.User {
		return
	}
	for _, e := range editsOf(c, o) {
		now, known := o.Seen.At(e.Path)
		if !known {
			continue
		}
		k := p.Kept[e.Path].After(e, now)
		if k.IsEmpty() {
			delete(p.Kept, e.Path)
			continue
		}
		if p.Kept == nil {
			p.Kept = map[scim.Path]plan.Kept{}
		}
		p.Kept[e.Path] = k
	}
}
