package reconcile

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/source"
)

// lately completes what happened since then by group and, where units are told
// apart, by person. The ledger is looked through only where that is asked for.
func (j Job) lately(ctx context.Context, p *plan.Policy, since time.Time) error {
	if p.Recent[plan.GroupRemovals] == 0 && !p.ByUnit {
		return nil
	}
	r := recent{left: map[string]int{}, of: map[plan.Op][]source.Key{}, intents: map[string]plan.Change{}, apart: map[ledger.RunID]bool{}}
	err := each(j.Store.Entries(ctx, ledger.Filter{Since: since}), r.add)
	p.RecentRemovals = r.left
	if p.ByUnit {
		p.RecentOf = r.of
	}
	return err
}

// recent is what happened lately, or may have.
type recent struct {
	left    map[string]int // by group
	of      map[plan.Op][]source.Key
	intents map[string]plan.Change
	apart   map[ledger.RunID]bool // runs that limits do not count
}

func (r *recent) add(e ledger.Entry) {
	switch {
	case e.Kind == ledger.KindRun:
		var s ledger.Start
		if json.Unmarshal(e.Note, &s) == nil && (s.Command == "revert" || s.Command == "rekey") {
			r.apart[e.Run] = true
		}
	case e.Kind == ledger.KindIntent && e.Change != nil:
		r.intend(e)
	case e.Kind == ledger.KindOutcome && e.Outcome != nil && !e.Outcome.Result.Fine() && e.Outcome.Result != ledger.Unknown:
		r.undo(e)
	}
}

func (r *recent) intend(e ledger.Entry) {
	if r.apart[e.Run] {
		return
	}
	c := *e.Change
	r.intents[string(e.Run)+c.ID] = plan.Change{Op: c.Op, Key: c.Key, Target: c.Target, Edits: c.Edits}
	if c.Op == plan.Leave {
		r.left[c.Target.ID] += ledger.Leaving(c)
	}
	if c.Key != "" {
		r.of[c.Op] = append(r.of[c.Op], c.Key)
	}
}

// undo takes back an intent that did not come about.
func (r *recent) undo(e ledger.Entry) {
	c := r.intents[string(e.Run)+e.Outcome.Change]
	if c.Op == plan.Leave {
		r.left[c.Target.ID] -= ledger.Leaving(c)
	}
	if i := slices.Index(r.of[c.Op], c.Key); c.Key != "" && i >= 0 {
		r.of[c.Op] = slices.Delete(r.of[c.Op], i, i+1)
	}
}
