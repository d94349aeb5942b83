package genesyssim

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"rollcall/target/genesysschema"
)

// A view is how a resource is looked at.
type view struct {
	show  projection
	base  string // URL of the SCIM tree that was asked
	self  string // authority of the reader's externalId
	truth bool   // late memberships as they will be
}

// An encoder appends JSON. Members and elements are separated by themselves.
type encoder struct {
	b       []byte
	scratch [2][]byte // for the extensions of a user
}

func (e *encoder) comma() {
	if n := len(e.b); n > 0 && e.b[n-1] != '{' && e.b[n-1] != '[' && e.b[n-1] != ':' {
		e.b = append(e.b, ',')
	}
}

func (e *encoder) open()              { e.comma(); e.b = append(e.b, '{') }
func (e *encoder) close(bracket byte) { e.b = append(e.b, bracket) }

func (e *encoder) key(name string) {
	e.comma()
	e.b = append(e.b, '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, '"', ':')
}

func (e *encoder) field(name string, bracket byte) {
	e.key(name)
	e.b = append(e.b, bracket)
}

func (e *encoder) string(s string) {
	e.comma()
	e.b = appendString(e.b, s)
}

// text is a member, left out where it is empty.
func (e *encoder) text(name, value string) {
	if value != "" {
		e.key(name)
		e.b = appendString(e.b, value)
	}
}

func (e *encoder) bool(name string, value bool) {
	e.key(name)
	e.b = strconv.AppendBool(e.b, value)
}

func (e *encoder) int(name string, value int64) {
	e.key(name)
	e.b = strconv.AppendInt(e.b, value, 10)
}

func (e *encoder) id(name string, g guid) {
	e.key(name)
	e.b = append(e.b, '"')
	e.b = append(g.append(e.b), '"')
}

// ref is a member with the URI of a resource.
func (e *encoder) ref(name, base, collection string, g guid) {
	e.key(name)
	e.b = append(e.b, '"')
	e.b = append(append(e.b, base...), collection...)
	e.b = append(g.append(e.b), '"')
}

// appendString appends a JSON string; few strings need escapes.
func appendString(b []byte, s string) []byte {
	plain := utf8.ValidString(s)
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] != '"' && s[i] != '\\'
	}
	if !plain {
		text, _ := json.Marshal(s) //nolint:errchkjson // a string always marshals
		return append(b, text...)
	}
	return append(append(append(b, '"'), s...), '"')
}

func (e *encoder) schemas(urns ...string) {
	e.field("schemas", '[')
	for _, u := range urns {
		e.string(u)
	}
	e.close(']')
}

func (e *encoder) meta(kind, collection string, id guid, modified int64, version int32, o *org, v view) {
	e.field("meta", '{')
	e.text("resourceType", kind)
	e.text("lastModified", stamp(modified))
	e.ref("location", v.base, collection, id)
	e.text("version", o.metaVersion(version))
	e.close('}')
}

// stamp is ISO-8601 with milliseconds.
func stamp(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format("2006-01-02T15:04:05.000Z")
}

func etag(version int32) string { return `"` + strconv.Itoa(int(version)) + `"` }

func (o *org) metaVersion(version int32) string {
	if o.knobs.quotedVersion {
		return etag(version)
	}
	return strconv.Itoa(int(version))
}

// user appends user i as v sees it.
func (e *encoder) user(o *org, i int32, v view) {
	u := o.users[i]
	e.open()
	e.userBody(o, i, u, v)
	e.close('}')
}

func (e *encoder) userBody(o *org, i int32, u *user, v view) {
	enterprise, genesys := e.enterpriseOf(o, u, v), e.genesysOf(o, u, v)
	urns := []string{genesysschema.UserURN}
	if len(enterprise) > 0 {
		urns = append(urns, genesysschema.EnterpriseURN)
	}
	if len(genesys) > 0 {
		urns = append(urns, genesysschema.GenesysURN)
	}
	e.schemas(urns...)
	e.id("id", u.id)
	e.text("userName", u.userName)
	e.bool("active", u.state == activeUser)
	e.core(o, i, u, v)
	if len(enterprise) > 0 {
		e.key(genesysschema.EnterpriseURN)
		e.b = append(e.b, enterprise...)
	}
	if len(genesys) > 0 {
		e.key(genesysschema.GenesysURN)
		e.b = append(e.b, genesys...)
	}
	e.meta("User", "/users/", u.id, u.modified, u.version, o, v)
}

func (e *encoder) core(o *org, i int32, u *user, v view) {
	if v.show&showDisplayName != 0 {
		e.text("displayName", u.displayName)
	}
	if v.show&showTitle != 0 {
		e.text("title", u.title)
	}
	if v.show&showExternalID != 0 {
		e.text("externalId", o.own(u, v.self))
	}
	if v.show&showEmails != 0 {
		e.emails(u)
	}
	if v.show&showPhones != 0 && len(u.phones) > 0 {
		e.phones(u, o.knobs.telForm)
	}
	if v.show&showRoles != 0 {
		e.roles(o, i, u)
	}
	if v.show&showGroups != 0 {
		e.groups(o, i, v)
	}
}

