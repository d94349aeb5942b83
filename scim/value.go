package scim

// A Value is the canonical JSON text of one value: keys sorted, no white
// space, numbers in shortest form, strings in NFC. Two values are equal
// exactly when the strings are. "" is no value.
type Value string

// ValueOf encodes what encoding/json decodes (or the plain Go equivalents:
// string, bool, any integer or float, json.Number, []any, map[string]any, nil).
// nil gives "null".
func ValueOf(v any) Value { panic("sketch") }

// ParseValue reads one JSON text into canonical form.
func ParseValue(text []byte) (Value, error) { panic("sketch") }

// Any decodes v: string, float64 (json.Number where a float64 would lose digits), bool, nil, []any, map[string]any.
func (v Value) Any() any { panic("sketch") }

// Text is the string v holds; false when v is not a JSON string.
func (v Value) Text() (string, bool) { panic("sketch") }

// Sub is the named member of the object v, its name matched in any case; "" where there is none.
func (v Value) Sub(name string) Value { panic("sketch") }

// MarshalJSON writes v as the JSON it holds.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(v), nil }

// UnmarshalJSON reads any JSON value into canonical form.
func (v *Value) UnmarshalJSON(text []byte) error { panic("sketch") }
