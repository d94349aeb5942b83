package sqlledger

import (
	"bytes"
	"context"
	"crypto/cipher"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
)

// maxFaults bounds what is told: after so many the answer is clear.
const maxFaults = 100

// A verifier replays a ledger as it was at one moment.
type verifier struct {
	ctx  context.Context //nolint:containedctx // a verifier lives within one call
	l    *Ledger
	tx   *sql.Tx
	keys map[int64][]byte // wrapped
	open map[openKey]*opened
	book *replay

	until    int64          // the last entry that is looked at
	calm     int64          // the last entry after which nothing was open
	changed  map[int64]bool // people whom an entry mentions that carries nobody, of a replay with a bound
	before   []byte         // hash of the entry before
	hashes   []tlog.Hash
	intact   bool // entries open and follow each other, so that projections can be compared
	ends     []int64
	forgot   map[int64]int64 // person → entry that says so
	verifier string
	out      ledger.Verification

	mu     sync.Mutex
	recent map[int64]cipher.AEAD
}

// Verify implements [ledger.Store]. Faults are what is wrong with the ledger;
// an error says that it was not read to its end.
func (l *Ledger) Verify(ctx context.Context, kept ledger.Checkpoint) (ledger.Verification, error) {
	tx, err := l.moment(ctx, l.read)
	if err != nil {
		return ledger.Verification{}, l.explain("verify ledger", err)
	}
	defer func() { _ = tx.Rollback() }()
	v := l.verifier(ctx, tx)
	for _, step := range []func() error{v.loadKeys, v.base, v.entries, v.tree, v.signature, v.heads, v.projections} {
		if err := step(); err != nil {
			return v.out, l.explain("verify ledger", err)
		}
	}
	if kept != "" {
		v.kept(string(kept))
	}
	return v.out, nil
}

func (l *Ledger) verifier(ctx context.Context, tx *sql.Tx) *verifier {
	return &verifier{
		ctx: ctx, l: l, tx: tx, keys: map[int64][]byte{}, open: map[openKey]*opened{}, book: newReplay(), intact: true, forgot: map[int64]int64{},
		recent: map[int64]cipher.AEAD{}, until: everything, changed: map[int64]bool{},
	}
}

func (v *verifier) fault(text string, args ...any) {
	if len(v.out.Faults) < maxFaults {
		v.out.Faults = append(v.out.Faults, fmt.Sprintf(text, args...))
	}
}

