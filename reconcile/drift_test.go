package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesyssim"
)

// drift looks, and fails the test on an error.
func (o *org) drift(profileOnly bool) *reconcile.Drift {
	o.Helper()
	d, err := o.job.Drift(o.Context(), profileOnly)
	if err != nil {
		o.Fatalf("Drift(%t): %v", profileOnly, err)
	}
	return d
}

// own changes how an attribute is owned.
func (o *org) own(p scim.Path, own plan.Own) {
	o.job.Input.Rules = slices.Clone(o.job.Input.Rules)
	at := slices.IndexFunc(o.job.Input.Rules, func(r plan.Rule) bool { return r.Path == p })
	o.job.Input.Rules[at].Own = own
}

// regroup is somebody else's change of who is in Everybody.
func (o *org) regroup(op, user string) {
	o.Helper()
	id := o.people()[user].ID
	do := map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": id}}}
	if op == "remove" {
		do = map[string]any{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", id)}
	}
	o.control(http.MethodPost, "edit", map[string]any{"group": "Everybody", "operations": []any{do}})
}

// told but for ids: members by userName.
func (o *org) told(d *reconcile.Drift) map[string]string {
	o.Helper()
	lines := told(d)
	for name, p := range o.people() {
		for line, how := range maps.Clone(lines) {
			if strings.HasSuffix(line, p.ID) {
				delete(lines, line)
				lines[strings.TrimSuffix(line, p.ID)+name] = how
			}
		}
	}
	return lines
}

// Who did what to whom, and what it is to drift. Everybody is linked; e003 is in Sales, and has its role.
func TestDriftTellsWhatOthersDid(t *testing.T) {
	t.Parallel()
	stranger := func(c *genesyssim.Config) {
		c.Users.List = []map[string]any{{"userName": "stranger@example.com", "displayName": "Stranger"}}
		c.Roles = []string{"employee", "Sales Agent", "Legacy"}
	}
	for name, tt := range map[string]struct {
		before func(*org) // the first run
		edit   func(*org)
		after  func(*org)
		want   map[string]string
		drift  bool
	}{
		"nothing": {},
		"a title": {
			edit: func(o *org) { o.edit("e001@example.com", "title", "Chief") },
			want: map[string]string{"e001 title": "changed"}, drift: true,
		},
		"a title that is only watched": {
			edit:  func(o *org) { o.edit("e001@example.com", "title", "Chief") },
			after: func(o *org) { o.own(title, plan.Watch) },
			want:  map[string]string{"e001 title": "watched"},
		},
		"a title that is set once": {
			edit:  func(o *org) { o.edit("e001@example.com", "title", "Chief") },
			after: func(o *org) { o.own(title, plan.Once) },
			want:  map[string]string{"e001 title": "once"},
		},
		"a sign-in name": {
			edit: func(o *org) { o.edit("e001@example.com", "userName", "new@example.com") },
			want: map[string]string{"e001 userName": "changed"}, drift: true,
		},
		"a sign-in name that lifecycle none leaves to others": {
			edit:  func(o *org) { o.edit("e001@example.com", "userName", "new@example.com") },
			after: func(o *org) { o.job.Input.Policy.Lifecycle = false },
			want:  map[string]string{"e001 userName": "watched"},
		},
		"a role of ours is taken": {
			edit: func(o *org) { o.edit("e002@example.com", "roles", []any{map[string]any{"value": "Legacy"}}) },
			want: map[string]string{"e002 roles": "changed"}, drift: true,
		},
		"a role is given that is not ours": {
			edit: func(o *org) { o.meddle("e002@example.com", "add", "roles", []any{map[string]any{"value": "Legacy"}}) },
			want: map[string]string{"e002 roles": "theirs"},
		},
		"a role is given where the set is exact": {
			edit:  func(o *org) { o.meddle("e002@example.com", "add", "roles", []any{map[string]any{"value": "Legacy"}}) },
			after: func(o *org) { o.own(roles, plan.Exact) },
			want:  map[string]string{"e002 roles": "changed"}, drift: true,
		},
		"somebody is deactivated": {
			edit: func(o *org) { o.edit("e001@example.com", "active", false) },
			want: map[string]string{"e001 active": "changed"}, drift: true,
		},
		"somebody is deactivated, which lifecycle none leaves to others": {
			edit:  func(o *org) { o.edit("e001@example.com", "active", false) },
			after: func(o *org) { o.job.Input.Policy.Lifecycle = false },
			want:  map[string]string{"e001 active": "watched"},
		},
		"somebody whom we deactivated is activated": {
			before: func(o *org) { o.apply(); o.source.rows[3].gone = true },
			edit:   func(o *org) { o.edit("e003@example.com", "active", true) },
			want:   map[string]string{"e003 active": "changed"}, drift: true,
		},
		"somebody whom we deactivated stays so": {
			before: func(o *org) { o.apply(); o.source.rows[3].gone = true },
		},
		"somebody is deleted": {
			edit: func(o *org) {
				o.control(http.MethodPost, "edit", map[string]any{"user": "e001@example.com", "delete": true})
			},
			want: map[string]string{"e001": "deleted"}, drift: true,
		},
		"somebody is put into a group that we add to": {
			edit: func(o *org) { o.regroup("add", "stranger@example.com") },
		},
		"somebody is put into an exact group": {
			edit:  func(o *org) { o.regroup("add", "stranger@example.com") },
			after: func(o *org) { o.job.Input.Members = []plan.GroupRule{{Name: "Everybody", Own: plan.Exact}} },
			want:  map[string]string{"group Everybody stranger@example.com": "joined"}, drift: true,
		},
		"somebody protected is put into an exact group": {
			edit: func(o *org) { o.regroup("add", "stranger@example.com") },
			after: func(o *org) {
				o.job.Input.Members = []plan.GroupRule{{Name: "Everybody", Own: plan.Exact}}
				o.job.Input.Policy.Protect = []string{"stranger@*"}
			},
		},
		"somebody of ours is put into an exact group, and the source wants them there": {
			before: func(o *org) { o.when(`false`) },
			edit:   func(o *org) { o.regroup("add", "e001@example.com") },
			after: func(o *org) {
				o.when(`true`)
				o.job.Input.Members = []plan.GroupRule{{Name: "Everybody", Own: plan.Exact}}
			},
		},
		"somebody of ours is put into an exact group, and the source does not want them there": {
			before: func(o *org) { o.when(`false`) },
			edit:   func(o *org) { o.regroup("add", "e001@example.com") },
			after:  func(o *org) { o.job.Input.Members = []plan.GroupRule{{Name: "Everybody", Own: plan.Exact}} },
			want:   map[string]string{"group Everybody e001@example.com": "joined"}, drift: true,
		},
		"somebody of ours is put into an exact group, and there is no source": {
			before: func(o *org) { o.when(`false`) },
			edit:   func(o *org) { o.regroup("add", "e001@example.com") },
			after: func(o *org) {
				o.job.Source, o.job.Mapping = nil, nil
				o.job.Input.Members = []plan.GroupRule{{Name: "Everybody", Own: plan.Exact}}
			},
			want: map[string]string{"group Everybody e001@example.com": "unclear"},
		},
		"somebody is taken out of a group that we put them in": {
			edit: func(o *org) { o.regroup("remove", "e001@example.com") },
			want: map[string]string{"group Everybody e001@example.com": "left"}, drift: true,
		},
		"somebody is taken out of a group that is not managed any more": {
			edit:  func(o *org) { o.regroup("remove", "e001@example.com") },
			after: func(o *org) { o.job.Input.Members = []plan.GroupRule{{Name: "Night", Own: plan.Exact}} },
		},
		"a group with people of ours is gone": {
			after: func(o *org) { o.job.Reader = blind{o.client, o.groupID("Everybody")} },
			want: map[string]string{
				"group  e000@example.com": "left", "group  e001@example.com": "left", "group  e002@example.com": "left", "group  e003@example.com": "left",
			},
			drift: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := newOrg(t, stranger, company(4)...)
				for _, step := range []func(*org){tt.before, func(o *org) { o.apply() }, func(*org) { time.Sleep(time.Hour) }, tt.edit, tt.after} {
					if step != nil {
						step(o)
					}
				}
				o.job.Writer = nil
				entries := o.entries()
				d := o.drift(false)
				if diff := cmp.Diff(orEmpty(tt.want), o.told(d)); diff != "" {
					t.Errorf("Drift (-want +got):\n%s", diff)
				}
				if d.Any() != tt.drift {
					t.Errorf("Any() = %t, want %t", d.Any(), tt.drift)
				}
				if d.Empty || d.Summary.Linked != 4 || len(d.Unlinked) != 1 || d.Unlinked[0].UserName != "stranger@example.com" {
					t.Errorf("%d linked, unlinked %v; want 4 and the stranger", d.Summary.Linked, d.Unlinked)
				}
				if n := o.entries(); n != entries {
					t.Errorf("the ledger has %d entries, and had %d", n, entries)
				}
			})
		})
	}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// meddle is one operation by somebody else.
