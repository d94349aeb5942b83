package genesys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/scim/scimclient"
	"rollcall/target"
	"rollcall/target/genesysschema"
)

// Send carries out one write, see [target.Writer]. Operations are checked whole
// before anything is sent: an invalid one never leaves the machine.
func (c *Client) Send(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
	if r.To.Type != scim.Group {
		r.To.Type = scim.User
		defer c.moved(r)
	}
	switch r.Act {
	case target.Create:
		return c.create(ctx, r, s)
	case target.Patch:
		return c.patch(ctx, r, s)
	case target.Delete:
		return c.erase(ctx, r)
	case target.Grant:
		return c.grant(ctx, r)
	case target.Restore:
		return c.restore(ctx, r, s)
	}
	return target.Answer{}, fmt.Errorf("send: no such act: %w", fault.Internal)
}

// answered is an Answer without what was observed.
func answered(r scimclient.Reply) target.Answer {
	return target.Answer{Status: r.Status, Attempts: r.Attempts, Took: r.Took, Correlation: r.Correlation}
}

func (c *Client) create(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
	const doing = "create user"
	ops := wire(r.Ops)
	if err := checked(scim.User, ops); err != nil {
		return target.Answer{}, fmt.Errorf("%s: %w", doing, err)
	}
	attrs, _, err := genesysschema.Schema().Patch(scim.User, map[string]any{}, ops, scim.PatchOptions{CreateMissing: true})
	if err != nil {
		return target.Answer{}, fmt.Errorf("%s: %w", doing, err)
	}
	attrs["schemas"] = schemasOf(attrs)
	body, err := json.Marshal(attrs)
	if err != nil {
		return target.Answer{}, fmt.Errorf("%s: %w: %w", doing, fault.Internal, err)
	}
	reply, err := c.do(ctx, scimclient.Call{Method: http.MethodPost, Path: collection(scim.User), Body: body})
	if err != nil {
		return answered(reply), fmt.Errorf("%s: %w", doing, err)
	}
	return written(scim.User, reply, newCutter(s, nil), doing)
}

// schemasOf are the URNs that a body with these attributes declares.
func schemasOf(attrs map[string]any) []string {
	urns := []string{genesysschema.UserURN}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if strings.HasPrefix(name, "urn:") {
			urns = append(urns, name)
		}
	}
	return urns
}

// written is the answer that shows what was written.
func written(t scim.Type, reply scimclient.Reply, cut *cutter, doing string) (target.Answer, error) {
	a := answered(reply)
	o, err := shown(t, reply, cut)
	if err != nil {
		return a, fmt.Errorf("%s: %w", doing, err)
	}
	a.Observed = o
	return a, nil
}

func (c *Client) patch(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
	t := r.To.Type
	doing := "patch " + noun(t) + " " + r.To.ID
	ops := wire(r.Ops)
	if err := checked(t, ops); err != nil {
		return target.Answer{}, fmt.Errorf("%s: %w", doing, err)
	}
	reply, err := c.sendPatch(ctx, r.To, ops)
	if err != nil {
		return answered(reply), fmt.Errorf("%s: %w", doing, err)
	}
	cut := newCutter(s, nil)
	if reply.Status == http.StatusNoContent {
		return c.readBack(ctx, r.To, reply, cut, doing)
	}
	return written(t, reply, cut, doing)
}

// sendPatch sends ops, a second time with whole elements where the service does
// not make them for their values. It is asked once how it does.
func (c *Client) sendPatch(ctx context.Context, to scim.Ref, ops []scim.Op) (scimclient.Reply, error) {
	send := func(ops []scim.Op) (scimclient.Reply, error) {
		return c.do(ctx, scimclient.Call{
			Method: http.MethodPatch, Path: collection(to.Type) + "/" + url.PathEscape(to.ID), Version: to.Version, Body: scim.MarshalPatch(ops),
		})
	}
	whole, differs := asElements(ops)
	if differs && c.whole.Load() {
		return send(whole)
	}
	reply, err := send(ops)
	if !differs || !noTarget(err) {
		return reply, err
	}
	c.whole.Store(true)
	attempts := reply.Attempts
	reply, err = send(whole)
	reply.Attempts += attempts
	return reply, err
}

// readBack is for answers that do not show what was written.
func (c *Client) readBack(ctx context.Context, to scim.Ref, reply scimclient.Reply, cut *cutter, doing string) (target.Answer, error) {
	a := answered(reply)
	o, err := c.get(ctx, to.Type, to.ID, cut)
	if err != nil {
		return a, fmt.Errorf("%s: read back: %w", doing, err)
	}
	a.Observed = o
	return a, nil
}

// checked is every fault of ops, Invalid, or nil.
func checked(t scim.Type, ops []scim.Op) error {
	var all []error
	for _, e := range genesysschema.Schema().Check(t, ops) {
		all = append(all, fmt.Errorf("operation %d: %w: %w", e.Index+1, fault.Invalid, e))
	}
	return errors.Join(all...)
}

func (c *Client) erase(ctx context.Context, r target.Request) (target.Answer, error) {
	t := r.To.Type
	reply, err := c.do(ctx, scimclient.Call{
		Method: http.MethodDelete, Path: collection(t) + "/" + url.PathEscape(r.To.ID), Version: r.To.Version,
	})
	a := answered(reply)
	if err != nil {
		return a, fmt.Errorf("delete %s %s: %w", noun(t), r.To.ID, err)
	}
	a.Ref, a.State = scim.Ref{Type: t, ID: r.To.ID}, target.Erased
	return a, nil
}

