package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"rollcall/fault"
	"rollcall/ledger"
)

// each shows use what a reading yields; the first error ends it.
func each[T any](all iter.Seq2[T, error], use func(T)) error {
	for one, err := range all {
		if err != nil {
			return err
		}
		use(one)
	}
	return nil
}

// noted reads the newest note of that name into value; known is false where
// there is none, or the ledger keeps no notes.
func (j Job) noted(ctx context.Context, name string, value any) (known bool, err error) {
	book, ok := j.Store.(ledger.Notebook)
	if !ok {
		return false, nil
	}
	text, err := book.Noted(ctx, name)
	if err != nil || text == nil {
		return false, err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return false, fmt.Errorf("recall %s: %w: %w", name, fault.Internal, err)
	}
	return true, nil
}

// jot remembers value under name, where it is news.
func (j Job) jot(ctx context.Context, book ledger.Notebook, id ledger.RunID, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("remember %s: %w: %w", name, fault.Internal, err)
	}
	known, err := book.Noted(ctx, name)
	if err != nil || string(known) == string(text) {
		return err
	}
	return book.Note(ctx, id, name, text)
}

// unsettled yields the changes that were left without an outcome; none where
// the ledger does not tell.
func unsettled(ctx context.Context, s ledger.Store) iter.Seq2[ledger.Unsettled, error] {
	if r, ok := s.(ledger.Recovery); ok {
		return r.Unsettled(ctx)
	}
	return func(func(ledger.Unsettled, error) bool) {}
}
