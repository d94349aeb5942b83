package plan

import (
	"slices"
	"strings"
	"time"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A Builder computes one plan. It takes links, people and resources in any
// order and gives the same bytes. It is for one goroutine.
//
// What it is told is kept packed in arenas. A resource that is linked and
// already as desired is let go at once, all but its names.
type Builder struct {
	in     Input
	rules  []rule
	names  []matcher            // match keys in order, and userName
	labels map[scim.Path]string // short names
	words  words                // sources of places, group names and ids

	people []person
	ties   []tie
	users  []user
	groups []group

	about    arena // of people: key, place, groups
	rows     arena // of people
	links    arena
	seen     arena // of users: id, version, names, row
	sprout   *scim.RowBuilder
	spare    int  // bytes of rows that nobody needs any more
	lightest spot // of the first row that was cut since rows were last written anew

	byKey, byName, tieByKey, tieByID, userByID, userByName index

	told   map[target.Catalog]bool      // whose names were told after the start
	turns  map[int32]int32              // by person: the day on which the source will say otherwise whether they are active
	owed   map[int32][]scim.Path        // by tie: set at creation only, and not carried out then
	lost   map[int32]Loss               // by tie: what leaving took
	kept   map[int32]map[scim.Path]Kept // by tie: what the service did not carry out
	stands map[string][]Trait           // by id: what people who come back have of it

	carried  map[string]string // by id of a group that was asked about: the guarded role that it carries
	foresees bool              // memberships are looked at before people are planned

	roles    *rule // of the attribute that holds roles; nil: none is managed
	minimums []minimum
	holds    []uint8 // by user: bits of minimums

	listed   map[scim.Type]bool // ended: exact or not
	exact    map[scim.Type]bool
	asked    map[string]bool // questions that are not about a known person or user
	findings []Finding
	units    Units

	confirmed pack // who is as desired, and the ledger does not know it

	decision // made by Questions and Plan
}

// A person is one record of the source.
type person struct {
	about, row spot
	tie, user  int32 // -1: none
	waits      int32 // person whose rename frees the userName that this one takes; -1: none
	fate       fate
	flags      flags
}

// A tie is a link as kept.
type tie struct {
	at     spot
	user   int32 // -1: not observed
	person int32 // -1: not in the source
	left   int32 // day; 0: present
	off    int32 // day of our deactivation; 0: none
	gone   int32 // day on which the user was seen deleted by another hand; 0: it was not
	flags  flags
}

// A user is an observed one.
type user struct {
	at    spot
	tie   int32 // -1: not linked
	claim int32 // the person that matched it; -1: none
	state target.State
	flags flags
}

// A group is an observed one.
type group struct {
	ref   scim.Ref
	name  string
	row   scim.Row
	known bool // its members were read
	asked bool
}

type flags uint16

const (
	held      flags = 1 << iota // person: bad row, or twice in the source
	chosen                      // person, tie: among Policy.Only
	asked                       // person, tie, user: a question was put
	closed                      // tie
	open                        // tie: an intent without outcome
	contested                   // user, tie: more than one record wants it
	same                        // user: as desired; its row was let go
	touched                     // person: a change that sends something is planned
	dormant                     // person: inactive in the source
	stuck                       // person: the userName it wants is not to be had
	twin                        // person: another record wants the same userName
	unnamed                     // person: the column that names groups is blank
	vague                       // person: the source was to say whether they are active, and does not
	rekeyed                     // person: the link is that of a key that is gone
	calm                        // person: not due in a quick plan
)

// New starts a plan.
func New(in Input) *Builder {
	b := &Builder{
		in: in, listed: map[scim.Type]bool{}, exact: map[scim.Type]bool{}, asked: map[string]bool{},
		told: map[target.Catalog]bool{}, turns: map[int32]int32{}, lost: map[int32]Loss{}, owed: map[int32][]scim.Path{}, kept: map[int32]map[scim.Path]Kept{},
		stands: map[string][]Trait{}, carried: map[string]string{},
		sprout: scim.NewRow(in.Users),
	}
	b.compile()
	b.compileMinimums()
	return b
}

// Note adds a finding made outside: a bad row, a value that cannot be used.
func (b *Builder) Note(f Finding) { b.findings = append(b.findings, f) }

// Listed says that the listing of t has ended, and whether it was exact:
// absence from an exact listing is knowledge, absence from a shifted one a question.
func (b *Builder) Listed(t scim.Type, exact bool) { b.listed[t], b.exact[t] = true, exact }

// Want tells one person of the source. A second Want of the same key makes
// both a finding and holds the person.
func (b *Builder) Want(d Desired) {
	if n := b.find(d.Key); n >= 0 {
		b.double(n, d)
		return
	}
	n := len(b.people)
	buf := appendText(nil, d.Key)
	buf = appendInt(appendInt(buf, b.words.of(d.Place.Source)), d.Place.Line)
	buf = appendText(buf, d.Place.Entry)
	p := person{tie: -1, user: -1, waits: -1}
	if d.Held {
		p.flags |= held
	}
	if !wantsActive(d.Row) {
		p.flags |= dormant
	}
	if b.unsaid(d.Row) {
		p.flags |= vague
	}
	if d.Unnamed {
		p.flags |= unnamed
	}
	if !d.Turns.IsZero() {
		b.turns[int32(n)] = day(d.Turns)
	}
	buf = appendInt(buf, len(d.Groups))
	for _, g := range d.Groups {
		buf = appendInt(buf, b.words.of(g))
	}
	b.belong(d.Key, d.Unit, !d.Held)
	d.Row = b.fit(d.Row)
	p.about, p.row = b.about.put(buf), b.rows.put([]byte(d.Row.Packed()))
	b.people = append(b.people, p)
	b.byKey.put(fold(string(d.Key)), n)
	for i := range b.names {
		if name := b.nameIn(d.Row, i); name != "" && !d.Held {
			b.byName.put(b.nameKey(i, name), n*len(b.names)+i)
		}
	}
}

// double holds a person whose key occurs twice.
func (b *Builder) double(n int, d Desired) {
	const text = "two records have this key; the person stands as last believed"
	first := b.person(n)
	b.people[n].flags |= held
	if !b.asked["key "+string(d.Key)] {
		b.asked["key "+string(d.Key)] = true
		b.Note(Finding{Severity: Error, Code: "duplicate-key", Key: d.Key, Place: first.place.String(), Text: text})
	}
	b.Note(Finding{Severity: Error, Code: "duplicate-key", Key: d.Key, Place: d.Place.String(), Text: text})
}

// Link tells one link of the ledger: all of them, closed ones too.
func (b *Builder) Link(l Link) {
	n := len(b.ties)
	t := tie{user: -1, person: -1, left: day(l.Left), off: day(l.Deactivated), gone: day(l.Gone)}
	if l.Closed {
		t.flags |= closed
	}
	if l.Open != "" {
		t.flags |= open
	}
	buf := appendText(nil, l.Key)
	for _, text := range []string{l.Ref.ID, l.Ref.Version, l.UserName, string(l.OpenOp)} {
		buf = appendText(buf, text)
	}
	buf = appendInt(buf, len(l.Groups))
	for _, g := range l.Groups {
		buf = appendInt(buf, b.words.of(g))
	}
	for _, text := range []string{b.fit(l.Image).Packed(), b.fit(l.Ours).Packed(), string(l.Sent[:sentBytes])} {
		buf = appendText(buf, text)
	}
	if len(l.Lost.Had) > 0 {
		b.lost[int32(n)] = l.Lost
	}
	b.belong(l.Key, l.Unit, false)
	if len(l.Owed) > 0 {
		b.owed[int32(n)] = l.Owed
	}
	if len(l.Kept) > 0 {
		b.kept[int32(n)] = l.Kept
	}
	t.at = b.links.put(buf)
	b.ties = append(b.ties, t)
	b.tieByKey.put(fold(string(l.Key)), n)
	if l.Ref.ID != "" {
		b.tieByID.put(fold(l.Ref.ID), n)
	}
}

// Have tells one resource: every page in a full run, then the answers to
// Questions. An answer of another shape than Input.Users is about what somebody
// who comes back has of what they lost, and about nothing else.
func (b *Builder) Have(o target.Observed) {
	if o.Type == scim.Group {
		b.haveGroup(o)
		return
	}
	if s := o.Row.Shape(); s != nil && s != b.in.Users {
		b.standing(o)
		return
	}
	row, n := b.fit(o.Row), b.findUser(o.ID)
	fresh := n < 0
	if fresh {
		n = len(b.users)
		b.users = append(b.users, user{tie: -1, claim: -1})
		b.userByID.put(fold(o.ID), n)
	} else {
		row = b.merge(row, b.row(n))
	}
	u := &b.users[n]
	if u.flags&same != 0 { // seen again: as desired it was
		if u.state = o.State; u.state != target.Active {
			b.hold(n, row)
		}
		return
	}
	u.state = o.State
	b.hold(n, row)
	buf := appendText(appendText(nil, o.ID), o.Version)
	for i := range b.names {
		name := b.nameIn(row, i)
		if name == "" && !fresh {
			name = b.seenName(n, i)
		}
		buf = appendText(buf, name)
	}
	if n := b.unchanged(o, row); n >= 0 {
		u.flags |= same
		b.confirm(n, o, row)
		row = scim.Row{}
		b.lighten(n)
	}
	before := u.at
	u.at = b.seen.put(appendText(buf, row.Packed()))
	for i := range b.names {
		if name := b.seenName(n, i); name != "" && (fresh || b.nameAt(before, i) != name) {
			b.userByName.put(b.nameKey(i, name), n*len(b.names)+i)
		}
	}
}

func (b *Builder) haveGroup(o target.Observed) {
	if grants, known := o.Row.At(target.GrantsOf); known {
		b.carry(o.ID, grants)
		return
	}
	i := slices.IndexFunc(b.groups, func(g group) bool { return g.ref.ID == o.ID })
	if i < 0 {
		b.groups = append(b.groups, group{})
		i = len(b.groups) - 1
	}
	g := &b.groups[i]
	g.ref, g.ref.Type = o.Ref, scim.Group
	if vs, known := o.Row.At("displayName"); known && len(vs) == 1 {
		g.name, _ = vs[0].Text()
	}
	if _, known := o.Row.At(target.Members); known {
		g.row, g.known = o.Row, true
	}
}

// fit is r in the shape of this run.
func (b *Builder) fit(r scim.Row) scim.Row {
	if r.Shape() == b.in.Users || r.Shape() == nil {
		return r
	}
	return r.Reshape(b.in.Users)
}

// merge is fresh with what only old knows.
func (b *Builder) merge(fresh, old scim.Row) scim.Row {
	if fresh.Packed() == "" {
		return old
	}
	for i := range b.in.Users.Paths() {
		vs, known := fresh.Index(i)
		if !known {
			vs, known = old.Index(i)
		}
		if known {
			b.sprout.Set(i, vs...)
		}
	}
	return b.sprout.Row()
}

// day is the number of a calendar day, 0 for no time.
func day(t time.Time) int32 {
	if t.IsZero() {
		return 0
	}
	y, m, d := t.Date()
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// dateOf is the day with this number.
func dateOf(day int32) string {
	return time.Unix(int64(day)*24*60*60, 0).UTC().Format(time.DateOnly)
}

// A matcher is a path by which people and users find each other.
type matcher struct {
	path  scim.Path
	at    int  // in Input.Users
	holds bool // not a match key: only says who holds a userName
}

const (
	userName   scim.Path = "userName"
	externalID scim.Path = "externalId"
	active     scim.Path = "active"
)

// nameIn is the text of the i-th matcher in r, folded where case does not matter; "" where there is none.
func (b *Builder) nameIn(r scim.Row, i int) string {
	vs, _ := r.Index(b.names[i].at)
	if len(vs) != 1 {
		return ""
	}
	text, ok := vs[0].Text()
	if !ok {
		text = string(vs[0])
	}
	if b.names[i].path == userName {
		return strings.ToLower(text)
	}
	return text
}

// nameKey is what a name is filed under.
func (b *Builder) nameKey(i int, name string) uint32 {
	return fold(string(b.names[i].path) + "\x00" + name)
}

// find is the person with this key, or -1.
func (b *Builder) find(k source.Key) int {
	return lookup(&b.byKey, string(k), func(n int) bool { return b.keyOf(n) == k })
}

// findTie is the link of this key, or -1.
func (b *Builder) findTie(k source.Key) int {
	return lookup(&b.tieByKey, string(k), func(n int) bool { return b.tieKey(n) == k })
}

// findTieOf is the open link to this id, or -1.
func (b *Builder) findTieOf(id string) int {
	return lookup(&b.tieByID, id, func(n int) bool { return b.ties[n].flags&closed == 0 && b.tieID(n) == id })
}

// findUser is the user with this id, or -1.
func (b *Builder) findUser(id string) int {
	return lookup(&b.userByID, id, func(n int) bool { return b.userID(n) == id })
}

func lookup(x *index, text string, is func(n int) bool) int {
	found := -1
	x.each(fold(text), func(n int) bool {
		if is(n) {
			found = n
		}
		return found < 0
	})
	return found
}
