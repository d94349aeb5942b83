package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// leftovers are the changes that runs which died, or never got an answer, left
// without an outcome, with what is seen now of their resources.
type leftovers struct {
	open  []ledger.Unsettled
	seen  map[string]*target.Observed     // by id, and of creates by userName in lower case; nil: not seen yet
	found map[source.Key]*target.Observed // users that creates made of people who are not in the source any more
}

// leftovers asks the ledger; there are none where it does not tell. Of creates
// whose person is gone it asks the target: no record leads to their users.
func (j Job) leftovers(ctx context.Context, users *scim.Shape, c *census) (*leftovers, error) {
	l := &leftovers{seen: map[string]*target.Observed{}, found: map[source.Key]*target.Observed{}}
	var err error
	if l.open, err = j.unsettled(ctx); err != nil {
		return l, err
	}
	for _, u := range l.open {
		l.seen[resource(u.Change)] = nil
	}
	for _, u := range l.open {
		if u.Change.Op == plan.Create && !c.has(u.Change.Key) && l.found[u.Change.Key] == nil {
			if err := j.findCreated(ctx, users, l, u.Change); err != nil {
				return l, err
			}
		}
	}
	return l, j.dropLinked(ctx, l)
}

// unsettled are the changes that were left open, of resources that can be found.
func (j Job) unsettled(ctx context.Context) (open []ledger.Unsettled, err error) {
	err = each(unsettled(ctx, j.Store), func(u ledger.Unsettled) {
		if resource(u.Change) != "" {
			open = append(open, u)
		}
	})
	return open, err
}

// resource is by what the resource of a change is found: its id, or the
// userName of a user who was to be created.
func resource(c plan.Change) string {
	if c.Op == plan.Create {
		return strings.ToLower(c.UserName)
	}
	return c.Target.ID
}

// findCreated looks for the user that c, a create, may have made.
func (j Job) findCreated(ctx context.Context, users *scim.Shape, l *leftovers, c plan.Change) error {
	q := target.Query{Ask: target.ByUserName, Type: scim.User, Who: c.UserName}
	for o, err := range j.Reader.Read(ctx, q, users) {
		if errors.Is(err, fault.Missing) {
			return nil
		}
		if err != nil {
			return err
		}
		if isThere(o) && isOf(c, o) {
			l.found[c.Key] = &o
		}
	}
	return nil
}

// lookUp reads the resources of leftovers one by one: nothing is listed of which
// they could be told. Of one that is not there the next plan tells.
func (j Job) lookUp(ctx context.Context, in plan.Input, l *leftovers) error {
	shapes := map[scim.Type]*scim.Shape{scim.User: in.Users, scim.Group: in.Groups}
	for _, u := range l.open {
		to := u.Change.Target
		if to.ID == "" || l.seen[to.ID] != nil || shapes[to.Type] == nil {
			continue
		}
		q := target.Query{Ask: target.ByID, Type: to.Type, Who: to.ID, Paths: shapes[to.Type].Paths()}
		for o, err := range j.Reader.Read(ctx, q, shapes[to.Type]) {
			if errors.Is(err, fault.Missing) {
				break
			}
			if err != nil {
				return fmt.Errorf("look for what an earlier run left: %w", err)
			}
			l.see(o)
		}
	}
	return nil
}

// dropLinked forgets what was found of users who have a link by now.
func (j Job) dropLinked(ctx context.Context, l *leftovers) error {
	if len(l.found) == 0 {
		return nil
	}
	linked := map[string]bool{}
	for have, err := range j.Store.Links(ctx, ledger.LinkQuery{}) {
		if err != nil {
			return err
		}
		linked[have.Ref.ID] = linked[have.Ref.ID] || !have.Closed
	}
	for key, o := range l.found {
		if linked[o.ID] {
			delete(l.found, key)
		}
	}
	return nil
}

// isOf tells whether o can be the user that c created: another externalId is somebody else's.
func isOf(c plan.Change, o target.Observed) bool {
	for _, e := range c.Edits {
		if have, known := o.Row.At(e.Path); e.Path == externalIDPath && known && !slices.Equal(have, e.Set) {
			return false
		}
	}
	return true
}

func isThere(o target.Observed) bool { return o.State == target.Active || o.State == target.Inactive }

// link is k as it will be once a create of its person is settled.
func (l *leftovers) link(k plan.Link) plan.Link {
	if o := l.found[k.Key]; o != nil && (k.Ref.ID == "" || k.Closed) {
		k.Ref, k.Closed = o.Ref, false
	}
	return k
}

// see keeps what is observed of their resources.
func (l *leftovers) see(o target.Observed) {
	if _, asked := l.seen[o.ID]; asked {
		l.seen[o.ID] = &o
	}
	if o.Type != scim.User || !isThere(o) {
		return
	}
	values, _ := o.Row.At(userNamePath)
	name, _ := text(values)
	name = strings.ToLower(name)
	if _, asked := l.seen[name]; asked && name != "" {
		l.seen[name] = &o
	}
}

