// Package apply carries plans out. It is the only code that changes a target.
//
// [Run] executes the changes of a plan and nothing else; it decides pace,
// repetition and when to stop. Every request lies between an intent and an
// outcome in the journal: after a kill at any instant the journal says what may
// have happened, and the next plan looks before it acts (design §4).
//
// It promises: a user is written under the version that was read; a write whose
// fate is unknown is looked up before it is repeated, so that nobody is created
// twice; a conflict is answered by reading again and holding the same intent
// against what is there now, never by force; one person's trouble stops nobody
// else and is in the outcomes.
//
// It does not decide what to change, ask for permission, or keep the lock: that
// is package reconcile.
package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// Options are the knobs of a run. Run, Dialect, Users, Groups and Now are
// required; the zero value of the rest is the default.
type Options struct {
	Run     ledger.RunID
	Dialect target.Dialect
	Users   *scim.Shape // what answers about users are cut down to
	Groups  *scim.Shape // the same for groups; may be nil where the plan has no groups
	Now     func() time.Time

	Workers          int           // requests at once; 0: 10
	Batch            int           // changes recorded, sent and settled together; 0: 50
	ConflictRetries  int           // times a stale change is read and sent again; 0: once; negative: never
	Backoff          Backoff       // between looks at a write whose fate is unknown
	Grace            time.Duration // for requests in flight when the run is stopped; 0: 10 s
	LeaveMoved       bool          // a saved plan: leave out what somebody else changed since
	AllowUnversioned bool          // write users that show no version
	Remembered       bool          // the plan rests on what the ledger remembers: what contradicts that ends the run with Distrusted

	ID       func(source.Key) (string, bool)    // id of the user linked to a key; nil: nobody is linked
	Holder   func(id string) (source.Key, bool) // the key that an id is linked to; nil: none is
	Open     func(source.Key) bool              // a killed run sent a create for a key and did not live to hear the answer; nil: none did
	Rand     func() float64                     // jitter in [0, 1); nil: none
	Progress func(Event)                        // called from the goroutine of Run, one at a time
}

// Distrusted is the end of a run whose plan rests on a memory that the service
// contradicts: a version that went backwards, a user who is not there. Nothing
// was written over what was not read.
var Distrusted = errors.New("the organization is not what the ledger remembers") //nolint:staticcheck // it is an ending, as [io.EOF] is

// Backoff is the wait before the n-th look: First × Factor^(n-1), plus up to a
// fifth of jitter.
type Backoff struct {
	First    time.Duration // 0: 1 s
	Factor   float64       // 0: 2
	Attempts int           // how often a write is sent at most; 0: 3
}

// An Event is one change that has ended.
type Event struct {
	Change  plan.Change
	Outcome ledger.Outcome // Change is "" for a change that is held: nothing was intended
	Done    int            // changes ended so far, held ones included
	Total   int            // changes of the plan
	Elapsed time.Duration  // since Run began
}

// Run carries p out, wave by wave: a batch is intended, sent by a bounded number
// of workers, and settled. Held changes are left out.
//
// An error ends the run early: Interrupted where ctx was canceled (what was in
// flight is settled within the grace period), Denied where the credentials are
// refused, Internal for a bug, or what the journal answered. The tally is
// good in every case. A change that failed is no error of the run.
func Run(ctx context.Context, p *plan.Plan, r target.Reader, w target.Writer, j ledger.Journal, o Options) (*Tally, error) {
	o = o.withDefaults()
	taking, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	x := &runner{
		reader: r, writer: w, journal: j, Options: o,
		tally: &Tally{Planned: p.Len()}, began: o.Now(),
		stopping: taking.Done(), halt: halt,
		known: memory{ids: map[source.Key]string{}, versions: map[string]string{}, failed: map[source.Key]plan.Op{}, stayed: map[string][]string{}},
	}
	err := x.waves(taking, p)
	x.tally.Findings, x.tally.Stayed = x.known.noted(), x.known.stayed
	switch {
	case ctx.Err() != nil:
		return x.tally, errors.Join(fmt.Errorf("apply plan: %w: %w", fault.Interrupted, context.Cause(ctx)), err)
	case taking.Err() != nil && err == nil:
		err = context.Cause(taking)
	}
	return x.tally, err
}

func (o Options) withDefaults() Options {
	o.Workers = cmp.Or(max(o.Workers, 0), 10)
	o.Batch = cmp.Or(max(o.Batch, 0), 50)
	o.ConflictRetries = cmp.Or(o.ConflictRetries, 1)
	o.Grace = cmp.Or(o.Grace, 10*time.Second)
	o.Backoff.First = cmp.Or(o.Backoff.First, time.Second)
	o.Backoff.Factor = cmp.Or(o.Backoff.Factor, 2)
	o.Backoff.Attempts = cmp.Or(max(o.Backoff.Attempts, 0), 3)
	if o.ID == nil {
		o.ID = func(source.Key) (string, bool) { return "", false }
	}
	if o.Holder == nil {
		o.Holder = func(string) (source.Key, bool) { return "", false }
	}
	if o.Open == nil {
		o.Open = func(source.Key) bool { return false }
	}
	if o.Rand == nil {
		o.Rand = func() float64 { return 0 }
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	return o
}
