package plan_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// seeds of the laws that every run of the tests tries; fuzzing tries others.
const seeds = 250

func addSeeds(f *testing.F) {
	f.Helper()
	for seed := range uint64(seeds) {
		f.Add(seed)
	}
}

// everything lifts every limit.
func (w *world) everything() {
	w.in.Policy.Allow = map[string]int{}
	for _, op := range []plan.Op{plan.Create, plan.Adopt, plan.Update, plan.Rename, plan.Deactivate, plan.Reactivate, plan.Delete, plan.GroupRemovals} {
		w.in.Policy.Allow[string(op)] = -1
	}
}

func encode(t *testing.T, p *plan.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := plan.Encode(&b, p); err != nil {
		t.Fatalf("Encode = %v", err)
	}
	return b.String()
}

// FuzzOrder: the order in which a builder is told does not matter.
func FuzzOrder(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newWorld(seed)
		want := encode(t, w.plan(t, inOrder))
		r := rand.New(rand.NewPCG(seed, 1))
		for range 3 {
			if diff := cmp.Diff(want, encode(t, w.plan(t, r.Shuffle))); diff != "" {
				t.Fatalf("seed %d: shuffled input gives another plan (-in order +shuffled):\n%s", seed, diff)
			}
		}
	})
}

// FuzzSettled: once a plan is carried out, the next one is empty; where it freed
// a userName that somebody had to go without, the one after.
func FuzzSettled(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newWorld(seed)
		w.everything()
		first := w.plan(t, inOrder)
		w.apply(t, first)
		again := w.plan(t, inOrder)
		if slices.ContainsFunc(first.Findings, func(f plan.Finding) bool { return f.Code == "address-reused" }) {
			w.apply(t, again)
			again = w.plan(t, inOrder)
		}
		if again.Len() > 0 {
			t.Errorf("seed %d: after\n%s\nthe next plan has\n%s", seed, list(first), list(again))
		}
	})
}

// FuzzHeld: with limits on, planning and applying again and again comes to rest
// too, and what waits waits.
func FuzzHeld(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newWorld(seed)
		w.in.Policy.Limits = map[plan.Op]plan.Bound{plan.Create: {N: int(seed % 3)}, plan.Update: {N: int(seed % 4)}}
		for range 3 {
			p := w.plan(t, inOrder)
			w.apply(t, p)
		}
		last := w.plan(t, inOrder)
		for c := range last.Changes() {
			if c.Held == "" && !last.Refused() {
				t.Errorf("seed %d: %s of %s%s is still to be done", seed, c.Op, c.Key, c.UserName)
			}
		}
	})
}

func list(p *plan.Plan) string {
	var b strings.Builder
	s := &story{dialect: dialect}
	for c := range p.Changes() {
		s.tellChange(&b, c)
	}
	for _, f := range p.Findings {
		fmt.Fprintln(&b, f.Severity, f.Code, f.Key, f.Text)
	}
	return b.String()
}

// FuzzTouch: nobody is touched but through a link, the rule of adoption, or a
// group that is managed; nobody more is removed than the policy allows.
func FuzzTouch(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newWorld(seed)
		w.in.Policy.Limits = map[plan.Op]plan.Bound{plan.Deactivate: {N: 1}, plan.Delete: {N: 1}, plan.GroupRemovals: {N: 1}}
		p := w.plan(t, inOrder)
		removals := map[plan.Op]int{}
		groups := map[string]int{}
		for c := range p.Changes() {
			if c.Held == "" {
				removals[c.Op]++
			}
			for _, e := range c.Edits {
				if c.Op == plan.Leave && c.Held == "" {
					groups[c.Target.ID] += len(e.Remove)
				}
			}
			w.mayTouch(t, seed, c)
		}
		if p.Refused() {
			return
		}
		if removals[plan.Deactivate] > 1 || removals[plan.Delete] > 1 || slices.ContainsFunc(slices.Collect(maps.Values(groups)), func(n int) bool { return n > 1 }) {
			t.Errorf("seed %d: removals %v, from groups %v, with one of each allowed", seed, removals, groups)
		}
	})
}

