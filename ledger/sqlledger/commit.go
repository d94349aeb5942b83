package sqlledger

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"rollcall/fault"
	"rollcall/ledger"
)

// A request is one caller's part of a commit.
type request struct {
	do   func(*tx) error
	done chan error
}

// commit runs do in a transaction and returns when it is durable, or nothing of
// it is. Callers that wait at the same time share one transaction: one of them
// leads and commits for all. One whose part fails does not spoil the others'.
func (l *Ledger) commit(ctx context.Context, doing string, do func(*tx) error) error {
	if l.o.ReadOnly {
		return fmt.Errorf("%s: the ledger was opened for reading only: %w", doing, fault.Invalid)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w: %w", doing, fault.Interrupted, err)
	}
	r := &request{do: do, done: make(chan error, 1)}
	l.mu.Lock()
	l.queue = append(l.queue, r)
	l.mu.Unlock()

	var err error
	select {
	case err = <-r.done:
	case l.lead <- struct{}{}:
		// What is begun is finished: a canceled leader must not take the others down.
		l.commitAll(context.WithoutCancel(ctx), l.take())
		<-l.lead
		err = <-r.done
	}
	return l.explain(doing, err)
}

func (l *Ledger) take() []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.queue
	l.queue = nil
	return batch
}

// errUncertain is of a commit whose answer was not heard: it may be durable.
var errUncertain = errors.New("the commit was not confirmed")

// commitAll commits the batch in one transaction; where one fails, each in its
// own, unless it may be durable all the same.
func (l *Ledger) commitAll(ctx context.Context, batch []*request) {
	if len(batch) == 0 {
		return // an earlier leader took this caller's request along
	}
	err := l.commitOnce(ctx, batch)
	for _, r := range batch {
		if err != nil && len(batch) > 1 && !errors.Is(err, errUncertain) {
			r.done <- l.commitOnce(ctx, []*request{r})
		} else {
			r.done <- err
		}
	}
}

func (l *Ledger) commitOnce(ctx context.Context, batch []*request) error {
	sqlTx, err := l.begin(ctx, l.write)
	if err != nil {
		return err
	}
	defer func() { _ = sqlTx.Rollback() }()
	t := &tx{
		ctx: ctx, l: l, sql: sqlTx, at: l.o.Now().UTC(), tree: map[int64]tlog.Hash{}, aeads: map[int64]cipher.AEAD{0: l.keys.house},
		names: map[string]int64{}, people: map[int64]*ledger.Person{}, runs: map[string]*runRow{},
	}
	if err := t.head(); err != nil {
		return err
	}
	for _, r := range batch {
		if err := r.do(t); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", errUncertain, err)
	}
	l.remember(t.intents)
	return nil
}

// rememberedIntents bounds the intents that are remembered.
const rememberedIntents = 5000

// remember keeps intents that were just written: they are settled soon, and need
// not be read then. Only who leads a commit asks for them.
func (l *Ledger) remember(intents []*opened) {
	if len(l.intents) > rememberedIntents {
		clear(l.intents)
	}
	for _, e := range intents {
		l.intents[e.seq] = e
	}
}

// A tx is one writing transaction, which has one time. It keeps what it has
// read and writes projections back once, at its end.
type tx struct {
	ctx context.Context //nolint:containedctx // a tx lives within one call
	l   *Ledger
	sql *sql.Tx
	at  time.Time

	seq    int64 // of the last entry
	hash   []byte
	tree   map[int64]tlog.Hash // not yet written
	last   int64               // the highest person
	aeads  map[int64]cipher.AEAD
	names  map[string]int64 // digest → person
	people map[int64]*ledger.Person
	runs   map[string]*runRow

	intents []*opened // that were appended
}

// stmts are prepared when the ledger is opened for writing.
var stmts = []string{
	insertEntry, insertTree, selectTree, insertKey, selectKey, insertName, selectName, selectLoose, insertMention, selectLink, upsertLink,
	insertOpen, selectOpen, selectLeft, selectOpens, deleteOpen, updateOpen, selectRun, updateRun, selectEntry, countLater,
}

func (l *Ledger) prepare(ctx context.Context) error {
	l.stmts = make(map[string]*sql.Stmt, len(stmts))
	for _, q := range stmts {
		s, err := l.write.PrepareContext(ctx, l.bind(q)) //nolint:sqlclosecheck // lives as long as the ledger
		if err != nil {
			return l.explain("open ledger", err)
		}
		l.stmts[q] = s
	}
	return nil
}

func (t *tx) exec(query string, args ...any) error {
	var err error
	if s := t.l.stmts[query]; s != nil {
		_, err = t.sql.StmtContext(t.ctx, s).ExecContext(t.ctx, args...) //nolint:sqlclosecheck // ends with the transaction
	} else {
		_, err = t.sql.ExecContext(t.ctx, t.l.bind(query), args...)
	}
	return err
}

