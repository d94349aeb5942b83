// Package ledger is the durable memory of what was intended and what happened:
// append-only entries, hash-chained, sealed per person (design §12). Links,
// images, claims and counts are projections of the entries, rebuilt by replay.
//
// The package holds the vocabulary, the seam, the projection that every
// implementation shares ([Person]) and a double for tests ([Memory]). Package
// sqlledger is the ledger on disk, and package ledgertest proves that an
// implementation keeps the contract.
package ledger

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// A RunID names a run: sortable by start, readable aloud ("20261123-144501-k3f9").
type RunID string

// A Start is what is known when a run begins.
type Start struct {
	Sync    string `json:"sync"`             // name of the sync
	Org     string `json:"org"`              // what the lock is about: one run at a time for one organization
	Command string `json:"command"`          // apply, patch, revert, ...
	Actor   string `json:"actor"`            // a person or a schedule
	Reason  string `json:"reason,omitempty"` // --because

	Allow   map[string]int `json:"allow,omitempty"`   // --allow: limits lifted for this run; -1: without bound
	Believe bool           `json:"believe,omitempty"` // --believe

	Basis   plan.Basis `json:"basis"`
	Host    string     `json:"host"` // of the lock's holder
	Process int        `json:"process"`
}

// A Result is how a change ended.
type Result string

// The results.
const (
	Done     Result = "done"     // sent and answered well
	Found    Result = "found"    // nothing was left to send: it was so already
	Failed   Result = "failed"   // refused or given up
	LeftOut  Result = "leftOut"  // moved since the plan was saved, or rests on a change that failed
	Canceled Result = "canceled" // the run was stopped before it was sent
	Unknown  Result = "unknown"  // sent, and no answer came: the next run looks
)

// An Outcome is what became of one intended change.
type Outcome struct {
	Change      string // ID of the intended change
	Result      Result
	Ref         scim.Ref    // as answered, with the version after
	VersionFrom string      // the version it was sent under
	Edits       []plan.Edit // with Before as read when it was sent, Person values resolved; nil: as intended
	Sent        []scim.Op   // of the last request; nil where nothing was sent
	Seen        scim.Row    // the user as answered; the zero Row where no body came. A group's is not kept
	Moved       []scim.Path // paths whose value somebody else had changed meanwhile
	Kept        []scim.Path // paths that the service answered otherwise than sent: kept, or not visible yet
	Waiting     []scim.Path // paths not sent, or not wholly: they name a person who is not there yet, or are not permitted
	Status      int
	Attempts    int
	Conflicts   int
	At          time.Time
	Took        time.Duration
	Correlation string
	Kind        fault.Kind // of Error
	Error       string     // without attribute values
	Hint        string     // what to do about Error, where it is known
}

// An Ending closes a run.
type Ending struct {
	Result  string          `json:"result"`            // done, partial, refused, interrupted, failed
	Records int             `json:"records,omitempty"` // of the reading; 0 where none was believed
	Reading plan.Digest     `json:"reading,omitzero"`
	Report  json.RawMessage `json:"report,omitempty"` // rollcall.report/1 without its changes
}

// A Run is one execution as history shows it.
type Run struct {
	ID      RunID
	Start   Start
	Began   time.Time
	Ended   time.Time // zero: running, or killed
	Ending  Ending
	Intents int // changes intended
	Settled int // changes with an outcome
	Failed  int
}

// A Kind is what an entry records.
type Kind string

// The kinds of entries.
const (
	KindRun     Kind = "run"     // a run began
	KindIntent  Kind = "intent"  // a change is about to be sent
	KindOutcome Kind = "outcome" // what became of it
	KindEnd     Kind = "end"     // a run ended
	KindNote    Kind = "note"    // something remembered: an organization's id, a page size, a believed reading
	KindAbsent  Kind = "absent"  // a person was first missed in the source
	KindBack    Kind = "back"    // a person who was missed is there again
	KindUnit    Kind = "unit"    // a person belongs to a unit of limits_by, from now on
	KindForget  Kind = "forget"  // a person's key was destroyed
	KindPrune   Kind = "prune"   // entries older than the retention were removed
	KindCarry   Kind = "carry"   // what removed entries made of a person

	KindPlan     Kind = "plan"     // a plan waits for a person
	KindPart     Kind = "part"     // a change of a plan that waits
	KindDecision Kind = "decision" // what becomes of a plan that waits
)

// An Entry is one line of the ledger, opened.
type Entry struct {
	Seq      int64
	Time     time.Time
	Run      RunID
	Kind     Kind
	Change   *plan.Change // of an intent and a part
	Outcome  *Outcome     // of an outcome
	Op       plan.Op      // of intent, outcome and part
	Key      source.Key
	UserName string
	Name     string          // of a note; the unit of a unit entry
	Note     json.RawMessage // of run (a Start), end (an Ending), plan (a WaitingPlan), decision (a Decision), note and forget
	Hash     plan.Digest
	Erased   bool // its person was forgotten: values are gone
}

