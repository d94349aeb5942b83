package scimclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"rollcall/fault"
	"rollcall/target"
)

// Listed is what reading a list came to.
type Listed struct {
	Before, After int // what the service said it has, on the first page and on the last
	Fresh         int // rows that were not seen before
}

// List reads the list at path from its first row to its last, page by page in
// order, with one page in memory. visit gets every row as the text it came in,
// valid until it returns, and tells whether it had not seen it before; its
// error ends the list.
//
// Pages follow what arrived, not what was announced. The list ends on an empty
// page, on a page of rows that were all seen, and where everything that the
// service said it has was passed; a first page that holds exactly that and no
// less than was asked for is not taken for the end, as a server may count a page for the whole.
//
// A page that is too heavy is asked for again, smaller (dossier §3.1, §15.18).
func (c *Client) List(ctx context.Context, path string, query url.Values, size *Size, visit func(row []byte) (fresh bool, err error)) (Listed, error) {
	var out Listed
	var p page
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	for start := 1; ; start += len(p.rows) {
		count, err := c.page(ctx, path, query, start, size, &p)
		if err != nil {
			return out, err
		}
		if start == 1 {
			out.Before = p.total
		}
		out.After = p.total
		fresh, err := p.visit(visit)
		out.Fresh += fresh
		switch {
		case err != nil:
			return out, err
		case fresh == 0:
			return out, nil
		case start-1+len(p.rows) >= p.total && (start > 1 || len(p.rows) < count):
			return out, nil
		}
	}
}

// page reads one page, of the size that the service bears.
func (c *Client) page(ctx context.Context, path string, query url.Values, start int, size *Size, p *page) (int, error) {
	for {
		count := size.Count()
		query.Set("startIndex", strconv.Itoa(start))
		query.Set("count", strconv.Itoa(count))
		r, err := c.Do(ctx, Call{Method: http.MethodGet, Path: path, Query: query, Paged: true, Check: p.split, Into: p.body})
		if r.Body != nil {
			p.body = r.Body
		}
		if err == nil {
			size.bore(count)
			return count, nil
		}
		if !heavy(err) || ctx.Err() != nil || !size.broke(count) {
			return 0, err
		}
		c.count(func(s *target.Stats) { s.Retries++ })
	}
}

// heavy tells that a refusal may be about the size of the page: a 429 that
// slowing down did not cure, or an answer larger than the service sends.
func heavy(err error) bool {
	var f *target.Failure
	return errors.As(err, &f) && (f.Status == http.StatusTooManyRequests || f.Code == "response.entity.too.large")
}

// A page is the body of a ListResponse, and where in it the rows stand.
type page struct {
	body  []byte
	rows  [][2]int
	total int
}

func (p *page) visit(visit func([]byte) (bool, error)) (fresh int, err error) {
	for _, at := range p.rows {
		ok, err := visit(p.body[at[0]:at[1]])
		if err != nil {
			return fresh, err
		}
		if ok {
			fresh++
		}
	}
	return fresh, nil
}

// split finds the rows without decoding them. Names are matched in any case.
func (p *page) split(body []byte) error {
	p.body, p.rows, p.total = body, p.rows[:0], 0
	s := scanner{text: body}
	found := s.object(0, func(name []byte, from, to int) {
		switch {
		case bytes.EqualFold(name, []byte("Resources")):
			p.rows = s.elements(p.rows, from, to)
		case bytes.EqualFold(name, []byte("totalResults")):
			n, err := strconv.ParseFloat(string(body[from:to]), 64)
			if err == nil {
				p.total = int(n)
			}
		}
	})
	if found != len(body) {
		return fmt.Errorf("the answer is not a list: %w", fault.Unavailable)
	}
	return nil
}

// A Size is how many rows a page of one kind of list may have. It halves when a
// page was too heavy, and after some pages that were not, tries twice as many
// again; each try that fails makes the next one rarer. It is safe for
// concurrent use.
type Size struct {
	most int

	mu       sync.Mutex
	count    int
	failed   int // the least size that was too heavy; 0: none
	good     int // pages since the size changed
	patience int // pages before a size that failed is tried again
}

// firstPatience is how many good pages it takes to try a size that failed.
const firstPatience = 16

// NewSize begins at count, and goes up to most. A count below most was learned
// earlier: more is taken to have failed.
func NewSize(count, most int) *Size {
	s := &Size{most: max(most, 1), patience: firstPatience}
	s.count = min(max(count, 1), s.most)
	if s.count < s.most {
		s.failed = s.count + 1
	}
	return s
}

// Count is the size to ask for.
func (s *Size) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// bore tells that a page of this size arrived.
func (s *Size) bore(count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if count != s.count || s.count == s.most {
		return
	}
	s.good++
	next := min(2*s.count, s.most)
	if s.failed == 0 || next < s.failed || s.good >= s.patience {
		s.count, s.good = next, 0
	}
}

// broke tells that a page of this size was too heavy; false where it cannot be smaller.
func (s *Size) broke(count int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if count > s.count {
		return true // another reader has shrunk it meanwhile
	}
	if s.failed != 0 && count >= s.failed {
		s.patience *= 2
	}
	s.failed, s.good = count, 0
	if count == 1 {
		return false
	}
	s.count = count / 2
	return true
}
