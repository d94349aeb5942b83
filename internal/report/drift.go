package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"rollcall/reconcile"
	"rollcall/scim"
)

// Drift writes what others changed: the sum first, then people, grouped by what
// became of them, then groups, then who is unlinked, then what is not known.
func Drift(w io.Writer, d *reconcile.Drift, s Style) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, s.paint(bold, drifted(d)))
	for _, line := range beside(d.Summary) {
		fmt.Fprintln(out, "  "+line)
	}
	s.drifters(out, d.People)
	s.driftGroups(out, d.Groups)
	s.unlinked(out, d.Unlinked)
	s.list(out, "notes", d.Notes)
	s.list(out, "not looked at", d.NotLooked)
	fmt.Fprintln(out, s.paint(faint, "nothing was written; "+plural(d.Requests, "request")))
	return out.Flush()
}

// drifted is the sum in one line.
func drifted(d *reconcile.Drift) string {
	n := d.Summary
	if d.Empty {
		return d.Sync + ": rollcall has not written to anybody of " + d.Org + " yet: the ledger has no links, and nothing can have drifted"
	}
	line := fmt.Sprintf("%s: %s of %s compared with rollcall's last writes: ", d.Sync, plural(n.Linked, "linked user"), d.Org)
	if !d.Any() {
		return line + "no drift"
	}
	return line + strings.Join(some(
		amount{n.Deleted, fmt.Sprintf("%d deleted", n.Deleted)},
		amount{n.Inactive, fmt.Sprintf("%d deactivated", n.Inactive)},
		amount{n.Changed, fmt.Sprintf("%d changed", n.Changed)},
		amount{n.Groups, fmt.Sprintf("%s changed (%d left, %d joined)", plural(n.Groups, "group"), n.Left, n.Joined)},
	), ", ")
}

// beside is what is to be known and is no drift.
func beside(n reconcile.DriftSummary) []string {
	return some(
		amount{n.Moved, plural(n.Moved, "user") + " with another version than after rollcall's last write: read"},
		amount{n.Shown, plural(n.Shown, "user") + " with differences that are no drift: shown only"},
		amount{n.Lost, plural(n.Lost, "linked user") + " found deleted by an earlier run already: rollcall plan says what can be done"},
		amount{n.Unknown, plural(n.Unknown, "linked user") + " of which nothing is recorded: what they were like is not known"},
		amount{n.Unlinked, plural(n.Unlinked, "user") + " of the organization unlinked"},
	)
}

type amount struct {
	n    int
	text string
}

// some are the texts whose number is not 0.
func some(all ...amount) (texts []string) {
	for _, c := range all {
		if c.n > 0 {
			texts = append(texts, c.text)
		}
	}
	return texts
}

// driftKinds are the groups of people, with their headings.
var driftKinds = []struct {
	kind          reconcile.DriftKind
	heading, sign string
	tint          tint
}{
	{reconcile.DriftDeleted, "deleted", "x", red},
	{reconcile.DriftInactive, "deactivated", "-", red},
	{reconcile.DriftChanged, "changed", "~", yellow},
	{reconcile.DriftShown, "no drift, shown only", " ", faint},
}

func (s Style) drifters(out io.Writer, people []reconcile.Drifted) {
	for _, k := range driftKinds {
		those := slices.DeleteFunc(slices.Clone(people), func(p reconcile.Drifted) bool { return p.Kind != k.kind })
		if len(those) > 0 {
			s.heading(out, k.heading)
		}
		for _, p := range those {
			s.drifter(out, s.paint(k.tint, k.sign+" "+person(p.UserName, string(p.Key))), p)
		}
	}
}

func (s Style) heading(out io.Writer, text string) {
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, text))
}

func (s Style) drifter(out io.Writer, line string, p reconcile.Drifted) {
	if p.State != "active" {
		line += "  " + p.State
	}
	fmt.Fprintln(out, line+"  "+s.paint(faint, when(p)))
	for _, x := range p.Differences {
		text := "      " + s.path(x.Path) + ": " + changed(x)
		if word := driftWords[x.Verdict]; word != "" {
			text += s.paint(faint, "  "+word)
		}
		fmt.Fprintln(out, text)
	}
}

