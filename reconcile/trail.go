package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// Evidence is an entry of the ledger with what other entries say about it.
type Evidence struct {
	ledger.Entry

	By     ledger.Start // of its run; zero where it is of none
	Intent *plan.Change // of an intent and an outcome; nil where it was before the selection, or its person was forgotten
	Open   bool         // an intent of which nobody knows yet what became
}

// Edits are what the entry says about attributes: as they were sent, else as intended.
func (e Evidence) Edits() []plan.Edit {
	switch {
	case e.Outcome != nil && e.Outcome.Edits != nil:
		return e.Outcome.Edits
	case e.Intent != nil:
		return e.Intent.Edits
	default:
		return nil
	}
}

// Resource is what the entry is about; its ID is "" where it is not known.
func (e Evidence) Resource() scim.Ref {
	var r scim.Ref
	if e.Intent != nil {
		r = e.Intent.Target
	}
	if e.Outcome != nil && e.Outcome.Ref.ID != "" {
		r = e.Outcome.Ref
	}
	if e.Op == plan.Join || e.Op == plan.Leave {
		r.Type = scim.Group
	}
	return r
}

// Trail yields the entries that f selects in the order in which they were
// written; of a group's change, where f asks for one person, their part of it.
// It holds on to what is under way, never to what has ended.
func Trail(ctx context.Context, store ledger.Store, f ledger.Filter) iter.Seq2[Evidence, error] {
	return func(yield func(Evidence, error) bool) {
		t := trail{store: store, runs: map[ledger.RunID]ledger.Start{}, open: map[opening]bool{}, intents: map[string]*plan.Change{},
			keys: map[source.Key]bool{}, ids: map[string]bool{}}
		kind := f.Kind
		if kind == ledger.KindOutcome {
			f.Kind = "" // outcomes are told with their intents
		}
		if err := errors.Join(t.unsettled(ctx), t.meet(ctx, f.Who)); err != nil {
			yield(Evidence{}, err)
			return
		}
		for e, err := range store.Entries(ctx, f) {
			v := Evidence{Entry: e}
			if err == nil && f.Who != "" {
				v.Entry = t.part(e)
			}
			if err == nil {
				err = t.join(ctx, &v)
			}
			if err == nil && kind != "" && kind != e.Kind {
				continue
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// A trail remembers what later entries refer to.
type trail struct {
	store   ledger.Store
	runs    map[ledger.RunID]ledger.Start
	open    map[opening]bool
	intents map[string]*plan.Change // without outcome so far, by id
	keys    map[source.Key]bool     // of the one person who was asked for
	ids     map[string]bool
}

// An opening is an intent that no outcome was written of.
type opening struct {
	run    ledger.RunID
	change string
}

func (t *trail) unsettled(ctx context.Context) error {
	r, ok := t.store.(ledger.Recovery)
	if !ok {
		return nil
	}
	for u, err := range r.Unsettled(ctx) {
		if err != nil {
			return err
		}
		t.open[opening{u.Run, u.Change.ID}] = true
	}
	return nil
}

// meet finds out what the person who is asked for is called: "" is everybody.
func (t *trail) meet(ctx context.Context, who string) error {
	if who == "" {
		return nil
	}
	for e, err := range t.store.Entries(ctx, ledger.Filter{Who: who}) {
		if err != nil {
			return err
		}
		if e.Key == "" {
			continue // a group's
		}
		t.keys[e.Key] = true
		if e.Outcome != nil && e.Outcome.Ref.ID != "" {
			t.ids[e.Outcome.Ref.ID] = true
		}
	}
	return nil
}

// part is e cut down to the one person.
func (t *trail) part(e ledger.Entry) ledger.Entry {
	mine := func(k source.Key, id string) bool { return t.keys[k] || t.ids[id] }
	switch {
	case e.Key != "" || e.Erased:
	case e.Change != nil:
		c, _ := e.Change.Among(mine)
		e.Change = &c
	case e.Outcome != nil:
		o := *e.Outcome
		o.Sent = nil // it names the others too
		if o.Edits != nil {
			c, _ := plan.Change{Target: scim.Ref{Type: scim.Group}, Edits: o.Edits}.Among(mine)
			o.Edits = append([]plan.Edit{}, c.Edits...)
		}
		e.Outcome = &o
	}
	return e
}

// join completes e.
func (t *trail) join(ctx context.Context, e *Evidence) error {
	switch {
	case e.Change != nil:
		e.Intent, e.Open = e.Change, t.open[opening{e.Run, e.Change.ID}]
		if !e.Erased {
			t.intents[e.Change.ID] = e.Change
		}
	case e.Outcome != nil:
		e.Intent = t.intents[e.Outcome.Change]
		if e.Outcome.Result != ledger.Unknown {
			delete(t.intents, e.Outcome.Change)
		}
	}
	var err error
	e.By, err = t.start(ctx, e.Entry)
	return err
}

// mostRuns are kept at a time: entries of a run stand together.
const mostRuns = 100

// start is how the run of e began.
func (t *trail) start(ctx context.Context, e ledger.Entry) (ledger.Start, error) {
	if e.Run == "" {
		return ledger.Start{}, nil
	}
	if s, known := t.runs[e.Run]; known {
		return s, nil
	}
	if len(t.runs) >= mostRuns {
		clear(t.runs)
	}
	var s ledger.Start
	for first, err := range t.store.Entries(ctx, ledger.Filter{Run: e.Run, Kind: ledger.KindRun}) {
		if err == nil {
			err = json.Unmarshal(first.Note, &s)
		}
		if err != nil {
			return s, fmt.Errorf("read run %s: %w: %w", e.Run, fault.Invalid, err)
		}
	}
	t.runs[e.Run] = s
	return s, nil
}
