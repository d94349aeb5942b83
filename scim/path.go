package scim

// A Path is the canonical text of an attribute path (RFC 7644 figure 7):
// attrPath, valuePath with an optional sub-attribute, each with an optional
// URN prefix. Canonical: the schema's spelling of names where a schema was
// asked, one space around operators, strings quoted as JSON.
type Path string

// Parts is a parsed Path.
type Parts struct {
	URN    string  // schema prefix; "" for a core attribute
	Attr   string  // attribute name
	Filter *Filter // value filter in brackets; nil where there is none
	Sub    string  // sub-attribute; "" for the whole
}

// ParsePath reads a path by its grammar alone.
func ParsePath(text string) (Path, error) { panic("sketch") }

// MustPath is ParsePath for tests and package variables.
func MustPath(text string) Path { panic("sketch") }

// Parts takes p apart; it panics where p did not come from ParsePath.
func (p Path) Parts() Parts { panic("sketch") }

// Path is the canonical text of what was taken apart.
func (p Parts) Path() Path { panic("sketch") }
