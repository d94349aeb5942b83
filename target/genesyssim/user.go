package genesyssim

import (
	"slices"
	"time"
)

// A state is what has become of a user (dossier §5.5).
type state uint8

const (
	activeUser state = iota + 1
	inactiveUser
	deletedUser
)

func (s state) String() string {
	switch s {
	case activeUser:
		return "active"
	case inactiveUser:
		return "inactive"
	default:
		return "deleted"
	}
}

func parseState(word string) (state, bool) {
	for _, s := range []state{activeUser, inactiveUser, deletedUser} {
		if s.String() == word {
			return s, true
		}
	}
	return 0, false
}

// A user is kept without maps, as there may be a million. Names that come from
// a catalog are places in it.
type user struct {
	id                                   guid
	userName, displayName, title, work   string // work is the second e-mail
	department, employeeNumber, dateHire string
	phones                               []phone
	grants                               []grant // direct ones
	skills, languages                    []rating
	externals                            []external
	groups                               []int32 // sorted; for whatever reason
	modified                             int64   // milliseconds
	version, manager                     int32   // manager is -1 where there is none
	division                             uint16
	state                                state
	workPrimary                          bool
}

// A phone is a number of one type, in the form of parsePhone.
type phone struct {
	kind    string
	value   string
	primary bool
}

// A grant is a role in a division. SCIM shows the role only.
type grant struct{ role, division uint16 }

// A rating is a skill or language with a proficiency.
type rating struct {
	name  uint16
	level float32
}

// An external is an id in another system.
type external struct {
	authority uint16
	value     string
}

// touch makes a new version.
func (u *user) touch(now time.Time) {
	u.version++
	u.modified = now.UnixMilli()
}

// clone copies u deeply enough that changing the copy leaves u alone.
func (u *user) clone() *user {
	c := *u
	c.phones, c.grants = slices.Clone(u.phones), slices.Clone(u.grants)
	c.skills, c.languages = slices.Clone(u.skills), slices.Clone(u.languages)
	c.externals, c.groups = slices.Clone(u.externals), slices.Clone(u.groups)
	return &c
}

// sameProfile compares what the version covers; sameSecondary what it does not (dossier §4.4).
func (u *user) sameProfile(v *user) bool {
	return u.userName == v.userName && u.displayName == v.displayName && u.title == v.title && u.work == v.work &&
		u.department == v.department && u.employeeNumber == v.employeeNumber && u.dateHire == v.dateHire &&
		slices.Equal(u.phones, v.phones) && u.manager == v.manager && u.division == v.division && u.state == v.state &&
		u.workPrimary == v.workPrimary
}

func (u *user) sameSecondary(v *user) bool {
	return slices.Equal(u.grants, v.grants) && slices.Equal(u.skills, v.skills) && slices.Equal(u.languages, v.languages) &&
		slices.Equal(u.externals, v.externals)
}

// insertUser adds a new user to the organization and its indexes.
func (o *org) insertUser(u *user) int32 {
	i := int32(len(o.users)) // a billion users do not fit anyway
	o.users = append(o.users, u)
	o.byID[u.id] = i
	o.enlist(i)
	o.follow(i)
	return i
}

// replaceUser puts next in the place of user i, whose indexes follow. The
// version is the caller's business.
func (o *org) replaceUser(i int32, next *user) {
	o.delist(i)
	o.users[i] = next
	o.enlist(i)
	o.follow(i)
}

// delist takes user i out of every index but byID.
func (o *org) delist(i int32) {
	u := o.users[i]
	*o.list(u.state) = drop(*o.list(u.state), i)
	name := fold(u.userName)
	if u.state == deletedUser {
		if o.gone[name] == i {
			delete(o.gone, name)
		}
		return
	}
	delete(o.byName, name)
	o.byMail.remove(fold(u.work), i)
	o.byNumber.remove(u.employeeNumber, i)
	for _, e := range u.externals {
		delete(o.byExternal, externalKey(o.authorities.names[e.authority], e.value))
	}
}

func (o *org) enlist(i int32) {
	u := o.users[i]
	*o.list(u.state) = insert(*o.list(u.state), i)
	if u.state == deletedUser {
		o.gone[fold(u.userName)] = i
		return
	}
	o.byName[fold(u.userName)] = i
	o.byMail.add(fold(u.work), i)
	o.byNumber.add(u.employeeNumber, i)
	for _, e := range u.externals {
		o.byExternal[externalKey(o.authorities.names[e.authority], e.value)] = i
	}
}

// commit makes next the new form of user i, with the side effects of its new
// state and the version it deserves. A new password is a change that does not show.
func (o *org) commit(i int32, next *user, password bool, now time.Time) {
	have := o.users[i]
	if have.state == activeUser && next.state == inactiveUser {
		o.deactivate(i, next)
	}
	profile, secondary := password || !have.sameProfile(next), !have.sameSecondary(next)
	if !profile && !secondary {
		return
	}
	if profile || o.knobs.bumpSecondary {
		next.touch(now)
	}
	o.replaceUser(i, next)
}

// deactivate is what setting a user inactive takes away (dossier §5.5).
func (o *org) deactivate(i int32, next *user) {
	if !o.knobs.keepRoles {
		next.grants = nil
	}
	if o.knobs.dropInactive {
		o.leaveAll(i)
		next.groups = nil
	}
}

// remove deletes user i softly: what remains is the profile, in Home.
func (o *org) remove(i int32, now time.Time) {
	o.leaveAll(i)
	next := o.users[i].clone()
	next.state, next.division, next.grants, next.groups = deletedUser, home, nil, nil
	for p := range next.phones {
		next.phones[p].value = withoutExtension(next.phones[p].value)
	}
	next.touch(now)
	o.replaceUser(i, next)
}

// restored is a deleted user come back: same id, active, no roles, in Home.
// External ids that someone else has by now stay lost.
func (o *org) restored(i int32) *user {
	next := o.users[i].clone()
	next.state = activeUser
	next.externals = slices.DeleteFunc(next.externals, func(e external) bool {
		_, taken := o.byExternal[externalKey(o.authorities.names[e.authority], e.value)]
		return taken
	})
	return next
}
