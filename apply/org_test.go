package apply_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"rollcall/apply"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

const (
	userName    scim.Path = "userName"
	displayName scim.Path = "displayName"
	active      scim.Path = "active"
	title       scim.Path = "title"
	roles       scim.Path = "roles"
	members     scim.Path = "members"
	department  scim.Path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
	manager     scim.Path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"
)

var (
	users  = scim.NewShape(userName, displayName, active, title, department, manager, roles)
	groups = scim.NewShape(displayName, members)
)

// An org is a simulated organization with a client and a ledger in memory.
type org struct {
	*testing.T

	sim    *genesyssim.Server
	client *genesys.Client
	ledger *ledger.Memory
	run    ledger.RunID
	writer target.Writer // what apply writes with: the client, or a double around it
	reader target.Reader
}

// newOrg has three people and two groups; call it within a synctest bubble.
func newOrg(t *testing.T, change func(*genesyssim.Config)) *org {
	t.Helper()
	c := genesyssim.Config{
		Users: genesyssim.Users{List: []map[string]any{
			{"userName": "ada@example.com", "displayName": "Ada Byron", "title": "Clerk"},
			{"userName": "ben@example.com", "displayName": "Ben Okri", "title": "Clerk"},
			{"userName": "cleo@example.com", "displayName": "Cleo Ray", "title": "Clerk"},
		}},
		Groups: []genesyssim.Group{{Name: "Day"}, {Name: "Night", Rule: `displayName eq "Cleo Ray"`}},
	}
	if change != nil {
		change(&c)
	}
	sim, err := genesyssim.New(c, genesyssim.Options{Now: time.Now})
	if err != nil {
		t.Fatalf("genesyssim.New: %v", err)
	}
	o := &org{T: t, sim: sim, ledger: ledger.NewMemory(time.Now)}
	o.client = o.login("demo", "demo-secret")
	o.writer, o.reader = o.client, o.client
	o.begin()
	return o
}

func (o *org) login(id, secret string) *genesys.Client {
	o.Helper()
	client, err := genesys.New(genesys.Options{
		API: "http://sim.example", ClientID: id, ClientSecret: secret, Transport: o.sim.Transport(), Now: time.Now,
		Rand: func() float64 { return 0 },
	})
	if err != nil {
		o.Fatalf("genesys.New: %v", err)
	}
	return client
}

