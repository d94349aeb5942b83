package reconcile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/target/genesyssim"
)

func TestAfterARunNothingIsLeftToDo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(12)...)
		r := o.apply()
		if r.Result != "done" || r.Failed != 0 || r.Exit() != 0 {
			t.Fatalf("report = %+v, want done", r)
		}
		people := o.people()
		if len(people) != 12 || len(o.members("Everybody")) != 12 {
			t.Errorf("%d people, %d members; want 12 and 12", len(people), len(o.members("Everybody")))
		}
		if got := people["e001@example.com"].Ext["manager"].(map[string]any)["value"]; got != people["e000@example.com"].ID {
			t.Errorf("manager = %v, want the boss", got)
		}
		if p := o.plan(); p.Len() != 0 {
			t.Errorf("the next plan has %v, want nothing", ops(p))
		}
	})
}

func TestARunChangesWhatChanged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rows := company(12)
		o := newOrg(t, nil, rows...)
		o.apply()
		o.source.rows = slices.Clone(rows[:11]) // the last one leaves
		o.source.rows[3].title = "Lead"
		o.source.rows[4].dept = "Service" // and loses the role
		p := o.plan()
		want := map[plan.Op]int{plan.Update: 2, plan.Deactivate: 1}
		if diff := cmp.Diff(want, ops(p)); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		if r := o.apply(); r.Exit() != 0 {
			t.Errorf("report = %+v, want done", r)
		}
		if got := o.people()["e011@example.com"].State; got != "inactive" {
			t.Errorf("the leaver is %s, want inactive", got)
		}
		if p := o.plan(); p.Len() != 0 {
			t.Errorf("the next plan has %v, want nothing", ops(p))
		}
	})
}

func TestPlanWritesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(5)...)
		o.job.Writer = nil
		if p := o.plan(); p.Len() == 0 {
			t.Fatal("the plan is empty")
		}
		if n := len(o.people()); n != 0 {
			t.Errorf("%d people, want none", n)
		}
		for e, err := range o.ledger.Entries(t.Context(), ledger.Filter{}) {
			t.Errorf("entry %+v, %v; want none", e, err)
		}
		if _, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{}); fault.Of(err) != fault.Unsupported {
			t.Errorf("Apply without a writer = %v, want unsupported", err)
		}
	})
}

func TestBelief(t *testing.T) {
	t.Parallel()
	broken := errors.New("the row has 3 fields, the header 6")
	for name, tt := range map[string]struct {
		expect reconcile.Expect
		change func([]row) []row
		doubt  bool
	}{
		"the same again is believed":           {change: func(r []row) []row { return r }},
		"one leaver is believed":               {change: func(r []row) []row { return r[1:] }},
		"one bad row is believed":              {change: func(r []row) []row { r[3].bad = broken; return r }},
		"one duplicate is believed":            {change: func(r []row) []row { return append(r, r[3]) }},
		"nobody is not":                        {doubt: true, change: func([]row) []row { return nil }},
		"under half is not":                    {doubt: true, change: func(r []row) []row { return r[21:] }},
		"the same number of others is not":     {doubt: true, change: func(r []row) []row { return renamed(r, 21) }},
		"two duplicates of forty are not":      {doubt: true, change: func(r []row) []row { return append(r, r[3], r[4]) }},
		"two bad rows of forty are not":        {doubt: true, change: func(r []row) []row { r[3].bad, r[4].bad = broken, broken; return r }},
		"a cut file is not":                    {doubt: true, change: func(r []row) []row { return r[:35] }},
		"four missing at the end are believed": {change: func(r []row) []row { return r[:36] }},
		"five missing elsewhere are believed":  {change: func(r []row) []row { return slices.Delete(r, 20, 25) }},
		"too few by configuration is not":      {doubt: true, expect: reconcile.Expect{Min: 41}, change: func(r []row) []row { return r }},
		"too many by configuration is not":     {doubt: true, expect: reconcile.Expect{Max: 39}, change: func(r []row) []row { return r }},
		"a missing column is not":              {doubt: true, expect: reconcile.Expect{Columns: []string{"Pager"}}, change: func(r []row) []row { return r }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil, company(40)...)
				o.job.Input.Policy.Limits = map[plan.Op]plan.Bound{plan.Deactivate: {N: -1}}
				o.apply()
				o.source.rows = tt.change(company(40))
				o.job.Expect = tt.expect
				p, err := o.job.Plan(t.Context())
				if doubted := errors.Is(err, fault.Refused); doubted != tt.doubt || err != nil && !doubted {
					t.Fatalf("Plan = %v, doubts %q; want doubt %v", err, p.Reading.Doubts, tt.doubt)
				}
				if !tt.doubt {
					return
				}
				before := o.people()
				r, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{})
				if !errors.Is(err, fault.Refused) || r.Result != "refused" || r.Exit() != 5 {
					t.Errorf("Apply = %+v, %v; want refused", r, err)
				}
				if diff := cmp.Diff(before, o.people()); diff != "" {
					t.Errorf("people changed (-want +got):\n%s", diff)
				}
				o.job.Input.Policy.Believe = true
				if tt.expect.Columns == nil {
					if _, err := o.job.Plan(t.Context()); err != nil {
						t.Errorf("Plan, told to believe = %v", err)
					}
				}
			})
		})
	}
}

