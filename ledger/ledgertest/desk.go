package ledgertest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// awaiting is a plan that waits until tomorrow.
func awaiting(sync string) ledger.WaitingPlan {
	return ledger.WaitingPlan{
		Sync: sync, Org: "org", Command: "apply", Maker: "kim", Why: "deactivate", Changes: 2,
		Expires: time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC), Limits: []plan.Limit{{Name: "deactivate", Allowed: 1, Wanted: 2, Exceeded: true}},
		Findings: []plan.Finding{{Severity: plan.Error, Code: "bad-row", Key: "e9", Text: "the row of e9"}},
	}
}

func parts() []plan.Change {
	return []plan.Change{Creation("e1"), {
		ID: "join", Op: plan.Join, UserName: "Night Shift", Target: scim.Ref{Type: scim.Group, ID: "g1"}, Reason: "AttributesDiffer", Wave: 3,
		Edits: []plan.Edit{{Path: "members", ID: "value", Add: People("e1", "e2")}},
	}}
}

// Await keeps a plan with two changes, made by a run of its own.
func (b *Bench) Await(sync string) ledger.RunID {
	b.T.Helper()
	run := b.Begin("org")
	if err := b.L.Await(b.ctx(), run, awaiting(sync), slices.Values(parts())); err != nil {
		b.T.Fatalf("Await(%s) = %v", sync, err)
	}
	b.End(run)
	return run
}

func (b *Bench) plan(id ledger.RunID) ledger.WaitingPlan {
	b.T.Helper()
	w, err := b.L.WaitingPlan(b.ctx(), id)
	if err != nil {
		b.T.Fatalf("WaitingPlan(%s) = %v", id, err)
	}
	return w
}

func (b *Bench) decide(id ledger.RunID, s ledger.Standing) error {
	return b.L.Decide(b.ctx(), ledger.Decision{Plan: id, Standing: s, By: "jo", Because: "seen"})
}

func planWaits(b *Bench) {
	id := b.Await("hr")
	b.Reopen()
	want := awaiting("hr")
	want.ID = id
	got := b.plan(id)
	if got.Since.IsZero() || !got.Open() {
		b.T.Errorf("WaitingPlan() = %+v, want an open one with a time", got)
	}
	got.Since = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		b.T.Errorf("WaitingPlan() (-want +got):\n%s", diff)
	}
	var changes []plan.Change
	for _, e := range b.Entries(ledger.Filter{Run: id, Kind: ledger.KindPart}) {
		changes = append(changes, *e.Change)
	}
	if diff := cmp.Diff(parts(), changes); diff != "" {
		b.T.Errorf("the changes (-want +got):\n%s", diff)
	}
	if links := b.Links(); len(links) != 0 {
		b.T.Errorf("Links() = %v, want none: nothing of a plan that waits has happened", links)
	}
	if _, err := b.L.WaitingPlan(b.ctx(), "20261123-000000-none"); fault.Of(err) != fault.Invalid || fault.Hint(err) == "" {
		b.T.Errorf("WaitingPlan(unknown) = %v, want Invalid with a hint", err)
	}
}

func planDecided(b *Bench) {
	type step struct {
		to   ledger.Standing
		fine bool
	}
	for name, steps := range map[string][]step{
		"approved, carried out once":    {{ledger.Applied, false}, {ledger.Approved, true}, {ledger.Approved, false}, {ledger.Applied, true}, {ledger.Applied, false}},
		"rejected for good":             {{ledger.Rejected, true}, {ledger.Approved, false}, {ledger.Applied, false}, {ledger.Rejected, false}},
		"an approval that is withdrawn": {{ledger.Approved, true}, {ledger.Rejected, true}, {ledger.Applied, false}},
	} {
		id := b.Await(name)
		for _, s := range steps {
			err := b.decide(id, s.to)
			if s.fine && err != nil || !s.fine && fault.Of(err) != fault.Refused {
				b.T.Fatalf("%s: %s = %v, want it to be fine: %v", name, s.to, err, s.fine)
			}
			if d := b.plan(id).Decided; s.fine && (d.Standing != s.to || d.By != "jo" || d.Because != "seen" || d.At.IsZero()) {
				b.T.Errorf("%s: decided %+v, want %s by jo", name, d, s.to)
			}
		}
	}
	if err := b.decide("20261123-000000-none", ledger.Approved); fault.Of(err) != fault.Invalid {
		b.T.Errorf("Decide about no plan = %v, want Invalid", err)
	}
	b.Reopen()
}

func planReplaced(b *Bench) {
	first, other := b.Await("hr"), b.Await("contractors")
	if err := b.decide(first, ledger.Approved); err != nil {
		b.T.Fatalf("Decide() = %v", err)
	}
	second := b.Await("hr")
	if d := b.plan(first).Decided; d.Standing != ledger.Replaced || d.Run != second {
		b.T.Errorf("the first plan is %+v, want it replaced by %s", d, second)
	}
	if err := b.decide(first, ledger.Applied); fault.Of(err) != fault.Refused {
		b.T.Errorf("applying a replaced plan = %v, want Refused", err)
	}
	var ids []ledger.RunID
	for _, w := range collect(b.T, "WaitingPlans", b.L.WaitingPlans(b.ctx())) {
		ids = append(ids, w.ID)
	}
	slices.Sort(ids)
	want := []ledger.RunID{other, second}
	slices.Sort(want)
	if diff := cmp.Diff(want, ids); diff != "" {
		b.T.Errorf("WaitingPlans() (-want +got):\n%s", diff)
	}
}

func planFound(b *Bench) {
	id := b.Await("hr")
	for who, want := range map[string][]ledger.Kind{
		"e1": {ledger.KindPart, ledger.KindPart},
		"e2": {ledger.KindPart},
	} {
		var kinds []ledger.Kind
		for _, e := range b.Entries(ledger.Filter{Run: id, Who: who}) {
			kinds = append(kinds, e.Kind)
		}
		if diff := cmp.Diff(want, kinds); diff != "" {
			b.T.Errorf("Entries(%s) (-want +got):\n%s", who, diff)
		}
	}
}

func units(b *Bench) {
	run := b.Begin("org")
	place := func(units map[source.Key]string) {
		b.T.Helper()
		if err := b.L.Place(b.ctx(), run, units); err != nil {
			b.T.Fatalf("Place(%v) = %v", units, err)
		}
	}
	place(map[source.Key]string{"e1": "Sales", "e2": "Finance"})
	b.Create(run, "e1", "u1")
	b.Create(run, "e2", "u2")
	before := b.Sound().Entries
	place(map[source.Key]string{"e1": "Sales"})
	if after := b.Sound().Entries; after != before {
		b.T.Errorf("%d entries were written of somebody who is there already, want none", after-before)
	}
	place(map[source.Key]string{"e1": "Finance"})
	b.Reopen()
	for key, want := range map[source.Key]string{"e1": "Finance", "e2": "Finance"} {
		if got := b.Links()[key].Unit; got != want {
			b.T.Errorf("the unit of %s is %q, want %q", key, got, want)
		}
	}
	if got := b.Entries(ledger.Filter{Who: "e1", Kind: ledger.KindUnit}); len(got) != 2 || got[0].Name != "Sales" || got[0].Key != "e1" {
		b.T.Errorf("Entries(e1, unit) = %+v, want Sales and Finance", got)
	}
}
