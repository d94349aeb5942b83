package reconcile_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target/genesys"
)

// driftOrganizations are the seeds of TestDriftLaw.
const driftOrganizations = 200

// TestDriftLaw: after a run nothing has drifted but what others had changed
// before it and it left alone; after edits by others exactly these have.
func TestDriftLaw(t *testing.T) {
	t.Parallel()
	for seed := range uint64(driftOrganizations) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &driftWorld{lawWorld: newLawWorld(t, seed, ""), base: truth{}}
				defer w.tell()
				for n := range 1 + w.IntN(3) {
					if n > 0 {
						w.happen()
					}
					w.run(false)
					time.Sleep(10 * time.Second) // member_delay
					w.witness()
					w.check(n == 0)
					for range 1 + w.IntN(4) {
						w.meddle()
					}
					time.Sleep(10 * time.Second)
					w.check(false)
				}
			})
		})
	}
}

// A driftWorld is a lawWorld whose oracle knows the truth after the last write to everybody.
type driftWorld struct {
	*lawWorld

	base truth // facts by id: only those that an answer has shown
	told int   // entries that were read
}

// witness takes over the truth of what the answers of the last run have shown.
func (w *driftWorld) witness() {
	w.Helper()
	now, n := w.truth(), 0
	for e, err := range w.store.Entries(w.Context(), ledger.Filter{}) {
		if err != nil {
			w.Fatalf("Entries: %v", err)
		}
		if n++; n <= w.told || e.Kind != ledger.KindOutcome {
			continue
		}
		o := e.Outcome
		if w.base[o.Ref.ID] == nil && o.Seen.Packed() != "" {
			w.base[o.Ref.ID] = facts{}
		}
		for _, name := range w.shown(o.Seen) {
			w.base[o.Ref.ID].take(now[o.Ref.ID], name)
		}
	}
	w.told = n
}

// shown are the names of the traits that a row knows.
func (w *driftWorld) shown(r scim.Row) (names []string) {
	for _, t := range w.traits {
		if _, known := r.At(t.path); known {
			names = append(names, t.name)
		}
	}
	return names
}

// take makes f have at a name what other has; that it has been seen at all is noted too.
func (f facts) take(other facts, name string) {
	delete(f, name)
	f.dropAll(name)
	f["seen "+name] = yes
	for k, v := range other {
		if k == name || strings.HasPrefix(k, name+"/") || name == "active" && k == "state" {
			f[k] = v
		}
	}
}

// check holds a look at the drift against what others truly did. Right after
// the first run there is none.
func (w *driftWorld) check(first bool) {
	w.Helper()
	j := w.job(w.enterprise)
	got, err := j.Drift(w.Context(), false)
	if err != nil && w.shifting(err) {
		return
	}
	if err != nil {
		w.Fatalf("Drift: %v", err)
	}
	if first && got.Any() && !w.ruled {
		w.Errorf("right after the first run there is drift: %+v", got)
	}
	want := w.drifts()
	lines := told(got)
	if w.ruled {
		for id, f := range w.truth() {
			if strings.HasPrefix(f["userName"], "b") {
				delete(lines, "group Sales "+id)
			}
		}
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		w.Errorf("drift (-true +told):\n%s", diff)
	}
	w.checkProfiles(j, want)
	if w.Failed() {
		w.FailNow()
	}
}

// checkProfiles holds a look at versions alone against all that drifted: it
// tells nothing else, and whatever moves a version.
func (w *driftWorld) checkProfiles(j reconcile.Job, all map[string]string) {
	w.Helper()
	got, err := j.Drift(w.Context(), true)
	if err != nil && w.shifting(err) {
		return
	}
	if err != nil {
		w.Fatalf("Drift of profiles: %v", err)
	}
	some := told(got)
	for line, verdict := range all {
		who, path, _ := strings.Cut(line, " ")
		still := path == string(manager) || slices.Contains(genesys.Dialect().Secondary, scim.Path(path)) // may change without the version
		if who != "group" && !still && verdict == "changed" && some[line] != verdict {
			w.Errorf("a look at versions does not tell %q: %s", line, verdict)
		}
	}
	for line, verdict := range some {
		if all[line] != verdict {
			w.Errorf("a look at versions tells %q: %s; the whole look tells %q", line, verdict, all[line])
		}
	}
}

// told is a drift as lines.
func told(d *reconcile.Drift) map[string]string {
	lines := map[string]string{}
	for _, p := range d.People {
		if p.Kind == reconcile.DriftDeleted {
			lines[string(p.Key)] = "deleted"
		}
		for _, x := range p.Differences {
			lines[string(p.Key)+" "+string(x.Path)] = string(x.Verdict)
		}
	}
	for _, g := range d.Groups {
		for how, ms := range map[string][]reconcile.DriftMember{"left": g.Left, "joined": g.Joined, "unclear": g.Unclear} {
			for _, m := range ms {
				lines["group "+g.Group+" "+m.Resource] = how
			}
		}
	}
	return lines
}

// drifts are the lines of the truth.
func (w *driftWorld) drifts() map[string]string {
	w.Helper()
	lines, now := map[string]string{}, w.truth()
	linked := map[string]plan.Link{}
	for l, err := range w.store.Links(w.Context(), ledger.LinkQuery{Shape: w.mapped.Shape()}) {
		if err != nil {
			w.Fatalf("Links: %v", err)
		}
		if !l.Closed && l.Ref.ID != "" {
			linked[l.Ref.ID] = l
		}
	}
	for id, l := range linked {
		if now[id] == nil || now[id]["state"] == "deleted" {
			lines[string(l.Key)] = "deleted"
			continue
		}
		for _, t := range w.traits {
			if verdict := w.verdict(t, l, now[id]); verdict != "" {
				lines[string(l.Key)+" "+string(t.path)] = verdict
			}
		}
	}
	w.groupDrifts(lines, linked, now)
	return lines
}

