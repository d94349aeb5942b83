// Package scimclient speaks SCIM over HTTP: requests under one budget and one
// token, refusals in whatever envelope they come, versions in any form, lists
// page by page.
//
// [Client.Do] is one request with the repetitions that are safe, [Client.List]
// a whole list. The package knows no service: names of headers are options, and
// what a refusal advises is the caller's to say.
package scimclient

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"rollcall/fault"
	"rollcall/target"
)

// Options are what a Client needs beside its address. Now is required; the
// zero value of the rest works.
type Options struct {
	Transport http.RoundTripper // nil: http.DefaultTransport
	Limiter   *Limiter          // nil: no pace
	Backoff   Backoff
	MaxWait   time.Duration // longest wait that a service may ask for; 0: 3 min (dossier §3.2)
	Timeout   time.Duration // of one request; 0: 1 min
	Now       func() time.Time
	Rand      func() float64 // jitter in [0, 1); nil: none
	Log       *slog.Logger   // debug lines without bodies, secrets and values; nil: none

	// Token is the bearer token for the next request; nil: requests carry none.
	// refused is the token that the service has just refused, or "".
	Token func(ctx context.Context, refused string) (string, error)

	// Final tells that a 401 with this code will not be cured by another token.
	Final func(code string) bool

	Correlation string // name of the header with the service's id of a request
}

// Backoff is how often a request is sent at most, and the wait before the n-th
// repetition: First × Factor^(n-1), plus up to as much again of jitter. After a
// 429 the wait is what the service asks for and a second, and the jitter on top.
type Backoff struct {
	First    time.Duration // 0: 1 s
	Factor   float64       // 0: 2
	Attempts int           // 0: 3
}

func (b Backoff) wait(repetition int) time.Duration {
	return time.Duration(float64(b.First) * math.Pow(b.Factor, float64(repetition-1)))
}

func (b Backoff) jitter(repetition int, rand func() float64) time.Duration {
	return time.Duration(float64(b.wait(repetition)) * rand())
}

// A Client is a connection to one service. It is safe for concurrent use.
type Client struct {
	base string
	o    Options

	mu      sync.Mutex
	stats   target.Stats
	waiting int       // calls that wait now
	since   time.Time // when the first of them began to
}

// waits counts a wait until the function it answers is called: time in which
// several calls wait counts once.
func (c *Client) waits() (over func()) {
	now := c.o.Now()
	c.count(func(*target.Stats) {
		if c.waiting++; c.waiting == 1 {
			c.since = now
		}
	})
	return func() {
		now := c.o.Now()
		c.count(func(s *target.Stats) {
			if c.waiting--; c.waiting == 0 {
				s.Waited += now.Sub(c.since)
			}
		})
	}
}

// New is a client of the service at base, such as https://host/api/v2. It does no I/O.
func New(base string, o Options) *Client {
	return &Client{base: strings.TrimRight(base, "/"), o: o.withDefaults()}
}

