package reconcile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/ledger/sqlledger"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

var (
	lawFirst = flag.Uint64("law.first", 0, "first seed of TestLaw")
	lawCount = flag.Uint64("law.count", lawOrganizations, "how many seeds TestLaw tries")
)

// TestLaw: whatever happened to people, and whoever else edited them, after a
// run the organization is as the source wants it, nothing else has changed,
// the next plan is empty, and the ledger knows of every write. One seed is
// tried again by -run TestLaw/seed=N$, others by -law.first and -law.count.
func TestLaw(t *testing.T) {
	t.Parallel()
	for seed := *lawFirst; seed < *lawFirst+*lawCount; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			dir := ""
			if seed%25 == 0 {
				dir = t.TempDir()
			}
			synctest.Test(t, func(t *testing.T) {
				w := newLawWorld(t, seed, dir)
				defer w.tell()
				for n := range 1 + w.IntN(6) {
					w.note("step %d", n)
					if n > 0 {
						w.happen()
					}
					w.settle()
				}
				w.account()
			})
		})
	}
}

// A lawWorld is an enterprise with its organization, a job between them, and an oracle.
type lawWorld struct {
	*org
	*oracle

	store  ledger.Store
	mapped *mapping.Mapping // the same for every run
	total  int              // users there have been
}

func newLawWorld(t *testing.T, seed uint64, dir string) *lawWorld {
	t.Helper()
	c := newEnterprise(seed)
	w := &lawWorld{org: &org{T: t}, oracle: &oracle{enterprise: c, links: map[string]*belief{}}}
	config := genesyssim.Config{
		Seed: int64(seed), Switches: c.set, Users: genesyssim.Users{List: c.settlers()}, Divisions: []string{"Home", "EMEA", "APAC"},
		Roles:  []string{"employee", "Sales Agent", "Supervisor", "Quality", "Legacy", "admin"},
		Skills: []string{"Billing", "Spanish", "Chat", "Old"}, Languages: []string{"English", "Deutsch"},
	}
	for _, g := range lawGroups {
		members := []string{}
		for _, u := range config.Users.List {
			if c.chance(30) && u["state"] != "deleted" {
				members = append(members, u["userName"].(string))
			}
		}
		made := genesyssim.Group{Name: g, Members: members}
		if g == "Sales" && c.ruled {
			made.Rule = `userName sw "b"`
		}
		config.Groups = append(config.Groups, made)
	}
	var err error
	if w.sim, err = genesyssim.New(config, genesyssim.Options{Now: time.Now}); err != nil {
		t.Fatalf("seed %d: genesyssim.New: %v", seed, err)
	}
	if w.client, err = genesys.New(genesys.Options{
		API: "http://sim.example", ClientID: "demo", ClientSecret: "demo-secret", Transport: w.sim.Transport(), Now: time.Now,
		Rand: func() float64 { return 0 },
	}); err != nil {
		t.Fatalf("genesys.New: %v", err)
	}
	w.store = ledger.NewMemory(time.Now)
	if dir != "" {
		if w.store, err = sqlledger.Open(t.Context(), filepath.Join(dir, "law.db"), sqlledger.Options{Now: time.Now}); err != nil {
			t.Fatalf("sqlledger.Open: %v", err)
		}
	}
	t.Cleanup(func() { w.store.Close() })
	w.total = len(config.Users.List)
	return w
}

// tell says how to see a failure again.
func (w *lawWorld) tell() {
	if !w.Failed() {
		return
	}
	var b strings.Builder
	for _, t := range w.traits {
		clears := ""
		if t.clears {
			clears = ", empty clears"
		}
		fmt.Fprintf(&b, "  %s: %v%s\n", t.name, t.own, clears)
	}
	w.Logf("seed %d, switches %v, lifecycle none %v, leavers %q, restore %v, protected %q, groups %v, ruled %v, named %v, managed:\n%s%s",
		w.seed, w.set, w.bare, w.leavers, w.restore, w.shield, w.rules, w.ruled, w.named, &b, strings.Join(w.story(), "\n"))
}

