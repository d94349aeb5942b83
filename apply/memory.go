package apply

import (
	"slices"
	"sync"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// memory is what a run has learned from its own writes. It is safe for
// concurrent use.
type memory struct {
	mu sync.Mutex

	ids      map[source.Key]string  // created or adopted in this run
	versions map[string]string      // of users written in this run, by id; "": must be read
	failed   map[source.Key]plan.Op // what the rest of a person's changes rests on, and did not come about
	denials  []denial

	notes     []plan.Finding // what was found out on the way
	grantless bool           // grants may not be read

	stayed map[string][]string // by group: members who are there after their removal
}

// A denial is a kind of write that the credentials may not do: tried once, and
// then left out for the rest of the run.
type denial struct {
	op    plan.Op // of a whole op; "" where it is about attributes
	typ   scim.Type
	paths []scim.Path // what was written: a change that edits all of it is denied as well
	named bool        // the service named paths: a change without them goes
	hint  string
}

// learn takes over what became of c.
func (m *memory) learn(c plan.Change, o ledger.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	good := o.Result == ledger.Done || o.Result == ledger.Found
	if good && c.Key != "" && (c.Op == plan.Create || c.Op == plan.Adopt || c.Op == plan.Restore || c.Op == plan.Rekey) {
		m.ids[c.Key] = o.Ref.ID
	}
	if !good && (c.Op == plan.Create || c.Op == plan.Restore || c.Op == plan.Reactivate) {
		m.failed[c.Key] = c.Op
	}
	if o.Ref.Type != scim.User || o.Ref.ID == "" || (!good && o.Attempts == 0) {
		return
	}
	// A version that is not the successor of the one planned with covers somebody
	// else's edit: what comes next was not computed from it and reads first.
	m.versions[o.Ref.ID] = ""
	if good && o.Conflicts == 0 && (c.Op == plan.Create || o.VersionFrom == c.Target.Version) {
		m.versions[o.Ref.ID] = o.Ref.Version
	}
}

// ref is the resource that c is about, as far as this run knows better than the plan.
func (m *memory) ref(c plan.Change) scim.Ref {
	m.mu.Lock()
	defer m.mu.Unlock()
	to := c.Target
	if to.ID == "" && c.Op != plan.Create {
		to.ID = m.ids[c.Key]
	}
	if v, written := m.versions[to.ID]; written && to.ID != "" {
		to.Version = v
	}
	if to.Type == scim.Group {
		to.Version = "" // adding and removing named members is idempotent: no If-Match
	}
	return to
}

// id is the id of the user that k was linked to in this run.
func (m *memory) id(k source.Key) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, ok := m.ids[k]
	return id, ok
}

// rests is the change of this run that c rests on and that did not come about; "" where there is none.
func (m *memory) rests(c plan.Change) plan.Op {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.Key == "" {
		return ""
	}
	return m.failed[c.Key]
}

// deny remembers what is not permitted.
func (m *memory) deny(d denial) {
	if d.op == "" && len(d.paths) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.denials = append(m.denials, d)
}

// denied tells whether c is of a kind that was denied before as a whole.
func (m *memory) denied(c plan.Change) (denial, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.denials, func(d denial) bool {
		if d.op != "" || wholeOp(c.Op) {
			return d.op == c.Op
		}
		return !d.named && d.typ == c.Target.Type && len(both(d.paths, paths(c))) == len(d.paths)
	})
	if i < 0 {
		return denial{}, false
	}
	return m.denials[i], true
}

// forbidden are the denials of attributes of this type that the service named.
func (m *memory) forbidden(t scim.Type) []denial {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.denials), func(d denial) bool { return !d.named || d.typ != t })
}

func wholeOp(op plan.Op) bool {
	return op == plan.Create || op == plan.Delete || op == plan.Grant || op == plan.Restore
}
