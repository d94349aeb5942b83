package genesys

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/scim/scimclient"
	"rollcall/target"
)

// The public API has what SCIM has no word for; its paging has nothing in
// common with SCIM's (dossier §11).

const deletedState = "deleted"

// An entry is a user as the public API shows one.
type entry struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	UserName string `json:"username"`
	State    string `json:"state"`
	Version  int    `json:"version"`
}

// signIn is the userName: username and e-mail are one field (dossier §5.2).
func (e entry) signIn() string {
	if e.UserName != "" {
		return e.UserName
	}
	return e.Email
}

// observed knows of a deleted user its userName alone.
func (e entry) observed(cut *cutter) target.Observed {
	row := scim.NewRow(cut.shape)
	if i := cut.shape.Index(userName); i >= 0 && slices.Contains(cut.asked, userName) {
		row.Set(i, tolerant(userName)(scim.ValueOf(e.signIn())))
	}
	return target.Observed{Ref: scim.Ref{Type: scim.User, ID: e.ID}, State: target.Erased, Row: row.Row()}
}

// entry reads a deleted user. Kind: Missing where there is none of this id.
func (c *Client) entry(ctx context.Context, id string) (entry, error) {
	var e entry
	r, err := c.do(ctx, scimclient.Call{
		Method: http.MethodGet, Path: "/users/" + url.PathEscape(id), Query: url.Values{"state": {deletedState}},
	})
	if err != nil {
		return e, err
	}
	return e, decode(r, &e)
}

func decode(r scimclient.Reply, into any) error {
	if err := json.Unmarshal(r.Body, into); err != nil {
		return &target.Failure{
			Kind: fault.Unavailable, Status: r.Status, Correlation: r.Correlation, Attempts: r.Attempts,
			Detail: "the answer is of another form than documented",
		}
	}
	return nil
}

// publicRows is how many rows a page of the public API has.
const publicRows = 100

// entities reads a paged list of the public API.
func entities[T any](ctx context.Context, c *Client, path string, query url.Values, each func(T) error) error {
	for page := 1; ; page++ {
		q := url.Values{"pageSize": {strconv.Itoa(publicRows)}, "pageNumber": {strconv.Itoa(page)}}
		for k, v := range query {
			q[k] = v
		}
		r, err := c.do(ctx, scimclient.Call{Method: http.MethodGet, Path: path, Query: q})
		if err != nil {
			return err
		}
		var got struct {
			Entities  []T `json:"entities"`
			PageCount int `json:"pageCount"`
		}
		if err := decode(r, &got); err != nil {
			return err
		}
		for _, e := range got.Entities {
			if err := each(e); err != nil {
				return err
			}
		}
		if len(got.Entities) == 0 || page >= got.PageCount {
			return nil
		}
	}
}

func (c *Client) entries(ctx context.Context, each func(entry) error) error {
	return entities(ctx, c, "/users", url.Values{"state": {deletedState}}, each)
}

// deleted yields every deleted user once.
func (c *Client) deleted(ctx context.Context, cut *cutter, y yield) error {
	seen := map[string]bool{}
	err := c.entries(ctx, func(e entry) error {
		if e.ID == "" || seen[e.ID] {
			return nil
		}
		seen[e.ID] = true
		return give(y, e.observed(cut), nil)
	})
	return wrap("list deleted users", err)
}

func (c *Client) listDeleted(ctx context.Context, each func(id, name string)) error {
	return c.entries(ctx, func(e entry) error {
		each(e.ID, e.signIn())
		return nil
	})
}

// named is what catalogs and grants have of a role, division, skill or language.
type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// catalogs are where names are listed.
var catalogs = map[target.Catalog]string{
	target.Roles:     "/authorization/roles",
	target.Divisions: "/authorization/divisions",
	target.Skills:    "/routing/skills",
	target.Languages: "/routing/languages",
}

// Names lists a catalog anew, and remembers it for the requests that need ids.
func (c *Client) Names(ctx context.Context, catalog target.Catalog) (map[string]string, error) {
	path, ok := catalogs[catalog]
	if !ok {
		return nil, fmt.Errorf("list %ss: no such catalog: %w", catalog, fault.Internal)
	}
	query := url.Values{}
	if catalog == target.Roles {
		query.Set("userCount", "false") // counted by default, at the service's expense
	}
	names := map[string]string{}
	err := entities(ctx, c, path, query, func(n named) error {
		names[n.Name] = n.ID
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %ss: %w", catalog, err)
	}
	c.mu.Lock()
	c.catalogs[catalog] = names
	c.mu.Unlock()
	return names, nil
}

// idOf finds a name in a catalog that may have been read before, and reads it
// again before it says that the name is unknown. Kind: Invalid.
func (c *Client) idOf(ctx context.Context, catalog target.Catalog, name string) (string, error) {
	c.mu.Lock()
	id, ok := c.catalogs[catalog][name]
	c.mu.Unlock()
	if ok {
		return id, nil
	}
	names, err := c.Names(ctx, catalog)
	if err != nil {
		return "", err
	}
	if id, ok = names[name]; !ok {
		return "", fmt.Errorf("%s: no such name: %w", catalog, fault.Invalid)
	}
	return id, nil
}

// subject is somebody with role grants, as the authorization API shows one.
type subject struct {
	Grants []struct {
		Subject  string `json:"subjectId"`
		Division named  `json:"division"`
		Role     struct {
			named

			Policies []policy `json:"policies"`
		} `json:"role"`
	} `json:"grants"`
}

// grants are the role grants of one user or group itself, see [target.GrantsOf].
func (c *Client) grants(ctx context.Context, q target.Query, s *scim.Shape) (target.Observed, error) {
	at, id := s.Index(target.GrantsOf), q.Who
	if at < 0 {
		return target.Observed{}, fmt.Errorf("read grants of %s %s: the shape has no grants: %w", noun(q.Type), id, fault.Internal)
	}
	var got subject
	r, err := c.do(ctx, scimclient.Call{Method: http.MethodGet, Path: "/authorization/subjects/" + url.PathEscape(id)})
	if err == nil {
		err = decode(r, &got)
	}
	if err != nil {
		return target.Observed{}, fmt.Errorf("read grants of %s %s: %w", noun(q.Type), id, err)
	}
	values := make([]scim.Value, 0, len(got.Grants))
	for _, g := range got.Grants {
		if g.Subject != "" && g.Subject != id {
			continue // of a group: it comes and goes with the membership
		}
		values = append(values, scim.ValueOf(map[string]any{"division": g.Division.Name, "role": g.Role.Name}))
	}
	row := scim.NewRow(s)
	row.Set(at, values...)
	return target.Observed{Ref: scim.Ref{Type: q.Type, ID: id}, State: target.Active, Row: row.Row()}, nil
}
