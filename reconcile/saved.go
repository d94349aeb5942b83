package reconcile

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
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
	return out, j.saved(ctx, out)
}

// saved completes a plan that is this job's by what must be asked.
func (j Job) saved(ctx context.Context, out *Proposal) (err error) {
	if len(j.Input.Policy.Only) > 0 {
		if out.Plan, err = j.only(ctx, out.Plan); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context, *Proposal) error{j.identify, j.inherit, j.countAnew, j.rebuild} {
		if err := step(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// identify makes sure that the credentials are of the plan's organization.
func (j Job) identify(ctx context.Context, out *Proposal) (err error) {
	if out.org, err = j.organization(ctx); err != nil {
		return err
	}
	if of := out.Plan.Basis.OrgID; of != "" && out.org != "" && of != out.org {
		return foreign("organization", of, out.org)
	}
	return nil
}

// inherit takes over what the plan speaks of, and what runs that died left open.
func (j Job) inherit(ctx context.Context, out *Proposal) error {
	open, err := j.unsettled(ctx)
	if err != nil {
		return err
	}
	in := &out.in
	*in = j.Input
	in.Basis = out.Plan.Basis
	in.Users, in.Groups = shapes(out.Plan, open)
	if out.left, err = j.leftovers(ctx, in.Users, newCensus()); err != nil {
		return err
	}
	return j.lookUp(ctx, *in, out.left)
}

// countAnew completes the limits by what they are held against now.
func (j Job) countAnew(ctx context.Context, out *Proposal) (err error) {
	in := &out.in
	if in.Policy, in.Units, err = j.today(ctx, in.Policy); err != nil {
		return err
	}
	if out.Plan.Basis.Reverts != "" {
		in.Policy = alone(in.Policy)
	}
	j.lift(&in.Policy, out.Plan)
	in.Sizes, err = j.sizes(ctx, slices.Collect(out.Plan.Changes()), in.Policy)
	return err
}

// rebuild is the plan without what may not be done any more, or is done, under
// the limits as they are now.
func (j Job) rebuild(ctx context.Context, out *Proposal) error {
	p, in := out.Plan, &out.in
	own, err := j.ownRoles(ctx, &in.Policy, []scim.Path{groupsPath})
	if err != nil {
		return err
	}
	j.Input.Policy.OwnRoles = in.Policy.OwnRoles
	changes, notes, err := j.guarded(ctx, p)
	if err != nil {
		return err
	}
	changes, made, err := j.made(ctx, p, changes)
	if err != nil {
		return err
	}
	p.Findings = slices.Concat(p.Findings, own, notes, made)
	out.Plan = bounded(p, changes, *in)
	out.Plan.Missing, out.Plan.Back = p.Missing, p.Back
	fewest, err := j.fewest(ctx, out.Plan.Changes(), in.Policy)
	out.Plan.Limits = append(out.Plan.Limits, fewest...)
	return err
}

// made leaves the creates of people who have a user by now out of changes: an
// earlier run of p, or another one, made them. What follows on such a create goes to that user.
func (j Job) made(ctx context.Context, p *plan.Plan, changes iter.Seq[plan.Change]) (iter.Seq[plan.Change], []plan.Finding, error) {
	users, err := j.createdSince(ctx, p)
	var notes []plan.Finding
	for _, k := range slices.Sorted(maps.Keys(users)) {
		notes = append(notes, plan.Finding{Severity: plan.Note, Code: "created-since", Key: k, Text: "has a user by now, whom an earlier run made"})
	}
	return func(yield func(plan.Change) bool) {
		for c := range changes {
			id := users[c.Key]
			if id != "" && c.Op == plan.Create {
				continue
			}
			c.Target.ID = cmp.Or(c.Target.ID, id)
			if !yield(c) {
				return
			}
		}
	}, notes, err
}

// createdSince are the ids of the users whom p creates and who are linked by now.
func (j Job) createdSince(ctx context.Context, p *plan.Plan) (map[source.Key]string, error) {
	creates, users := map[source.Key]bool{}, map[source.Key]string{}
	for c := range p.Changes() {
		if c.Op == plan.Create {
			creates[c.Key] = true
		}
	}
	if len(creates) == 0 {
		return nil, nil
	}
	err := each(j.Store.Links(ctx, ledger.LinkQuery{}), func(l plan.Link) {
		if creates[l.Key] && !l.Closed && l.Ref.ID != "" {
			users[l.Key] = l.Ref.ID
		}
	})
	return users, err
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
			return foreign(same.what, same.plan, same.job)
		}
	}
	return nil
}

func foreign(what, of, this string) error {
	err := fmt.Errorf("apply saved plan: it is of the %s %s, this is %s: %w", what, of, this, fault.Refused)
	return fault.WithHint(err, "plan again with this configuration")
}

// skew is by how much two clocks may differ.
const skew = 5 * time.Minute

// recent tells whether a plan of that basis may still be carried out. The age of
// one that is to be made yet is not known: a clock was wrong, then or now.
func (j Job) recent(b plan.Basis) error {
	age := j.Now().Sub(b.At)
	switch {
	case j.PlanAge == 0 || age >= -skew && age <= j.PlanAge:
		return nil
	case age < 0:
		err := fmt.Errorf("apply saved plan: it was made at %s, which is still to come: %w", b.At.UTC().Format(time.RFC3339), fault.Refused)
		return fault.WithHint(err, "set this machine's clock right, and make a new one with: rollcall plan -o FILE")
	}
	err := fmt.Errorf("apply saved plan: it is %s old, and plans.max_age is %s: %w", age.Round(time.Minute), j.PlanAge, fault.Refused)
	return fault.WithHint(err, "make a new one with: rollcall plan -o FILE")
}

// linked counts the people of the ledger, whom percentages are of, and says where they belong.
func (j Job) linked(ctx context.Context) (n int, u plan.Units, err error) {
	u = plan.Units{Of: map[source.Key]string{}, Size: map[string]int{}}
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{}) {
		if err != nil {
			return 0, u, err
		}
		there := !l.Closed && l.Ref.ID != ""
		if there {
			n++
		}
		if l.Unit == "" {
			continue
		}
		if u.Of[l.Key] = l.Unit; there {
			u.Size[l.Unit]++
		}
	}
	return n, u, nil
}

