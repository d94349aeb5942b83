package plan

import (
	"slices"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A comparison holds what is desired of one person against what is there.
type comparison struct {
	*Builder

	n        int
	who      subject
	want     scim.Row
	have     scim.Row
	ours     scim.Row
	creating bool // have is nobody: everything desired is an addition
	claiming bool // what is present and desired becomes ours

	edits    []Edit
	findings []Finding
	owes     []scim.Path  // of a create: set at creation only, and not in edits
	partial  bool         // something desired is not in edits
	hold     bool         // and therefore nothing of this person is to be sent
	misses   []source.Key // people who are referred to and are not there
}

// run compares attribute by attribute, in the order of the configuration. What
// cannot be planned becomes a finding and leaves its attribute as it is.
func (c *comparison) run() {
	for i := range c.rules {
		r := &c.rules[i]
		want, known := c.want.Index(r.at)
		have, read := c.have.Index(r.at)
		switch {
		case !known, r.Path == active && !c.creating, r.Own == Watch && c.creating:
			continue
		case !c.creating && (c.isOver(r, c.people[c.n].tie) || r.Own == Once && r.set == nil && len(have) > 0):
			continue
		case r.Path == userName && !c.creating && (!c.in.Policy.Lifecycle || c.people[c.n].flags&stuck != 0):
			continue
		case !read && !c.creating:
			c.partial = true
			continue
		}
		if want, known = c.refer(r, want); !known {
			c.partial = true
			c.owe(r)
			continue
		}
		before := len(c.edits)
		if c.attribute(r, c.retained(r, want, have), have); len(c.edits) == before && len(want) > 0 {
			c.owe(r)
		}
	}
	c.scratch = c.edits // grown, for the next
	if c.hold {
		c.edits = nil
	}
}

// isOver tells whether r was for the creation of the user of tie t, and everything
// was carried out then.
func (b *Builder) isOver(r *rule, t int32) bool {
	return r.Own == Once && (t < 0 || !slices.Contains(b.owed[t], r.Path))
}

// owe notes what is set at creation only and cannot be yet.
func (c *comparison) owe(r *rule) {
	if c.creating && r.Own == Once {
		c.owes = append(c.owes, r.Path)
	}
}

func (c *comparison) attribute(r *rule, want, have []scim.Value) {
	switch {
	case r.Own == Watch:
		if !slices.Equal(want, have) {
			c.find(Note, "watched", "%s differs from the source and is only watched", c.label(r.Path))
		}
	case r.set == nil:
		c.single(r, want, have)
	default:
		c.elements(r, want, have)
	}
}

// retained is want with what the service's side gave to the values that are there.
func (b *Builder) retained(r *rule, want, have []scim.Value) []scim.Value {
	keep := b.in.Dialect.Retain
	if keep == nil || slices.Equal(want, have) {
		return want
	}
	out := slices.Clone(want)
	for i, v := range out {
		if r.set == nil && len(have) == 1 && len(want) == 1 {
			out[i] = keep(r.Path, v, have[0])
		} else if there, ok := element(have, v, r.id); ok && r.set != nil {
			out[i] = keep(r.Path, v, there)
		}
	}
	return out
}

func (c *comparison) single(r *rule, want, have []scim.Value) {
	if slices.Equal(want, have) {
		return
	}
	want, ok := c.spelled(r, want, nil)
	if !ok || slices.Equal(want, have) || c.isKept(r, want, have) {
		return
	}
	c.edits = append(c.edits, Edit{Path: r.Path, Before: have, Whole: true, Set: want})
}

// elements compares a set: what is missing, what is too much, what becomes ours.
func (c *comparison) elements(r *rule, want, have []scim.Value) {
	want, ok := c.spelled(r, want, have)
	if !ok {
		return
	}
	want, keep := c.guard(r, want, have)
	want, keep = c.conceded(r, want, keep, have)
	e := Edit{Path: r.Path, Before: have, ID: r.id}
	missing := slices.DeleteFunc(slices.Clone(want), func(v scim.Value) bool { return slices.Contains(have, v) })
	surplus := c.surplus(r, want, have, keep)
	if r.Own == Mine && c.claiming && !r.NoClaim {
		ours, _ := c.ours.Index(r.at)
		for _, v := range want {
			if _, is := element(ours, v, r.id); !is && slices.Contains(have, v) {
				e.Claim = append(e.Claim, v)
			}
		}
	}
	if len(missing)+len(surplus)+len(e.Claim) == 0 {
		return
	}
	if after := len(have) + added(missing, have, r.id) - len(surplus); r.set.Max > 0 && len(missing) > 0 && after > r.set.Max {
		c.find(Warning, "too-many", "%s would have %d elements, more than the %d that the service takes; it stays as it is", c.label(r.Path), after, r.set.Max)
		return
	}
	if r.Own == Exact {
		e.Whole, e.Set, e.Keep = true, want, keep
	} else {
		e.Add, e.Remove = missing, surplus
	}
	c.edits = append(c.edits, e)
}

// added is how many of missing are new elements, not other values of one that is there.
func added(missing, have []scim.Value, id string) int {
	n := 0
	for _, v := range missing {
		if _, there := element(have, v, id); !there {
			n++
		}
	}
	return n
}

// surplus is what the mode of r takes away: of an exact set whatever is not
// desired, else what is ours and not desired any more.
func (c *comparison) surplus(r *rule, want, have, keep []scim.Value) []scim.Value {
	var ours, out []scim.Value
	if r.Own == Mine {
		ours, _ = c.ours.Index(r.at)
	}
	for _, v := range have {
		_, wanted := element(want, v, r.id)
		_, kept := element(keep, v, r.id)
		_, mine := element(ours, v, r.id)
		if !wanted && !kept && (r.Own == Exact || r.Own == Mine && mine) {
			out = append(out, v)
		}
	}
	return out
}

// guard takes from want the roles that data must not grant, and adds to the
// kept ones those that it must not take.
func (c *comparison) guard(r *rule, want, have []scim.Value) (granted, keep []scim.Value) {
	keep = r.set.Keep
	if !r.roles {
		return want, keep
	}
	ours, _ := c.ours.Index(r.at)
	granted = slices.DeleteFunc(slices.Clone(want), func(v scim.Value) bool {
		_, there := element(have, v, r.id)
		if there || !c.in.Policy.Guards(v, r.id) {
			return false
		}
		c.find(Warning, "guarded-role", "the role %s is not granted by data; protect.roles can allow it", identity(v, r.id))
		return true
	})
	for _, v := range have {
		_, wanted := element(want, v, r.id)
		_, mine := element(ours, v, r.id)
		if wanted || !c.in.Policy.Guards(v, r.id) {
			continue
		}
		keep = append(slices.Clip(keep), v)
		if r.Own == Exact || r.Own == Mine && mine {
			c.find(Warning, "guarded-role", "the role %s is not taken away by data; protect.roles can allow it", identity(v, r.id))
		}
	}
	return granted, keep
}

// spelled is want in the catalog's spelling. A name that the catalog lacks is a
// finding and leaves the attribute, or the person, as it is; one that the
// resource has is not doubted.
func (c *comparison) spelled(r *rule, want, have []scim.Value) (_ []scim.Value, ok bool) {
	if r.names == nil {
		return want, true
	}
	out, ok := make([]scim.Value, 0, len(want)), true
	for _, v := range want {
		s, known := r.spelled(v)
		if _, there := element(have, v, r.id); !known && !there {
			ok = false
			c.unknown(r, v)
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return slices.Compact(out), ok
}

func (c *comparison) unknown(r *rule, v scim.Value) {
	name, _ := identity(v, r.id).Text()
	severity, rest := Warning, c.label(r.Path)+" stays as it is"
	if c.in.Policy.HoldAll {
		severity, rest, c.hold = Error, "the person stays as they are", true
	}
	c.find(severity, "unknown-name", "there is no %s %s%s; %s", r.catalog, quote(name), nearest(name, r.known), rest)
}

// find adds a finding on this person. What is found leaves something undone.
func (c *comparison) find(severity Severity, code, format string, args ...any) {
	c.partial = c.partial || severity != Note
	c.findings = append(c.findings, finding(severity, code, c.who.key, c.who.place, format, args...))
}

// Where a person who is referred to can be found.
type whereabouts uint8

const (
	nowhere whereabouts = iota // the source has nobody of this key
	known                      // has a user
	pending                    // will have one: created by this plan
	left                       // has one, but is not active any more
	unsure                     // bad row, ambiguous, or not created
)

// locate says where the user of k is, and its id where that is known.
func (b *Builder) locate(k source.Key) (id string, w whereabouts) {
	n, t := b.find(k), b.findTie(k)
	if t >= 0 && b.ties[t].flags&closed == 0 {
		id = b.tieID(t)
	}
	if n < 0 && t >= 0 {
		n = int(b.ties[t].person) // whose key that was
	}
	switch {
	case n < 0 && id == "":
		return "", nowhere
	case n < 0 && b.lingers(t):
		return id, known // waiting is not leaving
	case n < 0:
		return id, left
	}
	switch p := b.people[n]; p.fate {
	case linked, shunned, adopted, recovered:
		if p.user < 0 {
			return id, unsure
		}
		id = b.userID(int(p.user))
		leaves := p.flags&dormant != 0 && b.governs(active)
		if leaves || b.users[p.user].state != target.Active && !b.returns(n) {
			return id, left
		}
		return id, known
	case unseen:
		return id, known
	case created:
		if p.flags&chosen != 0 {
			return "", pending
		}
		return "", unsure
	case idle:
		return "", left
	case standing:
		if id != "" && b.stillThere(id) {
			return id, known // as last believed
		}
		return "", unsure
	default:
		return id, unsure
	}
}

// stillThere tells whether the user of a link can be referred to; without a
// listing the link is believed.
func (b *Builder) stillThere(id string) bool {
	u := b.findUser(id)
	if _, listed := b.listed[scim.User]; u < 0 {
		return !listed
	}
	return b.users[u].state == target.Active || b.users[u].state == target.Inactive
}

// refer replaces the people that want refers to by their ids, where they are
// known; who is created by this plan stays a Person. ok is false where the
// attribute stands as it is: the person is unknown, has left, or is unsure.
func (c *comparison) refer(r *rule, want []scim.Value) (_ []scim.Value, ok bool) {
	if !slices.ContainsFunc(want, hasPerson) && !slices.ContainsFunc(want, hasUser) {
		return want, true
	}
	ok = true
	out := make([]scim.Value, len(want))
	for i, v := range want {
		if name, is := userOf(v); is {
			var known bool
			out[i], known = c.namedUser(r, name)
			ok = ok && known
			continue
		}
		ids := map[source.Key]string{}
		for _, k := range persons(v) {
			id, w := c.locate(k)
			ok = c.acceptable(r, k, w) && ok
			if w != pending {
				ids[k] = id
			}
		}
		out[i], _ = Resolve(v, func(k source.Key) (string, bool) { id, known := ids[k]; return id, known })
	}
	slices.Sort(out)
	return out, ok
}

// oneself tells whether k is the key of the person themselves, or was.
func (c *comparison) oneself(k source.Key) bool {
	t := c.findTie(k)
	return k == c.who.key || c.Builder.find(k) < 0 && t >= 0 && int(c.ties[t].person) == c.n
}

// acceptable tells whether r may refer to k now, and finds where not.
func (c *comparison) acceptable(r *rule, k source.Key, w whereabouts) bool {
	const stays = "; %s stays as it is"
	if w == nowhere || w == unsure {
		c.misses = append(c.misses, k)
	}
	switch {
	case c.oneself(k):
		c.find(Warning, "own-reference", "this person refers to themselves"+stays, c.label(r.Path))
	case w == nowhere:
		c.find(Warning, "unknown-person", "the source has nobody with the key %s"+stays, quote(string(k)), c.label(r.Path))
	case w == left:
		c.find(Warning, "manager-left", "%s has left or is inactive"+stays, quote(string(k)), c.label(r.Path))
	case w == unsure:
		c.find(Note, "reference-waits", "%s is not planned"+stays, quote(string(k)), c.label(r.Path))
		c.partial = true
	default:
		return true
	}
	return false
}

// unchanged is, before anything is decided, the person whose linked resource o
// is and who wants it as it is beyond doubt, so that rows need not be kept; else -1.
func (b *Builder) unchanged(o target.Observed, row scim.Row) int {
	t := b.findTieOf(o.ID)
	if o.State != target.Active || t < 0 || b.ties[t].flags&open != 0 {
		return -1
	}
	l := b.link(t)
	n := b.find(l.Key)
	if n < 0 || b.people[n].flags&held != 0 {
		return -1
	}
	want := b.wanted(n)
	if b.people[n].flags&dormant != 0 {
		return -1
	}
	for i := range b.rules {
		if r := &b.rules[i]; !b.isOver(r, int32(t)) && !b.agrees(r, want, row, l.Ours) {
			return -1
		}
	}
	return n
}

func (b *Builder) agrees(r *rule, want, have, ours scim.Row) bool {
	desired, wanted := want.Index(r.at)
	if !wanted || r.Path == active {
		return true
	}
	there, read := have.Index(r.at)
	if !read {
		return false
	}
	for i, v := range desired {
		var ok bool
		if desired[i], ok = Resolve(v, b.linkedID); !ok {
			return false
		}
	}
	if desired = b.retained(r, desired, there); slices.Equal(desired, there) {
		return true
	}
	if r.set == nil || r.Own == Watch || slices.ContainsFunc(desired, func(v scim.Value) bool { return !slices.Contains(there, v) }) {
		return false
	}
	c := comparison{Builder: b, ours: ours}
	return len(c.surplus(r, desired, there, r.set.Keep)) == 0
}

// linkedID is the id that the ledger has for k.
func (b *Builder) linkedID(k source.Key) (string, bool) {
	t := b.findTie(k)
	if t < 0 || b.ties[t].flags&closed != 0 {
		return "", false
	}
	id := b.tieID(t)
	return id, id != ""
}
