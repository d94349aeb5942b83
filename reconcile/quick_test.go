package reconcile_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

// quick applies what a quick plan says, and answers which requests it took.
func (o *org) quick() (*reconcile.Report, map[string]int) {
	o.Helper()
	since := o.requested()
	r, err := o.job.Apply(o.Context(), "apply", o.job.Quick, reconcile.Hooks{})
	if err != nil {
		o.Fatalf("Apply: %v", err)
	}
	took := o.requested()
	for k, n := range since {
		if took[k] -= n; took[k] == 0 {
			delete(took, k)
		}
	}
	return r, took
}

// requested counts the requests that the organization has seen, by method, kind of path and status.
func (o *org) requested() map[string]int {
	o.Helper()
	var stats struct {
		By []struct {
			Method, Path  string
			Status, Count int
		}
	}
	if err := json.Unmarshal(o.control(http.MethodGet, "stats", nil), &stats); err != nil {
		o.Fatalf("stats: %v", err)
	}
	counts := map[string]int{}
	for _, b := range stats.By {
		counts[fmt.Sprintf("%s %s %d", b.Method, b.Path, b.Status)] += b.Count
	}
	return counts
}

// settled tells that nothing is left: a quick run has nothing to do and asks
// nothing, and a full plan, which asks everything, is empty.
func (o *org) settled() {
	o.Helper()
	if r, took := o.quick(); len(took) > 0 || r.Planned > 0 {
		o.Errorf("a quick run with nothing due planned %d changes and took %v", r.Planned, took)
	}
	if p := o.plan(); p.Len() > 0 {
		o.Errorf("a full plan is not empty:\n%v", lines{p})
	}
}

const (
	patched  = "PATCH /users/{id} 200"
	read     = "GET /users/{id} 200"
	conflict = "PATCH /users/{id} 400"
	created  = "POST /users 201"
	joined   = "PATCH /groups/{id} 200"
	looked   = "GET /users 200"
	deleted  = "GET /api/v2/users 200"
	named    = "GET /api/v2/authorization/roles 200"         // a name is checked before somebody is given it
	carried  = "GET /api/v2/authorization/subjects/{id} 200" // what a group carries before somebody joins it
	granted  = carried                                       // and what a leaver has before they go
)

func TestQuickSendsWhatIsDueAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*org)
		want   map[string]int
	}{
		"nothing is due": {func(*org) {}, map[string]int{}},
		"a title":        {func(o *org) { o.source.rows[3].title = "Lead" }, map[string]int{patched: 1}},
		"a title of a user whom somebody else edited": {
			func(o *org) {
				o.edit("e003@example.com", "title", "Star")
				o.source.rows[3].title = "Lead"
			},
			map[string]int{conflict: 1, read: 1, patched: 1},
		},
		"a role is read first": {
			func(o *org) {
				o.source.rows[1].dept, o.source.rows[2].dept = o.source.rows[2].dept, o.source.rows[1].dept
			},
			map[string]int{read: 2, patched: 2, named: 1},
		},
		"a joiner": {func(o *org) { o.source.rows = company(31) }, map[string]int{looked: 2, deleted: 1, created: 1, joined: 1, carried: 1, named: 1}},
		"a leaver": {func(o *org) { o.source.rows = o.source.rows[:29] }, map[string]int{read: 1, granted: 1, patched: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil, company(30)...)
				o.apply()
				tt.change(o)
				if _, took := o.quick(); !maps.Equal(took, tt.want) {
					t.Errorf("took %v, want %v", took, tt.want)
				}
				o.settled()
			})
		})
	}
}

// TestQuickLaw: whatever the source says, and whoever else edits what is not
// managed, a quick run leaves nothing for a full comparison to do.
func TestQuickLaw(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				chance := rand.New(rand.NewPCG(seed, 11))
				o := newOrg(t, nil, company(40)...)
				o.job.Input.Policy.Allow = map[string]int{string(plan.Deactivate): -1, string(plan.Update): -1, string(plan.GroupRemovals): -1, string(plan.Rename): -1}
				o.apply()
				next := 40
				for range 4 {
					time.Sleep(time.Hour)
					for range 1 + chance.IntN(3) {
						next = o.stir(chance, next)
					}
					o.quick()
					o.settled()
				}
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			})
		})
	}
}

