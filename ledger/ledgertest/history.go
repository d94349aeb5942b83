package ledgertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

func twice(b *Bench) {
	run := b.Begin("org")
	b.Intend(run, Creation("e1"))
	if err := b.L.Intend(b.ctx(), run, []plan.Change{Creation("e1")}); fault.Of(err) != fault.Invalid {
		b.T.Errorf("Intend again = %v, want Invalid", err)
	}
	b.Settle(run, Created("e1", "u1"))
	if err := b.L.Settle(b.ctx(), run, []ledger.Outcome{Created("e1", "u1")}); fault.Of(err) != fault.Invalid {
		b.T.Errorf("Settle again = %v, want Invalid", err)
	}
	if err := b.L.Settle(b.ctx(), "another", []ledger.Outcome{Created("e1", "u1")}); fault.Of(err) != fault.Invalid {
		b.T.Errorf("Settle in another run = %v, want Invalid", err)
	}
}

func allOrNothing(b *Bench) {
	run := b.Begin("org")
	b.Intend(run, Creation("e1"))
	before := b.Sound().Entries
	err := b.L.Settle(b.ctx(), run, []ledger.Outcome{Created("e1", "u1"), Created("e2", "u2")})
	if fault.Of(err) != fault.Invalid {
		b.T.Errorf("Settle = %v, want Invalid", err)
	}
	if err := b.L.Intend(b.ctx(), run, []plan.Change{Creation("e3"), Creation("e1")}); fault.Of(err) != fault.Invalid {
		b.T.Errorf("Intend = %v, want Invalid", err)
	}
	if after := b.Sound().Entries; after != before {
		b.T.Errorf("%d entries were written, want none", after-before)
	}
}

func lock(b *Bench) {
	run := b.Begin("org")
	_, err := b.L.Begin(b.ctx(), ledger.Start{Org: "org"})
	if fault.Of(err) != fault.Busy || fault.Hint(err) == "" {
		b.T.Fatalf("Begin = %v, want Busy with a hint", err)
	}
	for _, want := range []string{string(run), "here", "process 7", "kim", "2026-11-23T"} {
		if !strings.Contains(err.Error(), want) {
			b.T.Errorf("Begin = %v, want it to name %q", err, want)
		}
	}
	b.End(b.Begin("another"))
	b.End(run)
	b.End(b.Begin("org"))
}

func deadLock(b *Bench) {
	b.Begin("org")
	b.Reopen()
	b.End(b.Begin("org"))
}

func lostLock(b *Bench) {
	first := b.Begin("org")
	b.Intend(first, Creation("e1"))
	b.Reopen()
	b.Begin("another")
	b.Intend(first, Creation("e2"))
	b.Begin("org")
	err := b.L.Intend(b.ctx(), first, []plan.Change{Creation("e3")})
	if fault.Of(err) != fault.Busy || fault.Hint(err) == "" || !strings.Contains(err.Error(), string(first)) {
		b.T.Errorf("Intend() = %v, want Busy with a hint: a later run of the organization has begun", err)
	}
	b.Settle(first, Created("e1", "u1"))
}

func runs(b *Bench) {
	first := b.Begin("org")
	b.Create(first, "e1", "u1")
	b.Do(first, Creation("e2"), ledger.Outcome{Result: ledger.Failed})
	b.End(first)
	second := b.Begin("org")
	got := b.Runs()
	if len(got) != 2 || got[0].ID != second || got[1].ID != first {
		b.T.Fatalf("Runs() = %+v, want %s and %s", got, second, first)
	}
	r := got[1]
	if r.Intents != 2 || r.Settled != 2 || r.Failed != 1 || r.Start.Actor != "kim" || r.Ending.Records != 3 || r.Ended.Before(r.Began) || r.Began.IsZero() {
		b.T.Errorf("run = %+v, want 2 intents, 2 settled, 1 failed, its start and its ending", r)
	}
	if !got[0].Ended.IsZero() {
		b.T.Errorf("run = %+v, want it running", got[0])
	}
}

