package plan

import (
	"fmt"
	"time"

	"rollcall/source"
	"rollcall/target"
)

// leave decides about the link of somebody whom the source does not have any more:
//
//	user       action      days over | what
//	---------  ----------  --------- | ------------------------------------------
//	active     report      -         | finding
//	active     deactivate  no        | finding: waits
//	active     deactivate  yes       | deactivate, and nothing else
//	active     delete      yes       | delete
//	inactive   -           -         | delete, where we deactivated it and the second step is due
//	deleted    -           -         | finding: gone
//	not known  -           -         | nothing
//
// A source without any record removes nobody.
func (b *Builder) leave(t int) {
	k := b.ties[t]
	if k.person >= 0 || k.flags&(closed|contested) != 0 || k.user < 0 || len(b.people) == 0 || !b.in.Policy.Lifecycle || k.flags&chosen == 0 {
		return
	}
	key, u := b.tieKey(t), b.users[k.user]
	gone := u.state == target.Gone || u.state == target.Erased
	switch {
	case gone && k.flags&open != 0 && b.openOp(t) == Delete:
		b.emit(b.leaver(t, key, Delete, recovery), deleting, 0, bare, 0) // ours: found done, which closes the link
	case gone:
		b.Note(finding(Note, "gone", key, source.Place{}, "left the source, and the user is deleted%s; the link is closed", b.since(0)))
		b.bury(t)
	case b.in.Policy.Protects(b.nameOf(int(k.user))):
		b.Note(finding(Note, "protected", key, source.Place{}, "left the source; the user is protected and never touched"))
	case u.state == target.Inactive:
		b.leaveInactive(t, key)
	default:
		b.leaveActive(t, key)
	}
}

// lingers tells whether somebody who left the source is here as they were, for days yet.
func (b *Builder) lingers(t int) bool {
	action, u := b.in.Policy.Leaving.Action, b.ties[t].user
	closes := b.in.Policy.Lifecycle && (action == "deactivate" || action == "delete")
	return closes && b.staysFor(t) > 0 && u >= 0 && b.users[u].state == target.Active
}

// staysFor is how many days the account of a leaver is left as it is yet.
func (b *Builder) staysFor(t int) int { return b.in.Policy.Leaving.After - b.days(b.ties[t].left) }

func (b *Builder) leaveActive(t int, key source.Key) {
	l, wait := b.in.Policy.Leaving, b.staysFor(t)
	switch {
	case l.Action != "deactivate" && l.Action != "delete":
		b.Note(finding(Note, "left", key, source.Place{}, "left the source; leavers are only reported"))
	case wait > 0:
		b.Note(finding(Note, "leaving", key, source.Place{}, "left the source; %s follows %s", l.Action, inDays(wait)))
	case l.Action == "delete":
		c := b.leaver(t, key, Delete, leftSource)
		c.Leaving = Leavings(b.in.Dialect)
		b.emit(c, deleting, 0, counted, closing)
	default:
		c := b.leaver(t, key, Deactivate, leftSource)
		c.Edits, c.Leaving = activate(false), Leavings(b.in.Dialect)
		b.emit(c, leaving, 0, counted, closing)
	}
}

func inDays(n int) string {
	if n == 1 {
		return "in 1 day"
	}
	return fmt.Sprintf("in %d days", n)
}

// leaveInactive takes the second step, and settles a deactivation whose answer was lost.
func (b *Builder) leaveInactive(t int, key source.Key) {
	k, l := b.ties[t], b.in.Policy.Leaving
	if k.off == 0 || l.Then != "delete" {
		b.settle(t, b.leaver(t, key, Update, ""))
		return
	}
	if wait := l.ThenAfter - b.days(k.off); wait > 0 {
		b.Note(finding(Note, "leaving", key, source.Place{}, "left the source and was deactivated; delete follows %s", inDays(wait)))
		b.settle(t, b.leaver(t, key, Update, ""))
		return
	}
	b.emit(b.leaver(t, key, Delete, leftLongAgo), deleting, 0, counted, 0)
}

func (b *Builder) leaver(t int, key source.Key, op Op, reason string) Change {
	u := int(b.ties[t].user)
	return Change{Op: op, Key: key, UserName: b.nameOf(u), Target: b.ref(u), Reason: reason}
}

// days are how many calendar days ago a day was, by the plan's own date.
func (b *Builder) days(since int32) int {
	today, err := time.Parse(time.DateOnly, b.in.Basis.Today)
	if err != nil || since == 0 {
		return 0
	}
	return int(day(today) - since)
}
