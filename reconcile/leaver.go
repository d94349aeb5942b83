package reconcile

import (
	"context"
	"slices"
	"strings"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// What the clock of leavers needs beside intents and outcomes is noted by every
// run that read the source: the rule for leavers, and who of them has an account
// that somebody else had made inactive, so that there was nothing to do.

const (
	leaversNote = "leavers "       // and the sync
	shutNote    = "left inactive " // and the sync
)

func isRule(n ledger.Entry) bool { return strings.HasPrefix(n.Name, leaversNote) }

func isShut(n ledger.Entry) bool { return strings.HasPrefix(n.Name, shutNote) }

// A leaverRule is what is configured about leavers.
type leaverRule struct {
	Action string `json:"action"`
	After  int    `json:"after"` // days
}

// miss keeps of a link whom to look for among the users: people who are missing
// and whose account no run of ours closed, or was about to; nobody where a row does
// not tell whose it is.
func (c *census) miss(l plan.Link) {
	if c.blank == 0 && !l.Closed && l.Ref.ID != "" && l.Open == "" && l.Deactivated.IsZero() && !c.has(l.Key) {
		c.missing[l.Ref.ID] = l.Key
	}
}

// find takes in a user.
func (c *census) find(o target.Observed) {
	if key, is := c.missing[o.ID]; is && o.Type == scim.User && o.State == target.Inactive {
		delete(c.missing, o.ID) // once
		c.shut = append(c.shut, reference{key})
	}
}

func (j Job) leaverRule() leaverRule {
	if l := j.Input.Policy.Leaving; j.Input.Policy.Lifecycle {
		return leaverRule{l.Action, l.After}
	}
	return leaverRule{Action: "none"}
}

// noteShut remembers whose account somebody else had made inactive, once they
// are marked as missing.
func (j Job) noteShut(ctx context.Context, id ledger.RunID, c *census) error {
	book, ok := j.Store.(ledger.Notebook)
	if !ok {
		return nil
	}
	known, err := book.Noted(ctx, shutNote+j.Start.Sync)
	if err != nil || len(c.shut) == 0 && known == nil {
		return err
	}
	slices.SortFunc(c.shut, func(a, b reference) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return j.jot(ctx, book, id, shutNote+j.Start.Sync, append([]reference{}, c.shut...))
}
