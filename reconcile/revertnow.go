package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// look reads how those whom the run changed are now: one by one, or, where
// they are many, from one listing.
func (u *undoing) look(ctx context.Context) error {
	paths := []scim.Path{userNamePath, activePath}
	wanted := map[string]*affected{}
	for _, a := range u.users {
		if a.out || len(a.Done) == 0 && a.Linked && !a.left {
			continue
		}
		wanted[a.id] = a
		more, _ := a.Paths()
		paths = append(paths, more...)
	}
	slices.Sort(paths)
	shape := scim.NewShape(slices.Compact(paths)...)
	if err := u.list(ctx, wanted, shape); err != nil {
		return err
	}
	for _, a := range u.users {
		if wanted[a.id] == nil {
			continue
		}
		if err := u.read(ctx, a, shape); err != nil {
			return err
		}
	}
	return nil
}

// list reads those who are wanted from one listing, where they are many.
func (u *undoing) list(ctx context.Context, wanted map[string]*affected, shape *scim.Shape) error {
	if len(wanted) <= manyUpdates {
		return nil
	}
	return u.explicit().everybody(ctx, shape, func(o target.Observed) {
		if a := wanted[o.ID]; a != nil {
			a.Now = o
		}
	})
}

// explicit is the plan of explicit operations with whose means the run is taken back.
func (u *undoing) explicit() *explicitPlan { return &explicitPlan{Job: u.Job, in: u.in} }

// read reads what is not known yet of one user.
func (u *undoing) read(ctx context.Context, a *affected, shape *scim.Shape) error {
	if a.Now.State == 0 {
		for o, err := range u.Reader.Read(ctx, target.Query{Ask: target.ByID, Type: scim.User, Who: a.id}, shape) {
			if err != nil {
				return fmt.Errorf("read user %s: %w", a.id, err)
			}
			a.Now = o
			a.Now.ID = a.id
		}
	}
	if _, grants := a.Paths(); !grants || !isThere(a.Now) {
		return nil
	}
	q := target.Query{Ask: target.Grants, Type: scim.User, Who: a.id, Paths: []scim.Path{target.GrantsOf}}
	for o, err := range u.Reader.Read(ctx, q, scim.NewShape(target.GrantsOf)) {
		if errors.Is(err, fault.Denied) || errors.Is(err, fault.Unsupported) {
			return nil
		}
		if err != nil {
			return err
		}
		a.Grants, a.Granted = at(o.Row, target.GrantsOf), true
	}
	return nil
}

// giveBack takes in a membership that leaving took.
func (u *undoing) giveBack(c plan.Change) {
	g := u.circle(c.Target.ID)
	for _, e := range c.Edits {
		g.back = append(g.back, e.Add...)
	}
}

// regroup takes memberships back, group by group, as far as the members are
// there and nobody did it before.
func (u *undoing) regroup(ctx context.Context) error {
	slices.SortFunc(u.groups, func(a, b *circle) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) })
	for _, g := range u.groups {
		edits := plan.Invert(g.done)
		if len(g.back) > 0 {
			edits = append(edits, plan.Edit{Path: target.Members, ID: "value", Add: g.back, Back: true})
		}
		for i, e := range edits {
			e.Add, e.Remove = u.only(e.Add, u.joins), u.only(e.Remove, u.leaves)
			edits[i] = e
		}
		if !slices.ContainsFunc(edits, func(e plan.Edit) bool { return len(e.Add)+len(e.Remove) > 0 }) {
			continue
		}
		if err := u.members(ctx, g, edits); err != nil {
			return err
		}
	}
	return nil
}

