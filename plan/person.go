package plan

import (
	"slices"
	"strings"

	"rollcall/scim"
	"rollcall/source"
)

// Person stands in a value for the id of the user that belongs to k, known
// when it is sent: no SCIM name begins with '$'.
func Person(k source.Key) scim.Value {
	return scim.ValueOf(map[string]any{personMember: string(k)})
}

const personMember = "$person"

// personOf is the key of a Person value.
func personOf(v scim.Value) (source.Key, bool) {
	if !strings.HasPrefix(string(v), `{"`+personMember+`":`) {
		return "", false
	}
	k, ok := v.Sub(personMember).Text()
	return source.Key(k), ok
}

// userMember stands in a value for the id of the user who has a userName,
// whether the source knows them or not: {"$user": NAME}. It never leaves planning.
const userMember = "$user"

// userOf is the userName that v names.
func userOf(v scim.Value) (string, bool) {
	if !hasUser(v) {
		return "", false
	}
	return v.Sub(userMember).Text()
}

func hasUser(v scim.Value) bool { return strings.HasPrefix(string(v), `{"`+userMember+`":`) }

// hasPerson is a cheap test that v may hold a Person, itself or nested.
func hasPerson(v scim.Value) bool { return strings.Contains(string(v), `"`+personMember+`":`) }

// Resolve replaces every Person in v, nested ones included; ok is false where
// one is not known to id.
func Resolve(v scim.Value, id func(source.Key) (string, bool)) (_ scim.Value, ok bool) {
	if !hasPerson(v) {
		return v, true
	}
	if k, whole := personOf(v); whole {
		s, known := id(k)
		if !known {
			return v, false
		}
		return scim.ValueOf(s), true
	}
	ok = true
	out := replacePersons(v.Any(), func(k source.Key) any {
		s, known := id(k)
		if !known {
			ok = false
			return map[string]any{personMember: string(k)}
		}
		return s
	})
	return scim.ValueOf(out), ok
}

// replacePersons rebuilds v with with(k) in the place of every Person.
func replacePersons(v any, with func(source.Key) any) any {
	switch v := v.(type) {
	case map[string]any:
		if k, ok := v[personMember].(string); ok && len(v) == 1 {
			return with(source.Key(k))
		}
		for name, member := range v {
			v[name] = replacePersons(member, with)
		}
	case []any:
		for i, element := range v {
			v[i] = replacePersons(element, with)
		}
	}
	return v
}

// persons are the keys that v waits for, in the order of its text.
func persons(v scim.Value) []source.Key {
	if !hasPerson(v) {
		return nil
	}
	if k, ok := personOf(v); ok {
		return []source.Key{k}
	}
	var keys []source.Key
	replacePersons(v.Any(), func(k source.Key) any {
		keys = append(keys, k)
		return nil
	})
	slices.Sort(keys)
	return keys
}

// Resolved is c with every Person value in its edits replaced; ok is false
// where one is not known to id. c is not modified.
func (c Change) Resolved(id func(source.Key) (string, bool)) (Change, bool) {
	ok := true
	resolve := func(vs []scim.Value) []scim.Value {
		if !slices.ContainsFunc(vs, hasPerson) {
			return vs
		}
		out := make([]scim.Value, len(vs))
		for i, v := range vs {
			var known bool
			out[i], known = Resolve(v, id)
			ok = ok && known
		}
		return out
	}
	edits := slices.Clone(c.Edits)
	for i, e := range edits {
		e.Before, e.Set, e.Add = resolve(e.Before), resolve(e.Set), resolve(e.Add)
		e.Remove, e.Claim, e.Keep = resolve(e.Remove), resolve(e.Claim), resolve(e.Keep)
		edits[i] = e
	}
	c.Edits = edits
	return c, ok
}

// waits tells whether any edit of c holds a Person value that is sent.
func (e Edit) waits() bool {
	return slices.ContainsFunc(e.Set, hasPerson) || slices.ContainsFunc(e.Add, hasPerson)
}

// redacted tells whether v stands for a value that was not kept: {"$redacted": DIGEST}.
func redacted(v scim.Value) bool { return strings.Contains(string(v), `"$redacted":`) }
