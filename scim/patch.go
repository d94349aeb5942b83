package scim

import (
	"encoding/json"
	"slices"
	"strings"
)

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

// ParseVerb reads a verb in any case; false where it is none.
func ParseVerb(text string) (Verb, bool) {
	v := Verb(strings.ToLower(text))
	return v, v == Add || v == Replace || v == Remove
}

// An Op is one PATCH operation. Value is "" for a remove without one.
type Op struct {
	Verb  Verb  `json:"op"`
	Path  Path  `json:"path,omitempty"`
	Value Value `json:"value,omitzero"`
}

// ParsePatch reads a PatchOp request body: any case of op and of member names, Operations
// required, schemas checked where strict. Errors are *Error.
func ParsePatch(body []byte, strict bool) ([]Op, error) {
	v, err := decode(body)
	if err != nil {
		return nil, refuse(invalidSyntax, "patch: %v", err)
	}
	request, ok := v.(map[string]any)
	if !ok {
		return nil, refuse(invalidSyntax, "patch: not a JSON object")
	}
	if strict && !slices.Contains(list(member(request, "schemas")), any(PatchOp)) {
		return nil, refuse(invalidSyntax, "patch: schemas lacks %s", PatchOp)
	}
	operations, ok := member(request, "Operations").([]any)
	if !ok || len(operations) == 0 {
		return nil, refuse(invalidSyntax, "patch: no array of Operations, or an empty one")
	}
	ops := make([]Op, len(operations))
	for i, o := range operations {
		op, err := parseOp(o)
		if err != nil {
			err.Index = i
			return nil, err
		}
		ops[i] = op
	}
	return ops, nil
}

func parseOp(v any) (Op, *Error) {
	o, ok := v.(map[string]any)
	if !ok {
		return Op{}, refuse(invalidSyntax, "operation: not a JSON object")
	}
	word, _ := member(o, "op").(string)
	var op Op
	if op.Verb, ok = ParseVerb(word); !ok {
		return Op{}, refuse(invalidSyntax, "operation: op must be add, replace or remove")
	}
	if text, ok := member(o, "path").(string); ok && text != "" {
		parts, err := parseParts(text)
		if err != nil {
			return Op{}, err
		}
		op.Path = parts.Path()
	} else if !ok && member(o, "path") != nil {
		return Op{}, refuse(invalidPath, "operation: path is not a string")
	}
	if value, ok := o[spelling(o, "value")]; ok {
		op.Value = ValueOf(value)
	}
	return op, nil
}

// MarshalPatch is the request body of ops.
func MarshalPatch(ops []Op) []byte {
	text, err := json.Marshal(struct {
		Schemas    []string `json:"schemas"`
		Operations []Op     `json:"Operations"`
	}{[]string{PatchOp}, ops})
	if err != nil {
		panic(err) // a Value that is not canonical JSON
	}
	return text
}

// PatchOptions are what services differ in; the zero value is RFC 7644.
type PatchOptions struct {
	CreateMissing bool // in add and replace a value filter of equalities that matches no element makes one, instead of noTarget
	KeepEmpty     bool // "" and null in add and replace leave what is there
	Partial       bool // operations before a failing one stay applied (no atomicity)
	IgnoreUnknown bool // an unknown attribute of a value is dropped instead of refused; one that a path names is refused still
}

// Patch applies ops to attrs (decoded JSON; not modified) and returns the new
// attributes and whether anything changed. Errors are *Error with Index; without
// Partial the attributes are then nil.
//
// What the RFC leaves open, and how it is here: null is no value, so replacing
// by it removes. Removing what is not there succeeds, also where a filter matches nothing. A path with a sub-attribute of a multi-valued attribute, but no
// filter, means each element. A remove with a value takes those elements of the
// attribute that have all that the value has. Read-only attributes accept the
// value they have; read-only sub-attributes of a complex value are ignored, as
// is "schemas" of a value without path. The result shares memory with attrs.
func (s *Schema) Patch(t Type, attrs map[string]any, ops []Op, o PatchOptions) (next map[string]any, changed bool, err error) {
	r := s.of(t)
	if r == nil {
		return nil, false, refuse(invalidPath, "no schema for %s", t)
	}
	p := patcher{schema: s, types: r, o: o}
	next = attrs
	for i, op := range ops {
		after, fault := p.apply(next, op)
		if fault == nil {
			next = after
			continue
		}
		fault.Index = i
		if !o.Partial {
			return nil, false, fault
		}
		err = fault
		break
	}
	return next, !same(attrs, next), err
}
