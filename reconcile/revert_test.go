package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesyssim"
)

// revert takes a run back and fails the test on an error.
func (o *org) revert(run ledger.RunID, force ...string) (*reconcile.Report, *plan.Plan) {
	o.Helper()
	var p *plan.Plan
	r, err := o.job.Apply(o.Context(), "revert", func(ctx context.Context) (*reconcile.Proposal, error) {
		return o.job.Revert(ctx, reconcile.Reversal{Run: run, Force: force, Locked: true})
	}, reconcile.Hooks{Show: func(shown *reconcile.Proposal) { p = shown.Plan }})
	if err != nil {
		o.Fatalf("Apply: %v", err)
	}
	return r, p
}

// codes are the findings of a plan, those that are there in every case apart.
func codes(p *plan.Plan) (all []string) {
	for _, f := range p.Findings {
		if f.Code != "done-again" {
			all = append(all, strings.TrimSpace(f.Code+" "+string(f.Key)))
		}
	}
	return all
}

// night is a run in which one leaves, one is renamed and moved, one is new.
func night(t *testing.T, c func(*genesyssim.Config)) (o *org, before map[string]any, run ledger.RunID) {
	t.Helper()
	o = newOrg(t, c, company(5)...)
	o.job.Input.Policy.Restore = []scim.Path{target.GrantsOf, plan.GroupsOf}
	o.apply()
	before = o.end()
	rows := company(6)
	rows = append(rows[:1], rows[2:]...)
	rows[1].title, rows[2].dept = "Lead", "Service"
	o.source.rows = rows
	return o, before, o.apply().Run
}

func TestRevertTakesARunBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o, before, run := night(t, nil)
		after := o.end()
		r, p := o.revert(run)
		if got := codes(p); r.Exit() != 0 || len(got) > 0 {
			t.Errorf("exit %d with %v, want 0 and no findings", r.Exit(), got)
		}
		got := o.end()
		if u := got["e005@example.com"].([]any); u[0] != "inactive" {
			t.Errorf("who was created is %v, want inactive", u[0])
		}
		delete(got, "e005@example.com")
		if diff := cmp.Diff(before, got); diff != "" {
			t.Errorf("taken back (-want +got):\n%s", diff)
		}
		if r, _ := o.revert(r.Run); r.Exit() != 0 {
			t.Errorf("taking that back: exit %d, want 0", r.Exit())
		}
		if diff := cmp.Diff(after, o.end()); diff != "" {
			t.Errorf("and back again (-want +got):\n%s", diff)
		}
		if p := o.plan(); p.Len() != 0 {
			t.Errorf("then %v is left to do, want nothing", ops(p))
		}
	})
}

func TestRevertTakesBackWhatWasDoneWithoutAnAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(3)...)
		o.apply()
		before := o.end()
		o.source.rows = company(3)
		o.source.rows[1].title = "Lead"
		o.control(http.MethodPut, "faults", []genesyssim.Fault{{Match: "PATCH /users/*", Do: "lose-answer", Count: 1}})
		r := o.apply()
		if title := o.people()["e001@example.com"].Title; title != "Lead" || r.Succeeded != 1 {
			t.Fatalf("%d done, title %q; want it found done", r.Succeeded, title)
		}
		if r, _ := o.revert(r.Run); r.Exit() != 0 || r.Succeeded != 1 {
			t.Errorf("Revert = %+v, want one change", r)
		}
		if diff := cmp.Diff(before, o.end()); diff != "" {
			t.Errorf("taken back (-want +got):\n%s", diff)
		}
	})
}

func TestRevertLeavesAloneWhatTheRunOnlyFoundDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(6)...)
		o.apply()
		o.source.rows = company(6)[:5]
		o.source.rows[1].title = "Lead"
		saved := o.plan()
		o.edit("e001@example.com", "title", "Lead")
		o.edit("e005@example.com", "active", false)
		before := o.end()
		r, err := o.job.Apply(t.Context(), "apply", func(ctx context.Context) (*reconcile.Proposal, error) { return o.job.Saved(ctx, saved) }, reconcile.Hooks{})
		if err != nil || r.Conflicts != 2 || r.Failed+r.LeftOut > 0 {
			t.Fatalf("Apply = %+v, %v; want all found done, two of it after a conflict", r, err)
		}
		_, p := o.revert(r.Run)
		if got := ops(p); got[plan.Update]+got[plan.Reactivate] > 0 {
			t.Errorf("taken back: %v; want nothing of what another hand did", got)
		}
		after := o.end()
		for _, who := range []string{"e001@example.com", "e005@example.com"} {
			if diff := cmp.Diff(before[who], after[who]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", who, diff)
			}
		}
	})
}

