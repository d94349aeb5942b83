package sqlledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"rollcall/fault"
	"rollcall/ledger"
)

const (
	beginExclusive = "BEGIN EXCLUSIVE"
	selectHolder   = "SELECT run FROM runs WHERE org = ? AND ended = 0 ORDER BY began DESC LIMIT 1"
)

// lock takes the lock of an organization: SQLite's own exclusive lock on an
// empty file beside the ledger. The kernel frees it when the process dies,
// whatever it dies of, so that no process needs to ask whether another lives,
// and a number that the system gave to a new process deceives nobody. Closing
// what is returned gives it back.
func (l *Ledger) lock(ctx context.Context, org string) (*sql.DB, error) {
	sum := sha256.Sum256([]byte(org))
	file := l.path + "." + hex.EncodeToString(sum[:4]) + ".lock"
	if err := touch(file); err != nil {
		return nil, l.unwritable(err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath())
	if err != nil {
		return nil, l.explain("lock ledger", err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	_, err = db.ExecContext(ctx, beginExclusive)
	if err == nil {
		return db, nil
	}
	_ = db.Close()
	if code(err) == tooBusy {
		return nil, l.busy(ctx, org)
	}
	return nil, l.explain("lock ledger", err)
}

// touch makes an empty file with mode 0600 where there is none. It never opens
// one that is there: closing it would give back every lock that this process
// holds on it, as POSIX has it.
func touch(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // the operator names the file
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// busy says who has the lock.
func (l *Ledger) busy(ctx context.Context, org string) error {
	var id string
	err := l.read.QueryRowContext(ctx, selectHolder, l.keys.digest(ofOrg, org)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.Busy(org, ledger.Run{}) // it has just begun, or is just ending
	}
	if err != nil {
		return l.explain("begin run", errors.Join(fault.Busy, err))
	}
	for r, err := range l.Runs(ctx) {
		if err != nil {
			return fmt.Errorf("begin run: %w: %w", fault.Busy, err)
		}
		if string(r.ID) == id {
			return ledger.Busy(org, r)
		}
	}
	return ledger.Busy(org, ledger.Run{})
}
