package reconcile

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"rollcall/apply"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/source"
)

// A rest is somebody whom a run did not complete, with how often they were
// tried and when a quick run tries again (design §11: growing pauses). A full
// comparison looks at everybody, whoever rests.
type rest struct {
	Key    source.Key  `json:"key"`
	Digest plan.Digest `json:"digest"`
	Tries  int         `json:"tries"`
	Until  time.Time   `json:"until"`
	For    []reference `json:"for,omitempty"`
}

func (r rest) equal(s rest) bool {
	return r.Key == s.Key && r.Digest == s.Digest && r.Tries == s.Tries && r.Until.Equal(s.Until) && slices.Equal(r.For, s.For)
}

// A reference names somebody in a note: an object, so that the ledger seals it for them.
type reference struct {
	Key source.Key `json:"key"`
}

type resting map[source.Key]rest

const (
	firstPause   = 5 * time.Minute
	longestPause = 24 * time.Hour
)

// pause is how long somebody rests after so many tries.
func pause(tries int) time.Duration {
	d := firstPause
	for range min(tries-1, 16) {
		d *= 2
	}
	return min(d, longestPause)
}

// resting are those whom earlier runs of this sync did not complete.
func (j Job) resting(ctx context.Context) (resting, error) {
	var list []rest
	if known, err := j.noted(ctx, j.restingNote(), &list); !known {
		return nil, err
	}
	all := resting{}
	for _, r := range list {
		if r.Key != "" { // else who it was is forgotten
			all[r.Key] = r
		}
	}
	return all, nil
}

func (j Job) restingNote() string { return "resting " + j.Start.Sync }

// split tells those whose pause is not over from those who are due.
func (r resting) split(at time.Time) (waits map[source.Key]plan.Wait, due map[source.Key]bool) {
	waits, due = map[source.Key]plan.Wait{}, map[source.Key]bool{}
	for k, one := range r {
		if due[k] = !at.Before(one.Until); !due[k] {
			waits[k] = one.wait()
		}
	}
	return waits, due
}

func (r rest) wait() plan.Wait {
	w := plan.Wait{Key: r.Key, Digest: r.Digest}
	for _, f := range r.For {
		w.For = append(w.For, f.Key)
	}
	return w
}

// undone are those whom a change that did not come about leaves incomplete. What
// is desired of members is not told: they are due again when the pause is over.
func undone(e apply.Event) (waits []plan.Wait) {
	switch r := e.Outcome.Result; {
	case r.Fine() && len(e.Outcome.Waiting) == 0:
		return nil
	case e.Change.Key != "" && (r == ledger.Failed || r == ledger.LeftOut):
		return []plan.Wait{{Key: e.Change.Key, Digest: e.Change.Sent}}
	}
	for m := range ledger.Members(e.Change) {
		if m.Key != "" {
			waits = append(waits, plan.Wait{Key: m.Key})
		}
	}
	return waits
}

// rest remembers whom a run did not complete. Who was not looked at rests on.
func (j Job) rest(ctx context.Context, id ledger.RunID, p *Proposal, waits []plan.Wait) error {
	book, ok := j.Store.(ledger.Notebook)
	if !ok || p.census == nil || len(waits)+len(p.rests) == 0 {
		return nil
	}
	all := resting{}
	for k := range p.in.Resting {
		all[k] = p.rests[k]
	}
	for c := range p.Plan.Changes() {
		delete(all, c.Key)
	}
	for _, w := range waits {
		all[w.Key] = p.rests.after(w, j.Now())
	}
	if maps.EqualFunc(all, p.rests, rest.equal) {
		return nil
	}
	return j.jot(context.WithoutCancel(ctx), book, id, j.restingNote(), all.list())
}

// after is how somebody rests who is not completed once more.
func (r resting) after(w plan.Wait, now time.Time) rest {
	before, again := r[w.Key]
	one := rest{Key: w.Key, Digest: w.Digest, Tries: 1, For: references(w.For)}
	if same := again && before.Digest == w.Digest; same && now.Before(before.Until) {
		one.Tries, one.Until = before.Tries, before.Until
		return one
	} else if same {
		one.Tries = before.Tries + 1
	}
	one.Until = now.Add(pause(one.Tries)).UTC()
	return one
}

func references(keys []source.Key) (all []reference) {
	for _, k := range keys {
		all = append(all, reference{k})
	}
	return all
}

// list is r in the order of keys.
func (r resting) list() []rest {
	return slices.SortedFunc(maps.Values(r), func(a, b rest) int { return cmp.Compare(a.Key, b.Key) })
}
