package sqlledger_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
	"rollcall/plan"
	"rollcall/scim"
)

// Values of redacted attributes are written nowhere, sealed or not; equal ones
// are equal digests; all else is as without.
func TestRedact(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := opening(place)
			o.Redact = []scim.Path{"title"}
			l, ctx := open(t, place, o), t.Context()
			defer func() { _ = l.Close() }()
			run, err := l.Begin(ctx, ledger.Start{Org: "org"})
			if err != nil {
				t.Fatal(err)
			}
			c := ledgertest.Creation("e1")
			c.Edits = append(c.Edits, plan.Edit{Path: "title", Whole: true, Before: ledgertest.Text("canary"), Set: ledgertest.Text("canary")})
			out := ledgertest.Created("e1", "u1")
			out.Seen = ledgertest.Seen("userName", ledgertest.Text("e1@example.com"), "title", ledgertest.Text("canary"))
			out.Sent = []scim.Op{{Verb: scim.Replace, Path: "title", Value: `"canary"`}, {Verb: scim.Add, Value: `{"title":"canary"}`}, {Verb: scim.Replace, Path: "userName", Value: `"e1"`}}
			out.Edits = c.Edits
			if err := l.Intend(ctx, run, []plan.Change{c}); err != nil {
				t.Fatal(err)
			}
			if err := l.Settle(ctx, run, []ledger.Outcome{out}); err != nil {
				t.Fatal(err)
			}
			if c.Edits[2].Set[0] != `"canary"` || out.Sent[0].Value != `"canary"` {
				t.Error("the caller's change was altered")
			}
			for e, err := range l.Entries(ctx, ledger.Filter{}) {
				text := fmt.Sprint(e.Change, e.Outcome)
				if err != nil || strings.Contains(text, "canary") {
					t.Errorf("entry %d = %s, %v, want no value", e.Seq, text, err)
				}
				if e.Change != nil {
					title := e.Change.Edits[2]
					if !strings.HasPrefix(string(title.Set[0]), `{"$redacted":`) || title.Set[0] != title.Before[0] {
						t.Errorf("title = %v, want equal digests", title)
					}
				}
			}
			for link, err := range l.Links(ctx, ledger.LinkQuery{Shape: ledgertest.Shape(), Image: true}) {
				if _, known := link.Image.At("title"); known || err != nil {
					t.Errorf("the image knows the title, %v", err)
				}
				if _, known := link.Image.At("userName"); !known || link.Ref.ID != "u1" {
					t.Errorf("link = %+v, want all else as without", link)
				}
			}
			if v, err := l.Verify(ctx, ""); err != nil || len(v.Faults) > 0 {
				t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
			}
		})
	}
}

// What the ledger knew of an attribute before it was redacted is not taken for
// what is there after the attribute was written.
func TestRedactForgetsTheImageFromBefore(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, ctx := open(t, place, opening(place)), t.Context()
			write := func(c plan.Change, out ledger.Outcome) {
				t.Helper()
				run, err := l.Begin(ctx, ledger.Start{Org: "org"})
				if err == nil {
					err = l.Intend(ctx, run, []plan.Change{c})
				}
				if err == nil {
					err = l.Settle(ctx, run, []ledger.Outcome{out})
				}
				if err == nil {
					err = l.End(ctx, run, ledger.Ending{Result: "done"})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			out := ledgertest.Created("e1", "u1")
			out.Seen = ledgertest.Seen("userName", ledgertest.Text("e1@example.com"), "title", ledgertest.Text("Clerk"))
			write(ledgertest.Creation("e1"), out)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			o := opening(place)
			o.Redact = []scim.Path{"title"}
			l = open(t, place, o)
			defer func() { _ = l.Close() }()
			c := plan.Change{
				ID: "lead", Op: plan.Update, Key: "e1", UserName: "e1@example.com", Target: scim.Ref{Type: scim.User, ID: "u1"}, Reason: "AttributesDiffer",
				Edits: []plan.Edit{{Path: "title", Whole: true, Before: ledgertest.Text("Clerk"), Set: ledgertest.Text("Lead")}},
			}
			write(c, ledger.Outcome{Change: c.ID, Result: ledger.Done, Ref: c.Target, Seen: ledgertest.Seen("title", ledgertest.Text("Lead"))})
			for link, err := range l.Links(ctx, ledger.LinkQuery{Shape: ledgertest.Shape(), Image: true}) {
				if was, known := link.Image.At("title"); known || err != nil {
					t.Errorf("the image says that the title is %v, %v; want it not known", was, err)
				}
			}
			if v, err := l.Verify(ctx, ""); err != nil || len(v.Faults) > 0 {
				t.Errorf("Verify() = %q, %v, want no fault", v.Faults, err)
			}
		})
	}
}
