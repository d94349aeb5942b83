package ledger

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// Values are the values of some paths, whatever shape they were seen in: a
// path that is there with none was seen to be absent.
type Values map[scim.Path][]scim.Value

// ValuesOf are the known paths of r; nil where it knows none.
func ValuesOf(r scim.Row) Values {
	s := r.Shape()
	if s == nil {
		return nil
	}
	out := make(Values, len(s.Paths()))
	for i, p := range s.Paths() {
		if vs, known := r.Index(i); known {
			out[p] = vs
		}
	}
	return out
}

// Row is v cut to s: paths that v lacks are not known. The zero Row for a nil shape.
func (v Values) Row(s *scim.Shape) scim.Row {
	if s == nil {
		return scim.Row{}
	}
	b := scim.NewRow(s)
	for i, p := range s.Paths() {
		if vs, known := v[p]; known {
			b.Set(i, vs...)
		}
	}
	return b.Row()
}

// A Pending is an intent that nobody knows the end of.
type Pending struct {
	Change string  `json:"change"`
	Op     plan.Op `json:"op"`
	Run    RunID   `json:"run"`
}

// A Person is all that the entries say about one key: the projection from
// which links are made. Every implementation keeps one per key, tells it the
// entries in their order, and so agrees with every other on what they mean.
type Person struct {
	Key         source.Key              `json:"key"`
	Ref         scim.Ref                `json:"ref,omitzero"`
	UserName    string                  `json:"userName,omitempty"`
	Unit        string                  `json:"unit,omitempty"` // by limits_by, when the source had them last
	Sent        plan.Digest             `json:"sent,omitzero"`
	Ours        Values                  `json:"ours,omitempty"`
	Groups      []string                `json:"groups,omitempty"` // sorted ids
	Left        time.Time               `json:"left,omitzero"`
	Deactivated time.Time               `json:"deactivated,omitzero"`
	Linked      bool                    `json:"linked,omitempty"` // there is or was a link
	Closed      bool                    `json:"closed,omitempty"`
	Gone        time.Time               `json:"gone,omitzero"`    // seen deleted by another hand, and so closed
	Open        []Pending               `json:"open,omitempty"`   // oldest first
	Undone      RunID                   `json:"undone,omitempty"` // the last run that left a change of this person undone
	Owed        []scim.Path             `json:"owed,omitempty"`   // what a create did not carry, and nothing after it
	Kept        map[scim.Path]plan.Kept `json:"kept,omitempty"`   // what the service did not carry out of what it was sent
	Lost        plan.Loss               `json:"lost,omitzero"`    // what they had when they left, less what was given back; without At: a leaver's change is under way
	Image       Values                  `json:"-"`                // kept apart: it is large and seldom asked for
}

// Intend tells that c, a change of this person, is about to be sent.
func (p *Person) Intend(run RunID, c plan.Change) {
	p.Open = slices.DeleteFunc(p.Open, func(o Pending) bool { return o.Change == c.ID && o.Run == run })
	p.Open = append(p.Open, Pending{Change: c.ID, Op: c.Op, Run: run})
	p.keep(c)
	if p.UserName == "" {
		p.UserName = c.UserName
	}
}

// Settle tells what became of c, a change of this person.
//
//	result                    | open intents        what follows
//	------------------------- | ------------------  ----------------------------------
//	done, found               | see closes          link, ref, claims, image, digest
//	unknown                   | stay open           the digest of the desired is void
//	failed, leftOut, canceled | this one is closed  the digest of the desired is void
//
// run is the run that tells it, intended the one that intended c: the same, or
// one that did not live to tell.
func (p *Person) Settle(run, intended RunID, c plan.Change, o Outcome) {
	recovered := p.waits(run, c.Op)
	of := Pending{Change: c.ID, Op: c.Op, Run: intended}
	p.Open = slices.DeleteFunc(p.Open, func(w Pending) bool { return w.ClosedBy(run, of, o.Result) })
	if !o.Result.Fine() {
		p.Sent, p.Undone = plan.Digest{}, run
		p.see(c, o)
		return
	}
	p.link(c, o)
	p.claim(editsOf(c, o))
	p.concede(c, o)
	p.owe(c, o)
	p.see(c, o)
	p.rename(c, o)
	p.state(c, o, recovered)
	p.lose(c, o, !p.Deactivated.IsZero() || c.Op == plan.Delete)
	switch {
	case isZero(c.Sent) && o.Sent != nil:
		p.Sent = plan.Digest{} // not all that was desired, or not what the source desires
	case !isZero(c.Sent) && p.Undone != run && len(o.Waiting) == 0:
		p.Sent = c.Sent
	}
}

