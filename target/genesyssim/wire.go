package genesyssim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxBody is request.bytes.max of the platform (dossier §3.1).
const maxBody = 512000

// A call is a request as it was read.
type call struct {
	method, path string
	query        url.Values
	raw          string // query as it was sent
	header       http.Header
	body         []byte // up to one byte more than maxBody
	broken       error  // why the body could not be read to its end
	origin       string // scheme and host that were asked
	local        bool   // from this machine

	api, login bool // what is served here

	// what the gateway finds out
	now    time.Time
	route  *route
	match  matched
	token  *token
	client *client
	befell *armed // fault
}

// read takes a request in.
func read(r *http.Request) *call {
	c := &call{
		method: r.Method, path: r.URL.Path, query: r.URL.Query(), raw: r.URL.RawQuery, header: r.Header,
		origin: "http://" + r.Host,
	}
	if r.TLS != nil || r.URL.Scheme == "https" {
		c.origin = "https://" + r.Host
	}
	if r.Body == nil {
		return c
	}
	c.body, c.broken = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	return c
}

// handler answers over sockets.
func (s *Server) handler(api, login bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := read(r)
		c.api, c.login, c.local = api, login, loopback(r.RemoteAddr)
		rep := s.answer(r.Context(), c)
		if pause(r.Context(), rep.wait) != nil || rep.lost {
			panic(http.ErrAbortHandler)
		}
		write(w, rep)
	})
}

// answer responds and logs, without the lock, that it did.
func (s *Server) answer(ctx context.Context, c *call) reply {
	rep := s.respond(c)
	if c.broken != nil {
		s.log.WarnContext(ctx, "body not read", "method", c.method, "path", c.match.template, "error", c.broken)
	}
	s.log.DebugContext(ctx, "answered", "method", c.method, "path", c.match.template, "status", rep.status)
	return rep
}

func write(w http.ResponseWriter, rep reply) {
	for name, values := range rep.headers() {
		w.Header()[name] = values
	}
	w.WriteHeader(rep.status)
	if !rep.cut {
		_, _ = w.Write(rep.body) // who does not listen anymore misses it
		return
	}
	_, _ = w.Write(rep.body[:len(rep.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// headers are those of the reply with its body's.
func (r reply) headers() http.Header {
	h := r.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if r.media != "" {
		h.Set("Content-Type", r.media)
	}
	if r.status != http.StatusNotModified && r.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	return h
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Transport answers requests to any host without sockets, in the caller's
// goroutine: the organization inside a test. It serves everything that
// [Server.Handler] and [Server.LoginHandler] do, faults included, and is at
// home in a testing/synctest bubble.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// errLost is what a client sees of an answer that was lost on the way.
var errLost = errors.New("connection reset by peer")

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c := read(r)
	err := c.broken
	if r.Body != nil {
		err = errors.Join(err, r.Body.Close())
	}
	if err = errors.Join(err, r.Context().Err()); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	c.api, c.login, c.local = true, true, true
	if r.Host == "" {
		c.origin += r.URL.Host
	}
	rep := t.s.answer(r.Context(), c)
	if err := pause(r.Context(), rep.wait); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if rep.lost {
		return nil, fmt.Errorf("read answer: %w", errLost)
	}
	return rep.response(r), nil
}

func (r reply) response(to *http.Request) *http.Response {
	length := int64(len(r.body))
	var body io.Reader = bytes.NewReader(r.body)
	switch {
	case to.Method == http.MethodHead:
		body = http.NoBody
	case r.cut:
		body = io.MultiReader(bytes.NewReader(r.body[:len(r.body)/2]), broken{})
	}
	return &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.headers(), Body: io.NopCloser(body), ContentLength: length, Request: to,
	}
}

// broken is the rest of a body that never comes.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
