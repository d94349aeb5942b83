package reconcile_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/ledger"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/target/genesys"
)

// A hop is a transport of a test: it may answer in the place of the simulator.
type hop func(*http.Request, http.RoundTripper) (*http.Response, error)

// through sends every request of o's runs by way of h.
func (o *org) through(h hop) {
	o.Helper()
	var err error
	o.client, err = genesys.New(genesys.Options{
		API: "http://sim.example", ClientID: "demo", ClientSecret: "demo-secret", Now: time.Now, Rand: func() float64 { return 0 },
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) { return h(r, o.sim.Transport()) }),
	})
	if err != nil {
		o.Fatalf("genesys.New: %v", err)
	}
	o.job = o.newJob()
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// bySales puts those in Sales into Night and the others into Everybody.
func (o *org) bySales() {
	o.Helper()
	r := rules()
	r.Groups = []mapping.Group{
		{Name: "Everybody", When: mapping.Expr{Text: `row.Dept != "Sales"`, Label: "groups.Everybody"}},
		{Name: "Night", When: mapping.Expr{Text: `row.Dept == "Sales"`, Label: "groups.Night"}},
	}
	all, _ := o.source.Columns(o.Context())
	m, err := mapping.Compile(r, all, mapping.Options{Dialect: genesys.Dialect(), Timezone: time.UTC, Now: time.Now()})
	if err != nil {
		o.Fatalf("Compile: %v", err)
	}
	o.job.Mapping = m
	o.job.Input.Members = []plan.GroupRule{{Name: "Everybody", Own: plan.Exact}, {Name: "Night", Own: plan.Mine}}
	o.job.Input.Policy.Allow = map[string]int{string(plan.GroupRemovals): -1, string(plan.Update): -1}
}

func TestWhoMovesBetweenGroupsIsNeverInNeither(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(121)...)
		var mu sync.Mutex
		writes, watching := 0, false
		o.through(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			res, err := next.RoundTrip(r)
			if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "groups/") && watching {
				mu.Lock()
				defer mu.Unlock()
				writes++
				in := append(o.members("Everybody"), o.members("Night")...)
				slices.Sort(in)
				if n := len(slices.Compact(in)); n != 121 {
					o.Errorf("after %d writes to groups %d of 121 people are in one", writes, n)
				}
			}
			return res, err
		})
		o.bySales()
		o.apply()
		watching = true
		for i := range o.source.rows {
			o.source.rows[i].dept = map[string]string{"Sales": "Service"}[o.source.rows[i].dept]
			if o.source.rows[i].dept == "" {
				o.source.rows[i].dept = "Sales"
			}
		}
		if r := o.apply(); r.Failed+r.Held+r.LeftOut > 0 {
			t.Fatalf("%d failed, %d held, %d left out; want none", r.Failed, r.Held, r.LeftOut)
		}
		if len(o.members("Everybody")) != 60 || len(o.members("Night")) != 61 || writes != 8 {
			t.Errorf("%d in Everybody, %d in Night after %d writes; want 60 and 61 after 8", len(o.members("Everybody")), len(o.members("Night")), writes)
		}
	})
}

// A bound that only the service knows: nobody but the person is held up, and the report says who.
func TestANameThatTheServiceRefusesStopsNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rows := company(5)
		rows[2].name = strings.Repeat("Longname ", 34)
		o := newOrg(t, nil, rows...)
		o.through(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if r.Method != http.MethodPost || !strings.HasSuffix(strings.ToLower(r.URL.Path), "/users") {
				return next.RoundTrip(r)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Contains(body, []byte("Longname")) {
				r.Body = io.NopCloser(bytes.NewReader(body))
				return next.RoundTrip(r)
			}
			text := `{"message": "The name is too long.", "code": "bad.request", "status": 400, "contextId": "c1"}`
			return &http.Response{
				StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
				Body: io.NopCloser(strings.NewReader(text)),
			}, nil
		})
		r := o.apply()
		if r.Succeeded != 5 || r.Failed != 1 || r.Exit() != 4 {
			t.Errorf("%d succeeded, %d failed, exit %d; want 5, 1, 4", r.Succeeded, r.Failed, r.Exit())
		}
		if n := len(o.people()); n != 4 {
			t.Errorf("%d users; want 4", n)
		}
		failed := ""
		for e, err := range o.ledger.Entries(t.Context(), ledger.Filter{Run: r.Run, Kind: ledger.KindOutcome}) {
			if err == nil && !e.Outcome.Result.Fine() {
				failed += fmt.Sprintf("%s: %s", e.Key, e.Outcome.Error)
			}
		}
		if !strings.HasPrefix(failed, "e002: ") || !strings.Contains(failed, "status 400") || strings.Contains(failed, "Longname") {
			t.Errorf("failed: %q; want e002 with the status, and no name in it", failed)
		}
	})
}
