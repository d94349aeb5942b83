package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
)

// Explain writes the story of one person: who it is, what the source says, what
// becomes of every attribute and group, what would be sent, what was done.
func Explain(w io.Writer, e *reconcile.Explanation, s Style) error {
	out := bufio.NewWriter(w)
	s.portrait(out, e)
	for _, r := range e.Records {
		s.record(out, r)
	}
	s.attributes(out, e)
	s.memberships(out, e.Groups)
	if e.Standing != reconcile.Remembered {
		s.future(out, e)
	}
	s.past(out, e)
	fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("%s; %s", e.Read.Text, plural(e.Read.Requests, "request"))))
	return out.Flush()
}

// portrait says who it is and how that is known.
func (s Style) portrait(out io.Writer, e *reconcile.Explanation) {
	name := printable(e.UserName)
	if e.Key != "" {
		name = strings.TrimSpace(name + " (" + printable(string(e.Key)) + ")")
	}
	fmt.Fprintln(out, s.paint(bold, name)+": "+e.Text)
	for _, why := range e.Why {
		fmt.Fprintln(out, s.paint(yellow, "! "+printable(why)))
	}
	if e.Resource != "" {
		fmt.Fprintln(out, "user   "+strings.TrimSpace(e.Resource+"  "+e.State))
	}
	fmt.Fprintln(out, "match  "+matched(e))
	for _, c := range e.Match.Others {
		text := fmt.Sprintf("also matches: user %s, %s", c.Resource, c.State)
		for _, p := range c.By {
			text += ", by " + s.path(p)
		}
		if c.Key != "" {
			text += ", linked to " + printable(string(c.Key))
		}
		fmt.Fprintln(out, "       "+s.paint(yellow, text))
	}
	if e.Link != nil {
		s.link(out, *e.Link)
	}
}

func matched(e *reconcile.Explanation) string {
	switch e.Match.By {
	case "link":
		return "by the link in the ledger"
	case "none":
		return "none"
	case "recovery":
		return "by a create of rollcall's whose answer was lost"
	default:
		return "by " + e.Match.By + ", not linked yet"
	}
}

func (s Style) link(out io.Writer, l reconcile.Linked) {
	day := func(text string, at *time.Time) {
		if at != nil {
			fmt.Fprintf(out, "link   %s since %s\n", text, at.UTC().Format(time.DateTime))
		}
	}
	if l.Closed {
		fmt.Fprintln(out, "link   closed")
	}
	day("missed in the source", l.Missed)
	day("deactivated by rollcall", l.Deactivated)
	if l.Open != "" {
		fmt.Fprintf(out, "link   nobody knows the end of: %s\n", l.Open)
	}
}

func (s Style) record(out io.Writer, r reconcile.Record) {
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, r.Place))
	wide := 0
	for _, c := range r.Columns {
		wide = max(wide, len(c.Column))
	}
	for _, c := range r.Columns {
		value := s.paint(faint, "(none)")
		if c.Value != nil && c.Value != "" {
			value = printable(fmt.Sprint(c.Value))
		}
		fmt.Fprintf(out, "  %-*s  %s\n", wide, c.Column, value)
	}
	if r.Where != "" && r.Error == "" {
		fmt.Fprintf(out, "  where: %s: %t\n", r.Where, r.In)
	}
	if r.Error != "" {
		fmt.Fprintln(out, "  "+s.paint(red, "! "+printable(r.Error)))
	}
}

// verdicts are the signs and words of verdicts.
var verdicts = map[reconcile.Verdict]struct {
	sign, word string
	tint       tint
}{
	reconcile.Equal:    {"=", "", faint},
	reconcile.Goes:     {"~", "will be sent", green},
	reconcile.Waits:    {"~", "waits", red},
	reconcile.Claims:   {"=", "becomes rollcall's; nothing is sent", blue},
	reconcile.Empty:    {" ", "empty in the source: left alone", faint},
	reconcile.OnceOnly: {" ", "own: once, set at creation only", faint},
	reconcile.Watched:  {"?", "differs; own: watch only reports it", yellow},
	reconcile.Unusable: {"!", "the value cannot be used: left alone", yellow},
	reconcile.HeldBack: {"!", "differs, and is not sent", yellow},
	reconcile.Unread:   {" ", "", faint},
	reconcile.Silent:   {" ", "", faint},
}

func (s Style) attributes(out io.Writer, e *reconcile.Explanation) {
	if !slices.ContainsFunc(e.Attributes, func(a reconcile.Attribute) bool { return a.Current != nil || a.Desired != nil }) {
		return
	}
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, "attributes"))
	for _, a := range e.Attributes {
		v := verdicts[a.Verdict]
		line := fmt.Sprintf("  %s %s: %s", v.sign, s.path(a.Path), becomes(a))
		if v.word != "" {
			line += "  " + s.paint(v.tint, v.word)
		}
		fmt.Fprintln(out, line)
		if a.Expression != "" {
			fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("      %s, %s", a.Expression, a.Own)))
		}
		if len(a.Ours) > 0 {
			fmt.Fprintln(out, s.paint(faint, "      rollcall's: "+values(a.Ours)))
		}
		for _, why := range a.Why {
			fmt.Fprintln(out, "      "+printable(why))
		}
	}
}

// becomes is what is there, and what is desired where that differs.
func becomes(a reconcile.Attribute) string {
	now := "(not read)"
	if a.Current != nil {
		now = values(a.Current)
	}
	refers := slices.ContainsFunc(a.Desired, func(v scim.Value) bool { return v.Sub("$person") != "" })
	switch {
	case a.Edit != nil && a.Current == nil:
		return values(a.Edit.After())
	case a.Verdict == reconcile.Goes, a.Verdict == reconcile.Waits:
		return now + " -> " + values(a.Edit.After())
	case a.Verdict == reconcile.HeldBack, a.Verdict == reconcile.Watched:
		return now + ", desired " + values(a.Desired)
	case a.Verdict == reconcile.Unread && a.Current == nil && a.Desired != nil:
		return values(a.Desired)
	case a.Verdict == reconcile.Equal && refers:
		return values(a.Desired) + ", user " + now
	default:
		return now
	}
}

