package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"rollcall/plan"
	"rollcall/scim"
)

// A tally counts what happens alike to many people.
type tally struct {
	n       int
	example string // the first one
}

// opening is what a reviewer of many changes must see before the first of them:
// what adoption changes, attribute by attribute, and which sign-in names go over
// to which domain.
func (s Style) opening(out io.Writer, p *plan.Plan) {
	if p.Summary.Adopt+p.Summary.Rename == 0 {
		return
	}
	differs, moves := map[string]tally{}, map[string]tally{}
	for c := range p.Changes() {
		for _, e := range c.Edits {
			text := difference(e)
			if c.Op == plan.Adopt && text != "" {
				count(differs, s.path(e.Path), text)
			}
			if e.Path == "userName" && len(e.Before)*len(e.Set) > 0 {
				count(moves, domains(e), text)
			}
		}
	}
	if len(differs) > 0 {
		fmt.Fprintln(out, s.paint(blue, "= of users who are there already, adopted:"))
		tell(out, differs, "%s differs on %d: %s")
	}
	if len(moves) > 0 {
		fmt.Fprintln(out, s.paint(yellow, fmt.Sprintf("~ sign-in names change: %d", sumOf(moves))))
		tell(out, moves, "%s: %d, as %s")
	}
}

// tell writes name, number and example of each tally, the most frequent first.
func tell(out io.Writer, in map[string]tally, format string) {
	for _, name := range frequent(in) {
		fmt.Fprintf(out, "             "+format+"\n", name, in[name].n, in[name].example)
	}
}

func count(in map[string]tally, name, example string) {
	t := in[name]
	in[name] = tally{n: t.n + 1, example: cmp.Or(t.example, example)}
}

func sumOf(in map[string]tally) (n int) {
	for _, t := range in {
		n += t.n
	}
	return n
}

// frequent are the names of tallies, the most frequent first.
func frequent(in map[string]tally) []string {
	return slices.SortedFunc(maps.Keys(in), func(a, b string) int {
		return cmp.Or(cmp.Compare(in[b].n, in[a].n), cmp.Compare(a, b))
	})
}

// domains are those of a sign-in name before and after.
func domains(e plan.Edit) string {
	domain := func(v scim.Value) string {
		_, name, _ := strings.Cut(value(v), "@")
		return cmp.Or(name, "(no domain)")
	}
	before, after := domain(e.Before[0]), domain(e.Set[0])
	if before == after {
		return "within " + before
	}
	return before + " -> " + after
}
