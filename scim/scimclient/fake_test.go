package scimclient_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"rollcall/scim/scimclient"
)

// serviceFunc is a service without sockets.
type serviceFunc func(*http.Request) (*http.Response, error)

func (f serviceFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string, headers ...string) (*http.Response, error) {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body))}, nil
}

// script answers one request after the other; the last answer stays.
func script(steps ...serviceFunc) (serviceFunc, *int) {
	n := 0
	return func(r *http.Request) (*http.Response, error) {
		step := steps[min(n, len(steps)-1)]
		n++
		return step(r)
	}, &n
}

func always(status int, body string, headers ...string) serviceFunc {
	return func(*http.Request) (*http.Response, error) { return answer(status, body, headers...) }
}

func newClient(s http.RoundTripper, change ...func(*scimclient.Options)) *scimclient.Client {
	o := scimclient.Options{Transport: s, Now: time.Now, Correlation: "X-Correlation"}
	for _, f := range change {
		f(&o)
	}
	return scimclient.New("https://api.example.com/api/v2", o)
}

// A metered service grants a number of requests a minute, and tells in its
// headers how many it has counted, as Genesys Cloud does.
type metered struct {
	granted int
	took    time.Duration
	silent  bool // without headers

	mu      sync.Mutex
	begun   time.Time
	count   int
	refused int
	served  []time.Time
}

func (m *metered) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(m.took / 2)
	status, h := m.take(true)
	time.Sleep(m.took - m.took/2)
	resp, err := answer(status, `{"limit":{"key":"rate"}}`)
	resp.Header = h
	return resp, err
}

// take counts a request of ours, or of somebody else.
func (m *metered) take(ours bool) (int, http.Header) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Sub(m.begun) >= time.Minute {
		m.begun, m.count = now, 0
	}
	m.count++
	left := int((m.begun.Add(time.Minute).Sub(now) + time.Second - 1) / time.Second)
	h := http.Header{}
	if !m.silent {
		h.Set("Used", strconv.Itoa(m.count))
		h.Set("Granted", strconv.Itoa(m.granted))
		h.Set("Reset", strconv.Itoa(left))
	}
	if m.count > m.granted {
		h.Set("Retry-After", strconv.Itoa(left))
		if ours {
			m.refused++
		}
		return http.StatusTooManyRequests, h
	}
	if ours {
		m.served = append(m.served, now)
	}
	return http.StatusOK, h
}

func meteredClient(m *metered, budget float64, change ...func(*scimclient.Options)) *scimclient.Client {
	return newClient(m, append([]func(*scimclient.Options){func(o *scimclient.Options) {
		o.Limiter = scimclient.NewLimiter(scimclient.LimiterOptions{
			Budget: budget, Concurrency: 10, Now: time.Now,
			Headers: scimclient.RateHeaders{Used: "Used", Granted: "Granted", Reset: "Reset"},
		})
	}}, change...)...)
}
