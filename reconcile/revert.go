package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A Reversal says which run is to be taken back, and how.
type Reversal struct {
	Run    ledger.RunID
	Force  []string // WHO: what somebody changed since is taken back too
	Locked bool     // the lock is held: a run without an end has died, and is not running
}

// Revert proposes to take a run back: the inverse of what it did, by the values
// read before each change, held against what is there now. What somebody
// changed since, another hand or a later run, is left alone and a finding, as is
// all else that cannot be taken back. Explicit operations, saved plans and
// reverts are taken back like any run; so a run can be carried out again.
//
// The proposal's limits count this plan alone. Errors: Invalid where there is no
// such run, it did nothing, or a WHO is nobody in it; Refused where it is of
// another organization; Busy where it has not ended, and may be running.
func (j Job) Revert(ctx context.Context, r Reversal) (*Proposal, error) {
	u := &undoing{Job: j, Reversal: r, byID: map[string]*affected{}, links: map[string]plan.Link{}, ids: map[source.Key]string{}}
	p := &Proposal{Saved: true}
	err := inTurn(ctx, u.find, u.know, u.recall, u.choose, u.begin, u.look, u.invert, u.free, u.regroup)
	if err != nil {
		return p, err
	}
	p.Plan, err = u.plan(ctx)
	p.org, p.in = u.org, u.in
	return p, err
}

