package plan_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
)

var update = flag.Bool("update", false, "rewrite want.plan of every story")

// TestStories plans every testdata/*.txtar and compares with its want.plan.
// The input files are described at [story].
func TestStories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob = %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a := readArchive(t, file)
			got := readStory(t, a).tell(t)
			want := a.files["want.plan"]
			if *update {
				a.put("want.plan", got)
				if err := os.WriteFile(file, a.format(), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s(-want +got):\n%s", a.comment, diff)
			}
		})
	}
}

// A story is the input of one plan. Attributes are named by path or by the
// dialect's short names; a scalar stands for a value, a list for the elements of
// a set ("Billing:3" is a skill), {"$person": KEY} for a person.
type story struct {
	// desired.json: key, line, held, unit, groups (null: the column that names them is
	// blank); every other member is an attribute.
	desired []map[string]any
	// current.json: id, version, state (active, inactive, deleted), hidden (not in
	// the listing), unread (not in the listing's columns); every other member is an attribute.
	current []map[string]any
	// links.json
	links []struct {
		Key, ID, Version, UserName, Open, Unit string
		OpenOp                                 plan.Op
		Ours                                   map[string]any
		Groups                                 []string
		Left, Deactivated, Gone                string
		Closed                                 bool
		Lost                                   *struct {
			At  string
			Op  plan.Op
			Had map[string]any // "Agent@EMEA" is a grant, an id a group
		}
		Kept map[string]struct{ Sent, Has, Stays any } // by attribute
		Owed []string
	}
	// groups.json
	groups []struct {
		ID, DisplayName string
		Members         []string
		Hidden          bool // members are not in the listing
		Roles           []string
	}
	// catalogs.json: names by catalog
	catalogs map[target.Catalog][]string
	policy   policy

	dialect target.Dialect
	users   *scim.Shape
	group   *scim.Shape
	asked   []string
}

type policy struct {
	Today     string
	Lifecycle string
	Shifted   bool     // the listing of users is not exact
	Quick     bool     // there is no listing
	Managed   []string // attributes in order; left out: those of desired.json, sorted
	Own       map[string]string
	Groups    map[string]string
	ByColumn  string
	Match     []string
	Leavers   struct {
		Action, Then     string
		After, ThenAfter int
	}
	Limits  map[plan.Op]string // "10 or 2%"
	Recent  map[plan.Op]int
	Lately  map[plan.Op][]source.Key // of recent: who
	Allow   map[string]int
	Protect []string
	Roles   map[string]plan.RolePolicy
	Only    []string
	HoldAll bool
	NoClaim bool
	Restore []string // of leavers.restore
	Within  int      // days: leavers.restore_within
	Denied  bool     // grants may not be read
	Fixed   map[string][]string
}

var owns = map[string]plan.Own{
	"managed": plan.Managed, "once": plan.Once, "watch": plan.Watch, "exact": plan.Exact, "mine": plan.Mine, "add": plan.Additive,
}

