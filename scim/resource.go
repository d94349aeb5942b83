package scim

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

// ParseResource decodes one resource: id and meta.version in any of the forms 42, "42", W/"42".
func ParseResource(t Type, body []byte) (Resource, error) { panic("sketch") }

// At are the values at p: one for a single value, one per element for a
// multi-valued attribute, none where absent (or null).
func (r Resource) At(p Path) []Value { panic("sketch") }

// A Shape is the paths that a run looks at, in a fixed order. It is immutable.
type Shape struct{ /* the owner's business */ }

// NewShape keeps the order and drops repetitions.
func NewShape(paths ...Path) *Shape { panic("sketch") }

// Paths are the shape's paths; the caller does not modify them.
func (s *Shape) Paths() []Path { panic("sketch") }

// Index is the place of p, or -1.
func (s *Shape) Index(p Path) int { panic("sketch") }

// A Row is a resource cut down to a Shape: immutable, packed, without maps. A
// path is either not known (was not read, is not managed) or known with zero or
// more values; known with none is absent. Multi-valued attributes are in
// canonical order, so that rows of one shape are equal exactly when packed are.
// The zero Row knows nothing.
type Row struct{ /* the owner's business: *Shape, packed string */ }

// A RowBuilder fills a Row path by path. It may be reused after Row.
type RowBuilder struct{ /* the owner's business */ }

// NewRow starts a row of s.
func NewRow(s *Shape) *RowBuilder { panic("sketch") }

// Set makes the i-th path known with these values, which it sorts where there are several.
func (b *RowBuilder) Set(i int, values ...Value) { panic("sketch") }

// Row packs what was set and empties the builder.
func (b *RowBuilder) Row() Row { panic("sketch") }

// Shape is the shape of r; nil for the zero Row.
func (r Row) Shape() *Shape { panic("sketch") }

// At are the values at p; known is false where r's shape lacks p or the path was not set.
func (r Row) At(p Path) (values []Value, known bool) { panic("sketch") }

// Index is At for the i-th path of the shape, without looking it up.
func (r Row) Index(i int) (values []Value, known bool) { panic("sketch") }

// Packed is r as text without its shape: what a ledger or an arena stores.
func (r Row) Packed() string { panic("sketch") }

// UnpackRow is the row of that text; it fails where text was not packed under a shape of this length.
func UnpackRow(s *Shape, packed string) (Row, error) { panic("sketch") }

// Reshape cuts r to another shape; paths that r lacks are not known.
func (r Row) Reshape(s *Shape) Row { panic("sketch") }

// With is r with the values of path p replaced; p must be in the shape.
func (r Row) With(p Path, values ...Value) Row { panic("sketch") }
