package genesyssim

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A logged is one request as GET /_sim/requests shows it (rule 38).
type logged struct {
	Seq           int       `json:"seq"`
	Time          time.Time `json:"time"`
	Method        string    `json:"method"`
	Path          string    `json:"path"` // relative to the SCIM base, or whole; with the query
	Client        string    `json:"client,omitempty"`
	Token         string    `json:"token,omitempty"` // a digest
	IfMatch       string    `json:"ifMatch,omitempty"`
	Body          string    `json:"body,omitempty"`
	Status        int       `json:"status"`
	Fault         Deed      `json:"fault,omitempty"` // that befell it; after lose-answer nobody saw the status
	CorrelationID string    `json:"correlationId"`
}

// journalLimit is how many bytes of requests are kept; older ones are dropped.
const journalLimit = 256 << 20

// A journal is the log of requests and their counts.
type journal struct {
	entries []logged
	seq     int
	size    int
	dropped int

	requests, throttled, tokens int
	by                          map[counted]int
	peak                        int
	second                      int64 // of the newest bucket
	buckets                     [60]int
	sum                         int
}

// counted is a line of the statistics.
type counted struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
}

func newJournal() *journal { return &journal{by: map[counted]int{}} }

func (j *journal) record(c *call, rep reply, correlation string) {
	j.seq++
	e := logged{
		Seq: j.seq, Time: c.now.UTC(), Method: c.method, Path: c.match.rel, IfMatch: c.header.Get("If-Match"),
		Body: string(c.body), Status: rep.status, CorrelationID: correlation,
	}
	if c.raw != "" {
		e.Path += "?" + c.raw
	}
	if c.client != nil {
		e.Client = c.client.ID
	}
	if c.token != nil {
		e.Token = c.token.name
	}
	if c.befell != nil {
		e.Fault = c.befell.Do
	}
	if c.match.template == "/oauth/token" {
		e.Body = withoutSecret(e.Body)
		j.tokens++
	} else {
		j.count(c, rep)
	}
	j.keep(e)
}

func (j *journal) keep(e logged) {
	const overhead = 300 // of an entry beside its texts
	cost := func(e logged) int { return overhead + len(e.Body) + len(e.Path) }
	j.entries = append(j.entries, e)
	j.size += cost(e)
	for j.size > journalLimit {
		j.size -= cost(j.entries[0])
		j.entries[0] = logged{}
		j.entries = j.entries[1:]
		j.dropped++
	}
}

func withoutSecret(form string) string {
	values, err := url.ParseQuery(form)
	if err != nil {
		return ""
	}
	values.Del("client_secret")
	return values.Encode()
}

func (j *journal) count(c *call, rep reply) {
	j.requests++
	if rep.status == http.StatusTooManyRequests {
		j.throttled++
	}
	path := c.match.template
	if !c.match.known {
		path = strings.ToLower(path)
	}
	j.by[counted{c.method, path, rep.status}]++
	j.tick(c.now.Unix())
}

// tick counts a request in its second and keeps the most of any sixty seconds.
func (j *journal) tick(now int64) {
	switch {
	case now >= j.second+int64(len(j.buckets)):
		j.buckets, j.sum, j.second = [60]int{}, 0, now
	case now > j.second:
		for ; j.second < now; j.second++ {
			next := (j.second + 1) % int64(len(j.buckets))
			j.sum -= j.buckets[next]
			j.buckets[next] = 0
		}
	}
	j.buckets[max(j.second, 0)%int64(len(j.buckets))]++
	j.sum++
	j.peak = max(j.peak, j.sum)
}

// stats are the counts of GET /_sim/stats.
func (j *journal) stats() map[string]any {
	type line struct {
		counted

		Count int `json:"count"`
	}
	lines := make([]line, 0, len(j.by))
	for _, k := range slices.SortedFunc(maps.Keys(j.by), func(a, b counted) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status))
	}) {
		lines = append(lines, line{k, j.by[k]})
	}
	return map[string]any{
		"requests": j.requests, "throttled": j.throttled, "peakPerMinute": j.peak, "tokens": j.tokens, "by": lines,
	}
}

// since are the entries after seq n.
func (j *journal) since(n int) []logged {
	first := j.seq - len(j.entries)
	return j.entries[min(max(n-first, 0), len(j.entries)):]
}

// requestLog is the answer of GET /_sim/requests.
type requestLog struct {
	Requests []logged `json:"requests"`
	Last     int      `json:"last"`              // what to ask since for the next time
	Dropped  int      `json:"dropped,omitempty"` // entries that were too old to keep
}

func (j *journal) log(since int) requestLog {
	return requestLog{Requests: append([]logged{}, j.since(since)...), Last: j.seq, Dropped: j.dropped}
}
