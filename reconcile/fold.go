package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

const (
	userNamePath scim.Path = "userName"
	activePath   scim.Path = "active"
	emailsPath   scim.Path = "emails"
	mirrorType             = "other" // the e-mail that is the userName (dossier §5.2)
)

// A folder turns the operations on one user into edits, relative to the user
// as read: the last word on an attribute counts.
type folder struct {
	dialect target.Dialect
	now     target.Observed
	order   map[scim.Path][]scim.Value // of attributes that an index counts in, as the service shows them
	edits   []plan.Edit
	places  []string // of the first operation of each edit
	mirrors []mirror

	said    map[scim.Path]saying // before the update that is being taken in, of what it touches
	touched map[scim.Path]string // by it: place of its last operation on each
}

// A saying is what updates of one user come to for an attribute.
type saying struct {
	edit  plan.Edit
	place string // of their first operation on it
}

// A mirror is an operation on the e-mail that is the userName.
type mirror struct {
	value scim.Value
	place string
}

// add takes in one operation. The error says what is wrong with it for this
// user; it names neither place nor user.
func (f *folder) add(e explicit) error {
	path, err := f.located(e)
	if err != nil {
		return err
	}
	e.Path = path
	if handled, err := f.mirror(&e); handled || err != nil {
		return err
	}
	if other := f.overlapping(e.Path); other != "" {
		return fmt.Errorf("%s and %s are one attribute: say it in one operation", e.Path, other)
	}
	set, whole := f.dialect.Sets[e.Path]
	parts := e.Path.Parts()
	switch {
	case whole:
		f.elements(e, set)
	case parts.Filter != nil && parts.Sub == "":
		return f.element(e, parts)
	default:
		f.value(e)
	}
	return nil
}

// located replaces an index by the filter that picks the element it stands at.
func (f *folder) located(e explicit) (scim.Path, error) {
	if e.index < 0 {
		return e.Path, nil
	}
	parts := e.Path.Parts()
	base := parts.Base()
	set, ok := f.dialect.Sets[base]
	if !ok {
		return "", fmt.Errorf("%s has no elements that an index could count", base)
	}
	elements, ordered := f.order[base]
	if !ordered {
		elements = f.at(base)
	}
	if e.index >= len(elements) {
		return "", fmt.Errorf("%s[%d]: the user has %d elements there", base, e.index, len(elements))
	}
	path := scim.ElementPath(base, set.Sub[0], elements[e.index])
	if parts.Sub != "" {
		path += "." + scim.Path(parts.Sub)
	}
	return path, nil
}

// mirror takes in what is said of the e-mail that is the userName: it is judged
// when the userName of the update is known.
func (f *folder) mirror(e *explicit) (handled bool, err error) {
	parts := e.Path.Parts()
	if parts.URN != "" || parts.Attr != string(emailsPath) {
		return false, nil
	}
	if parts.Filter == nil {
		kept := []scim.Value{}
		for _, v := range e.Value.Elements() {
			if isMirror(v) {
				f.mirrors = append(f.mirrors, mirror{v.Sub("value"), e.place})
			} else {
				kept = append(kept, v)
			}
		}
		if e.Value != "" {
			e.Value = arrayOf(kept)
		}
		return e.Verb == scim.Add && len(kept) == 0, nil
	}
	_, v, ok := parts.Filter.Equality()
	if text, _ := v.Text(); !ok || !strings.EqualFold(text, mirrorType) {
		return false, nil
	}
	value := e.Value
	if parts.Sub == "" {
		value = e.Value.Sub("value")
	}
	if e.Verb == scim.Remove || parts.Sub != "" && parts.Sub != "value" {
		return true, fmt.Errorf("the e-mail of type %s is the userName: it cannot be changed by itself", mirrorType)
	}
	f.mirrors = append(f.mirrors, mirror{value, e.place})
	return true, nil
}

func isMirror(v scim.Value) bool {
	text, _ := v.Sub("type").Text()
	return strings.EqualFold(text, mirrorType)
}

// overlapping is the path of an edit that speaks of the same elements as p
// does in another way; "" where there is none.
func (f *folder) overlapping(p scim.Path) scim.Path {
	base := func(p scim.Path) scim.Path { return p.Parts().Base() }
	filtered := func(p scim.Path) bool { parts := p.Parts(); return parts.Filter != nil && parts.Sub != "" }
	for _, e := range f.edits {
		if e.Path != p && base(e.Path) == base(p) && filtered(e.Path) != filtered(p) {
			return e.Path
		}
	}
	return ""
}

// update begins another update of the same user.
func (f *folder) update() { f.said, f.touched = map[scim.Path]saying{}, map[scim.Path]string{} }

// contradictions are the attributes, sorted, of which the update says otherwise
// than those before it: whichever counted, somebody's word would be lost in silence.
func (f *folder) contradictions() (paths []scim.Path) {
	for _, e := range f.edits {
		if before, ok := f.said[e.Path]; ok && !agree(before.edit, e) {
			paths = append(paths, e.Path)
		}
	}
	slices.Sort(paths)
	return paths
}

// agree tells whether all that was said holds still after more was said.
func agree(said, now plan.Edit) bool {
	there := slices.Concat(now.Set, now.Add)
	has := func(v scim.Value) bool { return slices.Contains(there, v) }
	hasNot := func(v scim.Value) bool { return len(without([]scim.Value{v}, there, now.ID)) > 0 }
	switch {
	case now.ID == "":
		return slices.Equal(said.Set, now.Set)
	case said.Whole:
		return now.Whole && len(said.Set) == len(now.Set) && !slices.ContainsFunc(said.Set, func(v scim.Value) bool { return !has(v) })
	default:
		return !slices.ContainsFunc(said.Add, func(v scim.Value) bool { return !has(v) }) &&
			!slices.ContainsFunc(said.Remove, func(v scim.Value) bool { return !hasNot(v) })
	}
}