// each calls do for every row of the query.
func (v *verifier) each(query string, do func(*sql.Rows) error) error {
	rows, err := v.tx.QueryContext(v.ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

const (
	allKeys    = "SELECT person, wrapped FROM person_keys ORDER BY person"
	allEntries = "SELECT " + columns + " FROM entries WHERE seq <= ? ORDER BY seq"
	allTree    = "SELECT idx, hash FROM tree ORDER BY idx"
	allHeads   = "SELECT size, note FROM heads ORDER BY size"
)

func (v *verifier) loadKeys() error {
	return v.each(allKeys, func(rows *sql.Rows) error {
		var person int64
		var wrapped []byte
		err := rows.Scan(&person, &wrapped)
		v.keys[person] = wrapped
		return err
	})
}

// key is the keeper of a verification. It keeps the last keys, as the same
// people come again, and may be asked by many at once.
func (v *verifier) key(person int64) (cipher.AEAD, error) {
	if person == 0 {
		return v.l.keys.house, nil
	}
	v.mu.Lock()
	a := v.recent[person]
	v.mu.Unlock()
	if a != nil {
		return a, nil
	}
	wrapped, there := v.keys[person]
	if !there {
		return nil, fmt.Errorf("the key of person %d was removed", person)
	}
	a, err := v.l.keys.unwrap(person, wrapped)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.recent) >= 10*walletSize {
		clear(v.recent)
	}
	v.recent[person] = a
	return a, nil
}

// A look is what can be told of one entry without the others but the one before.
type look struct {
	opened

	before  []byte // the hash of the entry before
	follows bool   // its hash follows from its content and the entry before
	leaf    tlog.Hash
	err     error // why it does not open
}

// batch is how many entries are looked at together.
const batch = 2000

// entries follows the chain, opens every box, and projects: while one batch is
// read, the one before is looked at, and the one before that is projected.
func (v *verifier) entries() error {
	rows, err := v.tx.QueryContext(v.ctx, v.l.bind(allEntries), v.until) //nolint:rowserrcheck // read asks
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var read, looked, spare []look
	for first := true; first || len(read)+len(looked) > 0; first = false {
		var next []look
		work := []func(){
			func() { next, err = v.read(rows, spare) },
			func() { v.follow(looked) },
		}
		for part := range slices.Chunk(read, batch/4) {
			work = append(work, func() { v.look(part) })
		}
		if v.l.o.Together(work...); err != nil {
			return err
		}
		read, looked, spare = next, read, looked
	}
	v.out.Runs = len(v.book.runs)
	if n := v.out.Entries; n > 0 {
		root, err := tlog.TreeHash(n, tlog.HashReaderFunc(v.stored))
		v.out.Head = plan.Digest(root)
		return err
	}
	return nil
}

// read reads the next batch, into the room of one that is done with.
func (v *verifier) read(rows *sql.Rows, spare []look) ([]look, error) {
	clear(spare)
	out := slices.Grow(spare[:0], batch)
	for len(out) < batch && rows.Next() {
		out = append(out, look{before: v.before})
		r := &out[len(out)-1].record
		if err := rows.Scan(r.fields()...); err != nil {
			return nil, err
		}
		v.before = r.hash
	}
	return out, rows.Err()
}

// look looks at entries. It is safe beside itself: it reads what stands still.
func (v *verifier) look(entries []look) {
	for i := range entries {
		e := &entries[i]
		sum := e.digest(e.before)
		e.follows, e.leaf = bytes.Equal(sum[:], e.hash), e.record.leaf()
		if e.format != format {
			e.err = fmt.Errorf("it is of format %d, which this program does not know", e.format)
		} else if e.err = e.open(v.l.id, v.key); e.err == nil {
			e.named(v.l.keys)
		}
	}
}

// follow takes entries that were looked at in their order.
func (v *verifier) follow(entries []look) {
	for i := range entries {
		v.entry(&entries[i])
	}
}

func (v *verifier) entry(e *look) {
	n := v.out.Entries + 1
	v.out.Entries = n
	if e.seq != n {
		v.fault("entry %d: it stands where entry %d should be: entries were removed, added or moved", e.seq, n)
		v.intact = false
	}
	if !e.follows {
		v.fault("entry %d (run %s, %s, %s): its hash does not follow from its content and the entry before: altered, or out of place",
			e.seq, e.run, e.kind, e.at().Format("2006-01-02T15:04:05Z"))
		v.intact = false
	}
	if err := v.grow(e.leaf); err != nil {
		v.fault("entry %d: Merkle log: %v", e.seq, err)
	}
	if e.is(ledger.KindEnd) {
		v.ends = append(v.ends, n)
	}
	err := e.err
	if err == nil {
		err = v.project(&e.opened)
	}
	if len(v.book.open) == 0 {
		v.calm = n
	}
	if err != nil {
		v.fault("entry %d (run %s, %s): %v", e.seq, e.run, e.kind, err)
		v.intact = false
	}
}

// openKey names an open intent.
type openKey struct{ run, change string }

func (v *verifier) project(e *opened) error {
	at := openKey{e.run, string(e.record.change)}
	switch ledger.Kind(e.kind) {
	case ledger.KindIntent:
		kept := *e // whose room is used again
		v.open[at] = &kept
	case ledger.KindOutcome:
		at = v.book.opened(at)
		if e.intent = v.open[at]; e.intent == nil {
			return errors.New("an outcome without intent")
		}
	case ledger.KindForget:
		v.forgot[e.person] = e.seq
	case ledger.KindRun, ledger.KindEnd, ledger.KindNote, ledger.KindAbsent, ledger.KindBack, ledger.KindUnit, ledger.KindPlan, ledger.KindPart, ledger.KindDecision,
		ledger.KindPrune, ledger.KindCarry:
	default:
		return fmt.Errorf("kind %q is not known", e.kind)
	}
	if v.until != everything && !e.is(ledger.KindCarry) {
		for _, p := range e.parts {
			v.changed[p.person] = true
		}
	}
	err := project(v.book, v.l.keys, e)
	if e.intent != nil && v.book.open[at] == nil {
		delete(v.open, at)
	}
	return err
}

// grow computes the stored hashes of the next leaf.
func (v *verifier) grow(leaf tlog.Hash) error {
	more, err := tlog.StoredHashesForRecordHash(v.out.Entries-1, leaf, tlog.HashReaderFunc(v.stored))
	v.hashes = append(v.hashes, more...)
	return err
}

func (v *verifier) stored(idx []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(idx))
	for i, x := range idx {
		if x >= int64(len(v.hashes)) {
			return nil, fmt.Errorf("no hash %d", x)
		}
		out[i] = v.hashes[x]
	}
	return out, nil
}

