package genesys

import (
	"net/url"
	"slices"
	"strings"

	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesysschema"
)

// A cutter makes rows of one shape from resources. It is for one goroutine.
type cutter struct {
	shape *scim.Shape
	asked []cut
	row   *scim.RowBuilder
}

type cut struct {
	index int
	path  scim.Path
	form  form
	own   bool // of externalIds: leaves out what the service keeps there for itself
}

// newCutter is for the paths that were asked; nil: the whole shape.
func newCutter(s *scim.Shape, asked []scim.Path) *cutter {
	c := &cutter{shape: s, row: scim.NewRow(s)}
	for i, p := range s.Paths() {
		if asked == nil || slices.Contains(asked, p) {
			c.asked = append(c.asked, cut{index: i, path: p, form: formOf(p), own: p == externalIDs})
		}
	}
	return c
}

// cut is r in canonical form. A value that has none is kept as it came: the
// service may hold what it would not take.
func (c *cutter) cut(r scim.Resource) scim.Row {
	for _, a := range c.asked {
		values := r.At(a.path)
		for i, v := range values {
			if canon, err := a.form(v); err == nil {
				values[i] = canon
			}
		}
		if a.own {
			values = slices.DeleteFunc(values, func(v scim.Value) bool {
				authority, _ := v.Sub("authority").Text()
				return strings.HasPrefix(authority, genesysschema.ClientAuthority)
			})
		}
		c.row.Set(a.index, values...)
	}
	return c.row.Row()
}

// observed is a resource that is there. An answer without active is of a group.
func (c *cutter) observed(r scim.Resource) target.Observed {
	state := target.Active
	if v := r.At(active); len(v) == 1 && v[0] == "false" {
		state = target.Inactive
	}
	return target.Observed{Ref: r.Ref, State: state, Row: c.cut(r)}
}

// projection asks for the attributes of the paths, and no others: what always
// comes is enough where there are none. Repeated parameters are what the
// definition declares (dossier §8.1).
func (c *cutter) projection(t scim.Type) url.Values {
	schema := genesysschema.Schema()
	names := []string{"id"}
	for _, a := range c.asked {
		parts := a.path.Parts()
		p := scim.Parts{URN: parts.URN, Attr: parts.Attr}.Path()
		spelled, attribute, err := schema.Resolve(t, p)
		if err != nil || attribute.Returned == "never" || spelled == "schemas" {
			continue
		}
		if !slices.Contains(names, string(spelled)) {
			names = append(names, string(spelled))
		}
	}
	return url.Values{"attributes": names}
}

// kind is the kind of list that the asked paths make.
func (c *cutter) kind(t scim.Type) string {
	if t == scim.Group {
		return grouped
	}
	secondary := Dialect().Secondary
	for _, a := range c.asked {
		parts := a.path.Parts()
		if slices.Contains(secondary, scim.Parts{URN: parts.URN, Attr: parts.Attr}.Path()) {
			return heavy
		}
	}
	return light
}
