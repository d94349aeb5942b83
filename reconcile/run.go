package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// Apply is one run under the lock: begin, propose, show, confirm, carry out,
// end. The report is good with every error but that of beginning, where it is nil.
//
// Errors: Busy where another run holds the lock; Refused where a limit or the
// belief stopped it (nothing was sent); Interrupted; whatever proposing,
// confirming and applying answered. A change that failed is no error: it is in
// the report, and in [Report.Exit].
func (j Job) Apply(ctx context.Context, command string, propose Propose, h Hooks) (*Report, error) {
	if j.Writer == nil {
		return nil, fmt.Errorf("apply %s: there is nothing to write with: %w", j.Start.Sync, fault.Unsupported)
	}
	before, start := j.stats(), j.Start
	start.Command, start.Basis = command, j.Input.Basis
	began := j.Now()
	start.Basis.Sync, start.Basis.Org, start.Basis.At = start.Sync, start.Org, began.UTC()
	id, err := j.Store.Begin(ctx, start)
	if err != nil {
		return nil, err
	}
	r := &Report{Schema: reportSchema, Run: id, Command: command, Began: began.UTC()}
	j.Start = start
	p, tally, err := j.run(ctx, id, propose, h)
	err = stopped(ctx, err)
	r.fill(p, tally)
	r.spend(before, j.stats())
	r.Seconds = j.Now().Sub(began).Seconds()
	r.Result = result(r, tally, err)
	if err != nil {
		r.Error = err.Error()
	}
	return r, errors.Join(err, j.end(context.WithoutCancel(ctx), r, p))
}

// stopped says of whatever ended with ctx that a person stopped it.
func stopped(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, fault.Interrupted) {
		return err
	}
	return fmt.Errorf("run: %w: %w", fault.Interrupted, err)
}

// run is what lies between begin and end. The tally is nil where applying was not reached.
func (j Job) run(ctx context.Context, id ledger.RunID, propose Propose, h Hooks) (*Proposal, *apply.Tally, error) {
	p, err := propose(ctx)
	if err != nil {
		return p, nil, err
	}
	if h.Show != nil {
		h.Show(p)
	}
	if stops, err := j.stops(ctx, id, p); stops || err != nil {
		return p, nil, err
	}
	if h.Confirm != nil && p.goes() {
		if err := h.Confirm(ctx, p); err != nil {
			return p, nil, err
		}
	}
	if err := j.remember(ctx, id, p); err != nil {
		return p, nil, err
	}
	if p.Waiting, err = j.await(ctx, id, p); err != nil {
		return p, nil, err
	}
	return j.carryOut(ctx, id, p, h)
}

// carryOut applies p, and remembers what that teaches.
func (j Job) carryOut(ctx context.Context, id ledger.RunID, p *Proposal, h Hooks) (*Proposal, *apply.Tally, error) {
	d, err := j.directory(ctx, p)
	if err == nil {
		err = j.settle(ctx, id, p, d)
	}
	if err != nil {
		return p, nil, err
	}
	o := j.options(id, p, d)
	waits, taken := slices.Clone(p.Plan.Waits), []plan.Finding(nil)
	o.Progress = func(e apply.Event) {
		waits, taken = append(waits, undone(e)...), append(taken, stripped(p.in.Policy, e)...)
		if h.Progress != nil {
			h.Progress(e)
		}
	}
	tally, err := apply.Run(ctx, p.Plan, j.Reader, j.Writer, j.Store, o)
	tally.Findings = append(tally.Findings, taken...)
	if p.in.Quick && errors.Is(err, apply.Distrusted) && tally.Unknown == 0 {
		return j.compareAfter(ctx, id, tally, err, h)
	}
	if err == nil {
		err = errors.Join(j.conclude(ctx, id, p), j.confirm(ctx, id, p, waits))
	}
	return p, tally, errors.Join(err, j.fix(ctx, id, p, tally), j.rest(ctx, id, p, waits))
}

// stops tells whether nothing of p is sent: over a limit that stops everything,
// and where every plan waits. What of it waits is kept; of a plan that waits as a
// matter of course the reading counts.
func (j Job) stops(ctx context.Context, id ledger.RunID, p *Proposal) (_ bool, err error) {
	if !j.always(p) && !p.Plan.Refused() {
		return false, nil
	}
	if !p.Plan.Refused() {
		if err := j.remember(ctx, id, p); err != nil {
			return true, err
		}
	}
	if p.Waiting, err = j.await(ctx, id, p); err != nil {
		return true, err
	}
	if p.Plan.Refused() {
		return true, overLimit(p.Plan.Limits, p.Waiting)
	}
	return true, mustWait(p.Waiting)
}

