package reconcile

import (
	"context"
	"maps"
	"slices"

	"rollcall/apply"
	"rollcall/ledger"
	"rollcall/scim"
	"rollcall/target"
)

// Members that a rule or ownership keeps in a group come back after their
// removal (dossier §6.2). The ledger remembers those who stayed when a run took
// them out, by group, so that the next run leaves them alone, until they are
// seen to have gone.

// fixed are the members who stayed, by group, as the ledger remembers them.
func (j Job) fixed(ctx context.Context) (known map[string][]string, err error) {
	_, err = j.noted(ctx, j.fixedNote(), &known)
	return known, err
}

// stay keeps of the members who stayed in a group those who are still there.
func (p *Proposal) stay(o target.Observed) {
	ids := p.in.Fixed[o.ID]
	members, known := o.Row.At(target.Members)
	if len(ids) == 0 || o.Type != scim.Group || !known {
		return
	}
	p.stayed[o.ID] = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return !slices.Contains(members, scim.ValueOf(map[string]any{"value": id}))
	})
}

// fix remembers who stayed after a run.
func (j Job) fix(ctx context.Context, run ledger.RunID, p *Proposal, t *apply.Tally) error {
	book, ok := j.Store.(ledger.Notebook)
	if !ok || t == nil || len(p.in.Fixed)+len(t.Stayed) == 0 {
		return nil
	}
	all := map[string][]string{}
	for _, some := range []map[string][]string{p.in.Fixed, p.stayed} {
		maps.Copy(all, some)
	}
	for group, ids := range t.Stayed {
		all[group] = append(slices.Clone(all[group]), ids...)
	}
	for group, ids := range all {
		slices.Sort(ids)
		if all[group] = slices.Compact(ids); len(ids) == 0 {
			delete(all, group)
		}
	}
	return j.jot(context.WithoutCancel(ctx), book, run, j.fixedNote(), all)
}

func (j Job) fixedNote() string { return "fixed members " + j.Start.Org }
