// Package sampledata is the company that `rollcall demo` and the tests are
// about: Harbor & Pine, a mail-order furniture house of forty people. They are
// invented; what is awkward about their export is what real exports have.
//
// In people.csv: accents, apostrophes and spaces in names; e-mail addresses in
// capitals or with space around them; phone numbers of three countries in a
// dozen spellings, five of them no valid number; older assignments of two people
// (E1012, E1027), a person who left (E1041), one on leave (E1040) and one yet
// to come (E1039); managers up to five levels deep; blank cells; a column that
// numbers rows and not people; and columns no target may ever receive.
package sampledata

import (
	"embed"
	"io/fs"
)

// The files of [Files].
const (
	People = "people.csv"    // the export
	Config = "rollcall.yaml" // what is to become of it
)

//go:embed company/people.csv company/rollcall.yaml
var company embed.FS

//go:embed company/people-broken.csv
var broken []byte

// Files are the export and the configuration that belongs to it, side by side.
func Files() fs.FS {
	files, err := fs.Sub(company, "company")
	if err != nil {
		panic(err) // the name is a constant
	}
	return files
}

// Broken is an export of nine rows of which two are good: line 3 has no key, 4
// a field too many, 5 is cut off, 6 has a broken quote, 7 and 8 are the same
// person, 9 is windows-1252.
func Broken() []byte { return append([]byte(nil), broken...) }

// Names lists what the mapping refers to and the organization must have.
type Names struct{ Groups, Roles, Skills, Languages []string }

// Organization is what must exist before the company can be synced.
func Organization() Names {
	return Names{
		Groups:    []string{"Customer Care", "Order Desk", "Billing Desk", "Returns", "Night Shift", "Team Leads"},
		Roles:     []string{"Agent", "Supervisor"},
		Skills:    []string{"Billing", "Furniture Care", "Orders", "Returns", "Spanish Accounts"},
		Languages: []string{"English", "German", "Spanish"},
	}
}
