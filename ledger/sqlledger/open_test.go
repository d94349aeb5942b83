package sqlledger_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
	"rollcall/ledger/sqlledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

func options() sqlledger.Options { return sqlledger.Options{Now: (&ledgertest.Clock{}).Now} }

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What cannot be opened is refused with a remedy, and is byte for byte as it was.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lay  func(t *testing.T, path string)
		o    sqlledger.Options
		want string
		kind fault.Kind
	}{
		"a directory": {func(t *testing.T, path string) {
			t.Helper()
			for _, suffix := range []string{"", ".key", ".sign"} {
				if err := os.Remove(path + suffix); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, options(), "it is a directory", fault.Invalid},
		"a file that is no database": {func(t *testing.T, path string) {
			t.Helper()
			write(t, path, strings.Repeat("LoginID|Title\n", 400))
		}, options(), "not a database", fault.Invalid},
		"a database of something else": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err == nil {
				_, err = db.ExecContext(t.Context(), "CREATE TABLE customers (id INTEGER)")
			}
			if err = errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
		}, options(), "a database of something else", fault.Invalid},
		"a newer version": {func(t *testing.T, path string) {
			t.Helper()
			damage(t, path, "INSERT INTO versions VALUES (99)")
		}, options(), "it is of version 99, and this program knows up to 1", fault.Unsupported},
		"a missing key": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path + ".key"); err != nil {
				t.Fatal(err)
			}
		}, options(), "rollcall.db.key", fault.Invalid},
		"another ledger's key": {func(t *testing.T, path string) {
			t.Helper()
			write(t, path+".key", sqlledger.NewKey())
		}, options(), "the ledger key is another one's", fault.Invalid},
		"a key that is none": {func(t *testing.T, path string) {
			t.Helper()
			write(t, path+".key", "secret")
		}, options(), "not 32 bytes in base64", fault.Invalid},
		"a damaged file": {func(t *testing.T, path string) {
			t.Helper()
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, string(b[:4096])+strings.Repeat("x", 8192))
		}, options(), "", fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, _ := lay(t)
			tt.lay(t, path)
			before, _ := os.ReadFile(path)
			for _, o := range []sqlledger.Options{{Now: tt.o.Now}, {Now: tt.o.Now, ReadOnly: true}} {
				l, err := sqlledger.Open(t.Context(), path, o)
				if fault.Of(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("Open() = %v (%v), want %v: %s", err, l, tt.kind, tt.want)
				}
				if fault.Hint(err) == "" && fault.Place(err) == "" {
					t.Errorf("Open() = %v has no remedy", err)
				}
			}
			after, _ := os.ReadFile(path)
			if !bytes.Equal(before, after) {
				t.Error("Open() changed what it refused")
			}
		})
	}
}

func TestOpenSaysThatADirectoryIsMissing(t *testing.T) {
	t.Parallel()
	_, err := sqlledger.Open(t.Context(), filepath.Join(t.TempDir(), "none", "rollcall.db"), options())
	if fault.Of(err) != fault.Invalid || fault.Hint(err) == "" {
		t.Errorf("Open() = %v, want Invalid with a hint", err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	path, _ := lay(t)
	l := open(t, path, options())
	if _, err := l.Begin(t.Context(), ledger.Start{Org: "org"}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 5 {
		t.Fatalf("files = %v, %v", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", filepath.Base(f), info.Mode(), err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	o := options()
	o.ReadOnly = true
	ctx := t.Context()

	absent := filepath.Join(t.TempDir(), "rollcall.db")
	l := open(t, absent, o)
	for link, err := range l.Links(ctx, ledger.LinkQuery{}) {
		t.Errorf("an absent ledger has link %v, %v", link, err)
	}
	if v, err := l.Verify(ctx, ""); err != nil || len(v.Faults) > 0 {
		t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
	}
	if n, err := l.Noted(ctx, "page"); n != nil || err != nil {
		t.Errorf("Noted() = %s, %v, want nothing", n, err)
	}
	if _, err := l.Begin(ctx, ledger.Start{Org: "org"}); fault.Of(err) != fault.Invalid {
		t.Errorf("Begin() = %v, want Invalid", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if files, _ := os.ReadDir(filepath.Dir(absent)); len(files) != 0 {
		t.Errorf("reading an absent ledger left %v", files)
	}

	path, _ := lay(t)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	l = open(t, path, o)
	defer func() { _ = l.Close() }()
	n := 0
	for _, err := range l.Links(ctx, ledger.LinkQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d links, want 3", n)
	}
	if err := l.Note(ctx, "", "x", []byte("1")); fault.Of(err) != fault.Invalid {
		t.Errorf("Note() = %v, want Invalid", err)
	}
}

// Processes that open a ledger at the same moment agree on one key and one schema.
func TestOpenRace(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			race(t, place)
		})
	}
}

func race(t *testing.T, place string) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			l, err := sqlledger.Open(t.Context(), place, opening(place))
			if err != nil {
				t.Errorf("Open() = %v", err)
				return
			}
			org := string(rune('a' + i))
			run, err := l.Begin(t.Context(), ledger.Start{Org: org})
			if err == nil {
				err = l.Intend(t.Context(), run, []plan.Change{ledgertest.Creation("e")})
			}
			if err == nil {
				err = l.End(t.Context(), run, ledger.Ending{})
			}
			if err = errors.Join(err, l.Close()); err != nil {
				t.Errorf("run of %s: %v", org, err)
			}
		})
	}
	wg.Wait()
	l := open(t, place, opening(place))
	defer func() { _ = l.Close() }()
	if v, err := l.Verify(t.Context(), ""); err != nil || len(v.Faults) != 0 || v.Runs != 8 {
		t.Errorf("Verify() = %+v, %v, want 8 runs and no fault", v, err)
	}
}