func (w *world) mayTouch(t *testing.T, seed uint64, c plan.Change) {
	t.Helper()
	if c.Target.Type == scim.Group || c.Target.ID == "" {
		return
	}
	if c.Op == plan.Rekey {
		old, has := w.links[source.Key(c.From)], slices.ContainsFunc(w.desired, func(d plan.Desired) bool { return d.Key == source.Key(c.From) })
		if w.links[c.Key] != nil || has || old == nil || old.Closed || !old.Left.IsZero() || old.Ref.ID != c.Target.ID {
			t.Errorf("seed %d: rekey of %s to %s: not gone and new in this reading, or of another user", seed, c.From, c.Key)
			return
		}
		w.inherit(c)
	} else if l := w.links[c.Key]; c.Op != plan.Adopt {
		if idOf(l) != c.Target.ID {
			t.Errorf("seed %d: %s of %s touches %s without a link", seed, c.Op, c.Key, c.Target.ID)
		}
		return
	}
	u := w.row(w.user(c.Target.ID))
	for _, d := range w.desired {
		for _, p := range w.in.Policy.Match {
			want, _ := d.Row.At(p)
			if d.Key == c.Key && len(want) == 1 && slices.Equal(want, u.values(p)) {
				return
			}
		}
	}
	t.Errorf("seed %d: %s of %s: %s does not match by any key", seed, c.Op, c.Key, c.Target.ID)
}

// FuzzEmptySource: without a record nobody is removed from anywhere.
func FuzzEmptySource(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newWorld(seed)
		w.everything()
		w.desired = nil
		for c := range w.plan(t, inOrder).Changes() {
			if c.Op != plan.Leave || len(w.links) > 0 && touchesLinked(w, c) {
				t.Errorf("seed %d: an empty source gives %s of %s%s", seed, c.Op, c.Key, c.UserName)
			}
		}
	})
}

// touchesLinked tells whether a member that c removes is linked.
func touchesLinked(w *world, c plan.Change) bool {
	for _, e := range c.Edits {
		for _, v := range e.Remove {
			id, _ := v.Sub("value").Text()
			for _, l := range w.links {
				if id == "" || l.Ref.ID == id {
					return true
				}
			}
		}
	}
	return false
}

// FuzzCodec: Decode(Encode(p)) is p.
func FuzzCodec(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newWorld(seed)
		p := w.plan(t, inOrder)
		text := encode(t, p)
		q, err := plan.Decode(strings.NewReader(text))
		if err != nil {
			t.Fatalf("seed %d: Decode = %v\n%s", seed, err, text)
		}
		got, want := slices.Collect(q.Changes()), slices.Collect(p.Changes())
		for i := range want {
			want[i].Seen = nil // lives as long as the plan
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d: changes (-want +got):\n%s", seed, diff)
		}
		if diff := cmp.Diff([]any{p.Basis, p.Summary, p.Cost, p.Limits, p.Findings}, []any{q.Basis, q.Summary, q.Cost, q.Limits, q.Findings}); diff != "" {
			t.Errorf("seed %d: plan (-want +got):\n%s", seed, diff)
		}
		if again := encode(t, q); again != text {
			t.Errorf("seed %d: Encode(Decode) differs:\n%s", seed, cmp.Diff(text, again))
		}
		if packed := plan.Of(w.in, p.Changes(), p.Findings); packed.Len() != p.Len() {
			t.Errorf("seed %d: Of packs %d of %d changes", seed, packed.Len(), p.Len())
		}
	})
}