// stir lets something happen to somebody.
func (o *org) stir(chance *rand.Rand, next int) int {
	n := 1 + chance.IntN(len(o.source.rows)-1)
	r := &o.source.rows[n]
	switch chance.IntN(8) {
	case 0:
		r.title = fmt.Sprintf("Title %d", chance.IntN(9))
	case 1:
		r.dept = []string{"Sales", "Service"}[chance.IntN(2)]
	case 2:
		r.boss = o.source.rows[0].key
		if n > 1 {
			r.boss = o.source.rows[1+chance.IntN(n-1)].key
		}
	case 3:
		o.source.rows = slices.Delete(o.source.rows, n, n+1)
	case 4:
		r.gone = !r.gone
	case 5, 6:
		o.source.rows = append(o.source.rows, row{key: fmt.Sprintf("e%03d", next), name: "New", title: "Clerk", boss: "e000", dept: "Sales"})
		next++
	default:
		if p, there := o.people()[r.mail()]; there && p.State == "active" {
			o.edit(r.mail(), `phoneNumbers[type eq "work"].value`, fmt.Sprintf("+1317555%04d", chance.IntN(1000)))
		}
	}
	return next
}

// TestQuickFindsWhatIsDueBesideNewRows: a row that says what it said may be due
// all the same (design §11).
func TestQuickFindsWhatIsDueBesideNewRows(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		before func(*org) // what the full run is told
		then   func(*org)
		want   map[string]int
		when   time.Duration // after the full run
	}{
		"a change that failed, when its pause is over": {
			before: func(o *org) { o.source.rows[3].title = "Lead"; o.faults("PATCH /users/*", "stale") },
			when:   6 * time.Minute,
			want:   map[string]int{conflict: 1, read: 1, patched: 1}, // what failed was a conflict
		},
		"not before it is over": {
			before: func(o *org) { o.source.rows[3].title = "Lead"; o.faults("PATCH /users/*", "stale") },
			when:   2 * time.Minute,
			want:   map[string]int{},
		},
		"a row that changed meanwhile is not kept waiting": {
			before: func(o *org) { o.source.rows[3].title = "Lead"; o.faults("PATCH /users/*", "stale") },
			then:   func(o *org) { o.source.rows[3].title = "Head" },
			when:   2 * time.Minute,
			want:   map[string]int{conflict: 1, read: 1, patched: 1},
		},
		"a manager who was not there": {
			before: func(o *org) { o.source.rows[3].boss = "e030" },
			then:   func(o *org) { o.source.rows = append(o.source.rows, company(31)[30]) },
			when:   time.Minute,
			want:   map[string]int{looked: 2, deleted: 1, named: 1, carried: 1, created: 1, joined: 1, patched: 1},
		},
		"a membership that failed": {
			before: func(o *org) { o.source.rows = company(31); o.faults("PATCH /groups/*", "500") },
			when:   6 * time.Minute,
			want:   map[string]int{"GET /groups/{id} 200": 1, carried: 1, joined: 1},
		},
		"a leaver whose days are over": {
			before: func(o *org) { o.job.Input.Policy.Leaving.After = 3; o.source.rows = o.source.rows[:29] },
			when:   3 * day,
			want:   map[string]int{read: 1, granted: 1, patched: 1},
		},
		"a leaver whose days are not over": {
			before: func(o *org) { o.job.Input.Policy.Leaving.After = 3; o.source.rows = o.source.rows[:29] },
			when:   2 * day,
			want:   map[string]int{},
		},
		"somebody who is back as they were": {
			before: func(o *org) { o.source.rows = o.source.rows[:29] },
			then:   func(o *org) { o.source.rows = company(30) },
			when:   day,
			want:   map[string]int{read: 1, patched: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, nil, company(30)...)
				o.apply()
				tt.before(o)
				if _, err := o.job.Apply(t.Context(), "apply", o.job.Plan, reconcile.Hooks{}); err != nil {
					t.Fatalf("Apply: %v", err)
				}
				o.control(http.MethodPut, "faults", []genesyssim.Fault{})
				time.Sleep(tt.when)
				if tt.then != nil {
					tt.then(o)
				}
				o.job.Input.Basis.Today = time.Now().UTC().Format(time.DateOnly)
				if _, took := o.quick(); !maps.Equal(took, tt.want) {
					t.Errorf("took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// faults makes requests fail.
func (o *org) faults(match, do string) {
	o.Helper()
	o.control(http.MethodPut, "faults", []map[string]any{{"match": match, "do": do}})
}

// TestQuickReadsWhatIsNewlyManaged: of an attribute that nobody asked for so far
// the ledger knows nothing.
func TestQuickReadsWhatIsNewlyManaged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(45)...)
		all := o.job
		o.job = o.without(title)
		o.apply()
		o.job = all
		r, took := o.quick()
		if took["GET /users 200"] == 0 || r.Succeeded != 45 {
			t.Errorf("took %v, %d succeeded; want the list and 45 titles: that is cheaper than 45 users one by one", took, r.Succeeded)
		}
		o.settled()
	})
}

