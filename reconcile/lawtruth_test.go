package reconcile_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/plan"
)

// facts are what is true of one user, flat: "title", "roles/Sales Agent",
// "groups/Team A", "skills/Billing". What is not there is absent.
type facts map[string]string

// elements are the facts below a name, without it.
func (f facts) elements(name string) facts {
	out := facts{}
	for k, v := range f {
		if e, ok := strings.CutPrefix(k, name+"/"); ok {
			out[e] = v
		}
	}
	return out
}

func (f facts) dropAll(name string) {
	maps.DeleteFunc(f, func(k, _ string) bool { return strings.HasPrefix(k, name+"/") })
}

// A truth is everybody in the organization, by id.
type truth map[string]facts

func (t truth) clone() truth {
	out := make(truth, len(t))
	for id, f := range t {
		out[id] = maps.Clone(f)
	}
	return out
}

// holder is the user, not deleted, that has this userName.
func (t truth) holder(name string) string {
	for id, f := range t {
		if f["userName"] == name && f["state"] != "deleted" {
			return id
		}
	}
	return ""
}

// by is the user, not deleted, for which f[name] is value.
func (t truth) by(name, value string) string {
	for id, f := range t {
		if f[name] == value && f["state"] != "deleted" {
			return id
		}
	}
	return ""
}

