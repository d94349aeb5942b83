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
