package reconcile

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A DriftedGroup is one managed group whose members are not as rollcall left them.
type DriftedGroup struct {
	Group    string        `json:"group,omitempty"` // "": the group is not there any more
	Resource string        `json:"resource"`
	Own      string        `json:"own,omitempty"`
	Left     []DriftMember `json:"left"`    // rollcall put them in, and they are not in it
	Joined   []DriftMember `json:"joined"`  // of an exact group: by another hand, and not wanted
	Unclear  []DriftMember `json:"unclear"` // of an exact group: not by rollcall, and whether they are wanted is not known
}

// A DriftMember is a user who joined or left a group. Key is "" of one who is unlinked.
type DriftMember struct {
	Key      source.Key `json:"key,omitempty"`
	UserName string     `json:"userName"`
	Resource string     `json:"resource"`
	Since    *time.Time `json:"since,omitempty"` // of who left: when rollcall put them in
}

// IsDrift tells whether anybody joined or left.
func (g *DriftedGroup) IsDrift() bool { return len(g.Left)+len(g.Joined) > 0 }

// A roster is the memberships of managed groups as the ledger has them.
type roster struct {
	own   map[string]plan.Own      // by name of the group
	given map[string][]*remembered // by its id: whose membership is rollcall's
	fixed map[string][]string      // by its id: members who cannot be removed
	open  map[string]bool          // ids: a change of rollcall's that nobody knows the end of
	count map[string]int           // by name, of the groups that are there
}

// memberships compares the members of managed groups. Those of users who are
// not active are not drift: their state is, or rollcall itself took them out.
func (d *drifting) memberships(ctx context.Context) error {
	r, err := d.roster(ctx)
	if err != nil || len(r.own)+len(r.given) == 0 || len(d.linked) == 0 {
		return err
	}
	whole, err := d.pages(ctx, scim.Group, d.groupShape(), func(o target.Observed) error { return d.group(ctx, r, o) })
	switch {
	case err != nil:
		return err
	case !whole:
		d.Notes = append(d.Notes, "the list of groups moved while it was read: some may not be told")
	default:
		d.vanished(r)
	}
	return d.judge(ctx, r)
}

func (d *drifting) groupShape() *scim.Shape { return scim.NewShape(displayNamePath, target.Members) }

func (d *drifting) roster(ctx context.Context) (*roster, error) {
	r := &roster{own: map[string]plan.Own{}, given: map[string][]*remembered{}, open: map[string]bool{}, count: map[string]int{}}
	for _, g := range d.Input.Members {
		r.own[g.Name] = g.Own
	}
	for _, l := range d.linked {
		for _, id := range l.Groups {
			r.given[id] = append(r.given[id], l)
		}
	}
	if err := r.unsettled(ctx, d.Store); err != nil {
		return nil, err
	}
	var err error
	r.fixed, err = d.fixed(ctx)
	return r, err
}

// unsettled finds the groups that an open change of rollcall's is about.
func (r *roster) unsettled(ctx context.Context, s ledger.Store) error {
	return each(unsettled(ctx, s), func(u ledger.Unsettled) {
		r.open[u.Change.Target.ID] = true
	})
}

// mode is how the memberships of a group are managed; 0: they are not.
func (d *drifting) mode(r *roster, id, name string) plan.Own {
	own, ruled := r.own[name]
	if !ruled && len(r.given[id]) > 0 {
		return d.Input.ByColumn
	}
	return own
}

// group compares one group.
func (d *drifting) group(ctx context.Context, r *roster, o target.Observed) error {
	name, _ := text(at(o.Row, displayNamePath))
	r.count[name]++
	own, given := d.mode(r, o.ID, name), r.given[o.ID]
	delete(r.given, o.ID)
	switch {
	case own == 0:
		return nil
	case r.open[o.ID]:
		d.Notes = append(d.Notes, "group "+name+": nobody knows what became of a change of rollcall's own; its members are not compared")
		return nil
	}
	members, err := d.members(ctx, o)
	if err != nil {
		return err
	}
	g := newDriftedGroup(name, o.ID, own)
	g.without(given, members)
	if own == plan.Exact {
		for id := range members {
			d.joined(&g, id, slices.Contains(r.fixed[o.ID], id))
		}
	}
	d.Groups = append(d.Groups, g)
	return nil
}

func newDriftedGroup(name, id string, own plan.Own) DriftedGroup {
	return DriftedGroup{Group: name, Resource: id, Own: OwnName(own), Left: []DriftMember{}, Joined: []DriftMember{}, Unclear: []DriftMember{}}
}

// without takes in who of given is not among the members.
func (g *DriftedGroup) without(given []*remembered, members map[string]bool) {
	for _, l := range given {
		if l.seen == target.Active && !members[l.Ref.ID] {
			g.Left = append(g.Left, l.member())
		}
	}
}

func (r *remembered) member() DriftMember {
	return DriftMember{Key: r.Key, UserName: r.UserName, Resource: r.Ref.ID}
}

