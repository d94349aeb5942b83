package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

const reportSchema = "rollcall.report/1"

// The results of a run.
const (
	done        = "done"        // everything planned came about
	partial     = "partial"     // it ended; something failed, was left out, or waits
	refused     = "refused"     // a limit or the belief stopped it; nothing was sent
	interrupted = "interrupted" // a person stopped it
	failed      = "failed"      // an error ended it
)

// Millis is a duration that JSON shows as milliseconds with up to three decimals.
type Millis time.Duration

// MarshalJSON writes 12.345 for 12.345 ms.
func (m Millis) MarshalJSON() ([]byte, error) {
	us := time.Duration(m).Round(time.Microsecond).Microseconds()
	return strconv.AppendFloat(nil, float64(us)/1000, 'f', -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Millis) UnmarshalJSON(text []byte) error {
	ms, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return fmt.Errorf("parse milliseconds: %w: %w", fault.Invalid, err)
	}
	*m = Millis(time.Duration(ms * float64(time.Millisecond)).Round(time.Microsecond))
	return nil
}

// A Report is what became of a run: rollcall.report/1 (design §5) without its
// changes, which [Rows] reads and [Report.Write] adds.
type Report struct {
	Schema    string       `json:"schema"`
	Run       ledger.RunID `json:"run"`
	Command   string       `json:"command"`
	Result    string       `json:"result"` // done, partial, refused, interrupted, failed
	Began     time.Time    `json:"began"`
	Seconds   float64      `json:"seconds"`
	Planned   int          `json:"planned"`
	Processed int          `json:"processed"`
	Succeeded int          `json:"succeeded"`
	Short     int          `json:"short"` // of succeeded: but for a part that waits for somebody, or is not permitted
	Failed    int          `json:"failed"`
	LeftOut   int          `json:"leftOut"`
	Held      int          `json:"held"`               // waiting for a person
	Moved     int          `json:"moved"`              // of leftOut: changed by somebody else since the plan was saved
	Unplanned int          `json:"unplanned"`          // findings of severity error
	Waiting   ledger.RunID `json:"waiting,omitempty"`  // the plan that waits for a person because of this run
	Approved  ledger.RunID `json:"approved,omitempty"` // the plan that was approved, and is carried out
	Latency   Latency      `json:"latencyMs"`
	Requests  int          `json:"requests"` // planning included
	Retries   int          `json:"retries"`
	Throttled int          `json:"throttled"`
	Conflicts int          `json:"conflicts"`
	Waited    Millis       `json:"waitedMs"`
	Error     string       `json:"error,omitempty"` // what ended the run early

	Plan *Petition `json:"plan,omitempty"` // for show: the plan that waits, or waited, because of this run

	// What the plan found, and the limits it exceeded: told to whoever ran it,
	// not kept, for findings name people. nil: not known any more.
	Findings []plan.Finding `json:"-"`
	Limits   []plan.Limit   `json:"-"`
	Noticed  []plan.Finding `json:"-"` // of Findings: those of applying, not of the plan
}

// Latency is how long the service took for writes, waiting excluded.
type Latency struct {
	Mean Millis `json:"mean"`
	P50  Millis `json:"p50"`
	P95  Millis `json:"p95"`
	P99  Millis `json:"p99"`
}

// fill takes over what was planned and how it went; either may be nil.
func (r *Report) fill(p *Proposal, t *apply.Tally) {
	if p != nil {
		r.Waiting = p.Waiting.ID
	}
	if p != nil && p.Approved != nil {
		r.Approved = p.Approved.ID
	}
	if p != nil && p.Plan != nil {
		r.Planned = p.Plan.Len()
		r.Findings = append([]plan.Finding{}, p.Plan.Findings...)
		r.Limits = slices.DeleteFunc(append([]plan.Limit{}, p.Plan.Limits...), func(l plan.Limit) bool { return !l.Exceeded })
		for _, f := range p.Plan.Findings {
			if f.Severity == plan.Error {
				r.Unplanned++
			}
		}
		for c := range p.Plan.Changes() {
			if c.Held != "" {
				r.Held++
			}
		}
	}
	if t == nil {
		return
	}
	r.Findings, r.Noticed = append(r.Findings, t.Findings...), t.Findings
	r.Processed, r.Succeeded, r.Short, r.Failed = t.Processed(), t.Succeeded, t.Short, t.Failed
	r.LeftOut, r.Moved, r.Conflicts = t.LeftOut, t.Moved, t.Conflicts
	r.Requests = t.Attempts
	l := t.Latency()
	r.Latency = Latency{Millis(l.Mean), Millis(l.P50), Millis(l.P95), Millis(l.P99)}
}

// spend takes over what the connection did during the run, where it tells.
func (r *Report) spend(before, after target.Stats) {
	if after == (target.Stats{}) {
		return
	}
	r.Requests = after.Requests - before.Requests
	r.Retries = after.Retries - before.Retries
	r.Throttled = after.Throttled - before.Throttled
	r.Waited = Millis(after.Waited - before.Waited)
}

func (j Job) stats() target.Stats {
	if j.Stats == nil {
		return target.Stats{}
	}
	return j.Stats()
}

