package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A Leaving is how long one person, when they left once, kept their account.
type Leaving struct {
	Key       source.Key    `json:"key,omitempty"`
	UserName  string        `json:"userName,omitempty"`
	Resource  string        `json:"resource,omitempty"`
	State     string        `json:"state"`    // open, closed, back
	Gone      time.Time     `json:"gone"`     // first seen to have left
	Seen      string        `json:"seen"`     // absent: missed in the source; inactive: the source says so, or somebody asked for it
	Action    string        `json:"action"`   // configured then; "" where the ledger does not say
	WaitDays  int           `json:"waitDays"` // configured then
	Late      bool          `json:"late"`     // open, and the days are over
	Sent      time.Time     `json:"sent,omitzero"`
	Confirmed time.Time     `json:"confirmed,omitzero"`
	Back      time.Time     `json:"back,omitzero"`
	Seconds   float64       `json:"seconds"`       // from gone to confirmed, or back, or so far
	Op        plan.Op       `json:"op,omitempty"`  // that closed the account
	How       ledger.Result `json:"how,omitempty"` // done: the service answered so; found: it was seen so
	Attempts  int           `json:"attempts"`      // write requests
	Error     string        `json:"error,omitempty"`
	Roles     []string      `json:"roles"` // recorded before they were lost
}

// The states of a leaving.
const (
	stillOpen = "open"   // nobody has seen the account inactive
	closed    = "closed" // it was
	cameBack  = "back"   // the source has the person again
)

// LeaverClock is rollcall.leavers/1: how long leavers kept their accounts.
type LeaverClock struct {
	Schema   string     `json:"schema"`
	At       time.Time  `json:"at"`
	Leavers  []*Leaving `json:"leavers"` // open ones first, the oldest first; then the newest first
	Open     int        `json:"open"`
	Late     int        `json:"late"`
	Closed   int        `json:"closed"`
	Returned int        `json:"returned"`
	Median   float64    `json:"medianSeconds"` // of the closed ones
	P95      float64    `json:"p95Seconds"`
	Longest  float64    `json:"longestSeconds"`
	Oldest   float64    `json:"oldestOpenSeconds"`
	Erased   int        `json:"erased"` // closed accounts of people who were forgotten: nothing more is known of them
}

// Clock tells by the entries alone how long the leavers whom f selects kept
// their accounts, at the time now. Since and Until are about when they were first
// seen gone; Kind means nothing.
func Clock(ctx context.Context, store ledger.Store, f ledger.Filter, now time.Time) (*LeaverClock, error) {
	c := clock{now: now, open: map[string]*Leaving{}, off: map[string]bool{}, all: []*Leaving{}, out: &LeaverClock{Schema: "rollcall.leavers/1", At: now.UTC()}}
	if err := c.read(ctx, store, f.Who); err != nil {
		return nil, err
	}
	c.out.Leavers = slices.DeleteFunc(c.all, func(l *Leaving) bool { return !l.within(f) })
	c.out.sum(now)
	return c.out, c.out.name(ctx, store)
}

// within tells whether f selects l.
func (l *Leaving) within(f ledger.Filter) bool {
	return !l.Gone.Before(f.Since) && (f.Until.IsZero() || l.Gone.Before(f.Until))
}

// nameless are the leavers whom no entry named: those who are only missed so far.
func (c *LeaverClock) nameless() map[source.Key][]*Leaving {
	out := map[source.Key][]*Leaving{}
	for _, l := range c.Leavers {
		if l.UserName == "" {
			out[l.Key] = append(out[l.Key], l)
		}
	}
	return out
}

// name asks the links for the names that no entry told.
func (c *LeaverClock) name(ctx context.Context, store ledger.Store) error {
	nameless := c.nameless()
	if len(nameless) == 0 {
		return nil
	}
	return each(store.Links(ctx, ledger.LinkQuery{}), func(k plan.Link) {
		for _, l := range nameless[k.Key] {
			l.UserName, l.Resource = k.UserName, k.Ref.ID
		}
	})
}

