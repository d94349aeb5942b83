package apply

import (
	"context"
	"fmt"
	"slices"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// create makes a user, once.
//
// The plan has looked the userName up. It is looked up again where that was
// long ago (Fresh, a saved plan), and before a create is repeated that was not
// answered, in this run or in one that was killed: what is found then is the
// user that the lost create made.
func (t *task) create(ctx context.Context) {
	if t.wanted(userName) == "" {
		t.end(ledger.Failed, fault.Internal, "a create without userName: nothing could find it again")
		return
	}
	look, again := t.c.Fresh || t.LeaveMoved || t.Open(t.c.Key), false
	for ; ; look = true {
		err := t.free(ctx, look)
		if t.out.Result != "" {
			return
		}
		if err == nil {
			err = t.post(ctx)
		}
		switch {
		case err == nil:
			return
		case fault.Of(err) == fault.Taken && t.ours() && !again:
			again = true // the lost create came about after the look: look once more
		case !t.again(err):
			t.fail(err)
			return
		}
	}
}

// free looks up, where it is to, who has the userName, and ends the create where somebody has.
func (t *task) free(ctx context.Context, look bool) error {
	if !look {
		return nil
	}
	holder, err := t.holder(ctx)
	if err == nil && holder.ID != "" {
		t.occupied(holder)
	}
	return err
}

// post sends the create and takes over the user that came of it.
func (t *task) post(ctx context.Context) error {
	answer, err := t.send(ctx, target.Request{Act: target.Create, To: scim.Ref{Type: scim.User}, Ops: t.creation()})
	if err != nil {
		return err
	}
	if key, linked := t.Holder(answer.ID); linked && key != t.c.Key {
		t.foreign(ctx, answer, key)
		return nil
	}
	t.done(ctx, answer)
	return nil
}

// creation are the operations that make the user.
func (t *task) creation() []scim.Op {
	ops, _ := t.c.Against(func(scim.Path) []scim.Value { return nil })
	for i := range ops {
		ops[i].Verb = scim.Add
	}
	return ops
}

const (
	userName   scim.Path = "userName"
	externalID scim.Path = "externalId"
	active     scim.Path = "active"
)

// holder is who has the userName; without ID where nobody has, or a deleted
// user has: creating then is the service's way to bring that one back.
func (t *task) holder(ctx context.Context) (found target.Observed, err error) {
	name, _ := t.wanted(userName).Text()
	q := target.Query{Ask: target.ByUserName, Type: scim.User, Who: name, Paths: paths(t.c)}
	for o, err := range t.reader.Read(ctx, q, t.Users) {
		if err != nil {
			return target.Observed{}, err
		}
		if o.State == target.Active || o.State == target.Inactive {
			found = o
		}
	}
	t.limbo = false
	return found, nil
}

// occupied ends a create whose userName somebody has: our own create that was not
// answered, or somebody else.
//
//	a create is lost   | linked to another key, or another externalId | then
//	----------------- | --------------------------------------------- | ----------------
//	yes               | no                                            | found: it is ours
//	yes               | yes                                           | taken
//	no                | -                                             | taken, or moved
func (t *task) occupied(holder target.Observed) {
	key, linked := t.Holder(holder.ID)
	ids, known := holder.Row.At(externalID)
	other := linked && key != t.c.Key || known && len(ids) > 0 && t.wanted(externalID) != "" && ids[0] != t.wanted(externalID)
	switch {
	case t.ours() && !other:
		t.out.Ref, t.out.Seen, t.out.Kept = holder.Ref, holder.Row, t.kept(holder.Row)
		t.end(ledger.Found, 0, "")
	case t.LeaveMoved:
		t.out.Moved = []scim.Path{userName}
		t.end(ledger.LeftOut, fault.Stale, fmt.Sprintf("user %s has this userName since the plan was saved", holder.ID))
	default:
		t.end(ledger.Failed, fault.Taken, fmt.Sprintf("user %s has this userName", holder.ID))
		t.out.Hint = "plan again: the user is adopted, or shown as a finding"
	}
}

// ours tells whether a create of this person was sent and never answered.
func (t *task) ours() bool { return t.tried || t.Open(t.c.Key) }

// foreign closes a user that the service gave for a create although it belongs
// to another key: a deleted user that came back to life under its old id.
func (t *task) foreign(ctx context.Context, answer target.Answer, key source.Key) {
	created := t.out
	t.to = answer.Ref
	off := []scim.Op{{Verb: scim.Replace, Path: active, Value: scim.ValueOf(false)}}
	_, err := t.send(ctx, target.Request{Act: target.Patch, To: t.to, Ops: off})
	if fault.Of(err) == fault.Stale { // services move a version by themselves after a create (dossier §4.4)
		var now target.Observed
		if now, err = t.look(ctx); err == nil {
			_, err = t.send(ctx, target.Request{Act: target.Patch, To: now.Ref, Ops: off})
		}
	}
	did := "it is deactivated"
	if err != nil {
		did = "deactivating it: " + err.Error()
	}
	created.Attempts = t.out.Attempts
	t.out, t.limbo = created, false
	t.out.Ref = answer.Ref
	t.end(ledger.Failed, fault.Taken, fmt.Sprintf("the service answered with user %s, which is linked to %s; %s", answer.ID, key, did))
	t.out.Hint = "see who this user is; rekey or forget the old link before this person is created"
}

// wanted is the single value that c sets at p; "" where it sets none.
func (t *task) wanted(p scim.Path) scim.Value {
	i := slices.IndexFunc(t.c.Edits, func(e plan.Edit) bool { return e.Path == p })
	if i < 0 || len(t.c.Edits[i].Set) != 1 {
		return ""
	}
	return t.c.Edits[i].Set[0]
}
