package reconcile_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/plan"
	"rollcall/target/genesyssim"
)

// TestALeaverWhoWasAdministratorIsSaid: closing an account takes a role that no
// data may take by itself (design §8), so it is said.
func TestALeaverWhoWasAdministratorIsSaid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) { c.Roles = []string{"employee", "Sales Agent", "admin"} }, company(5)...)
		o.apply()
		o.control("POST", "edit", map[string]any{"user": "e004@example.com", "operations": []any{
			map[string]any{"op": "add", "path": "roles", "value": []any{map[string]any{"value": "admin"}}},
		}})
		o.source.rows = company(3)
		r := o.apply()
		var about []plan.Finding
		for _, f := range r.Findings {
			if f.Code == "guarded-role" {
				about = append(about, f)
			}
		}
		if len(about) != 1 || about[0].Key != "e004" || !strings.Contains(about[0].Text, `"admin"`) {
			t.Errorf("findings about guarded roles = %v, want one, of e004", about)
		}
		if p := o.people()["e003@example.com"]; p.State != "inactive" || slices.Contains(o.roles("e004@example.com"), "admin") {
			t.Errorf("the leavers are %s, with roles %v", p.State, o.roles("e004@example.com"))
		}
	})
}
