package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"rollcall/reconcile"
)

// Leavers writes how long leavers kept their accounts, open ones first, in UTC.
func Leavers(w io.Writer, c *reconcile.LeaverClock, s Style) error {
	out := bufio.NewWriter(w)
	for _, l := range c.Leavers {
		s.leaver(out, l)
	}
	fmt.Fprintf(out, "%s: %d open, %d of them late; %d confirmed inactive; %d came back\n", plural(len(c.Leavers), "leaver"), c.Open, c.Late, c.Closed, c.Returned)
	if c.Closed > 0 {
		fmt.Fprintf(out, "gone to inactive: median %s, p95 %s, longest %s\n", lasted(c.Median), lasted(c.P95), lasted(c.Longest))
	}
	if c.Open > 0 {
		fmt.Fprintf(out, "open for %s at most\n", lasted(c.Oldest))
	}
	if c.Erased > 0 {
		fmt.Fprintf(out, "%s of people who were forgotten: nothing more is known of them\n", plural(c.Erased, "closed account"))
	}
	return out.Flush()
}

func (s Style) leaver(out io.Writer, l *reconcile.Leaving) {
	fmt.Fprintf(out, "%s  %s\n", s.standing(l), rowName(reconcile.Row{Key: l.Key, UserName: l.UserName, Resource: l.Resource}))
	fmt.Fprintf(out, "    %s\n", course(l))
	if l.Error != "" {
		fmt.Fprintf(out, "    %s\n", s.paint(red, l.Error))
	}
	if len(l.Roles) > 0 {
		fmt.Fprintf(out, "    %s\n", s.paint(faint, "roles recorded: "+printable(strings.Join(l.Roles, ", "))))
	}
}

// standing is how l stands, and for how long.
func (s Style) standing(l *reconcile.Leaving) string {
	switch {
	case l.Late:
		return s.paint(red, "! open, late  ") + " " + lasted(l.Seconds) + " so far"
	case !l.Confirmed.IsZero():
		return s.paint(green, "- inactive    ") + " after " + lasted(l.Seconds)
	case !l.Back.IsZero():
		return s.paint(blue, "^ came back   ") + " after " + lasted(l.Seconds)
	default:
		return s.paint(yellow, "? open        ") + " " + lasted(l.Seconds) + " so far"
	}
}

var seen = map[string]string{"absent": "missed in the source", "inactive": "said to be inactive"}

// waiting is what was configured about l; "" where the account was to be closed at once.
func waiting(l *reconcile.Leaving) string {
	if l.Action == "report" || l.Action == "none" {
		return "leavers are not closed (leavers: " + l.Action + ")"
	}
	if l.WaitDays > 0 {
		return plural(l.WaitDays, "day") + " to wait"
	}
	return ""
}

// course is what happened to l, in its order.
func course(l *reconcile.Leaving) string {
	steps := []string{seen[l.Seen] + " " + l.Gone.UTC().Format(auditTime)}
	if rule := waiting(l); rule != "" {
		steps = append(steps, rule)
	}
	for _, step := range []struct {
		what string
		at   time.Time
	}{{"sent", l.Sent}, {"inactive", l.Confirmed}, {"in the source again", l.Back}} {
		if !step.at.IsZero() {
			steps = append(steps, step.what+" "+step.at.UTC().Format(auditTime))
		}
	}
	if l.How == "found" && l.Sent.IsZero() {
		steps = append(steps, "found so, not done by a request that was answered")
	}
	return strings.Join(steps, ", ")
}

// lasted is a span in the two largest units that matter.
func lasted(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	days, rest := int(d/(24*time.Hour)), d%(24*time.Hour)
	switch {
	case days > 0:
		return fmt.Sprintf("%dd %dh", days, rest/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Second:
		return d.Round(time.Second).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}
