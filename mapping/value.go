package mapping

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/checker/nature"

	"rollcall/scim"
)

// A kind is what a rule needs its expression to give.
type kind uint8

const (
	anything  kind = iota + 1
	condition      // bool, and nothing else
	text           // string or date
	number
	boolean
	list
	reference // a user's id, or person(...)
	object
)

// kindFor is what fits an attribute that is no set.
func kindFor(a scim.Attribute) kind {
	switch {
	case a.MultiValued:
		return list
	case a.Type == "boolean":
		return boolean
	case a.Type == "integer", a.Type == "decimal":
		return number
	case a.Type == "complex":
		return object
	default:
		return text
	}
}

var needs = [...]string{
	anything: "a value", condition: "true or false", text: "text", number: "a number", boolean: "true or false",
	list: "a list", reference: "person(...) or the id of a user", object: "an object",
}

var remedies = [...]string{
	condition: `: compare, as in row.Status == "Active"`,
	text:      ": string(...) makes text of a number",
	number:    ": float(...) makes a number of text",
	boolean:   `: compare, as in row.Status == "Active"`,
	list:      `: write [...] or split(row.Name, ";")`,
	reference: "", object: "",
}

// refuses says why an expression of nature n can never give a k; "" where it
// may. A value that is always nil is refused where one is needed.
func (k kind) refuses(n *nature.Nature) string {
	if n.Nil {
		if k == condition {
			return "gives nothing where true or false is needed"
		}
		return ""
	}
	if k == anything || n.Type == nil || n.Type.Kind() == reflect.Interface {
		return ""
	}
	if k.fits(n.Type) {
		return ""
	}
	return fmt.Sprintf("gives %s where %s is needed%s", typeName(n.Type), needs[k], remedies[k])
}

func (k kind) fits(t reflect.Type) bool {
	switch k {
	case condition, boolean:
		return t.Kind() == reflect.Bool
	case text:
		return t.Kind() == reflect.String || t == reflect.TypeFor[time.Time]()
	case number:
		return numeric(t)
	case list:
		return t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
	case reference:
		return t.Kind() == reflect.String || t.Kind() == reflect.Map
	case object:
		return t.Kind() == reflect.Map
	default:
		return true
	}
}

func numeric(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return t != reflect.TypeFor[time.Duration]()
	default:
		return false
	}
}

// kindOf names what v is, for messages.
func kindOf(v any) string {
	if v == nil {
		return "nothing"
	}
	return typeName(reflect.TypeOf(v))
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a date"
	case t == reflect.TypeFor[time.Duration]():
		return "a duration"
	case numeric(t):
		return "a number"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map:
		return "an object"
	case reflect.Interface:
		return "a value"
	default:
		return "something else"
	}
}

// values are what an expression gave, as far as it fits the attribute. empty:
// the source has nothing to say (nil, "", or a list of nothing else).
func (a *attribute) values(v any) (values []scim.Value, empty bool, err error) {
	if blank(v) {
		return nil, true, nil
	}
	if !a.kind.fits(reflect.TypeOf(v)) {
		return nil, false, fmt.Errorf("gives %s where %s is needed", kindOf(v), needs[a.kind])
	}
	if a.kind != list {
		value, err := valueOf(v)
		return []scim.Value{value}, false, err
	}
	elements := reflect.ValueOf(v)
	for i := range elements.Len() {
		e := elements.Index(i).Interface()
		if blank(e) {
			continue
		}
		value, err := valueOf(e)
		if err != nil {
			return nil, false, err
		}
		values = append(values, value)
	}
	return values, len(values) == 0 && elements.Len() > 0, nil
}

// blank tells whether v says nothing.
func blank(v any) bool {
	if v == nil {
		return true
	}
	s, ok := v.(string)
	return ok && strings.TrimSpace(s) == ""
}

// valueOf is v as SCIM has it; a date is YYYY-MM-DD.
func valueOf(v any) (scim.Value, error) {
	switch v := v.(type) {
	case string, bool, float64, int, map[string]any, []any:
		return scim.ValueOf(v), nil
	case time.Time:
		return scim.ValueOf(v.Format(time.DateOnly)), nil
	}
	if t := reflect.TypeOf(v); numeric(t) {
		return scim.ValueOf(v), nil
	}
	return "", fmt.Errorf("gives %s, which no attribute can hold", kindOf(v))
}

// texts are the names in a list; nil where the source has nothing to say.
func texts(v any) ([]string, error) {
	if blank(v) {
		return nil, nil
	}
	switch v := v.(type) {
	case []string:
		return v, nil
	case []any:
		names := make([]string, 0, len(v))
		for _, e := range v {
			name, ok := e.(string)
			if !ok && e != nil {
				return nil, fmt.Errorf("gives a list of %s where text is needed", kindOf(e))
			}
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
		if len(names) == 0 && len(v) > 0 {
			return nil, nil
		}
		return names, nil
	default:
		return nil, fmt.Errorf("gives %s where a list is needed", kindOf(v))
	}
}

// canonical brings values into the dialect's form, each once. Two different
// elements of one identity are a mistake.
func (m *Mapping) canonical(a *attribute, values []scim.Value) ([]scim.Value, error) {
	if m.dialect.Canonical == nil {
		return values, nil
	}
	for i, v := range values {
		c, err := m.dialect.Canonical(a.Path, v)
		if err != nil {
			return nil, err
		}
		values[i] = c
	}
	if a.set == nil || len(values) < 2 {
		return values, nil
	}
	slices.Sort(values)
	values = slices.Compact(values)
	if len(a.set.Sub) < 2 {
		return values, nil
	}
	seen := make(map[scim.Value]bool, len(values))
	for _, v := range values {
		id := v.Sub(a.set.Sub[0])
		if seen[id] {
			return nil, fmt.Errorf("two entries have the same %s", a.set.Sub[0])
		}
		seen[id] = true
	}
	return values, nil
}
