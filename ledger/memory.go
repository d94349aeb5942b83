package ledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// Memory is a ledger without a file: the double for tests. It keeps the whole
// contract but durability and evidence: nothing is sealed, heads are not signed.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	entries []Entry
	state   *replay
	locks   map[string]RunID // by organization
}

// NewMemory is an empty ledger that reads the time from now.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, state: newReplay(), locks: map[string]RunID{}}
}

var (
	_ Store    = (*Memory)(nil)
	_ Counter  = (*Memory)(nil)
	_ Notebook = (*Memory)(nil)
	_ Register = (*Memory)(nil)
	_ Recovery = (*Memory)(nil)
	_ Desk     = (*Memory)(nil)
)

// Begin implements [Store].
func (m *Memory) Begin(ctx context.Context, s Start) (RunID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if holder, taken := m.locks[s.Org]; taken {
		return "", Busy(s.Org, *m.state.runs[holder])
	}
	id, err := NewRunID(m.now(), rand.Reader)
	if err != nil {
		return "", err
	}
	note, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("begin run: %w: %w", fault.Internal, err)
	}
	m.locks[s.Org] = id
	return id, m.add(ctx, Entry{Run: id, Kind: KindRun, Note: note})
}

// Intend implements [Journal].
func (m *Memory) Intend(ctx context.Context, run RunID, batch []plan.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.lost(run) {
		return Lost(run)
	}
	entries := make([]Entry, 0, len(batch))
	for _, c := range batch {
		if _, open := m.state.open[intent{run, c.ID}]; open {
			return fmt.Errorf("intend change %s: it is open in run %s: %w", c.ID, run, fault.Invalid)
		}
		entries = append(entries, Entry{Run: run, Kind: KindIntent, Op: c.Op, Key: c.Key, UserName: c.UserName, Change: &c})
	}
	return m.add(ctx, entries...)
}

// Settle implements [Journal].
func (m *Memory) Settle(ctx context.Context, run RunID, batch []Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := make([]Entry, 0, len(batch))
	for _, o := range batch {
		_, w := m.state.opened(run, o.Change)
		if w == nil {
			return fmt.Errorf("settle change %s: it is not open in run %s: %w", o.Change, run, fault.Invalid)
		}
		c := w.Change
		if o.At.IsZero() {
			o.At = m.now()
		}
		if c.Target.Type == scim.Group {
			o = o.OfGroup(c)
		}
		entries = append(entries, Entry{Run: run, Kind: KindOutcome, Op: c.Op, Key: c.Key, UserName: c.UserName, Outcome: &o})
	}
	return m.add(ctx, entries...)
}

// Mark implements [Register].
func (m *Memory) Mark(ctx context.Context, run RunID, absent, back []source.Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var entries []Entry
	for _, key := range absent {
		if p := m.state.people[key]; p == nil || p.Left.IsZero() {
			entries = append(entries, Entry{Run: run, Kind: KindAbsent, Key: key})
		}
	}
	for _, key := range back {
		if p := m.state.people[key]; p != nil && !p.Left.IsZero() {
			entries = append(entries, Entry{Run: run, Kind: KindBack, Key: key})
		}
	}
	return m.add(ctx, entries...)
}

// Place implements [Register].
func (m *Memory) Place(ctx context.Context, run RunID, units map[source.Key]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var entries []Entry
	for _, key := range slices.Sorted(maps.Keys(units)) {
		if p := m.state.people[key]; p == nil || p.Unit != units[key] {
			entries = append(entries, Entry{Run: run, Kind: KindUnit, Key: key, Name: units[key]})
		}
	}
	return m.add(ctx, entries...)
}

// Note implements [Notebook].
func (m *Memory) Note(ctx context.Context, run RunID, name string, value json.RawMessage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.add(ctx, Entry{Run: run, Kind: KindNote, Name: name, Note: slices.Clone(value)})
}

// Noted implements [Notebook].
func (m *Memory) Noted(_ context.Context, name string) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.state.notes[name]), nil
}

// Counts implements [Counter].
func (m *Memory) Counts(_ context.Context, since time.Time) (map[plan.Op]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.counts(m.entries, since), nil
}

// End implements [Store].
func (m *Memory) End(ctx context.Context, run RunID, e Ending) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	note, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("end run %s: %w: %w", run, fault.Internal, err)
	}
	maps.DeleteFunc(m.locks, func(_ string, holder RunID) bool { return holder == run })
	return m.add(ctx, Entry{Run: run, Kind: KindEnd, Note: note})
}

// Links implements [Store].
func (m *Memory) Links(_ context.Context, q LinkQuery) iter.Seq2[plan.Link, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var links []plan.Link
	for _, p := range m.state.people {
		if l, ok := p.Link(q); ok && (q.Keys == nil || slices.Contains(q.Keys, p.Key)) {
			links = append(links, l)
		}
	}
	return each(links)
}

