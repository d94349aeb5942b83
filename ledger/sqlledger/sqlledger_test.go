package sqlledger_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/ledger/ledgertest"
	"rollcall/ledger/ledgertest/pgtest"
	"rollcall/ledger/sqlledger"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// home is a ledger file in a directory of the test's own.
func home(t testing.TB, now func() time.Time) (ledgertest.Home, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	return ledgertest.Home{Open: func(t testing.TB) ledgertest.Ledger { return open(t, path, sqlledger.Options{Now: now}) }}, path
}

// served is a place on a PostgreSQL server, and what a ledger there is opened with.
func served(t testing.TB, now func() time.Time) (string, sqlledger.Options) {
	t.Helper()
	return pgtest.URL(t), sqlledger.Options{Now: now, Key: bytes.Repeat([]byte{7}, 32)}
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
		place, o := served(t, now)
		return ledgertest.Home{Open: func(t testing.TB) ledgertest.Ledger { return open(t, place, o) }}
	})
}