// ClosedBy tells whether the outcome of one intent, told by run, says what
// became of the waiting intent w: its own outcome always; that of another of the
// same key (or group) where it ended well, run intended it, and w is of another
// run, for the plan of run rests on a reading that has seen whatever w did. The
// changes of one run stand beside each other: a group is joined by many requests.
// So do those that earlier runs left: each of them is settled for itself. An
// unknown outcome says nothing.
func (w Pending) ClosedBy(run RunID, of Pending, r Result) bool {
	its := w.Change == of.Change && w.Run == of.Run
	return r != Unknown && (its || r.Fine() && of.Run == run && w.Run != run)
}

// waits tells whether an earlier run left an intent of this op open.
func (p *Person) waits(run RunID, op plan.Op) bool {
	return slices.ContainsFunc(p.Open, func(w Pending) bool { return w.Op == op && w.Run != run })
}

// leaving tells whether nobody knows what became of a leaver's change.
func (p *Person) leaving() bool {
	return slices.ContainsFunc(p.Open, func(w Pending) bool { return w.Op.Leaves() })
}

// Mark tells that the source lacks this person since at, or, where at is zero, has them again.
func (p *Person) Mark(at time.Time) {
	if at.IsZero() || p.Left.IsZero() {
		p.Left = at
	}
}

// Member tells that the group with this id has this person by our doing, or has not any more.
func (p *Person) Member(group string, in bool) {
	i, found := slices.BinarySearch(p.Groups, group)
	switch {
	case in && !found:
		p.Groups = slices.Insert(p.Groups, i, group)
	case !in && found:
		p.Groups = slices.Delete(p.Groups, i, i+1)
	}
}

// Link is what planning sees of p; ok is false where there is neither a link nor an open intent.
func (p *Person) Link(q LinkQuery) (_ plan.Link, ok bool) {
	if !p.Linked && len(p.Open) == 0 {
		return plan.Link{}, false
	}
	l := plan.Link{
		Key: p.Key, Ref: p.Ref, UserName: p.UserName, Unit: p.Unit, Sent: p.Sent, Groups: slices.Clone(p.Groups),
		Left: p.Left, Deactivated: p.Deactivated, Closed: p.Closed, Gone: p.Gone, Kept: maps.Clone(p.Kept), Owed: slices.Clone(p.Owed),
	}
	if !p.Lost.At.IsZero() || p.leaving() {
		l.Lost = p.Lost
	}
	if q.Shape != nil && len(p.Ours) > 0 {
		l.Ours = p.Ours.Row(q.Shape)
	}
	if q.Image && len(p.Image) > 0 {
		l.Image = p.Image.Row(q.Shape)
	}
	for _, w := range p.Open {
		if l.Open == "" || w.Op == plan.Create || l.OpenOp != plan.Create {
			l.Open, l.OpenOp = w.Change, w.Op
		}
	}
	return l, true
}

