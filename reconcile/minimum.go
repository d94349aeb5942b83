package reconcile

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// fewest holds changes that were computed without a look at everybody (explicit
// operations, a saved plan, a revert) against the roles that must keep a number of
// holders. Everybody is listed where one of them may take such a role.
func (j Job) fewest(ctx context.Context, changes iter.Seq[plan.Change], p plan.Policy) ([]plan.Limit, error) {
	roles := maps.Clone(p.Roles)
	maps.DeleteFunc(roles, func(_ string, r plan.RolePolicy) bool { return r.Min <= 0 })
	takers := slices.DeleteFunc(slices.Collect(changes), func(c plan.Change) bool { return c.Held != "" || !mayTakeRoles(c) })
	if len(roles) == 0 || len(takers) == 0 {
		return nil, nil
	}
	had := map[string][]scim.Value{} // the roles of whoever is active, by id
	err := (&explicitPlan{Job: j}).everybody(ctx, scim.NewShape(activePath, rolesPath), func(o target.Observed) {
		if o.State == target.Active {
			had[o.ID] = at(o.Row, rolesPath)
		}
	})
	if err != nil {
		return nil, err
	}
	var out []plan.Limit
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		out = append(out, minimumOf(name, roles[name].Min, had, takers, p))
	}
	return out, nil
}

// mayTakeRoles tells whether somebody can have fewer roles after c.
func mayTakeRoles(c plan.Change) bool {
	return c.Target.Type == scim.User && (closes(c) || slices.ContainsFunc(c.Edits, func(e plan.Edit) bool { return e.Path == rolesPath }))
}

// closes tells whether the account is inactive, or gone, after c.
func closes(c plan.Change) bool {
	return c.Op == plan.Deactivate || c.Op == plan.Delete || slices.ContainsFunc(c.Edits, func(e plan.Edit) bool {
		return e.Path == activePath && slices.Equal(e.Set, []scim.Value{scim.ValueOf(false)})
	})
}

// minimumOf is the limit of one role: how many holders takers leave without it, and how many may go.
func minimumOf(name string, least int, had map[string][]scim.Value, takers []plan.Change, p plan.Policy) plan.Limit {
	holders, losers := 0, map[string]plan.Who{}
	for _, vs := range had {
		if holdsRole(vs, name) {
			holders++
		}
	}
	for _, c := range takers {
		if holdsRole(had[c.Target.ID], name) && !holdsRole(rolesAfter(c, had[c.Target.ID]), name) {
			losers[c.Target.ID] = plan.Who{Key: c.Key, UserName: c.UserName}
		}
	}
	l := plan.Limit{Name: "role " + name, Allowed: max(0, holders-least), Wanted: len(losers), StopsAll: true}
	if n, ok := p.Allow[l.Name]; ok {
		if l.Allowed = max(l.Allowed, n); n < 0 {
			l.Allowed = n
		}
	}
	if l.Exceeded = l.Allowed >= 0 && l.Wanted > l.Allowed; l.Exceeded {
		for _, id := range slices.Sorted(maps.Keys(losers)) {
			l.Who = append(l.Who, losers[id])
		}
	}
	return l
}

// rolesAfter are the roles that c leaves to whoever has these.
func rolesAfter(c plan.Change, has []scim.Value) []scim.Value {
	if closes(c) {
		return nil
	}
	for _, e := range c.Edits {
		if e.Path == rolesPath {
			e.Before = has
			has = e.After()
		}
	}
	return has
}

func holdsRole(vs []scim.Value, name string) bool {
	return slices.ContainsFunc(vs, func(v scim.Value) bool {
		has, _ := v.Sub("value").Text()
		return strings.EqualFold(has, name)
	})
}
