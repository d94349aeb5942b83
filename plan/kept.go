package plan

import (
	"slices"

	"rollcall/scim"
)

// A Kept is a write that the service took and did not carry out: it answered
// well, and shows other values than it was sent. The same write is not planned
// again while the same stands there: somebody else's value ends it, and another
// wish of the source.
type Kept struct {
	Sent  []scim.Value `json:"sent,omitempty"`  // values that did not come about; none of a single value: it was to be cleared
	Has   []scim.Value `json:"has,omitempty"`   // what stands in their place
	Stays []scim.Value `json:"stays,omitempty"` // elements that were removed and are there
}

// Kept is what of e did not come about, by what stands there after it; ok is
// false where all of it did.
func (e Edit) Kept(now []scim.Value) (k Kept, ok bool) {
	if e.Whole && e.ID == "" {
		return Kept{Sent: e.Set, Has: now}, !slices.Equal(now, e.Set)
	}
	now = e.near(now)
	for _, v := range slices.Concat(e.Set, e.Add) {
		have, there := e.find(now, v)
		if have == v {
			continue
		}
		k.Sent = append(k.Sent, v)
		if there {
			k.Has = append(k.Has, have)
		}
	}
	gone := e.Remove
	if e.Whole {
		gone = e.surplus(e.Before)
	}
	for _, v := range gone {
		if slices.Contains(now, v) {
			k.Stays = append(k.Stays, v)
		}
	}
	return k, len(k.Sent)+len(k.Stays) > 0
}

// After is what the service keeps of a path once e was sent: k, less what e
// asked for again, and what did not come about of it.
func (k Kept) After(e Edit, now []scim.Value) Kept {
	more, ok := e.Kept(now)
	if e.Whole && e.ID == "" {
		if !ok {
			return Kept{}
		}
		return more
	}
	k.Sent = append(minus(k.Sent, slices.Concat(e.Set, e.Add), ""), more.Sent...)
	k.Has = append(minus(k.Has, slices.Concat(e.Set, e.Add), e.ID), more.Has...)
	k.Stays = append(minus(k.Stays, slices.Concat(e.Remove, more.Stays), ""), more.Stays...)
	return k
}

// minus is a new slice of vs without what is in drop by its identity.
func minus(vs, drop []scim.Value, id string) []scim.Value {
	return slices.DeleteFunc(slices.Clone(vs), func(v scim.Value) bool {
		_, is := element(drop, v, id)
		return is
	})
}

// IsEmpty tells whether nothing is kept.
func (k Kept) IsEmpty() bool { return len(k.Sent)+len(k.Has)+len(k.Stays) == 0 }

// keptAt is what the ledger remembers of the path of r, of the user that is compared.
func (c *comparison) keptAt(r *rule) (Kept, bool) {
	if c.people[c.n].tie < 0 {
		return Kept{}, false
	}
	k, ok := c.kept[c.people[c.n].tie][r.Path]
	return k, ok
}

// isKept tells whether want was sent where have stands, and have stayed.
func (c *comparison) isKept(r *rule, want, have []scim.Value) bool {
	k, ok := c.keptAt(r)
	return ok && slices.Equal(k.Sent, want) && slices.Equal(k.Has, have)
}

// conceded are the elements of a set that are worth wishing for, and those to
// leave alone: what was sent and did not come about is as it stands there.
func (c *comparison) conceded(r *rule, want, keep, have []scim.Value) (_, _ []scim.Value) {
	k, ok := c.keptAt(r)
	if !ok {
		return want, keep
	}
	var worth []scim.Value
	for _, v := range want {
		stands, there := element(have, v, r.id)
		stood, _ := element(k.Has, v, r.id)
		switch {
		case !slices.Contains(k.Sent, v) || stands != stood:
			worth = append(worth, v)
		case there:
			worth = append(worth, stands)
		}
	}
	for _, v := range k.Stays {
		if slices.Contains(have, v) {
			keep = append(slices.Clip(keep), v)
		}
	}
	return worth, keep
}