// Unsettled implements [Recovery].
func (m *Memory) Unsettled(context.Context) iter.Seq2[Unsettled, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var left []Unsettled
	for _, at := range slices.SortedFunc(maps.Keys(m.state.open), m.state.older) {
		w := m.state.open[at]
		left = append(left, Unsettled{Run: at.run, Since: w.since, Change: w.Change})
	}
	return each(left)
}

// Runs implements [Store].
func (m *Memory) Runs(context.Context) iter.Seq2[Run, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var runs []Run
	for _, id := range slices.Backward(m.state.order) {
		runs = append(runs, *m.state.runs[id])
	}
	return each(runs)
}

// Entries implements [Store].
func (m *Memory) Entries(_ context.Context, f Filter) iter.Seq2[Entry, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	return each(slices.DeleteFunc(slices.Clone(m.entries), func(e Entry) bool { return !m.state.matches(e, f) }))
}

// Verify implements [Store]. Without a file nobody can have altered anything
// but a kept checkpoint, which must be of a state that this ledger was in.
func (m *Memory) Verify(_ context.Context, kept Checkpoint) (Verification, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := Verification{Entries: int64(len(m.entries)), Runs: len(m.state.runs)}
	known := kept == ""
	for _, e := range m.entries {
		v.Head, v.Checkpoint = e.Hash, Checkpoint(fmt.Sprintf("memory\n%d\n%x\n", e.Seq, e.Hash))
		known = known || v.Checkpoint == kept
	}
	if !known {
		v.Faults = append(v.Faults, "the kept checkpoint is not of this ledger")
	}
	return v, nil
}

// Close gives the locks back, as the death of a process would: what was
// written stays, and the next Begin is that of a new process.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.locks)
	return nil
}

// add writes entries down in one step; with a context that is done, none of them.
func (m *Memory) add(ctx context.Context, entries ...Entry) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write ledger: %w: %w", fault.Interrupted, err)
	}
	at := m.now()
	for _, e := range entries {
		e.Seq, e.Time = int64(len(m.entries))+1, at
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write ledger: %w: %w", fault.Internal, err)
		}
		if len(m.entries) > 0 {
			text = append(text, m.entries[len(m.entries)-1].Hash[:]...)
		}
		e.Hash = sha256.Sum256(text)
		m.entries = append(m.entries, e)
		m.state.add(e)
	}
	return nil
}

// each yields what was collected: the caller may call the ledger meanwhile.
func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range list {
			if !yield(one, nil) {
				return
			}
		}
	}
}

// An intent names a change within a run.
type intent struct {
	run    RunID
	change string
}

// A waiting change has an intent and no certain outcome.
type waiting struct {
	plan.Change

	seq     int64
	since   time.Time
	unknown bool // it has an outcome, which says that nobody knows
}

// A replay is every projection in memory.
type replay struct {
	people map[source.Key]*Person
	ids    map[string]source.Key  // of every resource that was ever linked
	meant  map[intent]plan.Change // every change that was ever intended
	open   map[intent]*waiting
	runs   map[RunID]*Run
	order  []RunID
	notes  map[string]json.RawMessage
	plans  map[RunID]*WaitingPlan
	desk   map[string]RunID // the newest plan, by slot
}

func newReplay() *replay {
	return &replay{
		people: map[source.Key]*Person{}, ids: map[string]source.Key{}, meant: map[intent]plan.Change{}, open: map[intent]*waiting{},
		runs: map[RunID]*Run{}, notes: map[string]json.RawMessage{}, plans: map[RunID]*WaitingPlan{}, desk: map[string]RunID{},
	}
}

func (r *replay) person(k source.Key) *Person {
	p := r.people[k]
	if p == nil {
		p = &Person{Key: k}
		r.people[k] = p
	}
	return p
}

func (r *replay) add(e Entry) {
	switch e.Kind {
	case KindRun:
		run := &Run{ID: e.Run, Began: e.Time}
		_ = json.Unmarshal(e.Note, &run.Start)
		r.runs[e.Run], r.order = run, append(r.order, e.Run)
	case KindIntent:
		r.intend(e)
	case KindOutcome:
		r.settle(e)
	case KindEnd:
		if run := r.runs[e.Run]; run != nil {
			run.Ended = e.Time
			_ = json.Unmarshal(e.Note, &run.Ending)
		}
	case KindNote:
		r.notes[e.Name] = e.Note
	case KindAbsent:
		r.person(e.Key).Mark(e.Time)
	case KindBack:
		r.person(e.Key).Mark(time.Time{})
	case KindUnit:
		r.person(e.Key).Unit = e.Name
	case KindPlan:
		r.await(e)
	case KindDecision:
		r.decide(e)
	case KindForget, KindPart, KindPrune, KindCarry:
	}
}

// lost tells whether a later run of the same organization has begun.
func (r *replay) lost(run RunID) bool {
	this := r.runs[run]
	i := slices.Index(r.order, run)
	return this != nil && slices.ContainsFunc(r.order[i+1:], func(id RunID) bool { return r.runs[id].Start.Org == this.Start.Org })
}