// A clock follows the entries.
type clock struct {
	now   time.Time
	notes []ledger.Entry      // not reached yet
	rule  leaverRule          // as last noted
	open  map[string]*Leaving // by key, and of users without one by id
	off   map[string]bool     // whose account was closed
	all   []*Leaving
	out   *LeaverClock
}

// read takes in what the ledger has, of one person where who is not "". Notes
// are about nobody, and are read apart.
func (c *clock) read(ctx context.Context, store ledger.Store, who string) error {
	err := each(store.Entries(ctx, ledger.Filter{Kind: ledger.KindNote}), func(e ledger.Entry) {
		if isRule(e) || isShut(e) {
			c.notes = append(c.notes, e)
		}
	})
	if err != nil {
		return err
	}
	for e, err := range Trail(ctx, store, ledger.Filter{Who: who}) {
		if err == nil {
			err = c.catchUp(e.Seq)
		}
		if err != nil {
			return err
		}
		c.entry(e)
	}
	return c.catchUp(math.MaxInt64)
}

// catchUp takes in the notes before an entry.
func (c *clock) catchUp(seq int64) error {
	for ; len(c.notes) > 0 && c.notes[0].Seq < seq; c.notes = c.notes[1:] {
		if err := c.note(c.notes[0]); err != nil {
			return fmt.Errorf("read entry %d: %w: %w", c.notes[0].Seq, fault.Invalid, err)
		}
	}
	return nil
}

func (c *clock) note(n ledger.Entry) error {
	if isRule(n) {
		return json.Unmarshal(n.Note, &c.rule)
	}
	var shut []reference
	err := json.Unmarshal(n.Note, &shut)
	for _, s := range shut { // those who are noted again are closed already
		c.confirm(string(s.Key), n.Time, ledger.Found)
	}
	return err
}

// entry takes in one entry:
//
//	entry                                       | the clock of that leaver
//	------------------------------------------- | --------------------------------
//	absent                                      | starts, unless it runs
//	part or intent of closing the account       | starts with the run, unless it runs
//	outcome of that, done or found              | stops: confirmed
//	unlink: the user was seen deleted           | stops: confirmed
//	back, reactivated, restored, created, rekey | stops: back
//
// It does not start for an account that is closed already.
func (c *clock) entry(e Evidence) {
	who := cmp.Or(string(e.Key), e.Resource().ID)
	switch {
	case e.Erased:
		if e.Outcome != nil && e.Op.Leaves() && e.Outcome.Result.Fine() {
			c.out.Erased++
		}
	case e.Kind == ledger.KindAbsent:
		c.start(who, e, e.Time, "absent")
	case e.Kind == ledger.KindBack:
		c.back(who, e.Time)
	case e.Kind == ledger.KindOutcome:
		c.outcome(who, e)
	case e.Op.Leaves() && (e.Kind == ledger.KindIntent || e.Kind == ledger.KindPart):
		c.start(who, e, e.Began, "inactive")
		c.intent(who, e)
	}
}

// start starts the clock of who.
func (c *clock) start(who string, e Evidence, at time.Time, seen string) {
	if c.open[who] != nil || c.off[who] || who == "" {
		return
	}
	l := &Leaving{Key: e.Key, State: stillOpen, Gone: at.UTC(), Seen: seen, Action: c.rule.Action, Roles: []string{}}
	if seen == "absent" {
		l.WaitDays = c.rule.After // an explicit word is not waited for
	}
	c.open[who], c.all = l, append(c.all, l)
}

// intent takes over what the intent of closing an account says.
func (c *clock) intent(who string, e Evidence) {
	l := c.open[who]
	if l == nil {
		return
	}
	l.UserName, l.Resource = e.UserName, e.Resource().ID
	if e.Open {
		l.Sent = e.Time.UTC() // it may have been, from then on
	}
	for _, t := range e.Change.Leaving {
		if t.Path == target.GrantsOf || t.Path == rolesPath && len(l.Roles) == 0 {
			l.Roles = roleNames(t.Values)
		}
	}
}

