package app

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"rollcall/source/filesource"
)

// Draft is a commented configuration for the export at path, as seen from the
// directory of the configuration. It maps only what the guess says.
func Draft(path string, g filesource.Guess) string {
	var b strings.Builder
	base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	fmt.Fprintf(&b, "# What rollcall guessed from %s. Read it, correct it, then: rollcall check, rollcall plan.\n", filepath.Base(path))
	b.WriteString("# Every key: docs/reference/configuration.md. Nothing is written before you say apply.\n\n")
	fmt.Fprintf(&b, "name: %s\nledger: rollcall.db                 # what rollcall knows and did; back it up, with its .key\n\n", scalar(slug(base)))
	draftSource(&b, path, g)
	b.WriteString(draftTarget)
	draftPeople(&b, g)
	return b.String()
}

func draftSource(b *strings.Builder, path string, g filesource.Guess) {
	fmt.Fprintf(b, "source:\n  file: %s\n", scalar(filepath.ToSlash(path)))
	for _, kv := range [][2]string{{"format", formatKey(path, g)}, {"delimiter", g.Delimiter}, {"encoding", g.Encoding}, {"sheet", g.Sheet}} {
		if kv[1] != "" {
			fmt.Fprintf(b, "  %s: %s\n", kv[0], quoted(kv[1]))
		}
	}
	if g.Key == "" {
		b.WriteString("  key: WHICH_COLUMN                 # no column identifies a person: name the employee number\n")
	} else {
		fmt.Fprintf(b, "  key: %s%s\n", scalar(g.Key), because(g.KeyWhy))
	}
	if g.Where != "" {
		fmt.Fprintf(b, "  where: %s%s\n", scalar(g.Where), because(g.WhereWhy))
	}
	b.WriteString("  # expect: {records: 200..}        # a smaller reading is not believed\n\n")
}

// formatKey is the format where the name of the file does not say it.
func formatKey(path string, g filesource.Guess) string {
	if filesource.FormatByName(path) == g.Format || g.Delimiter != "" {
		return ""
	}
	return string(g.Format)
}

const draftTarget = `target:
  genesys:
    # region: mypurecloud.com         # or GENESYS_REGION in the environment; "api:" for any other address
    client_id: env:GENESYS_CLIENT_ID
    client_secret: env:GENESYS_CLIENT_SECRET

`

func draftPeople(b *strings.Builder, g filesource.Guess) {
	mapped := map[string]bool{}
	for _, m := range g.Mapping {
		mapped[m.Attribute] = true
	}
	if !mapped["userName"] || !mapped["displayName"] {
		b.WriteString("# The file does not say who signs in with what name, so nobody is created, renamed or deactivated.\nlifecycle: none\n")
	}
	var match []string
	for _, path := range []string{"externalId", "userName"} {
		if mapped[path] {
			match = append(match, path)
		}
	}
	if len(match) > 0 {
		fmt.Fprintf(b, "match: [%s]         # how people who are there already are found\n", strings.Join(match, ", "))
	}
	b.WriteString("\npeople:\n")
	for _, m := range g.Mapping {
		fmt.Fprintf(b, "  %s: %s%s\n", m.Attribute, scalar(m.Expr), because(m.Why))
	}
	if len(g.Mapping) == 0 {
		b.WriteString("  # nothing was recognized. For example:\n  # title: row.Title\n")
	}
	draftColumns(b, g)
	b.WriteString(draftRest)
}

// draftColumns lists what was left out, and why.
func draftColumns(b *strings.Builder, g filesource.Guess) {
	var private, free []string
	for _, c := range g.Columns {
		switch {
		case c.Sensitive != "":
			private = append(private, c.Name+" ("+c.Sensitive+")")
		case !used(c.Name, g) && c.Filled > 0:
			free = append(free, c.Name)
		}
	}
	if len(private) > 0 {
		b.WriteString("\n# Never mapped: what no contact center needs. These columns are not even read.\n")
		comment(b, private)
	}
	if len(free) > 0 {
		b.WriteString("\n# Not mapped: nothing says what they are for.\n")
		comment(b, free)
	}
}

