// Package evidence writes the ledger down for other programs: JSON Lines,
// CSV and OCSF, entry by entry, so that its size does not matter. What people read
// is package report's.
//
// Every format says who did it, why, when, to whom, and each attribute's value
// before and after: those of managed attributes, for the ledger has no others.
// People who were forgotten are in it, without their names and values.
package evidence

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/source"
)

const entrySchema = "rollcall.entry/1"

// A Trail is what is written down ([reconcile.Trail]).
type Trail = iter.Seq2[reconcile.Evidence, error]

// An Entry is an entry of the ledger as programs read it: rollcall.entry/1.
type Entry struct {
	Schema   string          `json:"schema"`
	Seq      int64           `json:"seq"`
	Time     time.Time       `json:"time"`
	Run      ledger.RunID    `json:"run,omitempty"`
	Actor    string          `json:"actor,omitempty"`
	Because  string          `json:"because,omitempty"`
	Kind     ledger.Kind     `json:"kind"`
	Op       plan.Op         `json:"op,omitempty"`
	Reason   string          `json:"reason,omitempty"` // the plan's
	Key      source.Key      `json:"key,omitempty"`
	UserName string          `json:"userName,omitempty"`
	Change   *plan.Change    `json:"change,omitempty"` // of an intent
	Open     bool            `json:"open,omitempty"`   // nobody knows yet what became of it
	Outcome  *Outcome        `json:"outcome,omitempty"`
	Name     string          `json:"name,omitempty"` // of a note
	Note     json.RawMessage `json:"note,omitempty"`
	Hash     plan.Digest     `json:"hash"`
	Erased   bool            `json:"erased,omitempty"`
}

// An Outcome is a change of rollcall.report/1 with what was edited beside it.
type Outcome struct {
	reconcile.Row

	VersionFrom string      `json:"versionFrom,omitempty"`
	Version     string      `json:"version,omitempty"`
	Edits       []plan.Edit `json:"edits,omitempty"`
}

// NewEntry is e as programs read it.
func NewEntry(e reconcile.Evidence) Entry {
	d := Entry{
		Schema: entrySchema, Seq: e.Seq, Time: e.Time.UTC(), Run: e.Run, Actor: e.By.Actor, Because: e.By.Reason,
		Kind: e.Kind, Op: e.Op, Key: e.Key, UserName: e.UserName, Change: e.Change, Open: e.Open,
		Name: e.Name, Note: e.Note, Hash: e.Hash, Erased: e.Erased,
	}
	if e.Intent != nil {
		d.Reason = e.Intent.Reason
	}
	if o := e.Outcome; o != nil {
		d.Outcome = &Outcome{reconcile.NewRow(e.Op, e.Key, e.UserName, *o), o.VersionFrom, o.Ref.Version, o.Edits}
	}
	return d
}

// Lines writes one rollcall.entry/1 a line.
func Lines(w io.Writer, t Trail) error {
	return lines(w, t, func(write func(any) error, e reconcile.Evidence) error { return write(NewEntry(e)) })
}

// lines writes what each makes of every entry, one JSON document a line.
func lines(w io.Writer, t Trail, each func(write func(any) error, e reconcile.Evidence) error) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for e, err := range t {
		if err == nil {
			err = each(enc.Encode, e)
		}
		if err != nil {
			return export(err)
		}
	}
	return nil
}

// export is err with what was being done, where nobody has said yet what it means.
func export(err error) error {
	if fault.Of(err) != fault.Internal {
		return err
	}
	return fmt.Errorf("export ledger: %w", err)
}

// changes are the entries of t that say what became of a change, and the
// intents of which nobody knows.
func changes(e reconcile.Evidence) bool {
	return e.Outcome != nil || e.Kind == ledger.KindIntent && e.Open
}

// result is how the change of e ended.
func result(e reconcile.Evidence) ledger.Result {
	if e.Outcome == nil {
		return "open"
	}
	return e.Outcome.Result
}
