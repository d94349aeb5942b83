package evidence_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/fault"
	"rollcall/internal/evidence"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
)

var at = time.Date(2026, 11, 23, 14, 45, 1, 250e6, time.UTC)

var start = ledger.Start{Sync: "hr", Org: "api.example client", Command: "apply", Actor: "Kim Field", Reason: "site closed"}

func texts(values ...string) []scim.Value {
	out := make([]scim.Value, len(values))
	for i, v := range values {
		out[i] = scim.ValueOf(v)
	}
	return out
}

func elements(ids ...string) []scim.Value {
	out := make([]scim.Value, len(ids))
	for i, id := range ids {
		out[i] = scim.ValueOf(map[string]any{"value": id})
	}
	return out
}

// outcome is what became of a change with these edits.
func outcome(op plan.Op, r ledger.Result, edits ...plan.Edit) reconcile.Evidence {
	c := plan.Change{ID: "c1", Op: op, Key: "E1001", UserName: "jo@example.com", Target: scim.Ref{Type: scim.User, ID: "u1"}, Reason: "AttributesDiffer", Edits: edits}
	if op == plan.Join || op == plan.Leave {
		c.Key, c.UserName, c.Target = "", "Night Shift", scim.Ref{Type: scim.Group, ID: "g1"}
	}
	o := &ledger.Outcome{
		Change: "c1", Result: r, Ref: c.Target, VersionFrom: "4", Status: 200, Attempts: 1, At: at, Took: 12 * time.Millisecond, Correlation: "corr-1",
	}
	if r == ledger.Failed {
		o.Status, o.Error, o.Kind = 409, "patch user u1: taken", fault.Taken
	}
	e := ledger.Entry{Seq: 7, Time: at, Run: "20261123-144501-k3f9", Kind: ledger.KindOutcome, Outcome: o, Op: op, Key: c.Key, UserName: c.UserName, Hash: plan.Digest{1}}
	return reconcile.Evidence{Entry: e, By: start, Intent: &c}
}

// open is the intent of e, of which nobody knows what became.
func open(e reconcile.Evidence) reconcile.Evidence {
	e.Kind, e.Change, e.Outcome, e.Open = ledger.KindIntent, e.Intent, nil, true
	return e
}

// erased is e once its person was forgotten.
func erased(e reconcile.Evidence) reconcile.Evidence {
	e.Erased, e.Key, e.UserName, e.Intent = true, "", "", nil
	if e.Outcome != nil {
		e.Outcome = &ledger.Outcome{Result: e.Outcome.Result, Status: e.Outcome.Status, Attempts: 1, At: at, Took: e.Outcome.Took, Correlation: "corr-1"}
	}
	return e
}