func entries(b *Bench) {
	first := b.Begin("org")
	b.Create(first, "e1", "u1")
	b.End(first)
	b.Clock.Move(time.Hour)
	middle := b.Clock.Now()
	second := b.Begin("org")
	b.Create(second, "e2", "u2")
	for name, tt := range map[string]struct {
		f    ledger.Filter
		want string
	}{
		"all":           {ledger.Filter{}, "run intent outcome end run intent outcome"},
		"a run":         {ledger.Filter{Run: second}, "run intent outcome"},
		"a kind":        {ledger.Filter{Kind: ledger.KindIntent}, "intent intent"},
		"since":         {ledger.Filter{Since: middle}, "run intent outcome"},
		"until":         {ledger.Filter{Until: middle, Kind: ledger.KindRun}, "run"},
		"a key":         {ledger.Filter{Who: "e2"}, "intent outcome"},
		"a name":        {ledger.Filter{Who: "E1@Example.com"}, "intent outcome"},
		"an id":         {ledger.Filter{Who: "u1"}, "intent outcome"},
		"who in a run":  {ledger.Filter{Who: "u1", Run: second}, ""},
		"nobody":        {ledger.Filter{Who: "e"}, ""},
		"who of a kind": {ledger.Filter{Who: "e1", Kind: ledger.KindOutcome}, "outcome"},
	} {
		var got []string
		for _, e := range b.Entries(tt.f) {
			got = append(got, string(e.Kind))
		}
		if strings.Join(got, " ") != tt.want {
			b.T.Errorf("Entries of %s = %v, want %s", name, got, tt.want)
		}
	}
	all := b.Entries(ledger.Filter{})
	if e := all[1]; e.Seq != 2 || e.Key != "e1" || e.UserName != Name("e1") || e.Op != plan.Create || e.Change == nil {
		b.T.Errorf("entry = %+v, want the intent for e1", e)
	}
	if e := all[2]; e.Key != "e1" || e.Outcome == nil || e.Outcome.Ref.ID != "u1" || e.Hash == (plan.Digest{}) {
		b.T.Errorf("entry = %+v, want the outcome for e1", e)
	}
}

func entriesOfMembers(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.Create(run, "e2", "u2")
	b.Do(run, membership("join", plan.Join, plan.Edit{Add: append(People("e1"), Elements("u2")...)}), ledger.Outcome{
		Result: ledger.Done, Edits: []plan.Edit{{Path: "members", ID: "value", Add: Elements("u1", "u2")}},
	})
	for _, who := range []string{"e1", "u1", "u2", "e2", "e2@example.com"} {
		got := b.Entries(ledger.Filter{Who: who})
		if len(got) != 4 || got[2].Op != plan.Join || got[3].Op != plan.Join {
			b.T.Errorf("Entries(who %s) = %+v, want create and join", who, got)
		}
	}
}

func absence(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.mark(run, []source.Key{"e1"}, nil)
	first := b.Links()["e1"].Left
	b.mark(run, []source.Key{"e1"}, nil)
	if again := b.Links()["e1"].Left; first.IsZero() || !again.Equal(first) {
		b.T.Errorf("left = %v, then %v, want the first time kept", first, again)
	}
	b.mark(run, nil, []source.Key{"e1", "e2"})
	if got := b.Links()["e1"].Left; !got.IsZero() {
		b.T.Errorf("left = %v, want them back", got)
	}
	if n := len(b.Entries(ledger.Filter{Kind: ledger.KindAbsent})) + len(b.Entries(ledger.Filter{Kind: ledger.KindBack})); n != 2 {
		b.T.Errorf("%d entries, want one for leaving and one for coming back", n)
	}
}

func notes(b *Bench) {
	if got, err := b.L.Noted(b.ctx(), "org"); got != nil || err != nil {
		b.T.Errorf("Noted() = %s, %v, want nothing", got, err)
	}
	b.Note("", "org", `"o1"`)
	b.Note(b.Begin("org"), "org", `{"id":"o2","people":[{"key":"e1","name":"Kim"},{"key":"e2","n":1.50}]}`)
	b.Note("", "page", `500`)
	b.Note("", "order", `{"b":1.50,"a":["<&>"]}`)
	b.Reopen()
	got, err := b.L.Noted(b.ctx(), "org")
	if want := `{"id":"o2","people":[{"key":"e1","name":"Kim"},{"key":"e2","n":1.50}]}`; string(got) != want || err != nil {
		b.T.Errorf("Noted() = %s, %v, want %s", got, err, want)
	}
	if got, _ := b.L.Noted(b.ctx(), "order"); string(got) != `{"b":1.50,"a":["<&>"]}` {
		b.T.Errorf("Noted() = %s, want it byte for byte", got)
	}
	if got, _ := b.L.Noted(b.ctx(), "page"); string(got) != "500" {
		b.T.Errorf("Noted() = %s, want 500", got)
	}
}

