package apply

import (
	"context"
	"fmt"
	"slices"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// verify makes sure of what the answer to a write of a user leaves open: a
// value that it does not show as it was sent, and one that was to be cleared and
// that it does not speak of. The user is read once; what is there otherwise then
// is kept by the service, and noted. A read that fails leaves it at the answer.
func (t *task) verify(ctx context.Context) {
	t.out.Kept = t.kept(t.out.Seen)
	if t.to.Type != scim.User || t.act() != target.Patch || len(t.out.Kept) == 0 && !t.silent() {
		return
	}
	if now, err := t.look(ctx); err == nil && (now.State == target.Active || now.State == target.Inactive) {
		t.out.Seen = t.over(now.Row)
		t.out.Kept = t.kept(t.out.Seen)
	}
	for _, p := range t.out.Kept {
		if p != active { // that is tried in every run
			t.known.note(t.stays(p), false)
		}
	}
}

// silent tells whether something was to be cleared that the answer does not speak of.
func (t *task) silent() bool {
	return slices.ContainsFunc(t.c.Edits, func(e plan.Edit) bool {
		_, known := t.out.Seen.At(e.Path)
		return !known && e.Whole && len(e.Set) == 0
	})
}

// over is the answer with what was read of the edited paths after it.
func (t *task) over(read scim.Row) scim.Row {
	row := t.out.Seen
	if row.Shape() == nil {
		return read
	}
	for _, p := range paths(t.c) {
		if values, known := read.At(p); known {
			row = row.With(p, values...)
		}
	}
	return row
}

// kept are the edited paths that stand otherwise than they were sent, all but
// what the service's side may add to a value.
func (t *task) kept(row scim.Row) (paths []scim.Path) {
	for _, e := range t.c.Edits {
		now, known := row.At(e.Path)
		if !known {
			continue
		}
		if t.Dialect.Retain != nil && len(e.Set) == 1 && len(now) == 1 && e.ID == "" {
			e.Set = []scim.Value{t.Dialect.Retain(e.Path, e.Set[0], now[0])}
		}
		if _, is := e.Kept(now); is {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// stays is the finding on a path whose write the service took without effect.
func (t *task) stays(p scim.Path) plan.Finding {
	name, did := string(p), "the service took another value of %s than it was sent"
	for short, path := range t.Dialect.Short {
		if path == p {
			name = short
		}
	}
	if slices.ContainsFunc(t.c.Edits, func(e plan.Edit) bool { return e.Path == p && e.Whole && len(e.Set) == 0 }) {
		did = "the service took the removal of %s and keeps the value"
	}
	f := plan.Finding{
		Severity: plan.Warning, Code: "value-kept", Key: t.c.Key,
		Text: fmt.Sprintf(did+"; it is not sent again until the value there, or that of the source, changes", name),
	}
	if t.c.Place != (source.Place{}) {
		f.Place = t.c.Place.String()
	}
	return f
}
