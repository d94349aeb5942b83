package target

import (
	"context"

	"rollcall/scim"
)

// An Orderer is a [Reader] that can tell the elements of a multi-valued
// attribute in the order in which the service shows them: rows sort them, and
// SCIM gives the order no meaning, but people count.
type Orderer interface {
	// Order is the elements at p of one resource, in canonical form. Missing
	// where the resource is not there.
	Order(ctx context.Context, t scim.Type, id string, p scim.Path) ([]scim.Value, error)
}
