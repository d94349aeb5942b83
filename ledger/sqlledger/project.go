package sqlledger

import (
	"fmt"
	"slices"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// An opened is a record whose boxes were opened, or are about to be closed.
type opened struct {
	record

	face    face // of what is about nobody; else where it is all that remains
	parts   []part
	text    []byte            // all parts joined; nil where the person was forgotten
	who     map[mention]int64 // people other than the subject
	change  *plan.Change      // of an intent
	outcome *ledger.Outcome
	intent  *opened // of an outcome
	start   *ledger.Start
	slot    string // of a plan that waits

	names []nameRow // by which its people are found

	key      source.Key // of an outcome, an absent, a back or a unit entry
	userName string     // of an outcome
	unit     string     // of a unit entry
}

// open opens the boxes of r and reads what is in them.
func open(r record, ledgerID string, keys keeper) (*opened, error) {
	e := &opened{record: r}
	return e, e.open(ledgerID, keys)
}

// open opens the boxes of e, of which the record is filled in.
func (e *opened) open(ledgerID string, keys keeper) error {
	scratch := scratches.get()
	defer scratches.put(scratch)
	*scratch = e.bound((*scratch)[:0], ledgerID)
	var err error
	if e.parts, err = unseal(*scratch, e.sealed, keys); err != nil {
		return err
	}
	if len(e.parts) == 0 || e.parts[0].person != e.person {
		return fmt.Errorf("no box for person %d", e.person)
	}
	if e.parts[0].text == nil || e.person == 0 {
		if err := unmarshal(e.record.face, &e.face); err != nil {
			return fmt.Errorf("face: %w", err)
		}
	}
	if e.parts[0].text == nil {
		return nil
	}
	if e.text, err = join(e.parts); err != nil {
		return err
	}
	if e.who, err = mentions(e.parts); err != nil {
		return err
	}
	return e.read()
}

// read decodes the text of the kinds that projections rest on.
func (e *opened) read() error {
	switch ledger.Kind(e.kind) {
	case ledger.KindRun:
		return unmarshal(e.text, &e.start)
	case ledger.KindIntent, ledger.KindPart:
		return unmarshal(e.text, &e.change)
	case ledger.KindPlan:
		var w ledger.WaitingPlan
		err := unmarshal(e.text, &w)
		e.slot = w.Slot()
		return err
	case ledger.KindOutcome:
		var t outcomeText
		err := unmarshal(e.text, &t)
		e.outcome, e.key, e.userName = t.outcome(), t.Key, t.UserName
		return err
	case ledger.KindAbsent, ledger.KindBack, ledger.KindUnit:
		var a attendance
		err := unmarshal(e.text, &a)
		e.key, e.unit = a.Key, a.Unit
		return err
	case ledger.KindEnd, ledger.KindNote, ledger.KindForget, ledger.KindDecision, ledger.KindPrune, ledger.KindCarry:
	}
	return nil
}

// An openRow is a row of opens: an intent whose end nobody knows.
type openRow struct {
	run    string
	change []byte
	seq    int64
	person int64
	target []byte // keyed digest of the group's id; empty for a person's change
	op     string
	people int64
	since  int64
	unsure bool
}

// A runRow is a row of runs.
type runRow struct {
	run     string
	org     []byte
	command string
	began   int64 // sequence number of the entry
	ended   int64 // likewise; 0: running, or killed
	intents int64
	settled int64
	failed  int64
}

// A book holds projections: the tables within a transaction, or maps when the
// ledger is verified. What project does to both is the same.
type book interface {
	// load is the projection of a person, to be changed in place. Where there
	// is none, it is made if key is not "", else nil.
	load(person int64, key source.Key) (*ledger.Person, error)

	name(n nameRow) error
	mention(person, seq int64) error
	opens(person int64, target []byte) ([]openRow, error)
	put(o openRow) error
	conclude(o openRow, unsure bool) error // drops o, or keeps it as one whose outcome is not known
	begin(r runRow) error
	run(name string) (*runRow, error) // to be changed in place; nil where there is none
	note(name string, seq int64) error
	gone(person int64) error // everything about a person who is forgotten
}

// project tells b what follows from e.
func project(b book, keys *keyring, e *opened) error {
	if err := projectWho(b, keys, e); err != nil {
		return err
	}
	switch ledger.Kind(e.kind) {
	case ledger.KindRun:
		return b.begin(runRow{run: e.run, org: keys.digest(ofOrg, e.start.Org), command: e.start.Command, began: e.seq})
	case ledger.KindIntent:
		return projectIntent(b, keys, e)
	case ledger.KindOutcome:
		return projectOutcome(b, keys, e)
	case ledger.KindEnd:
		r, err := b.run(e.run)
		if r != nil {
			r.ended = e.seq
		}
		return err
	case ledger.KindNote:
		return b.note(e.face.Name, e.seq)
	case ledger.KindAbsent, ledger.KindBack, ledger.KindUnit:
		return projectMark(b, e)
	case ledger.KindPlan:
		if err := b.note(deskNote(e.slot), e.seq); err != nil {
			return err
		}
		return b.note(planNote(e.run), e.seq)
	case ledger.KindDecision:
		return b.note(planNote(e.run), e.seq)
	case ledger.KindForget:
		return b.gone(e.person)
	case ledger.KindPart, ledger.KindPrune, ledger.KindCarry:
	}
	return nil
}

// projectWho keeps by which names the people of e are found, and that they occur in it.
func projectWho(b book, keys *keyring, e *opened) error {
	var seen []int64
	for _, p := range e.parts {
		if p.person == 0 || slices.Contains(seen, p.person) {
			continue
		}
		seen = append(seen, p.person)
		if err := b.mention(p.person, e.seq); err != nil {
			return err
		}
	}
	if e.names == nil {
		e.named(keys)
	}
	for _, n := range e.names {
		if err := b.name(n); err != nil {
			return err
		}
	}
	return nil
}

// named finds out by which names the people of e are found.
func (e *opened) named(keys *keyring) {
	e.names = []nameRow{}
	if e.person != 0 {
		for _, d := range subjectNames(keys, e) {
			e.names = append(e.names, nameRow{[digestSize]byte(d), e.person})
		}
	}
	for m, person := range e.who {
		d := keys.digest(ofKey, m.key)
		if m.key == "" {
			d = keys.digest(ofID, m.id)
		}
		e.names = append(e.names, nameRow{[digestSize]byte(d), person})
	}
}

// subjectNames are the digests by which the subject of e is found; of an
// outcome those that its intent does not give.
func subjectNames(keys *keyring, e *opened) (out [][]byte) {
	add := func(of byte, text string) {
		if text != "" {
			out = append(out, keys.digest(of, text))
		}
	}
	if e.is(ledger.KindAbsent) || e.is(ledger.KindBack) || e.is(ledger.KindUnit) {
		add(ofKey, string(e.key))
	}
	if c := e.change; c != nil {
		add(ofKey, string(c.Key))
		add(ofName, c.UserName)
		add(ofID, c.Target.ID)
	}
	if o := e.outcome; o != nil {
		add(ofID, o.Ref.ID)
		if vs, _ := o.Seen.At("userName"); len(vs) == 1 {
			if name, _ := vs[0].Text(); name != e.userName {
				add(ofName, name)
			}
		}
	}
	return out
}

func projectIntent(b book, keys *keyring, e *opened) error {
	o := openRow{
		run: e.run, change: e.record.change, seq: e.seq, person: e.person, target: []byte{}, op: e.op, people: e.people, since: e.time,
	}
	if c := e.change; c != nil && c.Target.Type == scim.Group {
		o.target = keys.digest(ofID, c.Target.ID)
	}
	if err := b.put(o); err != nil {
		return err
	}
	r, err := b.run(e.run)
	if err != nil {
		return err
	}
	if r != nil {
		r.intents++
	}
	if e.change == nil || e.change.Key == "" {
		return nil
	}
	p, err := b.load(e.person, e.change.Key)
	if err == nil {
		p.Intend(ledger.RunID(e.run), *e.change)
	}
	return err
}

// projectOutcome closes what the outcome says the end of, and tells its people.
func projectOutcome(b book, keys *keyring, e *opened) error {
	if err := projectClosed(b, keys, e); err != nil {
		return err
	}
	if e.outcome == nil || e.intent.change == nil {
		return nil // forgotten: there is nobody to tell
	}
	c := *e.intent.change
	if c.Key != "" {
		p, err := b.load(e.person, c.Key)
		if err != nil {
			return err
		}
		p.Settle(ledger.RunID(e.run), ledger.RunID(e.intent.run), c, *e.outcome)
		if c.Op == plan.Rekey && e.outcome.Result.Fine() {
			old, err := b.load(e.intent.who[mention{key: string(c.From)}], "")
			if err != nil {
				return err
			}
			p.Succeed(old)
		}
		if p.UserName == "" || p.UserName == e.userName {
			return nil
		}
		return b.name(nameRow{[digestSize]byte(keys.digest(ofName, p.UserName)), e.person})
	}
	if !e.outcome.Result.Fine() {
		return nil
	}
	for m := range ledger.Members(c) {
		p, err := b.load(e.intent.who[memberOf(m)], m.Key)
		if err != nil {
			return err
		}
		if p != nil && (m.Key != "" || p.Ref.ID == m.ID) && e.outcome.Carried(m, p.Ref.ID) {
			p.Belong(c.Target.ID, m)
		}
	}
	return nil
}

// projectClosed follows open intents and the run's counts.
func projectClosed(b book, keys *keyring, e *opened) error {
	target := []byte{}
	if c := e.intent.change; c != nil && c.Target.Type == scim.Group {
		target = keys.digest(ofID, c.Target.ID)
	}
	rows, err := b.opens(e.person, target)
	if err != nil {
		return err
	}
	of := ledger.Pending{Change: string(e.record.change), Op: plan.Op(e.op), Run: ledger.RunID(e.intent.run)}
	again := false
	for _, o := range rows {
		w := ledger.Pending{Change: string(o.change), Op: plan.Op(o.op), Run: ledger.RunID(o.run)}
		self := w == of
		again = again || self && o.unsure
		closed := w.ClosedBy(ledger.RunID(e.run), of, ledger.Result(e.result))
		if !closed && !self {
			continue
		}
		if err := b.conclude(o, !closed); err != nil {
			return err
		}
	}
	r, err := b.run(e.intent.run)
	if err != nil || r == nil {
		return err
	}
	t := ledger.Run{Settled: int(r.settled), Failed: int(r.failed)}
	t.Tally(ledger.Result(e.result), again)
	r.settled, r.failed = int64(t.Settled), int64(t.Failed)
	return nil
}

func projectMark(b book, e *opened) error {
	if e.key == "" {
		return nil
	}
	p, err := b.load(e.person, e.key)
	if err != nil {
		return err
	}
	if e.is(ledger.KindUnit) {
		p.Unit = e.unit
		return nil
	}
	var since time.Time
	if e.is(ledger.KindAbsent) {
		since = e.at()
	}
	p.Mark(since)
	return nil
}
