package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/source"
)

// wait applies, which must not be allowed, and answers with the plan that waits.
func (o *org) wait() ledger.RunID {
	o.Helper()
	r, err := o.job.Apply(o.Context(), "apply", o.job.Plan, reconcile.Hooks{})
	if !errors.Is(err, fault.Refused) || r.Waiting == "" || r.Exit() != 5 {
		o.Fatalf("Apply = %+v, %v; want it refused, and a plan that waits", r, err)
	}
	return r.Waiting
}

// decide is somebody's word on a plan.
func (o *org) decide(id ledger.RunID, by string, s ledger.Standing) error {
	o.Helper()
	_, err := reconcile.Decide(o.Context(), o.ledger, o.job.Approval, time.Now(), ledger.Decision{Plan: id, Standing: s, By: by, Because: "seen"})
	return err
}

func (o *org) approve(id ledger.RunID) {
	o.Helper()
	if err := o.decide(id, "jo", ledger.Approved); err != nil {
		o.Fatalf("approve: %v", err)
	}
}

func (o *org) carryOut(id ledger.RunID) (*reconcile.Report, error) {
	o.Helper()
	return o.job.Apply(o.Context(), "apply", func(ctx context.Context) (*reconcile.Proposal, error) { return o.job.Approved(ctx, id) }, reconcile.Hooks{})
}

// leaving is an organization of n from which some want to leave, more than the limit lets go.
func leaving(t *testing.T, n, gone int) *org {
	t.Helper()
	o := newOrg(t, nil, company(n)...)
	o.job.Approval = reconcile.Approval{Over: true, Expire: 72 * time.Hour, Another: true}
	o.apply()
	o.source.rows = company(n)[:n-gone]
	o.source.rows[1].title = "Lead"
	o.job.Input.Policy.Believe = true // whose place at the end is no accident
	return o
}

func (o *org) inactive() (n int) {
	for _, p := range o.people() {
		if p.State == "inactive" {
			n++
		}
	}
	return n
}

// deskBomb is a bomb over a ledger with a desk.
type deskBomb struct {
	*bomb
	ledger.Desk
}

func (b deskBomb) Decide(ctx context.Context, d ledger.Decision) error {
	if b.dead() {
		return errKilled
	}
	if err := b.Desk.Decide(ctx, d); err != nil || b.alive() {
		return err
	}
	return errKilled
}

// TestAnApprovedPlanThatWasKilledIsTakenUpAgain kills the run that carries an
// approved plan out at every step: taken up again it comes to its end, once.
func TestAnApprovedPlanThatWasKilledIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	for n := 1; n < 60; n++ {
		t.Run(fmt.Sprintf("step %d", n), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := leaving(t, 24, 12)
				o.job.Options = apply.Options{Workers: 2, Batch: 5}
				id := o.wait()
				o.approve(id)
				o.job.Store = deskBomb{o.arm(n), o.ledger}
				_, _ = o.carryOut(id)
				o.disarm()
				if w, err := o.ledger.WaitingPlan(t.Context(), id); err != nil || w.Open() {
					if r, err := o.carryOut(id); err != nil || r.Moved+r.Failed+r.LeftOut > 0 {
						t.Fatalf("taken up again: %+v, %v; want it done", r, err)
					}
				}
				if got := o.inactive(); got != 12 || o.people()["e001@example.com"].Title != "Lead" {
					t.Errorf("%d are inactive, want the 12 of the plan, and the title changed", got)
				}
				if _, err := o.carryOut(id); !errors.Is(err, fault.Refused) {
					t.Errorf("once more: %v, want it refused", err)
				}
				for u, err := range o.ledger.Unsettled(t.Context()) {
					t.Errorf("nobody knows what became of %s %s, %v", u.Change.Op, u.Change.Key, err)
				}
			})
		})
	}
}

func TestAPlanIsApprovedForItsChangesOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := leaving(t, 40, 12)
		id := o.wait()
		o.approve(id)
		o.job.Input.Policy.Only = []string{"e037", "e038", "e039"} // three of them go on their own meanwhile
		o.apply()
		o.job.Input.Policy.Only = nil
		r, err := o.carryOut(id)
		if err != nil || o.inactive() != 12 || r.Moved > 0 {
			t.Errorf("carried out: %+v, %v with %d inactive; want 12, three found done", r, err, o.inactive())
		}
		o.source.rows = company(40)[:27]
		if _, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{}); !errors.Is(err, fault.Refused) {
			t.Errorf("one more leaver the same day: %v, want it refused: those of the plan count", err)
		}
	})
}

func TestWhoMadeAPlanMayNotApproveIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := leaving(t, 24, 12)
		id := o.wait()
		if err := o.decide(id, "Tester", ledger.Approved); !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), "tester made it") {
			t.Errorf("approved by its maker: %v, want it refused", err)
		}
		if err := o.decide(id, " TESTER ", ledger.Approved); !errors.Is(err, fault.Refused) {
			t.Errorf("approved by its maker with a space: %v, want it refused", err)
		}
		o.job.Approval.Another = false
		if err := o.decide(id, "tester", ledger.Approved); err != nil {
			t.Errorf("approved by its maker, where anybody may: %v", err)
		}
	})
}

func TestAPlanThatNobodyWantsAnyMoreIsWithdrawn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := leaving(t, 24, 12)
		id := o.wait()
		o.approve(id)
		o.source.rows = company(24) // the export was corrected
		o.job.Input.Policy.Only = []string{"e000"}
		o.apply()
		o.job.Input.Policy.Only = nil
		if w, err := o.ledger.WaitingPlan(t.Context(), id); err != nil || !w.Open() {
			t.Errorf("after a run of one person alone the plan is %+v, %v; want it open", w.Decided, err)
		}
		run := o.apply().Run
		if w, err := o.ledger.WaitingPlan(t.Context(), id); err != nil || w.Decided.Standing != ledger.Replaced || w.Decided.Run != run {
			t.Errorf("the plan is %+v, %v; want it replaced by %s", w.Decided, err, run)
		}
		if _, err := o.carryOut(id); !errors.Is(err, fault.Refused) || o.inactive() != 0 {
			t.Errorf("carried out: %v with %d inactive, want it refused", err, o.inactive())
		}
	})
}

func TestAPlanExpires(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := leaving(t, 24, 12)
		first := o.wait()
		time.Sleep(71 * time.Hour)
		if again := o.wait(); again != first {
			t.Errorf("the same changes wait as %s, want %s", again, first)
		}
		o.approve(first)
		time.Sleep(2 * time.Hour)
		if _, err := o.carryOut(first); !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), "expired") {
			t.Errorf("carried out after it expired: %v, want it refused", err)
		}
		second := o.wait()
		if second == first {
			t.Errorf("the plan that expired waits still")
		}
		if err := o.decide(first, "jo", ledger.Rejected); !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), "replaced by run "+string(second)) {
			t.Errorf("rejected: %v, want it refused: it was replaced", err)
		}
	})
}

// forgetful is a ledger that has forgotten somebody.
type forgetful struct {
	*ledger.Memory

	key source.Key
}

func (f forgetful) Entries(ctx context.Context, by ledger.Filter) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for e, err := range f.Memory.Entries(ctx, by) {
			if e.Key == f.key {
				e.Erased, e.Change = true, &plan.Change{Op: e.Op}
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestOfAPlanNothingIsDoneToTheForgotten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := leaving(t, 24, 12)
		id := o.wait()
		o.approve(id)
		o.job.Store = forgetful{o.ledger, "e020"}
		p, err := o.job.Approved(t.Context(), id)
		if err != nil {
			t.Fatalf("Approved: %v", err)
		}
		if diff := cmp.Diff(map[plan.Op]int{plan.Deactivate: 11, plan.Update: 1}, ops(p.Plan)); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		if !slices.ContainsFunc(p.Plan.Findings, func(f plan.Finding) bool { return f.Code == "forgotten" }) {
			t.Errorf("findings = %v, want one that says so", p.Plan.Findings)
		}
	})
}

func TestAColumnThatWasEmptiedIsNotBelieved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(12)...)
		o.apply()
		rows := company(14)
		for i := range rows[:5] {
			rows[i].title = ""
		}
		o.source.rows = rows
		if p, err := o.job.Plan(t.Context()); err != nil {
			t.Fatalf("five titles of 14 are blank: %v, %v; want it believed", p, err)
		}
		for i := range rows[:9] {
			rows[i].title = " "
		}
		_, err := o.job.Plan(t.Context())
		if !errors.Is(err, fault.Refused) || !strings.Contains(err.Error(), `column "Title" has a value in 5 of 14 records, and had one in 12 of 12`) {
			t.Errorf("nine titles of 14 are blank: %v, want the reading refused", err)
		}
		o.job.Input.Policy.Believe = true
		if _, err := o.job.Plan(t.Context()); err != nil {
			t.Errorf("believed by a person: %v", err)
		}
	})
}