// goes tells whether any change of the plan is not held.
func (p *Proposal) goes() bool {
	for c := range p.Plan.Changes() {
		if c.Held == "" {
			return true
		}
	}
	return false
}

// overLimit is the error of a plan that reaches further than it may.
func overLimit(limits []plan.Limit, w ledger.WaitingPlan) error {
	var over []string
	for _, l := range limits {
		if !l.Exceeded || !l.StopsAll {
			continue
		}
		name := l.Name
		if l.Of != "" {
			name += " in " + strconv.Quote(l.Of)
		}
		over = append(over, fmt.Sprintf("%s wants %d of %d allowed", name, l.Wanted, l.Allowed))
	}
	kept, hint := "", "look at the plan; if it is right, allow it once: add "+AllowFlags(limits)
	if w.ID != "" {
		kept, hint = "; the plan waits as "+string(w.ID), NextStep(w)+"; or add "+AllowFlags(limits)
	}
	return fault.WithHint(fmt.Errorf("check limits: %s; nothing is applied%s: %w", strings.Join(over, "; "), kept, fault.Refused), hint)
}

// AllowFlags are the flags that allow once whatever exceeds its limit; "" where nothing does.
func AllowFlags(limits []plan.Limit) string {
	wanted, names := map[string]int{}, []string(nil)
	for _, l := range limits {
		if !l.Exceeded {
			continue
		}
		if _, named := wanted[l.Name]; !named {
			names = append(names, l.Name)
		}
		wanted[l.Name] = max(wanted[l.Name], l.Wanted)
	}
	var flags []string
	for _, name := range names {
		flag := name + "=" + strconv.Itoa(wanted[name])
		if strings.Contains(name, " ") {
			flag = "'" + flag + "'"
		}
		flags = append(flags, "--allow "+flag)
	}
	if flags == nil {
		return ""
	}
	return strings.Join(append(flags, `--because "why"`), " ")
}

// remember writes what the reading taught: whose credentials these are, how
// the source ended, who is missing and who is back.
func (j Job) remember(ctx context.Context, id ledger.RunID, p *Proposal) error {
	if book, ok := j.Store.(ledger.Notebook); ok {
		if err := j.jotAll(ctx, book, id, p); err != nil {
			return err
		}
	}
	if err := j.unlink(ctx, id, p.Plan.Unlinked); err != nil {
		return err
	}
	if err := j.enroll(ctx, id, p); err != nil {
		return err
	}
	if p.census == nil || p.in.Quick { // who is inactive was not looked at
		return nil
	}
	return j.noteShut(ctx, id, p.census)
}

// jotAll remembers whose credentials these are, what groups and roles are
// called, how the source ended, and the rule for leavers.
func (j Job) jotAll(ctx context.Context, book ledger.Notebook, id ledger.RunID, p *Proposal) error {
	notes, whole := map[string]any{}, !p.in.Quick
	if p.org != "" {
		notes[j.organizationNote()] = p.org
	}
	if whole && len(p.groups) > 0 {
		notes[j.groupsNote()] = p.groups
	}
	if whole && p.in.Policy.OwnRoles != nil {
		notes[j.rolesNote()] = p.in.Policy.OwnRoles
	}
	if p.census != nil {
		notes[j.readingNote()], notes[leaversNote+j.Start.Sync] = p.census.memo(), j.leaverRule()
	}
	for _, name := range slices.Sorted(maps.Keys(notes)) {
		if err := j.jot(ctx, book, id, name, notes[name]); err != nil {
			return err
		}
	}
	return nil
}

// enroll marks who is missing and who is back, and where everybody belongs.
func (j Job) enroll(ctx context.Context, id ledger.RunID, p *Proposal) error {
	r, ok := j.Store.(ledger.Register)
	if !ok {
		return nil
	}
	if p.census != nil && len(p.census.units) > 0 {
		if err := r.Place(ctx, id, p.census.units); err != nil {
			return err
		}
	}
	if len(p.Plan.Missing)+len(p.Plan.Back) == 0 {
		return nil
	}
	return r.Mark(ctx, id, p.Plan.Missing, p.Plan.Back)
}

