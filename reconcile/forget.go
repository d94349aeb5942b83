package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
)

// A Forgetful is a ledger that can forget people.
type Forgetful interface {
	ledger.Store
	ledger.Forgetter
}

// Forget makes the ledger forget whom who means, as a run of its own: no other
// can write about them meanwhile, and its signed head covers that they were
// forgotten. Start says who does it and why; sync and organization are those of
// the newest run.
func Forget(ctx context.Context, l Forgetful, s ledger.Start, who string, now func() time.Time) (known ledger.Known, err error) {
	for newest, err := range l.Runs(ctx) {
		if err != nil {
			return known, err
		}
		s.Sync, s.Org = newest.Start.Sync, newest.Start.Org
		break
	}
	s.Command = "forget"
	began := now()
	run, err := l.Begin(ctx, s)
	if err != nil {
		return known, err
	}
	known, err = l.Forget(ctx, run, who)
	rep := Report{Schema: "rollcall.report/1", Run: run, Command: s.Command, Result: "done", Began: began.UTC(), Seconds: now().Sub(began).Seconds()}
	if err != nil {
		rep.Result, rep.Error = "failed", err.Error()
	}
	text, e := json.Marshal(rep)
	if e != nil {
		return known, errors.Join(err, fmt.Errorf("forget: %w: %w", fault.Internal, e))
	}
	return known, errors.Join(err, l.End(context.WithoutCancel(ctx), run, ledger.Ending{Result: rep.Result, Report: text}))
}
