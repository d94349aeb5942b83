package app

import (
	"context"
	"errors"

	"rollcall/internal/config"
	"rollcall/ledger"
	"rollcall/reconcile"
)

// approval is which plans wait for a person.
func approval(c *config.Config) reconcile.Approval {
	return reconcile.Approval{
		Over: c.Approval == "over-limit", Always: c.Approval == "always", Expire: c.Approvals.Expire, Another: c.Approvals.Another,
	}
}

// Decide records what a person says of a plan that waits in the ledger of a
// configuration, in the name of whoever acts. The target is not asked for.
func (h Host) Decide(ctx context.Context, file string, asked bool, d ledger.Decision) (w ledger.WaitingPlan, err error) {
	c, err := h.offline(file, asked)
	if err != nil {
		return w, err
	}
	l, err := h.openToWrite(ctx, c, ledger.NoPlan(d.Plan))
	if err != nil {
		return w, err
	}
	d.By = h.actor()
	w, err = reconcile.Decide(ctx, l, approval(c), h.Clock()(), d)
	return w, errors.Join(err, l.Close())
}

// WaitingPlan is the plan of that name in the ledger of a configuration.
func (h Host) WaitingPlan(ctx context.Context, file string, asked bool, id ledger.RunID) (ledger.WaitingPlan, error) {
	l, err := h.OpenLedger(ctx, file, asked)
	if err != nil {
		return ledger.WaitingPlan{}, err
	}
	w, err := l.WaitingPlan(ctx, id)
	return w, errors.Join(err, l.Close())
}
