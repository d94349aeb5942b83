package sqlledger_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/ledger/sqlledger"
)

// unnamed is a ledger whose maker was killed between its tables and its name.
func unnamed(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if err := open(t, path, options()).Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, path, "DELETE FROM about")
	return path
}

func TestAnUnfinishedLedgerIsEmptyUntilSomebodyWrites(t *testing.T) {
	t.Parallel()
	path := unnamed(t)
	o := options()
	o.ReadOnly = true
	l := open(t, path, o)
	if v, err := l.Verify(t.Context(), ""); err != nil || len(v.Faults) > 0 {
		t.Errorf("Verify() = %v, %v, want an empty ledger without faults", v, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []sqlledger.Options{o, options(), o} {
		if err := open(t, path, step).Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALedgerWithEntriesMustHaveItsName(t *testing.T) {
	t.Parallel()
	path, _ := lay(t)
	damage(t, path, "DELETE FROM about")
	for _, readOnly := range []bool{true, false} {
		o := options()
		o.ReadOnly = readOnly
		if _, err := sqlledger.Open(t.Context(), path, o); fault.Of(err) != fault.Invalid || fault.Hint(err) == "" {
			t.Errorf("Open(read-only %v) = %v, want Invalid with a hint", readOnly, err)
		}
	}
}

func TestAKeyThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if err := open(t, path, options()).Close(); err != nil {
		t.Fatal(err)
	}
	key := path + ".key"
	if err := os.Chmod(key, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := sqlledger.Open(t.Context(), path, options())
	if fault.Of(err) != fault.Invalid || fault.Hint(err) != "chmod 600 "+key || !strings.Contains(err.Error(), "0640") {
		t.Errorf("Open() = %v (hint %q), want Invalid: mode 0640", err, fault.Hint(err))
	}
}
