package sqlledger_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
	"rollcall/ledger/sqlledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// A sample is a ledger as files, to be copied and damaged.
type sample struct {
	files map[string][]byte // by suffix
	kept  []ledger.Checkpoint
}

// sampled is a ledger with two runs that ended, one that was killed, and something of every kind.
var sampled = sync.OnceValues(func() (sample, error) {
	dir, err := os.MkdirTemp("", "sample")
	if err != nil {
		return sample{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "rollcall.db")
	ctx, clock := context.Background(), &ledgertest.Clock{}
	l, err := sqlledger.Open(ctx, path, sqlledger.Options{Now: clock.Now})
	if err != nil {
		return sample{}, err
	}
	s := sample{files: map[string][]byte{}}
	for i, key := range []source.Key{"e1", "e2"} {
		run, err := l.Begin(ctx, ledger.Start{Org: "org", Actor: "kim"})
		if err == nil {
			err = l.Intend(ctx, run, []plan.Change{ledgertest.Creation(key), joining(key)})
		}
		if err == nil {
			err = l.Settle(ctx, run, []ledger.Outcome{ledgertest.Created(key, fmt.Sprint("u", i)), {Change: "join", Result: ledger.Done}})
		}
		if err == nil {
			err = l.Note(ctx, run, "page", []byte(`100`))
		}
		if err == nil {
			err = l.Mark(ctx, run, []source.Key{key}, nil)
		}
		if err == nil {
			err = l.End(ctx, run, ledger.Ending{Result: "done"})
		}
		kept, _ := l.Checkpoint(ctx)
		if s.kept = append(s.kept, kept); err != nil {
			return s, err
		}
	}
	run, err := l.Begin(ctx, ledger.Start{Org: "org"})
	if err == nil {
		err = l.Intend(ctx, run, []plan.Change{ledgertest.Creation("e3")})
	}
	if err == nil {
		err = l.Close()
	}
	for _, suffix := range []string{"", ".key", ".sign"} {
		b, e := os.ReadFile(path + suffix)
		if s.files[suffix] = b; err == nil {
			err = e
		}
	}
	return s, err
})

func joining(keys ...source.Key) plan.Change {
	return plan.Change{
		ID: "join", Op: plan.Join, UserName: "Tool Design", Target: scim.Ref{Type: scim.Group, ID: "g1"},
		Edits: []plan.Edit{{Path: "members", ID: "value", Add: ledgertest.People(keys...)}},
	}
}

// lay puts a copy of the sample down and answers its path.
func lay(t testing.TB) (string, sample) {
	t.Helper()
	s, err := sampled()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rollcall.db")
	for suffix, b := range s.files {
		if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path, s
}

// damage runs statements on the file, as somebody with the file and without scruples can.
func damage(t testing.TB, path string, statements ...string) {
	t.Helper()
	db := raw(t, path)
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range []string{"entries_keep", "entries_stay", "entries_once", "heads_keep", "heads_stay"} {
		if _, err := db.ExecContext(t.Context(), "DROP TRIGGER "+trigger); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// verify answers what is found in the file: the faults, or the error by which it could not be read.
func verify(t testing.TB, path string, kept ledger.Checkpoint) []string {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), path, sqlledger.Options{Now: (&ledgertest.Clock{}).Now})
	if err != nil {
		return []string{err.Error()}
	}
	defer func() { _ = l.Close() }()
	v, err := l.Verify(t.Context(), kept)
	if err != nil {
		return append(v.Faults, err.Error())
	}
	return v.Faults
}

func TestAppendOnly(t *testing.T) {
	t.Parallel()
	path, _ := lay(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, s := range []string{
		"UPDATE entries SET op = 'x'", "DELETE FROM entries", "INSERT OR REPLACE INTO entries SELECT * FROM entries",
		"UPDATE heads SET note = 'x'", "DELETE FROM heads",
	} {
		if _, err := db.ExecContext(t.Context(), s); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s = %v, want it refused", s, err)
		}
	}
}

func TestVerifyFinds(t *testing.T) {
	t.Parallel()
	const moved = "UPDATE entries SET seq = 1000 WHERE seq = 3; UPDATE entries SET seq = 3 WHERE seq = 4; UPDATE entries SET seq = 4 WHERE seq = 1000"
	const cut = "DELETE FROM entries WHERE seq > 9; DELETE FROM heads WHERE size > 9; DELETE FROM tree WHERE idx >= 17"
	for name, tt := range map[string]struct {
		damage string
		want   string
		kept   int // 1 or 2: against that checkpoint
	}{
		"nothing where nothing is wrong":    {},
		"nothing against a kept checkpoint": {kept: 1},
		"a changed entry":                   {damage: "UPDATE entries SET op = 'delete' WHERE seq = 3", want: "entry 3 "},
		"a changed time":                    {damage: "UPDATE entries SET time = time + 1 WHERE seq = 5", want: "entry 5 "},
		"a removed entry":                   {damage: "DELETE FROM entries WHERE seq = 4", want: "entry 5: it stands where entry 4"},
		"the first entry removed":           {damage: "DELETE FROM entries WHERE seq = 1", want: "entry 2: it stands where entry 1"},
		"an added entry":                    {damage: "INSERT INTO entries SELECT 20, format, time, run, kind, op, result, person, people, change, face, sealed, hash FROM entries WHERE seq = 1", want: "entry 20"},
		"entries that changed places":       {damage: moved, want: "entry 3 "},
		"a tail cut off, its heads left":    {damage: "DELETE FROM entries WHERE seq > 15; DELETE FROM tree WHERE idx > 24", want: "its tail was cut off"},
		"a tail cut off, kept checkpoint":   {damage: cut, want: "kept checkpoint of 16 entries: the ledger has 9: its tail was cut off", kept: 2},
		"a signed head removed":             {damage: "DELETE FROM heads WHERE size = 8", want: "entry 8: a run ended here, and its signed head is missing"},
		"a signed head altered":             {damage: "UPDATE heads SET note = replace(note, '8', '7')", want: "head of 8 entries"},
		"another verifier":                  {damage: "UPDATE about SET verifier = replace(verifier, '+A', '+B')", want: "heads: the ledger names another signing key"},
		"a stored hash of the Merkle log":   {damage: "UPDATE tree SET hash = zeroblob(32) WHERE idx = 2", want: "Merkle log: hash 2 (level 1, 0) does not follow from entries 1 to 2"},
		"a stored hash removed":             {damage: "DELETE FROM tree WHERE idx = 2", want: "Merkle log"},
		"a removed link":                    {damage: "DELETE FROM links WHERE person = 1", want: "the link of person 1 is missing"},
		"an exchanged link":                 {damage: "UPDATE links SET state = (SELECT state FROM links WHERE person = 2) WHERE person = 1", want: "link of person 1"},
		"a removed image":                   {damage: "UPDATE links SET image = x'' WHERE person = 1", want: "the link of person 1 is not what the entries make of it"},
		"a removed name":                    {damage: "DELETE FROM names WHERE person = 2", want: "a name of person 2 is missing"},
		"a removed mention":                 {damage: "DELETE FROM mentions WHERE person = 1 AND seq = 2", want: "person 1 is mentioned in entry 2"},
		"an open intent removed":            {damage: "DELETE FROM opens", want: "open intents: that of entry 18 is missing"},
		"an open intent altered":            {damage: "UPDATE opens SET op = 'delete'", want: "open intents: that of entry 18"},
		"a run's counts":                    {damage: "UPDATE runs SET failed = 1 WHERE began = 1", want: "is not what the entries say"},
		"a note pointed elsewhere":          {damage: "UPDATE notes SET seq = 6", want: `notes: "page"`},
		"a key destroyed without an entry":  {damage: "UPDATE person_keys SET wrapped = x'' WHERE person = 1", want: "no entry says that the person was forgotten"},
		"a key removed":                     {damage: "DELETE FROM person_keys WHERE person = 1", want: "the key of person 1 was removed"},
		"a key exchanged":                   {damage: "UPDATE person_keys SET wrapped = (SELECT wrapped FROM person_keys WHERE person = 2) WHERE person = 1", want: "person 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, s := lay(t)
			if tt.damage != "" {
				damage(t, path, strings.Split(tt.damage, "; ")...)
			}
			var kept ledger.Checkpoint
			if tt.kept > 0 {
				kept = s.kept[tt.kept-1]
			}
			got := strings.Join(verify(t, path, kept), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("Verify() finds %q, want %q", got, tt.want)
			}
		})
	}
}

// A ledger that was written anew by somebody who has all its keys is sound in
// itself, and not the one that the checkpoint was taken from.
func TestVerifyFindsALedgerWrittenAnew(t *testing.T) {
	t.Parallel()
	path, s := lay(t)
	other, clock := filepath.Join(t.TempDir(), "rollcall.db"), &ledgertest.Clock{}
	key, err := sqlledger.ParseKey(string(s.files[".key"]))
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, other, sqlledger.Options{Now: clock.Now, Key: key, SignFile: path + ".sign"})
	run, err := l.Begin(t.Context(), ledger.Start{Org: "org"})
	if err == nil {
		err = l.End(t.Context(), run, ledger.Ending{})
	}
	if err != nil {
		t.Fatal(err)
	}
	for kept, want := range map[ledger.Checkpoint]bool{"": false, s.kept[0]: true, s.kept[1]: true} {
		v, err := l.Verify(t.Context(), kept)
		if err != nil || (len(v.Faults) > 0) != want {
			t.Errorf("Verify(%q) = %q, %v, want a fault: %v", kept, v.Faults, err, want)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// columnsOf are what can be altered of every table.
var columnsOf = map[string][]string{
	"entries":     {"seq", "format", "time", "run", "kind", "op", "result", "person", "people", "change", "face", "sealed", "hash"},
	"tree":        {"idx", "hash"},
	"heads":       {"size", "note"},
	"person_keys": {"person", "wrapped"},
	"names":       {"digest", "person"},
	"mentions":    {"person", "seq"},
	"links":       {"person", "state", "image"},
	"opens":       {"run", "change", "seq", "person", "target", "op", "people", "since", "unsure"},
	"runs":        {"run", "org", "command", "began", "ended", "intents", "settled", "failed"},
	"notes":       {"name", "seq"},
	"about":       {"id", "checks", "verifier"},
}

// flip alters one bit of one value; ok is false where there is nothing to alter.
func flip(t testing.TB, path, table, column string, row, bit uint) (ok bool) {
	t.Helper()
	db := raw(t, path)
	defer func() { _ = db.Close() }()
	var n uint
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	key := map[bool]string{true: "rowid", false: columnsOf[table][0] + " || '/' || " + columnsOf[table][1]}[table != "names" && table != "mentions" && table != "opens" && table != "runs" && table != "notes"]
	at := fmt.Sprintf("(SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d)", key, table, key, row%n)
	where := " WHERE " + key + " = " + at
	var v any
	if err := db.QueryRowContext(t.Context(), "SELECT "+column+" FROM "+table+where).Scan(&v); err != nil {
		t.Fatal(err)
	}
	switch old := v.(type) {
	case int64:
		v = old ^ 1<<(bit%63)
	case string:
		if old == "" {
			v = "x"
			break
		}
		b := []byte(old)
		b[bit/8%uint(len(b))] ^= 1 << (bit % 7) // ASCII stays ASCII
		v = string(b)
	case []byte:
		if len(old) == 0 {
			v = []byte{1}
			break
		}
		b := append([]byte{}, old...)
		b[bit/8%uint(len(b))] ^= 1 << (bit % 8)
		v = b
	}
	res, err := db.ExecContext(t.Context(), "UPDATE "+table+" SET "+column+" = ?"+where, v)
	if err != nil {
		return false // it collides with another row
	}
	changed, err := res.RowsAffected()
	if err != nil || changed != 1 {
		t.Fatalf("%d rows altered, %v", changed, err)
	}
	return true
}

func TestVerifyFindsAlteredColumns(t *testing.T) {
	t.Parallel()
	for table, columns := range columnsOf {
		for i, column := range columns {
			t.Run(table+"."+column, func(t *testing.T) {
				t.Parallel()
				for row := range uint(3) {
					path, _ := lay(t)
					if flip(t, path, table, column, row*3, uint(i)+row*37) && len(verify(t, path, "")) == 0 {
						t.Errorf("row %d of %s: an altered %s is not found", row*3, table, column)
					}
				}
			})
		}
	}
}

// The law: any altered entry is found, and so is any altered projection.
func FuzzVerifyFindsAnyAlteration(f *testing.F) {
	for i := range 40 {
		f.Add(uint8(i), uint8(i*7), uint(i*11), uint(i*131))
	}
	tables := []string{"entries", "entries", "entries", "entries", "tree", "heads", "person_keys", "names", "mentions", "links", "opens", "runs", "notes", "about"}
	f.Fuzz(func(t *testing.T, table, column uint8, row, bit uint) {
		name := tables[int(table)%len(tables)]
		col := columnsOf[name][int(column)%len(columnsOf[name])]
		path, _ := lay(t)
		if flip(t, path, name, col, row, bit) && len(verify(t, path, "")) == 0 {
			t.Errorf("bit %d of %s in row %d of %s: not found", bit, col, row, name)
		}
	})
}

// What issue 4 will do to forget somebody is prepared: without the key the chain
// verifies once an entry says so, and everybody else's part stays readable.
func TestADestroyedKeyTakesOnePersonsPart(t *testing.T) {
	t.Parallel()
	clock := &ledgertest.Clock{}
	_, path := home(t, clock.Now)
	l := open(t, path, sqlledger.Options{Now: clock.Now})
	ctx := t.Context()
	run, err := l.Begin(ctx, ledger.Start{Org: "org"})
	if err != nil {
		t.Fatal(err)
	}
	batch := []plan.Change{ledgertest.Creation("e1"), ledgertest.Creation("e2"), joining("e1", "e2")}
	outcomes := []ledger.Outcome{ledgertest.Created("e1", "u1"), ledgertest.Created("e2", "u2"), {
		Change: "join", Result: ledger.Done, Edits: []plan.Edit{{Path: "members", ID: "value", Add: ledgertest.Elements("u1", "u2")}},
		Sent: []scim.Op{{Verb: scim.Remove, Path: `members[value eq "u1"]`}, {Verb: scim.Remove, Path: `members[value eq "u2"]`}},
	}}
	if err := l.Intend(ctx, run, batch); err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(ctx, run, outcomes); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, path, "UPDATE person_keys SET wrapped = x'' WHERE person = 1", "DELETE FROM names WHERE person = 1", "DELETE FROM links WHERE person = 1")

	l = open(t, path, sqlledger.Options{Now: clock.Now})
	defer func() { _ = l.Close() }()
	var all []ledger.Entry
	for e, err := range l.Entries(ctx, ledger.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if e := all[1]; !e.Erased || e.Key != "" || e.Change.Op != plan.Create {
		t.Errorf("intent of the forgotten = %+v, want it erased", e)
	}
	if e := all[4]; !e.Erased || e.Outcome.Status != 201 || e.Outcome.Ref.ID != "" {
		t.Errorf("outcome of the forgotten = %+v, want it erased", e)
	}
	if e := all[2]; e.Erased || e.Key != "e2" {
		t.Errorf("intent of the other = %+v, want it whole", e)
	}
	text := fmt.Sprintf("%v %v", all[3].Change, *all[6].Outcome)
	for want, there := range map[string]bool{`"e1"`: false, `"u1"`: false, `"e2"`: true, `"u2"`: true} {
		if strings.Contains(text, want) != there {
			t.Errorf("the membership change says %s, want %s in it: %v", text, want, there)
		}
	}
	for link, err := range l.Links(ctx, ledger.LinkQuery{}) {
		if err != nil || link.Key != "e2" {
			t.Errorf("link %q, %v, want e2's alone", link.Key, err)
		}
	}
	v, err := l.Verify(ctx, "")
	if err != nil || len(v.Faults) != 1 || !strings.Contains(v.Faults[0], "no entry says") {
		t.Errorf("Verify() = %q, %v, want only that no entry says so", v.Faults, err)
	}
}

// What audit asks for by person, run or time is found by an index, not by reading everything.
func TestEntriesAreFoundByAnIndex(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		for ask, f := range map[string]ledger.Filter{
			"who": {Who: "e1"}, "run": {Run: "r"}, "who and since": {Who: "e1", Since: time.Unix(1, 0)}, "since": {Since: time.Unix(1, 0)},
		} {
			t.Run(name+"/"+ask, func(t *testing.T) {
				t.Parallel()
				l := open(t, place, opening(place))
				defer func() { _ = l.Close() }()
				steps, err := sqlledger.Explain(t.Context(), l, f)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range steps {
					if strings.Contains(s, "SCAN entries") || strings.Contains(s, "Seq Scan on entries") || strings.Contains(s, "Seq Scan on mentions") || ask == "since" && !strings.Contains(strings.Join(steps, ""), "entries_time") {
						t.Errorf("%s\nreads everything", strings.Join(steps, "\n"))
					}
				}
			})
		}
	}
}
