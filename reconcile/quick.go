package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"rollcall/apply"
	"rollcall/fault"
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
	ended, err := j.ended(ctx)
	if err != nil {
		return &Proposal{}, err
	}
	why, p := "", &Proposal{}
	if ended {
		p, err = j.plan(ctx, true)
	}
	switch {
	case !ended:
		why = "the last run did not end, and may have left something undone"
	case errors.Is(err, errDearer):
		why = "it takes fewer requests"
	case err == nil && p.Plan.Refused():
		why = "a limit would stop what is due: everybody is counted before it does"
	default:
		return p, stopped(ctx, err)
	}
	if p, err = j.plan(ctx, false); p.Plan != nil {
		p.note(plan.Note, "full-comparison", "compared with everybody instead of with the ledger: "+why)
	}
	return p, stopped(ctx, err)
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

// rows is how many users one page of a list holds, their secondary attributes
// included (dossier §8.1): what a full comparison is reckoned to take.
const rows = 25

// recollect answers what the builder asks from the ledger, and from the target
// what the ledger does not remember.
func (j Job) recollect(ctx context.Context, p *Proposal, b *plan.Builder, have func(target.Observed)) error {
	names, err := j.groupNames(ctx)
	if err != nil {
		return err
	}
	for name, id := range names {
		if id != "" {
			b.Have(groupNamed(p.in.Groups, name, id))
		}
	}
	r := &recollection{Job: j, p: p, b: b, have: have, most: 4 + p.census.links/rows}
	if err := r.answer(ctx, j.openGroups(p.left)); err != nil {
		return err
	}
	for more := true; more; {
		for questions := b.Questions(); len(questions) > 0; questions = b.Questions() {
			if err := r.answer(ctx, questions); err != nil {
				return err
			}
		}
		if more, err = j.nameAll(ctx, p, b, have); err != nil {
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

// answer puts to the target what the ledger cannot answer.
func (r *recollection) answer(ctx context.Context, questions []target.Query) error {
	rest, err := r.recalled(ctx, r.p, r.b, questions)
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
func (j Job) openGroups(left *leftovers) (qs []target.Query) {
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
func (j Job) recalled(ctx context.Context, p *Proposal, b *plan.Builder, questions []target.Query) ([]target.Query, error) {
	keys, answered := []source.Key{}, map[string]bool{}
	whole := func(q target.Query) bool { return q.Ask == target.ByID && q.Type == scim.User && q.Paths == nil }
	for _, q := range questions {
		if k := b.KeyOf(q.Who); whole(q) && k != "" {
			keys = append(keys, k)
		}
	}
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{Shape: p.in.Users, Image: true, Keys: keys}) {
		if err != nil {
			return nil, err
		}
		if o, known := fromLink(l, p.in.Users, !p.census.has(l.Key)); known {
			answered[o.ID] = true
			b.Have(o)
		}
	}
	return slices.DeleteFunc(questions, func(q target.Query) bool { return whole(q) && answered[q.Who] }), nil
}

// fromLink is the user of a link as last seen. Of somebody who left, their
// name is enough.
func fromLink(l plan.Link, s *scim.Shape, gone bool) (o target.Observed, known bool) {
	o = target.Observed{Ref: l.Ref, State: target.Active, Row: l.Image}
	if active, _ := l.Image.At(activePath); !l.Deactivated.IsZero() || slices.Contains(active, "false") {
		o.State = target.Inactive
	}
	if known = l.Image.Packed() != ""; !known && gone && l.UserName != "" {
		row := scim.NewRow(s)
		row.Set(s.Index(userNamePath), scim.ValueOf(l.UserName))
		o.Row, known = row.Row(), true
	}
	return o, known && l.Open == ""
}

// nameAll tells the builder the names that it has to check; more tells that
// there were any.
func (j Job) nameAll(ctx context.Context, p *Proposal, b *plan.Builder, have func(target.Observed)) (more bool, err error) {
	if b.Strangers() {
		more = true
		if err := j.list(ctx, b, scim.Group, scim.NewShape(displayNamePath), have); err != nil {
			return more, err
		}
	}
	for _, catalog := range b.Catalogs() {
		more = true
		names, notes, err := j.names(ctx, j.pathsOf(catalog))
		if err != nil {
			return more, err
		}
		for _, n := range notes {
			b.Note(n)
		}
		b.Names(catalog, names[catalog])
	}
	return more, nil
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
	values, _ := o.Row.At(displayNamePath)
	name, ok := text(values)
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
	book, ok := j.Store.(ledger.Notebook)
	if !ok {
		return nil, nil
	}
	text, err := book.Noted(ctx, j.groupsNote())
	if err != nil || text == nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, fmt.Errorf("recall groups: %w: %w", fault.Internal, err)
	}
	return names, nil
}

func (j Job) groupsNote() string { return "groups " + j.Start.Org }

func groupNamed(s *scim.Shape, name, id string) target.Observed {
	row := scim.NewRow(s)
	row.Set(s.Index(displayNamePath), scim.ValueOf(name))
	return target.Observed{Ref: scim.Ref{Type: scim.Group, ID: id}, State: target.Active, Row: row.Row()}
}
