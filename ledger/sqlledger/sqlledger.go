// Package sqlledger keeps a ledger in an SQL database: SQLite, in one file with
// mode 0600, WAL and full synchronization; or PostgreSQL, in a schema of its own.
//
// # What is stored
//
// Table entries is append-only by trigger. An entry has open columns, which name
// nobody, and sealed boxes (seal.go): its text under the key of the person it is
// about, and each mention of somebody else under that person's own key (split.go).
// Persons' keys are random and wrapped by the ledger key; destroying one makes
// every part about that person unreadable, while the chain, which covers the
// sealed bytes (record.go), still verifies. Entries are found by keyed digests of
// source key, userName and id, in tables that are projections too.
//
// Links, open intents, runs and notes are projections (project.go), written in the
// transaction of the entries that cause them; [Ledger.Verify] replays the entries
// and compares.
//
// # Evidence
//
// Entries are chained by SHA-256 and are the leaves of a Merkle log, whose head is
// signed (Ed25519) when a run ends. The file alone shows every entry that was
// altered, removed, added or moved before the newest head that is left; a kept
// checkpoint shows also a tail that was cut off together with its heads, and a
// ledger that was written anew, even by somebody who has its keys.
//
// # Places
//
// Beside an SQLite FILE stand FILE.key (the ledger key: without it nothing in the ledger can
// be read), FILE.sign (the signing key), SQLite's own FILE-wal and FILE-shm, and
// FILE.ORG.lock, one per organization, empty. Every key file is made on first use,
// once, and never written again.
//
// On PostgreSQL the ledger key must be given, the signing key is derived from it
// unless a file is named, and the lock of an organization is an advisory lock of
// the server (engine.go, postgres.go).
package sqlledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/scim"
)

// Options are what a ledger can be opened with; of the zero value only Now must be filled.
type Options struct {
	Now      func() time.Time
	ReadOnly bool   // nothing is written, not even a file made: an absent ledger is an empty one
	Key      []byte // the ledger key, as ParseKey reads it; nil: that of KeyFile
	KeyFile  string // "": FILE.key, and none on PostgreSQL
	SignFile string // "": FILE.sign, and on PostgreSQL a key derived from the ledger key

	// Redact are attributes of one value that are written down as keyed digests,
	// but for those of plans that wait, which are carried out from here.
	Redact []scim.Path

	// Keep is from when on entries are kept, seen from now: what was recorded in
	// whole months before is pruned when a run ends; nil: never.
	Keep func(now time.Time) time.Time

	// Together runs functions that are safe beside each other, and returns when
	// all have ended; nil: one after the other. Verifying lends itself to more than one hand.
	Together func(work ...func())
}

// A Ledger is a ledger.Store in an SQL database.
type Ledger struct {
	db    engine
	o     Options
	id    string
	keys  *keyring
	write *sql.DB // one connection; nil when read-only
	read  *sql.DB
	stmts map[string]*sql.Stmt // on write
	lead  chan struct{}        // holds the caller that commits for all who wait

	intents map[int64]*opened // the last ones, by sequence number; whoever leads has them

	mu    sync.Mutex
	queue []*request
	locks map[ledger.RunID]*sql.DB
	ended bool
}

var (
	_ ledger.Store    = (*Ledger)(nil)
	_ ledger.Counter  = (*Ledger)(nil)
	_ ledger.Notebook = (*Ledger)(nil)
	_ ledger.Register = (*Ledger)(nil)
	_ ledger.Recovery = (*Ledger)(nil)
	_ ledger.Desk     = (*Ledger)(nil)

	_ ledger.Forgetter = (*Ledger)(nil)
)

