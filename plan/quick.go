package plan

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A quick plan (design §11) lists nobody. It asks about those who are due, and
// the caller answers from what the ledger remembers where that suffices: rows of
// users as last seen, under the version they had then. Sets and references of
// others are taken as they were left.

// Quick is the way of a plan that was compared with what the ledger remembers.
const Quick = "quick"

// A Wait is somebody whom a plan does not complete: a change that is held, a
// name that nobody knows, a person who is not there yet. A quick plan leaves
// them alone until something about it is new, or a pause is over.
type Wait struct {
	Key    source.Key
	Digest Digest       // of the Desired that does not come about
	For    []source.Key // people who are referred to and are not there
}

// due tells whether a linked person is to be looked at where nobody is listed:
//
//	what is desired is not what was last carried out, unless the person rests
//	something else was left undone, and a pause is over
//	an intent without outcome
//	deactivated by us, and active in the source
//	something that leaving took is still to be given back
func (b *Builder) due(n int) bool {
	p := &b.people[n]
	if p.flags&calm != 0 {
		return false
	}
	t := b.ties[p.tie]
	back := t.off != 0 && p.flags&dormant == 0
	if t.flags&open != 0 || back || b.in.Overdue[b.keyOf(n)] || len(b.lost[p.tie].Had) > 0 && t.off == 0 || b.unsent(n, int(p.tie)) && !b.atRest(n) {
		return true
	}
	p.flags |= calm
	return false
}

// atRest tells whether person n was not completed by an earlier plan, and
// nothing about that is known to be new.
func (b *Builder) atRest(n int) bool {
	if len(b.in.Resting) == 0 || len(b.in.Policy.Allow)+len(b.in.Policy.Only) > 0 {
		return false
	}
	w, waits := b.in.Resting[b.keyOf(n)]
	there := func(k source.Key) bool { _, ok := b.linkedID(k); return ok || b.find(k) >= 0 }
	return waits && !slices.ContainsFunc(w.For, there) && w.Digest == b.desired(n).Digest()
}

// Catalogs are those that a quick plan has to check names of, and was not told.
func (b *Builder) Catalogs() []target.Catalog {
	need := map[target.Catalog]bool{}
	for n := range b.people {
		if b.observed(n) {
			b.draws(n, need)
		}
	}
	return slices.Sorted(maps.Keys(need))
}

// draws adds the catalogs that person n wants a new name of.
func (b *Builder) draws(n int, need map[target.Catalog]bool) {
	for i := range b.rules {
		if r := &b.rules[i]; r.catalog != "" && !b.told[r.catalog] && b.isNew(n, r) {
			need[r.catalog] = true
		}
	}
}

// observed tells whether this plan may change the user of person n.
func (b *Builder) observed(n int) bool {
	p := b.people[n]
	return b.followed(n) && (p.fate == created || p.fate.hasUser() && b.users[p.user].flags&same == 0)
}

// followed tells whether what is desired of person n is to come about now.
func (b *Builder) followed(n int) bool {
	p := b.people[n]
	return p.flags&chosen != 0 && (p.flags&dormant == 0 || !b.in.Policy.Lifecycle)
}

// isNew tells whether person n wants an element at r that their user is not known to have.
func (b *Builder) isNew(n int, r *rule) bool {
	want, wanted := b.wanted(n).Index(r.at)
	if !wanted || r.Own == Watch || r.Own == Once && b.people[n].user >= 0 {
		return false
	}
	var have []scim.Value
	if b.people[n].user >= 0 {
		have, _ = b.believed(n).Index(r.at)
	}
	return slices.ContainsFunc(want, func(v scim.Value) bool { _, there := element(have, v, r.id); return !there })
}

// Names tells the names of a catalog, with their ids; nil: it may not be read, and checks nothing.
func (b *Builder) Names(c target.Catalog, names map[string]string) {
	b.told[c] = true
	for i := range b.rules {
		if r := &b.rules[i]; r.catalog == c {
			r.names, r.known = names, slices.Sorted(maps.Keys(names))
		}
	}
}

// Strangers tells whether somebody who is looked at belongs in a group that
// nobody has told of: only a list of the groups says whether there is one.
func (b *Builder) Strangers() bool {
	if b.listed[scim.Group] {
		return false
	}
	names := map[string]bool{}
	for _, g := range b.groups {
		names[g.name] = true
	}
	for n := range b.people {
		if !b.moves(int32(n)) {
			continue
		}
		for _, w := range b.person(n).groups {
			if !names[b.words.list[w]] {
				return true
			}
		}
	}
	return false
}

// KeyOf is the key of the link to the user with this id; "" where there is none.
func (b *Builder) KeyOf(id string) source.Key {
	t := b.findTieOf(id)
	if t < 0 {
		return ""
	}
	return b.tieKey(t)
}

// givenTo are the ids of the people who are looked at whose membership of g,
// whose members were not read, is ours.
func (b *Builder) givenTo(g *group) []string {
	if g.known {
		return nil
	}
	if b.given == nil {
		b.given = b.memberships()
	}
	return b.given[g.ref.ID]
}

// memberships are the ids of the linked users whose membership is ours, by that of the group.
func (b *Builder) memberships() map[string][]string {
	given := map[string][]string{}
	for _, u := range b.users {
		if u.tie < 0 {
			continue
		}
		l, _ := b.head(int(u.tie))
		for _, id := range l.Groups {
			given[id] = append(given[id], l.Ref.ID)
		}
	}
	return given
}

// actives counts the active users; of an organization that nobody listed those
// of the links who are active for all the ledger knows.
func (b *Builder) actives() (n int) {
	if b.in.Quick {
		return b.believedActive()
	}
	for _, u := range b.users {
		if u.state == target.Active {
			n++
		}
	}
	return n
}

func (b *Builder) believedActive() (n int) {
	for _, t := range b.ties {
		if t.flags&closed == 0 && t.off == 0 {
			n++
		}
	}
	return n
}

// waits notes that the plan does not complete person n, for want of others.
func (b *Builder) waits(n int, reasons []source.Key) {
	if u := b.people[n].user; u >= 0 && b.users[u].flags&same != 0 {
		return
	}
	b.resters = append(b.resters, Wait{Key: b.keyOf(n), Digest: b.desired(n).Digest(), For: reasons})
}

// confirm notes that the user of person n is as desired where the ledger does
// not know that: since an attribute is newly managed, or somebody else did it.
func (b *Builder) confirm(n int, o target.Observed, row scim.Row) {
	t := b.findTieOf(o.ID)
	if !b.unsent(n, t) {
		return
	}
	l, _ := b.head(t)
	name := b.nameIn(row, len(b.names)-1)
	b.confirmed.add(Change{
		Op: Confirm, Key: l.Key, UserName: cmp.Or(name, l.UserName), Target: o.Ref, Reason: asDesired, Sent: b.desired(n).Digest(), Seen: traits(row),
	}, bare, 0)
}

// traits are what is known of a row.
func traits(r scim.Row) (out []Trait) {
	for i, p := range r.Shape().Paths() {
		if vs, known := r.Index(i); known {
			out = append(out, Trait{Path: p, Values: vs})
		}
	}
	return out
}

// Confirmed yields whose user was found to be as desired, but for memberships,
// where the ledger does not know that yet, as changes for the ledger. Nothing is
// sent of them: they are not among Changes.
func (p *Plan) Confirmed() iter.Seq[Change] { return p.confirmed.all() }

func (p *pack) all() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for _, e := range p.entries {
			if !yield(p.change(e)) {
				return
			}
		}
	}
}