func (s Style) memberships(out io.Writer, groups []reconcile.Membership) {
	var not []string
	shown := false
	for _, m := range groups {
		if !m.Belongs && !m.Ours && (m.Member == nil || !*m.Member) && m.Op == "" {
			not = append(not, printable(m.Group))
			continue
		}
		if !shown {
			fmt.Fprintf(out, "\n%s\n", s.paint(bold, "groups"))
			shown = true
		}
		s.membership(out, m)
	}
	if shown && len(not) > 0 {
		for i, line := range wrap(not, 100) {
			fmt.Fprintln(out, s.paint(faint, "  "+[]string{"not in ", "       "}[min(i, 1)]+line))
		}
	}
}

func (s Style) membership(out io.Writer, m reconcile.Membership) {
	v := verdicts[m.Verdict]
	is := "membership not read"
	switch {
	case m.Member != nil && !*m.Member:
		is = "no member"
	case m.Ours:
		is = "added by rollcall"
	case m.Member != nil:
		is = "member"
	}
	line := fmt.Sprintf("  %s %s: %s", v.sign, printable(m.Group), is)
	switch {
	case m.Op != "" && m.Verdict == reconcile.Goes:
		line += "  " + s.paint(v.tint, "will "+string(m.Op))
	case v.word != "":
		line += "  " + s.paint(v.tint, v.word)
	}
	fmt.Fprintln(out, line)
	if m.Expression != "" {
		fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("      %s: %t, %s", m.Expression, m.Belongs, m.Own)))
	}
	for _, why := range m.Why {
		fmt.Fprintln(out, "      "+printable(why))
	}
}

// future is what would be sent, and what stands in its way.
func (s Style) future(out io.Writer, e *reconcile.Explanation) {
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, "what will be sent"))
	if len(e.Changes) == 0 {
		fmt.Fprintln(out, "  nothing")
	}
	for _, c := range e.Changes {
		m := marks[c.Op]
		head := fmt.Sprintf("  %s %s", m.sign, m.word)
		if c.Target.Type == scim.Group {
			head += " group " + printable(c.UserName)
		}
		if c.Held != "" {
			head += "  (waits: limit " + c.Held + ")"
		}
		fmt.Fprintln(out, s.paint(m.tint, head)+"  "+s.paint(faint, c.Reason))
		if c.Op == plan.Create || c.Target.Type == scim.Group {
			continue // the attributes, or the line itself, say it
		}
		ops, _ := c.Against(believed(c.Change))
		for _, op := range ops {
			fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("      %s %s %s", op.Verb, s.path(op.Path), opValue(string(op.Value)))))
		}
	}
	for _, h := range e.Holds {
		fmt.Fprintln(out, "  "+s.paint(red, "! "+h))
	}
	s.findings(out, e.Findings)
}

// believed is what a change expects to find.
func believed(c plan.Change) func(scim.Path) []scim.Value {
	return func(p scim.Path) []scim.Value {
		for _, e := range c.Edits {
			if e.Path == p && len(e.Before) > 0 {
				return e.Before
			} else if e.Path == p {
				return e.Remove
			}
		}
		return nil
	}
}

// pastShown is how much of the past people are shown at once.
const pastShown = 10

func (s Style) past(out io.Writer, e *reconcile.Explanation) {
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, "what was done"))
	if len(e.Past) == 0 {
		fmt.Fprintln(out, "  nothing, by the ledger")
	}
	for i, d := range e.Past {
		if i == pastShown {
			fmt.Fprintf(out, "  and %d earlier: rollcall audit --who %s\n", len(e.Past)-i, firstOf(string(e.Key), e.Resource))
			break
		}
		s.deed(out, d)
	}
	if r := e.LastRun; r != nil {
		fmt.Fprintf(out, "  last run %s: %s, %s\n", r.Run, r.Command, firstOf(r.Result, "not ended"))
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (s Style) deed(out io.Writer, d reconcile.Deed) {
	line := "  " + d.Time.UTC().Format(time.DateTime) + "  " + string(d.Run)
	if d.Op == "" {
		fmt.Fprintln(out, line+"  "+d.Text)
		return
	}
	m := marks[d.Op]
	line += "  " + s.paint(m.tint, m.sign+" "+m.word)
	if d.Group != "" {
		line += " group " + printable(d.Group)
	}
	tint := faint
	if d.Result != ledger.Done && d.Result != ledger.Found {
		tint = red
	}
	result := string(d.Result)
	if d.Status != 0 {
		result += fmt.Sprintf(", status %d", d.Status)
	}
	if d.Correlation != "" {
		result += ", correlation id " + d.Correlation
	}
	fmt.Fprintln(out, line+"  "+s.paint(tint, result)+"  "+s.paint(faint, d.Reason))
	for _, b := range d.Edits {
		if d.Group == "" {
			fmt.Fprintf(out, "      %s: %s -> %s\n", s.path(b.Path), values(b.Before), values(b.After))
		}
	}
	if d.Text != "" {
		fmt.Fprintln(out, "      "+d.Text)
	}
	if d.Error != "" {
		fmt.Fprintln(out, "      "+s.paint(red, printable(d.Error)))
	}
	if d.Hint != "" {
		fmt.Fprintln(out, "      "+d.Hint)
	}
}
