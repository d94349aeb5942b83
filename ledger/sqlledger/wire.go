package sqlledger

import (
	"maps"
	"slices"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// An outcomeText is a ledger.Outcome as it is sealed. What was seen is kept
// path by path, so that it can be read into any shape later.
type outcomeText struct {
	Key         source.Key    `json:"key,omitempty"` // of the intent
	UserName    string        `json:"userName,omitempty"`
	Change      string        `json:"change"`
	Result      ledger.Result `json:"result"`
	Ref         scim.Ref      `json:"ref,omitzero"`
	VersionFrom string        `json:"versionFrom,omitempty"`
	Edits       []plan.Edit   `json:"edits,omitempty"`
	Sent        []scim.Op     `json:"sent,omitempty"`
	Seen        ledger.Values `json:"seen,omitempty"`
	Moved       []scim.Path   `json:"moved,omitempty"`
	Kept        []scim.Path   `json:"kept,omitempty"`
	Waiting     []scim.Path   `json:"waiting,omitempty"`
	Status      int           `json:"status,omitempty"`
	Attempts    int           `json:"attempts,omitempty"`
	Conflicts   int           `json:"conflicts,omitempty"`
	At          time.Time     `json:"at"`
	Took        time.Duration `json:"took,omitempty"` // nanoseconds
	Correlation string        `json:"correlation,omitempty"`
	Kind        fault.Kind    `json:"kind,omitzero"`
	Error       string        `json:"error,omitempty"`
	Hint        string        `json:"hint,omitempty"`
}

func textOf(c plan.Change, o ledger.Outcome) outcomeText {
	return outcomeText{
		Key: c.Key, UserName: c.UserName,
		Change: o.Change, Result: o.Result, Ref: o.Ref, VersionFrom: o.VersionFrom, Edits: o.Edits, Sent: o.Sent,
		Seen: ledger.ValuesOf(o.Seen), Moved: o.Moved, Kept: o.Kept, Waiting: o.Waiting, Status: o.Status, Attempts: o.Attempts, Conflicts: o.Conflicts,
		At: o.At, Took: o.Took, Correlation: o.Correlation, Kind: o.Kind, Error: o.Error, Hint: o.Hint,
	}
}

func (t outcomeText) outcome() *ledger.Outcome {
	o := &ledger.Outcome{
		Change: t.Change, Result: t.Result, Ref: t.Ref, VersionFrom: t.VersionFrom, Edits: t.Edits, Sent: t.Sent,
		Moved: t.Moved, Kept: t.Kept, Waiting: t.Waiting, Status: t.Status, Attempts: t.Attempts, Conflicts: t.Conflicts,
		At: t.At, Took: t.Took, Correlation: t.Correlation, Kind: t.Kind, Error: t.Error, Hint: t.Hint,
	}
	if len(t.Seen) > 0 {
		o.Seen = rowOf(t.Seen)
	}
	return o
}

// rowOf is v in a shape of its own.
func rowOf(v ledger.Values) scim.Row { return v.Row(scim.NewShape(slices.Sorted(maps.Keys(v))...)) }

// A face is what remains readable of an entry without any key: it names nobody.
type face struct {
	Name        string        `json:"name,omitempty"` // of a note
	Reason      string        `json:"reason,omitempty"`
	Wave        int           `json:"wave,omitempty"`
	Status      int           `json:"status,omitempty"`
	Attempts    int           `json:"attempts,omitempty"`
	Conflicts   int           `json:"conflicts,omitempty"`
	At          time.Time     `json:"at,omitzero"`
	Took        time.Duration `json:"took,omitempty"`
	Correlation string        `json:"correlation,omitempty"`
	Kind        fault.Kind    `json:"kind,omitzero"`
}

func faceOf(o ledger.Outcome) face {
	return face{
		Status: o.Status, Attempts: o.Attempts, Conflicts: o.Conflicts, At: o.At, Took: o.Took, Correlation: o.Correlation, Kind: o.Kind,
	}
}

// bare is the entry of a forgotten person: what its face and open columns tell.
func (f face) bare(e *ledger.Entry, result ledger.Result) {
	e.Erased = true
	switch e.Kind {
	case ledger.KindIntent, ledger.KindPart:
		e.Change = &plan.Change{Op: e.Op, Reason: f.Reason, Wave: f.Wave}
	case ledger.KindOutcome:
		e.Outcome = &ledger.Outcome{
			Result: result, Status: f.Status, Attempts: f.Attempts, Conflicts: f.Conflicts, At: f.At, Took: f.Took,
			Correlation: f.Correlation, Kind: f.Kind,
		}
	default:
	}
}

// An attendance is the text of an absent, back or unit entry.
type attendance struct {
	Key  source.Key `json:"key"`
	Unit string     `json:"unit,omitempty"`
}
