// Package genesys is the room of the seam target that speaks to Genesys Cloud:
// SCIM for users and groups, and the few calls of the public API that SCIM has
// no word for (catalogs of names, deleted users, role grants, restoring).
//
// [New] makes a [Client] without touching the network; [Client.Check] tries
// what a run will need and says what each answer proves. [Dialect] is what is
// peculiar about the service, as data.
//
// # Promises
//
// All workers share one token, renewed before it ends and once when the
// service refuses it, and one budget of requests, read from the service's own
// headers. A write is repeated only where the service refused it unprocessed.
// Listings are read with a page in memory, their pages sized to what the
// service bears. No secret, request body or attribute value is logged or put
// into an error.
//
// # What it does not do
//
// It starts no goroutine, decides nothing about people, and keeps nothing
// between processes: callers that want page sizes remembered store
// [Client.PageSizes].
package genesys
