package reconcile_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/source"
)

// restless is an organization some time after its first run, in which something
// of every kind is to be done.
func restless(t *testing.T) *org {
	t.Helper()
	rows := company(14)
	o := newOrg(t, nil, rows...)
	o.apply()
	rows = append(slices.Clone(rows[:13]), // e013 leaves
		row{key: "e100", name: "New", title: "Clerk", boss: "e000", dept: "Sales"})
	rows[1].title = "Lead"
	rows[2].dept = "Sales" // and gets a role
	rows[3].dept = "Service"
	rows[4].gone = true
	rows[5].bad = errors.New("too many fields")
	rows[6].dept = "Outside"
	rows[7].boss = "e099" // whom nobody knows
	rows[8].boss = "e100" // who is new
	o.source.rows = rows
	o.edit("e009@example.com", "title", "Chief")
	o.edit("e010@example.com", "active", false)
	o.edit("e006@example.com", "title", "Elsewhere")
	return o
}

// edit is somebody else's change of a user.
func (o *org) edit(user, path string, value any) {
	o.Helper()
	o.control(http.MethodPost, "edit", map[string]any{"user": user, "operations": []any{map[string]any{"op": "replace", "path": path, "value": value}}})
}

// explain tells the story of who, and fails the test on an error.
func (o *org) explain(who string, whole bool) *reconcile.Explanation {
	o.Helper()
	e, err := o.job.Explain(o.Context(), who, whole)
	if err != nil {
		o.Fatalf("Explain(%s, whole %t): %v", who, whole, err)
	}
	return e
}

// A deed is what a change does, whatever else the plan has.
type deed struct {
	Op     plan.Op
	Target string
	Reason string
	Held   string
	Edits  []plan.Edit
}

func deeds(changes []plan.Change) []deed {
	all := []deed{}
	for _, c := range changes {
		all = append(all, deed{c.Op, c.Target.ID, c.Reason, c.Held, c.Edits})
	}
	slices.SortFunc(all, func(a, b deed) int {
		return cmp.Or(cmp.Compare(a.Op, b.Op), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}

// Whoever is looked at alone is told what a whole plan does to them.
func TestExplainTellsWhatAPlanDoes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := restless(t)
		p := o.plan()
		ids := map[source.Key]string{}
		for l, err := range o.ledger.Links(t.Context(), ledger.LinkQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			ids[l.Key] = l.Ref.ID
		}
		keys := []source.Key{"e013"}
		for _, r := range o.source.rows {
			keys = append(keys, source.Key(r.key))
		}
		total := 0
		for _, k := range keys {
			var mine []plan.Change
			for c := range p.Changes() {
				if about, ok := c.About(k, ids[k]); ok {
					mine = append(mine, about)
				}
			}
			found := []plan.Finding{}
			for _, f := range p.Findings {
				if f.Key == k {
					found = append(found, f)
				}
			}
			for _, whole := range []bool{false, true} {
				e := o.explain(string(k), whole)
				var told []plan.Change
				for _, c := range e.Changes {
					told = append(told, c.Change)
				}
				total += len(told)
				if diff := gocmp.Diff(deeds(mine), deeds(told)); diff != "" {
					t.Errorf("Explain(%s, whole %t): changes (-plan +told):\n%s", k, whole, diff)
				}
				if diff := gocmp.Diff(found, e.Findings); diff != "" {
					t.Errorf("Explain(%s, whole %t): findings (-plan +told):\n%s", k, whole, diff)
				}
			}
		}
		if total < 2*p.Len() {
			t.Errorf("%d changes were told of %d: the test proves nothing", total, p.Len())
		}
	})
}

func TestExplainSaysHowItStandsWithEverybody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := restless(t)
		for name, tt := range map[string]struct {
			who      string
			standing reconcile.Standing
			verdict  reconcile.Verdict // of title
			exit     int
			whole    bool
		}{
			"somebody who is promoted":                    {"e001", reconcile.Present, reconcile.Goes, 0, false},
			"somebody called by userName in another case": {"E011@Example.com", reconcile.Present, reconcile.Equal, 0, false},
			"somebody inactive in the source":             {"e004", reconcile.Present, reconcile.Equal, 0, false},
			"somebody in a bad row":                       {"e005", reconcile.Spoiled, reconcile.Silent, 4, false},
			"somebody out of scope":                       {"e006", reconcile.OutOfScope, reconcile.Silent, 0, false},
			"somebody whose manager is new":               {"e008", reconcile.Present, reconcile.Equal, 0, true},
			"somebody changed by another hand":            {"e009", reconcile.Present, reconcile.Goes, 0, false},
			"somebody deactivated by another hand":        {"e010", reconcile.Present, reconcile.Equal, 0, false},
			"somebody who left":                           {"e013", reconcile.Absent, reconcile.Silent, 0, false},
			"somebody new":                                {"e100", reconcile.Present, reconcile.Goes, 0, true},
		} {
			e := o.explain(tt.who, false)
			at := slices.IndexFunc(e.Attributes, func(a reconcile.Attribute) bool { return a.Path == title })
			if e.Standing != tt.standing || e.Attributes[at].Verdict != tt.verdict || e.Exit() != tt.exit || e.Read.Whole != tt.whole {
				t.Errorf("%s: standing %s, title %s, exit %d, whole %t; want %s, %s, %d, %t", name,
					e.Standing, e.Attributes[at].Verdict, e.Exit(), e.Read.Whole, tt.standing, tt.verdict, tt.exit, tt.whole)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// However large the organization, whoever is linked is told in a handful of requests.
func TestExplainReadsLittle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rows := company(120)
		o := newOrg(t, nil, rows...)
		o.apply()
		o.source.rows[7].title = "Lead"
		if e := o.explain("e007", false); e.Read.Requests > 6 || len(e.Changes) != 1 {
			t.Errorf("Explain took %d requests for %d changes, want at most 6 for 1", e.Read.Requests, len(e.Changes))
		}
		o.job.Source, o.job.Mapping, o.job.Reader = nil, nil, nil // none of them is asked
		before := o.client.Stats().Requests
		e, err := o.job.Recall(t.Context(), "e007@example.com")
		if err != nil || e.Key != "e007" || len(e.Past) != 2 || e.LastRun == nil {
			t.Fatalf("Recall: %+v, %v; want e007, created and joined to a group", e, err)
		}
		if sent := o.client.Stats().Requests - before; sent != 0 {
			t.Errorf("Recall sent %d requests", sent)
		}
		if _, err := o.job.Recall(t.Context(), "e0077"); !errors.Is(err, fault.Invalid) || fault.Hint(err) != `did you mean "e007"?` {
			t.Errorf("Recall of nobody: %v, hint %q", err, fault.Hint(err))
		}
	})
}