// FuzzEdited: whichever byte is altered, the plan is refused, unless it means
// what it meant. White space between tokens means nothing.
func FuzzEdited(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, seed*7919, byte('0'))
		f.Add(seed, seed*104729, byte(' '))
		f.Add(seed, seed*1299709, byte('"'))
	}
	f.Fuzz(func(t *testing.T, seed, at uint64, b byte) {
		text := encode(t, newWorld(seed).plan(t, inOrder))
		edited := []byte(text)
		edited[at%uint64(len(edited))] = b
		p, err := plan.Decode(bytes.NewReader(edited))
		if err == nil && encode(t, p) != text {
			t.Errorf("seed %d: Decode took a plan whose byte %d is %q", seed, at%uint64(len(edited)), b)
		}
	})
}

// FuzzDecode: no text makes Decode panic, and what is refused is Invalid.
func FuzzDecode(f *testing.F) {
	f.Add(`{"schema":"rollcall.plan/1","changes":[]}`)
	f.Add(`{"schema":"rollcall.plan/2"}`)
	f.Add(`{"schema":"rollcall.plan/1","changes":[{"op":"nonsense"}]}`)
	f.Add(`{"schema":"rollcall.plan/1"} tail`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := plan.Decode(strings.NewReader(text))
		switch {
		case err != nil && !errors.Is(err, fault.Invalid):
			t.Errorf("Decode(%q) = %v, want Invalid", text, err)
		case err == nil:
			for c := range p.Changes() {
				_ = c.ID
			}
		}
	})
}

// FuzzAgainst: Patch(have, Against(have)) has the intended values, whatever is
// there, and then nothing is left to do.
func FuzzAgainst(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(seed)
		u := w.users[0]
		u.attrs["phoneNumbers"] = []any{map[string]any{"type": "work", "value": "+12025550100"}}
		work := scim.MustPath(`phoneNumbers[type eq "work"].value`)
		shape := scim.NewShape("title", manager, work, "roles", skills)
		at := func(p scim.Path) []scim.Value {
			vs, _ := shape.Project(scim.Resource{Attrs: u.attrs}).At(p)
			return vs
		}
		c := plan.Change{Op: plan.Update, Key: source.Key("e0")}
		for _, p := range []scim.Path{"title", manager, work} {
			e := plan.Edit{Path: p, Before: at(p), Whole: true}
			if r.IntN(2) == 0 {
				e.Set = []scim.Value{scim.ValueOf(fmt.Sprint("+1202555010", r.IntN(3)))}
			}
			c.Edits = append(c.Edits, e)
		}
		roles := plan.Edit{Path: "roles", ID: "value", Before: at("roles"), Whole: true, Set: elements(r, "value")}
		rated := plan.Edit{Path: skills, ID: "name", Before: at(skills), Add: scim.ValueOf(ratings(r)).Elements()}
		for _, v := range at(skills) {
			if r.IntN(2) == 0 && !slices.ContainsFunc(rated.Add, func(a scim.Value) bool { return a.Sub("name") == v.Sub("name") }) {
				rated.Remove = append(rated.Remove, v)
			}
		}
		c.Edits = append(c.Edits, roles, rated)
		ops, moved := c.Against(at)
		if len(moved) > 0 {
			t.Errorf("Against(as believed) moved = %v", moved)
		}
		if faults := dialect.Schema.Check(scim.User, ops); len(faults) > 0 {
			t.Errorf("Check(%v) = %v", ops, faults)
		}
		next, _, err := dialect.Schema.Patch(scim.User, u.attrs, ops, scim.PatchOptions{CreateMissing: true})
		if err != nil {
			t.Fatalf("Patch(%v) = %v", ops, err)
		}
		u.attrs = next
		for _, e := range c.Edits {
			want := e.After()
			slices.Sort(want)
			if diff := cmp.Diff(want, slices.Clone(at(e.Path))); len(want)+len(at(e.Path)) > 0 && diff != "" {
				t.Errorf("%s after %v (-want +got):\n%s", e.Path, ops, diff)
			}
		}
		if again, _ := c.Against(at); len(again) > 0 {
			t.Errorf("Against(after) = %v, want none", again)
		}
	})
}

func elements(r *rand.Rand, as string) []scim.Value {
	vs := scim.ValueOf(some(r, roleNames, as)).Elements()
	slices.Sort(vs)
	return vs
}
