package apply_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/apply"
	"rollcall/ledger"
	"rollcall/scim"
	"rollcall/target"
)

func TestWhatTheServiceKeepsIsReadBackAndSaid(t *testing.T) {
	t.Parallel()
	silent := func(_ target.Request, a target.Answer) target.Answer { a.Row = scim.Row{}; return a }
	late := func(_ target.Request, a target.Answer) target.Answer {
		a.Row = a.Row.With(title, text("Clerk"))
		return a
	}
	for name, tt := range map[string]struct {
		set    string // of removed_value
		answer func(target.Request, target.Answer) target.Answer
		kept   []scim.Path
		seen   []scim.Value
		reads  int
	}{
		"the answer shows that it is cleared":     {set: "clear", reads: 0},
		"the answer shows the old value":          {set: "keep", kept: []scim.Path{title}, seen: []scim.Value{text("Clerk")}, reads: 1},
		"the answer is late: what is read counts": {set: "clear", answer: late, reads: 1},
		"no body, and it is cleared":              {set: "clear", answer: silent, reads: 1},
		"no body, and the old value is kept":      {set: "keep", answer: silent, kept: []scim.Path{title}, seen: []scim.Value{text("Clerk")}, reads: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil)
				o.control(http.MethodPut, "switches", map[string]string{"removed_value": tt.set})
				if tt.answer != nil {
					o.writer = writer{o.writer, func(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
						a, err := o.client.Send(ctx, r, s)
						return tt.answer(r, a), err
					}}
				}
				p := planOf(update("ada", o.ref("ada@example.com"), set(title, "Clerk", nil)))
				before := o.client.Stats().Requests
				outs, tally, err := o.apply(t.Context(), p, nil)
				if err != nil {
					t.Fatalf("Run: %v", err)
				}
				got := outs["ada"]
				seen, known := got.Seen.At(title)
				if diff := cmp.Diff(tt.kept, got.Kept); diff != "" || got.Result != ledger.Done || !known {
					t.Errorf("result %s, title known %v, kept (-want +got):\n%s", got.Result, known, diff)
				}
				if diff := cmp.Diff(tt.seen, seen); diff != "" {
					t.Errorf("title seen (-want +got):\n%s", diff)
				}
				if n := len(tally.Findings); n != len(tt.kept) || n > 0 && tally.Findings[0].Code != "value-kept" {
					t.Errorf("Findings = %v, want %d", tally.Findings, len(tt.kept))
				}
				if n := o.client.Stats().Requests - before; n != 1+tt.reads {
					t.Errorf("%d requests, want the write and %d reads", n, tt.reads)
				}
			})
		})
	}
}

func TestAnExtensionThatTelephonyGivesIsNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const work scim.Path = `phoneNumbers[type eq "work"].value`
		o := newOrg(t, nil)
		o.writer = writer{o.writer, func(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
			a, err := o.client.Send(ctx, r, s)
			a.Row = a.Row.With(work, text("+13175550100;ext=12"))
			return a, err
		}}
		p := planOf(update("ada", o.ref("ada@example.com"), set(work, nil, "+13175550100")))
		got := o.want(p, func(opts *apply.Options) { opts.Users = scim.NewShape(userName, active, work) })["ada"]
		if got.Result != ledger.Done || len(got.Kept) > 0 {
			t.Errorf("%s, kept %v; want done and nothing kept", got.Result, got.Kept)
		}
	})
}
