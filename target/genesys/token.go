package genesys

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/fault"
	"rollcall/scim/scimclient"
	"rollcall/target"
)

// margin is how long before its end a token is renewed; of one that lives less
// than twice as long, half of its life.
const margin = time.Minute

// unsaid is how long a token lives whose answer does not say (dossier §2.2).
const unsaid = 24 * time.Hour

// A tokens keeps the access token that all workers share, and fetches it once
// for however many of them wait.
type tokens struct {
	login    *scimclient.Client
	loginURL string
	o        Options

	mu     sync.Mutex
	now    token
	flight *flight // the fetch that runs; nil: none
}

type token struct {
	text  string
	renew time.Time
}

type flight struct {
	done chan struct{} // closed when token and err are there
	got  token
	err  error
}

// token is the current token. One that the API has refused is replaced, unless
// somebody else has replaced it already.
func (t *tokens) token(ctx context.Context, refused string) (string, error) {
	for {
		f, mine := t.join(refused)
		if f == nil {
			return t.current(), nil
		}
		if mine {
			f.got, f.err = t.fetch(ctx)
			t.land(f)
			return f.got.text, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return "", canceled(ctx.Err())
		}
		if f.err == nil || !errors.Is(f.err, fault.Interrupted) {
			return f.got.text, f.err
		}
	}
}

func canceled(err error) error {
	return &target.Failure{Kind: fault.Interrupted, Cause: err}
}

func (t *tokens) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now.text
}

// join answers the fetch that runs, or a new one that is the caller's to make,
// or nil where the token at hand is good.
func (t *tokens) join(refused string) (f *flight, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if refused != "" && t.now.text == refused {
		t.now = token{}
	}
	switch {
	case t.now.text != "" && t.o.Now().Before(t.now.renew):
		return nil, false
	case t.flight != nil:
		return t.flight, false
	}
	t.flight = &flight{done: make(chan struct{})}
	return t.flight, true
}

func (t *tokens) land(f *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.err == nil {
		t.now = f.got
	}
	t.flight = nil
	close(f.done)
}

// request is the one for a token (RFC 6749 §4.4).
func (t *tokens) request() scimclient.Call {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(t.o.Scopes) > 0 {
		form.Set("scope", strings.Join(t.o.Scopes, " "))
	}
	header := http.Header{}
	if t.o.BodyAuth {
		form.Set("client_id", t.o.ClientID)
		form.Set("client_secret", t.o.ClientSecret)
	} else {
		pair := t.o.ClientID + ":" + t.o.ClientSecret // not form-encoded: so do the official SDKs
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return scimclient.Call{
		Method: http.MethodPost, Path: "/oauth/token", Header: header, Safe: true,
		Body: []byte(form.Encode()), Type: "application/x-www-form-urlencoded",
	}
}

// fetch gets a token.
func (t *tokens) fetch(ctx context.Context) (token, error) {
	asked := t.o.Now()
	r, err := t.login.Do(ctx, t.request())
	if err != nil {
		return token{}, t.refused(r, err)
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
		Scope       string  `json:"scope"`
	}
	if json.Unmarshal(r.Body, &answer) != nil || answer.AccessToken == "" {
		f := &target.Failure{Kind: fault.Denied, Status: r.Status, Correlation: r.Correlation, Detail: "an answer without an access token"}
		return token{}, fault.WithHint(fmt.Errorf("log in at %s: %w", hostOf(t.loginURL), f),
			"what answered is probably not the login of Genesys Cloud: check region, or the URLs of API and login")
	}
	if err := t.checkScopes(answer.Scope); err != nil {
		return token{}, err
	}
	return token{text: answer.AccessToken, renew: renewAt(asked, answer.AccessToken, answer.ExpiresIn)}, nil
}

// renewAt is when to fetch the next token: before expires_in is over and, of a
// JWT, before exp, whichever is earlier. An exp that is over already is the
// word of a clock that disagrees with ours: it is not believed.
func renewAt(now time.Time, text string, expiresIn float64) time.Time {
	life := unsaid
	if expiresIn > 0 {
		life = time.Duration(expiresIn * float64(time.Second))
	}
	if exp, ok := expiry(text); ok && exp.After(now) {
		life = min(life, exp.Sub(now))
	}
	return now.Add(life - min(margin, life/2))
}

// expiry is the exp claim of a JWT (RFC 7519 §4.1.4). The signature is the API's to check.
func expiry(text string) (time.Time, bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Exp), 0), true
}

// checkScopes holds the scopes that the answer names, if it names any, against
// those configured: with client credentials Genesys Cloud names none (dossier §2.3).
func (t *tokens) checkScopes(named string) error {
	granted := strings.Fields(named)
	if len(granted) == 0 {
		return nil
	}
	var lacking []string
	for _, s := range t.o.Scopes {
		if !slices.Contains(granted, s) {
			lacking = append(lacking, s)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	f := &target.Failure{Kind: fault.Denied, Status: http.StatusOK, Detail: "the token lacks the scope " + strings.Join(lacking, ", ")}
	return fault.WithHint(fmt.Errorf("log in at %s: %w", hostOf(t.loginURL), f),
		"grant the OAuth client the scopes that the configuration lists, or take them out of scopes")
}

// refused says what a failed login means. There are four usual causes, and
// each has its own message: wrong id, wrong secret, a client that was disabled
// or deleted, the wrong region.
func (t *tokens) refused(r scimclient.Reply, err error) error {
	host := hostOf(t.loginURL)
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Older       string `json:"description"`
	}
	_ = json.Unmarshal(r.Body, &answer) // a body of another kind says nothing
	said := strings.ToLower(answer.Description + " " + answer.Older)
	var f *target.Failure
	if !errors.As(err, &f) || f.Kind == fault.Interrupted {
		return err
	}
	deny := func(detail, hint string) error {
		d := *f
		d.Kind, d.Detail, d.Code = fault.Denied, detail, answer.Error
		return fault.WithHint(fmt.Errorf("log in at %s: %w", host, &d), hint)
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fault.WithHint(fmt.Errorf("log in at %s: there is no such host: %w", host, err),
			"the region is probably wrong: use the domain that follows apps. in the address bar of Genesys Cloud; or this machine cannot resolve names")
	case r.Status == 0:
		return fault.WithHint(fmt.Errorf("log in at %s: %w", host, err),
			"the host of the login cannot be reached: check region or the URLs of API and login, a firewall, and the proxy")
	case strings.Contains(said, "disabled"), strings.Contains(said, "inactive"), strings.Contains(said, "revoked"), strings.Contains(said, "deleted"):
		return deny("the OAuth client was disabled or revoked", "in Genesys Cloud, Admin > Integrations > OAuth, set the client to active, or make a new one")
	case r.Status == http.StatusUnauthorized:
		return deny("the client secret is wrong", "check client_secret: no blanks, not expired, and of this client; a new secret is made in Genesys Cloud, Admin > Integrations > OAuth")
	case answer.Error == "invalid_client":
		return deny("the client id is not known there", "check client_id; if it is right, the organization lives in another region than "+host)
	case answer.Error == "invalid_scope":
		return deny("a scope of the configuration is not granted", "take it out of scopes, or grant it to the OAuth client")
	case answer.Error == "unauthorized_client", answer.Error == "unsupported_grant_type", r.Status == http.StatusForbidden:
		return deny("the client may not log in with client credentials", "the grant type of the OAuth client must be Client Credentials")
	}
	return fmt.Errorf("log in at %s: %w", host, err)
}
