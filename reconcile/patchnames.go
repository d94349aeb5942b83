package reconcile

import (
	"fmt"
	"slices"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// renamed tells by which names an edit changes the attribute that it is about,
// whatever path it takes there: those that come and those that go, by
// identifying sub-attribute. now is the attribute as the edits before left it;
// after is as this one leaves it.
func (e *explicitPlan) renamed(edit plan.Edit, now []scim.Value) (came, went, after []scim.Value, err error) {
	parts := edit.Path.Parts()
	base := parts.Base()
	have := now
	if edit.Path != base {
		have = picked(now, edit.Path)
	}
	ops, _ := plan.Change{Edits: []plan.Edit{edit}}.Against(func(scim.Path) []scim.Value { return have })
	after, err = e.patched(base, now, ops)
	if err != nil {
		return nil, nil, nil, err
	}
	id := e.identity(base)
	came, went = without(after, now, id), without(now, after, id)
	if parts.Sub != "" && parts.Sub == id { // whatever is said, for the service may pick other elements than we do
		for _, v := range edit.Set {
			came = append(came, scim.ValueOf(map[string]any{id: v.Any()}))
		}
		if attr, v, equal := parts.Filter.Equality(); equal && string(attr) == id {
			went = append(went, scim.ValueOf(map[string]any{id: v.Any()}))
		}
	}
	return came, went, after, nil
}

// identity is the sub-attribute that names the elements of p; "": p has one value.
func (e *explicitPlan) identity(p scim.Path) string {
	if set, ok := e.dialect.Sets[p]; ok {
		return set.Sub[0]
	}
	return ""
}

// patched is what the operations make of the values of one attribute.
func (e *explicitPlan) patched(base scim.Path, now []scim.Value, ops []scim.Op) ([]scim.Value, error) {
	parts := base.Parts()
	attrs := map[string]any{}
	if _, set := e.dialect.Sets[base]; set {
		attrs[parts.Attr] = arrayOf(now).Any()
	} else if len(now) > 0 {
		attrs[parts.Attr] = now[0].Any()
	}
	if parts.URN != "" {
		attrs = map[string]any{parts.URN: attrs}
	}
	next, _, err := e.dialect.Schema.Patch(scim.User, attrs, ops, scim.PatchOptions{CreateMissing: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", base, err)
	}
	if parts.URN != "" {
		next, _ = next[parts.URN].(map[string]any)
	}
	v, there := next[parts.Attr]
	if !there || v == nil {
		return nil, nil
	}
	return scim.ValueOf(v).Elements(), nil
}

// names judges an edit of an attribute that holds names of a catalog: ok is
// false where it is not to be carried out, which is said then.
func (e *explicitPlan) names(edit plan.Edit, place string, f *folder, held map[scim.Path][]scim.Value) (ok bool) {
	base := edit.Path.Parts().Base()
	catalog, named := e.dialect.Named[base]
	if !named {
		return true
	}
	now, seen := held[base]
	if !seen {
		now = f.at(base)
	}
	came, went, after, err := e.renamed(edit, now)
	if err != nil {
		e.faultAt(place, "%v", err)
		return false
	}
	id := e.identity(base)
	touched := slices.Concat(came, went)
	if catalog == target.Roles && slices.ContainsFunc(touched, func(v scim.Value) bool { return e.in.Policy.Guards(v, id) }) {
		e.problem(place, "guarded-role", "%s: this role is neither granted nor taken; protect.roles can allow it", edit.Path)
		return false
	}
	list, listed := e.in.Names[catalog]
	for _, v := range came {
		if id != "" {
			v = v.Sub(id)
		}
		name, _ := v.Text()
		if _, there := list[name]; listed && !there {
			e.faultAt(place, "%s: there is no %s %q%s", edit.Path, catalog, name, fault.DidYouMean(name, keys(list)))
			return false
		}
	}
	held[base] = after
	return true
}
