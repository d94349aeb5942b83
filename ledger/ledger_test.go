package ledger_test

import (
	"testing"
	"time"

	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	ledgertest.Test(t, func(_ *testing.T, now func() time.Time) ledgertest.Home {
		m := ledger.NewMemory(now)
		return ledgertest.Home{Open: func(testing.TB) ledgertest.Ledger { return m }}
	})
}
