package reconcile_test

import (
	"maps"
	"strings"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// restored is what coming back gives back.
func (c *enterprise) restored() []scim.Path {
	if !c.restore {
		return nil
	}
	return []scim.Path{target.GrantsOf, plan.GroupsOf}
}

// lose notes what somebody has who is deactivated by us.
func (o *oracle) lose(l *belief, f facts) {
	l.lost = facts{}
	if !o.restore {
		return
	}
	for k := range f {
		if strings.HasPrefix(k, "roles/") && k != "roles/admin" || strings.HasPrefix(k, "groups/") {
			l.lost[k] = yes
		}
	}
}

// giveBackRoles gives f the roles that leaving took and the mapping does not decide about.
func (o *oracle) giveBackRoles(h *hire, f facts, l *belief) {
	t := o.trait("roles")
	for e := range l.lost.elements("roles") {
		at := "roles/" + e
		if want, known := h.wants["roles"]; t != nil && known && want[e] == "" && (t.own == plan.Exact || t.own == plan.Mine && l.ours[at] == yes) {
			continue
		}
		f[at] = yes
	}
}

// giveBackGroups does the same for memberships, after those that the mapping decides about.
func (o *oracle) giveBackGroups(managed map[string]plan.Own) {
	for key, moves := range o.moving {
		l := o.links[key]
		if !moves || l.id == "" {
			continue
		}
		for g := range maps.Clone(l.lost).elements("groups") {
			own, is := managed[g]
			at := "groups/" + g
			if is && o.belongs(o.records[key], g) != "" && (own == plan.Exact || own == plan.Mine && l.ours[at] == yes || o.belongs(o.records[key], g) == yes) {
				continue
			}
			o.now[l.id][at] = yes
		}
		l.lost = nil
	}
}
