package sqlledger

import "context"

// Fill makes the database as large as it may ever be.
func Fill(ctx context.Context, l *Ledger) {
	_, _ = l.write.ExecContext(ctx, "PRAGMA max_page_count = 1")
}
