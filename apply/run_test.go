package apply_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

// crowd is a plan of n updates of as many people, none of whom must be there.
func crowd(n int) *plan.Plan {
	changes := make([]plan.Change, n)
	for i := range changes {
		id := fmt.Sprintf("u%03d", i)
		changes[i] = update(source.Key(id), scim.Ref{Type: scim.User, ID: id, Version: "1"}, set(title, "Clerk", "Lead"))
	}
	return planOf(changes...)
}

// slow answers well after a second, and counts.
type slow struct {
	took time.Duration

	mu              sync.Mutex
	now, most, sent int
}

func (w *slow) Send(ctx context.Context, r target.Request, _ *scim.Shape) (target.Answer, error) {
	w.mu.Lock()
	w.now++
	w.sent++
	w.most = max(w.most, w.now)
	w.mu.Unlock()
	select {
	case <-time.After(w.took):
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now--
	if err := ctx.Err(); err != nil {
		return target.Answer{Attempts: 1}, fmt.Errorf("send: %w", err)
	}
	return target.Answer{Observed: target.Observed{Ref: scim.Ref{Type: scim.User, ID: r.To.ID, Version: "2"}}, Status: 200, Attempts: 1, Took: w.took}, nil
}

// A journal is a double around another.
type journal struct {
	ledger.Journal

	IntendFunc func(context.Context, ledger.RunID, []plan.Change) error
	SettleFunc func(context.Context, ledger.RunID, []ledger.Outcome) error
}

func (j journal) Intend(ctx context.Context, run ledger.RunID, batch []plan.Change) error {
	return j.IntendFunc(ctx, run, batch)
}

func (j journal) Settle(ctx context.Context, run ledger.RunID, batch []ledger.Outcome) error {
	return j.SettleFunc(ctx, run, batch)
}

func options(change func(*apply.Options)) apply.Options {
	o := apply.Options{Run: "r", Dialect: genesys.Dialect(), Users: users, Groups: groups, Now: time.Now}
	if change != nil {
		change(&o)
	}
	return o
}

func TestWorkersAreWhatTheySay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ workers, want int }{
		"by default ten": {0, 10}, "one": {1, 1}, "four": {4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := &slow{took: time.Second}
				began := time.Now()
				tally, err := apply.Run(t.Context(), crowd(100), nil, w, quiet(), options(func(o *apply.Options) { o.Workers = tt.workers }))
				if err != nil || tally.Succeeded != 100 || w.most != tt.want {
					t.Errorf("Run = %+v, %v with %d at once; want 100 done with %d at once", tally, err, w.most, tt.want)
				}
				if got, want := time.Since(began), time.Duration(100/tt.want)*time.Second; got != want {
					t.Errorf("it took %v, want %v: workers waited for each other", got, want)
				}
			})
		})
	}
}

func quiet() journal {
	return journal{
		IntendFunc: func(context.Context, ledger.RunID, []plan.Change) error { return nil },
		SettleFunc: func(context.Context, ledger.RunID, []ledger.Outcome) error { return nil },
	}
}

func TestBatchesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		batch int
		want  []int
	}{
		"by default fifty": {0, []int{50, 50, 20}}, "seven": {7, []int{7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := &slow{took: time.Second}
				var intended, settled []int
				intents, outcomes := 0, 0
				j := journal{
					IntendFunc: func(_ context.Context, _ ledger.RunID, batch []plan.Change) error {
						intended, intents = append(intended, len(batch)), intents+len(batch)
						return nil
					},
					SettleFunc: func(_ context.Context, _ ledger.RunID, batch []ledger.Outcome) error {
						settled, outcomes = append(settled, len(batch)), outcomes+len(batch)
						w.mu.Lock()
						defer w.mu.Unlock()
						if w.sent > intents {
							t.Errorf("%d sent, %d intended", w.sent, intents)
						}
						return nil
					},
				}
				n := 0
				for _, size := range tt.want {
					n += size
				}
				if _, err := apply.Run(t.Context(), crowd(n), nil, w, j, options(func(o *apply.Options) { o.Batch = tt.batch })); err != nil {
					t.Fatalf("Run: %v", err)
				}
				if diff := cmp.Diff(tt.want, intended); diff != "" {
					t.Errorf("batches intended (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.want, settled); diff != "" {
					t.Errorf("batches settled (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestNothingIsSentThatCouldNotBeIntended(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &slow{took: time.Second}
		broken, calls := errors.New("disk is full"), 0
		j := quiet()
		j.IntendFunc = func(context.Context, ledger.RunID, []plan.Change) error {
			if calls++; calls == 2 {
				return broken
			}
			return nil
		}
		settled := 0
		j.SettleFunc = func(_ context.Context, _ ledger.RunID, batch []ledger.Outcome) error {
			settled += len(batch)
			return nil
		}
		tally, err := apply.Run(t.Context(), crowd(200), nil, w, j, options(nil))
		if !errors.Is(err, broken) || w.sent != 50 || settled != 50 || tally.Succeeded != 50 {
			t.Errorf("Run = %+v, %v; sent %d, settled %d; want the first 50 alone", tally, err, w.sent, settled)
		}
	})
}

func TestARunThatCannotSettleStops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &slow{took: time.Second}
		broken := errors.New("disk is full")
		j := quiet()
		j.SettleFunc = func(context.Context, ledger.RunID, []ledger.Outcome) error { return broken }
		_, err := apply.Run(t.Context(), crowd(500), nil, w, j, options(nil))
		if !errors.Is(err, broken) || w.sent > 70 {
			t.Errorf("Run = %v after %d requests, want to stop soon after 50", err, w.sent)
		}
	})
}

