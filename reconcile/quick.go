package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/apply"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// Quick computes what would change by what the ledger remembers of the users
// (design §11): the source is read and judged as for [Job.Plan], and of the
// organization nothing but what those need who are due. It is a full comparison,
// and says why, where that is cheaper, or a limit needs to know everybody.
func (j Job) Quick(ctx context.Context) (*Proposal, error) {
	p, why, err := j.quick(ctx)
	if why != "" {
		if p, err = j.plan(ctx, false); p.Plan != nil {
			p.note(plan.Note, "full-comparison", "compared with everybody instead of with the ledger: "+why)
		}
	}
	return p, stopped(ctx, err)
}

// quick is a quick plan; or why a full comparison is to take its place.
func (j Job) quick(ctx context.Context) (p *Proposal, why string, err error) {
	if ended, err := j.ended(ctx); err != nil {
		return &Proposal{}, "", err
	} else if !ended {
		return nil, "the last run did not end, and may have left something undone", nil
	}
	p, err = j.plan(ctx, true)
	switch {
	case errors.Is(err, errDearer):
		return nil, "it takes fewer requests", nil
	case err == nil && p.Plan.Refused():
		return nil, "a limit would stop what is due: everybody is counted before it does", nil
	}
	return p, "", err
}

// Computed is [Job.Quick], or [Job.Plan].
func (j Job) Computed(quick bool) Propose {
	if quick {
		return j.Quick
	}
	return j.Plan
}

// ended tells whether the last run of this sync that intended anything came to
// its end; so it did where there was none.
func (j Job) ended(ctx context.Context) (bool, error) {
	for r, err := range j.Store.Runs(ctx) {
		if err != nil {
			return false, err
		}
		if r.Start.Sync == j.Start.Sync && r.Intents > 0 {
			return r.Ending.Result == done || r.Ending.Result == partial, nil
		}
	}
	return true, nil
}

// note adds a finding that is about nobody.
func (p *Proposal) note(s plan.Severity, code, text string) {
	p.Plan.Findings = append(p.Plan.Findings, plan.Finding{Severity: s, Code: code, Text: text})
	p.Plan.Summary.Findings++
}

// errDearer says that a full comparison takes fewer requests.
var errDearer = errors.New("a full comparison takes fewer requests")

