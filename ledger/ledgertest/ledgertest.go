// Package ledgertest proves that an implementation keeps the contract of
// package ledger: start at [Test].
package ledgertest

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"testing"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// A Ledger is everything that a ledger can do.
type Ledger interface {
	ledger.Store
	ledger.Counter
	ledger.Notebook
	ledger.Register
	ledger.Recovery
	ledger.Desk
}

// A Home is a place where one ledger lives. Open opens it: again after Close,
// as one process after another does. The caller closes.
type Home struct{ Open func(t testing.TB) Ledger }

// A Clock is a clock for tests: it moves a second whenever it is read, and as told.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the time, a second later each time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		c.now = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	}
	c.now = c.now.Add(time.Second)
	return c.now
}

// Move moves the clock.
func (c *Clock) Move(d time.Duration) {
	c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Test runs the conformance suite: home makes an empty home for every case.
func Test(t *testing.T, home func(t *testing.T, now func() time.Time) Home) { //nolint:tparallel // the caller is parallel, or is not
	t.Helper()
	for name, check := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &Clock{}
			h := home(t, clock.Now)
			b := &Bench{T: t, Clock: clock, Home: h}
			b.Reopen()
			t.Cleanup(func() { b.close() })
			check(b)
			b.Sound()
		})
	}
}

// A Bench is a ledger under test, with short words for what tests do to it.
// What goes wrong ends the test.
type Bench struct {
	testing.TB

	T     *testing.T
	Clock *Clock
	Home  Home
	L     Ledger
}

func (b *Bench) ctx() context.Context { return b.T.Context() }

// Reopen closes the ledger without ending its runs, as a killed process does, and opens it again.
func (b *Bench) Reopen() {
	b.T.Helper()
	b.close()
	b.L = b.Home.Open(b.T)
}

func (b *Bench) close() {
	b.T.Helper()
	if b.L == nil {
		return
	}
	if err := b.L.Close(); err != nil {
		b.T.Fatalf("Close() = %v", err)
	}
}

// Sound verifies the ledger.
func (b *Bench) Sound() ledger.Verification {
	b.T.Helper()
	v, err := b.L.Verify(b.ctx(), "")
	if err != nil || len(v.Faults) > 0 {
		b.T.Fatalf("Verify() = %q, %v, want no fault", v.Faults, err)
	}
	return v
}

// Begin begins a run of an organization.
func (b *Bench) Begin(org string) ledger.RunID {
	b.T.Helper()
	run, err := b.L.Begin(b.ctx(), ledger.Start{Sync: "test", Org: org, Command: "apply", Actor: "kim", Host: "here", Process: 7})
	if err != nil {
		b.T.Fatalf("Begin(%q) = %v", org, err)
	}
	return run
}

// End ends it.
func (b *Bench) End(run ledger.RunID) {
	b.T.Helper()
	if err := b.L.End(b.ctx(), run, ledger.Ending{Result: "done", Records: 3}); err != nil {
		b.T.Fatalf("End(%s) = %v", run, err)
	}
}

// Intend records intents.
func (b *Bench) Intend(run ledger.RunID, batch ...plan.Change) {
	b.T.Helper()
	if err := b.L.Intend(b.ctx(), run, batch); err != nil {
		b.T.Fatalf("Intend() = %v", err)
	}
}

// Settle records outcomes.
func (b *Bench) Settle(run ledger.RunID, batch ...ledger.Outcome) {
	b.T.Helper()
	if err := b.L.Settle(b.ctx(), run, batch); err != nil {
		b.T.Fatalf("Settle() = %v", err)
	}
}

// Do intends and settles one change.
func (b *Bench) Do(run ledger.RunID, c plan.Change, o ledger.Outcome) {
	b.T.Helper()
	b.Intend(run, c)
	o.Change = c.ID
	b.Settle(run, o)
}

