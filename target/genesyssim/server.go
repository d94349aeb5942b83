package genesyssim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/fault"
)

// Options are what a server takes from its surroundings; the zero value works
// but for Now.
type Options struct {
	Now func() time.Time // required: the clock that POST /_sim/clock moves
	Log *slog.Logger     // nil: silent
}

// A Server is a simulated organization. It is safe for concurrent use and
// starts no goroutine but in [Server.Run].
type Server struct {
	config Config
	now    func() time.Time
	log    *slog.Logger
	routes routes

	mu sync.Mutex

	// what mu guards: the lock is held while a request is answered in memory,
	// never while it is read or written
	world
}

// New builds the organization. Errors are Invalid: a switch, a fault, a seeded
// user or a group that cannot be.
func New(c Config, o Options) (*Server, error) {
	if o.Now == nil {
		return nil, fmt.Errorf("simulator: no clock: %w", fault.Internal)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c.withDefaults(), now: o.Now, log: o.Log, routes: newRoutes()}
	if err := s.reset(); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	return s, nil
}

// world is everything that a request may change.
type world struct {
	org     *org
	knobs   *knobs
	set     Switches // as knobs, in words
	clients map[string]*client
	tokens  map[string]*token
	faults  []*armed
	journal *journal
	started time.Time     // by the organization's clock
	offset  time.Duration // of the clock
	chance  *rand.Rand    // of faults, tokens and correlation ids
}

// Clients are the OAuth clients, as configured or by default.
func (s *Server) Clients() []Client { return slices.Clone(s.config.Clients) }

// Handler serves the API, /_sim, and, unless LoginListen is configured, /oauth/token.
func (s *Server) Handler() http.Handler { return s.handler(true, s.config.LoginListen == "") }

// LoginHandler serves /oauth/token alone.
func (s *Server) LoginHandler() http.Handler { return s.handler(false, true) }

// Run serves on the configured addresses until ctx is done, then lets requests
// in flight finish for a while. announce is called once both listen, with their
// base URLs, which are equal where there is one listener. Kind: Unavailable
// where an address cannot be had.
func (s *Server) Run(ctx context.Context, announce func(api, login string)) error {
	api, err := listen(ctx, s.config.Listen)
	if err != nil {
		return err
	}
	servers := []listening{{api, s.server(s.Handler())}}
	login := api
	if s.config.LoginListen != "" {
		if login, err = listen(ctx, s.config.LoginListen); err != nil {
			return errors.Join(err, api.Close())
		}
		servers = append(servers, listening{login, s.server(s.LoginHandler())})
	}
	announce(baseURL(api), baseURL(login))
	return serve(ctx, servers)
}

type listening struct {
	listener net.Listener
	server   *http.Server
}

func (s *Server) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w: %w", fault.Unavailable, err)
	}
	return l, nil
}

func baseURL(l net.Listener) string { return "http://" + l.Addr().String() }

// grace is how long requests in flight may take when the server ends.
const grace = 5 * time.Second

// serve runs the servers until ctx is done or one of them fails.
func serve(ctx context.Context, servers []listening) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, l := range servers {
		wg.Go(func() {
			defer cancel()
			if err := l.server.Serve(l.listener); !errors.Is(err, http.ErrServerClosed) {
				errs[i] = fmt.Errorf("serve: %w: %w", fault.Unavailable, err)
			}
		})
	}
	<-ctx.Done()
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer done()
	var closing []error
	for _, l := range servers {
		if err := l.server.Shutdown(stop); err != nil {
			closing = append(closing, l.server.Close())
		}
	}
	wg.Wait()
	return errors.Join(append(closing, errs...)...)
}

// reset puts the organization as it was configured. The caller holds mu, or is New.
func (s *Server) reset() error {
	set := s.config.Switches.all()
	k, err := set.compile()
	if err != nil {
		return err
	}
	w := world{
		knobs: k, set: set, tokens: map[string]*token{}, journal: newJournal(), started: s.now().UTC(),
		chance: rand.New(rand.NewPCG(uint64(s.config.Seed), 2)), //nolint:gosec // tokens that follow from a seed are the purpose
	}
	if w.faults, err = arm(s.config.Faults); err != nil {
		return err
	}
	if w.org, err = populate(s.config, k, s.now()); err != nil {
		return err
	}
	w.clients = enroll(w.org, s.config.Clients)
	s.world = w
	return nil
}

// time is the organization's clock.
func (s *Server) time() time.Time { return s.now().Add(s.offset) }

// opaque is n random bytes.
func (s *Server) opaque(n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, s.chance.Uint64())
	}
	return b[:n]
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