func readStory(t *testing.T, a *archive) *story {
	t.Helper()
	s := &story{dialect: genesys.Dialect()}
	s.policy.Today = "2026-11-23"
	for name, into := range map[string]any{
		"desired.json": &s.desired, "current.json": &s.current, "links.json": &s.links, "groups.json": &s.groups,
		"policy.json": &s.policy, "catalogs.json": &s.catalogs,
	} {
		text := a.files[name]
		if text == "" {
			continue
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if s.policy.Managed == nil {
		names := map[string]bool{}
		for _, d := range s.desired {
			for name := range d {
				names[name] = true
			}
		}
		for _, other := range []string{"key", "line", "held", "turns", "groups", "unit"} {
			delete(names, other)
		}
		names["userName"] = true
		s.policy.Managed = slices.Sorted(maps.Keys(names))
	}
	paths := []scim.Path{"userName", "externalId", "active"}
	for _, name := range s.policy.Managed {
		paths = append(paths, s.path(name))
	}
	s.users, s.group = scim.NewShape(paths...), scim.NewShape("displayName", target.Members)
	return s
}

func (s *story) path(name string) scim.Path {
	if p, ok := s.dialect.Short[name]; ok {
		return p
	}
	return scim.MustPath(name)
}

// input is the story as planning takes it.
func (s *story) input(t *testing.T) plan.Input {
	t.Helper()
	p := s.policy
	in := plan.Input{
		Users: s.users, Groups: s.group, Dialect: s.dialect, ByColumn: owns[p.ByColumn], Fixed: p.Fixed,
		Basis: plan.Basis{Sync: "test", Today: p.Today, Granted: 300},
		Policy: plan.Policy{
			Lifecycle: p.Lifecycle != "none", Recent: p.Recent, RecentOf: p.Lately, Allow: p.Allow, Protect: p.Protect, Roles: p.Roles, Only: p.Only,
			HoldAll: p.HoldAll, NoClaim: p.NoClaim, Limits: map[plan.Op]plan.Bound{},
			Leaving: plan.Leaving{Action: p.Leavers.Action, After: p.Leavers.After, Then: p.Leavers.Then, ThenAfter: p.Leavers.ThenAfter},
		},
	}
	for _, name := range p.Restore {
		in.Policy.Restore = append(in.Policy.Restore, s.path(name))
	}
	in.Policy.RestoreWithin = time.Duration(p.Within) * 24 * time.Hour
	if p.Match == nil {
		p.Match = []string{"externalId", "userName"}
	}
	for _, m := range p.Match {
		in.Policy.Match = append(in.Policy.Match, s.path(m))
	}
	for op, text := range p.Limits {
		in.Policy.Limits[op] = bound(t, text)
	}
	for _, name := range p.Managed {
		own := plan.Managed
		if _, set := s.dialect.Sets[s.path(name)]; set {
			own = plan.Mine
		}
		if o, ok := p.Own[name]; ok {
			own = owns[o]
		}
		in.Rules = append(in.Rules, plan.Rule{Path: s.path(name), Own: own})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Groups)) {
		in.Members = append(in.Members, plan.GroupRule{Name: name, Own: owns[p.Groups[name]]})
	}
	for c, names := range s.catalogs {
		if in.Names == nil {
			in.Names = map[target.Catalog]map[string]string{}
		}
		in.Names[c] = map[string]string{}
		for _, n := range names {
			in.Names[c][n] = "id of " + n
		}
	}
	return in
}

func bound(t *testing.T, text string) plan.Bound {
	t.Helper()
	var b plan.Bound
	for part := range strings.SplitSeq(text, " or ") {
		percent, is := strings.CutSuffix(part, "%")
		n, err := strconv.ParseFloat(percent, 64)
		if err != nil {
			t.Fatalf("limit %q: %v", text, err)
		}
		if is {
			b.Percent = n
		} else {
			b.N = int(n)
		}
	}
	return b
}

// row is the attributes of m in the shape of users; known tells that those which
// m lacks are known to be absent.
func (s *story) row(t *testing.T, m map[string]any, known bool, unread ...string) scim.Row {
	t.Helper()
	attrs := map[scim.Path]any{}
	for name, v := range m {
		if !slices.Contains([]string{"key", "line", "held", "turns", "groups", "unit", "id", "version", "state", "hidden", "unread"}, name) {
			attrs[s.path(name)] = v
		}
	}
	b := scim.NewRow(s.users)
	for i, p := range s.users.Paths() {
		v, is := attrs[p]
		hidden := slices.ContainsFunc(unread, func(u string) bool { return s.path(u) == p })
		if (is || known) && !hidden {
			b.Set(i, s.values(t, p, v)...)
		}
	}
	return b.Row()
}

func (s *story) values(t *testing.T, p scim.Path, v any) []scim.Value {
	t.Helper()
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []scim.Value
	for _, e := range list {
		if text, ok := e.(string); ok && len(s.dialect.Sets[p].Sub) > 1 {
			name, level, _ := strings.Cut(text, ":")
			f, _ := strconv.ParseFloat(level, 64)
			e = map[string]any{s.dialect.Sets[p].Sub[0]: name, s.dialect.Sets[p].Sub[1]: f}
		}
		c, err := s.dialect.Canonical(p, scim.ValueOf(e))
		if err != nil {
			t.Fatalf("value of %s: %v", p, err)
		}
		out = append(out, c)
	}
	return out
}

func text(m map[string]any, name string) string { s, _ := m[name].(string); return s }

// observed is one user of current.json, whole or as the listing shows it.
func (s *story) observed(t *testing.T, m map[string]any, whole bool) target.Observed {
	t.Helper()
	o := target.Observed{Ref: scim.Ref{Type: scim.User, ID: text(m, "id"), Version: text(m, "version")}, State: target.Active}
	if o.Version == "" {
		o.Version = "1"
	}
	var unread []string
	if list, ok := m["unread"].([]any); ok && !whole {
		for _, name := range list {
			unread = append(unread, name.(string))
		}
	}
	switch text(m, "state") {
	case "inactive":
		o.State = target.Inactive
	case "deleted":
		o.State = target.Erased
	}
	with := maps.Clone(m)
	with["active"] = o.State == target.Active
	o.Row = s.row(t, with, true, unread...)
	return o
}

// builder is told everything but answers.
func (s *story) builder(t *testing.T) *plan.Builder {
	t.Helper()
	b := plan.New(s.input(t))
	for _, tell := range s.tellings(t) {
		tell(b)
	}
	return b
}

// tellings are the calls that tell a Builder everything, in any order.
func (s *story) tellings(t *testing.T) []func(*plan.Builder) {
	t.Helper()
	var all []func(*plan.Builder)
	for _, l := range s.links {
		link := plan.Link{
			Key: source.Key(l.Key), Ref: scim.Ref{Type: scim.User, ID: l.ID, Version: l.Version}, UserName: l.UserName,
			Ours: s.row(t, l.Ours, false), Groups: l.Groups, Left: date(t, l.Left), Deactivated: date(t, l.Deactivated), Gone: date(t, l.Gone),
			Open: l.Open, OpenOp: l.OpenOp, Closed: l.Closed, Unit: l.Unit,
		}
		if l.Lost != nil {
			link.Lost = plan.Loss{At: date(t, l.Lost.At), Op: l.Lost.Op}
			for _, name := range slices.Sorted(maps.Keys(l.Lost.Had)) {
				link.Lost.Had = append(link.Lost.Had, plan.Trait{Path: s.path(name), Values: s.kept(t, name, l.Lost.Had[name])})
			}
		}
		for _, name := range l.Owed {
			link.Owed = append(link.Owed, s.path(name))
		}
		for name, k := range l.Kept {
			if link.Kept == nil {
				link.Kept = map[scim.Path]plan.Kept{}
			}
			p := s.path(name)
			link.Kept[p] = plan.Kept{Sent: s.values(t, p, k.Sent), Has: s.values(t, p, k.Has), Stays: s.values(t, p, k.Stays)}
		}
		all = append(all, func(b *plan.Builder) { b.Link(link) })
	}
	for i, m := range s.desired {
		d := plan.Desired{Key: source.Key(text(m, "key")), Place: source.Place{Source: "hr.csv", Line: i + 2}}
		d.Held, _ = m["held"].(bool)
		d.Turns = date(t, text(m, "turns"))
		d.Unit, _ = m["unit"].(string)
		if !d.Held {
			d.Row = s.row(t, m, false)
		}
		if list, told := m["groups"]; told && list == nil {
			d.Unnamed = true
		}
		if list, ok := m["groups"].([]any); ok {
			for _, g := range list {
				d.Groups = append(d.Groups, g.(string))
			}
		}
		all = append(all, func(b *plan.Builder) { b.Want(d) })
	}
	for _, m := range s.current {
		if hidden, _ := m["hidden"].(bool); hidden || text(m, "state") == "deleted" || s.policy.Quick {
			continue
		}
		o := s.observed(t, m, false)
		all = append(all, func(b *plan.Builder) { b.Have(o) })
	}
	for i := range s.groups {
		o := s.groupSeen(i, !s.groups[i].Hidden)
		all = append(all, func(b *plan.Builder) { b.Have(o) })
	}
	return append(all, func(b *plan.Builder) {
		if !s.policy.Quick {
			b.Listed(scim.User, !s.policy.Shifted)
		}
		b.Listed(scim.Group, true)
	})
}

// kept is v, what was or is there at the attribute called name, as it is kept of leavers.
func (s *story) kept(t *testing.T, name string, v any) []scim.Value {
	t.Helper()
	list, _ := v.([]any)
	var out []scim.Value
	for _, e := range list {
		switch text, _ := e.(string); name {
		case "grants":
			role, division, _ := strings.Cut(text, "@")
			out = append(out, scim.ValueOf(map[string]any{"role": role, "division": division}))
		case "groups":
			out = append(out, scim.ValueOf(map[string]any{"value": text}))
		}
	}
	if name == "grants" || name == "groups" {
		return out
	}
	return s.values(t, s.path(name), v)
}

// stands answers what somebody who comes back has of what they lost.
func (s *story) stands(t *testing.T, b *plan.Builder, q target.Query) {
	t.Helper()
	if q.Ask == target.Grants && s.policy.Denied {
		return
	}
	for _, m := range s.current {
		if text(m, "id") != q.Who {
			continue
		}
		row := scim.NewRow(scim.NewShape(q.Paths...))
		for i, p := range q.Paths {
			v := m[s.short(p)]
			if p == plan.GroupsOf {
				v = s.groupsWith(q.Who)
			}
			row.Set(i, s.kept(t, s.short(p), v)...)
		}
		b.Have(target.Observed{Ref: scim.Ref{Type: scim.User, ID: q.Who}, State: target.Active, Row: row.Row()})
	}
}

func (s *story) groupsWith(id string) []any {
	var ids []any
	for _, g := range s.groups {
		if slices.Contains(g.Members, id) {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

func date(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *story) groupSeen(i int, members bool) target.Observed {
	g := s.groups[i]
	b := scim.NewRow(s.group)
	b.Set(0, scim.ValueOf(g.DisplayName))
	if members {
		var vs []scim.Value
		for _, id := range g.Members {
			vs = append(vs, scim.ValueOf(map[string]any{"value": id}))
		}
		b.Set(1, vs...)
	}
	return target.Observed{Ref: scim.Ref{Type: scim.Group, ID: g.ID, Version: "1"}, State: target.Active, Row: b.Row()}
}

func (s *story) groupGrants(i int) target.Observed {
	var grants []scim.Value
	for _, role := range s.groups[i].Roles {
		grants = append(grants, scim.ValueOf(map[string]any{"role": role, "division": "Home"}))
	}
	b := scim.NewRow(scim.NewShape(target.GrantsOf))
	b.Set(0, grants...)
	return target.Observed{Ref: scim.Ref{Type: scim.Group, ID: s.groups[i].ID}, State: target.Active, Row: b.Row()}
}

// answer reads what the builder asks for, until it asks nothing.
func (s *story) answer(t *testing.T, b *plan.Builder) {
	t.Helper()
	for round := 0; ; round++ {
		qs := b.Questions()
		if len(qs) == 0 {
			return
		}
		if round > 5 {
			t.Fatalf("Questions does not end: %v", qs)
		}
		for _, q := range qs {
			s.asked = append(s.asked, question(q))
			s.reply(t, b, q)
		}
	}
}

func question(q target.Query) string {
	words := map[target.Ask]string{target.ByID: "id", target.Grants: "grants", target.ByUserName: "userName", target.Deleted: "deleted"}
	return strings.TrimSpace(fmt.Sprintf("ask %s %s %s", words[q.Ask], q.Who, strings.Trim(fmt.Sprint(q.Paths), "[]")))
}

func (s *story) reply(t *testing.T, b *plan.Builder, q target.Query) {
	t.Helper()
	if q.Type == scim.Group {
		for i := range s.groups {
			switch {
			case s.groups[i].ID != q.Who:
			case q.Ask == target.Grants:
				b.Have(s.groupGrants(i))
			default:
				b.Have(s.groupSeen(i, true))
			}
		}
		return
	}
	if slices.ContainsFunc(q.Paths, func(p scim.Path) bool { return s.users.Index(p) < 0 }) {
		s.stands(t, b, q)
		return
	}
	found := false
	for _, m := range s.current {
		deleted := text(m, "state") == "deleted"
		match := q.Ask == target.Deleted && deleted ||
			q.Ask == target.ByID && text(m, "id") == q.Who ||
			q.Ask == target.ByUserName && strings.EqualFold(text(m, "userName"), q.Who)
		if match {
			found = true
			b.Have(s.observed(t, m, true))
		}
	}
	if !found && q.Ask == target.ByID {
		b.Have(target.Observed{Ref: scim.Ref{Type: scim.User, ID: q.Who}, State: target.Gone})
	}
}

func (s *story) plan(t *testing.T) *plan.Plan {
	t.Helper()
	b := s.builder(t)
	s.answer(t, b)
	return b.Plan()
}

func (s *story) tell(t *testing.T) string {
	t.Helper()
	p := s.plan(t)
	var out strings.Builder
	for _, q := range s.asked {
		fmt.Fprintln(&out, q)
	}
	for c := range p.Changes() {
		s.tellChange(&out, c)
	}
	for _, c := range p.Unlinked {
		s.tellChange(&out, c)
	}
	for _, f := range p.Findings {
		fmt.Fprintf(&out, "%s %s %s %s\n      %s\n", f.Severity, f.Code, f.Key, f.Place, f.Text)
	}
	for _, l := range p.Limits {
		if l.Exceeded {
			fmt.Fprintf(&out, "limit %s: %d of %d", strings.TrimSpace(l.Name+" "+l.Of), l.Wanted, l.Allowed)
			if l.StopsAll {
				fmt.Fprint(&out, ", stops everything")
			}
			for i, w := range l.Who {
				fmt.Fprint(&out, []string{": ", ", "}[min(i, 1)]+w.Name())
			}
			fmt.Fprintln(&out)
		}
	}
	fmt.Fprintf(&out, "%d requests, active %d -> %d\n", p.Summary.Requests, p.Summary.ActiveBefore, p.Summary.ActiveAfter)
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(strings.Join(strings.Fields(strings.TrimLeft(lines[i], " ")), " "), " ")
		if strings.HasPrefix(strings.Split(out.String(), "\n")[i], "      ") {
			lines[i] = "      " + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}

var signs = map[plan.Op]string{
	plan.Create: "+", plan.Adopt: "=", plan.Update: "~", plan.Rename: "~", plan.Deactivate: "!", plan.Reactivate: "^",
	plan.Delete: "x", plan.Join: ">", plan.Leave: "<", plan.Grant: "+", plan.Restore: "^", plan.Rekey: "@", plan.Unlink: "/",
}

// tellChange writes a change: wave, sign, type, key, id, reason; then its edits.
func (s *story) tellChange(out *strings.Builder, c plan.Change) {
	name := string(c.Key)
	if c.Target.Type == scim.Group {
		name = c.UserName
	}
	id := c.Target.ID
	if id == "" {
		id = "new"
	}
	fmt.Fprintf(out, "%d %s %s %s %s (%s) %s", c.Wave, signs[c.Op], c.Op, c.Target.Type, name, id, c.Reason)
	if c.From != "" {
		fmt.Fprintf(out, ", from %s", c.From)
	}
	if c.Fresh {
		fmt.Fprint(out, ", fresh")
	}
	if c.Held != "" {
		fmt.Fprintf(out, ", held: %s", c.Held)
	}
	fmt.Fprintln(out)
	for _, e := range c.Edits {
		fmt.Fprintf(out, "      %s: %s\n", s.short(e.Path), tellEdit(e))
	}
	for _, p := range c.Owes {
		fmt.Fprintf(out, "      owes %s\n", s.short(p))
	}
	for _, kept := range c.Leaving {
		if len(kept.Values) > 0 {
			fmt.Fprintf(out, "      waits for %s: %s\n", s.short(kept.Path), values(kept.Values))
		}
	}
}

func tellEdit(e plan.Edit) string {
	if e.Whole && e.ID == "" {
		return values(e.Before) + " -> " + values(e.Set)
	}
	var parts []string
	if e.Whole {
		parts = append(parts, values(e.Before)+" => "+values(e.Set))
	}
	for _, list := range []struct {
		sign string
		vs   []scim.Value
	}{{"+", e.Add}, {"-", e.Remove}, {"claims ", e.Claim}} {
		if len(list.vs) > 0 {
			parts = append(parts, list.sign+values(list.vs))
		}
	}
	return strings.Join(parts, " ")
}

func (s *story) short(p scim.Path) string {
	for name, long := range s.dialect.Short {
		if long == p {
			return name
		}
	}
	return string(p)
}

// values is vs as text, elements of sets by what they hold.
func values(vs []scim.Value) string {
	var parts []string
	for _, v := range vs {
		parts = append(parts, scalar(v))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " ")
}

func scalar(v scim.Value) string {
	if text, ok := v.Text(); ok {
		return text
	}
	if k, ok := v.Sub("$person").Text(); ok {
		return "person(" + k + ")"
	}
	if inner := v.Sub("value"); inner != "" {
		return scalar(inner)
	}
	if role, ok := v.Sub("role").Text(); ok {
		return role + "@" + scalar(v.Sub("division"))
	}
	if name, ok := v.Sub("name").Text(); ok {
		return name + ":" + string(v.Sub("proficiency"))
	}
	return string(v)
}

// An archive is a txtar file: a comment, and files that follow lines "-- NAME --".
type archive struct {
	comment string
	names   []string
	files   map[string]string
}

func readArchive(t *testing.T, file string) *archive {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseArchive(string(data))
}

func parseArchive(data string) *archive {
	a := &archive{files: map[string]string{}}
	name := ""
	for line := range strings.SplitAfterSeq(data, "\n") {
		head, is := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		head, ends := strings.CutSuffix(head, " --")
		switch {
		case is && ends:
			name = head
			a.names = append(a.names, name)
		case name == "":
			a.comment += line
		default:
			a.files[name] += line
		}
	}
	return a
}

func (a *archive) put(name, data string) {
	if !slices.Contains(a.names, name) {
		a.names = append(a.names, name)
	}
	a.files[name] = data
}

func (a *archive) format() []byte {
	out := a.comment
	for _, name := range a.names {
		out += "-- " + name + " --\n" + a.files[name]
	}
	return []byte(out)
}