func counts(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.Create(run, "e2", "u2")
	b.End(run)
	b.Clock.Move(time.Hour)
	since := b.Clock.Now()
	run = b.Begin("org")
	b.Do(run, change("off", plan.Deactivate, "e1", "u1"), ledger.Outcome{Result: ledger.Done})
	b.Do(run, change("up", plan.Update, "e1", "u1"), ledger.Outcome{Result: ledger.Failed})
	b.Do(run, change("up2", plan.Update, "e2", "u2"), ledger.Outcome{Result: ledger.Unknown})
	b.Intend(run, change("del", plan.Delete, "e2", "u2"))
	b.Do(run, membership("leave", plan.Leave, plan.Edit{Remove: People("e1", "e2")}), ledger.Outcome{Result: ledger.Done})
	b.End(run)
	revert, err := b.L.Begin(b.ctx(), ledger.Start{Org: "org", Command: "revert"})
	if err != nil {
		b.T.Fatal(err)
	}
	b.Do(revert, change("on", plan.Reactivate, "e1", "u1"), ledger.Outcome{Result: ledger.Done})
	want := map[plan.Op]int{plan.Deactivate: 1, plan.Update: 1, plan.Delete: 1, plan.Leave: 1, plan.GroupRemovals: 2}
	if diff := cmp.Diff(want, b.counts(since)); diff != "" {
		b.T.Errorf("Counts (-want +got):\n%s", diff)
	}
	if got := b.counts(time.Time{})[plan.Create]; got != 2 {
		b.T.Errorf("creates ever = %d, want 2", got)
	}
}

func canceled(b *Bench) {
	run := b.Begin("org")
	ctx, cancel := context.WithCancel(b.ctx())
	cancel()
	if err := b.L.Intend(ctx, run, []plan.Change{Creation("e1")}); fault.Of(err) != fault.Interrupted {
		b.T.Errorf("Intend = %v, want Interrupted", err)
	}
	if got := len(b.Links()); got != 0 {
		b.T.Errorf("%d links, want none", got)
	}
}

