package genesys

import (
	"maps"
	"slices"

	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesysschema"
)

// The paths of attributes with a rule of their own.
const (
	userName    scim.Path = "userName"
	displayName scim.Path = "displayName"
	active      scim.Path = "active"
	externalID  scim.Path = "externalId"
	roles       scim.Path = "roles"
	emails      scim.Path = "emails"
	phones      scim.Path = "phoneNumbers"
	groups      scim.Path = "groups"
	password    scim.Path = "password"
	department            = enterprise + ":" + genesysschema.Department
	division              = enterprise + ":" + genesysschema.Division
	manager               = enterprise + ":" + genesysschema.Manager
	managerID             = manager + ".value"
	employeeNo            = enterprise + ":" + genesysschema.EmployeeNumber
	dateHire              = enterprise + ":" + genesysschema.DateHire
	skills                = extension + ":" + genesysschema.RoutingSkills
	languages             = extension + ":" + genesysschema.RoutingLanguages
	externalIDs           = extension + ":" + genesysschema.ExternalIDs

	enterprise scim.Path = genesysschema.EnterpriseURN
	extension  scim.Path = genesysschema.GenesysURN
)

// defaultRole is what the service gives every new user by itself (dossier §5.2).
const defaultRole = "employee"

// membersPerRequest is the bound of the public members API; that of SCIM is
// not published (dossier §6.2).
const membersPerRequest = 50

// membersPerGroup is what the service advises; more are taken (dossier §6.2).
const membersPerGroup = 1000

// Dialect is Genesys Cloud as data.
func Dialect() target.Dialect {
	return target.Dialect{
		Name:   "Genesys Cloud",
		Schema: genesysschema.Schema(),
		Short: map[string]scim.Path{
			"department":     department,
			"division":       division,
			"manager":        managerID,
			"employeeNumber": employeeNo,
			"dateHire":       dateHire,
			"skills":         skills,
			"languages":      languages,
			"externalIds":    externalIDs,
		},
		Sets:      maps.Clone(setOf),
		Secondary: slices.Clone(secondary),
		Named: map[scim.Path]target.Catalog{
			roles:     target.Roles,
			division:  target.Divisions,
			skills:    target.Skills,
			languages: target.Languages,
		},
		References:        []scim.Path{managerID},
		Leaving:           []scim.Path{roles, skills, languages, groups, division, managerID},
		CreateNeeds:       []scim.Path{userName, displayName},
		MembersPerRequest: membersPerRequest,
		MembersPerGroup:   membersPerGroup,
		Canonical:         canonical,
		Retain:            retain,
	}
}

// secondary attributes come from other services than the directory (dossier §4.4).
var secondary = []scim.Path{externalID, roles, skills, languages, externalIDs}

var (
	rating = target.Set{Sub: []string{"name", "proficiency"}, Max: genesysschema.MaxRatings}

	setOf = map[scim.Path]target.Set{
		roles:          {Sub: []string{"value"}, Keep: []scim.Value{`{"value":"` + defaultRole + `"}`}},
		skills:         rating,
		languages:      rating,
		externalIDs:    {Sub: []string{"authority", "value"}},
		emails:         {Sub: []string{"type", "value"}},
		phones:         {Sub: []string{"type", "value"}},
		target.Members: {Sub: []string{"value"}},
	}
)
