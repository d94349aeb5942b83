package plan

import "rollcall/scim"

// Protects tells whether a user of this userName is never touched.
func (p Policy) Protects(name string) bool { return p.protects(name) }

// Guards tells whether neither data nor a file of operations may grant or take
// the role v, an element of a set whose elements are identified by id.
func (p Policy) Guards(v scim.Value, id string) bool { return p.guards(v, id) }