func (r *replay) intend(e Entry) {
	r.meant[intent{e.Run, e.Change.ID}] = *e.Change
	r.open[intent{e.Run, e.Change.ID}] = &waiting{Change: *e.Change, seq: e.Seq, since: e.Time}
	if e.Key != "" {
		r.person(e.Key).Intend(e.Run, *e.Change)
	}
	if run := r.runs[e.Run]; run != nil {
		run.Intents++
	}
}

func (r *replay) settle(e Entry) {
	at, w := r.opened(e.Run, e.Outcome.Change)
	c := w.Change
	if run := r.runs[at.run]; run != nil {
		run.Tally(e.Outcome.Result, w.unknown)
	}
	w.unknown = true
	r.close(e.Run, at.run, c, e.Outcome.Result)
	if e.Key != "" {
		p := r.person(e.Key)
		p.Settle(e.Run, at.run, c, *e.Outcome)
		if c.Op == plan.Rekey && e.Outcome.Result.Fine() {
			p.Succeed(r.people[source.Key(c.From)])
		}
		if p.Linked {
			r.ids[p.Ref.ID] = e.Key
		}
	}
	if !e.Outcome.Result.Fine() {
		return
	}
	for m := range Members(c) {
		key := m.Key
		if key == "" {
			key = r.ids[m.ID]
		}
		if key == "" {
			continue
		}
		if p := r.person(key); e.Outcome.Carried(m, p.Ref.ID) {
			p.Belong(c.Target.ID, m)
		}
	}
}

// opened is the open intent of a change in this run, or else the newest in another; nil where there is none.
func (r *replay) opened(run RunID, change string) (intent, *waiting) {
	at := intent{run, change}
	if w := r.open[at]; w != nil {
		return at, w
	}
	for other, w := range r.open {
		if newest := r.open[at]; other.change == change && (newest == nil || w.seq > newest.seq) {
			at = other
		}
	}
	return at, r.open[at]
}

func (r *replay) older(a, b intent) int { return cmp.Compare(r.open[a].seq, r.open[b].seq) }

// close removes every open intent that the outcome of c says the end of.
func (r *replay) close(run, intended RunID, c plan.Change, result Result) {
	of := Pending{Change: c.ID, Op: c.Op, Run: intended}
	maps.DeleteFunc(r.open, func(at intent, w *waiting) bool {
		return w.Key == c.Key && w.Target.Type == c.Target.Type && (c.Key != "" || w.Target.ID == c.Target.ID) &&
			Pending{Change: w.ID, Op: w.Op, Run: at.run}.ClosedBy(run, of, result)
	})
}

func (r *replay) counts(entries []Entry, since time.Time) map[plan.Op]int {
	out := map[plan.Op]int{}
	count := func(run RunID, c plan.Change) {
		if of := r.runs[run]; of != nil && (of.Start.Command == "revert" || of.Start.Command == "rekey") {
			return
		}
		out[c.Op]++
		if c.Op == plan.Leave {
			out[plan.GroupRemovals] += Leaving(c)
		}
	}
	for _, e := range entries {
		if e.Kind == KindOutcome && e.Outcome.Result.Fine() && !e.Time.Before(since) {
			count(e.Run, r.meant[intent{e.Run, e.Outcome.Change}])
		}
	}
	for at, w := range r.open {
		if !w.since.Before(since) {
			count(at.run, w.Change)
		}
	}
	return out
}

// matches tells whether f selects e; who is found by key, by userName in any case, and by id.
func (r *replay) matches(e Entry, f Filter) bool {
	switch {
	case f.Run != "" && e.Run != f.Run, f.Kind != "" && e.Kind != f.Kind,
		!f.Since.IsZero() && e.Time.Before(f.Since), !f.Until.IsZero() && !e.Time.Before(f.Until):
		return false
	case f.Who == "":
		return true
	}
	is := func(p *Person) bool {
		return p != nil && (string(p.Key) == f.Who || strings.EqualFold(p.UserName, f.Who) || p.Ref.ID == f.Who)
	}
	if is(r.people[e.Key]) || e.Key != "" && string(e.Key) == f.Who || e.UserName != "" && strings.EqualFold(e.UserName, f.Who) {
		return true
	}
	c := e.Change
	if e.Outcome != nil {
		meant := r.meant[intent{e.Run, e.Outcome.Change}]
		meant.Edits = append(slices.Clone(meant.Edits), e.Outcome.Edits...)
		if c = &meant; e.Outcome.Ref.ID == f.Who {
			return true
		}
	}
	if c == nil {
		return false
	}
	return c.Target.ID == f.Who || slices.ContainsFunc(c.Edits, func(d plan.Edit) bool { return r.names(d, f.Who, is) })
}

// names tells whether an edit of members names that person.
func (r *replay) names(d plan.Edit, who string, is func(*Person) bool) bool {
	for m := range Members(plan.Change{Target: scim.Ref{Type: scim.Group}, Edits: []plan.Edit{d}}) {
		if m.ID == who || string(m.Key) == who || is(r.people[m.Key]) || is(r.people[r.ids[m.ID]]) {
			return true
		}
	}
	return false
}
