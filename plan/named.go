package plan

import (
	"strings"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// People who are referred to by userName.

// namedUser is the id of the user of this userName, who need not be in the
// source; ok is false, and the finding says why, where r cannot refer to them.
func (c *comparison) namedUser(r *rule, name string) (_ scim.Value, ok bool) {
	const stays = "; %s stays as it is"
	u := c.userNamed(name)
	if q := c.taker(name); u < 0 && q >= 0 {
		return c.namedPerson(r, c.keyOf(q))
	}
	switch {
	case u < 0:
		c.find(Warning, "unknown-user", "the organization has no user %s"+stays, quote(name), c.label(r.Path))
	case int32(u) == c.people[c.n].user:
		c.find(Warning, "own-reference", "this person refers to themselves"+stays, c.label(r.Path))
	case c.users[u].state != target.Active:
		c.find(Warning, "manager-left", "%s has left or is inactive"+stays, quote(name), c.label(r.Path))
	default:
		return scim.ValueOf(c.userID(u)), true
	}
	return "", false
}

// namedPerson is the user of k, whom this plan gives the userName that r names.
func (c *comparison) namedPerson(r *rule, k source.Key) (_ scim.Value, ok bool) {
	id, w := c.locate(k)
	if !c.acceptable(r, k, w) {
		return "", false
	}
	if w == pending {
		return Person(k), true
	}
	return scim.ValueOf(id), true
}

// taker is the person of the source who wants this userName, of several the one
// with the first key, or -1.
func (b *Builder) taker(name string) int {
	found := -1
	for i, m := range b.names {
		if m.path == userName {
			b.wanters(i, strings.ToLower(name), -1, func(q int) {
				if found < 0 || b.keyOf(q) < b.keyOf(found) {
					found = q
				}
			})
		}
	}
	return found
}

// userNamed is the user who has this userName, or -1.
func (b *Builder) userNamed(name string) int {
	for i, m := range b.names {
		if m.path == userName {
			u, _ := b.holder(i, strings.ToLower(name))
			return u
		}
	}
	return -1
}

// meant are the keys that v refers to: by key, or by a userName that nobody has yet.
func (b *Builder) meant(v scim.Value) []source.Key {
	name, is := userOf(v)
	if !is {
		return persons(v)
	}
	if q := b.taker(name); q >= 0 && b.userNamed(name) < 0 {
		return []source.Key{b.keyOf(q)}
	}
	return nil
}
