package app

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"rollcall/internal/config"
	"rollcall/ledger"
	"rollcall/ledger/sqlledger"
	"rollcall/reconcile"
)

// Forget makes the ledger of a configuration forget whom who means, once sure
// has seen who that is and has no objection.
func (h Host) Forget(ctx context.Context, file string, asked bool, who, because string, sure func(ledger.Known) error) (known ledger.Known, err error) {
	c, err := h.offline(file, asked)
	if err != nil {
		return known, err
	}
	l, err := h.openToWrite(ctx, c, ledger.Nobody(who))
	if err != nil {
		return known, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if known, err = l.Known(ctx, who); err != nil {
		return known, err
	}
	if err := sure(known); err != nil {
		return known, err
	}
	s := ledger.Start{Actor: h.actor(), Reason: because, Host: h.name(), Process: os.Getpid()}
	return reconcile.Forget(ctx, l, s, who, h.Clock())
}

// openToWrite opens a ledger that is there; where it is not, none is made, and
// the answer is none.
func (h Host) openToWrite(ctx context.Context, c *config.Config, none error) (*sqlledger.Ledger, error) {
	if _, err := os.Stat(c.Ledger); c.Database.IsZero() && errors.Is(err, fs.ErrNotExist) {
		return nil, none
	}
	return h.openLedger(ctx, c, false)
}
