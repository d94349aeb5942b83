package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A sought is somebody who is looked for, and what was found of them.
type sought struct {
	who      string
	key      source.Key       // "": nobody of the source, and never linked
	link     *plan.Link       // nil: none, not even a closed one
	accounts []account        // records of the key
	user     *target.Observed // where neither source nor ledger knows them
}

// An account is a record with how it becomes a person, or why it cannot be read.
type account struct {
	mapping.Account
	bad error
}

func (s *sought) foreign() bool { return s.key == "" }

// linked tells whether the ledger knows which user this is.
func (s *sought) linked() bool { return s.link != nil && !s.link.Closed && s.link.Ref.ID != "" }

// nothing tells whether no plan can be about the person: no record in scope, and no link.
func (s *sought) nothing() bool {
	bad := func(a account) bool { return a.bad != nil || a.Failed() != nil }
	return s.desired() == nil && !s.linked() && !slices.ContainsFunc(s.accounts, bad)
}

// desired is the record that counts: the one in scope.
func (s *sought) desired() *account {
	for i := range s.accounts {
		if a := &s.accounts[i]; a.bad == nil && a.In {
			return a
		}
	}
	return nil
}

// records counts those in scope.
func (s *sought) records() (n int) {
	for _, a := range s.accounts {
		if a.bad == nil && a.In {
			n++
		}
	}
	return n
}

func (s *sought) standing() (Standing, string) {
	a := s.desired()
	switch {
	case s.foreign():
		return Foreign, "a user whom nobody of the source is: rollcall never linked it, and leaves it alone"
	case len(s.accounts) == 0 && s.link != nil && s.link.Closed:
		return Absent, "not in the source; the link was closed, because the user is gone or was given up"
	case len(s.accounts) == 0:
		return Absent, "linked, and not in the source any more"
	case slices.ContainsFunc(s.accounts, func(a account) bool { return a.bad != nil || a.In && a.Failed() != nil }):
		return Spoiled, "in the source, in a row that cannot be used: the user stands as last believed"
	case s.records() > 1:
		return Spoiled, "in the source more than once: the user stands as last believed"
	case a == nil && s.linked():
		return OutOfScope, "in the source, but out of scope; linked, and so treated as somebody who left"
	case a == nil:
		return OutOfScope, "in the source, but out of scope, and never linked: nothing is done"
	default:
		return Present, "in the source and in scope"
	}
}

// seek finds who is meant: by key, then by what the ledger and the source call
// people, then in the organization.
func (j Job) seek(ctx context.Context, who string) (*sought, error) {
	s := &sought{who: who}
	keys, err := j.called(ctx, who)
	if err != nil {
		return nil, err
	}
	found, err := j.accounts(ctx, keys, []string{who})
	if err != nil {
		return nil, err
	}
	for k := range found {
		keys[k] = true
	}
	if len(keys) == 0 {
		if err := j.askFor(ctx, s); err != nil {
			return nil, err
		}
		if found, err = j.accounts(ctx, nil, j.namesOf(s.user.Row)); err != nil {
			return nil, err
		}
		for k := range found {
			keys[k] = true
		}
	}
	if s.key, err = one(who, keys); err != nil {
		return nil, err
	}
	s.accounts = found[s.key]
	s.link, err = j.linkOf(ctx, s.key)
	return s, err
}

// one is the key that is meant: who itself, or the only one; "" where there is
// none. Invalid where several people are called who.
func one(who string, keys map[source.Key]bool) (source.Key, error) {
	if keys[source.Key(who)] {
		return source.Key(who), nil
	}
	list := slices.Sorted(maps.Keys(keys))
	if len(list) > 1 {
		err := fmt.Errorf("explain: %w: %d people are called %q", fault.Invalid, len(list), who)
		return "", fault.WithHint(err, fmt.Sprintf("give a source key: %v", list[:min(len(list), 5)]))
	}
	if len(list) == 0 {
		return "", nil
	}
	return list[0], nil
}

// called are the keys whose link has this key, userName or id; none where only closed ones do but by key.
func (j Job) called(ctx context.Context, who string) (map[source.Key]bool, error) {
	keys := map[source.Key]bool{}
	err := each(j.Store.Links(ctx, ledger.LinkQuery{}), func(l plan.Link) {
		if string(l.Key) == who || !l.Closed && (l.Ref.ID == who || l.UserName != "" && strings.EqualFold(l.UserName, who)) {
			keys[l.Key] = true
		}
	})
	return keys, err
}

