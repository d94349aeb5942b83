package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/target/genesyssim"
)

// staff are three users that nobody linked.
func staff(c *genesyssim.Config) {
	c.Users.List = []map[string]any{
		{
			"userName": "ada@example.com", "displayName": "Ada Byron", "title": "Clerk", "externalId": "E1",
			"emails":       []any{map[string]any{"type": "work", "value": "ada@work.example"}},
			"roles":        []any{map[string]any{"value": "employee"}},
			"phoneNumbers": []any{map[string]any{"type": "work", "value": "+13175550100"}, map[string]any{"type": "home", "value": "+13175550101"}},
		},
		{"userName": "ben@example.com", "displayName": "Ben Okri", "title": "Clerk"},
		{"userName": "cleo@admins.example.com", "displayName": "Cleo Ray"},
	}
	c.Groups = []genesyssim.Group{
		{Name: "Day", Members: []string{"ben@example.com"}}, {Name: "Night"}, {Name: "Late", Members: []string{"ben@example.com"}},
	}
}

func (o *org) patch(file string) (*reconcile.Proposal, error) {
	return o.job.Patch(o.Context(), "updates.json", []byte(file))
}

// applyPatch carries a file out and fails the test on an error.
func (o *org) applyPatch(file string) *reconcile.Report {
	o.Helper()
	r, err := o.job.Apply(o.Context(), "patch", func(ctx context.Context) (*reconcile.Proposal, error) {
		return o.job.Patch(ctx, "updates.json", []byte(file))
	}, reconcile.Hooks{})
	if err != nil {
		o.Fatalf("Apply: %v", err)
	}
	return r
}

func TestPatchCarriesOutTheMapFromUserToOperations(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, staff)
		before := o.people()
		file := fmt.Sprintf(`{
			"ada@example.com": [
				{"op": "replace", "path": "userName", "value": "ada.king@example.com"},
				{"op": "replace", "path": "emails[0].value", "value": "ada.king@example.com"},
				{"op": "add", "path": "groups", "value": ["Night", %q]}
			],
			"ben@example.com": [
				{"op": "replace", "path": "active", "value": false},
				{"op": "remove", "path": "groups"}
			]
		}`, o.groupID("Late"))
		r := o.applyPatch(file)
		if r.Result != "done" || r.Exit() != 0 || r.Failed != 0 {
			t.Fatalf("report = %+v, want done", r)
		}
		people := o.people()
		ada := people["ada.king@example.com"]
		if ada.ID != before["ada@example.com"].ID {
			t.Errorf("ada is %+v, want the same user under another name", ada)
		}
		if got := people["ben@example.com"].State; got != "inactive" {
			t.Errorf("ben is %s, want inactive", got)
		}
		want := map[string][]string{"Day": nil, "Night": {"ada.king@example.com"}, "Late": {"ada.king@example.com"}}
		got := map[string][]string{}
		for g := range want {
			got[g] = o.members(g)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		for l, err := range o.ledger.Links(t.Context(), ledger.LinkQuery{}) {
			t.Errorf("link %+v, %v: explicit operations make none", l, err)
		}
		p, err := o.patch(strings.ReplaceAll(file, `"ada@example.com"`, `"ada.king@example.com"`))
		if err != nil || p.Plan.Len() != 0 {
			t.Errorf("the same again = %v, %v; want nothing", ops(p.Plan), err)
		}
	})
}

func TestPatchFindsWhoIsMeant(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			staff(c)
			c.Users.List = append(c.Users.List, map[string]any{"userName": "e001@example.com", "displayName": "Person 1"})
		}, company(1)...)
		o.apply()
		people := o.people()
		for name, who := range map[string]string{
			"by source key": "e000", "by userName in any case": "ADA@example.com", "by id": people["ben@example.com"].ID, "by externalId": "E1",
		} {
			p, err := o.patch(fmt.Sprintf(`{"updates": [{"user": %q, "operations": [{"op": "replace", "path": "title", "value": "Chief"}]}]}`, who))
			if err != nil || p.Plan.Len() != 1 {
				t.Errorf("%s: %v changes, %v; want one", name, p, err)
			}
		}
		p, err := o.patch(`{"nobody": [{"op": "replace", "path": "title", "value": "Chief"}], "ada@example.com": [{"op": "replace", "path": "title", "value": "Chief"}]}`)
		if err != nil || p.Plan.Len() != 1 {
			t.Fatalf("Patch = %v, want the change of the other", err)
		}
		want := plan.Finding{Severity: plan.Error, Code: "unknown-who", Place: `updates.json:1:12 ("nobody")`}
		i := slices.IndexFunc(p.Plan.Findings, func(f plan.Finding) bool { f.Text = ""; return f == want })
		if i < 0 {
			t.Errorf("findings = %+v, want one like %+v", p.Plan.Findings, want)
		}
	})
}

func TestPatchListsEveryFaultWithItsPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, staff)
		_, err := o.patch(`{"updates": [
  {"user": "ada@example.com", "operations": [
    {"op": "move", "path": "title", "value": "x"},
    {"op": "replace", "path": "titel", "value": "x"},
    {"op": "replace", "path": "active", "value": "yes"},
    {"op": "remove"},
    {"op": "replace", "path": "id", "value": "x"},
    {"op": "replace", "path": "title"},
    {"op": "add", "path": "roles", "value": [{"value": "Sales Agnt"}], "vlaue": 1},
    {"op": "replace", "path": "emails[type eq", "value": "x"}
  ]},
  {"user": "", "operations": []},
  {"usr": "ada@example.com", "operations": []}
]}`)
		if fault.Of(err) != fault.Invalid {
			t.Fatalf("Patch = %v, want invalid", err)
		}
		for _, want := range []string{
			"updates.json:3:5 (updates[0].operations[0]): op \"move\" must be",
			"updates.json:4:5 (updates[0].operations[1])", `"title"`,
			"updates.json:5:5 (updates[0].operations[2])", "true or false",
			"updates.json:6:5 (updates[0].operations[3]): remove has no path",
			"updates.json:7:5 (updates[0].operations[4])", "read-only",
			"updates.json:8:5 (updates[0].operations[5])", "no value",
			`unknown member "vlaue"; did you mean "value"?`,
			"updates.json:10:5 (updates[0].operations[7])",
			"updates.json:12:3 (updates[1]): user is not",
			`unknown member "usr"; did you mean "user"?`,
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error lacks %q:\n%v", want, err)
			}
		}
		for _, p := range o.people() {
			if p.Title == "x" {
				t.Error("something was sent")
			}
		}
	})
}

func TestPatchFindsThatOnlyIsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, staff)
		o.job.Input.Policy.Only = []string{"ADA@example.com", "bem@example.com"}
		p, err := o.patch(`{"ada@example.com": [{"op": "replace", "path": "title", "value": "x"}], "ben@example.com": [{"op": "replace", "path": "title", "value": "x"}]}`)
		if err != nil || p.Plan.Len() != 1 {
			t.Fatalf("Patch = %v, %v; want the one who is named", p, err)
		}
		want := plan.Finding{Severity: plan.Error, Code: "unknown-who", Text: `nobody in updates.json is "bem@example.com"; did you mean "ben@example.com"?`}
		if !slices.Contains(p.Plan.Findings, want) {
			t.Errorf("findings = %+v, want %+v", p.Plan.Findings, want)
		}
	})
}

func TestPatchListsEveryLookUpThatFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, staff)
		_, err := o.patch(`{
  "nobody@example.com": [
    {"op": "replace", "path": "title", "value": "x"},
    {"op": "add", "path": "groups", "value": "Dya"}],
  "ada@example.com": [
    {"op": "add", "path": "groups", "value": "Nigth"},
    {"op": "replace", "path": "emails[4].value", "value": "x@example.com"},
    {"op": "add", "path": "roles", "value": ["Sales Agnt"]}],
  "ben@example.com": [
    {"op": "add", "path": "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User:routingSkills", "value": ["Nothing"]},
    {"op": "replace", "path": "title", "value": "x"}]
}`)
		if fault.Of(err) != fault.Invalid {
			t.Fatalf("Patch = %v, want invalid", err)
		}
		for _, want := range []string{
			`updates.json:2:25 ("nobody@example.com"): nobody is called`, `updates.json:4:5 ("nobody@example.com"[1]): there is no group "Dya"; did you mean "Day"?`,
			`updates.json:6:5 ("ada@example.com"[0]): there is no group "Nigth"`, `updates.json:7:5 ("ada@example.com"[1]): emails[4]`,
			`updates.json:8:5 ("ada@example.com"[2]): roles: there is no role "Sales Agnt"`, `updates.json:10:5 ("ben@example.com"[0])`,
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error lacks %q:\n%v", want, err)
			}
		}
	})
}

