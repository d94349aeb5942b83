package reconcile_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/target"
)

var revertCount = flag.Uint64("revert.count", lawOrganizations/10, "how many seeds TestRevertLaw tries")

// TestRevertLaw: whatever a run did, taking it back leaves everybody who was
// there as they were, and taking that back leaves everybody as the run did.
func TestRevertLaw(t *testing.T) {
	t.Parallel()
	for seed := *lawFirst; seed < *lawFirst+*revertCount; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &revertWorld{lawWorld: newLawWorld(t, seed, ""), held: map[string]bool{}}
				defer w.tell()
				for range w.IntN(3) {
					w.carry(w.restoring().Plan)
					w.happen()
				}
				before := w.truth()
				run := w.carry(w.restoring().Plan)
				after, due := w.truth(), w.due()
				if run == "" {
					return
				}
				run = w.carry(w.reverting(run))
				w.same("taken back", before)
				if run != "" {
					w.carry(w.reverting(run))
					w.same("and back again", after)
					if now := w.due(); w.seed%2 == 0 && !w.known && len(w.held) == 0 && now > due {
						w.Errorf("%d requests are due then, want %d", now, due)
					}
				}
			})
		})
	}
}

// A revertWorld takes runs back.
type revertWorld struct {
	*lawWorld

	held  map[string]bool // ids of users of whom something waits
	known bool            // a finding says that somebody else has a userName by now
}

// restoring is the job of a run that keeps all that leaving takes.
func (w *revertWorld) restoring() reconcile.Job {
	w.Helper()
	j := w.job(w.enterprise)
	j.Input.Policy.Restore, j.Input.Policy.RestoreWithin = []scim.Path{target.GrantsOf, plan.GroupsOf}, 100*24*time.Hour
	j.Input.Policy.Allow[string(plan.Restore)] = -1
	if w.seed%2 == 0 {
		delete(j.Input.Policy.Allow, string(plan.Delete)) // who was created is deactivated
	}
	return j
}

func (w *revertWorld) reverting(run ledger.RunID) reconcile.Propose {
	j := w.restoring()
	return func(ctx context.Context) (*reconcile.Proposal, error) {
		return j.Revert(ctx, reconcile.Reversal{Run: run, Locked: true})
	}
}

// carry carries a proposal out. The run is "" where it changed nothing.
func (w *revertWorld) carry(propose reconcile.Propose) ledger.RunID {
	w.Helper()
	shown := 0
	r, err := w.restoring().Apply(w.Context(), "revert", propose, reconcile.Hooks{Show: func(p *reconcile.Proposal) {
		shown = p.Plan.Len()
		for c := range p.Plan.Changes() {
			if c.Held != "" {
				w.held[c.Target.ID] = true
			}
		}
		w.note("%d changes:\n%v%v", shown, lines{p.Plan}, p.Plan.Findings)
		w.known = w.known || slices.ContainsFunc(p.Plan.Findings, func(f plan.Finding) bool { return f.Code == "username-taken" })
	}})
	if err != nil && !strings.Contains(err.Error(), "it changed nothing") {
		w.Fatalf("Apply: %v", err)
	}
	time.Sleep(10 * time.Second) // member_delay
	if shown == 0 {
		return ""
	}
	return r.Run
}

// due is how many requests the next run would send.
func (w *revertWorld) due() int {
	w.Helper()
	p, err := w.restoring().Plan(w.Context())
	if err != nil {
		w.Fatalf("Plan: %v", err)
	}
	w.note("then:\n%v", lines{p.Plan})
	return p.Plan.Summary.Requests
}

// same compares those who were there, but for whom something waits, and for
// what the service, or a guard, keeps.
func (w *revertWorld) same(what string, want truth) {
	w.Helper()
	got := w.truth()
	maps.DeleteFunc(got, func(id string, _ facts) bool { return want[id] == nil || w.held[id] })
	maps.DeleteFunc(want, func(id string, _ facts) bool { return w.held[id] })
	for _, side := range []truth{want, got} {
		for _, f := range side {
			w.beyond(f)
		}
	}
	if w.set["removed_value"] == "keep" {
		for id := range want {
			maps.DeleteFunc(got[id], func(name, _ string) bool { return want[id][name] == "" })
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// beyond drops what no revert can bring back.
func (w *revertWorld) beyond(f facts) {
	delete(f, "roles/admin") // guarded
	if w.known {
		delete(f, "userName")
	}
	if len(w.held) > 0 {
		delete(f, "manager") // who is deleted is not shown as one
	}
	if number, _, extended := strings.Cut(f["phones/work"], ";ext="); extended && w.seed%2 == 1 {
		f["phones/work"] = number // deletion takes it
	}
}
