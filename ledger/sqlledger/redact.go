package sqlledger

import (
	"encoding/base64"
	"slices"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
)

// A redactor replaces the values of some attributes by keyed digests, which tell
// whether two are the same and nothing else. It works on copies.
type redactor struct {
	paths []scim.Path
	keys  *keyring
}

func (r redactor) names(p scim.Path) bool { return slices.Contains(r.paths, p) }

// touches tells whether an operation at p may carry a value of an attribute that is redacted.
func (r redactor) touches(p scim.Path) bool {
	if p == "" {
		return len(r.paths) > 0
	}
	return slices.ContainsFunc(r.paths, func(mine scim.Path) bool { return mine.Parts().Base() == p.Parts().Base() })
}

// mask is what stands for v.
func (r redactor) mask(v scim.Value) scim.Value {
	return scim.ValueOf(map[string]any{"$redacted": base64.RawURLEncoding.EncodeToString(r.keys.digest(ofValue, string(v)))})
}

func (r redactor) masks(vs []scim.Value) []scim.Value {
	var out []scim.Value
	for _, v := range vs {
		out = append(out, r.mask(v))
	}
	return out
}

func (r redactor) change(c plan.Change) plan.Change {
	c.Edits = r.edits(c.Edits)
	c.Leaving = slices.Clone(c.Leaving)
	for i, t := range c.Leaving {
		if r.names(t.Path) {
			c.Leaving[i].Values = r.masks(t.Values)
		}
	}
	return c
}

func (r redactor) edits(edits []plan.Edit) []plan.Edit {
	edits = slices.Clone(edits)
	for i, e := range edits {
		if !r.names(e.Path) {
			continue
		}
		for _, vs := range []*[]scim.Value{&edits[i].Before, &edits[i].Set, &edits[i].Add, &edits[i].Remove, &edits[i].Claim, &edits[i].Keep} {
			*vs = r.masks(*vs)
		}
	}
	return edits
}

// outcome leaves what was seen of a redacted attribute out: what it is, is not
// known then, and planning reads it.
func (r redactor) outcome(o ledger.Outcome) ledger.Outcome {
	o.Edits, o.Sent = r.edits(o.Edits), slices.Clone(o.Sent)
	for i, op := range o.Sent {
		if op.Value != "" && r.touches(op.Path) {
			o.Sent[i].Value = r.mask(op.Value)
		}
	}
	if seen := ledger.ValuesOf(o.Seen); len(seen) > 0 {
		for _, p := range r.paths {
			delete(seen, p)
		}
		o.Seen = rowOf(seen)
	}
	return o
}
