package reconcile

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// A Millis is a duration that JSON shows as decimal milliseconds.
type Millis time.Duration

// MarshalJSON writes milliseconds with three decimals at most.
func (m Millis) MarshalJSON() ([]byte, error) { panic("soon") }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Millis) UnmarshalJSON(text []byte) error { panic("soon") }

// A Report is what became of a run, without its changes: rollcall.report/1
// (design §5). The changes are [Rows].
type Report struct {
	Schema    string       `json:"schema"` // rollcall.report/1
	Run       ledger.RunID `json:"run"`
	Command   string       `json:"command"`
	Result    string       `json:"result"` // done, partial, refused, declined, interrupted, failed
	Began     time.Time    `json:"began"`
	Seconds   float64      `json:"seconds"`
	Planned   int          `json:"planned"`
	Processed int          `json:"processed"`
	Succeeded int          `json:"succeeded"`
	Failed    int          `json:"failed"`
	LeftOut   int          `json:"leftOut"`
	Held      int          `json:"held"`      // waiting for a person
	Moved     int          `json:"moved"`     // of leftOut: changed by somebody else since the plan was saved
	Unplanned int          `json:"unplanned"` // findings of severity error
	Latency   Latency      `json:"latencyMs"`
	Requests  int          `json:"requests"` // planning included
	Retries   int          `json:"retries"`
	Throttled int          `json:"throttled"`
	Conflicts int          `json:"conflicts"`
	Waited    Millis       `json:"waitedMs"`
	Error     string       `json:"error,omitempty"` // what ended the run early
}

// Latency is how long the service took for writes.
type Latency struct {
	Mean Millis `json:"mean"`
	P50  Millis `json:"p50"`
	P95  Millis `json:"p95"`
	P99  Millis `json:"p99"`
}

// Exit is the exit code that the report alone calls for: 0, 4, 5 or 6 (design §5).
func (r *Report) Exit() int { panic("soon") }

// A Row is one change of a report: the audit record of one request.
type Row struct {
	ID          string        `json:"id"`
	Key         source.Key    `json:"key,omitempty"`
	UserName    string        `json:"userName,omitempty"`
	Resource    string        `json:"resource,omitempty"`
	Op          plan.Op       `json:"op"`
	Result      ledger.Result `json:"result"`
	Time        time.Time     `json:"time"`
	Operations  []scim.Op     `json:"operations"`
	Status      int           `json:"statusCode,omitempty"`
	Latency     Millis        `json:"latencyMs"`
	Attempts    int           `json:"attempts"`
	Correlation string        `json:"correlationId,omitempty"`
	Kind        string        `json:"kind,omitempty"`
	Error       string        `json:"error,omitempty"`
	Hint        string        `json:"hint,omitempty"`    // what to do
	Moved       []scim.Path   `json:"moved,omitempty"`   // somebody else's values that were replaced, or that kept it from being sent
	Kept        []scim.Path   `json:"kept,omitempty"`    // sent, and answered otherwise
	Waiting     []scim.Path   `json:"waiting,omitempty"` // not sent: they name a person who is not there yet
}

// Rows are the changes of a run in the order in which they ended, read from the ledger.
func Rows(ctx context.Context, store ledger.Store, run ledger.RunID) iter.Seq2[Row, error] {
	panic("soon")
}

// NewRow is the row of one outcome; c may lack everything but Op, Key and UserName.
func NewRow(c plan.Change, o ledger.Outcome) Row { panic("soon") }

// Write writes the report as one JSON document with its changes, one at a time.
func (r *Report) Write(w interface{ Write([]byte) (int, error) }, rows iter.Seq2[Row, error]) error {
	panic("soon")
}

var _ = json.RawMessage(nil)