const rolesPath scim.Path = "roles"

func roleNames(values []scim.Value) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = roleName(v)
	}
	return names
}

// roleName is a role, with its division where that is known.
func roleName(v scim.Value) string {
	role, _ := cmp.Or(v.Sub("role"), v.Sub("value"), v).Text()
	if division, ok := v.Sub("division").Text(); ok {
		role += " in " + division
	}
	return role
}

// outcome takes in what became of a change.
func (c *clock) outcome(who string, e Evidence) {
	fine := e.Outcome.Result.Fine()
	switch {
	case e.Op.Leaves():
		c.closing(who, e)
	case !fine:
	case e.Op == plan.Unlink:
		c.confirm(who, e.Time, ledger.Found)
	case e.Op == plan.Reactivate, e.Op == plan.Restore, e.Op == plan.Create:
		c.back(who, e.Time)
	case e.Op == plan.Rekey && e.Intent != nil:
		c.back(string(e.Intent.From), e.Time)
	default:
	}
}

// closing takes in what became of closing an account.
func (c *clock) closing(who string, e Evidence) {
	l, o := c.open[who], e.Outcome
	if l == nil {
		return
	}
	l.Attempts += o.Attempts
	if o.Attempts > 0 {
		l.Sent = o.At.Add(-o.Took).UTC()
	}
	l.Error = o.Error
	if o.Result.Fine() && !slices.Contains(o.Kept, activePath) {
		l.Op = e.Op
		c.confirm(who, o.At, o.Result)
	}
}

func (c *clock) confirm(who string, at time.Time, how ledger.Result) {
	c.off[who] = true
	if l := c.open[who]; l != nil {
		l.State, l.Confirmed, l.How, l.Error = closed, at.UTC(), how, ""
		l.Seconds = at.Sub(l.Gone).Seconds()
		delete(c.open, who)
	}
}

func (c *clock) back(who string, at time.Time) {
	delete(c.off, who)
	if l := c.open[who]; l != nil {
		l.State, l.Back, l.Seconds = cameBack, at.UTC(), at.Sub(l.Gone).Seconds()
		delete(c.open, who)
	}
}

// sum counts the leavers and puts them in order.
func (c *LeaverClock) sum(now time.Time) {
	for _, l := range c.Leavers {
		c.count(l, now)
	}
	took := c.took()
	c.Median, c.P95, c.Longest = rank(took, 0.5), rank(took, 0.95), rank(took, 1)
	slices.SortStableFunc(c.Leavers, inOrder)
}

// took are the seconds of the closed ones, sorted.
func (c *LeaverClock) took() (took []float64) {
	for _, l := range c.Leavers {
		if l.State == closed {
			took = append(took, l.Seconds)
		}
	}
	slices.Sort(took)
	return took
}

func (c *LeaverClock) count(l *Leaving, now time.Time) {
	switch l.State {
	case closed:
		c.Closed++
	case cameBack:
		c.Returned++
	default:
		c.Open++
		l.Seconds = now.Sub(l.Gone).Seconds()
		c.Oldest = max(c.Oldest, l.Seconds)
		if l.Late = l.overdue(now); l.Late {
			c.Late++
		}
	}
}

// overdue tells whether the days that are waited are over.
func (l *Leaving) overdue(now time.Time) bool {
	return l.Action != "report" && l.Action != "none" && now.After(l.Gone.Add(time.Duration(l.WaitDays)*day))
}

var stateOrder = []string{stillOpen, closed, cameBack}

// inOrder compares by state, then by time: of open ones the oldest is first, of others the newest.
func inOrder(a, b *Leaving) int {
	older := a.Gone.Compare(b.Gone)
	if a.State != stillOpen {
		older = -older
	}
	return cmp.Or(slices.Index(stateOrder, a.State)-slices.Index(stateOrder, b.State), older, cmp.Compare(a.Key, b.Key))
}

// rank is the nearest-rank percentile of sorted numbers; 0 of none.
func rank(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(p*float64(len(sorted))))-1, 0)]
}
