package filesource

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
)

// jsonText finds the elements of one JSON document without holding more than
// one of them, and none that is larger than maxRecord. Whether an element is
// valid is told later, so that one bad element does not hide the rest.
type jsonText struct {
	s    *scanner
	line int // of the next byte
	buf  []byte
	err  error // of the file
}

var errStop = errors.New("stop")

// walk visits the elements of the outermost array or, in an outermost object,
// those of every member that is an array, until visit answers false.
func (t *jsonText) walk(visit func(jsonElement) bool) error {
	err := t.outermost(visit)
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

func (t *jsonText) outermost(visit func(jsonElement) bool) error {
	var err error
	switch t.token() {
	case '[':
		err = t.elements("", visit)
	case '{':
		err = t.members(visit)
	default:
		return t.fail("a list of objects is expected")
	}
	if err == nil && t.token() != 0 {
		err = t.fail("text after the end of the document; if every line is an object, set source.format: jsonl")
	}
	return err
}

// elements visits the elements of an array whose bracket was read.
func (t *jsonText) elements(array string, visit func(jsonElement) bool) error {
	if t.look() == ']' {
		t.token()
		return nil
	}
	for {
		t.look()
		line := t.line
		raw, large, err := t.value()
		if err != nil {
			return err
		}
		if !visit(jsonElement{array: array, line: line, raw: raw, large: large}) {
			return errStop
		}
		switch t.token() {
		case ',':
		case ']':
			return nil
		default:
			return t.fail("a comma or a bracket is missing after a record")
		}
	}
}

// members visits what is in an object whose brace was read.
func (t *jsonText) members(visit func(jsonElement) bool) error {
	if t.look() == '}' {
		t.token()
		return nil
	}
	for {
		raw, _, err := t.value()
		if err != nil {
			return err
		}
		name := memberName(bytes.Clone(raw))
		if t.token() != ':' {
			return t.fail("a colon is missing after a name")
		}
		if t.look() == '[' {
			t.token()
			err = t.elements(string(name), visit)
		} else {
			_, _, err = t.value()
		}
		if err != nil {
			return err
		}
		switch t.token() {
		case ',':
		case '}':
			return nil
		default:
			return t.fail("a comma or a brace is missing after a member")
		}
	}
}

// value is the next value as it stands, valid until the next one.
func (t *jsonText) value() (raw []byte, large bool, err error) {
	t.buf = t.buf[:0]
	if slices.Contains([]byte("]},:\x00"), t.look()) {
		return nil, false, t.fail("a value is missing")
	}
	var nest nesting
	for !nest.closed {
		c := t.read()
		if c == 0 && t.peek() == 0 {
			return nil, false, t.fail("the file is cut off in the middle of a record")
		}
		if len(t.buf) < maxRecord {
			t.buf = append(t.buf, c)
		} else {
			large = true
		}
		nest.next(c)
		if nest.scalar && slices.Contains([]byte(",]}: \t\r\n\x00"), t.peek()) {
			break
		}
	}
	return t.buf, large, nil
}

// nesting tells where a value ends.
type nesting struct {
	depth          int
	quoted, escape bool
	closed         bool // the last byte ended the value
	scalar         bool // no string, list or object: the value ends before the next delimiter
}

func (n *nesting) next(c byte) {
	switch {
	case n.escape:
		n.escape = false
	case n.quoted:
		n.escape, n.quoted = c == '\\', c != '"'
	case c == '"':
		n.quoted = true
	case c == '{', c == '[':
		n.depth++
	case c == '}', c == ']':
		n.depth--
	case n.depth == 0:
		n.scalar = true
		return
	}
	n.closed = n.depth <= 0 && !n.quoted
}

// token is the next byte that is no space; 0 at the end.
func (t *jsonText) token() byte {
	t.look()
	return t.read()
}

// look is what token will be.
func (t *jsonText) look() byte {
	for {
		c := t.peek()
		if c == 0 || !slices.Contains([]byte(" \t\r\n"), c) {
			return c
		}
		t.read()
	}
}

func (t *jsonText) read() byte {
	c, err := t.s.r.ReadByte()
	if err != nil && err != io.EOF {
		t.err = t.s.doc.broken(err)
	}
	if c == '\n' {
		t.line++
	}
	return c
}

func (t *jsonText) peek() byte { return byte(max(0, t.s.peek())) }

func (t *jsonText) fail(what string) error {
	if t.err != nil {
		return t.err
	}
	return t.s.doc.refuse(t.line, "check the export; its end may be missing", "not JSON: %s", what)
}

func isObject(raw []byte) bool { return raw[0] == '{' && json.Valid(raw) }

// members are the names and raw values of a valid object.
func members(raw []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := 1; ; {
			var name, value []byte
			if name, i = valueAt(raw, i); name == nil {
				return
			}
			value, i = valueAt(raw, i)
			if !yield(memberName(name), value) {
				return
			}
		}
	}
}

// valueAt is the value after raw[i] in a valid object, and its end; nil where
// the object ends.
func valueAt(raw []byte, i int) ([]byte, int) {
	for strings.IndexByte(" \t\r\n,:", raw[i]) >= 0 {
		i++
	}
	if raw[i] == '}' {
		return nil, i
	}
	if raw[i] == '"' {
		if end := i + 1 + bytes.IndexByte(raw[i+1:], '"'); raw[end-1] != '\\' {
			return raw[i : end+1], end + 1
		}
	}
	var nest nesting
	for end := i; ; {
		nest.next(raw[end])
		end++
		if nest.closed || nest.scalar && strings.IndexByte(" \t\r\n,}", raw[end]) >= 0 {
			return raw[i:end], end
		}
	}
}

// memberName is a raw string without quotes and escapes.
func memberName(raw []byte) []byte {
	if len(raw) > 1 && bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var name string
	if json.Unmarshal(raw, &name) != nil {
		return nil
	}
	return []byte(name)
}
