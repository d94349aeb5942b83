package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/source"
)

// An Op says what a change does to its resource.
type Op string

// The ops (style §3).
const (
	Create     Op = "create"
	Adopt      Op = "adopt" // link and claim an existing user; its edits may be empty, and then nothing is sent
	Update     Op = "update"
	Rename     Op = "rename" // an update that changes userName
	Deactivate Op = "deactivate"
	Reactivate Op = "reactivate"
	Delete     Op = "delete"
	Join       Op = "join"  // members added to a group
	Leave      Op = "leave" // members removed from a group
	Grant      Op = "grant"
	Restore    Op = "restore"
	Rekey      Op = "rekey"   // the link of From becomes Key's; nothing is sent
	Confirm    Op = "confirm" // the user is as desired already: the ledger is told, nothing is sent
	Unlink     Op = "unlink"  // the user is gone by another hand: the link is closed, nothing is sent
)

// An Edit is the intent for one attribute, relative to what is there when it is sent.
//
// Single values and exact sets say the whole (Set, Whole true); sets of mode
// mine and add, and members, say elements (Add, Remove).
type Edit struct {
	Path   scim.Path    `json:"path"`
	Before []scim.Value `json:"before,omitempty"` // as believed at planning
	Whole  bool         `json:"whole,omitempty"`  // Set is the whole value; empty: remove
	Set    []scim.Value `json:"set,omitempty"`
	Add    []scim.Value `json:"add,omitempty"`
	Remove []scim.Value `json:"remove,omitempty"`
	Claim  []scim.Value `json:"claim,omitempty"` // present and desired: ours from now on, nothing is sent
	ID     string       `json:"by,omitempty"`    // identifying sub-attribute of a set's elements; "": a single value
	Keep   []scim.Value `json:"keep,omitempty"`  // never removed as surplus of Set
	Back   bool         `json:"back,omitempty"`  // gives back what leaving took: whose it was it stays, it does not become ours
}

// A Change is one write request and the unit of intent, outcome, limit, approval and undo.
type Change struct {
	ID       string       `json:"id"` // digest of key, op, target and edits: the same in every plan of the same intent
	Op       Op           `json:"op"`
	Key      source.Key   `json:"key,omitempty"`      // "" for a group
	From     Former       `json:"from,omitempty"`     // of a rekey: the key that had the link
	UserName string       `json:"userName,omitempty"` // the user's, before the change; of a group its displayName
	Target   scim.Ref     `json:"target"`             // ID "": what an earlier wave of this plan creates for Key
	Wave     int          `json:"wave"`
	Fresh    bool         `json:"fresh,omitempty"` // read the edited paths immediately before: secondary, or the version is not known
	Reason   string       `json:"reason"`          // NewInSource, MatchedByUserName, AttributesDiffer, LeftSource, ...
	Place    source.Place `json:"place,omitzero"`
	Edits    []Edit       `json:"edits,omitempty"`
	Held     string       `json:"held,omitempty"` // why it waits instead of being applied: the name of a limit; "" it goes
	Sent     Digest       `json:"sent,omitzero"`  // of the Desired that is carried out once this is done; zero: it does not complete one

	// Leaving is, of a leaver's change, what the ledger is to keep of them:
	// planning names the paths, applying reads them before the change is intended.
	// Of one that brings somebody back it is what is still to be given back then.
	Leaving []Trait `json:"leaving,omitempty"`

	// Owes are, of a create, the attributes that are set at creation only and that
	// it does not carry: a later change does, of this plan or of one to come.
	Owes []scim.Path `json:"owes,omitempty"`

	// Seen is, of a change that sends nothing, the user as planning read it: the
	// ledger remembers that. It lives as long as the plan.
	Seen []Trait `json:"-"`
}

// identify computes the ID: a digest of what c intends, not of what it
// believes (Before, Keep, the version), so that it is the same in every plan of the
// same intent. It writes into scratch memory, which it gives back.
func (c Change) identify(b []byte) (id string, scratch []byte) {
	for _, s := range []string{string(c.Key), string(c.Op), string(c.Target.Type), c.Target.ID} {
		b = appendText(b, s)
	}
	if c.From != "" {
		b = appendText(b, c.From)
	}
	for _, e := range c.Edits {
		b = appendText(b, string(e.Path))
		b = strconv.AppendBool(b, e.Whole)
		if e.Back {
			b = appendText(b, "back")
		}
		for _, vs := range [][]scim.Value{e.Set, e.Add, e.Remove, e.Claim} {
			b = appendValues(b, vs)
		}
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:idBytes]), b
}

// idBytes of a SHA-256 name a change: 80 bits tell a million changes apart.
const idBytes = 10

// sends tells whether c can need a request: a bare link, or claims only, never does.
func (c Change) sends() bool {
	if c.Op != Adopt && c.Op != Join && c.Op != Leave && c.Op != Update && c.Op != Rekey && c.Op != Unlink && c.Op != Confirm {
		return true
	}
	return slices.ContainsFunc(c.Edits, func(e Edit) bool { return e.Whole || len(e.Add) > 0 || len(e.Remove) > 0 })
}

// Digest is what [Link.Sent] remembers of d: who, what and which groups.
func (d Desired) Digest() Digest {
	b := appendText(nil, d.Key)
	b = appendText(b, d.Row.Packed())
	for _, g := range d.Groups {
		b = appendText(b, g)
	}
	if d.Unnamed {
		b = appendText(b, "\x00unnamed")
	}
	return sha256.Sum256(b)
}

// MarshalText writes d in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("read digest: %w: %w", fault.Invalid, errDigest)
	}
	if _, err := hex.Decode(d[:], text); err != nil {
		return fmt.Errorf("read digest: %w: %w", fault.Invalid, err)
	}
	return nil
}

var errDigest = errors.New("not 64 hexadecimal digits")
