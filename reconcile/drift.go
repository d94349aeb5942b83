package reconcile

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

const driftSchema = "rollcall.drift/1"

// A Drift is what others changed since rollcall's last writes: rollcall.drift/1.
type Drift struct {
	Schema    string         `json:"schema"`
	Sync      string         `json:"sync"`
	Org       string         `json:"org"`
	At        time.Time      `json:"at"`              // what was seen is of this moment or a little later
	Empty     bool           `json:"empty,omitempty"` // the ledger has no links: nothing can have drifted
	Summary   DriftSummary   `json:"summary"`
	People    []Drifted      `json:"people"`    // linked users that are not as last written, by key
	Groups    []DriftedGroup `json:"groups"`    // whose members are not, by name
	Unlinked  []Unlinked     `json:"unlinked"`  // users of the organization that are nobody's, by userName
	Lost      []Lost         `json:"lost"`      // whose users are known to be deleted by another hand; no drift any more
	Unknown   []source.Key   `json:"unknown"`   // linked, and nothing is recorded: what they were like is not known
	NotLooked []string       `json:"notLooked"` // what was not looked at
	Notes     []string       `json:"notes"`     // what stands in the way of knowing more
	Requests  int            `json:"requests"`
}

// A DriftSummary counts. Linked users that are as last written are in Linked alone.
type DriftSummary struct {
	Linked     int `json:"linked"`     // users that were looked at
	Changed    int `json:"changed"`    // of them, by what became of them: see [DriftKind]
	Inactive   int `json:"inactive"`   //
	Deleted    int `json:"deleted"`    //
	Shown      int `json:"shown"`      //
	Attributes int `json:"attributes"` // that drifted
	Groups     int `json:"groups"`     // with a membership that drifted
	Left       int `json:"left"`       // memberships that rollcall gave and that are gone
	Joined     int `json:"joined"`     // members of exact groups by another hand
	Unlinked   int `json:"unlinked"`
	Lost       int `json:"lost"`
	Unknown    int `json:"unknown"`
	Moved      int `json:"moved,omitempty"` // of a profile-only scan: users whose version is another one
}

// A Drifted is one linked user that is not as rollcall last wrote it.
type Drifted struct {
	Key          source.Key   `json:"key"`
	UserName     string       `json:"userName,omitempty"`
	Resource     string       `json:"resource"`
	Kind         DriftKind    `json:"kind"`
	State        string       `json:"state"`                  // active, inactive, deleted, gone
	Since        *time.Time   `json:"since,omitempty"`        // our last write: whatever is told here came after it
	LastModified *time.Time   `json:"lastModified,omitempty"` // of the profile, as the service tells it; roles and skills do not move it
	Differences  []Difference `json:"differences"`

	open plan.Op
}

// A Difference is one attribute that is not as it was last seen.
type Difference struct {
	Path    scim.Path    `json:"path"`
	Own     string       `json:"own,omitempty"`
	Verdict DriftVerdict `json:"verdict"`
	Ours    []scim.Value `json:"ours"`            // after our last write; null: not known
	Theirs  []scim.Value `json:"theirs"`          // now
	Gone    []scim.Value `json:"gone,omitempty"`  // of a set: elements of ours that are not there any more
	Added   []scim.Value `json:"added,omitempty"` // of a set: elements that were not there

	Names map[string]string `json:"names,omitempty"` // of a reference: userNames, by id

	late bool // our last write was answered otherwise than sent
}

// A DriftVerdict says what a difference means. Only Changed is drift.
type DriftVerdict string

// The verdicts.
const (
	Changed     DriftVerdict = "changed"   // by another hand, where rollcall rules
	ChangedOnce DriftVerdict = "once"      // of an attribute that is set at creation only
	ChangedSeen DriftVerdict = "watched"   // of an attribute that is only watched, or that lifecycle: none leaves to others
	ChangedFree DriftVerdict = "theirs"    // elements of a set that are not rollcall's
	Unsettled   DriftVerdict = "unsettled" // perhaps by rollcall itself: nobody knows what became of a change
	Undated     DriftVerdict = "undated"   // what it was before is not known
)