// A pair is a role grant as the authorization API takes it.
type pair struct {
	Role     string `json:"roleId"`
	Division string `json:"divisionId"`
}

// grant adds role grants with divisions, by name: SCIM knows roles without
// divisions only (dossier §5.2).
func (c *Client) grant(ctx context.Context, r target.Request) (target.Answer, error) {
	doing := "grant roles to user " + r.To.ID
	pairs, err := c.pairs(ctx, r.Ops)
	if err != nil {
		return target.Answer{}, fmt.Errorf("%s: %w", doing, err)
	}
	body, err := json.Marshal(map[string][]pair{"grants": pairs})
	if err != nil {
		return target.Answer{}, fmt.Errorf("%s: %w: %w", doing, fault.Internal, err)
	}
	reply, err := c.do(ctx, scimclient.Call{
		Method: http.MethodPost, Path: "/authorization/subjects/" + url.PathEscape(r.To.ID) + "/bulkadd", Body: body,
	})
	a := answered(reply)
	if err != nil {
		return a, fmt.Errorf("%s: %w", doing, err)
	}
	a.Ref, a.State = scim.Ref{Type: scim.User, ID: r.To.ID}, target.Active
	return a, nil
}

func (c *Client) pairs(ctx context.Context, ops []scim.Op) ([]pair, error) {
	var out []pair
	for _, op := range ops {
		if op.Verb != scim.Add {
			return nil, fmt.Errorf("grants can only be added: %w", fault.Invalid)
		}
		for _, v := range op.Value.Elements() {
			role, err := c.grantID(ctx, target.Roles, v)
			if err != nil {
				return nil, err
			}
			division, err := c.grantID(ctx, target.Divisions, v)
			if err != nil {
				return nil, err
			}
			out = append(out, pair{Role: role, Division: division})
		}
	}
	return out, nil
}

// grantID is the id of the role or division that a grant names.
func (c *Client) grantID(ctx context.Context, catalog target.Catalog, v scim.Value) (string, error) {
	name, ok := v.Sub(string(catalog)).Text()
	if !ok {
		return "", fmt.Errorf("a grant without %s: %w", catalog, fault.Invalid)
	}
	return c.idOf(ctx, catalog, name)
}

// restore brings a deleted user back: in the Home division, without the roles
// of before (dossier §5.5). The public API wants its own version for it.
func (c *Client) restore(ctx context.Context, r target.Request, s *scim.Shape) (target.Answer, error) {
	doing := "restore user " + r.To.ID
	e, err := c.entry(ctx, r.To.ID)
	if err != nil {
		return target.Answer{}, fmt.Errorf("%s: %w", doing, err)
	}
	text, err := json.Marshal(map[string]any{"state": "active", "version": e.Version})
	if err != nil {
		return target.Answer{}, fmt.Errorf("%s: %w: %w", doing, fault.Internal, err)
	}
	reply, err := c.do(ctx, scimclient.Call{Method: http.MethodPatch, Path: "/users/" + url.PathEscape(r.To.ID), Body: text})
	if err != nil {
		return answered(reply), fmt.Errorf("%s: %w", doing, err)
	}
	return c.readBack(ctx, scim.Ref{Type: scim.User, ID: r.To.ID}, reply, newCutter(s, nil), doing)
}

// wire is ops in the forms that the service documents: phone numbers as it
// takes them, elements added in arrays, elements removed one by one by their
// own filter (dossier §7).
func wire(ops []scim.Op) []scim.Op {
	var out []scim.Op
	for _, op := range ops {
		op.Value = wireValue(op.Path, op.Value)
		set, isSet := setOf[op.Path]
		switch {
		case isSet && op.Verb == scim.Remove && op.Value != "":
			for _, e := range op.Value.Elements() {
				out = append(out, scim.Op{Verb: scim.Remove, Path: scim.ElementPath(op.Path, set.Sub[0], e)})
			}
		case isSet && op.Verb == scim.Add && len(out) > 0 && out[len(out)-1].Verb == scim.Add && out[len(out)-1].Path == op.Path:
			last := &out[len(out)-1]
			last.Value = array(append(last.Value.Elements(), op.Value.Elements()...))
		case isSet && op.Value != "":
			op.Value = array(op.Value.Elements())
			out = append(out, op)
		default:
			out = append(out, op)
		}
	}
	return out
}

func array(elements []scim.Value) scim.Value {
	all := make([]any, len(elements))
	for i, e := range elements {
		all[i] = e
	}
	return scim.ValueOf(all)
}

// wireValue puts phone numbers with an extension into the documented form.
func wireValue(p scim.Path, v scim.Value) scim.Value {
	if !strings.HasPrefix(string(p), string(phones)) || !strings.Contains(string(v), ";ext=") {
		return v
	}
	return scim.ValueOf(dial(v.Any()))
}

func dial(v any) any {
	switch v := v.(type) {
	case string:
		return wirePhone(v)
	case []any:
		for i := range v {
			v[i] = dial(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = dial(v[k])
		}
	}
	return v
}
