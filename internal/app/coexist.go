package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/plan"
	"rollcall/scim"
)

// foreignSample is how many users are looked at for the mark of another SCIM
// client: external ids make pages heavy (dossier §8.1), 25 rows each, so that
// this costs 8 requests at most.
const foreignSample = 200

// provisioned are the attributes that identity providers write by default.
var provisioned = []string{"userName", "displayName", "active", "title", "emails", "phoneNumbers", "department", "division", "manager", "employeeNumber"}

// coexist looks for another SCIM client that provisions the organization: two
// that write one attribute undo each other's work.
func (y *Sync) coexist(ctx context.Context) Check {
	before := y.Client.Stats().Requests
	foreign, of, err := y.Client.Foreign(ctx, foreignSample)
	if err != nil {
		return failed("coexistence", err)
	}
	looked := fmt.Sprintf("%d users looked at (%d requests)", of, y.Client.Stats().Requests-before)
	if of == foreignSample {
		looked = "the first " + looked
	}
	if foreign == 0 {
		return Check{Area: "coexistence", State: checkOK, Text: "no other SCIM client provisions any of " + looked}
	}
	return y.beside(fmt.Sprintf("another SCIM client provisions %d of %s", foreign, looked))
}

// beside says what becomes of two clients in one organization. text is who the other is.
func (y *Sync) beside(text string) Check {
	c := Check{Area: "coexistence", State: checkWarning, Text: text}
	if both := y.writtenByBoth(y.Config.Policy.Lifecycle); len(both) > 0 {
		c.Text += "; both would write " + strings.Join(both, ", ")
	}
	rest := y.writtenByBoth(false)
	remedy := "take " + strings.Join(rest, ", ") + " out of people, or own them with watch"
	switch {
	case y.Config.Policy.Lifecycle:
		c.Hint = "leave people to the other client: write lifecycle: none, so that nobody is created, renamed, activated or deactivated"
		if len(rest) > 0 {
			c.Hint += ", and " + remedy
		}
	case len(rest) > 0:
		c.Hint = "lifecycle: none is set; " + remedy + ", so that the two do not undo each other's work"
	default:
		c.State = checkOK
		c.Text += "; lifecycle: none is set, and what this sync writes is its own"
	}
	return c
}

// writtenByBoth are the attributes of this sync that an identity provider
// writes too, as the configuration calls them; with or without those that
// lifecycle: none leaves alone.
func (y *Sync) writtenByBoth(lifecycle bool) (names []string) {
	short := map[scim.Path]string{}
	for name, path := range y.Dialect.Short {
		short[path] = name
	}
	for _, r := range y.Config.Rules {
		left := !lifecycle && (r.Path == "userName" || r.Path == "active")
		if r.Own == plan.Watch || r.Own == plan.Once || left {
			continue
		}
		name := short[r.Path]
		if name == "" {
			name = r.Path.Parts().Attr
		}
		if slices.Contains(provisioned, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
