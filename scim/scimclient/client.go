// Package scimclient speaks SCIM over HTTP: requests under one budget and one
// token, refusals in whatever envelope they come, versions in any form, lists
// page by page.
//
// [Client.Do] is one request with the repetitions that are safe, [Client.List]
// a whole list. The package knows no service: names of headers are options, and
// what a refusal advises is the caller's to say.
package scimclient

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	mu    sync.Mutex
	stats target.Stats
}

// New is a client of the service at base, such as https://host/api/v2. It does no I/O.
func New(base string, o Options) *Client {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Backoff.First <= 0 {
		o.Backoff.First = time.Second
	}
	if o.Backoff.Factor < 1 {
		o.Backoff.Factor = 2
	}
	if o.Backoff.Attempts <= 0 {
		o.Backoff.Attempts = 3
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
	return &Client{base: strings.TrimRight(base, "/"), o: o}
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
	c.count(func(s *target.Stats) { s.Waited += d })
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
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
	let := func(http.Header) {}
	if l := c.o.Limiter; l != nil {
		s, waited, err := l.take(ctx)
		c.count(func(st *target.Stats) { st.Waited += waited })
		if err != nil {
			return interrupted(r, err)
		}
		let = func(h http.Header) { l.done(s, h) }
	}
	token := ""
	if c.o.Token != nil {
		t, err := c.o.Token(ctx, r.refused)
		if err != nil {
			let(nil)
			r.final = true
			return err
		}
		token = t
	}
	err := c.exchange(ctx, call, token, r)
	var f *target.Failure
	if r.Status == http.StatusUnauthorized {
		let(nil) // refused before it was counted
	} else {
		let(r.Header)
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f) && f.Status == http.StatusUnauthorized && r.refused == "":
		r.refused = token
	case errors.As(err, &f) && f.Status == http.StatusUnauthorized:
		r.refused = ""
	case errors.As(err, &f) && f.Status == http.StatusTooManyRequests:
		c.slow(call, r)
	}
	return err
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

// mostBody bounds what is read of one answer.
const mostBody = 256 << 20

// exchange is the request and its answer; r holds what came of it.
func (c *Client) exchange(ctx context.Context, call Call, token string, r *Reply) error {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	req, err := c.request(ctx, call, token)
	if err != nil {
		return err
	}
	r.Attempts++
	r.Status, r.Header, r.Body, r.Correlation, r.limit = 0, nil, nil, "", ""
	c.count(func(s *target.Stats) { s.Requests++ })
	began := c.o.Now()
	resp, err := c.o.Transport.RoundTrip(req)
	if err == nil {
		r.Status, r.Header, r.Correlation = resp.StatusCode, resp.Header, resp.Header.Get(c.o.Correlation)
		r.Body, err = readBody(resp, call.Into)
	}
	r.Took = c.o.Now().Sub(began)
	err = bare(err)
	c.log(ctx, call, r, err)
	if err != nil {
		return broken(ctx, call, r, err)
	}
	if r.Status < http.StatusOK || r.Status >= http.StatusMultipleChoices {
		e := readEnvelope(r.Header, r.Body)
		r.limit = e.limit
		return failure(call, *r, e)
	}
	check := call.Check
	if check == nil {
		check = isJSON
	}
	if err := check(r.Body); err != nil {
		return broken(ctx, call, r, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, call Call, token string) (*http.Request, error) {
	address := c.base + call.Path
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	var body io.Reader
	if call.Body != nil {
		body = bytes.NewReader(call.Body)
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, address, body)
	if err != nil {
		return nil, fmt.Errorf("address of the service: %w", fault.Invalid) // the cause would show the query
	}
	req.Header.Set("Accept", "application/scim+json, application/json")
	req.Header.Set("User-Agent", "rollcall")
	if call.Body != nil {
		req.Header.Set("Content-Type", cmp.Or(call.Type, "application/json"))
	}
	for k, v := range call.Header {
		req.Header[k] = v
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if call.Version != "" {
		req.Header.Set("If-Match", IfMatch(call.Version))
	}
	return req, nil
}

// IfMatch is the strong, quoted form of a version in any form: 42, "42", W/"42".
func IfMatch(version string) string {
	version = strings.TrimPrefix(version, "W/")
	return `"` + strings.Trim(version, `"`) + `"`
}

func readBody(resp *http.Response, into []byte) ([]byte, error) {
	defer resp.Body.Close()
	buf := bytes.NewBuffer(into[:0])
	if n := resp.ContentLength; n > 0 && n <= mostBody {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, mostBody+1))
	switch {
	case err != nil:
		return buf.Bytes(), err
	case n > mostBody:
		return buf.Bytes(), errors.New("the answer is too long")
	case resp.ContentLength > n && resp.Request != nil && resp.Request.Method != http.MethodHead:
		return buf.Bytes(), io.ErrUnexpectedEOF
	}
	return buf.Bytes(), nil
}

func isJSON(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 || json.Valid(body) {
		return nil
	}
	return errors.New("the answer is not JSON")
}

// bare is err without the address: its query may hold a person's name.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// broken is the end of an attempt without an answer that can be used.
func broken(ctx context.Context, call Call, r *Reply, cause error) error {
	kind := fault.Unavailable
	if errors.Is(ctx.Err(), context.Canceled) && call.safe() {
		kind = fault.Interrupted
	}
	return &target.Failure{Kind: kind, Status: r.Status, Correlation: r.Correlation, Attempts: r.Attempts, Cause: cause}
}

func (c *Client) log(ctx context.Context, call Call, r *Reply, err error) {
	if !c.o.Log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", call.Method), slog.String("path", call.Path), slog.String("query", redacted(call.Query)),
		slog.Int("status", r.Status), slog.Duration("took", r.Took), slog.Int("attempt", r.Attempts),
		slog.String("correlation", r.Correlation),
	}
	if err != nil {
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	c.o.Log.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
}

// redacted is a query without what a filter compares with.
func redacted(q url.Values) string {
	if !q.Has("filter") {
		return q.Encode()
	}
	out := make(url.Values, len(q))
	for k, v := range q {
		out[k] = v
	}
	words := strings.Fields(q.Get("filter"))
	if len(words) > 2 && words[2] != "false" && words[2] != "true" {
		words = append(words[:2], struck)
	}
	out["filter"] = []string{strings.Join(words, " ")}
	text, err := url.QueryUnescape(out.Encode())
	if err != nil {
		return ""
	}
	return text
}
