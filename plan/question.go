package plan

import (
	"cmp"
	"slices"

	"rollcall/scim"
	"rollcall/target"
)

// Questions are what must still be known before Plan may conclude: absent
// links by id, userName holders, deleted holders, paths not read, and the roles
// of groups that will change. The caller
// reads them, tells Have (nothing, where nothing was found), and asks again,
// until there are none. Each question is asked once.
func (b *Builder) Questions() []target.Query {
	b.decide()
	var qs []target.Query
	creates := false
	for n := range b.people {
		p := &b.people[n]
		if p.flags&chosen == 0 {
			continue
		}
		creates = creates || p.fate == created
		if q, ok := b.question(n); ok {
			qs = append(qs, q)
		}
		qs = append(qs, b.userQuestions(n)...)
	}
	qs = append(qs, b.absentLeavers()...)
	if creates && !b.asked["deleted"] {
		b.asked["deleted"] = true
		if b.exact[scim.User] { // else who has a userName is asked one by one, deleted ones too
			qs = append(qs, target.Query{Ask: target.Deleted, Type: scim.User})
		}
	}
	qs = append(qs, b.returnQuestions()...)
	qs = append(qs, b.groupQuestions()...)
	if len(qs) == 0 { // who joins and leaves is known
		qs = b.carriers()
	}
	slices.SortFunc(qs, func(x, y target.Query) int {
		return cmp.Or(cmp.Compare(y.Type, x.Type), cmp.Compare(x.Ask, y.Ask), cmp.Compare(x.Who, y.Who))
	})
	return qs
}

// question is what must be known about one person, once.
func (b *Builder) question(n int) (target.Query, bool) {
	p := &b.people[n]
	switch p.fate {
	case unseen:
		if p.flags&asked != 0 || !b.listed[scim.User] && !b.due(n) {
			return target.Query{}, false
		}
		p.flags |= asked
		return target.Query{Ask: target.ByID, Type: scim.User, Who: b.tieID(int(p.tie))}, true
	case created:
		if b.exact[scim.User] || p.flags&asked != 0 {
			return target.Query{}, false
		}
		row := b.wanted(n)
		for i, m := range b.names {
			if m.path == userName {
				p.flags |= asked
				return target.Query{Ask: target.ByUserName, Type: scim.User, Who: b.nameIn(row, i)}, true
			}
		}
	case linked, adopted, recovered:
		if b.users[p.user].flags&(same|asked) != 0 {
			break
		}
		if paths := b.unread(n); len(paths) > 0 {
			b.users[p.user].flags |= asked
			return target.Query{Ask: target.ByID, Type: scim.User, Who: b.userID(int(p.user)), Paths: paths}, true
		}
	default:
	}
	return target.Query{}, false
}

// userQuestions ask for the users whom the record of n names, each once, where
// no listing told them.
func (b *Builder) userQuestions(n int) []target.Query {
	if f := b.people[n].fate; b.exact[scim.User] || f != created && f != linked && f != adopted && f != recovered {
		return nil
	}
	var qs []target.Query
	row := b.wanted(n)
	for _, r := range b.rules {
		vs, _ := row.Index(r.at)
		for _, v := range vs {
			name, is := userOf(v)
			if !is || !r.reference || b.asked["user "+name] || b.userNamed(name) >= 0 {
				continue
			}
			b.asked["user "+name] = true
			qs = append(qs, target.Query{Ask: target.ByUserName, Type: scim.User, Who: name})
		}
	}
	return qs
}

// unread are the paths that are compared for this person and were not read.
func (b *Builder) unread(n int) []scim.Path {
	p := b.people[n]
	if b.users[p.user].state != target.Active {
		return nil
	}
	want := b.wanted(n)
	if b.people[n].flags&dormant != 0 {
		return nil
	}
	have := b.believed(n)
	var paths []scim.Path
	for i := range b.rules {
		r := &b.rules[i]
		_, wanted := want.Index(r.at)
		_, known := have.Index(r.at)
		if wanted && !known && !b.isOver(r, p.tie) && r.Path != active {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// believed is the user of person n as read, and as the ledger remembers where it was not read.
func (b *Builder) believed(n int) scim.Row {
	p := b.people[n]
	have := b.row(int(p.user))
	if p.tie >= 0 {
		if image := b.link(int(p.tie)).Image; image.Packed() != "" {
			return b.merge(have, image)
		}
	}
	return have
}

// desired is the record of person n as it was told.
func (b *Builder) desired(n int) Desired {
	s := b.person(n)
	d := Desired{Key: s.key, Place: s.place, Row: b.wanted(n), Unnamed: b.people[n].flags&unnamed != 0}
	for _, g := range s.groups {
		d.Groups = append(d.Groups, b.words.list[g])
	}
	return d
}

// absentLeavers asks for linked users that neither the source nor the listing has.
func (b *Builder) absentLeavers() []target.Query {
	var qs []target.Query
	for n := range b.ties {
		t := &b.ties[n]
		done := t.off != 0 && b.in.Policy.Leaving.Then == ""
		if t.person >= 0 || t.user >= 0 || t.flags&(closed|asked) != 0 || done || len(b.people) == 0 || t.flags&chosen == 0 {
			continue
		}
		if id := b.tieID(n); id != "" {
			t.flags |= asked
			qs = append(qs, target.Query{Ask: target.ByID, Type: scim.User, Who: id})
		}
	}
	return qs
}

// groupQuestions asks for the members of managed groups whose listing had none.
func (b *Builder) groupQuestions() []target.Query {
	if b.in.Quick {
		return nil // who is due is a member as far as the ledger knows
	}
	var qs []target.Query
	managed := b.managed()
	for i := range b.groups {
		g := &b.groups[i]
		if _, ok := managed[g.name]; ok && !g.known && !g.asked {
			g.asked = true
			qs = append(qs, target.Query{Ask: target.ByID, Type: scim.Group, Who: g.ref.ID, Paths: []scim.Path{target.Members}})
		}
	}
	return qs
}
