package sqlledger

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
)

// Waiting plans are found by two names among the notes: "plan ID" is the newest
// entry about a plan, its header or a decision; "desk SLOT" the newest header of a slot.
func planNote(id string) string   { return "plan " + id }
func deskNote(slot string) string { return "desk " + slot }

const (
	selectDesk   = "SELECT " + columns + " FROM entries WHERE seq IN (SELECT seq FROM notes WHERE name LIKE 'desk %') AND seq > ? ORDER BY seq LIMIT ?"
	selectHeader = "SELECT " + columns + " FROM entries WHERE run = ? AND kind = 'plan'"
)

// Await implements [ledger.Desk].
func (l *Ledger) Await(ctx context.Context, run ledger.RunID, p ledger.WaitingPlan, changes iter.Seq[plan.Change]) error {
	return l.commit(ctx, "keep plan "+string(run), func(t *tx) error {
		old, err := t.waiting(selectNoted, deskNote(p.Slot()))
		if err != nil {
			return err
		}
		if old.ID != "" && old.Open() {
			d := ledger.Decision{Plan: old.ID, Standing: ledger.Replaced, By: p.Maker, Run: run}
			if err := t.house(ledger.KindDecision, old.ID, face{}, d); err != nil {
				return err
			}
		}
		if err := t.house(ledger.KindPlan, run, face{}, p); err != nil {
			return err
		}
		for c := range changes {
			if err := t.part(run, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// part appends a change of a plan that waits, sealed as its intent will be.
func (t *tx) part(run ledger.RunID, c plan.Change) error {
	person, err := t.subject(c)
	if err != nil {
		return err
	}
	e := &opened{
		record: record{
			run: string(run), kind: string(ledger.KindPart), op: string(c.Op), person: person, people: int64(ledger.Leaving(c)),
			change: t.l.keys.digest(ofChange, c.ID),
		},
		face: face{Reason: c.Reason, Wave: c.Wave}, change: &c,
	}
	if e.text, err = encode(c); err != nil {
		return fmt.Errorf("change %s: %w: %w", c.ID, fault.Invalid, err)
	}
	if err := t.fill(e, t.splitter(c)); err != nil {
		return err
	}
	return t.append(e)
}

// Decide implements [ledger.Desk].
func (l *Ledger) Decide(ctx context.Context, d ledger.Decision) error {
	return l.commit(ctx, "decide", func(t *tx) error {
		w, err := t.waiting(selectHeader, string(d.Plan))
		if err == nil && w.ID == "" {
			err = ledger.NoPlan(d.Plan)
		}
		if err == nil {
			err = w.May(d)
		}
		if err == nil {
			err = t.house(ledger.KindDecision, d.Plan, face{}, d)
		}
		if err != nil {
			return err
		}
		return t.sign()
	})
}

// waiting is the plan whose header the query finds; its zero value where it finds none.
func (t *tx) waiting(query, name string) (ledger.WaitingPlan, error) {
	return t.l.waiting(func(query, name string) ([]record, error) {
		rows, err := t.rows(query, name)
		return collect(rows, err, (*record).fields)
	}, t.aead, query, name)
}

// WaitingPlan implements [ledger.Desk].
func (l *Ledger) WaitingPlan(ctx context.Context, id ledger.RunID) (ledger.WaitingPlan, error) {
	w, err := l.waiting(l.finder(ctx), l.wallet(ctx).key, selectHeader, string(id))
	if err == nil && w.ID == "" {
		err = ledger.NoPlan(id)
	}
	return w, err
}

// WaitingPlans implements [ledger.Desk].
func (l *Ledger) WaitingPlans(ctx context.Context) iter.Seq2[ledger.WaitingPlan, error] {
	return func(yield func(ledger.WaitingPlan, error) bool) {
		w := l.wallet(ctx)
		for header, err := range l.paged(ctx, selectDesk, nil, 0) {
			var p ledger.WaitingPlan
			if err == nil {
				p, err = l.stands(l.finder(ctx), w.key, header)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// A finder reads the records that a query with one argument finds.
type finder func(query, name string) ([]record, error)

func (l *Ledger) finder(ctx context.Context) finder {
	return func(query, name string) ([]record, error) { return l.records(ctx, query, name) }
}

func (l *Ledger) waiting(find finder, keys keeper, query, name string) (ledger.WaitingPlan, error) {
	header, err := l.found(find, keys, query, name)
	if err != nil || header.Seq == 0 {
		return ledger.WaitingPlan{}, err
	}
	return l.stands(find, keys, header)
}

// found is the one entry that the query finds; its zero value where there is none.
func (l *Ledger) found(find finder, keys keeper, query, name string) (ledger.Entry, error) {
	records, err := find(query, name)
	if err != nil || len(records) == 0 {
		return ledger.Entry{}, l.explain("read plan", err)
	}
	return l.entry(records[0], keys)
}

// stands is the plan with that header, and the newest decision about it.
func (l *Ledger) stands(find finder, keys keeper, header ledger.Entry) (w ledger.WaitingPlan, err error) {
	if err := json.Unmarshal(header.Note, &w); err != nil {
		return w, fmt.Errorf("read plan %s: %w: %w", header.Run, fault.Invalid, err)
	}
	w.ID, w.Since = header.Run, header.Time
	newest, err := l.found(find, keys, selectNoted, planNote(string(header.Run)))
	if err != nil || newest.Kind != ledger.KindDecision {
		return w, err
	}
	w.Decided.At = newest.Time
	if err := json.Unmarshal(newest.Note, &w.Decided); err != nil {
		return w, fmt.Errorf("read plan %s: %w: %w", header.Run, fault.Invalid, err)
	}
	return w, nil
}