// settle gives every leftover its outcome: found, with what of it is there, else
// left out. Nothing is said of one that the plan intends again, and nothing but
// what was found of one whose person or group the plan changes: those are closed
// by what becomes of that.
func (j Job) settle(ctx context.Context, run ledger.RunID, p *Proposal, d *directory) error {
	if p.left == nil || len(p.left.open) == 0 {
		return nil
	}
	w := wantedOf(p.Plan)
	var outcomes []ledger.Outcome
	for _, u := range p.left.open {
		c, o := u.Change, p.left.of(u.Change, w)
		if o == nil || w.changes[c.ID] || w.unlinked[c.Key] {
			continue
		}
		out, ok := outcome(c, *o, d)
		if !ok || !w.leaves(c) && (out.Result != ledger.Found || !early(c, w)) {
			continue
		}
		out.At = j.Now()
		outcomes = append(outcomes, out)
	}
	if len(outcomes) == 0 {
		return nil
	}
	return j.Store.Settle(ctx, run, outcomes)
}

// of is what is seen of the resource of c; nil where it is not seen, or c is a
// create whose user the plan does not know either.
func (l *leftovers) of(c plan.Change, w wanted) *target.Observed {
	o := l.seen[resource(c)]
	if c.Op != plan.Create {
		return o
	}
	if found := l.found[c.Key]; found != nil {
		return found
	}
	if o == nil || w.adopts[c.Key] != o.ID {
		return nil
	}
	return o
}

// wanted is what a plan changes.
type wanted struct {
	changes  map[string]bool // by id
	keys     map[source.Key]bool
	ids      map[string]bool
	adopts   map[source.Key]string // id of the user
	unlinked map[source.Key]bool   // whose user is gone: that closed what was open of them
}

func wantedOf(p *plan.Plan) wanted {
	w := wanted{
		changes: map[string]bool{}, keys: map[source.Key]bool{}, ids: map[string]bool{},
		adopts: map[source.Key]string{}, unlinked: map[source.Key]bool{},
	}
	for _, c := range p.Unlinked {
		w.unlinked[c.Key] = true
	}
	for c := range p.Changes() {
		w.changes[c.ID], w.keys[c.Key], w.ids[c.Target.ID] = true, true, true
		if c.Op == plan.Adopt {
			w.adopts[c.Key] = c.Target.ID
		}
	}
	return w
}

// leaves tells whether the plan leaves the person, or group, of c alone.
func (w wanted) leaves(c plan.Change) bool {
	return !w.ids[c.Target.ID] && (c.Key == "" || !w.keys[c.Key])
}

// early tells whether what was found of c counts although the plan changes its
// resource too: what became ours, and what leaving took. A link is made only
// where the plan makes the same.
func early(c plan.Change, w wanted) bool {
	switch c.Op {
	case plan.Update, plan.Rename, plan.Deactivate, plan.Reactivate, plan.Join, plan.Leave, plan.Create:
		return true
	case plan.Adopt:
		return w.adopts[c.Key] == c.Target.ID
	default:
		return false
	}
}

// outcome holds a leftover against what is there; ok is false where too little
// is known. Of one that is there in part, the rest waits for a plan that wants it.
func outcome(c plan.Change, o target.Observed, d *directory) (out ledger.Outcome, ok bool) {
	out = ledger.Outcome{Change: c.ID, Result: ledger.Found, Ref: o.Ref, Seen: o.Row}
	left := ledger.Outcome{Change: c.ID, Result: ledger.LeftOut, Ref: o.Ref, Error: "an earlier run died before it came about; nothing wants it any more"}
	if c.Op == plan.Delete && !isThere(o) {
		return out, true
	}
	if c.Op == plan.Delete || !isThere(o) {
		return left, true
	}
	for _, e := range c.Edits {
		now, known := o.Row.At(e.Path)
		if !known && c.Op != plan.Create {
			return out, false
		}
		part, whole := carried(e, now, d.id)
		if !whole {
			out.Waiting = append(out.Waiting, e.Path)
		}
		if whole || len(part.Add)+len(part.Remove) > 0 {
			out.Edits = append(out.Edits, part)
		}
	}
	if len(out.Edits) == 0 && len(c.Edits) > 0 && c.Op != plan.Create {
		return left, true
	}
	if out.Edits == nil {
		out.Edits = []plan.Edit{}
	}
	return out, true
}

// carried is what of e is so now, by the ids of the people it names; whole tells that all of it is.
func carried(e plan.Edit, now []scim.Value, id func(source.Key) (string, bool)) (part plan.Edit, whole bool) {
	one := func(e plan.Edit) (plan.Edit, bool) {
		c, known := plan.Change{Edits: []plan.Edit{e}}.Resolved(id)
		ops, _ := c.Against(func(scim.Path) []scim.Value { return now })
		return c.Edits[0], known && len(ops) == 0
	}
	part = plan.Edit{Path: e.Path, ID: e.ID, Back: e.Back}
	all, is := one(e)
	if is && len(e.Claim) == 0 || e.ID == "" && e.Whole {
		return all, is
	}
	for _, v := range slices.Concat(e.Set, e.Add, e.Claim) {
		if r, there := one(plan.Edit{Path: e.Path, ID: e.ID, Add: []scim.Value{v}}); there {
			part.Add = append(part.Add, r.Add...)
		}
	}
	for _, v := range e.Remove {
		if r, gone := one(plan.Edit{Path: e.Path, ID: e.ID, Remove: []scim.Value{v}}); gone {
			part.Remove = append(part.Remove, r.Remove...)
		}
	}
	return part, is
}
