package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// Plan computes what would change. It writes nothing, neither to the target nor
// to the ledger. A reading that is not believed is Refused; the proposal then
// holds the reading and no plan.
func (j Job) Plan(ctx context.Context) (*Proposal, error) {
	p, err := j.plan(ctx, false)
	return p, stopped(ctx, err)
}

func (j Job) plan(ctx context.Context, quick bool) (*Proposal, error) {
	p := &Proposal{groups: map[string]string{}}
	notes, err := j.prepare(ctx, p, quick)
	if err != nil {
		return p, err
	}
	p.stayed = map[string][]string{}
	b := plan.New(p.in)
	for _, n := range notes {
		b.Note(n)
	}
	p.census, err = j.read(ctx, b)
	if err == nil {
		p.left, err = j.leftovers(ctx, p.in.Users, p.census)
	}
	if err == nil {
		err = j.links(ctx, b, p.census, p.left)
	}
	if err == nil {
		err = j.believe(ctx, p.census)
	}
	if p.Reading = p.census.Reading; err != nil {
		return p, err
	}
	have := func(o target.Observed) { b.Have(o); p.left.see(o); p.stay(o); p.nameGroup(o); p.census.find(o) }
	if quick {
		err = j.recollect(ctx, p, b, have)
	} else {
		err = j.survey(ctx, p.in, b, have)
	}
	if err != nil {
		return p, err
	}
	p.Plan = b.Plan()
	p.Plan.Basis.OrgID, p.Plan.Basis.Records, p.Plan.Basis.Reading = p.org, p.census.Records, p.census.Digest
	p.Plan.Missing, p.Plan.Back = p.census.leavers(p.Plan.Succeeded), slices.Sorted(slices.Values(p.census.back))
	return p, nil
}

// prepare asks what a plan starts from; of a quick one the ledger alone.
func (j Job) prepare(ctx context.Context, p *Proposal, quick bool) (notes []plan.Finding, err error) {
	began, named := j.Now(), paths(j.Input.Rules)
	if quick {
		named = nil // checked when somebody is given one
	} else if p.org, err = j.organization(ctx); err != nil {
		return nil, err
	}
	if p.in, notes, err = j.input(ctx, began, named); err != nil {
		return nil, err
	}
	if p.rests, err = j.resting(ctx); err != nil {
		return nil, err
	}
	if p.in.Quick = quick; quick {
		p.in.Basis.Way = plan.Quick
		p.in.Resting, p.in.Overdue = p.rests.split(began)
	}
	p.in.Fixed, err = j.fixed(ctx)
	return notes, err
}

// input completes what is configured by what must be asked: names and counts.
func (j Job) input(ctx context.Context, began time.Time, managed []scim.Path) (in plan.Input, notes []plan.Finding, err error) {
	in = j.Input
	in.Basis.Sync, in.Basis.Org, in.Basis.At = j.Start.Sync, j.Start.Org, began.UTC()
	if in.Names, notes, err = j.names(ctx, managed); err != nil {
		return in, nil, err
	}
	own, err := j.ownRoles(ctx, &in.Policy, managed)
	if err != nil {
		return in, nil, err
	}
	notes = append(notes, own...)
	if j.Granted != nil {
		in.Basis.Granted = j.Granted()
	}
	if c, ok := j.Store.(ledger.Counter); ok {
		if in.Policy.Recent, err = c.Counts(ctx, began.Add(-day)); err != nil {
			return in, nil, err
		}
	}
	err = j.lately(ctx, &in.Policy, began.Add(-day))
	return in, notes, err
}

const day = 24 * time.Hour

func paths(rules []plan.Rule) []scim.Path {
	all := make([]scim.Path, len(rules))
	for i, r := range rules {
		all[i] = r.Path
	}
	return all
}

// names lists the catalogs that managed attributes draw from. One that may not
// be looked at is a finding: its names are then found out by the service.
func (j Job) names(ctx context.Context, managed []scim.Path) (map[target.Catalog]map[string]string, []plan.Finding, error) {
	if j.Catalog == nil {
		return j.Input.Names, nil, nil
	}
	names, notes := map[target.Catalog]map[string]string{}, []plan.Finding(nil)
	asked := map[target.Catalog]bool{}
	for _, path := range managed {
		catalog, named := j.Input.Dialect.Named[path]
		if !named || asked[catalog] {
			continue
		}
		asked[catalog] = true
		list, err := j.Catalog.Names(ctx, catalog)
		switch {
		case errors.Is(err, fault.Denied):
			notes = append(notes, plan.Finding{
				Severity: plan.Warning, Code: "names-unchecked",
				Text: fmt.Sprintf("the list of every %s may not be read: names of it are checked by the service only (%v)", catalog, err),
			})
		case err != nil:
			return nil, nil, err
		default:
			names[catalog] = list
		}
	}
	return names, notes, nil
}

