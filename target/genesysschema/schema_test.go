package genesysschema_test

import (
	"slices"
	"testing"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

func TestSchemaResolves(t *testing.T) {
	t.Parallel()
	for path, want := range map[scim.Path]string{
		"userName": "readWrite", "groups": "readOnly", "id": "readOnly", "password": "writeOnly", "meta.version": "readOnly",
		"externalId": "readWrite", `emails[type eq "work"].value`: "readWrite", "phoneNumbers.type": "readWrite",
		genesysschema.EnterpriseURN + ":manager.value": "readWrite", genesysschema.EnterpriseURN + ":manager.$ref": "readOnly",
		genesysschema.EnterpriseURN + ":dateHire": "readWrite", genesysschema.GenesysURN + ":routingSkills": "readWrite",
		genesysschema.GenesysURN + `:externalIds[authority eq "x"].value`: "readWrite",
	} {
		if _, a, err := genesysschema.Schema().Resolve(scim.User, path); err != nil || a.Mutability != want {
			t.Errorf("Resolve(User, %q) = %q, %v, want %q", path, a.Mutability, err, want)
		}
	}
	for path, want := range map[scim.Path]string{"displayName": "readOnly", "members": "readWrite", "members.type": "readOnly", "externalId": "readWrite"} {
		if _, a, err := genesysschema.Schema().Resolve(scim.Group, path); err != nil || a.Mutability != want {
			t.Errorf("Resolve(Group, %q) = %q, %v, want %q", path, a.Mutability, err, want)
		}
	}
	if _, _, err := genesysschema.Schema().Resolve(scim.User, "name.givenName"); err == nil {
		t.Error("Resolve(User, name.givenName): no error; the service has no such attribute")
	}
}

func TestDefinitionsAreComplete(t *testing.T) {
	t.Parallel()
	var check func(urn string, list []scim.Attribute)
	check = func(urn string, list []scim.Attribute) {
		for _, a := range list {
			if a.Type == "" || a.Mutability == "" || a.Returned == "" || a.Uniqueness == "" || a.Description == "" || (a.Type == "complex") != (len(a.SubAttributes) > 0) {
				t.Errorf("%s: incomplete attribute %+v", urn, a)
			}
			check(urn+"."+a.Name, a.SubAttributes)
		}
	}
	var urns []string
	for _, typ := range genesysschema.Types() {
		for _, d := range append([]scim.Definition{typ.Core}, typ.Extensions...) {
			urns = append(urns, d.ID)
			check(d.ID, d.Attributes)
		}
	}
	for _, d := range genesysschema.Discovery() {
		urns = append(urns, d.ID)
		check(d.ID, d.Attributes)
	}
	if slices.Sort(urns); len(slices.Compact(urns)) != 7 {
		t.Errorf("schemas = %v, want the seven of dossier §1.2", urns)
	}
}
