package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
)

// Report writes what became of a run: the counts an operator asks for first,
// then every change that did not go well, with what to do.
func Report(w io.Writer, r *reconcile.Report, rows iter.Seq2[reconcile.Row, error], s Style) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, s.paint(bold, fmt.Sprintf("run %s: %s in %s", r.Run, r.Result, duration(r.Seconds))))
	fmt.Fprintf(out, "  %d processed, %d succeeded, %d failed, %d left out", r.Processed, r.Succeeded, r.Failed, r.LeftOut)
	if r.Held > 0 {
		fmt.Fprintf(out, ", %d waiting for a person", r.Held)
	}
	fmt.Fprintf(out, "\n  %s, %s, %s, waited %s\n", plural(r.Requests, "request"), retries(r.Retries), plural(r.Conflicts, "conflict"), time.Duration(r.Waited).Round(time.Millisecond))
	if r.Succeeded+r.Failed > 0 {
		fmt.Fprintf(out, "  latency mean %s, p50 %s, p95 %s, p99 %s\n", millis(r.Latency.Mean), millis(r.Latency.P50), millis(r.Latency.P95), millis(r.Latency.P99))
	}
	if r.Waiting != "" {
		fmt.Fprintf(out, "  plan %s waits for a person: rollcall show, approve or reject %s\n", r.Waiting, r.Waiting)
	}
	s.findings(out, r.Noticed)
	if rows == nil {
		return out.Flush()
	}
	told := map[string]bool{}
	for row, err := range rows {
		if err != nil {
			return err
		}
		row.Kept = untold(row, r.Noticed)
		if told[row.Hint] {
			row.Hint = "" // what to do is the same for hundreds
		}
		told[row.Hint] = true
		s.trouble(out, row)
	}
	return out.Flush()
}

func retries(n int) string {
	if n == 1 {
		return "1 retry"
	}
	return fmt.Sprintf("%d retries", n)
}

func millis(m reconcile.Millis) string {
	return fmt.Sprintf("%.1f ms", float64(m)/float64(time.Millisecond))
}

// trouble writes a row that somebody should look at; the others are in --json and in show.
func (s Style) trouble(out io.Writer, row reconcile.Row) {
	switch row.Result {
	case ledger.Done, ledger.Found:
		for _, p := range row.Moved {
			fmt.Fprintf(out, "%s %s: somebody else had changed %s meanwhile; the source's value was sent again\n", s.paint(yellow, "! replaced"), rowName(row), s.path(p))
		}
		s.inPart(out, row)
		for _, p := range row.Kept {
			fmt.Fprintf(out, "%s %s: the service answered another value of %s than was sent\n", s.paint(yellow, "! kept"), rowName(row), s.path(p))
		}
	default:
		line := fmt.Sprintf("%s %s %s", s.paint(red, "! "+string(row.Result)), row.Op, rowName(row))
		if row.Error != "" {
			line += ": " + row.Error
		}
		fmt.Fprintln(out, line)
		if row.Hint != "" {
			fmt.Fprintln(out, "    "+row.Hint)
		}
	}
}

// untold are the kept paths of row that no finding of the run speaks of.
func untold(row reconcile.Row, findings []plan.Finding) []scim.Path {
	if slices.ContainsFunc(findings, func(f plan.Finding) bool { return f.Code == "value-kept" && f.Key == row.Key }) {
		return nil
	}
	return row.Kept
}

// inPart writes what of a change was not sent.
func (s Style) inPart(out io.Writer, row reconcile.Row) {
	why := row.Error
	if why == "" {
		why = "it names a person who is not there yet; the next run completes it"
	}
	for _, p := range row.Waiting {
		fmt.Fprintf(out, "%s %s: %s was not sent: %s\n", s.paint(yellow, "! in part"), rowName(row), s.path(p), why)
	}
	if len(row.Waiting) > 0 && row.Hint != "" {
		fmt.Fprintln(out, "    "+row.Hint)
	}
}

func rowName(r reconcile.Row) string {
	return cmp.Or(person(r.UserName, string(r.Key)), r.Resource)
}

// Rows writes every change of a run, one a line, for `show`.
func Rows(w io.Writer, rows iter.Seq2[reconcile.Row, error], s Style) error {
	out := bufio.NewWriter(w)
	for row, err := range rows {
		if err != nil {
			return err
		}
		m := marks[row.Op]
		status := ""
		if row.Status > 0 {
			status = strconv.Itoa(row.Status)
		}
		fmt.Fprintf(out, "%s %s  %-8s %3s  %9s  %s\n", row.Time.UTC().Format("15:04:05.000"), s.paint(m.tint, fmt.Sprintf("%s %-10s", m.sign, m.word)), row.Result, status, millis(row.Latency), rowName(row))
		for _, op := range row.Operations {
			fmt.Fprintln(out, s.paint(faint, fmt.Sprintf("                 %s %s %s", op.Verb, s.path(op.Path), opValue(string(op.Value)))))
		}
		if row.Error != "" {
			fmt.Fprintf(out, "                 %s\n", s.paint(red, row.Error))
		}
	}
	return out.Flush()
}

func opValue(v string) string {
	const most = 120
	if r := []rune(v); len(r) > most {
		return printable(string(r[:most])) + "..."
	}
	return printable(v)
}

// Runs writes the history, newest first, as a table.
func Runs(w io.Writer, runs iter.Seq2[ledger.Run, error], s Style) error {
	out := bufio.NewWriter(w)
	n := 0
	for r, err := range runs {
		if err != nil {
			return err
		}
		if n == 0 {
			fmt.Fprintln(out, s.paint(bold, fmt.Sprintf("%-24s  %-16s  %-8s  %-11s  %7s  %6s  %s", "RUN", "BEGAN", "COMMAND", "RESULT", "CHANGES", "FAILED", "BY")))
		}
		n++
		fmt.Fprintf(out, "%-24s  %-16s  %-8s  %-11s  %7d  %6d  %s\n", r.ID, r.Began.Local().Format(minute), r.Start.Command, ended(r), r.Settled, r.Failed, r.Start.Actor)
	}
	if n == 0 {
		fmt.Fprintln(out, "no runs yet")
	}
	return out.Flush()
}

func ended(r ledger.Run) string {
	if r.Ended.IsZero() {
		return "not ended"
	}
	return r.Ending.Result
}

// Check writes one line of `check`, its hint below.
func Check(w io.Writer, state, area, text, hint string, s Style) {
	tints := map[string]tint{"ok": green, "note": faint, "warning": yellow, "error": red, "unknown": blue}
	fmt.Fprintf(w, "%s %-13s %s\n", s.paint(tints[state], fmt.Sprintf("%-8s", state)), area, printable(text))
	if hint != "" {
		fmt.Fprintf(w, "%22s  %s\n", "", s.paint(faint, hint))
	}
}