func together(b *Bench) {
	const callers, each = 8, 5
	run := b.Begin("org")
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				key := source.Key(fmt.Sprintf("e%d-%d", c, i))
				if err := b.L.Intend(b.ctx(), run, []plan.Change{Creation(key)}); err != nil {
					b.T.Errorf("Intend = %v", err)
				}
				if err := b.L.Settle(b.ctx(), run, []ledger.Outcome{Created(key, "u-"+string(key)), {Change: "no such"}}); fault.Of(err) != fault.Invalid {
					b.T.Errorf("Settle = %v, want Invalid", err)
				}
				if err := b.L.Settle(b.ctx(), run, []ledger.Outcome{Created(key, "u-"+string(key))}); err != nil {
					b.T.Errorf("Settle = %v", err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(b.Links()); got != callers*each {
		b.T.Errorf("%d links, want %d", got, callers*each)
	}
	if got := len(b.Entries(ledger.Filter{})); got != 1+2*callers*each {
		b.T.Errorf("%d entries, want %d", got, 1+2*callers*each)
	}
}

func values(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	text := "D'Hers <&> \u2028 Sánchez \"q\" \\ 日本 "
	b.Do(run, change("v", plan.Update, "e1", "u1", plan.Edit{Path: "title", Whole: true, Set: Text(text)}), ledger.Outcome{
		Result: ledger.Done, Seen: Seen("title", Text(text)),
	})
	got, _ := b.Links()["e1"].Image.At("title")
	if diff := cmp.Diff(Text(text), got); diff != "" {
		b.T.Errorf("title (-want +got):\n%s", diff)
	}
	e := b.Entries(ledger.Filter{Kind: ledger.KindIntent})[1]
	if diff := cmp.Diff(Text(text), e.Change.Edits[0].Set); diff != "" {
		b.T.Errorf("set (-want +got):\n%s", diff)
	}
}

func checkpoints(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.End(run)
	kept := b.Sound().Checkpoint
	if kept == "" {
		b.T.Fatal("no checkpoint after the end of a run")
	}
	b.End(b.Begin("org"))
	b.Reopen()
	if v, err := b.L.Verify(b.ctx(), kept); err != nil || len(v.Faults) > 0 {
		b.T.Errorf("Verify(kept) = %q, %v, want no fault", v.Faults, err)
	}
	if v, err := b.L.Verify(b.ctx(), "something else\n"); err != nil || len(v.Faults) == 0 {
		b.T.Errorf("Verify(another's) = %q, %v, want a fault", v.Faults, err)
	}
}

func interleaved(b *Bench) {
	run := b.Begin("org")
	for i := range 5 {
		b.Create(run, source.Key(fmt.Sprint("e", i)), fmt.Sprint("u", i))
	}
	n := 0
	for l, err := range b.L.Links(b.ctx(), ledger.LinkQuery{}) {
		if err != nil {
			b.T.Fatal(err)
		}
		b.Do(run, change("up-"+string(l.Key), plan.Update, l.Key, l.Ref.ID), ledger.Outcome{Result: ledger.Done})
		if len(b.Entries(ledger.Filter{Who: string(l.Key)})) != 4 || len(b.Runs()) != 1 {
			b.T.Errorf("entries of %s are missing", l.Key)
		}
		n++
	}
	if n != 5 {
		b.T.Errorf("%d links, want 5", n)
	}
	for range b.L.Links(b.ctx(), ledger.LinkQuery{}) {
		break
	}
}

func whole(b *Bench) {
	run := b.Begin("org")
	want := ledger.Outcome{
		Result: ledger.Failed, Ref: scim.Ref{Type: scim.User, ID: "u1", Version: "7"}, VersionFrom: "6",
		Edits: []plan.Edit{{Path: "title", Before: Text("a"), Whole: true, Set: Text("b")}},
		Sent:  []scim.Op{{Verb: scim.Replace, Path: "title", Value: `"b"`}, {Verb: scim.Remove, Path: "nickName"}},
		Seen:  Seen("title", Text("c")), Moved: []scim.Path{"title"}, Status: 409, Attempts: 2, Conflicts: 1,
		At: time.Date(2026, 11, 23, 15, 4, 5, 6000, time.UTC), Took: 90 * time.Millisecond, Correlation: "abc", Kind: fault.Stale, Error: "patch user u1: stale",
	}
	c := change("w", plan.Update, "e1", "u1", plan.Edit{Path: "title", Whole: true, Set: []scim.Value{plan.Person("boss")}})
	c.Place = source.Place{Source: "hr.csv", Line: 12}
	b.Do(run, c, want)
	got := b.Entries(ledger.Filter{Who: "e1"})
	want.Change = "w"
	seen, _ := got[1].Outcome.Seen.At("title")
	if !slices.Equal(seen, Text("c")) {
		b.T.Errorf("seen = %v, want c", seen)
	}
	want.Seen, got[1].Outcome.Seen = scim.Row{}, scim.Row{}
	if diff := cmp.Diff(&want, got[1].Outcome); diff != "" {
		b.T.Errorf("outcome (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&c, got[0].Change); diff != "" {
		b.T.Errorf("change (-want +got):\n%s", diff)
	}
}

func byID(b *Bench) {
	run := b.Begin("org")
	b.Do(run, change("p", plan.Update, "", "u1"), ledger.Outcome{Result: ledger.Done})
	b.Do(run, change("adopt", plan.Adopt, "e1", "u1"), ledger.Outcome{Result: ledger.Found})
	if got := len(b.Entries(ledger.Filter{Who: "u1"})); got != 4 {
		b.T.Errorf("Entries(who u1) = %d, want 4", got)
	}
	if got := b.Links()["e1"].Ref.ID; got != "u1" {
		b.T.Errorf("link = %q, want u1", got)
	}
}
