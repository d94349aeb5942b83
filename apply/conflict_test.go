package apply_test

import (
	"context"
	"iter"
	"testing"

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

// stale is a plan that rests on a version that somebody else has moved since.
func (o *org) stale() *plan.Plan {
	p := planOf(update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead")))
	o.edit("ada@example.com", displayName, "Ada Lovelace")
	return p
}

func TestConflictsOfEveryShapeAreReadAndSentAgain(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"400 invalidVers": "400", "409": "409", "412": "412"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, func(c *genesyssim.Config) { c.Switches = genesyssim.Switches{"stale": value} })
				outcomes, tally, err := o.apply(t.Context(), o.stale(), nil)
				got := outcomes["ada"]
				if err != nil || got.Result != ledger.Done || got.Conflicts != 1 || tally.Conflicts != 1 {
					t.Fatalf("outcome = %s, %d conflicts, error %v; want done after one", got.Result, got.Conflicts, err)
				}
				ada := o.people()["ada@example.com"]
				if ada.Title != "Lead" || ada.Display != "Ada Lovelace" {
					t.Errorf("ada = %+v, want our title beside their name", ada)
				}
				if len(got.Moved) != 0 {
					t.Errorf("moved = %v, want none: nobody touched the title", got.Moved)
				}
			})
		})
	}
}

func TestConflictRetriesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		retries, stale int
		want           ledger.Result
		conflicts      int
	}{
		"by default once":                {retries: 0, stale: 1, want: ledger.Done, conflicts: 1},
		"by default not twice":           {retries: 0, stale: 2, want: ledger.Failed, conflicts: 2},
		"never":                          {retries: -1, stale: 1, want: ledger.Failed, conflicts: 1},
		"three times":                    {retries: 3, stale: 3, want: ledger.Done, conflicts: 3},
		"three times and never by force": {retries: 3, stale: 9, want: ledger.Failed, conflicts: 4},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil)
				p := planOf(update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead")))
				o.faults(genesyssim.Fault{Match: "PATCH /users/*", Do: genesyssim.StaleDeed, Count: tt.stale})
				got := o.want(p, func(a *apply.Options) { a.ConflictRetries = tt.retries })["ada"]
				if got.Result != tt.want || got.Conflicts != tt.conflicts {
					t.Errorf("outcome = %s after %d conflicts, want %s after %d", got.Result, got.Conflicts, tt.want, tt.conflicts)
				}
				if tt.want == ledger.Failed && (got.Kind != fault.Stale || o.people()["ada@example.com"].Title != "Clerk") {
					t.Errorf("kind %s, title %q; want stale and nothing written", got.Kind, o.people()["ada@example.com"].Title)
				}
			})
		})
	}
}

func TestAConflictReportsWhoseValueItReplaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		p := planOf(update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead")))
		o.edit("ada@example.com", title, "Captain")
		got := o.want(p, nil)["ada"]
		if diff := cmp.Diff([]scim.Path{title}, got.Moved); diff != "" || got.Result != ledger.Done {
			t.Errorf("result %s, moved (-want +got):\n%s", got.Result, diff)
		}
		if diff := cmp.Diff([]scim.Value{text("Captain")}, got.Edits[0].Before); diff != "" {
			t.Errorf("before (-want +got):\n%s", diff)
		}
	})
}

func TestASavedPlanLeavesWhatMoved(t *testing.T) {
	t.Parallel()
	saved := func(a *apply.Options) { a.LeaveMoved = true }
	t.Run("a value that somebody changed is left alone", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := newOrg(t, nil)
			p := planOf(update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead")))
			o.edit("ada@example.com", title, "Captain")
			outcomes, tally, err := o.apply(t.Context(), p, saved)
			if err != nil || outcomes["ada"].Result != ledger.LeftOut || tally.Moved != 1 {
				t.Fatalf("outcome = %+v, tally %+v, %v; want left out as moved", outcomes["ada"], tally, err)
			}
			if got := o.people()["ada@example.com"].Title; got != "Captain" {
				t.Errorf("title = %q, want Captain", got)
			}
		})
	})
	t.Run("a version that moved for another reason is no obstacle", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := newOrg(t, nil)
			if got := o.want(o.stale(), saved)["ada"]; got.Result != ledger.Done {
				t.Errorf("outcome = %s, want done", got.Result)
			}
		})
	})
	t.Run("a userName that somebody took is left alone", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := newOrg(t, nil)
			o.want(planOf(create("kim", 1)), nil)
			outcomes, tally, err := o.apply(t.Context(), planOf(create("kim", 1, set(title, nil, "Lead"))), saved)
			if err != nil || outcomes["kim"].Result != ledger.LeftOut || tally.Moved != 1 || tally.Attempts != 0 {
				t.Errorf("outcome = %s, tally %+v, %v; want left out as moved", outcomes["kim"].Result, tally, err)
			}
		})
	})
}

