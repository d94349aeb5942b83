package genesyssim

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rollcall/scim"
)

// A writing is how a profile becomes a user.
type writing struct {
	self      string // authority of the writing client's externalId
	whole     bool   // the profile is a whole body (POST, PUT), not a patched resource
	names     bool   // unknown names are added to their catalogs (seeding)
	inherited []uint16
}

// draft is user have with profile p in its place, every name looked up. i is
// the place of have, -1 for a new user. Nothing of the organization changes but
// catalogs while seeding.
func (o *org) draft(i int32, have *user, p *profile, w writing) (*user, *scim.Error) {
	next := have.clone()
	next.userName, next.displayName, next.title = p.userName, p.displayName, p.title
	next.work, next.workPrimary, next.phones = p.work, p.workPrimary, p.phones
	next.department, next.employeeNumber, next.dateHire = p.department, p.employeeNumber, p.dateHire
	if p.hasActive && have.state != deletedUser {
		next.state = inactiveUser
		if p.active {
			next.state = activeUser
		}
	}
	for _, step := range []func(int32, *user, *user, *profile, writing) *scim.Error{
		o.draftName, o.draftMirror, o.draftDivision, o.draftManager, o.draftRoles, o.draftRatings, o.draftExternals,
	} {
		if err := step(i, have, next, p, w); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// draftName keeps userNames unique among those who are not deleted (rule 12).
func (o *org) draftName(i int32, _, next *user, _ *profile, _ writing) *scim.Error {
	if next.userName == "" || next.displayName == "" {
		return refuse("invalidValue", "userName and displayName are required.")
	}
	if holder, taken := o.byName[fold(next.userName)]; taken && holder != i {
		return uniqueness("User name already in use by non-deleted user.")
	}
	return nil
}

func uniqueness(detail string) *scim.Error {
	return &scim.Error{Status: http.StatusConflict, ScimType: "uniqueness", Detail: detail, Index: -1}
}

// draftMirror holds the e-mail of type other against the userName, which it
// mirrors (rule 17). What it mirrored before is no attempt to write it.
func (o *org) draftMirror(_ int32, have, next *user, p *profile, _ writing) *scim.Error {
	same := p.mirror == "" || strings.EqualFold(p.mirror, next.userName) || strings.EqualFold(p.mirror, have.userName)
	if same || o.knobs.ignoreMirror {
		return nil
	}
	return refuse("mutability", "The e-mail of type other is the userName and is changed there.")
}

func (o *org) draftDivision(_ int32, _, next *user, p *profile, w writing) *scim.Error {
	if !p.hasDivision {
		next.division = home
		return nil
	}
	d, ok := o.name(o.divisions, p.division, true, w)
	if ok {
		next.division = d
		return nil
	}
	if o.knobs.ignoreUnknownName {
		return nil
	}
	return refuse("invalidValue", "There is no division of this name.")
}

// name is the place of a name in its catalog.
func (o *org) name(c *catalog, name string, loose bool, w writing) (uint16, bool) {
	if i, ok := c.find(name, loose); ok || !w.names {
		return i, ok
	}
	return c.add(name, o.newID), true
}

func (o *org) draftManager(i int32, _, next *user, p *profile, w writing) *scim.Error {
	next.manager = -1
	if p.manager == "" {
		return nil
	}
	m, ok := o.live(p.manager)
	if !ok && w.names {
		m, ok = o.who(p.manager)
	}
	if !ok || m == i {
		return refuse("invalidValue", "The manager is not an existing user.")
	}
	next.manager = m
	return nil
}

// draftRoles turns role names into grants. Those inherited from groups are
// listed among a user's roles but are not the user's own: listing them again
// grants nothing, leaving them out takes nothing.
func (o *org) draftRoles(_ int32, have, next *user, p *profile, w writing) *scim.Error {
	next.grants = nil
	for _, name := range p.roles {
		role, ok := o.name(o.roles, name, true, w)
		if !ok && !o.knobs.ignoreUnknownName {
			return refuse("invalidValue", "There is no role of this name.")
		}
		if !ok || holds(next.grants, role) {
			continue
		}
		if holds(have.grants, role) {
			next.grants = append(next.grants, grantsOf(have.grants, role)...)
		} else if !slices.Contains(w.inherited, role) {
			next.grants = append(next.grants, grant{role, next.division})
		}
	}
	next.grants = sorted(next.grants)
	return nil
}

func holds(grants []grant, role uint16) bool {
	return slices.ContainsFunc(grants, func(g grant) bool { return g.role == role })
}

func grantsOf(grants []grant, role uint16) []grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g grant) bool { return g.role != role })
}

