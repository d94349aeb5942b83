package app

import (
	"context"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
)

// Recall tells what the ledger of a configuration remembers of one person.
// Nothing else is opened: no source, no connection, no credentials.
func (h Host) Recall(ctx context.Context, file string, asked bool, who string) (*reconcile.Explanation, error) {
	c, err := h.offline(file, asked)
	if err != nil {
		return nil, err
	}
	l, err := h.openLedger(ctx, c, true)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	paths := []scim.Path{"userName", "active"}
	for _, r := range c.Rules {
		paths = append(paths, r.Path)
	}
	j := reconcile.Job{
		Start: ledger.Start{Sync: c.Name}, Store: l, Now: h.Clock(),
		Input: plan.Input{
			Users: scim.NewShape(append(paths, c.Match...)...), Rules: c.Rules, Members: c.Members, ByColumn: c.ByColumn,
			Policy: c.Policy, Dialect: c.Dialect,
		},
	}
	return j.Recall(ctx, who)
}
