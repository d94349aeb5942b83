package sqlledger_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
	"rollcall/ledger/sqlledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// peopled is a ledger with two people who are in one group, noted, missed, and with something open.
func peopled(t *testing.T, place string) (*sqlledger.Ledger, ledger.RunID) {
	t.Helper()
	l, ctx := open(t, place, opening(place)), t.Context()
	run, err := l.Begin(ctx, ledger.Start{Org: "org", Actor: "kim"})
	if err != nil {
		t.Fatal(err)
	}
	join := joining("e1", "e2")
	open := ledgertest.Creation("e1")
	open.ID, open.Op, open.Target.ID = "update-e1", plan.Update, "u1"
	for _, err := range []error{
		l.Intend(ctx, run, []plan.Change{ledgertest.Creation("e1"), ledgertest.Creation("e2"), join}),
		l.Settle(ctx, run, []ledger.Outcome{ledgertest.Created("e1", "u1"), ledgertest.Created("e2", "u2"), {
			Change: "join", Result: ledger.Done, Edits: []plan.Edit{{Path: "members", ID: "value", Add: ledgertest.Elements("u1", "u2")}},
			Sent: []scim.Op{{Verb: scim.Remove, Path: `members[value eq "u1"]`}, {Verb: scim.Remove, Path: `members[value eq "u2"]`}},
		}}),
		l.Mark(ctx, run, []source.Key{"e1", "e2"}, nil),
		l.Note(ctx, run, "held", []byte(`[{"key":"e1","x":1},{"key":"e2","x":2}]`)),
		l.Intend(ctx, run, []plan.Change{open}),
		l.End(ctx, run, ledger.Ending{Result: "done"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return l, run
}

// Whoever is forgotten is gone from every answer; everybody else is as before,
// the chain stands, and so does a checkpoint from before.
func TestForget(t *testing.T) {
	t.Parallel()
	for name := range places(t) {
		for _, who := range []string{"e1", "u1", "E1@example.com"} {
			t.Run(name+" by "+who, func(t *testing.T) {
				t.Parallel()
				place := places(t)[name] // a ledger of its own
				if name == "SQLite" {
					place = filepath.Join(t.TempDir(), "rollcall.db")
				}
				l, _ := peopled(t, place)
				defer func() { _ = l.Close() }()
				forgotten(t, l, who)
			})
		}
	}
}

func forgotten(t *testing.T, l *sqlledger.Ledger, who string) {
	t.Helper()
	ctx := t.Context()
	before, err := l.Verify(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	run, err := l.Begin(ctx, ledger.Start{Org: "org", Command: "forget"})
	if err != nil {
		t.Fatal(err)
	}
	known, err := l.Forget(ctx, run, who)
	if want := (ledger.Known{Key: "e1", UserName: "e1@example.com", ID: "u1", Entries: 7, Linked: true}); err != nil || known != want {
		t.Fatalf("Forget() = %+v, %v, want %+v", known, err, want)
	}
	if err := l.End(ctx, run, ledger.Ending{Result: "done"}); err != nil {
		t.Fatal(err)
	}
	for _, kept := range []ledger.Checkpoint{"", before.Checkpoint} {
		if v, err := l.Verify(ctx, kept); err != nil || len(v.Faults) > 0 {
			t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
		}
	}
	for _, name := range []string{"e1", "u1", "e1@example.com"} {
		for e := range l.Entries(ctx, ledger.Filter{Who: name}) {
			t.Errorf("entry %d is found by %s", e.Seq, name)
		}
		if _, err := l.Known(ctx, name); fault.Of(err) != fault.Invalid || fault.Hint(err) == "" {
			t.Errorf("Known(%s) = %v, want Invalid with a hint", name, err)
		}
	}
	for link, err := range l.Links(ctx, ledger.LinkQuery{Shape: ledgertest.Shape(), Image: true}) {
		if err != nil || link.Key != "e2" || len(link.Groups) != 1 || link.Left.IsZero() {
			t.Errorf("link %+v, %v, want e2's alone, as it was", link, err)
		}
	}
	for u := range l.Unsettled(ctx) {
		t.Errorf("%s is unsettled", u.Change.ID)
	}
	if note, err := l.Noted(ctx, "held"); err != nil || string(note) != `[{"$erased":true},{"key":"e2","x":2}]` {
		t.Errorf("Noted() = %s, %v, want e2's part alone", note, err)
	}
	for e, err := range l.Entries(ctx, ledger.Filter{}) {
		if text := string(e.Key) + e.UserName + string(e.Note); err != nil || strings.Contains(text, "e1") || e.Change != nil && e.Change.ID == "create-e1" {
			t.Errorf("entry %d = %+v, %v, want nothing of e1", e.Seq, e, err)
		}
	}
	anew(t, l)
}

// anew lets the same key come again: somebody new.
func anew(t *testing.T, l *sqlledger.Ledger) {
	t.Helper()
	ctx := t.Context()
	run, err := l.Begin(ctx, ledger.Start{Org: "org"})
	if err == nil {
		err = l.Intend(ctx, run, []plan.Change{ledgertest.Creation("e1")})
	}
	if err == nil {
		err = l.Settle(ctx, run, []ledger.Outcome{ledgertest.Created("e1", "u1")})
	}
	if err == nil {
		err = l.End(ctx, run, ledger.Ending{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if k, err := l.Known(ctx, "e1"); err != nil || k.Entries != 2 || !k.Linked {
		t.Errorf("Known(e1) = %+v, %v, want two entries of somebody new", k, err)
	}
	if v, err := l.Verify(ctx, ""); err != nil || len(v.Faults) > 0 {
		t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
	}
}

// Whoever has another key now is forgotten under the former one too.
func TestForgetFormerKeys(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, _ := peopled(t, place)
			defer func() { _ = l.Close() }()
			ctx := t.Context()
			run, err := l.Begin(ctx, ledger.Start{Org: "org", Command: "rekey"})
			if err != nil {
				t.Fatal(err)
			}
			rekey := plan.Change{ID: "rekey", Op: plan.Rekey, Key: "n1", From: "e1", Target: scim.Ref{Type: scim.User, ID: "u1"}}
			if err := l.Intend(ctx, run, []plan.Change{rekey}); err != nil {
				t.Fatal(err)
			}
			if err := l.Settle(ctx, run, []ledger.Outcome{{Change: "rekey", Result: ledger.Done}}); err != nil {
				t.Fatal(err)
			}
			k, err := l.Forget(ctx, run, "n1")
			if err != nil || k.Former != 1 {
				t.Errorf("Forget(n1) = %+v, %v, want one former key", k, err)
			}
			for _, who := range []string{"e1", "n1", "u1", "e1@example.com"} {
				if k, err := l.Known(ctx, who); err == nil {
					t.Errorf("Known(%s) = %+v, want nobody", who, k)
				}
			}
			if v, err := l.Verify(ctx, ""); err != nil || len(v.Faults) > 0 {
				t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
			}
		})
	}
}

func TestForgetRefuses(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, _ := peopled(t, place)
			defer func() { _ = l.Close() }()
			ctx := t.Context()
			run, err := l.Begin(ctx, ledger.Start{Org: "org"})
			if err != nil {
				t.Fatal(err)
			}
			c, o := ledgertest.Creation("e3"), ledgertest.Created("e3", "u3")
			c.UserName = "e2@example.com" // which e2 had before
			if err := l.Intend(ctx, run, []plan.Change{c}); err != nil {
				t.Fatal(err)
			}
			if err := l.Settle(ctx, run, []ledger.Outcome{o}); err != nil {
				t.Fatal(err)
			}
			for who, want := range map[string]string{"nobody": "knows nobody", "": "knows nobody", "e2@example.com": "2 people had this userName"} {
				if _, err := l.Forget(ctx, run, who); fault.Of(err) != fault.Invalid || fault.Hint(err) == "" || !strings.Contains(err.Error(), want) {
					t.Errorf("Forget(%q) = %v, want Invalid: %s, with a hint", who, err, want)
				}
			}
			if v, err := l.Verify(ctx, ""); err != nil || len(v.Faults) > 0 {
				t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
			}
		})
	}
}

// The destroyed key stands in no file any more, and one that was put back is found.
func TestADestroyedKeyIsNowhere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	l, _ := peopled(t, path)
	var wrapped []byte
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "SELECT wrapped FROM person_keys WHERE person = 1").Scan(&wrapped); err != nil {
		t.Fatal(err)
	}
	run, err := l.Begin(t.Context(), ledger.Start{Org: "org"})
	if err == nil {
		_, err = l.Forget(t.Context(), run, "e1")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + "-wal"} {
		if b, err := os.ReadFile(file); err != nil || bytes.Contains(b, wrapped) {
			t.Errorf("%s has the destroyed key, or %v", filepath.Base(file), err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE person_keys SET wrapped = ? WHERE person = 1", wrapped); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(verify(t, path, ""), "\n"); !strings.Contains(got, "says that the person was forgotten, and the key is there") {
		t.Errorf("Verify() finds %q, want the key that was put back", got)
	}
}