// inTurn takes steps until one of them fails.
func inTurn(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin finds out what the plan rests on.
func (u *undoing) begin(ctx context.Context) (err error) {
	u.in = u.Input
	if u.org, err = u.organization(ctx); err != nil {
		return err
	}
	b := &u.in.Basis
	b.Sync, b.Org, b.OrgID, b.At, b.Reverts = u.Start.Sync, u.Start.Org, u.org, u.Now().UTC(), string(u.Run)
	if u.Granted != nil {
		b.Granted = u.Granted()
	}
	u.in.Fixed, err = u.fixed(ctx)
	return err
}

// An undoing is one run on its way back.
type undoing struct {
	Job
	Reversal

	org     string
	in      plan.Input
	run     ledger.Run
	links   map[string]plan.Link  // open ones, by id of the user
	ids     map[source.Key]string // the same by key
	users   []*affected           // in the order in which the run changed them
	byID    map[string]*affected
	groups  []*circle // whose members the run changed
	changes []plan.Change
	notes   []plan.Finding
}

// An affected is a user whom the run changed, or whose membership it did.
type affected struct {
	plan.Undo

	id    string
	names []string // by which the user is known, or was
	left  bool     // the run took the user out of a group
	out   bool     // not chosen
}

// A circle is a group whose members the run changed.
type circle struct {
	id, name string
	done     []plan.Change
	back     []scim.Value // members whom leaving took out
}

func (u *undoing) note(severity plan.Severity, code string, key source.Key, format string, args ...any) {
	u.notes = append(u.notes, plan.Finding{Severity: severity, Code: code, Key: key, Text: fmt.Sprintf(format, args...)})
}

// find finds the run, and tells whether it can be taken back.
func (u *undoing) find(ctx context.Context) error {
	for r, err := range u.Store.Runs(ctx) {
		if err != nil {
			return err
		}
		if r.ID == u.Run {
			u.run = r
		}
	}
	switch {
	case u.run.ID == "":
		return fault.WithHint(fmt.Errorf("revert %s: there is no such run: %w", u.Run, fault.Invalid), "rollcall runs lists them")
	case u.run.Start.Org != u.Start.Org:
		err := fmt.Errorf("revert %s: it is of the organization %s, this is %s: %w", u.Run, u.run.Start.Org, u.Start.Org, fault.Refused)
		return fault.WithHint(err, "name the configuration of that organization with --config")
	case u.run.Ended.IsZero() && !u.Locked:
		err := fmt.Errorf("revert %s: it has not ended: %w", u.Run, fault.Busy)
		return fault.WithHint(err, "wait for its end; if its process has died, revert it without -o")
	case u.run.Ended.IsZero():
		u.note(plan.Note, "not-ended", "", "the run died: what nobody knows the end of is taken back as far as it is there")
	}
	return u.summarize()
}

// summarize tells what of the run never came about.
func (u *undoing) summarize() error {
	if len(u.run.Ending.Report) == 0 {
		return nil
	}
	var r Report
	if err := json.Unmarshal(u.run.Ending.Report, &r); err != nil {
		return fmt.Errorf("revert %s: read its report: %w: %w", u.Run, fault.Internal, err)
	}
	if r.Failed+r.LeftOut+r.Held > 0 {
		u.note(plan.Note, "not-done", "", "of the run %d changes failed, %d were left out and %d waited: nothing of these is there to take back", r.Failed, r.LeftOut, r.Held)
	}
	return nil
}

// know reads who is linked to whom.
func (u *undoing) know(ctx context.Context) error {
	q := ledger.LinkQuery{}
	if len(u.Input.Policy.Only)+len(u.Force) > 0 {
		q = ledger.LinkQuery{Shape: scim.NewShape(externalIDPath), Image: true}
	}
	return each(u.Store.Links(ctx, q), func(l plan.Link) {
		if !l.Closed && l.Ref.ID != "" {
			u.links[l.Ref.ID], u.ids[l.Key] = l, l.Ref.ID
		}
	})
}

// user is who has this id.
func (u *undoing) user(id string) *affected {
	a := u.byID[id]
	if a != nil {
		return a
	}
	a = &affected{id: id}
	a.Now.ID, a.Now.Type = id, scim.User
	if l, linked := u.links[id]; linked {
		a.Key, a.Linked = l.Key, true
		external, _ := text(at(l.Image, externalIDPath))
		a.names = append(a.names, l.UserName, external)
	}
	u.byID[id] = a
	u.users = append(u.users, a)
	return a
}

// take takes in one change as it was carried out.
func (u *undoing) take(c plan.Change) {
	if c.Target.Type == scim.Group {
		u.takeGroup(c)
		return
	}
	a := u.user(c.Target.ID)
	a.Done = append(a.Done, c)
	a.names = append(a.names, string(c.Key), string(c.From))
	a.names = append(a.names, named(c)...)
	for _, k := range []source.Key{c.Key, source.Key(c.From)} {
		switch id, linked := u.ids[k]; {
		case k == "":
		case linked && id != a.id:
			a.Taken = append(a.Taken, k)
		case a.Key == "" && k == c.Key:
			a.Key = k
		}
	}
}

func (u *undoing) takeGroup(c plan.Change) {
	g := u.circle(c.Target.ID)
	g.name = cmp.Or(g.name, c.UserName)
	g.done = append(g.done, c)
	for _, e := range c.Edits {
		for _, v := range e.Add {
			u.user(memberID(v))
		}
		for _, v := range e.Remove {
			u.user(memberID(v)).left = true
		}
	}
}

// circle is the group with this id.
func (u *undoing) circle(id string) *circle {
	i := slices.IndexFunc(u.groups, func(g *circle) bool { return g.id == id })
	if i < 0 {
		i = len(u.groups)
		u.groups = append(u.groups, &circle{id: id})
	}
	return u.groups[i]
}

// memberID is the id in an element of members or groups.
func memberID(v scim.Value) string {
	id, _ := v.Sub("value").Text()
	return id
}

// choose leaves out whom nobody asked for, and finds whom to force.
func (u *undoing) choose(context.Context) error {
	only, err := u.selected(u.Input.Policy.Only)
	if err != nil {
		return err
	}
	force, err := u.selected(u.Force)
	if err != nil {
		return err
	}
	for _, a := range u.users {
		a.out = len(only.who) > 0 && !only.has(a.Key, a.id)
		a.Force = force.has(a.Key, a.id)
	}
	return nil
}

// selected finds who is meant among those whom the run changed.
func (u *undoing) selected(who []string) (*selection, error) {
	s := newSelection(who)
	for _, a := range u.users {
		s.see(a.Key, a.id, a.names...)
	}
	return s, s.missed("revert "+string(u.Run)+": it changed nobody who is %q", "")
}

// invert asks of every user what takes the run back.
func (u *undoing) invert(context.Context) error {
	for _, a := range u.users {
		if a.out || len(a.Done) == 0 {
			continue
		}
		changes, findings := u.in.TakeBack(a.Undo)
		u.notes = append(u.notes, findings...)
		for _, c := range changes {
			if c.Target.Type == scim.Group {
				u.giveBack(c)
			} else {
				u.changes = append(u.changes, c)
			}
		}
	}
	return nil
}

// plan bounds the changes, and says what a revert does not change.
func (u *undoing) plan(ctx context.Context) (*plan.Plan, error) {
	if u.run.Start.Command == "apply" {
		u.note(plan.Note, "done-again", "", "the source still says what it said: the next apply does the same again, unless source or mapping change")
	}
	plan.Number(u.changes)
	p := &u.in.Policy
	var err error
	if u.run.Start.Command == "patch" {
		p.Base, err = u.explicit().base(ctx, u.changes)
	} else {
		*p, u.in.Units, err = u.today(ctx, *p)
	}
	if err != nil {
		return nil, err
	}
	*p = alone(*p)
	if u.in.Sizes, err = u.sizes(ctx, u.changes, *p); err != nil {
		return nil, err
	}
	first := plan.Of(u.in, slices.Values(u.changes), nil)
	out := plan.Of(u.in, waiting(first), u.notes)
	u.in.Users, u.in.Groups = shapes(out, nil)
	fewest, err := u.fewest(ctx, out.Changes(), *p)
	out.Limits = append(out.Limits, fewest...)
	return out, err
}

// alone is a policy whose limits count nothing of the last 24 hours.
func alone(p plan.Policy) plan.Policy {
	p.Recent, p.RecentRemovals, p.RecentOf = nil, nil, nil
	return p
}

// free sees to it that a userName which is given back is free by then: who has
// it goes or is renamed before. Where somebody keeps it, it is not given back.
func (u *undoing) free(ctx context.Context) error {
	frees := map[string]int{} // by id of the user: the change
	for i, c := range u.changes {
		if c.Op == plan.Rename || c.Op == plan.Delete {
			frees[c.Target.ID] = i
		}
	}
	for i, c := range u.changes {
		if c.Op != plan.Rename {
			continue
		}
		holder, err := u.holder(ctx, c)
		if err != nil {
			return err
		}
		first, goes := frees[holder]
		switch {
		case holder == "":
		case !goes:
			u.changes[i] = u.unnamed(c, holder)
		case u.changes[first].Op == plan.Delete:
			u.changes[first] = u.changes[first].Sooner()
		}
	}
	u.changes = slices.DeleteFunc(u.changes, func(c plan.Change) bool { return c.Op == plan.Update && len(c.Edits) == 0 })
	return nil
}

// unnamed is c without its userName, which holder keeps.
func (u *undoing) unnamed(c plan.Change, holder string) plan.Change {
	u.note(plan.Error, "username-taken", c.Key, "another user (%s) has the former userName: it is not given back%s", holder, u.freeing(holder))
	c.Op = plan.Update
	c.Edits = slices.DeleteFunc(slices.Clone(c.Edits), func(e plan.Edit) bool { return e.Path == userNamePath })
	return c
}

// freeing says how a userName can be had whose holder came by the run.
func (u *undoing) freeing(holder string) string {
	a := u.byID[holder]
	if a == nil || !slices.ContainsFunc(a.Done, func(c plan.Change) bool { return c.Op == plan.Create }) {
		return ""
	}
	return "; the run created that user, and --allow delete frees it"
}

// holder is the id of another user who has the userName that c gives.
func (u *undoing) holder(ctx context.Context, c plan.Change) (id string, err error) {
	i := slices.IndexFunc(c.Edits, func(e plan.Edit) bool { return e.Path == userNamePath })
	name, _ := text(c.Edits[i].Set)
	for o, err := range u.Reader.Read(ctx, target.Query{Ask: target.ByUserName, Type: scim.User, Who: name}, scim.NewShape(userNamePath)) {
		if err != nil {
			return "", err
		}
		if isThere(o) && o.ID != c.Target.ID {
			id = o.ID
		}
	}
	return id, nil
}
