package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A task is one change on its way to an outcome. It belongs to one worker.
type task struct {
	*runner

	c       plan.Change // Person values resolved
	to      scim.Ref
	out     ledger.Outcome
	lost    int    // requests and looks that got no answer
	limbo   bool   // the last write got no answer, and nothing was seen since
	tried   bool   // some write got no answer, whatever was seen since
	stopped bool   // the run ended while it waited
	short   string // what the credentials may not do of it; "": nothing
}

// do carries one change out and remembers what follows from it.
func (x *runner) do(ctx context.Context, c plan.Change) ledger.Outcome {
	t := &task{runner: x, c: c}
	t.out.Change = c.ID
	t.run(ctx)
	t.out.At = x.Now()
	x.known.learn(c, t.out)
	if c.Target.Type == scim.Group {
		t.out.Seen = scim.Row{} // all its members, at every change of it: nobody keeps them
	}
	return t.out
}

func (t *task) run(ctx context.Context) {
	if t.isStopping() {
		t.end(ledger.Canceled, 0, "the run was stopped before this change was sent")
		return
	}
	t.to = t.known.ref(t.c)
	t.out.Ref = t.to
	if !t.ready() {
		return
	}
	if t.c.Op == plan.Create {
		t.create(ctx)
		return
	}
	t.write(ctx)
}

// ready resolves what c names and tells whether c goes at all.
func (t *task) ready() bool {
	if d, denied := t.known.denied(t.c); denied {
		t.end(ledger.LeftOut, fault.Denied, "the credentials may not do this: refused for an earlier change of this run")
		t.out.Hint = d.hint
		return false
	}
	for _, d := range t.known.forbidden(t.c.Target.Type) {
		if named := both(d.paths, paths(t.c)); len(named) > 0 && !t.strip(named, d.hint) {
			t.end(ledger.LeftOut, fault.Denied, t.short)
			return false
		}
	}
	op := t.known.rests(t.c)
	if op == "" && t.to.ID == "" && t.c.Op != plan.Create {
		op = plan.Create
	}
	if op != "" {
		t.end(ledger.LeftOut, 0, fmt.Sprintf("rests on a change that did not come about: %s %s", op, t.c.Key))
		return false
	}
	var waiting []scim.Path
	t.c, waiting = resolve(t.c, t.id)
	t.out.Edits, t.out.Waiting = t.c.Edits, append(t.out.Waiting, waiting...)
	if len(waiting) > 0 && (t.needs(waiting) || len(t.c.Edits) == 0) {
		t.end(ledger.LeftOut, 0, "names a person who is not there: their change did not come about")
		return false
	}
	return true
}

// needs tells whether c cannot go without one of paths.
func (t *task) needs(paths []scim.Path) bool {
	return t.c.Op == plan.Create && len(both(t.Dialect.CreateNeeds, paths)) > 0
}

// strip takes out of c what the credentials may not write; false where nothing
// worth sending is left.
func (t *task) strip(denied []scim.Path, hint string) bool {
	t.short = "the credentials may not write " + join(denied)
	t.out.Hint = hint
	if t.needs(denied) {
		return false
	}
	t.c.Edits = slices.DeleteFunc(slices.Clone(t.c.Edits), func(e plan.Edit) bool { return slices.Contains(denied, e.Path) })
	t.out.Edits, t.out.Waiting = t.c.Edits, append(t.out.Waiting, denied...)
	return len(t.c.Edits) > 0
}

func join(paths []scim.Path) string {
	texts := make([]string, len(paths))
	for i, p := range paths {
		texts[i] = string(p)
	}
	return strings.Join(texts, ", ")
}

// id finds the user of a key: created in this run, or linked before.
func (t *task) id(k source.Key) (string, bool) {
	if id, ok := t.known.id(k); ok {
		return id, true
	}
	return t.ID(k)
}

// write carries out everything but a create: the same intent is held against
// what is there until nothing is left of it, the service has taken it, or it
// is given up.
func (t *task) write(ctx context.Context) {
	for unread := !t.mustRead(); t.out.Result == ""; unread = false {
		if err := t.attempt(ctx, unread); t.out.Result == "" && !t.again(err) {
			t.fail(err)
		}
	}
}

