package genesyssim_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/target/genesyssim"
)

// The URNs as requests spell them.
const (
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	genesys    = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"
	patchOp    = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// company is a small organization that most tests use.
const company = `
users:
  - {userName: ada@example.com, displayName: Ada Byron, externalId: E1, title: Head, roles: [{value: employee}, {value: Sales Agent}],
     department: Sales, employeeNumber: "1001", phoneNumbers: [{type: work, value: "+13175550100"}],
     routingSkills: [{name: Billing, proficiency: 3}]}
  - {userName: ben@example.com, displayName: Ben Okri, externalId: E2, department: Facilities, manager: {value: ada@example.com}, division: EMEA,
     emails: [{type: work, value: ben@work.example}]}
  - {userName: cleo@example.com, displayName: Cleo Ray, externalId: E3, active: false}
  - {userName: dan@example.com, displayName: Dan Roe, externalId: E4, state: deleted, title: Clerk}
groups:
  - {name: Tool Design, members: [ada@example.com]}
  - {name: Night Shift, rule: 'department eq "Facilities"', roles: [Night Agent]}
clients:
  - {id: demo, secret: demo-secret, permissions: ["*"]}
  - {id: other, secret: other-secret, permissions: ["*"]}
`

// A sim is a simulated organization whose clock stands still unless moved.
type sim struct {
	*testing.T

	server *genesyssim.Server
	http   http.Client
}

var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// start runs an organization of a configuration in YAML.
func start(t *testing.T, config string) *sim {
	t.Helper()
	c, err := genesyssim.ParseConfig("sim.yaml", []byte(config))
	if err != nil {
		t.Fatalf("ParseConfig: %v", err)
	}
	s, err := genesyssim.New(c, genesyssim.Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return &sim{T: t, server: s, http: http.Client{Transport: s.Transport()}}
}

// with is the company with switches turned, as "stale: 409, rate: off".
func with(t *testing.T, switches string) *sim {
	t.Helper()
	return start(t, company+"switches: {"+switches+"}\n")
}

// An actor is an OAuth client with a token.
type actor struct {
	*sim

	token  string
	header http.Header
}

// as logs a client in, whose secret is its id and "-secret".
func (s *sim) as(client string) *actor {
	s.Helper()
	r := s.login(client, client+"-secret").is(http.StatusOK)
	return &actor{sim: s, token: r.text("access_token"), header: http.Header{}}
}

// demo is the client that may do everything.
func (s *sim) demo() *actor {
	s.Helper()
	return s.as("demo")
}

// limited is a company with a client, clerk, that has these permissions only.
func limited(t *testing.T, permissions ...string) *actor {
	t.Helper()
	s := start(t, company+"  - {id: clerk, secret: clerk-secret, permissions: [\""+strings.Join(permissions, `", "`)+"\"]}\n")
	return s.as("clerk")
}

func (s *sim) login(id, secret string) result {
	s.Helper()
	return s.send(http.MethodPost, "/oauth/token", "grant_type=client_credentials", http.Header{
		"Content-Type":  {"application/x-www-form-urlencoded"},
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))},
	})
}

// send makes a request with these headers only.
func (s *sim) send(method, path, body string, header http.Header) result {
	s.Helper()
	r, err := s.try(method, path, body, header)
	if err != nil {
		s.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (s *sim) try(method, path, body string, header http.Header) (result, error) {
	r, err := http.NewRequestWithContext(s.Context(), method, "http://sim.example"+path, strings.NewReader(body))
	if err != nil {
		return result{}, err
	}
	r.Header = header
	resp, err := s.http.Do(r)
	if err != nil {
		return result{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return result{}, err
	}
	out := result{T: s.T, call: method + " " + path, status: resp.StatusCode, header: resp.Header, body: text}
	_ = json.Unmarshal(text, &out.json)
	return out, nil
}

// control uses /_sim.
func (s *sim) control(method, path string, body any) result {
	s.Helper()
	text, ok := body.(string)
	if !ok && body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			s.Fatal(err)
		}
		text = string(encoded)
	}
	return s.send(method, "/_sim"+path, text, http.Header{"Content-Type": {"application/json"}})
}

func (s *sim) advance(d time.Duration) {
	s.Helper()
	s.control(http.MethodPost, "/clock", map[string]string{"advance": d.String()}).is(http.StatusOK)
}

func (s *sim) faults(list string) {
	s.Helper()
	s.control(http.MethodPut, "/faults", list).is(http.StatusOK)
}

// truth is a user as /_sim/users has it.
func (s *sim) truth(userName string) result {
	s.Helper()
	return s.among(s.control(http.MethodGet, "/users", nil), "users", "userName", userName)
}

// among is the element of a list that has value at name.
func (s *sim) among(r result, list, name, value string) result {
	s.Helper()
	for i := range r.list(list) {
		if r.text(list, i, name) == value {
			return result{T: s.T, call: r.call, json: r.at(list, i)}
		}
	}
	s.Fatalf("%s: no %s has %s %q", r.call, list, name, value)
	return result{}
}

// id is the id of a user or group by its name.
func (s *sim) id(name string) string {
	s.Helper()
	if strings.Contains(name, "@") {
		return s.truth(name).text("id")
	}
	return s.among(s.control(http.MethodGet, "/groups", nil), "groups", "displayName", name).text("id")
}

func (s *sim) user(name string) string  { s.Helper(); return "/users/" + s.id(name) }
func (s *sim) group(name string) string { s.Helper(); return "/groups/" + s.id(name) }

// having is the actor with another header on every request.
func (a *actor) having(name, value string) *actor {
	next := *a
	next.header = a.header.Clone()
	next.header.Set(name, value)
	return &next
}

// do makes a request; paths that do not begin with /api are relative to the SCIM base.
func (a *actor) do(method, path, body string) result {
	a.Helper()
	if !strings.HasPrefix(strings.ToLower(path), "/api/") {
		path = "/api/v2/scim/v2" + path
	}
	h := a.header.Clone()
	if h.Get("Authorization") == "" && a.token != "" {
		h.Set("Authorization", "Bearer "+a.token)
	}
	if body != "" && h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/scim+json")
	}
	return a.send(method, path, body, h)
}

