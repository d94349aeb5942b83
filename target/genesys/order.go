package genesys

import (
	"context"
	"fmt"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target"
)

var _ target.Orderer = (*Client)(nil)

// Order implements [target.Orderer].
func (c *Client) Order(ctx context.Context, t scim.Type, id string, p scim.Path) ([]scim.Value, error) {
	reply, err := c.fetch(ctx, t, id, newCutter(scim.NewShape(p), nil))
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", noun(t), id, err)
	}
	r, err := scim.ParseResource(t, reply.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w: %w", noun(t), id, fault.Unavailable, err)
	}
	values := r.At(p)
	for i, v := range values {
		if canon, err := canonical(p, v); err == nil {
			values[i] = canon
		}
	}
	return values, nil
}
