package scim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"rollcall/fault"
)

// A Shape is the paths that a run looks at, in a fixed order. It is immutable.
type Shape struct {
	paths []Path
	parts []Parts
	index map[Path]int
}

// NewShape keeps the order and drops repetitions.
func NewShape(paths ...Path) *Shape {
	s := &Shape{index: make(map[Path]int, len(paths))}
	for _, p := range paths {
		if _, ok := s.index[p]; ok {
			continue
		}
		s.index[p] = len(s.paths)
		s.paths = append(s.paths, p)
		s.parts = append(s.parts, p.Parts())
	}
	return s
}

// Paths are the shape's paths; the caller does not modify them, and may append.
func (s *Shape) Paths() []Path { return slices.Clip(s.paths) }

// Index is the place of p, or -1.
func (s *Shape) Index(p Path) int {
	if i, ok := s.index[p]; ok {
		return i
	}
	return -1
}

// Project is r cut down to s, every path known.
func (s *Shape) Project(r Resource) Row {
	b := NewRow(s)
	for i, p := range s.parts {
		b.Set(i, valuesAt(r.Attrs, p)...)
	}
	return b.Row()
}

// A Row is a resource cut down to a Shape: immutable, packed, without maps. A
// path is either not known (was not read, is not managed) or known with zero or
// more values; known with none is absent. Multi-valued attributes are in
// canonical order, so that rows of one shape are equal exactly when packed are.
// The zero Row knows nothing.
type Row struct {
	shape *Shape
	// packed is "" where nothing is known, else, in varints: the number of
	// paths; for each path 0 (not known) or one more than the length of its
	// section; the sections, in which each value follows its length.
	packed string
}

// A RowBuilder fills a Row path by path. It may be reused after Row.
type RowBuilder struct {
	shape    *Shape
	sections []section // by path
	text     []byte    // what sections point into
	values   []Value   // scratch
	out      []byte    // scratch
}

type section struct {
	from, to int
	known    bool
}

// NewRow starts a row of s.
func NewRow(s *Shape) *RowBuilder {
	return &RowBuilder{shape: s, sections: make([]section, len(s.paths))}
}

// Set makes the i-th path known with these values: sorted, each once, without
// "" and null, which stand for no value.
func (b *RowBuilder) Set(i int, values ...Value) {
	b.values = b.values[:0]
	for _, v := range values {
		if v != "" && v != "null" {
			b.values = append(b.values, v)
		}
	}
	if len(b.values) > 1 {
		slices.Sort(b.values)
		b.values = slices.Compact(b.values)
	}
	from := len(b.text)
	for _, v := range b.values {
		b.text = binary.AppendUvarint(b.text, uint64(len(v)))
		b.text = append(b.text, v...)
	}
	b.sections[i] = section{from: from, to: len(b.text), known: true}
}

// set takes over a section that is packed already.
func (b *RowBuilder) set(i int, packed string) {
	from := len(b.text)
	b.text = append(b.text, packed...)
	b.sections[i] = section{from: from, to: len(b.text), known: true}
}

// Row packs what was set and empties the builder.
func (b *RowBuilder) Row() Row {
	some := false
	b.out = binary.AppendUvarint(b.out[:0], uint64(len(b.sections)))
	for _, s := range b.sections {
		size := 0
		if s.known {
			size, some = s.to-s.from+1, true
		}
		b.out = binary.AppendUvarint(b.out, uint64(size))
	}
	for _, s := range b.sections {
		b.out = append(b.out, b.text[s.from:s.to]...)
	}
	clear(b.sections)
	b.text = b.text[:0]
	if !some {
		return Row{shape: b.shape}
	}
	return Row{shape: b.shape, packed: string(b.out)}
}

// Shape is the shape of r; nil for the zero Row.
func (r Row) Shape() *Shape { return r.shape }

// At are the values at p; known is false where r's shape lacks p or the path was not set.
func (r Row) At(p Path) (values []Value, known bool) {
	if r.shape == nil {
		return nil, false
	}
	return r.Index(r.shape.Index(p))
}

// Index is At for the i-th path of the shape, without looking it up. The
// values share r's memory.
func (r Row) Index(i int) (values []Value, known bool) {
	text, known := r.section(i)
	if text == "" {
		return nil, known
	}
	n := 0
	for rest := text; rest != ""; n++ {
		_, rest = cutValue(rest)
	}
	values = make([]Value, n)
	for i := range values {
		values[i], text = cutValue(text)
	}
	return values, true
}

