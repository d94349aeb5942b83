package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/apply"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesyssim"
)

// A bomb kills the process at its n-th step: what follows does not happen
// anymore, in the ledger or on the wire. A step is an intent, a request, its
// answer, or a settlement.
type bomb struct {
	target.Writer
	ledger.Store

	mu    sync.Mutex
	left  int // steps; below 0: never
	steps int
}

var errKilled = errors.New("killed")

// alive counts a step and tells whether the process lives on.
func (b *bomb) alive() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.steps++
	if b.left > 0 {
		b.left--
	}
	return b.left != 0
}

func (b *bomb) dead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left == 0
}

func (b *bomb) Send(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
	if b.dead() || !b.alive() {
		return target.Answer{}, errKilled
	}
	a, err := b.Writer.Send(ctx, r, s)
	if b.dead() || !b.alive() {
		return target.Answer{}, errKilled
	}
	return a, err
}

func (b *bomb) Intend(ctx context.Context, run ledger.RunID, batch []plan.Change) error {
	if b.dead() {
		return errKilled
	}
	if err := b.Store.Intend(ctx, run, batch); err != nil || b.alive() {
		return err
	}
	return errKilled
}

func (b *bomb) Settle(ctx context.Context, run ledger.RunID, batch []ledger.Outcome) error {
	if b.dead() {
		return errKilled
	}
	if err := b.Store.Settle(ctx, run, batch); err != nil || b.alive() {
		return err
	}
	return errKilled
}

func (b *bomb) End(ctx context.Context, run ledger.RunID, e ledger.Ending) error {
	if b.dead() {
		return errKilled
	}
	return b.Store.End(ctx, run, e)
}

// arm makes the job die at step n; disarm gives the lock back as death does.
func (o *org) arm(n int) *bomb {
	b := &bomb{Writer: o.client, Store: o.ledger, left: n}
	o.job.Writer, o.job.Store = b, b
	return b
}

func (o *org) disarm() {
	o.Helper()
	if err := o.ledger.Close(); err != nil {
		o.Fatalf("Close: %v", err)
	}
	o.job.Writer, o.job.Store = o.client, o.ledger
}

// end is what an organization looks like, whatever the ids.
func (o *org) end() map[string]any {
	o.Helper()
	people, end := o.people(), map[string]any{"Everybody": o.members("Everybody")}
	names := map[string]string{}
	for name, p := range people {
		names[p.ID] = name
	}
	for name, p := range people {
		boss := ""
		if m, ok := p.Ext["manager"].(map[string]any); ok {
			boss = names[fmt.Sprint(m["value"])]
		}
		var has []string
		for _, r := range p.Roles {
			has = append(has, fmt.Sprint(r["value"]))
		}
		slices.Sort(has)
		end[name] = []any{p.State, p.Title, p.DisplayName, boss, has, p.Ext["department"]}
	}
	return end
}

// stations are what happens to the sample company: everybody joins, then one
// leaves, one is renamed, some change.
var stations = []func(*org){
	func(o *org) { o.source.rows = company(7) },
	func(o *org) {
		rows := company(8)[1:]
		rows[0].title, rows[1].dept, rows[2].boss, rows[3].gone = "Lead", "Service", "e001", true
		o.source.rows = rows
	},
}

// TestAKilledRunIsFinishedByTheNext kills a run at every step and lets the next
// one finish: the end is the same, nobody is there twice, and then nothing is
// left to do.
func TestAKilledRunIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for station := range stations {
		steps, want := undisturbed(t, station)
		if steps < 10 {
			t.Fatalf("station %d has %d steps", station, steps)
		}
		for n := 1; n <= steps; n++ {
			t.Run(fmt.Sprintf("station %d step %d", station, n), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					o := newOrg(t, nil)
					o.job.Options = apply.Options{Workers: 2, Batch: 3}
					for _, prepare := range stations[:station] {
						prepare(o)
						o.apply()
					}
					stations[station](o)
					o.arm(n)
					if _, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{}); err == nil && n < steps {
						t.Fatal("the run survived")
					}
					o.disarm()
					o.finish(want)
				})
			})
		}
	}
}