func TestRevertLeavesAloneWhatSomebodyChangedSince(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o, _, run := night(t, nil)
		o.edit("e002@example.com", "title", "Boss")
		r, p := o.revert(run)
		if diff := cmp.Diff([]string{"changed-since e002"}, codes(p)); diff != "" || r.Exit() != 4 || o.people()["e002@example.com"].Title != "Boss" {
			t.Errorf("exit %d, title %q; findings (-want +got):\n%s", r.Exit(), o.people()["e002@example.com"].Title, diff)
		}
		if r, p = o.revert(run, "E002@example.com"); r.Exit() != 0 || p.Len() != 1 || o.people()["e002@example.com"].Title != "Clerk" {
			t.Errorf("forced: exit %d, %v, title %q; want the former one", r.Exit(), ops(p), o.people()["e002@example.com"].Title)
		}
	})
}

func TestRevertLeavesOutWhatMovesMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o, _, run := night(t, nil)
		p, err := o.job.Revert(t.Context(), reconcile.Reversal{Run: run})
		if err != nil {
			t.Fatalf("Revert: %v", err)
		}
		o.edit("e002@example.com", "title", "Boss")
		r, err := o.job.Apply(t.Context(), "revert", func(context.Context) (*reconcile.Proposal, error) { return p, nil }, reconcile.Hooks{})
		if err != nil || r.Moved != 1 || r.Exit() != 6 || o.people()["e002@example.com"].Title != "Boss" {
			t.Errorf("Apply = %+v, %v; want one moved, and left", r, err)
		}
	})
}

func TestRevertOfSome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o, _, run := night(t, nil)
		for who, want := range map[string]map[plan.Op]int{
			"e002":             {plan.Update: 1},
			"e005@example.com": {plan.Deactivate: 1, plan.Leave: 1},
		} {
			o.job.Input.Policy.Only = []string{who}
			p, err := o.job.Revert(t.Context(), reconcile.Reversal{Run: run})
			if err != nil {
				t.Fatalf("Revert: %v", err)
			}
			if diff := cmp.Diff(want, ops(p.Plan)); diff != "" {
				t.Errorf("--only %s (-want +got):\n%s", who, diff)
			}
		}
	})
}

func TestRevertRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o, _, run := night(t, nil)
		idle := o.apply().Run
		running, err := o.ledger.Begin(t.Context(), ledger.Start{Org: o.job.Start.Org})
		if err != nil {
			t.Fatalf("Begin: %v", err)
		}
		foreign, err := o.ledger.Begin(t.Context(), ledger.Start{Org: "another"})
		if err != nil {
			t.Fatalf("Begin: %v", err)
		}
		for name, tt := range map[string]struct {
			back reconcile.Reversal
			only string
			kind fault.Kind
		}{
			"a run that is not there":         {back: reconcile.Reversal{Run: "20260101-000000-aaaa"}, kind: fault.Invalid},
			"a run that is not over":          {back: reconcile.Reversal{Run: running}, kind: fault.Busy},
			"a run of another organization":   {back: reconcile.Reversal{Run: foreign}, kind: fault.Refused},
			"a run that changed nothing":      {back: reconcile.Reversal{Run: idle}, kind: fault.Invalid},
			"a person whom it did not change": {back: reconcile.Reversal{Run: run}, only: "e003x", kind: fault.Invalid},
			"a stranger who is to be forced":  {back: reconcile.Reversal{Run: run, Force: []string{"nobody"}}, kind: fault.Invalid},
		} {
			o.job.Input.Policy.Only = nil
			if tt.only != "" {
				o.job.Input.Policy.Only = []string{tt.only}
			}
			if p, err := o.job.Revert(t.Context(), tt.back); fault.Of(err) != tt.kind || fault.Hint(err) == "" {
				t.Errorf("%s: Revert = %+v, %v with hint %q; want kind %s with a hint", name, p, err, fault.Hint(err), tt.kind)
			}
		}
	})
}

