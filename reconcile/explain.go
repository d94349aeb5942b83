package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

const explainSchema = "rollcall.explain/1"

// A Standing is what somebody is to a sync.
type Standing string

// The standings.
const (
	Present    Standing = "present"    // in the source and in scope
	Spoiled    Standing = "bad-row"    // in the source, in a row that cannot be used
	OutOfScope Standing = "outOfScope" // in the source, and where excludes the record
	Absent     Standing = "left"       // linked, and not in the source
	Foreign    Standing = "foreign"    // a user of the organization whom nobody of the source is, and who was never linked
	Remembered Standing = "remembered" // the ledger alone was asked
)

// An Explanation is the whole story of one person: rollcall.explain/1.
type Explanation struct {
	Schema     string         `json:"schema"`
	Who        string         `json:"who"`
	Standing   Standing       `json:"standing"`
	Text       string         `json:"text"` // the standing in a sentence
	Why        []string       `json:"why"`  // why the person as a whole is not brought in line; none: they are
	Key        source.Key     `json:"key,omitempty"`
	UserName   string         `json:"userName,omitempty"`
	Resource   string         `json:"resource,omitempty"` // id of the user; "": there is none
	State      string         `json:"state,omitempty"`    // active, inactive, deleted, gone
	Records    []Record       `json:"records"`
	Match      Match          `json:"match"`
	Attributes []Attribute    `json:"attributes"`
	Groups     []Membership   `json:"groups"`
	Changes    []Planned      `json:"changes"`  // what will be sent, group changes cut down to this person
	Holds      []string       `json:"holds"`    // why it does not go as it is: limits, a reading that is not believed
	Findings   []plan.Finding `json:"findings"` // of the person
	Link       *Linked        `json:"link,omitempty"`
	Past       []Deed         `json:"past"` // by the ledger, newest first
	LastRun    *LastRun       `json:"lastRun,omitempty"`
	Read       Looked         `json:"read"`
}

// A Record is one record of the person in the source: the columns that expressions use.
type Record struct {
	Place   string `json:"place"`
	Columns []Cell `json:"columns"`
	In      bool   `json:"in"`
	Where   string `json:"where,omitempty"` // expression; "": everybody is in scope
	Error   string `json:"error,omitempty"` // why the record cannot be used
}

// A Cell is one column of a record.
type Cell struct {
	Column string `json:"column"`
	Value  any    `json:"value"`
}

// A Match says which user the person is, and how that is known.
type Match struct {
	By     string      `json:"by"` // link, a path, or none
	Others []Candidate `json:"others,omitempty"`
}

// A Candidate is a user that a match key found, or would have.
type Candidate struct {
	Resource string      `json:"resource"`
	State    string      `json:"state"`
	By       []scim.Path `json:"by"`
	Key      source.Key  `json:"key,omitempty"` // that it is linked to
}

// A Planned is a change that JSON shows as plans do.
type Planned struct{ plan.Change }

// MarshalJSON is [plan.Change.View].
func (p Planned) MarshalJSON() ([]byte, error) { return p.View() }

// Linked is what the ledger knows of the link.
type Linked struct {
	Resource    string     `json:"resource"`
	UserName    string     `json:"userName,omitempty"`
	Version     string     `json:"version,omitempty"`
	Closed      bool       `json:"closed,omitempty"`
	Missed      *time.Time `json:"missed,omitempty"`      // in the source, since then
	Deactivated *time.Time `json:"deactivated,omitempty"` // by rollcall
	Open        plan.Op    `json:"open,omitempty"`        // of a change that nobody knows the end of
}

// A LastRun is the newest run of the sync.
type LastRun struct {
	Run     ledger.RunID `json:"run"`
	Command string       `json:"command"`
	Began   time.Time    `json:"began"`
	Result  string       `json:"result"` // "": it has not ended
}

// Looked is what an explanation cost, and what its limits rest on.
type Looked struct {
	Requests int    `json:"requests"`
	Whole    bool   `json:"whole"` // a whole plan was made; else the person was looked at alone
	Text     string `json:"text"`
}

// Exit is the exit code that the explanation calls for: 5 where a change waits
// or the run would be refused, 4 where the person could not be planned, else 0.
func (e *Explanation) Exit() int {
	waits := func(p Planned) bool { return p.Held != "" }
	switch {
	case len(e.Holds) > 0 || slices.ContainsFunc(e.Changes, waits):
		return 5
	case slices.ContainsFunc(e.Findings, func(f plan.Finding) bool { return f.Severity == plan.Error }):
		return 4
	}
	return 0
}