func (a *actor) get(path string) result    { a.Helper(); return a.do(http.MethodGet, path, "") }
func (a *actor) delete(path string) result { a.Helper(); return a.do(http.MethodDelete, path, "") }

func (a *actor) post(path, body string) result { a.Helper(); return a.do(http.MethodPost, path, body) }

func (a *actor) put(path, body string) result { a.Helper(); return a.do(http.MethodPut, path, body) }

func (a *actor) filter(path, text string) result {
	a.Helper()
	return a.get(path + "?filter=" + url.QueryEscape(text))
}

func (a *actor) rawPatch(path, body string) result {
	a.Helper()
	return a.do(http.MethodPatch, path, body)
}

// patch sends operations given as JSON objects.
func (a *actor) patch(path string, ops ...string) result {
	a.Helper()
	return a.rawPatch(path, `{"schemas":["`+patchOp+`"],"Operations":[`+strings.Join(ops, ",")+`]}`)
}

// op is an operation; value is JSON, "" for none.
func op(verb, path, value string) string {
	o := map[string]any{"op": verb}
	if path != "" {
		o["path"] = path
	}
	if value != "" {
		o["value"] = json.RawMessage(value)
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// A result is an answer, or a part of one.
type result struct {
	*testing.T

	call   string
	status int
	header http.Header
	body   []byte
	json   any
}

// is fails the test where the status is another one.
func (r result) is(status int) result {
	r.Helper()
	if r.status != status {
		r.Fatalf("%s = %d %s, want %d", r.call, r.status, r.body, status)
	}
	return r
}

// at is the value below these names and indexes; nil where there is none.
func (r result) at(path ...any) any {
	v := r.json
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func (r result) text(path ...any) string {
	if v := r.at(path...); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

func (r result) list(path ...any) []any {
	l, _ := r.at(path...).([]any)
	return l
}

// has fails the test where the value at path is another one; nil is no value.
func (r result) has(want any, path ...any) result {
	r.Helper()
	got, _ := json.Marshal(r.at(path...))
	wanted, _ := json.Marshal(want)
	if !bytes.Equal(got, wanted) {
		r.Errorf("%s: %v = %s, want %s", r.call, path, got, wanted)
	}
	return r
}

// each is the values at name in the elements of the list at path.
func (r result) each(name string, path ...any) []string {
	out := []string{}
	for i := range r.list(path...) {
		out = append(out, r.text(append(append([]any{}, path...), i, name)...))
	}
	return out
}

// lists fails the test where the values at name in the list at path are others.
func (r result) lists(want []string, name string, path ...any) result {
	r.Helper()
	if got := r.each(name, path...); fmt.Sprint(got) != fmt.Sprint(want) {
		r.Errorf("%s: %s of %v = %v, want %v", r.call, name, path, got, want)
	}
	return r
}

// scimError is the error envelope of SCIM: its status is a string.
func (r result) scimError(status int, scimType string) result {
	r.Helper()
	r.is(status).has(fmt.Sprint(status), "status").has([]string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "schemas")
	if r.text("detail") == "" {
		r.Errorf("%s: no detail", r.call)
	}
	if scimType != "" {
		r.has(scimType, "scimType")
	}
	return r
}

// platformError is the platform's envelope: its status is a number.
func (r result) platformError(status int, code string) result {
	r.Helper()
	r.is(status).has(status, "status").has(code, "code").has(r.header.Get("ININ-Correlation-Id"), "contextId")
	if r.text("message") == "" {
		r.Errorf("%s: no message", r.call)
	}
	return r
}
