package ledgertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// cases are the contract, a sentence each.
func cases() map[string]func(*Bench) {
	return map[string]func(*Bench){
		"an empty ledger has nothing and is sound":                   empty,
		"a create that is done makes a link":                         created,
		"an intent without outcome shows as open, without a ref":     openCreate,
		"an open intent survives its process":                        killed,
		"an unknown outcome leaves the intent open":                  unknown,
		"a later adopt closes what was open":                         recovered,
		"what a dead run left open can be settled by the next":       settled,
		"each of what dead runs left open is settled for itself":     settledTwice,
		"a refused change is closed and leaves the link as it was":   refused,
		"a sent digest is kept until something is left undone":       digests,
		"explicit operations on an unlinked user make no link":       unlinked,
		"a delete closes the link":                                   deleted,
		"a deactivation is ours only where it was sent":              deactivated,
		"a reactivation clears that somebody left":                   reactivated,
		"a rename is remembered":                                     renamed,
		"what was seen is merged path by path":                       images,
		"elements of sets are ours as they are sent":                 claims,
		"an element whose other parts change stays one":              proficiency,
		"what the service keeps is remembered until it is otherwise": kept,
		"what the service keeps of a set is followed by element":     keptElements,
		"what a create did not carry is owed until it is carried":    owed,
		"memberships are followed per person":                        members,
		"of memberships that went in part, those sent are ours":      membersInPart,
		"a rekey moves the link with all that is known of it":        rekeyed,
		"open memberships are closed per group":                      openMembers,
		"a change is intended once and settled once":                 twice,
		"a batch with a fault in it leaves nothing":                  allOrNothing,
		"one run at a time for one organization":                     lock,
		"the lock of a dead process is free":                         deadLock,
		"a run that lost its lock intends nothing more":              lostLock,
		"runs are listed newest first with what they did":            runs,
		"entries are found by run, kind, time and person":            entries,
		"everybody in a group's change is found by it":               entriesOfMembers,
		"absence is kept from the first time on":                     absence,
		"where people belong is kept, and comes with their links":    units,
		"notes are remembered, the newest of a name":                 notes,
		"counts tell what happened or may have, reverts not":         counts,
		"a canceled caller writes nothing":                           canceled,
		"callers at the same time lose nothing":                      together,
		"values come back as they were":                              values,
		"a kept checkpoint is recognized, another's is not":          checkpoints,
		"links can be read while the ledger is written":              interleaved,
		"an outcome is kept whole":                                   whole,
		"what is about nobody in the source is kept and found by id": byID,
		"a plan waits with its changes, and nothing has happened":    planWaits,
		"a plan is decided about step by step":                       planDecided,
		"a newer plan of the same sync and command replaces one":     planReplaced,
		"everybody in a plan that waits is found by it":              planFound,
	}
}

func empty(b *Bench) {
	if n := len(b.Links()) + len(b.Runs()) + len(b.Entries(ledger.Filter{})); n != 0 {
		b.T.Errorf("an empty ledger has %d things", n)
	}
	if v := b.Sound(); v.Entries != 0 || v.Runs != 0 {
		b.T.Errorf("Verify() = %+v, want nothing", v)
	}
}

func created(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.End(run)
	b.Reopen()
	l := b.Links()["e1"]
	want := plan.Link{Key: "e1", Ref: scim.Ref{Type: scim.User, ID: "u1", Version: "1"}, UserName: "e1@example.com"}
	if diff := cmp.Diff(want, bare(l)); diff != "" {
		b.T.Errorf("link (-want +got):\n%s", diff)
	}
	b.at("image", l.Image, "userName", `["e1@example.com"]`)
	b.at("image", l.Image, "title", `[]`)
	b.at("ours", l.Ours, Roles, `[{"value":"employee"}]`)
}

func openCreate(b *Bench) {
	b.Intend(b.Begin("org"), Creation("e1"))
	want := plan.Link{Key: "e1", UserName: "e1@example.com", Open: "create-e1", OpenOp: plan.Create}
	if diff := cmp.Diff(want, bare(b.Links()["e1"])); diff != "" {
		b.T.Errorf("link (-want +got):\n%s", diff)
	}
}

