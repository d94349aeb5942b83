// Package reconcile is one run, end to end: read the ledger, the source and the
// target, plan, and carry the plan out under the lock of the organization.
//
// A [Job] is everything a run needs, as values and seams; nothing in it is
// specific to a command. [Job.Plan], [Job.Saved], [Job.Patch] and
// [Job.Revert] make a [Proposal] and write nothing. [Job.Apply] takes the lock, makes one of them
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
	"rollcall/ledger"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/source"
	"rollcall/target"
)

// A Job is one sync as values and seams. It is not modified, and may be used
// for any number of runs, one at a time.
type Job struct {
	Start ledger.Start // Sync, Org, Actor, Reason, Host, Process; Command and Basis are filled in here

	// Source and Mapping say who should be there; both nil where only explicit
	// operations are carried out.
	Source  source.Source
	Mapping *mapping.Mapping
	Expect  Expect

	Reader  target.Reader
	Writer  target.Writer       // nil: Apply is Unsupported
	Catalog target.Cataloger    // nil: names are not checked
	Stats   func() target.Stats // what the connection has done so far; nil: not told
	Store   ledger.Store

	// Organization asks the service for the id of the organization that the
	// credentials belong to; nil: not asked. Another id than the ledger
	// remembers for Start.Org is Refused.
	Organization func(context.Context) (string, error)

	// OwnRoles asks for the names of the roles of rollcall's own client, which data
	// neither grants nor takes; nil: not asked. It is asked where roles or groups change.
	OwnRoles func(context.Context) ([]string, error)

	// Granted is how many requests a minute the run may send, as far as the
	// service has said by now; nil: what Input says stands.
	Granted func() int

	// Input is what is configured: Users, Groups, Rules, Members, ByColumn,
	// Policy, Dialect, and of Basis what does not depend on a reading (Source,
	// Mapping, Today, Granted). Names, Policy.Recent and the rest of Basis are
	// filled in here.
	Input plan.Input

	// PlanAge is the oldest saved plan that is carried out; zero: of any age.
	PlanAge time.Duration

	// Options are the tunables of apply; what identifies a run in them is filled in here.
	Options apply.Options

	// Approval says which plans wait for a person.
	Approval Approval

	Now func() time.Time

	lifted []plan.Limit // by the approval of the plan that is carried out
}

// Expect is what a reading must have to be believed; the zero value expects nothing.
type Expect struct {
	Min, Max int      // records in scope; Max 0: no bound
	Columns  []string // that the source must have
}

// A Reading is what one pass over the source amounted to.
type Reading struct {
	Records    int         `json:"records"`              // in scope
	Outside    int         `json:"outside,omitempty"`    // out of scope
	Spoiled    int         `json:"spoiled,omitempty"`    // of Records: an expression failed
	Unreadable int         `json:"unreadable,omitempty"` // rows that could not be read
	Duplicates int         `json:"duplicates,omitempty"` // of Records: the key occurred before
	Last       int         `json:"last,omitempty"`       // records of the last good reading
	Doubts     []string    `json:"doubts,omitempty"`     // why it is not believed; none: it is
	Digest     plan.Digest `json:"-"`                    // of the desired people, whatever their order
}

// A Proposal is a plan that has not been carried out, with what carrying it out needs.
type Proposal struct {
	Plan     *plan.Plan
	Reading  Reading             // zero for explicit operations and saved plans
	Saved    bool                // what moved since is left out
	Approved *ledger.WaitingPlan // that this is, approved; nil: none
	Waiting  ledger.WaitingPlan  // what of it waits for a person; zero: nothing, or nobody knows yet

	in     plan.Input          // that Plan was computed under
	census *census             // of the source; nil where none was read
	left   *leftovers          // nil where the target was not surveyed
	stayed map[string][]string // of in.Fixed: who is still there, of the groups that were read
	org    string              // id of the organization; "": not asked
	groups map[string]string   // ids of the groups by name, where all were listed; "": several have it
	rests  resting             // as earlier runs left it
}

// A Propose makes a proposal: [Job.Plan], or a closure over one of the others.
type Propose func(context.Context) (*Proposal, error)

// Hooks are how a person takes part in a run. Each may be nil.
type Hooks struct {
	Show     func(*Proposal)                        // the proposal as soon as there is one, refused or not
	Confirm  func(context.Context, *Proposal) error // asked before anything is sent, not for an empty plan; an error ends the run with it
	Progress func(apply.Event)
}
