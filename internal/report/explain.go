package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
	fmt.Fprintln(out, s.paint(bold, called(e))+": "+e.Text)
	for _, why := range e.Why {
		fmt.Fprintln(out, s.paint(yellow, "! "+printable(why)))
	}
	if e.Resource != "" {
		fmt.Fprintln(out, "user   "+strings.TrimSpace(e.Resource+"  "+e.State))
	}
	fmt.Fprintln(out, "match  "+matched(e))
	for _, c := range e.Match.Others {
		fmt.Fprintln(out, "       "+s.paint(yellow, s.candidate(c)))
	}
	if e.Link != nil {
		s.link(out, *e.Link)
	}
}

func called(e *reconcile.Explanation) string {
	if e.Key == "" {
		return printable(e.UserName)
	}
	return strings.TrimSpace(printable(e.UserName) + " (" + printable(string(e.Key)) + ")")
}

func (s Style) candidate(c reconcile.Candidate) string {
	parts := []string{fmt.Sprintf("also matches: user %s, %s", c.Resource, c.State)}
	for _, p := range c.By {
		parts = append(parts, "by "+s.path(p))
	}
	if c.Key != "" {
		parts = append(parts, "linked to "+printable(string(c.Key)))
	}
	return strings.Join(parts, ", ")
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
	s.columns(out, r.Columns)
	switch {
	case r.Error != "":
		fmt.Fprintln(out, "  "+s.paint(red, "! "+printable(r.Error)))
	case r.Where != "":
		fmt.Fprintf(out, "  where: %s: %t\n", r.Where, r.In)
	}
}

func (s Style) columns(out io.Writer, cells []reconcile.Cell) {
	wide := 0
	for _, c := range cells {
		wide = max(wide, utf8.RuneCountInString(c.Column))
	}
	for _, c := range cells {
		fmt.Fprintf(out, "  %-*s  %s\n", wide, c.Column, s.cell(c.Value))
	}
}

func (s Style) cell(v any) string {
	if v == nil || v == "" {
		return s.paint(faint, "(none)")
	}
	return printable(fmt.Sprint(v))
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
	told := func(a reconcile.Attribute) bool { return a.Current != nil || a.Desired != nil }
	if !slices.ContainsFunc(e.Attributes, told) {
		return
	}
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, "attributes"))
	for _, a := range e.Attributes {
		s.attribute(out, a)
	}
}

func (s Style) attribute(out io.Writer, a reconcile.Attribute) {
	v := verdicts[a.Verdict]
	fmt.Fprintln(out, s.judged(v.sign, s.path(a.Path)+": "+becomes(a), v.word, v.tint))
	if a.Expression != "" {
		fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("      %s, %s", a.Expression, a.Own)))
	}
	if len(a.Ours) > 0 {
		fmt.Fprintln(out, s.paint(faint, "      rollcall's: "+values(a.Ours)))
	}
	reasons(out, a.Why)
}

// judged is one line with its verdict behind it.
func (s Style) judged(sign, text, word string, t tint) string {
	line := "  " + sign + " " + text
	if word == "" {
		return line
	}
	return line + "  " + s.paint(t, word)
}

func reasons(out io.Writer, why []string) {
	for _, w := range why {
		fmt.Fprintln(out, "      "+printable(w))
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
	word := v.word
	if m.Op != "" && m.Verdict == reconcile.Goes {
		word = "will " + string(m.Op)
	}
	fmt.Fprintln(out, s.judged(v.sign, printable(m.Group)+": "+belonging(m), word, v.tint))
	if m.Expression != "" {
		fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("      %s: %t, %s", m.Expression, m.Belongs, m.Own)))
	}
	reasons(out, m.Why)
}

func belonging(m reconcile.Membership) string {
	switch {
	case m.Member != nil && !*m.Member:
		return "no member"
	case m.Ours:
		return "added by rollcall"
	case m.Member != nil:
		return "member"
	default:
		return "membership not read"
	}
}

// future is what would be sent, and what stands in its way.
func (s Style) future(out io.Writer, e *reconcile.Explanation) {
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, "what will be sent"))
	if len(e.Changes) == 0 {
		fmt.Fprintln(out, "  nothing")
	}
	for _, c := range e.Changes {
		s.planned(out, c.Change)
	}
	for _, h := range e.Holds {
		fmt.Fprintln(out, "  "+s.paint(red, "! "+h))
	}
	s.findings(out, e.Findings)
}

// planned is one change with its operations. Those of a create are in the
// attributes already, that of a membership is in the line itself.
func (s Style) planned(out io.Writer, c plan.Change) {
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
		return
	}
	ops, _ := c.Against(believed(c))
	for _, op := range ops {
		fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("      %s %s %s", op.Verb, s.path(op.Path), opValue(string(op.Value)))))
	}
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
	fmt.Fprintln(out, line+"  "+s.did(d)+"  "+s.ended(d)+"  "+s.paint(faint, d.Reason))
	for _, b := range d.Edits {
		if d.Group == "" {
			fmt.Fprintf(out, "      %s: %s -> %s\n", s.path(b.Path), values(b.Before), values(b.After))
		}
	}
	for _, more := range []string{d.Text, s.paint(red, printable(d.Error)), d.Hint} {
		if more != "" {
			fmt.Fprintln(out, "      "+more)
		}
	}
}

func (s Style) did(d reconcile.Deed) string {
	m := marks[d.Op]
	text := s.paint(m.tint, m.sign+" "+m.word)
	if d.Group != "" {
		text += " group " + printable(d.Group)
	}
	return text
}

func (s Style) ended(d reconcile.Deed) string {
	text, t := string(d.Result), red
	if d.Result.Fine() {
		t = faint
	}
	if d.Status != 0 {
		text += fmt.Sprintf(", status %d", d.Status)
	}
	if d.Correlation != "" {
		text += ", correlation id " + d.Correlation
	}
	return s.paint(t, text)
}