// job is a run as it is configured now, over this source.
func (w *lawWorld) job(s source.Source) reconcile.Job {
	w.Helper()
	rules, managed, members := w.rulesOf()
	if w.mapped == nil {
		columns, _ := s.Columns(w.Context())
		var err error
		w.mapped, err = mapping.Compile(rules, columns, mapping.Options{Dialect: genesys.Dialect(), Timezone: w.zone, Now: time.Now()})
		if err != nil {
			w.Fatalf("Compile: %v", err)
		}
	}
	m := w.mapped
	allow := map[string]int{}
	for _, op := range []plan.Op{plan.Create, plan.Adopt, plan.Update, plan.Rename, plan.Deactivate, plan.Reactivate, plan.Delete, plan.GroupRemovals, plan.Rekey} {
		allow[string(op)] = -1
	}
	return reconcile.Job{
		Start:  ledger.Start{Sync: "law", Org: "sim.example demo", Actor: "tester"},
		Source: s, Mapping: m,
		Reader: w.client, Writer: w.client, Catalog: w.client, Stats: w.client.Stats, Store: w.store,
		Organization: func(ctx context.Context) (string, error) {
			id, _, err := w.client.Organization(ctx)
			return id, err
		},
		Input: plan.Input{
			Users: m.Shape(), Groups: scim.NewShape(displayName, target.Members), Rules: managed, Members: members, ByColumn: w.named,
			Policy: plan.Policy{
				Lifecycle: !w.bare, Protect: w.protected(), Match: []scim.Path{externalID, userName}, Limits: plan.DefaultLimits(), Allow: allow, Believe: true,
				Leaving: plan.Leaving{Action: w.leavers, After: w.after}, Restore: w.restored(), RestoreWithin: 14 * 24 * time.Hour,
			},
			Dialect: genesys.Dialect(), Basis: plan.Basis{Source: "hr.csv", Today: w.today().Format(time.DateOnly), Granted: 210},
		},
		Now: time.Now,
	}
}

func (w *lawWorld) propose(s source.Source) *plan.Plan {
	w.Helper()
	for {
		p, err := w.job(s).Plan(w.Context())
		if err == nil {
			return p.Plan
		}
		if !w.shifting(err) {
			w.Fatalf("Plan: %v", err)
		}
	}
}

// shifting tells whether err stopped a run since rows of a list changed places:
// over 1% of a small organization is one.
func (w *lawWorld) shifting(err error) bool {
	return fault.Of(err) == fault.Unavailable && w.set["list_order"] == "shuffle"
}

// settle runs until nothing is left to do, and holds what came of it against the laws.
func (w *lawWorld) settle() {
	w.Helper()
	for again := true; again; {
		again = w.round()
	}
}

// round is one run and the laws. Somebody may have to go without a userName
// that this run frees only at its end: then there is another.
func (w *lawWorld) round() (again bool) {
	w.Helper()
	before := w.truth()
	w.expect(before)
	if w.chance(20) {
		w.anyOrder()
	}
	if w.chance(20) {
		w.onlyOne()
	}
	faulty := w.trouble()
	p := w.run(faulty)
	if faulty {
		w.control(http.MethodPut, "faults", []genesyssim.Fault{})
		p = w.run(false)
	}
	time.Sleep(10 * time.Second) // member_delay
	after := w.truth()
	w.compare(before, after)
	next := w.propose(w.enterprise)
	again = next.Len() > 0 && slices.ContainsFunc(p.Findings, reused)
	if next.Len() > 0 && (!again || cmp.Equal(before, after)) {
		w.Errorf("the next plan is not empty:\n%v", lines{next})
	}
	if w.Failed() {
		w.FailNow()
	}
	return again
}

// anyOrder: the order of the source does not matter.
func (w *lawWorld) anyOrder() {
	w.Helper()
	encoded := func(s source.Source) string {
		p := w.propose(s)
		p.Basis.At, p.Cost = time.Time{}, plan.Cost{}
		var b bytes.Buffer
		if err := plan.Encode(&b, p); err != nil {
			w.Fatalf("Encode: %v", err)
		}
		return b.String()
	}
	if w.set["list_order"] != "" || w.set["heavy_page"] != "" {
		return // what is read differs between two readings
	}
	if diff := cmp.Diff(encoded(w.enterprise), encoded(w.shuffled())); diff != "" {
		w.Errorf("another order of the source gives another plan (-as it is +shuffled):\n%s", diff)
	}
}

