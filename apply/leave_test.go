package apply_test

import (
	"slices"
	"testing"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

// leaver is the deactivation of a seeded user, with what is to be kept of them.
func leaver(o *org, name string, wave int) plan.Change {
	c := plan.Change{
		Op: plan.Deactivate, Key: source.Key(name), UserName: name + "@example.com", Target: o.ref(name + "@example.com"), Wave: wave,
		Edits: []plan.Edit{set(active, true, false)},
	}
	for _, p := range append(slices.Clone(genesys.Dialect().Leaving), target.GrantsOf) {
		c.Leaving = append(c.Leaving, plan.Trait{Path: p})
	}
	return c
}

func TestWhatALeaverHasIsInTheIntent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			c.Roles = []string{"employee", "Lead"}
			c.Divisions = []string{"Home", "EMEA"}
		})
		o.edit("ada@example.com", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division", "EMEA")
		o.edit("ada@example.com", roles, []map[string]any{{"value": "Lead"}})
		o.want(planOf(join(o.group("Day"), 1, o.ref("ada@example.com").ID)), nil)
		o.want(planOf(leaver(o, "ada", 1)), nil)
		if got := o.people()["ada@example.com"]; got.State != "inactive" || len(got.Roles) > 0 {
			t.Errorf("ada is %s with %v; want her inactive, without roles", got.State, got.Roles)
		}
		had := kept(t, o)
		if want := []scim.Value{`{"division":"EMEA","role":"Lead"}`}; !slices.Equal(had[target.GrantsOf], want) {
			t.Errorf("kept grants = %v, want %v", had[target.GrantsOf], want)
		}
		if want := []scim.Value{role("Lead")}; !slices.Equal(had[roles], want) {
			t.Errorf("kept roles = %v, want %v", had[roles], want)
		}
		if want := []scim.Value{scim.ValueOf(map[string]any{"value": o.group("Day").ID})}; !slices.Equal(had[plan.GroupsOf], want) {
			t.Errorf("kept groups = %v, want %v", had[plan.GroupsOf], want)
		}
	})
}

// kept is what the only intent of a deactivation says.
func kept(t *testing.T, o *org) map[scim.Path][]scim.Value {
	t.Helper()
	had := map[scim.Path][]scim.Value{}
	for e, err := range o.ledger.Entries(t.Context(), ledger.Filter{Kind: ledger.KindIntent}) {
		if err != nil {
			t.Fatalf("Entries: %v", err)
		}
		for _, trait := range e.Change.Leaving {
			had[trait.Path] = trait.Values
		}
	}
	return had
}

func TestGrantsThatMayNotBeReadAreSaidOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			c.Clients = []genesyssim.Client{{ID: "demo", Secret: "demo-secret", Permissions: []string{
				"directory:user:add", "directory:user:edit", "directory:group:edit", "authorization:grant:delete", "routing:skill:assign",
			}}}
		})
		a, b := leaver(o, "ada", 1), leaver(o, "ben", 2)
		_, tally, err := o.apply(t.Context(), planOf(a, b), nil)
		if err != nil || tally.Succeeded != 2 {
			t.Fatalf("Run: %v, %d succeeded, want 2", err, tally.Succeeded)
		}
		if len(tally.Findings) != 1 || tally.Findings[0].Code != "grants-unread" {
			t.Errorf("Findings = %v, want one that grants cannot be read", tally.Findings)
		}
		if had := kept(t, o); had[target.GrantsOf] != nil || len(had) == 0 {
			t.Errorf("kept %v; want what could be read, and no grants", had)
		}
	})
}

func TestGrantsAreGivenBackWithTheirDivisions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			c.Roles = []string{"employee", "Lead"}
			c.Divisions = []string{"Home", "EMEA"}
		})
		ref := o.ref("ada@example.com")
		back := scim.Value(`{"division":"EMEA","role":"Lead"}`)
		o.want(planOf(plan.Change{
			Op: plan.Grant, Key: "ada", UserName: "ada@example.com", Target: ref, Wave: 1,
			Edits: []plan.Edit{{Path: target.GrantsOf, Add: []scim.Value{back}, Back: true}},
		}), nil)
		q := target.Query{Ask: target.Grants, Type: scim.User, Who: ref.ID}
		for u, err := range o.client.Read(t.Context(), q, scim.NewShape(target.GrantsOf)) {
			if vs, _ := u.Row.At(target.GrantsOf); err != nil || !slices.Contains(vs, back) {
				t.Errorf("grants = %v, %v; want %s among them", vs, err, back)
			}
		}
	})
}
