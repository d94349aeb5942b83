package plan

import (
	"fmt"
	"slices"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// planPerson makes the changes of one person.
func (b *Builder) planPerson(n int) {
	p := b.people[n]
	if p.flags&chosen == 0 {
		return
	}
	b.foretell(n)
	switch p.fate {
	case created:
		b.create(n)
	case linked:
		b.inherit(n)
		b.planLinked(n)
		b.resting = 0
	case adopted, recovered:
		b.adopt(n)
	case lost:
		b.explain(n)
		b.bury(int(p.tie))
	case erased:
		if b.restores(n) {
			b.restore(n)
			return
		}
		b.explain(n)
	default:
		b.explain(n)
	}
}

// compareTo starts a comparison of person n.
func (b *Builder) compareTo(n int) *comparison {
	p := b.people[n]
	c := &comparison{Builder: b, n: n, who: b.person(n), want: b.wanted(n), edits: b.scratch[:0]}
	if p.user >= 0 {
		c.have = b.believed(n)
	}
	if p.tie >= 0 {
		c.ours = b.link(int(p.tie)).Ours
	}
	return c
}

// change is one of the person that c is about.
func (c *comparison) change(op Op, reason string, edits []Edit) Change {
	p := c.people[c.n]
	out := Change{Op: op, Key: c.who.key, Target: scim.Ref{Type: scim.User}, Reason: reason, Place: c.who.place, Edits: edits}
	if p.user >= 0 {
		out.Target, out.UserName = c.ref(int(p.user)), c.nameOf(int(p.user))
	}
	return out
}

// done is the digest of what is carried out when all of c is.
func (c *comparison) done() Digest {
	if c.partial {
		return Digest{}
	}
	return c.desired(c.n).Digest()
}

// create makes a new user. References that a cycle cuts, and those alone, follow in a second change.
func (b *Builder) create(n int) {
	c := b.compareTo(n)
	c.creating = true
	c.run()
	b.tell(c)
	if c.hold {
		b.people[n].fate = incomplete
		return
	}
	now, later := c.split(func(e Edit) bool { return b.cut(n, e) })
	for i := range now {
		now[i].Before = nil
	}
	first := c.change(Create, newInSource, now)
	first.Owes = c.owing(later)
	first.UserName = b.userNameOf(n)
	r := b.restsOf(n)
	if slices.ContainsFunc(now, Edit.waits) {
		r |= restsPart
	}
	if len(later) == 0 {
		first.Sent = c.done()
		b.emit(first, creating, b.depth[int32(n)], counted, r)
		return
	}
	b.emit(first, creating, b.depth[int32(n)], counted, r)
	second := c.change(Update, referenceFollows, later)
	second.UserName, second.Sent = first.UserName, c.done()
	b.emit(second, halving, 0, secondHalf, r|restsCreate)
}

// tell takes over what a comparison found, and whom it does not complete.
func (b *Builder) tell(c *comparison) {
	b.findings = append(b.findings, c.findings...)
	if c.partial || c.hold {
		b.waits(c.n, c.misses)
	}
}

// owing are the attributes, set at creation only, that the create of c leaves to
// a later change: to those of this plan, or until they can be.
func (c *comparison) owing(later []Edit) []scim.Path {
	for _, r := range c.rules {
		if r.Own == Once && slices.ContainsFunc(later, func(e Edit) bool { return e.Path == r.Path }) {
			c.owes = append(c.owes, r.Path)
		}
	}
	return c.owes
}

// userNameOf is the userName that person n wants.
func (b *Builder) userNameOf(n int) string {
	vs, _ := b.wanted(n).At(userName)
	if len(vs) != 1 {
		return ""
	}
	name, _ := vs[0].Text()
	return name
}

// split takes the edits that later chooses out of c.
func (c *comparison) split(later func(Edit) bool) (now, then []Edit) {
	if !slices.ContainsFunc(c.edits, later) {
		return c.edits, nil
	}
	for _, e := range c.edits {
		if later(e) {
			then = append(then, e)
		} else {
			now = append(now, e)
		}
	}
	return now, then
}

// planLinked follows the table:
//
//	desired   user      by us | changes
//	--------  --------  ----- | ---------------------------------------------
//	active    active    -     | update or rename, where anything differs
//	inactive  active    -     | deactivate: active and nothing else
//	inactive  inactive  -     | none
//	active    inactive  yes   | reactivate, then the rest
//	active    inactive  no    | none (finding), unless a person allows it
//	not said  active    -     | update or rename, where anything differs
//	not said  inactive  -     | none
func (b *Builder) planLinked(n int) {
	p := b.people[n]
	want := b.people[n].flags&dormant == 0 || !b.in.Policy.Lifecycle
	is := b.users[p.user].state == target.Active
	switch {
	case want && is:
		b.update(n)
	case is && b.governs(active):
		c := b.compareTo(n)
		c.partial = true
		b.people[n].flags |= touched
		ch := c.change(Deactivate, inactiveInSource, activate(false))
		ch.Leaving = Leavings(b.in.Dialect)
		b.emit(ch, leaving, 0, counted, closing)
	case want && p.flags&vague == 0 && b.in.Policy.Lifecycle:
		b.reactivate(n)
	default:
		b.settle(int(p.tie), b.compareTo(n).change(Update, "", nil))
	}
}

// governs tells whether the source may set the single value at p.
func (b *Builder) governs(p scim.Path) bool {
	return b.in.Policy.Lifecycle && slices.ContainsFunc(b.rules, func(r rule) bool { return r.Path == p && r.Own == Managed })
}

// activate is the edit of active alone.
func activate(to bool) []Edit {
	return []Edit{{Path: active, Before: []scim.Value{scim.ValueOf(!to)}, Whole: true, Set: []scim.Value{scim.ValueOf(to)}}}
}

// update sends what differs in one change. An edit that waits for an id which
// comes later than this change follows in a second.
func (b *Builder) update(n int) {
	p := b.people[n]
	c := b.compareTo(n)
	g := b.giveBack(n)
	b.give(n, g, 0)
	if g.news && b.ties[p.tie].off == 0 || len(b.lossOf(n).Had) > 0 && b.ties[p.tie].off != 0 {
		b.notice(c, g.left)
	}
	if b.users[p.user].flags&same != 0 {
		c.references()
		b.tell(c)
		b.follow(c, g)
		return
	}
	interrupted := b.ties[p.tie].flags&open != 0
	c.claiming = interrupted
	c.run()
	b.stuckFinding(c)
	b.tell(c)
	noticed := b.ties[p.tie].off != 0
	if noticed && len(b.lossOf(n).Had) == 0 {
		b.notice(c, nil)
	}
	c.edits = append(c.edits, g.edits...)
	if len(c.edits) == 0 && (noticed || !interrupted) {
		return
	}
	op, reason := Update, attributesDiffer
	if c.renames() {
		op, reason = Rename, userNameDiffers
	}
	first := c.change(op, reason, c.edits)
	if !first.sends() {
		first.Reason, first.Sent = recovery, c.done()
		b.emit(first, updating, 0, bare, 0)
		return
	}
	b.send(c, first, counted)
}

// notice tells the ledger that somebody whom we deactivated is active again, by
// a request of ours whose answer was lost, or by another hand, and what is still
// to be given back.
func (b *Builder) notice(c *comparison, left []Trait) {
	ch := c.change(Reactivate, recovery, activate(true))
	ch.Fresh, ch.Leaving = true, left
	b.emit(ch, leaving, 0, bare, 0)
}

// follow gives back what differs of somebody who is as desired otherwise.
func (b *Builder) follow(c *comparison, g giving) {
	if len(g.edits) > 0 {
		b.emit(c.change(Update, givenBack, g.edits), halving, 0, counted, 0)
	}
}

// settle closes an intent of ours that nobody knows the end of, where nothing
// else of this plan does: it is found done.
func (b *Builder) settle(t int, c Change) {
	k := b.ties[t]
	if k.flags&open == 0 {
		return
	}
	c.Op, c.Reason, c.Edits = Update, recovery, nil
	if k.off == 0 && b.openOp(t) == Deactivate {
		c.Op, c.Edits, c.Fresh = Deactivate, activate(false), true
	}
	b.emit(c, leaving, 0, bare, 0)
}

// send emits a change of edits, in two where it renames and an edit waits for a create.
func (b *Builder) send(c *comparison, first Change, k kind) {
	n := c.n
	b.people[n].flags |= touched
	if !c.renames() {
		first.Sent = c.done()
		r := rests(0)
		if slices.ContainsFunc(c.edits, Edit.waits) {
			r = restsPart
		}
		b.emit(first, updating, 0, k, r)
		return
	}
	r := b.restsOf(n)
	now, later := c.split(Edit.waits)
	first.Edits = now
	if len(later) == 0 {
		first.Sent = c.done()
	}
	b.emit(first, renaming, b.depth[int32(n)], k, r)
	if len(later) == 0 {
		return
	}
	if first.Op == Adopt {
		r |= restsAdopt
	}
	second := c.change(Update, referenceFollows, later)
	second.UserName, second.Sent, second.Fresh = b.userNameOf(n), c.done(), true
	b.emit(second, halving, 0, secondHalf, r|restsCreate)
}

func (c *comparison) renames() bool {
	return slices.ContainsFunc(c.edits, func(e Edit) bool { return e.Path == userName })
}

// references finds what is wrong with whom an otherwise unchanged person refers to.
func (c *comparison) references() {
	for i := range c.rules {
		r := &c.rules[i]
		if want, known := c.want.Index(r.at); known && r.reference && !c.isOver(r, c.people[c.n].tie) {
			c.refer(r, want)
		}
	}
}

// adopt links a user that a key found, and claims what is there and desired.
// Without edits nothing is sent, and nothing is held.
func (b *Builder) adopt(n int) {
	p := b.people[n]
	c := b.compareTo(n)
	c.claiming = true
	wants, is := p.flags&dormant == 0 || !b.in.Policy.Lifecycle, b.users[p.user].state == target.Active
	switch {
	case wants && is:
		c.run()
		b.stuckFinding(c)
	case is && b.governs(active):
		c.edits, c.partial = activate(false), true
		b.people[n].flags |= touched
	case wants:
		c.find(Warning, "inactive-elsewhere", "the user was found inactive and stays so; --allow reactivate=1 --only WHO brings it back once it is linked")
	default:
		c.partial = true
	}
	b.tell(c)
	ch := c.change(Adopt, b.reason(n), c.edits)
	if _, to, turns := turned(ch); turns && to == target.Inactive {
		ch.Leaving = Leavings(b.in.Dialect)
	}
	k := counted
	if p.fate == recovered {
		ch.Reason, k = recoveredCreate, healed
	}
	if !ch.sends() {
		if k == counted {
			k = bare
		}
		ch.Sent, ch.Seen = c.done(), traits(c.have)
		b.emit(ch, updating, 0, k, 0)
		return
	}
	b.send(c, ch, k)
}

// reason says by which key the user of person n was found.
func (b *Builder) reason(n int) string {
	row, u := b.wanted(n), int(b.people[n].user)
	for i, m := range b.names {
		if name := b.nameIn(row, i); !m.holds && name != "" && name == b.seenName(u, i) {
			return matchedBy + title(string(m.path))
		}
	}
	return matchedBy + "Key"
}

// reactivate brings back whom we deactivated, in two steps: what deactivation
// took can only be told after the first.
func (b *Builder) reactivate(n int) {
	c := b.compareTo(n)
	reason := returned
	if !b.returns(n) {
		if b.in.Policy.Allow[string(Reactivate)] == 0 || len(b.in.Policy.Only) == 0 {
			c.find(Warning, "inactive-elsewhere", "somebody else deactivated this user; --allow reactivate=1 --only WHO --because TEXT brings it back")
			b.tell(c)
			b.settle(int(b.people[n].tie), c.change(Update, "", nil))
			return
		}
		reason = allowedToReturn
	}
	c.run()
	b.stuckFinding(c)
	b.tell(c)
	g := b.giveBack(n)
	g.precede(c.edits)
	c.edits = append(c.edits, g.edits...)
	first := c.change(Reactivate, reason, activate(true))
	first.Leaving = g.left
	if len(c.edits) == 0 {
		first.Sent = c.done()
	}
	b.people[n].flags |= touched
	b.emit(first, updating, 0, counted, 0)
	b.give(n, g, restsReactivate)
	if len(c.edits) == 0 {
		return
	}
	r := b.restsOf(n) | restsReactivate
	if slices.ContainsFunc(c.edits, Edit.waits) {
		r |= restsPart
	}
	second := c.change(Update, reason, c.edits)
	if c.renames() {
		second.Op = Rename
	}
	second.Fresh, second.Sent = true, c.done()
	b.emit(second, halving, min(1, uint32(len(g.grants))), secondHalf, r) // roles with their divisions come first
}

// returns tells whether person n was deactivated by us, for all the ledger knows.
func (b *Builder) returns(n int) bool {
	p := b.people[n]
	return p.fate == linked && b.byUs(int(p.tie)) && b.people[n].flags&(dormant|vague) == 0 && b.in.Policy.Lifecycle
}

func (b *Builder) byUs(t int) bool {
	return b.ties[t].off != 0 || b.ties[t].flags&open != 0 && b.openOp(t) == Deactivate
}

// foretell says on which day the source has somebody join or leave: until then
// they stand as they are.
func (b *Builder) foretell(n int) {
	on, told := b.turns[int32(n)]
	if p := b.people[n]; !told || !b.in.Policy.Lifecycle || p.fate != created && p.fate != linked && p.fate != adopted && p.fate != recovered && p.fate != idle {
		return
	}
	s := b.person(n)
	if b.people[n].flags&dormant != 0 {
		b.Note(finding(Note, "joins-later", s.key, s.place, "active from %s on, and not before", dateOf(on)))
	} else {
		b.Note(finding(Note, "leaves-later", s.key, s.place, "not active from %s on; until then they stay", dateOf(on)))
	}
}

// explain makes the finding of a person who cannot be planned.
func (b *Builder) explain(n int) {
	p := b.people[n]
	s := b.person(n)
	find := func(severity Severity, code, format string, args ...any) {
		b.Note(finding(severity, code, s.key, s.place, format, args...))
	}
	if p.fate != idle && p.fate != standing && p.fate != shunned && (p.fate != unseen || p.flags&asked != 0) {
		b.waits(n, nil)
	}
	switch p.fate {
	case idle:
		b.idle++
	case unclear:
		find(Warning, "active-unknown", "the source does not say whether this person is active, and they have no user, or a deleted one: not created")
	case unseen:
		if p.flags&asked != 0 {
			find(Error, "not-read", "nothing is known about the linked user; not planned")
		}
	case lost:
		find(Warning, "gone", "somebody else deleted this user%s; it is not created anew by itself", b.since(0))
	case buried:
		find(Note, "gone", "somebody else deleted this user%s; --allow create --only WHO --because TEXT creates another one", b.since(b.ties[p.tie].gone))
	case reused:
		find(Error, "address-reused", "the user that matches is %s", b.owner(n))
	case erased:
		find(Error, "address-reused", "a deleted user has this userName; restore it (--allow restore) or give another userName")
	case ambiguous:
		find(Error, "ambiguous-match", "more than one record or user matches; none of them is touched")
	case incomplete:
		find(Error, "missing-attribute", "%s is needed to create a user and is missing", b.lacking(b.wanted(n)))
	case absent:
		find(Note, "no-user", "no user matches, and lifecycle none creates nobody")
	case shunned:
		find(Note, "protected", "the user is protected and never touched")
	default:
	}
}

// owner says whose the user is that person n matches.
func (b *Builder) owner(n int) string {
	u := b.people[n].user
	if u < 0 {
		return "that of another record; not touched"
	}
	if t := b.users[u].tie; t >= 0 {
		key := quote(string(b.tieKey(int(t))))
		if b.ties[t].person < 0 {
			return "linked to " + key + ", who is not in the source any more; if they are one person: rollcall rekey, else give this record another userName"
		}
		return "linked to " + key + "; not touched"
	}
	if b.people[n].flags&stuck != 0 {
		return "another one; not touched"
	}
	return "one with another externalId; not touched"
}

func title(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]&^0x20) + s[1:]
}

func finding(severity Severity, code string, key source.Key, place source.Place, format string, args ...any) Finding {
	f := Finding{Severity: severity, Code: code, Key: key, Text: fmt.Sprintf(format, args...)}
	if place != (source.Place{}) {
		f.Place = place.String()
	}
	return f
}
