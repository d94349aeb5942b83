package reconcile_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/target/genesyssim"
)

var lawGroups = []string{"Everybody", "Sales", "Team A", "Team B", "Team C"}

// settlers are the users that are there before the first run: some of them are
// people of the source, to be adopted.
func (c *enterprise) settlers() []map[string]any {
	var users []map[string]any
	for i := range c.IntN(5) {
		users = append(users, c.settler(fmt.Sprintf("b%d@example.com", i)))
	}
	if c.chance(50) {
		return users
	}
	for _, h := range c.hires {
		if !c.chance(30) {
			continue
		}
		u := c.settler(h.wants["userName"][""])
		switch c.IntN(3) {
		case 0:
			u["userName"], u["externalId"] = "old."+h.key+"@example.com", h.key
			if c.trait("externalId") == nil {
				u["userName"] = h.wants["userName"][""]
			}
		case 1:
			u["externalId"] = h.key
		}
		users = append(users, u)
	}
	return users
}

func (c *enterprise) settler(name string) map[string]any {
	u := map[string]any{
		"userName": name, "displayName": oneOf(c, "Ken Sánchez", "Somebody"), "title": oneOf(c, "Clerk", "Lead", "Chief"),
		"state":                                oneOf(c, "active", "active", "active", "active", "inactive"),
		strings.TrimSuffix(enterpriseURN, ":"): map[string]any{"department": oneOf(c, "Sales", "Old"), "division": oneOf(c, "Home", "EMEA")},
	}
	if c.chance(60) {
		u["roles"] = []any{map[string]any{"value": oneOf(c, "Sales Agent", "Legacy", "admin")}, map[string]any{"value": "Supervisor"}}
	}
	if c.chance(60) {
		u[strings.TrimSuffix(genesysURN, ":")] = map[string]any{
			"routingSkills":    []any{map[string]any{"name": oneOf(c, "Billing", "Old"), "proficiency": oneOf(c, 3.0, 1.5)}},
			"routingLanguages": []any{map[string]any{"name": "English", "proficiency": oneOf(c, 5.0, 2.0)}},
		}
	}
	if c.chance(60) {
		u["phoneNumbers"] = []any{map[string]any{"type": "work", "value": oneOf(c, "+13175550101", "tel:+13175550102; ext=9")}, map[string]any{"type": "home", "value": "+13175550999"}}
	}
	return u
}

// happen is what goes on between two runs.
func (w *lawWorld) happen() {
	w.Helper()
	w.heal()
	for range 1 + w.IntN(4) {
		w.staff()
	}
	for range w.IntN(4) {
		w.meddle()
	}
	time.Sleep(oneOf(w.enterprise, 10*time.Second, 20*time.Minute, 30*time.Hour))
}

// anybody is one of the records that are right.
func (c *enterprise) anybody() *hire {
	for {
		if h := c.hires[c.IntN(len(c.hires))]; h.line > 0 {
			return h
		}
	}
}

// heal takes back what was wrong with the last export.
func (c *enterprise) heal() {
	c.blank = false
	c.hires = slices.DeleteFunc(c.hires, func(h *hire) bool { return h.line < 0 })
	for _, h := range c.hires {
		h.bad = nil
		if h.cells["Hired"] == "soon" {
			c.fill(h, "Hired")
		}
	}
}

