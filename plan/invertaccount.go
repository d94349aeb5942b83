package plan

import (
	"slices"

	"rollcall/scim"
	"rollcall/target"
)

// turned tells between which states c moved its user: from Gone where it
// created them. ok is false where it did not.
func turned(c Change) (from, to target.State, ok bool) {
	switch c.Op {
	case Create:
		return target.Gone, target.Active, true
	case Restore:
		return target.Erased, target.Active, true
	case Delete:
		if c.Reason == leftLongAgo {
			return target.Inactive, target.Erased, true
		}
		return target.Active, target.Erased, true
	default:
	}
	i := slices.IndexFunc(c.Edits, func(e Edit) bool { return e.Path == active })
	if i < 0 || c.Edits[i].same(c.Edits[i].Before, c.Edits[i].Set) || len(c.Edits[i].Set) != 1 {
		return 0, 0, false
	}
	if c.Edits[i].Set[0] == "false" {
		return target.Active, target.Inactive, true
	}
	return target.Inactive, target.Active, true
}

// account brings the account back to the state it had before the run.
//
//	before    | now      | what follows
//	--------- | -------- | -------------------------------------------------
//	not there | active   | deactivate; delete, where that is allowed
//	not there | inactive | delete, where that is allowed
//	deleted   | there    | delete
//	inactive  | active   | deactivate
//	inactive  | deleted  | restore, then deactivate
//	active    | inactive | reactivate; what leaving took is given back
//	active    | deleted  | restore; what leaving took is given back
//	active    | active   | what leaving took is given back
//
// Where it is neither as before nor as the run left it, somebody changed it
// since. Who is gone for good stays so.
func (r *reversal) account() {
	before, left, ok := r.moves()
	now := r.Now.State
	switch {
	case !ok:
	case now == target.Gone && before != target.Gone:
		r.find(Error, "gone", "the user was deleted for good: nobody can restore them")
	case now != before && now != left && before != target.Gone && !r.Force:
		r.find(Error, "changed-since", "the run left the user %s, now they are %s; left alone, and not %s again, without --force-over-changes", states[left], states[now], states[before])
		r.closes = true
	case before == target.Gone || before == target.Erased:
		r.close(before)
	case before == target.Inactive:
		r.quiet()
	default:
		r.open()
	}
}

var states = map[target.State]string{
	target.Active: "active", target.Inactive: "inactive", target.Erased: "deleted", target.Gone: "deleted for good",
}

// moves are the first and the last state of the account in the run.
func (r *reversal) moves() (before, left target.State, ok bool) {
	for _, c := range r.Done {
		from, to, turned := turned(c)
		if !turned {
			continue
		}
		if !ok {
			before = from
		}
		left, ok = to, true
	}
	return before, left, ok
}

// close takes an account away that was not there.
func (r *reversal) close(before target.State) {
	_, deleting := r.Policy.Allow[string(Delete)]
	r.closes = true
	switch {
	case r.there() && (deleting || before == target.Erased):
		r.emit(Delete, backDeleting, r.undepth(), nil).Leaving = Leavings(r.Dialect)
	case r.Now.State == target.Active:
		r.emit(Deactivate, backClosing, 0, activate(false)).Leaving = Leavings(r.Dialect)
	}
}

// quiet makes an account inactive again.
func (r *reversal) quiet() {
	s := backClosing
	if r.Now.State == target.Erased {
		r.emit(Restore, backOpening, 0, nil)
		r.returns, s = true, backFollowing
	}
	if r.Now.State != target.Inactive {
		r.closes = true
		r.emit(Deactivate, s, 0, activate(false)).Leaving = Leavings(r.Dialect)
	}
}

// open brings an account back, with what leaving took. The change keeps what is
// still to be given back, as that of somebody who returns does.
func (r *reversal) open() {
	at := len(r.changes)
	switch r.Now.State {
	case target.Inactive:
		r.emit(Reactivate, backOpening, 0, activate(true))
	case target.Erased:
		r.emit(Restore, backOpening, 0, nil)
	default:
	}
	r.returns = len(r.changes) > at
	left := r.giveBack()
	if r.returns {
		r.changes[at].Leaving = left
	}
	if r.Now.State == target.Erased {
		r.find(Note, "restored", "deletion takes more than is kept, such as phone extensions: that is to be given by hand")
	}
}