// links tells the builder what the ledger knows, and counts who is missing.
// Where a row does not tell whose it is, it may be anybody's who is missing:
// they all stand as last believed.
func (j Job) links(ctx context.Context, b *plan.Builder, c *census, left *leftovers) error {
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{Shape: j.Input.Users}) {
		if err != nil {
			return err
		}
		l = left.link(l)
		b.Link(j.zoned(l))
		c.link(l)
	}
	for _, fs := range c.once {
		for _, f := range fs {
			b.Note(f)
		}
	}
	if c.blank == 0 {
		return nil
	}
	for _, k := range c.absent {
		b.Want(plan.Desired{Key: k, Held: true})
	}
	if n := len(c.absent); n > 0 {
		b.Note(plan.Finding{
			Severity: plan.Warning, Code: "absence-unclear",
			Text: fmt.Sprintf("%d rows have no readable key, and %d people are missing: nobody is taken for a leaver", c.blank, n),
		})
	}
	c.absent = nil
	return nil
}

// zoned has the times of l in the zone in which the plan's days are counted.
func (j Job) zoned(l plan.Link) plan.Link {
	if j.Mapping == nil {
		return l
	}
	for _, t := range []*time.Time{&l.Left, &l.Deactivated} {
		if !t.IsZero() {
			*t = t.In(j.Mapping.Zone())
		}
	}
	return l
}

// believe judges the reading. Refused where there are doubts and nobody said to believe it.
func (j Job) believe(ctx context.Context, c *census) error {
	last, err := j.remembered(ctx)
	if err != nil {
		return err
	}
	if c.Last = last.Records; len(c.Doubts) == 0 { // without the columns nothing was counted
		c.judge(j.Expect, last)
	}
	if len(c.Doubts) > 0 && !j.Input.Policy.Believe {
		return c.refusal(j.Input.Basis.Source)
	}
	return nil
}

// survey shows the builder the target: groups where some are managed, users, and
// whatever it asks for then. Groups go first: a group comes with all its members in
// one answer, and while that is read no user is kept yet.
func (j Job) survey(ctx context.Context, in plan.Input, b *plan.Builder, have func(target.Observed)) error {
	if len(in.Members) > 0 || in.ByColumn != 0 {
		if err := j.list(ctx, b, scim.Group, in.Groups, have); err != nil {
			return err
		}
	}
	if err := j.list(ctx, b, scim.User, in.Users, have); err != nil {
		return err
	}
	for questions := b.Questions(); len(questions) > 0; questions = b.Questions() {
		for _, q := range questions {
			if err := j.ask(ctx, b, q, in, have); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j Job) list(ctx context.Context, b *plan.Builder, t scim.Type, s *scim.Shape, have func(target.Observed)) error {
	exact := true
	for o, err := range j.Reader.Read(ctx, target.Query{Ask: target.Page, Type: t}, s) {
		if shifted := (*target.Shifted)(nil); errors.As(err, &shifted) {
			exact = false
			break
		}
		if err != nil {
			return err
		}
		have(o)
	}
	b.Listed(t, exact)
	return nil
}

// ask puts one question. What may not be known is a question that stays open.
func (j Job) ask(ctx context.Context, b *plan.Builder, q target.Query, in plan.Input, have func(target.Observed)) error {
	shape := in.Users
	if q.Type == scim.Group {
		shape = in.Groups
	}
	if slices.ContainsFunc(q.Paths, func(p scim.Path) bool { return shape.Index(p) < 0 }) {
		shape, have = scim.NewShape(q.Paths...), b.Have // what somebody who comes back lost
	}
	for o, err := range j.Reader.Read(ctx, q, shape) {
		if q.Ask == target.Grants && q.Type == scim.Group && unreadable(err) {
			b.Note(rolesUnread())
			return nil
		}
		optional := q.Ask == target.Deleted || q.Ask == target.Grants
		if optional && (errors.Is(err, fault.Denied) || errors.Is(err, fault.Unsupported)) {
			b.Note(plan.Finding{Severity: plan.Warning, Code: "not-readable", Text: err.Error()})
			return nil
		}
		if err != nil {
			return err
		}
		have(o)
	}
	return nil
}

// organization asks whose credentials these are and compares with what the
// ledger remembers: links of one organization mean nothing in another.
func (j Job) organization(ctx context.Context) (string, error) {
	if j.Organization == nil {
		return "", nil
	}
	id, err := j.Organization(ctx)
	if err != nil {
		return "", err
	}
	var known string
	if is, err := j.noted(ctx, j.organizationNote(), &known); !is {
		return id, err
	}
	if known == id {
		return id, nil
	}
	return "", fault.WithHint(
		fmt.Errorf("compare organization: the credentials belong to %s, the ledger to %s: %w", id, known, fault.Refused),
		"use the credentials of the organization that this ledger is about, or another ledger")
}

func (j Job) organizationNote() string { return "organization " + j.Start.Org }
