package scim_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"rollcall/scim"
)

// schema is RFC 7643 §8.7.1: User with the enterprise extension, and Group; in
// the User a second extension with what the RFC has no example of.
func schema(t testing.TB) *scim.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/schemas.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []scim.Definition
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return scim.NewSchema(
		scim.TypeDefinition{Type: scim.User, Core: all[0], Extensions: []scim.Definition{all[2], skills}},
		scim.TypeDefinition{Type: scim.Group, Core: all[1]},
	)
}

const skillsURN = "urn:example:skills:2.0:User"

var skills = scim.Definition{ID: skillsURN, Name: "Skills", Attributes: []scim.Attribute{
	{Name: "routingSkills", Type: "complex", MultiValued: true, Mutability: "readWrite", SubAttributes: []scim.Attribute{
		{Name: "name", Type: "string", CaseExact: true, Required: true, Mutability: "readWrite"},
		{Name: "proficiency", Type: "decimal", Mutability: "readWrite"},
	}},
	{Name: "level", Type: "integer", Mutability: "READWRITE"},
	{Name: "hired", Type: "dateTime", Mutability: "readWrite"},
	{Name: "badge", Type: "string", Mutability: "immutable"},
	{Name: "tags", Type: "string", MultiValued: true, Mutability: "readWrite"},
}}

// attrs decodes a resource as a client or server does.
func attrs(t testing.TB, text string) map[string]any {
	t.Helper()
	r, err := scim.ParseResource(scim.User, []byte(text))
	if err != nil {
		t.Fatalf("ParseResource(%s): %v", text, err)
	}
	return r.Attrs
}

// user is the enterprise user of RFC 7643 §8.3.
func user(t testing.TB) scim.Resource {
	t.Helper()
	text, err := os.ReadFile("testdata/user.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := scim.ParseResource(scim.User, text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// scimType is that of an *Error, "" for nil.
func scimType(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *scim.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is not an *Error", err)
	}
	return e.ScimType
}
