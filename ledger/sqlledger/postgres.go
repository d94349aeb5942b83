package sqlledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"rollcall/fault"
)

// A server is a ledger in a schema of a PostgreSQL database.
type server struct {
	config *pgx.ConnConfig
	schema string
	words  *dialect
}

var _ engine = (*server)(nil)

// isServer tells whether a ledger's place is that of a PostgreSQL server, not a file.
func isServer(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// newServer reads postgres://USER@HOST/DATABASE?schema=NAME. What the URL leaves
// out comes from PostgreSQL's own environment variables and password file.
func newServer(place string) (*server, error) {
	c, err := pgx.ParseConfig(place)
	if err != nil { // whose text may hold the password
		return nil, fault.WithHint(fmt.Errorf("open ledger: it is not the URL of a PostgreSQL database: %w", fault.Invalid),
			"write postgres://USER@HOST/DATABASE, a password in PGPASSWORD, ~/.pgpass or ledger: env:NAME")
	}
	s := &server{config: c, schema: "rollcall"}
	if name, given := c.RuntimeParams["schema"]; given {
		s.schema = name
		delete(c.RuntimeParams, "schema")
	}
	for name, value := range settings {
		if _, given := c.RuntimeParams[name]; !given {
			c.RuntimeParams[name] = value
		}
	}
	c.RuntimeParams["search_path"] = pgx.Identifier{s.schema}.Sanitize()
	s.words = &dialect{
		tables:    "SELECT COUNT(*), COUNT(CASE WHEN tablename = 'versions' THEN 1 END) FROM pg_catalog.pg_tables WHERE schemaname = current_schema()",
		serialize: "SELECT pg_advisory_xact_lock(" + strconv.FormatInt(s.number("write"), 10) + ")",
		loosen:    "ALTER TABLE entries DISABLE TRIGGER entries_stay",
		tighten:   "ALTER TABLE entries ENABLE TRIGGER entries_stay",
		numbered:  true,
		script:    func(m migration) string { return postgresTypes.Replace(m.tables) + m.postgres },
	}
	return s, nil
}

// settings are those of every session, where the URL gives none. A transaction
// that waited for another's must see what that one wrote; what is committed is on
// disk; and the lock of a machine that is gone is free within half a minute.
var settings = map[string]string{
	"application_name":              "rollcall",
	"default_transaction_isolation": "read committed",
	"synchronous_commit":            "on",
	"tcp_keepalives_idle":           "10",
	"tcp_keepalives_interval":       "5",
	"tcp_keepalives_count":          "4",
}

// postgresTypes are PostgreSQL's words for what the schema says in SQLite's.
var postgresTypes = strings.NewReplacer("INTEGER", "BIGINT", "BLOB", "BYTEA", ") STRICT, WITHOUT ROWID", ")", ") STRICT", ")")

// where leaves out user and password.
func (s *server) where() string {
	return fmt.Sprintf("postgres://%s/%s?schema=%s", net.JoinHostPort(s.config.Host, strconv.Itoa(int(s.config.Port))), s.config.Database, s.schema)
}

func (s *server) speaks() *dialect { return s.words }

// number is the advisory lock of this name. Those of a database are shared by all that is in it.
func (s *server) number(name string) int64 {
	sum := sha256.Sum256([]byte("rollcall ledger " + s.schema + "\n" + name))
	return int64(binary.BigEndian.Uint64(sum[:])) // any 64 bits
}

// connect makes a pool whose sessions have this setting too, where it is not "".
func (s *server) connect(setting, value string) *sql.DB {
	c := s.config.Copy()
	if setting != "" {
		c.RuntimeParams[setting] = value
	}
	return stdlib.OpenDB(*c)
}

const hasSchema = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)"

func (s *server) open(ctx context.Context, write bool) (*sql.DB, error) {
	var db *sql.DB
	if write {
		db = s.connect("", "")
		db.SetMaxOpenConns(1)
	} else {
		db = s.connect("default_transaction_read_only", "on")
	}
	var there bool
	err := db.QueryRowContext(ctx, hasSchema, s.schema).Scan(&there)
	switch {
	case err == nil && !there && write:
		_, err = db.ExecContext(ctx, s.words.serialize+"; CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{s.schema}.Sanitize())
	case err == nil && !there:
		err = errNoPlace
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// lock is a session's advisory lock: the server frees it when the session ends,
// and a session ends with its process. It waits a moment for one that is just ending.
func (s *server) lock(ctx context.Context, name string) (*sql.DB, error) {
	const lockNotAvailable = "55P03"
	db := s.connect("lock_timeout", "500")
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	_, err := db.ExecContext(ctx, "SELECT pg_advisory_lock($1)", s.number(name))
	if err == nil {
		return db, nil
	}
	if state(err) == lockNotAvailable {
		err = errHeld
	}
	return nil, errors.Join(err, db.Close())
}

// scrub writes the keys anew, without the rows that were overwritten. The
// server's own log and its backups are not in our hands.
func (s *server) scrub(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "VACUUM (FULL) person_keys")
	return err
}

// state is the SQLSTATE of err, "" where it has none.
func state(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

const rightsHint = "the schema has to be this user's: CREATE SCHEMA NAME AUTHORIZATION USER, or GRANT CREATE ON DATABASE and let rollcall make it"

// remedies are by the beginning of a SQLSTATE, the longest first.
var remedies = []struct {
	state string
	kind  fault.Kind
	hint  string
}{
	{"25006", fault.Invalid, "this server is a copy that is only read: name the primary"},
	{"28", fault.Denied, "see that user and password are right: in the URL, PGPASSWORD or ~/.pgpass"},
	{"3D000", fault.Invalid, "make the database first: createdb NAME"},
	{"3F000", fault.Denied, rightsHint},
	{"42501", fault.Denied, rightsHint},
	{"53100", fault.Unavailable, "the server's disk is full: free some space; nothing was sent that is not written down"},
	{"53", fault.Unavailable, "the server has no memory or no connection left; nothing was sent that is not written down"},
	{"57", fault.Unavailable, "the server ends or just starts; try again; nothing was sent that is not written down"},
	{"08", fault.Unavailable, "the connection was lost; try again; nothing was sent that is not written down"},
	{"40", fault.Unavailable, "try again"},
	{"XX", fault.Invalid, "the database is damaged: look at the server's log"},
}

func (s *server) remedy(err error) (fault.Kind, string) {
	for _, r := range remedies {
		if found := state(err); found != "" && strings.HasPrefix(found, r.state) {
			return r.kind, r.hint
		}
	}
	var (
		connecting *pgconn.ConnectError
		network    net.Error
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.As(err, &connecting):
		return fault.Unavailable, "see that the server runs and can be reached from here"
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Unavailable, "the connection was lost; try again; nothing was sent that is not written down"
	}
	return fault.Internal, ""
}
