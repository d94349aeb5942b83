package sqlledger

import (
	"context"

	"rollcall/ledger"
)

// Fill makes the database as large as it may ever be.
func Fill(ctx context.Context, l *Ledger) {
	_, _ = l.write.ExecContext(ctx, "PRAGMA max_page_count = 1")
}

// Explain is how the database finds the entries that f selects, step by step.
func Explain(ctx context.Context, l *Ledger, f ledger.Filter) (steps []string, err error) {
	query, args := l.selection(f)
	args = append(args, int64(0), page)
	if f.Who+string(f.Run) == "" {
		query, args = firstSince, []any{int64(0)}
	}
	words, width := "EXPLAIN QUERY PLAN ", 4
	tx, err := l.moment(ctx, l.read)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	if isServer(l.db.where()) {
		words, width = "EXPLAIN ", 1
		if _, err := tx.ExecContext(ctx, "SET LOCAL enable_seqscan = off"); err != nil { // of few rows it reads all
			return nil, err
		}
	}
	rows, err := tx.QueryContext(ctx, words+l.bind(query), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		into := make([]any, width)
		for i := range into {
			into[i] = new(any)
		}
		var step string
		into[width-1] = &step
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}

// LockNumber is the number by which PostgreSQL knows the lock of an organization.
func LockNumber(place, org string) int64 {
	s, err := newServer(place)
	if err != nil {
		panic(err)
	}
	return s.number(org)
}
