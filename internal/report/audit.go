package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
)

// Audit writes the ledger as a timeline for people, in UTC: under each run what
// became of its changes, with every value before and after. An intent has a line
// where nobody knows yet what became of it, or where it is all that was asked for.
// It answers how many entries there were.
func Audit(w io.Writer, trail iter.Seq2[reconcile.Evidence, error], only ledger.Kind, s Style) (n int, err error) {
	a := audit{out: bufio.NewWriter(w), Style: s}
	for e, err := range trail {
		if err != nil {
			_ = a.out.Flush()
			return n, err
		}
		n++
		if e.Kind == ledger.KindIntent && !e.Open && only != ledger.KindIntent {
			continue
		}
		a.head(e)
		a.entry(e)
	}
	return n, a.out.Flush()
}

type audit struct {
	Style

	out *bufio.Writer
	run ledger.RunID // whose entries are being written
}

const auditTime = "2006-01-02 15:04:05"

// head introduces the run of e, where it is another one than that of the entry before.
func (a *audit) head(e reconcile.Evidence) {
	if e.Run == a.run {
		return
	}
	a.run = e.Run
	if e.Run == "" {
		return
	}
	line := fmt.Sprintf("run %s: %s of %s by %s", e.Run, e.By.Command, printable(e.By.Sync), printable(e.By.Actor))
	if e.By.Reason != "" {
		line += ", because " + printable(e.By.Reason)
	}
	fmt.Fprintln(a.out, a.paint(bold, line))
}

func (a *audit) entry(e reconcile.Evidence) {
	at := e.Time.UTC().Format(auditTime)
	switch e.Kind {
	case ledger.KindIntent:
		a.line(at, e, a.paint(yellow, "intended"))
		a.edits(e)
	case ledger.KindOutcome:
		a.line(at, e, a.outcome(e.Outcome))
		a.edits(e)
	case ledger.KindPart:
		a.line(at, e, a.paint(yellow, "waits"))
		a.edits(e)
	case ledger.KindRun:
		fmt.Fprintf(a.out, "%s  begins on %s, %s process %d\n", at, e.By.Org, printable(e.By.Host), e.By.Process)
	default:
		fmt.Fprintf(a.out, "%s  %s\n", at, a.plain(e))
	}
}

// plain is an entry that is no change.
func (a *audit) plain(e reconcile.Evidence) string {
	name := entryName(e)
	switch e.Kind {
	case ledger.KindAbsent:
		return "missed in the source: " + name
	case ledger.KindEnd:
		return a.ended(e.Note)
	case ledger.KindBack:
		return "in the source again: " + name
	case ledger.KindForget:
		return "forgotten: the key of a person was destroyed"
	case ledger.KindPrune:
		return "entries older than the retention were removed"
	case ledger.KindCarry:
		return "carried over from entries that were removed: what is known of a person"
	case ledger.KindPlan:
		return waits(e.Note)
	case ledger.KindDecision:
		return decided(e.Note)
	case ledger.KindUnit:
		return "belongs to " + printable(e.Name) + ": " + name
	case ledger.KindNote:
		return "noted: " + printable(e.Name)
	default:
		return strings.TrimSpace(string(e.Kind) + " " + printable(e.Name) + " " + name)
	}
}

func waits(note json.RawMessage) string {
	var w ledger.WaitingPlan
	_ = json.Unmarshal(note, &w) // what cannot be read says nothing
	return fmt.Sprintf("a plan of %s waits for a person: over %s", plural(w.Changes, "change"), w.Why)
}

func decided(note json.RawMessage) string {
	var d ledger.Decision
	_ = json.Unmarshal(note, &d) // as above
	return strings.TrimSuffix(fmt.Sprintf("the plan was %s by %s: %s", d.Standing, printable(d.By), printable(d.Because)), ": ")
}

// ended says how a run ended.
func (a *audit) ended(note json.RawMessage) string {
	var end ledger.Ending
	_ = json.Unmarshal(note, &end) // as above
	return "ends: " + end.Result
}

func (a *audit) line(at string, e reconcile.Evidence, what string) {
	m := marks[e.Op]
	fmt.Fprintf(a.out, "%s  %s %s  %s\n", at, a.paint(m.tint, fmt.Sprintf("%s %-10s", m.sign, m.word)), entryName(e), what)
}

func entryName(e reconcile.Evidence) string {
	if e.Erased {
		return "(forgotten)"
	}
	return rowName(reconcile.Row{Key: e.Key, UserName: e.UserName, Resource: e.Resource().ID})
}

func (a *audit) edits(e reconcile.Evidence) {
	for _, d := range e.Edits() {
		fmt.Fprintf(a.out, "%23s%s\n", "", a.paint(faint, a.short(d)))
	}
}

// outcome is how a change ended.
func (s Style) outcome(o *ledger.Outcome) string {
	text := string(o.Result)
	if o.Status > 0 {
		text += fmt.Sprintf(" %d", o.Status)
	}
	if o.Error != "" {
		text += "  " + s.paint(red, o.Error)
	}
	return text
}

// short is one edit on one line.
func (s Style) short(e plan.Edit) string {
	name := s.path(e.Path)
	if e.Whole {
		return fmt.Sprintf("%s: %s -> %s", name, values(e.Before), values(e.Set))
	}
	parts := []string{name + ":"}
	for _, some := range []struct {
		sign string
		vs   []scim.Value
	}{{"+", e.Add}, {"-", e.Remove}, {"=", e.Claim}} {
		if len(some.vs) > 0 {
			parts = append(parts, some.sign+values(some.vs))
		}
	}
	return strings.Join(parts, " ")
}