// edit is the edit of p, made where there is none.
func (f *folder) edit(p scim.Path, place string) *plan.Edit {
	_, again := f.touched[p]
	f.touched[p] = place
	for i := range f.edits {
		if f.edits[i].Path == p {
			if !again {
				f.said[p] = saying{f.edits[i], f.places[i]}
			}
			return &f.edits[i]
		}
	}
	f.edits = append(f.edits, plan.Edit{Path: p, Before: f.at(p)})
	f.places = append(f.places, place)
	return &f.edits[len(f.edits)-1]
}

// at is what the user has at p: as read, or picked from the elements that were read.
func (f *folder) at(p scim.Path) (values []scim.Value) {
	if values, known := f.now.Row.At(p); known {
		return values
	}
	if base := p.Parts().Base(); base != p {
		elements, _ := f.now.Row.At(base)
		return picked(elements, p)
	}
	return nil
}

// picked is what p, which is within an attribute, finds in its elements.
func picked(elements []scim.Value, p scim.Path) (values []scim.Value) {
	parts := p.Parts()
	base := parts.Base()
	for _, v := range elements {
		values = append(values, pick(v, base, parts)...)
	}
	return values
}

// pick is the element v, or its sub-attribute, where the filter of parts picks it.
func pick(v scim.Value, base scim.Path, parts scim.Parts) []scim.Value {
	o, _ := v.Any().(map[string]any)
	if parts.Filter != nil && !parts.Filter.Match(o, base, nil) {
		return nil
	}
	if parts.Sub != "" {
		v = v.Sub(parts.Sub)
	}
	if v == "" {
		return nil
	}
	return []scim.Value{v}
}

// value takes in an operation on a single value.
func (f *folder) value(e explicit) {
	edit := f.edit(e.Path, e.place)
	edit.Whole, edit.Set = true, nil
	if e.Verb != scim.Remove {
		edit.Set = e.Value.Elements()
	}
}

// elements takes in an operation on a whole set.
func (f *folder) elements(e explicit, set target.Set) {
	edit := f.edit(e.Path, e.place)
	edit.ID = set.Sub[0]
	if e.Path == emailsPath { // the mirror of the userName is nobody's surplus
		edit.Keep = []scim.Value{scim.ValueOf(map[string]any{"type": mirrorType})}
	}
	values := e.Value.Elements()
	switch {
	case e.Verb == scim.Replace, e.Verb == scim.Remove && len(values) == 0:
		edit.Whole, edit.Set, edit.Add, edit.Remove = true, values, nil, nil
	case e.Verb == scim.Add && edit.Whole:
		edit.Set = with(edit.Set, values, edit.ID)
	case e.Verb == scim.Add:
		edit.Add, edit.Remove = with(edit.Add, values, edit.ID), without(edit.Remove, values, edit.ID)
	case edit.Whole:
		edit.Set = without(edit.Set, values, edit.ID)
	default:
		edit.Remove, edit.Add = with(edit.Remove, values, edit.ID), without(edit.Add, values, edit.ID)
	}
}

// element takes in an operation on one element of a set, picked by what identifies it.
func (f *folder) element(e explicit, parts scim.Parts) error {
	base := parts.Base()
	set, ok := f.dialect.Sets[base]
	attr, name, equal := parts.Filter.Equality()
	if !ok || !equal || !strings.EqualFold(string(attr), set.Sub[0]) {
		return fmt.Errorf("%s: the filter is to pick an element by its %s", e.Path, "identifying sub-attribute")
	}
	member := map[string]any{}
	if o, ok := e.Value.Any().(map[string]any); ok {
		member = o
	}
	member[set.Sub[0]] = name.Any()
	verb := scim.Add // replacing an element changes what differs in it
	if e.Verb == scim.Remove {
		verb = scim.Remove
	}
	element, err := f.dialect.Canonical(base, scim.ValueOf([]any{member}))
	if err != nil {
		return err
	}
	e.Op = scim.Op{Verb: verb, Path: base, Value: element}
	f.elements(e, set)
	return nil
}

// with is set and the elements of more, of two with one identity the later.
func with(set, more []scim.Value, id string) []scim.Value {
	return append(without(set, more, id), more...)
}

func without(set, drop []scim.Value, id string) []scim.Value {
	return slices.DeleteFunc(slices.Clone(set), func(v scim.Value) bool {
		return slices.ContainsFunc(drop, func(d scim.Value) bool { return d.Sub(id) == v.Sub(id) })
	})
}

// wanted is the single value an edit gives p, else what the user has.
func (f *folder) wanted(p scim.Path) scim.Value {
	values := f.at(p)
	for _, e := range f.edits {
		if e.Path == p {
			values = e.Set
		}
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// op says what the edits do to the user: what is bounded most closely counts.
func (f *folder) op() plan.Op {
	for _, e := range f.edits {
		switch {
		case e.Path != activePath:
		case f.wanted(activePath) == "false":
			return plan.Deactivate
		default:
			return plan.Reactivate
		}
	}
	for _, e := range f.edits {
		if e.Path == userNamePath {
			return plan.Rename
		}
	}
	return plan.Update
}
