package plan

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// A pack keeps changes encoded, with what orders and holds them beside them.
type pack struct {
	arena
	words

	entries []entry
	buf     []byte // scratch
}

type entry struct {
	at    spot
	wave  uint32
	held  uint16 // number of a word; 0: it goes
	kind  kind
	rank  uint8 // of its type
	rests rests
	op    uint8 // place in ops
	needs uint8 // requests
}

// rests tells which kinds of changes one cannot do without: it waits where they wait.
type rests uint8

const (
	restsAdopt rests = 1 << iota
	restsCreate
	restsReactivate
	restsRekey
	restsPart // some edits wait for an id, which may be that of a create
	closing   // an active user becomes inactive or deleted
)

// kind is what a change counts as, beside its op.
type kind uint8

const (
	counted    kind = iota // under its op
	bare                   // a link or claims only: nothing is sent
	secondHalf             // the second half of a change that counts already
	healed                 // a recovered create
)

// add encodes c at the end.
func (p *pack) add(c Change, k kind, r rests) {
	if len(p.list) == 0 {
		p.of("")
	}
	if c.ID == "" {
		c.ID, p.buf = c.identify(p.buf[:0])
	}
	p.buf = p.encode(p.buf[:0], c)
	p.entries = append(p.entries, entry{
		at: p.put(p.buf), wave: uint32(c.Wave), held: uint16(p.of(c.Held)), kind: k, rank: rank(c.Target.Type), rests: r,
		op: uint8(slices.Index(ops, c.Op)), needs: requests(c),
	})
}

// requests is how many c takes: a read of what its version does not cover, the
// reads of what a leaver has, and the write.
func requests(c Change) uint8 {
	n := uint8(1)
	switch {
	case !c.sends():
		return 0
	case c.Fresh:
		n++
	}
	for i, t := range c.Leaving {
		if c.Keeps() && (i == 0 || t.Path == target.GrantsOf) {
			n++
		}
	}
	return n
}

// ops are all of them, for counting.
var ops = []Op{Create, Adopt, Update, Rename, Deactivate, Reactivate, Delete, Join, Leave, Grant, Restore, Rekey, Unlink, Confirm}

// rank orders types: users before groups, others after.
func rank(t scim.Type) uint8 {
	switch t {
	case scim.User:
		return 0
	case scim.Group:
		return 1
	default:
		return 2
	}
}

// Key and UserName come first: entries are ordered by them without decoding the rest.
func (p *pack) encode(b []byte, c Change) []byte {
	b = appendText(b, c.Key)
	b = appendText(b, c.UserName)
	if id, err := hex.DecodeString(c.ID); err == nil && len(id) == idBytes {
		b = append(appendInt(b, 0), id...)
	} else {
		b = appendText(appendInt(b, 1), c.ID)
	}
	fresh := 0
	if c.Fresh {
		fresh = 1
	}
	for _, n := range []int{p.of(string(c.Op)), p.of(string(c.Target.Type)), fresh, p.of(c.Reason), p.of(c.Place.Source), c.Place.Line} {
		b = appendInt(b, n)
	}
	b = appendText(b, c.Target.ID)
	b = appendText(b, c.Target.Version)
	b = appendText(appendText(b, c.Place.Entry), c.From)
	if c.Sent == (Digest{}) {
		b = appendInt(b, 0)
	} else {
		b = append(appendInt(b, 1), c.Sent[:]...)
	}
	b = appendInt(b, len(c.Edits))
	for _, e := range c.Edits {
		whole := 0
		if e.Whole {
			whole = 1
		}
		if e.Back {
			whole |= 2
		}
		b = appendInt(appendInt(appendInt(b, p.of(string(e.Path))), whole), p.of(e.ID))
		for _, vs := range [][]scim.Value{e.Before, e.Set, e.Add, e.Remove, e.Claim, e.Keep} {
			b = appendValues(b, vs)
		}
	}
	for _, traits := range [][]Trait{c.Leaving, c.Seen} {
		b = appendInt(b, len(traits))
		for _, t := range traits {
			b = appendValues(appendInt(b, p.of(string(t.Path))), t.Values)
		}
	}
	b = appendInt(b, len(c.Owes))
	for _, path := range c.Owes {
		b = appendInt(b, p.of(string(path)))
	}
	return b
}

// change decodes one entry.
func (p *pack) change(e entry) Change {
	r := cursor{p.get(e.at)}
	c := Change{Key: source.Key(r.bytes()), UserName: r.text(), Wave: int(e.wave), Held: p.list[e.held]}
	if r.int() == 0 {
		c.ID = hex.EncodeToString(r.rest[:idBytes])
		r.rest = r.rest[idBytes:]
	} else {
		c.ID = r.text()
	}
	c.Op, c.Target.Type, c.Fresh = Op(p.list[r.int()]), scim.Type(p.list[r.int()]), r.int() == 1
	c.Reason, c.Place.Source, c.Place.Line = p.list[r.int()], p.list[r.int()], r.int()
	c.Target.ID, c.Target.Version, c.Place.Entry, c.From = r.text(), r.text(), r.text(), Former(r.bytes())
	if r.int() == 1 {
		r.rest = r.rest[copy(c.Sent[:], r.rest):]
	}
	if n := r.int(); n > 0 {
		c.Edits = make([]Edit, n)
	}
	for i := range c.Edits {
		d := &c.Edits[i]
		path, whole := scim.Path(p.list[r.int()]), r.int()
		d.Path, d.Whole, d.Back, d.ID = path, whole&1 != 0, whole&2 != 0, p.list[r.int()]
		for _, vs := range []*[]scim.Value{&d.Before, &d.Set, &d.Add, &d.Remove, &d.Claim, &d.Keep} {
			*vs = r.values()
		}
	}
	for _, traits := range []*[]Trait{&c.Leaving, &c.Seen} {
		if n := r.int(); n > 0 {
			*traits = make([]Trait, n)
		}
		for i := range *traits {
			(*traits)[i] = Trait{Path: scim.Path(p.list[r.int()]), Values: r.values()}
		}
	}
	for range r.int() {
		c.Owes = append(c.Owes, scim.Path(p.list[r.int()]))
	}
	return c
}

// replace encodes c in the place of the i-th entry.
func (p *pack) replace(i int, c Change) {
	c.ID, _ = c.identify(nil)
	p.entries[i].at = p.put(p.encode(nil, c))
}

// sort orders the entries by wave, type, key and userName; equals keep their order.
func (p *pack) sort() {
	slices.SortFunc(p.entries, func(a, b entry) int {
		if by := cmp.Or(cmp.Compare(a.wave, b.wave), cmp.Compare(a.rank, b.rank)); by != 0 {
			return by
		}
		x, y := cursor{p.get(a.at)}, cursor{p.get(b.at)}
		if by := bytes.Compare(x.bytes(), y.bytes()); by != 0 {
			return by
		}
		return cmp.Or(bytes.Compare(x.bytes(), y.bytes()), cmp.Compare(a.at, b.at))
	})
}
