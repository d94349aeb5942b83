package plan_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
)

// A world is a small organization with its source and its ledger, in which
// plans are carried out without a network.
type world struct {
	in      plan.Input
	desired []plan.Desired
	links   map[source.Key]*plan.Link
	ours    map[source.Key]map[scim.Path][]scim.Value
	users   []*worldUser
	groups  []*worldGroup
	strips  bool // deactivation takes roles and skills away
}

type worldUser struct {
	id      string
	version int
	deleted bool
	attrs   map[string]any
}

type worldGroup struct {
	id, name string
	members  map[string]bool
}

var (
	dialect   = genesys.Dialect()
	manager   = dialect.Short["manager"]
	skills    = dialect.Short["skills"]
	roleNames = []string{"Agent", "Lead", "Trainer", "admin"}
)

// newWorld makes one from a seed: few names, so that people collide.
func newWorld(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 7))
	own := func(from ...plan.Own) plan.Own { return from[r.IntN(len(from))] }
	sets := []plan.Own{plan.Exact, plan.Mine, plan.Additive}
	rules := []plan.Rule{
		{Path: "externalId", Own: plan.Managed},
		{Path: "userName", Own: plan.Managed},
		{Path: "displayName", Own: plan.Managed},
		{Path: "active", Own: plan.Managed},
		{Path: "title", Own: own(plan.Managed, plan.Once, plan.Watch)},
		{Path: manager, Own: plan.Managed},
		{Path: "roles", Own: own(sets...)},
		{Path: skills, Own: own(sets...)},
	}
	var paths []scim.Path
	for _, rule := range rules {
		paths = append(paths, rule.Path)
	}
	w := &world{
		links: map[source.Key]*plan.Link{}, ours: map[source.Key]map[scim.Path][]scim.Value{}, strips: r.IntN(2) == 0,
		in: plan.Input{
			Users: scim.NewShape(paths...), Groups: scim.NewShape("displayName", target.Members), Rules: rules, Dialect: dialect,
			Members: []plan.GroupRule{{Name: "Sales", Own: own(sets...)}, {Name: "Night", Own: own(sets...)}},
			Policy: plan.Policy{
				Lifecycle: r.IntN(8) > 0, Match: []scim.Path{"externalId", "userName"},
				Leaving: plan.Leaving{Action: []string{"report", "deactivate", "delete"}[r.IntN(3)]},
			},
			Basis: plan.Basis{Today: "2026-11-23", Granted: 300},
		},
	}
	for i := range 1 + r.IntN(8) {
		w.users = append(w.users, &worldUser{id: fmt.Sprint("u", i), version: 1, deleted: r.IntN(12) == 0, attrs: w.attrs(r, i)})
	}
	for i, name := range []string{"Sales", "Night", "Other"} {
		g := &worldGroup{id: fmt.Sprint("g", i), name: name, members: map[string]bool{}}
		for _, u := range w.users {
			if r.IntN(3) == 0 && !u.deleted {
				g.members[u.id] = true
			}
		}
		w.groups = append(w.groups, g)
	}
	w.link(r)
	w.hire(r)
	return w
}

func mail(i int) string { return fmt.Sprintf("p%d@example.com", i) }

// attrs are those of user i; userNames are unique.
func (w *world) attrs(r *rand.Rand, i int) map[string]any {
	a := map[string]any{"userName": mail(i), "displayName": fmt.Sprint("P", r.IntN(3)), "active": r.IntN(5) > 0}
	if r.IntN(2) == 0 {
		a["externalId"] = fmt.Sprint("e", i)
	}
	if r.IntN(2) == 0 {
		a["title"] = "Agent"
	}
	a["roles"] = some(r, roleNames, "value")
	next, _, err := dialect.Schema.Patch(scim.User, a, []scim.Op{{Verb: scim.Add, Path: skills, Value: scim.ValueOf(ratings(r))}}, scim.PatchOptions{})
	if err != nil {
		panic(err)
	}
	return next
}

func some(r *rand.Rand, names []string, as string) []any {
	out := []any{}
	for _, n := range names {
		if r.IntN(3) == 0 {
			out = append(out, map[string]any{as: n})
		}
	}
	return out
}

