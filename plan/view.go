package plan

import (
	"slices"

	"rollcall/scim"
	"rollcall/source"
)

// View is c in JSON as a plan shows it (rollcall.plan/1, changes).
func (c Change) View() ([]byte, error) { return marshal(wireOf(c)) }

// About is c cut down to one person, known by key or by id ("": not known): a
// membership change of many to their part of it. ok is false where c is not
// about the person. The id of the change stays that of the whole.
func (c Change) About(k source.Key, id string) (_ Change, ok bool) {
	return c.Among(func(who source.Key, resource string) bool {
		return k != "" && who == k || id != "" && resource == id
	})
}

// Among is c cut down to those whom is tells, as [Change.About] does for one:
// it is asked with the key or the id of somebody, or both ("": not known).
func (c Change) Among(is func(k source.Key, id string) bool) (_ Change, ok bool) {
	if c.Target.Type != scim.Group {
		return c, is(c.Key, c.Target.ID)
	}
	mine := func(vs []scim.Value) []scim.Value {
		return slices.DeleteFunc(slices.Clone(vs), func(v scim.Value) bool {
			value := v.Sub("value")
			who, _ := personOf(value)
			id, _ := value.Text()
			return !is(who, id)
		})
	}
	var edits []Edit
	for _, e := range c.Edits {
		e.Before, e.Set, e.Add, e.Remove, e.Claim = mine(e.Before), mine(e.Set), mine(e.Add), mine(e.Remove), mine(e.Claim)
		if len(e.Set)+len(e.Add)+len(e.Remove)+len(e.Claim) > 0 {
			edits = append(edits, e)
		}
	}
	c.Edits = edits
	return c, len(edits) > 0
}
