package plan

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A Undo is what one run did to one user, with how that user is now.
type Undo struct {
	Key     source.Key      // whose the user is, or was by the run; "": nobody's
	Linked  bool            // the user is linked to Key
	Taken   []source.Key    // of the keys in Done: those that are linked to others now
	Done    []Change        // oldest first, as carried out: Before as read, ids in the place of people
	Now     target.Observed // with [Undo.Paths], where the user is there
	Grants  []scim.Value    // roles with their divisions, now
	Granted bool            // Grants were read
	Force   bool            // what somebody changed since is taken back too
}

// Paths are what must be known of the user now, and whether their grants are.
func (t Undo) Paths() (paths []scim.Path, grants bool) {
	add := func(p scim.Path) {
		switch p {
		case active:
			return
		case target.GrantsOf:
			grants, p = true, rolesOf
		}
		if !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	for _, c := range t.Done {
		for _, e := range c.Edits {
			add(e.Path)
		}
		for _, l := range c.Leaving {
			add(l.Path)
		}
	}
	return paths, grants
}

// The stages of taking a run back, in this order: accounts that came by it are
// closed first, whoever is to be given something back is brought back before, and
// deletions, which take references with them, come last.
const (
	backLinking stage = iota
	backClosing
	backRenaming // the last rename first: a userName is freed before it is taken
	backOpening
	backUpdating
	backFollowing
	backJoining
	backParting
	backUnlinking
	backDeleting // whoever refers to them has been changed; people before their managers
)

// TakeBack plans to take back what a run did to one user: changes of the user,
// and of the groups that leaving took them out of, in waves that count from zero
// with gaps. Nothing that somebody changed since is touched, unless the undo
// says so, and no guarded role; findings tell it.
func (in Input) TakeBack(t Undo) ([]Change, []Finding) {
	r := &reversal{Input: in, Undo: t}
	if in.Policy.Protects(r.name()) {
		r.find(Error, "protected", "the user is protected and never touched")
		return nil, r.findings
	}
	r.rekey()
	r.account()
	r.values()
	r.relink()
	return r.changes, r.findings
}

// A reversal is one Undo on its way to changes.
type reversal struct {
	Input
	Undo

	changes  []Change
	findings []Finding
	backs    []Edit       // of what leaving took
	grants   []scim.Value // the same of roles, with their divisions
	returns  bool         // a change brings the user back to life
	closes   bool         // a change takes the user's roles away, or the user
}

func (r *reversal) there() bool {
	return r.Now.State == target.Active || r.Now.State == target.Inactive
}

// name is the userName as it is now, else as it was known.
func (r *reversal) name() string {
	if vs, known := r.Now.Row.At(userName); known && len(vs) == 1 {
		name, _ := vs[0].Text()
		return name
	}
	return r.Done[len(r.Done)-1].UserName
}

func (r *reversal) find(severity Severity, code, format string, args ...any) {
	f := finding(severity, code, r.Key, source.Place{}, format, args...)
	if r.Key == "" {
		f.Place = r.name()
	}
	r.findings = append(r.findings, f)
}

// emit adds a change of the user.
func (r *reversal) emit(op Op, s stage, depth int, edits []Edit) *Change {
	c := Change{Op: op, Key: r.Key, UserName: r.name(), Target: r.Now.Ref, Wave: int(s)<<16 | depth, Reason: reverted, Edits: edits}
	c.Target.Type = scim.User
	secondary := func(e Edit) bool { return slices.Contains(r.Dialect.Secondary, e.Path) }
	c.Fresh = len(edits) > 0 && op != Grant && (c.Target.Version == "" || slices.ContainsFunc(edits, secondary))
	r.changes = append(r.changes, c)
	return &r.changes[len(r.changes)-1]
}

// values takes back what was edited, and adds what leaving took.
func (r *reversal) values() {
	edits := Invert(r.kept())
	if !r.there() && !r.returns {
		if len(edits) > 0 && !r.closes {
			r.find(Error, "gone", "the user was deleted since: nothing is left to take back")
		}
		return
	}
	var out []Edit
	for _, e := range slices.Concat(edits, r.ungrant()) {
		if e, due := r.due(r.ungiven(e)); due {
			out = append(out, e)
		}
	}
	for _, e := range r.backs {
		if slices.ContainsFunc(out, func(o Edit) bool { return o.Path == e.Path }) {
			r.spare(e)
		} else {
			out = append(out, e)
		}
	}
	if len(out) > 0 {
		r.update(out)
	}
}

// ungiven is e without the roles that are given back with their divisions: they
// are rollcall's again, and nothing is sent of them by name.
func (r *reversal) ungiven(e Edit) Edit {
	if e.Path != rolesOf {
		return e
	}
	add := e.Add
	e.Add = nil
	for _, v := range add {
		if slices.ContainsFunc(r.grants, func(g scim.Value) bool { return g.Sub("role") == identity(v, e.ID) }) {
			e.Claim = append(e.Claim, v)
		} else {
			e.Add = append(e.Add, v)
		}
	}
	return e
}

// spare tells the return that e is not given back after all: the run's own edit does it.
func (r *reversal) spare(e Edit) {
	for i, c := range r.changes {
		if !c.Op.Leaves() && len(c.Leaving) > 0 {
			r.changes[i].Leaving = Loss{Had: c.Leaving}.Less([]Edit{e}).Had
		}
	}
}

// kept are the changes whose edits count: those of a user who goes again with the account do not.
func (r *reversal) kept() []Change {
	if before, _, ok := r.moves(); ok && (before == target.Gone || before == target.Erased) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Done), func(c Change) bool { return c.Op == Grant })
}

