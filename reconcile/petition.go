package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
)

// A Petition is a plan that waits, or waited, for a person as JSON shows it.
type Petition struct {
	Schema   string          `json:"schema"` // rollcall.approval/1
	ID       ledger.RunID    `json:"id"`
	Standing string          `json:"standing"` // waiting, approved, rejected, replaced, applied or expired
	Sync     string          `json:"sync"`
	Command  string          `json:"command"`
	Maker    string          `json:"maker"`
	Reason   string          `json:"because,omitempty"`
	Why      string          `json:"why"` // the limits that it exceeds, or that every plan waits
	Changes  int             `json:"changes"`
	Since    time.Time       `json:"since"`
	Expires  time.Time       `json:"expires"`
	Limits   []plan.Limit    `json:"limits"`
	Decided  *Decided        `json:"decided,omitempty"`
	Void     int             `json:"void,omitempty"` // changes, whole or in part, of people who were forgotten since
	Plan     json.RawMessage `json:"plan,omitempty"` // rollcall.plan/1
}

// A Decided says who decided about a plan, when and why.
type Decided struct {
	By      string       `json:"by"`
	At      time.Time    `json:"at"`
	Because string       `json:"because,omitempty"`
	Run     ledger.RunID `json:"run,omitempty"` // that carried it out, or whose plan replaced it
}

// NewPetition says how it stands with w at that time.
func NewPetition(w ledger.WaitingPlan, now time.Time) Petition {
	out := Petition{
		Schema: "rollcall.approval/1", ID: w.ID, Standing: standing(w, now), Sync: w.Sync, Command: w.Command, Maker: w.Maker, Reason: w.Reason,
		Why: w.Why, Changes: w.Changes, Since: w.Since.UTC(), Expires: w.Expires, Limits: append([]plan.Limit{}, w.Limits...),
	}
	if d := w.Decided; d.Standing != "" {
		out.Decided = &Decided{By: d.By, At: d.At.UTC(), Because: d.Because, Run: d.Run}
	}
	return out
}

// Open tells whether something can still become of the plan.
func (w Petition) Open() bool {
	return w.Standing == waitingStanding || w.Standing == string(ledger.Approved)
}

const waitingStanding = "waiting"

// Whole is w with its plan.
func (w Petition) Whole(p *plan.Plan, void int) (Petition, error) {
	var text bytes.Buffer
	if err := plan.Encode(&text, p); err != nil {
		return w, fmt.Errorf("show plan %s: %w: %w", w.ID, fault.Internal, err)
	}
	w.Plan, w.Void = text.Bytes(), void
	return w, nil
}

// standing is how it stands with w at that time, in one word.
func standing(w ledger.WaitingPlan, now time.Time) string {
	switch {
	case w.Open() && expired(w, now):
		return "expired"
	case w.Decided.Standing == "":
		return waitingStanding
	default:
		return string(w.Decided.Standing)
	}
}
