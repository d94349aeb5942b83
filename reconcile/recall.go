package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// A Deed is one thing that happened to a person, or that was found of them.
type Deed struct {
	Time        time.Time     `json:"time"`
	Run         ledger.RunID  `json:"run,omitempty"`
	Op          plan.Op       `json:"op,omitempty"` // "": the person was missed in the source, or there again
	Text        string        `json:"text,omitempty"`
	Reason      string        `json:"reason,omitempty"`
	Group       string        `json:"group,omitempty"` // of a membership: the group
	Result      ledger.Result `json:"result,omitempty"`
	Edits       []Done        `json:"edits,omitempty"`
	Status      int           `json:"statusCode,omitempty"`
	Attempts    int           `json:"attempts,omitempty"`
	Correlation string        `json:"correlationId,omitempty"`
	Error       string        `json:"error,omitempty"`
	Hint        string        `json:"hint,omitempty"`
	Moved       []scim.Path   `json:"moved,omitempty"`
	Kept        []scim.Path   `json:"kept,omitempty"`
	Waiting     []scim.Path   `json:"waiting,omitempty"`

	resource string // id of the group
}

// A Done is one attribute before and after.
type Done struct {
	Path   scim.Path    `json:"path"`
	Before []scim.Value `json:"before"`
	After  []scim.Value `json:"after"`
}

// recall tells what the ledger knows of the person, newest first.
func (j Job) recall(ctx context.Context, e *Explanation, s *sought) error {
	who := string(s.key)
	if who == "" {
		who = e.Resource
	}
	m := &memories{key: s.key, id: e.Resource, intents: map[string]*plan.Change{}, at: map[string]int{}}
	for entry, err := range j.Store.Entries(ctx, ledger.Filter{Who: who}) {
		if err != nil {
			return err
		}
		m.entry(entry)
	}
	slices.Reverse(m.deeds)
	e.Past = append(e.Past, m.deeds...)
	var err error
	e.LastRun, err = j.lastRun(ctx)
	return err
}

// lastRun is the newest run of this sync; nil where there is none.
func (j Job) lastRun(ctx context.Context) (*LastRun, error) {
	for r, err := range j.Store.Runs(ctx) {
		if err != nil {
			return nil, err
		}
		if r.Start.Sync == j.Start.Sync && (j.Start.Org == "" || r.Start.Org == j.Start.Org) {
			return &LastRun{Run: r.ID, Command: r.Start.Command, Began: r.Began.UTC(), Result: r.Ending.Result}, nil
		}
	}
	return nil, nil
}

// memories put intents and outcomes together.
type memories struct {
	key     source.Key
	id      string
	intents map[string]*plan.Change
	order   []string
	at      map[string]int // by intent: index of its deed
	deeds   []Deed
}

func (m *memories) entry(e ledger.Entry) {
	switch {
	case e.Kind == ledger.KindAbsent:
		m.deeds = append(m.deeds, Deed{Time: e.Time.UTC(), Run: e.Run, Text: "missed in the source"})
	case e.Kind == ledger.KindBack:
		m.deeds = append(m.deeds, Deed{Time: e.Time.UTC(), Run: e.Run, Text: "in the source again"})
	case e.Kind == ledger.KindIntent && e.Change != nil:
		m.intend(e)
	case e.Kind == ledger.KindOutcome && e.Outcome != nil:
		m.settle(e)
	}
}

func (m *memories) intend(e ledger.Entry) {
	c, about := e.Change.About(m.key, m.id)
	if !about {
		return
	}
	name := string(e.Run) + c.ID
	m.intents[name], m.at[name], m.order = &c, len(m.deeds), append(m.order, name)
	d := Deed{Time: e.Time.UTC(), Run: e.Run, Op: c.Op, Reason: c.Reason, Result: ledger.Unknown, Text: "intended; nobody knows the end", Edits: befores(c.Edits)}
	if c.Target.Type == scim.Group {
		d.Group, d.resource = c.UserName, c.Target.ID
	}
	m.deeds = append(m.deeds, d)
}

func (m *memories) settle(e ledger.Entry) {
	o := e.Outcome
	name := m.intended(e)
	c := m.intents[name]
	if c == nil {
		return
	}
	if m.id == "" {
		m.id = o.Ref.ID
	}
	d, row := &m.deeds[m.at[name]], NewRow(c.Op, m.key, "", *o)
	d.Time, d.Run, d.Text, d.Result = row.Time, e.Run, "", o.Result
	d.Status, d.Attempts, d.Correlation, d.Error = o.Status, o.Attempts, o.Correlation, o.Error
	d.Moved, d.Kept, d.Waiting = o.Moved, o.Kept, o.Waiting
	if o.Error != "" {
		d.Hint = row.Hint
	}
	if o.Edits != nil {
		d.Edits = m.sent(*c, o.Edits)
	}
}

