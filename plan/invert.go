package plan

import (
	"slices"

	"rollcall/scim"
)

// Invert answers the edits that take back what the edits of done, changes of one
// resource in the order in which they were carried out, have come to. They must be
// as carried out: with Before as read, and ids in the place of people.
//
// A single value gets back what it had before the first of them. Of a set only the
// elements that were added, removed or altered are named, whatever the mode, so that
// those of others stay: Add and Remove change places, and an altered element gets back
// its sub-values. Before is what done left there: what is there now otherwise,
// somebody else changed since ([Edit.Since]). What was only claimed is not mentioned.
func Invert(done []Change) []Edit {
	var traces []trace
	for _, c := range done {
		for _, e := range c.Edits {
			if e.claimsOnly() {
				continue
			}
			i := slices.IndexFunc(traces, func(t trace) bool { return t.path == e.Path })
			if i < 0 {
				i = len(traces)
				traces = append(traces, trace{path: e.Path, id: e.ID, single: e.ID == "" && e.Whole, back: e.Back, was: e.Before})
			}
			traces[i].follow(e)
		}
	}
	var edits []Edit
	for _, t := range traces {
		if e := t.inverse(); !e.same(e.Before, e.Set) || len(e.Add)+len(e.Remove) > 0 {
			edits = append(edits, e)
		}
	}
	return edits
}

// A trace is what became of one attribute.
type trace struct {
	path    scim.Path
	id      string
	single  bool
	back    bool
	was, is []scim.Value // of a single value
	turns   []turn       // of a set
}

// A turn is what became of one element; "": it was not, or is not, there.
type turn struct{ was, is scim.Value }

func (t *trace) follow(e Edit) {
	if t.single {
		t.is = e.Set
		return
	}
	before, after := e.believed(), e.After()
	for _, v := range before {
		if _, stays := e.find(after, v); !stays {
			t.turn(v, "")
		}
	}
	for _, v := range after {
		was, _ := e.find(before, v)
		t.turn(was, v)
	}
}

// turn takes in that the element was turned into is.
func (t *trace) turn(was, is scim.Value) {
	one := was
	if was == "" {
		one = is
	}
	name := identity(one, t.id)
	i := slices.IndexFunc(t.turns, func(o turn) bool {
		return o.was != "" && identity(o.was, t.id) == name || o.is != "" && identity(o.is, t.id) == name
	})
	if i < 0 {
		t.turns = append(t.turns, turn{was, is})
		return
	}
	t.turns[i].is = is
}

func (t *trace) inverse() Edit {
	if t.single {
		return Edit{Path: t.path, Before: t.is, Whole: true, Set: t.was, Back: t.back}
	}
	e := Edit{Path: t.path, ID: t.id, Back: t.back}
	for _, o := range t.turns {
		if o.was == o.is {
			continue
		}
		if o.is != "" {
			e.Before = append(e.Before, o.is)
		}
		if o.was == "" {
			e.Remove = append(e.Remove, o.is)
		} else {
			e.Add = append(e.Add, o.was)
		}
	}
	return e
}

// A Conflict is a value that somebody changed since it was written.
type Conflict struct {
	Path              scim.Path
	Wrote, Now, Taken []scim.Value // as it was left, as it is, and as it would be put back; none: absent
}

// Since is what is left to do of e, an edit of [Invert], where the attribute is
// as now: without what is so already, and without what somebody changed since,
// which the conflicts tell, unless force puts that back too. What is left rests on now.
func (e Edit) Since(now []scim.Value, force bool) (Edit, []Conflict) {
	if e.ID == "" && e.Whole {
		return e.wholeSince(now, force)
	}
	var conflicts []Conflict
	due := func(vs []scim.Value, one func(scim.Value) Edit) (rest []scim.Value) {
		for _, v := range vs {
			alone := one(v)
			switch {
			case alone.moved(now) && !force:
				conflicts = append(conflicts, alone.conflict(now, v))
			case len(alone.elements(now)) > 0:
				rest = append(rest, v)
			}
		}
		return rest
	}
	e.Add = due(e.Add, func(v scim.Value) Edit { return Edit{Path: e.Path, ID: e.ID, Before: e.Before, Add: []scim.Value{v}} })
	e.Remove = due(e.Remove, func(v scim.Value) Edit {
		return Edit{Path: e.Path, ID: e.ID, Before: e.Before, Remove: []scim.Value{v}}
	})
	e.Before = slices.Clone(e.spoken(now))
	return e, conflicts
}

// wholeSince is Since of a single value.
func (e Edit) wholeSince(now []scim.Value, force bool) (Edit, []Conflict) {
	switch {
	case e.same(now, e.Set):
		return Edit{}, nil
	case !e.same(now, e.Before) && !force:
		return Edit{}, []Conflict{{Path: e.Path, Wrote: e.Before, Now: now, Taken: e.Set}}
	}
	e.Before = now
	return e, nil
}

// spoken are the elements of now that e speaks of.
func (e Edit) spoken(now []scim.Value) (out []scim.Value) {
	for _, v := range now {
		_, added := e.find(e.Add, v)
		_, removed := e.find(e.Remove, v)
		if added || removed {
			out = append(out, v)
		}
	}
	return out
}

// conflict is that of e, which speaks of v alone.
func (e Edit) conflict(now []scim.Value, v scim.Value) Conflict {
	c := Conflict{Path: e.Path, Taken: e.Add}
	if wrote, left := e.find(e.Before, v); left {
		c.Wrote = []scim.Value{wrote}
	}
	if have, there := e.find(now, v); there {
		c.Now = []scim.Value{have}
	}
	return c
}
