package target

import "rollcall/scim"

// A Dialect is what is peculiar about a service, as data. It is immutable.
type Dialect struct {
	Name   string
	Schema *scim.Schema

	// Short are names that a configuration may use for long paths: department,
	// manager, division, skills, ...
	Short map[string]scim.Path

	// Sets are the multi-valued attributes compared and written element by element.
	Sets map[scim.Path]Set

	// Secondary attributes are not covered by the version and make pages heavy
	// (dossier §4.4, §8.1). A change of one reads it immediately before.
	Secondary []scim.Path

	// Named are the attributes whose values must be names of a catalog.
	Named map[scim.Path]Catalog

	// References are the attributes that hold a user's id.
	References []scim.Path

	// CreateNeeds are the attributes without which nobody is created.
	CreateNeeds []scim.Path

	// Leaving are the attributes that deactivating or deleting somebody may take
	// away: the ledger keeps them before a leaver goes (dossier §5.5).
	Leaving []scim.Path

	// Unversioned says that resources may lack a version and are written all the same.
	Unversioned bool

	// MembersPerRequest is how many members one PATCH of a group may carry.
	MembersPerRequest int
	// MembersPerGroup is how many members a group is advised to have; 0: no bound.
	MembersPerGroup int

	// Canonical is the one form in which a value of p is compared, sent and
	// stored: a set element as an object of its Set's Sub members, a phone as
	// E.164 with ";ext=", a date as YYYY-MM-DD, a userName in lower case. A
	// scalar given for a set element becomes the object of its ID. Values
	// {"$person": KEY} pass. Invalid, without the value in its text, where v cannot be one.
	Canonical func(p scim.Path, v scim.Value) (scim.Value, error)

	// Retain is want with what the service's side gave to have and no source
	// speaks of, such as the extension of a phone; want itself where there is
	// nothing of the kind. Both are canonical, and have is the value, or the
	// element of the same identity, that is there. nil: nothing is retained.
	Retain func(p scim.Path, want, have scim.Value) scim.Value
}

// A Set describes the elements of a multi-valued attribute.
type Set struct {
	Sub  []string     // members of an element that are compared, in order; the first identifies it
	Keep []scim.Value // elements that the service adds by itself: never removed as surplus
	Max  int          // most elements the service takes; 0: no bound
}

// Members is the path of a group's members; a set whose elements are {"value": id}.
const Members scim.Path = "members"

// GrantsOf is the path under which an answer to [Grants] has the role grants
// of a user or group: objects {"division": NAME, "role": NAME}, as a [Grant] sends them.
const GrantsOf scim.Path = "grants"