// TestQuickStopsWhereTheLedgerIsContradicted: an old copy of the ledger, or
// another organization, is noticed before anything is written over.
func TestQuickStopsWhereTheLedgerIsContradicted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*org){
		"a user who is gone": func(o *org) {
			o.control(http.MethodPost, "edit", map[string]any{"user": "e003@example.com", "delete": true})
		},
		"versions that went back, and gaps": func(o *org) { o.control(http.MethodPost, "reset", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, func(c *genesyssim.Config) {
					for _, r := range company(30)[3:5] {
						c.Users.List = append(c.Users.List, map[string]any{"userName": r.mail(), "displayName": "Once " + r.name})
					}
				}, company(30)...)
				o.job.Input.Policy.Allow = map[string]int{string(plan.Adopt): -1, string(plan.Create): -1}
				o.apply()
				change(o)
				o.source.rows[3].title = "Lead"
				o.source.rows[4].title = "Lead"
				r, took := o.quick()
				if !slices.ContainsFunc(r.Findings, func(f plan.Finding) bool { return f.Code == "ledger-contradicted" }) || took[looked] == 0 {
					t.Errorf("findings %v, took %v; want a full comparison that says why", r.Findings, took)
				}
				if got := o.people()["e004@example.com"].Title; got != "Lead" {
					t.Errorf("title = %q, want Lead: one person's trouble stops nobody else", got)
				}
			})
		})
	}
}

// without is the job before p was managed.
func (o *org) without(p scim.Path) reconcile.Job {
	o.Helper()
	r := rules()
	r.Attributes = slices.DeleteFunc(r.Attributes, func(a mapping.Attribute) bool { return a.Path == p })
	all, _ := o.source.Columns(o.Context())
	m, err := mapping.Compile(r, all, mapping.Options{Dialect: genesys.Dialect(), Timezone: time.UTC, Now: time.Now()})
	if err != nil {
		o.Fatalf("Compile: %v", err)
	}
	j := o.job
	j.Mapping, j.Input.Users = m, m.Shape()
	j.Input.Rules = slices.DeleteFunc(slices.Clone(j.Input.Rules), func(r plan.Rule) bool { return r.Path == p })
	return j
}

// TestOnlyNobody: a name that is nobody's is told, and the nearest, however
// many there are and whoever is there already.
func TestOnlyNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(300)...)
		o.apply()
		o.source.rows[7].title = "Lead"
		o.job.Input.Policy.Only = []string{"e0070@example.com", "e007"}
		for _, propose := range []reconcile.Propose{o.job.Plan, o.job.Quick} {
			p, err := propose(t.Context())
			if err != nil {
				t.Fatalf("propose: %v", err)
			}
			if i := slices.IndexFunc(p.Plan.Findings, func(f plan.Finding) bool { return f.Code == "unknown-who" }); i < 0 || p.Plan.Len() != 1 {
				t.Errorf("%d changes, findings %v; want one, and that one name is nobody's", p.Plan.Len(), p.Plan.Findings)
			}
		}
	})
}

// TestConfirmedIsNotCounted: that somebody is as desired is no update, and no limit counts it.
func TestConfirmedIsNotCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(20)...)
		o.apply()
		o.when("false")
		o.job.Input.Policy.Allow = map[string]int{string(plan.GroupRemovals): -1}
		o.apply()
		counts, err := o.ledger.Counts(t.Context(), time.Now().Add(-time.Hour))
		if err != nil || counts[plan.Update] != 0 || counts[plan.Confirm] == 0 {
			t.Errorf("Counts = %v, %v; want no update, and somebody confirmed", counts, err)
		}
	})
}