func TestTheNextChangeOfAPersonDoesNotBuildOnSomebodyElsesEdit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		ref := o.ref("ada@example.com")
		second := update("ada", ref, set(displayName, "Ada Byron", "Ada"))
		second.Wave = 11
		p := planOf(update("ada", ref, set(title, "Clerk", "Lead")), second)
		o.edit("ada@example.com", displayName, "Ada Lovelace")
		got := o.want(p, nil)["ada"]
		if diff := cmp.Diff([]scim.Path{displayName}, got.Moved); diff != "" {
			t.Errorf("moved in the second change (-want +got):\n%s", diff)
		}
	})
}

func TestAUserWithoutVersionIsNotWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		ref := o.ref("ada@example.com")
		ref.Version = ""
		o.reader = reader{o.client, func(seen target.Observed) target.Observed { seen.Version = ""; return seen }}
		got := o.want(planOf(update("ada", ref, set(title, "Clerk", "Lead"))), nil)["ada"]
		if got.Result != ledger.Failed || got.Kind != fault.Unsupported || got.Attempts != 0 {
			t.Errorf("outcome = %s %s after %d requests, want failed, unsupported, none sent", got.Result, got.Kind, got.Attempts)
		}
		o.begin2()
		got = o.want(planOf(update("ada", ref, set(title, "Clerk", "Lead"))), func(a *apply.Options) { a.AllowUnversioned = true })["ada"]
		if got.Result != ledger.Done || got.VersionFrom != "" {
			t.Errorf("allowed: outcome = %s under %q, want done under none", got.Result, got.VersionFrom)
		}
	})
}

// begin2 ends the run and begins another.
func (o *org) begin2() {
	o.Helper()
	if err := o.ledger.End(o.Context(), o.run, ledger.Ending{}); err != nil {
		o.Fatalf("End: %v", err)
	}
	o.begin()
}

func TestAnIDOfSomebodyElseIsClosedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			c.Users.List = append(c.Users.List, map[string]any{"userName": "kim@example.com", "displayName": "Kim Old", "state": "deleted"})
		})
		old := o.people()["kim@example.com"].ID
		got := o.want(planOf(create("kim", 1), update("kim", scim.Ref{Type: scim.User}, set(title, nil, "Lead"))), func(a *apply.Options) {
			a.Holder = func(id string) (source.Key, bool) { return "kim-of-before", id == old }
		})
		if got["kim"].Result != ledger.LeftOut {
			t.Errorf("what rests on it = %s, want left out", got["kim"].Result)
		}
		kim := o.people()["kim@example.com"]
		if kim.ID != old || kim.State != "inactive" {
			t.Errorf("kim = %+v, want the old user, inactive", kim)
		}
		for l, err := range o.ledger.Links(t.Context(), ledger.LinkQuery{}) {
			if l.Ref.ID != "" || err != nil {
				t.Errorf("link %+v, %v: want none", l, err)
			}
		}
	})
}

// A reader is a double that changes what is seen.
type reader struct {
	target.Reader

	seen func(target.Observed) target.Observed
}

func (r reader) Read(ctx context.Context, q target.Query, s *scim.Shape) iter.Seq2[target.Observed, error] {
	return func(yield func(target.Observed, error) bool) {
		for o, err := range r.Reader.Read(ctx, q, s) {
			if !yield(r.seen(o), err) {
				return
			}
		}
	}
}
