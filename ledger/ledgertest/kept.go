package ledgertest

import (
	"fmt"

	"github.com/google/go-cmp/cmp"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
)

// keeps carries one edit out, after which seen is there, and compares what is kept of its path.
func (b *Bench) keeps(run ledger.RunID, step int, op plan.Op, e plan.Edit, seen []scim.Value, want plan.Kept) {
	b.T.Helper()
	b.Do(run, change(fmt.Sprint("k", step), op, "e1", "u1", e), ledger.Outcome{
		Result: ledger.Done, Ref: scim.Ref{Type: scim.User, ID: "u1", Version: "2"}, Seen: Seen(e.Path, seen),
	})
	if diff := cmp.Diff(want, b.Links()["e1"].Kept[e.Path]); diff != "" {
		b.T.Errorf("kept after step %d (-want +got):\n%s", step, diff)
	}
}

func kept(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	clearing := plan.Edit{Path: "title", Before: Text("Head"), Whole: true}
	b.keeps(run, 1, plan.Update, clearing, Text("Head"), plan.Kept{Has: Text("Head")})
	b.Do(run, change("other", plan.Update, "e1", "u1"), ledger.Outcome{Result: ledger.Done, Seen: Seen("title", Text("Chief"))})
	b.Reopen()
	if got := b.Links()["e1"].Kept; len(got) != 1 {
		b.T.Errorf("kept = %v, want the title still", got)
	}
	run = b.Begin("org")
	b.keeps(run, 2, plan.Rename, plan.Edit{Path: "title", Whole: true, Set: Text("Lead")}, Text("LEAD"), plan.Kept{Sent: Text("Lead"), Has: Text("LEAD")})
	b.keeps(run, 3, plan.Update, clearing, nil, plan.Kept{})
	if got := b.Links()["e1"].Kept; len(got) != 0 {
		b.T.Errorf("kept = %v, want nothing: it came about", got)
	}
	b.keeps(run, 4, plan.Update, clearing, Text("Head"), plan.Kept{Has: Text("Head")})
	b.Do(run, change("del", plan.Delete, "e1", "u1"), ledger.Outcome{Result: ledger.Done})
	if got := b.Links()["e1"].Kept; len(got) != 0 {
		b.T.Errorf("kept = %v of somebody who was deleted", got)
	}
}

func owed(b *Bench) {
	run := b.Begin("org")
	wants := func(step, want string) {
		b.T.Helper()
		if got := fmt.Sprint(b.Links()["e1"].Owed); got != want {
			b.T.Errorf("owed after %s = %s, want %s", step, got, want)
		}
	}
	c, o := Creation("e1"), Created("e1", "u1")
	c.Owes, o.Waiting = []scim.Path{"title"}, []scim.Path{Roles}
	b.Do(run, c, o)
	wants("a create that leaves the title to others, whose role waits", "[roles title]")
	lead := plan.Edit{Path: "title", Whole: true, Set: Text("Lead")}
	b.Do(run, change("refused", plan.Update, "e1", "u1", lead), ledger.Outcome{Result: ledger.Failed})
	wants("a refusal", "[roles title]")
	b.End(run)
	b.Reopen()
	run = b.Begin("org")
	b.Do(run, change("part", plan.Update, "e1", "u1", lead, plan.Edit{Path: Roles, ID: "value", Add: Elements("a")}),
		ledger.Outcome{Result: ledger.Done, Waiting: []scim.Path{Roles}})
	wants("an update whose role waits", "[roles]")
	b.Do(run, change("rest", plan.Update, "e1", "u1", plan.Edit{Path: Roles, ID: "value", Add: Elements("a")}), ledger.Outcome{Result: ledger.Done})
	wants("everything", "[]")
}

func keptElements(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.keeps(run, 1, plan.Update, plan.Edit{Path: Roles, ID: "value", Add: Elements("a", "b"), Remove: Elements("x")}, Elements("b", "x"),
		plan.Kept{Sent: Elements("a"), Stays: Elements("x")})
	b.keeps(run, 2, plan.Update, plan.Edit{Path: Roles, ID: "value", Add: Elements("c")}, Elements("b", "c", "x"),
		plan.Kept{Sent: Elements("a"), Stays: Elements("x")})
	b.keeps(run, 3, plan.Update, plan.Edit{Path: Roles, ID: "value", Add: Elements("a"), Remove: Elements("x")}, Elements("a", "b", "c"), plan.Kept{})
	b.keeps(run, 4, plan.Update, plan.Edit{Path: Roles, ID: "value", Whole: true, Set: Elements("d"), Before: Elements("a", "b"), Keep: Elements("k")},
		Elements("a", "k", "new"), plan.Kept{Sent: Elements("d"), Stays: Elements("a")})
}