func result(r *Report, t *apply.Tally, err error) string {
	switch {
	case errors.Is(err, fault.Interrupted), errors.Is(err, context.Canceled):
		return interrupted
	case err != nil && t == nil && errors.Is(err, fault.Refused):
		return refused
	case err != nil:
		return failed
	case r.Failed+r.LeftOut+r.Short+r.Held+r.Unplanned > 0:
		return partial
	default:
		return done
	}
}

// Exit is the exit code that the report calls for, errors of the run aside
// (design §5): 5 where something waits for a person, 6 where a saved plan had
// moved parts, 4 where a change failed, was left out, or came about in part, or a
// person could not be planned, else 0.
func (r *Report) Exit() int {
	switch {
	case r.Held > 0 || r.Result == refused:
		return 5
	case r.Moved > 0:
		return 6
	case r.Failed+r.LeftOut+r.Short+r.Unplanned > 0:
		return 4
	default:
		return 0
	}
}

// A Row is one change of a report: the audit record of one request.
type Row struct {
	ID          string        `json:"id"`
	Key         source.Key    `json:"key,omitempty"`
	UserName    string        `json:"userName,omitempty"` // of a group its displayName
	Resource    string        `json:"resource,omitempty"`
	Op          plan.Op       `json:"op"`
	Result      ledger.Result `json:"result"`
	Time        time.Time     `json:"time"`
	Operations  []scim.Op     `json:"operations"`
	Status      int           `json:"statusCode"` // 0: no answer, or nothing was sent
	Latency     Millis        `json:"latencyMs"`
	Attempts    int           `json:"attempts"`
	Correlation string        `json:"correlationId,omitempty"`
	Kind        string        `json:"kind,omitempty"`
	Error       string        `json:"error,omitempty"`
	Hint        string        `json:"hint,omitempty"`    // what to do about Error
	Moved       []scim.Path   `json:"moved,omitempty"`   // somebody else's values, replaced or left standing
	Kept        []scim.Path   `json:"kept,omitempty"`    // sent, and answered otherwise
	Waiting     []scim.Path   `json:"waiting,omitempty"` // not sent: they name a person who is not there yet, or are not permitted
}

// Good tells whether the change is as it was meant to be.
func (r Row) Good() bool { return r.Result.Fine() }

// NewRow is the row of one outcome.
func NewRow(op plan.Op, key source.Key, userName string, o ledger.Outcome) Row {
	row := Row{
		ID: o.Change, Key: key, UserName: userName, Resource: o.Ref.ID, Op: op, Result: o.Result,
		Time: o.At.UTC(), Operations: o.Sent, Status: o.Status, Latency: Millis(o.Took), Attempts: o.Attempts,
		Correlation: o.Correlation, Kind: o.Kind.String(), Error: o.Error, Hint: o.Hint,
		Moved: o.Moved, Kept: o.Kept, Waiting: o.Waiting,
	}
	if row.Operations == nil {
		row.Operations = []scim.Op{}
	}
	if row.Hint == "" {
		row.Hint = hints[o.Kind]
	}
	return row
}

// hints say what to do about a change that failed, where nobody knew better.
var hints = map[fault.Kind]string{
	fault.Invalid:     "the service does not take this value: correct it in the source or the mapping",
	fault.Denied:      "see which permission is missing with: rollcall check",
	fault.Missing:     "plan again: what is gone is found then",
	fault.Taken:       "find who holds the value, free it there or correct the source",
	fault.Stale:       "somebody else was changing it at the same time: run again",
	fault.Throttled:   "run again later, or with a smaller budget or concurrency",
	fault.Unavailable: "run again: the service did not answer",
	fault.Unsupported: "this service cannot do it: take the attribute out of the mapping",
	fault.Internal:    "report it, with the correlation id",
}

// Rows are the changes of a run in the order in which they ended, as the ledger
// has them. A change that was looked at again later occurs again.
func Rows(ctx context.Context, store ledger.Store, run ledger.RunID) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for e, err := range store.Entries(ctx, ledger.Filter{Run: run, Kind: ledger.KindOutcome}) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if e.Outcome != nil && !yield(NewRow(e.Op, e.Key, e.UserName, *e.Outcome), nil) {
				return
			}
		}
	}
}

// Write writes the report with its changes as one JSON document, one change at
// a time; findings and exceeded limits are in it where they are known.
func (r *Report) Write(w io.Writer, rows iter.Seq2[Row, error]) error {
	head, err := json.Marshal(struct {
		*Report

		Findings []plan.Finding `json:"findings,omitzero"`
		Limits   []plan.Limit   `json:"limits,omitzero"`
	}{r, r.Findings, r.Limits})
	if err != nil {
		return fmt.Errorf("write report: %w: %w", fault.Internal, err)
	}
	if _, err := w.Write(append(head[:len(head)-1], `,"changes":[`...)); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	sep := ""
	for row, err := range rows {
		if err != nil {
			return err
		}
		text, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("write report: %w: %w", fault.Internal, err)
		}
		if _, err := io.WriteString(w, sep+string(text)); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		sep = ","
	}
	if _, err := io.WriteString(w, "]}\n"); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
