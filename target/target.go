// Package target is the seam to a SCIM service: what planning may read, what
// applying may write, and the dialect in which the service differs from the
// RFCs. Rooms below this one implement it (genesys); package targettest proves
// that they keep its contract.
package target

import (
	"context"
	"iter"
	"time"

	"rollcall/scim"
)

// An Ask is a kind of question to a service.
type Ask uint8

// The questions.
const (
	Page       Ask = iota + 1 // every resource of Type, whatever its state but deleted; Who is unused
	ByID                      // the resource with id Who
	ByUserName                // the users whose userName is Who in any case: active and inactive ones; deleted ones where no other has it
	Deleted                   // every deleted user: id and userName only
	Grants                    // the role grants of the user or group Who itself with their divisions (dossier §11), at GrantsOf, which the shape must have
)

// A Query is one question.
type Query struct {
	Ask   Ask
	Type  scim.Type
	Who   string
	Paths []scim.Path // what must be known of the answer; nil: the whole shape
}

// A State is what has become of a resource.
type State uint8

// The states. Groups are always Active.
const (
	Active State = iota + 1
	Inactive
	Erased // soft-deleted: it can be restored (dossier §5.5)
	Gone   // there is nothing with this id
)

// An Observed is one resource as the service shows it, in canonical form.
type Observed struct {
	scim.Ref

	State State
	Row   scim.Row // in the shape of the question; paths that were not read are not known
}

// A Reader answers questions. It is safe for concurrent use.
type Reader interface {
	// Read yields the answers in no particular order, each resource once. Rows
	// are of shape s, which must be of the query's type. ByID of an id that is
	// not there yields one Observed that is Gone (or Erased); ByUserName that
	// finds nobody yields nothing.
	//
	// An error is the last thing yielded. A *Shifted says that everything was
	// yielded that could be read while others moved the list: absence from it
	// proves nothing. After any other error nothing may be concluded.
	Read(ctx context.Context, q Query, s *scim.Shape) iter.Seq2[Observed, error]
}

// A Shifted ends a listing whose rows do not add up to what the service said
// it has, by at most one in a hundred.
type Shifted struct{ Seen, Total int }

func (*Shifted) Error() string { return "the list moved while it was read" }

// An Act is what a write request does.
type Act uint8

// The acts.
const (
	Create  Act = iota + 1 // POST; To.ID is ""
	Patch                  // PATCH, under To.Version where it is not ""
	Delete                 // DELETE, under To.Version where it is not ""
	Grant                  // add role grants with divisions through the authorization API
	Restore                // bring an Erased user back through the public API
)

// A Request is one write.
type Request struct {
	Act Act
	To  scim.Ref
	Ops []scim.Op // for Create: adds to an empty resource; for Grant: adds of {"role": NAME, "division": NAME}
}

// An Answer is what came back. With an error its fields are filled as far as an
// answer came: Status is 0 where none did.
type Answer struct {
	Observed

	Status      int
	Attempts    int           // requests sent, repetitions after 429 included
	Took        time.Duration // of the last request, waiting excluded
	Correlation string        // the service's id of the last request
}

// A Writer changes a service. It is safe for concurrent use.
//
// Send waits for the pace and repeats what the service refused unprocessed
// (429). It never repeats a write whose fate is unknown: that is Unavailable,
// and the caller looks before sending again. Kinds: Stale (any of the shapes of
// dossier §4), Taken, Missing, Denied, Invalid, Unsupported, Throttled (told to
// wait longer than allowed), Unavailable.
type Writer interface {
	Send(ctx context.Context, r Request, s *scim.Shape) (Answer, error)
}

// A Catalog is a list of names that attribute values must come from.
type Catalog string

// The catalogs of Genesys Cloud.
const (
	Roles     Catalog = "role"
	Divisions Catalog = "division"
	Skills    Catalog = "skill"
	Languages Catalog = "language"
)

// A Cataloger lists names with their ids. Denied where the credentials may not look.
type Cataloger interface {
	Names(ctx context.Context, c Catalog) (map[string]string, error)
}

// Stats are what a connection has done so far.
type Stats struct {
	Requests  int           `json:"requests"`
	Retries   int           `json:"retries"`
	Throttled int           `json:"throttled"` // answers with 429
	Waited    time.Duration `json:"-"`         // for pace and back-off: time in which at least one request waited
	Granted   int           `json:"granted"`   // requests a minute, by the service's headers; 0: not told
}
