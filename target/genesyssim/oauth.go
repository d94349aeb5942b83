package genesyssim

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A client is an OAuth client with what it has used of its budget.
type client struct {
	Client

	guid   guid // of the subject in the authorization API
	role   uint16
	window window
}

// enroll makes the clients of the configuration, each with a role that holds
// its permissions.
func enroll(o *org, configured []Client) map[string]*client {
	out := map[string]*client{}
	for i, c := range configured {
		name := "rollcall client"
		if i > 0 {
			name = c.ID + " client"
		}
		out[c.ID] = &client{Client: c, guid: o.newID(), role: o.roles.add(name, o.newID)}
	}
	return out
}

// may tells whether the client has a permission. "*" stands for everything in its place.
func (c *client) may(permission string) bool {
	want := strings.Split(permission, ":")
	return slices.ContainsFunc(c.Permissions, func(have string) bool {
		if have == "*" {
			return true
		}
		parts := strings.Split(have, ":")
		if len(parts) != len(want) {
			return false
		}
		for i, p := range parts {
			if p != "*" && p != want[i] {
				return false
			}
		}
		return true
	})
}

// missing is the first of the permissions that the client lacks, or "".
func (c *client) missing(permissions ...string) string {
	for _, p := range permissions {
		if !c.may(p) {
			return p
		}
	}
	return ""
}

// A token is an access token that was issued.
type token struct {
	value   string
	name    string // digest, for the journal
	client  string
	expires time.Time
	used    time.Time
	window  window
}

// issue answers a token request (rules 2, 3).
func (s *Server) issue(c *call) reply {
	form, bad := tokenForm(c)
	if bad != "" {
		return oauthError(http.StatusBadRequest, "invalid_request", bad)
	}
	id, secret := credentials(c, form)
	who, known := s.clients[id]
	switch {
	case form.Get("grant_type") != "client_credentials":
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "grant type not supported")
	case !known:
		return oauthError(http.StatusBadRequest, "invalid_client", "client not found")
	case subtle.ConstantTimeCompare([]byte(secret), []byte(who.Secret)) == 0:
		c.client = who
		return oauthError(http.StatusUnauthorized, "invalid_client", "authentication failed")
	case who.Disabled:
		c.client = who
		return oauthError(http.StatusBadRequest, "invalid_client", "client is disabled")
	}
	c.client = who
	lifetime := time.Duration(s.knobs.tokenSeconds) * time.Second
	t := &token{client: id, expires: c.now.Add(lifetime), used: c.now}
	body := map[string]any{"token_type": "bearer", "expires_in": s.knobs.tokenSeconds}
	if s.knobs.jwt {
		t.value = s.jwt(id, form.Get("scope"), c.now, t.expires)
		body["scope"] = form.Get("scope")
	} else {
		t.value = base64.RawURLEncoding.EncodeToString(s.opaque(64))
	}
	sum := sha256.Sum256([]byte(t.value))
	t.name = digest(sum[:])
	body["access_token"] = t.value
	s.tokens[t.value], c.token = t, t
	return answer(http.StatusOK, body)
}

// tokenForm reads the form of a token request, which must be posted.
func tokenForm(c *call) (form url.Values, bad string) {
	media, _, _ := mime.ParseMediaType(c.header.Get("Content-Type"))
	if c.method != http.MethodPost || media != "application/x-www-form-urlencoded" {
		return nil, "a form must be posted"
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, "the form cannot be read"
	}
	return form, ""
}

// credentials come by Basic authentication, whose parts may be form-encoded
// (RFC 6749 §2.3.1), or in the form.
func credentials(c *call, form url.Values) (id, secret string) {
	r := http.Request{Header: c.header}
	id, secret, ok := r.BasicAuth()
	if !ok {
		return form.Get("client_id"), form.Get("client_secret")
	}
	if plain, err := url.QueryUnescape(secret); err == nil && strings.Contains(secret, "%") {
		secret = plain
	}
	if plain, err := url.QueryUnescape(id); err == nil && strings.Contains(id, "%") {
		id = plain
	}
	return id, secret
}

// oauthError has its text twice, as Genesys sends it (dossier §2.5).
func oauthError(status int, code, description string) reply {
	return answer(status, map[string]string{"error": code, "description": description, "error_description": description})
}

// jwt is a signed token as other authorization servers issue them.
func (s *Server) jwt(client, scope string, issued, expires time.Time) string {
	part := func(v any) string {
		text, _ := json.Marshal(v) //nolint:errchkjson // maps of strings and numbers
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + part(map[string]any{
		"iss": "rollcall sim", "sub": client, "client_id": client, "scope": scope,
		"iat": issued.Unix(), "exp": expires.Unix(), "jti": newGUID(s.chance).String(),
	})
	mac := hmac.New(sha256.New, s.opaque(32))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// authenticate finds the token of a call (rule 5).
func (s *Server) authenticate(c *call) (reply, bool) {
	scheme, value, _ := strings.Cut(c.header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || strings.TrimSpace(value) == "" {
		return unauthorized("authentication.required", "No authentication bearer token specified in authorization header."), true
	}
	t, ok := s.tokens[strings.TrimSpace(value)]
	if !ok {
		return unauthorized("bad.credentials", "Invalid login credentials."), true
	}
	who := s.clients[t.client]
	if who == nil || who.Disabled {
		return unauthorized("bad.credentials", "Invalid login credentials."), true
	}
	c.client, c.token = who, t
	idle := s.knobs.idleExpiry > 0 && c.now.Sub(t.used) >= s.knobs.idleExpiry
	if idle || !c.now.Before(t.expires) {
		return s.expired(), true
	}
	t.used = c.now
	return reply{}, false
}

func (s *Server) expired() reply {
	return unauthorized(s.knobs.expiredCode, "The credentials have expired.")
}

func unauthorized(code, message string) reply {
	return gatewayError(http.StatusUnauthorized, code, message).reply()
}