func ratings(r *rand.Rand) []any {
	out := some(r, []string{"Billing", "Chat", "Spanish"}, "name")
	for _, e := range out {
		e.(map[string]any)["proficiency"] = float64(r.IntN(5))
	}
	return out
}

// link gives some users a key, by chance the wrong one, and some elements to us.
func (w *world) link(r *rand.Rand) {
	for i, u := range w.users {
		k := source.Key(fmt.Sprint("e", i))
		if r.IntN(3) == 0 {
			continue
		}
		l := &plan.Link{Key: k, Ref: scim.Ref{Type: scim.User, ID: u.id}, UserName: mail(i)}
		if u.attrs["active"] == false && r.IntN(2) == 0 {
			l.Deactivated = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		}
		for _, g := range w.groups {
			if g.members[u.id] && r.IntN(2) == 0 {
				l.Groups = append(l.Groups, g.id)
			}
		}
		w.links[k] = l
		w.ours[k] = map[scim.Path][]scim.Value{}
		for _, p := range []scim.Path{"roles", skills} {
			for _, v := range w.row(u).values(p) {
				if r.IntN(2) == 0 {
					w.ours[k][p] = append(w.ours[k][p], v)
				}
			}
		}
	}
}

// hire says what the source wants: some stay, some are new, some change their address.
func (w *world) hire(r *rand.Rand) {
	n := len(w.users) + r.IntN(4)
	for i := range n {
		if r.IntN(5) == 0 {
			continue
		}
		b := scim.NewRow(w.in.Users)
		name := i
		if r.IntN(4) == 0 {
			name = r.IntN(n + 2)
		}
		b.Set(0, scim.ValueOf(fmt.Sprint("e", i)))
		b.Set(1, scim.ValueOf(mail(name)))
		if r.IntN(12) > 0 {
			b.Set(2, scim.ValueOf(fmt.Sprint("P", r.IntN(3))))
		}
		b.Set(3, scim.ValueOf(r.IntN(6) > 0))
		if r.IntN(2) == 0 {
			b.Set(4, scim.ValueOf("Lead"))
		}
		if r.IntN(2) == 0 {
			b.Set(5, plan.Person(source.Key(fmt.Sprint("e", r.IntN(n+1)))))
		}
		if r.IntN(3) > 0 {
			b.Set(6, scim.ValueOf(some(r, roleNames, "value")).Elements()...)
		}
		if r.IntN(3) > 0 {
			b.Set(7, scim.ValueOf(ratings(r)).Elements()...)
		}
		d := plan.Desired{Key: source.Key(fmt.Sprint("e", i)), Place: source.Place{Source: "hr", Line: i + 2}, Row: b.Row()}
		for _, g := range []string{"Night", "Sales"} {
			if r.IntN(2) == 0 {
				d.Groups = append(d.Groups, g)
			}
		}
		if d.Held = r.IntN(12) == 0; d.Held {
			d.Row, d.Groups = scim.Row{}, nil
		}
		w.desired = append(w.desired, d)
	}
}

// A worldRow is a row with its values at hand.
type worldRow struct{ scim.Row }

func (r worldRow) values(p scim.Path) []scim.Value {
	vs, _ := r.At(p)
	return vs
}

func (w *world) row(u *worldUser) worldRow {
	return worldRow{w.in.Users.Project(scim.Resource{Attrs: u.attrs})}
}

func (w *world) observed(u *worldUser) target.Observed {
	o := target.Observed{Ref: scim.Ref{Type: scim.User, ID: u.id, Version: fmt.Sprint(u.version)}, State: target.Active, Row: w.row(u).Row}
	if u.attrs["active"] == false {
		o.State = target.Inactive
	}
	if u.deleted {
		o.State = target.Erased
	}
	return o
}

