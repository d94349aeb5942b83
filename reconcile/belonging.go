package reconcile

import (
	"maps"
	"slices"

	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
)

// groups are the managed groups, in the configuration's order, and behind them
// those that a column names, or that rollcall added the person to.
func (s *story) groups() (all []Membership) {
	for _, r := range s.job.Input.Members {
		all = append(all, s.ruled(r))
	}
	if s.job.Input.ByColumn != 0 {
		all = append(all, s.byColumn(all)...)
	}
	for i := range all {
		s.member(&all[i])
	}
	return all
}

// ruled is a group with a rule of its own.
func (s *story) ruled(r plan.GroupRule) Membership {
	m := Membership{Group: r.Name, Own: OwnName(r.Own)}
	if d := s.sought.desired(); d != nil {
		if i := slices.IndexFunc(d.Groups, func(t mapping.Trace) bool { return t.Group == r.Name }); i >= 0 {
			m.Expression, m.Belongs = d.Groups[i].Text, d.Groups[i].True()
		}
	}
	return m
}

// byColumn are the groups of group_names that no rule has.
func (s *story) byColumn(ruled []Membership) (more []Membership) {
	names, text := map[string]bool{}, ""
	if d := s.sought.desired(); d != nil && d.GroupNames != nil {
		text = d.GroupNames.Text
		for _, n := range d.GroupNames.Names {
			names[n] = true
		}
	}
	if s.sought.link != nil {
		for _, id := range s.sought.link.Groups {
			if name := s.glimpse.groups[id]; name != "" && !names[name] {
				names[name] = false
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if i := slices.IndexFunc(ruled, func(m Membership) bool { return m.Group == name }); i < 0 {
			more = append(more, Membership{Group: name, Own: OwnName(s.job.Input.ByColumn), Expression: text, Belongs: names[name]})
		}
	}
	return more
}

// member finds out how it stands with one group:
//
//	plan        belongs  member  ours  own   | verdict
//	----------  -------  ------  ----  ----- | ------------------------------
//	changes it  -        -       -     -     | goes, waits, claims
//	no          as is    as is   -     -     | equal
//	no          no       yes     -     add   | equal: never removed
//	no          no       yes     no    mine  | equal: another hand's
//	no          no       yes     -     exact | heldBack
//	no          yes      no      -     -     | heldBack
func (s *story) member(m *Membership) {
	for id, name := range s.glimpse.groups {
		if name == m.Group {
			m.Resource = id
		}
	}
	if s.glimpse.told && m.Resource != "" {
		in := s.glimpse.in[m.Resource]
		m.Member = &in
	}
	m.Ours = m.Resource != "" && s.sought.link != nil && slices.Contains(s.sought.link.Groups, m.Resource)
	for _, c := range s.Changes {
		if c.Target.Type == scim.Group && c.Target.ID == m.Resource {
			m.Op, m.Verdict = c.Op, s.sent(c, &c.Edits[0])
			return
		}
	}
	s.unmoved(m)
}

// blank tells whether the column that names groups says nothing of the person.
func (s *story) blank() bool {
	d := s.sought.desired()
	return d != nil && d.GroupNames != nil && !d.GroupNames.Known
}

// unmoved is the verdict on a membership that no change is about.
func (s *story) unmoved(m *Membership) {
	m.Verdict = Equal
	switch {
	case m.Resource == "":
		m.Verdict = Unread
		if m.Belongs {
			m.Verdict, m.Why = HeldBack, []string{"there is no group of this name"}
		}
	case m.Member == nil:
		m.Verdict = Unread
	case m.Belongs == *m.Member:
	case m.Belongs:
		m.Verdict = HeldBack
	case s.Standing == Foreign:
	case s.sought.desired() == nil:
		m.Why = []string{"the memberships of somebody who left stand as they are"}
	case s.blank() && !slices.ContainsFunc(s.job.Input.Members, func(r plan.GroupRule) bool { return r.Name == m.Group }):
		m.Why = []string{"the source names no groups for this person: left alone"}
	case m.Own == OwnName(plan.Additive):
		m.Why = []string{"own: add never removes"}
	case m.Own == OwnName(plan.Mine) && !m.Ours:
		m.Why = []string{"another hand's: own: mine removes only what rollcall added"}
	default:
		m.Verdict = HeldBack
	}
}
