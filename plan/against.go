package plan

import (
	"slices"

	"rollcall/scim"
)

// Against answers the operations that carry c out on what is there now (none:
// found done), and the paths whose Before no longer holds. A saved plan leaves
// such a change out; a live run sends it and reports them. Person values are
// the caller's to resolve first.
//
// Elements of sets are sent one by one: an element that is there with another
// sub-value (a proficiency) is one operation on that sub-attribute. Removals
// come before additions, so that a full set can change its elements.
func (c Change) Against(at func(scim.Path) []scim.Value) (ops []scim.Op, moved []scim.Path) {
	for _, e := range c.Edits {
		now := at(e.Path)
		var more []scim.Op
		if e.ID == "" && e.Whole {
			more = e.single(now)
		} else {
			now = e.near(now)
			more = e.elements(now)
		}
		ops = append(ops, more...)
		if e.moved(now) {
			moved = append(moved, e.Path)
		}
	}
	return ops, moved
}

// near are the elements of now that e speaks of, where it does not speak of
// all: the thousands of members of a group are looked at once, not again for each of e's.
func (e Edit) near(now []scim.Value) []scim.Value {
	if e.Whole || len(now) <= len(e.Add)+len(e.Remove) {
		return now
	}
	spoken := make(map[scim.Value]bool, len(e.Add)+len(e.Remove))
	for _, v := range e.Add {
		spoken[identity(v, e.ID)] = true
	}
	for _, v := range e.Remove {
		spoken[identity(v, e.ID)] = true
	}
	var near []scim.Value
	for _, v := range now {
		if spoken[identity(v, e.ID)] {
			near = append(near, v)
		}
	}
	return near
}

// single is the operation that makes a value, or a list that is no set, the wanted one.
func (e Edit) single(now []scim.Value) []scim.Op {
	switch {
	case slices.Equal(now, e.Set):
		return nil
	case len(e.Set) == 0:
		return []scim.Op{{Verb: scim.Remove, Path: cleared(e.Path)}}
	case len(e.Set) == 1 && len(now) == 0 && e.Path.Parts().Filter != nil: // there may be no such element to replace anything in
		return []scim.Op{{Verb: scim.Add, Path: e.Path, Value: e.Set[0]}}
	case len(e.Set) == 1:
		return []scim.Op{{Verb: scim.Replace, Path: e.Path, Value: e.Set[0]}}
	default:
		return []scim.Op{{Verb: scim.Replace, Path: e.Path, Value: array(e.Set)}}
	}
}

// cleared is the path to remove so that p has no value: an element found by a
// filter goes whole, for without its value it is nothing.
func cleared(p scim.Path) scim.Path {
	parts := p.Parts()
	if parts.Filter != nil && parts.Sub == "value" {
		parts.Sub = ""
		return parts.Path()
	}
	return p
}

// elements are the operations that add and remove what is still to be added and removed.
func (e Edit) elements(now []scim.Value) []scim.Op {
	add, remove := e.Add, e.Remove
	if e.Whole {
		add, remove = e.Set, e.surplus(now)
	}
	var ops []scim.Op
	for _, v := range remove {
		if _, there := e.find(now, v); there {
			ops = append(ops, scim.Op{Verb: scim.Remove, Path: scim.ElementPath(e.Path, e.ID, v)})
		}
	}
	var missing []scim.Value
	for _, v := range add {
		have, there := e.find(now, v)
		switch {
		case !there:
			missing = append(missing, v)
		case have != v:
			ops = append(ops, e.differences(have, v)...)
		}
	}
	if len(missing) > 0 {
		ops = append(ops, scim.Op{Verb: scim.Add, Path: e.Path, Value: array(missing)})
	}
	return ops
}

// surplus are the elements of now that neither Set nor Keep names.
func (e Edit) surplus(now []scim.Value) []scim.Value {
	return slices.DeleteFunc(slices.Clone(now), func(v scim.Value) bool {
		_, wanted := e.find(e.Set, v)
		_, kept := e.find(e.Keep, v)
		return wanted || kept
	})
}

// differences are the operations that turn the element have into want, sub-attribute by sub-attribute.
func (e Edit) differences(have, want scim.Value) []scim.Op {
	var ops []scim.Op
	at := scim.ElementPath(e.Path, e.ID, want)
	before, _ := have.Any().(map[string]any)
	after, _ := want.Any().(map[string]any)
	for _, name := range members(before, after) {
		path := at + "." + scim.Path(name)
		switch was, is := have.Sub(name), want.Sub(name); {
		case was == is:
		case is == "":
			ops = append(ops, scim.Op{Verb: scim.Remove, Path: path})
		default:
			ops = append(ops, scim.Op{Verb: scim.Replace, Path: path, Value: is})
		}
	}
	return ops
}

// members are the names in any of the objects, sorted.
func members(objects ...map[string]any) []string {
	var names []string
	for _, o := range objects {
		for name := range o {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// moved tells whether somebody else changed what e rests on: the value is
// neither what planning believed nor what is wanted. Elements that nobody spoke
// of do not matter to an edit of elements; what stands where leaving took
// something from a user who could not be read then, does not either.
func (e Edit) moved(now []scim.Value) bool {
	if e.Whole && e.Back && len(e.Before) == 0 {
		return false
	}
	if e.Whole {
		return !e.same(now, e.Before) && !e.same(now, e.Set)
	}
	for _, v := range e.Add {
		have, there := e.find(now, v)
		was, believed := e.find(e.Before, v)
		if there && have != v && (!believed || have != was) || !there && believed {
			return true
		}
	}
	for _, v := range e.Remove {
		have, there := e.find(now, v)
		was, believed := e.find(e.Before, v)
		if there && believed && have != was {
			return true
		}
	}
	return false
}

// same compares without regard to order, and to what Keep names in a set.
func (e Edit) same(a, b []scim.Value) bool {
	return slices.Equal(e.essence(a), e.essence(b))
}

func (e Edit) essence(vs []scim.Value) []scim.Value {
	out := slices.Clone(vs)
	if len(e.Keep) > 0 {
		out = slices.DeleteFunc(out, func(v scim.Value) bool { _, kept := e.find(e.Keep, v); return kept })
	}
	slices.Sort(out)
	return out
}

// find is the element of vs that is v by its identity.
func (e Edit) find(vs []scim.Value, v scim.Value) (scim.Value, bool) { return element(vs, v, e.ID) }

func element(vs []scim.Value, v scim.Value, id string) (scim.Value, bool) {
	name := identity(v, id)
	for _, have := range vs {
		if have == v || id != "" && identity(have, id) == name {
			return have, true
		}
	}
	return "", false
}

// identity is what tells v from the other elements of its set.
func identity(v scim.Value, id string) scim.Value {
	if id == "" || v == "" || v[0] != '{' {
		return v
	}
	return v.Sub(id)
}

// array is the JSON array of vs.
func array(vs []scim.Value) scim.Value {
	size := 1
	for _, v := range vs {
		size += len(v) + 1
	}
	b := make([]byte, 0, size)
	for i, v := range vs {
		b = append(b, "[,"[min(i, 1)])
		b = append(b, v...)
	}
	if len(vs) == 0 {
		b = append(b, '[')
	}
	return scim.Value(append(b, ']'))
}
