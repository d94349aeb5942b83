package scim

import (
	"maps"
	"slices"
	"strings"
)

// A patcher applies operations to decoded JSON without modifying it: each
// method answers the new value, which is the old one where nothing changes,
// and nil where nothing is left.
type patcher struct {
	schema *Schema
	types  *resourceType
	o      PatchOptions
}

func (p patcher) apply(attrs map[string]any, op Op) (map[string]any, *Error) {
	verb, ok := ParseVerb(string(op.Verb))
	switch {
	case !ok:
		return nil, refuse(invalidSyntax, "operation: op must be add, replace or remove")
	case verb != Remove && op.Value == "":
		return nil, refuse(invalidValue, "%s %q: no value", verb, head(op.Path))
	case op.Path == "" && verb == Remove:
		return nil, refuse(noTarget, "remove: no path")
	}
	v := op.Value.Any()
	if op.Path == "" {
		o, ok := v.(map[string]any)
		if !ok {
			return nil, refuse(invalidValue, "%s without path: the value is not an object", verb)
		}
		return p.each(attrs, verb, "", o)
	}
	at, err := p.types.target(op.Path)
	if err != nil {
		return nil, err
	}
	return p.at(attrs, verb, at, v)
}

// each applies verb to every member of o: attributes of the schema urn, or
// paths from the resource on for "".
func (p patcher) each(attrs map[string]any, verb Verb, urn string, o map[string]any) (map[string]any, *Error) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if urn == "" && strings.EqualFold(name, "schemas") {
			continue
		}
		at, err := p.named(urn, name)
		if err == nil {
			attrs, err = p.at(attrs, verb, at, o[name])
		} else if p.o.IgnoreUnknown || verb == Remove {
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	return attrs, nil
}

// named is the target that a member of an object without path names.
func (p patcher) named(urn, name string) (target, *Error) {
	if urn == "" {
		return p.types.target(Path(name))
	}
	return p.types.target(Parts{URN: urn, Attr: name}.Path())
}

// at applies verb at a target of the resource.
func (p patcher) at(attrs map[string]any, verb Verb, at target, v any) (map[string]any, *Error) {
	n := at.attr
	if n.extension() {
		return p.extension(attrs, verb, n, v)
	}
	holder := attrs
	if n.urn != "" {
		holder, _ = member(attrs, n.urn).(map[string]any)
	}
	old := member(holder, n.Name)
	now, err := p.change(old, verb, at, v)
	if err != nil || same(old, now) {
		return attrs, err
	}
	holder = put(holder, n.Name, now)
	if n.urn == "" {
		return holder, nil
	}
	return put(attrs, n.urn, nonempty(holder)), nil
}

// extension applies verb to all attributes of an extension.
func (p patcher) extension(attrs map[string]any, verb Verb, n *node, v any) (map[string]any, *Error) {
	if v == nil && (verb == Remove || !p.o.KeepEmpty) {
		o, _ := member(attrs, n.urn).(map[string]any)
		v, verb = maps.Clone(o), Remove
		for k := range o {
			v.(map[string]any)[k] = nil
		}
	}
	o, ok := v.(map[string]any)
	if !ok && v != nil {
		return nil, refuse(invalidValue, "%s %q: the value is not an object", verb, n.path)
	}
	return p.each(attrs, verb, n.urn, o)
}

// change applies verb at a target, whose attribute has the value old.
func (p patcher) change(old any, verb Verb, at target, v any) (now any, err *Error) {
	if verb != Remove && isEmpty(v) && p.o.KeepEmpty {
		return old, nil
	}
	if verb != Remove && v == nil {
		verb = Remove
	}
	n := at.attr
	switch {
	case n.readOnly() || at.sub != nil && at.sub.readOnly():
		return p.settled(old, verb, at, v)
	case at.filter != nil:
		now, err = p.selected(old, verb, at, v)
	case at.sub != nil:
		now, err = p.within(old, verb, at, v)
	case verb == Remove:
		now = p.remove(old, n, v)
	case n.MultiValued:
		now, err = p.set(old, verb, n, v)
	default:
		now, err = p.single(old, verb, n, v)
	}
	switch {
	case err != nil:
		return nil, err
	case n.Required && old != nil && now == nil:
		return nil, refuse(mutability, "%s %q: the attribute is required", verb, n.path)
	case n.immutable() && old != nil && !same(old, now):
		return nil, refuse(mutability, "%s %q: the attribute is immutable", verb, n.path)
	}
	return now, nil
}

