// Package reconcile is one run, end to end: read the ledger, the source and the
// target, plan, and carry the plan out under the lock of the organization.
//
// A [Job] is everything a run needs, as values and seams; nothing in it is
// specific to a command. [Job.Plan], [Job.Saved] and [Job.Patch] make a
// [Proposal] and write nothing. [Job.Apply] takes the lock, makes one of them
// into a run, and answers with its [Report].
//
// What a reading of the source proves is decided here, before planning (design
// §8, belief): a source that breaks off, or is much smaller than last time,
// stops the run with Refused and removes nobody.
package reconcile

import (
	"context"
	"time"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A Job is one sync as values and seams. It is not modified, and may be used
// for any number of runs, one at a time.
type Job struct {
	Start ledger.Start // Sync, Org, Actor, Reason, Host, Process; Command and Basis are filled in here

	// Source and People say who should be there; both nil where only explicit
	// operations are carried out.
	Source source.Source
	People People
	Expect Expect

	Reader  target.Reader
	Writer  target.Writer       // nil: Apply is Unsupported
	Catalog target.Cataloger    // nil: names are not checked
	Stats   func() target.Stats // what the connection has done so far; nil: not told
	Store   ledger.Store

	// Input is what is configured: Users, Groups, Rules, Members, ByColumn,
	// Policy, Dialect, and of Basis what does not depend on a reading (Sync, Org,
	// Source, Mapping, Today, Granted). Names and the rest of Basis are filled in here.
	Input plan.Input

	// Options are the tunables of apply; Run, Dialect, shapes, ID, Holder and Now are filled in here.
	Options apply.Options

	Now func() time.Time
}

// People turns records into desired people: a compiled mapping.
type People interface {
	// Columns are what must be read of every record.
	Columns() []string

	// Map is what r wants; ok is false where r is out of scope. A record that
	// cannot be mapped is Held, with a finding of severity Error.
	Map(r source.Record) (d plan.Desired, findings []plan.Finding, ok bool)
}

// Expect is what a reading must have to be believed; the zero value expects nothing.
type Expect struct {
	Min, Max int      // records in scope; Max 0: no bound
	Columns  []string // that the source must have
}

// A Reading is what one pass over the source amounted to.
type Reading struct {
	Records    int         `json:"records"`    // in scope
	Outside    int         `json:"outside"`    // out of scope
	Unreadable int         `json:"unreadable"` // rows that are no record
	Duplicates int         `json:"duplicates"` // records whose key occurred before
	Last       int         `json:"last"`       // records of the last good reading; 0: there is none
	Doubts     []string    `json:"doubts"`     // why it is not believed; none: it is
	Digest     plan.Digest `json:"digest"`     // of the desired people
}

// A Proposal is a plan that has not been carried out, with what carrying it out needs.
type Proposal struct {
	Plan    *plan.Plan
	Reading Reading // zero for explicit operations and saved plans
	Saved   bool    // changes that moved since are left out

	users, groups *scim.Shape
}

// A Propose makes a proposal: Job.Plan, or a closure over Job.Saved or Job.Patch.
type Propose func(context.Context) (*Proposal, error)

// Hooks are how a person takes part in a run. Each may be nil.
type Hooks struct {
	Show     func(*Proposal)                        // the proposal, refused or not
	Confirm  func(context.Context, *Proposal) error // asked before anything is sent; an error ends the run with it
	Progress func(apply.Event)
}

// Plan computes what would change. It writes nothing, neither to the target nor
// to the ledger. With an error about the reading (Refused: not believed) the
// proposal holds the reading and no plan.
func (j Job) Plan(ctx context.Context) (*Proposal, error) { panic("soon") }

// Saved proposes a plan that was computed earlier. Refused where its basis is
// not this job's.
func (j Job) Saved(ctx context.Context, p *plan.Plan) (*Proposal, error) { panic("soon") }

// Patch proposes explicit operations (design §9). name is what places in
// findings begin with. Invalid, listing every fault with its place, where the
// file is not valid: then nothing is proposed.
func (j Job) Patch(ctx context.Context, name string, file []byte) (*Proposal, error) { panic("soon") }

// Apply is one run under the lock: begin, propose, show, confirm, carry out,
// end. The report is good with every error but Busy (nothing began).
//
// Errors: Busy where another run holds the lock; Refused where a limit or the
// belief stopped it (nothing was sent); Interrupted; whatever proposing,
// confirming and applying answered. A change that failed is no error: it is in
// the report, and in [Report.Exit].
func (j Job) Apply(ctx context.Context, command string, propose Propose, h Hooks) (*Report, error) {
	panic("soon")
}
