package sqlledger_test

import (
	"path/filepath"
	"testing"
	"time"

	"rollcall/ledger/ledgertest"
	"rollcall/ledger/sqlledger"
)

// home is a ledger file in a directory of the test's own.
func home(t testing.TB, now func() time.Time) (ledgertest.Home, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	return ledgertest.Home{Open: func(t testing.TB) ledgertest.Ledger { return open(t, path, sqlledger.Options{Now: now}) }}, path
}

func open(t testing.TB, path string, o sqlledger.Options) *sqlledger.Ledger {
	t.Helper()
	l, err := sqlledger.Open(t.Context(), path, o)
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
