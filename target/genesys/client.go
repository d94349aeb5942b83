package genesys

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/fault"
	"rollcall/scim/scimclient"
	"rollcall/target"
)

// Options say which organization to speak to, as whom, and how fast. Either
// Region or API, ClientID, ClientSecret and Now are required; the zero value of
// the rest is the default.
type Options struct {
	Region string // domain or AWS name, see Regions
	API    string // URL in place of the region's
	Login  string // URL of the login; "": derived, see Endpoints

	ClientID     string
	ClientSecret string
	BodyAuth     bool     // credentials in the form instead of HTTP Basic
	Scopes       []string // sent in the token request and checked in the answer

	Budget      float64            // share of the granted requests to use; 0: 0.7
	Concurrency int                // requests at once; 0: 10
	Backoff     scimclient.Backoff // between repetitions
	MaxWait     time.Duration      // longest wait the service may ask for; 0: 3 min
	Timeout     time.Duration      // of one request; 0: 1 min
	PageSizes   map[string]int     // as PageSizes answered earlier

	Transport http.RoundTripper // nil: one of its own
	Now       func() time.Time
	Rand      func() float64 // jitter in [0, 1); nil: random
	Log       *slog.Logger   // debug lines without bodies, secrets and values; nil: none
}

// DefaultBudget is the share of the granted requests that is used where none is configured.
const DefaultBudget = 0.7

// A Client is a connection to one organization: a target.Reader, target.Writer
// and target.Cataloger. It is safe for concurrent use.
type Client struct {
	o        Options
	apiURL   string
	loginURL string
	api      *scimclient.Client
	tokens   *tokens
	sizes    map[string]*scimclient.Size // by kind of list; the map does not change

	mu       sync.Mutex
	catalogs map[target.Catalog]map[string]string
	holders  holders
	whole    atomic.Bool // the service makes no element for a value: whole ones are sent
}

// The kinds of lists, by what bounds their pages.
const (
	light   = "users"
	heavy   = "users with secondary attributes"
	grouped = "groups"
)

// mostRows bounds pages by kind: beyond 25 rows the service may refuse a page
// with secondary attributes; without them it sets the bound (dossier §8.1).
var mostRows = map[string]int{light: 500, heavy: 25, grouped: 100}

// New is a client that has not connected yet. Kind of errors: Invalid.
func New(o Options) (*Client, error) {
	api, login, err := Endpoints(o.Region, o.API, o.Login)
	if err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	wire := o.wire()
	c := &Client{o: o, apiURL: api, loginURL: login, sizes: o.sizes(), catalogs: map[target.Catalog]map[string]string{}}
	c.tokens = &tokens{login: scimclient.New(login, wire), loginURL: login, o: o}
	wire.Limiter, wire.Token = o.limiter(), c.tokens.token
	wire.Final = func(code string) bool { return code == addressRefused }
	c.api = scimclient.New(api+"/api/v2", wire)
	return c, nil
}

// addressRefused is the code of the 401 that no other token cures (dossier §2.6).
const addressRefused = "ip.not.authorized"

func (o Options) check() error {
	switch {
	case strings.TrimSpace(o.ClientID) == "":
		return missing("client id")
	case strings.TrimSpace(o.ClientSecret) == "":
		return missing("client secret")
	case o.Now == nil:
		return fmt.Errorf("genesys: no clock: %w", fault.Internal)
	}
	return nil
}

func missing(what string) error {
	return fault.WithHint(fmt.Errorf("%s: none given: %w", what, fault.Invalid),
		"in Genesys Cloud, Admin > Integrations > OAuth, make a client of grant type Client Credentials with the role SCIM Integration")
}

func (o Options) wire() scimclient.Options {
	return scimclient.Options{
		Transport: o.Transport, Backoff: o.Backoff, MaxWait: o.MaxWait, Timeout: o.Timeout,
		Now: o.Now, Rand: o.Rand, Log: o.Log, Correlation: "ININ-Correlation-Id",
	}
}

func (o Options) limiter() *scimclient.Limiter {
	return scimclient.NewLimiter(scimclient.LimiterOptions{
		Budget: o.Budget, Concurrency: o.Concurrency, Now: o.Now,
		Headers: scimclient.RateHeaders{Used: "inin-ratelimit-count", Granted: "inin-ratelimit-allowed", Reset: "inin-ratelimit-reset"},
	})
}

func (o Options) sizes() map[string]*scimclient.Size {
	out := make(map[string]*scimclient.Size, len(mostRows))
	for kind, most := range mostRows {
		out[kind] = scimclient.NewSize(cmp.Or(o.PageSizes[kind], most), most)
	}
	return out
}

func (o Options) withDefaults() Options {
	if o.Budget <= 0 || o.Budget > 1 {
		o.Budget = DefaultBudget
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 10
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Transport == nil {
		const idle = 90 * time.Second
		o.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			MaxIdleConns: 2 * o.Concurrency, MaxIdleConnsPerHost: o.Concurrency, IdleConnTimeout: idle,
			TLSHandshakeTimeout: 10 * time.Second, ExpectContinueTimeout: time.Second,
		}
	}
	o.Scopes = slices.Clone(o.Scopes)
	return o
}

// Name is the API host and the OAuth client: who this connection is to whom.
func (c *Client) Name() string { return hostOf(c.apiURL) + " " + c.o.ClientID }

// Dialect is [Dialect].
func (c *Client) Dialect() target.Dialect { return Dialect() }

// Stats are what the connection has done so far, logins excepted.
func (c *Client) Stats() target.Stats { return c.api.Stats() }

// PageSizes are how many rows the service bears in a page, by kind of list:
// what a later client of the same organization may begin with.
func (c *Client) PageSizes() map[string]int {
	out := make(map[string]int, len(c.sizes))
	for kind, s := range c.sizes {
		out[kind] = s.Count()
	}
	return out
}

// Close gives up the connections that no request uses.
func (c *Client) Close() error {
	if t, ok := c.o.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// do sends a call to the API, and says of a refusal what only this service's
// client can know.
func (c *Client) do(ctx context.Context, call scimclient.Call) (scimclient.Reply, error) {
	r, err := c.api.Do(ctx, call)
	return r, c.explain(err)
}
