package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// stripped finds the roles that no data gives back, and that closing an account took.
func stripped(p plan.Policy, e apply.Event) (found []plan.Finding) {
	if !e.Change.Keeps() || !e.Outcome.Result.Fine() {
		return nil
	}
	for _, t := range e.Change.Leaving {
		i := slices.IndexFunc(t.Values, func(v scim.Value) bool { return t.Path == target.GrantsOf && p.Guards(v, "role") })
		if i < 0 {
			continue
		}
		role, _ := t.Values[i].Sub("role").Text()
		found = append(found, plan.Finding{
			Severity: plan.Warning, Code: "guarded-role", Key: e.Change.Key,
			Text: fmt.Sprintf("closing the account took the role %s; no data gives it back: on return somebody grants it by hand", strconv.Quote(role)),
		})
	}
	return found
}

// rolesUnread says that groups change without knowing which roles they carry.
func rolesUnread() plan.Finding {
	return plan.Finding{
		Severity: plan.Warning, Code: "group-roles-unread",
		Text: "which roles a group carries may not be read (authorization:grant:view): a group that carries a guarded role is not told from others",
	}
}

// ownRoles guards the roles of rollcall's own client, where roles or groups are
// managed; where nothing is (a quick plan), those that were last read. That they
// may not be read is a finding.
func (j Job) ownRoles(ctx context.Context, p *plan.Policy, managed []scim.Path) ([]plan.Finding, error) {
	if managed == nil {
		return nil, j.recollectRoles(ctx, p)
	}
	concerned := len(j.Input.Members) > 0 || j.Input.ByColumn != 0 || slices.ContainsFunc(managed, func(path scim.Path) bool {
		return path == groupsPath || j.Input.Dialect.Named[path] == target.Roles
	})
	if j.OwnRoles == nil || !concerned {
		return nil, nil
	}
	var err error
	p.OwnRoles, err = j.OwnRoles(ctx)
	if !unreadable(err) {
		return nil, err
	}
	return []plan.Finding{{
		Severity: plan.Warning, Code: "own-role-unread",
		Text: "which role rollcall's own client has may not be read (authorization:grant:view): it is not told from others; name it under protect.roles",
	}}, nil
}

func (j Job) rolesNote() string { return "roles " + j.Start.Org }

func (j Job) recollectRoles(ctx context.Context, p *plan.Policy) error {
	_, err := j.noted(ctx, j.rolesNote(), &p.OwnRoles)
	return err
}

// unreadable tells whether the service does not let, or cannot let, the grants of a group be read.
func unreadable(err error) bool {
	return errors.Is(err, fault.Denied) || errors.Is(err, fault.Unsupported) || errors.Is(err, fault.Missing)
}

// guard leaves out the groups that carry a guarded role: who joins a group has
// its roles. It reads the grants of each group that is to change.
func (m *memberships) guard(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(m.places)) {
		role, guarded, err := m.carries(ctx, id)
		if unreadable(err) {
			m.notes = append(m.notes, rolesUnread())
			continue
		}
		if err != nil {
			return err
		}
		if !guarded {
			continue
		}
		delete(m.joins, id)
		delete(m.leaves, id)
		for _, place := range m.places[id] {
			m.problem(place, "guarded-group", "groups: %q carries the role %q: nobody joins or leaves it; protect.roles can allow it", m.groups[id], role)
		}
	}
	return nil
}

// carries is the guarded role that a group carries.
func (j Job) carries(ctx context.Context, id string) (role string, ok bool, err error) {
	q := target.Query{Ask: target.Grants, Type: scim.Group, Who: id, Paths: []scim.Path{target.GrantsOf}}
	for o, err := range j.Reader.Read(ctx, q, scim.NewShape(q.Paths...)) {
		if err != nil {
			return "", false, err
		}
		grants, _ := o.Row.At(target.GrantsOf)
		role, ok = j.Input.Policy.Carries(grants)
	}
	return role, ok, nil
}

// guarded are the findings about groups of p that carry a guarded role by now,
// and about changes that would grant or take one; these changes are left out of
// the plan that comes back.
func (j Job) guarded(ctx context.Context, p *plan.Plan) (iter.Seq[plan.Change], []plan.Finding, error) {
	roles, notes := map[string]string{}, []plan.Finding(nil)
	for c := range p.Changes() {
		if _, asked := roles[c.Target.ID]; asked || c.Target.Type != scim.Group {
			continue
		}
		role, ok, err := j.carries(ctx, c.Target.ID)
		switch {
		case unreadable(err):
			notes = append(notes, rolesUnread())
		case err != nil:
			return nil, nil, err
		case ok:
			notes = append(notes, plan.Finding{Severity: plan.Error, Code: "guarded-group", Text: fmt.Sprintf(
				"%q carries the role %q by now: nobody joins or leaves it; protect.roles can allow it", c.UserName, role)})
		}
		roles[c.Target.ID] = role
	}
	touching, more := j.guardedRoles(p)
	return func(yield func(plan.Change) bool) {
		for c := range p.Changes() {
			if roles[c.Target.ID] == "" && !touching[c.ID] && !yield(c) {
				return
			}
		}
	}, append(notes, more...), nil
}

// guardedRoles are the changes of p that grant or take a guarded role of a user, and what is to be said of them.
func (j Job) guardedRoles(p *plan.Plan) (ids map[string]bool, notes []plan.Finding) {
	ids = map[string]bool{}
	for c := range p.Changes() {
		if c.Target.Type != scim.User || !slices.ContainsFunc(c.Edits, j.touchesGuarded) {
			continue
		}
		ids[c.ID] = true
		notes = append(notes, plan.Finding{
			Severity: plan.Error, Code: "guarded-role", Key: c.Key,
			Text: "the plan grants or takes a role that is guarded by now: left out; protect.roles can allow it",
		})
	}
	return ids, notes
}

// touchesGuarded tells whether e grants or takes a guarded role.
func (j Job) touchesGuarded(e plan.Edit) bool {
	id := map[scim.Path]string{rolesPath: "value", target.GrantsOf: "role"}[e.Path]
	touched := slices.Concat(e.Add, e.Remove)
	if e.Whole {
		touched = append(unlisted(e.Set, e.Before), unlisted(e.Before, slices.Concat(e.Set, e.Keep))...)
	}
	return id != "" && slices.ContainsFunc(touched, func(v scim.Value) bool { return j.Input.Policy.Guards(v, id) })
}

// unlisted are the values of vs that are not among those.
func unlisted(vs, those []scim.Value) []scim.Value {
	return slices.DeleteFunc(slices.Clone(vs), func(v scim.Value) bool { return slices.Contains(those, v) })
}
