package cli

import (
	"encoding/json"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/source"
)

// entryDoc is an entry as programs read it: one line of `audit --format jsonl`.
// An outcome is a change of rollcall.report/1 with what was edited beside it.
func entryDoc(e ledger.Entry) any {
	type outcome struct {
		reconcile.Row

		VersionFrom string      `json:"versionFrom,omitempty"`
		Version     string      `json:"version,omitempty"`
		Edits       []plan.Edit `json:"edits,omitempty"`
	}
	type doc struct {
		Seq      int64           `json:"seq"`
		Time     time.Time       `json:"time"`
		Run      ledger.RunID    `json:"run,omitempty"`
		Kind     ledger.Kind     `json:"kind"`
		Op       plan.Op         `json:"op,omitempty"`
		Key      source.Key      `json:"key,omitempty"`
		UserName string          `json:"userName,omitempty"`
		Change   *plan.Change    `json:"change,omitempty"`
		Outcome  *outcome        `json:"outcome,omitempty"`
		Name     string          `json:"name,omitempty"`
		Note     json.RawMessage `json:"note,omitempty"`
		Hash     plan.Digest     `json:"hash"`
		Erased   bool            `json:"erased,omitempty"`
	}
	d := doc{
		Seq: e.Seq, Time: e.Time.UTC(), Run: e.Run, Kind: e.Kind, Op: e.Op, Key: e.Key, UserName: e.UserName,
		Change: e.Change, Name: e.Name, Note: e.Note, Hash: e.Hash, Erased: e.Erased,
	}
	if o := e.Outcome; o != nil {
		d.Outcome = &outcome{reconcile.NewRow(e.Op, e.Key, e.UserName, *o), o.VersionFrom, o.Ref.Version, o.Edits}
	}
	return d
}