// today completes a policy by what happened in the last 24 hours, and by what percentages are of.
func (j Job) today(ctx context.Context, p plan.Policy) (_ plan.Policy, u plan.Units, err error) {
	since := j.Now().Add(-day)
	if p.Base, u, err = j.linked(ctx); err != nil {
		return p, u, err
	}
	if !p.ByUnit {
		u = plan.Units{}
	}
	if c, ok := j.Store.(ledger.Counter); ok {
		if p.Recent, err = c.Counts(ctx, since); err != nil {
			return p, u, err
		}
	}
	return p, u, j.lately(ctx, &p, since)
}

// lift makes room for what was approved: for the changes of p, and no others.
func (j Job) lift(policy *plan.Policy, p *plan.Plan) {
	if len(j.lifted) == 0 {
		return
	}
	wanted := maps.Clone(policy.Recent)
	if wanted == nil {
		wanted = map[plan.Op]int{}
	}
	for c := range p.Changes() {
		wanted[c.Op]++
		wanted[plan.GroupRemovals] += ledger.Leaving(c)
	}
	allow := maps.Clone(policy.Allow)
	if allow == nil {
		allow = map[string]int{}
	}
	for _, l := range j.lifted {
		if have, given := allow[l.Name]; !given || have >= 0 {
			allow[l.Name] = max(have, l.Wanted, wanted[plan.Op(l.Name)])
		}
	}
	policy.Allow = allow
}

// bounded is p under the limits as they are now. What waited because of another
// change waits until that is allowed.
func bounded(p *plan.Plan, changes iter.Seq[plan.Change], in plan.Input) *plan.Plan {
	freed := func(yield func(plan.Change) bool) {
		for c := range changes {
			if _, ok := in.Policy.Allow[c.Held]; ok || c.Held == string(c.Op) {
				c.Held = ""
			}
			if !yield(c) {
				return
			}
		}
	}
	out := plan.Of(in, waiting(plan.Of(in, freed, nil)), p.Findings)
	out.Summary.ActiveBefore, out.Summary.ActiveAfter = p.Summary.ActiveBefore, p.Summary.ActiveAfter
	return out
}

// waiting are the changes of p; whatever is about somebody whose create,
// adoption, return or new key is held, or names them, is held too.
func waiting(p *plan.Plan) iter.Seq[plan.Change] {
	held := map[source.Key]string{}
	for c := range p.Changes() {
		switch c.Op {
		case plan.Create, plan.Adopt, plan.Reactivate, plan.Restore, plan.Rekey:
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
				if is := held[k]; c.Held == "" && (is == string(plan.Create) || is == string(plan.Restore)) {
					c.Held = is
				}
				return "", true
			})
			if !yield(c) {
				return
			}
		}
	}
}

// shapes are what the changes of a plan, and those that runs which died left open, speak of.
func shapes(p *plan.Plan, open []ledger.Unsettled) (users, groups *scim.Shape) {
	paths := []scim.Path{userNamePath, activePath}
	add := func(c plan.Change) {
		for _, e := range c.Edits {
			if c.Target.Type == scim.User && !slices.Contains(paths, e.Path) {
				paths = append(paths, e.Path)
			}
		}
	}
	for c := range p.Changes() {
		add(c)
	}
	for _, u := range open {
		add(u.Change)
	}
	return scim.NewShape(paths...), scim.NewShape(displayNamePath, target.Members)
}
