package reconcile

import (
	"slices"
	"time"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// rule is r as drift sees it: sets have a mode of sets, and what lifecycle: none
// leaves to others is watched.
func (d *drifting) rule(r plan.Rule) driftRule {
	set, many := d.Input.Dialect.Sets[r.Path]
	switch {
	case many && r.Own == plan.Managed:
		r.Own = plan.Exact
	case !many && (r.Own == plan.Exact || r.Own == plan.Mine || r.Own == plan.Additive):
		r.Own = plan.Managed
	}
	if !d.Input.Policy.Lifecycle && r.Path == userNamePath {
		r.Own = plan.Watch
	}
	if !many {
		return driftRule{Rule: r}
	}
	return driftRule{Rule: r, set: &set}
}

// compare holds a user as it is against what the ledger remembers of it.
func (d *drifting) compare(r *remembered, o target.Observed) {
	r.seen = o.State
	if name, ok := text(at(o.Row, userNamePath)); ok {
		r.UserName = name
	}
	p := Drifted{
		Key: r.Key, UserName: r.UserName, Resource: r.Ref.ID, State: stateName(o.State), LastModified: lastModified(o.Row),
		open: r.OpenOp, Differences: []Difference{},
	}
	if !p.isGone() {
		p.Differences = d.differences(r, o)
	}
	if len(p.Differences) > 0 || p.isGone() {
		d.People = append(d.People, p)
	}
}

// lastModified is when the service says that the profile was last changed; nil where it does not.
func lastModified(r scim.Row) *time.Time {
	stamp, _ := text(at(r, modified))
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return nil
	}
	return instant(t.UTC())
}

// differences are in the order of the configuration, activity first.
func (d *drifting) differences(r *remembered, o target.Observed) []Difference {
	all := []Difference{}
	if x, differs := d.activity(r, o.State); differs {
		all = append(all, x)
	}
	for _, rule := range d.rules {
		if x, differs := d.difference(rule, r, o.Row); differs {
			all = append(all, x)
		}
	}
	if r.OpenOp != "" {
		unsettle(all)
	}
	return all
}

// unsettle takes differences for what a change of rollcall's that is open may have done.
func unsettle(all []Difference) {
	for i := range all {
		if all[i].Verdict == Changed {
			all[i].Verdict = Unsettled
		}
	}
}

// activity compares whether the user is active. Where that is not known of
// before, an inactive user is told without a judgment.
func (d *drifting) activity(r *remembered, now target.State) (x Difference, differs bool) {
	ours, known := r.Image.At(activePath)
	x = Difference{Path: activePath, Verdict: Changed, Ours: ours, Theirs: []scim.Value{truth(now == target.Active)}}
	switch {
	case !known:
		x.Verdict = Undated
		return x, now != target.Active
	case !d.Input.Policy.Lifecycle:
		x.Verdict = ChangedSeen
	}
	return x, !slices.Equal(x.Ours, x.Theirs)
}

func truth(is bool) scim.Value {
	if is {
		return "true"
	}
	return "false"
}

// difference compares one attribute. What was not read, or was never seen, does
// not differ; but elements of a set that are rollcall's are known without having been seen.
func (d *drifting) difference(rule driftRule, r *remembered, now scim.Row) (x Difference, differs bool) {
	theirs, read := now.At(rule.Path)
	ours, known := r.Image.At(rule.Path)
	claimed := !known && rule.set != nil && rule.Own == plan.Mine
	if !read || !known && !claimed {
		return x, false
	}
	x = Difference{Path: rule.Path, Own: OwnName(rule.Own), Verdict: verdictOf(rule.Own), Theirs: orNone(theirs)}
	if known {
		x.Ours = orNone(d.retained(rule, ours, theirs))
	}
	if rule.set == nil {
		return x, !slices.Equal(x.Ours, x.Theirs)
	}
	return x, rule.elements(&x, at(r.Ours, rule.Path))
}

// elements tells which elements of a set went and came, and whether any did.
// Where the set is not exact only those that are rollcall's are drift.
func (r driftRule) elements(x *Difference, ours []scim.Value) bool {
	if x.Ours == nil {
		x.Gone = r.minus(ours, x.Theirs)
	} else {
		x.Gone, x.Added = r.minus(x.Ours, x.Theirs), r.minus(x.Theirs, x.Ours)
	}
	if x.Verdict == Changed && r.Own != plan.Exact && !r.among(x.Gone, ours) {
		x.Verdict = ChangedFree
	}
	return len(x.Gone)+len(x.Added) > 0
}

func verdictOf(o plan.Own) DriftVerdict {
	switch o {
	case plan.Once:
		return ChangedOnce
	case plan.Watch:
		return ChangedSeen
	default:
		return Changed
	}
}

// minus are the elements of a that b does not have, but for those that the
// service adds by itself.
func (r driftRule) minus(a, b []scim.Value) (rest []scim.Value) {
	for _, v := range a {
		if !slices.Contains(b, v) && !slices.Contains(r.set.Keep, v) {
			rest = append(rest, v)
		}
	}
	return rest
}

// among tells whether one of gone is, by identity, one of ours.
func (r driftRule) among(gone, ours []scim.Value) bool {
	return slices.ContainsFunc(gone, func(g scim.Value) bool { return r.find(ours, g) >= 0 })
}

// find is where in vs the element is that v identifies, or -1.
func (r driftRule) find(vs []scim.Value, v scim.Value) int {
	return slices.IndexFunc(vs, func(w scim.Value) bool { return r.identity(w) == r.identity(v) })
}

func (r driftRule) identity(v scim.Value) scim.Value {
	if s := v.Sub(r.set.Sub[0]); s != "" {
		return s
	}
	return v
}

// retained is ours with what the service's side gave to the values that are
// there: that is nobody's change.
func (d *drifting) retained(rule driftRule, ours, theirs []scim.Value) []scim.Value {
	keep := d.Input.Dialect.Retain
	if keep == nil || slices.Equal(ours, theirs) {
		return ours
	}
	out := slices.Clone(ours)
	for i, v := range out {
		switch {
		case rule.set != nil:
			if n := rule.find(theirs, v); n >= 0 {
				out[i] = keep(rule.Path, v, theirs[n])
			}
		case len(ours) == 1 && len(theirs) == 1:
			out[i] = keep(rule.Path, v, theirs[0])
		}
	}
	return out
}
