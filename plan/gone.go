package plan

import (
	"rollcall/scim"
	"rollcall/target"
)

// bury closes the link of a user that was asked for by id and is deleted, so
// that nobody asks again. Where we deleted it and did not hear the answer, our
// own deletion is found done.
func (b *Builder) bury(t int) {
	l, _ := b.head(t)
	c := Change{Op: Unlink, Key: l.Key, UserName: l.UserName, Target: scim.Ref{Type: scim.User, ID: l.Ref.ID}, Reason: goneElsewhere}
	if b.ties[t].flags&open != 0 && l.OpenOp == Delete {
		c.Op, c.Reason = Delete, recovery
		b.emit(c, deleting, 0, bare, 0)
		return
	}
	c.ID, _ = c.identify(nil)
	b.unlinked = append(b.unlinked, c)
}

// risen is the user of the closed link of person n who is there again, under
// the same id, or -1.
func (b *Builder) risen(n int) int {
	t := b.people[n].tie
	if t < 0 || b.ties[t].gone == 0 {
		return -1
	}
	u := b.findUser(b.tieID(int(t)))
	if u < 0 || b.users[u].tie >= 0 || b.users[u].state != target.Active && b.users[u].state != target.Inactive {
		return -1
	}
	return u
}

// mourned tells whether person n had a user whom somebody else deleted, and
// nobody allowed to create another.
func (b *Builder) mourned(n int) bool {
	t := b.people[n].tie
	if t < 0 || b.ties[t].gone == 0 {
		return false
	}
	allow := b.in.Policy.Allow
	restoring := allow[string(Restore)] != 0 && !b.asked["deleted"] // first look whether there is somebody to restore
	return !restoring && (allow[string(Create)] == 0 || len(b.in.Policy.Only) == 0)
}

// since says when something was seen: on a day, 0 for that of this plan.
func (b *Builder) since(on int32) string {
	if on == 0 {
		if b.in.Basis.Today == "" {
			return ""
		}
		return " (seen " + b.in.Basis.Today + ")"
	}
	return " (seen " + dateOf(on) + ")"
}
