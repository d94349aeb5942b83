package ledger

import (
	"context"
	"fmt"

	"rollcall/fault"
	"rollcall/source"
)

// A Known is somebody whom the ledger knows, as far as it knows them.
type Known struct {
	Key      source.Key `json:"key,omitempty"`
	UserName string     `json:"userName,omitempty"`
	ID       string     `json:"id,omitempty"`
	Entries  int        `json:"entries"`          // that mention them
	Linked   bool       `json:"linked,omitempty"` // by a link that is not closed
	Former   int        `json:"former,omitempty"` // other keys of theirs, of before a rekey
}

// A Forgetter forgets people.
type Forgetter interface {
	// Known is whom who means: a source key, an id, or else a userName. Missing
	// where the ledger knows nobody of that name, Invalid where it means several.
	Known(ctx context.Context, who string) (Known, error)

	// Forget destroys the keys of whom who means, within a run: what entries say
	// of them can never be read again, their link and their names are gone, and
	// so is what waits for them. The chain stands, and whoever comes again under
	// the same key is somebody new.
	Forget(ctx context.Context, run RunID, who string) (Known, error)
}

// Nobody is the error of a name that means nobody.
func Nobody(who string) error {
	return fault.WithHint(fmt.Errorf("find %q: the ledger knows nobody of that name: %w", who, fault.Invalid),
		"give a source key, a Genesys id or the newest userName; who was forgotten is known no more")
}

// Several is the error of a name that several people had.
func Several(who string, n int) error {
	return fault.WithHint(fmt.Errorf("find %q: %d people had this userName: %w", who, n, fault.Invalid),
		"give the source key or the Genesys id of the one who is meant")
}
