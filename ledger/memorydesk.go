package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"rollcall/fault"
	"rollcall/plan"
)

// Await implements [Desk].
func (m *Memory) Await(ctx context.Context, run RunID, p WaitingPlan, changes iter.Seq[plan.Change]) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var entries []Entry
	if old := m.state.plans[m.state.desk[p.Slot()]]; old != nil && old.Open() {
		e, err := decision(Decision{Plan: old.ID, Standing: Replaced, By: p.Maker, Run: run})
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	note, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("keep plan %s: %w: %w", run, fault.Internal, err)
	}
	entries = append(entries, Entry{Run: run, Kind: KindPlan, Note: note})
	for c := range changes {
		entries = append(entries, Entry{Run: run, Kind: KindPart, Op: c.Op, Key: c.Key, UserName: c.UserName, Change: &c})
	}
	return m.add(ctx, entries...)
}

func decision(d Decision) (Entry, error) {
	note, err := json.Marshal(d)
	if err != nil {
		err = fmt.Errorf("decide about plan %s: %w: %w", d.Plan, fault.Internal, err)
	}
	return Entry{Run: d.Plan, Kind: KindDecision, Note: note}, err
}

// Decide implements [Desk].
func (m *Memory) Decide(ctx context.Context, d Decision) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.state.plans[d.Plan]
	if p == nil {
		return NoPlan(d.Plan)
	}
	if err := p.May(d); err != nil {
		return err
	}
	e, err := decision(d)
	if err != nil {
		return err
	}
	return m.add(ctx, e)
}

// WaitingPlan implements [Desk].
func (m *Memory) WaitingPlan(_ context.Context, id RunID) (WaitingPlan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.state.plans[id]; p != nil {
		return *p, nil
	}
	return WaitingPlan{}, NoPlan(id)
}

// WaitingPlans implements [Desk].
func (m *Memory) WaitingPlans(context.Context) iter.Seq2[WaitingPlan, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var plans []WaitingPlan
	for _, slot := range slices.Sorted(maps.Keys(m.state.desk)) {
		plans = append(plans, *m.state.plans[m.state.desk[slot]])
	}
	return each(plans)
}

func (r *replay) await(e Entry) {
	p := &WaitingPlan{}
	_ = json.Unmarshal(e.Note, p)
	p.ID, p.Since = e.Run, e.Time
	r.plans[e.Run], r.desk[p.Slot()] = p, e.Run
}

func (r *replay) decide(e Entry) {
	if p := r.plans[e.Run]; p != nil {
		_ = json.Unmarshal(e.Note, &p.Decided)
		p.Decided.At = e.Time
	}
}