func killed(b *Bench) {
	first := b.Begin("org")
	b.Intend(first, Creation("e1"))
	b.Reopen()
	if r := b.Runs()[0]; !r.Ended.IsZero() || r.Intents != 1 || r.Settled != 0 {
		b.T.Errorf("Runs() = %+v, want one that has not ended", r)
	}
	second := b.Begin("org")
	if l := b.Links()["e1"]; l.Open != "create-e1" {
		b.T.Errorf("open = %q, want the create of the run that was killed", l.Open)
	}
	b.Create(second, "e1", "u1")
	if l := b.Links()["e1"]; l.Open != "" || l.Ref.ID != "u1" {
		b.T.Errorf("link = %+v, want it linked and nothing open", l)
	}
}

func unknown(b *Bench) {
	run := b.Begin("org")
	b.Do(run, Creation("e1"), ledger.Outcome{Result: ledger.Unknown, Attempts: 1, Kind: fault.Unavailable})
	if l := b.Links()["e1"]; l.Open != "create-e1" || l.Ref.ID != "" {
		b.T.Errorf("link = %+v, want the create open", l)
	}
	if r := b.Runs()[0]; r.Settled != 1 || r.Failed != 1 {
		b.T.Errorf("run = %+v, want one settled and failed", r)
	}
	b.Settle(run, Created("e1", "u1"))
	if l := b.Links()["e1"]; l.Open != "" || l.Ref.ID != "u1" {
		b.T.Errorf("link = %+v, want it linked", l)
	}
	if r := b.Runs()[0]; r.Settled != 1 || r.Failed != 0 {
		b.T.Errorf("run = %+v, want one settled and none failed", r)
	}
}

func recovered(b *Bench) {
	first := b.Begin("org")
	b.Intend(first, Creation("e1"), change("up-e2", plan.Update, "e2", "u2"))
	b.Reopen()
	second := b.Begin("org")
	adopt := change("adopt-e1", plan.Adopt, "e1", "u1")
	b.Do(second, adopt, ledger.Outcome{Result: ledger.Found})
	l := b.Links()["e1"]
	if l.Open != "" || l.Ref.ID != "u1" {
		b.T.Errorf("link = %+v, want u1 and nothing open", l)
	}
	if l := b.Links()["e2"]; l.Open != "up-e2" {
		b.T.Errorf("e2 open = %q: another person's outcome closed it", l.Open)
	}
}

func settled(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.Create(run, "e2", "u2")
	up := func(key source.Key, id string) plan.Change {
		return change("up-"+string(key), plan.Update, key, id, plan.Edit{Path: Roles, ID: "value", Add: Elements("agent")})
	}
	b.Intend(run, up("e1", "u1"), up("e2", "u2"), membership("join", plan.Join, plan.Edit{Add: People("e1")}))
	b.Reopen()
	next := b.Begin("org")
	var got []string
	for u, err := range b.L.Unsettled(b.ctx()) {
		if err != nil || u.Run != run || u.Since.IsZero() || len(u.Change.Edits) != 1 {
			b.T.Errorf("Unsettled() yields %+v, %v", u, err)
		}
		got = append(got, u.Change.ID)
	}
	if want := "up-e1 up-e2 join"; strings.Join(got, " ") != want {
		b.T.Errorf("Unsettled() = %v, want %s", got, want)
	}
	b.Settle(next,
		ledger.Outcome{Change: "up-e1", Result: ledger.Found}, ledger.Outcome{Change: "up-e2", Result: ledger.LeftOut},
		ledger.Outcome{Change: "join", Result: ledger.Found})
	b.at("ours of what was found done", b.Links()["e1"].Ours, Roles, `[{"value":"agent"},{"value":"employee"}]`)
	b.at("ours of what was left out", b.Links()["e2"].Ours, Roles, `[{"value":"employee"}]`)
	b.groups(map[source.Key]string{"e1": "g1", "e2": ""})
	for u := range b.L.Unsettled(b.ctx()) {
		b.T.Errorf("%s is still unsettled", u.Change.ID)
	}
	if r := b.Runs()[1]; r.ID != run || r.Intents != 5 || r.Settled != 5 {
		b.T.Errorf("run = %+v, want 5 intents and as many outcomes", r)
	}
	if e := b.Entries(ledger.Filter{Run: next, Who: "e1", Kind: ledger.KindOutcome}); len(e) != 2 {
		b.T.Errorf("%d outcomes about e1 in the next run, want 2", len(e))
	}
}

