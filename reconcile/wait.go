package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
)

// An Approval says which plans wait in the ledger until a person has decided;
// the zero value: none does.
type Approval struct {
	Over    bool          // what is over a limit
	Always  bool          // every plan
	Expire  time.Duration // how long a plan waits
	Another bool          // not whoever made it decides
}

// always tells whether p waits as a matter of course. New keys given by hand do
// not: nothing of them is sent.
func (j Job) always(p *Proposal) bool {
	return j.Approval.Always && p.Approved == nil && p.Plan.Len() > 0 && j.Start.Command != "rekey"
}

// waits tells for what changes of p wait; "" where none does, or nobody could
// approve of it: an approved plan is carried out or refused.
func (j Job) waits(p *Proposal) string {
	if p.Approved != nil {
		return ""
	}
	if j.always(p) {
		return "approval: always"
	}
	var over []string
	for _, l := range p.Plan.Limits {
		if j.Approval.Over && l.Exceeded && !slices.Contains(over, l.Name) {
			over = append(over, l.Name)
		}
	}
	return strings.Join(over, ", ")
}

// waiting are the changes of p that wait: all, or those that are held.
func (j Job) waiting(p *Proposal) iter.Seq[plan.Change] {
	all := j.always(p) || p.Plan.Refused()
	return func(yield func(plan.Change) bool) {
		for c := range p.Plan.Changes() {
			if (all || c.Held != "") && !yield(c) {
				return
			}
		}
	}
}

// await keeps what of p waits, and answers with the plan that waits; its zero
// value where nothing does. The same changes as those of a plan that waits
// already, or was approved, are not kept a second time.
func (j Job) await(ctx context.Context, id ledger.RunID, p *Proposal) (w ledger.WaitingPlan, err error) {
	why := j.waits(p)
	desk, ok := j.Store.(ledger.Desk)
	switch {
	case !ok:
		return w, nil
	case why == "":
		return w, j.withdraw(ctx, desk, id, p)
	}
	if w, err = j.standing(ctx, desk, p); w.ID != "" || err != nil {
		return w, err
	}
	w = j.header(why, p)
	if w.Changes == 0 {
		return ledger.WaitingPlan{}, nil
	}
	if err := desk.Await(ctx, id, w, j.waiting(p)); err != nil {
		return w, err
	}
	return desk.WaitingPlan(ctx, id)
}

// withdraw replaces the plan that waits by nothing, where nothing waits any more
// and everybody was compared, or what it would do is done now.
func (j Job) withdraw(ctx context.Context, desk ledger.Desk, id ledger.RunID, p *Proposal) error {
	if p.in.Quick || p.Approved != nil || len(j.Input.Policy.Only) > 0 || p.Plan.Refused() {
		return nil
	}
	for w, err := range desk.WaitingPlans(ctx) {
		if err != nil {
			return err
		}
		if !j.serves(w) || !w.Open() {
			continue
		}
		if done, err := j.covers(ctx, w, p); !done || err != nil {
			return err
		}
		return desk.Decide(ctx, ledger.Decision{Plan: w.ID, Standing: ledger.Replaced, By: j.Start.Actor, Because: "nothing waits any more", Run: id})
	}
	return nil
}

// covers tells whether p says all that there is to say about w: it compared
// everybody, or has every change of w.
func (j Job) covers(ctx context.Context, w ledger.WaitingPlan, p *Proposal) (bool, error) {
	if p.census != nil {
		return true, nil
	}
	mine := map[string]bool{}
	for c := range p.Plan.Changes() {
		mine[c.ID] = true
	}
	for e, err := range j.Store.Entries(ctx, ledger.Filter{Run: w.ID, Kind: ledger.KindPart}) {
		if err != nil || e.Change == nil || !mine[e.Change.ID] {
			return false, err
		}
	}
	return len(mine) > 0, nil
}

// serves tells whether w is of this sync, command and organization.
func (j Job) serves(w ledger.WaitingPlan) bool {
	return w.Sync == j.Start.Sync && w.Command == j.Start.Command && w.Org == j.Start.Org
}