// unlink closes the links of users whom somebody else deleted.
func (j Job) unlink(ctx context.Context, id ledger.RunID, gone []plan.Change) error {
	for batch := range slices.Chunk(gone, foundBatch) {
		if err := j.found(ctx, id, batch, nil); err != nil {
			return err
		}
	}
	return nil
}

// foundBatch are the changes of which nothing is sent that one commit holds.
const foundBatch = 500

// found intends changes of which nothing is sent, and settles them at once:
// found done, with what was seen in shape s.
func (j Job) found(ctx context.Context, id ledger.RunID, batch []plan.Change, s *scim.Shape) error {
	if len(batch) == 0 {
		return nil
	}
	outcomes := make([]ledger.Outcome, len(batch))
	for i, c := range batch {
		outcomes[i] = ledger.Outcome{Change: c.ID, Result: ledger.Found, Ref: c.Target, Seen: apply.RowOf(s, c.Seen), At: j.Now()}
	}
	if err := j.Store.Intend(ctx, id, batch); err != nil {
		return err
	}
	return j.Store.Settle(ctx, id, outcomes)
}

// options completes the tunables by what the ledger knows of the people in the plan.
func (j Job) options(id ledger.RunID, p *Proposal, d *directory) apply.Options {
	o := j.Options
	o.Run, o.Dialect, o.Now = id, p.in.Dialect, j.Now
	o.Users, o.Groups = j.answered(p.in.Users), p.in.Groups
	o.LeaveMoved, o.Remembered = o.LeaveMoved || p.Saved, p.in.Quick
	o.ID, o.Holder, o.Open = d.id, d.holder, d.isOpen
	return o
}

// answered is s with whatever is configured: an answer tells of all of it, and
// what a change does beside what it says (closing an account takes roles) is
// remembered as our doing.
func (j Job) answered(s *scim.Shape) *scim.Shape {
	if s == nil || j.Input.Users == nil || s == j.Input.Users {
		return s
	}
	return scim.NewShape(append(s.Paths(), j.Input.Users.Paths()...)...)
}

// A directory is what a plan needs to know of the links: the ids of the people
// it names, whose creates are open, and, where it creates people, every id.
type directory struct {
	ids     map[source.Key]string // "": not known yet
	holders map[string]source.Key // nil: nobody is created
	open    map[source.Key]bool
}

// directory finds out what p needs to know.
func (j Job) directory(ctx context.Context, p *Proposal) (*directory, error) {
	d := &directory{ids: map[source.Key]string{}, open: map[source.Key]bool{}}
	ask := func(k source.Key) (string, bool) { d.ids[k] = ""; return "", true }
	for c := range p.Plan.Changes() {
		if c.Op == plan.Create && d.holders == nil {
			d.holders = map[string]source.Key{}
		}
		c.Resolved(ask)
	}
	if p.left != nil {
		for _, u := range p.left.open {
			u.Change.Resolved(ask)
		}
	}
	if d.empty() {
		return d, nil
	}
	err := each(j.Store.Links(ctx, ledger.LinkQuery{}), func(l plan.Link) {
		d.link(l)
	})
	return d, err
}

func (d *directory) empty() bool { return len(d.ids) == 0 && d.holders == nil }

func (d *directory) link(l plan.Link) {
	if _, asked := d.ids[l.Key]; asked && !l.Closed && l.Ref.ID != "" {
		d.ids[l.Key] = l.Ref.ID
	}
	if d.holders == nil {
		return
	}
	if l.Ref.ID != "" {
		d.holders[l.Ref.ID] = l.Key
	}
	if l.Open != "" && l.OpenOp == plan.Create {
		d.open[l.Key] = true
	}
}

func (d *directory) id(k source.Key) (string, bool) { return d.ids[k], d.ids[k] != "" }

func (d *directory) isOpen(k source.Key) bool { return d.open[k] }

func (d *directory) holder(id string) (source.Key, bool) {
	k, ok := d.holders[id]
	return k, ok
}

// end closes the run in the ledger.
func (j Job) end(ctx context.Context, r *Report, p *Proposal) error {
	e := ledger.Ending{Result: r.Result}
	if p != nil && p.census != nil && r.Result != refused {
		e.Records, e.Reading = p.census.Records, p.census.Digest
	}
	var err error
	if e.Report, err = json.Marshal(r); err != nil {
		err = fmt.Errorf("end run %s: %w: %w", r.Run, fault.Internal, err)
	}
	return errors.Join(err, j.Store.End(ctx, r.Run, e))
}