func (o *org) meddle(user, op, path string, value any) {
	o.Helper()
	o.control(http.MethodPost, "edit", map[string]any{"user": user, "operations": []any{map[string]any{"op": op, "path": path, "value": value}}})
}

// entries counts what the ledger has.
func (o *org) entries() (n int) {
	o.Helper()
	for _, err := range o.ledger.Entries(o.Context(), ledger.Filter{}) {
		if err != nil {
			o.Fatalf("Entries: %v", err)
		}
		n++
	}
	return n
}

// blind is a Reader that does not see one group.
type blind struct {
	target.Reader

	id string
}

func (b blind) Read(ctx context.Context, q target.Query, s *scim.Shape) iter.Seq2[target.Observed, error] {
	return func(yield func(target.Observed, error) bool) {
		for o, err := range b.Reader.Read(ctx, q, s) {
			if o.ID != b.id && !yield(o, err) {
				return
			}
		}
	}
}

// When something was changed lies between our write and now; the service may know better.
func TestDriftTellsWhen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(3)...)
		wrote := time.Now().UTC()
		o.apply()
		time.Sleep(time.Hour)
		edited := time.Now().UTC()
		o.edit("e001@example.com", "title", "Chief")
		o.regroup("remove", "e002@example.com")
		time.Sleep(time.Hour)
		d := o.drift(false)
		if len(d.People) != 1 || len(d.Groups) != 1 || len(d.Groups[0].Left) != 1 {
			t.Fatalf("drift = %+v, want one person and one who left a group", d)
		}
		p, m := d.People[0], d.Groups[0].Left[0]
		if p.Since == nil || !p.Since.Equal(wrote) || p.LastModified == nil || !p.LastModified.Equal(edited) || !d.At.Equal(edited.Add(time.Hour)) {
			t.Errorf("changed after %v, modified %v, seen %v; want %v, %v, an hour later", p.Since, p.LastModified, d.At, wrote, edited)
		}
		if m.Key != "e002" || m.Since == nil || !m.Since.Equal(wrote) {
			t.Errorf("left: %+v, want e002, put in at %v", m, wrote)
		}
	})
}