// had is what the user had when the run closed the account, as far as it was kept.
func (r *reversal) had() []Trait {
	i := slices.IndexFunc(r.Done, Change.Keeps)
	if i < 0 {
		return nil
	}
	return r.Done[i].Leaving
}

// giveBack plans to give back what the user does not have any more, and answers that.
func (r *reversal) giveBack() (given []Trait) {
	had := r.had()
	if len(had) == 0 {
		r.find(Warning, "lost-by-leaving", "what the user had when the account was closed was not kept: roles and memberships that this took are to be given by hand")
	}
	granted := slices.ContainsFunc(had, func(t Trait) bool { return t.Path == target.GrantsOf })
	for _, t := range had {
		if t.Values = r.missing(t); len(t.Values) == 0 {
			continue
		}
		switch t.Path {
		case GroupsOf:
			r.rejoin(t)
		case target.GrantsOf:
			r.grants = t.Values
			r.emit(Grant, backFollowing, 0, []Edit{{Path: t.Path, Add: t.Values, Back: true}}).Reason = givenBack
		case rolesOf:
			if !granted {
				r.find(Error, "lost-by-leaving", "leaving took the roles %s; in which divisions is not known, for grants might not be read then (authorization:grant:view): give them by hand", spoken(t.Values))
			}
			continue
		default:
			r.backs = append(r.backs, r.giving(t))
		}
		given = append(given, t)
	}
	return given
}

// missing are the values of t that are not there now, and may be given.
func (r *reversal) missing(t Trait) (out []scim.Value) {
	now, known := r.now(t.Path)
	if known && len(now) > 0 && r.single(t.Path) && !r.deleted() {
		return nil // somebody changed it since, or nobody took it
	}
	for _, v := range t.Values {
		if _, there := element(now, v, r.elementID(t.Path)); !there && !r.guards(t.Path, v) {
			out = append(out, v)
		}
	}
	return out
}

// now is what stands at p, with what the service gives by itself.
func (r *reversal) now(p scim.Path) (vs []scim.Value, known bool) {
	if p == target.GrantsOf {
		return r.Grants, r.Granted
	}
	vs, known = r.Now.Row.At(p)
	return slices.Concat(vs, r.Dialect.Sets[p].Keep), known
}

// elementID is what tells the values at p apart; "" where they are compared as they are.
func (r *reversal) elementID(p scim.Path) string {
	if p == GroupsOf {
		return "value"
	}
	if r.single(p) || p == target.GrantsOf {
		return ""
	}
	return r.Dialect.Sets[p].Sub[0]
}

func (r *reversal) single(p scim.Path) bool {
	_, set := r.Dialect.Sets[p]
	return !set && p != GroupsOf && p != target.GrantsOf
}

// deleted tells whether the run deleted the user: that moves single values too (dossier §5.5).
func (r *reversal) deleted() bool {
	return slices.ContainsFunc(r.Done, func(c Change) bool { return c.Op == Delete })
}

// guards tells, and says, that v is a role which nothing but a person's hand gives.
func (r *reversal) guards(p scim.Path, v scim.Value) bool {
	if p != target.GrantsOf || !r.Policy.Guards(v, "role") {
		return false
	}
	r.guarded(v.Sub("role"))
	return true
}

// giving is the edit that gives t back.
func (r *reversal) giving(t Trait) Edit {
	if r.single(t.Path) {
		now, _ := r.now(t.Path)
		return Edit{Path: t.Path, Before: now, Whole: true, Set: t.Values, Back: true}
	}
	return Edit{Path: t.Path, Add: t.Values, ID: r.elementID(t.Path), Back: true}
}

// rejoin plans the memberships; whoever reads the groups finds those that are there.
func (r *reversal) rejoin(t Trait) {
	for _, v := range t.Values {
		id, _ := identity(v, "value").Text()
		r.changes = append(r.changes, Change{
			Op: Join, Target: scim.Ref{Type: scim.Group, ID: id}, Wave: int(backJoining) << 16, Reason: givenBack,
			Edits: []Edit{{Path: target.Members, ID: "value", Add: []scim.Value{scim.ValueOf(map[string]any{"value": r.Now.ID})}, Back: true}},
		})
	}
}
