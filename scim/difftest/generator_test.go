package difftest_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"rollcall/scim"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// A generator makes resources, operations and filters from few words, so that
// they meet often.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, seed))} }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) word() string {
	return pick(g, "ann", "bob", "carl", "dora", "lead", "agent", "sales", "support")
}

func (g generator) kind() string { return pick(g, "work", "home", "other") }

func (g generator) mail() string { return g.word() + "@example.com" }

func (g generator) resource() map[string]any {
	r := map[string]any{
		"schemas":  []any{"urn:ietf:params:scim:schemas:core:2.0:User", enterprise},
		"id":       "u1",
		"userName": g.mail(),
	}
	for _, name := range []string{"displayName", "title", "nickName"} {
		if g.sometimes() {
			r[name] = g.word()
		}
	}
	if g.sometimes() {
		r["active"] = g.IntN(2) == 0
	}
	if g.IntN(8) == 0 {
		r["title"] = ""
	}
	if g.sometimes() {
		r["name"] = map[string]any{"familyName": g.word(), "givenName": g.word()}
	}
	if g.sometimes() {
		r["emails"] = g.elements(g.email)
	}
	if g.sometimes() {
		r["roles"] = g.elements(func(i int) any { return map[string]any{"value": fmt.Sprint(g.word(), i)} })
	}
	if g.sometimes() {
		r[enterprise] = map[string]any{"department": g.word(), "employeeNumber": fmt.Sprint(g.IntN(30)), "manager": map[string]any{"value": g.word()}}
	}
	return r
}

func (g generator) sometimes() bool { return g.IntN(4) > 0 }

func (g generator) elements(make func(i int) any) []any {
	var all []any
	for i := range 1 + g.IntN(3) {
		all = append(all, make(i))
	}
	return all
}

// email is the i-th of a user: one for each type, the first primary.
func (g generator) email(i int) any {
	e := map[string]any{"value": g.mail(), "type": []string{"work", "home", "other"}[i]}
	if i == 0 {
		e["primary"] = true
	}
	return e
}

func (g generator) patchCase() patchCase {
	c := patchCase{Resource: g.resource()}
	for range 1 + g.IntN(3) {
		c.Operations = append(c.Operations, g.op())
	}
	return c
}

func (g generator) op() scim.Op {
	verb := pick(g, scim.Add, scim.Replace, scim.Remove)
	if g.IntN(12) == 0 {
		return scim.Op{Verb: pick(g, scim.Add, scim.Replace), Value: scim.ValueOf(g.object())}
	}
	path, value := g.target()
	op := scim.Op{Verb: verb, Path: scim.MustPath(path), Value: scim.ValueOf(value)}
	if _, listed := value.([]any); verb == scim.Remove && !listed {
		op.Value = ""
	}
	return op
}

// object is the value of an operation without path.
func (g generator) object() map[string]any {
	o := map[string]any{"title": g.word()}
	if g.sometimes() {
		o["name"] = map[string]any{"familyName": g.word()}
	}
	if g.sometimes() {
		o["active"] = false
	}
	if g.IntN(2) == 0 {
		o["emails"] = []any{map[string]any{"value": g.word() + "@example.org", "type": "home"}}
	}
	return o
}

func (g generator) target() (path string, value any) {
	selected := "emails[" + g.elementFilter() + "]"
	email := map[string]any{"value": g.mail(), "type": g.kind()}
	if g.IntN(8) == 0 {
		email["primary"] = true
	}
	switch g.IntN(16) {
	case 0:
		return pick(g, "title", "displayName", "nickName", "urn:ietf:params:scim:schemas:core:2.0:User:title"), g.word()
	case 1:
		return "userName", g.mail()
	case 2:
		return "active", g.IntN(2) == 0
	case 3:
		return pick(g, "name.familyName", "name.givenName", "name.middleName"), g.word()
	case 4:
		return "name", map[string]any{"givenName": g.word()}
	case 5:
		return "emails", []any{email, map[string]any{"value": g.word() + "@example.org", "type": "other"}}
	case 6:
		return "emails", email
	case 7:
		return selected, email
	case 8, 9:
		return selected + pick(g, ".value", ".display"), g.mail()
	case 10:
		return selected + ".type", g.kind()
	case 11:
		return "roles", []any{map[string]any{"value": fmt.Sprint(g.word(), g.IntN(3))}}
	case 12:
		return fmt.Sprintf("roles[value eq %q]", fmt.Sprint(g.word(), g.IntN(3))), map[string]any{"value": g.word()}
	case 13:
		return enterprise + pick(g, ":department", ":division", ":employeeNumber"), g.word()
	case 14:
		return enterprise + ":manager", map[string]any{"value": g.word()}
	default:
		return pick(g, enterprise+":manager.value", "favoriteColor", "name.nothing", enterprise+":color"), g.word()
	}
}

func (g generator) elementFilter() string {
	return pick(g,
		fmt.Sprintf("type eq %q", g.kind()),
		"primary eq true",
		fmt.Sprintf("value eq %q", g.mail()),
		fmt.Sprintf("type eq %q and value co %q", g.kind(), g.word()),
		fmt.Sprintf("type eq %q or primary eq true", g.kind()),
		fmt.Sprintf("type ne %q", g.kind()),
	)
}

func (g generator) filterCase() filterCase {
	return filterCase{Resource: g.resource(), Filter: g.filter(2)}
}

func (g generator) filter(depth int) string {
	if depth == 0 || g.IntN(2) == 0 {
		return g.comparison()
	}
	x, y := g.filter(depth-1), g.filter(depth-1)
	switch g.IntN(5) {
	case 0:
		return x + " and " + y
	case 1:
		return x + " or " + y
	case 2:
		return "not (" + x + ")"
	case 3:
		return "(" + x + " or " + y + ") and " + g.comparison()
	default:
		return g.comparison() + " or " + x + " and " + y
	}
}

func (g generator) comparison() string {
	op := pick(g, "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
	switch g.IntN(8) {
	case 0:
		return pick(g, "title", "title", "displayName", "name.familyName", "emails", "nickName", "name") + " pr"
	case 1:
		return "active " + pick(g, "eq", "ne") + pick(g, " true", " false")
	case 2:
		return "emails[" + g.elementFilter() + "]"
	case 3:
		return fmt.Sprintf("emails.%s %s %q", pick(g, "value", "type"), op, pick(g, g.mail(), g.kind()))
	case 4:
		return fmt.Sprintf("name.%s %s %q", pick(g, "familyName", "givenName"), op, g.word())
	case 5:
		return fmt.Sprintf("%s %s %q", strings.ToLower("userName"), op, g.mail())
	default:
		return fmt.Sprintf("%s %s %q", pick(g, "userName", "title", "displayName"), op, pick(g, g.word(), g.mail(), "a", strings.ToUpper(g.word())))
	}
}