func trail(all ...reconcile.Evidence) evidence.Trail {
	return func(yield func(reconcile.Evidence, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var ops = []plan.Op{
	plan.Create, plan.Adopt, plan.Update, plan.Rename, plan.Deactivate, plan.Reactivate, plan.Delete, plan.Join, plan.Leave, plan.Grant, plan.Restore,
	plan.Rekey, plan.Unlink,
}

var results = []ledger.Result{ledger.Done, ledger.Found, ledger.Failed, ledger.LeftOut, ledger.Canceled, ledger.Unknown}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/ocsf-" + evidence.OCSFVersion + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("ocsf.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("ocsf.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// every is each op with each result, of people who are there and who were
// forgotten, with edits and without, and each that is open.
func every() (all []reconcile.Evidence) {
	edits := []plan.Edit{
		{Path: "title", Whole: true, Before: texts("Agent"), Set: texts("Lead")},
		{Path: "roles", Add: elements("Agent"), Remove: elements("Trainer"), Claim: elements("employee")},
	}
	for _, op := range ops {
		if op == plan.Join || op == plan.Leave {
			edits = []plan.Edit{{Path: "members", Add: elements("u1", "u2"), Remove: elements("u3")}}
		}
		for _, r := range results {
			all = append(all, outcome(op, r, edits...), outcome(op, r), erased(outcome(op, r)))
		}
		all = append(all, open(outcome(op, ledger.Done, edits...)), erased(open(outcome(op, ledger.Done))))
	}
	return all
}

func TestOCSFEventsFollowTheSchema(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for _, e := range every() {
		lines := strings.Split(strings.TrimSpace(written(t, func(w io.Writer) error { return evidence.OCSF(w, trail(e), "1.2.3") })), "\n")
		for _, line := range lines {
			event, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err != nil {
				t.Fatalf("%s %v: %v\n%s", e.Op, e.Outcome, err, line)
			}
			if err := s.Validate(event); err != nil {
				t.Errorf("%s %v: %v\n%s", e.Op, e.Outcome, err, line)
			}
		}
	}
}

// A schema that takes anything would prove nothing.
func TestTheOCSFSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for name, spoil := range map[string]func(event map[string]any){
		"an attribute that does not exist":  func(e map[string]any) { e["usr"] = "jo" },
		"an event without its user":         func(e map[string]any) { delete(e, "user") },
		"an event without a time":           func(e map[string]any) { delete(e, "time") },
		"a time in seconds":                 func(e map[string]any) { e["time"] = 1795456604 },
		"the type of another activity":      func(e map[string]any) { e["type_uid"] = 300106 },
		"an activity under another caption": func(e map[string]any) { e["activity_name"] = "Delete" },
		"a class that we do not use":        func(e map[string]any) { e["class_uid"] = 3005 },
		"a status under another caption":    func(e map[string]any) { e["status"] = "Failure" },
		"an unknown severity":               func(e map[string]any) { e["severity_id"] = 7 },
		"another version":                   func(e map[string]any) { e["metadata"].(map[string]any)["version"] = "1.7.0" },
		"a product without a name":          func(e map[string]any) { delete(e["metadata"].(map[string]any)["product"].(map[string]any), "name") },
		"a user whom nothing names":         func(e map[string]any) { e["user"] = map[string]any{"type_id": 1, "type": "User"} },
		"a status code that is a number":    func(e map[string]any) { e["status_code"] = 200 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := written(t, func(w io.Writer) error { return evidence.OCSF(w, trail(outcome(plan.Deactivate, ledger.Done)), "1") })
			var event map[string]any
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatal(err)
			}
			spoil(event)
			if err := s.Validate(event); err == nil {
				t.Errorf("the schema takes %v", event)
			}
		})
	}
}

// What an event says beside what the schema asks for.
func TestOCSFSaysWhoWhyAndWhat(t *testing.T) {
	t.Parallel()
	update := outcome(plan.Update, ledger.Done, plan.Edit{Path: "title", Whole: true, Before: texts("Agent"), Set: texts("Lead")})
	join := outcome(plan.Join, ledger.Done, plan.Edit{Path: "members", Add: elements("u1", "u2")})
	lines := strings.Split(strings.TrimSpace(written(t, func(w io.Writer) error { return evidence.OCSF(w, trail(update, join), "1") })), "\n")
	if len(lines) != 3 {
		t.Fatalf("OCSF wrote %d events, want one of the user and one of each member", len(lines))
	}
	for _, want := range []string{
		`"actor":{"app_name":"rollcall","user":{"name":"Kim Field"`, `"comment":"site closed"`, `"data":{"title":["Agent"]}`, `"data":{"title":["Lead"]}`,
		`"correlationId":"corr-1"`, `"uid":"u1"`, `"uid_alt":"E1001"`, `"status_code":"200"`, `"correlation_uid":"20261123-144501-k3f9"`, `"sequence":7`,
	} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("the update lacks %s:\n%s", want, lines[0])
		}
	}
	for i, member := range []string{`"user":{"uid":"u1"`, `"user":{"uid":"u2"`} {
		if !strings.Contains(lines[i+1], member) || !strings.Contains(lines[i+1], `"group":{"name":"Night Shift","uid":"g1"}`) {
			t.Errorf("the event of a member lacks %s or its group:\n%s", member, lines[i+1])
		}
	}
	if strings.Contains(written(t, func(w io.Writer) error { return evidence.OCSF(w, trail(erased(update)), "1") }), "jo@") {
		t.Error("a forgotten person is named")
	}
}