// members are the ids in a group, asked for where its row did not have them.
func (d *drifting) members(ctx context.Context, o target.Observed) (map[string]bool, error) {
	values, known := o.Row.At(target.Members)
	if !known {
		for whole, err := range d.Reader.Read(ctx, target.Query{Ask: target.ByID, Type: scim.Group, Who: o.ID}, d.groupShape()) {
			if err != nil {
				return nil, err
			}
			values = at(whole.Row, target.Members)
		}
	}
	ids := make(map[string]bool, len(values))
	for _, v := range values {
		ids[memberID(v)] = true
	}
	return ids, nil
}

// joined judges one member of an exact group whom rollcall did not put there:
//
//	member                                       | is
//	-------------------------------------------  | -------
//	linked, and active                           | unclear: the source may want them there
//	linked, and not active                       | nothing: they stay
//	unlinked                                     | joined
//	protected, fixed, or not in the list of users | nothing
func (d *drifting) joined(g *DriftedGroup, id string, fixed bool) {
	l := d.by[id]
	switch name, unlinked := d.names[id]; {
	case fixed:
	case l != nil && l.seen == target.Active && !slices.Contains(l.Groups, g.Resource) && !d.Input.Policy.Protects(l.UserName):
		g.Unclear = append(g.Unclear, l.member())
	case l == nil && unlinked && !d.Input.Policy.Protects(name):
		g.Joined = append(g.Joined, DriftMember{UserName: name, Resource: id})
	}
}

// vanished tells of groups that are not there any more, with who was in them.
func (d *drifting) vanished(r *roster) {
	for id, given := range r.given {
		g := newDriftedGroup("", id, 0)
		g.without(given, nil)
		d.Groups = append(d.Groups, g)
	}
}

// judge asks the source, where there is one, whether it wants the unclear
// members: those whom it does not have joined by another hand. It keeps the
// groups of which there is something to tell.
func (d *drifting) judge(ctx context.Context, r *roster) error {
	wishes, err := d.wishes(ctx, d.unclear())
	if err != nil {
		return err
	}
	for i := range d.Groups {
		g := &d.Groups[i]
		if r.count[g.Group] > 1 { // nobody is put into one of several groups of the same name
			g.Joined, g.Unclear = []DriftMember{}, []DriftMember{}
		}
		g.resolve(wishes)
		if err := d.put(ctx, g); err != nil {
			return err
		}
		g.sort()
	}
	d.Groups = slices.DeleteFunc(d.Groups, func(g DriftedGroup) bool { return !g.IsDrift() && len(g.Unclear) == 0 })
	slices.SortFunc(d.Groups, func(a, b DriftedGroup) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource))
	})
	return nil
}

func (g *DriftedGroup) sort() {
	for _, ms := range [][]DriftMember{g.Left, g.Joined, g.Unclear} {
		slices.SortFunc(ms, func(a, b DriftMember) int {
			return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.UserName, b.UserName))
		})
	}
}

// unclear are the keys of the unclear members of all groups.
func (d *drifting) unclear() map[source.Key]bool {
	keys := map[source.Key]bool{}
	for _, g := range d.Groups {
		for _, m := range g.Unclear {
			keys[m.Key] = true
		}
	}
	return keys
}

// wishes are the groups that the source wants those people in; of who is not in
// it, or in a row that says nothing for sure, there are none.
func (d *drifting) wishes(ctx context.Context, people map[source.Key]bool) (map[source.Key][]string, error) {
	if len(people) == 0 || d.Source == nil {
		return nil, nil
	}
	all, spoiled := map[source.Key][]string{}, map[source.Key]bool{}
	for rec, err := range d.Source.Records(ctx, d.Mapping.Columns()) {
		bad := (*source.RecordError)(nil)
		switch {
		case errors.As(err, &bad):
			spoiled[bad.Key] = true
		case err != nil:
			return nil, err
		case people[rec.Key]:
			d.wish(rec, all, spoiled)
		}
	}
	for k := range spoiled {
		delete(all, k)
	}
	return all, nil
}

// wish is what one record wants.
func (d *drifting) wish(rec source.Record, all map[source.Key][]string, spoiled map[source.Key]bool) {
	p, err := d.Mapping.Map(rec)
	_, twice := all[rec.Key]
	switch {
	case err != nil, twice, !p.Named && d.Input.ByColumn == plan.Exact:
		spoiled[rec.Key] = true
	case p.In:
		all[p.Key] = append([]string{}, p.Groups...)
	}
}

// resolve takes those out of the unclear of whom the source says what it wants.
func (g *DriftedGroup) resolve(wishes map[source.Key][]string) {
	g.Unclear = slices.DeleteFunc(g.Unclear, func(m DriftMember) bool {
		groups, known := wishes[m.Key]
		if known && !slices.Contains(groups, g.Group) {
			g.Joined = append(g.Joined, m)
		}
		return known
	})
}

// put finds out when rollcall put those who left into the group.
func (d *drifting) put(ctx context.Context, g *DriftedGroup) error {
	for i := range g.Left {
		m := &g.Left[i]
		err := d.outcomes(ctx, m.Key, g.Resource, func(o ledger.Outcome) {
			if o.Result.Fine() {
				m.Since = instant(o.At.UTC())
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