// attempt reads what is there, unless it goes by what the plan believes, and
// sends what is left. It ends the change, or says why it could not.
func (t *task) attempt(ctx context.Context, unread bool) error {
	now := target.Observed{Ref: t.to}
	if !unread {
		var err error
		if now, err = t.look(ctx); err != nil {
			return err
		}
	}
	req, goes := t.request(now, unread)
	if !goes {
		return nil
	}
	answer, err := t.send(ctx, req)
	switch {
	case err == nil:
		t.done(ctx, answer)
	case req.Act == target.Delete && fault.Of(err) == fault.Missing:
		t.end(ledger.Found, 0, "")
		return nil
	}
	return err
}

// mustRead tells whether what is there must be read before the first request:
// the version does not cover what is edited, or is not known.
func (t *task) mustRead() bool {
	if t.c.Fresh {
		return true
	}
	if !t.versioned() || t.to.Version != "" {
		return false
	}
	ops, _ := t.c.Against(t.believed)
	return len(ops) > 0 || t.c.Op == plan.Delete
}

// versioned tells whether the request goes under a version.
func (t *task) versioned() bool {
	return t.to.Type == scim.User && (t.act() == target.Patch || t.act() == target.Delete)
}

// acts are those of the operations that are no PATCH.
var acts = map[plan.Op]target.Act{
	plan.Create: target.Create, plan.Delete: target.Delete, plan.Grant: target.Grant, plan.Restore: target.Restore,
}

func (t *task) act() target.Act { return cmp.Or(acts[t.c.Op], target.Patch) }

// request is what is left to send, held against now. Where nothing is, or it
// must not be sent, goes is false and the outcome says why.
func (t *task) request(now target.Observed, unread bool) (req target.Request, goes bool) {
	if !unread && (t.contradicts(now) || t.settled(now)) {
		return req, false
	}
	ops, moved := t.c.Against(t.at(now.Row))
	if !unread {
		t.out.Edits = t.seen(now.Row)
		t.moved(moved)
	}
	req = target.Request{Act: t.act(), To: t.to, Ops: ops}
	if t.versioned() {
		req.To.Version = now.Version
	}
	switch {
	case len(moved) > 0 && t.LeaveMoved:
		t.out.Moved = moved
		t.end(ledger.LeftOut, fault.Stale, "changed by somebody else since the plan was saved")
	case len(ops) == 0 && (req.Act == target.Patch || req.Act == target.Grant):
		t.out.Ref, t.out.Seen = now.Ref, now.Row
		if unread {
			t.out.Seen = RowOf(t.shape(), t.c.Seen)
		}
		t.end(ledger.Found, 0, "")
	case t.versioned() && req.To.Version == "" && !t.AllowUnversioned:
		t.end(ledger.Failed, fault.Unsupported, "the user shows no version: a write could undo somebody else's")
		t.out.Hint = "allow writes without a version (allow_unversioned) if this service has none"
	default:
		return req, true
	}
	return req, false
}

// settled ends a change that the state of its resource has decided.
func (t *task) settled(now target.Observed) bool {
	there := now.State == target.Active || now.State == target.Inactive
	switch act := t.act(); {
	case act == target.Delete && !there, act == target.Restore && there:
		t.out.Ref, t.out.Seen = now.Ref, now.Row
		t.out.Ref.ID = t.to.ID
		t.end(ledger.Found, 0, "")
	case act == target.Restore && now.State == target.Gone, act != target.Delete && act != target.Restore && !there:
		t.end(ledger.Failed, fault.Missing, "it is not there any more")
	default:
		return false
	}
	return true
}

// send sends one request and takes over what the answer tells about it.
func (t *task) send(ctx context.Context, req target.Request) (target.Answer, error) {
	answer, err := t.writer.Send(ctx, req, t.shape())
	t.out.VersionFrom, t.out.Sent = req.To.Version, req.Ops
	t.out.Status, t.out.Took = answer.Status, answer.Took
	t.out.Attempts += answer.Attempts
	if answer.Correlation != "" {
		t.out.Correlation = answer.Correlation
	}
	t.limbo = fault.Of(err) == fault.Unavailable || err != nil && ctx.Err() != nil && answer.Attempts > 0
	t.tried = t.tried || t.limbo
	return answer, err
}

