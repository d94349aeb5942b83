package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// Patch proposes explicit operations (design §9). name is what places begin
// with. Invalid, listing every fault with its place, where the file is not
// valid: then nothing is proposed. Somebody who cannot be found is a finding.
func (j Job) Patch(ctx context.Context, name string, file []byte) (*Proposal, error) {
	r := &operations{name: name, text: file, dialect: j.Input.Dialect}
	updates, err := r.parse()
	if err != nil {
		return &Proposal{}, err
	}
	p := &Proposal{}
	if p.org, err = j.organization(ctx); err != nil {
		return p, err
	}
	e := &explicitPlan{Job: j, operations: r}
	if e.in, err = e.input(ctx, updates); err != nil {
		return p, err
	}
	people, err := e.subjects(ctx, updates)
	if err != nil {
		return p, err
	}
	changes, err := e.changes(ctx, people)
	if err != nil {
		return p, err
	}
	if p.in = e.in; len(r.faults) > 0 {
		return p, e.refusal()
	}
	if e.in.Policy.Base, err = e.base(ctx, changes); err != nil {
		return p, err
	}
	if e.in.Sizes, err = e.sizes(ctx, changes, e.in.Policy); err != nil {
		return p, err
	}
	e.in.Basis.OrgID = p.org
	p.in, p.Plan = e.in, plan.Of(e.in, slices.Values(changes), r.notes)
	fewest, err := e.fewest(ctx, p.Plan.Changes(), e.in.Policy)
	p.Plan.Limits = append(p.Plan.Limits, fewest...)
	return p, err
}

// refusal lists what is wrong with the file, and whom it leaves undone, with their places.
func (e *explicitPlan) refusal() error {
	for _, n := range e.notes {
		if n.Severity == plan.Error {
			e.faultAt(n.Place, "%s", n.Text)
		}
	}
	return fmt.Errorf("read %s: %w: %w", e.name, fault.Invalid, errors.Join(e.faults...))
}

// base is the number of active users, which percentages are of here. It is
// counted only where the absolute number of a limit does not suffice.
func (e *explicitPlan) base(ctx context.Context, changes []plan.Change) (n int, err error) {
	counts := map[plan.Op]int{}
	for _, c := range changes {
		counts[c.Op]++
	}
	within := func(op plan.Op) bool {
		b, bounded := e.in.Policy.Limits[op]
		if !bounded {
			b, bounded = plan.DefaultLimits()[op]
		}
		return !bounded || b.Percent == 0 || counts[op]+e.in.Policy.Recent[op] <= b.N
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(counts)), func(op plan.Op) bool { return !within(op) }) {
		return 0, nil
	}
	err = e.everybody(ctx, scim.NewShape(activePath), func(o target.Observed) {
		if o.State == target.Active {
			n++
		}
	})
	return n, err
}

// everybody lists the users. A list that shifted has gaps: callers fill them, or can do with them.
func (e *explicitPlan) everybody(ctx context.Context, s *scim.Shape, see func(target.Observed)) error {
	for o, err := range e.Reader.Read(ctx, target.Query{Ask: target.Page, Type: scim.User}, s) {
		if shifted := (*target.Shifted)(nil); errors.As(err, &shifted) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list users: %w", err)
		}
		see(o)
	}
	return nil
}

// An explicitPlan is a file of operations on its way to a plan.
type explicitPlan struct {
	Job
	*operations

	in   plan.Input
	lost []explicit // operations on people who cannot be found
}

// A subject is a user with what is wanted of them.
type subject struct {
	target.Observed

	key     source.Key // "": nobody's link
	place   string
	updates []update                   // in the order of the file; of another WHO each
	order   map[scim.Path][]scim.Value // of what an index counts in, where the service tells
}

