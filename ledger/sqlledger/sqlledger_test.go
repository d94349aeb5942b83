package sqlledger_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/ledger/ledgertest"
	"rollcall/ledger/ledgertest/pgtest"
	"rollcall/ledger/sqlledger"
)

func TestMain(m *testing.M) { os.Exit(pgtest.M{M: m}.Run()) }

// home is a ledger file in a directory of the test's own.
func home(t testing.TB, now func() time.Time) (ledgertest.Home, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	return ledgertest.Home{Open: func(t testing.TB) ledgertest.Ledger { return open(t, path, sqlledger.Options{Now: now}) }}, path
}

// places are one of each kind, for a ledger of the test's own.
func places(t testing.TB) map[string]string {
	t.Helper()
	return map[string]string{"SQLite": filepath.Join(t.TempDir(), "rollcall.db"), "PostgreSQL": pgtest.URL(t)}
}

// opening is what a ledger at place is opened with.
func opening(place string) sqlledger.Options {
	o := sqlledger.Options{Now: time.Now}
	if strings.Contains(place, "://") {
		o.Key = bytes.Repeat([]byte{7}, 32)
	}
	return o
}

func open(t testing.TB, place string, o sqlledger.Options) *sqlledger.Ledger {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), place, o)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	return l
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	ledgertest.Test(t, func(t *testing.T, now func() time.Time) ledgertest.Home {
		h, _ := home(t, now)
		return h
	})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	ledgertest.Test(t, func(t *testing.T, now func() time.Time) ledgertest.Home {
		place := pgtest.URL(t)
		o := opening(place)
		o.Now = now
		return ledgertest.Home{Open: func(t testing.TB) ledgertest.Ledger { return open(t, place, o) }}
	})
}
