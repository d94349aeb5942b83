package reconcile

import (
	"context"
	"fmt"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// sizes are the numbers of members of the groups that changes take more from
// than any limit lets go: percentages are of them. Others are not asked for.
func (j Job) sizes(ctx context.Context, changes []plan.Change, p plan.Policy) (map[string]int, error) {
	least := min(smallest, p.Bound(plan.GroupRemovals).N)
	removed := map[string]int{}
	for _, c := range changes {
		for _, e := range c.Edits {
			if c.Target.Type == scim.Group {
				removed[c.Target.ID] += len(e.Remove)
			}
		}
	}
	sizes := map[string]int{}
	for id, n := range removed {
		if n == 0 || n+p.RecentRemovals[id] <= least {
			continue
		}
		q := target.Query{Ask: target.ByID, Type: scim.Group, Who: id, Paths: []scim.Path{target.Members}}
		for o, err := range j.Reader.Read(ctx, q, scim.NewShape(displayNamePath, target.Members)) {
			if err != nil {
				return nil, fmt.Errorf("count members: %w", err)
			}
			members, _ := o.Row.At(target.Members)
			sizes[id] = len(members)
		}
	}
	return sizes, nil
}

// smallest is what may leave any group: half of ten.
const smallest = 5
