package genesys

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/scim/scimclient"
)

// A Verdict is what is known of one permission.
type Verdict uint8

// The verdicts.
const (
	Proven  Verdict = iota + 1 // the client has it
	Lacking                    // the client does not
	Untold                     // nothing short of a write would tell
)

// String is the verdict's word.
func (v Verdict) String() string {
	return [...]string{"", "proven", "lacking", "untold"}[v]
}

// A Proof is what is known of one permission, and how.
type Proof struct {
	Permission string
	Purpose    string      // what it is for
	Paths      []scim.Path // attributes it governs; none: requests as a whole
	Verdict    Verdict
	How        string // what was asked, and why the answer proves it
	Hint       string // how to get it, where it is lacking
}

// Checked is what a connection was found to be able to do.
type Checked struct {
	OrganizationID string
	Organization   string // its name
	ClientID       string
	Granted        int // requests a minute, by the service; 0: not told
	Proofs         []Proof
}

// Check logs in, reads which organization this is, and finds out what the
// client may do, without changing anything. Where it may, it reads its own
// grants, which tell everything; else it sends requests that cannot change
// anything: that they are refused for another reason than permission is the
// proof. Kinds: Denied where nobody can log in, Unavailable.
func (c *Client) Check(ctx context.Context) (Checked, error) {
	out := Checked{ClientID: c.o.ClientID}
	var err error
	if out.OrganizationID, out.Organization, err = c.Organization(ctx); err != nil {
		return out, fmt.Errorf("check: %w", err)
	}
	policies, err := c.ownPolicies(ctx)
	switch {
	case err == nil:
		out.Proofs = byPolicies(policies)
	case errors.Is(err, fault.Denied), errors.Is(err, fault.Missing):
		out.Proofs, err = c.probe(ctx)
	}
	out.Granted = c.Stats().Granted
	if err != nil {
		return out, fmt.Errorf("check: %w", err)
	}
	return out, nil
}

// Organization is the id and name of the organization that the client is of.
func (c *Client) Organization(ctx context.Context) (id, name string, err error) {
	var me struct {
		Organization named `json:"organization"`
	}
	r, err := c.do(ctx, scimclient.Call{Method: http.MethodGet, Path: "/tokens/me"})
	if err == nil {
		err = decode(r, &me)
	}
	if err != nil {
		return "", "", fmt.Errorf("read the token: %w", err)
	}
	return me.Organization.ID, me.Organization.Name, nil
}

// A policy grants actions on an entity of a domain; * stands for all.
type policy struct {
	Domain  string   `json:"domain"`
	Entity  string   `json:"entityName"`
	Actions []string `json:"actionSet"`
	Older   []string `json:"actions"`
}

func (p policy) allows(permission string) bool {
	parts := strings.SplitN(permission, ":", 3)
	match := func(have, want string) bool { return have == "*" || strings.EqualFold(have, want) }
	actions := slices.Concat(p.Actions, p.Older)
	return match(p.Domain, parts[0]) && match(p.Entity, parts[1]) &&
		slices.ContainsFunc(actions, func(a string) bool { return match(a, parts[2]) })
}

// self is the client as a subject of grants: by its own id or, where that is no
// subject, by the word me.
func (c *Client) self(ctx context.Context) (s subject, err error) {
	for _, id := range []string{c.o.ClientID, "me"} {
		var r scimclient.Reply
		r, err = c.do(ctx, scimclient.Call{Method: http.MethodGet, Path: "/authorization/subjects/" + url.PathEscape(id)})
		if err == nil {
			return s, decode(r, &s)
		}
	}
	return s, err
}

