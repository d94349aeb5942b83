package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/fault"
	"rollcall/internal/evidence"
	"rollcall/internal/report"
	"rollcall/ledger"
	"rollcall/reconcile"
)

type auditOptions struct {
	who, since, until, kind, format string
	leavers                         bool
}

func (s *session) auditCommand() *cobra.Command {
	var o auditOptions
	cmd := command(&cobra.Command{
		Use:   "audit",
		Short: "read the ledger as evidence",
		Long: "Lists what was intended and what happened: who did it, why, when, to whom, every value before and after. With\n" +
			"--format it is written for other programs: jsonl is one entry a line (rollcall.entry/1), csv one row for each\n" +
			"attribute that changed, ocsf one event a line for each change (OCSF " + evidence.OCSFVersion + "). With --leavers it tells how long each\n" +
			"leaver took, from first seen gone to confirmed inactive. No request is sent.",
		Example: "  rollcall audit --who jo@example.com --since 2026-11-01\n  rollcall audit --since 7d --kind outcome --format csv > week.csv\n" +
			"  rollcall audit --leavers --since 90d\n  rollcall audit verify",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := o.filter(s.host.Clock()())
			if err == nil {
				err = o.agree(s.json)
			}
			if err != nil {
				return err
			}
			return s.audit(cmd, o, f)
		},
	})
	o.add(cmd)
	cmd.AddCommand(s.verifyCommand())
	return cmd
}

func (o *auditOptions) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.who, "who", "", "only this person: a source `KEY`, userName or Genesys id")
	flags.StringVar(&o.since, "since", "", "not before this `TIME`: 2026-11-01, 2026-11-01T08:00:00Z, or so long ago: 24h, 7d")
	flags.StringVar(&o.until, "until", "", "before this `TIME`")
	flags.StringVar(&o.kind, "kind", "", "only entries of this `KIND`: "+strings.Join(kinds(), ", "))
	flags.StringVar(&o.format, "format", "text", "`FORMAT`: "+strings.Join(formats, ", "))
	flags.BoolVar(&o.leavers, "leavers", false, "how long leavers took to be inactive; text, csv or --json")
}

// audit writes what was asked for, one entry at a time.
func (s *session) audit(cmd *cobra.Command, o auditOptions, f ledger.Filter) error {
	l, err := s.openLedger(cmd)
	if err != nil {
		return err
	}
	defer l.Close()
	if o.leavers {
		return s.leavers(cmd, l, o, f)
	}
	trail := reconcile.Trail(cmd.Context(), l, f)
	switch {
	case s.json:
		return s.listJSON("rollcall.audit/1", "entries", each(trail, func(e reconcile.Evidence) any { return evidence.NewEntry(e) }))
	case o.format == "jsonl":
		return evidence.Lines(s.Stdout, trail)
	case o.format == "csv":
		return evidence.CSV(s.Stdout, trail)
	case o.format == "ocsf":
		return evidence.OCSF(s.Stdout, trail, version)
	}
	n, err := report.Audit(s.Stdout, trail, f.Kind, s.style(s.Stdout, s.dialect()))
	if err == nil && n == 0 {
		s.say("no entries")
	}
	return err
}

// leavers writes how long leavers kept their accounts.
func (s *session) leavers(cmd *cobra.Command, l ledger.Store, o auditOptions, f ledger.Filter) error {
	c, err := reconcile.Clock(cmd.Context(), l, f, s.host.Clock()())
	switch {
	case err != nil:
		return err
	case s.json:
		return s.encode(c)
	case o.format == "csv":
		return evidence.LeaversCSV(s.Stdout, c)
	default:
		return report.Leavers(s.Stdout, c, s.style(s.Stdout, s.dialect()))
	}
}

var (
	formats    = []string{"text", "jsonl", "csv", "ocsf"}
	auditKinds = []ledger.Kind{
		ledger.KindRun, ledger.KindIntent, ledger.KindOutcome, ledger.KindEnd, ledger.KindNote, ledger.KindAbsent, ledger.KindBack, ledger.KindForget,
		ledger.KindPlan, ledger.KindPart, ledger.KindDecision, ledger.KindUnit, ledger.KindPrune, ledger.KindCarry,
	}
	changeKinds = []ledger.Kind{"", ledger.KindIntent, ledger.KindOutcome}
)

func kinds() []string {
	names := make([]string, len(auditKinds))
	for i, k := range auditKinds {
		names[i] = string(k)
	}
	return names
}

// filter is what o selects at this time.
func (o *auditOptions) filter(now time.Time) (ledger.Filter, error) {
	f := ledger.Filter{Who: o.who, Kind: ledger.Kind(o.kind)}
	err := oneOf("--kind", o.kind, append(kinds(), ""))
	if err == nil {
		f.Since, err = instant("--since", o.since, now)
	}
	if err == nil {
		f.Until, err = instant("--until", o.until, now)
	}
	if err == nil && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		err = usage("audit: --until %s is not after --since %s: nothing lies between", o.until, o.since)
	}
	return f, err
}

// agree finds flags that do not go together.
func (o *auditOptions) agree(asJSON bool) error {
	err := oneOf("--format", o.format, formats)
	switch {
	case err != nil:
		return err
	case asJSON && o.format != "text":
		return usage("audit: --json writes one document and --format %s another: choose one", o.format)
	case o.leavers && o.format != "text" && o.format != "csv":
		return usage("audit: --leavers is text, csv or --json, not %s", o.format)
	case o.leavers && o.kind != "":
		return usage("audit: --leavers tells of entries of several kinds: leave --kind %s out", o.kind)
	case (o.format == "csv" || o.format == "ocsf") && !slices.Contains(changeKinds, ledger.Kind(o.kind)):
		return fault.WithHint(usage("audit: --format %s writes changes, and entries of kind %s are none", o.format, o.kind),
			"rollcall audit --kind "+o.kind+" --format jsonl")
	default:
		return nil
	}
}

// oneOf refuses a word that is none of words, and names the nearest.
func oneOf(flag, word string, words []string) error {
	if slices.Contains(words, word) {
		return nil
	}
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	err := usage("audit: %s %q: it is one of %s", flag, word, strings.Join(words, ", "))
	if near := fault.Nearest(word, words); near != "" {
		return fault.WithHint(err, "did you mean "+flag+" "+near+"?")
	}
	return fault.WithHint(err, fmt.Sprintf("for example: rollcall audit %s %s", flag, words[len(words)/3]))
}

// instant reads a date, which begins at midnight here, an RFC 3339 time, or how
// long ago something was.
func instant(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil && inReach(t) {
		return t, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil && inReach(t) {
		return t, nil
	}
	if d, ok := lasting(text); ok && inReach(now.Add(-d)) {
		return now.Add(-d), nil
	}
	return now, fault.WithHint(usage("audit: %s %q: not a date, a time, or so long ago", flag, text),
		"for example: "+flag+" 2026-11-01, "+flag+" 2026-11-01T08:00:00Z, "+flag+" 24h or "+flag+" 7d")
}

// inReach tells whether t can be counted in nanoseconds, as the ledger does.
func inReach(t time.Time) bool { return t.Year() > 1700 && t.Year() < 2200 }

// lasting reads a duration, in days too.
func lasting(text string) (d time.Duration, ok bool) {
	days, inDays := strings.CutSuffix(text, "d")
	if n, err := strconv.ParseUint(days, 10, 16); inDays && err == nil {
		return time.Duration(n) * 24 * time.Hour, true
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}