// members holds the edits of a group against the members that it has.
func (u *undoing) members(ctx context.Context, g *circle, edits []plan.Edit) error {
	now, err := u.group(ctx, g.id)
	if err != nil {
		return err
	}
	if now.State != target.Active {
		u.note(plan.Error, "gone", "", "the group %q is not there any more: its memberships are not taken back", cmp.Or(g.name, g.id))
		return nil
	}
	name, _ := text(at(now.Row, displayNamePath))
	if guarded, err := u.guarded(ctx, g.id, name); guarded || err != nil {
		return err
	}
	in := at(now.Row, target.Members)
	for _, e := range edits {
		wanted := e.Add
		e, _ = e.Since(in, true)
		in = append(slices.Clone(in), e.Add...)
		if e.Back && len(e.Add) < len(wanted) {
			u.spare(g.id, wanted, e.Add)
		}
		e.Add, e.Remove = u.called(e.Add), u.called(e.Remove)
		u.changes = append(u.changes, u.in.TakeBackMembers(now.Ref, name, e)...)
	}
	return nil
}

// group reads a group with its members.
func (u *undoing) group(ctx context.Context, id string) (target.Observed, error) {
	now := target.Observed{State: target.Gone}
	q := target.Query{Ask: target.ByID, Type: scim.Group, Who: id}
	for o, err := range u.Reader.Read(ctx, q, scim.NewShape(displayNamePath, target.Members)) {
		if err != nil {
			return now, fmt.Errorf("read group %s: %w", id, err)
		}
		now = o
	}
	return now, nil
}

// spare tells the returns of those whose membership is not given back after all
// that nothing is left to give of it: they are in the group, or join it anyway.
func (u *undoing) spare(group string, wanted, given []scim.Value) {
	is := plan.Edit{Path: plan.GroupsOf, ID: "value", Back: true, Add: []scim.Value{scim.ValueOf(map[string]any{"value": group})}}
	for i, c := range u.changes {
		who := scim.ValueOf(map[string]any{"value": c.Target.ID})
		if len(c.Leaving) > 0 && !c.Op.Leaves() && slices.Contains(wanted, who) && !slices.Contains(given, who) {
			u.changes[i].Leaving = plan.Loss{Had: c.Leaving}.Less([]plan.Edit{is}).Had
		}
	}
}

// guarded tells whether nobody joins or leaves a group, because of the roles that it carries.
func (u *undoing) guarded(ctx context.Context, id, name string) (bool, error) {
	role, guarded, err := (&memberships{explicitPlan: u.explicit()}).carries(ctx, id)
	switch {
	case unreadable(err):
		u.notes = append(u.notes, rolesUnread())
		return false, nil
	case err != nil:
		return false, err
	case guarded:
		u.note(plan.Error, "guarded-group", "", "%q carries the role %q: nobody joins or leaves it; protect.roles can allow it", name, role)
	}
	return guarded, nil
}

// only are the members of vs whom let lets through, of those who were chosen and are not protected.
func (u *undoing) only(vs []scim.Value, let func(*affected) bool) (out []scim.Value) {
	for _, v := range vs {
		a := u.user(memberID(v))
		switch {
		case a.out || !let(a):
		case u.in.Policy.Protects(a.userName()):
			u.note(plan.Error, "protected", a.Key, "the user is protected and never touched")
		default:
			out = append(out, v)
		}
	}
	return out
}

// userName is what the user is called now, as far as that is known.
func (a *affected) userName() string {
	if name, ok := text(at(a.Now.Row, userNamePath)); ok || len(a.names) == 0 {
		return name
	}
	return a.names[0]
}

// joins tells whether somebody can be a member: they are there, or are again by this plan.
func (u *undoing) joins(a *affected) bool {
	return a.Now.State == 0 || isThere(a.Now) || slices.ContainsFunc(u.changes, func(c plan.Change) bool {
		return c.Op == plan.Restore && c.Target.ID == a.id
	})
}

// leaves tells whether a membership is left to be taken: deletion takes it by itself.
func (u *undoing) leaves(a *affected) bool {
	return !slices.ContainsFunc(u.changes, func(c plan.Change) bool { return c.Op == plan.Delete && c.Target.ID == a.id })
}

// called names members by their keys, where they are linked.
func (u *undoing) called(vs []scim.Value) []scim.Value {
	out := slices.Clone(vs)
	for i, v := range vs {
		if l, linked := u.links[memberID(v)]; linked {
			out[i] = scim.ValueOf(map[string]any{"value": plan.Person(l.Key).Any()})
		}
	}
	return out
}