// Create does a create that answers with id and version 1.
func (b *Bench) Create(run ledger.RunID, key source.Key, id string) {
	b.T.Helper()
	b.Do(run, Creation(key), Created(key, id))
}

// Creation is a create of the person with this key.
func Creation(key source.Key) plan.Change {
	return plan.Change{
		ID: "create-" + string(key), Op: plan.Create, Key: key, UserName: Name(key), Target: scim.Ref{Type: scim.User}, Reason: "NewInSource",
		Edits: []plan.Edit{
			{Path: "userName", Whole: true, Set: Text(Name(key))},
			{Path: Roles, ID: "value", Add: Elements("employee")},
		},
	}
}

// Created is the outcome of [Creation].
func Created(key source.Key, id string) ledger.Outcome {
	return ledger.Outcome{
		Change: "create-" + string(key), Result: ledger.Done, Ref: scim.Ref{Type: scim.User, ID: id, Version: "1"}, Status: 201, Attempts: 1,
		Seen: Seen("userName", Text(Name(key)), "title", nil, Roles, Elements("employee")), Took: 80 * time.Millisecond,
	}
}

// Name is the userName that belongs to a key.
func Name(key source.Key) string { return string(key) + "@example.com" }

// Roles is the path of a set.
const Roles scim.Path = "roles"

// Shape is what tests look at.
func Shape() *scim.Shape { return scim.NewShape("userName", "title", Roles) }

// Text is a single text value.
func Text(text string) []scim.Value { return []scim.Value{scim.ValueOf(text)} }

// Elements are elements of a set that are identified by value.
func Elements(values ...string) []scim.Value {
	var out []scim.Value
	for _, v := range values {
		out = append(out, scim.ValueOf(map[string]any{"value": v}))
	}
	return out
}

// People are members of a group that keys stand for.
func People(keys ...source.Key) []scim.Value {
	var out []scim.Value
	for _, k := range keys {
		out = append(out, scim.ValueOf(map[string]any{"value": plan.Person(k).Any()}))
	}
	return out
}

// Seen is a row of [Shape] with these paths and values known.
func Seen(pairs ...any) scim.Row {
	s := Shape()
	b := scim.NewRow(s)
	for i := 0; i < len(pairs); i += 2 {
		var values []scim.Value
		if pairs[i+1] != nil {
			values, _ = pairs[i+1].([]scim.Value)
		}
		switch p := pairs[i].(type) {
		case string:
			b.Set(s.Index(scim.Path(p)), values...)
		case scim.Path:
			b.Set(s.Index(p), values...)
		}
	}
	return b.Row()
}

// Links are all links by key, images too.
func (b *Bench) Links() map[source.Key]plan.Link {
	b.T.Helper()
	out := map[source.Key]plan.Link{}
	for l, err := range b.L.Links(b.ctx(), ledger.LinkQuery{Shape: Shape(), Image: true}) {
		if err != nil {
			b.T.Fatalf("Links() = %v", err)
		}
		if _, twice := out[l.Key]; twice {
			b.T.Fatalf("Links() yields %s twice", l.Key)
		}
		out[l.Key] = l
	}
	return out
}

// Runs are all runs.
func (b *Bench) Runs() []ledger.Run {
	b.T.Helper()
	return collect(b.T, "Runs", b.L.Runs(b.ctx()))
}

// Entries are the entries that f selects.
func (b *Bench) Entries(f ledger.Filter) []ledger.Entry {
	b.T.Helper()
	return collect(b.T, "Entries", b.L.Entries(b.ctx(), f))
}

// Note remembers a text.
func (b *Bench) Note(run ledger.RunID, name, value string) {
	b.T.Helper()
	if err := b.L.Note(b.ctx(), run, name, json.RawMessage(value)); err != nil {
		b.T.Fatalf("Note(%q) = %v", name, err)
	}
}

func collect[T any](t *testing.T, what string, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for one, err := range seq {
		if err != nil {
			t.Fatalf("%s() = %v", what, err)
		}
		out = append(out, one)
	}
	return out
}
