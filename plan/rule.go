package plan

import (
	"maps"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target"
)

// A rule is a [Rule] with what the dialect says of its path.
type rule struct {
	Rule

	at        int // in Input.Users
	set       *target.Set
	id        string // identifies an element of set
	catalog   target.Catalog
	names     map[string]string // of catalog; nil: not checked
	known     []string          // names, sorted
	roles     bool              // its elements are roles
	reference bool
	secondary bool
}

// compile reads the input once.
func (b *Builder) compile() {
	d := b.in.Dialect
	b.labels = make(map[scim.Path]string, len(d.Short))
	for _, short := range slices.Sorted(maps.Keys(d.Short)) {
		b.labels[d.Short[short]] = short
	}
	for _, r := range b.in.Rules {
		at := b.in.Users.Index(r.Path)
		if at < 0 {
			continue
		}
		c := rule{Rule: r, at: at, secondary: slices.Contains(d.Secondary, r.Path), reference: slices.Contains(d.References, r.Path)}
		c.NoClaim = c.NoClaim || b.in.Policy.NoClaim
		if s, ok := d.Sets[r.Path]; ok {
			c.set = &s
			if len(s.Sub) > 0 {
				c.id = s.Sub[0]
			}
			if c.Own == Managed {
				c.Own = Exact
			}
		} else if c.Own == Exact || c.Own == Mine || c.Own == Additive {
			c.Own = Managed
		}
		if c.catalog = d.Named[r.Path]; c.catalog != "" {
			c.names = b.in.Names[c.catalog]
			c.known = slices.Sorted(maps.Keys(c.names))
			c.roles = c.catalog == target.Roles
		}
		b.rules = append(b.rules, c)
	}
	b.compileNames()
}

func (b *Builder) compileNames() {
	holds := true
	for _, p := range b.in.Policy.Match {
		if at := b.in.Users.Index(p); at >= 0 {
			b.names = append(b.names, matcher{path: p, at: at})
			holds = holds && p != userName
		}
	}
	if at := b.in.Users.Index(userName); holds && at >= 0 {
		b.names = append(b.names, matcher{path: userName, at: at, holds: true})
	}
}

// spell is name as the catalog has it: in the same case for skills and
// languages, which are case-sensitive, in any case for roles and divisions. ok
// is false where the catalog does not have it.
func (r *rule) spell(name string) (_ string, ok bool) {
	if _, exact := r.names[name]; exact || r.names == nil {
		return name, true
	}
	if r.catalog == target.Skills || r.catalog == target.Languages {
		return name, false
	}
	for _, k := range r.known {
		if strings.EqualFold(k, name) {
			return k, true
		}
	}
	return name, false
}

// spelled is v with its name as the catalog has it.
func (r *rule) spelled(v scim.Value) (_ scim.Value, ok bool) {
	name, isText := identity(v, r.id).Text()
	if r.names == nil || !isText {
		return v, true
	}
	spelling, ok := r.spell(name)
	if !ok || spelling == name {
		return v, ok
	}
	if r.id == "" || v[0] != '{' {
		return scim.ValueOf(spelling), true
	}
	object, _ := v.Any().(map[string]any)
	for member := range object {
		if strings.EqualFold(member, r.id) {
			object[member] = spelling
		}
	}
	return scim.ValueOf(object), true
}

// label is p as people call it.
func (b *Builder) label(p scim.Path) string {
	if short, ok := b.labels[p]; ok {
		return short
	}
	return string(p)
}

// nearest is a hint for an unknown name.
func nearest(name string, known []string) string {
	if n := fault.Nearest(name, known); n != "" {
		return "; the nearest is " + quote(n)
	}
	return ""
}

func quote(s string) string { return string(scim.ValueOf(s)) }

// Roles that nobody is given or loses through data unless the policy says so.
var guarded = []string{"admin", "Master Admin"}

// Guards tells whether neither data nor a file of operations may grant or take
// the role v, an element that id identifies.
func (p Policy) Guards(v scim.Value, id string) bool {
	name, ok := identity(v, id).Text()
	if !ok {
		return false
	}
	for k, r := range p.Roles {
		if strings.EqualFold(k, name) {
			return !r.Change
		}
	}
	is := func(g string) bool { return strings.EqualFold(g, name) }
	return slices.ContainsFunc(guarded, is) || slices.ContainsFunc(p.OwnRoles, is)
}

// Protects tells whether a user of this name is never touched.
func (p Policy) Protects(name string) bool {
	return slices.ContainsFunc(p.Protect, func(pattern string) bool {
		return wild(strings.ToLower(pattern), strings.ToLower(name))
	})
}

// wild tells whether text is pattern, in which * stands for any text.
func wild(pattern, text string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	rest, ok := strings.CutPrefix(text, head)
	for ok && !wild(tail, rest) {
		if rest == "" {
			return false
		}
		rest = rest[1:]
	}
	return ok
}
