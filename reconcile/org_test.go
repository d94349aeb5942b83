package reconcile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/ledger"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

// bubble runs a test in a bubble of its own time.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	t.Parallel()
	inBubble(t, f)
}

func inBubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// A row is one record of the sample source.
type row struct {
	key, name, title, boss, dept string
	gone                         bool  // active is false
	bad                          error // it cannot be read
}

func (r row) mail() string { return r.key + "@example.com" }

// A table is a source in memory.
type table struct {
	rows []row
	fail error // ends the reading
}

var columns = []string{"Mail", "Name", "Title", "Boss", "Dept", "Active"}

func (s *table) Columns(context.Context) ([]source.Column, error) {
	all := make([]source.Column, len(columns))
	for i, name := range columns {
		all[i] = source.Column{Name: name, Kind: source.Text}
	}
	return all, nil
}

func (s *table) Records(_ context.Context, wanted []string) iter.Seq2[source.Record, error] {
	return func(yield func(source.Record, error) bool) {
		for i, r := range s.rows {
			place := source.Place{Source: "hr.csv", Line: i + 2}
			if r.bad != nil {
				if !yield(source.Record{}, &source.RecordError{Key: source.Key(r.key), Place: place, Err: r.bad}) {
					return
				}
				continue
			}
			have := map[string]any{"Mail": r.mail(), "Name": r.name, "Title": r.title, "Boss": r.boss, "Dept": r.dept, "Active": fmt.Sprint(!r.gone)}
			values := make([]any, len(wanted))
			for i, name := range wanted {
				values[i] = have[name]
			}
			if !yield(source.Record{Key: source.Key(r.key), Place: place, Values: values}, nil) {
				return
			}
		}
		if s.fail != nil {
			yield(source.Record{}, s.fail)
		}
	}
}

const (
	userName    scim.Path = "userName"
	displayName scim.Path = "displayName"
	active      scim.Path = "active"
	title       scim.Path = "title"
	externalID  scim.Path = "externalId"
	roles       scim.Path = "roles"
	department  scim.Path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
	manager     scim.Path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"
)

func attribute(p scim.Path, text string) mapping.Attribute {
	return mapping.Attribute{Path: p, Expr: mapping.Expr{Text: text, Label: "people." + string(p)}}
}

func rules() mapping.Rules {
	return mapping.Rules{
		Where: mapping.Expr{Text: `row.Dept != "Outside"`, Label: "source.where"},
		Attributes: []mapping.Attribute{
			attribute(userName, "row.Mail"), attribute(displayName, "row.Name"), attribute(active, `row.Active == "true"`),
			attribute(title, "row.Title"), attribute(externalID, "row.Mail"), attribute(department, "row.Dept"), attribute(manager, "person(row.Boss)"),
			attribute(roles, `row.Dept == "Sales" ? ["Sales Agent"] : []`),
		},
		Groups: []mapping.Group{{Name: "Everybody", When: mapping.Expr{Text: `true`, Label: "groups.Everybody"}}},
	}
}

// An org is a simulated organization, a source, a ledger in memory and a job over them.
type org struct {
	*testing.T

	sim    *genesyssim.Server
	client *genesys.Client
	source *table
	ledger *ledger.Memory
	job    reconcile.Job
}

// newOrg has nobody in it but two groups; call it within a bubble.
func newOrg(t *testing.T, change func(*genesyssim.Config), rows ...row) *org {
	t.Helper()
	c := genesyssim.Config{
		Users:  genesyssim.Users{List: []map[string]any{}},
		Groups: []genesyssim.Group{{Name: "Everybody"}, {Name: "Night"}, {Name: "Rule", Rule: `displayName eq "Nobody"`}},
	}
	if change != nil {
		change(&c)
	}
	sim, err := genesyssim.New(c, genesyssim.Options{Now: time.Now})
	if err != nil {
		t.Fatalf("genesyssim.New: %v", err)
	}
	o := &org{T: t, sim: sim, source: &table{rows: rows}, ledger: ledger.NewMemory(time.Now)}
	o.client, err = genesys.New(genesys.Options{
		API: "http://sim.example", ClientID: "demo", ClientSecret: "demo-secret", Transport: sim.Transport(), Now: time.Now,
		Rand: func() float64 { return 0 },
	})
	if err != nil {
		t.Fatalf("genesys.New: %v", err)
	}
	o.job = o.newJob()
	return o
}

