package sqlledger

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// Begin implements [ledger.Store].
func (l *Ledger) Begin(ctx context.Context, s ledger.Start) (ledger.RunID, error) {
	if l.o.ReadOnly {
		return "", fmt.Errorf("begin run: the ledger was opened for reading only: %w", fault.Invalid)
	}
	id, err := ledger.NewRunID(l.o.Now(), rand.Reader)
	if err != nil {
		return "", err
	}
	lock, err := l.lock(ctx, s.Org)
	if err != nil {
		return "", err
	}
	err = l.commit(ctx, "begin run", func(t *tx) error {
		if _, err := t.signer(); err != nil {
			return err // before anything is sent that could not be signed for
		}
		return t.house(ledger.KindRun, id, face{}, s)
	})
	if err != nil {
		_ = lock.Close()
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.locks[id] = lock
	return id, nil
}

// house appends an entry that is about no single person.
func (t *tx) house(kind ledger.Kind, run ledger.RunID, f face, note any) error {
	text, err := encode(note)
	if err != nil {
		return fmt.Errorf("write %s entry: %w: %w", kind, fault.Invalid, err)
	}
	s := splitter{keyed: true, person: t.mentioned}
	e := &opened{record: record{run: string(run), kind: string(kind)}, face: f, text: text}
	if err := t.fill(e, s); err != nil {
		return err
	}
	if err := e.read(); err != nil {
		return err
	}
	return t.append(e)
}

// fill takes e.text apart into parts.
func (t *tx) fill(e *opened, s splitter) (err error) {
	if e.parts, err = s.split(e.person, e.text); err != nil {
		return err
	}
	e.who, err = mentions(e.parts)
	return err
}

// Intend implements [ledger.Journal].
func (l *Ledger) Intend(ctx context.Context, run ledger.RunID, batch []plan.Change) error {
	return l.commit(ctx, "intend", func(t *tx) error {
		if err := t.held(run); err != nil {
			return err
		}
		for _, c := range batch {
			if err := t.intend(run, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) intend(run ledger.RunID, c plan.Change) error {
	if len(t.l.o.Redact) > 0 {
		c = redactor{t.l.o.Redact, t.l.keys}.change(c)
	}
	digest := t.l.keys.digest(ofChange, c.ID)
	if seq, err := t.openSeq(selectOpen, string(run), digest); err != nil {
		return err
	} else if seq != 0 {
		return fmt.Errorf("change %s is open in run %s: %w", c.ID, run, fault.Invalid)
	}
	person, err := t.subject(c)
	if err != nil {
		return err
	}
	e := &opened{
		record: record{
			run: string(run), kind: string(ledger.KindIntent), op: string(c.Op), person: person, people: int64(ledger.Leaving(c)), change: digest,
		},
		face: face{Reason: c.Reason, Wave: c.Wave}, change: &c,
	}
	if e.text, err = encode(c); err != nil {
		return fmt.Errorf("change %s: %w: %w", c.ID, fault.Invalid, err)
	}
	if err := t.fill(e, t.splitter(c)); err != nil {
		return err
	}
	t.intents = append(t.intents, e)
	return t.append(e)
}

// splitter takes the others out of what is about c.
func (t *tx) splitter(c plan.Change) splitter {
	return splitter{subject: string(c.Key), members: c.Target.Type == scim.Group, person: t.mentioned}
}

// openSeq is the entry of the open intent that the query finds, 0 where it finds none.
func (t *tx) openSeq(query string, args ...any) (seq int64, err error) {
	err = t.row(query, args...).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return seq, err
}

// Settle implements [ledger.Journal].
func (l *Ledger) Settle(ctx context.Context, run ledger.RunID, batch []ledger.Outcome) error {
	return l.commit(ctx, "settle", func(t *tx) error {
		for _, o := range batch {
			if err := t.settle(run, o); err != nil {
				return err
			}
		}
		return nil
	})
}

const selectEntry = "SELECT " + columns + " FROM entries WHERE seq = ?"

func (t *tx) settle(run ledger.RunID, o ledger.Outcome) error {
	digest := t.l.keys.digest(ofChange, o.Change)
	seq, err := t.openSeq(selectOpen, string(run), digest)
	if err == nil && seq == 0 {
		seq, err = t.openSeq(selectLeft, digest)
	}
	if err != nil {
		return err
	}
	if seq == 0 {
		return fmt.Errorf("change %s is not open in run %s: %w", o.Change, run, fault.Invalid)
	}
	intent, err := t.intent(seq)
	if err != nil {
		return err
	}
	if o.At.IsZero() {
		o.At = t.at
	}
	o.At = o.At.UTC()
	c := intent.change
	if len(t.l.o.Redact) > 0 {
		o = redactor{t.l.o.Redact, t.l.keys}.outcome(o)
	}
	if c.Target.Type == scim.Group {
		o = o.OfGroup(*c)
	}
	e := &opened{
		record: record{
			run: string(run), kind: string(ledger.KindOutcome), op: intent.op, result: string(o.Result),
			person: intent.person, people: intent.people, change: digest,
		},
		face: faceOf(o), outcome: &o, intent: intent, key: c.Key, userName: c.UserName,
	}
	if e.text, err = encode(textOf(*c, o)); err != nil {
		return fmt.Errorf("outcome of change %s: %w: %w", o.Change, fault.Invalid, err)
	}
	if err := t.fill(e, t.splitter(*c)); err != nil {
		return err
	}
	return t.append(e)
}

// intent is the intent that is entry seq.
func (t *tx) intent(seq int64) (*opened, error) {
	if e := t.l.intents[seq]; e != nil {
		delete(t.l.intents, seq)
		return e, nil
	}
	var r record
	if err := t.row(selectEntry, seq).Scan(r.fields()...); err != nil {
		return nil, err
	}
	e, err := open(r, t.l.id, t.aead)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w: %w", seq, fault.Invalid, err)
	}
	return e, nil
}

// Mark implements [ledger.Register].
func (l *Ledger) Mark(ctx context.Context, run ledger.RunID, absent, back []source.Key) error {
	if len(absent)+len(back) == 0 {
		return nil
	}
	return l.commit(ctx, "mark", func(t *tx) error {
		for _, key := range absent {
			if err := t.mark(run, ledger.KindAbsent, key); err != nil {
				return err
			}
		}
		for _, key := range back {
			if err := t.mark(run, ledger.KindBack, key); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) mark(run ledger.RunID, kind ledger.Kind, key source.Key) error {
	person, err := t.byKey(key, "")
	if err != nil {
		return err
	}
	p, err := t.load(person, "")
	absent := p != nil && !p.Left.IsZero()
	if err != nil || absent == (kind == ledger.KindAbsent) {
		return err // so it is marked already
	}
	e := &opened{record: record{run: string(run), kind: string(kind), person: person}, key: key}
	if e.text, err = encode(attendance{Key: key}); err != nil {
		return err
	}
	e.parts = []part{{person: person, text: e.text}}
	return t.append(e)
}

// Place implements [ledger.Register].
func (l *Ledger) Place(ctx context.Context, run ledger.RunID, units map[source.Key]string) error {
	if len(units) == 0 {
		return nil
	}
	return l.commit(ctx, "place", func(t *tx) error {
		for _, key := range slices.Sorted(maps.Keys(units)) {
			if err := t.place(run, key, units[key]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) place(run ledger.RunID, key source.Key, unit string) error {
	person, err := t.byKey(key, "")
	if err != nil {
		return err
	}
	if p, err := t.load(person, ""); err != nil || p != nil && p.Unit == unit {
		return err
	}
	e := &opened{record: record{run: string(run), kind: string(ledger.KindUnit), person: person}, key: key, unit: unit}
	if e.text, err = encode(attendance{Key: key, Unit: unit}); err != nil {
		return err
	}
	e.parts = []part{{person: person, text: e.text}}
	return t.append(e)
}

// Note implements [ledger.Notebook].
func (l *Ledger) Note(ctx context.Context, run ledger.RunID, name string, value json.RawMessage) error {
	return l.commit(ctx, "note "+name, func(t *tx) error { return t.house(ledger.KindNote, run, face{Name: name}, value) })
}

// End implements [ledger.Store]. A run that is not this process's is Invalid.
func (l *Ledger) End(ctx context.Context, run ledger.RunID, e ledger.Ending) error {
	l.mu.Lock()
	lock := l.locks[run]
	l.mu.Unlock()
	if lock == nil {
		return fmt.Errorf("end run %s: it is not running here: %w", run, fault.Invalid)
	}
	err := l.commit(ctx, "end run", func(t *tx) error {
		if err := t.house(ledger.KindEnd, run, face{}, e); err != nil {
			return err
		}
		return t.sign()
	})
	if err != nil {
		return err
	}
	err = l.prune(ctx, run)
	l.mu.Lock()
	delete(l.locks, run)
	l.mu.Unlock()
	return errors.Join(err, lock.Close())
}

var _ keeper = (*tx)(nil).aead

// A wallet finds persons' keys for reading, and keeps the last ones.
type wallet struct {
	ctx  context.Context //nolint:containedctx // a wallet lives within one call
	l    *Ledger
	have map[int64]cipher.AEAD
}

// walletSize bounds the keys that a wallet keeps.
const walletSize = 1000

func (l *Ledger) wallet(ctx context.Context) *wallet {
	return &wallet{ctx: ctx, l: l, have: map[int64]cipher.AEAD{}}
}

func (w *wallet) key(person int64) (cipher.AEAD, error) {
	if person == 0 {
		return w.l.keys.house, nil
	}
	if a := w.have[person]; a != nil {
		return a, nil
	}
	var wrapped []byte
	if err := w.l.row(w.ctx, selectKey, person).Scan(&wrapped); err != nil {
		return nil, fmt.Errorf("key of person %d: %w", person, err)
	}
	a, err := w.l.keys.unwrap(person, wrapped)
	if err == nil {
		if len(w.have) >= walletSize {
			clear(w.have)
		}
		w.have[person] = a
	}
	return a, err
}
