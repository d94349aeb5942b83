package genesys_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/scim"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
	"rollcall/target/targettest"
)

const host = "https://api.mypurecloud.de"

// A world is a simulated organization without sockets and a client of it.
type world struct {
	*testing.T

	sim    *genesyssim.Server
	client *genesys.Client
	since  int
}

// newWorld is an organization and its first client, with the options changed.
func newWorld(t *testing.T, c genesyssim.Config, change ...func(*genesys.Options)) *world {
	t.Helper()
	sim, err := genesyssim.New(c, genesyssim.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, sim: sim}
	w.client = w.connect(change...)
	return w
}

func (w *world) connect(change ...func(*genesys.Options)) *genesys.Client {
	w.Helper()
	first := w.sim.Clients()[0]
	o := genesys.Options{
		Region: "eu-central-1", ClientID: first.ID, ClientSecret: first.Secret, Budget: 1,
		Transport: w.sim.Transport(), Now: time.Now, Rand: func() float64 { return 0.5 },
	}
	for _, f := range change {
		f(&o)
	}
	client, err := genesys.New(o)
	if err != nil {
		w.Fatal(err)
	}
	return client
}

// control speaks to the simulator's control endpoints.
func (w *world) control(method, path string, body, into any) {
	w.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.Fatal(err)
	}
	req, err := http.NewRequest(method, host+"/_sim"+path, bytes.NewReader(text))
	if err != nil {
		w.Fatal(err)
	}
	resp, err := w.sim.Transport().RoundTrip(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= http.StatusBadRequest {
		w.Fatalf("%s /_sim%s: %s: %s %v", method, path, resp.Status, got, err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(got, into); err != nil {
		w.Fatal(err)
	}
}

func (w *world) users() []map[string]any {
	w.Helper()
	var got struct{ Users []map[string]any }
	w.control(http.MethodGet, "/users", nil, &got)
	return got.Users
}

func (w *world) edit(user string, ops ...scim.Op) {
	w.Helper()
	w.control(http.MethodPost, "/edit", map[string]any{"user": user, "operations": ops}, nil)
}

func (w *world) turn(name, value string) {
	w.Helper()
	w.control(http.MethodPut, "/switches", map[string]string{name: value}, nil)
}

type request struct {
	Method, Path, Token, IfMatch, Body string
	Status                             int
	Seq                                int
	Time                               time.Time
}

// requests are those since the last call, logins included.
func (w *world) requests() []request {
	w.Helper()
	var got struct{ Requests []request }
	w.control(http.MethodGet, "/requests", nil, &got)
	out := slices.DeleteFunc(got.Requests, func(r request) bool { return r.Seq <= w.since })
	if n := len(out); n > 0 {
		w.since = out[n-1].Seq
	}
	return out
}

// calls are the requests since the last call, logins excepted.
func (w *world) calls() []request {
	return slices.DeleteFunc(w.requests(), func(r request) bool { return strings.HasPrefix(r.Path, "/oauth/token") })
}

func simConfig(s targettest.Setting) genesyssim.Config {
	c := genesyssim.Config{
		Seed: 7, Users: genesyssim.Users{Count: s.People, List: s.Users}, Switches: s.Behavior,
		Groups: []genesyssim.Group{}, Roles: []string{"employee", "Agent", "Sales Agent", "Supervisor"},
		Skills: []string{"Billing", "Spanish"}, Languages: []string{"English", "Deutsch"}, Divisions: []string{"Home", "EMEA"},
	}
	for name, member := range s.Groups {
		g := genesyssim.Group{Name: name}
		if member != "" {
			g.Members = []string{member}
		}
		c.Groups = append(c.Groups, g)
	}
	for _, f := range s.Faults {
		fault := genesyssim.Fault{Match: f.Match, Do: genesyssim.Deed(f.Do), Count: f.Count}
		if f.Probability > 0 {
			fault.Probability = &f.Probability
		}
		c.Faults = append(c.Faults, fault)
	}
	return c
}

// TestConformance is the suite of the seam.
func TestConformance(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T, s targettest.Setting) targettest.World {
		w := newWorld(t, simConfig(s), func(o *genesys.Options) {
			if s.Budget > 0 {
				o.Budget = s.Budget
			}
		})
		return targettest.World{
			Reader: w.client, Writer: w.client, Names: w.client, Dialect: w.client.Dialect(),
			Users: w.users, Edit: w.edit,
			Sent: func() []targettest.Sent {
				var out []targettest.Sent
				for _, r := range w.calls() {
					out = append(out, targettest.Sent{Method: r.Method, Path: r.Path, IfMatch: r.IfMatch, Body: r.Body, Status: r.Status})
				}
				return out
			},
		}
	})
}
