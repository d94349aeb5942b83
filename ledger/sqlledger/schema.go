package sqlledger

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"

	"rollcall/fault"
)

var (
	//go:embed schema.sql
	tables1 string

	//go:embed sqlite.sql
	sqlite1 string

	//go:embed postgres.sql
	postgres1 string
)

// A migration brings a ledger from one version to the next: by tables, written
// once for all systems, and what each wants said in words of its own.
type migration struct{ tables, sqlite, postgres string }

// migrations bring a ledger from the version of their index to the next.
var migrations = []migration{{tables1, sqlite1, postgres1}}

// newest is the version that this program writes.
var newest = len(migrations)

const (
	makeVersions  = "CREATE TABLE IF NOT EXISTS versions (version INTEGER PRIMARY KEY)"
	insertVersion = "INSERT INTO versions (version) VALUES (?)"
	selectVersion = "SELECT COALESCE(MAX(version), 0) FROM versions"
)

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version is that of the ledger in db, 0 for an empty place. It refuses what is not a ledger, or of a newer program.
func (d *dialect) version(ctx context.Context, db querier) (v int, err error) {
	var tables, ours int
	if err := db.QueryRowContext(ctx, d.tables).Scan(&tables, &ours); err != nil || tables == 0 {
		return 0, err
	}
	if ours == 0 {
		return 0, fault.WithHint(fmt.Errorf("it is a database of something else: %w", fault.Invalid),
			"name another place for the ledger; this one was not changed")
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
func (l *Ledger) migrate(ctx context.Context, db *sql.DB) error {
	tx, err := l.begin(ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	d := l.db.speaks()
	v, err := d.version(ctx, tx)
	if err != nil || v == newest {
		return err
	}
	if _, err := tx.ExecContext(ctx, makeVersions); err != nil {
		return err
	}
	for ; v < newest; v++ {
		if _, err := tx.ExecContext(ctx, d.script(migrations[v])); err != nil {
			return fmt.Errorf("migrate to version %d: %w", v+1, err)
		}
		if _, err := tx.ExecContext(ctx, d.bind(insertVersion), v+1); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// explain gives an error of the database its kind and its remedy. Errors that have a kind keep it.
func (l *Ledger) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var k fault.Kind
	if errors.As(err, &k) {
		return fmt.Errorf("%s %s: %w", doing, l.db.where(), err)
	}
	kind, hint := l.db.remedy(err)
	if kind == fault.Internal && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		kind = fault.Interrupted
	}
	return fault.WithHint(fmt.Errorf("%s %s: %w: %w", doing, l.db.where(), kind, err), hint)
}