func (o *org) newJob() reconcile.Job {
	o.Helper()
	all, _ := o.source.Columns(o.Context())
	m, err := mapping.Compile(rules(), all, mapping.Options{Dialect: genesys.Dialect(), Timezone: time.UTC, Now: time.Now()})
	if err != nil {
		o.Fatalf("Compile: %v", err)
	}
	managed := []plan.Rule{}
	for _, a := range rules().Attributes {
		own := plan.Managed
		if a.Path == roles {
			own = plan.Mine
		}
		managed = append(managed, plan.Rule{Path: a.Path, Own: own})
	}
	return reconcile.Job{
		Start:  ledger.Start{Sync: "test", Org: "sim.example demo", Actor: "tester"},
		Source: o.source, Mapping: m,
		Reader: o.client, Writer: o.client, Catalog: o.client, Stats: o.client.Stats, Store: o.ledger,
		Organization: func(ctx context.Context) (string, error) {
			id, _, err := o.client.Organization(ctx)
			return id, err
		},
		Input: plan.Input{
			Users: m.Shape(), Groups: scim.NewShape(displayName, target.Members), Rules: managed,
			Members: []plan.GroupRule{{Name: "Everybody", Own: plan.Mine}},
			Policy: plan.Policy{
				Lifecycle: true, Match: []scim.Path{externalID, userName}, Limits: plan.DefaultLimits(),
				Leaving: plan.Leaving{Action: "deactivate"},
			},
			Dialect: genesys.Dialect(), Basis: plan.Basis{Source: "hr.csv", Today: m.Today(), Granted: 210},
		},
		Now: time.Now,
	}
}

// control sends one request to /_sim.
func (o *org) control(method, path string, body any) []byte {
	o.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		o.Fatalf("marshal: %v", err)
	}
	r, err := http.NewRequestWithContext(o.Context(), method, "http://sim.example/_sim/"+path, bytes.NewReader(text))
	if err != nil {
		o.Fatalf("request: %v", err)
	}
	res, err := o.sim.Transport().RoundTrip(r)
	if err != nil {
		o.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil || res.StatusCode >= 300 {
		o.Fatalf("%s %s = %d %s, error %v", method, path, res.StatusCode, b.String(), err)
	}
	return b.Bytes()
}

// A person is a user as the organization truly has them.
type person struct {
	ID, UserName, Title, DisplayName, State, ExternalID string

	Roles, Groups, Emails []map[string]any
	Ext                   map[string]any `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

// people are those who are not deleted, by userName.
func (o *org) people() map[string]person {
	o.Helper()
	var all struct{ Users []person }
	if err := json.Unmarshal(o.control(http.MethodGet, "users", nil), &all); err != nil {
		o.Fatalf("users: %v", err)
	}
	by := map[string]person{}
	for _, p := range all.Users {
		if _, twice := by[p.UserName]; twice {
			o.Errorf("userName %s occurs twice", p.UserName)
		}
		by[p.UserName] = p
	}
	return by
}

// members are the userNames in a group.
func (o *org) members(group string) (names []string) {
	o.Helper()
	var all struct {
		Groups []struct {
			ID, DisplayName string
			Members         []struct{ Value string }
		}
	}
	if err := json.Unmarshal(o.control(http.MethodGet, "groups", nil), &all); err != nil {
		o.Fatalf("groups: %v", err)
	}
	byID := map[string]string{}
	for _, p := range o.people() {
		byID[p.ID] = p.UserName
	}
	for _, g := range all.Groups {
		for _, m := range g.Members {
			if g.DisplayName == group {
				names = append(names, byID[m.Value])
			}
		}
	}
	slices.Sort(names)
	return names
}

func (o *org) groupID(name string) string {
	o.Helper()
	var all struct {
		Groups []struct{ ID, DisplayName string }
	}
	if err := json.Unmarshal(o.control(http.MethodGet, "groups", nil), &all); err != nil {
		o.Fatalf("groups: %v", err)
	}
	for _, g := range all.Groups {
		if g.DisplayName == name {
			return g.ID
		}
	}
	o.Fatalf("group %s: not there", name)
	return ""
}

// plan plans and fails the test on an error.
func (o *org) plan() *plan.Plan {
	o.Helper()
	p, err := o.job.Plan(o.Context())
	if err != nil {
		o.Fatalf("Plan: %v", err)
	}
	return p.Plan
}

// apply plans and applies, and fails the test on an error.
func (o *org) apply() *reconcile.Report {
	o.Helper()
	r, err := o.job.Apply(o.Context(), "apply", o.job.Plan, reconcile.Hooks{})
	if err != nil {
		o.Fatalf("Apply: %v", err)
	}
	return r
}

// company is a boss and n-1 people, half of them in Sales.
func company(n int) []row {
	rows := []row{{key: "e000", name: "Boss", title: "Head", dept: "Board"}}
	for i := 1; i < n; i++ {
		dept := []string{"Sales", "Service"}[i%2]
		rows = append(rows, row{key: fmt.Sprintf("e%03d", i), name: fmt.Sprintf("Person %d", i), title: "Clerk", boss: "e000", dept: dept})
	}
	return rows
}

// ops counts the changes of a plan by op.
func ops(p *plan.Plan) map[plan.Op]int {
	counts := map[plan.Op]int{}
	for c := range p.Changes() {
		counts[c.Op]++
	}
	return counts
}
