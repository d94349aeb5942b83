package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/report"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
)

func text(t *testing.T, changes []plan.Change, findings []plan.Finding, color bool) string {
	t.Helper()
	in := plan.Input{
		Users: scim.NewShape("userName", "title"), Dialect: genesys.Dialect(),
		Basis: plan.Basis{Sync: "hr", Source: "people.csv", Records: 2, Org: "api.example.com demo", Granted: 210},
	}
	var out strings.Builder
	if err := report.Plan(&out, plan.Of(in, slices.Values(changes), findings), report.NewStyle(color, genesys.Dialect())); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPlanForPeople(t *testing.T) {
	t.Parallel()
	skills := genesys.Dialect().Short["skills"]
	skill := func(name string, level any) scim.Value {
		return scim.ValueOf(map[string]any{"name": name, "proficiency": level})
	}
	got := text(t, []plan.Change{
		{Op: plan.Update, Key: "e1", UserName: "jo@example.com", Target: scim.Ref{Type: scim.User, ID: "u1", Version: "3"}, Reason: "AttributesDiffer", Edits: []plan.Edit{
			{Path: "title", Whole: true, Before: []scim.Value{scim.ValueOf("Agent")}, Set: []scim.Value{scim.ValueOf("Lead\x1b[2J")}},
			{Path: skills, ID: "name", Add: []scim.Value{skill("Billing", 4.5)}, Remove: []scim.Value{skill("Orders", 2)}},
		}},
		{Op: plan.Join, UserName: "Night Shift", Target: scim.Ref{Type: scim.Group, ID: "g1"}, Wave: 7, Reason: "BelongsInGroup", Edits: []plan.Edit{
			{Path: target.Members, ID: "value", Add: []scim.Value{scim.ValueOf(map[string]any{"value": map[string]any{"$person": "e1"}})}},
		}},
	}, []plan.Finding{{Severity: plan.Warning, Code: "bad-phone", Key: "e1", Place: "people.csv:2", Text: "the number is not valid"}}, false)
	want := `hr: 2 records of people.csv -> api.example.com demo
~ update     jo@example.com (e1)  AttributesDiffer
             title: Agent -> "Lead\x1b[2J"
             skills: + Billing:4.5  - Orders:2
+ join       group Night Shift  BelongsInGroup
             e1
! warning bad-phone: people.csv:2: the number is not valid (e1)
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("Plan() (-want +got):\n%s", cmp.Diff(want, got))
	}
	if !strings.Contains(got, "1 to update, 1 group to change, 1 finding; ") {
		t.Errorf("Plan() has no sum:\n%s", got)
	}
}

// Of many who are adopted or renamed, what it comes to is said first.
func TestAPlanOpensWithWhatChangesForMany(t *testing.T) {
	t.Parallel()
	one := func(op plan.Op, key, path, before, after string) plan.Change {
		return plan.Change{Op: op, Key: source.Key(key), UserName: key, Target: scim.Ref{Type: scim.User, ID: key}, Edits: []plan.Edit{
			{Path: scim.Path(path), Whole: true, Before: []scim.Value{scim.ValueOf(before)}, Set: []scim.Value{scim.ValueOf(after)}},
		}}
	}
	got := text(t, []plan.Change{
		one(plan.Adopt, "e1", "title", "agent", "Agent"),
		one(plan.Adopt, "e2", "displayName", "Gilbert, Guy", "Guy Gilbert"),
		one(plan.Adopt, "e3", "displayName", "Walters, Rob", "Rob Walters"),
		{Op: plan.Adopt, Key: "e4", Edits: []plan.Edit{{Path: "roles", Claim: []scim.Value{scim.ValueOf("Agent")}}}},
		one(plan.Update, "e5", "title", "Agent", "Lead"),
		one(plan.Rename, "e6", "userName", "a@old.example", "a@new.example"),
		one(plan.Rename, "e7", "userName", "b@old.example", "b@new.example"),
		one(plan.Rename, "e8", "userName", "c@new.example", "d@new.example"),
	}, nil, false)
	_, got, _ = strings.Cut(got, "\n")
	want := `= of users who are there already, adopted:
             displayName differs on 2: Gilbert, Guy -> Guy Gilbert
             title differs on 1: agent -> Agent
~ sign-in names change: 3
             old.example -> new.example: 2, as a@old.example -> a@new.example
             within new.example: 1, as c@new.example -> d@new.example
= adopt      e1 (e1)  (waits: limit adopt)  
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("Plan() (-want +got):\n%s", cmp.Diff(want, got))
	}
}

// A key is text of somebody's file too.
func TestKeysCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	evil := "\x1b[2Jkey"
	got := text(t, []plan.Change{
		{Op: plan.Join, UserName: evil, Target: scim.Ref{Type: scim.Group, ID: "g1"}, Edits: []plan.Edit{
			{Path: target.Members, ID: "value", Add: []scim.Value{scim.ValueOf(map[string]any{"value": map[string]any{"$person": evil}})}},
		}},
		{Op: plan.Deactivate, Key: "\x1b[2Jkey", Target: scim.Ref{Type: scim.User, ID: "u1"}, Edits: []plan.Edit{{Path: "active", Whole: true, Set: []scim.Value{"false"}}}},
	}, []plan.Finding{{Severity: plan.Error, Code: "bad-row", Key: "\x1b[2Jkey", Place: "p", Text: evil}}, false)
	if strings.Contains(got, "\x1b") {
		t.Errorf("the plan has escape codes of its input: %q", got)
	}
}

func TestPlanWithNothingToDo(t *testing.T) {
	t.Parallel()
	if got := text(t, nil, nil, false); !strings.HasSuffix(got, "\nno changes\n") {
		t.Errorf("Plan() = %q, want it to end with no changes", got)
	}
}

func TestColorOnlyWhereAskedFor(t *testing.T) {
	t.Parallel()
	findings := []plan.Finding{{Severity: plan.Error, Code: "bad-row", Text: "x"}}
	if got := text(t, nil, findings, false); strings.Contains(got, "\x1b") {
		t.Errorf("a plain style has escape codes: %q", got)
	}
	if got := text(t, nil, findings, true); !strings.Contains(got, "\x1b[31m") {
		t.Errorf("a colored style has none: %q", got)
	}
}
