package reconcile

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// Saved proposes a plan that was computed earlier, cut down to the people of
// Policy.Only where it names some. Refused where it belongs to another sync,
// organization or configuration, or is older than PlanAge; Invalid where Only
// names somebody whom neither the plan nor the ledger knows. Its limits are
// counted anew, with what happened in the last 24 hours; what the plan says of them is not believed.
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
	if in.Policy, err = j.today(ctx, in.Policy); err != nil {
		return out, err
	}
	if in.Sizes, err = j.sizes(ctx, slices.Collect(p.Changes()), in.Policy); err != nil {
		return out, err
	}
	out.Plan = bounded(p, in)
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

// today completes a policy by what happened in the last 24 hours, and by what percentages are of.
func (j Job) today(ctx context.Context, p plan.Policy) (plan.Policy, error) {
	since := j.Now().Add(-day)
	var err error
	if p.Base, err = j.linked(ctx); err != nil {
		return p, err
	}
	if c, ok := j.Store.(ledger.Counter); ok {
		if p.Recent, err = c.Counts(ctx, since); err != nil {
			return p, err
		}
	}
	if p.Recent[plan.GroupRemovals] > 0 {
		p.RecentRemovals, err = j.removals(ctx, since)
	}
	return p, err
}

// bounded is p under the limits as they are now. What waited because of another
// change waits until that is allowed; minimums of roles stand as counted.
func bounded(p *plan.Plan, in plan.Input) *plan.Plan {
	freed := func(yield func(plan.Change) bool) {
		for c := range p.Changes() {
			if _, ok := in.Policy.Allow[c.Held]; ok || c.Held == string(c.Op) {
				c.Held = ""
			}
			if !yield(c) {
				return
			}
		}
	}
	out := plan.Of(in, waiting(plan.Of(in, freed, nil)), p.Findings)
	for _, l := range p.Limits {
		if !strings.HasPrefix(l.Name, "role ") {
			continue
		}
		if n, ok := in.Policy.Allow[l.Name]; ok {
			l.Allowed = max(l.Allowed, n)
			l.Exceeded = n >= 0 && l.Wanted > l.Allowed
		}
		out.Limits = append(out.Limits, l)
	}
	out.Summary.ActiveBefore, out.Summary.ActiveAfter = p.Summary.ActiveBefore, p.Summary.ActiveAfter
	return out
}

// waiting are the changes of p; whatever is about somebody whose create,
// adoption, return or new key is held, or names them, is held too.
func waiting(p *plan.Plan) iter.Seq[plan.Change] {
	held := map[source.Key]string{}
	for c := range p.Changes() {
		switch c.Op {
		case plan.Create, plan.Adopt, plan.Reactivate, plan.Rekey:
			if c.Held != "" {
				held[c.Key] = c.Held
			}
		default:
		}
	}
	return func(yield func(plan.Change) bool) {
		for c := range p.Changes() {
			if c.Held == "" && c.Key != "" {
				c.Held = held[c.Key]
			}
			c.Resolved(func(k source.Key) (string, bool) {
				if c.Held == "" && held[k] == string(plan.Create) {
					c.Held = held[k]
				}
				return "", true
			})
			if !yield(c) {
				return
			}
		}
	}
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