// OwnRoles are the names of the roles that are granted to the client itself:
// who grants or takes one of them by data can lock rollcall out.
func (c *Client) OwnRoles(ctx context.Context) (names []string, err error) {
	s, err := c.self(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the client's own roles: %w", err)
	}
	for _, g := range s.Grants {
		if !slices.Contains(names, g.Role.Name) {
			names = append(names, g.Role.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// ownPolicies are those of the roles granted to the client itself.
func (c *Client) ownPolicies(ctx context.Context) ([]policy, error) {
	s, err := c.self(ctx)
	if err != nil {
		return nil, err
	}
	var all []policy
	for _, g := range s.Grants {
		if len(g.Role.Policies) > 0 {
			all = append(all, g.Role.Policies...)
			continue
		}
		more, err := c.policiesOf(ctx, g.Role.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func (c *Client) policiesOf(ctx context.Context, role string) ([]policy, error) {
	var e struct {
		Policies []policy `json:"permissionPolicies"`
	}
	r, err := c.do(ctx, scimclient.Call{Method: http.MethodGet, Path: "/authorization/roles/" + url.PathEscape(role)})
	if err != nil {
		return nil, err
	}
	return e.Policies, decode(r, &e)
}

func byPolicies(policies []policy) []Proof {
	out := make([]Proof, 0, len(rights))
	for _, r := range rights {
		have := slices.ContainsFunc(policies, func(p policy) bool { return p.allows(r.permission) })
		out = append(out, r.proof(have, "the roles granted to the client were read"))
	}
	return out
}

func (r right) proof(have bool, how string) Proof {
	p := Proof{Permission: r.permission, Purpose: r.purpose, Paths: r.paths, Verdict: Proven, How: how}
	if !have {
		p.Verdict, p.Hint = Lacking, howToGrant
	}
	return p
}

// nobody is the id of no user: what is sent to it changes nothing.
const nobody = "00000000-0000-0000-0000-000000000000"

// A try is a request that cannot change anything, and what permission it is
// about. The service asks for the permission first: any other refusal, or an
// answer, shows that the door is open.
type try struct {
	permission string
	call       scimclient.Call
	sent       string // in words
	anyOf      bool   // one of several permissions opens the door: which one is not told
}

func tries() []try {
	harmless := scim.MarshalPatch([]scim.Op{{Verb: scim.Replace, Path: "title", Value: scim.ValueOf("rollcall check")}})
	get := func(path string) scimclient.Call {
		return scimclient.Call{Method: http.MethodGet, Path: path, Query: url.Values{"pageSize": {"1"}}}
	}
	return []try{
		{
			"directory:user:add",
			scimclient.Call{Method: http.MethodPost, Path: collection(scim.User), Body: []byte(`{}`)},
			"a user without any attribute was sent, which nobody can create", true,
		},
		{
			"directory:user:edit",
			scimclient.Call{Method: http.MethodPatch, Path: collection(scim.User) + "/" + nobody, Body: harmless},
			"a change of a user who does not exist was sent", true,
		},
		{
			"directory:user:delete",
			scimclient.Call{Method: http.MethodDelete, Path: collection(scim.User) + "/" + nobody},
			"a user who does not exist was to be deleted", false,
		},
		{
			"directory:group:edit",
			scimclient.Call{Method: http.MethodGet, Path: collection(scim.Group), Query: url.Values{"attributes": {"id"}, "count": {"1"}}},
			"groups were listed, which needs it", false,
		},
		{"authorization:role:view", get(catalogs["role"]), "roles were listed", false},
		{"routing:skill:view", get(catalogs["skill"]), "skills were listed", false},
		{"authorization:grant:view", get("/authorization/subjects/" + nobody), "the grants of nobody were asked for", false},
	}
}

// probe tries every door, and says of the other permissions that only a write tells.
func (c *Client) probe(ctx context.Context) ([]Proof, error) {
	found := map[string]Proof{}
	for _, t := range tries() {
		r := rights[slices.IndexFunc(rights, func(r right) bool { return r.permission == t.permission })]
		reply, err := c.do(ctx, t.call)
		answer := fmt.Sprintf("%s: status %d", t.sent, reply.Status)
		switch {
		case reply.Status == http.StatusForbidden:
			found[r.permission] = r.proof(false, answer)
		case err == nil, errors.Is(err, fault.Invalid), errors.Is(err, fault.Missing):
			found[r.permission] = r.proof(true, answer+t.reserve())
		case errors.Is(err, fault.Interrupted), reply.Status == http.StatusUnauthorized:
			return nil, err
		default:
			p := r.proof(true, answer+", which tells nothing")
			p.Verdict = Untold
			found[r.permission] = p
		}
	}
	out := make([]Proof, 0, len(rights))
	for _, r := range rights {
		p, ok := found[r.permission]
		if !ok {
			p = r.proof(true, "the client may not read its own grants, and no request tells short of a write")
			p.Verdict = Untold
		}
		out = append(out, p)
	}
	return out, nil
}

func (t try) reserve() string {
	if !t.anyOf {
		return ""
	}
	return ", so it or one of the permissions to assign roles, skills, languages or extensions is there"
}