// recollect answers what the builder asks from the ledger, and from the target
// what the ledger does not remember.
func (j Job) recollect(ctx context.Context, p *Proposal, b *plan.Builder, have func(target.Observed)) error {
	r := &recollection{Job: j, p: p, b: b, have: have, most: 4 + p.census.links/heavyRows}
	if err := r.groups(ctx); err != nil {
		return err
	}
	for more := true; more; {
		err := r.answers(ctx)
		if err == nil {
			more, err = r.nameAll(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A recollection is a quick plan that is being told what it asks.
type recollection struct {
	Job

	p           *Proposal
	b           *plan.Builder
	have        func(target.Observed)
	asked, most int // of the target: more than most are dearer than a list
}

// groups tells the builder the groups, and asks for those that are left open.
func (r *recollection) groups(ctx context.Context) error {
	names, err := r.groupNames(ctx)
	if err != nil {
		return err
	}
	for name, id := range names {
		if id != "" {
			r.b.Have(groupNamed(r.p.in.Groups, name, id))
		}
	}
	return r.answer(ctx, openGroups(r.p.left))
}

// answers answers until nothing more is asked.
func (r *recollection) answers(ctx context.Context) error {
	for questions := r.b.Questions(); len(questions) > 0; questions = r.b.Questions() {
		if err := r.answer(ctx, questions); err != nil {
			return err
		}
	}
	return nil
}

// answer puts to the target what the ledger cannot answer.
func (r *recollection) answer(ctx context.Context, questions []target.Query) error {
	rest, err := r.recalled(ctx, questions)
	if err != nil {
		return err
	}
	if r.asked += len(rest); r.asked > r.most {
		return errDearer
	}
	for _, q := range rest {
		if err := r.ask(ctx, r.b, q, r.p.in, r.have); err != nil {
			return err
		}
	}
	return nil
}

// openGroups asks for the groups of memberships that a run which died left
// without an outcome: what became of them is only to be seen there.
func openGroups(left *leftovers) (qs []target.Query) {
	asked := map[string]bool{}
	for _, u := range left.open {
		if id := u.Change.Target.ID; u.Change.Target.Type == scim.Group && !asked[id] {
			asked[id] = true
			qs = append(qs, target.Query{Ask: target.ByID, Type: scim.Group, Who: id, Paths: []scim.Path{target.Members}})
		}
	}
	return qs
}

// recalled answers the questions that the ledger can, and gives back the rest.
// Nothing is taken from it about somebody whose last change has no outcome.
func (r *recollection) recalled(ctx context.Context, questions []target.Query) ([]target.Query, error) {
	keys := []source.Key{} // nil is everybody
	for _, q := range questions {
		if k := r.b.KeyOf(q.Who); asksAll(q) && k != "" {
			keys = append(keys, k)
		}
	}
	answered := map[string]bool{}
	err := each(r.Store.Links(ctx, ledger.LinkQuery{Shape: r.p.in.Users, Image: true, Keys: keys}), func(l plan.Link) {
		if o, known := fromLink(l, r.p.in.Users, !r.p.census.has(l.Key)); known {
			answered[o.ID] = true
			r.b.Have(o)
		}
	})
	return slices.DeleteFunc(questions, func(q target.Query) bool { return asksAll(q) && answered[q.Who] }), err
}

// asksAll tells whether q is about all that is managed of one user.
func asksAll(q target.Query) bool {
	return q.Ask == target.ByID && q.Type == scim.User && q.Paths == nil
}

// fromLink is the user of a link as last seen. Of somebody who left, their
// name is enough.
func fromLink(l plan.Link, s *scim.Shape, gone bool) (o target.Observed, known bool) {
	o = target.Observed{Ref: l.Ref, State: target.Active, Row: l.Image}
	if active := at(l.Image, activePath); !l.Deactivated.IsZero() || slices.Contains(active, "false") {
		o.State = target.Inactive
	}
	if known = l.Image.Packed() != ""; !known && gone && l.UserName != "" {
		o.Row, known = rowWith(s, userNamePath, l.UserName), true
	}
	return o, known && l.Open == ""
}

// nameAll tells the builder the names that it has to check; more tells that
// there were any.
func (r *recollection) nameAll(ctx context.Context) (more bool, err error) {
	if more = r.b.Strangers(); more {
		err = r.list(ctx, r.b, scim.Group, scim.NewShape(displayNamePath), r.have)
	}
	for _, catalog := range r.b.Catalogs() {
		if more = true; err == nil {
			err = r.name(ctx, catalog)
		}
	}
	return more, err
}

// name tells the builder the names of one catalog.
func (r *recollection) name(ctx context.Context, c target.Catalog) error {
	names, notes, err := r.names(ctx, r.pathsOf(c))
	if err != nil {
		return err
	}
	for _, n := range notes {
		r.b.Note(n)
	}
	r.b.Names(c, names[c])
	return nil
}

func (j Job) pathsOf(c target.Catalog) []scim.Path {
	return slices.DeleteFunc(paths(j.Input.Rules), func(p scim.Path) bool { return j.Input.Dialect.Named[p] != c })
}

// compareAfter is the rest of a quick run that found the organization otherwise
// than the ledger remembers it: a full comparison, and what follows from it.
func (j Job) compareAfter(ctx context.Context, id ledger.RunID, so *apply.Tally, why error, h Hooks) (*Proposal, *apply.Tally, error) {
	full := func(ctx context.Context) (*Proposal, error) {
		p, err := j.plan(ctx, false)
		if p.Plan != nil {
			p.note(plan.Warning, "ledger-contradicted", fmt.Sprintf("compared with everybody: %v; nothing was written over what was not read", why))
		}
		return p, err
	}
	p, tally, err := j.run(ctx, id, full, h)
	return p, so.Plus(tally), err
}

// confirm remembers who was found to be as desired, whom the run left nothing to do of.
func (j Job) confirm(ctx context.Context, id ledger.RunID, p *Proposal, waits []plan.Wait) error {
	incomplete := map[source.Key]bool{}
	for _, w := range waits {
		incomplete[w.Key] = true
	}
	var batch []plan.Change
	for c := range p.Plan.Confirmed() {
		if incomplete[c.Key] {
			continue
		}
		if batch = append(batch, c); len(batch) < foundBatch {
			continue
		}
		if err := j.found(ctx, id, batch, p.in.Users); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return j.found(ctx, id, batch, p.in.Users)
}

// nameGroup keeps which group has which name, where all are listed.
func (p *Proposal) nameGroup(o target.Observed) {
	name, ok := text(at(o.Row, displayNamePath))
	if o.Type != scim.Group || !ok {
		return
	}
	if id, again := p.groups[name]; again && id != o.ID {
		o.ID = "" // several have it
	}
	p.groups[name] = o.ID
}

// groupNames are the ids of the groups by name, as last listed; "" where several have it.
func (j Job) groupNames(ctx context.Context) (names map[string]string, err error) {
	_, err = j.noted(ctx, j.groupsNote(), &names)
	return names, err
}

func (j Job) groupsNote() string { return "groups " + j.Start.Org }

func groupNamed(s *scim.Shape, name, id string) target.Observed {
	return target.Observed{Ref: scim.Ref{Type: scim.Group, ID: id}, State: target.Active, Row: rowWith(s, displayNamePath, name)}
}

// rowWith is a row of which one text is known.
func rowWith(s *scim.Shape, p scim.Path, text string) scim.Row {
	row := scim.NewRow(s)
	row.Set(s.Index(p), scim.ValueOf(text))
	return row.Row()
}
