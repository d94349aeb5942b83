package reconcile_test

import (
	"maps"
	"strings"

	"rollcall/plan"
)

// groups settles memberships: of those who are active after this run by the source.
func (o *oracle) groups() {
	linked := map[string]bool{}
	for _, l := range o.links {
		linked[l.id] = true
	}
	defer o.giveBackGroups(o.managedGroups())
	for g, own := range o.managedGroups() {
		at := "groups/" + g
		if own == plan.Exact {
			for id, f := range o.now {
				if !linked[id] && f["state"] != "deleted" && !o.protects(o.seen[id]["userName"]) && !o.fixed(g, f) {
					delete(f, at)
				}
			}
		}
		for key, moves := range o.moving {
			if moves {
				o.member(key, at, own, o.belongs(o.records[key], g))
			}
		}
	}
}

// fixed tells whether a rule of group g keeps a user in it.
func (o *oracle) fixed(g string, f facts) bool {
	return g == "Sales" && o.ruled && f["state"] == "active" && strings.HasPrefix(f["userName"], "b")
}

func (o *oracle) managedGroups() map[string]plan.Own {
	all := maps.Clone(o.rules)
	for _, g := range []string{"Team A", "Team B", "Team C"} {
		if o.named != 0 && o.names(g) {
			all[g] = o.named
		}
	}
	return all
}

// names tells whether the column names g, or rollcall gave it members.
func (o *oracle) names(g string) bool {
	for _, h := range o.records {
		if h.wants["teams"][g] == yes {
			return true
		}
	}
	for _, l := range o.links {
		if l.ours["groups/"+g] == yes {
			return true
		}
	}
	return false
}

// belongs tells whether h belongs in g: yes, no, or that nothing is known.
func (o *oracle) belongs(h *hire, g string) string {
	var in bool
	switch g {
	case "Everybody":
		in = true
	case "Sales":
		in = h.cells["Dept"] == "Sales"
	default:
		teams, known := h.wants["teams"]
		if !known {
			return ""
		}
		in = teams[g] == yes
	}
	if in {
		return yes
	}
	return "no"
}

func (o *oracle) member(key, at string, own plan.Own, belongs string) {
	f, isNew := o.created[key]
	l := o.links[key]
	if !isNew {
		f = o.now[l.id]
	}
	switch {
	case belongs == yes && f[at] == "":
		f[at], l.ours[at] = yes, yes
	case belongs == yes && own == plan.Mine && o.joined[key]:
		l.ours[at] = yes
	case belongs == "no" && f[at] == yes && (own == plan.Exact || own == plan.Mine && l.ours[at] == yes):
		delete(f, at)
		delete(l.ours, at)
	}
}
