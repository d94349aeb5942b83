package sqlledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"

	"rollcall/fault"
)

// A file is a ledger in an SQLite file.
type file struct{ path string }

var _ engine = file{}

var sqliteDialect = &dialect{
	tables:  "SELECT COUNT(*), COUNT(CASE WHEN name = 'versions' THEN 1 END) FROM sqlite_master WHERE type = 'table'",
	loosen:  "DROP TRIGGER entries_stay",
	tighten: "CREATE TRIGGER entries_stay BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END",
	script:  func(m migration) string { return m.tables + m.sqlite },
}

func (f file) where() string { return f.path }

func (f file) speaks() *dialect { return sqliteDialect }

// dsn names the SQLite file at path.
func dsn(path, more string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)" + more
}

// open opens the file. It looks before it opens for writing, as that alone would change a foreign file.
func (f file) open(ctx context.Context, write bool) (*sql.DB, error) {
	if !write {
		return f.read(ctx)
	}
	if err := touch(f.path); err != nil {
		return nil, unwritable(err)
	}
	db, err := sql.Open("sqlite", dsn(f.path, "&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=secure_delete(1)&_txlock=immediate"))
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// read opens for reading. A directory that may not be written to cannot hold the
// files by which processes share a WAL; without a WAL the file stands still.
func (f file) read(ctx context.Context) (*sql.DB, error) {
	there, err := exists(f.path)
	if err == nil && !there {
		err = errNoPlace
	}
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(f.path, "&_pragma=query_only(1)&mode=ro"))
	if err != nil {
		return nil, err
	}
	if err = db.PingContext(ctx); err == nil {
		_, err = sqliteDialect.version(ctx, db)
	}
	if hot(err) {
		if err = f.rollBack(ctx); err == nil {
			_, err = sqliteDialect.version(ctx, db)
		}
	}
	if wal, _ := exists(f.path + "-wal"); code(err) == cannotOpen && !wal {
		_ = db.Close()
		db, err = sql.Open("sqlite", dsn(f.path, "&_pragma=query_only(1)&immutable=1"))
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	db.SetMaxIdleConns(2)
	return db, nil
}

// exists tells whether a file with content is at path. An empty file counts as none.
func exists(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", fault.Invalid, err)
	case info.IsDir():
		return false, fault.WithHint(fmt.Errorf("it is a directory: %w", fault.Invalid), "name a file, such as "+filepath.Join(path, "rollcall.db"))
	}
	return info.Size() > 0, nil
}

// rollBack undoes what a process that was killed while it made the ledger left
// half done, before there was a WAL. Who only reads cannot.
func (f file) rollBack(ctx context.Context) error {
	db, err := sql.Open("sqlite", dsn(f.path, ""))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = sqliteDialect.version(ctx, db)
	return err
}

const beginExclusive = "BEGIN EXCLUSIVE"

// lock is SQLite's own exclusive lock on an empty file beside the ledger. The
// kernel frees it when the process dies, whatever it dies of, so that no process
// needs to ask whether another lives, and a number that the system gave to a new
// process deceives nobody.
func (f file) lock(ctx context.Context, name string) (*sql.DB, error) {
	sum := sha256.Sum256([]byte(name))
	path := f.path + "." + hex.EncodeToString(sum[:4]) + ".lock"
	if err := touch(path); err != nil {
		return nil, unwritable(err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	_, err = db.ExecContext(ctx, beginExclusive)
	if err == nil {
		return db, nil
	}
	if code(err) == tooBusy {
		err = errHeld
	}
	return nil, errors.Join(err, db.Close())
}

// scrub empties the WAL, which has pages as they were. In the file itself they
// were overwritten (secure_delete).
func (f file) scrub(ctx context.Context, db *sql.DB) error {
	var busy, pages, moved int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil || busy == 0 {
		return err
	}
	return fault.WithHint(fmt.Errorf("somebody reads the ledger, so that %s-wal still has what was overwritten: %w", f.path, fault.Unavailable),
		"the person is forgotten; the next command that writes empties that file when nobody reads")
}

// touch makes an empty file with mode 0600 where there is none. It never opens
// one that is there: closing it would give back every lock that this process
// holds on it, as POSIX has it.
func touch(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // the operator names the file
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// SQLite's primary result codes that mean something to a person.
const (
	tooBusy    = 5
	readOnly   = 8
	ioError    = 10
	corrupt    = 11
	full       = 13
	cannotOpen = 14
	notADB     = 26
)

// code is SQLite's primary result code of err, 0 where it has none.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// hot tells whether err is that of a reader who finds a half-written transaction.
func hot(err error) bool {
	const readOnlyRollback = 776
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == readOnlyRollback
}

func (f file) remedy(err error) (fault.Kind, string) {
	switch code(err) {
	case tooBusy:
		return fault.Unavailable, "another process writes to the ledger for long; try again when it has ended"
	case readOnly:
		return fault.Invalid, writeHint
	case full:
		return fault.Unavailable, "the disk is full: free some space; nothing was sent that is not written down"
	case ioError:
		return fault.Unavailable, "the disk does not read or write: look at the system's log; nothing was sent that is not written down"
	case corrupt:
		return fault.Invalid, "the file is damaged: put a copy back (the file, its -wal and its key files together)"
	case notADB:
		return fault.Invalid, "the file is not a ledger: name another file; this one was not changed"
	case cannotOpen:
		return fault.Invalid, "see that the directory is there and that this user may write to it"
	default:
		return fault.Internal, ""
	}
}

const writeHint = "see that the directory is there and that this user may write to the file and its directory"

func unwritable(err error) error {
	return fault.WithHint(fmt.Errorf("not writable: %w: %w", fault.Invalid, err), writeHint)
}

// A memory is a ledger that is gone with its last connection.
type memory struct {
	file

	name string
}

// newMemory stands for what is not there at path.
func newMemory(path string) memory {
	return memory{file{path}, "file:/rollcall-" + rand.Text() + "?vfs=memdb"}
}

func (m memory) open(context.Context, bool) (*sql.DB, error) {
	db, err := sql.Open("sqlite", m.name)
	if err == nil {
		db.SetMaxIdleConns(1)
		db.SetConnMaxLifetime(0)
	}
	return db, err
}