// again decides whether a read or write that failed is followed by another
// look, and waits for it where that is due.
func (t *task) again(err error) bool {
	switch fault.Of(err) {
	case fault.Stale:
		t.out.Conflicts++
		return t.out.Conflicts <= t.ConflictRetries
	case fault.Unavailable:
		t.lost++
		return t.lost < t.Backoff.Attempts && t.wait(t.lost)
	case fault.Denied:
		return t.without(err)
	default:
		return false
	}
}

// without drops the attributes that the service named as not permitted, and
// tells whether the rest of the change goes. They are not tried again in this run.
func (t *task) without(err error) bool {
	var f *target.Failure
	if !errors.As(err, &f) {
		return false
	}
	named := both(paths(t.c), f.Paths)
	if len(named) == 0 || len(named) == len(t.c.Edits) || t.needs(named) {
		return false
	}
	t.known.deny(denial{typ: t.to.Type, paths: named, named: true, hint: fault.Hint(err)})
	return t.strip(named, fault.Hint(err))
}

// wait waits before the n-th repetition; false where the run ends meanwhile.
func (t *task) wait(n int) bool {
	d := float64(t.Backoff.First) * math.Pow(t.Backoff.Factor, float64(n-1)) * (1 + t.Rand()/5)
	select {
	case <-time.After(time.Duration(d)):
		return true
	case <-t.stopping:
		t.stopped = true
		return false
	}
}

// look reads what is there now of what c edits.
func (t *task) look(ctx context.Context) (target.Observed, error) {
	q := target.Query{Ask: target.ByID, Type: t.to.Type, Who: t.to.ID, Paths: paths(t.c)}
	if t.c.Op == plan.Grant {
		q.Ask = target.Grants
	}
	now := target.Observed{Ref: t.to, State: target.Gone}
	for o, err := range t.reader.Read(ctx, q, t.shape()) {
		if err != nil {
			return now, err
		}
		now = o
	}
	t.limbo = false
	return now, nil
}

// done takes over a good answer.
func (t *task) done(ctx context.Context, answer target.Answer) {
	if answer.ID != "" {
		t.out.Ref = answer.Ref
	} else {
		t.out.Ref.Version = ""
	}
	t.out.Seen = answer.Row
	t.verify(ctx)
	t.known.stay(t.c, answer.Row)
	t.end(ledger.Done, 0, "")
}

// fail ends a change with what went wrong. Permissions that are lacking stop
// their kind of change; credentials that are refused, and bugs, stop the run.
func (t *task) fail(err error) {
	kind := fault.Of(err)
	switch {
	case t.limbo:
		t.end(ledger.Unknown, fault.Unavailable, err.Error())
		t.out.Hint = "nothing: the next run looks whether it was carried out"
		return
	case (t.stopped || errors.Is(err, context.Canceled) || kind == fault.Interrupted) && t.isStopping():
		t.end(ledger.Canceled, fault.Interrupted, "the run was stopped before this change was sent")
		return
	case kind == fault.Missing && t.contradicts(target.Observed{State: target.Gone}):
		return
	}
	t.end(ledger.Failed, kind, err.Error())
	t.out.Hint = fault.Hint(err)
	switch kind {
	case fault.Denied:
		t.denied(err)
	case fault.Internal:
		t.halt(fmt.Errorf("apply change %s: %w", t.c.ID, err))
	default:
	}
}

// denied tells a permission that is lacking from credentials that are refused.
func (t *task) denied(err error) {
	var f *target.Failure
	if errors.As(err, &f); f == nil {
		f = &target.Failure{Status: t.out.Status}
	}
	if f.Status != http.StatusForbidden && len(f.Permissions) == 0 {
		t.halt(fmt.Errorf("apply change %s: %w", t.c.ID, err))
		return
	}
	d := denial{typ: t.c.Target.Type, paths: t.editing(), hint: t.out.Hint}
	if named := both(d.paths, f.Paths); len(named) > 0 {
		d.paths, d.named = named, true
	} else if wholeOp(t.c.Op) {
		d.op = t.c.Op
	}
	t.known.deny(d)
}

// end ends the change. What came about but for what the credentials may not do
// says so.
func (t *task) end(r ledger.Result, kind fault.Kind, text string) {
	if t.short != "" && r.Fine() {
		kind, text = fault.Denied, "all but what was not permitted: "+t.short
	}
	t.out.Result, t.out.Kind, t.out.Error = r, kind, text
}

func (t *task) isStopping() bool {
	select {
	case <-t.stopping:
		return true
	default:
		return false
	}
}
