package sqlledger_test

import (
	"database/sql"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
	"rollcall/ledger/ledgertest/pgtest"
	"rollcall/ledger/sqlledger"
	"rollcall/plan"
)

// connect is a session of somebody who has the database and no scruples.
func connect(t testing.TB, place string) *sql.DB {
	t.Helper()
	u, err := url.Parse(place)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", q.Get("schema"))
	q.Del("schema")
	u.RawQuery = q.Encode()
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func alter(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// wrote is a place with a ledger of one run that ended.
func wrote(t testing.TB) string {
	t.Helper()
	place := pgtest.URL(t)
	l := open(t, place, opening(place))
	run, err := l.Begin(t.Context(), ledger.Start{Org: "org"})
	if err == nil {
		err = l.Intend(t.Context(), run, []plan.Change{ledgertest.Creation("e1")})
	}
	if err == nil {
		err = l.Settle(t.Context(), run, []ledger.Outcome{ledgertest.Created("e1", "u1")})
	}
	if err == nil {
		err = l.End(t.Context(), run, ledger.Ending{})
	}
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// What cannot be opened is refused with a remedy, and nothing is made.
func TestPostgreSQLRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damage string
		key    []byte
		want   string
		kind   fault.Kind
	}{
		"a newer version":           {damage: "INSERT INTO versions VALUES (99)", want: "it is of version 99", kind: fault.Unsupported},
		"a schema of somebody else": {damage: "DROP TABLE versions", want: "a database of something else", kind: fault.Invalid},
		"another ledger's key":      {key: make([]byte, 32), want: "the ledger key is another one's", kind: fault.Invalid},
		"no key":                    {key: []byte{}, want: "its key is not given", kind: fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := wrote(t)
			db := connect(t, place)
			if tt.damage != "" {
				alter(t, db, tt.damage)
			}
			before := tables(t, db)
			for _, readOnly := range []bool{false, true} {
				o := opening(place)
				if o.ReadOnly = readOnly; tt.key != nil {
					o.Key = tt.key
				}
				if len(o.Key) == 0 {
					o.Key = nil
				}
				_, err := sqlledger.Open(t.Context(), place, o)
				if fault.Of(err) != tt.kind || !strings.Contains(err.Error(), tt.want) || fault.Hint(err) == "" {
					t.Errorf("Open(read-only %v) = %v, want %v: %s, with a hint", readOnly, err, tt.kind, tt.want)
				}
			}
			if diff := cmp.Diff(before, tables(t, db)); diff != "" {
				t.Errorf("Open() changed what it refused (-before +after):\n%s", diff)
			}
		})
	}
}

// tables are how many rows each table has.
func tables(t testing.TB, db *sql.DB) map[string]int {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		out[name] = 0
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for name := range out {
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		out[name] = n
	}
	return out
}

func TestPostgreSQLIsAppendOnly(t *testing.T) {
	t.Parallel()
	db := connect(t, wrote(t))
	for _, s := range []string{
		"UPDATE entries SET op = 'x'", "DELETE FROM entries", "TRUNCATE entries", "UPDATE heads SET note = 'x'", "DELETE FROM heads", "TRUNCATE heads",
		"INSERT INTO entries SELECT * FROM entries ON CONFLICT (seq) DO UPDATE SET op = 'x'",
	} {
		if _, err := db.ExecContext(t.Context(), s); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s = %v, want it refused", s, err)
		}
	}
}

func TestVerifyFindsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ damage, want string }{
		"a changed entry":     {"UPDATE entries SET op = 'delete' WHERE seq = 2", "entry 2 "},
		"a removed entry":     {"DELETE FROM entries WHERE seq = 2", "entry 3: it stands where entry 2"},
		"a removed head":      {"DELETE FROM heads", "its signed head is missing"},
		"a removed link":      {"DELETE FROM links", "the link of person 1 is missing"},
		"another verifier":    {"UPDATE about SET verifier = replace(verifier, '+A', '+B')", "another signing key"},
		"a run's counts":      {"UPDATE runs SET failed = 7", "is not what the entries say"},
		"a name of nobody":    {"INSERT INTO names VALUES ('\\x00', 1)", "a name that no entry gives"},
		"a key that was lost": {"DELETE FROM person_keys", "the key of person 1 was removed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := wrote(t)
			db := connect(t, place)
			alter(t, db, "ALTER TABLE entries DISABLE TRIGGER ALL", "ALTER TABLE heads DISABLE TRIGGER ALL", tt.damage)
			l := open(t, place, opening(place))
			defer func() { _ = l.Close() }()
			v, err := l.Verify(t.Context(), "")
			if got := strings.Join(v.Faults, "\n"); err != nil || !strings.Contains(got, tt.want) {
				t.Errorf("Verify() finds %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// Where the connection with the lock breaks, another run can take over, and the
// first one finds out before it intends anything more.
func TestALockIsLostWithItsSession(t *testing.T) {
	t.Parallel()
	place := pgtest.URL(t)
	first, second := open(t, place, opening(place)), open(t, place, opening(place))
	defer func() { _, _ = first.Close(), second.Close() }()
	run, err := first.Begin(t.Context(), ledger.Start{Org: "org"})
	if err != nil {
		t.Fatal(err)
	}
	alter(t, connect(t, place), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid IN "+
		"(SELECT pid FROM pg_stat_activity WHERE application_name = 'rollcall') AND (classid::bigint << 32) + objid::bigint = "+strconv.FormatInt(sqlledger.LockNumber(place, "org"), 10))
	if err := first.Intend(t.Context(), run, []plan.Change{ledgertest.Creation("e1")}); err != nil {
		t.Errorf("Intend() = %v: nobody else has the lock", err)
	}
	if _, err := second.Begin(t.Context(), ledger.Start{Org: "org"}); err != nil {
		t.Fatalf("Begin() = %v, want the lock whose session is gone", err)
	}
	if err := first.Intend(t.Context(), run, []plan.Change{ledgertest.Creation("e2")}); fault.Of(err) != fault.Busy {
		t.Errorf("Intend() = %v, want Busy: the lock is another's", err)
	}
}

// A password stands in no message, wherever in the URL it was.
func TestPasswordsAreNotShown(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close() // nobody listens there
	for _, place := range []string{
		"postgres://kim:canary@" + address + "/db", "postgres://kim@" + address + "/db?password=canary", "postgres://kim:canary@%zz", "postgres://kim:canary@h:port/db",
		"postgres://kim:canary@" + address + "/db?sslmode=canary",
	} {
		_, err := sqlledger.Open(t.Context(), place, sqlledger.Options{Now: (&ledgertest.Clock{}).Now, Key: make([]byte, 32)})
		if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(fault.Hint(err), "canary") || fault.Hint(err) == "" {
			t.Errorf("Open(%s) = %v (hint %q), want an error without the password", place, err, fault.Hint(err))
		}
	}
}

func TestPostgreSQLSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	place := strings.Replace(pgtest.URL(t), "/postgres?", "/nobodys?", 1)
	_, err := sqlledger.Open(t.Context(), place, opening(place))
	if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Hint(err), "createdb") {
		t.Errorf("Open() = %v (hint %q), want Invalid: make the database", err, fault.Hint(err))
	}
}

// A user who may not write is told which right is missing, and nothing is made.
func TestPostgreSQLSaysWhichRightIsMissing(t *testing.T) {
	t.Parallel()
	place := wrote(t)
	db := connect(t, place)
	alter(t, db, "CREATE ROLE clerk_of_"+schema(t, place)+" LOGIN")
	clerk := strings.Replace(place, "rollcall@", "clerk_of_"+schema(t, place)+"@", 1)
	for _, place := range []string{clerk, strings.Replace(clerk, "schema=", "schema=another_", 1)} {
		_, err := sqlledger.Open(t.Context(), place, opening(place))
		if fault.Of(err) != fault.Denied || fault.Hint(err) == "" {
			t.Errorf("Open() = %v (hint %q), want Denied with a hint", err, fault.Hint(err))
		}
	}
	alter(t, db, "DROP ROLE clerk_of_"+schema(t, place))
}

func schema(t testing.TB, place string) string {
	t.Helper()
	u, err := url.Parse(place)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("schema")
}

// Who only reads makes nothing.
func TestReadingMakesNoSchema(t *testing.T) {
	t.Parallel()
	place := pgtest.URL(t)
	o := opening(place)
	o.ReadOnly = true
	l := open(t, place, o)
	defer func() { _ = l.Close() }()
	if v, err := l.Verify(t.Context(), ""); err != nil || v.Entries != 0 {
		t.Errorf("Verify() = %+v, %v, want an empty ledger", v, err)
	}
	if got := tables(t, connect(t, place)); len(got) != 0 {
		t.Errorf("reading made %v", got)
	}
	place = wrote(t)
	l = open(t, place, o)
	defer func() { _ = l.Close() }()
	if v, err := l.Verify(t.Context(), ""); err != nil || v.Entries != 4 {
		t.Errorf("Verify() = %+v, %v, want 4 entries", v, err)
	}
}