type simUser struct {
	ID, UserName, DisplayName, Title, State, ExternalID string

	Emails, PhoneNumbers []struct{ Type, Value string }
	Roles                []struct{ Value string }
	Enterprise           struct {
		Department, EmployeeNumber, DateHire, Division string
		Manager                                        struct{ Value string }
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
	Genesys struct {
		RoutingSkills, RoutingLanguages []struct {
			Name        string
			Proficiency float64
		}
		ExternalIDs []struct{ Authority, Value string } `json:"externalIds"`
	} `json:"urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"`
}

func (u simUser) facts() facts {
	f := facts{
		"userName": strings.ToLower(u.UserName), "displayName": u.DisplayName, "title": u.Title, "state": u.State, "externalId": u.ExternalID,
		"department": u.Enterprise.Department, "employeeNumber": u.Enterprise.EmployeeNumber, "dateHire": u.Enterprise.DateHire,
		"division": u.Enterprise.Division, "manager": u.Enterprise.Manager.Value,
	}
	for _, e := range u.Emails {
		if e.Type == "work" {
			f["work"] = e.Value
		}
	}
	for _, p := range u.PhoneNumbers {
		f["phones/"+p.Type] = strings.ReplaceAll(strings.TrimPrefix(p.Value, "tel:"), " ", "")
	}
	for _, r := range u.Roles {
		f["roles/"+r.Value] = yes
	}
	for _, s := range u.Genesys.RoutingSkills {
		f["skills/"+s.Name] = strconv.FormatFloat(s.Proficiency, 'f', -1, 64)
	}
	for _, s := range u.Genesys.RoutingLanguages {
		f["languages/"+s.Name] = strconv.FormatFloat(s.Proficiency, 'f', -1, 64)
	}
	for _, e := range u.Genesys.ExternalIDs {
		if !strings.HasPrefix(e.Authority, "x-pc:") {
			f["externalIds/"+e.Authority] = e.Value
		}
	}
	delete(f, "roles/employee") // comes with every user, and is neither given nor taken
	maps.DeleteFunc(f, func(_, v string) bool { return v == "" })
	return f
}

// A belief is the oracle's own ledger: what the product must know of a person.
type belief struct {
	id   string
	left bool      // a run has missed them in the source
	day  time.Time // of that run
	off  bool      // we deactivated them, and have not taken it back
	ours facts     // elements of sets that we gave or claimed
	owed bool      // whom they report to is set at creation only, and could not be then
	lost facts     // roles and groups that deactivation took, and coming back gives back
}

// An oracle says what must be true after a run, from the generator's own
// knowledge. It shares no code with the product.
type oracle struct {
	*enterprise

	links map[string]*belief // by key

	now     truth             // before the run; afterwards what must be
	records map[string]*hire  // in scope, each key once, readable
	stands  map[string]bool   // keys that stand as last believed
	created map[string]facts  // by key: who must be new
	moving  map[string]bool   // ids and keys whose memberships follow the source
	heirs   map[string]string // old key, gone in this reading: new key of the same person
	starved bool              // somebody may have a userName only after the next run
	reused  map[string]bool   // keys whose user somebody matches who has another key
	joined  map[string]bool   // keys that are linked by this run
	shunned map[string]string // keys whose user is protected, and their ids
	seen    truth             // before the run
}

// expect says what must be after a run that begins at t.
func (o *oracle) expect(t truth) {
	o.seen, o.now, o.heirs = t, t.clone(), map[string]string{}
	o.reused, o.starved, o.shunned = map[string]bool{}, false, map[string]string{}
	o.created, o.moving, o.joined = map[string]facts{}, map[string]bool{}, map[string]bool{}
	o.read()
	matched := o.match()
	o.rename(matched)
	for _, key := range slices.Sorted(maps.Keys(o.records)) {
		if id, ok := matched[key]; ok {
			o.person(key, id)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.links)) {
		o.leaver(key)
	}
	o.managers(matched)
	o.groups()
	for key, l := range o.links {
		if gone := o.absent(key); gone && !l.left {
			l.left, l.day = true, o.today()
		} else if !gone {
			l.left = false
		}
	}
}

func (o *oracle) read() {
	o.stands, o.records = map[string]bool{}, map[string]*hire{}
	count := map[string]int{}
	for _, h := range o.hires {
		if h.bad != nil || !h.outside {
			count[h.key]++
		}
	}
	for _, h := range o.hires {
		switch {
		case h.bad != nil || count[h.key] > 1:
			o.stands[h.key] = true
		case !h.outside:
			o.records[h.key] = h
		}
	}
}

// absent tells whether nobody speaks for a key.
func (o *oracle) absent(key string) bool {
	return o.records[key] == nil && !o.stands[key] && (!o.blank || o.links[key] == nil || o.links[key].left)
}

// match finds the user of everybody: "" where one is to be created; keys that
// are not there are left alone.
func (o *oracle) match() map[string]string {
	matched, linked, heirs := map[string]string{}, map[string]string{}, map[string][]string{}
	for key, l := range o.links {
		linked[l.id] = key
	}
	for key, h := range o.records {
		if l := o.links[key]; l != nil {
			switch f := o.seen[l.id]; {
			case f["state"] == "deleted":
			case o.protects(f["userName"]):
				o.shunned[key] = l.id
			default:
				matched[key] = l.id
			}
			continue
		}
		id := ""
		if o.trait("externalId") != nil {
			id = o.seen.by("externalId", key)
		}
		byName := o.seen.holder(h.wants["userName"][""])
		switch {
		case id == "" && byName != "" && o.vacates(linked[byName], h.wants["userName"][""]):
		case id == "":
			id = byName
		}
		switch {
		case id == "" && (o.bare || o.protects(h.wants["userName"][""]) || o.wasDeleted(h.wants["userName"][""])):
		case id != "" && linked[id] == "" && o.protects(o.seen[id]["userName"]):
			o.shunned[key] = id
		case id == "" && h.active:
			matched[key] = ""
		case id != "" && linked[id] == "":
			matched[key] = id
		case id != "" && o.absent(linked[id]) && !o.links[linked[id]].left:
			if o.protects(o.seen[id]["userName"]) {
				o.shunned[key] = id
				continue
			}
			heirs[linked[id]] = append(heirs[linked[id]], key)
			matched[key] = id
		case id != "":
			o.reused[linked[id]] = !o.links[linked[id]].left
			o.starved = o.starved || o.records[linked[id]] != nil
		}
	}
	for old, keys := range heirs {
		if len(keys) > 1 { // disputed: the old one stands, and nobody inherits
			o.stands[old] = true
			maps.DeleteFunc(matched, func(k, _ string) bool { return slices.Contains(keys, k) })
			continue
		}
		o.heirs[old], o.links[keys[0]] = keys[0], o.links[old]
		delete(o.links, old)
	}
	return matched
}

// protected are the patterns of userNames that are never touched.
func (c *enterprise) protected() []string {
	if c.shield == "" {
		return nil
	}
	return []string{c.shield + "*"}
}

func (c *enterprise) protects(name string) bool {
	return c.shield != "" && strings.HasPrefix(name, c.shield)
}

func (o *oracle) wasDeleted(name string) bool {
	for _, f := range o.seen {
		if f["userName"] == name && f["state"] == "deleted" {
			return true
		}
	}
	return false
}

// vacates tells whether the person of key gives name up in this run.
func (o *oracle) vacates(key, name string) bool {
	h, l := o.records[key], o.links[key]
	return !o.bare && !o.protects(name) && h != nil && l != nil && h.active && o.seen[l.id]["state"] == "active" && h.wants["userName"][""] != name
}

// rename gives userNames: one that somebody has is free only when they give it up.
func (o *oracle) rename(matched map[string]string) {
	if o.bare {
		return
	}
	type move struct{ key, id, to string }
	var moves []move
	wanted := map[string]int{}
	for key := range matched {
		wanted[o.records[key].wants["userName"][""]]++
	}
	for key, id := range matched {
		if h := o.records[key]; id != "" && h.active && o.returns(key, id) && o.seen[id]["userName"] != h.wants["userName"][""] && wanted[h.wants["userName"][""]] == 1 {
			moves = append(moves, move{key, id, h.wants["userName"][""]})
		}
	}
	for _, state := range []string{"active", "inactive"} { // who comes back is renamed after all others
		for range len(moves) + 1 { // in whatever order they free each other
			for _, m := range moves {
				if o.seen[m.id]["state"] == state && o.now.holder(m.to) == "" {
					o.now[m.id]["userName"] = m.to
				}
			}
		}
	}
	for _, m := range moves {
		o.starved = o.starved || o.now[m.id]["userName"] != m.to
	}
	for key, id := range matched {
		name := o.records[key].wants["userName"][""]
		if held := o.now.holder(name) != ""; id == "" && (held || wanted[name] > 1) {
			o.starved = o.starved || held
			delete(matched, key)
		}
	}
}

// returns tells whether the user of key is active, or comes back by our hand.
func (o *oracle) returns(key, id string) bool {
	return o.seen[id]["state"] == "active" || o.links[key] != nil && o.links[key].off
}

func (o *oracle) person(key, id string) {
	h := o.records[key]
	l := o.links[key]
	if id == "" {
		o.create(key)
		return
	}
	fresh := l == nil
	if fresh {
		l = &belief{id: id, ours: facts{}}
		o.links[key], o.joined[key] = l, true
	}
	state := o.seen[id]["state"]
	switch {
	case o.bare && state == "active":
	case o.bare:
		return
	case !h.active && state == "active":
		o.deactivate(l)
		if fresh {
			l.lost = nil // what an adoption takes is not kept
		}
		return
	case !h.active, state != "active" && !l.off:
		return
	}
	f := o.now[id]
	f["state"], l.off = "active", false
	o.moving[key] = h.active || o.bare
	o.apply(h, f, l, fresh, false)
	o.giveBackRoles(h, f, l)
}

func (o *oracle) create(key string) {
	h, ok := o.records[key]
	if _, has := o.created[key]; has || !ok {
		return
	}
	f := facts{"state": "active", "division": "Home", "userName": h.wants["userName"][""]}
	l := &belief{ours: facts{}}
	o.links[key], o.created[key], o.moving[key] = l, f, true
	o.apply(h, f, l, true, true)
}

// apply brings f to what h wants, but for the userName and whoever it refers to.
func (o *oracle) apply(h *hire, f facts, l *belief, fresh, creating bool) {
	for _, t := range o.traits {
		want, known := h.wants[t.name]
		switch {
		case !known, t.name == "userName", t.name == "active", t.name == "manager":
		case t.own == plan.Watch, t.own == plan.Once && !creating:
		case t.name == "roles", t.name == "skills", t.name == "languages":
			o.elements(t.name, t.own, want, f, l, fresh)
		case len(want) == 0 && !o.sticks(t):
			delete(f, t.name)
		case len(want) == 0:
		default:
			f[t.name] = kept(t.name, f[t.name], want[""])
		}
	}
}

// sticks tells whether the service keeps what is removed.
func (o *oracle) sticks(t trait) bool {
	return o.set["removed_value"] == "keep" && t.path.Parts().Filter == nil
}

// kept is a number with the extension that telephony gave it.
func kept(name, have, want string) string {
	_, ext, _ := strings.Cut(have, ";ext=")
	if strings.HasPrefix(name, "phones/") && ext != "" && !strings.Contains(want, ";ext=") {
		return want + ";ext=" + ext
	}
	return want
}

// elements brings the elements of a set to what is wanted, by the rule of own.
func (o *oracle) elements(name string, own plan.Own, want, f facts, l *belief, fresh bool) {
	for e := range f.elements(name) {
		at := name + "/" + e
		switch _, wanted := want[e]; {
		case wanted && own == plan.Mine && fresh:
			l.ours[at] = yes
		case wanted, name == "roles" && e == "admin":
		case own == plan.Exact, own == plan.Mine && l.ours[at] == yes:
			delete(f, at)
			delete(l.ours, at)
		}
	}
	for e, v := range want {
		if f[name+"/"+e] != v {
			f[name+"/"+e], l.ours[name+"/"+e] = v, yes
		}
	}
}

func (o *oracle) deactivate(l *belief) {
	f := o.now[l.id]
	o.lose(l, f)
	f["state"], l.off = "inactive", true
	if o.set["strip_roles"] != "false" {
		f.dropAll("roles")
	}
	if o.set["inactive_members"] == "dropped" {
		f.dropAll("groups")
	}
}

// due tells whether a leaver's days of waiting are over.
func (o *oracle) due(l *belief) bool {
	since := o.today()
	if l.left {
		since = l.day
	}
	return !o.today().Before(since.AddDate(0, 0, o.after))
}

func (o *oracle) leaver(key string) {
	l := o.links[key]
	if o.absent(key) && !o.bare && !o.protects(o.seen[l.id]["userName"]) && !o.reused[key] && l.id != "" && o.seen[l.id]["state"] == "active" && o.leavers == "deactivate" && o.due(l) && len(o.records)+len(o.stands) > 0 {
		o.deactivate(l)
	}
}

// managers follow once it is settled who is there. The id of somebody who is
// new is "new:" and their key.
func (o *oracle) managers(matched map[string]string) {
	t := o.trait("manager")
	if t == nil || t.own == plan.Watch {
		return
	}
	for key := range o.moving {
		h := o.records[key]
		f, isNew := o.created[key]
		if !isNew {
			f = o.now[o.links[key].id]
		}
		want, known := h.wants["manager"]
		l, once := o.links[key], t.own == plan.Once
		if isNew {
			l.owed = once && known && len(want) > 0
		}
		switch {
		case !known, once && !isNew && (!l.owed || f["manager"] != ""):
		case len(want) == 0 && !o.sticks(*t):
			delete(f, "manager")
		case len(want) == 0, want[""] == key, o.heirs[want[""]] == key:
		default:
			if id := o.chief(want[""], matched); id != "" {
				f["manager"], l.owed = id, false
			}
		}
	}
}

// chief is the user to refer to for key; "" where the reference stands as it is.
func (o *oracle) chief(key string, matched map[string]string) string {
	if strings.Contains(key, "@") {
		if id := o.seen.holder(strings.ToLower(key)); o.seen[id]["state"] == "active" {
			return id
		}
		return ""
	}
	if heir, ok := o.heirs[key]; ok {
		key = heir
	}
	l := o.links[key]
	if id, shunned := o.shunned[key]; shunned {
		if h := o.records[key]; o.seen[id]["state"] == "active" && (h.active || o.bare) {
			return id
		}
		return ""
	}
	switch {
	case l != nil && o.seen[l.id]["state"] == "deleted":
		return ""
	case o.stands[key] && l != nil:
		return l.id
	case o.records[key] == nil && l != nil && !o.absent(key):
		return l.id
	case o.records[key] == nil && l != nil && !o.bare && o.leavers == "deactivate" && !o.due(l) && o.seen[l.id]["state"] == "active":
		return l.id // waiting is not leaving
	case o.records[key] == nil:
		return ""
	}
	if _, isNew := o.created[key]; isNew {
		return "new:" + key
	}
	if id := matched[key]; id != "" && o.now[id]["state"] == "active" {
		return id
	}
	return ""
}

// truth asks the organization what is so.
func (w *lawWorld) truth() truth {
	w.Helper()
	var all struct{ Users []simUser }
	if err := json.Unmarshal(w.control(http.MethodGet, "users", nil), &all); err != nil {
		w.Fatalf("users: %v", err)
	}
	t := truth{}
	for _, u := range all.Users {
		t[u.ID] = u.facts()
	}
	var groups struct {
		Groups []struct {
			DisplayName string
			Members     []struct{ Value string }
		}
	}
	if err := json.Unmarshal(w.control(http.MethodGet, "groups", nil), &groups); err != nil {
		w.Fatalf("groups: %v", err)
	}
	for _, g := range groups.Groups {
		for _, m := range g.Members {
			if t[m.Value] == nil {
				w.Fatalf("group %s has a member %s who is not there", g.DisplayName, m.Value)
			}
			t[m.Value]["groups/"+g.DisplayName] = yes
		}
	}
	return t
}

func (f facts) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "%s=%s ", k, f[k])
	}
	return strings.TrimSpace(b.String())
}
