package scim

// A Filter is a parsed filter expression (RFC 7644 §3.4.2.2): all operators,
// and, or, not, grouping, complex attribute filters. It is immutable.
type Filter struct {
	op    operator
	attr  Parts     // of has, pr and the comparisons
	value Value     // of the comparisons
	want  any       // value, decoded
	bare  bool      // value was not quoted, and is not known to be a string
	terms []*Filter // two or more of and and or; one of not and has
}

type operator string

const (
	opAnd operator = "and"
	opOr  operator = "or"
	opNot operator = "not"
	opHas operator = "[" // attr[terms[0]]
	opPr  operator = "pr"
	opEq  operator = "eq"
	opNe  operator = "ne"
	opCo  operator = "co"
	opSw  operator = "sw"
	opEw  operator = "ew"
	opGt  operator = "gt"
	opGe  operator = "ge"
	opLt  operator = "lt"
	opLe  operator = "le"
)

// FilterOptions tells how strictly to read; the zero value is the RFC.
type FilterOptions struct {
	// BareValues accepts a comparison value without quotes, as Genesys Cloud
	// documents: displayname eq Night Shift. It reaches to the end of the
	// text, to the bracket or parenthesis that closes what it stands in, or to
	// an "and" or "or" that an expression follows ("Research and Development"
	// is one value). true, false and null, in any case, are themselves; all
	// else is a string, which a number attribute compares as a number.
	BareValues bool
}

// ParseFilter reads a filter. An error is an *Error with invalidFilter that names the offset.
//
// Beyond the RFC it reads emails[type eq "work"].value eq "x", which clients
// send, as emails[type eq "work" and value eq "x"].
func ParseFilter(text string, o FilterOptions) (*Filter, error) {
	p := parser{text: text, bare: o.BareValues}
	f := p.whole(0)
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

// String is the canonical text.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	return string(f.append(nil))
}

func (f *Filter) append(b []byte) []byte {
	switch f.op {
	case opAnd, opOr:
		for i, t := range f.terms {
			if i > 0 {
				b = append(append(append(b, ' '), f.op...), ' ')
			}
			b = t.appendTerm(b, f.op == opAnd && t.op == opOr)
		}
		return b
	case opNot:
		return f.terms[0].appendTerm(append(b, "not "...), true)
	case opHas:
		b = append(append(b, f.attr.Path()...), '[')
		return append(f.terms[0].append(b), ']')
	case opPr:
		return append(append(b, f.attr.Path()...), " pr"...)
	default:
		b = append(append(b, f.attr.Path()...), ' ')
		return append(append(append(b, f.op...), ' '), f.value...)
	}
}

func (f *Filter) appendTerm(b []byte, group bool) []byte {
	if !group {
		return f.append(b)
	}
	return append(f.append(append(b, '(')), ')')
}

// Equality is the pair of a filter that is one "attr eq value"; ok is false for any other filter.
func (f *Filter) Equality() (attr Path, value Value, ok bool) {
	if f == nil || f.op != opEq {
		return "", "", false
	}
	return f.attr.Path(), f.value, true
}

// Equalities are the pairs of a filter that is only "attr eq value" joined by
// "and", no attribute twice.
func (f *Filter) Equalities() (pairs map[Path]Value, ok bool) {
	if f == nil {
		return nil, false
	}
	terms := f.terms
	if f.op != opAnd {
		terms = []*Filter{f}
	}
	pairs = make(map[Path]Value, len(terms))
	for _, t := range terms {
		attr, value, one := t.Equality()
		if _, twice := pairs[attr]; !one || twice {
			return nil, false
		}
		pairs[attr] = value
	}
	return pairs, true
}
