package app

import (
	"context"

	"rollcall/internal/config"
	"rollcall/target/genesys"
)

// OpenDrift is Open for a look at what others changed. The source is asked only
// whom it wants in an exact group: where it cannot be opened the job has none.
func (h Host) OpenDrift(ctx context.Context, file string, in Intent) (*Sync, error) {
	c, err := config.Load(file, h.surroundings(), genesys.Dialect())
	if err != nil {
		return nil, err
	}
	y, err := h.assemble(ctx, c, false, in, false)
	if err != nil {
		return nil, err
	}
	if err := h.openSource(ctx, y); err != nil {
		y.Job.Source, y.Job.Mapping = nil, nil
	}
	return y, nil
}
