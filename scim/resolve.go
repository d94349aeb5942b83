package scim

import (
	"strings"

	"rollcall/fault"
)

// Resolve finds the attribute that p ends at and spells p as the schema does.
// Errors are *Error with invalidPath and, in their text, the nearest known name.
//
// The URN of an extension ends at a complex attribute of its attributes. A core
// attribute loses its URN.
func (s *Schema) Resolve(t Type, p Path) (Path, Attribute, error) {
	r := s.of(t)
	if r == nil {
		return "", Attribute{}, refuse(invalidPath, "path %q: no schema for %s", head(p), t)
	}
	at, err := r.target(p)
	if err != nil {
		return "", Attribute{}, err
	}
	return at.path(), at.end().Attribute, nil
}

// A target is where a path points.
type target struct {
	attr   *node
	filter *Filter
	sub    *node // nil for the whole
}

// end is the node the path ends at.
func (t target) end() *node {
	if t.sub != nil {
		return t.sub
	}
	return t.attr
}

// path is the canonical path of t.
func (t target) path() Path {
	p := t.attr.path
	if t.filter != nil {
		p += "[" + Path(t.filter.String()) + "]"
	}
	if t.sub != nil {
		p += "." + Path(t.sub.Name)
	}
	return p
}

func (r *resourceType) target(p Path) (target, *Error) {
	parts, err := parseParts(string(p))
	if err != nil {
		return target{}, err
	}
	parts = r.scope(parts)
	attr := r.nodes[strings.ToLower(string(parts.Base()))]
	if attr == nil {
		return target{}, r.unknown(parts)
	}
	at := target{attr: attr}
	if parts.Sub != "" {
		if at.sub = attr.sub(parts.Sub); at.sub == nil {
			return target{}, r.unknown(parts)
		}
	}
	if parts.Filter == nil {
		return at, nil
	}
	if !attr.MultiValued {
		return target{}, refuse(invalidPath, "path %q: it has one value, which takes no filter", attr.path)
	}
	at.filter, err = r.spell(attr, parts.Filter)
	return at, err
}

// scope decides where URN and attribute meet, which grammar cannot: it drops
// the core URN and spells the others.
func (r *resourceType) scope(p Parts) Parts {
	if p.URN == "" {
		return p
	}
	whole := string(p.Base())
	if urn := r.urn(whole); urn != "" && p.Filter == nil && p.Sub == "" {
		return Parts{URN: urn}
	}
	if p.Attr == "" {
		i := strings.LastIndexByte(whole, ':')
		p.URN, p.Attr = whole[:i], whole[i+1:]
	}
	if urn := r.urn(p.URN); urn != "" {
		p.URN = urn
	}
	if strings.EqualFold(p.URN, r.urns[0]) {
		p.URN = ""
	}
	return p
}

// urn is the schema's spelling of a URN, "" for an unknown one.
func (r *resourceType) urn(text string) string {
	for _, u := range r.urns {
		if strings.EqualFold(u, text) {
			return u
		}
	}
	return ""
}

// unknown says that p is not in the schema, and what may have been meant.
func (r *resourceType) unknown(p Parts) *Error {
	p.Filter = nil
	name := string(p.Path())
	near := fault.Nearest(name, r.known)
	for _, k := range r.known {
		if _, short, ok := cutLast(k, ':'); ok && p.URN == "" && strings.EqualFold(short, name) {
			near = k
		}
	}
	if near == "" {
		return refuse(invalidPath, "path %q: %s has no such attribute", name, r.name)
	}
	return refuse(invalidPath, "path %q: %s has no such attribute; did you mean %s?", name, r.name, near)
}

func cutLast(s string, c byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, c)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// spell is the value filter f with the names of attr's sub-attributes as the schema has them.
func (r *resourceType) spell(attr *node, f *Filter) (*Filter, *Error) {
	g := *f
	g.terms = make([]*Filter, len(f.terms))
	for i, t := range f.terms {
		var err *Error
		if g.terms[i], err = r.spell(attr, t); err != nil {
			return nil, err
		}
	}
	if f.op == opAnd || f.op == opOr || f.op == opNot {
		return &g, nil
	}
	sub := attr.sub(f.attr.Attr)
	switch {
	case !attr.complex() && strings.EqualFold(f.attr.Attr, "value"):
		g.attr.Attr = "value"
	case sub == nil || f.attr.URN != "" || f.attr.Sub != "":
		return nil, r.unknown(Parts{URN: attr.urn, Attr: attr.Name, Sub: string(f.attr.Path())})
	default:
		g.attr.Attr = sub.Name
	}
	return &g, nil
}

// caseExact tells that strings at p, in whatever type has it, are compared by case.
func (s *Schema) caseExact(p Parts) bool {
	for _, r := range s.types {
		at := r.scope(p)
		n := r.nodes[strings.ToLower(string(Parts{URN: at.URN, Attr: at.Attr, Sub: at.Sub}.Path()))]
		if n == nil {
			continue
		}
		if value := n.sub("value"); value != nil {
			n = value
		}
		return n.CaseExact
	}
	return false
}

// head is p up to its filter, whose values stay out of messages.
func head(p Path) string {
	text, _, _ := strings.Cut(string(p), "[")
	return text
}
