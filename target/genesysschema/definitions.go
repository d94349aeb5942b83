package genesysschema

import "rollcall/scim"

// The words of RFC 7643 §7 that occur more than once.
const (
	readOnly = "readOnly"
	always   = "always"
	server   = "server"
)

// text is a readable and writable string; the options change what differs.
func text(name, description string, options ...func(*scim.Attribute)) scim.Attribute {
	a := scim.Attribute{
		Name: name, Type: "string", Description: description,
		Mutability: "readWrite", Returned: "default", Uniqueness: "none",
	}
	for _, o := range options {
		o(&a)
	}
	return a
}

func is(kind string) func(*scim.Attribute)     { return func(a *scim.Attribute) { a.Type = kind } }
func mutable(how string) func(*scim.Attribute) { return func(a *scim.Attribute) { a.Mutability = how } }

func returned(when string) func(*scim.Attribute) {
	return func(a *scim.Attribute) { a.Returned = when }
}

func unique(where string) func(*scim.Attribute) {
	return func(a *scim.Attribute) { a.Uniqueness = where }
}

func among(values ...string) func(*scim.Attribute) {
	return func(a *scim.Attribute) { a.CanonicalValues = values }
}
func many(a *scim.Attribute)     { a.MultiValued = true }
func required(a *scim.Attribute) { a.Required = true }
func exact(a *scim.Attribute)    { a.CaseExact = true }

func reference(types ...string) func(*scim.Attribute) {
	return func(a *scim.Attribute) {
		a.Type, a.ReferenceTypes, a.CaseExact, a.Mutability = "reference", types, true, readOnly
	}
}

func of(subs ...scim.Attribute) func(*scim.Attribute) {
	return func(a *scim.Attribute) { a.Type, a.SubAttributes = "complex", subs }
}

// common are the attributes of every resource; meta has no created (dossier §4.3).
func common() []scim.Attribute {
	ro := mutable(readOnly)
	return []scim.Attribute{
		text("id", "The directory's id of the resource, a GUID.", ro, returned(always), unique(server), exact),
		text("schemas", "The URNs of the schemas in use.", ro, returned(always), many, exact, is("reference")),
		text("externalId", "The provisioning client's own id of the resource, kept apart for each OAuth client.", exact),
		text("meta", "What the service knows of the resource.", ro, returned(always), of(
			text("resourceType", "User or Group.", ro, exact),
			text("lastModified", "When the profile was last changed.", ro, is("dateTime")),
			text("location", "The URI of the resource.", reference("uri")),
			text("version", "The version of the profile, the same as the ETag header.", ro, exact),
		)),
	}
}

func user() scim.Definition {
	return scim.Definition{
		ID: UserURN, Name: "User", Description: "A user of the organization.",
		Attributes: append(common(),
			text("userName", "The main e-mail address, with which the user signs in.", required, returned(always), unique(server)),
			text("displayName", "The name that is shown; there is no other.", required),
			text("active", "Whether the user can sign in.", is("boolean"), returned(always)),
			text("title", "The job title."),
			text("password", "The new password.", mutable("writeOnly"), returned("never"), exact),
			text("emails", "E-mail addresses, one of each type; the one of type other is the userName.", many, of(
				text("value", "The address."),
				text("type", "What the address is for.", among(EmailTypes()...)),
				text("primary", "Whether it is the preferred one.", is("boolean")),
			)),
			text("phoneNumbers", "Phone numbers, one of each type.", many, of(
				text("value", "The number: E.164, or tel:+nnnnnnnn; ext=xxxxx."),
				text("type", "What the number is for.", among(PhoneTypes()...)),
				text("primary", "Whether it is the preferred one.", is("boolean")),
			)),
			text("roles", "The roles of the user, by name.", many, of(
				text("value", "The name of the role."),
			)),
			text("groups", "The groups the user is a member of; changed on the group.", many, mutable(readOnly), of(
				text("value", "The id of the group.", mutable(readOnly), exact),
				text("type", "The type of the resource.", mutable(readOnly)),
				text("$ref", "The URI of the group.", reference("Group")),
			)),
		),
	}
}

