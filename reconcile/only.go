package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// A selection is whom Policy.Only names, of those whom a plan and the ledger know.
type selection struct {
	who   []string
	found map[string]bool       // of who
	names []string              // that would have been found
	keys  map[source.Key]bool   // of the people
	ids   map[string]bool       // of their users
	users map[source.Key]string // everybody's who has a user, or will have by this plan
}

// only is p cut down to the people of Policy.Only, memberships included.
// Invalid where one of them is nobody.
func (j Job) only(ctx context.Context, p *plan.Plan) (*plan.Plan, error) {
	s := newSelection(j.Input.Policy.Only)
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{}) {
		if err != nil {
			return nil, err
		}
		if s.see(l.Key, l.Ref.ID, l.UserName); !l.Closed && l.Ref.ID != "" {
			s.users[l.Key] = l.Ref.ID
		}
	}
	for c := range p.Changes() {
		if c.Target.Type == scim.User {
			s.see(c.Key, c.Target.ID, named(c)...)
		}
	}
	for _, f := range p.Findings {
		s.see(f.Key, "")
	}
	if err := s.missed("select %q: nobody in the plan or the ledger is", ", as the plan shows them"); err != nil {
		return nil, err
	}
	return s.cut(j.Input, p), nil
}

func newSelection(who []string) *selection {
	return &selection{who: who, found: map[string]bool{}, keys: map[source.Key]bool{}, ids: map[string]bool{}, users: map[source.Key]string{}}
}

// missed is the error for who was asked for and is nobody; where says where
// there is to be somebody.
func (s *selection) missed(format, where string) error {
	for _, w := range s.who {
		if !s.found[w] {
			err := fmt.Errorf(format+": %w", w, fault.Invalid)
			return fault.WithHint(err, "WHO is a source key, a userName, an externalId or an id"+where+fault.DidYouMean(w, s.names))
		}
	}
	return nil
}

// named are the names by which the user of c is known, before and after it.
func named(c plan.Change) []string {
	names := []string{c.UserName}
	for _, e := range c.Edits {
		if e.Path == userNamePath || e.Path == externalIDPath {
			for _, values := range [][]scim.Value{e.Before, e.Set} {
				name, _ := text(values)
				names = append(names, name)
			}
		}
	}
	return names
}

// see takes in who has this key and this id, where a name of theirs was asked for.
func (s *selection) see(k source.Key, id string, names ...string) {
	for _, name := range append(names, string(k), id) {
		if name == "" {
			continue
		}
		s.names = append(s.names, name)
		for _, w := range s.who {
			if w != name && (!strings.Contains(name, "@") || !strings.EqualFold(w, name)) {
				continue
			}
			s.found[w] = true
			if k != "" {
				s.keys[k] = true
			}
			if id != "" {
				s.ids[id] = true
			}
		}
	}
}

func (s *selection) has(k source.Key, id string) bool { return s.keys[k] || s.ids[id] }

// cut is p with the changes of the selection. What refers to somebody whose
// create is not among them is left out, and found.
func (s *selection) cut(in plan.Input, p *plan.Plan) *plan.Plan {
	for c := range p.Changes() {
		if c.Op == plan.Create && s.has(c.Key, "") {
			s.users[c.Key] = "this run's"
		}
	}
	findings := slices.DeleteFunc(slices.Clone(p.Findings), func(f plan.Finding) bool { return f.Key != "" && !s.has(f.Key, "") })
	var changes []plan.Change
	for c := range p.Changes() {
		whole := len(c.Edits)
		c, ok := c.Among(s.has)
		if !ok {
			continue
		}
		c, waits := s.without(c)
		findings = append(findings, waits...)
		if len(c.Edits) > 0 || whole == 0 {
			c.ID = "" // of what is left of it
			changes = append(changes, c)
		}
	}
	in.Policy.Allow = map[string]int{}
	for _, l := range p.Limits { // what is over one stands held already
		in.Policy.Allow[l.Name] = -1
	}
	in.Basis = p.Basis
	out := plan.Of(in, slices.Values(changes), findings)
	out.Limits = p.Limits
	return out
}

// without is c without the edits that wait for somebody who is not created by this run.
func (s *selection) without(c plan.Change) (plan.Change, []plan.Finding) {
	var waits []plan.Finding
	known := func(k source.Key) (string, bool) { return s.users[k], s.users[k] != "" }
	edits := slices.DeleteFunc(slices.Clone(c.Edits), func(e plan.Edit) bool {
		_, ok := plan.Change{Edits: []plan.Edit{e}}.Resolved(known)
		if !ok {
			waits = append(waits, plan.Finding{
				Severity: plan.Note, Code: "reference-waits", Key: c.Key,
				Text: fmt.Sprintf("whom %s names is not created by this run: it stays as it is", e.Path),
			})
		}
		return !ok
	})
	if len(waits) > 0 {
		c.Edits, c.Sent = edits, plan.Digest{}
	}
	return c, waits
}
