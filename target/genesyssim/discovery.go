package genesyssim

import (
	"net/http"
	"slices"
	"strings"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// The schemas of the discovery resources themselves.
const (
	configURN       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	resourceTypeURN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaURN       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

// where is the meta of a discovery resource: no version, no date (dossier §4.3).
type where struct {
	Location     string `json:"location"`
	ResourceType string `json:"resourceType"`
}

type supported struct {
	Supported bool `json:"supported"`
}

type filterSupport struct {
	Supported  bool `json:"supported"`
	MaxResults int  `json:"maxResults"`
}

type bulkSupport struct {
	Supported      bool `json:"supported"`
	MaxOperations  int  `json:"maxOperations"`
	MaxPayloadSize int  `json:"maxPayloadSize"`
}

type authenticationScheme struct {
	Name             string `json:"name"`
	Description      string `json:"description"`
	SpecURI          string `json:"specUri"`
	DocumentationURI string `json:"documentationUri,omitempty"`
	Type             string `json:"type"`
	Primary          bool   `json:"primary"`
}

type providerConfig struct {
	Schemas               []string               `json:"schemas"`
	DocumentationURI      string                 `json:"documentationUri"`
	Patch                 supported              `json:"patch"`
	Filter                filterSupport          `json:"filter"`
	ETag                  supported              `json:"etag"`
	Sort                  supported              `json:"sort"`
	Bulk                  bulkSupport            `json:"bulk"`
	ChangePassword        supported              `json:"changePassword"`
	AuthenticationSchemes []authenticationScheme `json:"authenticationSchemes"`
	Meta                  where                  `json:"meta"`
}

// configVersion is the ETag of the service's configuration, which never changes.
const configVersion = 1

func (s *Server) serviceProviderConfig(c *call) reply {
	if fresh(c, configVersion) {
		return nothing(http.StatusNotModified).with("ETag", etag(configVersion))
	}
	rep := answer(http.StatusOK, providerConfig{
		Schemas: []string{configURN}, DocumentationURI: "https://developer.genesys.cloud/useragentman/scim/scim-apis",
		Patch: supported{true}, Filter: filterSupport{true, s.knobs.pageMax}, ETag: supported{true},
		ChangePassword: supported{true},
		AuthenticationSchemes: []authenticationScheme{{
			Name: "OAuth Bearer Token", Description: "Authentication with a bearer token of an OAuth client.",
			SpecURI: "https://www.rfc-editor.org/info/rfc6750", Type: "oauthbearertoken", Primary: true,
		}},
		Meta: where{c.origin + c.match.tree + "/serviceproviderconfig", "ServiceProviderConfig"},
	})
	rep.media = typeSCIM
	return rep.with("ETag", etag(configVersion))
}

type extensionOf struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

type resourceType struct {
	Schemas          []string      `json:"schemas"`
	ID               string        `json:"id"`
	Name             string        `json:"name"`
	Description      string        `json:"description"`
	Schema           string        `json:"schema"`
	SchemaExtensions []extensionOf `json:"schemaExtensions,omitempty"`
	Endpoint         string        `json:"endpoint"`
	Meta             where         `json:"meta"`
}

func resourceTypes(c *call) []resourceType {
	var out []resourceType
	add := func(name, description, schema, endpoint string, extensions ...string) {
		t := resourceType{
			Schemas: []string{resourceTypeURN}, ID: name, Name: name, Description: description, Schema: schema, Endpoint: endpoint,
			Meta: where{c.origin + c.match.tree + "/resourcetypes/" + name, "ResourceType"},
		}
		for _, e := range extensions {
			t.SchemaExtensions = append(t.SchemaExtensions, extensionOf{Schema: e})
		}
		out = append(out, t)
	}
	add("User", "A user of the organization.", genesysschema.UserURN, "/users", genesysschema.EnterpriseURN, genesysschema.GenesysURN)
	add("Group", "A group of users.", genesysschema.GroupURN, "/groups")
	add("ServiceProviderConfig", "What the service can do.", configURN, "/serviceproviderconfig")
	add("ResourceType", "A type of resource.", resourceTypeURN, "/resourcetypes")
	add("Schema", "The definition of a schema.", schemaURN, "/schemas")
	return out
}

func (s *Server) listResourceTypes(c *call) reply { return listing(resourceTypes(c)) }

func (s *Server) readResourceType(c *call) reply {
	return discovered(c, "resource type", resourceTypes(c), func(t resourceType) string { return t.ID })
}

// discovered is what of all has the id that the call names.
func discovered[T any](c *call, what string, all []T, id func(T) string) reply {
	i := slices.IndexFunc(all, func(v T) bool { return strings.EqualFold(id(v), c.match.id) })
	if i < 0 {
		return notFound(what)
	}
	rep := answer(http.StatusOK, all[i])
	rep.media = typeSCIM
	return rep
}

// A schema is a definition as it is served.
type schema struct {
	Schemas []string `json:"schemas"`
	scim.Definition

	Meta where `json:"meta"`
}

func schemas(c *call) []schema {
	var definitions []scim.Definition
	for _, t := range genesysschema.Types() {
		definitions = append(append(definitions, t.Core), t.Extensions...)
	}
	definitions = append(definitions, genesysschema.Discovery()...)
	out := make([]schema, 0, len(definitions))
	for _, d := range definitions {
		out = append(out, schema{
			Schemas: []string{schemaURN}, Definition: d, Meta: where{c.origin + c.match.tree + "/schemas/" + d.ID, "Schema"},
		})
	}
	return out
}

func (s *Server) listSchemas(c *call) reply {
	if c.query.Has("filter") {
		return gatewayError(http.StatusForbidden, "not.authorized", "Schemas cannot be filtered.").reply()
	}
	return listing(schemas(c))
}

func (s *Server) readSchema(c *call) reply {
	return discovered(c, "schema", schemas(c), func(d schema) string { return d.ID })
}

// listing is all of a short list.
func listing[T any](all []T) reply {
	rep := answer(http.StatusOK, struct {
		Schemas      []string `json:"schemas"`
		TotalResults int      `json:"totalResults"`
		StartIndex   int      `json:"startIndex"`
		ItemsPerPage int      `json:"itemsPerPage"`
		Resources    []T      `json:"Resources"`
	}{[]string{listURN}, len(all), 1, len(all), all})
	rep.media = typeSCIM
	return rep
}
