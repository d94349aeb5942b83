package genesyssim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rollcall/fault"
)

// armed is a fault with what is left of its count.
type armed struct {
	Fault

	method   string
	segments []string
	rest     bool // the path ends in a star: any rest
	left     int  // -1: without end
}

// check tells what is wrong with a fault.
func (f Fault) check() error {
	if _, path, ok := strings.Cut(f.Match, " "); !ok || path != "*" && !strings.HasPrefix(path, "/") {
		return fmt.Errorf("fault: match %q is not a method and a path, such as \"PATCH /users/*\"", f.Match)
	}
	if !slices.Contains(deeds(), string(f.Do)) {
		return fmt.Errorf("fault: do %q is none of %s%s", f.Do, strings.Join(deeds(), ", "), suggest(string(f.Do), deeds()))
	}
	if p := f.Probability; p != nil && !(*p >= 0 && *p <= 1) {
		return fmt.Errorf("fault: probability %v is not from 0 to 1", *p)
	}
	if f.Count < 0 || f.Ms < 0 {
		return errors.New("fault: count and ms are not below 0")
	}
	return nil
}

// arm checks and prepares a list of faults. Kind: Invalid.
func arm(list []Fault) ([]*armed, error) {
	out := make([]*armed, 0, len(list))
	for _, f := range list {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("%w: %w", fault.Invalid, err)
		}
		method, path, _ := strings.Cut(f.Match, " ")
		a := &armed{Fault: f, method: method, left: -1}
		if f.Count > 0 {
			a.left = f.Count
		}
		if a.segments = segments(path); a.segments[len(a.segments)-1] == "*" {
			a.rest, a.segments = true, a.segments[:len(a.segments)-1]
		}
		out = append(out, a)
	}
	return out, nil
}

// pick is the fault that befalls a call: the first that matches and whose
// chance comes. It counts.
func (s *Server) pick(c *call) *armed {
	for _, a := range s.faults {
		if a.left == 0 || !a.matches(c.method, c.match.rel) {
			continue
		}
		if a.Probability != nil && s.chance.Float64() >= *a.Probability {
			continue
		}
		if a.left > 0 {
			a.left--
		}
		return a
	}
	return nil
}

func (a *armed) matches(method, path string) bool {
	have := segments(path)
	if a.method != "*" && !strings.EqualFold(a.method, method) {
		return false
	}
	if strings.EqualFold(path, "/oauth/token") && (len(a.segments) == 0 || a.segments[0] == "*") {
		return false
	}
	if len(have) < len(a.segments) || !a.rest && len(have) != len(a.segments) {
		return false
	}
	if a.rest && len(a.segments) > 0 && len(have) == len(a.segments) {
		return false // "/users/*" is not "/users"
	}
	for i, want := range a.segments {
		if want != "*" && !strings.EqualFold(want, have[i]) {
			return false
		}
	}
	return true
}

// instead is the reply of a fault that answers without processing the request.
func (a *armed) instead() (reply, bool) {
	switch a.Do {
	case HTML:
		return edgePage(), true
	case "429":
		return tooMany(1, &limit{Key: "client.credentials.token.rate.per.minute", Namespace: "platform.api", Value: 300}), true
	default:
	}
	status, err := strconv.Atoi(string(a.Do))
	if err != nil {
		return reply{}, false
	}
	code := map[int]string{
		http.StatusRequestTimeout: "client.timeout", http.StatusInternalServerError: "internal.server.error",
		http.StatusBadGateway: "bad.gateway", http.StatusServiceUnavailable: "service.unavailable", http.StatusGatewayTimeout: "request.timeout",
	}[status]
	return gatewayError(status, code, "The request could not be served: "+http.StatusText(status)+".").reply(), true
}

// befall does to the reply what the fault of the call does to answers.
func (s *Server) befall(c *call, rep reply) reply {
	if c.befell == nil {
		return rep
	}
	switch c.befell.Do {
	case LoseAnswer:
		rep.lost = true
	case CutBody:
		rep.cut, rep.lost = true, len(rep.body) == 0
	case Slow:
		rep.wait = c.befell.wait()
	default: // was done before
	}
	return rep
}

// interfere is someone else writing the resource of a call just before it.
func (s *Server) interfere(c *call) {
	if i, ok := s.org.live(c.match.id); ok {
		s.org.users[i].touch(c.now)
	}
	if g, ok := s.org.findGroup(c.match.id); ok {
		s.org.groups[g].touch(c.now)
	}
}