func TestPatchRefusesWhatTheUserCannotHave(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ ops, want string }{
		"an element that is not there":         {`[{"op": "replace", "path": "emails[4].value", "value": "x@example.com"}]`, "elements there"},
		"another value for the mirror":         {`[{"op": "replace", "path": "emails[type eq \"other\"].value", "value": "x@example.com"}]`, "is the userName"},
		"removing the mirror":                  {`[{"op": "remove", "path": "emails[type eq \"other\"]"}]`, "is the userName"},
		"an unknown group":                     {`[{"op": "add", "path": "groups", "value": "Nigth"}]`, `did you mean "Night"?`},
		"an unknown role":                      {`[{"op": "add", "path": "roles", "value": [{"value": "Sales Agnt"}]}]`, `did you mean "Sales Agent"?`},
		"two ways to say one attribute":        {`[{"op": "replace", "path": "phoneNumbers", "value": []}, {"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "+13175550101"}]`, "one attribute"},
		"a phone number that is none":          {`[{"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "soon"}]`, "phoneNumbers"},
		"a password":                           {`[{"op": "replace", "path": "password", "value": "secret"}]`, "is a secret"},
		"no userName":                          {`[{"op": "replace", "path": "userName", "value": ""}]`, "cannot be without"},
		"removing active":                      {`[{"op": "remove", "path": "active"}]`, "cannot be without"},
		"active of null":                       {`[{"op": "replace", "value": {"active": null}}]`, "cannot be without"},
		"a byte that is no character":          {"[{\"op\": \"replace\", \"path\": \"title\", \"value\": \"\xff\"}]", "not UTF-8"},
		"half of a surrogate pair":             {`[{"op": "replace", "path": "title", "value": "\ud83d!"}]`, "not UTF-8"},
		"a user without a name":                {`[], "": []`, "name of somebody"},
		"too many operations":                  {"[" + strings.Repeat(`{"op": "remove", "path": "title"},`, 1000) + `{"op": "remove", "path": "title"}]`, "are the most"},
		"a file that is not JSON":              {`[`, "not JSON"},
		"operations that are not an array":     {`{}`, "not an array"},
		"the same member of an object twice":   {`[{"op": "remove", "op": "add", "path": "title"}]`, "twice"},
		"a value for groups that names nobody": {`[{"op": "add", "path": "groups", "value": [7]}]`, "id or the name"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, staff)
				_, err := o.patch(`{"ada@example.com": ` + tt.ops + `}`)
				if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "updates.json:1:") {
					t.Errorf("Patch = %v, want invalid, a place, and %q", err, tt.want)
				}
			})
		})
	}
}

