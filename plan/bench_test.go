package plan_test

import (
	"fmt"
	"runtime"
	"testing"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
)

// An organization is generated people as a run meets them: one at a time,
// nothing kept.
type organization struct {
	in      plan.Input
	n       int
	linked  bool
	changed int // one in so many has another title
}

func newOrganization(n int, linked bool) *organization {
	d := genesys.Dialect()
	rules := []plan.Rule{
		{Path: "externalId", Own: plan.Managed},
		{Path: "userName", Own: plan.Managed},
		{Path: "displayName", Own: plan.Managed},
		{Path: "active", Own: plan.Managed},
		{Path: "title", Own: plan.Managed},
		{Path: d.Short["department"], Own: plan.Managed},
		{Path: d.Short["manager"], Own: plan.Managed},
		{Path: "roles", Own: plan.Mine},
		{Path: d.Short["skills"], Own: plan.Mine},
	}
	var paths []scim.Path
	for _, r := range rules {
		paths = append(paths, r.Path)
	}
	return &organization{n: n, linked: linked, changed: 100, in: plan.Input{
		Users: scim.NewShape(paths...), Groups: scim.NewShape("displayName", target.Members), Rules: rules, Dialect: d,
		Policy: plan.Policy{Lifecycle: true, Match: []scim.Path{"externalId", "userName"}},
		Basis:  plan.Basis{Today: "2026-11-23", Granted: 300},
	}}
}

func (o *organization) key(i int) source.Key { return source.Key(fmt.Sprintf("E%07d", i)) }

func (o *organization) id(i int) string {
	return fmt.Sprintf("%08x-7c1e-4d0a-9f3b-%012x", i*2654435761%(1<<32), i)
}

func (o *organization) row(b *scim.RowBuilder, i int, desired bool) scim.Row {
	title := "Agent"
	if !desired && i%o.changed == 0 {
		title = "Trainee"
	}
	for j, v := range []any{
		string(o.key(i)), fmt.Sprintf("first.last%d@example.com", i), fmt.Sprintf("First Last %d", i), true, title,
		fmt.Sprintf("Department %d", i%40),
	} {
		b.Set(j, scim.ValueOf(v))
	}
	switch boss := i / 10; {
	case i == 0:
		b.Set(6)
	case desired:
		b.Set(6, plan.Person(o.key(boss)))
	default:
		b.Set(6, scim.ValueOf(o.id(boss)))
	}
	roles := []scim.Value{`{"value":"Sales Agent"}`}
	if !desired {
		roles = append(roles, `{"value":"employee"}`)
	}
	b.Set(7, roles...)
	b.Set(8, `{"name":"Billing","proficiency":3}`, `{"name":"Spanish","proficiency":1}`)
	return b.Row()
}

func (o *organization) plan() *plan.Plan {
	b := plan.New(o.in)
	row := scim.NewRow(o.in.Users)
	if o.linked {
		ours := scim.NewRow(o.in.Users)
		for i := range o.n {
			ours.Set(7, `{"value":"Sales Agent"}`)
			b.Link(plan.Link{
				Key: o.key(i), Ref: scim.Ref{Type: scim.User, ID: o.id(i), Version: "3"}, UserName: fmt.Sprintf("first.last%d@example.com", i),
				Ours: ours.Row(), Sent: plan.Digest{1},
			})
		}
	}
	for i := range o.n {
		b.Want(plan.Desired{Key: o.key(i), Place: source.Place{Source: "hr.csv", Line: i + 2}, Row: o.row(row, i, true)})
	}
	if o.linked {
		for i := range o.n {
			b.Have(target.Observed{Ref: scim.Ref{Type: scim.User, ID: o.id(i), Version: "4"}, State: target.Active, Row: o.row(row, i, false)})
		}
	}
	b.Listed(scim.User, true)
	b.Questions()
	b.Questions()
	return b.Plan()
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		for name, linked := range map[string]bool{"new": false, "linked": true} {
			b.Run(fmt.Sprintf("%s-%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				o := newOrganization(n, linked)
				for b.Loop() {
					o.plan()
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "people/s")
			})
		}
	}
}

// Memory is compared as a ratio, and against a bound that a plan of maps would
// break many times over.
func TestMemoryGrowsWithPeople(t *testing.T) { //nolint:paralleltest // it measures the heap
	for name, linked := range map[string]bool{"all new": false, "all linked": true} {
		small, large := retained(newOrganization(5_000, linked)), retained(newOrganization(50_000, linked))
		t.Logf("%s: %d and %d bytes a person", name, small/5_000, large/50_000)
		if large > 14*max(small, 100_000) {
			t.Errorf("%s: ten times the people take %d times the memory", name, large/max(small, 1))
		}
		if perPerson := large / 50_000; perPerson > 1024 {
			t.Errorf("%s: %d bytes a person, want at most 1024", name, perPerson)
		}
	}
}

// retained is the heap that a plan keeps alive, and what its making kept at its peak.
func retained(o *organization) int {
	runtime.GC()
	runtime.GC() // the first one leaves to the second what finalizers held
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := o.plan()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(p)
	runtime.KeepAlive(o) // else what it frees would be subtracted
	return max(1, int(after.HeapAlloc)-int(before.HeapAlloc))
}
