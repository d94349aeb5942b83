package scimclient

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// assumed is what a service that does not tell is taken to grant per window
// (dossier §3.1), and window how long one lasts.
const (
	assumed = 300
	window  = time.Minute
)

// RateHeaders are the names under which a service tells its limit: requests
// used in this window, requests granted in it, seconds to its end.
type RateHeaders struct{ Used, Granted, Reset string }

// LimiterOptions are the knobs of a Limiter; the zero value works.
type LimiterOptions struct {
	Budget      float64 // share of what is granted that may be used, in (0, 1]; 0: all
	Concurrency int     // requests at once; 0: 10
	Headers     RateHeaders
	Now         func() time.Time // required
}

// A Limiter holds all workers of one connection to one budget. It is safe for
// concurrent use, and holds no lock while it waits.
//
// It takes the service for a counter that starts anew every window. In a window
// it lets requests go as fast as they come until the share is used, counting
// what others use by what the service says it counted, then waits for the
// window to end. Of a window after one that was used up, the first request goes
// alone: it says whether the window is indeed new, how large it is and when it
// ends. After a 429 all wait, and then go with half as many at once, one more
// after each round without trouble.
type Limiter struct {
	o LimiterOptions

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when what a waiter waits for may have come
	inflight int
	atOnce   int // most requests in flight just now
	good     int // answers since atOnce changed
	gen      int // of the window
	known    bool
	probing  bool
	told     bool // the window is by the service's word, not assumed
	begun    time.Time
	ends     time.Time
	granted  int // of the window
	grants   int // by the service's word; 0: never told
	mine     int // requests let go in this window
	used     int // highest count told in this window, ours included
	seen     time.Time
	before   past // the window before, until a probe has shown that it is over
	paused   time.Time
}

// A past window, kept for the case that it is not past.
type past struct{ mine, used, granted int }

// A slot is one request that was let go.
type slot struct {
	gen   int
	probe bool
}

// NewLimiter is a limiter that has seen nothing yet.
func NewLimiter(o LimiterOptions) *Limiter {
	if o.Budget <= 0 || o.Budget > 1 {
		o.Budget = 1
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 10
	}
	return &Limiter{o: o, changed: make(chan struct{}), atOnce: o.Concurrency, granted: assumed}
}

// Granted is how many requests a window the service said it grants; 0: it did not.
func (l *Limiter) Granted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grants
}

// take waits until a request may go. It answers how long that took; an error is the context's.
func (l *Limiter) take(ctx context.Context) (slot, time.Duration, error) {
	began := l.o.Now()
	for {
		s, wait, changed := l.try()
		if wait == 0 {
			return s, l.o.Now().Sub(began), nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return slot{}, l.o.Now().Sub(began), err
		}
	}
}

// forever is longer than any wait for another worker.
const forever = 24 * time.Hour

// try lets a request go (wait 0), or says how long at most to wait.
func (l *Limiter) try() (s slot, wait time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.o.Now()
	if l.known && !now.Before(l.ends) {
		l.forget()
	}
	switch {
	case now.Before(l.paused):
		return slot{}, l.paused.Sub(now), l.changed
	case l.inflight >= l.atOnce, !l.known && l.probing && !l.roomy():
		return slot{}, forever, l.changed
	case l.known && l.free(now) <= 0:
		return slot{}, l.ends.Sub(now), l.changed
	}
	s = slot{gen: l.gen, probe: !l.known}
	l.probing = l.probing || s.probe
	l.inflight++
	l.mine++
	return s, 0, nil
}

// forget gives the window up: what it is like now, the next answer tells.
func (l *Limiter) forget() {
	l.before = past{mine: l.mine, used: l.used, granted: l.granted}
	l.gen++
	l.known, l.probing, l.told = false, false, false
	l.mine, l.used = l.inflight, 0
}

// roomy tells that requests may go beside the probe: the window before had room
// for them, so that it does no harm if it is not over.
func (l *Limiter) roomy() bool {
	b := l.before
	return b.mine+l.mine < l.share(b.granted) && b.used+l.mine < b.granted
}

func (l *Limiter) share(granted int) int {
	const grain = 1e-9 // 0.7 × 300 is not quite 210
	return max(1, int(math.Floor(l.o.Budget*float64(granted)+grain)))
}

// free is how many more requests may go in this window: of our share, and of
// what others leave. What they will have used before our request arrives is
// reckoned by what they have used so far.
func (l *Limiter) free(now time.Time) int {
	share := l.share(l.granted) - l.mine
	others := l.used - l.mine
	if others <= 0 {
		return min(share, l.granted-l.used-l.inflight)
	}
	perSecond := float64(others) / max(now.Sub(l.begun).Seconds(), 1)
	margin := 1 + l.granted/100 + int(perSecond*max(now.Sub(l.seen).Seconds(), 0.1))
	return min(share, l.granted-l.used-l.inflight-margin)
}

// done tells how a request that was let go ended. h is nil where no answer came.
func (l *Limiter) done(s slot, h http.Header) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inflight--
	if h != nil {
		l.learn(s, h)
		l.faster()
	}
	if s.probe && s.gen == l.gen {
		l.probing = false
	}
	l.wake()
}

// faster lets one more go at once after every round of good answers.
func (l *Limiter) faster() {
	if l.good++; l.good >= l.atOnce && l.atOnce < l.o.Concurrency {
		l.atOnce, l.good = l.atOnce+1, 0
	}
}

func (l *Limiter) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// slack is by how much the seconds of two answers may disagree on when one window ends.
const slack = 2 * time.Second

// learn takes the window from an answer. Answers to requests of a window that
// was given up say nothing about this one.
func (l *Limiter) learn(s slot, h http.Header) {
	if s.gen != l.gen {
		return
	}
	now := l.o.Now()
	used, ok1 := number(h, l.o.Headers.Used)
	granted, ok2 := number(h, l.o.Headers.Granted)
	reset, ok3 := number(h, l.o.Headers.Reset)
	if !ok1 || !ok2 || !ok3 || granted <= 0 {
		if !l.known {
			l.known, l.begun, l.ends, l.seen = true, now, now.Add(window), now
		}
		return
	}
	ends := now.Add(time.Duration(reset) * time.Second)
	switch {
	case !l.known && used >= l.before.used && l.before.used > 0 && ends.Before(now.Add(slack)):
		l.begun, l.ends = now.Add(-window), ends // not over yet: the share is used already
		l.mine += l.before.mine
	case !l.known || !l.told:
		l.begun, l.ends = ends.Add(-window), ends
	case ends.After(l.ends.Add(slack)):
		l.mine, l.used = l.inflight+1, 0 // the service began a new window before we thought
		l.begun, l.ends = ends.Add(-window), ends
	case ends.Before(l.ends):
		l.ends = ends
	}
	l.known, l.told = true, true
	l.granted, l.grants = granted, granted
	l.used, l.seen = max(l.used, used), now
}

// throttle makes everybody wait until the service will listen again. Without a
// word of the service on its limit, what went through in this window is taken for it.
func (l *Limiter) throttle(wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := l.o.Now().Add(wait); until.After(l.paused) {
		l.paused = until
	}
	if !l.told && l.mine > 1 && l.known {
		l.granted = max(1, l.mine-l.inflight-1)
	}
	if l.known {
		l.forget()
	}
	l.atOnce, l.good = max(1, l.atOnce/2), 0
	l.wake()
}

func number(h http.Header, name string) (int, bool) {
	if name == "" {
		return 0, false
	}
	n, err := strconv.Atoi(h.Get(name))
	return n, err == nil && n >= 0
}