// intended names the intent that an outcome is of: one of its own run, or of
// an earlier one that did not live to tell.
func (m *memories) intended(e ledger.Entry) string {
	name := string(e.Run) + e.Outcome.Change
	if m.intents[name] != nil {
		return name
	}
	for _, other := range slices.Backward(m.order) {
		if strings.HasSuffix(other, e.Outcome.Change) {
			return other
		}
	}
	return ""
}

// sent are the edits as they were sent, as far as they are about the person.
func (m *memories) sent(c plan.Change, edits []plan.Edit) []Done {
	c.Edits = edits
	c, _ = c.About(m.key, m.id)
	return befores(c.Edits)
}

// befores is before and after of edits; those that only claim are left out.
func befores(edits []plan.Edit) (all []Done) {
	for _, e := range edits {
		if e.Whole || len(e.Add)+len(e.Remove) > 0 {
			all = append(all, Done{Path: e.Path, Before: orNone(e.Before), After: orNone(e.After())})
		}
	}
	return all
}

// Recall is [Job.Explain] from the ledger alone: no request is sent and no
// source is read. It tells the link, the user as last seen, what is rollcall's
// of it, and what was done.
func (j Job) Recall(ctx context.Context, who string) (*Explanation, error) {
	s := &sought{who: who}
	keys := map[source.Key]bool{}
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{Shape: j.Input.Users, Image: true}) {
		if err != nil {
			return nil, err
		}
		if string(l.Key) == who || !l.Closed && j.isLinkOf(l, who) {
			keys[l.Key] = true
		}
	}
	k, err := one(who, keys)
	if err != nil {
		return nil, err
	}
	if s.key = k; k == "" {
		return j.recallUnlinked(ctx, s)
	}
	if s.link, err = j.linkOf(ctx, s.key); err != nil {
		return nil, err
	}
	e := newExplanation(who, s)
	e.Standing, e.Text = Remembered, "as the ledger remembers; neither the source nor the organization was asked"
	e.Read.Text = "the ledger alone was read"
	for _, r := range j.Input.Rules {
		a := Attribute{Path: r.Path, Own: OwnName(r.Own), Gave: "null", Ours: at(s.link.Ours, r.Path), Verdict: Unread}
		if have, known := s.link.Image.At(r.Path); known {
			a.Current = orNone(have)
		}
		e.Attributes = append(e.Attributes, a)
	}
	if err := j.recall(ctx, e, s); err != nil {
		return nil, err
	}
	for _, id := range s.link.Groups {
		m := Membership{Group: id, Resource: id, Ours: true, Verdict: Unread}
		if i := slices.IndexFunc(e.Past, func(d Deed) bool { return d.resource == id }); i >= 0 {
			m.Group = e.Past[i].Group
		}
		e.Groups = append(e.Groups, m)
	}
	return e, nil
}

// isLinkOf tells whether who is the id of l, or what its user was last seen to be called.
func (j Job) isLinkOf(l plan.Link, who string) bool {
	return l.Ref.ID == who || same(userNamePath, l.UserName, who) ||
		slices.ContainsFunc(j.matchers(), func(p scim.Path) bool { return isAmong(p, at(l.Image, p), []string{who}) })
}

// recallUnlinked tells what was done to a user without a key, by explicit operations.
func (j Job) recallUnlinked(ctx context.Context, s *sought) (*Explanation, error) {
	e := newExplanation(s.who, s)
	e.Standing, e.Text = Remembered, "never linked; the ledger knows only what was done by explicit operations"
	e.Read.Text = "the ledger alone was read"
	for entry, err := range j.Store.Entries(ctx, ledger.Filter{Who: s.who, Kind: ledger.KindIntent}) {
		if err != nil {
			return nil, err
		}
		if c := entry.Change; c != nil && c.Target.Type == scim.User {
			e.Resource, e.UserName = c.Target.ID, c.UserName
		}
	}
	if e.Resource != "" {
		return e, j.recall(ctx, e, s)
	}
	near, err := j.nearest(ctx, s.who)
	if err != nil {
		return nil, err
	}
	return nil, nobody(s.who, near)
}