// Open opens the ledger at place, the path of an SQLite file or the URL of a
// PostgreSQL database (postgres://HOST/DATABASE?schema=NAME); where there is
// none, it makes one, unless o says read-only. What is something else, a ledger
// of a newer version, and a wrong or missing key are refused, and nothing is touched.
func Open(ctx context.Context, place string, o Options) (*Ledger, error) {
	if o.Together == nil {
		o.Together = inTurn
	}
	l := &Ledger{o: o, lead: make(chan struct{}, 1), intents: map[int64]*opened{}, locks: map[ledger.RunID]*sql.DB{}}
	err := l.settle(place)
	if err == nil {
		err = l.open(ctx)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

func inTurn(work ...func()) {
	for _, do := range work {
		do()
	}
}

// settle finds out which engine the place wants, and where its keys are.
func (l *Ledger) settle(place string) error {
	if isServer(place) {
		s, err := newServer(place)
		l.db = s
		return err
	}
	if l.o.KeyFile == "" {
		l.o.KeyFile = place + ".key"
	}
	if l.o.SignFile == "" {
		l.o.SignFile = place + ".sign"
	}
	path, err := filepath.Abs(place)
	if err != nil {
		return fmt.Errorf("open ledger: %w: %w", fault.Invalid, err)
	}
	l.db = file{path}
	return nil
}

// open looks before it opens for writing.
func (l *Ledger) open(ctx context.Context) error {
	if l.o.Key == nil && l.o.KeyFile == "" {
		return fault.WithHint(fmt.Errorf("open ledger %s: its key is not given: %w", l.db.where(), fault.Invalid),
			"write ledger_key: env:NAME or file:/path; openssl rand -base64 32 makes a new one")
	}
	var err error
	l.read, err = l.db.open(ctx, false)
	switch {
	case errors.Is(err, errNoPlace) && l.o.ReadOnly:
		return l.openEmpty(ctx)
	case errors.Is(err, errNoPlace):
		return l.openNew(ctx)
	case err != nil:
		return l.explain("open ledger", err)
	}
	v, err := l.db.speaks().version(ctx, l.read)
	switch {
	case err != nil:
		return l.explain("open ledger", err)
	case v == 0 && l.o.ReadOnly:
		return l.openEmpty(ctx) // not made yet
	case v < newest && l.o.ReadOnly:
		return fault.WithHint(fmt.Errorf("open ledger %s: it is of the older version %d: %w", l.db.where(), v, fault.Invalid),
			"run a command that writes once, such as apply: it brings the ledger up to date")
	case !l.o.ReadOnly:
		return l.openNew(ctx) // made as far as it is not
	}
	err = l.unlock(ctx, l.read, false)
	if errors.Is(err, errUnnamed) {
		return l.openEmpty(ctx)
	}
	return err
}

// openNew opens for writing and makes what is missing, in one transaction.
func (l *Ledger) openNew(ctx context.Context) (err error) {
	if l.write, err = l.db.open(ctx, true); err != nil {
		return l.explain("open ledger", err)
	}
	if err := l.migrate(ctx, l.write); err != nil {
		return l.explain("open ledger", err)
	}
	if err := l.unlock(ctx, l.write, true); err != nil {
		return err
	}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	if l.read == nil {
		l.read, err = l.db.open(ctx, false)
	}
	return l.explain("open ledger", err)
}

// openEmpty is the ledger that is not there, or whose making was broken off: in
// memory, under a key of its own. The next one who writes makes it, or finishes it.
func (l *Ledger) openEmpty(ctx context.Context) (err error) {
	if l.read != nil {
		_ = l.read.Close()
	}
	l.db, l.o.Key = newMemory(l.db.where()), make([]byte, keySize)
	if l.read, err = l.db.open(ctx, false); err == nil {
		err = l.migrate(ctx, l.read)
	}
	if err != nil {
		return l.explain("open ledger", err)
	}
	return l.unlock(ctx, l.read, true)
}

const (
	selectAbout = "SELECT id, checks FROM about WHERE one = 1"
	hasEntries  = "SELECT EXISTS (SELECT 1 FROM entries)"
)

// errUnnamed is a ledger that has its tables and nothing in them: who made it was killed.
var errUnnamed = errors.New("it was not finished being made")

// unlock derives the keys and proves that they are the ledger's; of a ledger without any it makes them.
func (l *Ledger) unlock(ctx context.Context, db *sql.DB, fresh bool) error {
	start := l.begin
	if !fresh {
		start = l.moment
	}
	tx, err := start(ctx, db)
	if err != nil {
		return l.explain("open ledger", err)
	}
	defer func() { _ = tx.Rollback() }()
	var checks []byte
	err = tx.QueryRowContext(ctx, selectAbout).Scan(&l.id, &checks)
	if errors.Is(err, sql.ErrNoRows) {
		err = l.unnamed(ctx, tx)
		if !fresh || !errors.Is(err, errUnnamed) {
			return err
		}
		if err := l.christen(ctx, tx); err != nil {
			return err
		}
		return l.explain("open ledger", tx.Commit())
	}
	if err != nil {
		return l.explain("open ledger", err)
	}
	key, err := l.key(nil)
	if err != nil {
		return err
	}
	if l.keys, err = derive(key, l.id); err != nil {
		return err
	}
	if !l.keys.fits(checks) {
		return fault.WithHint(fmt.Errorf("open ledger %s: the ledger key is another one's: %w", l.db.where(), fault.Invalid),
			"give the key that the ledger was made with (it was in "+l.o.KeyFile+" unless configured otherwise); nothing was changed")
	}
	return nil
}

// unnamed is what is wrong with a ledger that has no name: errUnnamed where nothing was written yet.
func (l *Ledger) unnamed(ctx context.Context, tx *sql.Tx) error {
	var written bool
	if err := tx.QueryRowContext(ctx, hasEntries).Scan(&written); err != nil {
		return l.explain("open ledger", err)
	}
	if !written {
		return errUnnamed
	}
	return fault.WithHint(fmt.Errorf("open ledger %s: it has entries but no name: %w", l.db.where(), fault.Invalid),
		"somebody altered the file: put a copy back (the file, its -wal and its key files together)")
}

const insertAbout = "INSERT INTO about (one, id, checks, verifier) VALUES (1, ?, ?, '')"

// christen gives a new ledger its name and its key.
func (l *Ledger) christen(ctx context.Context, tx *sql.Tx) error {
	key, err := l.key(func() (string, error) { return NewKey(), nil })
	if err != nil {
		return err
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	l.id = hex.EncodeToString(id[:])
	if l.keys, err = derive(key, l.id); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, l.bind(insertAbout), l.id, l.keys.checks)
	return l.explain("open ledger", err)
}

// key is the ledger key as given, or from its file.
func (l *Ledger) key(made func() (string, error)) ([]byte, error) {
	if l.o.Key != nil {
		return ParseKey(base64.StdEncoding.EncodeToString(l.o.Key))
	}
	text, err := secret("key", l.o.KeyFile, made)
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fault.WithPlace(err, l.o.KeyFile)
	}
	return key, nil
}

// Close releases the ledger and the locks of the runs that it began. It does not end a run.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil
	}
	l.ended = true
	var errs []error
	for run, lock := range l.locks {
		errs = append(errs, lock.Close())
		delete(l.locks, run)
	}
	for _, db := range []*sql.DB{l.read, l.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return l.explain("close ledger", errors.Join(errs...))
}
