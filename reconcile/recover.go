package reconcile

import (
	"context"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// leftovers are the changes that runs which died, or never got an answer, left
// without an outcome, with what is seen now of their resources.
type leftovers struct {
	open []ledger.Unsettled
	seen map[string]*target.Observed // by id; nil: not seen yet
}

// leftovers asks the ledger; there are none where it does not tell.
func (j Job) leftovers(ctx context.Context) (*leftovers, error) {
	l := &leftovers{seen: map[string]*target.Observed{}}
	r, ok := j.Store.(ledger.Recovery)
	if !ok {
		return l, nil
	}
	for u, err := range r.Unsettled(ctx) {
		if err != nil {
			return l, err
		}
		if id := u.Change.Target.ID; id != "" { // a create that came about is recovered by the plan
			l.open = append(l.open, u)
			l.seen[id] = nil
		}
	}
	return l, nil
}

// see keeps what is observed of their resources.
func (l *leftovers) see(o target.Observed) {
	if _, asked := l.seen[o.ID]; asked {
		l.seen[o.ID] = &o
	}
}

// settle gives every leftover its outcome: found, where nothing is left of it,
// else left out. Those of people and groups that the plan changes are settled
// by what becomes of that.
func (j Job) settle(ctx context.Context, run ledger.RunID, p *Proposal, d *directory) error {
	if p.left == nil || len(p.left.open) == 0 {
		return nil
	}
	keys, ids := map[source.Key]bool{}, map[string]bool{}
	for c := range p.Plan.Changes() {
		keys[c.Key], ids[c.Target.ID] = true, true
	}
	var outcomes []ledger.Outcome
	for _, u := range p.left.open {
		c, o := u.Change, p.left.seen[u.Change.Target.ID]
		if o == nil || ids[c.Target.ID] || c.Key != "" && keys[c.Key] {
			continue
		}
		if out, ok := outcome(c, *o, d); ok {
			out.At = j.Now()
			outcomes = append(outcomes, out)
		}
	}
	if len(outcomes) == 0 {
		return nil
	}
	return j.Store.Settle(ctx, run, outcomes)
}

// outcome holds a leftover against what is there; ok is false where too little is known.
func outcome(c plan.Change, o target.Observed, d *directory) (out ledger.Outcome, ok bool) {
	out = ledger.Outcome{Change: c.ID, Result: ledger.Found, Ref: o.Ref, Seen: o.Row}
	left := ledger.Outcome{Change: c.ID, Result: ledger.LeftOut, Ref: o.Ref, Error: "an earlier run died before it came about; nothing wants it any more"}
	there := o.State == target.Active || o.State == target.Inactive
	if c.Op == plan.Delete && !there {
		return out, true
	}
	resolved, ok := c.Resolved(d.id)
	if !ok || !there || c.Op == plan.Delete {
		return left, true
	}
	for _, e := range c.Edits {
		if _, known := o.Row.At(e.Path); !known {
			return out, false
		}
	}
	ops, _ := resolved.Against(func(p scim.Path) []scim.Value {
		values, _ := o.Row.At(p)
		return values
	})
	if len(ops) > 0 {
		return left, true
	}
	return out, true
}