func (o *org) draftRatings(_ int32, _, next *user, p *profile, w writing) *scim.Error {
	for _, l := range []struct {
		from []named
		into *[]rating
		in   *catalog
		what string
	}{{p.skills, &next.skills, o.skills, "skill"}, {p.languages, &next.languages, o.languages, "language"}} {
		ratings := make([]rating, 0, len(l.from))
		for _, n := range l.from {
			place, ok := o.name(l.in, n.name, false, w)
			if !ok && !o.knobs.ignoreUnknownName {
				return refuse("invalidValue", "There is no %s of this name.", l.what)
			}
			if ok {
				ratings = setRating(ratings, rating{place, n.level})
			}
		}
		slices.SortFunc(ratings, func(a, b rating) int { return cmp.Compare(a.name, b.name) })
		*l.into = ratings
	}
	return nil
}

// setRating keeps one rating of each name: the last.
func setRating(list []rating, r rating) []rating {
	list = slices.DeleteFunc(list, func(o rating) bool { return o.name == r.name })
	return append(list, r)
}

// draftExternals keeps the entries that Genesys generates for SCIM clients as
// they are, but for the writer's own, which is the externalId (rule 21).
func (o *org) draftExternals(i int32, have, next *user, p *profile, w writing) *scim.Error {
	mine := map[string]string{}
	for _, e := range have.externals {
		if a := o.authorities.names[e.authority]; generated(a) && a != w.self {
			mine[a] = e.value
		}
	}
	if err := immutable(mine, o.own(have, w.self), p, w); err != nil {
		return err
	}
	if p.externalID != "" {
		mine[w.self] = p.externalID
	}
	for _, e := range p.externals {
		if !generated(e.authority) {
			mine[e.authority] = e.value
		}
	}
	next.externals = nil
	for _, authority := range slices.Sorted(maps.Keys(mine)) {
		value := mine[authority]
		if holder, taken := o.byExternal[externalKey(authority, value)]; taken && holder != i {
			return uniqueness("The external id is in use by another user.")
		}
		next.externals = append(next.externals, external{o.authorityID(authority), value})
	}
	slices.SortFunc(next.externals, func(a, b external) int { return cmp.Compare(a.authority, b.authority) })
	return nil
}

// own is the externalId of u for the client of an authority.
func (o *org) own(u *user, authority string) string {
	for _, e := range u.externals {
		if o.authorities.names[e.authority] == authority {
			return e.value
		}
	}
	return ""
}

// immutable refuses what would change a generated entry through externalIds:
// writing it, and, in a patched resource, leaving it out. others are those of
// other clients, was the writer's externalId before.
func immutable(others map[string]string, was string, p *profile, w writing) *scim.Error {
	seen := 0
	for _, e := range p.externals {
		value, known := others[e.authority]
		switch {
		case !generated(e.authority):
			continue
		case known && value == e.value:
		case e.authority == w.self && (e.value == p.externalID || e.value == was && was != ""):
		default:
			return refuse("mutability", "The external id of a SCIM client is changed as its externalId.")
		}
		seen++
	}
	expected := len(others)
	if was != "" {
		expected++
	}
	if !w.whole && !w.names && p.kept(was) && seen < expected {
		return refuse("mutability", "The external id of a SCIM client cannot be removed.")
	}
	return nil
}

// kept tells whether a patched resource still has the externalId it had.
func (p *profile) kept(was string) bool { return p.externalID == was }

func anyMissing(of, in []grant) bool {
	return slices.ContainsFunc(of, func(g grant) bool { return !slices.Contains(in, g) })
}

func extensionsDiffer(have, next *user) bool {
	return slices.ContainsFunc(next.phones, func(p phone) bool {
		return hasExtension(p.value) && !slices.ContainsFunc(have.phones, func(q phone) bool { return p.kind == q.kind && p.value == q.value })
	})
}
