package genesys

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"net/http"
	"net/url"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/scim/scimclient"
	"rollcall/target"
)

var (
	_ target.Reader    = (*Client)(nil)
	_ target.Writer    = (*Client)(nil)
	_ target.Cataloger = (*Client)(nil)
)

// Read answers q, see [target.Reader]. A listing of users is two lists, of the
// active and of the inactive ones: the service shows nobody else (dossier §8).
func (c *Client) Read(ctx context.Context, q target.Query, s *scim.Shape) iter.Seq2[target.Observed, error] {
	return func(yield func(target.Observed, error) bool) {
		if err := c.read(ctx, q, s, yield); err != nil && !errors.Is(err, errEnough) {
			yield(target.Observed{}, err)
		}
	}
}

// errEnough says that whoever reads has stopped.
var errEnough = errors.New("enough was read")

type yield = func(target.Observed, error) bool

func (c *Client) read(ctx context.Context, q target.Query, s *scim.Shape, y yield) error {
	if q.Type == "" {
		q.Type = scim.User
	}
	cut := newCutter(s, q.Paths)
	switch q.Ask {
	case target.Page:
		return c.list(ctx, q.Type, cut, y)
	case target.ByID:
		o, err := c.byID(ctx, q.Type, q.Who, cut)
		return give(y, o, err)
	case target.ByUserName:
		return c.byUserName(ctx, q.Who, cut, y)
	case target.Deleted:
		return c.deleted(ctx, cut, y)
	case target.Grants:
		o, err := c.grants(ctx, q, s)
		return give(y, o, err)
	}
	return fmt.Errorf("read: no such question: %w", fault.Internal)
}

func give(y yield, o target.Observed, err error) error {
	if err == nil && !y(o, nil) {
		return errEnough
	}
	return err
}

func collection(t scim.Type) string {
	if t == scim.Group {
		return "/scim/groups" // the pinned tree may demand a filter (dossier §8.3)
	}
	return "/scim/users"
}

func noun(t scim.Type) string {
	if t == scim.Group {
		return "group"
	}
	return "user"
}

// mostMissing is the share of a listing that may be missing: one in so many.
const mostMissing = 100

// list reads every resource of t. Rows that come twice are given once; what
// the service counted and did not show makes the listing shifted, or broken.
func (c *Client) list(ctx context.Context, t scim.Type, cut *cutter, y yield) error {
	filters := []string{""}
	if t == scim.User {
		filters = []string{"", "active eq false"}
	}
	l := listing{cut: cut, give: y, t: t, seen: map[uint64]int8{}, seed: maphash.MakeSeed()}
	for _, f := range filters {
		query := cut.projection(t)
		if f != "" {
			query.Set("filter", f)
		}
		l.list++
		got, err := c.api.List(ctx, collection(t), query, c.sizes[cut.kind(t)], l.visit)
		if err != nil {
			return fmt.Errorf("list %ss: %w", noun(t), c.explain(err))
		}
		l.total += got.After
		l.moved = l.moved || got.Before != got.After
	}
	return l.complete()
}

// A listing is several lists read as one.
type listing struct {
	t     scim.Type
	cut   *cutter
	give  yield
	seed  maphash.Seed
	seen  map[uint64]int8 // number of the list by hash of the id: a million ids as text would be most of the memory
	list  int8            // the number of this one
	total int             // what the service says it has
	moved bool            // that changed while it was read
}

// visit takes one row; false where it was seen before.
func (l *listing) visit(text []byte) (bool, error) {
	o, err := l.cut.observed(l.t, text)
	if err != nil {
		return false, err
	}
	id := maphash.String(l.seed, o.ID)
	in, again := l.seen[id]
	if again && in != l.list { // switched from one list to the other in between
		l.total, l.moved = l.total-1, true
	}
	l.seen[id] = l.list
	if again {
		return false, nil
	}
	return true, give(l.give, o, nil)
}

// complete judges a listing that ended by itself.
func (l *listing) complete() error {
	seen := len(l.seen)
	switch missing := l.total - seen; {
	case missing*mostMissing > l.total:
		err := fmt.Errorf("list %ss: the service counted %d and showed %d: %w", noun(l.t), l.total, seen, fault.Unavailable)
		return fault.WithHint(err, "nothing was concluded from this listing: run again when fewer changes are made elsewhere at the same time")
	case missing > 0, l.moved:
		return &target.Shifted{Seen: seen, Total: l.total}
	}
	return nil
}

// byID reads one resource. A user that is not there may have been deleted,
// which only the public API shows (dossier §5.5).
func (c *Client) byID(ctx context.Context, t scim.Type, id string, cut *cutter) (target.Observed, error) {
	o, err := c.get(ctx, t, id, cut)
	switch {
	case err == nil:
		return o, nil
	case !errors.Is(err, fault.Missing):
		return o, fmt.Errorf("read %s %s: %w", noun(t), id, err)
	}
	gone := target.Observed{Ref: scim.Ref{Type: t, ID: id}, State: target.Gone}
	if t == scim.Group {
		return gone, nil
	}
	e, err := c.entry(ctx, id)
	switch {
	case errors.Is(err, fault.Missing):
		return gone, nil
	case err != nil:
		return target.Observed{}, fmt.Errorf("read deleted user %s: %w", id, err)
	case e.State != deletedState:
		return gone, nil
	}
	return e.observed(cut), nil
}

func (c *Client) get(ctx context.Context, t scim.Type, id string, cut *cutter) (target.Observed, error) {
	r, err := c.fetch(ctx, t, id, cut)
	if err != nil {
		return target.Observed{}, err
	}
	return shown(t, r, cut)
}

func (c *Client) fetch(ctx context.Context, t scim.Type, id string, cut *cutter) (scimclient.Reply, error) {
	return c.do(ctx, scimclient.Call{Method: http.MethodGet, Path: collection(t) + "/" + url.PathEscape(id), Query: cut.projection(t)})
}

// shown is the resource that an answer holds. The version may stand in the body or the header.
func shown(t scim.Type, r scimclient.Reply, cut *cutter) (target.Observed, error) {
	o, err := cut.observed(t, r.Body)
	var f *target.Failure
	if errors.As(err, &f) {
		f.Status, f.Correlation, f.Attempts = r.Status, r.Correlation, r.Attempts
	}
	if err == nil && o.Version == "" {
		o.Version = scim.ParseVersion(r.Header.Get("ETag"))
	}
	return o, err
}

// filtered reads the resources that a filter finds: few, on one page. visit is
// told the userName of each.
func (c *Client) filtered(ctx context.Context, filter string, cut *cutter, visit func(target.Observed, string) error) error {
	query := cut.projection(scim.User)
	query.Set("filter", filter)
	_, err := c.api.List(ctx, collection(scim.User), query, scimclient.NewSize(fewRows, fewRows), func(text []byte) (bool, error) {
		name, err := nameIn(text)
		if err != nil {
			return false, err
		}
		o, err := cut.observed(scim.User, text)
		if err != nil {
			return false, err
		}
		return true, visit(o, name)
	})
	return c.explain(err)
}

// nameIn is the userName of the resource that a text holds, whether it was asked for or not.
func nameIn(text []byte) (string, error) {
	o, err := newCutter(scim.NewShape(userName), nil).observed(scim.User, text)
	if err != nil {
		return "", err
	}
	v, _ := o.Row.Index(0)
	if len(v) == 0 {
		return "", nil
	}
	name, _ := v[0].Text()
	return name, nil
}

// fewRows is the default page of the service.
const fewRows = 25
