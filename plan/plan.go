package plan

import (
	"iter"
	"slices"

	"rollcall/source"
)

// A Plan is all changes of one run with the basis they were computed from. Its
// changes are kept encoded and decoded one at a time.
type Plan struct {
	Basis    Basis
	Findings []Finding // sorted by severity (errors first), code, key, place
	Limits   []Limit
	Cost     Cost
	Summary  Summary

	// Succeeded are the keys that the source lacks because their people seem to
	// have new ones, sorted; whether this plan relinks them, lets them wait, or
	// was asked about others only. They are not missing.
	Succeeded []source.Key

	// Unlinked are the links to close because somebody else deleted their users,
	// as changes for the ledger. Nothing is sent of them: they are not among Changes.
	Unlinked []Change

	// Missing are linked people whom the source lacks and did not lack before, Back
	// those whom it has again: their days begin, and end, when the plan is carried out.
	Missing, Back []source.Key

	// Waits are those whom this plan leaves incomplete, sorted by key.
	Waits []Wait

	packed, confirmed pack
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
	Rekey        int     `json:"rekey"`
	Groups       int     `json:"groups"`
	Findings     int     `json:"findings"`
	Requests     int     `json:"requests"`
	Seconds      float64 `json:"seconds"`
	ActiveBefore int     `json:"activeBefore"`
	ActiveAfter  int     `json:"activeAfter"`
}

// Changes yields the changes by wave, type and key.
func (p *Plan) Changes() iter.Seq[Change] { return p.packed.all() }

// Len is the number of changes.
func (p *Plan) Len() int { return len(p.packed.entries) }

// Refused tells whether a limit that stops everything is exceeded.
func (p *Plan) Refused() bool {
	return slices.ContainsFunc(p.Limits, func(l Limit) bool { return l.Exceeded && l.StopsAll })
}
