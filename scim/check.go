package scim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Check reports every fault of ops before they are sent: verb, path, mutability,
// value type (RFC 7644 §3.5.2). Each fault is an *Error with Index set.
//
// null passes as a value: it means no value. What depends on the resource (that
// a read-only attribute has the value already, that a filter matches) is left
// to [Schema.Patch].
func (s *Schema) Check(t Type, ops []Op) []*Error {
	r := s.of(t)
	if r == nil {
		return []*Error{refuse(invalidPath, "no schema for %s", t)}
	}
	var all []*Error
	for i, op := range ops {
		c := checker{types: r}
		c.op(op)
		for _, e := range c.faults {
			e.Index = i
		}
		all = append(all, c.faults...)
	}
	return all
}

// A checker collects the faults of one operation.
type checker struct {
	types  *resourceType
	faults []*Error
}

func (c *checker) report(err *Error) { c.faults = append(c.faults, err) }

func (c *checker) op(op Op) {
	verb, ok := ParseVerb(string(op.Verb))
	if !ok {
		c.report(refuse(invalidSyntax, "op %q must be add, replace or remove", op.Verb))
		return
	}
	if verb != Remove && op.Value == "" {
		c.report(refuse(invalidValue, "%s %q: no value", verb, head(op.Path)))
	}
	if op.Path == "" {
		c.pathless(verb, op.Value)
		return
	}
	at, err := c.types.target(op.Path)
	if err != nil {
		c.report(err)
		return
	}
	switch {
	case verb == Remove:
		c.remove(at)
	case op.Value != "":
		c.write(at, op.Value.Any())
	}
}

func (c *checker) pathless(verb Verb, v Value) {
	if verb == Remove {
		c.report(refuse(noTarget, "remove: no path"))
		return
	}
	o, ok := v.Any().(map[string]any)
	if !ok && v != "" {
		c.report(refuse(invalidValue, "%s without path: the value is not an object", verb))
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if strings.EqualFold(name, "schemas") {
			continue
		}
		at, err := c.types.target(Path(name))
		if err != nil {
			c.report(err)
			continue
		}
		c.write(at, o[name])
	}
}

func (c *checker) remove(at target) {
	n := at.end()
	whole := at.filter == nil || at.sub != nil
	switch {
	case at.attr.readOnly() || n.readOnly():
		c.report(refuse(mutability, "remove %q: the attribute is read-only", n.path))
	case whole && n.immutable():
		c.report(refuse(mutability, "remove %q: the attribute is immutable", n.path))
	case whole && n.Required:
		c.report(refuse(mutability, "remove %q: the attribute is required", n.path))
	}
}

// write checks the value of an add or a replace.
func (c *checker) write(at target, v any) {
	n := at.end()
	switch {
	case at.attr.readOnly() || n.readOnly():
		c.report(refuse(mutability, "%q: the attribute is read-only", n.path))
	case v == nil:
		c.remove(at)
	case at.filter != nil && at.sub == nil:
		c.value(n, v)
	default:
		c.values(n, v)
	}
}

func (c *checker) values(n *node, v any) {
	if !n.MultiValued {
		c.value(n, v)
		return
	}
	primaries := 0
	for _, e := range list(v) {
		c.value(n, e)
		if isPrimary(e) {
			primaries++
		}
	}
	if primaries > 1 {
		c.report(refuse(invalidValue, "%q: more than one element is primary", n.path))
	}
}

// value checks one value or element, and what is in it.
func (c *checker) value(n *node, v any) {
	if !n.complex() {
		if err := n.fits(v); err != nil {
			c.report(err)
		}
		return
	}
	o, ok := v.(map[string]any)
	if !ok {
		c.report(refuse(invalidValue, "%q: the value is not an object", n.path))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		sub := n.sub(name)
		switch {
		case sub == nil:
			c.report(c.types.unknown(n.inside(name)))
		case o[name] == nil || sub.readOnly() && !n.extension():
		case sub.readOnly():
			c.report(refuse(mutability, "%q: the attribute is read-only", sub.path))
		default:
			c.values(sub, o[name])
		}
	}
}

// inside is the parts of the path of n's member name.
func (n *node) inside(name string) Parts {
	if n.extension() {
		return Parts{URN: n.urn, Attr: name}
	}
	return Parts{URN: n.urn, Attr: n.Name, Sub: name}
}

// fits tells what is wrong with the simple value v for n's type (RFC 7643 §2.3).
func (n *node) fits(v any) *Error {
	ok, want := true, ""
	switch strings.ToLower(n.Type) {
	case "string", "reference", "binary":
		_, ok = v.(string)
		want = "a string"
	case "datetime":
		text, isText := v.(string)
		if isText && text != "" {
			_, isText = instant(text)
		}
		ok, want = isText, "a dateTime such as 2026-01-31T08:00:00Z"
	case "boolean":
		_, ok = v.(bool)
		want = "true or false, without quotes"
	case "decimal":
		ok, want = isNumber(v), "a number"
	case "integer":
		ok, want = isNumber(v) && isWhole(v), "an integer"
	}
	if ok {
		return nil
	}
	return refuse(invalidValue, "%q: the value is not %s", n.path, want)
}

func isNumber(v any) bool {
	switch v.(type) {
	case float64, json.Number:
		return true
	}
	return false
}

// isWhole tells that the number v has no fraction.
func isWhole(v any) bool {
	_, _, exp, _ := decimal(string(ValueOf(v))) //nolint:dogsled // a fraction is a matter of the exponent
	return exp >= 0
}
