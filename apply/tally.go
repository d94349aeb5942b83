package apply

import (
	"cmp"
	"math"
	"slices"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
)

// A Tally counts how the changes of a run ended.
type Tally struct {
	Planned   int // changes of the plan
	Succeeded int // done, or found done
	Failed    int // refused, given up, or of unknown fate
	LeftOut   int // not sent: moved since the plan was saved, resting on a change that failed, or canceled
	Held      int // waiting for a person: never intended
	Short     int // of Succeeded: but for a part that waits for somebody, or is not permitted
	Found     int // of Succeeded: nothing was left to send
	Moved     int // of LeftOut: moved since the plan was saved
	Unknown   int // of Failed: sent, and no answer came
	Conflicts int // times a write was stale
	Attempts  int // write requests sent, repetitions included

	Findings []plan.Finding      // what was found out on the way, not of a change
	Stayed   map[string][]string // by group: ids of members whom it still shows after their removal

	took []time.Duration // of every write that was answered
}

// Processed is how many changes were taken up and brought to an end.
func (t *Tally) Processed() int { return t.Succeeded + t.Failed }

// Plus is t and u of the same run, u after t; nil counts as nothing.
func (t *Tally) Plus(u *Tally) *Tally {
	if t == nil || u == nil {
		return cmp.Or(t, u)
	}
	sum := *u
	for to, from := range map[*int]int{
		&sum.Planned: t.Planned, &sum.Succeeded: t.Succeeded, &sum.Failed: t.Failed, &sum.LeftOut: t.LeftOut, &sum.Held: t.Held, &sum.Short: t.Short,
		&sum.Found: t.Found, &sum.Moved: t.Moved, &sum.Unknown: t.Unknown, &sum.Conflicts: t.Conflicts, &sum.Attempts: t.Attempts,
	} {
		*to += from
	}
	sum.Findings, sum.took = slices.Concat(t.Findings, u.Findings), slices.Concat(t.took, u.took)
	return &sum
}

// add counts one outcome.
func (t *Tally) add(o ledger.Outcome) {
	t.Conflicts += o.Conflicts
	t.Attempts += o.Attempts
	if o.Attempts > 0 {
		t.took = append(t.took, o.Took)
	}
	if o.Result.Fine() && len(o.Waiting) > 0 {
		t.Short++
	}
	switch o.Result {
	case ledger.Done:
		t.Succeeded++
	case ledger.Found:
		t.Succeeded++
		t.Found++
	case ledger.Failed:
		t.Failed++
	case ledger.Unknown:
		t.Failed++
		t.Unknown++
	case ledger.LeftOut:
		t.LeftOut++
		if len(o.Moved) > 0 {
			t.Moved++
		}
	case ledger.Canceled:
		t.LeftOut++
	}
}

// A Latency is how long the service took for writes, waiting excluded.
type Latency struct{ Mean, P50, P95, P99 time.Duration }

// Latency computes the nearest-rank percentiles over the last request of every
// change that sent one; all zero where none did.
func (t *Tally) Latency() Latency {
	n := len(t.took)
	if n == 0 {
		return Latency{}
	}
	sorted := slices.Sorted(slices.Values(t.took))
	var sum time.Duration
	for _, d := range sorted {
		sum += d
	}
	rank := func(p float64) time.Duration { return sorted[max(int(math.Ceil(p*float64(n)))-1, 0)] }
	return Latency{Mean: sum / time.Duration(n), P50: rank(0.50), P95: rank(0.95), P99: rank(0.99)}
}