// due is what of e is to be done now.
func (r *reversal) due(e Edit) (_ Edit, ok bool) {
	if e.Path == active {
		return e, false
	}
	if slices.ContainsFunc(slices.Concat(e.Set, e.Add, e.Before), redacted) {
		r.find(Error, "redacted", "%s is kept as a digest only (redact): what it was is not known", r.label(e.Path))
		return e, false
	}
	if now, known := r.Now.Row.At(e.Path); known {
		var conflicts []Conflict
		e, conflicts = e.Since(now, r.Force)
		for _, c := range conflicts {
			r.conflict(c)
		}
	}
	e = r.unguarded(e)
	return e, !e.claimsOnly() || len(e.Claim) > 0
}

// conflict tells what is left alone because somebody changed it since.
func (r *reversal) conflict(c Conflict) {
	r.find(Error, "changed-since", "%s: the run left %s, now it is %s; left alone, and not %s again, without --force-over-changes",
		r.label(c.Path), spoken(c.Wrote), spoken(c.Now), spoken(c.Taken))
}

// unguarded is e without the roles that nothing but a person's hand gives or takes.
func (r *reversal) unguarded(e Edit) Edit {
	if r.Dialect.Named[e.Path] != target.Roles {
		return e
	}
	drop := func(v scim.Value) bool {
		if !r.Policy.Guards(v, e.ID) {
			return false
		}
		r.guarded(identity(v, e.ID))
		return true
	}
	e.Add, e.Remove = slices.DeleteFunc(slices.Clone(e.Add), drop), slices.DeleteFunc(slices.Clone(e.Remove), drop)
	return e
}

func (r *reversal) guarded(role scim.Value) {
	r.find(Error, "guarded-role", "the role %s is neither given nor taken by itself; protect.roles can allow it", role)
}

// update emits the edits. They are the second half of a return, where there is
// one; and where a userName is among them, references follow in a second half: those
// whom they name may have to wait for that userName.
func (r *reversal) update(edits []Edit) {
	op, s, depth := Update, backUpdating, 0
	if slices.ContainsFunc(edits, func(e Edit) bool { return e.Path == userName }) {
		op, s, depth = Rename, backRenaming, r.undepth()
		refers := func(e Edit) bool { return slices.Contains(r.Dialect.References, e.Path) }
		if i := slices.IndexFunc(edits, refers); i >= 0 {
			r.emit(Update, backFollowing, 0, edits[i:i+1:i+1]).Reason = referenceFollows
			edits = slices.Delete(slices.Clone(edits), i, i+1)
		}
	}
	if r.returns {
		s = max(s, backFollowing)
	}
	c := r.emit(op, s, depth, edits)
	if r.returns && op == Update {
		c.Reason = givenBack
	}
	r.namedRoles(edits)
}