func settledTwice(b *Bench) {
	first := b.Begin("org")
	b.Create(first, "e1", "u1")
	b.Create(first, "e2", "u2")
	one := membership("one", plan.Join, plan.Edit{Add: People("e1")})
	b.Intend(first, one, membership("other", plan.Join, plan.Edit{Add: People("e2")}))
	b.Reopen()
	second := b.Begin("org")
	b.Intend(second, one)
	b.Reopen()
	third := b.Begin("org")
	found := ledger.Outcome{Change: "one", Result: ledger.Found}
	b.Settle(third, found, found, ledger.Outcome{Change: "other", Result: ledger.Found})
	b.groups(map[source.Key]string{"e1": "g1", "e2": "g1"})
	for u := range b.L.Unsettled(b.ctx()) {
		b.T.Errorf("%s of run %s is still unsettled", u.Change.ID, u.Run)
	}
}

func refused(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	before := b.Links()["e1"]
	for _, r := range []ledger.Result{ledger.Failed, ledger.LeftOut, ledger.Canceled} {
		c := change("up-"+string(r), plan.Update, "e1", "u1", plan.Edit{Path: Roles, ID: "value", Add: Elements("admin")})
		b.Do(run, c, ledger.Outcome{Result: r, Kind: fault.Stale})
	}
	if diff := cmp.Diff(bare(before), bare(b.Links()["e1"])); diff != "" {
		b.T.Errorf("link (-before +after):\n%s", diff)
	}
	b.at("ours", b.Links()["e1"].Ours, Roles, `[{"value":"employee"}]`)
}

func digests(b *Bench) {
	run := b.Begin("org")
	c := Creation("e1")
	c.Sent = plan.Digest{1}
	b.Do(run, c, Created("e1", "u1"))
	if got := b.Links()["e1"].Sent; got != (plan.Digest{1}) {
		b.T.Errorf("sent = %x, want what the create carried out", got[:2])
	}
	b.Do(run, change("a", plan.Update, "e1", "u1"), ledger.Outcome{Result: ledger.Failed})
	c = change("b", plan.Update, "e1", "u1")
	c.Sent = plan.Digest{2}
	b.Do(run, c, ledger.Outcome{Result: ledger.Done})
	if got := b.Links()["e1"].Sent; got != (plan.Digest{}) {
		b.T.Errorf("sent = %x, want none: a change of the same run failed", got[:2])
	}
	b.End(run)
	run = b.Begin("org")
	c.ID = "c"
	b.Do(run, c, ledger.Outcome{Result: ledger.Done})
	if got := b.Links()["e1"].Sent; got != (plan.Digest{2}) {
		b.T.Errorf("sent = %x, want what the next run carried out", got[:2])
	}
}

func unlinked(b *Bench) {
	run := b.Begin("org")
	for _, key := range []source.Key{"", "e1"} {
		c := change("patch"+string(key), plan.Update, key, "u1", plan.Edit{Path: "title", Whole: true, Set: Text("Lead")})
		b.Do(run, c, ledger.Outcome{Result: ledger.Done, Ref: scim.Ref{Type: scim.User, ID: "u1", Version: "4"}})
	}
	if got := b.Links(); len(got) != 0 {
		b.T.Errorf("Links() = %v, want none", got)
	}
}

func deleted(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.Do(run, change("d", plan.Delete, "e1", "u1"), ledger.Outcome{Result: ledger.Done, Status: 204})
	l := b.Links()["e1"]
	if !l.Closed || l.Ref.ID != "u1" {
		b.T.Errorf("link = %+v, want it closed, its id kept", l)
	}
	if _, known := l.Ours.At(Roles); known {
		b.T.Error("a closed link has claims")
	}
	b.Create(run, "e1", "u2")
	if l := b.Links()["e1"]; l.Closed || l.Ref.ID != "u2" {
		b.T.Errorf("link = %+v, want it open again for u2", l)
	}
}

func deactivated(b *Bench) {
	run := b.Begin("org")
	for key, o := range map[source.Key]ledger.Outcome{
		"done":  {Result: ledger.Done},
		"found": {Result: ledger.Found},
		"sent":  {Result: ledger.Found, Sent: []scim.Op{{Verb: scim.Replace, Path: "active", Value: "false"}}},
	} {
		b.Create(run, key, "u-"+string(key))
		b.Do(run, change("off-"+string(key), plan.Deactivate, key, "u-"+string(key)), o)
	}
	off := plan.Edit{Path: "active", Before: []scim.Value{"true"}, Whole: true, Set: []scim.Value{"false"}}
	b.Do(run, change("adopt-off", plan.Adopt, "adopted", "u-adopted", off), ledger.Outcome{Result: ledger.Done})
	b.Create(run, "lost", "u-lost")
	b.Intend(run, change("off-lost", plan.Deactivate, "lost", "u-lost"))
	b.Reopen()
	run = b.Begin("org")
	b.Do(run, change("off-lost", plan.Deactivate, "lost", "u-lost"), ledger.Outcome{Result: ledger.Found})
	got := map[source.Key]bool{}
	for key, l := range b.Links() {
		got[key] = !l.Deactivated.IsZero()
	}
	want := map[source.Key]bool{"done": true, "found": false, "sent": true, "lost": true, "adopted": true}
	if diff := cmp.Diff(want, got); diff != "" {
		b.T.Errorf("deactivated by us (-want +got):\n%s", diff)
	}
}

