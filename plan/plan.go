package plan

import (
	"iter"

	"rollcall/scim"
	"rollcall/target"
)

// A Plan is all changes of one run with the basis they were computed from. Its
// changes are kept encoded and decoded one at a time.
type Plan struct {
	Basis    Basis
	Findings []Finding // sorted by severity (errors first), code, key, place
	Limits   []Limit
	Cost     Cost
	Summary  Summary
	// unexported: the encoded changes
}

// Summary counts changes by kind; held ones included. Update counts users, Groups counts groups.
type Summary struct {
	Create       int     `json:"create"`
	Adopt        int     `json:"adopt"`
	Update       int     `json:"update"`
	Rename       int     `json:"rename"`
	Deactivate   int     `json:"deactivate"`
	Reactivate   int     `json:"reactivate"`
	Delete       int     `json:"delete"`
	Groups       int     `json:"groups"`
	Findings     int     `json:"findings"`
	Requests     int     `json:"requests"`
	Seconds      float64 `json:"seconds"`
	ActiveBefore int     `json:"activeBefore"`
	ActiveAfter  int     `json:"activeAfter"`
}

// Changes yields the changes by wave, type and key.
func (p *Plan) Changes() iter.Seq[Change] { panic("sketch") }

// Len is the number of changes.
func (p *Plan) Len() int { panic("sketch") }

// Refused tells whether a limit that stops everything is exceeded.
func (p *Plan) Refused() bool { panic("sketch") }

// Of packs changes made elsewhere (explicit operations, a saved plan) into a
// plan: ids are computed where they are missing, limits checked, order kept by wave, type, key.
func Of(in Input, changes iter.Seq[Change], findings []Finding) *Plan { panic("sketch") }

// A Builder computes one plan. It takes links, people and resources in any
// order and gives the same bytes. It is for one goroutine.
type Builder struct { /* the owner's business */
}

// New starts a plan.
func New(in Input) *Builder { panic("sketch") }

// Link tells one link of the ledger: all of them, closed ones too.
func (b *Builder) Link(l Link) { panic("sketch") }

// Want tells one person of the source. A second Want of the same key makes
// both a finding and holds the person.
func (b *Builder) Want(d Desired) { panic("sketch") }

// Have tells one resource: every page in a full run, then the answers to Questions.
func (b *Builder) Have(o target.Observed) { panic("sketch") }

// Listed says that the listing of t has ended, and whether it was exact:
// absence from an exact listing is knowledge, absence from a shifted one a question.
func (b *Builder) Listed(t scim.Type, exact bool) { panic("sketch") }

// Note adds a finding made outside: a bad row, a value that cannot be used.
func (b *Builder) Note(f Finding) { panic("sketch") }

// Questions are what must still be known before Plan may conclude: absent
// links by id, userName holders, deleted holders, paths not read. The caller
// reads them, tells Have (nothing, where nothing was found), and asks again,
// until there are none. Each question is asked once.
func (b *Builder) Questions() []target.Query { panic("sketch") }

// Plan concludes. The Builder is spent.
func (b *Builder) Plan() *Plan { panic("sketch") }
