package ledger

import (
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
)

// NewRunID names a run that begins now. Two that begin in the same second
// differ by what is read from random (20 bits).
func NewRunID(now time.Time, random io.Reader) (RunID, error) {
	var b [5]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("name run: %w: %w", fault.Internal, err)
	}
	word := strings.ToLower(base32.StdEncoding.EncodeToString(b[:])[:4])
	return RunID(now.UTC().Format("20060102-150405-") + word), nil
}

// Busy is the error that says who has the lock of an organization. holder is
// the run that has it; its zero value where that is not known.
func Busy(org string, holder Run) error {
	by := "another run"
	if holder.ID != "" {
		by = fmt.Sprintf("run %s (host %s, process %d, by %s, since %s)", holder.ID, holder.Start.Host, holder.Start.Process,
			holder.Start.Actor, holder.Began.UTC().Format(time.RFC3339))
	}
	return fault.WithHint(fmt.Errorf("begin run for %s: %s has the lock: %w", org, by, fault.Busy),
		"wait for it to end, or stop that process; the lock of a process that died is free at once")
}

// Lost is the error of a run that lost the lock of its organization to another.
func Lost(run RunID) error {
	return fault.WithHint(fmt.Errorf("run %s lost its lock to a later run: %w", run, fault.Busy),
		"the connection to the ledger broke, and another run took over; what this one left open is settled there")
}

// Fine tells whether the change is as it was meant to be.
func (r Result) Fine() bool { return r == Done || r == Found }

// Tally counts one outcome. A change counts once: again tells that its outcome
// was unknown so far.
func (r *Run) Tally(result Result, again bool) {
	if again {
		r.Settled--
		r.Failed--
	}
	r.Settled++
	if result == Failed || result == Unknown {
		r.Failed++
	}
}

// OfGroup is o as it is recorded of c, a group's change: without the group that
// was answered, which has all its members, and with the people whom it is about.
func (o Outcome) OfGroup(c plan.Change) Outcome {
	o.Seen = scim.Row{}
	if o.Edits == nil {
		o.Edits = c.Edits
	}
	return o
}

// Leaving is how many people c takes out of a group.
func Leaving(c plan.Change) int {
	n := 0
	for m := range Members(c) {
		if !m.In {
			n++
		}
	}
	return n
}
