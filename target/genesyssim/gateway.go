package genesyssim

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/scim"
)

// respond answers a call: what the platform's gateway does for every request,
// around what the operation does. It never blocks on anything but the lock.
func (s *Server) respond(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.time()
	s.org.settle(c.now)
	if rest, ok := under(c.path, "/_sim"); ok && c.api {
		if c.broken != nil {
			return unreadable()
		}
		return s.control(c, rest)
	}
	var rep reply
	if strings.EqualFold(strings.TrimSuffix(c.path, "/"), "/oauth/token") {
		c.match = matched{rel: c.path, template: "/oauth/token", known: true}
		rep = s.login(c)
	} else {
		c.route, c.match = s.routes.find(c.method, c.path)
		rep = s.gateway(c)
	}
	rep = s.befall(c, rep)
	correlation := s.correlate(c, &rep)
	s.journal.record(c, rep, correlation)
	return rep
}

// login serves the token endpoint, where it is served at all.
func (s *Server) login(c *call) reply {
	if !c.login {
		return notFound("resource")
	}
	if c.broken != nil {
		return unreadable()
	}
	if c.befell = s.pick(c); c.befell != nil {
		if rep, answered := c.befell.instead(); answered {
			return rep
		}
	}
	return s.issue(c)
}

// gateway checks what the platform checks before a service sees the request,
// then lets it be served.
func (s *Server) gateway(c *call) reply {
	if !c.api {
		return notFound("resource")
	}
	if rep, refused := s.authenticate(c); refused {
		return rep
	}
	if rep, refused := s.throttle(c); refused {
		return rep
	}
	if c.befell = s.pick(c); c.befell != nil {
		if c.befell.Do == ExpireToken {
			delete(s.tokens, c.token.value)
			return s.expired()
		}
		if rep, answered := c.befell.instead(); answered {
			return rep
		}
	}
	if rep, refused := s.admit(c); refused {
		return rep
	}
	if c.befell != nil && c.befell.Do == StaleDeed {
		s.interfere(c)
	}
	return s.negotiate(c, c.route.serve(s, c))
}

// admit refuses what cannot be served: no such path or method, too long, of a
// foreign type, not permitted.
func (s *Server) admit(c *call) (reply, bool) {
	switch {
	case c.broken != nil:
		return unreadable(), true
	case !c.match.known:
		return notFound("resource"), true
	case c.route == nil:
		return gatewayError(http.StatusMethodNotAllowed, "method.not.allowed", "The method is not allowed for this resource.").reply(), true
	case len(c.body) > maxBody:
		return gatewayError(http.StatusRequestEntityTooLarge, "request.entity.too.large",
			fmt.Sprintf("The request is over the maximum size of %d bytes.", maxBody)).reply(), true
	case !acceptable(c):
		return gatewayError(http.StatusUnsupportedMediaType, "unsupported.media.type",
			"The content type must be application/json or application/scim+json.").reply(), true
	}
	if bad := c.projects(); bad != nil {
		return bad.reply(), true
	}
	if len(c.route.needs) > 0 && !slices.ContainsFunc(c.route.needs, c.client.may) {
		return missingPermissions(true, c.route.needs...), true
	}
	return reply{}, false
}

// unreadable is the answer to a body that ends early or is not framed as HTTP has it.
func unreadable() reply {
	return gatewayError(http.StatusBadRequest, "bad.request", "The request body cannot be read.").reply()
}

// projects checks attributes and excludedAttributes of users and groups before
// anything is written for an answer that cannot be shown.
func (c *call) projects() *errorBody {
	for t, prefix := range map[scim.Type]string{scim.User: "/users", scim.Group: "/groups"} {
		if c.match.tree != "" && strings.HasPrefix(c.match.template, prefix) {
			_, bad := project(t, c.query)
			return bad
		}
	}
	return nil
}

// acceptable tells whether the body is JSON by its declared type (rule 7).
func acceptable(c *call) bool {
	switch c.method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return true
	}
	media, _, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	return err == nil && (media == typeJSON || media == typeSCIM)
}

// negotiate gives SCIM answers the type that was asked for.
func (s *Server) negotiate(c *call, rep reply) reply {
	accept := c.header.Get("Accept")
	if rep.media == typeSCIM && strings.Contains(accept, typeJSON) && !strings.Contains(accept, typeSCIM) {
		rep.media = typeJSON
	}
	return rep
}

// correlate adds the headers of every response (rule 8) and answers the correlation id.
func (s *Server) correlate(c *call, rep *reply) string {
	id := newGUID(s.chance).String()
	*rep = rep.with("ININ-Correlation-Id", id).
		with("Cache-Control", "no-cache, no-store, must-revalidate").
		with("Pragma", "no-cache").with("Expires", "0")
	allowed, count, left := s.allowed(), 0, windowLength
	if w := s.window(c); w != nil && w.count > 0 && w.left(c.now) > 0 {
		count, left = w.count, w.left(c.now)
	}
	*rep = rep.with("inin-ratelimit-count", strconv.Itoa(count)).
		with("inin-ratelimit-allowed", strconv.Itoa(allowed)).
		with("inin-ratelimit-reset", strconv.Itoa(seconds(left)))
	if rep.status >= http.StatusBadRequest {
		rep.body = bytes.Replace(rep.body, []byte(`"contextId":""`), []byte(`"contextId":"`+id+`"`), 1)
	}
	return id
}

// windowLength is the minute of the rate limit.
const windowLength = time.Minute

// unlimited is what the headers allow where there is no limit: without headers
// a client would assume the published one.
const unlimited = 1000000

// A window is a minute's worth of requests.
type window struct {
	start time.Time
	count int
}

func (w *window) left(now time.Time) time.Duration { return windowLength - now.Sub(w.start) }

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func (s *Server) allowed() int {
	if s.knobs.rate == 0 {
		return unlimited
	}
	return s.knobs.rate
}

// window is the budget that a call draws on: the token's or the client's (rule 9).
func (s *Server) window(c *call) *window {
	switch {
	case c.token == nil:
		return nil
	case s.knobs.perClient:
		return &c.client.window
	default:
		return &c.token.window
	}
}

// throttle counts the call and refuses it beyond the limit.
func (s *Server) throttle(c *call) (reply, bool) {
	w := s.window(c)
	if w.count == 0 || w.left(c.now) <= 0 || w.start.After(c.now) {
		*w = window{start: c.now}
	}
	w.count++
	if s.knobs.rate == 0 || w.count <= s.knobs.rate {
		return reply{}, false
	}
	return tooMany(seconds(w.left(c.now)), &limit{
		Key: "client.credentials.token.rate.per.minute", Namespace: "platform.api", Value: s.knobs.rate,
	}), true
}

// digest names a token without giving it away.
func digest(sum []byte) string { return hex.EncodeToString(sum[:6]) }