// input completes what is configured by the shape of what the file speaks of,
// and checks the names in it.
func (e *explicitPlan) input(ctx context.Context, updates []update) (plan.Input, error) {
	paths := []scim.Path{userNamePath, activePath}
	for _, u := range updates {
		for _, op := range u.ops {
			parts := op.Path.Parts()
			base := parts.Base()
			if _, set := e.dialect.Sets[base]; set || op.index >= 0 {
				paths = append(paths, base)
			}
			if op.index < 0 {
				paths = append(paths, op.Path)
			}
		}
	}
	in, notes, err := e.Job.input(ctx, e.Now(), paths)
	if err != nil {
		return in, err
	}
	e.notes = append(e.notes, notes...)
	in.Users, in.Groups = scim.NewShape(paths...), scim.NewShape(displayNamePath, target.Members)
	for _, u := range updates {
		for _, op := range u.ops {
			e.known(op, in)
		}
	}
	return in, nil
}

const (
	displayNamePath scim.Path = "displayName"
	externalIDPath  scim.Path = "externalId"
)

// known checks the names in op against their catalog, where that may be read.
func (e *explicitPlan) known(op explicit, in plan.Input) {
	names, listed := in.Names[e.dialect.Named[op.Path]]
	if !listed || op.Verb == scim.Remove {
		return
	}
	for _, v := range op.Value.Elements() {
		if set, ok := e.dialect.Sets[op.Path]; ok {
			v = v.Sub(set.Sub[0])
		}
		name, _ := v.Text()
		if _, there := names[name]; !there {
			e.faultAt(op.place, "%s: there is no %s %q%s", op.Path, e.dialect.Named[op.Path], name, fault.DidYouMean(name, keys(names)))
		}
	}
}

func keys(m map[string]string) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// changes are what the operations on everybody come to.
func (e *explicitPlan) changes(ctx context.Context, people []*subject) ([]plan.Change, error) {
	var changes []plan.Change
	members := &memberships{explicitPlan: e}
	if err := members.check(ctx, e.lost); err != nil {
		return nil, err
	}
	shape := []scim.Path{userNamePath, activePath}
	for _, s := range people {
		if err := e.arrange(ctx, s); err != nil {
			return nil, err
		}
		c, groups := e.change(s)
		if len(c.Edits) > 0 {
			changes = append(changes, c)
		}
		for _, edit := range c.Edits {
			shape = append(shape, edit.Path)
		}
		if slices.ContainsFunc(groups, func(u update) bool { return len(u.ops) > 0 }) {
			if err := members.want(ctx, s, groups); err != nil {
				return nil, err
			}
		}
	}
	e.in.Users = scim.NewShape(shape...)
	if err := members.guard(ctx); err != nil {
		return nil, err
	}
	return append(changes, members.changes()...), nil
}

// operations are those of all updates.
func (s *subject) operations() iter.Seq[explicit] {
	return func(yield func(explicit) bool) {
		for _, u := range s.updates {
			for _, op := range u.ops {
				if !yield(op) {
					return
				}
			}
		}
	}
}

// arrange reads the order of what an index counts in.
func (e *explicitPlan) arrange(ctx context.Context, s *subject) (err error) {
	o, ok := e.Reader.(target.Orderer)
	if !ok {
		return nil
	}
	for op := range s.operations() {
		if op.index < 0 {
			continue
		}
		parts := op.Path.Parts()
		base := parts.Base()
		if _, known := s.order[base]; known {
			continue
		}
		if s.order == nil {
			s.order = map[scim.Path][]scim.Value{}
		}
		if s.order[base], err = o.Order(ctx, s.Type, s.ID, base); err != nil {
			return err
		}
	}
	return nil
}

// Waves of explicit operations: accounts that should be closed first, then
// userNames, all else, and memberships, adds before removals.
const (
	waveLeave = iota
	waveRename
	waveUpdate
	waveJoin
	wavePart
)

const byHand = "Explicit"