func TestPatchFoldsOperations(t *testing.T) {
	t.Parallel()
	role := func(names ...string) (all []scim.Value) {
		for _, n := range names {
			all = append(all, scim.ValueOf(map[string]any{"value": n}))
		}
		return all
	}
	for name, tt := range map[string]struct {
		ops  string
		want []scim.Op
		code string // of a finding
	}{
		"the last word counts": {
			ops:  `[{"op": "replace", "path": "title", "value": "A"}, {"op": "Replace", "path": "title", "value": "B"}]`,
			want: []scim.Op{{Verb: scim.Replace, Path: title, Value: `"B"`}},
		},
		"what is so already is dropped, and said": {ops: `[{"op": "replace", "path": "title", "value": "Clerk"}]`, code: "changes-nothing"},
		"replace with null removes, and it is said": {
			ops: `[{"op": "replace", "path": "title", "value": null}]`, code: "null-removes",
			want: []scim.Op{{Verb: scim.Remove, Path: title}},
		},
		"a short name stands for its path": {
			ops:  `[{"op": "add", "path": "department", "value": "Sales"}]`,
			want: []scim.Op{{Verb: scim.Replace, Path: department, Value: `"Sales"`}},
		},
		"a value without path names attributes": {
			ops: `[{"op": "replace", "value": {"id": "7", "title": "Lead", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales"}}}]`,
			want: []scim.Op{
				{Verb: scim.Replace, Path: title, Value: `"Lead"`}, {Verb: scim.Replace, Path: department, Value: `"Sales"`},
			},
		},
		"roles are added as names": {
			ops:  `[{"op": "add", "path": "roles", "value": ["Sales Agent", "employee"]}]`,
			want: []scim.Op{{Verb: scim.Add, Path: roles, Value: scim.ValueOf([]any{map[string]any{"value": "Sales Agent"}})}},
		},
		"a role is removed by its filter": {
			ops:  `[{"op": "remove", "path": "roles[value eq \"employee\"]"}]`,
			want: []scim.Op{{Verb: scim.Remove, Path: scim.ElementPath(roles, "value", role("employee")[0])}},
		},
		"what is added and removed is nothing": {
			ops:  `[{"op": "add", "path": "roles", "value": ["Sales Agent"]}, {"op": "remove", "path": "roles[value eq \"Sales Agent\"]"}]`,
			code: "changes-nothing",
		},
		"an admin is not made": {ops: `[{"op": "add", "path": "roles", "value": ["admin"]}]`, code: "guarded-role"},
		"an index is the element that stands there": {
			ops:  `[{"op": "replace", "path": "phoneNumbers[0].value", "value": "+1 317 555 0199"}]`,
			want: []scim.Op{{Verb: scim.Replace, Path: `phoneNumbers[type eq "work"].value`, Value: `"+13175550199"`}},
		},
		"the mirror follows the userName": {
			ops:  `[{"op": "replace", "path": "userName", "value": "Ada.K@example.com"}, {"op": "replace", "path": "emails[type eq \"other\"].value", "value": "ada.k@example.com"}]`,
			code: "mirror", want: []scim.Op{{Verb: scim.Replace, Path: userName, Value: `"ada.k@example.com"`}},
		},
		"replacing all e-mails leaves the mirror": {
			ops:  `[{"op": "replace", "path": "emails", "value": [{"type": "other", "value": "ada@example.com"}]}]`,
			code: "mirror", want: []scim.Op{{Verb: scim.Remove, Path: `emails[type eq "work"]`}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, staff)
				p, err := o.patch(`{"ada@example.com": ` + tt.ops + `}`)
				if err != nil {
					t.Fatalf("Patch: %v", err)
				}
				var got []scim.Op
				for c := range p.Plan.Changes() {
					sent, _ := c.Against(func(path scim.Path) []scim.Value {
						for _, e := range c.Edits {
							if e.Path == path {
								return e.Before
							}
						}
						return nil
					})
					got = append(got, sent...)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("operations (-want +got):\n%s", diff)
				}
				if tt.code != "" && !slices.ContainsFunc(p.Plan.Findings, func(f plan.Finding) bool { return f.Code == tt.code && f.Place != "" }) {
					t.Errorf("findings = %+v, want %s with a place", p.Plan.Findings, tt.code)
				}
				if r, err := o.job.Apply(t.Context(), "patch", func(context.Context) (*reconcile.Proposal, error) { return p, nil }, reconcile.Hooks{}); err != nil || r.Failed > 0 {
					t.Errorf("Apply = %+v, %v; want the service to take it", r, err)
				}
			})
		})
	}
}