func TestCSVHasARowForEachAttribute(t *testing.T) {
	t.Parallel()
	text := written(t, func(w io.Writer) error {
		return evidence.CSV(w, trail(
			reconcile.Evidence{Entry: ledger.Entry{Seq: 1, Kind: ledger.KindRun}},
			open(outcome(plan.Update, ledger.Done)),
			outcome(plan.Update, ledger.Done,
				plan.Edit{Path: "title", Whole: true, Before: texts("Agent"), Set: texts("Lead, \"first\"")},
				plan.Edit{Path: "phoneNumbers[type eq \"work\"].value", Whole: true, Set: texts("+12075550101")},
				plan.Edit{Path: "roles", Add: elements("Agent"), Remove: elements("Trainer")}),
			outcome(plan.Delete, ledger.Failed),
			erased(outcome(plan.Update, ledger.Done)),
		))
	})
	if strings.Count(text, "\r\n") != strings.Count(text, "\n") {
		t.Error("a line does not end in CR LF")
	}
	got, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	front := []string{"7", "2026-11-23T14:45:01.25Z", "20261123-144501-k3f9", "Kim Field", "site closed", "AttributesDiffer", "E1001", "jo@example.com", "u1", "c1"}
	row := func(op string, cells ...string) []string { return append(append(slices.Clone(front), op), cells...) }
	want := [][]string{
		{"seq", "time", "run", "actor", "because", "reason", "key", "userName", "id", "change", "op", "path", "before", "after", "result", "status", "correlationId", "error"},
		row("update", "", "", "", "open", "", "", ""),
		row("update", "title", "Agent", `Lead, "first"`, "done", "200", "corr-1", ""),
		row("update", `phoneNumbers[type eq "work"].value`, "", "'+12075550101", "done", "200", "corr-1", ""),
		row("update", "roles", `{"value":"Trainer"}`, "", "done", "200", "corr-1", ""),
		row("update", "roles", "", `{"value":"Agent"}`, "done", "200", "corr-1", ""),
		row("delete", "", "", "", "failed", "409", "corr-1", "patch user u1: taken"),
		{"7", "2026-11-23T14:45:01.25Z", "20261123-144501-k3f9", "Kim Field", "site closed", "", "", "(forgotten)", "", "", "update", "", "", "", "done", "200", "corr-1", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"=HYPERLINK(\"x\")": "'=HYPERLINK(\"x\")",
		"+1":                "'+1",
		"-1":                "'-1",
		"@SUM(A1)":          "'@SUM(A1)",
		"＝1":                "'＝1",
		"'quoted":           "''quoted",
		"\t=1":              `"\t=1"`,
		"two\r\nlines":      `"two\r\nlines"`,
		`"quoted"`:          `"\"quoted\""`,
		"a=b":               "a=b",
		"":                  `""`,
		"Zoë":               "Zoë",
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			text := written(t, func(w io.Writer) error {
				return evidence.CSV(w, trail(outcome(plan.Update, ledger.Done, plan.Edit{Path: "title", Whole: true, Set: texts(in)})))
			})
			rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
			if err != nil || len(rows) != 2 {
				t.Fatalf("CSV = %q, %v", text, err)
			}
			if got := rows[1][13]; got != want {
				t.Errorf("cell of %q = %q, want %q", in, got, want)
			}
		})
	}
}

func TestLinesAreEntries(t *testing.T) {
	t.Parallel()
	text := written(t, func(w io.Writer) error {
		return evidence.Lines(w, trail(open(outcome(plan.Update, ledger.Done)), outcome(plan.Update, ledger.Done)))
	})
	var got []evidence.Entry
	for line := range strings.Lines(text) {
		var e evidence.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		got = append(got, e)
	}
	if len(got) != 2 || !got[0].Open || got[0].Change == nil || got[1].Outcome.Status != 200 {
		t.Fatalf("Lines = %s", text)
	}
	for _, e := range got {
		if e.Schema != "rollcall.entry/1" || e.Actor != "Kim Field" || e.Because != "site closed" || e.Reason != "AttributesDiffer" || e.Seq != 7 {
			t.Errorf("entry = %+v, want who and why in it", e)
		}
	}
}

// An export that breaks off says so, in every format.
func TestABrokenTrailIsAnError(t *testing.T) {
	t.Parallel()
	broken := func(yield func(reconcile.Evidence, error) bool) {
		_ = yield(outcome(plan.Update, ledger.Done), nil) && yield(reconcile.Evidence{}, fault.Unavailable)
	}
	for name, write := range map[string]func(io.Writer, evidence.Trail) error{
		"jsonl": evidence.Lines, "csv": evidence.CSV,
		"ocsf": func(w io.Writer, t evidence.Trail) error { return evidence.OCSF(w, t, "1") },
	} {
		if err := write(io.Discard, broken); !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s = %v, want what the ledger answered", name, err)
		}
		if err := write(full{}, trail(every()...)); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s on a full disk = %v, want an error", name, err)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