func group() scim.Definition {
	return scim.Definition{
		ID: GroupURN, Name: "Group", Description: "A group of users, made in Genesys Cloud.",
		Attributes: append(common(),
			text("displayName", "The name of the group.", required, mutable(readOnly)),
			text("members", "The members.", many, of(
				text("value", "The id of the member.", exact),
				text("type", "The type of the member.", mutable(readOnly)),
				text("$ref", "The URI of the member.", reference("User", "Group")),
			)),
		),
	}
}

func enterprise() scim.Definition {
	return scim.Definition{
		ID: EnterpriseURN, Name: "EnterpriseUser", Description: "The organizational side of a user.",
		Attributes: []scim.Attribute{
			text(Division, "The division, by name."),
			text(Department, "The department."),
			text(Manager, "The manager, a user.", of(
				text("value", "The id of the manager.", exact),
				text("$ref", "The URI of the manager.", reference("User")),
			)),
			text(EmployeeNumber, "The employee number."),
			text(DateHire, "The date of hire: a date and time is accepted, a date is returned."),
		},
	}
}

func genesys() scim.Definition {
	rating := of(
		text("name", "The name, which must exist.", exact, required),
		text("proficiency", "From 0.0 to 5.0.", is("decimal")),
	)
	return scim.Definition{
		ID: GenesysURN, Name: "GenesysUser", Description: "The contact center side of a user.",
		Attributes: []scim.Attribute{
			text(RoutingSkills, "The skills, at most 50.", many, rating),
			text(RoutingLanguages, "The languages, at most 50.", many, rating),
			text(ExternalIDs, "The ids of the user in other systems; the client's own one is immutable.", many, of(
				text("authority", "Who gave the id.", exact, required),
				text("value", "The id.", exact, required),
			)),
		},
	}
}

// Discovery are the schemas of the discovery resources, which the service
// serves beside those of users and groups. The caller may keep and change them.
func Discovery() []scim.Definition {
	ro := mutable(readOnly)
	option := func(name, description string, more ...scim.Attribute) scim.Attribute {
		return text(name, description, ro, of(append([]scim.Attribute{
			text("supported", "Whether it is supported.", ro, is("boolean")),
		}, more...)...))
	}
	return []scim.Definition{
		{
			ID: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig", Name: "ServiceProviderConfig", Description: "What the service can do.",
			Attributes: []scim.Attribute{
				text("documentationUri", "Where the service is described.", reference("external")),
				option("patch", "Changing parts of a resource."),
				option("filter", "Filtering lists.", text("maxResults", "The most resources of an answer.", ro, is("integer"))),
				option("etag", "Versions of resources."),
				option("sort", "Sorting lists."),
				option("bulk", "Several operations in one request.",
					text("maxOperations", "The most operations.", ro, is("integer")), text("maxPayloadSize", "The most bytes.", ro, is("integer"))),
				option("changePassword", "Changing a password."),
				text("authenticationSchemes", "How requests are authenticated.", ro, many, of(
					text("name", "The name.", ro), text("description", "A description.", ro), text("specUri", "The specification.", reference("external")),
					text("documentationUri", "The documentation.", reference("external")), text("type", "The kind.", ro,
						among("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest")), text("primary", "Whether it is the preferred one.", ro, is("boolean")),
				)),
			},
		},
		{
			ID: "urn:ietf:params:scim:schemas:core:2.0:ResourceType", Name: "ResourceType", Description: "A type of resource.",
			Attributes: []scim.Attribute{
				text("id", "The id of the type.", ro), text("name", "The name.", ro), text("description", "A description.", ro),
				text("schema", "The URN of the schema.", reference("uri")), text("endpoint", "The path of the resources.", reference("uri")),
				text("schemaExtensions", "The extensions.", ro, many, of(
					text("schema", "The URN of the extension.", reference("uri")), text("required", "Whether every resource has it.", ro, is("boolean")),
				)),
			},
		},
		{
			ID: "urn:ietf:params:scim:schemas:core:2.0:Schema", Name: "Schema", Description: "The definition of a schema.",
			Attributes: []scim.Attribute{
				text("id", "The URN of the schema.", ro, exact), text("name", "The name.", ro), text("description", "A description.", ro),
				text("attributes", "The attributes, as RFC 7643 §7 describes them.", ro, many, of(text("name", "The name.", ro))),
			},
		},
	}
}
