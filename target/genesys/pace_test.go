package genesys_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

// latency makes every answer take some time.
func latency(w *world, d time.Duration) http.RoundTripper {
	return tripFunc(func(r *http.Request) (*http.Response, error) {
		time.Sleep(d / 2)
		resp, err := w.sim.Transport().RoundTrip(r)
		time.Sleep(d - d/2)
		return resp, err
	})
}

// apply sends n changes of users by 10 workers.
func apply(t *testing.T, w *world, c *genesys.Client, n int) time.Duration {
	t.Helper()
	shape := scim.NewShape("title")
	var ids []string
	for _, u := range w.users() {
		if u["state"] == "active" {
			ids = append(ids, u["id"].(string))
		}
	}
	began := time.Now()
	feed := make(chan int)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for i := range feed {
				r := target.Request{
					Act: target.Patch, To: scim.Ref{Type: scim.User, ID: ids[i%len(ids)]},
					Ops: []scim.Op{{Verb: scim.Replace, Path: "title", Value: scim.ValueOf(fmt.Sprint("title ", i))}},
				}
				if _, err := c.Send(t.Context(), r, shape); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		feed <- i
	}
	close(feed)
	wg.Wait()
	return time.Since(began)
}

func TestAnApplyUsesItsShareOfTheBudgetAndCausesNo429(t *testing.T) {
	t.Parallel()
	for by, changes := range map[string]int{"token": 4_200, "client": 2_100} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, with(few, "rate_by", by))
			c := w.connect(func(o *genesys.Options) { o.Transport, o.Budget = latency(w, 120*time.Millisecond), 0 }) // 70%
			const share = 210
			took := apply(t, w, c, changes)
			s := c.Stats()
			if s.Throttled > 0 || s.Retries > 0 || s.Granted != 300 || s.Requests != changes {
				t.Errorf("rate by %s: %+v; want no 429", by, s)
			}
			if ideal := time.Duration(changes) * time.Minute / share; took > ideal*100/98 {
				t.Errorf("rate by %s: took %v, which uses %.1f%% of the share", by, took, 100*float64(ideal)/float64(took))
			}
			var stats struct{ PeakPerMinute, Throttled int }
			w.control(http.MethodGet, "/stats", nil, &stats)
			if stats.PeakPerMinute > share+1 {
				t.Errorf("rate by %s: %d requests in a minute, want %d: the rest is for others", by, stats.PeakPerMinute, share)
			}
		})
	}
}

func TestNoTwoTokensOfOneClientSpendMoreThanItsBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, with(few, "rate_by", "client"))
		first := w.connect(func(o *genesys.Options) { o.Transport, o.Budget = latency(w, 100*time.Millisecond), 1 })
		second := w.connect(func(o *genesys.Options) { o.Transport, o.Budget = latency(w, 100*time.Millisecond), 1 })
		var wg sync.WaitGroup
		for _, c := range []*genesys.Client{first, second} {
			wg.Go(func() { apply(t, w, c, 2000) })
		}
		wg.Wait()
		if n := first.Stats().Throttled + second.Stats().Throttled; n > 4 {
			t.Errorf("%d of 4000 requests were refused with 429, want fewer than 1 in 1000", n)
		}
	})
}

func TestWithoutALimitNothingWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, with(few, "rate", "off"))
		if took := apply(t, w, w.client, 2000); took > 0 {
			t.Errorf("2000 changes waited %v", took)
		}
	})
}

func TestSecondaryAttributesAreReadInPagesOf25AndOthersInLargeOnes(t *testing.T) {
	t.Parallel()
	c := genesyssim.Config{Seed: 7, Users: genesyssim.Users{Count: 1000}, Groups: []genesyssim.Group{}}
	for name, tt := range map[string]struct {
		shape *scim.Shape
		most  int // requests for 950 active and 40 inactive users, about
	}{
		"roles":       {scim.NewShape("userName", "roles"), 42},
		"externalId":  {scim.NewShape("externalId"), 42},
		"the profile": {scim.NewShape("userName", "title", "displayName"), 3},
		"versions":    {scim.NewShape(), 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c)
			for _, err := range w.client.Read(t.Context(), target.Query{Ask: target.Page, Type: scim.User}, tt.shape) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if n := len(w.calls()); n > tt.most || n < tt.most-2 {
				t.Errorf("%d requests, want %d or one or two less", n, tt.most)
			}
		})
	}
}

func TestPageSizesAreRememberedFromClientToClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := genesyssim.Config{Seed: 7, Users: genesyssim.Users{Count: 100}, Groups: []genesyssim.Group{}}
		w := newWorld(t, c)
		refuse := tripFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("count") == "25" {
				return text(http.StatusTooManyRequests, `{"code":"too.many.requests","status":429}`), nil
			}
			return w.sim.Transport().RoundTrip(r)
		})
		first := w.connect(func(o *genesys.Options) { o.Transport = refuse })
		list := func(c *genesys.Client) {
			for _, err := range c.Read(t.Context(), target.Query{Ask: target.Page, Type: scim.User}, scim.NewShape("roles")) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		list(first)
		if first.Stats().Throttled == 0 {
			t.Fatal("no page was refused")
		}
		second := w.connect(func(o *genesys.Options) { o.Transport, o.PageSizes = refuse, first.PageSizes() })
		list(second)
		if n := second.Stats().Throttled; n > 0 {
			t.Errorf("the second client had %d refused pages, want none: sizes %v", n, first.PageSizes())
		}
	})
}
