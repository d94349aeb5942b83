package scim

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Match tells whether the filter holds for attrs (a resource's, or an
// element's, as decoded JSON). Attribute names match in any case; strings are
// compared by the schema's caseExact where s knows the attribute, else folded.
// at says what attrs is: the attribute the elements belong to, "" for a resource. s may be nil.
//
// Of several values one that satisfies the operator is enough; a complex value
// stands for its sub-attribute "value". An absent attribute equals null.
// Strings that are both dates compare as points in time. A nil Filter holds.
func (f *Filter) Match(attrs map[string]any, at Path, s *Schema) bool {
	if f == nil {
		return true
	}
	m := matcher{schema: s}
	if at != "" {
		m.at = at.Parts()
	}
	return m.match(f, attrs)
}

type matcher struct {
	schema *Schema
	at     Parts // the attribute whose elements are matched
}

func (m matcher) match(f *Filter, attrs map[string]any) bool {
	switch f.op {
	case opAnd, opOr:
		for _, t := range f.terms {
			if m.match(t, attrs) == (f.op == opOr) {
				return f.op == opOr
			}
		}
		return f.op == opAnd
	case opNot:
		return !m.match(f.terms[0], attrs)
	case opHas:
		inner := matcher{schema: m.schema, at: f.attr}
		return anyLeaf(attrs, Parts{URN: f.attr.URN, Attr: f.attr.Attr}, func(v any) bool {
			return inner.match(f.terms[0], element(v))
		})
	case opPr:
		return anyLeaf(attrs, f.attr, present)
	default:
		return m.compare(f, attrs)
	}
}

func (m matcher) compare(f *Filter, attrs map[string]any) bool {
	absent, exact := true, m.exact(f.attr)
	found := anyLeaf(attrs, f.attr, func(v any) bool {
		if o, ok := v.(map[string]any); ok {
			v = member(o, "value")
		}
		if v == nil {
			return false
		}
		absent = false
		return holds(f, v, exact)
	})
	if absent {
		return f.op == opEq && f.want == nil || f.op == opNe && f.want != nil
	}
	return found
}

// exact tells that the schema has the attribute as caseExact.
func (m matcher) exact(attr Parts) bool {
	if m.schema == nil {
		return false
	}
	if m.at.Attr != "" {
		attr = Parts{URN: m.at.URN, Attr: m.at.Attr, Sub: attr.Attr}
	}
	return m.schema.caseExact(attr)
}

// element is v as what a value filter looks at: a simple value is its own "value".
func element(v any) map[string]any {
	if o, ok := v.(map[string]any); ok {
		return o
	}
	return map[string]any{"value": v}
}

// present is the operator pr (RFC 7644 table 3).
func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case map[string]any:
		for _, e := range v {
			if present(e) {
				return true
			}
		}
		return false
	case []any:
		for _, e := range v {
			if present(e) {
				return true
			}
		}
		return false
	}
	return true
}

// holds applies a comparison to one value that is there.
func holds(f *Filter, v any, exact bool) bool {
	switch got := v.(type) {
	case string:
		if want, ok := f.want.(string); ok {
			return holdsText(f.op, got, want, exact)
		}
	case float64, json.Number:
		want := f.want
		if text, ok := want.(string); ok && f.bare {
			want = json.Number(text)
		}
		if x, y := rational(got), rational(want); x != nil && y != nil {
			return ordered(f.op, x.Cmp(y))
		}
	case bool:
		if f.op == opEq {
			return f.want == v
		}
	}
	return f.op == opNe && f.want != v
}

func rational(v any) *big.Rat {
	switch v := v.(type) {
	case float64:
		return new(big.Rat).SetFloat64(v)
	case json.Number:
		if _, _, _, ok := decimal(string(v)); ok {
			r, _ := new(big.Rat).SetString(string(v))
			return r
		}
	}
	return nil
}

func holdsText(op operator, got, want string, exact bool) bool {
	if from, ok := instant(got); ok {
		if to, ok := instant(want); ok {
			return ordered(op, from.Compare(to))
		}
	}
	if got = canonical(got); !exact {
		got, want = fold(got), fold(want)
	}
	switch op {
	case opCo:
		return strings.Contains(got, want)
	case opSw:
		return strings.HasPrefix(got, want)
	case opEw:
		return strings.HasSuffix(got, want)
	default:
		return ordered(op, strings.Compare(got, want))
	}
}

// ordered tells whether op holds of two values that compare as c.
func ordered(op operator, c int) bool {
	switch op {
	case opEq:
		return c == 0
	case opNe:
		return c != 0
	case opGt:
		return c > 0
	case opGe:
		return c >= 0
	case opLt:
		return c < 0
	case opLe:
		return c <= 0
	default:
		return false
	}
}

// instant reads a dateTime of RFC 7643 §2.3.5 (xsd:dateTime; without a zone, UTC).
func instant(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05") || s[4] != '-' || s[10] != 'T' {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// fold makes strings that differ in case alone equal.
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		}
	}
	return strings.ToLower(s)
}

// foldRune is the smallest rune that differs from r in case alone; a letter of ASCII in lower case.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// anyLeaf tells whether test holds for a value at p, whose filter is not
// asked: for each element of a multi-valued attribute, each of its
// sub-attribute where p has one.
func anyLeaf(attrs map[string]any, p Parts, test func(any) bool) bool {
	holder, p := scope(attrs, p)
	if p.Attr == "" {
		return holder != nil && test(holder)
	}
	for _, e := range list(member(holder, p.Attr)) {
		if p.Sub == "" {
			if test(e) {
				return true
			}
			continue
		}
		o, _ := e.(map[string]any)
		for _, v := range list(member(o, p.Sub)) {
			if test(v) {
				return true
			}
		}
	}
	return false
}

// scope is the object that holds p's attribute, and p with its attribute
// found: the extension's object, or attrs itself for a core schema.
func scope(attrs map[string]any, p Parts) (holder map[string]any, at Parts) {
	if p.URN == "" {
		return attrs, p
	}
	if o, ok := member(attrs, p.URN).(map[string]any); ok {
		return o, p
	}
	if p.Attr == "" {
		i := strings.LastIndexByte(p.URN, ':')
		p.URN, p.Attr = p.URN[:i], p.URN[i+1:]
		o, _ := member(attrs, p.URN).(map[string]any)
		return o, p
	}
	if isCore(p.URN) {
		return attrs, p
	}
	return nil, p
}

func isCore(urn string) bool {
	const core = "urn:ietf:params:scim:schemas:core:"
	return len(urn) > len(core) && strings.EqualFold(urn[:len(core)], core)
}

// member is the value of name in any case, nil where there is none.
func member(o map[string]any, name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	return o[spelling(o, name)]
}

// spelling is name as o spells it, or name itself. Where o has several spellings it is the least.
func spelling(o map[string]any, name string) string {
	if _, ok := o[name]; ok {
		return name
	}
	found := ""
	for k := range o {
		if len(k) == len(name) && strings.EqualFold(k, name) && (found == "" || k < found) {
			found = k
		}
	}
	if found != "" {
		return found
	}
	return name
}

// list is the elements of an array, a single value alone, nothing for nil.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}