// tree compares the stored hashes of the Merkle log with those of the entries.
func (v *verifier) tree() error {
	next := int64(0)
	err := v.each(allTree, func(rows *sql.Rows) error {
		var (
			idx int64
			h   []byte
		)
		if err := rows.Scan(&idx, &h); err != nil {
			return err
		}
		switch {
		case idx != next || idx >= int64(len(v.hashes)):
			v.fault("Merkle log: hash %d stands where hash %d should be", idx, next)
		case !bytes.Equal(v.hashes[idx][:], h):
			level, n := tlog.SplitStoredHashIndex(idx)
			v.fault("Merkle log: hash %d (level %d, %d) does not follow from entries %d to %d", idx, level, n, n<<level+1, (n+1)<<level)
		}
		next++
		return nil
	})
	if err == nil && next != int64(len(v.hashes)) {
		v.fault("Merkle log: it has %d hashes, and the entries make %d", next, len(v.hashes))
	}
	return err
}

// signature finds out whose signatures count: the key file's, where it is there.
func (v *verifier) signature() error {
	if err := v.tx.QueryRowContext(v.ctx, selectVerifier).Scan(&v.verifier); err != nil {
		return err
	}
	text, err := v.l.signing(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a copy of the ledger without its keys; a kept checkpoint is what can be trusted then
	}
	if err != nil {
		return fmt.Errorf("%w: %w", fault.Invalid, err)
	}
	own, err := verifierOf(text)
	if err != nil {
		return fmt.Errorf("signing key %s: %w: %w", v.l.o.SignFile, fault.Invalid, err)
	}
	if v.verifier != "" && own != v.verifier {
		v.fault("heads: the ledger names another signing key than %s holds", v.l.o.SignFile)
	}
	v.verifier = own
	return nil
}

// heads checks every signed head, and that every run that ended has one.
func (v *verifier) heads() error {
	signed := map[int64]bool{}
	err := v.each(allHeads, func(rows *sql.Rows) error {
		var (
			size int64
			text string
		)
		if err := rows.Scan(&size, &text); err != nil {
			return err
		}
		signed[size] = true
		v.out.Checkpoint = ledger.Checkpoint(text)
		h, err := v.l.readHead(text, v.verifier)
		switch {
		case err != nil:
			v.fault("head of %d entries: %v", size, err)
		case h.size != size:
			v.fault("head of %d entries: it was signed for %d", size, h.size)
		default:
			v.against("head", h)
		}
		return nil
	})
	for _, n := range v.ends {
		if !signed[n] {
			v.fault("entry %d: a run ended here, and its signed head is missing", n)
		}
	}
	return err
}

// against compares a signed head with the entries as they are.
func (v *verifier) against(what string, h head) {
	if h.size > v.out.Entries {
		v.fault("%s of %d entries: the ledger has %d: its tail was cut off", what, h.size, v.out.Entries)
		return
	}
	root, err := tlog.TreeHash(h.size, tlog.HashReaderFunc(v.stored))
	if err != nil || root != h.root {
		v.fault("%s of %d entries: the entries up to there are not those that were signed", what, h.size)
	}
}

// kept compares with a checkpoint that was kept elsewhere.
func (v *verifier) kept(text string) {
	text = strings.TrimSuffix(text, "\n") + "\n" // an editor or a shell may have taken it away
	h, err := v.l.readHead(text, v.verifier)
	if err != nil {
		v.fault("kept checkpoint: %v: it is of another ledger, or this one was written anew", err)
		return
	}
	v.against("kept checkpoint", h)
}
