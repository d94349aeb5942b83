package apply_test

import (
	"context"
	"fmt"
	"iter"
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
	"rollcall/target/genesyssim"
)

func TestAWriteWithoutAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		match  string
		change func(*org) plan.Change
		done   func(*org) bool
	}{
		"a create": {
			match: "POST /users", change: func(*org) plan.Change { return create("kim", 1) },
			done: func(o *org) bool { return o.people()["kim@example.com"].State == "active" },
		},
		"an update": {
			match:  "PATCH /users/*",
			change: func(o *org) plan.Change { return update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead")) },
			done:   func(o *org) bool { return o.people()["ada@example.com"].Title == "Lead" },
		},
		"a delete": {
			match: "DELETE /users/*",
			change: func(o *org) plan.Change {
				return plan.Change{Op: plan.Delete, Key: "ada", Target: o.ref("ada@example.com")}
			},
			done: func(o *org) bool { return o.people()["ada@example.com"].State == "deleted" },
		},
		"a membership": {
			match:  "PATCH /groups/*",
			change: func(o *org) plan.Change { return join(o.group("Day"), 1, o.ref("ada@example.com").ID) },
			done:   func(o *org) bool { return len(o.members("Day")) == 1 },
		},
	} {
		t.Run(name+" that was carried out is found done", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil)
				p := planOf(tt.change(o))
				o.faults(genesyssim.Fault{Match: tt.match, Do: genesyssim.LoseAnswer, Count: 1})
				o.one(p, ledger.Found, 1)
				if !tt.done(o) {
					t.Error("it did not come about")
				}
			})
		})
		t.Run(name+" that was not carried out is sent again", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil)
				p := planOf(tt.change(o))
				o.faults(genesyssim.Fault{Match: tt.match, Do: "503", Count: 1})
				o.one(p, ledger.Done, 2)
				if !tt.done(o) {
					t.Error("it did not come about")
				}
			})
		})
		t.Run(name+" that never gets an answer is unknown", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil)
				p := planOf(tt.change(o))
				o.faults(genesyssim.Fault{Match: tt.match, Do: "503"})
				o.one(p, ledger.Unknown, 3)
			})
		})
	}
}

// one applies a plan of one change and compares how it ended.
func (o *org) one(p *plan.Plan, want ledger.Result, requests int) {
	o.Helper()
	for who, got := range o.want(p, nil) {
		if got.Result != want || got.Attempts != requests {
			o.Errorf("outcome of %s = %s (%s) after %d requests, want %s after %d", who, got.Result, got.Error, got.Attempts, want, requests)
		}
	}
}

func TestBackoffIsWhatItSays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		backoff apply.Backoff
		want    []time.Duration // between the requests
	}{
		"by default 1 s, doubled, three times": {want: []time.Duration{time.Second, 2 * time.Second}},
		"as configured": {
			backoff: apply.Backoff{First: 3 * time.Second, Factor: 3, Attempts: 4},
			want:    []time.Duration{3 * time.Second, 9 * time.Second, 27 * time.Second},
		},
		"one attempt waits for nothing": {backoff: apply.Backoff{Attempts: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil)
				ref := o.ref("ada@example.com")
				p := planOf(update("ada", ref, set(title, "Clerk", "Lead")))
				var at []time.Time
				o.writer = writer{SendFunc: func(context.Context, target.Request, *scim.Shape) (target.Answer, error) {
					at = append(at, time.Now())
					return target.Answer{Attempts: 1}, fmt.Errorf("patch: %w", fault.Unavailable)
				}}
				o.reader = still{target.Observed{Ref: ref, State: target.Active}}
				o.want(p, func(a *apply.Options) { a.Backoff = tt.backoff })
				var got []time.Duration
				for i := 1; i < len(at); i++ {
					got = append(got, at[i].Sub(at[i-1]))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("pauses (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestACreateIsNeverMadeTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		o.faults(genesyssim.Fault{Match: "POST /users", Do: genesyssim.LoseAnswer})
		got := o.want(planOf(create("kim", 1), create("lee", 1)), nil)
		for _, k := range []string{"kim", "lee"} {
			if got[k].Result != ledger.Found || got[k].Ref.ID != o.people()[k+"@example.com"].ID {
				t.Errorf("%s = %s %s, want found under the id that is there", k, got[k].Result, got[k].Ref.ID)
			}
		}
		if n := len(o.people()); n != 5 {
			t.Errorf("%d people, want 5", n)
		}
	})
}

func TestAUserNameThatSomebodyHasIsTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		o.want(planOf(create("kim", 1)), nil)
		got := o.want(planOf(create("kim", 1, set(title, nil, "Lead"))), nil)["kim"]
		if got.Result != ledger.Failed || got.Kind != fault.Taken {
			t.Errorf("outcome = %s %s, want failed, taken", got.Result, got.Kind)
		}
		o.begin2()
		got = o.want(planOf(create("kim", 1, set(title, nil, "Lead"))), func(a *apply.Options) {
			a.Open = func(k source.Key) bool { return k == "kim" }
		})["kim"]
		if got.Result != ledger.Found || got.Attempts != 0 {
			t.Errorf("with an open intent of ours: %s after %d requests, want found after none", got.Result, got.Attempts)
		}
	})
}

// still is a reader to whom nothing ever changes, and that takes no time.
type still struct{ seen target.Observed }

func (s still) Read(context.Context, target.Query, *scim.Shape) iter.Seq2[target.Observed, error] {
	return func(yield func(target.Observed, error) bool) { yield(s.seen, nil) }
}
