package sqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"rollcall/fault"
	"rollcall/ledger"
)

// Pruning removes the oldest entries, up to one where nothing was open, and
// leaves a stub behind: an entry that says what was removed and gives the hash
// that the next entry is chained to, and for everybody of whom something is still
// to be known an entry that carries what the removed ones made of them. Whoever
// replays begins with those. The hashes of the Merkle log stay, so that heads from
// before still verify.

// A stub is the text of a prune entry.
type stub struct {
	Through int64     `json:"through"` // the last entry that was removed
	Hash    []byte    `json:"hash"`    // its hash
	Before  time.Time `json:"before"`  // what was recorded from then on is all there
}

// A carried is the text of a carry entry: a person as of the last removed entry.
type carried struct {
	State *ledger.Person `json:"state,omitempty"`
	Image ledger.Values  `json:"image,omitempty"`
	Names [][]byte       `json:"names"` // keyed digests
}

const (
	selectFirst  = "SELECT seq, time FROM entries ORDER BY seq LIMIT 1"
	selectCut    = "SELECT COALESCE(MIN(seq), 0) - 1 FROM entries WHERE time >= ? OR seq = (SELECT began FROM runs WHERE run = ?)"
	selectStub   = "SELECT " + columns + " FROM entries WHERE kind = 'prune' ORDER BY seq DESC LIMIT 1"
	allCarried   = "SELECT " + columns + " FROM entries WHERE kind = 'carry' ORDER BY seq"
	countAfter   = "SELECT COUNT(*), COUNT(CASE WHEN e.kind = 'carry' THEN 1 END) FROM mentions m JOIN entries e ON e.seq = m.seq WHERE m.person = ? AND m.seq > ?"
	oldNotes     = "SELECT " + columns + " FROM entries WHERE kind = 'note' AND seq IN (SELECT seq FROM notes WHERE seq <= ?) ORDER BY seq"
	pruneEntries = "DELETE FROM entries WHERE seq <= ?"
	pruneNotes   = "DELETE FROM notes WHERE seq <= ?"
	pruneMention = "DELETE FROM mentions WHERE seq <= ?"
	pruneRuns    = "DELETE FROM runs WHERE began <= ?"
	deleteKey    = "DELETE FROM person_keys WHERE person = ?"
)

// prune removes the months that Options.Keep does not keep. It does so only
// where they verify.
func (l *Ledger) prune(ctx context.Context, run ledger.RunID) error {
	if l.o.Keep == nil {
		return nil
	}
	kept := l.o.Keep(l.o.Now()).UTC()
	month := time.Date(kept.Year(), kept.Month(), 1, 0, 0, 0, 0, time.UTC)
	v, first, err := l.old(ctx, run, month)
	if err != nil || v == nil {
		return l.explain("prune ledger", err)
	}
	return l.commit(ctx, "prune ledger", func(t *tx) error {
		var now int64
		if err := t.row(selectFirst).Scan(&now, new(int64)); err != nil || now != first {
			return err // another process was faster
		}
		return t.prune(run, v, month)
	})
}

// old replays what was recorded before the month and this run, as far as it can
// be removed; nil where there is nothing. It answers the first entry too.
func (l *Ledger) old(ctx context.Context, run ledger.RunID, month time.Time) (v *verifier, first int64, err error) {
	tx, err := l.moment(ctx, l.read)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = tx.Rollback() }()
	var at, through int64
	err = tx.QueryRowContext(ctx, selectFirst).Scan(&first, &at)
	if errors.Is(err, sql.ErrNoRows) || err == nil && at >= month.UnixNano() {
		return nil, 0, nil
	}
	if err == nil {
		err = tx.QueryRowContext(ctx, l.bind(selectCut), month.UnixNano(), string(run)).Scan(&through)
	}
	for err == nil && through >= first {
		v = l.verifier(ctx, tx)
		v.until = through
		for _, step := range []func() error{v.loadKeys, v.base, v.entries} {
			if err = errors.Join(err, step()); err != nil {
				return nil, 0, err
			}
		}
		if len(v.out.Faults) > 0 {
			return nil, 0, fault.WithHint(fmt.Errorf("%s: %w", v.out.Faults[0], fault.Invalid), "nothing was removed; look at: rollcall audit verify")
		}
		if v.calm == through {
			return v, first, nil
		}
		through = v.calm // something was open: that and what follows stays
	}
	return nil, 0, err
}

// prune writes the stub and removes what v has replayed.
func (t *tx) prune(run ledger.RunID, v *verifier, month time.Time) error {
	if err := t.carry(run, v); err != nil {
		return err
	}
	if err := t.repeatNotes(run, v); err != nil {
		return err
	}
	if err := t.house(ledger.KindPrune, run, face{}, stub{v.until, v.before, month}); err != nil {
		return err
	}
	d := t.l.db.speaks()
	for _, s := range []string{d.loosen, pruneEntries, d.tighten, pruneNotes, pruneMention, pruneRuns} {
		var args []any
		if s != d.loosen && s != d.tighten {
			args = []any{v.until}
		}
		if err := t.exec(s, args...); err != nil {
			return err
		}
	}
	return t.sign()
}

