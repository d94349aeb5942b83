package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// rolesUnread says that groups change without knowing which roles they carry.
func rolesUnread() plan.Finding {
	return plan.Finding{
		Severity: plan.Warning, Code: "group-roles-unread",
		Text: "which roles a group carries may not be read (authorization:grant:view): a group that carries a guarded role is not told from others",
	}
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
func (m *memberships) carries(ctx context.Context, id string) (role string, ok bool, err error) {
	q := target.Query{Ask: target.Grants, Type: scim.Group, Who: id, Paths: []scim.Path{target.GrantsOf}}
	for o, err := range m.Reader.Read(ctx, q, scim.NewShape(q.Paths...)) {
		if err != nil {
			return "", false, err
		}
		grants, _ := o.Row.At(target.GrantsOf)
		role, ok = m.in.Policy.Carries(grants)
	}
	return role, ok, nil
}
