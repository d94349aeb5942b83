package genesys

import (
	"errors"

	"rollcall/scim"
	"rollcall/target"
)

// noTarget tells whether the service refused a value for an element, as there
// is no such element: nobody documents whether it makes one (dossier §7).
func noTarget(err error) bool {
	var f *target.Failure
	return errors.As(err, &f) && f.Code == "noTarget"
}

// asElements is ops with whole elements in place of values for elements that
// are not there yet; ok is false where there are none.
//
//	add phoneNumbers[type eq "work"].value "+1..."
//	add phoneNumbers [{"type": "work", "value": "+1..."}]
func asElements(ops []scim.Op) (out []scim.Op, ok bool) {
	made := map[scim.Path]int{} // attribute: place in out
	for _, op := range ops {
		path, element, is := wholeElement(op)
		at, more := made[path]
		switch {
		case !is:
			out = append(out, op)
		case more:
			out[at].Value = array(append(out[at].Value.Elements(), element))
		default:
			made[path] = len(out)
			out = append(out, scim.Op{Verb: scim.Add, Path: path, Value: array([]scim.Value{element})})
		}
	}
	return out, len(made) > 0
}

// wholeElement is what op adds to, and the element that it makes there.
func wholeElement(op scim.Op) (path scim.Path, element scim.Value, ok bool) {
	parts := op.Path.Parts()
	pairs, equal := parts.Filter.Equalities()
	if op.Verb != scim.Add || parts.Sub == "" || !equal {
		return "", "", false
	}
	made := map[string]any{parts.Sub: op.Value}
	for name, value := range pairs {
		made[string(name)] = value
	}
	return parts.Base(), scim.ValueOf(made), true
}