// undisturbed is how many steps a station takes, and how it ends.
func undisturbed(t *testing.T, station int) (steps int, want map[string]any) {
	t.Helper()
	inBubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		o.job.Options = apply.Options{Workers: 2, Batch: 3}
		for _, prepare := range stations[:station] {
			prepare(o)
			o.apply()
		}
		stations[station](o)
		b := o.arm(-1)
		o.apply()
		steps, want = b.steps, o.end()
	})
	return steps, want
}

// finish runs until nothing is left, which must be at once, and compares.
func (o *org) finish(want map[string]any) {
	o.Helper()
	if r := o.apply(); r.Failed > 0 || r.Held > 0 {
		for row, err := range reconcile.Rows(o.Context(), o.ledger, r.Run) {
			o.Logf("%s %s: %s %s %v", row.Op, row.Key, row.Result, row.Error, err)
		}
		o.Fatalf("the next run = %+v, want all of it done", r)
	}
	if diff := cmp.Diff(want, o.end()); diff != "" {
		o.Errorf("the end (-want +got):\n%s", diff)
	}
	p := o.plan()
	for c := range p.Changes() {
		o.Errorf("left to do: %s %s %+v", c.Op, c.Key, c.Edits)
	}
	for u, err := range o.ledger.Unsettled(o.Context()) {
		o.Errorf("nobody knows what became of %s %s of run %s, %v", u.Change.Op, u.Change.Key, u.Run, err)
	}
	linked := map[string]source.Key{}
	for l, err := range o.ledger.Links(o.Context(), ledger.LinkQuery{}) {
		if err != nil || l.Open != "" {
			o.Errorf("link %s: open %q, error %v", l.Key, l.Open, err)
		}
		if other, twice := linked[l.Ref.ID]; twice {
			o.Errorf("%s and %s have one user", other, l.Key)
		}
		linked[l.Ref.ID] = l.Key
	}
}

// TestARunInTroubleEndsWell lets the n-th write fail in every way, for every n:
// the run itself or the next one brings the same end.
func TestARunInTroubleEndsWell(t *testing.T) {
	t.Parallel()
	_, want := undisturbed(t, 0)
	for _, deed := range []genesyssim.Deed{"503", "429", "500", genesyssim.LoseAnswer, genesyssim.CutBody, genesyssim.HTML, genesyssim.StaleDeed} {
		for _, match := range []string{"POST /users", "PATCH /groups/*", "PATCH /users/*"} {
			for n := range 16 {
				count := []int{2, 30}[n%2] // some pass within the run, some do not
				t.Run(fmt.Sprintf("%d times %s of %s after %d", count, deed, match, n/2), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						o := newOrg(t, nil)
						stations[0](o)
						o.job.Writer = &troubled{Writer: o.client, o: o, left: n / 2, fault: genesyssim.Fault{Match: match, Do: deed, Count: count}}
						if _, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{}); err != nil {
							t.Fatalf("Apply: %v", err)
						}
						o.control("PUT", "faults", []genesyssim.Fault{})
						o.job.Writer = o.client
						o.finish(want)
					})
				})
			}
		}
	}
}

// troubled makes trouble begin after some writes.
type troubled struct {
	target.Writer

	o     *org
	fault genesyssim.Fault

	mu   sync.Mutex
	left int
}

func (w *troubled) Send(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
	w.mu.Lock()
	if w.left == 0 {
		w.o.control("PUT", "faults", []genesyssim.Fault{w.fault})
	}
	w.left--
	w.mu.Unlock()
	return w.Writer.Send(ctx, r, s)
}

// TestInterruptedRunsEndWell stops a run after every second of it.
func TestInterruptedRunsEndWell(t *testing.T) {
	t.Parallel()
	_, want := undisturbed(t, 0)
	for n := range 12 {
		t.Run(fmt.Sprintf("after %d s", n), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil)
				stations[0](o)
				o.control("PUT", "faults", []genesyssim.Fault{{Match: "* *", Do: genesyssim.Slow, Ms: 700}})
				o.job.Options = apply.Options{Workers: 2, Batch: 3}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Duration(n)*time.Second, cancel)
				r, err := o.job.Apply(ctx, "apply", o.job.Plan, reconcile.Hooks{})
				if err != nil && r.Result != "interrupted" {
					t.Fatalf("Apply = %+v, %v; want interrupted", r, err)
				}
				o.control("PUT", "faults", []genesyssim.Fault{})
				o.finish(want)
			})
		})
	}
}
