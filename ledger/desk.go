package ledger

import (
	"context"
	"fmt"
	"iter"
	"time"

	"rollcall/fault"
	"rollcall/plan"
)

// A WaitingPlan is a plan that waits for a person, without its changes: those
// are entries of their own (KindPart), each sealed to whom it is about.
type WaitingPlan struct {
	Sync     string         `json:"sync"`
	Org      string         `json:"org"`
	Command  string         `json:"command"` // that made it, and carries it out
	Maker    string         `json:"maker"`
	Reason   string         `json:"reason,omitempty"` // --because, of whoever made it
	Why      string         `json:"why"`              // what it waits for: the kinds over their limits, or that everything waits
	Expires  time.Time      `json:"expires"`
	Changes  int            `json:"changes"`
	Basis    plan.Basis     `json:"basis"`
	Summary  plan.Summary   `json:"summary"`
	Limits   []plan.Limit   `json:"limits"`             // without their people
	Findings []plan.Finding `json:"findings,omitempty"` // those with a key

	// Filled in by the ledger.

	ID      RunID     `json:"-"` // that of the run that made it
	Since   time.Time `json:"-"`
	Decided Decision  `json:"-"` // the newest; zero: none
}

// A Standing is what became of a waiting plan.
type Standing string

// The standings. A plan that nobody decided about has none of them: it waits.
const (
	Approved Standing = "approved"
	Rejected Standing = "rejected"
	Replaced Standing = "replaced" // by a newer one of the same sync and command, or because nothing waits any more
	Applied  Standing = "applied"  // carried out to its end
)

// A Decision says what becomes of a waiting plan, by whom and why.
type Decision struct {
	Plan     RunID     `json:"plan"`
	Standing Standing  `json:"standing"`
	By       string    `json:"by"`
	Because  string    `json:"because,omitempty"`
	Run      RunID     `json:"run,omitempty"` // that carried it out, or replaced it
	At       time.Time `json:"-"`
}

// Open tells whether something can still become of the plan. Whether it has
// expired is for whoever knows the time.
func (w WaitingPlan) Open() bool { return w.Decided.Standing == "" || w.Decided.Standing == Approved }

// May tells whether d can follow what was decided so far; Refused, saying what
// stands against it, where it cannot. An approval can be taken back by a rejection.
//
//	so far   | what can follow
//	-------- | ----------------------------
//	nothing  | approved, rejected, replaced
//	approved | applied, rejected, replaced
func (w WaitingPlan) May(d Decision) error {
	was := w.Decided
	first := was.Standing == ""
	if w.Open() && (first || d.Standing != Approved) && (!first || d.Standing != Applied) {
		return nil
	}
	if first {
		err := fmt.Errorf("plan %s: nobody approved it: %w", d.Plan, fault.Refused)
		return fault.WithHint(err, "rollcall approve "+string(d.Plan)+` --because "why"`)
	}
	by := "by " + was.By
	if was.Standing == Replaced {
		by = "by run " + string(was.Run)
	}
	return fmt.Errorf("plan %s: it was %s %s at %s: %w", d.Plan, was.Standing, by, was.At.UTC().Format(time.RFC3339), fault.Refused)
}

// NoPlan is the error for a name that no waiting plan has.
func NoPlan(id RunID) error {
	return fault.WithHint(fmt.Errorf("no plan %s waits, or waited: %w", id, fault.Invalid), "rollcall runs lists the plans that wait")
}

// A Desk keeps the plans that wait for a person (design §8).
type Desk interface {
	// Await records p, named by the run that made it, with its changes as one
	// durable commit. What is open of the same sync and command is replaced.
	Await(ctx context.Context, run RunID, p WaitingPlan, changes iter.Seq[plan.Change]) error

	// Decide records what becomes of a plan, and signs the head. Invalid where
	// there is none of that name, Refused where [WaitingPlan.May] says so.
	Decide(ctx context.Context, d Decision) error

	// WaitingPlan is the plan of that name, whatever became of it; Invalid where there is none.
	WaitingPlan(ctx context.Context, id RunID) (WaitingPlan, error)

	// WaitingPlans yields the newest plan of every sync and command, whatever became of it.
	WaitingPlans(ctx context.Context) iter.Seq2[WaitingPlan, error]
}

// Slot is what one plan at a time can wait for.
func (w WaitingPlan) Slot() string { return w.Command + " of " + w.Sync }