// linkOf is the link of k with its image, in the shape of the run; nil where there is none.
func (j Job) linkOf(ctx context.Context, k source.Key) (*plan.Link, error) {
	if k == "" {
		return nil, nil
	}
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{Shape: j.Input.Users, Image: true}) {
		if err != nil {
			return nil, err
		}
		if l.Key == k {
			return &l, nil
		}
	}
	return nil, nil
}

// accounts reads the source once for the records of these keys, and of whoever
// is called one of these names.
func (j Job) accounts(ctx context.Context, keys map[source.Key]bool, names []string) (map[source.Key][]account, error) {
	found := map[source.Key][]account{}
	for rec, err := range j.Source.Records(ctx, j.Mapping.Columns()) {
		var bad *source.RecordError
		switch {
		case errors.As(err, &bad):
			if bad.Key != "" && (keys[bad.Key] || slices.Contains(names, string(bad.Key))) {
				a := account{bad: bad.Err}
				a.Key, a.Place = bad.Key, bad.Place
				found[bad.Key] = append(found[bad.Key], a)
			}
		case err != nil:
			return nil, err
		case keys[rec.Key], slices.Contains(names, string(rec.Key)), j.isNamed(rec, names):
			found[rec.Key] = append(found[rec.Key], account{Account: j.Mapping.Explain(rec)})
		}
	}
	return found, nil
}

// isNamed tells whether a record is of somebody with one of these names. Only
// who is out of scope, or has a bad row, takes a look at every rule.
func (j Job) isNamed(rec source.Record, names []string) bool {
	if p, err := j.Mapping.Map(rec); err == nil && p.In {
		return slices.ContainsFunc(j.matchers(), func(path scim.Path) bool { return isAmong(path, at(p.Row, path), names) })
	}
	return slices.ContainsFunc(j.Mapping.Explain(rec).Attributes, func(t mapping.Trace) bool {
		return slices.Contains(j.matchers(), t.Path) && isAmong(t.Path, t.Values, names)
	})
}

// matchers are the paths by which people are called.
func (j Job) matchers() []scim.Path {
	return append([]scim.Path{userNamePath}, j.Input.Policy.Match...)
}

func isAmong(p scim.Path, values []scim.Value, names []string) bool {
	name, ok := text(values)
	return ok && slices.ContainsFunc(names, func(n string) bool { return same(p, n, name) })
}

func same(p scim.Path, a, b string) bool {
	if p == userNamePath {
		return strings.EqualFold(a, b)
	}
	return a == b
}

// namesOf are what a user is called.
func (j Job) namesOf(r scim.Row) (names []string) {
	for _, p := range j.matchers() {
		if name, ok := text(at(r, p)); ok {
			names = append(names, name)
		}
	}
	return names
}

// askFor looks for a user of the organization by id and userName. Invalid where there is none.
func (j Job) askFor(ctx context.Context, s *sought) error {
	queries := []target.Query{{Ask: target.ByUserName, Type: scim.User, Who: s.who}}
	if !strings.ContainsAny(s.who, "@ /") {
		queries = append([]target.Query{{Ask: target.ByID, Type: scim.User, Who: s.who}}, queries...)
	}
	for _, q := range queries {
		for o, err := range j.Reader.Read(ctx, q, withGroups(j.Input.Users)) {
			if errors.Is(err, fault.Invalid) || errors.Is(err, fault.Missing) {
				break // no id
			}
			if err != nil {
				return err
			}
			if o.State != target.Gone && s.user == nil {
				s.user = &o
			}
		}
		if s.user != nil {
			return nil
		}
	}
	near, err := j.nearest(ctx, s.who)
	if err != nil {
		return err
	}
	return nobody(s.who, near)
}

// nearest is the key or userName of the source or the ledger that is most like word.
func (j Job) nearest(ctx context.Context, word string) (string, error) {
	var known []string
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{}) {
		if err != nil {
			return "", err
		}
		known = append(known, string(l.Key), l.UserName)
	}
	if j.Source == nil {
		slices.Sort(known)
		return fault.Nearest(word, known), nil
	}
	for rec, err := range j.Source.Records(ctx, j.Mapping.Columns()) {
		if bad := (*source.RecordError)(nil); errors.As(err, &bad) {
			continue
		}
		if err != nil {
			return "", err
		}
		p, _ := j.Mapping.Map(rec) // a row that fails has a key all the same
		name, _ := text(at(p.Row, userNamePath))
		known = append(known, string(p.Key), name)
	}
	slices.Sort(known) // the first of equals is told
	return fault.Nearest(word, known), nil
}

// withGroups is s with the groups of a user.
func withGroups(s *scim.Shape) *scim.Shape {
	return scim.NewShape(append(slices.Clone(s.Paths()), groupsPath)...)
}
