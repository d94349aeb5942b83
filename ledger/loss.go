package ledger

import (
	"rollcall/plan"
	"rollcall/scim"
)

// keep takes over what the intent of a leaver's change says that they have. It
// counts from when the change was carried out. Of somebody whom we deactivated
// before, what they had then stands: deletion finds less.
func (p *Person) keep(c plan.Change) {
	if c.Op.Leaves() && len(c.Leaving) > 0 && p.Deactivated.IsZero() && !p.Closed {
		p.Lost = plan.Loss{Op: c.Op, Had: c.Leaving}
	}
}

// lose follows what leaving took and coming back gave; left tells that c made
// the person leave, and was ours.
//
//	change              | what the person is still to be given back
//	------------------- | -----------------------------------------
//	deactivate, delete  | what was kept of them when it was intended
//	reactivate, restore | what the plan left to be given back
//	anything else       | less what it gave back
func (p *Person) lose(c plan.Change, o Outcome, left bool) {
	switch {
	case c.Op.Leaves():
		if !left || len(p.Lost.Had) == 0 {
			return
		}
		if p.Lost.At.IsZero() {
			p.Lost.At = o.At
		}
		p.Lost.Op = c.Op
	case c.Op == plan.Reactivate || c.Op == plan.Restore:
		if p.Lost.Had = c.Leaving; len(c.Leaving) == 0 {
			p.Lost = plan.Loss{}
		}
	default:
		p.Lost = p.Lost.Less(editsOf(c, o))
	}
}

// Belong tells that the group with this id has this person by our doing, or has
// not any more. A membership that was given back stays whose it was.
func (p *Person) Belong(group string, m Member) {
	if !m.Back {
		p.Member(group, m.In)
		return
	}
	had := scim.ValueOf(map[string]any{"value": group})
	p.Lost = p.Lost.Less([]plan.Edit{{Path: plan.GroupsOf, ID: "value", Add: []scim.Value{had}, Back: true}})
}
