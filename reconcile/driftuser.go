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
	p := Drifted{Key: r.Key, UserName: r.UserName, Resource: r.Ref.ID, State: stateName(o.State), open: r.OpenOp, Differences: []Difference{}}
	if !p.isGone() {
		p.Differences = d.differences(r, o)
	}
	if len(p.Differences) == 0 && !p.isGone() {
		return
	}
	if name, ok := text(at(o.Row, userNamePath)); ok {
		p.UserName = name
	}
	if stamp, ok := text(at(o.Row, modified)); ok {
		if t, err := time.Parse(time.RFC3339, stamp); err == nil {
			p.LastModified = instant(t.UTC())
		}
	}
	d.People = append(d.People, p)
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
	for i := range all {
		if r.OpenOp != "" && all[i].Verdict == Changed {
			all[i].Verdict = Unsettled
		}
	}
	return all
}

// activity compares whether the user is active:
//
//	as last seen  deactivated by us  now       | verdict
//	------------  -----------------  --------  | ---------------------------
//	known         -                  the other | changed (lifecycle: none: watched)
//	not known     yes                active    | changed
//	not known     no                 inactive  | undated
//	                                 otherwise | no difference
func (d *drifting) activity(r *remembered, now target.State) (x Difference, differs bool) {
	x = Difference{Path: activePath, Verdict: Changed, Theirs: []scim.Value{truth(now == target.Active)}}
	ours, known := r.Image.At(activePath)
	switch {
	case known && len(ours) == 1:
		x.Ours = ours
	case !r.Deactivated.IsZero():
		x.Ours = []scim.Value{truth(false)}
	case now == target.Active:
		return x, false
	default:
		x.Verdict = Undated
	}
	if x.Verdict == Changed && !d.Input.Policy.Lifecycle {
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
	given := at(r.Ours, rule.Path)
	x = Difference{Path: rule.Path, Own: OwnName(rule.Own), Verdict: Changed}
	switch {
	case !read:
		return x, false
	case known:
		x.Ours = orNone(d.retained(rule, ours, theirs))
	case rule.set == nil || rule.Own != plan.Mine:
		return x, false
	}
	if x.Theirs = orNone(theirs); rule.set == nil {
		x.Verdict = verdictOf(rule.Own)
		return x, !slices.Equal(x.Ours, x.Theirs)
	}
	if !known {
		x.Gone = rule.minus(given, theirs)
	} else {
		x.Gone, x.Added = rule.minus(x.Ours, theirs), rule.minus(theirs, x.Ours)
	}
	if x.Verdict = verdictOf(rule.Own); x.Verdict == Changed && rule.Own != plan.Exact && !rule.among(x.Gone, given) {
		x.Verdict = ChangedFree
	}
	return x, len(x.Gone)+len(x.Added) > 0
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
	identity := func(v scim.Value) scim.Value {
		if s := v.Sub(r.set.Sub[0]); s != "" {
			return s
		}
		return v
	}
	return slices.IndexFunc(vs, func(w scim.Value) bool { return identity(w) == identity(v) })
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