// link makes, moves or closes the link. Only create, adopt and restore make one:
// explicit operations on an unlinked user leave it unlinked.
func (p *Person) link(c plan.Change, o Outcome) {
	switch c.Op {
	case plan.Create, plan.Adopt, plan.Restore:
		fresh := Person{Key: p.Key, UserName: p.UserName, Unit: p.Unit, Open: p.Open, Undone: p.Undone, Linked: true}
		same := p.Linked && p.Ref.ID == either(o.Ref, c.Target).ID
		if same && (!p.Closed || c.Op == plan.Restore) {
			p.Closed = false
			return // recovered, or restored: what is known of the same resource stays
		}
		fresh.Ref = either(o.Ref, c.Target)
		*p = fresh
	case plan.Unlink:
		p.Closed, p.Gone, p.Ours, p.Groups, p.Image, p.Kept, p.Owed = true, o.At, nil, nil, nil, nil, nil
	case plan.Delete:
		p.Closed, p.Ours, p.Groups, p.Image, p.Kept, p.Owed = true, nil, nil, nil, nil, nil
	default:
	}
}

// Succeed gives p the link of old, whose person has p's key now, with all that is
// known of it. What p has by itself, of changes under the new key, stays. A link
// that is not there any more, and a key that has one, are left as they are.
func (p *Person) Succeed(old *Person) {
	if old == nil || old == p || !old.Linked || old.Closed || p.Linked && !p.Closed {
		return
	}
	heir := *old
	heir.Key, heir.Open, heir.Undone, heir.Sent, heir.Left = p.Key, p.Open, p.Undone, plan.Digest{}, time.Time{}
	*old = Person{Key: old.Key, Open: old.Open, Undone: old.Undone}
	*p = heir
}

// see takes over the answer. A Ref without version says that it is not known any
// more, and so is what was written of a redacted attribute: an image from before redaction is not left.
func (p *Person) see(c plan.Change, o Outcome) {
	if !p.Linked || p.Closed || o.Ref.ID != "" && o.Ref.ID != p.Ref.ID {
		return
	}
	seen := ValuesOf(o.Seen)
	if o.Ref.ID != "" && (len(seen) > 0 || o.Result.Fine()) && o.Ref.Version != p.Ref.Version {
		p.Ref.Version = p.known(seen, o.Ref.Version)
	}
	if p.Image == nil {
		p.Image = seen
		return
	}
	maps.Copy(p.Image, seen)
	for _, e := range editsOf(c, o) {
		if _, anew := seen[e.Path]; !anew && slices.ContainsFunc(slices.Concat(e.Before, e.Set), redacted) {
			delete(p.Image, e.Path)
		}
	}
}

// redacted tells whether v stands for a value that was not kept: {"$redacted": DIGEST}.
func redacted(v scim.Value) bool { return strings.Contains(string(v), `"$redacted":`) }

// known is a version that was answered where all that is remembered of the user
// was seen with it; else "": somebody else's edit may lie between.
func (p *Person) known(seen Values, version string) string {
	for path := range p.Image {
		if _, now := seen[path]; !now {
			return ""
		}
	}
	return version
}

// rename keeps the userName that the resource has now.
func (p *Person) rename(c plan.Change, o Outcome) {
	const path scim.Path = "userName"
	now, _ := o.Seen.At(path)
	for _, e := range editsOf(c, o) {
		if len(now) == 0 && e.Path == path {
			now = e.Set
		}
	}
	if len(now) == 1 {
		if name, ok := now[0].Text(); ok {
			p.UserName = name
			return
		}
	}
	if c.UserName != "" {
		p.UserName = c.UserName
	}
}

// state follows activation. A deactivation that was found done is ours only
// where it was sent, now or by an earlier run that did not live to hear the
// answer. Somebody who is inactive in the source can be deactivated by their adoption.
func (p *Person) state(c plan.Change, o Outcome, recovered bool) {
	sent := o.Result == Done || o.Sent != nil
	switch c.Op {
	case plan.Deactivate:
		if sent || recovered {
			p.Deactivated = o.At
		}
	case plan.Create, plan.Adopt, plan.Reactivate, plan.Restore:
		p.Deactivated, p.Left = time.Time{}, time.Time{}
		if sent && c.Op == plan.Adopt && slices.ContainsFunc(editsOf(c, o), deactivates) {
			p.Deactivated = o.At
		}
	default:
	}
}