// A Lost is a link that an earlier run closed, having found the user deleted by another hand.
type Lost struct {
	Key      source.Key `json:"key"`
	UserName string     `json:"userName,omitempty"`
	Resource string     `json:"resource"`
	Found    time.Time  `json:"found"`
}

// An Unlinked is a user that no link is of.
type Unlinked struct {
	UserName string     `json:"userName"`
	Resource string     `json:"resource"`
	State    string     `json:"state"`
	Was      source.Key `json:"was,omitempty"` // whose it was until the link was closed
}

// A DriftKind is what became of a linked user.
type DriftKind string

// The kinds. Whoever is Shown did not drift.
const (
	DriftChanged  DriftKind = "changed"  // some attribute drifted
	DriftInactive DriftKind = "inactive" // deactivated by another hand
	DriftDeleted  DriftKind = "deleted"  // or gone altogether
	DriftShown    DriftKind = "shown"    // there are differences, and all of them are no drift
)

// Any tells whether there is drift.
func (d *Drift) Any() bool {
	s := d.Summary
	return s.Changed+s.Inactive+s.Deleted+s.Groups > 0
}

func (p *Drifted) kind() DriftKind {
	isDrift := func(x Difference) bool { return x.Verdict == Changed }
	switch at := slices.IndexFunc(p.Differences, isDrift); {
	case p.isGone() && p.open == "":
		return DriftDeleted
	case at < 0:
		return DriftShown
	case p.Differences[at].Path == activePath && p.State == stateName(target.Inactive):
		return DriftInactive
	default:
		return DriftChanged
	}
}

func (p *Drifted) isGone() bool {
	return p.State == stateName(target.Erased) || p.State == stateName(target.Gone)
}

// Drift compares every linked user with what it was like after rollcall's last
// write, and writes nothing. What the source says now does not matter, but for
// members of exact groups whom rollcall did not put there: they are drift where
// the source, if the job has one, does not want them.
//
// With profileOnly the versions of the users are compared, and only those that
// moved are read: that does not see roles, skills, languages and memberships,
// which move no version. Policy.Only selects people; Invalid where one of them
// is nobody who is linked.
func (j Job) Drift(ctx context.Context, profileOnly bool) (*Drift, error) {
	before, began := j.stats(), j.Now().UTC()
	d := newDrifting(j, began)
	look := d.looks(profileOnly)
	if err := inTurn(ctx, append(look, d.since)...); err != nil {
		return nil, stopped(ctx, err)
	}
	d.finish()
	d.Requests = j.stats().Requests - before.Requests
	return &d.Drift, nil
}

// looks are what is looked at, in order.
func (d *drifting) looks(profileOnly bool) []func(context.Context) error {
	some := len(d.Input.Policy.Only) > 0
	switch {
	case some && profileOnly:
		return []func(context.Context) error{d.links, d.absent, d.cheap}
	case some:
		return []func(context.Context) error{d.links, d.absent, d.memberships}
	case profileOnly:
		return []func(context.Context) error{d.links, d.versions, d.absent, d.cheap}
	default:
		return []func(context.Context) error{d.same, d.links, d.everybody, d.absent, d.memberships}
	}
}

// A drifting is a comparison under way.
type drifting struct {
	Job
	Drift

	shape  *scim.Shape
	rules  []driftRule
	linked []*remembered
	by     map[string]*remembered // by id
	closed map[string]source.Key  // by id, of links that are no more
	names  map[string]string      // of the unlinked, by id
}

// A remembered is what the ledger says of a linked user, and what was seen of it.
type remembered struct {
	plan.Link

	seen  target.State // 0: not yet
	moved bool         // the version is another one
}

// A driftRule is how an attribute is compared.
type driftRule struct {
	plan.Rule

	set *target.Set // nil: a single value
}

// modified is when the service says a profile was last changed.
const modified scim.Path = "meta.lastModified"

// newDrift is without nil: what was not found is an empty list in JSON.
func newDrift(s ledger.Start, at time.Time) Drift {
	return Drift{
		Schema: driftSchema, Sync: s.Sync, Org: s.Org, At: at, People: []Drifted{}, Groups: []DriftedGroup{},
		Unlinked: []Unlinked{}, Lost: []Lost{}, Unknown: []source.Key{}, NotLooked: []string{}, Notes: []string{},
	}
}

