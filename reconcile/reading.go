package reconcile

import (
	"context"

	"rollcall/plan"
)

// Reading reads the source once and says what that amounts to. The organization
// is not asked. Refused where the reading is not believed: it says why.
func (j Job) Reading(ctx context.Context) (Reading, error) {
	b := plan.New(j.Input)
	c, err := j.read(ctx, b)
	if err == nil {
		err = j.links(ctx, b, c, &leftovers{})
	}
	if err == nil {
		err = j.believe(ctx, c)
	}
	if c == nil {
		return Reading{}, err
	}
	return c.Reading, err
}