// saved is the plan of j as it comes back from a file.
func (w *lawWorld) saved(j reconcile.Job) func(context.Context) (*reconcile.Proposal, error) {
	return func(ctx context.Context) (*reconcile.Proposal, error) {
		p, err := j.Plan(ctx)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := plan.Encode(&b, p.Plan); err != nil {
			return nil, err
		}
		read, err := plan.Decode(&b)
		if err != nil {
			return nil, err
		}
		return j.Saved(ctx, read)
	}
}

// onlyOne: a plan for one person touches nobody else.
func (w *lawWorld) onlyOne() {
	w.Helper()
	if len(w.hires) == 0 || w.set["list_order"] != "" || w.set["heavy_page"] != "" {
		return
	}
	key := oneOf(w.enterprise, w.hires...).key
	j := w.job(w.enterprise)
	j.Input.Policy.Only = []string{key}
	p, err := j.Plan(w.Context())
	if err != nil {
		w.Fatalf("Plan of %s alone: %v", key, err)
	}
	member := scim.ValueOf(map[string]any{"value": map[string]any{"$person": key}})
	for c := range p.Plan.Changes() {
		if c.Target.Type == scim.User && string(c.Key) != key && string(c.From) != key {
			w.Errorf("a plan of %s alone has %s of %s", key, c.Op, c.Key)
		}
		for _, e := range c.Edits {
			if others := slices.Concat(e.Add, e.Remove, e.Claim); c.Target.Type == scim.Group && (len(others) != 1 || others[0] != member) {
				w.Errorf("a plan of %s alone has %s of %v", key, c.Op, others)
			}
		}
	}
}

// run is one run of the plan that it answers; with faults about, it may fail.
// After a saved plan there is a run without one: who is missed in the source is
// noted by runs that read it.
func (w *lawWorld) run(faulty bool) (p *plan.Plan) {
	w.Helper()
	if !faulty && w.chance(25) {
		w.note("by a saved plan")
		j := w.job(w.enterprise)
		p = w.carryOut(j, w.saved(j), false)
		time.Sleep(10 * time.Second) // member_delay
		if next := w.live(false); next.Len() > 0 && !slices.ContainsFunc(p.Findings, reused) {
			w.Errorf("a run after that of a saved plan has:\n%v", lines{next})
		}
		return p
	}
	return w.live(faulty)
}

func (w *lawWorld) live(faulty bool) *plan.Plan {
	w.Helper()
	j := w.job(w.enterprise)
	return w.carryOut(j, j.Plan, faulty)
}

// reused tells whether somebody may have to go without a userName until the next run.
func reused(f plan.Finding) bool { return f.Code == "address-reused" }

func (w *lawWorld) carryOut(j reconcile.Job, propose func(context.Context) (*reconcile.Proposal, error), faulty bool) (p *plan.Plan) {
	w.Helper()
	r, err := j.Apply(w.Context(), "apply", propose, reconcile.Hooks{Show: func(shows *reconcile.Proposal) { p = shows.Plan }})
	if p != nil {
		w.note("run (faulty %v), exit %d:\n%v", faulty, r.Exit(), lines{p})
	}
	switch kind := fault.Of(err); {
	case err == nil:
	case faulty && (kind == fault.Unavailable || kind == fault.Throttled):
		return p
	case faulty && kind == fault.Denied && w.set["idle_expiry"] != "":
		return p // one token died of idleness and the next of the fault: two in a row are a refusal
	case w.shifting(err):
		return w.carryOut(j, propose, faulty)
	default:
		w.Fatalf("Apply: %v", err)
	}
	if !faulty && r.Failed+r.LeftOut+r.Held > 0 {
		w.Errorf("%d failed, %d left out, %d held; want none", r.Failed, r.LeftOut, r.Held)
		for e, err := range w.store.Entries(w.Context(), ledger.Filter{Run: r.Run, Kind: ledger.KindOutcome}) {
			if err == nil && !e.Outcome.Result.Fine() {
				w.Errorf("%s of %s%s: %s: %s (sent %v)", e.Op, e.Key, e.UserName, e.Outcome.Result, e.Outcome.Error, e.Outcome.Sent)
			}
		}
	}
	return p
}

