package reconcile_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"rollcall/ledger"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
)

// committed is the step at which the first request of a run was carried out and
// its answer is not heard: after its intent and its sending.
const committed = 3

// die applies, and dies as soon as the first request is carried out.
func (o *org) die() {
	o.Helper()
	o.arm(committed)
	if _, err := o.job.Apply(o.Context(), "apply", o.job.Plan, reconcile.Hooks{}); !errors.Is(err, errKilled) {
		o.Fatalf("Apply = %v, want killed", err)
	}
	o.disarm()
}

// twice applies two times without a failure, after which nothing may be left open.
func (o *org) twice() {
	o.Helper()
	for range 2 {
		if r := o.apply(); r.Failed > 0 || r.Result != "done" {
			o.Fatalf("report = %+v, want done", r)
		}
	}
	for u, err := range o.ledger.Unsettled(o.Context()) {
		o.Errorf("nobody knows what became of %s %s, %v", u.Change.Op, u.Change.Key, err)
	}
}

func (o *org) link(key source.Key) plan.Link {
	o.Helper()
	for l, err := range o.ledger.Links(o.Context(), ledger.LinkQuery{}) {
		if err != nil {
			o.Fatalf("Links: %v", err)
		}
		if l.Key == key {
			return l
		}
	}
	return plan.Link{}
}

// roles are the ones that a user has by name.
func (o *org) roles(name string) (has []string) {
	o.Helper()
	for _, r := range o.people()[name].Roles {
		has = append(has, r["value"].(string))
	}
	return has
}

// when makes membership of Everybody a matter of the condition.
func (o *org) when(text string) {
	o.Helper()
	r := rules()
	r.Groups[0].When.Text = text
	all, _ := o.source.Columns(o.Context())
	m, err := mapping.Compile(r, all, mapping.Options{Dialect: genesys.Dialect(), Timezone: time.UTC, Now: time.Now()})
	if err != nil {
		o.Fatalf("Compile: %v", err)
	}
	o.job.Mapping = m
}

// TestTwoOpenIntentsOfOneChangeAreSettled leaves one join open in two runs, and carries it out.
func TestTwoOpenIntentsOfOneChangeAreSettled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(4)...)
		o.apply()
		join := plan.Change{}
		for e, err := range o.ledger.Entries(t.Context(), ledger.Filter{Kind: ledger.KindIntent}) {
			if err == nil && e.Op == plan.Join {
				join = *e.Change
			}
		}
		for range 2 {
			run, err := o.ledger.Begin(t.Context(), o.job.Start)
			if err == nil {
				err = o.ledger.Intend(t.Context(), run, []plan.Change{join})
			}
			if err == nil {
				err = o.ledger.Close()
			}
			if err != nil {
				t.Fatalf("leave a join open: %v", err)
			}
		}
		o.twice()
	})
}

func TestAnOpenChangeOfAUserWhoIsDeletedBlocksNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(4)...)
		o.apply()
		o.source.rows = company(4)
		o.source.rows[1].title = "Lead"
		o.die()
		o.control("POST", "edit", map[string]any{"user": o.people()["e001@example.com"].ID, "delete": true})
		o.twice()
	})
}

func TestTheUserOfAKilledCreateLeavesWithTheirRecord(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"deactivate", "report"} {
		t.Run(action, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil, company(4)...)
				o.job.Input.Policy.Leaving.Action = action
				o.apply()
				o.source.rows = company(5)
				o.die()
				if o.people()["e004@example.com"].State != "active" {
					t.Fatal("the create did not come about")
				}
				o.source.rows = company(4)
				findings := 0
				for _, f := range o.plan().Findings {
					if f.Code == "left" && f.Key == "e004" {
						findings++
					}
				}
				want, state := 0, "inactive"
				if action == "report" {
					want, state = 1, "active"
				}
				if findings != want {
					t.Errorf("%d findings about the leaver, want %d", findings, want)
				}
				o.twice()
				p := o.people()["e004@example.com"]
				if l := o.link("e004"); l.Ref.ID != p.ID || l.Open != "" || p.State != state {
					t.Errorf("link = %+v, the user is %s; want it linked and %s", l, p.State, state)
				}
			})
		})
	}
}

func TestWhatAKilledRunGrantedIsTakenBack(t *testing.T) {
	t.Parallel()
	t.Run("a role of an update", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := newOrg(t, nil, company(4)...)
			o.apply()
			o.source.rows = company(4)
			o.source.rows[1].dept = "Sales"
			o.die()
			if !slices.Contains(o.roles("e001@example.com"), "Sales Agent") {
				t.Fatal("the update did not come about")
			}
			o.source.rows = company(4)
			o.source.rows[1].dept = "Service"
			o.twice()
			if got := o.roles("e001@example.com"); slices.Contains(got, "Sales Agent") {
				t.Errorf("roles = %v: one of ours was left", got)
			}
		})
	})
	t.Run("a role of a create", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := newOrg(t, nil, company(4)...)
			o.apply()
			o.source.rows = company(5)
			o.source.rows[4].dept = "Sales"
			o.die()
			o.source.rows = company(5)
			o.source.rows[4].dept = "Service"
			o.apply()
			o.twice()
			if got := o.roles("e004@example.com"); slices.Contains(got, "Sales Agent") {
				t.Errorf("roles = %v: one of ours was left", got)
			}
		})
	})
	t.Run("a membership, and another joins", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := newOrg(t, nil, company(4)...)
			o.apply() // all are in the group
			o.when(`false`)
			o.apply()
			o.when(`row.Name == "Person 1"`)
			o.die()
			if got := o.members("Everybody"); !slices.Equal(got, []string{"e001@example.com"}) {
				t.Fatalf("members = %v, want e001", got)
			}
			o.when(`row.Name == "Person 2"`)
			o.twice()
			if got := o.members("Everybody"); !slices.Equal(got, []string{"e002@example.com"}) {
				t.Errorf("members = %v, want e002 alone", got)
			}
		})
	})
}

func TestWhoReturnsAfterAKilledDeactivationIsGivenBackWhatItTook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(4)...)
		o.job.Input.Policy.Restore, o.job.Input.Policy.RestoreWithin = []scim.Path{target.GrantsOf}, 24*time.Hour
		o.apply()
		const who, lost = "e001@example.com", "Sales Agent"
		role := map[string]any{"op": "add", "path": "roles", "value": []any{map[string]any{"value": lost}}}
		o.control("POST", "edit", map[string]any{"user": o.people()[who].ID, "operations": []any{role}})
		o.source.rows = company(4)
		o.source.rows[1].gone = true
		o.die()
		if p := o.people()[who]; p.State != "inactive" || slices.Contains(o.roles(who), lost) {
			t.Fatalf("the user is %s and has %v; want inactive and without the role", p.State, o.roles(who))
		}
		o.source.rows = company(4)
		o.twice()
		if got := o.roles(who); !slices.Contains(got, lost) {
			t.Errorf("roles = %v, want what leaving took given back", got)
		}
	})
}
