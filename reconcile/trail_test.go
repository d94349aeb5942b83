package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
)

// A book is a ledger that a test writes by hand, a minute for every line.
type book struct {
	*testing.T

	*ledger.Memory
	now time.Time
	run ledger.RunID
}

func newBook(t *testing.T) *book {
	t.Helper()
	b := &book{T: t, now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	b.Memory = ledger.NewMemory(func() time.Time { b.now = b.now.Add(time.Minute); return b.now })
	return b
}

func (b *book) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *book) begin(s ledger.Start) {
	b.Helper()
	var err error
	b.check(b.Close()) // whoever ran before is dead
	b.run, err = b.Begin(b.Context(), s)
	b.check(err)
}

func (b *book) intend(c ...plan.Change) {
	b.Helper()
	b.check(b.Intend(b.Context(), b.run, c))
}

func (b *book) settle(o ...ledger.Outcome) {
	b.Helper()
	b.check(b.Settle(b.Context(), b.run, o))
}

func (b *book) mark(absent, back []source.Key) {
	b.Helper()
	b.check(b.Mark(b.Context(), b.run, absent, back))
}

func (b *book) create(key, id string) {
	b.Helper()
	b.intend(plan.Change{ID: "create " + key, Op: plan.Create, Key: source.Key(key), UserName: key + "@x", Target: scim.Ref{Type: scim.User}, Reason: "NewInSource"})
	b.settle(ledger.Outcome{Change: "create " + key, Result: ledger.Done, Ref: scim.Ref{Type: scim.User, ID: id}})
}

// tell is the trail, one line an entry.
func (b *book) tell(f ledger.Filter) string {
	b.Helper()
	var out strings.Builder
	for e, err := range reconcile.Trail(b.Context(), b, f) {
		b.check(err)
		fmt.Fprintf(&out, "%s %s %s %s", e.Kind, e.Op, e.By.Actor, e.Resource().ID)
		if e.Intent != nil {
			fmt.Fprintf(&out, " because %s", e.Intent.Reason)
		}
		if e.Open {
			out.WriteString(" open")
		}
		for _, d := range e.Edits() {
			fmt.Fprintf(&out, " +%s -%s", d.Add, d.Remove)
		}
		out.WriteString("\n")
	}
	return out.String()
}

func member(id string) scim.Value { return scim.ValueOf(map[string]any{"value": id}) }

func TestTheTrailTellsOfEachEntryWhatOthersSay(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.begin(ledger.Start{Org: "o", Actor: "kim"})
	b.create("e1", "u1")
	b.begin(ledger.Start{Org: "o", Actor: "jo"})
	join := plan.Change{
		ID: "join", Op: plan.Join, UserName: "Night Shift", Target: scim.Ref{Type: scim.Group, ID: "g1"}, Reason: "BelongsInGroup",
		Edits: []plan.Edit{{Path: "members", ID: "value", Add: []scim.Value{member("u1"), member("u2")}, Remove: []scim.Value{member("u3")}}},
	}
	b.intend(join, plan.Change{ID: "lost", Op: plan.Update, Key: "e1", UserName: "e1@x", Target: scim.Ref{Type: scim.User, ID: "u1"}, Reason: "AttributesDiffer"})
	b.settle(ledger.Outcome{Change: "join", Result: ledger.Done, Ref: join.Target})
	for name, tt := range map[string]struct {
		f    ledger.Filter
		want string
	}{
		"all": {want: `run  kim 
intent create kim  because NewInSource
outcome create kim u1 because NewInSource
run  jo 
intent join jo g1 because BelongsInGroup +[{"value":"u1"} {"value":"u2"}] -[{"value":"u3"}]
intent update jo u1 because AttributesDiffer open
outcome join jo g1 because BelongsInGroup +[{"value":"u1"} {"value":"u2"}] -[{"value":"u3"}]
`},
		"outcomes know their intents, which are not asked for": {f: ledger.Filter{Kind: ledger.KindOutcome}, want: `outcome create kim u1 because NewInSource
outcome join jo g1 because BelongsInGroup +[{"value":"u1"} {"value":"u2"}] -[{"value":"u3"}]
`},
		"of a group's change, the part of the one person": {f: ledger.Filter{Who: "e1@x"}, want: `intent create kim  because NewInSource
outcome create kim u1 because NewInSource
intent join jo g1 because BelongsInGroup +[{"value":"u1"}] -[]
intent update jo u1 because AttributesDiffer open
outcome join jo g1 because BelongsInGroup +[{"value":"u1"}] -[]
`},
		"the run is known although its own entry is not asked for": {f: ledger.Filter{Since: b.now, Kind: ledger.KindOutcome}, want: "outcome join jo g1 +[{\"value\":\"u1\"} {\"value\":\"u2\"}] -[{\"value\":\"u3\"}]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, b.tell(tt.f)); diff != "" {
				t.Errorf("Trail(%+v) (-want +got):\n%s", tt.f, diff)
			}
		})
	}
}

func TestAPartThatWasNotCarriedOutIsNotTold(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.begin(ledger.Start{Org: "o", Actor: "kim"})
	b.create("e1", "u1")
	edit := plan.Edit{Path: "members", ID: "value", Add: []scim.Value{member("u1"), member("u2")}}
	join := plan.Change{ID: "join", Op: plan.Join, Target: scim.Ref{Type: scim.Group, ID: "g1"}, Edits: []plan.Edit{edit}}
	b.intend(join)
	edit.Add = edit.Add[1:]
	b.settle(ledger.Outcome{Change: "join", Result: ledger.Done, Ref: join.Target, Edits: []plan.Edit{edit}, Waiting: []scim.Path{"members"}, Sent: []scim.Op{{Verb: scim.Add, Path: "members"}}})
	for e, err := range reconcile.Trail(t.Context(), b, ledger.Filter{Who: "e1", Kind: ledger.KindOutcome}) {
		b.check(err)
		if e.Op == plan.Join && (len(e.Edits()) > 0 || e.Outcome.Sent != nil) {
			t.Errorf("Edits() = %v, Sent = %v; want nothing of what others were given", e.Edits(), e.Outcome.Sent)
		}
	}
}
