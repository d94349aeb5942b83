package reconcile

import (
	"context"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// manyUpdates make one listing cheaper than a read for each.
const manyUpdates = 50

// A finder reads who a file is about.
type finder struct {
	*explicitPlan

	who   []string                   // as the file says it, each once
	ids   map[string]string          // by WHO that is a source key
	found map[string]target.Observed // by WHO
	keys  map[string]source.Key      // by id
	twice map[string]bool            // WHO that is the externalId of several
}

// subjects are the users of updates, found by source key, userName, id or
// externalId, in that order. Two updates of one user are one subject; who
// cannot be found is a finding.
func (e *explicitPlan) subjects(ctx context.Context, updates []update) ([]*subject, error) {
	f := &finder{
		explicitPlan: e, ids: map[string]string{}, found: map[string]target.Observed{},
		keys: map[string]source.Key{}, twice: map[string]bool{},
	}
	seen := map[string]bool{}
	for _, u := range updates {
		if !seen[u.who] {
			f.who, seen[u.who] = append(f.who, u.who), true
		}
	}
	if err := inTurn(ctx, f.linked, f.listed, f.asked, f.external, f.keyed); err != nil {
		return nil, err
	}
	return f.gather(updates), nil
}

// linked finds source keys in the ledger.
func (f *finder) linked(ctx context.Context) error {
	wanted := f.set()
	return each(f.Store.Links(ctx, ledger.LinkQuery{}), func(l plan.Link) {
		if wanted[string(l.Key)] && !l.Closed && l.Ref.ID != "" {
			f.ids[string(l.Key)] = l.Ref.ID
		}
	})
}

func (f *finder) set() map[string]bool {
	set := make(map[string]bool, len(f.who))
	for _, w := range f.who {
		set[w] = true
	}
	return set
}

// listed reads everybody at once where that is cheaper.
func (f *finder) listed(ctx context.Context) error {
	if len(f.who) <= manyUpdates {
		return nil
	}
	by := map[string]string{} // id or folded userName → WHO
	for _, w := range f.who {
		if id := f.ids[w]; id != "" {
			by[id] = w
			continue
		}
		by[w], by[strings.ToLower(w)] = w, w
	}
	return f.everybody(ctx, f.in.Users, func(o target.Observed) {
		name, _ := o.Row.At(userNamePath)
		folded, _ := text(name)
		for _, k := range []string{o.ID, strings.ToLower(folded)} {
			if w, ok := by[k]; ok && k != "" {
				f.found[w] = o
			}
		}
	})
}

// asked reads one by one who was not found yet.
func (f *finder) asked(ctx context.Context) error {
	for _, w := range f.who {
		if _, ok := f.found[w]; ok {
			continue
		}
		queries := []target.Query{{Ask: target.ByUserName, Type: scim.User, Who: w}}
		if id := f.ids[w]; id != "" {
			queries = []target.Query{{Ask: target.ByID, Type: scim.User, Who: id}}
		} else if !strings.ContainsAny(w, "@ /") {
			queries = append(queries, target.Query{Ask: target.ByID, Type: scim.User, Who: w})
		}
		if err := f.ask(ctx, w, queries); err != nil {
			return err
		}
	}
	return nil
}

func (f *finder) ask(ctx context.Context, who string, queries []target.Query) error {
	for _, q := range queries {
		for o, err := range f.Reader.Read(ctx, q, f.in.Users) {
			if err != nil {
				return err
			}
			if o.State == target.Active || o.State == target.Inactive {
				f.found[who] = o
			}
		}
		if _, ok := f.found[who]; ok {
			return nil
		}
	}
	return nil
}

// external looks for the rest among the externalIds: the list that has them is
// long, so it is read only when it must be.
func (f *finder) external(ctx context.Context) error {
	wanted := f.set()
	for w := range f.found {
		delete(wanted, w)
	}
	for w := range f.ids {
		delete(wanted, w) // known by key: whoever is not there any more is not somebody else
	}
	if len(wanted) == 0 {
		return nil
	}
	ids := map[string][]string{}
	err := f.everybody(ctx, scim.NewShape(externalIDPath), func(o target.Observed) {
		values, _ := o.Row.At(externalIDPath)
		if id, ok := text(values); ok && wanted[id] {
			ids[id] = append(ids[id], o.ID)
		}
	})
	if err != nil {
		return err
	}
	for w := range wanted {
		f.twice[w] = len(ids[w]) > 1
		if len(ids[w]) != 1 {
			continue
		}
		if err := f.ask(ctx, w, []target.Query{{Ask: target.ByID, Type: scim.User, Who: ids[w][0]}}); err != nil {
			return err
		}
	}
	return nil
}

// keyed finds out whose links the users are.
func (f *finder) keyed(ctx context.Context) error {
	wanted := map[string]bool{}
	for _, o := range f.found {
		wanted[o.ID] = true
	}
	return each(f.Store.Links(ctx, ledger.LinkQuery{}), func(l plan.Link) {
		if wanted[l.Ref.ID] && !l.Closed {
			f.keys[l.Ref.ID] = l.Key
		}
	})
}

// gather makes one subject of every user.
func (f *finder) gather(updates []update) []*subject {
	var all []*subject
	by := map[string]*subject{}
	for _, u := range updates {
		o, ok := f.found[u.who]
		if !ok {
			f.lost = append(f.lost, u.ops...)
		}
		switch {
		case f.twice[u.who]:
			f.problem(u.place, "ambiguous-who", "several users have the externalId %q", u.who)
			continue
		case !ok:
			f.problem(u.place, "unknown-who", "nobody is called %q: no source key, userName, id or externalId is", u.who)
			continue
		case by[o.ID] == nil:
			s := &subject{Observed: o, key: f.keys[o.ID], place: u.place}
			if !f.picked(s, u.who) {
				continue
			}
			by[o.ID] = s
			all = append(all, s)
		}
		by[o.ID].updates = append(by[o.ID].updates, u)
	}
	f.complain()
	return slices.DeleteFunc(all, f.flooded)
}

// flooded says that several updates are of one user, and finds that they are too many.
func (f *finder) flooded(s *subject) bool {
	size := 0
	for i, u := range s.updates {
		if size += u.size; i > 0 {
			f.note(u.place, "same-user", "%s is the user of %s too: the two are taken together", quoteWho(u.who), s.place)
		}
	}
	return f.tooMany(s.updates[len(s.updates)-1].place, size)
}

// complain finds the entries of Policy.Only that nobody in the file is.
func (f *finder) complain() {
	for _, w := range f.in.Policy.Only {
		one := *f.explicitPlan
		one.in.Policy.Only = []string{w}
		picks := func(who string) bool {
			o, ok := f.found[who]
			return ok && one.picked(&subject{Observed: o, key: f.keys[o.ID]}, who)
		}
		if !slices.ContainsFunc(f.who, picks) {
			f.problem("", "unknown-who", "nobody in %s is %q%s", f.name, w, fault.DidYouMean(w, f.who))
		}
	}
}
