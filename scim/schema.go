package scim

import (
	"slices"
	"strings"
)

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

// A TypeDefinition names the core schema and the extensions of one type.
type TypeDefinition struct {
	Type       Type
	Core       Definition
	Extensions []Definition
}

// A Schema is the definitions that hold for each resource type of a service.
// It is immutable and safe for concurrent use.
type Schema struct {
	types []*resourceType
}

// A resourceType is the compiled definitions of one type.
type resourceType struct {
	name  Type
	urns  []string         // core first
	nodes map[string]*node // by folded path: "emails", "emails.value", "urn:...:user", "urn:...:user:manager"
	known []string         // their canonical paths, in the order of the definitions
}

// A node is an attribute in its place.
type node struct {
	Attribute

	path Path   // as the schema spells it
	urn  string // of the extension; "" in a core schema
	subs []*node
}

// NewSchema compiles definitions; it panics on two attributes of one name.
//
// The common attributes (RFC 7643 §3.1), which service schemas may leave out,
// are added where they are missing; so are, to a multi-valued attribute whose
// elements have a "value" or define nothing, the sub-attributes of RFC 7643 §2.4.
func NewSchema(types ...TypeDefinition) *Schema {
	s := &Schema{}
	for _, d := range types {
		if s.of(d.Type) != nil {
			panic("scim: type " + string(d.Type) + " is defined twice")
		}
		t := &resourceType{name: d.Type, urns: []string{d.Core.ID}, nodes: map[string]*node{}}
		for _, a := range d.Core.Attributes {
			t.add("", a)
		}
		for _, a := range common {
			if t.nodes[strings.ToLower(a.Name)] == nil {
				t.add("", a)
			}
		}
		for _, e := range d.Extensions {
			t.extend(e)
		}
		s.types = append(s.types, t)
	}
	return s
}

// common is the attributes that every resource has.
var common = []Attribute{
	{Name: "schemas", Type: "reference", MultiValued: true, Required: true, CaseExact: true, Mutability: "readOnly", Returned: "always"},
	{Name: "id", Type: "string", CaseExact: true, Mutability: "readOnly", Returned: "always", Uniqueness: "server"},
	{Name: "externalId", Type: "string", CaseExact: true, Mutability: "readWrite", Returned: "default"},
	{Name: "meta", Type: "complex", Mutability: "readOnly", Returned: "default", SubAttributes: []Attribute{
		{Name: "resourceType", Type: "string", CaseExact: true, Mutability: "readOnly"},
		{Name: "created", Type: "dateTime", Mutability: "readOnly"},
		{Name: "lastModified", Type: "dateTime", Mutability: "readOnly"},
		{Name: "location", Type: "reference", CaseExact: true, Mutability: "readOnly"},
		{Name: "version", Type: "string", CaseExact: true, Mutability: "readOnly"},
	}},
}

// elementary is the default sub-attributes of a multi-valued attribute (RFC 7643 §2.4).
var elementary = []Attribute{
	{Name: "value", Type: "string", Mutability: "readWrite"},
	{Name: "type", Type: "string", Mutability: "readWrite"},
	{Name: "primary", Type: "boolean", Mutability: "readWrite"},
	{Name: "display", Type: "string", Mutability: "immutable"},
	{Name: "$ref", Type: "reference", CaseExact: true, Mutability: "readOnly"},
}

func (t *resourceType) extend(e Definition) {
	if slices.ContainsFunc(t.urns, func(urn string) bool { return strings.EqualFold(urn, e.ID) }) {
		panic("scim: schema " + e.ID + " is defined twice")
	}
	t.urns = append(t.urns, e.ID)
	whole := &node{Attribute: Attribute{Name: e.ID, Type: "complex", SubAttributes: e.Attributes}, path: Path(e.ID), urn: e.ID}
	t.enter(whole)
	for _, a := range e.Attributes {
		whole.subs = append(whole.subs, t.add(e.ID, a))
	}
}

func (t *resourceType) add(urn string, a Attribute) *node {
	n := &node{Attribute: a, urn: urn, path: Parts{URN: urn, Attr: a.Name}.Path()}
	t.enter(n)
	subs := a.SubAttributes
	if a.MultiValued && n.complex() && (len(subs) == 0 || named(subs, "value")) {
		for _, e := range elementary {
			if !named(subs, e.Name) {
				subs = append(subs[:len(subs):len(subs)], e)
			}
		}
	}
	for _, sub := range subs {
		child := &node{Attribute: sub, urn: urn, path: n.path + "." + Path(sub.Name)}
		t.enter(child)
		n.subs = append(n.subs, child)
	}
	return n
}

func named(all []Attribute, name string) bool {
	return slices.ContainsFunc(all, func(a Attribute) bool { return strings.EqualFold(a.Name, name) })
}

func (t *resourceType) enter(n *node) {
	key := strings.ToLower(string(n.path))
	if t.nodes[key] != nil {
		panic("scim: " + string(t.name) + " has two attributes " + string(n.path))
	}
	t.nodes[key] = n
	t.known = append(t.known, string(n.path))
}

func (n *node) complex() bool   { return strings.EqualFold(n.Type, "complex") }
func (n *node) readOnly() bool  { return strings.EqualFold(n.Mutability, "readOnly") }
func (n *node) immutable() bool { return strings.EqualFold(n.Mutability, "immutable") }
func (n *node) extension() bool { return string(n.path) == n.urn && n.urn != "" }
func (n *node) sub(name string) *node {
	for _, s := range n.subs {
		if strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// of is the compiled definitions of t, nil where there are none.
func (s *Schema) of(t Type) *resourceType {
	for _, r := range s.types {
		if r.name == t {
			return r
		}
	}
	return nil
}

// URNs are the core and extension schema URNs of t, core first.
func (s *Schema) URNs(t Type) []string {
	if r := s.of(t); r != nil {
		return slices.Clone(r.urns)
	}
	return nil
}
