// Package genesysschema is the SCIM schemas of Genesys Cloud as data: what its
// users and groups have, and who may write what (dossier §5.1, §6.1, §10.4).
//
// The client's dialect checks operations against it and the simulator serves
// it, so that there is one reading of the service in this module. Where it
// deviates from RFC 7643, the service does.
package genesysschema

import (
	"sync"

	"rollcall/scim"
)

// The schema URNs.
const (
	UserURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	GenesysURN    = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"
)

// The names of attributes that code refers to.
const (
	Division         = "division"
	Department       = "department"
	Manager          = "manager"
	EmployeeNumber   = "employeeNumber"
	DateHire         = "dateHire"
	RoutingSkills    = "routingSkills"
	RoutingLanguages = "routingLanguages"
	ExternalIDs      = "externalIds"
)

// ClientAuthority begins the authority under which Genesys keeps the SCIM
// externalId of one OAuth client (dossier §5.3).
const ClientAuthority = "x-pc:scimv2:v1"

// MirrorType is the type of the e-mail that always is the userName (dossier §5.2).
const MirrorType = "other"

// EmailTypes are the types of e-mails.
func EmailTypes() []string { return []string{"work", MirrorType} }

// PhoneTypes are the types of phone numbers. The list has moved more than once:
// readers tolerate other types (dossier §5.2).
func PhoneTypes() []string {
	return []string{
		"work", "work2", "work3", "work4", "home", "mobile", "other",
		"microsoftteams", "zoomphone", "eightbyeight", "ringcentral",
	}
}

// MaxRatings is how many skills, and how many languages, a user can have.
const MaxRatings = 50

// MaxProficiency is the best proficiency in a skill or language; the least is 0.
const MaxProficiency = 5.0

// Schema is the compiled schema of users and groups.
func Schema() *scim.Schema { return compiled() }

var compiled = sync.OnceValue(func() *scim.Schema { return scim.NewSchema(Types()...) })

// Types are the resource types with their definitions; the caller may keep and change them.
func Types() []scim.TypeDefinition {
	return []scim.TypeDefinition{
		{Type: scim.User, Core: user(), Extensions: []scim.Definition{enterprise(), genesys()}},
		{Type: scim.Group, Core: group()},
	}
}
