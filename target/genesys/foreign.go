package genesys

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rollcall/scim"
	"rollcall/scim/scimclient"
	"rollcall/target"
	"rollcall/target/genesysschema"
)

// Foreign looks at up to most active users for the mark of another SCIM client:
// an external id that the service keeps for a client other than this one
// (dossier §5.3). It answers on how many of how many users it found one. Two
// clients that provision one organization undo each other's work.
func (c *Client) Foreign(ctx context.Context, most int) (foreign, of int, err error) {
	shape := scim.NewShape(externalID, externalIDs)
	cut := newCutter(shape, nil)
	cut.decoder = scimclient.NewDecoder(shape, func(scim.Path) (scimclient.Form, bool) {
		return func(v scim.Value) scim.Value { return v }, true // the rows of others leave these ids out
	})
	err = c.list(ctx, scim.User, cut, func(o target.Observed, err error) bool {
		if of++; marked(o.Row) {
			foreign++
		}
		return of < most
	})
	var shifted *target.Shifted
	if err != nil && !errors.Is(err, errEnough) && !errors.As(err, &shifted) {
		return 0, 0, fmt.Errorf("look for other SCIM clients: %w", err)
	}
	return foreign, of, nil
}

// marked tells that a user's external ids hold more that belong to SCIM
// clients than our own externalId.
func marked(r scim.Row) bool {
	own, _ := r.Index(0)
	ids, _ := r.Index(1)
	kept := 0
	for _, v := range ids {
		if authority, _ := v.Sub("authority").Text(); strings.HasPrefix(authority, genesysschema.ClientAuthority) {
			kept++
		}
	}
	return kept > len(own)
}
