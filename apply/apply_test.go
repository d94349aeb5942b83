package apply_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target/genesyssim"
)

// bubble runs a test in a bubble of its own time.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestRunCarriesOutAPlan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		day := o.group("Day")
		got := o.want(planOf(
			create("boss", 1),
			create("kim", 2, set(manager, nil, map[string]any{"$person": "boss"})),
			update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead"), set(department, nil, "Sales")),
			plan.Change{Op: plan.Deactivate, Key: "ben", Target: o.ref("ben@example.com"), Edits: []plan.Edit{set(active, true, false)}},
			plan.Change{Op: plan.Delete, Key: "cleo", Target: o.ref("cleo@example.com"), Wave: 12},
			join(day, 11, map[string]any{"$person": "kim"}, o.ref("ada@example.com").ID),
		), nil)

		for who, outcome := range got {
			if outcome.Result != ledger.Done {
				t.Errorf("outcome of %s = %s (%s), want done", who, outcome.Result, outcome.Error)
			}
		}
		people := o.people()
		boss, kim, ada := people["boss@example.com"], people["kim@example.com"], people["ada@example.com"]
		if got := kim.Ext["manager"].(map[string]any)["value"]; got != boss.ID {
			t.Errorf("kim's manager = %v, want boss %s", got, boss.ID)
		}
		if ada.Title != "Lead" || ada.Ext["department"] != "Sales" {
			t.Errorf("ada = %+v, want title Lead in Sales", ada)
		}
		if got := people["ben@example.com"].State; got != "inactive" {
			t.Errorf("ben is %s, want inactive", got)
		}
		if got := people["cleo@example.com"].State; got != "deleted" {
			t.Errorf("cleo is %s, want deleted", got)
		}
		if diff := cmp.Diff(2, len(o.members("Day"))); diff != "" {
			t.Errorf("members of Day (-want +got):\n%s", diff)
		}
	})
}

func TestRunSendsTheVersionItRests(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		ref := o.ref("ada@example.com")
		got := o.want(planOf(update("ada", ref, set(title, "Clerk", "Lead"))), nil)["ada"]
		if got.VersionFrom != ref.Version || got.Ref.Version == ref.Version || got.Ref.Version == "" {
			t.Errorf("versions from %q to %q, want from %q to the next", got.VersionFrom, got.Ref.Version, ref.Version)
		}
		want := []scim.Op{{Verb: scim.Replace, Path: title, Value: text("Lead")}}
		if diff := cmp.Diff(want, got.Sent); diff != "" {
			t.Errorf("operations sent (-want +got):\n%s", diff)
		}
	})
}

func TestRunGivesASecondChangeTheVersionOfTheFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		ref := o.ref("ada@example.com")
		second := update("ada", ref, set(department, nil, "Sales"))
		second.Wave = 11
		outcomes, tally, err := o.apply(t.Context(), planOf(update("ada", ref, set(title, "Clerk", "Lead")), second), nil)
		if err != nil || tally.Succeeded != 2 || tally.Conflicts != 0 {
			t.Fatalf("Run = %+v, %v; want two done without conflict", tally, err)
		}
		if outcomes["ada"].VersionFrom == ref.Version {
			t.Errorf("the second change went under the version of planning, %q", ref.Version)
		}
	})
}

func TestRunLeavesHeldChangesOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		held := update("ada", o.ref("ada@example.com"), set(title, "Clerk", "Lead"))
		held.Held = "update"
		_, tally, err := o.apply(t.Context(), planOf(held), nil)
		if err != nil || tally.Held != 1 || tally.Attempts != 0 {
			t.Fatalf("Run = %+v, %v; want one held, nothing sent", tally, err)
		}
		for e, err := range o.ledger.Entries(t.Context(), ledger.Filter{Kind: ledger.KindIntent}) {
			t.Errorf("a held change was intended: %+v, %v", e, err)
		}
	})
}

func TestRunRestsOnWhatCameAbout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		o.faults(genesyssim.Fault{Match: "POST /users", Do: "503", Count: 3}) // the boss is given up
		second := update("boss", scim.Ref{Type: scim.User}, set(title, nil, "Head"))
		got := o.want(planOf(
			create("boss", 1),
			create("kim", 2, set(manager, nil, map[string]any{"$person": "boss"})),
			second,
			join(o.group("Day"), 11, map[string]any{"$person": "boss"}, o.ref("ada@example.com").ID),
		), nil)
		if got["boss"].Result != ledger.LeftOut || got["boss"].Error == "" {
			t.Errorf("the second change of the boss = %s %q, want left out with a reason", got["boss"].Result, got["boss"].Error)
		}
		if got["kim"].Result != ledger.Done || len(got["kim"].Waiting) != 1 {
			t.Errorf("kim = %s, waiting %v; want created, waiting for the manager", got["kim"].Result, got["kim"].Waiting)
		}
		if ids := o.members("Day"); len(ids) != 1 || got["Day"].Result != ledger.Done {
			t.Errorf("Day has %v after %s; want ada alone", ids, got["Day"].Result)
		}
		if _, there := o.people()["boss@example.com"]; there {
			t.Error("the boss is there")
		}
	})
}

func TestRunReadsSecondaryAttributesFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		o.edit("ada@example.com", roles, []map[string]any{{"value": "employee"}, {"value": "Sales Agent"}})
		c := update("ada", o.ref("ada@example.com"), plan.Edit{Path: roles, ID: "value", Add: []scim.Value{role("Sales Agent")}})
		c.Fresh = true
		got := o.want(planOf(c), nil)["ada"]
		if got.Result != ledger.Found || got.Attempts != 0 {
			t.Errorf("granting a role that is there = %s after %d requests, want found after none", got.Result, got.Attempts)
		}
		if len(got.Edits) != 1 || len(got.Edits[0].Before) != 2 {
			t.Errorf("edits = %+v, want what was read as before", got.Edits)
		}
	})
}

func TestRunTellsWhatTheServiceKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil)
		night := o.group("Night")
		ids := o.members("Night")
		if len(ids) != 1 {
			t.Fatalf("Night has %v, want the one that its rule makes", ids)
		}
		got := o.want(planOf(plan.Change{
			Op: plan.Leave, UserName: "Night", Target: night,
			Edits: []plan.Edit{{Path: members, ID: "value", Remove: []scim.Value{scim.ValueOf(map[string]any{"value": ids[0]})}}},
		}), nil)["Night"]
		if diff := cmp.Diff([]scim.Path{members}, got.Kept); diff != "" || got.Result != ledger.Done {
			t.Errorf("result %s, kept (-want +got):\n%s", got.Result, diff)
		}
	})
}
