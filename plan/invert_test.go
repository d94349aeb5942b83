package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// A past is what a run did to user u1 of key e1, and how they are now.
type past struct {
	done   []plan.Change
	state  target.State // 0: active
	now    map[scim.Path][]scim.Value
	grants []scim.Value // nil: not readable
	free   bool         // nobody's link
	force  bool
	allow  map[string]int
	want   string
}

func texts(words ...string) (vs []scim.Value) {
	for _, w := range words {
		vs = append(vs, scim.ValueOf(w))
	}
	return vs
}

func named(names ...string) (vs []scim.Value) {
	for _, n := range names {
		vs = append(vs, scim.ValueOf(map[string]any{"value": n}))
	}
	return vs
}

func rated(name string, level int) scim.Value {
	return scim.ValueOf(map[string]any{"name": name, "proficiency": level})
}

func granted(role, division string) scim.Value {
	return scim.ValueOf(map[string]any{"division": division, "role": role})
}

// did is a change of u1.
func did(op plan.Op, edits ...plan.Edit) plan.Change {
	return plan.Change{Op: op, Key: "e1", UserName: "kim@x.example", Target: scim.Ref{Type: scim.User, ID: "u1"}, Edits: edits}
}

func whole(p scim.Path, before, set []scim.Value) plan.Edit {
	return plan.Edit{Path: p, Before: before, Whole: true, Set: set}
}

func left(had ...plan.Trait) plan.Change {
	c := did(plan.Deactivate, whole("active", []scim.Value{"true"}, []scim.Value{"false"}))
	c.Leaving = had
	return c
}

// back is what takes p back, in short.
func (p past) back() string {
	state := p.state
	if state == 0 {
		state = target.Active
	}
	var paths []scim.Path
	for path := range p.now {
		paths = append(paths, path)
	}
	row := scim.NewRow(scim.NewShape(paths...))
	for i, path := range paths {
		row.Set(i, p.now[path]...)
	}
	u := plan.Undo{
		Key: "e1", Linked: !p.free, Done: p.done, Grants: p.grants, Granted: p.grants != nil, Force: p.force,
		Now: target.Observed{Ref: scim.Ref{Type: scim.User, ID: "u1", Version: "7"}, State: state, Row: row.Row()},
	}
	in := plan.Input{Dialect: dialect, Policy: plan.Policy{Allow: p.allow, Protect: []string{"*@admins.example"}}}
	changes, findings := in.TakeBack(u)
	slices.SortStableFunc(changes, func(a, b plan.Change) int { return a.Wave - b.Wave })
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "%s %s", c.Op, c.Target.ID)
		if len(c.Leaving) > 0 {
			fmt.Fprintf(&b, " keeps %d", len(c.Leaving))
		}
		fmt.Fprintln(&b)
		for _, e := range c.Edits {
			fmt.Fprintf(&b, "  %s: %v => %v + %v - %v\n", e.Path.Parts().Attr, e.Before, e.Set, e.Add, e.Remove)
		}
	}
	for _, f := range findings {
		fmt.Fprintf(&b, "%s %s: %s\n", f.Severity, f.Code, f.Text)
	}
	return b.String()
}