// staff is one thing that happens in the source.
func (c *enterprise) staff() {
	if !slices.ContainsFunc(c.hires, func(h *hire) bool { return h.line > 0 }) {
		c.note("%s joins", c.join().key)
		return
	}
	h := c.anybody()
	switch k := c.IntN(100); {
	case k < 12:
		c.note("%s joins", c.join().key)
	case k < 24:
		c.hires = slices.DeleteFunc(c.hires, func(x *hire) bool { return x.key == h.key })
		c.gone = append(c.gone, h)
		c.note("%s leaves", h.key)
	case k < 36 && len(c.gone) > 0:
		back := c.gone[0]
		c.gone, c.hires = c.gone[1:], append(c.hires, back)
		c.note("%s is back", back.key)
	case k < 42:
		c.sleep(h)
		c.note("%s is inactive", h.key)
	case k < 48:
		c.wake(h)
		c.note("%s is active", h.key)
	case k < 52:
		h.outside = !h.outside
		h.cells["Where"] = map[bool]string{true: "outside"}[h.outside]
		c.note("%s is outside: %v", h.key, h.outside)
	case k < 58:
		c.address(h, fmt.Sprintf("%s.n%d@example.com", h.key, c.IntN(1000)))
		c.note("%s is now %s", h.key, h.cells["Mail"])
	case k < 64:
		c.exchange(h)
	case k < 70:
		c.spoil(h)
	default:
		for range 1 + c.IntN(4) {
			column := lawColumns[2+c.IntN(len(lawColumns)-3)]
			if column == "Active" {
				continue
			}
			c.fill(h, column)
			c.note("%s has %s %q", h.key, column, h.cells[column])
		}
	}
}

// exchange hands addresses on: to each other, to a joiner, or from who left.
func (c *enterprise) exchange(h *hire) {
	mail := h.wants["userName"][""]
	other := c.anybody()
	switch c.IntN(3) {
	case 0:
		theirs := other.wants["userName"][""]
		if other.key == h.key {
			return
		}
		c.address(h, theirs)
		c.address(other, mail)
		c.note("%s and %s exchange addresses: %s, %s", h.key, other.key, h.cells["Mail"], other.cells["Mail"])
	case 1:
		c.address(h, fmt.Sprintf("%s.x%d@example.com", h.key, c.IntN(1000)))
		heir := c.join()
		c.address(heir, mail)
		c.note("%s gives %s to %s, who is new, for %s", h.key, mail, heir.key, h.cells["Mail"])
	default:
		if len(c.gone) == 0 {
			return
		}
		heir := c.join()
		c.address(heir, c.gone[0].wants["userName"][""])
		c.note("%s is new and has the address of %s", heir.key, c.gone[0].key)
	}
}

// spoil is a mistake in the export.
func (c *enterprise) spoil(h *hire) {
	switch c.IntN(4) {
	case 0:
		h.bad = errRagged
		c.note("%s is ragged", h.key)
	case 1:
		twin := *h
		twin.line, twin.cells, twin.wants = -h.line, maps.Clone(h.cells), maps.Clone(h.wants)
		c.hires = append(c.hires, &twin)
		c.note("%s is there twice", h.key)
	case 2:
		c.blank = true
		c.hires = append(c.hires, &hire{line: -1, bad: errRagged, cells: map[string]string{}})
		c.note("a row has no key")
	default:
		if c.trait("dateHire") == nil {
			return
		}
		h.set("Hired", "soon", "dateHire", nil)
		h.bad = errRagged
		c.note("%s has a date that is none", h.key)
	}
}

// meddle is one edit by somebody else.
func (w *lawWorld) meddle() {
	w.Helper()
	t := w.truth()
	ids := slices.Sorted(maps.Keys(t))
	if len(ids) == 0 {
		return
	}
	id := ids[w.IntN(len(ids))]
	f := t[id]
	if f["state"] == "deleted" {
		return
	}
	if w.chance(20) {
		w.meddleGroup(id, f)
		return
	}
	if w.chance(4) {
		w.note("somebody deletes %s", f["userName"])
		w.control(http.MethodPost, "edit", map[string]any{"user": id, "delete": true})
		return
	}
	op := w.meddling(id, f, t)
	if op == nil {
		return
	}
	w.note("somebody edits %s (%s): %v", id, f["userName"], op)
	w.control(http.MethodPost, "edit", map[string]any{"user": id, "operations": []any{op}})
}

