package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"rollcall/fault"
)

// An engine is the place of one ledger in a database system: how to get in, how
// runs keep out of each other's way, and what the system's errors mean. What the
// ledger does there is the same in all of them.
type engine interface {
	// where names the place as messages do, without a password.
	where() string

	// open connects, for reading alone or for writing too; for writing it makes
	// the place. errNoPlace where there is none to read.
	open(ctx context.Context, write bool) (*sql.DB, error)

	// lock takes the lock of this name; errHeld where somebody has it. It is free
	// when what is returned is closed, and when its process dies.
	lock(ctx context.Context, name string) (*sql.DB, error)

	// scrub removes what the system still keeps of rows that were overwritten, as
	// far as it lets itself be asked.
	scrub(ctx context.Context, db *sql.DB) error

	// remedy is of what kind err is, and what a person can do about it.
	remedy(err error) (fault.Kind, string)

	// speaks is how the system wants to be spoken to.
	speaks() *dialect
}

var (
	errNoPlace = errors.New("there is no ledger")
	errHeld    = errors.New("somebody has the lock")
)

// A dialect is what has to be said to a system in words of its own. Every other
// statement is a constant that all of them understand.
type dialect struct {
	tables    string // how many tables there are, and how many of them are called versions
	serialize string // makes a writing transaction wait for those of others; "" where it does unasked
	loosen    string // lets entries be removed
	tighten   string // and no more
	numbered  bool   // parameters are $1, $2, ..., not ?
	script    func(migration) string
}

// bind writes the parameters of a statement, which are ?, as the system wants them.
func (d *dialect) bind(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// begin starts a writing transaction, alone in the ledger.
func (l *Ledger) begin(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	if s := l.db.speaks().serialize; s != "" {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
	}
	return tx, nil
}

// moment starts a transaction that reads the ledger as it is at one moment.
func (l *Ledger) moment(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	return db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
}

// query asks for reading.
func (l *Ledger) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return l.read.QueryContext(ctx, l.bind(query), args...)
}

// row asks for one row, for reading.
func (l *Ledger) row(ctx context.Context, query string, args ...any) *sql.Row {
	return l.read.QueryRowContext(ctx, l.bind(query), args...)
}

func (l *Ledger) bind(query string) string { return l.db.speaks().bind(query) }
