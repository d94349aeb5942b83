package reconcile_test

import (
	"context"
	"errors"
	"testing"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/reconcile"
)

// sellers is an organization of n who all have the role Sales Agent, of whom some must keep it.
func sellers(t *testing.T, n, least int) *org {
	t.Helper()
	o := newOrg(t, nil, company(n)...)
	for i := range o.source.rows {
		o.source.rows[i].dept = "Sales"
	}
	o.job.Input.Policy.Roles = map[string]plan.RolePolicy{"sales agent": {Min: least, Change: true}}
	o.apply()
	return o
}

// holders is how many who are active have the role Sales Agent.
func (o *org) holders() (n int) {
	for name, p := range o.people() {
		if has := o.roles(name); p.State == "active" && len(has) > 0 && has[len(has)-1] == "Sales Agent" {
			n++
		}
	}
	return n
}

// moves makes it that somebody has no reason to have the role any more.
func (o *org) moves(who int) {
	rows := company(len(o.source.rows))
	copy(rows, o.source.rows)
	rows[who].dept = "Service"
	o.source.rows = rows
}

func (o *org) carry(propose reconcile.Propose) (*reconcile.Report, error) {
	o.Helper()
	return o.job.Apply(o.Context(), "apply", propose, reconcile.Hooks{})
}

// TestARoleKeepsItsHolders holds what was computed without a look at everybody
// against the holders that there are when it is carried out.
func TestARoleKeepsItsHolders(t *testing.T) {
	t.Parallel()
	for name, propose := range map[string]func(*org) reconcile.Propose{
		"two saved plans, each within the bound": func(o *org) reconcile.Propose {
			o.moves(2)
			saved := o.plan()
			o.moves(1)
			o.job.Input.Policy.Only = []string{"e001"}
			o.apply()
			o.job.Input.Policy.Only = nil
			return func(ctx context.Context) (*reconcile.Proposal, error) { return o.job.Saved(ctx, saved) }
		},
		"an account that is closed by operations": func(o *org) reconcile.Propose {
			o.moves(1)
			o.apply()
			return func(ctx context.Context) (*reconcile.Proposal, error) {
				return o.job.Patch(ctx, "x.json", []byte(`{"e002@example.com": [{"op": "replace", "path": "active", "value": false}]}`))
			}
		},
		"a role that operations take": func(o *org) reconcile.Propose {
			o.moves(1)
			o.apply()
			return func(ctx context.Context) (*reconcile.Proposal, error) {
				return o.job.Patch(ctx, "x.json", []byte(`{"e002@example.com": [{"op": "remove", "path": "roles[value eq \"Sales Agent\"]"}]}`))
			}
		},
		"the return of a role that a run gave": func(o *org) reconcile.Propose {
			o.moves(2)
			o.apply()
			o.source.rows = append([]row(nil), o.source.rows...)
			o.source.rows[2].dept = "Sales"
			run := o.apply().Run
			o.moves(1)
			o.apply()
			return func(ctx context.Context) (*reconcile.Proposal, error) {
				return o.job.Revert(ctx, reconcile.Reversal{Run: run, Locked: true})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := sellers(t, 3, 2)
				next := propose(o)
				if _, err := o.carry(next); !errors.Is(err, fault.Refused) || o.holders() != 2 {
					t.Errorf("carried out: %v, and %d have the role; want it refused, and 2", err, o.holders())
				}
				o.job.Input.Policy.Allow = map[string]int{"role sales agent": 1}
				if _, err := o.carry(next); err != nil || o.holders() != 1 {
					t.Errorf("allowed: %v, and %d have the role; want 1", err, o.holders())
				}
			})
		})
	}
}

func TestASavedPlanGrantsNoGuardedRole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(3)...)
		o.apply()
		o.source.rows = company(3)
		o.source.rows[1].dept, o.source.rows[2].title = "Sales", "Lead"
		saved := o.plan()
		o.job.OwnRoles = func(context.Context) ([]string, error) { return []string{"Sales Agent"}, nil } // given to rollcall's client since
		r, err := o.carry(func(ctx context.Context) (*reconcile.Proposal, error) { return o.job.Saved(ctx, saved) })
		if err != nil || r.Exit() != 4 || len(o.roles("e001@example.com")) != 1 || o.people()["e002@example.com"].Title != "Lead" {
			t.Errorf("Apply = %+v, %v with %v; want exit 4, the title changed, and no role given", r, err, o.roles("e001@example.com"))
		}
	})
}