func TestInterruptLetsWhatIsInFlightSettle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &slow{took: 3 * time.Second}
		settled := map[ledger.Result]int{}
		j := quiet()
		j.SettleFunc = func(ctx context.Context, _ ledger.RunID, batch []ledger.Outcome) error {
			for _, o := range batch {
				settled[o.Result]++
			}
			return ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(4*time.Second, cancel) // in the second round of ten
		began := time.Now()
		tally, err := apply.Run(ctx, crowd(200), nil, w, j, options(nil))
		if !errors.Is(err, fault.Interrupted) || w.sent != 20 || tally.Succeeded != 20 {
			t.Errorf("Run = %+v, %v after %d requests; want interrupted after 20", tally, err, w.sent)
		}
		if got := time.Since(began); got != 6*time.Second {
			t.Errorf("it took %v, want 6 s: what was in flight settles, nothing else starts", got)
		}
		if diff := cmp.Diff(map[ledger.Result]int{ledger.Done: 20, ledger.Canceled: 30}, settled); diff != "" {
			t.Errorf("settled (-want +got):\n%s", diff)
		}
	})
}

func TestInterruptWaitsNoLongerThanTheGracePeriod(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &slow{took: time.Hour}
		settled := map[ledger.Result]int{}
		j := quiet()
		j.SettleFunc = func(_ context.Context, _ ledger.RunID, batch []ledger.Outcome) error {
			for _, o := range batch {
				settled[o.Result]++
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := apply.Run(ctx, crowd(20), nil, w, j, options(func(o *apply.Options) { o.Grace = 5 * time.Second }))
		if got := time.Since(began); !errors.Is(err, fault.Interrupted) || got != 6*time.Second {
			t.Errorf("Run = %v after %v, want interrupted after 6 s", err, got)
		}
		if diff := cmp.Diff(map[ledger.Result]int{ledger.Unknown: 10, ledger.Canceled: 10}, settled); diff != "" {
			t.Errorf("settled (-want +got):\n%s", diff)
		}
	})
}

func TestAPermissionThatIsMissingStopsItsKindOfChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			c.Clients = []genesyssim.Client{
				{ID: "demo", Secret: "demo-secret", Permissions: []string{"*"}},
				{ID: "small", Secret: "small-secret", Permissions: []string{"directory:user:edit", "directory:user:view", "authorization:grant:view"}},
			}
		})
		grant := func(who string) plan.Change {
			c := update(source.Key(who), o.ref(who+"@example.com"), plan.Edit{Path: roles, ID: "value", Add: []scim.Value{role("Sales Agent")}})
			c.Fresh = true
			return c
		}
		lead := update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead"))
		lead.Wave = 11
		p := planOf(grant("ada"), grant("ben"), grant("cleo"), create("kim", 9), create("lee", 9), lead)
		small := o.login("small", "small-secret")
		o.writer, o.reader = small, small
		outcomes, tally, err := o.apply(t.Context(), p, func(a *apply.Options) { a.Workers = 1 })
		if err != nil || tally.Failed != 2 || tally.LeftOut != 3 || tally.Succeeded != 1 {
			t.Fatalf("Run = %+v, %v; want one create and one grant refused, their like left out, the title written", tally, err)
		}
		if got := outcomes["lee"]; got.Result != ledger.LeftOut || got.Kind != fault.Denied || got.Error == "" {
			t.Errorf("the second create = %s %s %q, want left out, denied, with a reason", got.Result, got.Kind, got.Error)
		}
	})
}

func TestCredentialsThatAreRefusedStopTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		changes := []plan.Change{update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead"))}
		for i := range 100 {
			changes = append(changes, create(source.Key(fmt.Sprintf("p%02d", i)), 1))
		}
		p := planOf(changes...)
		o.control(http.MethodPost, "clients", genesyssim.Client{ID: "demo", Secret: "demo-secret", Permissions: []string{"*"}, Disabled: true})
		_, tally, err := o.apply(t.Context(), p, nil)
		if !errors.Is(err, fault.Denied) || tally.Failed == 0 || tally.Failed > 10 || tally.Succeeded != 0 {
			t.Errorf("Run = %+v, %v; want denied, at most what was in flight tried", tally, err)
		}
	})
}

func TestOnePersonsTroubleStopsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		outcomes := o.want(planOf(
			create("kim", 1, plan.Edit{Path: roles, ID: "value", Add: []scim.Value{role("No Such Role")}}), create("lee", 1),
		), nil)
		if got := outcomes["kim"]; got.Result != ledger.Failed || got.Kind != fault.Invalid || got.Correlation == "" || got.Status != 400 {
			t.Errorf("kim = %+v, want failed, invalid, with status and correlation id", got)
		}
		if got := outcomes["lee"].Result; got != ledger.Done {
			t.Errorf("lee = %s, want done", got)
		}
	})
}

func TestProgressCountsToTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &slow{took: time.Second}
		last := apply.Event{}
		tally, err := apply.Run(t.Context(), crowd(25), nil, w, quiet(), options(func(o *apply.Options) {
			o.Progress = func(e apply.Event) {
				if e.Done != last.Done+1 || e.Total != 25 {
					t.Errorf("event %d of %d after %d", e.Done, e.Total, last.Done)
				}
				last = e
			}
		}))
		if err != nil || last.Done != 25 || last.Elapsed != 3*time.Second {
			t.Errorf("last event %d after %v, error %v; want 25 after 3 s", last.Done, last.Elapsed, err)
		}
		want := apply.Latency{Mean: time.Second, P50: time.Second, P95: time.Second, P99: time.Second}
		if diff := cmp.Diff(want, tally.Latency()); diff != "" {
			t.Errorf("latency (-want +got):\n%s", diff)
		}
	})
}

func TestAnAttributeThatIsNotPermittedIsLeftOutOfTheRest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			c.Clients = []genesyssim.Client{
				{ID: "demo", Secret: "demo-secret", Permissions: []string{"*"}},
				{ID: "small", Secret: "small-secret", Permissions: []string{"directory:user:add", "directory:user:edit", "directory:user:view"}},
			}
		})
		agent := plan.Edit{Path: roles, ID: "value", Add: []scim.Value{role("Sales Agent")}}
		p := planOf(
			create("kim", 1, agent), create("lee", 1, agent), create("max", 1),
			update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead"), agent), update("ben", o.ref("ben@example.com"), agent),
		)
		small := o.login("small", "small-secret")
		o.writer, o.reader = small, small
		outcomes, tally, err := o.apply(t.Context(), p, func(a *apply.Options) { a.Workers = 1 })
		if err != nil || tally.Succeeded != 4 || tally.Short != 3 || tally.LeftOut != 1 {
			t.Fatalf("Run = %+v, %v; want four done, three of them in part, one left out", tally, err)
		}
		if tally.Attempts != 5 {
			t.Errorf("%d requests, want one that was refused and four without roles", tally.Attempts)
		}
		for _, who := range []string{"kim", "lee", "ada"} {
			if got := outcomes[who]; len(got.Waiting) != 1 || got.Kind != fault.Denied || got.Error == "" || got.Hint == "" || len(got.Edits) == 0 {
				t.Errorf("%s = %+v, want roles waiting, with kind, error and hint", who, got)
			}
		}
		if got := outcomes["ben"]; got.Result != ledger.LeftOut || got.Kind != fault.Denied {
			t.Errorf("ben = %s %s, want left out, denied", got.Result, got.Kind)
		}
		if got := o.people()["ada@example.com"].Title; got != "Lead" {
			t.Errorf("ada's title = %q, want Lead", got)
		}
	})
}