func (o *org) begin() {
	o.Helper()
	var err error
	if o.run, err = o.ledger.Begin(o.Context(), ledger.Start{Sync: "test", Org: "test", Command: "apply"}); err != nil {
		o.Fatalf("Begin: %v", err)
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

func (o *org) faults(list ...genesyssim.Fault) {
	o.Helper()
	o.control(http.MethodPut, "faults", list)
}

// edit is somebody else's change of a user.
func (o *org) edit(who string, path scim.Path, value any) {
	o.Helper()
	o.control(http.MethodPost, "edit", map[string]any{
		"user": who, "operations": []map[string]any{{"op": "replace", "path": path, "value": value}},
	})
}

// A person is a user as the organization truly has them.
type person struct {
	ID       string            `json:"id"`
	UserName string            `json:"userName"`
	Title    string            `json:"title"`
	Display  string            `json:"displayName"`
	State    string            `json:"state"`
	Roles    []map[string]any  `json:"roles"`
	Ext      map[string]any    `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
	Meta     map[string]string `json:"-"`
}

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

func (o *org) members(group string) []string {
	o.Helper()
	var all struct {
		Groups []struct {
			DisplayName string
			Members     []struct{ Value string }
		}
	}
	if err := json.Unmarshal(o.control(http.MethodGet, "groups", nil), &all); err != nil {
		o.Fatalf("groups: %v", err)
	}
	var ids []string
	for _, g := range all.Groups {
		for _, m := range g.Members {
			if g.DisplayName == group {
				ids = append(ids, m.Value)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// ref is a user as a listing shows them now.
func (o *org) ref(name string) scim.Ref {
	o.Helper()
	for u, err := range o.client.Read(o.Context(), target.Query{Ask: target.ByUserName, Type: scim.User, Who: name}, users) {
		if err != nil {
			o.Fatalf("Read(%s): %v", name, err)
		}
		return u.Ref
	}
	o.Fatalf("Read(%s): nobody", name)
	return scim.Ref{}
}

func (o *org) group(name string) scim.Ref {
	o.Helper()
	for g, err := range o.client.Read(o.Context(), target.Query{Ask: target.Page, Type: scim.Group}, groups) {
		if err != nil {
			o.Fatalf("Read groups: %v", err)
		}
		if v, _ := g.Row.At(displayName); len(v) == 1 && v[0] == text(name) {
			return g.Ref
		}
	}
	o.Fatalf("group %s: not there", name)
	return scim.Ref{}
}

func text(s string) scim.Value { return scim.ValueOf(s) }

func set(p scim.Path, before, after any) plan.Edit {
	e := plan.Edit{Path: p, Whole: true}
	if before != nil {
		e.Before = []scim.Value{scim.ValueOf(before)}
	}
	if after != nil {
		e.Set = []scim.Value{scim.ValueOf(after)}
	}
	return e
}

func role(name string) scim.Value { return scim.ValueOf(map[string]any{"value": name}) }

func create(k source.Key, wave int, edits ...plan.Edit) plan.Change {
	name := string(k) + "@example.com"
	return plan.Change{
		Op: plan.Create, Key: k, UserName: name, Target: scim.Ref{Type: scim.User}, Wave: wave,
		Edits: append([]plan.Edit{set(userName, nil, name), set(displayName, nil, "Person "+string(k)), set(active, nil, true)}, edits...),
	}
}

func update(k source.Key, ref scim.Ref, edits ...plan.Edit) plan.Change {
	return plan.Change{Op: plan.Update, Key: k, UserName: string(k) + "@example.com", Target: ref, Wave: 10, Edits: edits}
}

func join(ref scim.Ref, wave int, who ...any) plan.Change {
	e := plan.Edit{Path: members, ID: "value"}
	for _, w := range who {
		e.Add = append(e.Add, scim.ValueOf(map[string]any{"value": w}))
	}
	return plan.Change{Op: plan.Join, UserName: "Day", Target: ref, Wave: wave, Edits: []plan.Edit{e}}
}

// planOf is a plan without limits.
func planOf(changes ...plan.Change) *plan.Plan {
	free := map[plan.Op]plan.Bound{}
	for op := range plan.DefaultLimits() {
		free[op] = plan.Bound{N: -1}
	}
	in := plan.Input{Users: users, Groups: groups, Dialect: genesys.Dialect(), Policy: plan.Policy{Limits: free, Lifecycle: true}}
	return plan.Of(in, slices.Values(changes), nil)
}

func (o *org) options() apply.Options {
	return apply.Options{Run: o.run, Dialect: genesys.Dialect(), Users: users, Groups: groups, Now: time.Now}
}

// apply carries the changes out and answers with the outcomes by key (of groups by name).
func (o *org) apply(ctx context.Context, p *plan.Plan, change func(*apply.Options)) (map[string]ledger.Outcome, *apply.Tally, error) {
	o.Helper()
	options := o.options()
	outcomes := map[string]ledger.Outcome{}
	options.Progress = func(e apply.Event) {
		if who := string(e.Change.Key); who != "" {
			outcomes[who] = e.Outcome
		} else {
			outcomes[e.Change.UserName] = e.Outcome
		}
	}
	if change != nil {
		change(&options)
	}
	tally, err := apply.Run(ctx, p, o.reader, o.writer, o.ledger, options)
	return outcomes, tally, err
}

// want applies and fails the test on an error.
func (o *org) want(p *plan.Plan, change func(*apply.Options)) map[string]ledger.Outcome {
	o.Helper()
	outcomes, _, err := o.apply(o.Context(), p, change)
	if err != nil {
		o.Fatalf("Run: %v", err)
	}
	return outcomes
}

// A writer is a double around another.
type writer struct {
	target.Writer

	SendFunc func(context.Context, target.Request, *scim.Shape) (target.Answer, error)
}

func (w writer) Send(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
	return w.SendFunc(ctx, r, s)
}
