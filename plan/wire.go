package plan

import (
	"encoding/binary"

	"rollcall/scim"
)

// The packed form of records in memory: numbers as varints, texts after their
// length. It never leaves the process.

func appendText[S ~string](b []byte, s S) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendInt(b []byte, n int) []byte { return binary.AppendVarint(b, int64(n)) }

func appendValues(b []byte, vs []scim.Value) []byte {
	b = appendInt(b, len(vs))
	for _, v := range vs {
		b = appendText(b, v)
	}
	return b
}

// A cursor reads what the functions above wrote.
type cursor struct{ rest []byte }

func (c *cursor) int() int {
	n, w := binary.Varint(c.rest)
	c.rest = c.rest[w:]
	return int(n)
}

// bytes shares the memory of what is read.
func (c *cursor) bytes() []byte {
	n, w := binary.Uvarint(c.rest)
	b := c.rest[w : w+int(n)]
	c.rest = c.rest[w+int(n):]
	return b
}

func (c *cursor) text() string { return string(c.bytes()) }

func (c *cursor) values() []scim.Value {
	n := c.int()
	if n == 0 {
		return nil
	}
	vs := make([]scim.Value, n)
	for i := range vs {
		vs[i] = scim.Value(c.bytes())
	}
	return vs
}
