package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// memberships turns what is said of the groups of users into changes of groups.
type memberships struct {
	*explicitPlan

	groups map[string]string   // id → displayName; nil: not read yet
	named  map[string][]string // displayName → ids
	joins  map[string][]string // group → users
	leaves map[string][]string
	places map[string][]string // group → operations that make somebody join or leave
}

// want takes in what updates say of one user's groups: within one of them the
// last word on each group counts, and two must not contradict each other.
func (m *memberships) want(ctx context.Context, s *subject, updates []update) error {
	if err := m.read(ctx); err != nil {
		return err
	}
	w := newWish(s)
	for _, u := range updates {
		w.begin()
		for _, op := range u.ops {
			m.wish(w, op)
		}
		for _, id := range w.contradictions() {
			m.faultAt(w.touched[id], "group %s: said otherwise of the same user by an update before", quoteWho(m.groups[id]))
		}
		w.end()
	}
	for id, in := range w.in {
		switch {
		case in && !w.have[id]:
			m.joins[id] = append(m.joins[id], s.ID)
		case !in && w.have[id]:
			m.leaves[id] = append(m.leaves[id], s.ID)
		default:
			continue
		}
		m.places[id] = append(m.places[id], w.place[id])
	}
	return nil
}

// wish takes in one operation.
func (m *memberships) wish(w *wish, op explicit) {
	ids := m.ids(op)
	if op.Verb == scim.Replace || op.Verb == scim.Remove && op.Value == "" {
		w.nothingElse(op.place)
	}
	in := op.Verb != scim.Remove
	for _, id := range ids {
		if w.in[id] == in && w.have[id] == in {
			m.note(op.place, "changes-nothing", "group %s: it is so already; nothing is sent", quoteWho(m.groups[id]))
		}
		w.say(id, in, op.place)
	}
	if op.Value == "" && len(w.have) == 0 {
		m.note(op.place, "changes-nothing", "groups: the user is in none; nothing is sent")
	}
}

// check finds the groups that operations on nobody name and that are not there.
func (m *memberships) check(ctx context.Context, ops []explicit) error {
	for _, op := range ops {
		if !isGroups(op.Path) {
			continue
		}
		if err := m.read(ctx); err != nil {
			return err
		}
		m.ids(op)
	}
	return nil
}

// read lists the groups, without their members.
func (m *memberships) read(ctx context.Context) error {
	if m.groups != nil {
		return nil
	}
	m.groups, m.named = map[string]string{}, map[string][]string{}
	m.joins, m.leaves, m.places = map[string][]string{}, map[string][]string{}, map[string][]string{}
	q := target.Query{Ask: target.Page, Type: scim.Group, Paths: []scim.Path{displayNamePath}}
	for o, err := range m.Reader.Read(ctx, q, scim.NewShape(displayNamePath)) {
		if err != nil {
			return fmt.Errorf("list groups: %w", err)
		}
		values, _ := o.Row.At(displayNamePath)
		name, _ := text(values)
		m.groups[o.ID] = name
		m.named[name] = append(m.named[name], o.ID)
	}
	return nil
}

// ids are the groups that an operation names, by id or name.
func (m *memberships) ids(op explicit) (ids []string) {
	for _, v := range op.Value.Elements() {
		name, _ := v.Text()
		named := m.named[name]
		switch _, isID := m.groups[name]; {
		case isID:
			ids = append(ids, name)
		case len(named) == 1:
			ids = append(ids, named[0])
		case len(named) > 1:
			m.faultAt(op.place, "%d groups are called %q: give the id", len(named), name)
		default:
			m.faultAt(op.place, "there is no group %q%s", name, fault.DidYouMean(name, m.names()))
		}
	}
	return ids
}

func (m *memberships) names() []string {
	names := make([]string, 0, len(m.named))
	for n := range m.named {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// changes are the joins and leaves, cut into requests.
func (m *memberships) changes() (all []plan.Change) {
	for _, way := range []struct {
		op   plan.Op
		wave int
		of   map[string][]string
	}{{plan.Join, waveJoin, m.joins}, {plan.Leave, wavePart, m.leaves}} {
		ids := make([]string, 0, len(way.of))
		for id := range way.of {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b string) int {
			if by := strings.Compare(m.groups[a], m.groups[b]); by != 0 {
				return by
			}
			return strings.Compare(a, b)
		})
		for _, id := range ids {
			all = append(all, m.cut(way.op, way.wave, id, way.of[id])...)
		}
	}
	return all
}

func (m *memberships) cut(op plan.Op, wave int, group string, users []string) (all []plan.Change) {
	slices.Sort(users)
	size := m.dialect.MembersPerRequest
	if size <= 0 {
		size = len(users)
	}
	for some := range slices.Chunk(users, size) {
		values := make([]scim.Value, len(some))
		for i, id := range some {
			values[i] = scim.ValueOf(map[string]any{"value": id})
		}
		e := plan.Edit{Path: target.Members, ID: "value", Add: values}
		if op == plan.Leave {
			e.Add, e.Remove, e.Before = nil, values, values
		}
		all = append(all, plan.Change{
			Op: op, UserName: m.groups[group], Target: scim.Ref{Type: scim.Group, ID: group},
			Wave: wave, Reason: byHand, Edits: []plan.Edit{e},
		})
	}
	return all
}