// A Filter selects entries; the zero value selects all.
type Filter struct {
	Run   RunID
	Who   string // source key, userName, or id
	Kind  Kind
	Since time.Time
	Until time.Time
}

// A Checkpoint is a signed head of the Merkle log, kept outside the ledger (golang.org/x/mod/sumdb/note text).
type Checkpoint string

// A Verification is the answer of audit verify.
type Verification struct {
	Entries    int64
	Runs       int
	Pruned     int64       // of Entries: those that retention removed, whose hashes alone are left
	PrunedTo   time.Time   // what was recorded from then on is all there
	Head       plan.Digest // root of the Merkle log
	Checkpoint Checkpoint  // newest signed head
	Faults     []string    // what is altered, missing, reordered, and where; none: sound
}

// A LinkQuery tells how much of every link to load.
type LinkQuery struct {
	Shape *scim.Shape  // of Image and Ours
	Image bool         // images too; they cost memory
	Keys  []source.Key // of these people only; nil: of everybody
}

// A Journal is what applying a plan needs of a ledger.
type Journal interface {
	// Intend records a batch as one durable commit, before any of it is sent.
	// Intending a change again that is open in the same run is Invalid. Busy
	// where a later run of the organization has begun: this one lost its lock.
	Intend(ctx context.Context, run RunID, batch []plan.Change) error

	// Settle records outcomes with what follows from them (link, image, ours,
	// version) as one durable commit. Each must be of a change that is open in
	// this run, or was left open by an earlier one that did not live to tell;
	// else the batch is Invalid and nothing of it is recorded. An
	// Unknown outcome leaves its change open. A zero At is the time of recording.
	Settle(ctx context.Context, run RunID, batch []Outcome) error
}

// A Counter tells what happened lately: what the limits of 24 hours are counted from.
type Counter interface {
	// Counts are the changes of every op since then that were done, found done,
	// or may have been (an intent without outcome, an unknown outcome), those
	// of a revert and of an explicit rekey excepted. Group removals are counted by person, all else by change.
	Counts(ctx context.Context, since time.Time) (map[plan.Op]int, error)
}

// A Notebook remembers small things between runs: an organization's id, the
// last believed reading, a learned page size. Every note is an entry; the
// newest of a name is the one remembered. What is about people stands in
// objects with their source key as "key", so that it can be sealed for them.
type Notebook interface {
	// Note remembers value, one JSON text, under name. run may be "".
	Note(ctx context.Context, run RunID, name string, value json.RawMessage) error

	// Noted is what was last remembered under name; nil where nothing was. It
	// is as it was given, but for the order of members where it is about people.
	Noted(ctx context.Context, name string) (json.RawMessage, error)
}

// A Register knows who is missed, from which leavers' days of grace are counted,
// and in which unit people were when the source had them last.
type Register interface {
	// Mark records who is missed in the source and who is there again, as one
	// durable commit. Marking an absent person absent again changes nothing.
	Mark(ctx context.Context, run RunID, absent, back []source.Key) error

	// Place records where people belong, as one durable commit. Who is there already is left out.
	Place(ctx context.Context, run RunID, units map[source.Key]string) error
}

// An Unsettled change has an intent, and nobody knows what became of it.
type Unsettled struct {
	Run    RunID // that intended it
	Since  time.Time
	Change plan.Change
}

// Recovery tells what runs that died left behind. A run that has read what such
// a change is about holds it against that ([plan.Change.Against]) and settles
// it: found, where nothing is left to send, which makes its claims good; leftOut,
// where it was not carried out and the plan does not want it any more. A change
// that the run intends itself for the same key or group, and that ends well,
// settles it too.
type Recovery interface {
	// Unsettled yields them, oldest intent first, of groups too; not those of
	// people who were forgotten.
	Unsettled(ctx context.Context) iter.Seq2[Unsettled, error]
}

// A Store is a ledger. It is safe for concurrent use; no goroutine of its own outlives a call.
type Store interface {
	Journal

	// Begin records the start of a run and takes the lock of its organization.
	// Busy, naming the holder, where another run has it and its process lives.
	Begin(ctx context.Context, s Start) (RunID, error)

	// End records the end, signs the head and gives the lock back.
	End(ctx context.Context, run RunID, e Ending) error

	// Links yields every link, closed ones too, in no particular order, and
	// what is open without a link: with Key, Open and OpenOp, and an empty Ref.
	Links(ctx context.Context, q LinkQuery) iter.Seq2[plan.Link, error]

	// Runs yields the runs, newest first.
	Runs(ctx context.Context) iter.Seq2[Run, error]

	// Entries yields entries in the order in which they were written.
	Entries(ctx context.Context, f Filter) iter.Seq2[Entry, error]

	// Verify replays the whole ledger: chain, seals, Merkle log, signed heads,
	// projections; against a kept checkpoint too, where one is given.
	Verify(ctx context.Context, kept Checkpoint) (Verification, error)

	// Close releases the ledger. It does not end a run.
	Close() error
}
