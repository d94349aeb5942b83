package sqlledger

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"

	"rollcall/fault"
)

//go:embed schema.sql
var schema1 string

// migrations bring a ledger from the version of their index to the next.
var migrations = []string{schema1}

// newest is the version that this program writes.
var newest = len(migrations)

const (
	makeVersions  = "CREATE TABLE IF NOT EXISTS versions (version INTEGER PRIMARY KEY)"
	insertVersion = "INSERT INTO versions (version) VALUES (?)"
	selectVersion = "SELECT COALESCE(MAX(version), 0) FROM versions"
	countForeign  = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'"
	hasVersions   = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'versions'"
)

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version is that of the ledger in db, 0 for an empty database. It refuses what is not a ledger, or of a newer program.
func version(ctx context.Context, db querier) (int, error) {
	var tables, ours, v int
	if err := db.QueryRowContext(ctx, countForeign).Scan(&tables); err != nil {
		return 0, err
	}
	if err := db.QueryRowContext(ctx, hasVersions).Scan(&ours); err != nil {
		return 0, err
	}
	if ours == 0 {
		if tables > 0 {
			return 0, fault.WithHint(fmt.Errorf("it is a database of something else: %w", fault.Invalid),
				"name another file for the ledger; this one was not changed")
		}
		return 0, nil
	}
	if err := db.QueryRowContext(ctx, selectVersion).Scan(&v); err != nil {
		return 0, err
	}
	if v > newest {
		return 0, fault.WithHint(fmt.Errorf("it is of version %d, and this program knows up to %d: %w", v, newest, fault.Unsupported),
			"use the newer program that wrote it; the ledger was not changed")
	}
	return v, nil
}

// migrate brings the database to the newest version in one transaction, which
// makes it safe for processes that start at the same moment.
func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	v, err := version(ctx, tx)
	if err != nil || v == newest {
		return err
	}
	if _, err := tx.ExecContext(ctx, makeVersions); err != nil {
		return err
	}
	for ; v < newest; v++ {
		if _, err := tx.ExecContext(ctx, migrations[v]); err != nil {
			return fmt.Errorf("migrate to version %d: %w", v+1, err)
		}
		if _, err := tx.ExecContext(ctx, insertVersion, v+1); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// dsn names the SQLite file at path.
func dsn(path, more string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)" + more
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

// explain gives an error of the database its kind and its remedy. Errors that have a kind keep it.
func (l *Ledger) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var k fault.Kind
	if errors.As(err, &k) {
		return fmt.Errorf("%s %s: %w", doing, l.path, err)
	}
	kind, hint := fault.Internal, ""
	switch code(err) {
	case tooBusy:
		kind, hint = fault.Unavailable, "another process writes to the ledger for long; try again when it has ended"
	case readOnly:
		return l.unwritable(err)
	case full:
		kind, hint = fault.Unavailable, "the disk is full: free some space; nothing was sent that is not written down"
	case ioError:
		kind, hint = fault.Unavailable, "the disk does not read or write: look at the system's log; nothing was sent that is not written down"
	case corrupt:
		kind, hint = fault.Invalid, "the file is damaged: put a copy back (the file, its -wal and its key files together)"
	case notADB:
		kind, hint = fault.Invalid, "the file is not a ledger: name another file; this one was not changed"
	case cannotOpen:
		kind, hint = fault.Invalid, "see that the directory is there and that this user may write to it"
	default:
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			kind = fault.Interrupted
		}
	}
	return fault.WithHint(fmt.Errorf("%s %s: %w: %w", doing, l.path, kind, err), hint)
}

func (l *Ledger) unwritable(err error) error {
	return fault.WithHint(fmt.Errorf("open ledger %s: not writable: %w: %w", l.path, fault.Invalid, err),
		"see that the directory is there and that this user may write to the file and its directory")
}