// namedRoles tells of roles that are given by name.
func (r *reversal) namedRoles(edits []Edit) {
	for _, e := range edits {
		if e.Path == rolesOf && len(e.Add) > 0 {
			r.find(Note, "division-unknown", "in which divisions the roles %s were is not known: the service gives them in the user's own", spoken(e.Add))
		}
	}
}

// undepth orders what is taken back within its stage: what was done last comes first.
func (r *reversal) undepth() int { return 1<<15 - min(r.Done[0].Wave, 1<<15) }

// ungrant takes the roles away that were granted with their divisions, where
// nobody else gave the same role in another one: by name a role goes from all.
func (r *reversal) ungrant() []Edit {
	e := Edit{Path: rolesOf, ID: "value"}
	for _, c := range r.Done {
		if c.Op != Grant || r.closes {
			continue
		}
		for _, v := range c.granted() {
			if r.sole(v, c.granted()) {
				name := scim.ValueOf(map[string]any{"value": v.Sub("role").Any()})
				e.Before, e.Remove = append(e.Before, name), append(e.Remove, name)
			}
		}
	}
	return []Edit{e}
}

// granted are the grants that c gave, and that were not there before.
func (c Change) granted() (vs []scim.Value) {
	for _, e := range c.Edits {
		vs = append(vs, minus(e.Add, e.Before, "")...)
	}
	return vs
}

// sole tells whether every grant that the user has of v's role is among given.
func (r *reversal) sole(v scim.Value, given []scim.Value) bool {
	if !r.Granted {
		r.find(Error, "grants-unread", "which divisions the roles have now may not be read (authorization:grant:view): the role %s is not taken back", grantWord(v))
		return false
	}
	for _, have := range r.Grants {
		if have.Sub("role") == v.Sub("role") && !slices.Contains(given, have) {
			r.find(Error, "granted-elsewhere", "the role %s is not taken back: it would go from %s too", grantWord(v), grantWord(have))
			return false
		}
	}
	return true
}

// rekey gives the link its former key. Whatever follows is about that.
func (r *reversal) rekey() {
	for _, c := range slices.Backward(r.Done) {
		switch old := source.Key(c.From); {
		case c.Op != Rekey:
		case !r.Linked || r.Key != c.Key || slices.Contains(r.Taken, old):
			r.find(Error, "changed-since", "the key was %s before the run: it is another's now, or the link is", quote(string(old)))
		default:
			back := r.emit(Rekey, backLinking, 1<<15-c.Wave, nil)
			back.Key, back.From = old, Former(c.Key)
			r.Key = old
		}
	}
}

// relink makes the links that the run closed, and closes those that it made.
func (r *reversal) relink() {
	for _, c := range r.Done {
		switch {
		case c.Op == Adopt && r.Linked && r.Key == c.Key:
			r.emit(Unlink, backUnlinking, 0, nil)
		case c.Op == Unlink && !r.there():
			r.find(Note, "gone", "the user is not there: the link stays closed")
		case c.Op == Unlink && !r.Linked && r.Key == c.Key:
			r.emit(Adopt, backLinking, 0, nil)
		}
	}
}

func (r *reversal) label(p scim.Path) string {
	for short, path := range r.Dialect.Short {
		if path == p {
			return short
		}
	}
	return string(p)
}

// spoken are values as a sentence names them.
func spoken(vs []scim.Value) string {
	if len(vs) == 0 {
		return "nothing"
	}
	words := make([]string, len(vs))
	for i, v := range vs {
		words[i] = spokenOne(v)
	}
	return strings.Join(words, ", ")
}

func spokenOne(v scim.Value) string {
	switch {
	case v.Sub("role") != "":
		return grantWord(v)
	case v.Sub("proficiency") != "":
		return fmt.Sprintf("%s at %s", v.Sub("name"), v.Sub("proficiency"))
	case v.Sub("name") != "":
		return string(v.Sub("name"))
	case v.Sub("value") != "":
		return string(v.Sub("value"))
	}
	return string(v)
}
