package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"rollcall/ledger"
	"rollcall/reconcile"
)

const minute = "2006-01-02 15:04"

// Petitions writes the plans that wait for a person, as a table; nothing where none does.
func Petitions(w io.Writer, plans []reconcile.Petition, s Style) error {
	if len(plans) == 0 {
		return nil
	}
	out := bufio.NewWriter(w)
	row := "%-24s  %-16s  %-8s  %-11s  %7s  %6s  %s\n"
	fmt.Fprint(out, s.paint(bold, fmt.Sprintf(row, "PLAN", "UNTIL", "COMMAND", "STANDING", "CHANGES", "", "BY")))
	for _, p := range plans {
		fmt.Fprintf(out, row, p.ID, p.Expires.Local().Format(minute), p.Command, p.Standing, strconv.Itoa(p.Changes), "", p.Maker+", over "+p.Why)
	}
	fmt.Fprintln(out)
	return out.Flush()
}

// Petition writes how it stands with a plan that waits, or waited.
func Petition(w io.Writer, p reconcile.Petition, void int, s Style) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, fmt.Sprintf("plan %s: %s", p.ID, p.Standing)))
	fmt.Fprintf(out, "  %s of %s, made by %s at %s, until %s; over %s\n", plural(p.Changes, "change"), p.Command, p.Maker,
		p.Since.Local().Format(minute), p.Expires.Local().Format(minute), p.Why)
	writeDecided(out, p)
	if void > 0 {
		fmt.Fprintf(out, "  %s void: the people were forgotten\n", plural(void, "change"))
	}
	return out.Flush()
}

// writeDecided writes who decided about a plan and why; nothing where nobody has.
func writeDecided(out io.Writer, p reconcile.Petition) {
	d := p.Decided
	if d == nil {
		return
	}
	line := fmt.Sprintf("  %s by %s at %s", p.Standing, d.By, d.At.Local().Format(minute))
	if d.Run != "" {
		line += ", run " + string(d.Run)
	}
	fmt.Fprintln(out, line)
	if d.Because != "" {
		fmt.Fprintln(out, "  because: "+printable(d.Because))
	}
}

// Start writes who began a run, and what they asked for.
func Start(w io.Writer, run ledger.Run) {
	st := run.Start
	fmt.Fprintf(w, "%s by %s on %s, %s\n", st.Command, st.Actor, st.Org, run.Began.Local().Format("Mon, 02 Jan 2006 15:04:05 MST"))
	if st.Reason != "" {
		fmt.Fprintf(w, "because: %s\n", st.Reason)
	}
	if allowed := allowedIn(st); len(allowed) > 0 {
		fmt.Fprintf(w, "allowed: %s\n", strings.Join(allowed, ", "))
	}
	if st.Basis.Reverts != "" {
		fmt.Fprintf(w, "takes back run %s\n", st.Basis.Reverts)
	}
}

// allowedIn are the limits that a run was to lift, and what it was to believe.
func allowedIn(st ledger.Start) (allowed []string) {
	for kind, n := range st.Allow {
		if n >= 0 {
			kind += fmt.Sprintf("=%d", n)
		}
		allowed = append(allowed, kind)
	}
	slices.Sort(allowed)
	if st.Believe {
		allowed = append(allowed, "the reading as it was")
	}
	return allowed
}