// A head that cannot be signed for stops a run before anything is sent.
func TestAMissingSigningKey(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string) error{
		"gone":      os.Remove,
		"another's": func(path string) error { return os.WriteFile(path, []byte("PRIVATE+KEY+x+00000000+AAAA"), 0o600) },
	} {
		path, _ := lay(t)
		if err := put(path + ".sign"); err != nil {
			t.Fatal(err)
		}
		l := open(t, path, options())
		_, err := l.Begin(t.Context(), ledger.Start{Org: "org"})
		if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "rollcall.db.sign") || fault.Hint(err) == "" {
			t.Errorf("%s: Begin() = %v, want Invalid that names the file", name, err)
		}
		if _, err := l.Begin(t.Context(), ledger.Start{Org: "org"}); fault.Of(err) == fault.Busy {
			t.Errorf("%s: Begin() = %v: the lock was kept", name, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Nothing that names a person stands in any file in clear.
func TestFilesNameNobody(t *testing.T) {
	t.Parallel()
	clock := &ledgertest.Clock{}
	_, path := home(t, clock.Now)
	l := open(t, path, sqlledger.Options{Now: clock.Now})
	ctx := t.Context()
	run, err := l.Begin(ctx, ledger.Start{Org: "canary-org", Actor: "canary-actor", Reason: "canary-reason"})
	if err != nil {
		t.Fatal(err)
	}
	c := ledgertest.Creation("canary-key")
	c.Edits = append(c.Edits, plan.Edit{Path: `emails[value eq "canary-path"]`, Before: ledgertest.Text("canary-before")})
	c.ID, c.Place.Source = "canary-change", "canary-file"
	o := ledgertest.Created("canary-key", "canary-id")
	o.Change, o.Error = c.ID, "canary-error"
	o.Sent = []scim.Op{{Verb: scim.Add, Path: "title", Value: `"canary-sent"`}}
	for _, err := range []error{
		l.Intend(ctx, run, []plan.Change{c, joining("canary-member")}),
		l.Settle(ctx, run, []ledger.Outcome{o}),
		l.Mark(ctx, run, []source.Key{"canary-absent"}, nil),
		l.Note(ctx, run, "page", []byte(`{"key":"canary-noted","name":"canary-name"}`)),
		l.End(ctx, run, ledger.Ending{Report: []byte(`{"x":"canary-report"}`)}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // with the WAL, and without
		for _, f := range files {
			b, err := os.ReadFile(f)
			if i := bytes.Index(b, []byte("canary")); i >= 0 {
				t.Errorf("%s holds %q", filepath.Base(f), b[i:min(i+20, len(b))])
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Error(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	path, _ := lay(t)
	l := open(t, path, options())
	defer func() { _ = l.Close() }()
	run, err := l.Begin(t.Context(), ledger.Start{Org: "org"})
	if err != nil {
		t.Fatal(err)
	}
	sqlledger.Fill(t.Context(), l)
	var batch []plan.Change
	for i := range 400 {
		c := ledgertest.Creation("e")
		c.ID += strings.Repeat("x", i)
		batch = append(batch, c)
	}
	err = l.Intend(context.WithoutCancel(t.Context()), run, batch)
	if fault.Of(err) != fault.Unavailable || !strings.Contains(fault.Hint(err), "disk is full") {
		t.Errorf("Intend() = %v, want Unavailable with a hint", err)
	}
	v, err := l.Verify(t.Context(), "")
	if err != nil || len(v.Faults) > 0 {
		t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
	}
}

// A clock that jumps back puts entries in no other order, and hides nothing.
func TestAClockThatJumpsBack(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, o := &ledgertest.Clock{}, opening(place)
			o.Now = clock.Now
			l, ctx := open(t, place, o), t.Context()
			defer func() { _ = l.Close() }()
			for i := range 3 {
				run, err := l.Begin(ctx, ledger.Start{Org: "org", Reason: fmt.Sprint(i)})
				if err != nil {
					t.Fatal(err)
				}
				if err := l.Intend(ctx, run, []plan.Change{ledgertest.Creation("e1")}); err != nil {
					t.Fatal(err)
				}
				clock.Move(-48 * time.Hour)
				if err := l.Settle(ctx, run, []ledger.Outcome{ledgertest.Created("e1", "u1")}); err != nil {
					t.Fatal(err)
				}
				if err := l.End(ctx, run, ledger.Ending{}); err != nil {
					t.Fatal(err)
				}
			}
			if v, err := l.Verify(ctx, ""); err != nil || len(v.Faults) > 0 {
				t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
			}
			newest := ""
			for r, err := range l.Runs(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				newest += r.Start.Reason
			}
			if newest != "210" {
				t.Errorf("runs are listed as %s, want the last one first", newest)
			}
			last := int64(0)
			for e, err := range l.Entries(ctx, ledger.Filter{}) {
				if err != nil || e.Seq != last+1 {
					t.Errorf("entry %d follows %d, %v", e.Seq, last, err)
				}
				last = e.Seq
			}
		})
	}
}

// A copy made in the middle of a run is a ledger: sound, with the run that did
// not end, whose lock is free there. It cannot be passed off as the original later.
func TestACopyMadeInTheMiddle(t *testing.T) {
	t.Parallel()
	path, _ := lay(t)
	l, ctx := open(t, path, options()), t.Context()
	defer func() { _ = l.Close() }()
	run, err := l.Begin(ctx, ledger.Start{Org: "org"})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Intend(ctx, run, []plan.Change{ledgertest.Creation("e9")}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "rollcall.db")
	for _, suffix := range []string{"", "-wal", ".key", ".sign"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		write(t, copied+suffix, string(b))
	}
	if err := l.Settle(ctx, run, []ledger.Outcome{ledgertest.Created("e9", "u9")}); err != nil {
		t.Fatal(err)
	}
	if err := l.End(ctx, run, ledger.Ending{}); err != nil {
		t.Fatal(err)
	}
	kept, err := l.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if faults := verify(t, copied, ""); len(faults) != 0 {
		t.Errorf("Verify() of the copy finds %q", faults)
	}
	c := open(t, copied, options())
	defer func() { _ = c.Close() }()
	next, err := c.Begin(ctx, ledger.Start{Org: "org"})
	if err != nil {
		t.Fatalf("Begin() in the copy = %v", err)
	}
	if err := c.Settle(ctx, next, []ledger.Outcome{ledgertest.Created("e9", "u9")}); err != nil {
		t.Errorf("Settle() of what was open in the copy = %v", err)
	}
	if err := c.End(ctx, next, ledger.Ending{}); err != nil {
		t.Fatal(err)
	}
	if v, err := c.Verify(ctx, kept); err != nil || len(v.Faults) == 0 {
		t.Errorf("Verify(the original's checkpoint) = %+v, %v, want a fault", v, err)
	}
}

// A process was killed while it made the ledger, before there was a WAL: what it
// left half done is undone, by whoever comes next.
func TestHalfMadeLedger(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]sqlledger.Options{"to write": {}, "to read": {ReadOnly: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "rollcall.db")
			halfMade(t, filepath.Join(dir, "dying.db"), path)
			o.Now = options().Now
			l, err := sqlledger.Open(t.Context(), path, o)
			if o.ReadOnly && fault.Of(err) == fault.Invalid && strings.Contains(err.Error(), "older version") {
				return // rolled back, and told apart from a ledger
			}
			if err != nil {
				t.Fatalf("Open() of a half-made ledger: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// halfMade copies a database from the middle of its first long transaction.
func halfMade(t *testing.T, from, to string) {
	t.Helper()
	db, err := sql.Open("sqlite", from)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"CREATE TABLE versions (version INTEGER PRIMARY KEY)", "PRAGMA cache_size = 1", "BEGIN IMMEDIATE", "CREATE TABLE entries (seq INTEGER PRIMARY KEY, sealed BLOB)",
		"INSERT INTO entries (sealed) VALUES (zeroblob(900000))", "INSERT INTO entries (sealed) VALUES (zeroblob(900000))",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, suffix := range []string{"", "-journal"} {
		text, err := os.ReadFile(from + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
