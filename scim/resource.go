package scim

import "strings"

// A Type is a resource type (RFC 7643 §6).
type Type string

// The resource types of Genesys Cloud.
const (
	User  Type = "User"
	Group Type = "Group"
)

// A Ref names a resource and the version it was seen in; Version "" is not known.
type Ref struct {
	Type    Type   `json:"type"`
	ID      string `json:"id,omitempty"`
	Version string `json:"version,omitempty"` // without quotes and W/
}

// A Resource is the wire form: it lives as long as its page.
type Resource struct {
	Ref
	Attrs map[string]any // decoded JSON, extension attributes below their URN
}

// ParseResource decodes one resource: id and meta.version in any of the forms
// 42, "42", W/"42". Numbers are as [Value.Any] describes. Errors are *Error
// with invalidSyntax.
func ParseResource(t Type, body []byte) (Resource, error) {
	v, err := decode(body)
	if err != nil {
		return Resource{}, refuse(invalidSyntax, "resource: %v", err)
	}
	if attrs, ok := v.(map[string]any); ok {
		return NewResource(t, attrs), nil
	}
	return Resource{}, refuse(invalidSyntax, "resource: not a JSON object")
}

// NewResource is the resource of attributes decoded elsewhere, with the Ref that they tell.
func NewResource(t Type, attrs map[string]any) Resource {
	id, _ := member(attrs, "id").(string)
	meta, _ := member(attrs, "meta").(map[string]any)
	version, ok := member(meta, "version").(string)
	if n := member(meta, "version"); !ok && n != nil {
		version = string(ValueOf(n))
	}
	return Resource{Ref: Ref{Type: t, ID: id, Version: ParseVersion(version)}, Attrs: attrs}
}

// ParseVersion is the version in an ETag or meta.version, without W/ and quotes.
func ParseVersion(text string) string {
	text = strings.TrimSpace(text)
	text = strings.TrimPrefix(text, "W/")
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' {
		return text[1 : n-1]
	}
	return text
}

// At are the values at p: one for a single value, one per element for a
// multi-valued attribute, none where absent (or null).
func (r Resource) At(p Path) []Value { return valuesAt(r.Attrs, p.Parts()) }

func valuesAt(attrs map[string]any, p Parts) []Value {
	holder, p := scope(attrs, p)
	if p.Attr == "" {
		if holder == nil {
			return nil
		}
		return []Value{ValueOf(holder)}
	}
	var all []Value
	in := matcher{at: p}
	for _, e := range list(member(holder, p.Attr)) {
		if p.Filter != nil && !in.match(p.Filter, element(e)) {
			continue
		}
		if p.Sub == "" {
			all = appendKnown(all, e)
			continue
		}
		o, _ := e.(map[string]any)
		for _, v := range list(member(o, p.Sub)) {
			all = appendKnown(all, v)
		}
	}
	return all
}

func appendKnown(all []Value, v any) []Value {
	if v == nil {
		return all
	}
	return append(all, ValueOf(v))
}