func (t *tx) rows(query string, args ...any) (*sql.Rows, error) {
	if s := t.l.stmts[query]; s != nil {
		return t.sql.StmtContext(t.ctx, s).QueryContext(t.ctx, args...) //nolint:sqlclosecheck // the same
	}
	return t.sql.QueryContext(t.ctx, t.l.bind(query), args...)
}

func (t *tx) row(query string, args ...any) *sql.Row {
	if s := t.l.stmts[query]; s != nil {
		return t.sql.StmtContext(t.ctx, s).QueryRowContext(t.ctx, args...) //nolint:sqlclosecheck // the same
	}
	return t.sql.QueryRowContext(t.ctx, t.l.bind(query), args...)
}

const (
	selectHead   = "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1"
	selectPeople = "SELECT COALESCE(MAX(person), 0) FROM person_keys"
)

// head reads where the ledger ends: another process may have written to it.
func (t *tx) head() error {
	err := t.row(selectHead).Scan(&t.seq, &t.hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return t.row(selectPeople).Scan(&t.last)
}

const insertEntry = "INSERT INTO entries (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

// append seals and chains e, and projects it. Its open columns and parts are filled.
func (t *tx) append(e *opened) error {
	r := &e.record
	r.seq, r.format, r.time = t.seq+1, format, t.at.UnixNano()
	if r.change == nil {
		r.change = []byte{}
	}
	var err error
	if r.face, err = encode(e.face); err != nil {
		return err
	}
	if r.sealed, err = seal(r.bound(nil, t.l.id), e.parts, t.aead); err != nil {
		return err
	}
	sum := r.digest(t.hash)
	r.hash = sum[:]
	if err := t.grow(r); err != nil {
		return err
	}
	err = t.exec(insertEntry, r.seq, r.format, r.time, r.run, r.kind, r.op, r.result, r.person, r.people, r.change, string(r.face), r.sealed, r.hash)
	if err != nil {
		return err
	}
	t.seq, t.hash = r.seq, r.hash
	return project(t, t.l.keys, e)
}

const selectTree = "SELECT hash FROM tree WHERE idx = ?"

// grow puts the record's leaf into the Merkle log.
func (t *tx) grow(r *record) error {
	n := r.seq - 1
	hashes, err := tlog.StoredHashesForRecordHash(n, r.leaf(), tlog.HashReaderFunc(t.treeHashes))
	if err != nil {
		return err
	}
	for i, h := range hashes {
		t.tree[tlog.StoredHashIndex(0, n)+int64(i)] = h
	}
	return nil
}

func (t *tx) treeHashes(idx []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(idx))
	for i, x := range idx {
		if h, fresh := t.tree[x]; fresh {
			out[i] = h
			continue
		}
		var b []byte
		if err := t.row(selectTree, x).Scan(&b); err != nil {
			return nil, fmt.Errorf("read tree hash %d: %w", x, err)
		}
		copy(out[i][:], b)
	}
	return out, nil
}

const insertTree = "INSERT INTO tree (idx, hash) VALUES (?, ?)"

// flush writes down what the entries of this transaction made of the projections.
func (t *tx) flush() error {
	for _, idx := range sorted(t.tree) {
		h := t.tree[idx]
		if err := t.exec(insertTree, idx, h[:]); err != nil {
			return err
		}
	}
	for _, id := range sorted(t.people) {
		if p := t.people[id]; p != nil {
			if err := t.saveLink(id, p); err != nil {
				return err
			}
		}
	}
	for _, name := range sorted(t.runs) {
		if r := t.runs[name]; r != nil {
			if err := t.exec(updateRun, r.ended, r.intents, r.settled, r.failed, r.run); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	insertKey = "INSERT INTO person_keys (person, wrapped) VALUES (?, ?)"
	selectKey = "SELECT wrapped FROM person_keys WHERE person = ?"
)

// aead is the key of a person.
func (t *tx) aead(person int64) (cipher.AEAD, error) {
	if a := t.aeads[person]; a != nil {
		return a, nil
	}
	var wrapped []byte
	if err := t.row(selectKey, person).Scan(&wrapped); err != nil {
		return nil, fmt.Errorf("key of person %d: %w", person, err)
	}
	a, err := t.l.keys.unwrap(person, wrapped)
	if err == nil {
		t.aeads[person] = a
	}
	return a, err
}

// newPerson makes a person with a key of their own.
func (t *tx) newPerson() (int64, error) {
	var key [keySize]byte
	_, _ = rand.Read(key[:]) // never fails
	t.last++
	t.aeads[t.last] = box(key[:])
	return t.last, t.exec(insertKey, t.last, t.l.keys.wrapped(t.last, key[:]))
}

func sorted[K int64 | string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
