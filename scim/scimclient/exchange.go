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
	"maps"
	"net/http"
	"net/url"
	"strings"

	"rollcall/fault"
	"rollcall/target"
)

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
	if err := c.roundTrip(req, call, r); err != nil {
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

// roundTrip sends once and reads the whole answer.
func (c *Client) roundTrip(req *http.Request, call Call, r *Reply) error {
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
	c.log(req.Context(), call, r, err)
	return err
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
	call.dress(req.Header, token)
	return req, nil
}

func (call Call) dress(h http.Header, token string) {
	h.Set("Accept", "application/scim+json, application/json")
	h.Set("User-Agent", "rollcall")
	if call.Body != nil {
		h.Set("Content-Type", cmp.Or(call.Type, "application/json"))
	}
	maps.Copy(h, call.Header)
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	if call.Version != "" {
		h.Set("If-Match", IfMatch(call.Version))
	}
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