// A manager who was deleted is told by name.
func TestDriftNamesWhomItRefersTo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(3)...)
		o.apply()
		boss, other := o.people()["e000@example.com"].ID, o.people()["e002@example.com"].ID
		o.edit("e001@example.com", string(manager), other)
		d := o.drift(false)
		if len(d.People) != 1 || len(d.People[0].Differences) != 1 {
			t.Fatalf("drift = %+v, want one manager", d)
		}
		want := map[string]string{boss: "e000@example.com", other: "e002@example.com"}
		if diff := cmp.Diff(want, d.People[0].Differences[0].Names); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
	})
}

// What rollcall itself may have done is not blamed on others.
func TestDriftBlamesNobodyForWhatIsOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rows := company(3)
		o := newOrg(t, nil, rows...)
		o.apply()
		o.source.rows[1].title = "Lead"
		o.die()
		if d := o.drift(false); d.Any() || !maps.Equal(o.told(d), map[string]string{"e001 title": "unsettled"}) {
			t.Errorf("drift after a lost answer = %v, want the title to be unsettled", o.told(d))
		}
		o.twice()
		if d := o.drift(false); len(told(d)) > 0 {
			t.Errorf("drift after the next run = %v, want none", told(d))
		}
		o.when(`row.Mail != "e002@example.com"`)
		o.die() // takes e002 out of Everybody
		if d := o.drift(false); len(d.Groups) > 0 || len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "group Everybody") {
			t.Errorf("groups %v, notes %q; want a note that Everybody is not compared", d.Groups, d.Notes)
		}
	})
}

