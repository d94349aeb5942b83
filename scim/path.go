package scim

import (
	"strings"
	"unicode/utf8"
)

// A Path is the canonical text of an attribute path (RFC 7644 figure 7):
// attrPath, valuePath with an optional sub-attribute, each with an optional
// URN prefix. Canonical: the schema's spelling of names where a schema was
// asked, one space around operators, strings quoted as JSON.
//
// The URN of an extension is a path too: all of its attributes.
type Path string

// Parts is a parsed Path.
type Parts struct {
	URN    string  // schema prefix; "" for a core attribute
	Attr   string  // attribute name; "" where the path is an extension's URN alone
	Filter *Filter // value filter in brackets; nil where there is none
	Sub    string  // sub-attribute; "" for the whole
}

// ParsePath reads a path by its grammar alone. Errors are *Error with
// invalidPath, or invalidFilter for what is in the brackets.
func ParsePath(text string) (Path, error) {
	p, err := parseParts(text)
	if err != nil {
		return "", err
	}
	return p.Path(), nil
}

// MustPath is ParsePath for tests and package variables.
func MustPath(text string) Path {
	p, err := ParsePath(text)
	if err != nil {
		panic(err)
	}
	return p
}

// Parts takes p apart; it panics where p did not come from ParsePath.
//
// Grammar alone cannot tell an extension's URN from an attribute of a schema
// whose URN ends in a version number: urn:...:2.0:User is taken for a URN.
// [Schema.Resolve] knows.
func (p Path) Parts() Parts {
	parts, err := parseParts(string(p))
	if err != nil {
		panic(err)
	}
	return parts
}

// Base is the path of the attribute as a whole, without filter and sub-attribute.
func (p Parts) Base() Path { return Parts{URN: p.URN, Attr: p.Attr}.Path() }

// Path is the canonical text of what was taken apart.
func (p Parts) Path() Path {
	text := p.Attr
	switch {
	case p.Attr == "":
		text = p.URN
	case p.URN != "":
		text = p.URN + ":" + p.Attr
	}
	if p.Filter != nil {
		text += "[" + p.Filter.String() + "]"
	}
	if p.Sub != "" {
		text += "." + p.Sub
	}
	return Path(text)
}

// ElementPath is the path of one element of the multi-valued attribute set:
// the one whose sub-attribute id is that of element, as in
// roles[value eq "Agent"]. An element that is not an object is its own value.
func ElementPath(set Path, id string, element Value) Path {
	if element != "" && element[0] == '{' {
		element = element.Sub(id)
	}
	return set + "[" + Path(id) + " eq " + Path(ValueOf(element)) + "]"
}

func parseParts(text string) (Parts, *Error) {
	head, inner, bracket := strings.Cut(text, "[")
	p, why := splitAttr(head, bracket)
	switch {
	case why != "":
		return Parts{}, refuse(invalidPath, "path %q: %s", head, why)
	case !bracket:
		return p, nil
	case p.Sub != "":
		return Parts{}, refuse(invalidPath, "path %q: a sub-attribute cannot have a value filter", head)
	case isIndex(inner):
		return Parts{}, refuse(invalidPath, "path %q: SCIM has no indexes; name the element by a filter such as [type eq \"work\"]", head)
	}
	f := parser{text: text, pos: len(head) + 1, inside: true}
	p.Filter = f.whole(']')
	if f.err != nil {
		return Parts{}, f.err
	}
	rest := text[f.pos:]
	if rest == "" {
		return p, nil
	}
	sub, dotted := strings.CutPrefix(rest, ".")
	if !dotted || !isName(sub) {
		return Parts{}, refuse(invalidPath, "path %q: after the filter there may be one sub-attribute, as in [...].value", head)
	}
	p.Sub = sub
	return p, nil
}

// splitAttr takes "urn:attr.sub" apart; filtered tells that a value filter
// follows, so that the last name is an attribute's.
func splitAttr(head string, filtered bool) (p Parts, why string) {
	rest := head
	if i := strings.LastIndexByte(head, ':'); i >= 0 {
		p.URN, rest = head[:i], head[i+1:]
		if !isURN(p.URN) {
			return Parts{}, "the part before the last colon is not a URN"
		}
	}
	attr, sub, dotted := strings.Cut(rest, ".")
	switch {
	case head == "":
		return Parts{}, "empty"
	case !isName(attr):
		return Parts{}, "not an attribute name"
	case dotted && strings.Contains(sub, "."):
		return Parts{}, "sub-attributes have no sub-attributes"
	case dotted && !isName(sub):
		return Parts{}, "not a sub-attribute name"
	case !dotted && !filtered && endsInVersion(p.URN):
		return Parts{URN: head}, ""
	}
	p.Attr, p.Sub = attr, sub
	return p, ""
}

// isName is ATTRNAME of RFC 7643 §2.1, which must also let $ref pass.
func isName(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return s != "" && strings.IndexByte("0123456789-_", s[0]) < 0
}

func isNameByte(c byte) bool {
	letter := c | 0x20
	return 'a' <= letter && letter <= 'z' || '0' <= c && c <= '9' || c == '$' || c == '-' || c == '_'
}

// isURN tells that s is a scheme and more, of characters that need no
// quoting in a filter (RFC 3986 without brackets, quotes and commas).
func isURN(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && rest != "" && isName(scheme) && !strings.ContainsFunc(rest, func(r rune) bool {
		return r >= utf8.RuneSelf || !isNameByte(byte(r)) && !strings.ContainsRune(".:/~%#?@!&*+;=", r)
	})
}

// endsInVersion tells that the last field of a URN is a number such as 2.0.
func endsInVersion(urn string) bool {
	last := urn[strings.LastIndexByte(urn, ':')+1:]
	return last != "" && strings.Trim(last, "0123456789.") == ""
}

func isIndex(inner string) bool {
	n, _, ok := strings.Cut(inner, "]")
	return ok && n != "" && strings.Trim(n, "0123456789") == ""
}
