package genesyssim

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// populate builds the organization of a configuration. Kind: Invalid.
func populate(c Config, k *knobs, now time.Time) (*org, error) {
	o := newOrg(c, k)
	if c.Groups == nil && c.Users.Count > 0 {
		c.Groups = generatedGroups()
	}
	var faults []error
	for _, g := range c.Groups {
		if err := o.seedGroup(g, now); err != nil {
			faults = append(faults, fmt.Errorf("group %q: %w", g.Name, err))
		}
	}
	if len(c.Clients) > 0 {
		self := o.authority(c.Clients[0].ID)
		if err := o.seedUsers(c.Users.List, self, now); err != nil {
			faults = append(faults, err)
		}
		o.generate(c, self, now)
	} else if c.Users.Count > 0 || len(c.Users.List) > 0 {
		faults = append(faults, errors.New("users: without a client there is nobody to whom their externalIds belong"))
	}
	for _, g := range c.Groups {
		if err := o.seedMembers(g); err != nil {
			faults = append(faults, fmt.Errorf("group %q: %w", g.Name, err))
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: %w", fault.Invalid, errors.Join(faults...))
	}
	return o, nil
}

func (o *org) seedGroup(g Group, now time.Time) error {
	if _, twice := o.groupByName[fold(g.Name)]; twice {
		return errors.New("there are two of this name")
	}
	made := &group{id: o.newID(), name: g.Name, externals: map[string]string{}, version: 1, modified: now.UnixMilli()}
	if g.ID != "" {
		id, ok := parseGUID(g.ID)
		if !ok {
			return errors.New("the id is not a GUID")
		}
		made.id = id
	}
	if g.Rule != "" {
		r, err := parseRule(g.Rule)
		if err != nil {
			return fmt.Errorf("rule: %w", err)
		}
		made.rule = r
	}
	for _, name := range g.Roles {
		made.roles = append(made.roles, o.roles.add(name, o.newID))
	}
	o.insertGroup(made)
	return nil
}

func (o *org) seedMembers(g Group) error {
	i, ok := o.groupByName[fold(g.Name)]
	if !ok {
		return nil // its fault is known
	}
	var faults []error
	each := func(names []string, enter func(int32)) {
		for _, name := range names {
			u, ok := o.who(name)
			if !ok || o.users[u].state == deletedUser {
				faults = append(faults, fmt.Errorf("member %q is not a user", name))
				continue
			}
			enter(u)
		}
	}
	each(g.Members, func(u int32) { o.enter(i, u) })
	each(g.Owners, func(u int32) {
		o.groups[i].owners = insert(o.groups[i].owners, u)
		o.recount(i, u)
	})
	return errors.Join(faults...)
}

// A seedling is a seeded user that has been read.
type seedling struct {
	profile *profile
	id      guid
	state   state
}

// readSeed reads a seeded user: SCIM attributes, those of the extensions also
// without their URN, and state.
func readSeed(in map[string]any) (seedling, error) {
	s := seedling{state: activeUser}
	word, _ := in["state"].(string)
	if _, given := in["state"]; given {
		var ok bool
		if s.state, ok = parseState(word); !ok {
			return s, fmt.Errorf("state %q is none of active, inactive, deleted", word)
		}
	}
	if text, given := in["id"].(string); given {
		var ok bool
		if s.id, ok = parseGUID(text); !ok {
			return s, errors.New("the id is not a GUID")
		}
	}
	cleaner := newCleaner(scim.User)
	attrs := cleaner.object(qualified(in))
	if len(cleaner.unknown) > 0 {
		return s, fmt.Errorf("unknown attribute %q%s", cleaner.unknown[0], suggest(cleaner.unknown[0], attributeNames()))
	}
	p, err := readProfile(attrs)
	if err != nil {
		return s, errors.New(strings.ToLower(err.Detail[:1]) + strings.TrimSuffix(err.Detail[1:], "."))
	}
	if p.userName == "" || p.displayName == "" {
		return s, errors.New("a user needs userName and displayName")
	}
	if p.hasActive && !p.active && s.state == activeUser {
		s.state = inactiveUser
	}
	s.profile = p
	return s, nil
}

// qualified puts attributes of extensions below their URN, and drops state.
func qualified(in map[string]any) map[string]any {
	core := shapesOf()[scim.User]
	out := make(map[string]any, len(in))
	for name, value := range in {
		if name == "state" {
			continue
		}
		for _, urn := range []string{genesysschema.EnterpriseURN, genesysschema.GenesysURN} {
			if core[fold(name)] == nil && core[fold(urn)].subs[fold(name)] != nil {
				name = urn + ":" + name
			}
		}
		out[name] = value
	}
	return out
}

func attributeNames() []string {
	names := []string{"state"}
	for _, s := range shapesOf()[scim.User] {
		names = append(names, s.Name)
		if strings.HasPrefix(s.Name, "urn:") {
			for _, sub := range s.subs {
				names = append(names, sub.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// seedUsers adds the listed users. Managers may be named by userName, and come later in the list.
func (o *org) seedUsers(list []map[string]any, self string, now time.Time) error {
	var faults []error
	managers := map[int32]string{}
	for n, in := range list {
		s, err := readSeed(in)
		if err == nil {
			manager := s.profile.manager
			s.profile.manager = ""
			var i int32
			if i, err = o.seedUser(s, self, now); err == nil && manager != "" {
				managers[i] = manager
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("users: number %d: %w", n+1, err))
		}
	}
	for i, manager := range managers {
		m, ok := o.who(manager)
		if !ok {
			faults = append(faults, fmt.Errorf("users: the manager of %s is not a user", o.users[i].userName))
			continue
		}
		o.users[i].manager = m
	}
	return errors.Join(faults...)
}

func (o *org) seedUser(s seedling, self string, now time.Time) (int32, error) {
	if s.id == (guid{}) {
		s.id = o.newID()
	}
	if _, twice := o.byID[s.id]; twice {
		return 0, errors.New("there are two of this id")
	}
	s.profile.hasActive = false
	next, err := o.draft(-1, &user{manager: -1, state: s.state}, s.profile, writing{self: self, whole: true, names: true})
	if err != nil {
		return 0, errors.New(strings.ToLower(err.Detail[:1]) + strings.TrimSuffix(err.Detail[1:], "."))
	}
	next.id, next.state, next.version, next.modified = s.id, s.state, 1, now.UnixMilli()
	return o.insertUser(next), nil
}

// jsonOf is a YAML value as encoding/json would have decoded it.
func jsonOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = jsonOf(e)
		}
		return out
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[fmt.Sprint(k)] = jsonOf(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = jsonOf(e)
		}
		return out
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case time.Time:
		return v.Format(time.RFC3339)
	default:
		return v
	}
}