func (o Options) withDefaults() Options {
	o.Backoff = o.Backoff.withDefaults()
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 3 * time.Minute
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.Rand == nil {
		o.Rand = func() float64 { return 0 }
	}
	if o.Final == nil {
		o.Final = func(string) bool { return false }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func (b Backoff) withDefaults() Backoff {
	if b.First <= 0 {
		b.First = time.Second
	}
	if b.Factor < 1 {
		b.Factor = 2
	}
	if b.Attempts <= 0 {
		b.Attempts = 3
	}
	return b
}

// Stats are what the connection has done so far.
func (c *Client) Stats() target.Stats {
	c.mu.Lock()
	s := c.stats
	c.mu.Unlock()
	if c.o.Limiter != nil {
		s.Granted = c.o.Limiter.Granted()
	}
	return s
}

func (c *Client) count(f func(*target.Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.stats)
}

// A Call is one request.
type Call struct {
	Method  string
	Path    string // below the base, escaped
	Query   url.Values
	Header  http.Header // beside those of the protocol; may be nil
	Version string      // sent as a strong, quoted If-Match; "": none
	Body    []byte      // nil: none
	Type    string      // of Body; "": application/json

	// Safe says that the call may be repeated like a GET.
	Safe bool

	// Paged says that a 429 may mean that too much was asked for at once: it is
	// repeated only once, and not at all where no limit of requests is named.
	Paged bool

	// Check refuses an answer of status 2xx whose body is broken; nil: it must
	// be JSON, or nothing. What it refuses counts as no answer.
	Check func(body []byte) error

	Into []byte // room for the body, overwritten; may be nil
}

// A Reply is an answer of status 2xx, or as much of an answer as came.
type Reply struct {
	Status      int
	Header      http.Header
	Body        []byte
	Attempts    int           // requests sent
	Took        time.Duration // of the last request, waiting excluded
	Correlation string

	throttled int    // answers with 429
	refused   string // the token that got 401, until another one did too
	final     bool   // no token was to be had
	limit     string // the limit that a 429 names
}

// Do sends call and waits for the answer, repeating what may be repeated: what
// the service refused unprocessed (429; 401 once, with another token), and GETs
// that broke or were answered with 408 or 5xx. A write whose fate is not known
// is never sent again.
//
// Errors have a *target.Failure in their tree. Kinds: Denied, Missing, Taken,
// Stale, Invalid, Unsupported, Throttled, Unavailable, and Interrupted where
// ctx was canceled and nothing may have been written.
func (c *Client) Do(ctx context.Context, call Call) (Reply, error) {
	var r Reply
	for {
		err := c.send(ctx, call, &r)
		if err == nil {
			return r, nil
		}
		wait, again := c.repeat(ctx, call, &r, err)
		if !again {
			return r, explain(err)
		}
		c.count(func(s *target.Stats) { s.Retries++ })
		if err := c.sleep(ctx, wait); err != nil {
			return r, interrupted(&r, err)
		}
	}
}

// repeat decides on a refusal: whether to send again, after what wait.
func (c *Client) repeat(ctx context.Context, call Call, r *Reply, err error) (time.Duration, bool) {
	var f *target.Failure
	if ctx.Err() != nil || !errors.As(err, &f) || r.Attempts == 0 || r.final {
		return 0, false
	}
	asked, told := retryAfter(r.Header, c.o.Now())
	back := c.o.Backoff
	switch {
	case f.Status == http.StatusUnauthorized:
		return 0, r.refused != "" && !c.o.Final(f.Code)
	case asked > c.o.MaxWait || r.Attempts >= back.Attempts:
		return 0, false
	case f.Kind == fault.Throttled && told:
		return asked + extra + back.jitter(r.Attempts, c.o.Rand), !call.Paged || r.throttled < 2 && r.limit != ""
	case f.Kind == fault.Throttled:
		return back.wait(r.Attempts) + back.jitter(r.Attempts, c.o.Rand), !call.Paged
	case f.Kind == fault.Unavailable && call.safe():
		return max(back.wait(r.Attempts), asked) + back.jitter(r.Attempts, c.o.Rand), true
	}
	return 0, false
}

// extra is waited beyond Retry-After, which is rounded to whole seconds (dossier §3.2).
const extra = time.Second

func (c Call) safe() bool {
	return c.Safe || c.Method == http.MethodGet || c.Method == http.MethodHead
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	defer c.waits()()
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// interrupted is the end of a call that was not sent, or not again.
func interrupted(r *Reply, err error) error {
	kind := fault.Unavailable
	if errors.Is(err, context.Canceled) {
		kind = fault.Interrupted
	}
	return &target.Failure{Kind: kind, Attempts: r.Attempts, Cause: err}
}

// send is one attempt: pace, token, request, answer.
func (c *Client) send(ctx context.Context, call Call, r *Reply) error {
	done, err := c.pace(ctx, r)
	if err != nil {
		return err
	}
	token, err := c.token(ctx, r)
	if err != nil {
		done(nil)
		r.final = true
		return err
	}
	err = c.exchange(ctx, call, token, r)
	switch r.Status {
	case http.StatusUnauthorized: // refused before it was counted
		done(nil)
		r.refuse(token)
	case http.StatusTooManyRequests:
		done(r.Header)
		c.slow(call, r)
	default:
		done(r.Header)
	}
	return err
}

// pace waits until the next request may go. done must be told the headers of
// the answer, nil where none came.
func (c *Client) pace(ctx context.Context, r *Reply) (done func(http.Header), err error) {
	l := c.o.Limiter
	if l == nil {
		return func(http.Header) {}, nil
	}
	waited := c.waits()
	s, _, err := l.take(ctx)
	waited()
	if err != nil {
		return nil, interrupted(r, err)
	}
	return func(h http.Header) { l.done(s, h) }, nil
}

func (c *Client) token(ctx context.Context, r *Reply) (string, error) {
	if c.o.Token == nil {
		return "", nil
	}
	return c.o.Token(ctx, r.refused)
}

// refuse notes the token that got a 401; a second one ends the call.
func (r *Reply) refuse(token string) {
	if r.refused != "" {
		token = ""
	}
	r.refused = token
}

// slow makes everybody wait as a 429 asks, one second longer (dossier §3.2).
// One for a page that names no limit of requests is about the page, not the pace.
func (c *Client) slow(call Call, r *Reply) {
	r.throttled++
	c.count(func(s *target.Stats) { s.Throttled++ })
	asked, _ := retryAfter(r.Header, c.o.Now())
	if c.o.Limiter == nil || call.Paged && r.limit == "" || asked > c.o.MaxWait {
		return
	}
	c.o.Limiter.throttle(asked + extra)
}