// Explain tells the story of one person, and writes nothing. who is a source
// key, a userName, an externalId or an id; Invalid where nobody is called so,
// or several are.
//
// Who is linked is looked at alone: the user by id, the groups that matter, the
// names that the mapping uses. The limits then count this person and the last
// 24 hours. A whole plan is made where whole asks for it, where the person has
// no link and must be matched, and where what is sent depends on others.
func (j Job) Explain(ctx context.Context, who string, whole bool) (*Explanation, error) {
	before := j.stats()
	s, err := j.seek(ctx, who)
	if err != nil {
		return nil, err
	}
	e := newExplanation(who, s)
	switch {
	case s.foreign():
		err = j.explainForeign(ctx, e, s, whole)
	case s.nothing() && !whole:
		e.Read.Text = "the source and the ledger were read, and nothing of the organization"
		e.compare(&story{Explanation: e, job: j, sought: s, glimpse: newGlimpse(j.Reader, s, false)})
	default:
		err = j.foretell(ctx, e, s, whole)
	}
	if err != nil {
		return nil, err
	}
	if err := j.recall(ctx, e, s); err != nil {
		return nil, err
	}
	e.Read.Requests = j.stats().Requests - before.Requests
	return e, nil
}

func newExplanation(who string, s *sought) *Explanation {
	e := &Explanation{
		Schema: explainSchema, Who: who, Why: []string{}, Key: s.key, Records: []Record{}, Attributes: []Attribute{}, Groups: []Membership{},
		Changes: []Planned{}, Holds: []string{}, Findings: []plan.Finding{}, Past: []Deed{}, Match: Match{By: "none"},
	}
	for _, a := range s.accounts {
		e.record(a)
	}
	if l := s.link; l != nil {
		e.Resource, e.UserName = l.Ref.ID, l.UserName
		e.Link = &Linked{Resource: l.Ref.ID, UserName: l.UserName, Version: l.Ref.Version, Closed: l.Closed, Missed: instant(l.Left), Deactivated: instant(l.Deactivated), Open: l.OpenOp}
		if !l.Closed && l.Ref.ID != "" {
			e.Match.By = "link"
		}
	}
	e.Standing, e.Text = s.standing()
	return e
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// foretell makes the plan, and takes from it what is about the person.
func (j Job) foretell(ctx context.Context, e *Explanation, s *sought, whole bool) error {
	whole = whole || !s.linked()
	g := newGlimpse(j.Reader, s, whole)
	p, err := j.through(g).Plan(ctx)
	if err != nil {
		return err
	}
	if e.Findings = findings(p.Plan.Findings, s.key); !whole && slices.ContainsFunc(e.Findings, dependent) {
		return j.foretell(ctx, e, s, true)
	}
	e.Read.Whole, e.Read.Text = whole, looks[whole]
	e.take(p.Plan, s, g)
	e.holds(p)
	if err := j.owners(ctx, e.Match.Others); err != nil {
		return err
	}
	if err := g.memberships(ctx, e.Resource); err != nil {
		return err
	}
	e.compare(&story{Explanation: e, job: j, sought: s, glimpse: g})
	return nil
}

// through is j as it plans for an explanation: the reading is taken as it is,
// and doubted afterwards.
func (j Job) through(g *glimpse) Job {
	j.Reader, j.Input.Policy.Believe, j.Input.Policy.Only = g, true, nil
	if !g.whole {
		j.Input.Policy.Only = []string{string(g.sought.key)}
	}
	return j
}

// looks says what was read, a whole plan's worth or not.
var looks = map[bool]string{
	true:  "everybody was read: the limits count a whole plan",
	false: "this person alone was read: the limits count them and the last 24 hours; --whole counts everybody",
}

// dependent tells that a person who was looked at alone cannot be told without others.
func dependent(f plan.Finding) bool {
	return f.Code == "reference-waits" || f.Code == "address-reused"
}

// findings are those of the person, each once.
func findings(all []plan.Finding, k source.Key) []plan.Finding {
	mine := []plan.Finding{}
	for _, f := range all {
		if k != "" && f.Key == k {
			mine = append(mine, f)
		}
	}
	return mine
}

// take takes over the changes of the person, and who the user is.
func (e *Explanation) take(p *plan.Plan, s *sought, g *glimpse) {
	for c := range p.Changes() {
		if c.Op == plan.Adopt && c.Key == s.key {
			e.Resource, e.UserName = c.Target.ID, c.UserName
			e.Match.By = by(c.Reason)
		}
	}
	for c := range p.Changes() {
		if about, ok := c.About(s.key, e.Resource); ok {
			e.Changes = append(e.Changes, Planned{about})
		}
	}
	if o, seen := g.seen[e.Resource]; seen {
		e.State = stateName(o.State)
		if name, ok := text(at(o.Row, userNamePath)); ok {
			e.UserName = name
		}
	}
	e.Match.Others = g.others(e.Resource)
}

// owners tells of candidates whom they are linked to.
func (j Job) owners(ctx context.Context, all []Candidate) error {
	if len(all) == 0 {
		return nil
	}
	return each(j.Store.Links(ctx, ledger.LinkQuery{}), func(l plan.Link) {
		for i := range all {
			if !l.Closed && l.Ref.ID == all[i].Resource {
				all[i].Key = l.Key
			}
		}
	})
}

// by is the path of a reason like MatchedByUserName.
func by(reason string) string {
	key := strings.TrimPrefix(reason, "MatchedBy")
	if key == reason || key == "" {
		return "recovery"
	}
	return strings.ToLower(key[:1]) + key[1:]
}

func at(r scim.Row, p scim.Path) []scim.Value {
	values, _ := r.At(p)
	return values
}

func stateName(s target.State) string {
	return map[target.State]string{target.Active: "active", target.Inactive: "inactive", target.Erased: "deleted", target.Gone: "gone"}[s]
}

// holds says why the changes do not go as they are.
func (e *Explanation) holds(p *Proposal) {
	for _, d := range p.Reading.Doubts {
		e.Holds = append(e.Holds, "the reading of the source is not believed: "+d)
	}
	concerns := func(name string) bool {
		return slices.ContainsFunc(e.Changes, func(c Planned) bool {
			return c.Held == name || string(c.Op) == name || c.Op == plan.Leave && name == string(plan.GroupRemovals)
		})
	}
	for _, l := range p.Plan.Limits {
		if l.Exceeded && len(e.Changes) > 0 && (l.StopsAll || concerns(l.Name)) {
			what := "these changes wait"
			if l.StopsAll {
				what = "nothing is applied"
			}
			e.Holds = append(e.Holds, fmt.Sprintf("limit %s: %d wanted, %d allowed: %s", l.Name, l.Wanted, l.Allowed, what))
		}
	}
}

// explainForeign tells what is known of a user who is nobody of the source. Of
// those, only members of exact groups are in a plan: to be removed from them.
func (j Job) explainForeign(ctx context.Context, e *Explanation, s *sought, whole bool) error {
	o := s.user
	e.Resource, e.State = o.ID, stateName(o.State)
	e.UserName, _ = text(at(o.Row, userNamePath))
	e.Read.Text = "this user alone was read"
	g := newGlimpse(j.Reader, s, false)
	g.see(*o)
	g.belong(o.Row)
	if len(g.in) > 0 {
		if err := g.names(ctx); err != nil {
			return err
		}
	}
	exact := func(r plan.GroupRule) bool { return r.Own == plan.Exact && g.isIn(r.Name) }
	if whole || slices.ContainsFunc(j.Input.Members, exact) {
		return j.foretell(ctx, e, s, true)
	}
	e.compare(&story{Explanation: e, job: j, sought: s, glimpse: g})
	return nil
}

// nobody is the error for a word that nobody is called.
func nobody(who, near string) error {
	err := fmt.Errorf("explain: %w: nobody is called %q: no source key, userName, externalId or id is", fault.Invalid, who)
	hint := "WHO is a source key, a userName, an externalId or a Genesys id"
	if near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return fault.WithHint(err, hint)
}

// record takes in one record of the person.
func (e *Explanation) record(a account) {
	r := Record{Place: a.Place.String(), Columns: []Cell{}, In: a.In && a.bad == nil}
	for _, c := range a.Cells {
		r.Columns = append(r.Columns, Cell(c))
	}
	if a.Where != nil {
		r.Where = a.Where.Text
	}
	if failed := a.Failed(); failed != nil {
		r.Error = failed.Error()
	}
	if a.bad != nil {
		r.Error = a.bad.Error()
	}
	e.Records = append(e.Records, r)
}
