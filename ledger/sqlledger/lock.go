package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rollcall/fault"
	"rollcall/ledger"
)

const (
	selectHolder = "SELECT run FROM runs WHERE org = ? AND ended = 0 ORDER BY began DESC LIMIT 1"
	countLater   = "SELECT COUNT(*) FROM runs WHERE org = ? AND began > ?"
)

// lock takes the lock of an organization. Closing what is returned gives it back.
func (l *Ledger) lock(ctx context.Context, org string) (*sql.DB, error) {
	lock, err := l.db.lock(ctx, org)
	if errors.Is(err, errHeld) {
		return nil, l.busy(ctx, org)
	}
	return lock, l.explain("lock ledger", err)
}

// busy says who has the lock.
func (l *Ledger) busy(ctx context.Context, org string) error {
	var id string
	err := l.row(ctx, selectHolder, l.keys.digest(ofOrg, org)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.Busy(org, ledger.Run{}) // it has just begun, or is just ending
	}
	if err != nil {
		return l.explain("begin run", errors.Join(fault.Busy, err))
	}
	for r, err := range l.Runs(ctx) {
		if err != nil {
			return fmt.Errorf("begin run: %w: %w", fault.Busy, err)
		}
		if string(r.ID) == id {
			return ledger.Busy(org, r)
		}
	}
	return ledger.Busy(org, ledger.Run{})
}

// held finds out whether the run has lost its lock, as one does whose connection
// broke: another run of the organization has begun since.
func (t *tx) held(run ledger.RunID) error {
	r, err := t.run(string(run))
	if err != nil || r == nil {
		return err
	}
	var later int
	if err := t.row(countLater, r.org, r.began).Scan(&later); err != nil || later == 0 {
		return err
	}
	return ledger.Lost(run)
}
