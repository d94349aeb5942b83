package reconcile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

func (b *book) rule(action string, after int) {
	b.Helper()
	b.check(b.Note(b.Context(), b.run, "leavers hr", fmt.Appendf(nil, `{"action":%q,"after":%d}`, action, after)))
}

// closing is the change that closes an account.
func closing(op plan.Op, key, id string) plan.Change {
	grants := []scim.Value{scim.ValueOf(map[string]any{"role": "Agent", "division": "Home"}), scim.ValueOf(map[string]any{"role": "Lead", "division": "EMEA"})}
	return plan.Change{
		ID: string(op) + " " + key, Op: op, Key: source.Key(key), UserName: key + "@x", Target: scim.Ref{Type: scim.User, ID: id}, Reason: "LeftSource",
		Leaving: []plan.Trait{{Path: target.GrantsOf, Values: grants}},
	}
}

// done is an outcome of c, with the answer two seconds after the request.
func (b *book) done(c plan.Change, r ledger.Result, requests int) ledger.Outcome {
	return ledger.Outcome{Change: c.ID, Result: r, Ref: c.Target, Attempts: requests, At: b.now.Add(30 * time.Second), Took: 2 * time.Second}
}

// clock is the leaver clock, one line a leaver, by the minute of the book.
func (b *book) clock(f ledger.Filter) string {
	b.Helper()
	c, err := reconcile.Clock(b.Context(), b, f, b.now)
	b.check(err)
	var out strings.Builder
	at := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format("15:04:05")
	}
	for _, l := range c.Leavers {
		late := ""
		if l.Late {
			late = " late"
		}
		fmt.Fprintf(&out, "%s %s%s: gone %s (%s, %s after %d), sent %s, inactive %s, back %s: %gs %s %s %d [%s] %s\n", l.Key, l.State, late, at(l.Gone), l.Seen,
			l.Action, l.WaitDays, at(l.Sent), at(l.Confirmed), at(l.Back), l.Seconds, l.Op, l.How, l.Attempts, strings.Join(l.Roles, ", "), l.Error)
	}
	fmt.Fprintf(&out, "%d open, %d late, %d closed, %d back, %d erased; median %g, p95 %g, longest %g, oldest %g\n",
		c.Open, c.Late, c.Closed, c.Returned, c.Erased, c.Median, c.P95, c.Longest, c.Oldest)
	return out.String()
}

