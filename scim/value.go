package scim

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Value is the canonical JSON text of one value: keys sorted, no white
// space, numbers in shortest form, strings in NFC. Two values are equal
// exactly when the strings are. "" is no value.
type Value string

// ValueOf encodes what encoding/json decodes (or the plain Go equivalents:
// string, bool, any integer or float, json.Number, []any, map[string]any, nil).
// nil gives "null", as does a float that is not a number; a byte that is not
// UTF-8 gives U+FFFD. Other types go through encoding/json; ValueOf panics for
// what that refuses.
func ValueOf(v any) Value {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if plain(v) {
			return Value(`"` + v + `"`)
		}
	case bool:
		if v {
			return "true"
		}
		return "false"
	case Value:
		if v == "" {
			return "null"
		}
		return v
	}
	return Value(appendValue(make([]byte, 0, 96), v))
}

// ParseValue reads one JSON text into canonical form. Digits are kept as they
// are written: no number passes through a float64.
func ParseValue(text []byte) (Value, error) {
	if whole := string(text); whole != "" {
		if rest, ok := settled(whole, 0); ok && rest == "" {
			return Value(whole), nil
		}
	}
	v, err := decode(text)
	if err != nil {
		return "", err
	}
	return ValueOf(v), nil
}

// Any decodes v: string, float64 (json.Number where a float64 would lose
// digits), bool, nil, []any, map[string]any. "" gives nil.
func (v Value) Any() any {
	switch {
	case v == "" || v == "null":
		return nil
	case v == "true" || v == "false":
		return v == "true"
	case v[0] == '"' && !strings.Contains(string(v), `\`):
		return string(v[1 : len(v)-1])
	case v[0] == '{':
		return v.object()
	case v[0] == '[':
		all := []any{}
		for _, e := range v.Elements() {
			all = append(all, e.Any())
		}
		return all
	}
	got, err := decode([]byte(v))
	if err != nil {
		panic(fmt.Sprintf("scim: a Value that is not canonical JSON: %v", err))
	}
	return got
}

func (v Value) object() map[string]any {
	members := map[string]any{}
	for i := 1; i < len(v)-1; {
		colon := v.skip(i)
		end := v.skip(colon + 1)
		name, _ := v[i:colon].Text()
		members[name] = v[colon+1 : end].Any()
		i = end + 1
	}
	return members
}

// Text is the string v holds; false when v is not a JSON string.
func (v Value) Text() (string, bool) {
	if v == "" || v[0] != '"' {
		return "", false
	}
	s, ok := v.Any().(string)
	return s, ok
}

// Sub is the named member of the object v, its name matched in any case; "" where there is none.
func (v Value) Sub(name string) Value {
	if v == "" || v[0] != '{' {
		return ""
	}
	for i := 1; i < len(v)-1; {
		colon := v.skip(i)
		end := v.skip(colon + 1)
		if key, _ := v[i:colon].Text(); strings.EqualFold(key, name) {
			return v[colon+1 : end]
		}
		i = end + 1
	}
	return ""
}

// Elements are the elements of the array v; v alone for any other value, none for "" and null.
func (v Value) Elements() []Value {
	if v == "" || v == "null" {
		return nil
	}
	if v[0] != '[' {
		return []Value{v}
	}
	var all []Value
	for i := 1; i < len(v)-1; {
		end := v.skip(i)
		all = append(all, v[i:end])
		i = end + 1
	}
	return all
}

// skip is the end of the JSON value that begins at i.
func (v Value) skip(i int) int {
	depth := 0
	for ; i < len(v); i++ {
		switch v[i] {
		case '"':
			i = v.quoted(i)
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',', ':':
			continue
		}
		if depth == 0 && (i+1 >= len(v) || strings.IndexByte(",:]}", v[i+1]) >= 0) {
			return i + 1
		}
	}
	return len(v)
}

// quoted is the place of the quote that ends the string begun at i.
func (v Value) quoted(i int) int {
	for i++; i < len(v) && v[i] != '"'; i++ {
		if v[i] == '\\' {
			i++
		}
	}
	return i
}

// MarshalJSON writes v as the JSON it holds.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(v), nil }

// UnmarshalJSON reads any JSON value into canonical form.
func (v *Value) UnmarshalJSON(text []byte) (err error) {
	*v, err = ParseValue(text)
	return err
}

// plain tells that s is its own canonical text between quotes.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20 || c == '"' || c == '\\':
			return false
		case c >= utf8.RuneSelf:
			return plainRest(s[i:]) && utf8.ValidString(s) && norm.NFC.IsNormalString(s)
		}
	}
	return true
}

func plainRest(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case float64:
		return appendFloat(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case json.Number:
		return appendNumber(b, string(v))
	case Value:
		return append(b, ValueOf(v)...)
	case []any:
		if v == nil {
			return append(b, "null"...)
		}
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e)
		}
		return append(b, ']')
	case map[string]any:
		if v == nil {
			return append(b, "null"...)
		}
		return appendObject(b, v)
	default:
		return appendForeign(b, v)
	}
}

// appendForeign takes what no decoder makes: other integers, named types, structs.
func appendForeign(b []byte, v any) []byte {
	if f, ok := v.(float32); ok && (math.IsNaN(float64(f)) || math.IsInf(float64(f), 0)) {
		return append(b, "null"...)
	}
	text, err := json.Marshal(v)
	if err == nil {
		v, err = decode(text)
	}
	if err != nil {
		panic(fmt.Sprintf("scim: value of %T: %v", v, err))
	}
	return appendValue(b, v)
}

// appendObject sorts by canonical key. Of keys that differ only in
// normalization the first stays.
func appendObject(b []byte, m map[string]any) []byte {
	var room [12]string
	keys := room[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y string) int {
		if c := strings.Compare(canonical(x), canonical(y)); c != 0 {
			return c
		}
		return strings.Compare(x, y)
	})
	b = append(b, '{')
	last := ""
	for i, k := range keys {
		name := canonical(k)
		if i > 0 && name == last {
			continue
		}
		if i > 0 {
			b = append(b, ',')
		}
		last = name
		b = append(appendString(b, name), ':')
		b = appendValue(b, m[k])
	}
	return append(b, '}')
}

// canonical is s in NFC, its bad bytes replaced.
func canonical(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			if !utf8.ValidString(s) {
				s = string([]rune(s))
			}
			return norm.NFC.String(s)
		}
	}
	return s
}

func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	s = canonical(s)
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		if short := strings.IndexByte("\"\\\b\f\n\r\t", c); short >= 0 {
			b = append(b, '\\', `"\bfnrt`[short])
		} else {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
