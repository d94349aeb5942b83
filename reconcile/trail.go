package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

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
	Began  time.Time    // the same
	Intent *plan.Change // of an intent, an outcome and a part; nil where it was before the selection, or its person was forgotten
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
		t := newTrail(store)
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
			if err == nil {
				err = t.complete(ctx, &v, f.Who)
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
	runs    map[ledger.RunID]beginning
	open    map[opening]bool
	intents map[string]*plan.Change // without outcome so far, by id
	keys    map[source.Key]bool     // of the one person who was asked for
	ids     map[string]bool
}

func newTrail(store ledger.Store) *trail {
	return &trail{
		store: store, runs: map[ledger.RunID]beginning{}, open: map[opening]bool{}, intents: map[string]*plan.Change{},
		keys: map[source.Key]bool{}, ids: map[string]bool{},
	}
}

// An opening is an intent that no outcome was written of.
type opening struct {
	run    ledger.RunID
	change string
}

func (t *trail) unsettled(ctx context.Context) error {
	return each(unsettled(ctx, t.store), func(u ledger.Unsettled) {
		t.open[opening{u.Run, u.Change.ID}] = true
	})
}

// meet finds out what the person who is asked for is called: "" is everybody.
func (t *trail) meet(ctx context.Context, who string) error {
	if who == "" {
		return nil
	}
	return each(t.store.Entries(ctx, ledger.Filter{Who: who}), t.know)
}

// know takes over what e calls the one person.
func (t *trail) know(e ledger.Entry) {
	if e.Key != "" {
		t.keys[e.Key] = true
	}
	if e.Outcome != nil && e.Outcome.Ref.ID != "" && !ofGroup(e) {
		t.ids[e.Outcome.Ref.ID] = true
	}
}

// ofGroup tells whether e is about a group, and so about many people.
func ofGroup(e ledger.Entry) bool {
	return e.Change != nil && e.Change.Target.Type == scim.Group || e.Outcome != nil && e.Outcome.Ref.Type == scim.Group
}

// part is e cut down to the one person.
func (t *trail) part(e ledger.Entry) ledger.Entry {
	mine := func(k source.Key, id string) bool { return t.keys[k] || t.ids[id] }
	switch {
	case !ofGroup(e) || e.Erased:
	case e.Change != nil:
		c, _ := e.Change.Among(mine)
		e.Change = &c
	case e.Outcome != nil:
		e.Outcome = share(*e.Outcome, mine)
	}
	return e
}

// share is o, of a group's change, cut down to those whom mine tells.
func share(o ledger.Outcome, mine func(source.Key, string) bool) *ledger.Outcome {
	o.Sent = nil // it names the others too
	if o.Edits != nil {
		c, _ := plan.Change{Target: scim.Ref{Type: scim.Group}, Edits: o.Edits}.Among(mine)
		o.Edits = append([]plan.Edit{}, c.Edits...)
	}
	return &o
}

// complete cuts e down to the one person who is asked for, and joins it with what others say.
func (t *trail) complete(ctx context.Context, e *Evidence, who string) error {
	if who != "" {
		e.Entry = t.part(e.Entry)
	}
	return t.join(ctx, e)
}

// join adds to e what other entries say about it.
func (t *trail) join(ctx context.Context, e *Evidence) error {
	switch {
	case e.Change != nil:
		e.Intent, e.Open = e.Change, t.open[opening{e.Run, e.Change.ID}]
		if !e.Erased && e.Kind == ledger.KindIntent {
			t.intents[e.Change.ID] = e.Change
		}
	case e.Outcome != nil:
		e.Intent = t.intents[e.Outcome.Change]
		if e.Outcome.Result != ledger.Unknown {
			delete(t.intents, e.Outcome.Change)
		}
	}
	b, err := t.began(ctx, e.Run)
	e.By, e.Began = b.by, b.at
	return err
}

// A beginning is who began a run, why, and when.
type beginning struct {
	by ledger.Start
	at time.Time
}

// mostRuns are kept at a time: entries of a run stand together.
const mostRuns = 100

// began is how a run began.
func (t *trail) began(ctx context.Context, run ledger.RunID) (beginning, error) {
	b, known := t.runs[run]
	if known || run == "" {
		return b, nil
	}
	if len(t.runs) >= mostRuns {
		clear(t.runs)
	}
	var err error
	t.runs[run], err = t.find(ctx, run)
	return t.runs[run], err
}

// find reads how a run began.
func (t *trail) find(ctx context.Context, run ledger.RunID) (b beginning, err error) {
	for first, err := range t.store.Entries(ctx, ledger.Filter{Run: run, Kind: ledger.KindRun}) {
		if err == nil {
			b.at, err = first.Time, json.Unmarshal(first.Note, &b.by)
		}
		if err != nil {
			return b, fmt.Errorf("read run %s: %w: %w", run, fault.Invalid, err)
		}
	}
	return b, nil
}
