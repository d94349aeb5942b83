package scim

// PatchOp is the URN of a PATCH request (RFC 7644 §3.5.2).
const PatchOp = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// A Verb is what a PATCH operation does.
type Verb string

// The verbs of RFC 7644 §3.5.2.
const (
	Add     Verb = "add"
	Replace Verb = "replace"
	Remove  Verb = "remove"
)

// An Op is one PATCH operation. Value is "" for a remove without one.
type Op struct {
	Verb  Verb  `json:"op"`
	Path  Path  `json:"path,omitempty"`
	Value Value `json:"value,omitzero"`
}

// ParsePatch reads a PatchOp request body: any case of op and of member names, Operations
// required, schemas checked where strict. Errors are *Error.
func ParsePatch(body []byte, strict bool) ([]Op, error) { panic("sketch") }

// MarshalPatch is the request body of ops.
func MarshalPatch(ops []Op) []byte { panic("sketch") }

// PatchOptions are what services differ in; the zero value is RFC 7644.
type PatchOptions struct {
	CreateMissing bool // a value filter of equalities that matches no element makes one, instead of noTarget
	KeepEmpty     bool // "" and null in add and replace leave what is there
	Partial       bool // operations before a failing one stay applied (no atomicity)
	IgnoreUnknown bool // an unknown attribute of a value without path is dropped instead of refused
}

// Patch applies ops to attrs (decoded JSON; not modified) and returns the new
// attributes and whether anything changed. Errors are *Error with Index; without
// Partial the attributes are then nil.
func (s *Schema) Patch(t Type, attrs map[string]any, ops []Op, o PatchOptions) (next map[string]any, changed bool, err error) {
	panic("sketch")
}
