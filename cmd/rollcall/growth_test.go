package main

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"rollcall/internal/app"
	"rollcall/internal/sampledata"
	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesyssim"
)

// Eight times the people take eight times the work and the memory, from the
// export to the plan: what is allocated for a person does not depend on how many
// there are, and what is kept of one has a bound. Both are compared within one
// run, so that a busy machine changes nothing.
func TestPlanningGrowsWithPeople(t *testing.T) { //nolint:paralleltest // it measures the heap
	for name, tt := range map[string]struct {
		there bool // the organization has everybody already, unlinked
		kept  int64
	}{
		"nobody is there":    {there: false, kept: 1200},
		"everybody is there": {there: true, kept: 1600},
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // it measures the heap
			const few, many = 1_000, 8_000
			small, large := planned(t, few, tt.there), planned(t, many, tt.there)
			for what, by := range map[string][2]float64{
				"allocations": {float64(small.count) / few, float64(large.count) / many},
				"bytes":       {float64(small.bytes) / few, float64(large.bytes) / many},
			} {
				t.Logf("%s a person: %.0f of %d, %.0f of %d", what, by[0], few, by[1], many)
				if by[1] > 1.25*by[0] {
					t.Errorf("%s a person: %.0f of %d people, %.0f of %d: it does not grow linearly", what, by[0], few, by[1], many)
				}
			}
			kept := (large.kept - small.kept) / (many - few)
			t.Logf("%d bytes are kept of a person", kept)
			if kept > tt.kept {
				t.Errorf("%d bytes are kept of a person, want at most %d", kept, tt.kept)
			}
		})
	}
}

// A use is what a plan took.
type use struct {
	count, bytes uint64 // allocated
	kept         int64  // alive when both sides are known, and in the plan
}

// planned measures the plan of a company of n.
func planned(t *testing.T, n int, there bool) use {
	t.Helper()
	dir := t.TempDir()
	config, err := os.ReadFile("../../internal/sampledata/company/" + sampledata.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, sampledata.Config), config, 0o600); err != nil {
		t.Fatal(err)
	}
	generated{people: n}.save(t, dir)
	c := sampleConfig()
	if there {
		c.Users.List = generated{people: n}.users()
	}
	srv, err := genesyssim.New(c, genesyssim.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"GENESYS_BASE_URL": "http://sim", "GENESYS_LOGIN_URL": "http://sim",
		"GENESYS_CLIENT_ID": srv.Clients()[0].ID, "GENESYS_CLIENT_SECRET": srv.Clients()[0].Secret,
	}
	host := app.Host{Transport: srv.Transport(), Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	y, err := host.Open(context.Background(), filepath.Join(dir, sampledata.Config), false, app.Intent{})
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()

	before, between := heap(), runtime.MemStats{}
	y.Job.Reader = pausing{y.Job.Reader, func() { between = heap() }}
	p, err := y.Job.Plan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	after := heap()
	if got := p.Plan.Summary.Create + p.Plan.Summary.Adopt; got != n {
		t.Fatalf("the plan creates and adopts %d people, want %d", got, n)
	}
	runtime.KeepAlive(p)
	live := func(m runtime.MemStats) int64 { return int64(m.HeapAlloc) - int64(before.HeapAlloc) } // no heap is that large
	return use{
		count: after.Mallocs - before.Mallocs, bytes: after.TotalAlloc - before.TotalAlloc, kept: live(between) + live(after),
	}
}

// A pausing reader calls between after the users, when both sides are known and
// nothing is planned.
type pausing struct {
	target.Reader

	between func()
}

func (r pausing) Read(ctx context.Context, q target.Query, s *scim.Shape) iter.Seq2[target.Observed, error] {
	return func(yield func(target.Observed, error) bool) {
		for o, err := range r.Reader.Read(ctx, q, s) {
			if !yield(o, err) {
				return
			}
		}
		if q.Ask == target.Page && q.Type == scim.User {
			r.between()
		}
	}
}

func heap() (m runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

// users are the company's people as an organization has them.
func (g generated) users() []map[string]any {
	list := make([]map[string]any, g.people)
	for n := range list {
		list[n] = map[string]any{
			"userName": fmt.Sprintf("person.%06d@harborpine.example", n), "displayName": fmt.Sprintf("Person %d", n), "title": "Agent",
			"externalId": fmt.Sprintf("E%06d", n),
		}
	}
	return list
}
