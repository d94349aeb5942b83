// Package report renders plans, runs and ledger entries for people. What
// programs read is JSON and has its own types; nothing here decides anything.
package report

import (
	"fmt"
	"strconv"
	"strings"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// A Style is how text is rendered. The zero Style is plain.
type Style struct {
	Color bool
	Names map[scim.Path]string // short names of long paths, as the configuration spells them

	// Allow is the command line that allows once what exceeds these limits; nil: none is shown.
	Allow func([]plan.Limit) string
}

// NewStyle knows the short names of a dialect.
func NewStyle(color bool, d target.Dialect) Style {
	names := make(map[scim.Path]string, len(d.Short))
	for short, path := range d.Short {
		if have, taken := names[path]; !taken || short < have {
			names[path] = short
		}
	}
	return Style{Color: color, Names: names}
}

type tint string

const (
	green  tint = "32"
	yellow tint = "33"
	red    tint = "31"
	blue   tint = "34"
	faint  tint = "2"
	bold   tint = "1"
)

func (s Style) paint(t tint, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + string(t) + "m" + text + "\x1b[0m"
}

// path is p as the configuration spells it: with the short name of the
// attribute it is, or lies in.
func (s Style) path(p scim.Path) string {
	if name, ok := s.Names[p]; ok {
		return name
	}
	if end := strings.IndexByte(string(p), '['); end > 0 {
		if name, ok := s.Names[p[:end]]; ok {
			return name + string(p[end:])
		}
	}
	return string(p)
}

// values are the values of one attribute on one line.
func values(vs []scim.Value) string {
	if len(vs) == 0 {
		return "(none)"
	}
	texts := make([]string, len(vs))
	for i, v := range vs {
		texts[i] = value(v)
	}
	return strings.Join(texts, ", ")
}

// value is one value as a person would write it: a text bare, a skill as
// Billing:3, a role or a member by its value alone.
func value(v scim.Value) string {
	switch v := v.Any().(type) {
	case nil:
		return "(none)"
	case string:
		return printable(v)
	case map[string]any:
		return object(v)
	default:
		return fmt.Sprint(v)
	}
}

func object(m map[string]any) string {
	if key, ok := m["$person"]; ok {
		return "person " + printable(fmt.Sprint(key))
	}
	if role, ok := m["role"]; ok {
		return printable(fmt.Sprintf("%v in %v", role, m["division"]))
	}
	if name, ok := m["name"].(string); ok {
		if level, ok := m["proficiency"]; ok {
			return printable(name) + ":" + fmt.Sprint(level)
		}
		return printable(name)
	}
	switch inner := m["value"].(type) {
	case string:
		return printable(inner)
	case map[string]any:
		return object(inner)
	}
	return string(scim.ValueOf(m))
}

// printable keeps text from moving the cursor or hiding behind control characters.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// plural is "1 user", "2 users".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, is := strings.CutSuffix(noun, "y"); is && !strings.HasSuffix(stem, "a") {
		noun = stem + "ie"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// marks are the signs of ops in front of a line.
var marks = map[plan.Op]struct {
	sign string
	tint tint
	word string
}{
	plan.Create:     {"+", green, "create"},
	plan.Adopt:      {"=", blue, "adopt"},
	plan.Update:     {"~", yellow, "update"},
	plan.Rename:     {"~", yellow, "rename"},
	plan.Deactivate: {"-", red, "deactivate"},
	plan.Reactivate: {"+", green, "reactivate"},
	plan.Delete:     {"-", red, "delete"},
	plan.Join:       {"+", green, "join"},
	plan.Leave:      {"-", red, "leave"},
	plan.Grant:      {"+", green, "grant"},
	plan.Restore:    {"+", green, "restore"},
	plan.Rekey:      {"=", blue, "rekey"},
	plan.Unlink:     {"x", faint, "unlink"},
	plan.Confirm:    {"=", faint, "confirm"},
}