// compare holds the truth after a run against what the oracle expects, and
// tells the oracle the ids of those who are new.
func (w *lawWorld) compare(before, after truth) {
	w.Helper()
	fresh := map[string]string{}
	for id, f := range after {
		if before[id] != nil {
			continue
		}
		key := ""
		for k, want := range w.created {
			if want["userName"] == f["userName"] {
				key = k
			}
		}
		if key == "" || w.links[key].id != "" {
			w.Errorf("somebody was created who must not be: %v", f)
			continue
		}
		w.links[key].id, fresh["new:"+key] = id, id
	}
	want := w.now
	for key, f := range w.created {
		if w.links[key].id == "" {
			w.Errorf("%s was not created: %v", key, f)
			delete(w.links, key)
			continue
		}
		want[w.links[key].id] = f
	}
	for _, f := range want {
		if id := fresh[f["manager"]]; id != "" {
			f["manager"] = id
		}
	}
	if len(after) != w.total+len(w.created) {
		w.Errorf("%d users; want %d and %d new ones", len(after), w.total, len(w.created))
	}
	w.total = len(after)
	names := map[string]string{}
	for key, l := range w.links {
		names[l.id] = key
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if diff := cmp.Diff(want[id], after[id]); diff != "" {
			w.Errorf("user %s (%s), before %v (-want +got):\n%s", id, names[id], before[id], diff)
		}
	}
}

// account: the ledger is sound and knows of every write that the organization saw.
func (w *lawWorld) account() {
	w.Helper()
	v, err := w.store.Verify(w.Context(), "")
	if err != nil || len(v.Faults) > 0 {
		w.Errorf("Verify: %v, faults %q", err, v.Faults)
	}
	intended, settled := map[string]int{}, map[string]bool{}
	targets := map[string]bool{}
	for e, err := range w.store.Entries(w.Context(), ledger.Filter{}) {
		switch {
		case err != nil:
			w.Fatalf("Entries: %v", err)
		case e.Kind == ledger.KindIntent:
			intended[string(e.Run)+e.Change.ID]++
			targets[e.Change.Target.ID] = true
		case e.Kind == ledger.KindOutcome:
			settled[e.Outcome.Change] = true
			targets[e.Outcome.Ref.ID] = true
			if e.Outcome.Correlation != "" {
				targets[e.Outcome.Correlation] = true
			}
		}
	}
	for at, n := range intended {
		if id := at[len(at)-len(anyID(settled, at)):]; n != 1 || id == "" {
			w.Errorf("change %s was intended %d times, settled %v", at, n, id != "")
		}
	}
	var log struct {
		Requests []struct {
			Method, Path, CorrelationID string
			Fault                       any
			Status                      int
		}
	}
	if err := json.Unmarshal(w.control(http.MethodGet, "requests", nil), &log); err != nil {
		w.Fatalf("requests: %v", err)
	}
	for _, r := range log.Requests {
		_, id, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
		if r.Method != http.MethodGet && r.Path != "/oauth/token" && r.Fault == nil && !targets[id] && !targets[r.CorrelationID] {
			w.Errorf("%s %s (%d) has no intent in the ledger", r.Method, r.Path, r.Status)
		}
	}
}

// anyID is the id of a settled change with which at ends; "" where there is none.
func anyID(settled map[string]bool, at string) string {
	for id := range settled {
		if strings.HasSuffix(at, id) {
			return id
		}
	}
	return ""
}

// lines is a plan as failures show it.
type lines struct{ *plan.Plan }

func (p lines) String() string {
	var b strings.Builder
	for c := range p.Changes() {
		fmt.Fprintf(&b, "  %d %s %s %s %s (%s) held %q\n", c.Wave, c.Op, c.Key, c.UserName, c.Target.ID, c.Reason, c.Held)
		for _, e := range c.Edits {
			fmt.Fprintf(&b, "      %s: %v -> set %v add %v remove %v claim %v\n", e.Path, e.Before, e.Set, e.Add, e.Remove, e.Claim)
		}
	}
	for _, f := range p.Findings {
		fmt.Fprintf(&b, "  %s %s %s %s: %s\n", f.Severity, f.Code, f.Key, f.Place, f.Text)
	}
	return b.String()
}
