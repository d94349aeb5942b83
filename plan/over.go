package plan

import (
	"cmp"
	"slices"

	"rollcall/scim"
	"rollcall/source"
)

// A Who is somebody whom a plan that is over a limit is about.
type Who struct {
	Key      source.Key `json:"key,omitempty"`
	UserName string     `json:"userName,omitempty"`
	Resource string     `json:"resource,omitempty"` // id, of somebody without a key
}

// Name is how people know w: by userName, else by key, else by id.
func (w Who) Name() string { return cmp.Or(w.UserName, string(w.Key), w.Resource) }

func whoOf(c Change) Who {
	w := Who{Key: c.Key, UserName: c.UserName}
	if w.Name() == "" {
		w.Resource = c.Target.ID
	}
	return w
}

// accuse says of every limit that is exceeded whom the plan wants to do it to,
// sorted by name. Those of the last 24 hours are not among them.
func (b *Builder) accuse(limits []Limit) {
	for i := range limits {
		l := &limits[i]
		switch {
		case !l.Exceeded || l.Who != nil:
			continue
		case l.Name == string(GroupRemovals):
			l.Who = b.removed(l.Of)
		default:
			l.Who = b.counted(Op(l.Name), l.Of)
		}
		slices.SortFunc(l.Who, func(x, y Who) int { return cmp.Or(cmp.Compare(x.Name(), y.Name()), cmp.Compare(x.Key, y.Key)) })
	}
}

// counted are the people whose changes count as op, of one unit where it is named.
func (b *Builder) counted(op Op, unit string) (all []Who) {
	for _, e := range b.out.entries {
		if ops[e.op] != op || e.kind != counted {
			continue
		}
		if c := b.out.change(e); unit == "" || b.units.Of[c.Key] == unit {
			all = append(all, whoOf(c))
		}
	}
	return all
}

// removed are the people who leave a group; those whose removal waits for something else do not count.
func (b *Builder) removed(group string) (all []Who) {
	for _, e := range b.out.entries {
		if ops[e.op] != Leave || b.out.list[e.held] != "" {
			continue
		}
		c := b.out.change(e)
		if c.UserName != group {
			continue
		}
		for _, edit := range c.Edits {
			for _, v := range edit.Remove {
				all = append(all, b.member(v))
			}
		}
	}
	return all
}

// member is the person whom an element of members names.
func (b *Builder) member(v scim.Value) Who {
	value := v.Sub("value")
	k, keyed := personOf(value)
	if !keyed {
		id, _ := value.Text()
		if n := b.findUser(id); n >= 0 {
			return Who{UserName: b.nameOf(n), Resource: id}
		}
		return Who{Resource: id}
	}
	w := Who{Key: k}
	if n := b.find(k); n >= 0 && b.people[n].user >= 0 {
		w.UserName = b.nameOf(int(b.people[n].user))
	}
	return w
}
