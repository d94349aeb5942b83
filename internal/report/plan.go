package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rollcall/plan"
	"rollcall/scim"
)

// Plan writes p for people: what it rests on, every change, the findings, the
// limits, and the sum with its price. No change is cut: a reviewer sees all.
// Adoptions that change nothing are counted, and findings that say the same
// are shown three times at most.
func Plan(w io.Writer, p *plan.Plan, s Style) error {
	out := bufio.NewWriter(w)
	if p.Basis.Source != "" {
		fmt.Fprintf(out, "%s: %s of %s -> %s\n", p.Basis.Sync, plural(p.Basis.Records, "record"), p.Basis.Source, p.Basis.Org)
	}
	if p.Basis.Reverts != "" {
		fmt.Fprintf(out, "takes back run %s -> %s\n", p.Basis.Reverts, p.Basis.Org)
	}
	if p.Basis.Way == plan.Quick {
		fmt.Fprintln(out, s.paint(faint, "compared with what the ledger remembers; read is nobody but those who are due"))
	}
	s.opening(out, p)
	alike := 0
	for c := range p.Changes() {
		if c.Op == plan.Adopt && len(c.Edits) == 0 {
			alike++
			continue
		}
		s.change(out, c)
	}
	if alike > 0 {
		fmt.Fprintln(out, s.paint(blue, fmt.Sprintf("= adopt      %s who are as desired already: linked, nothing is sent", plural(alike, "user"))))
	}
	s.findings(out, p.Findings)
	s.limits(out, p.Limits)
	fmt.Fprintln(out, s.paint(bold, sum(p)))
	return out.Flush()
}

func (s Style) change(out io.Writer, c plan.Change) {
	m := marks[c.Op]
	head := fmt.Sprintf("%s %-10s %s", m.sign, m.word, who(c))
	if c.Held != "" {
		head += "  (waits: limit " + c.Held + ")"
	}
	fmt.Fprintln(out, s.paint(m.tint, head)+"  "+s.paint(faint, c.Reason))
	if c.Op == plan.Join || c.Op == plan.Leave {
		s.members(out, c)
		return
	}
	if c.Op == plan.Create {
		s.created(out, c)
		return
	}
	for _, e := range c.Edits {
		s.edit(out, e)
	}
}

func who(c plan.Change) string {
	switch {
	case c.Target.Type == scim.Group:
		return "group " + printable(c.UserName)
	case c.UserName == "":
		return printable(string(c.Key))
	case c.Key == "":
		return printable(c.UserName)
	case c.From != "":
		return printable(c.UserName) + " (" + printable(string(c.From)) + " -> " + printable(string(c.Key)) + ")"
	default:
		return printable(c.UserName) + " (" + printable(string(c.Key)) + ")"
	}
}

// created lists what a new user gets on one wrapped paragraph: there is no "before" to compare.
func (s Style) created(out io.Writer, c plan.Change) {
	var parts []string
	for _, e := range c.Edits {
		if all := append(append([]scim.Value(nil), e.Set...), e.Add...); len(all) > 0 && e.Path != "userName" {
			parts = append(parts, s.path(e.Path)+" "+values(all))
		}
	}
	paragraph(out, parts)
}

func (s Style) edit(out io.Writer, e plan.Edit) {
	name := s.path(e.Path)
	if text := difference(e); text != "" {
		fmt.Fprintf(out, "             %s: %s\n", name, text)
	}
	if len(e.Claim) > 0 {
		fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("             %s: claims %s", name, values(e.Claim))))
	}
}

// difference is what an edit does, on one line; "" where it only claims.
func difference(e plan.Edit) string {
	if e.Whole {
		return values(e.Before) + " -> " + values(e.Set)
	}
	return cameAndWent(e.Add, e.Remove)
}

// cameAndWent are elements of a set on one line; "" where nothing did.
func cameAndWent(came, went []scim.Value) string {
	var parts []string
	if len(came) > 0 {
		parts = append(parts, "+ "+values(came))
	}
	if len(went) > 0 {
		parts = append(parts, "- "+values(went))
	}
	return strings.Join(parts, "  ")
}

func (s Style) members(out io.Writer, c plan.Change) {
	for _, e := range c.Edits {
		var names []string
		for _, v := range append(append([]scim.Value(nil), e.Add...), e.Remove...) {
			names = append(names, strings.TrimPrefix(value(v), "person "))
		}
		for _, v := range e.Claim {
			names = append(names, strings.TrimPrefix(value(v), "person ")+" (there already: claimed)")
		}
		paragraph(out, names)
	}
}