// verdict says how one attribute of a user drifted; "" where it did not.
func (w *driftWorld) verdict(t trait, l plan.Link, now facts) string {
	base := w.base[l.Ref.ID]
	seen := base["seen "+t.name] == yes
	name := t.name
	if name == "active" {
		name = "state"
		if !seen && l.Deactivated.IsZero() && now["state"] != "active" {
			return "undated"
		}
	}
	if len(strings.TrimPrefix(string(t.path), genesysURN)) < len(t.path) || t.name == "roles" {
		return w.setVerdict(t, l, now, seen)
	}
	was, is := base[name], now[name]
	if !strings.Contains(was, ";ext=") && was != "" {
		is, _, _ = strings.Cut(is, ";ext=") // an extension that somebody added is kept, and no change
	}
	if !seen || was == is {
		return ""
	}
	if w.bare && (name == "userName" || name == "state") {
		return "watched"
	}
	return map[plan.Own]string{plan.Once: "once", plan.Watch: "watched", plan.Managed: "changed"}[t.own]
}

// setVerdict is verdict for a set: whose the elements were that went is what counts.
func (w *driftWorld) setVerdict(t trait, l plan.Link, now facts, seen bool) string {
	ours := map[string]bool{}
	values, _ := l.Ours.At(t.path)
	for _, v := range values {
		for _, member := range []string{"value", "name"} {
			if name, ok := v.Sub(member).Text(); ok {
				ours[name] = true
			}
		}
	}
	was, is := w.base[l.Ref.ID].elements(t.name), now.elements(t.name)
	if !seen && t.own == plan.Mine { // elements that were claimed without a write
		was = facts{}
		for name := range ours {
			was[name] = is[name]
			if is[name] == "" {
				was[name] = "claimed"
			}
		}
		is = maps.Clone(is)
		maps.DeleteFunc(is, func(name, _ string) bool { return !ours[name] })
	} else if !seen {
		return ""
	}
	if maps.Equal(was, is) {
		return ""
	}
	for name, v := range was {
		if t.own == plan.Exact || ours[name] && is[name] != v {
			return "changed"
		}
	}
	if t.own == plan.Exact {
		return "changed"
	}
	return "theirs"
}

// groupDrifts adds the memberships that others took or gave.
func (w *driftWorld) groupDrifts(lines map[string]string, linked map[string]plan.Link, now truth) {
	names := w.groupNames()
	exact := w.exact(names, linked)
	for id, f := range now {
		l, is := linked[id]
		for _, g := range l.Groups {
			managed := w.rules[names[g]] != 0 || w.named != 0
			if managed && f["state"] == "active" && f["groups/"+names[g]] != yes {
				lines["group "+names[g]+" "+id] = "left"
			}
		}
		for g := range exact {
			ours := slices.ContainsFunc(l.Groups, func(id string) bool { return names[id] == g })
			if f["groups/"+g] != yes || ours || is && f["state"] != "active" || f["state"] == "deleted" || w.protects(f["userName"]) {
				continue
			}
			if how := w.stranger(is, l.Key, g); how != "" {
				lines["group "+g+" "+id] = how
			}
		}
	}
	for line := range lines { // whom the rule of a group keeps is found out when they are to be removed
		if group, id, _ := strings.Cut(strings.TrimPrefix(line, "group "), " "); w.ruled && group == "Sales" && strings.HasPrefix(now[id]["userName"], "b") {
			delete(lines, line)
		}
	}
}

// exact are the groups whose members are all ruled: by name, or since a column names them and somebody was put in.
func (w *driftWorld) exact(names map[string]string, linked map[string]plan.Link) map[string]bool {
	groups := map[string]bool{}
	for _, l := range linked {
		for _, id := range l.Groups {
			if _, ruled := w.rules[names[id]]; !ruled && w.named == plan.Exact {
				groups[names[id]] = true
			}
		}
	}
	for g, own := range w.rules {
		if own == plan.Exact {
			groups[g] = true
		}
	}
	return groups
}

// stranger says what a member of an exact group is whom rollcall did not put there.
func (w *driftWorld) stranger(linked bool, key source.Key, group string) string {
	var mine []*hire
	for _, h := range w.hires {
		if h.key == string(key) && (h.bad != nil || !h.outside) {
			mine = append(mine, h)
		}
	}
	if !linked {
		return "joined"
	}
	if len(mine) != 1 || mine[0].bad != nil || w.named == plan.Exact && mine[0].wants["teams"] == nil {
		return "unclear"
	}
	belongs := map[string]bool{"Everybody": w.rules[group] != 0, "Sales": w.rules[group] != 0 && mine[0].cells["Dept"] == "Sales"}
	if belongs[group] || w.named != 0 && mine[0].wants["teams"][group] == yes {
		return ""
	}
	return "joined"
}

// groupNames are the names of groups by id.
func (w *driftWorld) groupNames() map[string]string {
	w.Helper()
	names := map[string]string{}
	for _, g := range lawGroups {
		names[w.groupID(g)] = g
	}
	return names
}