func reactivated(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.mark(run, []source.Key{"e1"}, nil)
	b.Do(run, change("off", plan.Deactivate, "e1", "u1"), ledger.Outcome{Result: ledger.Done})
	b.Do(run, change("on", plan.Reactivate, "e1", "u1"), ledger.Outcome{Result: ledger.Done})
	if l := b.Links()["e1"]; !l.Deactivated.IsZero() || !l.Left.IsZero() {
		b.T.Errorf("link = %+v, want neither left nor deactivated", l)
	}
}

func renamed(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	c := change("ren", plan.Rename, "e1", "u1", plan.Edit{Path: "userName", Before: Text(Name("e1")), Whole: true, Set: Text("kim@example.com")})
	c.UserName = Name("e1")
	b.Do(run, c, ledger.Outcome{Result: ledger.Done, Ref: scim.Ref{Type: scim.User, ID: "u1", Version: "2"}})
	if l := b.Links()["e1"]; l.UserName != "kim@example.com" || l.Ref.Version != "" {
		b.T.Errorf("link = %+v, want the new name, and no version: not all that is remembered was seen with it", l)
	}
	for _, who := range []string{"e1@example.com", "KIM@example.com", "e1", "u1"} {
		if got := len(b.Entries(ledger.Filter{Who: who})); got != 4 {
			b.T.Errorf("Entries(who %s) = %d, want all 4", who, got)
		}
	}
}

func images(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.Do(run, change("a", plan.Update, "e1", "u1"), ledger.Outcome{
		Result: ledger.Done, Ref: scim.Ref{Type: scim.User, ID: "u1"}, Seen: Seen("title", Text("Lead")),
	})
	l := b.Links()["e1"]
	b.at("image", l.Image, "title", `["Lead"]`)
	b.at("image", l.Image, "userName", `["e1@example.com"]`)
	if l.Ref.Version != "" {
		b.T.Errorf("version = %q, want it not known: the answer gave none", l.Ref.Version)
	}
	for l, err := range b.L.Links(b.ctx(), ledger.LinkQuery{Shape: scim.NewShape("title", "nickName")}) {
		if err != nil || l.Image.Shape() != nil {
			b.T.Errorf("Links without Image = %v, %v, want no image", l.Image, err)
		}
	}
	for l, err := range b.L.Links(b.ctx(), ledger.LinkQuery{Shape: scim.NewShape("title", "nickName"), Image: true}) {
		if _, known := l.Image.At("nickName"); known || err != nil {
			b.T.Errorf("a path that was never seen is known: %v", err)
		}
		b.at("image in another shape", l.Image, "title", `["Lead"]`)
	}
	b.Create(run, "e2", "u2")
	b.Create(run, "e3", "u3")
	var keys []source.Key
	for l, err := range b.L.Links(b.ctx(), ledger.LinkQuery{Keys: []source.Key{"e3", "e9", "e1"}}) {
		if keys = append(keys, l.Key); err != nil {
			b.T.Errorf("Links of some keys = %v", err)
		}
	}
	if slices.Sort(keys); !slices.Equal(keys, []source.Key{"e1", "e3"}) {
		b.T.Errorf("Links of e3, e9 and e1 = %v, want e1 and e3", keys)
	}
	for range b.L.Links(b.ctx(), ledger.LinkQuery{Keys: []source.Key{"e1", "e2", "e3"}}) {
		break // ends there
	}
}