// carry writes down what the removed entries made of people of whom there is
// something to know, and drops the others.
func (t *tx) carry(run ledger.RunID, v *verifier) error {
	touched := map[int64]bool{}
	for _, m := range v.book.mentions {
		touched[m.person] = true
	}
	for _, person := range slices.Sorted(maps.Keys(touched)) {
		var later, carries int
		if err := t.row(countAfter, person, v.until).Scan(&later, &carries); err != nil {
			return err
		}
		if err := t.leave(run, v, person, later, carries); err != nil {
			return err
		}
	}
	return nil
}

// leave decides what is left of a person.
//
//	forgotten  changed by what is removed  carried later  linked, or later entries | what is left
//	---------  --------------------------  -------------  ----------------------- | ----------------------------
//	yes        -                           -              -                        | nothing
//	no         no                          yes            -                        | what was carried later
//	no         -                           -              yes                      | what they are
//	no         yes                         yes            no                       | that nothing is known any more
//	no         -                           no             no                       | nothing
func (t *tx) leave(run ledger.RunID, v *verifier, person int64, later, carries int) error {
	p := v.book.people[person]
	known := later > carries || p != nil && p.Linked && !p.Closed
	switch {
	case v.forgot[person] != 0:
		return t.dropPerson(person)
	case !v.changed[person] && carries > 0:
		return nil
	case known:
		return t.carryPerson(run, person, p, v.book.names[person])
	case carries > 0:
		return errors.Join(t.gone(person), t.carryPerson(run, person, nil, nil))
	default:
		return t.dropPerson(person)
	}
}

func (t *tx) dropPerson(person int64) error {
	if err := t.gone(person); err != nil {
		return err
	}
	delete(t.aeads, person)
	return t.exec(deleteKey, person)
}

func (t *tx) carryPerson(run ledger.RunID, person int64, p *ledger.Person, names [][digestSize]byte) error {
	if _, err := t.aead(person); errors.Is(err, errForgotten) {
		return nil // since then
	}
	c := carried{State: p}
	for _, n := range names {
		c.Names = append(c.Names, n[:])
	}
	if p != nil {
		c.Image = p.Image
	}
	text, err := encode(c)
	if err != nil {
		return err
	}
	e := &opened{record: record{run: string(run), kind: string(ledger.KindCarry), person: person}, parts: []part{{person: person, text: text}}}
	return t.append(e)
}

// repeatNotes remembers anew what was noted before and is still the newest.
func (t *tx) repeatNotes(run ledger.RunID, v *verifier) error {
	rows, err := t.rows(oldNotes, v.until)
	found, err := collect(rows, err, (*record).fields)
	if err != nil {
		return err
	}
	for _, r := range found {
		e, err := open(r, t.l.id, t.aead)
		if err != nil {
			return err
		}
		if err := t.house(ledger.KindNote, run, face{Name: e.face.Name}, json.RawMessage(e.text)); err != nil {
			return err
		}
	}
	return nil
}

// base begins a replay with the newest stub, where there is one.
func (v *verifier) base() error {
	var r record
	err := v.tx.QueryRowContext(v.ctx, selectStub).Scan(r.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var s stub
	e, err := open(r, v.l.id, v.key)
	if err == nil {
		err = unmarshal(e.text, &s)
	}
	if err != nil {
		v.fault("entry %d (%s): %v", r.seq, r.kind, err)
		v.intact = false
		return nil
	}
	if err := v.leaves(s.Through); err != nil {
		return err
	}
	if last := len(v.hashes); last == 0 || v.hashes[tlog.StoredHashIndex(0, s.Through-1)] != tlog.RecordHash(s.Hash) {
		v.fault("entry %d (%s): the Merkle log has another hash of entry %d, the last that was pruned", r.seq, r.kind, s.Through)
		v.intact = false
	}
	v.before, v.calm, v.out.Pruned, v.out.PrunedTo = s.Hash, s.Through, s.Through, s.Before
	return v.each(allCarried, v.resume)
}

// leaves takes the leaves of entries that are gone from the Merkle log itself:
// the signed heads say whether they are those that were there.
func (v *verifier) leaves(n int64) error {
	err := v.each(allTree, func(rows *sql.Rows) error {
		var (
			idx  int64
			hash []byte
			leaf tlog.Hash
		)
		if err := rows.Scan(&idx, &hash); err != nil || v.out.Entries == n || idx != tlog.StoredHashIndex(0, v.out.Entries) {
			return err
		}
		copy(leaf[:], hash)
		v.out.Entries++
		return v.grow(leaf)
	})
	if err == nil && v.out.Entries < n {
		v.fault("Merkle log: it ends with entry %d, and entries up to %d were pruned", v.out.Entries, n)
		v.intact = false
	}
	return err
}

// resume takes over a person from before.
func (v *verifier) resume(rows *sql.Rows) error {
	var r record
	if err := rows.Scan(r.fields()...); err != nil {
		return err
	}
	var c carried
	e, err := open(r, v.l.id, v.key)
	if err == nil && e.text != nil { // else forgotten since
		err = unmarshal(e.text, &c)
	}
	if err != nil {
		v.fault("entry %d (%s): %v", r.seq, r.kind, err)
	}
	delete(v.book.people, e.person)
	if c.State != nil {
		c.State.Image = c.Image
		v.book.people[e.person] = c.State
	}
	delete(v.book.names, e.person)
	for _, d := range c.Names {
		if len(d) == digestSize {
			_ = v.book.name(nameRow{[digestSize]byte(d), e.person}) // never fails
		}
	}
	return nil
}

// everything is the bound of a replay that ends with the ledger.
const everything = math.MaxInt64
