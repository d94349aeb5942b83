package scimclient_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/scim/scimclient"
)

// send lets n workers send until total calls were made, and answers how long it took.
func send(t *testing.T, c *scimclient.Client, n, total int) time.Duration {
	t.Helper()
	began := time.Now()
	feed := make(chan struct{})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for range feed {
				if _, err := c.Do(t.Context(), scimclient.Call{Method: http.MethodPatch, Path: "/users/1", Body: []byte(`{}`)}); err != nil {
					t.Errorf("Do: %v", err)
				}
			}
		})
	}
	for range total {
		feed <- struct{}{}
	}
	close(feed)
	wg.Wait()
	return time.Since(began)
}

func TestThePaceUsesTheWholeShareAndCausesNo429(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		budget float64
		took   time.Duration
		share  int
	}{
		"all of it":                {1, 100 * time.Millisecond, 300},
		"70%":                      {0.7, 100 * time.Millisecond, 210},
		"70% with slow answers":    {0.7, 900 * time.Millisecond, 210},
		"70% with instant answers": {0.7, 0, 210},
		"1%":                       {0.01, 100 * time.Millisecond, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &metered{granted: 300, took: tt.took}
				const windows = 20
				took := send(t, meteredClient(m, tt.budget), 10, windows*tt.share)
				if m.refused > 0 {
					t.Errorf("%d requests were refused with 429", m.refused)
				}
				if most := windows * time.Minute * 100 / 98; took > most {
					t.Errorf("%d windows' worth took %v, want %v at most: 98%% of the share", windows, took, most)
				}
				if most := mostPerMinute(m.served); most > tt.share {
					t.Errorf("%d requests within a minute, want %d at most", most, tt.share)
				}
			})
		})
	}
}

// mostPerMinute is the most requests in any minute.
func mostPerMinute(at []time.Time) int {
	most, from := 0, 0
	for i, now := range at {
		for now.Sub(at[from]) >= time.Minute {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

func TestTheBudgetLeavesRoomForAnotherClientThatEatsAChangingHalf(t *testing.T) {
	t.Parallel()
	for name, budget := range map[string]float64{"at 70%": 0.7, "at 100%": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &metered{granted: 300, took: 100 * time.Millisecond}
				ctx, stop := context.WithCancel(t.Context())
				var other sync.WaitGroup
				other.Go(func() { eat(ctx, m, rand.New(rand.NewPCG(7, 7))) })
				const total = 10_000
				took := send(t, meteredClient(m, budget, func(o *scimclient.Options) { o.Backoff.Attempts = 5 }), 10, total)
				stop()
				other.Wait()
				if m.refused*1000 >= total {
					t.Errorf("%d of %d requests were refused with 429, want fewer than 1 in 1000", m.refused, total)
				}
				if most := time.Duration(total/120) * time.Minute; took > most {
					t.Errorf("%d requests took %v, want %v at most", total, took, most)
				}
			})
		})
	}
}

// eat takes up to half of the budget of each minute, at changing speed.
func eat(ctx context.Context, m *metered, r *rand.Rand) {
	for ctx.Err() == nil {
		n := r.IntN(150)
		gap := time.Minute / time.Duration(n+1)
		if r.IntN(2) == 0 {
			gap = time.Duration(r.IntN(int(gap)) + 1)
		}
		for range n {
			time.Sleep(gap)
			m.take(false)
		}
		time.Sleep(time.Minute - time.Duration(n)*gap)
	}
}

func TestAfterA429ThePaceRecoversWithinOneWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &metered{granted: 300, took: 50 * time.Millisecond}
		c := meteredClient(m, 1)
		send(t, c, 10, 150)
		for range 150 {
			m.take(false) // somebody takes the rest at one blow
		}
		send(t, c, 10, 10)
		if m.refused == 0 || m.refused > 10 {
			t.Fatalf("%d refused, want some, and no more than were in flight", m.refused)
		}
		before := m.refused
		if took := send(t, c, 10, 1200); took > 4*time.Minute+time.Second || m.refused > before {
			t.Errorf("4 windows' worth after a 429 took %v with %d more refused, want 4m1s at most and none", took, m.refused-before)
		}
	})
}

func TestAServiceThatDoesNotTellIsTakenToGrant300(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &metered{granted: 300, took: 50 * time.Millisecond, silent: true}
		send(t, meteredClient(m, 1), 10, 1500)
		if m.refused > 0 {
			t.Errorf("%d requests were refused with 429", m.refused)
		}
		if most := mostPerMinute(m.served); most < 290 {
			t.Errorf("%d requests a minute at most, want nearly 300", most)
		}
	})
}

func TestAServiceThatDoesNotTellAndGrantsLessIsLearned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &metered{granted: 100, took: 50 * time.Millisecond, silent: true}
		send(t, meteredClient(m, 1, func(o *scimclient.Options) { o.Backoff.Attempts = 10 }), 10, 2000)
		if m.refused > 40 {
			t.Errorf("%d requests were refused with 429, want a few while it is learned", m.refused)
		}
	})
}

func TestStatsCountWaitingAndWhatIsGranted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &metered{granted: 60}
		c := meteredClient(m, 0.5)
		took := send(t, c, 1, 40)
		s := c.Stats()
		if s.Requests != 40 || s.Granted != 60 || s.Waited != took || s.Throttled != 0 || s.Retries != 0 {
			t.Errorf("Stats() = %+v after 40 requests in %v", s, took)
		}
	})
}

func TestNoMoreThanTheConcurrencyIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		c := newClient(serviceFunc(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return answer(http.StatusOK, ``)
		}), func(o *scimclient.Options) {
			o.Limiter = scimclient.NewLimiter(scimclient.LimiterOptions{Concurrency: 4, Now: time.Now})
		})
		send(t, c, 20, 60)
		if most != 4 {
			t.Errorf("%d requests at once, want 4", most)
		}
	})
}
