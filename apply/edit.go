package apply

import (
	"slices"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// resolve puts ids in place of people. What names somebody who is not there is
// taken out of c, value by value, and its path is waiting: the next plan finds
// it missing. A whole value is taken out with its edit, so that it is not cleared.
func resolve(c plan.Change, id func(source.Key) (string, bool)) (_ plan.Change, waiting []scim.Path) {
	if done, ok := c.Resolved(id); ok {
		return done, nil
	}
	known := func(values []scim.Value) (out []scim.Value, all bool) {
		for _, v := range values {
			if r, ok := plan.Resolve(v, id); ok {
				out = append(out, r)
			}
		}
		return out, len(out) == len(values)
	}
	edits := make([]plan.Edit, 0, len(c.Edits))
	for _, e := range c.Edits {
		var set, add, remove, claim bool
		e.Before, _ = known(e.Before)
		e.Keep, _ = known(e.Keep)
		e.Set, set = known(e.Set)
		e.Add, add = known(e.Add)
		e.Remove, remove = known(e.Remove)
		e.Claim, claim = known(e.Claim)
		if !set || !add || !remove || !claim {
			waiting = append(waiting, e.Path)
		}
		if set && (e.Whole || len(e.Add)+len(e.Remove)+len(e.Claim) > 0) {
			edits = append(edits, e)
		}
	}
	c.Edits = edits
	return c, waiting
}

// believed is what a plan supposes at p: what it wants away is there, what it wants added is not.
func (t *task) believed(p scim.Path) []scim.Value {
	for _, e := range t.c.Edits {
		if e.Path != p {
			continue
		}
		now := slices.DeleteFunc(slices.Clone(e.Before), func(v scim.Value) bool { return slices.Contains(e.Add, v) })
		for _, v := range e.Remove {
			if !slices.Contains(now, v) {
				now = append(now, v)
			}
		}
		return now
	}
	return nil
}

// at is what stands at a path: as read where it was, else as believed.
func (t *task) at(row scim.Row) func(scim.Path) []scim.Value {
	return func(p scim.Path) []scim.Value {
		if values, known := row.At(p); known {
			return values
		}
		return t.believed(p)
	}
}

// seen are c's edits with what was read before them. Of a group only those
// members that are edited are kept.
func (t *task) seen(row scim.Row) []plan.Edit {
	edits := slices.Clone(t.c.Edits)
	for i, e := range edits {
		values, known := row.At(e.Path)
		if !known {
			continue
		}
		if e.Path == target.Members {
			values = slices.DeleteFunc(slices.Clone(values), func(v scim.Value) bool {
				return !slices.Contains(e.Add, v) && !slices.Contains(e.Remove, v)
			})
		}
		edits[i].Before = values
	}
	return edits
}

// moved adds paths whose value somebody else had changed.
func (t *task) moved(paths []scim.Path) {
	for _, p := range paths {
		if !slices.Contains(t.out.Moved, p) {
			t.out.Moved = append(t.out.Moved, p)
		}
	}
}

// editing are the paths of c that the last request was about.
func (t *task) editing() (paths []scim.Path) {
	for _, e := range t.out.Edits {
		one := plan.Change{Op: t.c.Op, Target: t.c.Target, Edits: []plan.Edit{e}}
		if ops, _ := one.Against(t.believed); len(ops) > 0 {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// both are the paths in a that are in b too.
func both(a, b []scim.Path) []scim.Path {
	return slices.DeleteFunc(slices.Clone(a), func(p scim.Path) bool { return !slices.Contains(b, p) })
}

func paths(c plan.Change) []scim.Path {
	paths := make([]scim.Path, len(c.Edits))
	for i, e := range c.Edits {
		paths[i] = e.Path
	}
	return paths
}

func (t *task) shape() *scim.Shape {
	if t.c.Op == plan.Grant {
		return scim.NewShape(target.GrantsOf)
	}
	if t.to.Type == scim.Group {
		return t.Groups
	}
	return t.Users
}