// paragraph writes the parts below a change, wrapped.
func paragraph(out io.Writer, parts []string) {
	for _, line := range wrap(parts, 110) {
		fmt.Fprintln(out, "             "+line)
	}
}

// wrap joins parts with ", " into lines of about width characters.
func wrap(parts []string, width int) []string {
	var lines []string
	line := ""
	for i, part := range parts {
		if i < len(parts)-1 {
			part += ", "
		}
		if line != "" && len(line)+len(part) > width {
			lines = append(lines, strings.TrimSpace(line))
			line = ""
		}
		line += part
	}
	if line != "" {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

func (s Style) findings(out io.Writer, fs []plan.Finding) {
	tints := map[plan.Severity]tint{plan.Error: red, plan.Warning: yellow, plan.Note: faint}
	const most = 3
	same := map[[2]string]int{}
	for _, f := range fs {
		same[alike(f)]++
	}
	shown := map[[2]string]int{}
	for _, f := range fs {
		kind := alike(f)
		if shown[kind]++; shown[kind] > most {
			if shown[kind] == same[kind] {
				fmt.Fprintf(out, "%s %s: and %d more like it; --json lists each\n", s.paint(tints[f.Severity], "! "+string(f.Severity)), f.Code, same[kind]-most)
			}
			continue
		}
		text := printable(f.Text)
		if f.Place != "" {
			text = f.Place + ": " + text
		}
		if f.Key != "" {
			text += " (" + printable(string(f.Key)) + ")"
		}
		fmt.Fprintf(out, "%s %s: %s\n", s.paint(tints[f.Severity], "! "+string(f.Severity)), f.Code, text)
	}
}

// alike is what findings that say the same have in common: of the days on which
// people join and leave it is that they do.
func alike(f plan.Finding) [2]string {
	if f.Code == "joins-later" || f.Code == "leaves-later" {
		return [2]string{f.Code}
	}
	return [2]string{f.Code, f.Text}
}

func (s Style) limits(out io.Writer, ls []plan.Limit) {
	exceeded := false
	for _, l := range ls {
		if !l.Exceeded {
			continue
		}
		exceeded = true
		then := "these changes wait, the rest goes"
		if l.StopsAll {
			then = "nothing is applied"
		}
		fmt.Fprintln(out, s.paint(red, fmt.Sprintf("! limit %s: %d wanted with those of the last 24 hours, %d allowed: %s", l.Name, l.Wanted, l.Allowed, then)))
		fmt.Fprintln(out, "    "+excess(l))
	}
	if exceeded && s.Allow != nil {
		fmt.Fprintln(out, "    to allow it once: "+s.Allow(ls))
	}
}

// excess says by how much a limit is exceeded, where, and by whose changes.
func excess(l plan.Limit) string {
	const most = 10
	text := strconv.Itoa(l.Wanted-l.Allowed) + " over"
	if l.Of != "" {
		text += " in " + strconv.Quote(printable(l.Of))
	}
	var names []string
	for _, w := range l.Who[:min(most, len(l.Who))] {
		names = append(names, printable(w.Name()))
	}
	if more := len(l.Who) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more (--json lists all)", more))
	}
	if len(names) > 0 {
		text += ": " + strings.Join(names, ", ")
	}
	return text
}

// sum is the last line: what there is to do, and what it takes.
func sum(p *plan.Plan) string {
	if p.Len() == 0 {
		return "no changes" + noted(len(p.Findings))
	}
	n := p.Summary
	var parts []string
	for _, c := range []struct {
		n    int
		word string
	}{
		{n.Create, "to create"},
		{n.Adopt, "to adopt"},
		{n.Update, "to update"},
		{n.Rename, "to rename"},
		{n.Deactivate, "to deactivate"},
		{n.Reactivate, "to reactivate"},
		{n.Delete, "to delete"},
		{n.Rekey, "to rekey"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.word))
		}
	}
	if n.Groups > 0 {
		parts = append(parts, plural(n.Groups, "group")+" to change")
	}
	if len(parts) == 0 {
		parts = append(parts, plural(p.Len(), "change"))
	}
	price := plural(n.Requests, "request")
	if p.Basis.Granted > 0 {
		price += fmt.Sprintf(", about %s at %d a minute", duration(n.Seconds), p.Basis.Granted)
	}
	return strings.Join(parts, ", ") + noted(len(p.Findings)) + "; " + price
}

func noted(findings int) string {
	if findings == 0 {
		return ""
	}
	return ", " + plural(findings, "finding")
}

func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Second {
		return "1s"
	}
	return d.Round(time.Second).String()
}
