package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// TestLoss follows what one person lost by leaving and was given back.
func TestLoss(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	user := scim.Ref{Type: scim.User, ID: "u1", Version: "1"}
	lead, skill := scim.Value(`{"division":"EMEA","role":"Lead"}`), scim.Value(`{"name":"Billing","proficiency":3}`)
	had := []plan.Trait{{Path: target.GrantsOf, Values: []scim.Value{lead}}, {Path: "skills", Values: []scim.Value{skill}}}
	change := func(op plan.Op, leaving []plan.Trait, edits ...plan.Edit) plan.Change {
		return plan.Change{ID: string(op), Op: op, Key: "e1", Target: user, Leaving: leaving, Edits: edits}
	}
	off := change(plan.Deactivate, had, plan.Edit{Path: "active", Whole: true, Set: []scim.Value{"false"}})
	on := change(plan.Reactivate, had)
	grant := change(plan.Grant, nil, plan.Edit{Path: target.GrantsOf, Add: []scim.Value{lead}, Back: true})
	type step struct {
		c      plan.Change
		result ledger.Result
	}
	lost := plan.Loss{At: at, Op: plan.Deactivate, Had: had}
	deleted := lost
	deleted.Op = plan.Delete
	for name, tt := range map[string]struct {
		steps []step
		want  plan.Loss
	}{
		"a leaver's traits are kept":                     {steps: []step{{off, ledger.Done}}, want: lost},
		"those of one who did not leave are not":         {steps: []step{{off, ledger.Failed}}},
		"those of one who may have left are not certain": {steps: []step{{off, ledger.Unknown}}, want: plan.Loss{Op: plan.Deactivate, Had: had}},
		"a second step finds less, and what was stays":   {steps: []step{{off, ledger.Done}, {change(plan.Delete, nil), ledger.Done}}, want: deleted},
		"a restored one is waited for":                   {steps: []step{{off, ledger.Done}, {change(plan.Delete, nil), ledger.Done}, {change(plan.Restore, had), ledger.Done}}, want: deleted},
		"one who is back waits for what the plan leaves": {steps: []step{{off, ledger.Done}, {change(plan.Reactivate, had[:1]), ledger.Done}}, want: plan.Loss{At: at, Op: plan.Deactivate, Had: had[:1]}},
		"or for nothing":                                 {steps: []step{{off, ledger.Done}, {change(plan.Reactivate, nil), ledger.Done}}},
		"what is given back is waited for no more":       {steps: []step{{off, ledger.Done}, {on, ledger.Done}, {grant, ledger.Done}}, want: plan.Loss{At: at, Op: plan.Deactivate, Had: had[1:]}},
		"what failed to be given back is":                {steps: []step{{off, ledger.Done}, {on, ledger.Done}, {grant, ledger.Failed}}, want: lost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p ledger.Person
			link := change(plan.Adopt, nil)
			for _, s := range append([]step{{link, ledger.Done}}, tt.steps...) {
				p.Intend("r1", s.c)
				p.Settle("r1", "r1", s.c, ledger.Outcome{Change: s.c.ID, Result: s.result, Ref: user, At: at})
			}
			l, _ := p.Link(ledger.LinkQuery{})
			if diff := cmp.Diff(tt.want, l.Lost); diff != "" {
				t.Errorf("Link().Lost (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGivenBackIsNotOurs proves that giving back claims nothing.
func TestGivenBackIsNotOurs(t *testing.T) {
	t.Parallel()
	user := scim.Ref{Type: scim.User, ID: "u1", Version: "1"}
	shape := scim.NewShape("roles")
	p := ledger.Person{Key: "e1"}
	for _, c := range []plan.Change{
		{ID: "1", Op: plan.Adopt, Key: "e1", Target: user},
		{ID: "2", Op: plan.Update, Key: "e1", Target: user, Edits: []plan.Edit{
			{Path: "roles", ID: "value", Add: []scim.Value{`{"value":"Agent"}`}},
			{Path: "roles", ID: "value", Add: []scim.Value{`{"value":"Lead"}`}, Back: true},
		}},
	} {
		p.Intend("r1", c)
		p.Settle("r1", "r1", c, ledger.Outcome{Change: c.ID, Result: ledger.Done, Ref: user, At: time.Unix(1, 0)})
	}
	p.Belong("g1", ledger.Member{In: true})
	p.Belong("g2", ledger.Member{In: true, Back: true})
	l, _ := p.Link(ledger.LinkQuery{Shape: shape})
	ours, _ := l.Ours.At("roles")
	if diff := cmp.Diff([]scim.Value{`{"value":"Agent"}`}, ours); diff != "" {
		t.Errorf("Ours (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"g1"}, l.Groups); diff != "" {
		t.Errorf("Groups (-want +got):\n%s", diff)
	}
}