// settled lets a write to something read-only pass where it changes nothing.
func (p patcher) settled(old any, verb Verb, at target, v any) (any, *Error) {
	there := p.picked(old, at)
	ok := verb == Remove && len(there) == 0
	switch {
	case verb == Remove:
	case at.sub == nil && at.filter == nil && at.attr.MultiValued:
		has := func(e any) bool { return slices.ContainsFunc(there, func(x any) bool { return covers(x, e) }) }
		given := list(v)
		ok = !slices.ContainsFunc(given, func(e any) bool { return !has(e) }) && (verb == Add || len(given) == len(there))
	default:
		ok = len(there) > 0 && !slices.ContainsFunc(there, func(x any) bool { return !covers(x, v) })
	}
	if !ok {
		return nil, refuse(mutability, "%s %q: the attribute is read-only", verb, at.end().path)
	}
	return old, nil
}

// picked is what a target points at.
func (p patcher) picked(old any, at target) []any {
	var all []any
	for _, e := range list(old) {
		switch {
		case at.filter != nil && !p.matches(at, e):
		case at.sub == nil:
			all = append(all, e)
		default:
			all = append(all, list(member(element(e), at.sub.Name))...)
		}
	}
	return all
}

func (p patcher) matches(at target, e any) bool {
	m := matcher{schema: p.schema, at: Parts{URN: at.attr.urn, Attr: at.attr.Name}}
	return m.match(at.filter, element(e))
}

// remove takes an attribute away, or those elements of it that v lists.
func (p patcher) remove(old any, n *node, v any) any {
	if v == nil || !n.MultiValued {
		return nil
	}
	given := list(v)
	left := slices.DeleteFunc(slices.Clone(list(old)), func(e any) bool {
		return slices.ContainsFunc(given, func(g any) bool { return p.names(g, e, n) })
	})
	if len(left) == len(list(old)) {
		return old
	}
	return nonempty(left)
}

// names tells that g, from the value of a remove, means the element e: e has
// all that g has, but for what is read-only.
func (p patcher) names(g, e any, n *node) bool {
	want, ok := g.(map[string]any)
	if !ok {
		return same(g, e) || same(g, member(element(e), "value"))
	}
	have, some := element(e), false
	for k, v := range want {
		if sub := n.sub(k); v == nil || sub == nil || sub.readOnly() {
			continue
		}
		if some = true; !same(v, member(have, k)) {
			return false
		}
	}
	return some
}

// set adds to or replaces a whole multi-valued attribute. An element that is
// there already stays as it is, with what the server added to it.
func (p patcher) set(old any, verb Verb, n *node, v any) (any, *Error) {
	there := newBag(n, list(old))
	all := newBag(n, nil)
	if verb == Add {
		all = there
	}
	fresh := make([]bool, len(all.elements))
	for _, given := range list(v) {
		e, err := p.single(nil, verb, n, given)
		if err != nil {
			return nil, err
		}
		if e == nil || all.find(e) != nil {
			continue
		}
		if known := there.find(e); known != nil {
			e = known
		}
		all.add(e)
		fresh = append(fresh, true) //nolint:makezero // those that were there are not fresh
	}
	if err := settlePrimary(all.elements, fresh, n); err != nil {
		return nil, err
	}
	if before := list(old); verb == Add && len(before) == len(all.elements) || verb == Replace && sameSet(before, all.elements) {
		return old, nil
	}
	return nonempty(all.elements), nil
}

