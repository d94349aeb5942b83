package genesyssim

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// A shape is an attribute definition made for looking up names in any case.
type shape struct {
	scim.Attribute

	subs map[string]*shape // by folded name
}

func (s *shape) readOnly() bool { return strings.EqualFold(s.Mutability, "readOnly") }

// shapes are the attributes of a type: core ones by folded name, extensions by
// folded URN with their attributes as subs.
type shapes map[string]*shape

var shapesOf = sync.OnceValue(func() map[scim.Type]shapes {
	all := map[scim.Type]shapes{}
	for _, t := range genesysschema.Types() {
		s := shapes(subsOf(t.Core.Attributes))
		for _, e := range t.Extensions {
			s[fold(e.ID)] = &shape{Attribute: scim.Attribute{Name: e.ID, Type: "complex"}, subs: subsOf(e.Attributes)}
		}
		all[t.Type] = s
	}
	return all
})

func subsOf(attributes []scim.Attribute) map[string]*shape {
	subs := make(map[string]*shape, len(attributes))
	for _, a := range attributes {
		subs[fold(a.Name)] = &shape{Attribute: a, subs: subsOf(a.SubAttributes)}
	}
	return subs
}

// A cleaner brings bodies into the schema's spelling: it drops what only
// Genesys writes, and notes what the schema does not know.
type cleaner struct {
	core    shapes
	unknown []string
}

func newCleaner(t scim.Type) *cleaner { return &cleaner{core: shapesOf()[t]} }

// object is a whole resource, or the value of an operation without path.
func (c *cleaner) object(in map[string]any) map[string]any {
	out := make(map[string]any, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if s, sub := c.lookup(name); sub != nil {
			c.put(out, s.Name, sub, in[name])
		} else if s == nil {
			c.unknown = append(c.unknown, name)
		} else if !s.readOnly() {
			merge(out, s.Name, c.value(s, in[name]))
		}
	}
	return out
}

// lookup is the attribute of a name; for a name with an extension's URN before
// it, the extension and its attribute.
func (c *cleaner) lookup(name string) (s, sub *shape) {
	key := fold(name)
	if s, ok := c.core[key]; ok {
		return s, nil
	}
	i := strings.LastIndexByte(key, ':')
	if i < 0 {
		return nil, nil
	}
	urn, attr := key[:i], key[i+1:]
	if urn == fold(genesysschema.UserURN) || urn == fold(genesysschema.GroupURN) {
		return c.core[attr], nil
	}
	if s, ok := c.core[urn]; ok && s.subs[attr] != nil {
		return s, s.subs[attr]
	}
	return nil, nil
}

func (c *cleaner) put(out map[string]any, urn string, s *shape, in any) {
	if !s.readOnly() {
		merge(out, urn, map[string]any{s.Name: c.value(s, in)})
	}
}

// merge joins what two spellings of one extension gave.
func merge(out map[string]any, name string, value any) {
	have, ok := out[name].(map[string]any)
	if more, too := value.(map[string]any); ok && too {
		maps.Copy(have, more)
		return
	}
	out[name] = value
}

// value cleans what stands at s. Sub-attributes that the elements of a
// multi-valued attribute do not have are dropped in silence (dossier §5.2).
func (c *cleaner) value(s *shape, in any) any {
	switch v := in.(type) {
	case map[string]any:
		if len(s.subs) == 0 {
			return v
		}
		return c.element(s, v)
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, c.value(s, e))
		}
		return out
	}
	return in
}

func (c *cleaner) element(s *shape, in map[string]any) map[string]any {
	out := make(map[string]any, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		sub, known := s.subs[fold(name)]
		switch {
		case !known && !s.MultiValued:
			c.unknown = append(c.unknown, name)
		case known && !sub.readOnly():
			out[sub.Name] = c.value(sub, in[name])
		}
	}
	return out
}

// operations cleans the values of PATCH operations.
func (c *cleaner) operations(ops []scim.Op) []scim.Op {
	out := slices.Clone(ops)
	for i, op := range ops {
		if op.Value == "" {
			continue
		}
		value := op.Value.Any()
		if op.Path == "" {
			if object, ok := value.(map[string]any); ok {
				out[i].Value = scim.ValueOf(c.object(object))
			}
			continue
		}
		if s := c.target(op.Path.Parts()); s != nil && !s.readOnly() {
			out[i].Value = scim.ValueOf(c.value(s, value))
		}
	}
	return out
}

// target is the attribute a path ends at; nil where the schema has none.
func (c *cleaner) target(p scim.Parts) *shape {
	if ext, ok := c.core[fold(string(p.Path()))]; ok {
		return ext
	}
	name := p.Attr
	if p.URN != "" {
		name = p.URN + ":" + p.Attr
	}
	s, sub := c.lookup(name)
	if sub != nil {
		s = sub
	}
	if s == nil || p.Sub == "" {
		return s
	}
	return s.subs[fold(p.Sub)]
}