func deactivates(e plan.Edit) bool {
	return e.Path == "active" && len(e.Set) == 1 && e.Set[0] == "false"
}

// claim follows which elements of sets are ours. Single values are nobody's:
// the mode of their attribute rules them.
func (p *Person) claim(edits []plan.Edit) {
	for _, e := range edits {
		set := e.ID != "" || len(e.Add)+len(e.Remove)+len(e.Claim) > 0
		if !set || e.Back || p.Closed {
			continue
		}
		have := p.Ours[e.Path]
		if e.Whole {
			have = nil
		}
		have = without(have, e.Remove, e.ID)
		for _, more := range [][]scim.Value{e.Set, e.Add, e.Claim} {
			have = append(without(have, more, e.ID), more...)
		}
		if p.Ours == nil {
			p.Ours = Values{}
		}
		slices.Sort(have)
		if p.Ours[e.Path] = have; len(have) == 0 {
			delete(p.Ours, e.Path)
		}
	}
}

// without is a new slice of the elements of from that no element of drop
// identifies: by their id sub-attribute where there is one, else wholly.
func without(from, drop []scim.Value, id string) []scim.Value {
	name := func(v scim.Value) scim.Value {
		if s := v.Sub(id); id != "" && s != "" {
			return s
		}
		return v
	}
	var out []scim.Value
	for _, v := range from {
		if !slices.ContainsFunc(drop, func(d scim.Value) bool { return name(d) == name(v) }) {
			out = append(out, v)
		}
	}
	return out
}

// A Member is one person of a membership change: by key as intended, or by id.
type Member struct {
	Key source.Key
	ID  string
	In  bool // joins, or is claimed; else leaves

	Back bool // given back: it does not become ours
}

// Members are the people whose membership c is about, as intended; none where c is not of a group.
func Members(c plan.Change) iter.Seq[Member] {
	return func(yield func(Member) bool) {
		if c.Target.Type != scim.Group {
			return
		}
		for _, e := range c.Edits {
			in := slices.Concat(e.Add, e.Claim, e.Set)
			for i, v := range slices.Concat(in, e.Remove) {
				if m, ok := member(v); ok && !yield(Member{Key: m.Key, ID: m.ID, In: i < len(in), Back: e.Back}) {
					return
				}
			}
		}
	}
}

// Carried tells whether the membership m of c was carried out, of a person who
// has this id: of a change that went in part only what it names was.
func (o Outcome) Carried(m Member, id string) bool {
	if len(o.Waiting) == 0 {
		return true
	}
	return id != "" && slices.ContainsFunc(o.Edits, func(e plan.Edit) bool {
		return slices.ContainsFunc(slices.Concat(e.Add, e.Claim, e.Set, e.Remove), func(v scim.Value) bool {
			named, ok := member(v)
			return ok && (named.ID == id || m.Key != "" && named.Key == m.Key)
		})
	})
}

// member reads {"value": {"$person": KEY}} and {"value": ID}.
func member(v scim.Value) (Member, bool) {
	value := v.Sub("value")
	if id, ok := value.Text(); ok {
		return Member{ID: id}, true
	}
	key, ok := value.Sub("$person").Text()
	return Member{Key: source.Key(key)}, ok
}

// editsOf are the edits as they were sent, or as intended where the outcome does not repeat them.
func editsOf(c plan.Change, o Outcome) []plan.Edit {
	if o.Edits != nil {
		return o.Edits
	}
	return c.Edits
}

// either is the answered Ref, or the one that was meant; always of a user.
func either(answered, meant scim.Ref) scim.Ref {
	if answered.ID == "" {
		answered = meant
	}
	answered.Type = scim.User
	return answered
}

func isZero(d plan.Digest) bool { return d == plan.Digest{} }
