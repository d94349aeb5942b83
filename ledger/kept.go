package ledger

import (
	"rollcall/plan"
	"rollcall/scim"
)

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