// change folds the operations on one user into one change, without what
// changes nothing; what is said of groups is left to the caller.
func (e *explicitPlan) change(s *subject) (plan.Change, []update) {
	f := &folder{dialect: e.dialect, now: s.Observed, order: s.order}
	var groups []update
	for _, u := range s.updates {
		groups = append(groups, e.fold(f, u))
	}
	e.judge(f)
	name, _ := text(f.at(userNamePath))
	c := plan.Change{Key: s.key, UserName: name, Target: s.Ref, Reason: byHand}
	places := f.places
	edits := f.edits
	f.edits = nil
	held := map[scim.Path][]scim.Value{}
	for i, edit := range edits {
		switch one := (plan.Change{Edits: []plan.Edit{edit}}); {
		case !sends(one, f.at(edit.Path)):
			e.note(places[i], "changes-nothing", "%s: it is so already; nothing is sent", edit.Path)
		case e.names(edit, places[i], f, held):
			f.edits = append(f.edits, edit)
			c.Fresh = c.Fresh || slices.Contains(e.dialect.Secondary, edit.Path)
		}
	}
	c.Edits, c.Op = f.edits, f.op()
	switch c.Op {
	case plan.Deactivate:
		c.Wave, c.Leaving = waveLeave, plan.Leavings(e.dialect)
	case plan.Rename:
		c.Wave = waveRename
	default:
		c.Wave = waveUpdate
	}
	if e.in.Policy.Protects(name) && s.isSaid() {
		e.problem(s.place, "protected", "the user is protected and never touched")
		return plan.Change{}, nil
	}
	return c, groups
}

// isSaid tells whether there is any operation on the user.
func (s *subject) isSaid() bool {
	for range s.operations() {
		return true
	}
	return false
}

// fold takes in one update of a user, and answers what it says of groups. What
// contradicts an update before it is a fault: neither is the last word.
func (e *explicitPlan) fold(f *folder, u update) (groups update) {
	groups.who = u.who
	f.update()
	for _, op := range u.ops {
		if op.Path == groupsPath {
			groups.ops = append(groups.ops, op)
		} else if err := f.add(op); err != nil {
			e.faultAt(op.place, "%v", err)
		}
	}
	for _, path := range f.contradictions() {
		e.faultAt(f.touched[path], "%s: said otherwise of the same user at %s", path, f.said[path].place)
	}
	return groups
}

func text(values []scim.Value) (string, bool) {
	if len(values) == 0 {
		return "", false
	}
	return values[0].Text()
}

func sends(c plan.Change, now []scim.Value) bool {
	ops, _ := c.Against(func(scim.Path) []scim.Value { return now })
	return len(ops) > 0
}

// judge compares what is said of the mirror e-mail with the userName.
func (e *explicitPlan) judge(f *folder) {
	name := f.wanted(userNamePath)
	at := scim.ElementPath(emailsPath, "type", scim.ValueOf(map[string]any{"type": mirrorType})) + ".value"
	for _, m := range f.mirrors {
		value, err := e.dialect.Canonical(at, m.value)
		if err == nil && value == name {
			e.note(m.place, "mirror", "the e-mail of type %s is the userName, and follows it: nothing of its own is sent", mirrorType)
			continue
		}
		e.faultAt(m.place, "the e-mail of type %s is the userName: give the userName this value instead", mirrorType)
	}
}

// problem adds an error that leaves somebody undone.
func (e *explicitPlan) problem(place, code, format string, args ...any) {
	e.notes = append(e.notes, plan.Finding{
		Severity: plan.Error, Code: code, Place: place, Text: fmt.Sprintf(format, args...),
	})
}

// picked tells whether --only lets somebody through.
func (e *explicitPlan) picked(s *subject, who string) bool {
	only := e.in.Policy.Only
	if len(only) == 0 {
		return true
	}
	name, _ := text((&folder{now: s.Observed}).at(userNamePath))
	return slices.ContainsFunc(only, func(w string) bool {
		return w == who || w == string(s.key) || w == s.ID || strings.EqualFold(w, name)
	})
}