// Of whom nothing is recorded is not known, and never a false drift.
func TestDriftDoesNotKnowWhatIsNotRecorded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) {
			c.Users.List = []map[string]any{
				{"userName": "e000@example.com", "displayName": "Boss", "title": "Head"},
				{"userName": "e001@example.com", "displayName": "Person 1", "title": "Clerk", "state": "inactive"},
			}
		})
		o.adoptAll(false)
		o.edit("e000@example.com", "title", "Chief")
		inactive := "k" + o.people()["e001@example.com"].ID
		for _, profileOnly := range []bool{false, true} {
			d := o.drift(profileOnly)
			if d.Any() || len(d.Unknown) != 2 || d.Summary.Unknown != 2 {
				t.Errorf("Drift(%t) = %+v, want both not known and no drift", profileOnly, d)
			}
			if diff := cmp.Diff(map[string]string{inactive + " active": "undated"}, told(d)); diff != "" {
				t.Errorf("Drift(%t) (-want +got):\n%s", profileOnly, diff)
			}
		}
	})
}

// Without a write there is nothing to drift from; who is there is told all the same.
func TestDriftOfAnEmptyLedger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) { c.Users.Count = 60 }, company(3)...)
		d := o.drift(false)
		if d.Any() || !d.Empty || d.Summary.Linked != 0 || d.Summary.Unlinked < 50 || d.Requests > 3 {
			t.Errorf("drift = %+v, want an empty ledger, nobody linked, 60 or a little fewer unlinked, in 3 requests at most", d.Summary)
		}
	})
}

func TestDriftOfSome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(5)...)
		o.apply()
		for _, key := range []string{"e001", "e002"} {
			o.edit(key+"@example.com", "title", "Chief")
			o.regroup("remove", key+"@example.com")
		}
		for who, profileOnly := range map[string]bool{"e001": false, "E001@Example.com": false, o.people()["e001@example.com"].ID: true} {
			o.job.Input.Policy.Only = []string{who}
			d := o.drift(profileOnly)
			want := map[string]string{"e001 title": "changed"}
			if !profileOnly {
				want["group Everybody e001@example.com"] = "left"
			}
			if diff := cmp.Diff(want, o.told(d)); diff != "" || d.Summary.Linked != 1 || len(d.Unlinked) > 0 || d.Requests > 2 {
				t.Errorf("drift of %s: %+v, %d requests (-want +got):\n%s", who, d.Summary, d.Requests, diff)
			}
		}
		o.job.Input.Policy.Only = []string{"e0O1"}
		_, err := o.job.Drift(t.Context(), false)
		if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Hint(err), `did you mean "e001"?`) {
			t.Errorf("drift of nobody: %v, hint %q", err, fault.Hint(err))
		}
	})
}

