package genesys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/scim/scimclient"
	"rollcall/target"
)

// holders is what is known of the users whom no filter by userName finds: the
// deleted ones, and the inactive ones where the service's key filters show
// active users only, which no public source settles (dossier §8.2).
type holders struct {
	deleted  index
	inactive index
	hidden   fact // whether key filters hide inactive users
}

// An index is ids by folded userName, as they were at a time.
type index struct {
	at  time.Time
	ids map[string][]string
}

// fresh is how long an index is good: lookups come in bursts.
const fresh = time.Minute

type fact uint8

const (
	unknown fact = iota
	no
	yes
)

// byUserName yields the active and inactive users with this name and, where
// there are none, the deleted ones. The service's answer is compared again:
// which case a filter respects is not documented.
func (c *Client) byUserName(ctx context.Context, name string, cut *cutter, y yield) error {
	const doing = "look up a userName"
	found := 0
	filter := `userName eq ` + string(scim.ValueOf(name))
	err := c.filtered(ctx, filter, cut, func(o target.Observed, have string) error {
		if fold(have) != fold(name) {
			return nil
		}
		found++
		return give(y, o, nil)
	})
	if err != nil || found > 0 {
		return wrap(doing, err)
	}
	ids, err := c.inactiveHolders(ctx, name)
	if err != nil {
		return wrap(doing, err)
	}
	if len(ids) == 0 {
		if ids, err = c.deletedHolders(ctx, name); err != nil {
			return wrap(doing, err)
		}
	}
	for _, id := range ids {
		if err := c.giveHolder(ctx, id, name, cut, y); err != nil {
			return wrap(doing, err)
		}
	}
	return nil
}

// giveHolder yields the user that an index named, if it still has the name.
func (c *Client) giveHolder(ctx context.Context, id, name string, cut *cutter, y yield) error {
	r, err := c.fetch(ctx, scim.User, id, cut)
	if errors.Is(err, fault.Missing) {
		e, err := c.entry(ctx, id)
		if errors.Is(err, fault.Missing) || err == nil && (e.State != deletedState || fold(e.signIn()) != fold(name)) {
			return nil
		}
		return give(y, e.observed(cut), err)
	}
	if err != nil {
		return err
	}
	if have, err := nameIn(r.Body); err != nil || fold(have) != fold(name) {
		return err
	}
	o, err := shown(scim.User, r, cut)
	return give(y, o, err)
}

// moved forgets what a write of ours may have made wrong.
func (c *Client) moved(r target.Request) {
	touches := func(op scim.Op) bool { return op.Path == active || op.Path == userName || op.Path == "" }
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Act == target.Delete || r.Act == target.Restore || r.Act == target.Create {
		c.holders.deleted = index{}
	}
	if r.Act != target.Patch || slices.ContainsFunc(r.Ops, touches) {
		c.holders.inactive = index{}
	}
}

func wrap(doing string, err error) error {
	if err == nil || errors.Is(err, errEnough) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func fold(s string) string { return cases.Fold().String(strings.TrimSpace(s)) }

// inactiveHolders are the inactive users of this name that a filter by
// userName does not find: none, where it finds inactive users.
func (c *Client) inactiveHolders(ctx context.Context, name string) ([]string, error) {
	hidden, err := c.hidesInactive(ctx)
	if err != nil || hidden == no {
		return nil, err
	}
	return c.indexed(ctx, name, func(h *holders) *index { return &h.inactive }, c.listInactive)
}

func (c *Client) deletedHolders(ctx context.Context, name string) ([]string, error) {
	return c.indexed(ctx, name, func(h *holders) *index { return &h.deleted }, c.listDeleted)
}

// indexed looks a name up in an index that is at most a minute old.
func (c *Client) indexed(ctx context.Context, name string, of func(*holders) *index, list func(context.Context, func(id, name string)) error) ([]string, error) {
	c.mu.Lock()
	have := *of(&c.holders)
	c.mu.Unlock()
	if have.ids == nil || c.o.Now().Sub(have.at) > fresh {
		have = index{at: c.o.Now(), ids: map[string][]string{}}
		err := list(ctx, func(id, name string) { have.ids[fold(name)] = append(have.ids[fold(name)], id) })
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		*of(&c.holders) = have
		c.mu.Unlock()
	}
	return have.ids[fold(name)], nil
}

// hidesInactive tries once whether a filter by userName finds an inactive
// user: one that the list of inactive users shows. Without any there is nothing to hide.
func (c *Client) hidesInactive(ctx context.Context) (fact, error) {
	c.mu.Lock()
	known := c.holders.hidden
	c.mu.Unlock()
	if known != unknown {
		return known, nil
	}
	cut := newCutter(scim.NewShape(userName), nil)
	id, name, err := c.anInactive(ctx, cut)
	if err != nil || id == "" {
		return no, err
	}
	answer := yes
	err = c.filtered(ctx, `userName eq `+string(scim.ValueOf(name)), cut, func(o target.Observed, _ string) error {
		if o.ID == id {
			answer = no
		}
		return nil
	})
	if err != nil {
		return unknown, err
	}
	c.mu.Lock()
	c.holders.hidden = answer
	c.mu.Unlock()
	return answer, nil
}

// anInactive is the first user of the list of inactive ones; "" where there is none.
func (c *Client) anInactive(ctx context.Context, cut *cutter) (id, name string, err error) {
	err = c.inactiveUsers(ctx, cut, scimclient.NewSize(1, 1), func(i, n string) bool {
		id, name = i, n
		return false // one is enough
	})
	return id, name, err
}

func (c *Client) listInactive(ctx context.Context, each func(id, name string)) error {
	seen := map[string]bool{}
	return c.inactiveUsers(ctx, newCutter(scim.NewShape(userName), nil), c.sizes[light], func(id, name string) bool {
		if seen[id] {
			return false
		}
		seen[id] = true
		each(id, name)
		return true
	})
}

// inactiveUsers visits id and userName of inactive users, as long as pages
// have some for which visit is true.
func (c *Client) inactiveUsers(ctx context.Context, cut *cutter, size *scimclient.Size, visit func(id, name string) bool) error {
	query := cut.projection(scim.User)
	query.Set("filter", "active eq false")
	_, err := c.api.List(ctx, collection(scim.User), query, size, func(text []byte) (bool, error) {
		o, err := cut.observed(scim.User, text)
		if err != nil {
			return false, err
		}
		name, err := nameIn(text)
		return err == nil && visit(o.ID, name), err
	})
	return c.explain(err)
}
