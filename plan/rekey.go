package plan

import (
	"encoding/json"
	"fmt"
	"slices"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/source"
)

// A Former is a key that somebody had. In JSON it is {"$person": KEY}, as
// everywhere where a person is named who is not the one it is about.
type Former source.Key

// MarshalJSON writes {"$person": KEY}.
func (f Former) MarshalJSON() ([]byte, error) { return []byte(Person(source.Key(f))), nil }

// UnmarshalJSON reads what MarshalJSON wrote; of somebody forgotten nothing is left to read.
func (f *Former) UnmarshalJSON(text []byte) error {
	var person struct {
		Key string `json:"$person"`
	}
	if err := json.Unmarshal(text, &person); err != nil {
		return fmt.Errorf("read former key: %w: %w", fault.Invalid, err)
	}
	*f = Former(person.Key)
	return nil
}

// inherits tells whether person n, whom the user of tie t was found for, is the
// one of that link with a new key: key gone and key new in one reading. A key
// that was missed before is that of somebody who left, and whose address is reused.
func (b *Builder) inherits(n, t int) bool {
	if t < 0 || b.people[n].tie >= 0 {
		return false
	}
	k := b.ties[t]
	return k.person < 0 && k.left == 0 && k.flags&(closed|contested) == 0
}

// succeed gives an heir the link, unless others want the user too.
func (b *Builder) succeed(n int) {
	p := &b.people[n]
	u := b.users[p.user]
	if u.flags&contested != 0 {
		p.fate = ambiguous
		b.ties[u.tie].flags |= contested
		return
	}
	p.fate, p.tie = linked, u.tie
	p.flags |= rekeyed
	b.ties[u.tie].person = int32(n)
}

// inherit emits the change that relinks person n, where their key is new.
// Whatever else is planned of them rests on it.
func (b *Builder) inherit(n int) {
	p := b.people[n]
	if p.flags&rekeyed == 0 {
		return
	}
	s := b.person(n)
	b.emit(Change{
		Op: Rekey, Key: s.key, From: Former(b.tieKey(int(p.tie))), UserName: b.nameOf(int(p.user)), Target: b.ref(int(p.user)),
		Reason: keyChanged, Place: s.place,
	}, relinking, 0, counted, 0)
	b.resting = restsRekey
}

// succeeded are the keys that the source lacks and whose links have an heir, or
// more than one who would be.
func (b *Builder) succeeded() []source.Key {
	var keys []source.Key
	for t, k := range b.ties {
		inherited := k.person >= 0 && b.people[k.person].flags&rekeyed != 0
		if inherited || k.person < 0 && k.left == 0 && k.flags&(contested|closed) == contested {
			keys = append(keys, b.tieKey(t))
		}
	}
	slices.Sort(keys)
	return keys
}

// Rekeyed is the change that gives the link l to another key because a person
// said so.
func Rekeyed(l Link, to source.Key, place source.Place, reason string) Change {
	ref := l.Ref
	ref.Type = scim.User
	return Change{Op: Rekey, Key: to, From: Former(l.Key), UserName: l.UserName, Target: ref, Reason: reason, Place: place}
}
