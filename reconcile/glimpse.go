package reconcile

import (
	"context"
	"errors"
	"iter"
	"slices"

	"rollcall/scim"
	"rollcall/target"
)

// A glimpse is a Reader that keeps what it reads of one person.
//
// Unless the whole is wanted it answers a listing of users by the person alone
// and says that the listing is not exact, so that planning asks for whatever else
// it must know; and it reads the members of those groups only that the person
// is in, is to be in, or was given by rollcall.
type glimpse struct {
	target.Reader

	sought *sought
	whole  bool
	wanted map[scim.Path][]scim.Value // what the source wants of the person
	seen   map[string]target.Observed // users: the person, and whom a match key finds
	order  []string                   // ids of seen
	groups map[string]string          // id → name
	in     map[string]bool            // ids of the groups that the user is in
	told   bool                       // in is known
}

func newGlimpse(r target.Reader, s *sought, whole bool) *glimpse {
	g := &glimpse{
		Reader: r, sought: s, whole: whole, wanted: map[scim.Path][]scim.Value{},
		seen: map[string]target.Observed{}, groups: map[string]string{}, in: map[string]bool{},
	}
	if a := s.desired(); a != nil {
		for _, t := range a.Attributes {
			if t.Known {
				g.wanted[t.Path] = t.Values
			}
		}
	}
	return g
}

// Read implements [target.Reader].
func (g *glimpse) Read(ctx context.Context, q target.Query, s *scim.Shape) iter.Seq2[target.Observed, error] {
	if q.Ask == target.Grants { // rows of another shape
		return g.Reader.Read(ctx, q, s)
	}
	if g.whole || q.Ask != target.Page && q.Type != scim.Group {
		return g.through(g.Reader.Read(ctx, q, s))
	}
	switch {
	case q.Type != scim.Group:
		return g.through(g.alone(ctx, s))
	case q.Ask == target.Page:
		q.Paths = []scim.Path{displayNamePath}
		return g.through(g.Reader.Read(ctx, q, s))
	case g.matters(q.Who):
		return g.through(g.Reader.Read(ctx, q, s))
	default:
		return func(func(target.Observed, error) bool) {}
	}
}

// through keeps what passes.
func (g *glimpse) through(in iter.Seq2[target.Observed, error]) iter.Seq2[target.Observed, error] {
	return func(yield func(target.Observed, error) bool) {
		for o, err := range in {
			if err == nil {
				g.see(o)
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// alone reads the linked user, and whoever has the userName that it is to have.
func (g *glimpse) alone(ctx context.Context, s *scim.Shape) iter.Seq2[target.Observed, error] {
	return func(yield func(target.Observed, error) bool) {
		id, has := g.sought.link.Ref.ID, ""
		for o, err := range g.Reader.Read(ctx, target.Query{Ask: target.ByID, Type: scim.User, Who: id}, withGroups(s)) {
			if err == nil {
				g.belong(o.Row)
				has, _ = text(at(o.Row, userNamePath))
				o.Row = o.Row.Reshape(s)
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
		if name, ok := text(g.wanted[userNamePath]); ok && !same(userNamePath, name, has) {
			for o, err := range g.Reader.Read(ctx, target.Query{Ask: target.ByUserName, Type: scim.User, Who: name}, s) {
				if o.ID != id && !yield(o, err) {
					return
				}
			}
		}
		yield(target.Observed{}, &target.Shifted{Seen: 1, Total: 1})
	}
}

// see keeps a group's name, and a user that is the person or may be.
func (g *glimpse) see(o target.Observed) {
	if o.Type == scim.Group {
		if name, ok := text(at(o.Row, displayNamePath)); ok {
			g.groups[o.ID] = name
		}
		return
	}
	linked := g.sought.linked() && g.sought.link.Ref.ID == o.ID
	if !linked && (g.sought.user == nil || g.sought.user.ID != o.ID) && len(g.by(o)) == 0 {
		return
	}
	before, again := g.seen[o.ID]
	if again && o.Row.Shape() != nil && o.Row.Shape() != before.Row.Shape() {
		return // about what they lost when they left
	}
	if again {
		o.Row = merged(o.Row, before.Row)
	} else {
		g.order = append(g.order, o.ID)
	}
	g.seen[o.ID] = o
}

// merged is fresh with what only old knows.
func merged(fresh, old scim.Row) scim.Row {
	if fresh.Shape() == nil {
		return old
	}
	for i, p := range fresh.Shape().Paths() {
		if _, known := fresh.Index(i); known {
			continue
		}
		if values, known := old.At(p); known {
			fresh = fresh.With(p, values...)
		}
	}
	return fresh
}

// by are the paths at which a user is called as the person is to be.
func (g *glimpse) by(o target.Observed) (paths []scim.Path) {
	for _, p := range []scim.Path{externalIDPath, userNamePath} {
		want, wanted := text(g.wanted[p])
		if have, has := text(at(o.Row, p)); wanted && has && same(p, want, have) {
			paths = append(paths, p)
		}
	}
	return paths
}

// others are the users, other than the matched one, that a match key finds.
func (g *glimpse) others(id string) (all []Candidate) {
	slices.Sort(g.order)
	for _, other := range g.order {
		if o := g.seen[other]; other != id {
			all = append(all, Candidate{Resource: other, State: stateName(o.State), By: g.by(o)})
		}
	}
	return all
}

// belong takes in the groups that a user's own resource tells.
func (g *glimpse) belong(r scim.Row) {
	values, known := r.At(groupsPath)
	g.told = g.told || known
	for _, v := range values {
		if id, ok := v.Sub("value").Text(); ok {
			g.in[id] = true
		}
	}
}

// names lists the groups, without their members.
func (g *glimpse) names(ctx context.Context) error {
	q := target.Query{Ask: target.Page, Type: scim.Group, Paths: []scim.Path{displayNamePath}}
	for o, err := range g.Reader.Read(ctx, q, scim.NewShape(displayNamePath)) {
		if shifted := (*target.Shifted)(nil); errors.As(err, &shifted) {
			break
		}
		if err != nil {
			return err
		}
		g.see(o)
	}
	return nil
}

// isIn tells whether the user is in the group of this name.
func (g *glimpse) isIn(name string) bool {
	for id := range g.in {
		if g.groups[id] == name {
			return true
		}
	}
	return false
}

// memberships finds out which groups the user with this id is in, where nothing told yet.
func (g *glimpse) memberships(ctx context.Context, id string) error {
	if g.told || id == "" {
		return nil
	}
	return each(g.Reader.Read(ctx, target.Query{Ask: target.ByID, Type: scim.User, Who: id}, scim.NewShape(groupsPath)), func(o target.Observed) {
		g.belong(o.Row)
	})
}

// matters tells whether the members of a group must be known.
func (g *glimpse) matters(id string) bool {
	if !g.told || g.in[id] || slices.Contains(g.sought.link.Groups, id) {
		return true
	}
	a := g.sought.desired()
	return a != nil && slices.Contains(a.belongs(), g.groups[id])
}

// belongs are the groups that the record belongs in.
func (a *account) belongs() (names []string) {
	for _, t := range a.Groups {
		if t.True() {
			names = append(names, t.Group)
		}
	}
	if a.GroupNames != nil {
		names = append(names, a.GroupNames.Names...)
	}
	return names
}
