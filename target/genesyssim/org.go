package genesyssim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rollcall/target/genesysschema"
)

// An org is the organization's data. It has no lock of its own: the server's
// guards it. Users are named by their place in users, groups by theirs in groups.
type org struct {
	ids   *rand.Rand // of new resources
	knobs *knobs
	id    guid

	users    []*user
	active   []int32 // users by state, in the order of users
	inactive []int32
	deleted  []int32

	byID       map[guid]int32
	byName     map[string]int32 // folded userName of users who are not deleted
	gone       map[string]int32 // folded userName of the last deleted user
	byMail     index            // folded work e-mail
	byNumber   index            // employeeNumber
	byExternal map[string]int32 // authority, NUL, value

	groups      []*group
	groupByID   map[guid]int32
	groupByName map[string]int32 // folded
	ruled       []int32          // groups with a rule

	roles, divisions, skills, languages *catalog
	authorities                         *catalog // of external ids

	late  []late // memberships that are not visible yet
	bumps []bump // versions that advance by themselves
}

// A late membership was written but does not show before its time.
type late struct {
	group, user int32
	joined      bool
	at          time.Time
}

// A bump is a version that advances at its time.
type bump struct {
	user int32
	at   time.Time
}

// home is the division every organization has.
const home = 0

func newOrg(c Config, k *knobs) *org {
	o := &org{
		ids: rand.New(rand.NewPCG(uint64(c.Seed), 1)), knobs: k, //nolint:gosec // ids that follow from a seed are the purpose
		byID: make(map[guid]int32, c.Users.Count), byName: make(map[string]int32, c.Users.Count), gone: map[string]int32{},
		byMail: newIndex(0), byNumber: newIndex(c.Users.Count), byExternal: make(map[string]int32, c.Users.Count),
		groupByID: map[guid]int32{}, groupByName: map[string]int32{},
		roles: newCatalog(), divisions: newCatalog(), skills: newCatalog(), languages: newCatalog(), authorities: newCatalog(),
	}
	o.id = o.newID()
	o.divisions.add("Home", o.newID)
	for _, l := range []struct {
		into  *catalog
		names []string
	}{{o.roles, c.Roles}, {o.divisions, c.Divisions}, {o.skills, c.Skills}, {o.languages, c.Languages}} {
		for _, n := range l.names {
			l.into.add(n, o.newID)
		}
	}
	return o
}

func (o *org) newID() guid { return newGUID(o.ids) }

// settle lets happen what time has brought by now.
func (o *org) settle(now time.Time) {
	o.late = slices.DeleteFunc(o.late, func(l late) bool { return !l.at.After(now) })
	o.bumps = slices.DeleteFunc(o.bumps, func(b bump) bool {
		if b.at.After(now) {
			return false
		}
		o.users[b.user].touch(b.at)
		return true
	})
}

// authority is under which the externalId of a client is kept (dossier §5.3).
func (o *org) authority(client string) string {
	if o.knobs.idPerOrg {
		return genesysschema.ClientAuthority
	}
	return genesysschema.ClientAuthority + ":" + client
}

func (o *org) authorityID(name string) uint16 {
	return o.authorities.add(name, func() guid { return guid{byte(len(o.authorities.names)), byte(len(o.authorities.names) >> 8)} })
}

// generated tells whether Genesys itself made this authority for a SCIM externalId.
func generated(authority string) bool {
	return strings.HasPrefix(authority, genesysschema.ClientAuthority)
}

func externalKey(authority, value string) string { return authority + "\x00" + value }

// find is the user of a public id; deleted users are found too.
func (o *org) find(id string) (int32, bool) {
	g, ok := parseGUID(id)
	if !ok {
		return 0, false
	}
	i, ok := o.byID[g]
	return i, ok
}

// live is the user of a public id, unless deleted.
func (o *org) live(id string) (int32, bool) {
	i, ok := o.find(id)
	return i, ok && o.users[i].state != deletedUser
}

// who is the user named by id, userName or externalId of any client; deleted ones by id only.
func (o *org) who(name string) (int32, bool) {
	if i, ok := o.find(name); ok {
		return i, true
	}
	if i, ok := o.byName[fold(name)]; ok {
		return i, true
	}
	for _, a := range o.authorities.names {
		if i, ok := o.byExternal[externalKey(a, name)]; ok && generated(a) {
			return i, true
		}
	}
	return 0, false
}

func (o *org) findGroup(id string) (int32, bool) {
	g, ok := parseGUID(id)
	if !ok {
		return 0, false
	}
	i, ok := o.groupByID[g]
	return i, ok
}

// list is the users of a state, in the order of users.
func (o *org) list(s state) *[]int32 {
	switch s {
	case activeUser:
		return &o.active
	case inactiveUser:
		return &o.inactive
	default:
		return &o.deleted
	}
}
