package reconcile

import (
	"context"
	"fmt"
	"slices"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// A record is one change of the run with what is known of its end.
type record struct {
	change  plan.Change
	outcome *ledger.Outcome // nil: none
	late    bool            // it was found done by a later run
}

// recall reads what the run did.
func (u *undoing) recall(ctx context.Context) error {
	h := &past{byID: map[string]*record{}}
	if err := each(u.Store.Entries(ctx, ledger.Filter{Run: u.Run}), h.add); err != nil {
		return err
	}
	if err := u.later(ctx, h); err != nil {
		return err
	}
	u.noteForgotten(h)
	for _, r := range h.all {
		u.record(r)
	}
	if len(u.users) == 0 && h.forgotten == 0 {
		err := fmt.Errorf("revert %s: it changed nothing (%s): %w", u.Run, orRunning(u.run.Ending.Result), fault.Invalid)
		return fault.WithHint(err, "rollcall show "+string(u.Run)+" tells what became of it")
	}
	return nil
}

// A past is what a run did, by its entries.
type past struct {
	all       []*record
	byID      map[string]*record
	forgotten int // changes of people who were forgotten since
	unnamed   int // memberships and references of them, in changes of others
}

// noteForgotten tells what is not known any more.
func (u *undoing) noteForgotten(h *past) {
	if h.forgotten > 0 {
		u.note(plan.Warning, "forgotten", "", "%d changes were of people who were forgotten since: what they had before was destroyed, and cannot be given back", h.forgotten)
	}
	if h.unnamed > 0 {
		u.note(plan.Warning, "forgotten", "", "%d memberships or references are of people who were forgotten since: they stay as they are", h.unnamed)
	}
}

func (h *past) add(e ledger.Entry) {
	switch {
	case e.Erased:
		h.forgotten += forgets(e)
	case e.Kind == ledger.KindIntent && e.Change != nil:
		h.byID[e.Change.ID] = &record{change: *e.Change}
		h.all = append(h.all, h.byID[e.Change.ID])
		h.unnamed += unnamedIn(*e.Change)
	case e.Kind == ledger.KindOutcome && e.Outcome != nil && h.byID[e.Outcome.Change] != nil:
		h.byID[e.Outcome.Change].outcome = e.Outcome
	}
}

// unnamedIn counts those whom c names, and who were forgotten since.
func unnamedIn(c plan.Change) (n int) {
	for _, e := range c.Edits {
		for _, v := range slices.Concat(e.Before, e.Set, e.Add, e.Remove) {
			if erased(v) && (e.Whole || !slices.Contains(e.Before, v)) {
				n++
			}
		}
	}
	return n
}

func orRunning(result string) string {
	if result == "" {
		return "not ended"
	}
	return result
}

// forgets counts an entry of a forgotten person that tells a change which came about.
func forgets(e ledger.Entry) int {
	if e.Kind == ledger.KindOutcome && e.Outcome != nil && e.Outcome.Result.Fine() && e.Op != plan.Confirm {
		return 1
	}
	return 0
}

// later finds what later runs found out about changes whose end this run did not tell.
func (u *undoing) later(ctx context.Context, h *past) error {
	if !slices.ContainsFunc(h.all, (*record).open) {
		return nil
	}
	own := map[string]bool{} // intended by a later run itself, which then tells of its own
	return each(u.Store.Entries(ctx, ledger.Filter{Since: u.run.Began}), func(e ledger.Entry) {
		switch {
		case e.Run == u.Run || e.Erased:
		case e.Kind == ledger.KindIntent && e.Change != nil:
			own[string(e.Run)+e.Change.ID] = true
		case e.Kind == ledger.KindOutcome && e.Outcome != nil && !own[string(e.Run)+e.Outcome.Change]:
			h.settle(e.Outcome)
		}
	})
}

// settle takes in what a later run found out.
func (h *past) settle(o *ledger.Outcome) {
	if r := h.byID[o.Change]; r != nil && r.open() {
		r.outcome, r.late = o, true
	}
}

// open tells that nobody knows the end of the change.
func (r *record) open() bool { return r.outcome == nil || r.outcome.Result == ledger.Unknown }

// record takes in what was carried out. Of what nobody knows the end of, what
// is there now decides, but for creates, which nothing leads to.
func (u *undoing) record(r *record) {
	switch {
	case r.open() && r.change.Op == plan.Create:
		u.note(plan.Error, "unknown-outcome", r.change.Key, "nobody knows whether the user was created: the next apply finds out; then take the run back again")
	case r.open():
		u.note(plan.Note, "unknown-outcome", r.change.Key, "nobody knows whether the %s was carried out: it is taken back as far as it is there", r.change.Op)
		u.take(u.resolved(r.change))
	case r.outcome.Result.Fine() && r.did():
		u.take(u.resolved(r.carried()))
	}
}

// did tells whether the change was this run's doing: it was sent, or is about the ledger alone.
func (r *record) did() bool {
	switch r.change.Op {
	case plan.Delete, plan.Restore, plan.Deactivate, plan.Reactivate:
		return r.outcome.Result == ledger.Done || r.unsure()
	default:
		return true
	}
}

// unsure tells whether what was found done may be the change's own doing: an
// answer was lost. A request that was refused over its version did nothing.
func (r *record) unsure() bool { return r.late || r.outcome.Attempts > r.outcome.Conflicts }

// carried is the change with its edits as they were carried out. Where an
// answer was lost, what was read then is what the change itself left: planning's word counts.
func (r *record) carried() plan.Change {
	c, o := r.change, r.outcome
	if o.Ref.ID != "" && c.Target.Type == scim.User {
		c.Target.ID = o.Ref.ID
	}
	if o.Edits == nil {
		return c
	}
	edits := slices.Clone(o.Edits)
	for i, e := range edits {
		at := slices.IndexFunc(c.Edits, func(d plan.Edit) bool { return d.Path == e.Path })
		if at >= 0 && o.Result == ledger.Found && r.unsure() {
			edits[i].Before = c.Edits[at].Before
		}
	}
	c.Edits = edits
	return c
}

// resolved is c with the ids of the people it names. Who has none any more, or was forgotten, is left out.
func (u *undoing) resolved(c plan.Change) plan.Change {
	id := func(k source.Key) (string, bool) { id, ok := u.ids[k]; return id, ok }
	known := func(vs []scim.Value) (out []scim.Value) {
		for _, v := range vs {
			if r, ok := plan.Resolve(v, id); ok && !erased(v) {
				out = append(out, r)
			}
		}
		return out
	}
	c.Edits = slices.DeleteFunc(slices.Clone(c.Edits), func(e plan.Edit) bool {
		return e.Whole && slices.ContainsFunc(slices.Concat(e.Before, e.Set), erased) // who it was is not known
	})
	for i, e := range c.Edits {
		e.Before, e.Set, e.Add, e.Remove = known(e.Before), known(e.Set), known(e.Add), known(e.Remove)
		c.Edits[i] = e
	}
	return c
}