// selected applies verb to the elements that the target's value filter matches.
func (p patcher) selected(old any, verb Verb, at target, v any) (any, *Error) {
	var all []any
	var fresh []bool
	hit := false
	for _, e := range list(old) {
		now, matched := e, p.matches(at, e)
		if matched {
			var err *Error
			if now, err = p.one(e, verb, at, v); err != nil {
				return nil, err
			}
			hit = true
		}
		if now != nil {
			all, fresh = append(all, now), append(fresh, matched && !same(e, now))
		}
	}
	if !hit {
		return p.missing(old, verb, at, v)
	}
	if err := settlePrimary(all, fresh, at.attr); err != nil {
		return nil, err
	}
	return nonempty(all), nil
}

// one applies verb to one element: its sub-attribute, or itself.
func (p patcher) one(e any, verb Verb, at target, v any) (any, *Error) {
	switch {
	case at.sub != nil:
		now, err := p.member(element(e), verb, at.sub, v)
		return nonempty(now), err
	case verb == Remove:
		return nil, nil
	case verb == Replace:
		e = nil
	}
	return p.single(e, verb, at.attr, v)
}

// missing is what happens where no element matched.
func (p patcher) missing(old any, verb Verb, at target, v any) (any, *Error) {
	pairs, ok := at.filter.Equalities()
	switch {
	case verb == Remove:
		return old, nil
	case !p.o.CreateMissing || !ok || !at.attr.complex():
		return nil, refuse(noTarget, "%s %q: no element matches the filter", verb, at.attr.path)
	}
	made := map[string]any{}
	for name, value := range pairs {
		made[string(name)] = value.Any()
	}
	e, err := p.single(nil, verb, at.attr, made)
	if err == nil && at.sub != nil {
		e, err = p.member(element(e), verb, at.sub, v)
	} else if err == nil {
		e, err = p.single(e, verb, at.attr, v)
	}
	if err != nil {
		return nil, err
	}
	all := append(slices.Clone(list(old)), e)
	fresh := make([]bool, len(all))
	fresh[len(all)-1] = true
	return all, settlePrimary(all, fresh, at.attr)
}

// within applies verb to a sub-attribute: of each element of a multi-valued
// attribute, of a new one where there is none.
func (p patcher) within(old any, verb Verb, at target, v any) (any, *Error) {
	elements := list(old)
	if len(elements) == 0 && verb == Remove {
		return old, nil
	}
	if len(elements) == 0 {
		elements = []any{map[string]any{}}
	}
	var all []any
	var fresh []bool
	for _, e := range elements {
		now, err := p.member(element(e), verb, at.sub, v)
		if err != nil {
			return nil, err
		}
		if len(now) > 0 {
			all, fresh = append(all, now), append(fresh, !same(e, now))
		}
	}
	if !at.attr.MultiValued {
		if len(all) == 0 {
			return nil, nil
		}
		return all[0], nil
	}
	return nonempty(all), settlePrimary(all, fresh, at.attr)
}

// member applies verb to the sub-attribute of o.
func (p patcher) member(o map[string]any, verb Verb, sub *node, v any) (map[string]any, *Error) {
	old := member(o, sub.Name)
	now, err := p.change(old, verb, target{attr: sub}, v)
	if err != nil || same(old, now) {
		return o, err
	}
	return put(o, sub.Name, now), nil
}

// single merges v into old for a complex attribute (RFC 7644 §3.5.2.3: what v
// does not name stays), and is v for any other.
func (p patcher) single(old any, verb Verb, n *node, v any) (any, *Error) {
	if !n.complex() {
		if err := n.fits(v); err != nil {
			return nil, err
		}
		return v, nil
	}
	given, ok := v.(map[string]any)
	if !ok {
		return nil, refuse(invalidValue, "%q: the value is not an object", n.path)
	}
	o := map[string]any{}
	if old != nil {
		o = element(old)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		sub := n.sub(name)
		switch {
		case sub == nil && p.o.IgnoreUnknown, sub != nil && sub.readOnly():
			continue
		case sub == nil:
			return nil, p.types.unknown(Parts{URN: n.urn, Attr: n.Name, Sub: name})
		}
		var err *Error
		if o, err = p.member(o, verb, sub, given[name]); err != nil {
			return nil, err
		}
	}
	return nonempty(o), nil
}