// A look at versions costs the pages of the list and whoever moved, however many they are.
func TestDriftOfVersionsIsCheap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, func(c *genesyssim.Config) { c.Users.Count = 10_000 })
		active, inactive := o.adoptAll(true)
		pages := (active+499)/500 + (inactive+499)/500
		d := o.drift(true)
		if d.Any() || d.Requests != pages || d.Summary.Linked != active+inactive || len(d.NotLooked) != 2 {
			t.Fatalf("drift = %+v in %d requests, not looked at %q; want none in %d", d.Summary, d.Requests, d.NotLooked, pages)
		}
		people := o.people()
		maps.DeleteFunc(people, func(_ string, p person) bool { return p.State != "active" })
		names := slices.Sorted(maps.Keys(people))
		for _, name := range names[:3] {
			o.edit(name, "title", "Meddled")
		}
		o.edit(names[4], "roles", []any{map[string]any{"value": "employee"}}) // moves no version
		if d = o.drift(true); d.Summary.Changed != 3 || d.Summary.Moved != 3 || d.Requests != pages+3 {
			t.Errorf("drift = %+v in %d requests, want 3 changed and moved in %d", d.Summary, d.Requests, pages+3)
		}
		for _, name := range names[:450] {
			o.edit(name, "title", "Meddled more")
		}
		heavy := (active+24)/25 + (inactive+24)/25
		if d = o.drift(true); d.Summary.Changed != 450 || d.Requests != pages+heavy {
			t.Errorf("drift = %+v in %d requests, want 450 changed in %d: listed whole, not read one by one", d.Summary, d.Requests, pages+heavy)
		}
	})
}

// adoptAll links everybody, as if each had just been written; recorded tells
// whether what they are like is recorded too.
func (o *org) adoptAll(recorded bool) (active, inactive int) {
	o.Helper()
	run, err := o.ledger.Begin(o.Context(), ledger.Start{Sync: "test", Org: "sim.example demo"})
	if err != nil {
		o.Fatalf("Begin: %v", err)
	}
	var changes []plan.Change
	var outcomes []ledger.Outcome
	for u, err := range o.client.Read(o.Context(), target.Query{Ask: target.Page, Type: scim.User}, o.job.Input.Users) {
		if err != nil {
			o.Fatalf("Read: %v", err)
		}
		if active++; u.State == target.Inactive {
			active, inactive = active-1, inactive+1
		}
		c := plan.Change{ID: u.ID, Op: plan.Adopt, Key: source.Key("k" + u.ID), Target: u.Ref}
		if changes = append(changes, c); !recorded {
			u.Row = scim.Row{}
		}
		outcomes = append(outcomes, ledger.Outcome{Change: c.ID, Result: ledger.Done, Ref: u.Ref, Seen: u.Row, At: time.Now()})
	}
	for n := 0; n < len(changes); n += 500 {
		to := min(n+500, len(changes))
		if err := errors.Join(o.ledger.Intend(o.Context(), run, changes[n:to]), o.ledger.Settle(o.Context(), run, outcomes[n:to])); err != nil {
			o.Fatalf("link everybody: %v", err)
		}
	}
	if err := o.ledger.End(o.Context(), run, ledger.Ending{Result: "done"}); err != nil {
		o.Fatalf("End: %v", err)
	}
	return active, inactive
}

// TestDriftKnowsWhatAPatchTook: closing an account takes roles, whoever asks
// for it; that was rollcall's doing, and is no drift.
func TestDriftKnowsWhatAPatchTook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := newOrg(t, nil, company(6)...)
		o.apply()
		if len(o.roles("e002@example.com")) < 2 {
			t.Fatalf("roles = %v: the test shows nothing", o.roles("e002@example.com"))
		}
		o.applyPatch(`{"e002@example.com": [{"op": "replace", "path": "active", "value": false}]}`)
		if d := o.drift(false); d.Any() {
			t.Errorf("drift = %+v, want none: the patch was rollcall's", d.People)
		}
	})
}
