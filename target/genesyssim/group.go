package genesyssim

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// A group is made by configuration only. Its members are the individual ones,
// which SCIM writes, and the fixed ones: owners and whoever the rule matches.
type group struct {
	id         guid
	name       string
	externals  map[string]string // authority of a client to its externalId
	individual []int32           // sorted
	owners     []int32           // sorted
	ruled      []int32           // sorted
	rule       *rule
	roles      []uint16
	version    int32
	modified   int64
}

// fixed tells whether u is a member that SCIM cannot remove.
func (g *group) fixed(u int32) bool { return has(g.owners, u) || has(g.ruled, u) }

func (g *group) member(u int32) bool { return has(g.individual, u) || g.fixed(u) }

func (g *group) touch(now time.Time) {
	g.version++
	g.modified = now.UnixMilli()
}

func (o *org) insertGroup(g *group) int32 {
	i := int32(len(o.groups)) // groups are in the configuration
	o.groups = append(o.groups, g)
	o.groupByID[g.id] = i
	o.groupByName[fold(g.name)] = i
	if g.rule != nil {
		o.ruled = append(o.ruled, i)
	}
	return i
}

// enter makes u an individual member of g; it tells whether that is news.
func (o *org) enter(g, u int32) bool {
	if has(o.groups[g].individual, u) {
		return false
	}
	o.groups[g].individual = insert(o.groups[g].individual, u)
	o.users[u].groups = insert(o.users[u].groups, g)
	return true
}

// leave ends the individual membership of u in g; fixed members stay.
func (o *org) leave(g, u int32) bool {
	if !has(o.groups[g].individual, u) {
		return false
	}
	o.groups[g].individual = drop(o.groups[g].individual, u)
	o.recount(g, u)
	return !o.groups[g].fixed(u)
}

// recount brings the user's list of groups in line with group g.
func (o *org) recount(g, u int32) {
	if o.groups[g].member(u) {
		o.users[u].groups = insert(o.users[u].groups, g)
		return
	}
	o.users[u].groups = drop(o.users[u].groups, g)
}

// leaveAll ends every membership of u.
func (o *org) leaveAll(u int32) {
	for _, g := range slices.Clone(o.users[u].groups) {
		grp := o.groups[g]
		grp.individual, grp.owners, grp.ruled = drop(grp.individual, u), drop(grp.owners, u), drop(grp.ruled, u)
	}
	o.users[u].groups = nil
	o.late = slices.DeleteFunc(o.late, func(l late) bool { return l.user == u })
}

// follow lets the rules of groups take notice of user i.
func (o *org) follow(i int32) {
	attributes := sync.OnceValue(func() map[string]any { // of many rules none or all may ask
		return flat(o.attributes(i, view{show: showAll &^ showGroups, truth: true}))
	})
	for _, g := range o.ruled {
		grp := o.groups[g]
		if o.users[i].state == activeUser && grp.rule.match(o, i, attributes) {
			grp.ruled = insert(grp.ruled, i)
		} else {
			grp.ruled = drop(grp.ruled, i)
		}
		o.recount(g, i)
	}
}

// inherited are the roles that user i has by groups.
func (o *org) inherited(i int32) []uint16 {
	var roles []uint16
	for _, g := range o.users[i].groups {
		roles = append(roles, o.groups[g].roles...)
	}
	return roles
}

// members are those of group g that show: with truth, all.
func (o *org) members(g int32, truth bool) []int32 {
	grp := o.groups[g]
	all := grp.individual
	if len(grp.owners)+len(grp.ruled) > 0 {
		all = slices.Concat(grp.individual, grp.owners, grp.ruled)
		slices.Sort(all)
		all = slices.Compact(all)
	}
	if truth || len(o.late) == 0 {
		return all
	}
	all = slices.Clone(all)
	for _, l := range o.late {
		if l.group == g {
			all = l.before(all, l.user)
		}
	}
	return all
}

// groupsOf are the groups of user i that show.
func (o *org) groupsOf(i int32, truth bool) []int32 {
	all := o.users[i].groups
	if truth || len(o.late) == 0 {
		return all
	}
	all = slices.Clone(all)
	for _, l := range o.late {
		if l.user == i {
			all = l.before(all, l.group)
		}
	}
	return all
}

// before is a sorted list as it was before the change that does not show yet
// put x in or took it out.
func (l late) before(all []int32, x int32) []int32 {
	if l.joined {
		return drop(all, x)
	}
	return insert(all, x)
}

// A rule is a filter that makes members. One that only compares simple
// attributes is answered without the user's JSON: with a million users that is
// the difference.
type rule struct {
	filter *scim.Filter
	pairs  map[string]string // folded attribute to folded value; nil where the filter needs more
}

func parseRule(text string) (*rule, error) {
	f, err := scim.ParseFilter(text, scim.FilterOptions{})
	if err != nil {
		return nil, err
	}
	r := &rule{filter: f}
	equalities, ok := f.Equalities()
	if !ok {
		return r, nil
	}
	pairs := map[string]string{}
	for path, value := range equalities {
		text, isText := value.Text()
		name := ruleName(string(path))
		if _, simple := simpleField(&org{}, nil, name); !simple || !isText {
			return r, nil
		}
		pairs[name] = fold(text)
	}
	r.pairs = pairs
	return r, nil
}

func ruleName(path string) string {
	for _, urn := range []string{genesysschema.UserURN, genesysschema.EnterpriseURN} {
		path = strings.TrimPrefix(path, urn+":")
	}
	return fold(path)
}

// simpleField is the text of an attribute by its folded name; u nil only asks whether there is one.
func simpleField(o *org, u *user, name string) (string, bool) {
	if u == nil {
		u, o = &user{}, &org{divisions: &catalog{names: []string{""}}}
	}
	switch name {
	case "username":
		return u.userName, true
	case "displayname":
		return u.displayName, true
	case "title":
		return u.title, true
	case "department":
		return u.department, true
	case "employeenumber":
		return u.employeeNumber, true
	case "division":
		return o.divisions.names[u.division], true
	default:
		return "", false
	}
}

func (r *rule) match(o *org, i int32, attributes func() map[string]any) bool {
	if r.pairs == nil {
		return r.filter.Match(attributes(), "", nil)
	}
	for name, want := range r.pairs {
		if have, _ := simpleField(o, o.users[i], name); fold(have) != want {
			return false
		}
	}
	return true
}

// flat lets a rule name the attributes of extensions without their URN.
func flat(attrs map[string]any) map[string]any {
	for _, urn := range []string{genesysschema.EnterpriseURN, genesysschema.GenesysURN} {
		extension, _ := attrs[urn].(map[string]any)
		for name, value := range extension {
			attrs[name] = value
		}
	}
	return attrs
}

// attributes are those of user i as decoded JSON.
func (o *org) attributes(i int32, v view) map[string]any {
	var e encoder
	e.user(o, i, v)
	return decoded(e.b)
}

func decoded(text []byte) map[string]any {
	var attrs map[string]any
	if err := json.Unmarshal(text, &attrs); err != nil {
		panic("genesyssim: what was rendered is not JSON: " + err.Error())
	}
	return attrs
}