func TestTheClockOfLeavers(t *testing.T) {
	t.Parallel()
	hr := ledger.Start{Sync: "hr", Org: "o", Actor: "kim", Command: "apply"}
	shut := plan.Deactivate
	for name, tt := range map[string]struct {
		tell func(b *book)
		want string
	}{
		"missed, waited for, closed": {
			tell: func(b *book) {
				b.rule("deactivate", 3)
				b.mark([]source.Key{"e1"}, nil)
				b.now = b.now.Add(72 * time.Hour)
				b.begin(hr)
				b.intend(closing(shut, "e1", "u1"))
				b.settle(b.done(closing(shut, "e1", "u1"), ledger.Done, 1))
			},
			want: "e1 closed: gone 08:04:00 (absent, deactivate after 3), sent 08:07:28, inactive 08:07:30, back -: 259410s deactivate done 1 [Agent in Home, Lead in EMEA] \n" +
				"0 open, 0 late, 1 closed, 0 back, 0 erased; median 259410, p95 259410, longest 259410, oldest 0\n",
		},
		"said to be inactive: from the run that saw it": {
			tell: func(b *book) {
				b.rule("deactivate", 3)
				b.intend(closing(shut, "e1", "u1"))
				b.settle(b.done(closing(shut, "e1", "u1"), ledger.Done, 1))
			},
			want: "e1 closed: gone 08:02:00 (inactive, deactivate after 0), sent 08:04:28, inactive 08:04:30, back -: 150s deactivate done 1 [Agent in Home, Lead in EMEA] \n" +
				"0 open, 0 late, 1 closed, 0 back, 0 erased; median 150, p95 150, longest 150, oldest 0\n",
		},
		"waiting still, and late": {
			tell: func(b *book) {
				b.rule("deactivate", 1)
				b.mark([]source.Key{"e1"}, nil)
				b.now = b.now.Add(12 * time.Hour)
				b.mark([]source.Key{"e2"}, nil)
				b.now = b.now.Add(13 * time.Hour)
			},
			want: "e1 open late: gone 08:04:00 (absent, deactivate after 1), sent -, inactive -, back -: 90060s   0 [] \n" +
				"e2 open: gone 20:05:00 (absent, deactivate after 1), sent -, inactive -, back -: 46800s   0 [] \n" +
				"2 open, 1 late, 0 closed, 0 back, 0 erased; median 0, p95 0, longest 0, oldest 90060\n",
		},
		"refused by the service: open, with why": {
			tell: func(b *book) {
				b.rule("deactivate", 0)
				b.mark([]source.Key{"e1"}, nil)
				b.intend(closing(shut, "e1", "u1"))
				o := b.done(closing(shut, "e1", "u1"), ledger.Failed, 2)
				o.Error = "patch user u1: denied"
				b.settle(o)
			},
			want: "e1 open late: gone 08:04:00 (absent, deactivate after 0), sent 08:05:28, inactive -, back -: 120s   2 [Agent in Home, Lead in EMEA] patch user u1: denied\n" +
				"1 open, 1 late, 0 closed, 0 back, 0 erased; median 0, p95 0, longest 0, oldest 120\n",
		},
		"the service answered, and kept them active": {
			tell: func(b *book) {
				b.mark([]source.Key{"e1"}, nil)
				b.intend(closing(shut, "e1", "u1"))
				o := b.done(closing(shut, "e1", "u1"), ledger.Done, 1)
				o.Kept = []scim.Path{"active"}
				b.settle(o)
			},
			want: "e1 open late: gone 08:03:00 (absent,  after 0), sent 08:04:28, inactive -, back -: 120s   1 [Agent in Home, Lead in EMEA] \n" +
				"1 open, 1 late, 0 closed, 0 back, 0 erased; median 0, p95 0, longest 0, oldest 120\n",
		},
		"killed after the request, found inactive by the next run": {
			tell: func(b *book) {
				b.intend(closing(shut, "e1", "u1"))
				b.begin(hr)
				b.settle(b.done(closing(shut, "e1", "u1"), ledger.Found, 0))
			},
			want: "e1 closed: gone 08:02:00 (inactive,  after 0), sent -, inactive 08:05:30, back -: 210s deactivate found 0 [Agent in Home, Lead in EMEA] \n" +
				"0 open, 0 late, 1 closed, 0 back, 0 erased; median 210, p95 210, longest 210, oldest 0\n",
		},
		"no answer yet: sent, and open": {
			tell: func(b *book) { b.intend(closing(shut, "e1", "u1")) },
			want: "e1 open late: gone 08:02:00 (inactive,  after 0), sent 08:03:00, inactive -, back -: 60s   0 [Agent in Home, Lead in EMEA] \n" +
				"1 open, 1 late, 0 closed, 0 back, 0 erased; median 0, p95 0, longest 0, oldest 60\n",
		},
		"there again before anything was done": {
			tell: func(b *book) {
				b.rule("deactivate", 3)
				b.mark([]source.Key{"e1"}, nil)
				b.mark(nil, []source.Key{"e1"})
			},
			want: "e1 back: gone 08:04:00 (absent, deactivate after 3), sent -, inactive -, back 08:05:00: 60s   0 [] \n" +
				"0 open, 0 late, 0 closed, 1 back, 0 erased; median 0, p95 0, longest 0, oldest 0\n",
		},
		"closed, missed later, deleted: one leaving": {
			tell: func(b *book) {
				b.intend(closing(shut, "e1", "u1"))
				b.settle(b.done(closing(shut, "e1", "u1"), ledger.Done, 1))
				b.mark([]source.Key{"e1"}, nil)
				b.intend(closing(plan.Delete, "e1", "u1"))
				b.settle(b.done(closing(plan.Delete, "e1", "u1"), ledger.Done, 1))
			},
			want: "e1 closed: gone 08:02:00 (inactive,  after 0), sent 08:03:28, inactive 08:03:30, back -: 90s deactivate done 1 [Agent in Home, Lead in EMEA] \n" +
				"0 open, 0 late, 1 closed, 0 back, 0 erased; median 90, p95 90, longest 90, oldest 0\n",
		},
		"left twice: two leavings, the newer first": {
			tell: func(b *book) {
				b.intend(closing(plan.Delete, "e1", "u1"))
				b.settle(b.done(closing(plan.Delete, "e1", "u1"), ledger.Done, 1))
				b.create("e1", "u2")
				b.mark([]source.Key{"e1"}, nil)
				b.intend(closing(shut, "e1", "u2"))
				b.settle(b.done(closing(shut, "e1", "u2"), ledger.Found, 0))
			},
			want: "e1 closed: gone 08:08:00 (absent,  after 0), sent -, inactive 08:09:30, back -: 90s deactivate found 0 [Agent in Home, Lead in EMEA] \n" +
				"e1 closed: gone 08:02:00 (inactive,  after 0), sent 08:03:28, inactive 08:03:30, back -: 90s delete done 1 [Agent in Home, Lead in EMEA] \n" +
				"0 open, 0 late, 2 closed, 0 back, 0 erased; median 90, p95 90, longest 90, oldest 0\n",
		},
		"inactive by another hand": {
			tell: func(b *book) {
				b.mark([]source.Key{"e1"}, nil)
				b.check(b.Note(b.Context(), b.run, "left inactive hr", json.RawMessage(`[{"key":"e1"}]`)))
			},
			want: "e1 closed: gone 08:03:00 (absent,  after 0), sent -, inactive 08:04:00, back -: 60s  found 0 [] \n" +
				"0 open, 0 late, 1 closed, 0 back, 0 erased; median 60, p95 60, longest 60, oldest 0\n",
		},
		"deleted by another hand": {
			tell: func(b *book) {
				b.create("e1", "u1")
				b.mark([]source.Key{"e1"}, nil)
				gone := plan.Change{ID: "unlink", Op: plan.Unlink, Key: "e1", Target: scim.Ref{Type: scim.User, ID: "u1"}}
				b.intend(gone)
				b.settle(ledger.Outcome{Change: gone.ID, Result: ledger.Found, Ref: gone.Target})
			},
			want: "e1 closed: gone 08:06:00 (absent,  after 0), sent -, inactive 08:09:00, back -: 180s  found 0 [] \n" +
				"0 open, 0 late, 1 closed, 0 back, 0 erased; median 180, p95 180, longest 180, oldest 0\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.begin(hr)
			tt.tell(b)
			if diff := cmp.Diff(tt.want, b.clock(ledger.Filter{})); diff != "" {
				t.Errorf("Clock (-want +got):\n%s", diff)
			}
			if strings.HasPrefix(tt.want, "e1") {
				if one, _, _ := strings.Cut(b.clock(ledger.Filter{Who: "e1"}), "\n"); !strings.HasPrefix(tt.want, one) {
					t.Errorf("Clock of e1 alone = %s, want the same", one)
				}
			}
		})
	}
}

func TestTheClockSelectsByWhenSomebodyWasGone(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.begin(ledger.Start{Sync: "hr", Org: "o"})
	b.mark([]source.Key{"e1"}, nil)
	b.mark([]source.Key{"e2"}, nil)
	second := b.now
	b.mark([]source.Key{"e3"}, nil)
	got := b.clock(ledger.Filter{Since: second, Until: second.Add(time.Minute)})
	if !strings.HasPrefix(got, "e2 open") || !strings.Contains(got, "\n1 open") {
		t.Errorf("Clock = %s, want e2 alone", got)
	}
}