func (e *encoder) emails(u *user) {
	e.field("emails", '[')
	e.open()
	e.text("value", u.userName)
	e.text("type", genesysschema.MirrorType)
	e.bool("primary", !u.workPrimary)
	e.close('}')
	if u.work != "" {
		e.open()
		e.text("value", u.work)
		e.text("type", "work")
		e.bool("primary", u.workPrimary)
		e.close('}')
	}
	e.close(']')
}

func (e *encoder) phones(u *user, tel bool) {
	e.field("phoneNumbers", '[')
	for _, p := range u.phones {
		e.open()
		e.text("value", showPhone(p.value, tel))
		e.text("type", p.kind)
		e.bool("primary", p.primary)
		e.close('}')
	}
	e.close(']')
}

// roles are the direct ones and those of the user's groups, each once.
func (e *encoder) roles(o *org, i int32, u *user) {
	roles := make([]uint16, 0, len(u.grants))
	for _, g := range u.grants {
		roles = append(roles, g.role)
	}
	roles = append(roles, o.inherited(i)...)
	if len(roles) == 0 {
		return
	}
	slices.Sort(roles)
	e.field("roles", '[')
	for _, r := range slices.Compact(roles) {
		e.open()
		e.text("value", o.roles.names[r])
		e.close('}')
	}
	e.close(']')
}

func (e *encoder) groups(o *org, i int32, v view) {
	groups := o.groupsOf(i, v.truth)
	if len(groups) == 0 {
		return
	}
	e.field("groups", '[')
	for _, g := range groups {
		e.open()
		e.id("value", o.groups[g].id)
		e.text("type", "Group")
		e.ref("$ref", v.base, "/groups/", o.groups[g].id)
		e.close('}')
	}
	e.close(']')
}

// enterpriseOf is the object of the enterprise extension; empty where it has no members.
func (e *encoder) enterpriseOf(o *org, u *user, v view) []byte {
	x := encoder{b: e.scratch[0][:0]}
	defer func() { e.scratch[0] = x.b }()
	x.open()
	if v.show&showDivision != 0 {
		x.text(genesysschema.Division, o.divisions.names[u.division])
	}
	if v.show&showDepartment != 0 {
		x.text(genesysschema.Department, u.department)
	}
	if v.show&showManager != 0 && u.manager >= 0 && o.users[u.manager].state != deletedUser {
		x.field(genesysschema.Manager, '{')
		x.id("value", o.users[u.manager].id)
		x.ref("$ref", v.base, "/users/", o.users[u.manager].id)
		x.close('}')
	}
	if v.show&showNumber != 0 {
		x.text(genesysschema.EmployeeNumber, u.employeeNumber)
	}
	if v.show&showDateHire != 0 {
		x.text(genesysschema.DateHire, u.dateHire)
	}
	return x.object()
}

// object closes the object and is empty where nothing is in it.
func (e *encoder) object() []byte {
	if len(e.b) == 1 {
		return nil
	}
	e.close('}')
	return e.b
}

func (e *encoder) genesysOf(o *org, u *user, v view) []byte {
	x := encoder{b: e.scratch[1][:0]}
	defer func() { e.scratch[1] = x.b }()
	x.open()
	if v.show&showSkills != 0 {
		x.ratings(genesysschema.RoutingSkills, u.skills, o.skills)
	}
	if v.show&showLanguages != 0 {
		x.ratings(genesysschema.RoutingLanguages, u.languages, o.languages)
	}
	if v.show&showExternalIDs != 0 && len(u.externals) > 0 {
		x.field(genesysschema.ExternalIDs, '[')
		for _, ext := range u.externals {
			x.open()
			x.text("authority", o.authorities.names[ext.authority])
			x.text("value", ext.value)
			x.close('}')
		}
		x.close(']')
	}
	return x.object()
}

func (e *encoder) ratings(name string, list []rating, in *catalog) {
	if len(list) == 0 {
		return
	}
	e.field(name, '[')
	for _, r := range list {
		e.open()
		e.text("name", in.names[r.name])
		e.key("proficiency")
		e.b = strconv.AppendFloat(e.b, float64(r.level), 'f', -1, 32)
		e.close('}')
	}
	e.close(']')
}

// group appends group g as v sees it.
func (e *encoder) group(o *org, g int32, v view) {
	grp := o.groups[g]
	e.open()
	e.schemas(genesysschema.GroupURN)
	e.id("id", grp.id)
	if v.show&showDisplayName != 0 {
		e.text("displayName", grp.name)
	}
	if v.show&showExternalID != 0 {
		e.text("externalId", grp.externals[v.self])
	}
	if v.show&showMembers != 0 {
		e.field("members", '[')
		for _, m := range o.members(g, v.truth) {
			e.open()
			e.id("value", o.users[m].id)
			e.text("type", "User")
			e.ref("$ref", v.base, "/users/", o.users[m].id)
			e.close('}')
		}
		e.close(']')
	}
	e.meta("Group", "/groups/", grp.id, grp.modified, grp.version, o, v)
	e.close('}')
}
