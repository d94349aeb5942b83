package reconcile

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// Saved proposes a plan that was computed earlier, cut down to the people of
// Policy.Only where it names some. Refused where it belongs to another sync,
// organization or configuration, or is older than PlanAge; Invalid where Only
// names somebody whom neither the plan nor the ledger knows. Its limits are
// those it was computed under; what is allowed now lifts them.
func (j Job) Saved(ctx context.Context, p *plan.Plan) (*Proposal, error) {
	out := &Proposal{Plan: p, Saved: true}
	if err := j.owns(p.Basis); err != nil {
		return out, err
	}
	if err := j.recent(p.Basis); err != nil {
		return out, err
	}
	var err error
	if len(j.Input.Policy.Only) > 0 {
		if p, err = j.only(ctx, p); err != nil {
			return out, err
		}
		out.Plan = p
	}
	if out.org, err = j.organization(ctx); err != nil {
		return out, err
	}
	in := j.Input
	in.Basis = p.Basis
	in.Users, in.Groups = shapes(p)
	if len(in.Policy.Allow) > 0 {
		if in.Policy.Base, err = j.linked(ctx); err != nil {
			return out, err
		}
		out.Plan = lifted(p, in)
	}
	out.in = in
	return out, nil
}

// owns tells whether a plan of that basis is this job's.
func (j Job) owns(b plan.Basis) error {
	short := func(d plan.Digest) string { return hex.EncodeToString(d[:4]) }
	for _, same := range []struct{ what, plan, job string }{
		{"sync", b.Sync, j.Start.Sync},
		{"organization", b.Org, j.Start.Org},
		{"configuration", short(b.Mapping), short(j.Input.Basis.Mapping)},
	} {
		if same.plan != same.job {
			err := fmt.Errorf("apply saved plan: it is of the %s %s, this is %s: %w", same.what, same.plan, same.job, fault.Refused)
			return fault.WithHint(err, "plan again with this configuration")
		}
	}
	return nil
}

// recent tells whether a plan of that basis may still be carried out.
func (j Job) recent(b plan.Basis) error {
	age := j.Now().Sub(b.At)
	if j.PlanAge == 0 || age <= j.PlanAge {
		return nil
	}
	err := fmt.Errorf("apply saved plan: it is %s old, and plans.max_age is %s: %w", age.Round(time.Minute), j.PlanAge, fault.Refused)
	return fault.WithHint(err, "make a new one with: rollcall plan -o FILE")
}

// linked counts the people of the ledger: what percentages are of.
func (j Job) linked(ctx context.Context) (n int, err error) {
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{}) {
		if err != nil {
			return 0, err
		}
		if !l.Closed && l.Ref.ID != "" {
			n++
		}
	}
	return n, nil
}

// lifted is p with the limits that are allowed now; the others stand as computed.
func lifted(p *plan.Plan, in plan.Input) *plan.Plan {
	freed := func(yield func(plan.Change) bool) {
		for c := range p.Changes() {
			if _, ok := in.Policy.Allow[c.Held]; ok {
				c.Held = ""
			}
			if !yield(c) {
				return
			}
		}
	}
	out := plan.Of(in, iter.Seq[plan.Change](freed), p.Findings)
	for i, l := range out.Limits {
		if _, ok := in.Policy.Allow[l.Name]; ok {
			continue
		}
		if at := slices.IndexFunc(p.Limits, func(was plan.Limit) bool { return was.Name == l.Name }); at >= 0 {
			out.Limits[i] = p.Limits[at]
		}
	}
	return out
}

// shapes are what the changes of a plan speak of.
func shapes(p *plan.Plan) (users, groups *scim.Shape) {
	paths := []scim.Path{userNamePath, activePath}
	for c := range p.Changes() {
		if c.Target.Type != scim.User {
			continue
		}
		for _, e := range c.Edits {
			if !slices.Contains(paths, e.Path) {
				paths = append(paths, e.Path)
			}
		}
	}
	return scim.NewShape(paths...), scim.NewShape(displayNamePath, target.Members)
}
