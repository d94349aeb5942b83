package sqlledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
	"rollcall/ledger/sqlledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// An era is a ledger that keeps two months, and a clock.
type era struct {
	testing.TB

	place string
	clock ledgertest.Clock
	l     *sqlledger.Ledger
}

func newEra(t *testing.T, place string) *era {
	e := &era{TB: t, place: place}
	e.reopen(true)
	t.Cleanup(func() { _ = e.l.Close() })
	return e
}

func (e *era) reopen(keep bool) {
	e.Helper()
	if e.l != nil {
		_ = e.l.Close()
	}
	o := opening(e.place)
	if o.Now = e.clock.Now; keep {
		o.Keep = func(now time.Time) time.Time { return now.AddDate(0, -2, 0) }
	}
	e.l = open(e, e.place, o)
}

func (e *era) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// run is a run that does all this, some weeks after the one before.
func (e *era) run(do ...func(ledger.RunID)) {
	e.Helper()
	e.clock.Move(25 * 24 * time.Hour)
	run, err := e.l.Begin(e.Context(), ledger.Start{Org: "org", Command: "apply"})
	e.must(err)
	for _, d := range do {
		d(run)
	}
	e.must(e.l.End(e.Context(), run, ledger.Ending{Result: "done"}))
}

func (e *era) do(c plan.Change, o ledger.Outcome) func(ledger.RunID) {
	return func(run ledger.RunID) {
		e.must(e.l.Intend(e.Context(), run, []plan.Change{c}))
		o.Change = c.ID
		e.must(e.l.Settle(e.Context(), run, []ledger.Outcome{o}))
	}
}

func (e *era) create(key source.Key) func(ledger.RunID) {
	return e.do(ledgertest.Creation(key), ledgertest.Created(key, "u-"+string(key)))
}

func (e *era) change(key source.Key, op plan.Op, id string, edits ...plan.Edit) func(ledger.RunID) {
	c := plan.Change{ID: id + string(key), Op: op, Key: key, Target: scim.Ref{Type: scim.User, ID: "u-" + string(key), Version: "1"}, Edits: edits}
	return e.do(c, ledger.Outcome{Result: ledger.Done})
}

func (e *era) links() map[source.Key]plan.Link {
	e.Helper()
	out := map[source.Key]plan.Link{}
	for l, err := range e.l.Links(e.Context(), ledger.LinkQuery{Shape: ledgertest.Shape(), Image: true}) {
		e.must(err)
		l.Image, l.Ours = scim.Row{}, scim.Row{}
		out[l.Key] = l
	}
	return out
}

func (e *era) sound(kept ledger.Checkpoint) ledger.Verification {
	e.Helper()
	v, err := e.l.Verify(e.Context(), kept)
	if err != nil || len(v.Faults) > 0 {
		e.Fatalf("Verify() = %q, %v, want no fault", v.Faults, err)
	}
	return v
}

// Pruning removes old months and nothing that is still to be known: links,
// claims, names, notes. Checkpoints of any time still verify.
func TestPrune(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEra(t, place)
			e.run(e.create("e1"), e.create("e2"), e.create("gone"), e.do(joining("e1", "e2"), ledger.Outcome{Result: ledger.Done}), func(run ledger.RunID) {
				e.must(e.l.Note(e.Context(), run, "page", []byte(`100`)))
				e.must(e.l.Note(e.Context(), run, "held", []byte(`[{"key":"e1","x":1}]`)))
				e.must(e.l.Mark(e.Context(), run, []source.Key{"e2"}, nil))
			})
			e.run(e.change("gone", plan.Delete, "del"))
			early := e.sound("").Checkpoint
			before := e.links()
			for i := range 9 {
				e.run(e.create(source.Key(fmt.Sprint("n", i))))
			}
			v := e.sound("")
			if v.Pruned == 0 || v.PrunedTo.IsZero() || v.Runs >= 6 {
				t.Fatalf("Verify() = %+v, want entries pruned", v)
			}
			e.sound(early)
			after := e.links()
			for _, key := range []source.Key{"e1", "e2"} {
				if diff := cmp.Diff(before[key], after[key]); diff != "" {
					t.Errorf("link of %s (-before +after):\n%s", key, diff)
				}
			}
			if _, there := after["gone"]; there {
				t.Error("the closed link of whom nothing else is known was kept")
			}
			for note, want := range map[string]string{"page": "100", "held": `[{"key":"e1","x":1}]`} {
				if got, err := e.l.Noted(e.Context(), note); err != nil || string(got) != want {
					t.Errorf("Noted(%s) = %s, %v, want %s", note, got, err, want)
				}
			}
			if k, err := e.l.Known(e.Context(), "e1@example.com"); err != nil || k.Key != "e1" || k.Entries == 0 {
				t.Errorf("Known(e1@example.com) = %+v, %v, want e1: names are carried", k, err)
			}
			if k, err := e.l.Known(e.Context(), "gone"); err == nil {
				t.Errorf("Known(gone) = %+v, want nobody", k)
			}
			e.again(early)
		})
	}
}