// section is the packed values of the i-th path.
func (r Row) section(i int) (text string, known bool) {
	if i < 0 || r.packed == "" {
		return "", false
	}
	n, rest := cutVarint(r.packed)
	from, size := 0, 0
	for j := range n {
		var length int
		length, rest = cutVarint(rest)
		switch {
		case j < i && length > 0:
			from += length - 1
		case j == i:
			size = length
		}
	}
	if size == 0 {
		return "", false
	}
	return rest[from : from+size-1], true
}

// cutVarint and cutValue read what the builder wrote or [UnpackRow] has checked.
func cutVarint(s string) (n int, rest string) {
	if s[0] < 0x80 {
		return int(s[0]), s[1:]
	}
	shift := 0
	for i := range len(s) {
		n |= int(s[i]&0x7f) << shift
		if s[i] < 0x80 {
			return n, s[i+1:]
		}
		shift += 7
	}
	return n, ""
}

func cutValue(s string) (v Value, rest string) {
	n, rest := cutVarint(s)
	return Value(rest[:n]), rest[n:]
}

// Packed is r as text without its shape: what a ledger or an arena stores; ""
// where r knows nothing.
func (r Row) Packed() string { return r.packed }

// UnpackRow is the row of that text; it fails where text was not packed under a shape of this length.
func UnpackRow(s *Shape, packed string) (Row, error) {
	if packed == "" {
		return Row{shape: s}, nil
	}
	if err := checkPacked(packed, len(s.paths)); err != nil {
		return Row{}, fmt.Errorf("unpack row of %d paths: %w: %w", len(s.paths), fault.Invalid, err)
	}
	return Row{shape: s, packed: packed}, nil
}

var errPacked = errors.New("not packed so")

func checkPacked(text string, paths int) error {
	n, sizes, ok := readVarint(text)
	if !ok || n != uint64(paths) {
		return errPacked
	}
	rest := sizes
	for range paths {
		if _, rest, ok = readVarint(rest); !ok {
			return errPacked
		}
	}
	some := false
	for range paths {
		var size uint64
		if size, sizes, _ = readVarint(sizes); size == 0 {
			continue
		}
		some = true
		if size-1 > uint64(len(rest)) || !isSection(rest[:size-1]) {
			return errPacked
		}
		rest = rest[size-1:]
	}
	if rest != "" || !some {
		return errPacked
	}
	return nil
}

func isSection(text string) bool {
	for text != "" {
		n, rest, ok := readVarint(text)
		if !ok || n == 0 || n > uint64(len(rest)) {
			return false
		}
		text = rest[n:]
	}
	return true
}

// readVarint is cutVarint for text of any origin; it takes no longer form than needed.
func readVarint(s string) (n uint64, rest string, ok bool) {
	var room [binary.MaxVarintLen64]byte
	head := room[:copy(room[:], s)]
	n, size := binary.Uvarint(head)
	if size <= 0 || size > 1 && head[size-1] == 0 { //nolint:gosec // size is at most the length of head
		return 0, "", false
	}
	return n, s[size:], true
}

// Reshape cuts r to another shape; paths that r lacks are not known.
func (r Row) Reshape(s *Shape) Row {
	if r.shape == s {
		return r
	}
	b := NewRow(s)
	for i, p := range s.paths {
		if r.shape == nil {
			break
		}
		if text, known := r.section(r.shape.Index(p)); known {
			b.set(i, text)
		}
	}
	return b.Row()
}

// With is r with the values of path p replaced; p must be in the shape.
func (r Row) With(p Path, values ...Value) Row {
	b := NewRow(r.shape)
	for i := range r.shape.paths {
		if text, known := r.section(i); known {
			b.set(i, text)
		}
	}
	b.Set(r.shape.Index(p), values...)
	return b.Row()
}

// Equal tells that r and o know the same values at the same paths in the same order.
func (r Row) Equal(o Row) bool {
	switch {
	case r.packed != o.packed:
		return false
	case r.packed == "" || r.shape == o.shape:
		return true
	}
	return slices.Equal(r.shape.paths, o.shape.paths)
}
