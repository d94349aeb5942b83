package plan_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

func TestAgainst(t *testing.T) {
	t.Parallel()
	role := func(name string) scim.Value { return scim.ValueOf(map[string]any{"value": name}) }
	rated := func(name string, level float64) scim.Value {
		return scim.ValueOf(map[string]any{"name": name, "proficiency": level})
	}
	billing := `[name eq "Billing"]`
	work := scim.MustPath(`phoneNumbers[type eq "work"].value`)
	for name, tt := range map[string]struct {
		edit  plan.Edit
		now   []scim.Value
		want  []scim.Op
		moved bool
	}{
		"a value that differs is replaced": {
			edit: plan.Edit{Path: "title", Before: []scim.Value{`"A"`}, Whole: true, Set: []scim.Value{`"B"`}}, now: []scim.Value{`"A"`},
			want: []scim.Op{{Verb: scim.Replace, Path: "title", Value: `"B"`}},
		},
		"an absent value is replaced too": {
			edit: plan.Edit{Path: "title", Whole: true, Set: []scim.Value{`"B"`}},
			want: []scim.Op{{Verb: scim.Replace, Path: "title", Value: `"B"`}},
		},
		"a value that is so already is found done": {
			edit: plan.Edit{Path: "title", Before: []scim.Value{`"A"`}, Whole: true, Set: []scim.Value{`"B"`}}, now: []scim.Value{`"B"`},
		},
		"a value that somebody else changed has moved": {
			edit: plan.Edit{Path: "title", Before: []scim.Value{`"A"`}, Whole: true, Set: []scim.Value{`"B"`}}, now: []scim.Value{`"C"`},
			want: []scim.Op{{Verb: scim.Replace, Path: "title", Value: `"B"`}}, moved: true,
		},
		"no value is a remove": {
			edit: plan.Edit{Path: "title", Before: []scim.Value{`"A"`}, Whole: true}, now: []scim.Value{`"A"`},
			want: []scim.Op{{Verb: scim.Remove, Path: "title"}},
		},
		"a phone is removed with its element": {
			edit: plan.Edit{Path: work, Before: []scim.Value{`"+1"`}, Whole: true}, now: []scim.Value{`"+1"`},
			want: []scim.Op{{Verb: scim.Remove, Path: scim.MustPath(`phoneNumbers[type eq "work"]`)}},
		},
		"another proficiency is one operation": {
			edit: plan.Edit{Path: skills, ID: "name", Before: []scim.Value{rated("Billing", 2)}, Add: []scim.Value{rated("Billing", 3)}},
			now:  []scim.Value{rated("Billing", 2)},
			want: []scim.Op{{Verb: scim.Replace, Path: scim.MustPath(string(skills) + billing + ".proficiency"), Value: "3"}},
		},
		"a proficiency that somebody else changed has moved": {
			edit: plan.Edit{Path: skills, ID: "name", Before: []scim.Value{rated("Billing", 2)}, Add: []scim.Value{rated("Billing", 3)}},
			now:  []scim.Value{rated("Billing", 5)},
			want: []scim.Op{{Verb: scim.Replace, Path: scim.MustPath(string(skills) + billing + ".proficiency"), Value: "3"}}, moved: true,
		},
		"elements are removed, then added, those that are missing in one operation": {
			edit: plan.Edit{Path: "roles", ID: "value", Before: []scim.Value{role("A")}, Add: []scim.Value{role("B"), role("C")}, Remove: []scim.Value{role("A"), role("gone")}},
			now:  []scim.Value{role("A"), role("foreign")},
			want: []scim.Op{
				{Verb: scim.Remove, Path: scim.MustPath(`roles[value eq "A"]`)},
				{Verb: scim.Add, Path: "roles", Value: `[{"value":"B"},{"value":"C"}]`},
			},
		},
		"an exact set loses what is too much, but what is kept": {
			edit: plan.Edit{Path: "roles", ID: "value", Whole: true, Before: []scim.Value{role("A"), role("employee")}, Set: []scim.Value{role("B")}, Keep: []scim.Value{role("employee")}},
			now:  []scim.Value{role("A"), role("employee")},
			want: []scim.Op{
				{Verb: scim.Remove, Path: scim.MustPath(`roles[value eq "A"]`)},
				{Verb: scim.Add, Path: "roles", Value: `[{"value":"B"}]`},
			},
		},
		"a kept element that came by itself has not moved anything": {
			edit: plan.Edit{Path: "roles", ID: "value", Whole: true, Set: []scim.Value{role("B")}, Keep: []scim.Value{role("employee")}},
			now:  []scim.Value{role("employee")},
			want: []scim.Op{{Verb: scim.Add, Path: "roles", Value: `[{"value":"B"}]`}},
		},
		"a claim sends nothing": {
			edit: plan.Edit{Path: "roles", ID: "value", Before: []scim.Value{role("A")}, Claim: []scim.Value{role("A")}}, now: []scim.Value{role("A")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plan.Change{Edits: []plan.Edit{tt.edit}}
			ops, moved := c.Against(func(scim.Path) []scim.Value { return tt.now })
			if diff := cmp.Diff(tt.want, ops); diff != "" {
				t.Errorf("Against ops (-want +got):\n%s", diff)
			}
			if (len(moved) > 0) != tt.moved {
				t.Errorf("Against moved = %v, want %v", moved, tt.moved)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	id := func(k source.Key) (string, bool) { return "id-" + string(k), k != "unknown" }
	nested := scim.ValueOf(map[string]any{"value": map[string]any{"$person": "e1"}, "type": "x"})
	for name, tt := range map[string]struct {
		in, want scim.Value
		ok       bool
	}{
		"a person becomes the id":            {plan.Person("e1"), `"id-e1"`, true},
		"a nested person too":                {nested, `{"type":"x","value":"id-e1"}`, true},
		"an unknown person is told":          {plan.Person("unknown"), plan.Person("unknown"), false},
		"any other value is left as it is":   {`{"value":"$person"}`, `{"value":"$person"}`, true},
		"a person in a list is found":        {scim.ValueOf([]any{map[string]any{"$person": "e2"}}), `["id-e2"]`, true},
		"a key with quotes is taken as text": {plan.Person(`a"b`), scim.ValueOf(`id-a"b`), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := plan.Resolve(tt.in, id)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Resolve(%s) = %s, %v, want %s, %v", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
	c := plan.Change{Edits: []plan.Edit{{Path: target.Members, ID: "value", Add: []scim.Value{nested}}}}
	got, ok := c.Resolved(id)
	if want := scim.Value(`{"type":"x","value":"id-e1"}`); !ok || got.Edits[0].Add[0] != want || c.Edits[0].Add[0] != nested {
		t.Errorf("Resolved = %v, %v; and the change before is %v", got.Edits, ok, c.Edits)
	}
}

// The id says what is intended, not what is believed.
func TestChangeID(t *testing.T) {
	t.Parallel()
	id := func(change func(*plan.Change)) string {
		c := plan.Change{
			Op: plan.Update, Key: "e1", Target: scim.Ref{Type: scim.User, ID: "u1", Version: "1"},
			Edits: []plan.Edit{{Path: "title", Before: []scim.Value{`"A"`}, Whole: true, Set: []scim.Value{`"B"`}}},
		}
		change(&c)
		for got := range plan.Of(plan.Input{}, slices.Values([]plan.Change{c}), nil).Changes() {
			return got.ID
		}
		return ""
	}
	same := id(func(*plan.Change) {})
	for name, tt := range map[string]struct {
		change func(*plan.Change)
		same   bool
	}{
		"another version is the same intent": {func(c *plan.Change) { c.Target.Version = "2" }, true},
		"another belief is the same intent":  {func(c *plan.Change) { c.Edits[0].Before = nil }, true},
		"another value is another intent":    {func(c *plan.Change) { c.Edits[0].Set = []scim.Value{`"C"`} }, false},
		"another user is another intent":     {func(c *plan.Change) { c.Target.ID = "u2" }, false},
		"another op is another intent":       {func(c *plan.Change) { c.Op = plan.Rename }, false},
	} {
		if got := id(tt.change); (got == same) != tt.same {
			t.Errorf("%s: ids %s and %s", name, same, got)
		}
	}
}

// The JSON of a plan is a promise: these members, with these meanings.
func TestEncodeShape(t *testing.T) {
	t.Parallel()
	a := parseArchive(`-- desired.json --
[{"key": "e1", "userName": "a@example.com", "active": true, "title": "Lead", "roles": ["Lead"], "manager": {"$person": "e2"}},
 {"key": "e2", "userName": "b@example.com", "displayName": "B", "active": true}]
-- current.json --
[{"id": "u1", "version": "4", "userName": "a@example.com", "displayName": "A", "roles": ["Agent"]}]
-- links.json --
[{"key": "e1", "id": "u1"}]
`)
	text := encode(t, readStory(t, a).plan(t))
	var got struct {
		Schema  string
		Summary map[string]float64
		Changes []map[string]any
		Limits  []map[string]any
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("Unmarshal = %v\n%s", err, text)
	}
	if got.Schema != plan.Schema || got.Summary["update"] != 1 || got.Summary["create"] != 1 || len(got.Changes) != 2 || len(got.Limits) == 0 {
		t.Fatalf("plan = %s", text)
	}
	c := got.Changes[1]
	delete(c, "id")
	delete(c, "edits")
	delete(c, "sent")
	managerPath := string(manager)
	want := map[string]any{
		"op": "update", "type": "User", "key": "e1", "userName": "a@example.com", "resource": "u1", "version": "4", "reason": "AttributesDiffer",
		"wave": 1.0, "fresh": true, "place": map[string]any{"source": "hr.csv", "line": 2.0},
		"before": map[string]any{"title": nil, "roles": []any{map[string]any{"value": "Agent"}}, managerPath: nil},
		"after": map[string]any{
			"title": "Lead", "roles": []any{map[string]any{"value": "Agent"}, map[string]any{"value": "Lead"}},
			managerPath: map[string]any{"$person": "e2"},
		},
		"patch": []any{
			map[string]any{"op": "replace", "path": managerPath, "value": map[string]any{"$person": "e2"}},
			map[string]any{"op": "add", "path": "roles", "value": []any{map[string]any{"value": "Lead"}}},
			map[string]any{"op": "replace", "path": "title", "value": "Lead"},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("change (-want +got):\n%s", diff)
	}
}

// Memberships travel in requests of the size that the service takes, and a
// group costs what its members cost.
func TestMembersPerRequest(t *testing.T) {
	t.Parallel()
	p := bigGroup(1, 1200, 0).plan(t)
	var sizes []int
	for c := range p.Changes() {
		sizes = append(sizes, len(c.Edits[0].Add))
	}
	if len(sizes) != 24 || slices.Max(sizes) != 50 || p.Summary.Groups != 1 || p.Cost.Writes != 24 {
		t.Errorf("1200 joins: sizes %v, groups %d, writes %d, want 24 requests of 50", sizes, p.Summary.Groups, p.Cost.Writes)
	}
}

// memberships are groups of the same people, who are linked and unchanged.
type memberships struct {
	in             plan.Input
	groups, people int
	there          int // of the people are members already
}

func bigGroup(groups, people, there int) memberships {
	in := newOrganization(1, true).in
	in.Users, in.Rules = scim.NewShape("userName"), nil
	for g := range groups {
		in.Members = append(in.Members, plan.GroupRule{Name: fmt.Sprint("Group ", g), Own: plan.Exact})
	}
	return memberships{in: in, groups: groups, people: people, there: there}
}

func (m memberships) plan(tb testing.TB) *plan.Plan {
	tb.Helper()
	b := plan.New(m.in)
	row, group := scim.NewRow(m.in.Users), scim.NewRow(m.in.Groups)
	var names []string
	for _, g := range m.in.Members {
		names = append(names, g.Name)
	}
	for i := range m.people {
		k, id := source.Key(fmt.Sprint("e", i)), fmt.Sprint("u", i)
		b.Link(plan.Link{Key: k, Ref: scim.Ref{Type: scim.User, ID: id}})
		b.Want(plan.Desired{Key: k, Groups: names})
		row.Set(0, scim.ValueOf(mail(i)))
		b.Have(target.Observed{Ref: scim.Ref{Type: scim.User, ID: id, Version: "1"}, State: target.Active, Row: row.Row()})
	}
	var members []scim.Value
	for i := range m.there {
		members = append(members, scim.ValueOf(map[string]any{"value": fmt.Sprint("u", i)}))
	}
	for g, name := range names {
		group.Set(0, scim.ValueOf(name))
		group.Set(1, members...)
		b.Have(target.Observed{Ref: scim.Ref{Type: scim.Group, ID: fmt.Sprint("g", g)}, State: target.Active, Row: group.Row()})
	}
	b.Listed(scim.User, true)
	b.Listed(scim.Group, true)
	for _, q := range b.Questions() {
		if q.Ask != target.Grants || q.Type != scim.Group {
			tb.Fatalf("Questions has %v", q)
		}
	}
	return b.Plan()
}

func BenchmarkGroups(b *testing.B) {
	for _, n := range []int{50_000, 500_000} {
		b.Run(fmt.Sprint(n, " memberships"), func(b *testing.B) {
			b.ReportAllocs()
			m := bigGroup(n/2_500, 2_500, 2_400)
			for b.Loop() {
				m.plan(b)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "memberships/s")
		})
	}
}

// Ten times the memberships take about ten times as long, be it that there are
// more groups or more people in each. A comparison of all with all takes a hundred times.
func TestGroupsGrowLinearly(t *testing.T) { //nolint:paralleltest // it measures time
	best := func(m memberships) time.Duration {
		least := time.Hour
		for range 3 {
			start := processor(t)
			m.plan(t)
			least = min(least, processor(t)-start)
		}
		return least
	}
	small := best(bigGroup(1, 2_000, 1_900))
	for name, large := range map[string]memberships{"groups": bigGroup(10, 2_000, 1_900), "people": bigGroup(1, 20_000, 19_000)} {
		if took := best(large); took > 25*small {
			t.Errorf("ten times the %s: %v, and %v for a tenth", name, took, small)
		}
	}
}

// processor is what this process has used of all cores: what other processes do changes nothing about it.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatalf("getrusage: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestLimitIsTheLargerOfNumberAndShare(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		bound plan.Bound
		base  int
		allow map[string]int
		want  int
	}{
		"the number, where the share is smaller": {bound: plan.Bound{N: 10, Percent: 2}, base: 499, want: 10},
		"the share, rounded down":                {bound: plan.Bound{N: 10, Percent: 2}, base: 599, want: 11},
		"what a person allows":                   {bound: plan.Bound{N: 10}, base: 10, allow: map[string]int{"deactivate": 40}, want: 40},
		"not less than the limit":                {bound: plan.Bound{N: 10}, base: 10, allow: map[string]int{"deactivate": 4}, want: 10},
		"no bound, where a person allows any":    {bound: plan.Bound{N: 10}, base: 10, allow: map[string]int{"deactivate": -1}, want: -1},
		"no bound, where it is configured so":    {bound: plan.Bound{N: -1}, base: 10, want: -1},
	} {
		in := plan.Input{Policy: plan.Policy{Limits: map[plan.Op]plan.Bound{plan.Deactivate: tt.bound}, Base: tt.base, Allow: tt.allow}}
		p := plan.Of(in, slices.Values([]plan.Change(nil)), nil)
		i := slices.IndexFunc(p.Limits, func(l plan.Limit) bool { return l.Name == string(plan.Deactivate) })
		if got := p.Limits[i].Allowed; got != tt.want {
			t.Errorf("%s: allowed = %d, want %d", name, got, tt.want)
		}
	}
}

func TestDigestIsHexadecimal(t *testing.T) {
	t.Parallel()
	d := plan.Desired{Key: "e1"}.Digest()
	text, err := d.MarshalText()
	var back plan.Digest
	if err != nil || back.UnmarshalText(text) != nil || back != d || len(text) != 64 {
		t.Errorf("MarshalText = %s, %v", text, err)
	}
	for _, bad := range []string{"", "zz", strings.Repeat("x", 64)} {
		if back.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("UnmarshalText(%q) = nil, want an error", bad)
		}
	}
}
