package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/target/genesyssim"
)

// Two entries of a file may name one user. Where they agree they are taken
// together; where they contradict each other neither is the last word.
func TestPatchOfOneUserUnderTwoNames(t *testing.T) {
	t.Parallel()
	replace := func(path, value string) string {
		return fmt.Sprintf(`{"op": "replace", "path": %q, "value": %s}`, path, value)
	}
	skill := func(op string, level int) string {
		return fmt.Sprintf(`{"op": %q, "path": "skills", "value": [{"name": "Billing", "proficiency": %d}]}`, op, level)
	}
	for name, tt := range map[string]struct {
		first, second string
		refused       string // "": taken together
		ops           map[plan.Op]int
	}{
		"the same":                  {replace("title", `"Lead"`), replace("title", `"Lead"`), "", map[plan.Op]int{plan.Update: 1}},
		"two attributes":            {replace("title", `"Lead"`), replace("department", `"Sales"`), "", map[plan.Op]int{plan.Update: 1}},
		"two titles":                {replace("title", `"Lead"`), replace("title", `"Chief"`), `title: said otherwise of the same user at updates.json:1:`, nil},
		"a title, and none":         {replace("title", `"Lead"`), `{"op": "remove", "path": "title"}`, "title: said otherwise", nil},
		"two elements":              {`{"op": "add", "path": "roles", "value": "Sales Agent"}`, `{"op": "remove", "path": "roles[value eq \"Legacy\"]"}`, "", map[plan.Op]int{plan.Update: 1}},
		"an element, and not":       {`{"op": "add", "path": "roles", "value": "Sales Agent"}`, `{"op": "remove", "path": "roles[value eq \"Sales Agent\"]"}`, "roles: said otherwise", nil},
		"not an element, and it":    {`{"op": "remove", "path": "roles[value eq \"Sales Agent\"]"}`, `{"op": "add", "path": "roles", "value": "Sales Agent"}`, "roles: said otherwise", nil},
		"two values of one element": {skill("add", 3), skill("add", 4), "routingSkills: said otherwise", nil},
		"a set with the element":    {`{"op": "add", "path": "roles", "value": "Sales Agent"}`, replace("roles", `["employee", "Sales Agent"]`), "", map[plan.Op]int{plan.Update: 1}},
		"a set without the element": {`{"op": "add", "path": "roles", "value": "Sales Agent"}`, replace("roles", `["employee"]`), "roles: said otherwise", nil},
		"more than the set":         {replace("roles", `["employee"]`), `{"op": "add", "path": "roles", "value": "Sales Agent"}`, "roles: said otherwise", nil},
		"two sets":                  {replace("roles", `["employee"]`), replace("roles", `["employee", "Sales Agent"]`), "roles: said otherwise", nil},
		"two groups":                {`{"op": "add", "path": "groups", "value": "Night"}`, `{"op": "add", "path": "groups", "value": "Day"}`, "", map[plan.Op]int{plan.Join: 2}},
		"a group, and not":          {`{"op": "add", "path": "groups", "value": "Night"}`, `{"op": "remove", "path": "groups", "value": "Night"}`, `group "Night": said otherwise`, nil},
		"a group, and none":         {`{"op": "add", "path": "groups", "value": "Night"}`, `{"op": "remove", "path": "groups"}`, `group "Night": said otherwise`, nil},
		"all groups, and another":   {replace("groups", `["Night"]`), `{"op": "add", "path": "groups", "value": "Day"}`, `group "Day": said otherwise`, nil},
		"all groups, and one of it": {replace("groups", `["Night"]`), `{"op": "add", "path": "groups", "value": "Night"}`, "", map[plan.Op]int{plan.Join: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, func(c *genesyssim.Config) { staff(c); c.Skills = []string{"Billing"} })
				for form, file := range map[string]string{
					"by userName and by externalId": `{"ada@example.com": [%s], "E1": [%s]}`,
					"by userName in two cases":      `{"ada@example.com": [%s], "ADA@example.com": [%s]}`,
					"twice in a list":               `{"updates": [{"user": "E1", "operations": [%s]}, {"user": "E1", "operations": [%s]}]}`,
				} {
					file = fmt.Sprintf(file, tt.first, tt.second)
					p, err := o.patch(file)
					if tt.refused != "" {
						place := fmt.Sprintf("updates.json:1:%d ", strings.LastIndex(file, tt.second)+1)
						if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.refused) || !strings.Contains(err.Error(), place) {
							t.Errorf("%s: Patch = %v, want invalid, %q at %q", form, err, tt.refused, place)
						}
						continue
					}
					if err != nil || fmt.Sprint(ops(p.Plan)) != fmt.Sprint(tt.ops) {
						t.Fatalf("%s: Patch = %v, %v; want %v", form, ops(p.Plan), err, tt.ops)
					}
					if !slices.ContainsFunc(p.Plan.Findings, func(f plan.Finding) bool { return f.Code == "same-user" && f.Place != "" }) {
						t.Errorf("%s: findings = %+v, want one that says it is one user", form, p.Plan.Findings)
					}
				}
			})
		})
	}
}

func TestPatchRefusesWhatReadersWouldTakeInSilence(t *testing.T) {
	t.Parallel()
	title := `{"op": "replace", "path": "title", "value": "x"}`
	for name, tt := range map[string]struct{ file, want string }{
		"a member of a value twice":               {`{"E1": [{"op": "add", "path": "emails", "value": [{"type": "work", "value": "a@b.example", "type": "home"}]}]}`, `updates.json:1:92 ("E1"[0]): value: "type" stands twice in one object`},
		"a member of a value twice, in two cases": {`{"E1": [{"op": "replace", "value": {"title": "x", "Title": "y"}}]}`, `updates.json:1:51 ("E1"[0]): value: "Title" stands twice in one object`},
		"a member far within":                     {`{"E1": [{"op": "replace", "value": {"title": "{\"a", "x": [[], {"a": {"b": 1, "b" : 2}}]}}]}`, `updates.json:1:79 ("E1"[0]): value: "b" stands twice`},
		"too many values":                         {`{"E1": [{"op": "add", "path": "roles", "value": [` + strings.Repeat(`"a",`, 1000) + `"b"]}]}`, `updates.json:1:9 ("E1"[0]): too many`},
		"too many values in all":                  {`{"E1": [` + strings.Repeat(`{"op": "add", "path": "roles", "value": [`+strings.Repeat(`"a",`, 500)+`"b"]},`, 2) + title + `]}`, `updates.json:1:8 ("E1"): too many`},
		"too many entries":                        {`{"updates": [` + strings.Repeat(`{"user": "E1", "operations": [`+title+`]},`, 1000) + `{"user": "ada@example.com", "operations": [` + title + `]}]}`, `too many operations and values on one user`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, staff)
				if _, err := o.patch(tt.file); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Patch = %.300v, want invalid and %q", err, tt.want)
				}
			})
		})
	}
}

// What readers take as it is meant stays: members of two objects may have one name.
func TestPatchTakesTwoObjects(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, staff)
		if _, err := o.patch(`{"E1": [{"op": "add", "path": "roles", "value": [{"value": "employee"}, {"value": "Sales Agent"}]}]}`); err != nil {
			t.Errorf("Patch = %v, want none", err)
		}
	})
}
