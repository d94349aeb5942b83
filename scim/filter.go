package scim

// A Filter is a parsed filter expression (RFC 7644 §3.4.2.2): all operators,
// and, or, not, grouping, complex attribute filters.
type Filter struct{ /* the owner's business */ }

// FilterOptions tells how strictly to read; the zero value is the RFC.
type FilterOptions struct {
	BareValues bool // accept an unquoted comparison value up to the next space, as Genesys Cloud documents
}

// ParseFilter reads a filter. An error is an *Error with invalidFilter that names the offset.
func ParseFilter(text string, o FilterOptions) (*Filter, error) { panic("sketch") }

// String is the canonical text.
func (f *Filter) String() string { panic("sketch") }

// Match tells whether the filter holds for attrs (a resource's, or an
// element's, as decoded JSON). Attribute names match in any case; strings are
// compared by the schema's caseExact where s knows the attribute, else folded.
// at says what attrs is: the attribute the elements belong to, "" for a resource. s may be nil.
func (f *Filter) Match(attrs map[string]any, at Path, s *Schema) bool { panic("sketch") }

// Equality is the pair of a filter that is one "attr eq value"; ok is false for any other filter.
func (f *Filter) Equality() (attr Path, value Value, ok bool) { panic("sketch") }

// Equalities are the pairs of a filter that is only "attr eq value" joined by "and".
func (f *Filter) Equalities() (pairs map[Path]Value, ok bool) { panic("sketch") }
