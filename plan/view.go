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
	if c.Target.Type != scim.Group {
		return c, c.Key != "" && c.Key == k || id != "" && c.Target.ID == id
	}
	mine := func(vs []scim.Value) []scim.Value {
		return slices.DeleteFunc(slices.Clone(vs), func(v scim.Value) bool {
			value := v.Sub("value")
			who, isPerson := personOf(value)
			text, _ := value.Text()
			return (!isPerson || k == "" || who != k) && (id == "" || text != id)
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
