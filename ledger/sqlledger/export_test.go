package sqlledger

import "context"

// Fill makes the database as large as it may ever be.
func Fill(ctx context.Context, l *Ledger) {
	_, _ = l.write.ExecContext(ctx, "PRAGMA max_page_count = 1")
}

// LockNumber is the number by which PostgreSQL knows the lock of an organization.
func LockNumber(place, org string) int64 {
	s, err := newServer(place)
	if err != nil {
		panic(err)
	}
	return s.number(org)
}
