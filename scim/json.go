package scim

import (
	"maps"
	"slices"
)

// These look at decoded JSON and never modify it.

// put is a copy of o with name, in o's spelling, set to v; without it for nil.
func put(o map[string]any, name string, v any) map[string]any {
	next := maps.Clone(o)
	if next == nil {
		next = map[string]any{}
	}
	name = spelling(o, name)
	if v == nil {
		delete(next, name)
	} else {
		next[name] = v
	}
	return next
}

// nonempty is v, or nil for an empty object or array, which RFC 7643 §2.5 calls unassigned.
func nonempty(v any) any {
	if o, ok := v.(map[string]any); ok && len(o) == 0 {
		return nil
	}
	if l, ok := v.([]any); ok && len(l) == 0 {
		return nil
	}
	return v
}

// isEmpty tells that v is null or "".
func isEmpty(v any) bool { return v == nil || v == "" }

// same tells that x and y have one canonical form.
func same(x, y any) bool {
	switch a := x.(type) {
	case nil:
		return y == nil
	case bool:
		return x == y
	case string:
		b, ok := y.(string)
		return ok && (a == b || canonical(a) == canonical(b))
	case []any:
		b, ok := y.([]any)
		return ok && sameList(a, b)
	case map[string]any:
		b, ok := y.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	}
	switch y.(type) {
	case nil, bool, string, []any, map[string]any:
		return false
	}
	return ValueOf(x) == ValueOf(y)
}

func sameList(a, b []any) bool {
	if len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] {
		return true
	}
	return slices.EqualFunc(a, b, same)
}

// sameSet tells that a and b have the same elements in any order.
func sameSet(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	left := make(map[Value]int, len(a))
	for _, e := range a {
		left[ValueOf(e)]++
	}
	for _, e := range b {
		if left[ValueOf(e)]--; left[ValueOf(e)] < 0 {
			return false
		}
	}
	return true
}

// covers tells that x has all that y has: every member in any case of its name, or the same value.
func covers(x, y any) bool {
	have, ok := x.(map[string]any)
	want, both := y.(map[string]any)
	if !ok || !both {
		return same(x, y)
	}
	for k, v := range want {
		if v != nil && !same(member(have, k), v) {
			return false
		}
	}
	return true
}