func TestTakeBack(t *testing.T) {
	t.Parallel()
	title := did(plan.Update, whole("title", texts("Agent"), texts("Lead")))
	skill := func(before []scim.Value, add []scim.Value, remove []scim.Value) plan.Change {
		return did(plan.Update, plan.Edit{Path: skills, ID: "name", Before: before, Add: add, Remove: remove})
	}
	for name, tt := range map[string]past{
		"a value gets back what it had": {
			done: []plan.Change{title}, now: map[scim.Path][]scim.Value{"title": texts("Lead")},
			want: "update u1\n  title: [\"Lead\"] => [\"Agent\"] + [] - []\n",
		},
		"a value that was changed twice gets back the first": {
			done: []plan.Change{title, did(plan.Update, whole("title", texts("Lead"), texts("Head")))},
			now:  map[scim.Path][]scim.Value{"title": texts("Head")},
			want: "update u1\n  title: [\"Head\"] => [\"Agent\"] + [] - []\n",
		},
		"a value that was absent is cleared": {
			done: []plan.Change{did(plan.Update, whole("title", nil, texts("Lead")))}, now: map[scim.Path][]scim.Value{"title": texts("Lead")},
			want: "update u1\n  title: [\"Lead\"] => [] + [] - []\n",
		},
		"what is so already is left": {done: []plan.Change{title}, now: map[scim.Path][]scim.Value{"title": texts("Agent")}},
		"what somebody changed since is left alone, and told": {
			done: []plan.Change{title}, now: map[scim.Path][]scim.Value{"title": texts("Boss")},
			want: "error changed-since: title: the run left \"Lead\", now it is \"Boss\"; left alone, and not \"Agent\" again, without --force-over-changes\n",
		},
		"unless it is forced, and then it rests on what is there": {
			done: []plan.Change{title}, now: map[scim.Path][]scim.Value{"title": texts("Boss")}, force: true,
			want: "update u1\n  title: [\"Boss\"] => [\"Agent\"] + [] - []\n",
		},
		"elements change places, others stay, an altered one gets its level back": {
			done: []plan.Change{skill([]scim.Value{rated("Chat", 2), rated("Old", 1)}, []scim.Value{rated("Billing", 3), rated("Chat", 4)}, []scim.Value{rated("Old", 1)})},
			now:  map[scim.Path][]scim.Value{skills: {rated("Billing", 3), rated("Chat", 4), rated("Spanish", 5)}},
			want: "update u1\n  routingSkills: [{\"name\":\"Billing\",\"proficiency\":3} {\"name\":\"Chat\",\"proficiency\":4}] => [] + [{\"name\":\"Old\",\"proficiency\":1} {\"name\":\"Chat\",\"proficiency\":2}] - [{\"name\":\"Billing\",\"proficiency\":3}]\n",
		},
		"an exact set is taken back by its elements": {
			done: []plan.Change{did(plan.Update, plan.Edit{Path: skills, ID: "name", Whole: true, Before: []scim.Value{rated("Old", 1)}, Set: []scim.Value{rated("Chat", 2)}})},
			now:  map[scim.Path][]scim.Value{skills: {rated("Chat", 2), rated("Spanish", 5)}},
			want: "update u1\n  routingSkills: [{\"name\":\"Chat\",\"proficiency\":2}] => [] + [{\"name\":\"Old\",\"proficiency\":1}] - [{\"name\":\"Chat\",\"proficiency\":2}]\n",
		},
		"an element that has another level since is left alone, and its neighbors are not": {
			done: []plan.Change{skill(nil, []scim.Value{rated("Billing", 3), rated("Chat", 4)}, nil)},
			now:  map[scim.Path][]scim.Value{skills: {rated("Billing", 5), rated("Chat", 4)}},
			want: "update u1\n  routingSkills: [{\"name\":\"Chat\",\"proficiency\":4}] => [] + [] - [{\"name\":\"Chat\",\"proficiency\":4}]\n" +
				"error changed-since: skills: the run left \"Billing\" at 3, now it is \"Billing\" at 5; left alone, and not nothing again, without --force-over-changes\n",
		},
		"what was only claimed is not mentioned": {
			done: []plan.Change{did(plan.Update, plan.Edit{Path: skills, ID: "name", Claim: []scim.Value{rated("Chat", 4)}})},
			now:  map[scim.Path][]scim.Value{skills: {rated("Chat", 4)}},
		},
		"a guarded role is neither given nor taken": {
			done: []plan.Change{did(plan.Update, plan.Edit{Path: "roles", ID: "value", Add: named("admin", "Agent")})},
			now:  map[scim.Path][]scim.Value{"roles": named("admin", "Agent")},
			want: "update u1\n  roles: [{\"value\":\"Agent\"} {\"value\":\"admin\"}] => [] + [] - [{\"value\":\"Agent\"}]\n" +
				"error guarded-role: the role \"admin\" is neither given nor taken by itself; protect.roles can allow it\n",
		},
		"a protected user is never touched": {
			done: []plan.Change{title}, now: map[scim.Path][]scim.Value{"title": texts("Lead"), "userName": texts("kim@admins.example")},
			want: "error protected: the user is protected and never touched\n",
		},
		"a role that was taken comes back by name, which is told": {
			done: []plan.Change{did(plan.Update, plan.Edit{Path: "roles", ID: "value", Before: named("Agent"), Remove: named("Agent")})},
			now:  map[scim.Path][]scim.Value{"roles": nil},
			want: "update u1\n  roles: [] => [] + [{\"value\":\"Agent\"}] - []\n" +
				"info division-unknown: in which divisions the roles \"Agent\" were is not known: the service gives them in the user's own\n",
		},
		"a userName comes back in a rename, and references follow": {
			done: []plan.Change{did(plan.Rename, whole("userName", texts("kim@x.example"), texts("kim@y.example")), whole(manager, nil, texts("u9")))},
			now:  map[scim.Path][]scim.Value{"userName": texts("kim@y.example"), manager: texts("u9")},
			want: "rename u1\n  userName: [\"kim@y.example\"] => [\"kim@x.example\"] + [] - []\nupdate u1\n  manager: [\"u9\"] => [] + [] - []\n",
		},
		"who was created is deactivated, whatever else they got": {
			done: []plan.Change{did(plan.Create, whole("userName", nil, texts("kim@x.example"))), title},
			want: "deactivate u1 keeps 7\n  active: [true] => [false] + [] - []\n",
		},
		"or deleted, where that is allowed": {
			done: []plan.Change{did(plan.Create, whole("userName", nil, texts("kim@x.example")))}, allow: map[string]int{"delete": 1},
			want: "delete u1 keeps 7\n",
		},
		"who was created and is gone stays so": {
			done: []plan.Change{did(plan.Create, whole("userName", nil, texts("kim@x.example")))}, state: target.Erased,
		},
		"who was deactivated comes back, and is given what they lack": {
			done: []plan.Change{left(
				plan.Trait{Path: "roles", Values: named("Agent")}, plan.Trait{Path: skills, Values: []scim.Value{rated("Chat", 2)}},
				plan.Trait{Path: manager, Values: texts("u9")}, plan.Trait{Path: "groups", Values: named("g1", "g2")},
				plan.Trait{Path: "grants", Values: []scim.Value{granted("Agent", "EMEA"), granted("employee", "Home")}},
			)},
			state: target.Inactive, grants: []scim.Value{granted("employee", "Home")},
			now: map[scim.Path][]scim.Value{"roles": nil, skills: nil, manager: texts("u9"), "groups": named("g2")},
			want: "reactivate u1 keeps 3\n  active: [false] => [true] + [] - []\n" +
				"grant u1\n  grants: [] => [] + [{\"division\":\"EMEA\",\"role\":\"Agent\"}] - []\n" +
				"update u1\n  routingSkills: [] => [] + [{\"name\":\"Chat\",\"proficiency\":2}] - []\n" +
				"join g1\n  members: [] => [] + [{\"value\":\"u1\"}] - []\n",
		},
		"roles without divisions are never guessed": {
			done: []plan.Change{left(plan.Trait{Path: "roles", Values: named("Agent", "employee")})}, state: target.Inactive,
			now: map[scim.Path][]scim.Value{"roles": nil},
			want: "reactivate u1\n  active: [false] => [true] + [] - []\n" +
				"error lost-by-leaving: leaving took the roles \"Agent\"; in which divisions is not known, for grants might not be read then (authorization:grant:view): give them by hand\n",
		},
		"who was deactivated, and deleted since, is left alone": {
			done: []plan.Change{left(plan.Trait{Path: "groups", Values: named("g1")})}, state: target.Erased,
			want: "error changed-since: the run left the user inactive, now they are deleted; left alone, and not active again, without --force-over-changes\n",
		},
		"who was deleted is restored, with the division": {
			done: []plan.Change{func() plan.Change {
				c := did(plan.Delete)
				c.Leaving = []plan.Trait{{Path: dialect.Short["division"], Values: texts("EMEA")}}
				return c
			}()},
			state: target.Erased,
			want: "restore u1 keeps 1\nupdate u1\n  division: [] => [\"EMEA\"] + [] - []\n" +
				"info restored: deletion takes more than is kept, such as phone extensions: that is to be given by hand\n",
		},
		"who is gone for good stays so": {
			done: []plan.Change{did(plan.Delete)}, state: target.Gone,
			want: "error gone: the user was deleted for good: nobody can restore them\n",
		},
		"who came back leaves again, and what was given goes": {
			done: []plan.Change{
				did(plan.Reactivate, whole("active", []scim.Value{"false"}, []scim.Value{"true"})),
				did(plan.Grant, plan.Edit{Path: "grants", Add: []scim.Value{granted("Agent", "EMEA")}, Back: true}),
			},
			want: "deactivate u1 keeps 7\n  active: [true] => [false] + [] - []\n",
		},
		"who was restored is deleted": {done: []plan.Change{did(plan.Restore)}, want: "delete u1 keeps 7\n"},
		"a granted role goes by name, where nobody gave it elsewhere": {
			done: []plan.Change{did(plan.Grant, plan.Edit{Path: "grants", Add: []scim.Value{granted("Agent", "EMEA"), granted("Lead", "EMEA")}})},
			now:  map[scim.Path][]scim.Value{"roles": named("Agent", "Lead")}, grants: []scim.Value{granted("Agent", "EMEA"), granted("Lead", "EMEA"), granted("Lead", "Home")},
			want: "update u1\n  roles: [{\"value\":\"Agent\"}] => [] + [] - [{\"value\":\"Agent\"}]\n" +
				"error granted-elsewhere: the role Lead in EMEA is not taken back: it would go from Lead in Home too\n",
		},
		"who was adopted gets their values back, and is unlinked": {
			done: []plan.Change{did(plan.Adopt, whole("title", texts("Agent"), texts("Lead")))}, now: map[scim.Path][]scim.Value{"title": texts("Lead")},
			want: "update u1\n  title: [\"Lead\"] => [\"Agent\"] + [] - []\nunlink u1\n",
		},
		"who was unlinked is linked again": {done: []plan.Change{did(plan.Unlink)}, free: true, want: "adopt u1\n"},
		"who was unlinked and is not there stays so": {
			done: []plan.Change{did(plan.Unlink)}, free: true, state: target.Gone, want: "info gone: the user is not there: the link stays closed\n",
		},
		"a key is given back": {
			done: []plan.Change{func() plan.Change { c := did(plan.Rekey); c.From = "e0"; return c }()}, want: "rekey u1\n",
		},
		"what is kept as a digest cannot be given back": {
			done: []plan.Change{did(plan.Update, whole("title", []scim.Value{`{"$redacted":"a1"}`}, []scim.Value{`{"$redacted":"b2"}`}))},
			now:  map[scim.Path][]scim.Value{"title": texts("Lead")},
			want: "error redacted: title is kept as a digest only (redact): what it was is not known\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.back()); diff != "" {
				t.Errorf("TakeBack (-want +got):\n%s", diff)
			}
		})
	}
}