func (w *lawWorld) meddling(id string, f facts, t truth) map[string]any {
	set := func(op, path string, value any) map[string]any {
		return map[string]any{"op": op, "path": path, "value": value}
	}
	without := func(set, path, by string) map[string]any {
		for _, e := range slices.Sorted(maps.Keys(f.elements(set))) {
			return map[string]any{"op": "remove", "path": fmt.Sprintf("%s[%s eq %q]", path, by, e)}
		}
		return nil
	}
	rated := func(name string) any {
		return []any{map[string]any{"name": name, "proficiency": oneOf(w.enterprise, 1.0, 3.0, 4.5)}}
	}
	switch w.IntN(15) {
	case 0:
		return set("replace", "title", "Foreign")
	case 1:
		return set("replace", enterpriseURN+"department", oneOf(w.enterprise, "Foreign", "Sales"))
	case 2:
		return set("replace", "displayName", "Foreign Name")
	case 3:
		return set("replace", "active", false)
	case 4:
		return set("replace", "active", true)
	case 5:
		return set("add", "roles", []any{map[string]any{"value": oneOf(w.enterprise, "Legacy", "Quality", "Sales Agent", "admin")}})
	case 6:
		return without("roles", "roles", "value")
	case 7:
		return set("add", genesysURN+"routingSkills", rated(oneOf(w.enterprise, "Billing", "Old", "Chat")))
	case 8:
		return without("skills", genesysURN+"routingSkills", "name")
	case 9:
		return set("add", genesysURN+"routingLanguages", rated("English"))
	case 10:
		return set("add", "phoneNumbers", []any{map[string]any{"type": oneOf(w.enterprise, "home", "other"), "value": "+13175550777"}})
	case 11:
		if number, has := f["phones/work"]; has && !strings.Contains(number, ";") {
			return set("replace", `phoneNumbers[type eq "work"].value`, "tel:"+number+"; ext=77")
		}
	case 12:
		ids := slices.Sorted(maps.Keys(t))
		if boss := ids[w.IntN(len(ids))]; boss != id && t[boss]["state"] != "deleted" {
			return set("replace", enterpriseURN+"manager", map[string]any{"value": boss})
		}
	case 13:
		return set("replace", "userName", fmt.Sprintf("foreign%d@example.com", w.IntN(1e6)))
	default:
		return set("replace", enterpriseURN+"division", oneOf(w.enterprise, "APAC", "EMEA"))
	}
	return nil
}

func (w *lawWorld) meddleGroup(id string, f facts) {
	w.Helper()
	g := oneOf(w.enterprise, lawGroups...)
	op := map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": id}}}
	if f["groups/"+g] == yes {
		op = map[string]any{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", id)}
	}
	w.note("somebody edits the group %s: %v", g, op)
	w.control(http.MethodPost, "edit", map[string]any{"group": g, "operations": []any{op}})
}

// trouble arms faults for the next run, and tells whether it did.
func (w *lawWorld) trouble() bool {
	w.Helper()
	if w.starved || !w.chance(15) {
		return false // a second run may do what the first could not, or cannot any more
	}
	often := oneOf(w.enterprise, 0.1, 0.5)
	f := oneOf(w.enterprise,
		genesyssim.Fault{Match: "POST /users", Do: genesyssim.LoseAnswer, Count: 2},
		genesyssim.Fault{Match: "PATCH /users/*", Do: genesyssim.LoseAnswer, Probability: &often},
		genesyssim.Fault{Match: "PATCH /groups/*", Do: genesyssim.LoseAnswer, Probability: &often},
		genesyssim.Fault{Match: "PATCH /users/*", Do: genesyssim.StaleDeed, Probability: &often},
		genesyssim.Fault{Match: "* *", Do: "503", Probability: &often},
		genesyssim.Fault{Match: "* *", Do: genesyssim.CutBody, Probability: &often},
		genesyssim.Fault{Match: "* *", Do: "429", Probability: &often},
		genesyssim.Fault{Match: "* *", Do: genesyssim.HTML, Probability: &often},
		genesyssim.Fault{Match: "* *", Do: genesyssim.ExpireToken, Count: 1},
		genesyssim.Fault{Match: "GET *", Do: genesyssim.ShiftPages, Probability: &often},
	)
	w.note("trouble: %s %s", f.Match, f.Do)
	w.control(http.MethodPut, "faults", []genesyssim.Fault{f})
	return true
}
