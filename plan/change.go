package plan

import (
	"rollcall/scim"
	"rollcall/source"
)

// An Op says what a change does to its resource.
type Op string

// The ops (style §3).
const (
	Create     Op = "create"
	Adopt      Op = "adopt" // link and claim an existing user; its edits may be empty, and then nothing is sent
	Update     Op = "update"
	Rename     Op = "rename" // an update that changes userName
	Deactivate Op = "deactivate"
	Reactivate Op = "reactivate"
	Delete     Op = "delete"
	Join       Op = "join"  // members added to a group
	Leave      Op = "leave" // members removed from a group
	Grant      Op = "grant"
	Restore    Op = "restore"
)

// An Edit is the intent for one attribute, relative to what is there when it is sent.
//
// Single values and exact sets say the whole (Set, Whole true); sets of mode
// mine and add, and members, say elements (Add, Remove).
type Edit struct {
	Path   scim.Path    `json:"path"`
	Before []scim.Value `json:"before,omitempty"` // as believed at planning
	Whole  bool         `json:"whole,omitempty"`  // Set is the whole value; empty: remove
	Set    []scim.Value `json:"set,omitempty"`
	Add    []scim.Value `json:"add,omitempty"`
	Remove []scim.Value `json:"remove,omitempty"`
	Claim  []scim.Value `json:"claim,omitempty"` // present and desired: ours from now on, nothing is sent
	ID     string       `json:"by,omitempty"`    // identifying sub-attribute of a set's elements; "": a single value
	Keep   []scim.Value `json:"keep,omitempty"`  // never removed as surplus of Set
}

// A Change is one write request and the unit of intent, outcome, limit, approval and undo.
type Change struct {
	ID       string       `json:"id"` // digest of key, op, target and edits: the same in every plan of the same intent
	Op       Op           `json:"op"`
	Key      source.Key   `json:"key,omitempty"`      // "" for a group
	UserName string       `json:"userName,omitempty"` // the user's, before the change; of a group its displayName
	Target   scim.Ref     `json:"target"`             // ID "": what an earlier wave of this plan creates for Key
	Wave     int          `json:"wave"`
	Fresh    bool         `json:"fresh,omitempty"` // read the edited paths immediately before: secondary, or the version is not known
	Reason   string       `json:"reason"`          // NewInSource, MatchedByUserName, AttributesDiffer, LeftSource, ...
	Place    source.Place `json:"place,omitzero"`
	Edits    []Edit       `json:"edits,omitempty"`
	Held     string       `json:"held,omitempty"` // why it waits instead of being applied: the name of a limit; "" it goes
	Sent     Digest       `json:"sent,omitzero"`  // of the Desired that is carried out once this is done; zero: it does not complete one
}

// Person stands in a value for the id of the user that belongs to k, known
// when it is sent: no SCIM name begins with '$'.
func Person(k source.Key) scim.Value {
	return scim.ValueOf(map[string]any{"$person": string(k)})
}

// Resolve replaces every Person in v, nested ones included; ok is false where
// one is not known to id.
func Resolve(v scim.Value, id func(source.Key) (string, bool)) (_ scim.Value, ok bool) {
	panic("sketch")
}

// Against answers the operations that carry c out on what is there now (none:
// found done), and the paths whose Before no longer holds. A saved plan leaves
// such a change out; a live run sends it and reports them. Person values are
// the caller's to resolve first.
func (c Change) Against(at func(scim.Path) []scim.Value) (ops []scim.Op, moved []scim.Path) {
	panic("sketch")
}

// Resolved is c with every Person value in its edits replaced.
func (c Change) Resolved(id func(source.Key) (string, bool)) (Change, bool) { panic("sketch") }