// TestRevertOfAKilledRun kills a run at every step and takes back what it did.
func TestRevertOfAKilledRun(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 40; n++ {
		t.Run(fmt.Sprint("step ", n), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil, company(5)...)
				o.job.Input.Policy.Restore = []scim.Path{target.GrantsOf, plan.GroupsOf}
				o.job.Options = apply.Options{Workers: 2, Batch: 3}
				o.apply()
				before := o.end()
				rows := company(5)
				rows = append(rows[:1], rows[2:]...)
				rows[1].title, rows[2].dept = "Lead", "Service"
				o.source.rows = rows
				o.arm(n)
				r, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{})
				o.disarm()
				if r == nil || err == nil {
					return // it died before it began, or lived
				}
				if _, err := o.job.Revert(t.Context(), reconcile.Reversal{Run: r.Run, Locked: true}); err != nil {
					if !errors.Is(err, fault.Invalid) {
						t.Fatalf("Revert: %v", err)
					}
				} else {
					o.revert(r.Run)
				}
				if diff := cmp.Diff(before, o.end()); diff != "" {
					t.Errorf("taken back (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRevertOfExplicitOperations(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, staff)
		before := o.end()
		run := o.applyPatch(`{
			"ada@example.com": [{"op": "replace", "path": "title", "value": "Lead"}, {"op": "replace", "path": "userName", "value": "ada.king@example.com"},
				{"op": "add", "path": "groups", "value": "Night"}, {"op": "remove", "path": "phoneNumbers[type eq \"home\"]"}],
			"ben@example.com": [{"op": "replace", "path": "active", "value": false}, {"op": "remove", "path": "groups", "value": "Late"}]
		}`).Run
		r, p := o.revert(run)
		if got := codes(p); r.Exit() != 0 || len(got) > 0 {
			t.Errorf("exit %d with %v, want 0 and no findings", r.Exit(), got)
		}
		if diff := cmp.Diff(before, o.end()); diff != "" {
			t.Errorf("taken back (-want +got):\n%s", diff)
		}
		if got := o.members("Late"); !slices.Equal(got, []string{"ben@example.com"}) || len(o.members("Night")) > 0 {
			t.Errorf("members: Late %v, Night %v; want Ben, and nobody", got, o.members("Night"))
		}
	})
}

func TestRevertOfARekey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o, _, _ := night(t, nil)
		was := o.link("e002").Ref.ID
		r, err := o.job.Apply(t.Context(), "rekey", func(ctx context.Context) (*reconcile.Proposal, error) {
			return o.job.Rekey(ctx, "map.csv", []byte("e002,n002\n"))
		}, reconcile.Hooks{})
		if err != nil {
			t.Fatalf("Apply: %v", err)
		}
		if r, p := o.revert(r.Run); r.Exit() != 0 || p.Len() != 1 || o.link("e002").Ref.ID != was {
			t.Errorf("exit %d, %v, link %q; want the old key linked to %q", r.Exit(), ops(p), o.link("e002").Ref.ID, was)
		}
	})
}

func TestRevertIsBoundedByItselfAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(40)...)
		o.apply()
		rows := company(40)
		for i := range 18 {
			rows[i+1].title = "Lead"
		}
		o.source.rows = rows
		run := o.apply().Run
		o.job.Input.Policy.Limits = map[plan.Op]plan.Bound{plan.Update: {N: 17}}
		if r, p := o.revert(run); r.Held != 18 || p.Len() != 18 {
			t.Errorf("over the limit %d of %d wait, want all", r.Held, p.Len())
		}
		o.job.Input.Policy.Limits = map[plan.Op]plan.Bound{plan.Update: {N: 18}}
		if r, _ := o.revert(run); r.Succeeded != 18 {
			t.Errorf("within the limit %d were taken back, want 18: what ran before does not count", r.Succeeded)
		}
		counts, err := o.ledger.Counts(t.Context(), o.job.Now().Add(-1e12))
		if err != nil || counts[plan.Update] > 18 {
			t.Errorf("Counts = %v, %v; want the revert left out", counts, err)
		}
	})
}

func TestRevertReturnsAUserNameOnlyWhereItIsFree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, staff)
		run := o.applyPatch(`{"ada@example.com": [{"op": "replace", "path": "userName", "value": "ada.king@example.com"}, {"op": "replace", "path": "title", "value": "Lead"}]}`).Run
		o.edit("ben@example.com", "userName", "ada@example.com")
		r, p := o.revert(run)
		if diff := cmp.Diff([]string{"username-taken"}, codes(p)); diff != "" || r.Exit() != 4 || o.people()["ada.king@example.com"].Title != "Clerk" {
			t.Errorf("exit %d, %+v; want the title alone back; findings (-want +got):\n%s", r.Exit(), o.people()["ada.king@example.com"], diff)
		}
	})
}
