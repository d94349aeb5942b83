package scim

// A Definition is one schema as /Schemas serves it (RFC 7643 §7); field names
// are the RFC's, enums are compared in any case (Genesys sent upper case until
// 2021, dossier §10.4).
type Definition struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Attributes  []Attribute `json:"attributes"`
}

// An Attribute is one attribute definition (RFC 7643 §7).
type Attribute struct {
	Name            string      `json:"name"`
	Type            string      `json:"type"` // string, boolean, decimal, integer, dateTime, reference, complex, binary
	SubAttributes   []Attribute `json:"subAttributes,omitempty"`
	MultiValued     bool        `json:"multiValued"`
	Description     string      `json:"description,omitempty"`
	Required        bool        `json:"required"`
	CanonicalValues []string    `json:"canonicalValues,omitempty"`
	CaseExact       bool        `json:"caseExact"`
	Mutability      string      `json:"mutability"` // readWrite, readOnly, immutable, writeOnly
	Returned        string      `json:"returned"`   // always, never, default, request
	Uniqueness      string      `json:"uniqueness"` // none, server, global
	ReferenceTypes  []string    `json:"referenceTypes,omitempty"`
}

// A Schema is the definitions that hold for each resource type of a service.
// It is immutable and safe for concurrent use.
type Schema struct{ /* the owner's business */ }

// A TypeDefinition names the core schema and the extensions of one type.
type TypeDefinition struct {
	Type       Type
	Core       Definition
	Extensions []Definition
}

// NewSchema compiles definitions; it panics on two attributes of one name.
func NewSchema(types ...TypeDefinition) *Schema { panic("sketch") }

// Resolve finds the attribute that p ends at and spells p as the schema does.
// Errors are *Error with invalidPath and, in their text, the nearest known name.
func (s *Schema) Resolve(t Type, p Path) (Path, Attribute, error) { panic("sketch") }

// Check reports every fault of ops before they are sent: verb, path, mutability,
// value type (RFC 7644 §3.5.2). Each fault is an *Error with Index set.
func (s *Schema) Check(t Type, ops []Op) []*Error { panic("sketch") }

// URNs are the core and extension schema URNs of t, core first.
func (s *Schema) URNs(t Type) []string { panic("sketch") }

func (s *Schema) caseExact(p Parts) bool { panic("sketch") }