// header is a plan of the changes of p that wait. Nobody's name stands in it
// but what is sealed for them.
func (j Job) header(why string, p *Proposal) ledger.WaitingPlan {
	part := plan.Of(p.in, j.waiting(p), nil)
	w := ledger.WaitingPlan{
		Sync: j.Start.Sync, Org: j.Start.Org, Command: j.Start.Command, Maker: j.Start.Actor, Reason: j.Start.Reason, Why: why,
		Expires: j.Now().Add(j.Approval.Expire).UTC(), Changes: part.Len(), Basis: p.Plan.Basis, Summary: part.Summary,
	}
	for _, l := range p.Plan.Limits {
		if l.Who = nil; l.Exceeded {
			w.Limits = append(w.Limits, l)
		}
	}
	for _, f := range p.Plan.Findings {
		if f.Key != "" {
			w.Findings = append(w.Findings, f)
		}
	}
	w.Summary.Findings = len(w.Findings)
	return w
}

// standing is the plan that waits, or was approved, with the same changes as
// those of p that wait; its zero value where there is none.
func (j Job) standing(ctx context.Context, desk ledger.Desk, p *Proposal) (ledger.WaitingPlan, error) {
	for w, err := range desk.WaitingPlans(ctx) {
		if err != nil {
			return w, err
		}
		if !j.serves(w) || w.Basis.Mapping != p.Plan.Basis.Mapping || !w.Open() || expired(w, j.Now()) {
			continue
		}
		same, err := j.same(ctx, w, j.waiting(p))
		if same || err != nil {
			return w, err
		}
	}
	return ledger.WaitingPlan{}, nil
}

// same tells whether the changes of w are these.
func (j Job) same(ctx context.Context, w ledger.WaitingPlan, changes iter.Seq[plan.Change]) (bool, error) {
	wanted := map[string]bool{}
	for c := range changes {
		wanted[c.ID] = true
	}
	if len(wanted) != w.Changes {
		return false, nil
	}
	for e, err := range j.Store.Entries(ctx, ledger.Filter{Run: w.ID, Kind: ledger.KindPart}) {
		if err != nil {
			return false, err
		}
		if e.Erased || !wanted[e.Change.ID] {
			return false, nil
		}
	}
	return true, nil
}

func expired(w ledger.WaitingPlan, now time.Time) bool { return now.After(w.Expires) }

// mustWait is the error of a run whose plan waits as a whole.
func mustWait(w ledger.WaitingPlan) error {
	err := fmt.Errorf("apply: every plan waits for a person (approval: always), this one as %s; nothing is applied: %w", w.ID, fault.Refused)
	return fault.WithHint(err, NextStep(w))
}

// NextStep is the command that takes a plan that waits one step further.
func NextStep(w ledger.WaitingPlan) string {
	if w.Decided.Standing == ledger.Approved {
		return "it is approved; carry it out with: rollcall apply " + string(w.ID)
	}
	return "look at it with: rollcall show " + string(w.ID) + "; then: rollcall approve " + string(w.ID) + ` --because "why"`
}

// Decide records what a person says of a plan that waits: approved or rejected.
// Refused where it has expired, was decided about already, or is to be approved by
// whoever made it and that is not allowed; Invalid where there is none of that name.
func Decide(ctx context.Context, desk ledger.Desk, a Approval, now time.Time, d ledger.Decision) (ledger.WaitingPlan, error) {
	w, err := desk.WaitingPlan(ctx, d.Plan)
	if err == nil {
		err = cmp.Or(w.May(d), current(w, now), a.lets(w, d))
	}
	if err == nil {
		err = desk.Decide(ctx, d)
	}
	if err != nil {
		return w, err
	}
	return desk.WaitingPlan(ctx, d.Plan)
}

// lets tells whether whoever decides may.
func (a Approval) lets(w ledger.WaitingPlan, d ledger.Decision) error {
	if !a.Another || d.Standing != ledger.Approved || !sameName(w.Maker, d.By) {
		return nil
	}
	err := fmt.Errorf("approve plan %s: %s made it, and approvals.by is another: %w", w.ID, w.Maker, fault.Refused)
	return fault.WithHint(err, "let somebody else look at it and approve it, with --as NAME where they share this account")
}