// tellings are all calls that a builder gets, in no order.
func (w *world) tellings() []func(*plan.Builder) {
	var all []func(*plan.Builder)
	for _, k := range slices.Sorted(maps.Keys(w.links)) {
		l := *w.links[k]
		b := scim.NewRow(w.in.Users)
		for p, vs := range w.ours[k] {
			b.Set(w.in.Users.Index(p), vs...)
		}
		l.Ours = b.Row()
		all = append(all, func(b *plan.Builder) { b.Link(l) })
	}
	for _, d := range w.desired {
		all = append(all, func(b *plan.Builder) { b.Want(d) })
	}
	for _, u := range w.users {
		if !u.deleted {
			all = append(all, func(b *plan.Builder) { b.Have(w.observed(u)) })
		}
	}
	for _, g := range w.groups {
		all = append(all, func(b *plan.Builder) { b.Have(w.groupSeen(g)) })
	}
	return append(all, func(b *plan.Builder) { b.Listed(scim.User, true); b.Listed(scim.Group, true) })
}

func (w *world) groupSeen(g *worldGroup) target.Observed {
	b := scim.NewRow(w.in.Groups)
	b.Set(0, scim.ValueOf(g.name))
	var vs []scim.Value
	for id := range g.members {
		vs = append(vs, scim.ValueOf(map[string]any{"value": id}))
	}
	b.Set(1, vs...)
	return target.Observed{Ref: scim.Ref{Type: scim.Group, ID: g.id}, State: target.Active, Row: b.Row()}
}

// plan computes, told in the order that shuffle makes.
func (w *world) plan(t *testing.T, shuffle func(n int, swap func(i, j int))) *plan.Plan {
	t.Helper()
	b := plan.New(w.in)
	all := w.tellings()
	shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, tell := range all {
		tell(b)
	}
	for range 6 {
		qs := b.Questions()
		if len(qs) == 0 {
			return b.Plan()
		}
		for _, q := range qs {
			w.reply(b, q)
		}
	}
	t.Fatal("Questions does not end")
	return nil
}

func inOrder(int, func(i, j int)) {}

func (w *world) reply(b *plan.Builder, q target.Query) {
	found := false
	for _, u := range w.users {
		if q.Ask == target.ByID && u.id == q.Who || q.Ask == target.Deleted && u.deleted ||
			q.Ask == target.ByUserName && strings.EqualFold(fmt.Sprint(u.attrs["userName"]), q.Who) {
			found = true
			b.Have(w.observed(u))
		}
	}
	if q.Ask == target.ByID && !found {
		b.Have(target.Observed{Ref: scim.Ref{Type: scim.User, ID: q.Who}, State: target.Gone})
	}
}

func (w *world) user(id string) *worldUser {
	i := slices.IndexFunc(w.users, func(u *worldUser) bool { return u.id == id })
	if i < 0 {
		return nil
	}
	return w.users[i]
}

// apply carries p out, as apply would, and remembers as the ledger would.
func (w *world) apply(t *testing.T, p *plan.Plan) {
	t.Helper()
	if p.Refused() {
		return
	}
	for _, c := range p.Unlinked {
		l := w.links[c.Key]
		l.Closed, l.Gone = true, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	}
	for c := range p.Changes() {
		if c.Held != "" {
			continue
		}
		c, ok := c.Resolved(func(k source.Key) (string, bool) {
			l := w.links[k]
			return idOf(l), l != nil && !l.Closed && l.Ref.ID != ""
		})
		if !ok {
			t.Fatalf("change %s of %s%s refers to somebody who has no user yet", c.Op, c.Key, c.UserName)
		}
		if c.Target.Type == scim.Group {
			w.member(t, c)
		} else {
			w.carry(t, c)
		}
	}
}

func idOf(l *plan.Link) string {
	if l == nil {
		return ""
	}
	return l.Ref.ID
}