func newDrifting(j Job, began time.Time) *drifting {
	d := &drifting{
		Job: j, by: map[string]*remembered{}, closed: map[string]source.Key{}, names: map[string]string{}, Drift: newDrift(j.Start, began),
	}
	paths := []scim.Path{userNamePath, activePath, modified}
	for _, r := range j.Input.Rules {
		paths = append(paths, r.Path)
		if r.Path != activePath {
			d.rules = append(d.rules, d.rule(r))
		}
	}
	d.shape = scim.NewShape(paths...)
	return d
}

// since finds out when rollcall last wrote to those who drifted.
func (d *drifting) since(ctx context.Context) error {
	for i := range d.People {
		p := &d.People[i]
		err := d.outcomes(ctx, p.Key, p.Resource, func(o ledger.Outcome) {
			if o.Result.Fine() || o.Seen.Packed() != "" {
				p.written(o)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// outcomes tells what became of the changes of one resource that are about k, in their order.
func (d *drifting) outcomes(ctx context.Context, k source.Key, resource string, use func(ledger.Outcome)) error {
	return each(d.Store.Entries(ctx, ledger.Filter{Who: string(k), Kind: ledger.KindOutcome}), func(e ledger.Entry) {
		if e.Outcome != nil && e.Outcome.Ref.ID == resource {
			use(*e.Outcome)
		}
	})
}

// written takes in a write of ours. Where the service answered otherwise than
// was sent, what was seen then may have been late: it proves nobody's change.
func (p *Drifted) written(o ledger.Outcome) {
	p.Since = instant(o.At.UTC())
	for i := range p.Differences {
		x := &p.Differences[i]
		if late := slices.Contains(o.Kept, x.Path); late && x.Verdict == Changed {
			x.Verdict, x.late = Unsettled, true
		} else if !late && x.late {
			x.Verdict, x.late = Changed, false
		}
	}
}

// sort makes the order that [Drift] promises.
func (d *drifting) sort() {
	slices.SortFunc(d.People, func(a, b Drifted) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(d.Unlinked, func(a, b Unlinked) int {
		return cmp.Or(cmp.Compare(a.UserName, b.UserName), cmp.Compare(a.Resource, b.Resource))
	})
	slices.SortFunc(d.Lost, func(a, b Lost) int { return cmp.Compare(a.Key, b.Key) })
	slices.Sort(d.Unknown)
}

// finish sorts, and counts.
func (d *drifting) finish() {
	d.sort()
	s := &d.Summary
	s.Linked, s.Unlinked, s.Lost, s.Unknown = len(d.linked), len(d.Unlinked), len(d.Lost), len(d.Unknown)
	for i := range d.People {
		d.name(&d.People[i])
		s.person(&d.People[i])
	}
	for _, g := range d.Groups {
		if g.IsDrift() {
			s.Groups++
		}
		s.Left += len(g.Left)
		s.Joined += len(g.Joined)
	}
}

// name tells who is meant by references.
func (d *drifting) name(p *Drifted) {
	for i := range p.Differences {
		x := &p.Differences[i]
		if !slices.Contains(d.Input.Dialect.References, x.Path) {
			continue
		}
		x.Names = map[string]string{}
		for _, v := range slices.Concat(x.Ours, x.Theirs) {
			if id, ok := v.Text(); ok && d.nameOf(id) != "" {
				x.Names[id] = d.nameOf(id)
			}
		}
	}
}

// nameOf is the userName of a user, linked or not.
func (d *drifting) nameOf(id string) string {
	if r := d.by[id]; r != nil {
		return r.UserName
	}
	return d.names[id]
}

// person counts p, and says what became of it.
func (s *DriftSummary) person(p *Drifted) {
	p.Kind = p.kind()
	*map[DriftKind]*int{DriftChanged: &s.Changed, DriftInactive: &s.Inactive, DriftDeleted: &s.Deleted, DriftShown: &s.Shown}[p.Kind]++
	for _, x := range p.Differences {
		if x.Verdict == Changed {
			s.Attributes++
		}
	}
}