func used(column string, g filesource.Guess) bool {
	if column == g.Key || mentions(g.Where, column) {
		return true
	}
	return slices.ContainsFunc(g.Mapping, func(m filesource.MappingGuess) bool { return mentions(m.Expr, column) })
}

// mentions tells whether an expression reads a column, in either spelling.
func mentions(expr, column string) bool {
	if strings.Contains(expr, "row["+quoted(column)+"]") {
		return true
	}
	for rest := expr; ; {
		_, after, found := strings.Cut(rest, "row."+column)
		if !found {
			return false
		}
		if after == "" || !strings.ContainsAny(after[:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") {
			return true
		}
		rest = after
	}
}

func comment(b *strings.Builder, words []string) {
	line := "#  "
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		if len(line)+len(w) > 110 {
			b.WriteString(line + "\n")
			line = "#  "
		}
		line += " " + w
	}
	b.WriteString(line + "\n")
}

const draftRest = `
# groups:                             # they exist in Genesys Cloud already, by name
#   Night Shift: row.Shift == "Night"

# leavers: {action: deactivate}       # left out: people who left are reported, nobody is deactivated
# limits: {deactivate: 10 or 2%}      # on by default; docs/guides/limits.md
`

// Blank is the configuration to fill in where there is no export to look at.
const Blank = `# One sync: one source of people, one Genesys Cloud organization. Every key: docs/reference/configuration.md.
# With an export at hand, rollcall init --from FILE guesses most of this.

name: my-company
ledger: rollcall.db                   # what rollcall knows and did; back it up, with its .key
# timezone: America/New_York          # whose day it is; needed as soon as an expression uses today

source:
  file: people.csv                    # csv, tsv, psv, json, jsonl, xlsx
  key: EmployeeNo                     # never an e-mail address: those change
  # where: row.Status == "Current"    # who is in scope

` + draftTarget + `match: [externalId, userName]         # how people who are there already are found

people:
  externalId: row.EmployeeNo
  userName: lower(trim(row.Email))
  displayName: row.FirstName + " " + row.LastName
  # active: row.Employed == "Y"
  # title: row.Title
  # department: row.Department
  # phoneNumbers[type eq "work"].value: phone(row.Phone, "US")
  # manager: person(row.ManagerNo)
  # roles: {value: 'row.Department == "Sales" ? ["Sales Agent"] : []', own: mine}
  # skills: {value: 'skills(row.Skills)', own: exact}
` + draftRest

func because(why string) string {
	if why == "" {
		return ""
	}
	return "   # " + strings.ReplaceAll(why, "\n", " ")
}

// scalar is text as a YAML value: bare where that reads the same, else quoted.
func scalar(text string) string {
	plain := text != "" && !strings.ContainsAny(text[:1], "-?:,[]{}#&*!|>'\"%@` ") && !strings.HasSuffix(text, " ") &&
		!strings.Contains(text, ": ") && !strings.Contains(text, " #") && !strings.HasSuffix(text, ":") && !strings.ContainsAny(text, "\n\t\\")
	if plain && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "~"}, strings.ToLower(text)) && strings.Trim(text, "0123456789.") != "" {
		return text
	}
	if strings.ContainsAny(text, "\n\t") {
		return quoted(text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// quoted is text in double quotes, as YAML and expressions read it.
func quoted(text string) string { return fmt.Sprintf("%q", text) }

// slug is a name for a sync: small letters, digits, dashes.
func slug(text string) string {
	dashed := strings.Map(func(r rune) rune {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return '-'
		}
		return r
	}, strings.ToLower(text))
	return cmp.Or(strings.Trim(dashed, "-"), "people")
}
