package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"rollcall/fault"
)

// An ordinary is the client that people write who want titles to follow an export: it
// lists everybody 100 a page, then gets and patches each user who differs,
// fifty at once. It is here to be compared with, and for nothing else.
type ordinary struct {
	*track

	token    string
	mu       sync.Mutex
	requests int
	err      error
}

const (
	ordinaryPage  = 100
	ordinaryBatch = 50
	floorPage     = 25
	floorLap      = "floor: read and decode the same bytes"
)

// ordinary is one lap of it.
func (t *track) ordinary(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		if !t.naive {
			return nil
		}
		return t.within(ctx, name, (*ordinary).sync)
	}
}

// within is a lap in this process: do answers how many people it changed.
func (t *track) within(ctx context.Context, name string, do func(*ordinary, context.Context) (int, error)) error {
	c := &ordinary{track: t}
	began, cpu := t.Clock()(), processor()
	changed, err := do(c, ctx)
	if err != nil {
		return err
	}
	t.take(Lap{
		People: t.people, Run: name, Changes: changed, Requests: c.requests,
		Seconds: elapsed(began, t.Clock()()), Processor: (processor() - cpu).Seconds(),
	})
	return nil
}

// sync brings titles in line and answers how many differed.
func (c *ordinary) sync(ctx context.Context) (changed int, err error) {
	titles, err := c.titles()
	if err == nil {
		err = c.login(ctx)
	}
	if err != nil {
		return 0, err
	}
	var updates []update
	err = c.list(ctx, url.Values{}, ordinaryPage, func(u resident) {
		if want, known := titles[u.ExternalID]; known && want != u.Title {
			updates = append(updates, update{u.ID, want})
		}
	})
	for batch := range slices.Chunk(updates, ordinaryBatch) {
		if err == nil {
			err = c.send(ctx, batch)
		}
	}
	return len(updates), err
}

// titles are those that the export wants of active people, by number.
func (c *ordinary) titles() (map[string]string, error) {
	titles := map[string]string{}
	err := c.rows(func(row []string) error {
		if row[columnActive] == "yes" {
			titles[row[0]] = row[columnTitle]
		}
		return nil
	})
	return titles, err
}

type update struct{ id, title string }

// send updates a batch at once.
func (c *ordinary) send(ctx context.Context, batch []update) error {
	var all sync.WaitGroup
	for _, u := range batch {
		all.Go(func() { c.fail(c.update(ctx, u.id, u.title)) })
	}
	all.Wait()
	return c.err
}

func (c *ordinary) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// update gets a user for its version, and patches it.
func (c *ordinary) update(ctx context.Context, id, title string) error {
	var u struct{ Meta struct{ Version string } }
	if err := c.call(ctx, http.MethodGet, "/users/"+id, "", nil, &u); err != nil {
		return err
	}
	body := map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []map[string]any{{"op": "replace", "path": "title", "value": title}},
	}
	return c.call(ctx, http.MethodPatch, "/users/"+id, u.Meta.Version, body, nil)
}

// list reads everybody whom the query selects, page by page.
func (c *ordinary) list(ctx context.Context, query url.Values, page int, use func(resident)) error {
	query.Set("count", strconv.Itoa(page))
	for start := 1; ; {
		query.Set("startIndex", strconv.Itoa(start))
		var l struct {
			TotalResults int
			Resources    []resident
		}
		if err := c.call(ctx, http.MethodGet, "/users?"+query.Encode(), "", nil, &l); err != nil {
			return err
		}
		for _, u := range l.Resources {
			use(u)
		}
		if start += len(l.Resources); len(l.Resources) == 0 || start > l.TotalResults {
			return nil
		}
	}
}

func (c *ordinary) login(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/oauth/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		return err
	}
	r.SetBasicAuth(c.client, c.secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var t struct {
		AccessToken string `json:"access_token"`
	}
	err = c.do(r, &t)
	c.token = t.AccessToken
	return err
}

func (c *ordinary) call(ctx context.Context, method, path, version string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+"/api/v2/scim/v2"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if version != "" {
		r.Header.Set("If-Match", strconv.Quote(strings.Trim(version, `"`)))
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	c.mu.Lock()
	c.requests++
	c.mu.Unlock()
	return c.do(r, into)
}

func (c *ordinary) do(r *http.Request, into any) error {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("bench: %w: %w", fault.Unavailable, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("bench: %s %s: status %d: %w", r.Method, r.URL.Path, answer.StatusCode, fault.Internal)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	return err
}

// floor is what nobody can be faster than: the export and every page, read and
// decoded, and nothing kept or compared.
func (t *track) floor(ctx context.Context) error { return t.within(ctx, floorLap, (*ordinary).readAll) }

func (c *ordinary) readAll(ctx context.Context) (changed int, err error) {
	err = c.rows(func([]string) error { return nil })
	if err == nil {
		err = c.login(ctx)
	}
	for _, query := range []url.Values{{}, {"filter": {"active eq false"}}} {
		if err == nil {
			err = c.list(ctx, query, floorPage, func(resident) {})
		}
	}
	return 0, err
}

// processor is what this process has used of all cores.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