func claims(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	step := 0
	do := func(want string, e plan.Edit) {
		b.T.Helper()
		step++
		e.Path = Roles
		b.Do(run, change(fmt.Sprint("c", step), plan.Update, "e1", "u1", e), ledger.Outcome{Result: ledger.Done})
		b.at(fmt.Sprint("ours after step ", step), b.Links()["e1"].Ours, Roles, want)
	}
	do(`[{"value":"agent"},{"value":"employee"}]`, plan.Edit{ID: "value", Add: Elements("agent")})
	do(`[{"value":"agent"},{"value":"clerk"},{"value":"employee"}]`, plan.Edit{ID: "value", Claim: Elements("clerk")})
	do(`[{"value":"agent"},{"value":"clerk"}]`, plan.Edit{ID: "value", Remove: Elements("employee")})
	do(`[{"value":"boss"}]`, plan.Edit{ID: "value", Whole: true, Set: Elements("boss"), Before: Elements("agent", "x"), Keep: Elements("x")})
	b.Do(run, change("none", plan.Update, "e1", "u1", plan.Edit{Path: Roles, ID: "value", Whole: true}), ledger.Outcome{Result: ledger.Done})
	if vs, _ := b.Links()["e1"].Ours.At(Roles); len(vs) != 0 {
		b.T.Errorf("ours = %v, want none", vs)
	}
	b.Do(run, change("single", plan.Update, "e1", "u1", plan.Edit{Path: "title", Whole: true, Set: Text("Lead")}), ledger.Outcome{Result: ledger.Done})
	if vs, _ := b.Links()["e1"].Ours.At("title"); len(vs) != 0 {
		b.T.Errorf("ours = %v: a single value is nobody's", vs)
	}
}

func proficiency(b *Bench) {
	skill := func(n int) []scim.Value {
		return []scim.Value{scim.ValueOf(map[string]any{"value": "Billing", "proficiency": n})}
	}
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	for i, n := range []int{3, 4} {
		b.Do(run, change(fmt.Sprint("s", i), plan.Update, "e1", "u1", plan.Edit{Path: "title", ID: "value", Add: skill(n)}), ledger.Outcome{Result: ledger.Done})
	}
	b.at("ours", b.Links()["e1"].Ours, "title", `[{"proficiency":4,"value":"Billing"}]`)
}

func members(b *Bench) {
	run := b.Begin("org")
	for i, key := range []source.Key{"e1", "e2", "e3"} {
		b.Create(run, key, fmt.Sprint("u", i+1))
	}
	b.Do(run, membership("join", plan.Join, plan.Edit{Add: People("e1", "e2"), Claim: People("e3")}), ledger.Outcome{
		Result: ledger.Done, Edits: []plan.Edit{{Path: "members", ID: "value", Add: Elements("u1", "u2"), Claim: Elements("u3")}},
		Sent: []scim.Op{{Verb: scim.Add, Path: "members", Value: `[{"value":"u1"},{"value":"u2"}]`}},
	})
	b.groups(map[source.Key]string{"e1": "g1", "e2": "g1", "e3": "g1"})
	b.Do(run, membership("leave", plan.Leave, plan.Edit{Remove: People("e2")}), ledger.Outcome{
		Result: ledger.Found, Sent: []scim.Op{{Verb: scim.Remove, Path: `members[value eq "u2"]`}},
	})
	b.Do(run, membership("leave by id", plan.Leave, plan.Edit{Remove: Elements("u3", "u9")}), ledger.Outcome{Result: ledger.Done})
	b.Do(run, membership("failed", plan.Leave, plan.Edit{Remove: People("e1")}), ledger.Outcome{Result: ledger.Failed})
	b.groups(map[source.Key]string{"e1": "g1", "e2": "", "e3": ""})
}

func membersInPart(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.Create(run, "e2", "u2")
	b.Do(run, membership("join", plan.Join, plan.Edit{Add: People("e1", "e2", "e9")}), ledger.Outcome{
		Result: ledger.Done, Edits: []plan.Edit{{Path: "members", ID: "value", Add: Elements("u1")}}, Waiting: []scim.Path{"members"},
	})
	b.Create(run, "e9", "u9")
	b.groups(map[source.Key]string{"e1": "g1", "e2": "", "e9": ""})
	b.Do(run, membership("again", plan.Join, plan.Edit{Add: People("e2", "e9")}), ledger.Outcome{Result: ledger.Done})
	b.Do(run, membership("leave", plan.Leave, plan.Edit{Remove: People("e1", "e2")}), ledger.Outcome{
		Result: ledger.Done, Edits: []plan.Edit{{Path: "members", ID: "value", Remove: Elements("u2")}}, Waiting: []scim.Path{"members"},
	})
	b.groups(map[source.Key]string{"e1": "g1", "e2": "", "e9": "g1"})
}