// renamed gives the first n other keys.
func renamed(rows []row, n int) []row {
	for i := range rows[:n] {
		rows[i].key = "x" + rows[i].key
	}
	return rows
}

func TestARefusedReadingIsNotTheLastGoodOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(40)...)
		o.apply()
		o.source.rows = company(40)[:10]
		for range 2 {
			if _, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{}); !errors.Is(err, fault.Refused) {
				t.Fatalf("Apply = %v, want refused each time", err)
			}
		}
	})
}

func TestASourceThatBreaksOffRemovesNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(12)...)
		o.apply()
		o.source.rows, o.source.fail = company(12)[:11], errors.New("connection reset")
		r, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{})
		if err == nil || r.Result != "failed" || r.Processed != 0 {
			t.Errorf("Apply = %+v, %v; want failed with nothing processed", r, err)
		}
	})
}

func TestARowThatTellsNobodysKeyHoldsAllLeavers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(12)...)
		o.apply()
		o.source.rows = company(12)[:11]
		o.source.rows[10] = row{bad: errors.New("the key is empty")} // it may be either of two
		p := o.plan()
		if n := ops(p)[plan.Deactivate]; n != 0 {
			t.Errorf("%d are deactivated, want none", n)
		}
		if !slices.ContainsFunc(p.Findings, func(f plan.Finding) bool { return f.Code == "absence-unclear" }) {
			t.Errorf("findings = %+v, want one that says so", p.Findings)
		}
	})
}

func TestARunHasTheLock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(3)...)
		_, err := o.job.Apply(t.Context(), "apply", func(ctx context.Context) (*reconcile.Proposal, error) {
			if _, err := o.job.Apply(ctx, "apply", o.job.Plan, reconcile.Hooks{}); fault.Of(err) != fault.Busy {
				t.Errorf("a second run = %v, want busy", err)
			}
			return o.job.Plan(ctx)
		}, reconcile.Hooks{})
		if err != nil {
			t.Errorf("Apply = %v", err)
		}
		o.apply() // the lock is free again
	})
}

func TestWhoDeclinesSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(3)...)
		shown, no := false, errors.New("no")
		r, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{
			Show:    func(p *reconcile.Proposal) { shown = p.Plan.Len() > 0 },
			Confirm: func(context.Context, *reconcile.Proposal) error { return no },
		})
		if !errors.Is(err, no) || !shown || r.Processed != 0 || len(o.people()) != 0 {
			t.Errorf("Apply = %+v, %v, shown %v; want declined after it was shown", r, err, shown)
		}
	})
}

func TestALimitRefusesTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(60)...)
		o.apply()
		rows := company(60)
		for i := 30; i < 45; i++ {
			rows[i].gone = true
		}
		o.source.rows = rows
		r, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{})
		if !errors.Is(err, fault.Refused) || r.Exit() != 5 || fault.Hint(err) == "" {
			t.Fatalf("Apply = %+v, %v; want refused with a hint", r, err)
		}
		o.job.Input.Policy.Allow = map[string]int{"deactivate": 15}
		if r := o.apply(); r.Exit() != 0 {
			t.Errorf("allowed: report = %+v, want done", r)
		}
	})
}

func TestAnotherOrganizationIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(3)...)
		o.apply()
		o.job.Organization = func(context.Context) (string, error) { return "somebody-elses", nil }
		if _, err := o.job.Plan(t.Context()); !errors.Is(err, fault.Refused) {
			t.Errorf("Plan = %v, want refused", err)
		}
	})
}

func TestWhoInterruptsPlanningIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(3)...)
		o.control("PUT", "faults", []genesyssim.Fault{{Match: "GET /users", Do: genesyssim.Slow, Ms: 5000}})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		r, err := o.job.Apply(ctx, "apply", o.job.Plan, reconcile.Hooks{})
		if fault.Of(err) != fault.Interrupted || r.Result != "interrupted" {
			t.Errorf("Apply = %+v, %v; want interrupted", r, err)
		}
		if _, err := o.job.Plan(ctx); fault.Of(err) != fault.Interrupted {
			t.Errorf("Plan = %v, want interrupted", err)
		}
	})
}

func TestASavedPlanIsAppliedExactly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(6)...)
		o.apply()
		o.source.rows = company(6)
		o.source.rows[1].title, o.source.rows[2].title = "Lead", "Lead"
		saved := o.plan()
		o.control("POST", "edit", map[string]any{"user": "e001@example.com", "operations": []map[string]any{{"op": "replace", "path": "title", "value": "Captain"}}})
		propose := func(ctx context.Context) (*reconcile.Proposal, error) { return o.job.Saved(ctx, saved) }
		r, err := o.job.Apply(t.Context(), "apply", propose, reconcile.Hooks{})
		if err != nil || r.Moved != 1 || r.Succeeded != 1 || r.Exit() != 6 {
			t.Errorf("Apply = %+v, %v; want one done, one moved, exit 6", r, err)
		}
		if got := o.people()["e001@example.com"].Title; got != "Captain" {
			t.Errorf("title = %s, want Captain", got)
		}
		o.job.Input.Basis.Mapping = plan.Digest{1}
		if _, err := o.job.Saved(t.Context(), saved); !errors.Is(err, fault.Refused) {
			t.Errorf("Saved under another configuration = %v, want refused", err)
		}
	})
}

func TestAReportIsOneDocument(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(6)...)
		r := o.apply()
		var b bytes.Buffer
		if err := r.Write(&b, reconcile.Rows(t.Context(), o.ledger, r.Run)); err != nil {
			t.Fatalf("Write: %v", err)
		}
		var got struct {
			Schema, Result       string
			Processed, Succeeded int
			LatencyMs            map[string]float64
			Requests             int
			Changes              []struct {
				ID, Key, UserName, Resource, Op, Time, CorrelationID string
				Operations                                           []any
				StatusCode, Attempts                                 int
				LatencyMs                                            *float64
			}
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatalf("the report is no JSON: %v\n%s", err, b.String())
		}
		if got.Schema != "rollcall.report/1" || got.Result != "done" || got.Processed != len(got.Changes) || got.Requests <= got.Processed {
			t.Errorf("report = %+v, want one row for each of %d changes", got, got.Processed)
		}
		for _, c := range got.Changes {
			if c.ID == "" || c.StatusCode < 200 || c.Attempts != 1 || c.CorrelationID == "" || len(c.Operations) == 0 || c.LatencyMs == nil || c.Resource == "" {
				t.Errorf("row = %+v, want it filled", c)
			}
		}
		if _, ok := got.LatencyMs["p99"]; !ok {
			t.Errorf("latency = %v, want percentiles", got.LatencyMs)
		}
	})
}

func TestMillisAreDecimals(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration]string{0: "0", 1234567 * time.Nanosecond: "1.235", time.Second: "1000", 500 * time.Microsecond: "0.5"} {
		got, err := reconcile.Millis(in).MarshalJSON()
		if err != nil || string(got) != want {
			t.Errorf("Millis(%v) = %s, %v; want %s", in, got, err, want)
		}
		var back reconcile.Millis
		if err := back.UnmarshalJSON(got); err != nil || time.Duration(back) != in.Round(time.Microsecond) {
			t.Errorf("read back %v, %v; want %v", time.Duration(back), err, in)
		}
	}
}
