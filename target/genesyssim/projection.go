package genesyssim

import (
	"net/url"
	"strings"
	"sync"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// A projection is the set of attributes that an answer shows.
type projection uint32

const (
	showDisplayName projection = 1 << iota
	showTitle
	showExternalID
	showPhones
	showEmails
	showGroups
	showRoles
	showDivision
	showDepartment
	showManager
	showNumber
	showDateHire
	showSkills
	showLanguages
	showExternalIDs
	showMembers

	// showAlways stands for what every answer shows: users id, userName,
	// active and meta, groups id and meta.
	showAlways projection = 0
	showAll    projection = 1<<32 - 1

	showEnterprise = showDivision | showDepartment | showManager | showNumber | showDateHire
	showGenesys    = showSkills | showLanguages | showExternalIDs

	// secondary attributes come from other services than the directory and
	// make a page heavy (dossier §8.1).
	secondary = showExternalID | showRoles | showSkills | showLanguages
)

// A vocabulary is what attributes and excludedAttributes of a type may name, folded.
type vocabulary map[string]projection

var vocabularies = sync.OnceValue(func() map[scim.Type]vocabulary {
	users := vocabulary{
		"id": showAlways, "username": showAlways, "active": showAlways, "meta": showAlways, "meta.version": showAlways, "meta.lastmodified": showAlways,
		"displayname": showDisplayName, "title": showTitle, "externalid": showExternalID, "phonenumbers": showPhones,
		"emails": showEmails, "groups": showGroups, "roles": showRoles,
	}
	users.prefix(genesysschema.UserURN)
	users.extension(genesysschema.EnterpriseURN, showEnterprise, vocabulary{
		genesysschema.Division: showDivision, genesysschema.Department: showDepartment, genesysschema.Manager: showManager,
		genesysschema.Manager + ".value": showManager, genesysschema.EmployeeNumber: showNumber, genesysschema.DateHire: showDateHire,
	})
	users.extension(genesysschema.GenesysURN, showGenesys, vocabulary{
		genesysschema.RoutingSkills: showSkills, genesysschema.RoutingLanguages: showLanguages, genesysschema.ExternalIDs: showExternalIDs,
	})
	groups := vocabulary{
		"id": showAlways, "meta": showAlways, "meta.version": showAlways, "meta.lastmodified": showAlways,
		"displayname": showDisplayName, "members": showMembers, "externalid": showExternalID,
	}
	groups.prefix(genesysschema.GroupURN)
	return map[scim.Type]vocabulary{scim.User: users, scim.Group: groups}
})

func (v vocabulary) prefix(urn string) {
	plain := make([]string, 0, len(v))
	for name := range v {
		plain = append(plain, name)
	}
	for _, name := range plain {
		v[fold(urn)+":"+name] = v[name]
	}
}

func (v vocabulary) extension(urn string, all projection, attributes vocabulary) {
	v[fold(urn)] = all
	for name, p := range attributes {
		v[fold(urn+":"+name)] = p
	}
}

// project reads attributes and excludedAttributes: repeated, with commas, or
// both. A name that the type does not list is an ErrorBody.
func project(t scim.Type, query url.Values) (projection, *errorBody) {
	known := vocabularies()[t]
	show := showAll
	if given := names(query["attributes"]); len(given) > 0 {
		show = showAlways
		for _, n := range given {
			p, ok := known[fold(n)]
			if !ok {
				return 0, badParameter("attributes", n)
			}
			show |= p
		}
	}
	for _, n := range names(query["excludedAttributes"]) {
		p, ok := known[fold(n)]
		if !ok {
			return 0, badParameter("excludedAttributes", n)
		}
		show &^= p
	}
	return show, nil
}

func names(values []string) []string {
	var out []string
	for n := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if n = strings.TrimSpace(n); n != "" {
			out = append(out, n)
		}
	}
	return out
}