func rekeyed(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	b.Create(run, "e2", "u2")
	b.Do(run, membership("join", plan.Join, plan.Edit{Add: People("e1")}), ledger.Outcome{Result: ledger.Done})
	b.mark(run, []source.Key{"e1"}, nil)
	before := b.Links()["e1"]
	rekey := change("rekey", plan.Rekey, "n1", "u1")
	rekey.From = "e1"
	b.Do(run, rekey, ledger.Outcome{Result: ledger.Found, Ref: rekey.Target})
	b.End(run)
	b.Reopen()
	b.groups(map[source.Key]string{"e2": "", "n1": "g1"})
	l := b.Links()["n1"]
	want := bare(before)
	want.Key, want.Left = "n1", time.Time{}
	if diff := cmp.Diff(want, bare(l)); diff != "" {
		b.T.Errorf("link (-want +got):\n%s", diff)
	}
	b.at("image", l.Image, "userName", `["e1@example.com"]`)
	run = b.Begin("org")
	b.Do(run, rekey, ledger.Outcome{Result: ledger.Found, Ref: rekey.Target}) // nothing is left to move
	taken := change("taken", plan.Rekey, "e2", "u1")
	taken.From = "n1"
	b.Do(run, taken, ledger.Outcome{Result: ledger.Found, Ref: taken.Target}) // e2 has a link of its own
	b.groups(map[source.Key]string{"e2": "", "n1": "g1"})
	if n := len(b.Entries(ledger.Filter{Who: "e1"})); n == 0 {
		b.T.Error("nothing is found by the old key")
	}
	b.Sound()
}

func openMembers(b *Bench) {
	run := b.Begin("org")
	b.Create(run, "e1", "u1")
	other := membership("other", plan.Join, plan.Edit{Add: People("e1")})
	other.Target.ID = "g2"
	b.Intend(run, membership("join", plan.Join, plan.Edit{Add: People("e1")}), other)
	b.Reopen()
	run = b.Begin("org")
	since := time.Time{}
	if got := b.counts(since)[plan.Join]; got != 2 {
		b.T.Errorf("joins that may have happened = %d, want 2", got)
	}
	b.Do(run, membership("again", plan.Join, plan.Edit{Add: People("e1")}), ledger.Outcome{Result: ledger.Done})
	if got := b.counts(since)[plan.Join]; got != 2 {
		b.T.Errorf("joins = %d, want 2: one done, one open in the other group", got)
	}
	if l := b.Links()["e1"]; l.Open != "" {
		b.T.Errorf("open = %q: a group's change is nobody's open intent", l.Open)
	}
}

// change is a change of a user.
func change(id string, op plan.Op, key source.Key, target string, edits ...plan.Edit) plan.Change {
	return plan.Change{ID: id, Op: op, Key: key, Target: scim.Ref{Type: scim.User, ID: target, Version: "1"}, Reason: "AttributesDiffer", Edits: edits}
}

// membership is a change of the group g1.
func membership(id string, op plan.Op, e plan.Edit) plan.Change {
	e.Path, e.ID = "members", "value"
	return plan.Change{ID: id, Op: op, UserName: "Tool Design", Target: scim.Ref{Type: scim.Group, ID: "g1"}, Edits: []plan.Edit{e}}
}

// bare is l without rows, which are compared path by path.
func bare(l plan.Link) plan.Link {
	l.Image, l.Ours = scim.Row{}, scim.Row{}
	return l
}

func (b *Bench) at(what string, r scim.Row, p scim.Path, want string) {
	b.T.Helper()
	vs, known := r.At(p)
	if vs == nil {
		vs = []scim.Value{}
	}
	got, err := json.Marshal(vs)
	if !known || err != nil || string(got) != want {
		b.T.Errorf("%s at %s = %s (known %v), want %s", what, p, got, known, want)
	}
}

func (b *Bench) groups(want map[source.Key]string) {
	b.T.Helper()
	got := map[source.Key]string{}
	for key, l := range b.Links() {
		got[key] = strings.Join(l.Groups, " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.T.Errorf("groups (-want +got):\n%s", diff)
	}
}

func (b *Bench) mark(run ledger.RunID, absent, back []source.Key) {
	b.T.Helper()
	if err := b.L.Mark(b.ctx(), run, absent, back); err != nil {
		b.T.Fatalf("Mark() = %v", err)
	}
}

func (b *Bench) counts(since time.Time) map[plan.Op]int {
	b.T.Helper()
	got, err := b.L.Counts(b.ctx(), since)
	if err != nil {
		b.T.Fatalf("Counts() = %v", err)
	}
	return got
}
