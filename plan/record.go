package plan

import (
	"slices"

	"rollcall/scim"
	"rollcall/source"
)

// Packed records, opened.

// A subject is a person opened, without the row.
type subject struct {
	key    source.Key
	place  source.Place
	groups []int // words
}

func (b *Builder) keyOf(n int) source.Key {
	c := cursor{b.about.get(b.people[n].about)}
	return source.Key(c.bytes())
}

func (b *Builder) person(n int) subject {
	c := cursor{b.about.get(b.people[n].about)}
	s := subject{key: source.Key(c.bytes())}
	s.place.Source, s.place.Line, s.place.Entry = b.words.list[c.int()], c.int(), c.text()
	s.groups = make([]int, c.int())
	for i := range s.groups {
		s.groups[i] = c.int()
	}
	return s
}

// wanted is the desired row of a person.
func (b *Builder) wanted(n int) scim.Row {
	return b.unpack(string(b.rows.get(b.people[n].row)))
}

// lighten cuts the row of a person who is as desired to what others may ask of
// it: names, and whom it refers to. When half of the arena is spare it is written anew.
func (b *Builder) lighten(n int) {
	row := b.wanted(n)
	for _, m := range b.names {
		if vs, known := row.Index(m.at); known {
			b.sprout.Set(m.at, vs...)
		}
	}
	for _, r := range b.rules {
		if vs, known := row.Index(r.at); known && r.reference {
			b.sprout.Set(r.at, vs...)
		}
	}
	b.people[n].row = b.rows.put([]byte(b.sprout.Row().Packed()))
	if b.spare == 0 {
		b.lightest = b.people[n].row
	}
	if b.spare += len(row.Packed()); b.spare > largest && b.spare > b.rows.size()/2 {
		b.tidy()
	}
}

// tidy writes the rows anew, in the order of people and without spare ones.
// Whole rows lie in that order already: what is behind them is given back at once.
func (b *Builder) tidy() {
	old := b.rows
	b.rows, b.spare = arena{}, 0
	for i := range b.people {
		at := b.people[i].row
		b.people[i].row = b.rows.put(old.get(at))
		if at < b.lightest {
			old.drop(at)
		}
	}
}

func (b *Builder) unpack(packed string) scim.Row {
	r, err := scim.UnpackRow(b.in.Users, packed)
	if err != nil {
		panic(err) // a row that was told in another shape than Input.Users
	}
	return r
}

// wantedName is the text of the i-th matcher that person n wants.
func (b *Builder) wantedName(n, i int) string { return b.nameIn(b.wanted(n), i) }

func (b *Builder) tieKey(n int) source.Key {
	c := cursor{b.links.get(b.ties[n].at)}
	return source.Key(c.bytes())
}

// tieID is the id of the linked resource.
func (b *Builder) tieID(n int) string {
	c := cursor{b.links.get(b.ties[n].at)}
	c.bytes()
	return c.text()
}

// link opens a link: everything but times and Closed, which its tie has.
func (b *Builder) link(n int) Link {
	l, c := b.head(n)
	l.Image, l.Ours = b.unpack(c.text()), b.unpack(c.text())
	copy(l.Sent[:sentBytes], c.bytes())
	return l
}

// sentBytes of [Link.Sent] are kept: enough to tell whether two are the same.
const sentBytes = 8

// unsent tells whether what is desired of a linked person is not what was last carried out.
func (b *Builder) unsent(n, t int) bool {
	sent, now := b.link(t).Sent, b.desired(n).Digest()
	return sent == (Digest{}) || string(sent[:sentBytes]) != string(now[:sentBytes])
}

// head is a link without its rows, and the cursor that stands before them.
func (b *Builder) head(n int) (Link, cursor) {
	c := cursor{b.links.get(b.ties[n].at)}
	l := Link{Key: source.Key(c.bytes())}
	l.Ref = scim.Ref{Type: scim.User, ID: c.text(), Version: c.text()}
	l.UserName, l.OpenOp = c.text(), Op(c.text())
	l.Groups = make([]string, c.int())
	for i := range l.Groups {
		l.Groups[i] = b.words.list[c.int()]
	}
	return l, c
}

// openOp is the op of the intent that nobody knows the end of.
func (b *Builder) openOp(n int) Op {
	l, _ := b.head(n)
	return l.OpenOp
}

// gave tells whether the membership of this link in a group is ours.
func (b *Builder) gave(n int, group string) bool {
	l, _ := b.head(n)
	return slices.Contains(l.Groups, group)
}

func (b *Builder) userID(n int) string {
	c := cursor{b.seen.get(b.users[n].at)}
	return c.text()
}

// ref is the user with the version it was seen in.
func (b *Builder) ref(n int) scim.Ref {
	c := cursor{b.seen.get(b.users[n].at)}
	return scim.Ref{Type: scim.User, ID: c.text(), Version: c.text()}
}

// seenName is the text of the i-th matcher that user n has.
func (b *Builder) seenName(n, i int) string { return b.nameAt(b.users[n].at, i) }

func (b *Builder) nameAt(s spot, i int) string {
	c := cursor{b.seen.get(s)}
	c.bytes()
	c.bytes()
	for range i {
		c.bytes()
	}
	return c.text()
}

// nameOf is the userName of user n.
func (b *Builder) nameOf(n int) string {
	for i, m := range b.names {
		if m.path == userName {
			return b.seenName(n, i)
		}
	}
	return ""
}

// row is what is known of user n; nothing where it was let go.
func (b *Builder) row(n int) scim.Row {
	c := cursor{b.seen.get(b.users[n].at)}
	c.bytes()
	c.bytes()
	for range b.names {
		c.bytes()
	}
	return b.unpack(c.text())
}
