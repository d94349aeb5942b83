package reconcile

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// same tells that the credentials are of the organization that the ledger is about.
func (d *drifting) same(ctx context.Context) error {
	_, err := d.organization(ctx)
	return err
}

// links loads who is linked, with what they were like. Invalid where
// Policy.Only names somebody who is not.
func (d *drifting) links(ctx context.Context) error {
	d.Empty = true
	s := newSelection(d.Input.Policy.Only)
	for l, err := range d.Store.Links(ctx, ledger.LinkQuery{Shape: d.shape, Image: true}) {
		if err != nil {
			return err
		}
		if l.Ref.ID == "" {
			continue // only intended
		}
		d.Empty = false
		external, _ := text(at(l.Image, externalIDPath))
		s.see(l.Key, l.Ref.ID, l.UserName, external)
		if len(s.who) == 0 || s.has(l.Key, l.Ref.ID) {
			d.link(l)
		}
	}
	slices.SortFunc(d.linked, func(a, b *remembered) int { return cmp.Compare(a.Key, b.Key) })
	return s.missed("select %q: nobody whom rollcall has linked is", "")
}

// link takes in one link. Of closed ones, those count whose user somebody else deleted.
func (d *drifting) link(l plan.Link) {
	if l.Closed {
		d.closed[l.Ref.ID] = l.Key
		if !l.Gone.IsZero() {
			d.Lost = append(d.Lost, Lost{Key: l.Key, UserName: l.UserName, Resource: l.Ref.ID, Found: l.Gone.UTC()})
		}
		return
	}
	r := &remembered{Link: l}
	d.linked, d.by[l.Ref.ID] = append(d.linked, r), r
	if r.unknown() {
		d.Unknown = append(d.Unknown, l.Key)
	}
}

// unknown tells that nothing is recorded of what the user was like when it was linked.
func (r *remembered) unknown() bool { return r.Image.Packed() == "" }

// pages reads every resource of a type; whole is false where the list moved meanwhile.
func (d *drifting) pages(ctx context.Context, t scim.Type, s *scim.Shape, have func(target.Observed) error) (whole bool, err error) {
	for o, err := range d.Reader.Read(ctx, target.Query{Ask: target.Page, Type: t}, s) {
		if shifted := (*target.Shifted)(nil); errors.As(err, &shifted) {
			return false, nil
		}
		if err == nil {
			err = have(o)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// everybody lists the users, as a full plan does.
func (d *drifting) everybody(ctx context.Context) error {
	if len(d.linked) == 0 {
		return d.list(ctx, scim.NewShape(userNamePath), nil)
	}
	return d.list(ctx, d.shape, d.compare)
}

// list reads the users once: those that are linked go to have, the others are unlinked.
func (d *drifting) list(ctx context.Context, s *scim.Shape, have func(*remembered, target.Observed)) error {
	whole, err := d.pages(ctx, scim.User, s, func(o target.Observed) error {
		if r := d.by[o.ID]; r != nil {
			have(r, o)
		} else {
			d.stranger(o)
		}
		return nil
	})
	if !whole && err == nil {
		d.Notes = append(d.Notes, "the list of users moved while it was read: some who are unlinked may not be told")
	}
	return err
}

// stranger takes in a user whom no link is of.
func (d *drifting) stranger(o target.Observed) {
	name, _ := text(at(o.Row, userNamePath))
	d.names[o.ID] = name
	d.Unlinked = append(d.Unlinked, Unlinked{UserName: name, Resource: o.ID, State: stateName(o.State), Was: d.closed[o.ID]})
}

// versions lists nothing but versions, and reads the users whose version moved:
// one by one, or everybody where that is cheaper.
func (d *drifting) versions(ctx context.Context) error {
	if err := d.list(ctx, scim.NewShape(userNamePath), d.version); err != nil {
		return err
	}
	n := d.moved()
	const lists = 2 // of the active and of the inactive, each with a last page
	if d.Summary.Moved = n; n > (len(d.linked)+len(d.Unlinked))/heavyRows+lists {
		return d.again(ctx)
	}
	return nil // absent reads them
}

// moved counts whose version moved.
func (d *drifting) moved() (n int) {
	for _, r := range d.linked {
		if r.moved {
			n++
		}
	}
	return n
}

// version takes in the version of a user. One that moved is still to be looked at.
func (d *drifting) version(r *remembered, o target.Observed) {
	switch same := o.Version != "" && o.Version == r.Ref.Version; {
	case r.unknown():
		d.compare(r, o) // whether they are active is all that can be told
	case same:
		r.seen = o.State
	default:
		r.moved = true
	}
}

// heavyRows are the users that a page with every attribute holds (dossier §8.1):
// by it the requests of a list are reckoned.
const heavyRows = 25

// again lists everybody a second time, whole, for the sake of the many that moved.
func (d *drifting) again(ctx context.Context) error {
	_, err := d.pages(ctx, scim.User, d.shape, func(o target.Observed) error {
		if r := d.by[o.ID]; r != nil && r.seen == 0 {
			d.compare(r, o)
		}
		return nil
	})
	return err
}

// absent reads by id the linked users that no list has told yet.
func (d *drifting) absent(ctx context.Context) error {
	for _, r := range d.linked {
		if r.seen != 0 {
			continue
		}
		if err := d.read(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (d *drifting) read(ctx context.Context, r *remembered) error {
	return each(d.Reader.Read(ctx, target.Query{Ask: target.ByID, Type: scim.User, Who: r.Ref.ID}, d.shape), func(o target.Observed) {
		d.compare(r, o)
	})
}

// cheap says what a scan of versions did not look at.
func (d *drifting) cheap(context.Context) error {
	if len(d.Input.Policy.Only) == 0 {
		d.NotLooked = append(d.NotLooked, "roles, skills, languages and externalId of users whose version did not move: these move no version")
	}
	d.NotLooked = append(d.NotLooked, "memberships of groups")
	return nil
}