// member changes a group and remembers whose membership is ours.
func (w *world) member(t *testing.T, c plan.Change) {
	t.Helper()
	i := slices.IndexFunc(w.groups, func(g *worldGroup) bool { return g.id == c.Target.ID })
	g := w.groups[i]
	e := c.Edits[0]
	if n := len(e.Add) + len(e.Remove); n > dialect.MembersPerRequest {
		t.Errorf("a change of %s has %d members", g.name, n)
	}
	note := func(vs []scim.Value, in, ours bool) {
		for _, v := range vs {
			id, _ := v.Sub("value").Text()
			if g.members[id] == in && !ours {
				t.Errorf("%s of %s in %s is so already", c.Op, id, g.name)
			}
			if w.user(id) == nil {
				t.Errorf("%s of an unknown user %s", c.Op, id)
			}
			if in {
				g.members[id] = true
			} else {
				delete(g.members, id)
			}
			for _, l := range w.links {
				if l.Ref.ID == id {
					l.Groups = slices.DeleteFunc(l.Groups, func(have string) bool { return have == g.id })
					if in {
						l.Groups = append(l.Groups, g.id)
					}
				}
			}
		}
	}
	note(e.Add, true, false)
	note(e.Remove, false, false)
	note(e.Claim, true, true)
}

// carry changes a user and remembers the link and what is ours.
func (w *world) carry(t *testing.T, c plan.Change) {
	t.Helper()
	if c.Op == plan.Rekey {
		w.inherit(c)
		return
	}
	if c.Target.ID == "" && c.Op != plan.Create {
		c.Target.ID = idOf(w.links[c.Key])
	}
	u := w.user(c.Target.ID)
	if c.Op == plan.Create {
		u = &worldUser{id: fmt.Sprint("new", len(w.users)), attrs: map[string]any{"active": true}}
		w.users = append(w.users, u)
	}
	if u == nil || u.deleted {
		t.Fatalf("%s of %s: there is no user %q", c.Op, c.Key, c.Target.ID)
	}
	ops, _ := c.Against(func(p scim.Path) []scim.Value { return w.row(u).values(p) })
	next, _, err := dialect.Schema.Patch(scim.User, u.attrs, ops, scim.PatchOptions{CreateMissing: true})
	if err != nil {
		t.Fatalf("%s of %s: Patch(%v) = %v", c.Op, c.Key, ops, err)
	}
	u.attrs = next
	u.version++
	if again, _ := c.Against(func(p scim.Path) []scim.Value { return w.row(u).values(p) }); len(again) > 0 {
		t.Errorf("%s of %s: Against after Patch = %v, want none", c.Op, c.Key, again)
	}
	for _, other := range w.users {
		if other != u && !other.deleted && other.attrs["userName"] == u.attrs["userName"] {
			t.Errorf("%s of %s takes the userName of %s", c.Op, c.Key, other.id)
		}
	}
	if u.attrs["active"] == false && w.strips {
		delete(u.attrs, "roles")
	}
	w.remember(c, u)
}

// inherit gives a link to another key.
func (w *world) inherit(c plan.Change) {
	from := source.Key(c.From)
	l := w.links[from]
	l.Key, l.Left = c.Key, time.Time{}
	w.links[c.Key], w.ours[c.Key] = l, w.ours[from]
	delete(w.links, from)
	delete(w.ours, from)
}

func (w *world) remember(c plan.Change, u *worldUser) {
	l := w.links[c.Key]
	if l == nil || c.Op == plan.Create || c.Op == plan.Adopt {
		l = &plan.Link{Key: c.Key, Ref: scim.Ref{Type: scim.User, ID: u.id}}
		w.links[c.Key], w.ours[c.Key] = l, map[scim.Path][]scim.Value{}
	}
	switch c.Op {
	case plan.Deactivate:
		l.Deactivated = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	case plan.Reactivate:
		l.Deactivated = time.Time{}
	case plan.Delete:
		l.Closed, u.deleted = true, true
		for _, g := range w.groups {
			delete(g.members, u.id)
		}
	default:
	}
	ours := w.ours[c.Key]
	for _, e := range c.Edits {
		if e.ID == "" {
			continue
		}
		gone := func(v scim.Value) bool {
			return slices.ContainsFunc(e.Remove, func(x scim.Value) bool { return x.Sub(e.ID) == v.Sub(e.ID) })
		}
		ours[e.Path] = slices.DeleteFunc(ours[e.Path], gone)
		if e.Whole {
			ours[e.Path] = nil
		}
		ours[e.Path] = slices.Concat(ours[e.Path], e.Set, e.Add, e.Claim)
	}
}