// sameName tells whether two names are one person's: case and white space tell nobody apart.
func sameName(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// current tells whether w can still be decided about, or carried out.
func current(w ledger.WaitingPlan, now time.Time) error {
	if !expired(w, now) {
		return nil
	}
	err := fmt.Errorf("plan %s: it expired at %s: %w", w.ID, w.Expires.UTC().Format(time.RFC3339), fault.Refused)
	return fault.WithHint(err, "make a new one with: rollcall apply")
}

// Waiting is a plan that waits, or waited, with its changes as they were kept;
// void are those of people who were forgotten since. Invalid where there is none of that name.
func Waiting(ctx context.Context, store ledger.Store, id ledger.RunID) (w ledger.WaitingPlan, p *plan.Plan, void int, err error) {
	desk, ok := store.(ledger.Desk)
	if !ok {
		return w, nil, 0, ledger.NoPlan(id)
	}
	if w, err = desk.WaitingPlan(ctx, id); err != nil {
		return w, nil, 0, err
	}
	findings := slices.DeleteFunc(slices.Clone(w.Findings), func(f plan.Finding) bool { return f.Code == "" })
	p = plan.Recall(w.Basis, w.Summary, w.Limits, findings, func(yield func(plan.Change) bool) {
		for e, failed := range store.Entries(ctx, ledger.Filter{Run: id, Kind: ledger.KindPart}) {
			if failed != nil {
				err = failed
				return
			}
			c, whole := living(e)
			if !whole {
				void++
			}
			if c != nil && !yield(*c) {
				return
			}
		}
	})
	return w, p, void, err
}

// living is the change of e without whoever was forgotten; nil where nothing
// is left of it. whole tells that all of it is.
func living(e ledger.Entry) (c *plan.Change, whole bool) {
	if e.Erased || e.Change == nil {
		return nil, false
	}
	left := *e.Change
	left.Edits, whole = nil, true
	for _, d := range e.Change.Edits {
		d, kept := livingEdit(d)
		if whole = whole && kept; kept || !d.Whole && asks(d) > 0 {
			left.Edits = append(left.Edits, d)
		}
	}
	if !whole && len(left.Edits) == 0 {
		return nil, false
	}
	return &left, whole
}

// livingEdit is d without whoever was forgotten; whole tells that nothing it asks for was about them.
func livingEdit(d plan.Edit) (_ plan.Edit, whole bool) {
	was := asks(d)
	for _, list := range []*[]scim.Value{&d.Before, &d.Set, &d.Add, &d.Remove, &d.Claim, &d.Keep} {
		*list = slices.DeleteFunc(*list, erased)
	}
	return d, asks(d) == was
}

// asks counts the values that d is about.
func asks(d plan.Edit) int { return len(d.Set) + len(d.Add) + len(d.Remove) + len(d.Claim) }

// erased tells whether v was about somebody who was forgotten.
func erased(v scim.Value) bool { return strings.Contains(string(v), `"$erased":true`) }

// Approved proposes the plan of that name, which a person approved: it is carried
// out as a saved plan is, its limits lifted as far as it needs. Refused where it is not
// approved, has expired or was carried out, and as [Job.Saved] does, but for its age.
func (j Job) Approved(ctx context.Context, id ledger.RunID) (*Proposal, error) {
	w, p, void, err := Waiting(ctx, j.Store, id)
	if err != nil {
		return nil, err
	}
	if err := w.May(ledger.Decision{Plan: id, Standing: ledger.Applied}); err != nil {
		return nil, err
	}
	if err := current(w, j.Now()); err != nil {
		return nil, err
	}
	p.Findings = nil // of whoever made it; this run is about what was approved
	if void > 0 {
		p.Findings = []plan.Finding{{
			Severity: plan.Warning, Code: "forgotten", Text: fmt.Sprintf("%d changes are about people who were forgotten since: that of them is left out", void),
		}}
	}
	j.PlanAge, j.lifted = 0, w.Limits
	out, err := j.Saved(ctx, p)
	out.Approved = &w
	return out, err
}

// conclude records that an approved plan was carried out to its end. One that
// was interrupted, or whose run died, can be taken up again.
func (j Job) conclude(ctx context.Context, id ledger.RunID, p *Proposal) error {
	desk, ok := j.Store.(ledger.Desk)
	if !ok || p.Approved == nil {
		return nil
	}
	return desk.Decide(ctx, ledger.Decision{Plan: p.Approved.ID, Standing: ledger.Applied, By: j.Start.Actor, Because: j.Start.Reason, Run: id})
}
