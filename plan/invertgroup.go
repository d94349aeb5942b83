package plan

import (
	"cmp"
	"slices"

	"rollcall/scim"
)

// TakeBackMembers cuts an edit of a group's members into the requests that take
// memberships back: who joins first, then who leaves. name is the group's.
func (in Input) TakeBackMembers(group scim.Ref, name string, e Edit) []Change {
	size := cmp.Or(in.Dialect.MembersPerRequest, max(1, len(e.Add)+len(e.Remove)))
	request := func(op Op, s stage, reason string, edit Edit) Change {
		return Change{Op: op, UserName: name, Target: scim.Ref{Type: scim.Group, ID: group.ID}, Wave: int(s) << 16, Reason: reason, Edits: []Edit{edit}}
	}
	reason := reverted
	if e.Back {
		reason = givenBack
	}
	var out []Change
	for some := range slices.Chunk(e.Add, size) {
		out = append(out, request(Join, backJoining, reason, Edit{Path: e.Path, ID: e.ID, Add: some, Back: e.Back}))
	}
	for some := range slices.Chunk(e.Remove, size) {
		out = append(out, request(Leave, backParting, reverted, Edit{Path: e.Path, ID: e.ID, Before: some, Remove: some}))
	}
	return out
}

// Sooner moves the deletion of c before the renames: another user is given its userName.
func (c Change) Sooner() Change {
	c.Wave = int(backClosing) << 16
	return c
}

// Number closes the gaps between the waves of changes.
func Number(changes []Change) {
	var waves []int
	for _, c := range changes {
		waves = append(waves, c.Wave)
	}
	slices.Sort(waves)
	waves = slices.Compact(waves)
	for i, c := range changes {
		changes[i].Wave, _ = slices.BinarySearch(waves, c.Wave)
	}
}