// person is somebody by userName and key, as far as they have them.
func person(name, key string) string {
	if name == "" || key == "" {
		return printable(name + key)
	}
	return printable(name) + " (" + printable(key) + ")"
}

// when says between which moments something was changed.
func when(p reconcile.Drifted) string {
	text := "when is not known"
	if p.Since != nil {
		text = "after rollcall's write of " + stamp(*p.Since)
	}
	if p.LastModified != nil && (p.Since == nil || p.LastModified.After(*p.Since)) {
		text += "; profile last changed " + stamp(*p.LastModified)
	}
	return text
}

func stamp(t time.Time) string { return t.UTC().Format(time.DateTime) }

// driftWords are said of differences that are no drift.
var driftWords = map[reconcile.DriftVerdict]string{
	reconcile.ChangedOnce: "own: once, set at creation only",
	reconcile.ChangedSeen: "left to others, only watched",
	reconcile.ChangedFree: "not rollcall's",
	reconcile.Unsettled:   "perhaps by rollcall itself: the next run finds out",
	reconcile.Undated:     "what it was is not known",
}

// changed is ours and theirs; of a set, what came and what went.
func changed(x reconcile.Difference) string {
	switch text := cameAndWent(x.Added, x.Gone); {
	case text != "":
		return text
	case x.Ours == nil:
		return named(x, x.Theirs)
	default:
		return named(x, x.Ours) + " -> " + named(x, x.Theirs)
	}
}

// named are values, with the userNames of those that are ids.
func named(x reconcile.Difference, vs []scim.Value) string {
	if len(vs) == 1 {
		if id, ok := vs[0].Text(); ok && x.Names[id] != "" {
			return printable(x.Names[id])
		}
	}
	return values(vs)
}

func (s Style) driftGroups(out io.Writer, all []reconcile.DriftedGroup) {
	if len(all) > 0 {
		s.heading(out, "groups")
	}
	for _, g := range all {
		if g.Group == "" {
			fmt.Fprintf(out, "  %s: the group is not there any more\n", g.Resource)
		} else {
			fmt.Fprintf(out, "  %s (own: %s)\n", printable(g.Group), g.Own)
		}
		s.driftGroup(out, g)
	}
}

func (s Style) driftGroup(out io.Writer, g reconcile.DriftedGroup) {
	for _, m := range g.Left {
		text := "  taken out by another hand"
		if m.Since != nil {
			text += s.paint(faint, "; rollcall put them in at "+stamp(*m.Since))
		}
		fmt.Fprintln(out, s.paint(red, "    - "+person(m.UserName, string(m.Key)))+text)
	}
	for _, m := range g.Joined {
		fmt.Fprintln(out, s.paint(green, "    + "+person(m.UserName, string(m.Key)))+"  put in by another hand")
	}
	for _, m := range g.Unclear {
		text := "  not put in by rollcall; whether the source wants them in it is not known"
		fmt.Fprintln(out, s.paint(faint, "    ? "+person(m.UserName, string(m.Key))+text))
	}
}

// unlinkedShown is how many of the unlinked people are shown.
const unlinkedShown = 10

func (s Style) unlinked(out io.Writer, all []reconcile.Unlinked) {
	var names []string
	for _, u := range all[:min(len(all), unlinkedShown)] {
		names = append(names, unlinkedUser(u))
	}
	if more := len(all) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more: --json has them all", more))
	}
	s.list(out, "unlinked", names)
}

func unlinkedUser(u reconcile.Unlinked) string {
	name := printable(u.UserName)
	if u.State != "active" {
		name += " (" + u.State + ")"
	}
	if u.Was != "" {
		name += " (was " + printable(string(u.Was)) + ")"
	}
	return name
}

func (s Style) list(out io.Writer, heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	s.heading(out, heading)
	for _, line := range lines {
		fmt.Fprintln(out, "  "+line)
	}
}
