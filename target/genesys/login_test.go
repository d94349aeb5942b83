package genesys_test

import (
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

// tripFunc is a transport; it sees every request before the simulator does.
type tripFunc func(*http.Request) (*http.Response, error)

func (f tripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var few = genesyssim.Config{Seed: 7, Users: genesyssim.Users{Count: 20}, Groups: []genesyssim.Group{}}

func with(c genesyssim.Config, switches ...string) genesyssim.Config {
	c.Switches = genesyssim.Switches{}
	for i := 0; i+1 < len(switches); i += 2 {
		c.Switches[switches[i]] = switches[i+1]
	}
	return c
}

func (w *world) logins() int {
	n := 0
	for _, r := range w.requests() {
		if strings.HasPrefix(r.Path, "/oauth/token") {
			n++
		}
	}
	return n
}

func look(t *testing.T, c *genesys.Client) error {
	t.Helper()
	_, _, err := c.Organization(t.Context())
	return err
}

func TestTheTokenIsCachedAndSharedByAllWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, few)
		slow := w.connect(func(o *genesys.Options) {
			o.Transport = tripFunc(func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Second) // so that all workers wait for one login
				return w.sim.Transport().RoundTrip(r)
			})
		})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 3 {
					if err := look(t, slow); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := w.logins(); n != 1 {
			t.Errorf("%d logins, want 1", n)
		}
	})
}

func TestTheTokenIsRenewed60SecondsBeforeItEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		switches []string
		renewed  time.Duration
	}{
		"by expires_in":                         {[]string{"token_seconds", "600"}, 9 * time.Minute},
		"by the exp claim of a JWT, if equal":   {[]string{"token_seconds", "600", "tokens", "jwt"}, 9 * time.Minute},
		"by expires_in where it is a short one": {[]string{"token_seconds", "300"}, 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, with(few, tt.switches...))
				for _, step := range []struct {
					wait   time.Duration
					logins int
				}{{0, 1}, {tt.renewed - time.Second, 0}, {time.Second, 1}} {
					time.Sleep(step.wait)
					if err := look(t, w.client); err != nil {
						t.Fatal(err)
					}
					if n := w.logins(); n != step.logins {
						t.Errorf("after another %v: %d logins, want %d", step.wait, n, step.logins)
					}
				}
			})
		})
	}
}

// loginWith answers logins by hand, and leaves the rest to the simulator,
// whose tokens are used.
func loginWith(w *world, body func(token string) string) http.RoundTripper {
	return tripFunc(func(r *http.Request) (*http.Response, error) {
		resp, err := w.sim.Transport().RoundTrip(r)
		if err != nil || r.URL.Path != "/oauth/token" {
			return resp, err
		}
		return reply(resp, body), nil
	})
}

func TestTheEarlierOfExpiresInAndExpCounts(t *testing.T) {
	t.Parallel()
	jwt := func(exp time.Time) string {
		part := base64.RawURLEncoding.EncodeToString
		return part([]byte(`{"alg":"none"}`)) + "." + part([]byte(`{"exp":`+itoa(exp.Unix())+`}`)) + ".x"
	}
	for name, tt := range map[string]struct {
		expiresIn int
		exp       time.Duration
		renewed   time.Duration
	}{
		"exp is earlier":                 {3600, 10 * time.Minute, 9 * time.Minute},
		"expires_in is earlier":          {600, time.Hour, 9 * time.Minute},
		"exp was before we asked":        {600, -time.Hour, 9 * time.Minute},
		"a token of one minute has half": {60, time.Hour, 30 * time.Second},
		"only exp is there":              {0, 10 * time.Minute, 9 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				logins := 0
				c, err := genesys.New(genesys.Options{
					Region: "mypurecloud.com", ClientID: "a", ClientSecret: "b", Now: time.Now,
					Transport: tripFunc(func(r *http.Request) (*http.Response, error) {
						if r.URL.Path != "/oauth/token" {
							return text(200, `{"organization":{"id":"o"}}`), nil
						}
						logins++
						return text(200, `{"access_token":"`+jwt(time.Now().Add(tt.exp))+`","expires_in":`+itoa(int64(tt.expiresIn))+`}`), nil
					}),
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, step := range []struct {
					wait   time.Duration
					logins int
				}{{0, 1}, {tt.renewed - time.Second, 1}, {time.Second, 2}} {
					time.Sleep(step.wait)
					if err := look(t, c); err != nil || logins != step.logins {
						t.Errorf("after another %v: %d logins, %v; want %d", step.wait, logins, err, step.logins)
					}
				}
			})
		})
	}
}

func TestATokenThatTheAPIRefusesIsReplacedOnce(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"credentials.expired", "bad.credentials"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, with(few, "expired_code", code, "idle_expiry", "15m"))
			if err := look(t, w.client); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Minute)
			if err := look(t, w.client); err != nil {
				t.Errorf("after an idle time: %v", err)
			}
			if n := w.logins(); n != 2 {
				t.Errorf("%d logins, want 2", n)
			}
		})
	}
}

func TestManyWorkersReplaceARefusedTokenOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, with(few, "idle_expiry", "15m"))
		if err := look(t, w.client); err != nil {
			t.Fatal(err)
		}
		w.logins()
		time.Sleep(20 * time.Minute)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := look(t, w.client); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := w.logins(); n != 1 {
			t.Errorf("%d logins, want 1", n)
		}
	})
}

func TestCredentialsGoByBasicOrInTheBody(t *testing.T) {
	t.Parallel()
	for name, inBody := range map[string]bool{"Basic": false, "body": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, few)
			basic, form := false, url.Values{}
			c := w.connect(func(o *genesys.Options) {
				o.BodyAuth = inBody
				o.Transport = tripFunc(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path == "/oauth/token" {
						_, _, basic = r.BasicAuth()
						form = formOf(t, r)
						if r.URL.Host != "login.mypurecloud.de" {
							t.Errorf("login at %s", r.URL.Host)
						}
					}
					return w.sim.Transport().RoundTrip(r)
				})
			})
			if err := look(t, c); err != nil {
				t.Fatal(err)
			}
			if basic == inBody || form.Has("client_secret") != inBody || form.Get("grant_type") != "client_credentials" {
				t.Errorf("Basic: %v, form: %v", basic, form)
			}
		})
	}
}

func TestScopesAreSentAndCheckedWhereTheAnswerNamesAny(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		scopes  []string
		granted string // "": the answer names none
		lacking string
	}{
		"none are configured":        {nil, "scim:readonly", ""},
		"all are granted":            {[]string{"scim"}, "users scim", ""},
		"the answer names none":      {[]string{"scim"}, "", ""},
		"one of them is not granted": {[]string{"scim", "users"}, "scim", "users"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, few)
			sent := ""
			c := w.connect(func(o *genesys.Options) {
				o.Scopes = tt.scopes
				answer := loginWith(w, func(token string) string {
					return `{"access_token":"` + token + `","expires_in":600,"scope":"` + tt.granted + `"}`
				})
				o.Transport = tripFunc(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path == "/oauth/token" {
						sent = formOf(t, r).Get("scope")
					}
					return answer.RoundTrip(r)
				})
			})
			err := look(t, c)
			if sent != strings.Join(tt.scopes, " ") {
				t.Errorf("scope %q was sent, want %v", sent, tt.scopes)
			}
			if tt.lacking == "" && err != nil || tt.lacking != "" && (fault.Of(err) != fault.Denied || !strings.Contains(err.Error(), "scope "+tt.lacking)) {
				t.Errorf("look: %v; want the lacking scope %q named", err, tt.lacking)
			}
		})
	}
}

func TestWrongIDWrongSecretRevokedClientAndWrongRegionAreTold(t *testing.T) { //nolint:tparallel // the texts are compared with each other
	t.Parallel()
	disabled := few
	disabled.Clients = []genesyssim.Client{{ID: "demo", Secret: "demo-secret", Disabled: true, Permissions: []string{"*"}}}
	texts := map[string]string{}
	for name, tt := range map[string]struct {
		config     genesyssim.Config
		change     func(*genesys.Options)
		says, hint string
		kind       fault.Kind
	}{
		"wrong id":     {few, func(o *genesys.Options) { o.ClientID = "nobody" }, "the client id is not known there", "another region", fault.Denied},
		"wrong secret": {few, func(o *genesys.Options) { o.ClientSecret = "canary" }, "the client secret is wrong", "client_secret", fault.Denied},
		"revoked":      {disabled, func(*genesys.Options) {}, "disabled or revoked", "active", fault.Denied},
		"wrong region": {few, func(o *genesys.Options) {
			o.Transport = tripFunc(func(r *http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
			})
		}, "there is no such host", "region", fault.Unavailable},
		"hosts of two regions": {few, func(o *genesys.Options) {
			o.Region, o.API, o.Login = "", "https://api.mypurecloud.de", "https://login.mypurecloud.ie"
			o.Transport = tripFunc(func(r *http.Request) (*http.Response, error) {
				if r.URL.Host == "api.mypurecloud.de" {
					return text(401, `{"code":"bad.credentials","message":"Invalid login credentials.","status":401}`), nil
				}
				return text(200, `{"access_token":"a-token-of-ireland","expires_in":600}`), nil
			})
		}, "bad.credentials", "different regions", fault.Denied},
		"no route": {few, func(o *genesys.Options) {
			o.Transport = tripFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
		}, "connection refused", "firewall", fault.Unavailable},
		"another service": {few, func(o *genesys.Options) {
			o.Transport = tripFunc(func(*http.Request) (*http.Response, error) { return text(200, `{"hello":"world"}`), nil })
		}, "without an access token", "not the login", fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.config)
				err := look(t, w.connect(tt.change))
				if fault.Of(err) != tt.kind || !strings.Contains(err.Error(), tt.says) || !strings.Contains(fault.Hint(err), tt.hint) {
					t.Fatalf("look: %v (%v), hint %q; want %q, %q", err, fault.Of(err), fault.Hint(err), tt.says, tt.hint)
				}
				if strings.Contains(err.Error()+fault.Hint(err), "canary") || strings.Contains(err.Error(), "a-token") {
					t.Errorf("the error shows a secret: %v", err)
				}
				texts[fault.Hint(err)] = name
			})
		})
	}
	if len(texts) != 7 {
		t.Errorf("%d different hints of 7: %v", len(texts), texts)
	}
}

func TestAClientThatIsDisabledMeanwhileIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, few)
	if err := look(t, w.client); err != nil {
		t.Fatal(err)
	}
	w.control(http.MethodPost, "/clients", map[string]any{"id": "demo", "disabled": true}, nil)
	if err := look(t, w.client); fault.Of(err) != fault.Denied || !strings.Contains(err.Error(), "disabled") {
		t.Errorf("look: %v, want Denied, disabled", err)
	}
}

func TestAnAddressThatIsNotLetInIsFinal(t *testing.T) {
	t.Parallel()
	calls := 0
	w := newWorld(t, few)
	c := w.connect(func(o *genesys.Options) {
		o.Transport = tripFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/oauth/token" {
				return w.sim.Transport().RoundTrip(r)
			}
			calls++
			return text(401, `{"code":"ip.not.authorized","status":401,"message":"x"}`), nil
		})
	})
	if err := look(t, c); fault.Of(err) != fault.Denied || calls != 1 || !strings.Contains(fault.Hint(err), "addresses") {
		t.Errorf("look: %v (hint %q) after %d calls; want Denied after one", err, fault.Hint(err), calls)
	}
}

func TestALoginInTroubleIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := few
		c.Faults = []genesyssim.Fault{{Match: "POST /oauth/token", Do: "503", Count: 2}}
		w := newWorld(t, c)
		if err := look(t, w.client); err != nil || w.logins() != 3 {
			t.Errorf("look: %v, want success at the third login", err)
		}
	})
}

func TestRefusedPermissionsNameAttributeAndRemedy(t *testing.T) {
	t.Parallel()
	c := few
	c.Clients = []genesyssim.Client{{ID: "demo", Secret: "demo-secret", Permissions: []string{"directory:user:edit"}}}
	w := newWorld(t, c)
	var ref scim.Ref
	for _, u := range w.users() {
		if u["state"] == "active" {
			ref = scim.Ref{Type: scim.User, ID: u["id"].(string)}
		}
	}
	role := scim.Op{Verb: scim.Add, Path: "roles", Value: `{"value":"admin"}`}
	_, err := w.client.Send(t.Context(), target.Request{Act: target.Patch, To: ref, Ops: []scim.Op{role}}, scim.NewShape("roles"))
	var f *target.Failure
	if !errors.As(err, &f) || f.Kind != fault.Denied || len(f.Permissions) == 0 || len(f.Paths) == 0 || f.Paths[0] != "roles" {
		t.Fatalf("Send: %+v, %v; want Denied about roles", f, err)
	}
	if f.Code == "missing.any.permissions" {
		t.Errorf("the refusal is of the door: %+v", f)
	}
	for _, want := range []string{"authorization:grant:add", "SCIM Integration", f.Correlation} {
		if !strings.Contains(fault.Hint(err), want) {
			t.Errorf("hint %q lacks %s", fault.Hint(err), want)
		}
	}
}

func TestARefusalAtTheDoorIsAboutTheRequestAsAWhole(t *testing.T) {
	t.Parallel()
	c := few
	c.Clients = []genesyssim.Client{{ID: "demo", Secret: "demo-secret", Permissions: []string{"directory:user:delete"}}}
	w := newWorld(t, c)
	_, err := w.client.Send(t.Context(), target.Request{
		Act: target.Patch, To: scim.Ref{Type: scim.User, ID: w.users()[0]["id"].(string)},
		Ops: []scim.Op{{Verb: scim.Replace, Path: "title", Value: `"x"`}},
	}, scim.NewShape("title"))
	var f *target.Failure
	if !errors.As(err, &f) || f.Kind != fault.Denied || len(f.Permissions) < 2 || len(f.Paths) > 0 {
		t.Errorf("Send: %+v, %v; want Denied, several permissions, no attribute in particular", f, err)
	}
	if !strings.Contains(fault.Hint(err), "any of which") {
		t.Errorf("hint %q", fault.Hint(err))
	}
}

func TestAFirewallIsNotTakenForTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, few)
	c := w.connect(func(o *genesys.Options) {
		o.Transport = tripFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/oauth/token" {
				return w.sim.Transport().RoundTrip(r)
			}
			resp := text(403, "<html>Blocked by policy</html>")
			resp.Header.Set("Content-Type", "text/html; charset=utf-8")
			return resp, nil
		})
	})
	if err := look(t, c); fault.Of(err) != fault.Denied || !strings.Contains(fault.Hint(err), "firewall") || !strings.Contains(err.Error(), "text/html") {
		t.Errorf("look: %v, hint %q; want Denied by a firewall", err, fault.Hint(err))
	}
}