// again goes on after a pruning, with people of before, for months.
func (e *era) again(early ledger.Checkpoint) {
	e.Helper()
	e.run(e.change("e1", plan.Update, "up", plan.Edit{Path: ledgertest.Roles, ID: "value", Add: ledgertest.Elements("agent")}), e.create("gone"))
	e.sound(early)
	run, err := e.l.Begin(e.Context(), ledger.Start{Org: "org", Command: "forget"})
	e.must(err)
	_, err = e.l.Forget(e.Context(), run, "e2")
	e.must(err)
	e.must(e.l.End(e.Context(), run, ledger.Ending{}))
	first := e.sound(early).Pruned
	for range 5 {
		e.run()
		e.sound(early)
	}
	v := e.sound(early)
	if v.Pruned <= first {
		e.Errorf("pruned %d entries, then %d, want more", first, v.Pruned)
	}
	l := e.links()
	if _, there := l["e2"]; there || l["e1"].Ref.ID != "u-e1" || l["gone"].Ref.ID != "u-gone" || len(l["e1"].Groups) != 1 {
		e.Errorf("links = %+v, want e1 and gone as they were, and not e2", l)
	}
}

// What is open is kept with all that follows, and pruned once it is settled.
func TestPruneKeepsWhatIsOpen(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEra(t, place)
			e.run(e.create("e0"))
			e.run(func(run ledger.RunID) { e.must(e.l.Intend(e.Context(), run, []plan.Change{ledgertest.Creation("e1")})) })
			for range 4 {
				e.run()
			}
			v := e.sound("")
			if v.Pruned == 0 || len(unsettled(t, e.l)) != 1 {
				t.Fatalf("pruned %d entries, unsettled %v, want those before the open intent pruned", v.Pruned, unsettled(t, e.l))
			}
			e.run(e.create("e1"))
			for range 4 {
				e.run()
			}
			if now := e.sound(""); now.Pruned <= v.Pruned {
				t.Errorf("pruned %d entries, then %d, want more", v.Pruned, now.Pruned)
			}
		})
	}
}

func unsettled(t *testing.T, l *sqlledger.Ledger) (out []string) {
	t.Helper()
	for u, err := range l.Unsettled(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, u.Change.ID)
	}
	return out
}

// A ledger that does not verify is not pruned: it is evidence.
func TestPruneRefusesWhatDoesNotVerify(t *testing.T) {
	t.Parallel()
	e := newEra(t, places(t)["SQLite"])
	e.reopen(false)
	e.run(e.create("e1"))
	for range 4 {
		e.run()
	}
	_ = e.l.Close()
	damage(t, e.place, "UPDATE entries SET op = 'delete' WHERE seq = 2")
	e.l = nil
	e.reopen(true)
	run, err := e.l.Begin(t.Context(), ledger.Start{Org: "org"})
	e.must(err)
	err = e.l.End(t.Context(), run, ledger.Ending{})
	if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "entry 2 ") || !strings.Contains(fault.Hint(err), "nothing was removed") {
		t.Errorf("End() = %v, want Invalid that names the entry", err)
	}
	if _, err := e.l.Begin(t.Context(), ledger.Start{Org: "org"}); err != nil {
		t.Errorf("Begin() = %v, want the lock given back", err)
	}
}

// What is altered after a pruning is found as before it.
func TestVerifyFindsAfterPruning(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ damage, want string }{
		"nothing where nothing is wrong": {"SELECT 1", ""},
		"another entry removed":          {"DELETE FROM entries WHERE seq = (SELECT MIN(seq) FROM entries)", "it stands where entry"},
		"the stub removed":               {"DELETE FROM entries WHERE kind = 'prune'", "it stands where entry"},
		"a pruned leaf":                  {"UPDATE tree SET hash = zeroblob(32) WHERE idx = 0", "the entries up to there are not those that were signed"},
		"the last pruned leaf":           {"UPDATE tree SET hash = zeroblob(32) WHERE idx = (SELECT MAX(idx) FROM tree WHERE idx < 13)", ""},
		"a carried person":               {"DELETE FROM links WHERE person = 1", "the link of person 1 is missing"},
		"a carried name":                 {"DELETE FROM names WHERE person = 1", "a name of person 1 is missing"},
		"a carry entry":                  {"UPDATE entries SET sealed = (SELECT sealed FROM entries WHERE kind = 'run' LIMIT 1) WHERE kind = 'carry'", "altered, or out of place"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEra(t, places(t)["SQLite"])
			e.run(e.create("e1"))
			for range 4 {
				e.run()
			}
			if v := e.sound(""); v.Pruned == 0 {
				t.Fatal("nothing was pruned")
			}
			_ = e.l.Close()
			damage(t, e.place, tt.damage)
			if got := strings.Join(verify(t, e.place, ""), "\n"); !strings.Contains(got, tt.want) || tt.want == "" && name == "nothing where nothing is wrong" && got != "" {
				t.Errorf("Verify() finds %q, want %q", got, tt.want)
			}
		})
	}
}