func TestPatchNeitherGrantsNorTakesAGuardedRoleByAnyPath(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]string{
		"a name put in an element's place":         `{"op": "replace", "path": "roles[value eq \"employee\"].value", "value": "admin"}`,
		"by index":                                 `{"op": "replace", "path": "roles[0].value", "value": "Admin"}`,
		"the name of an element that is not there": `{"op": "add", "path": "roles[value eq \"admin\"].value", "value": "admin"}`,
		"of every element":                         `{"op": "add", "path": "roles.value", "value": "admin"}`,
		"an element that nothing picks":            `{"op": "replace", "path": "roles[type eq \"x\"].value", "value": "admin"}`,
		"an element for another":                   `{"op": "replace", "path": "roles[value eq \"employee\"]", "value": {"value": "Master Admin"}}`,
		"the attribute by its schema":              `{"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:roles", "value": [{"value": "admin"}]}`,
		"taking the name alone":                    `{"op": "remove", "path": "roles[value eq \"admin\"].value"}`,
		"taking what another filter picks":         `{"op": "remove", "path": "roles[value ne \"employee\"].value"}`,
		"another name for the role":                `{"op": "replace", "path": "roles[value eq \"admin\"].value", "value": "employee"}`,
		"all names at once":                        `{"op": "replace", "path": "roles.value", "value": "employee"}`,
		"an unknown name in an element's place":    `{"op": "replace", "path": "roles[value eq \"employee\"].value", "value": "Boss"}`,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, func(c *genesyssim.Config) {
					staff(c)
					c.Users.List = append(c.Users.List, map[string]any{
						"userName": "root@example.com", "displayName": "Root", "roles": []any{map[string]any{"value": "employee"}, map[string]any{"value": "admin"}},
					})
				})
				for _, who := range []string{"ada@example.com", "root@example.com"} {
					p, err := o.patch(fmt.Sprintf(`{%q: [%s]}`, who, op))
					if err != nil && fault.Of(err) == fault.Invalid {
						continue
					}
					if err != nil {
						t.Fatalf("Patch: %v", err)
					}
					for c := range p.Plan.Changes() {
						for _, e := range c.Edits {
							if text := fmt.Sprint(e); !strings.Contains(text, "employee") || strings.Contains(strings.ToLower(text), "admin") {
								t.Errorf("%s: %v is planned, want nothing of the kind", who, e)
							}
						}
					}
				}
			})
		})
	}
}

func TestPatchObeysLimitsAndProtection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			staff(c)
			for i := range 20 {
				c.Users.List = append(c.Users.List, map[string]any{"userName": fmt.Sprintf("p%02d@example.com", i), "displayName": "P"})
			}
		})
		o.job.Input.Policy.Protect = []string{"*@admins.example.com"}
		p, err := o.patch(`{"cleo@admins.example.com": [{"op": "replace", "path": "title", "value": "x"}]}`)
		if err != nil || p.Plan.Len() != 0 || len(p.Plan.Findings) != 1 || p.Plan.Findings[0].Code != "protected" {
			t.Errorf("a protected user: %v, %v; want a finding alone", p.Plan, err)
		}
		var all []string
		for i := range 12 {
			all = append(all, fmt.Sprintf(`"p%02d@example.com": [{"op": "replace", "path": "active", "value": false}]`, i))
		}
		_, err = o.job.Apply(t.Context(), "patch", func(ctx context.Context) (*reconcile.Proposal, error) {
			return o.job.Patch(ctx, "updates.json", []byte("{"+strings.Join(all, ",")+"}"))
		}, reconcile.Hooks{})
		if !errors.Is(err, fault.Refused) {
			t.Errorf("deactivating 12 of 23 = %v, want refused", err)
		}
	})
}

func TestPatchTakesPercentagesOfTheGroup(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var members []string
		o := newOrg(t, func(c *genesyssim.Config) {
			staff(c)
			for i := range 34 {
				members = append(members, fmt.Sprintf("p%02d@example.com", i))
				c.Users.List = append(c.Users.List, map[string]any{"userName": members[i], "displayName": "P"})
			}
			c.Groups = append(c.Groups, genesyssim.Group{Name: "Crew", Members: members})
		})
		leave := func(n int) bool {
			var all []string
			for _, m := range members[:n] {
				all = append(all, fmt.Sprintf(`%q: [{"op": "remove", "path": "groups", "value": "Crew"}]`, m))
			}
			p, err := o.patch("{" + strings.Join(all, ",") + "}")
			if err != nil {
				t.Fatalf("Patch: %v", err)
			}
			return !p.Plan.Refused()
		}
		if !leave(8) || leave(9) {
			t.Errorf("8 of 34 may leave: %t, 9: %t; want a quarter", leave(8), leave(9))
		}
	})
}

func TestPatchOfManyListsOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) { c.Users = genesyssim.Users{Count: 200}; c.Groups = nil })
		var all []string
		for name, p := range o.people() {
			if p.State == "active" && len(all) < 120 {
				all = append(all, fmt.Sprintf(`%q: [{"op": "replace", "path": "title", "value": "Same"}]`, name))
			}
		}
		before := o.client.Stats().Requests
		p, err := o.patch("{" + strings.Join(all, ",") + "}")
		if err != nil || p.Plan.Len() != 120 {
			t.Fatalf("Patch = %v, %v; want 120 changes", p.Plan, err)
		}
		if n := o.client.Stats().Requests - before; n > 10 {
			t.Errorf("%d requests, want a few pages", n)
		}
	})
}
