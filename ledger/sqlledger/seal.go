package sqlledger

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// A part is a piece of text about one person; person 0 is nobody's, and is
// sealed under the house key.
type part struct {
	person int64
	text   []byte
}

// errForgotten is the answer for a person whose key was destroyed.
var errForgotten = errors.New("the person was forgotten")

// A keeper finds the key of a person; errForgotten where it was destroyed.
type keeper func(person int64) (cipher.AEAD, error)

// seal packs parts into boxes, one behind the other: the person and the length
// of the box as varints, then the box (nonce, ciphertext, tag). Each is bound
// to the record, its person and its place.
func seal(bound []byte, parts []part, keys keeper) ([]byte, error) {
	var out []byte
	for i, p := range parts {
		aead, err := keys(p.person)
		if err != nil {
			return nil, err
		}
		ct := aead.Seal(nil, nil, p.text, place(bound, i, p.person))
		out = binary.AppendUvarint(out, uint64(p.person))
		out = binary.AppendUvarint(out, uint64(len(ct)))
		out = append(out, ct...)
	}
	return out, nil
}

// unseal opens every box. The text of a forgotten person's part is nil.
func unseal(bound, sealed []byte, keys keeper) ([]part, error) {
	var out []part
	for i := 0; len(sealed) > 0; i++ {
		person, n := binary.Uvarint(sealed)
		if n <= 0 {
			return nil, fmt.Errorf("box %d: cut off", i)
		}
		size, m := binary.Uvarint(sealed[n:])
		if m <= 0 || size > uint64(len(sealed)-n-m) {
			return nil, fmt.Errorf("box %d: cut off", i)
		}
		ct := sealed[n+m:][:size]
		sealed = sealed[n+m+int(size):]
		p := part{person: int64(person)}
		aead, err := keys(p.person)
		if err == nil {
			p.text, err = aead.Open([]byte{}, nil, ct, place(bound, i, p.person))
		}
		if err != nil && !errors.Is(err, errForgotten) {
			return nil, fmt.Errorf("box %d: %w", i, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// place is the associated data of the i-th box, good until the next is asked
// for: it stands behind bound where there is room.
func place(bound []byte, i int, person int64) []byte {
	b := binary.BigEndian.AppendUint64(bound, uint64(i))
	return binary.BigEndian.AppendUint64(b, uint64(person)) // two's complement is the encoding
}
