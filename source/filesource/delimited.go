package filesource

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"rollcall/source"
)

// A delimited file is text in rows of fields, the first row a header.
type delimited struct {
	doc    document
	delim  byte
	header []string // every field of the header; "" for one without a name
	cols   []source.Column
	at     []int // the field of each column
	key    int   // the field of the key; -1 for none
	keys   shapes
}

func openDelimited(doc document, o Options, format Format) (*delimited, error) {
	delim, err := delimiterOf(doc, o.Delimiter, format)
	if err != nil {
		return nil, err
	}
	if err := doc.decode(o.Encoding); err != nil {
		return nil, err
	}
	d := &delimited{doc: doc, delim: delim, key: -1}
	if err := d.readHeader(o.Key); err != nil {
		return nil, err
	}
	for i, name := range d.header {
		if name != "" {
			d.cols, d.at = append(d.cols, source.Column{Name: name, Kind: source.Text}), append(d.at, i)
		}
	}
	if o.Key == "" {
		return d, nil
	}
	d.key = slices.Index(d.header, strings.TrimSpace(o.Key))
	return d, d.learn()
}

func delimiterOf(doc document, given string, format Format) (byte, error) {
	switch {
	case given == "":
		return delimiters[format], nil
	case given == `\t`, strings.EqualFold(given, "tab"):
		return '\t', nil
	case len(given) == 1 && given[0] < utf8.RuneSelf && !strings.ContainsAny(given, "\"\r\n\x00"):
		return given[0], nil
	}
	return 0, doc.refuse(0, `use one character such as "," ";" "|" or "tab"`, "the delimiter %q is not one ASCII character", given)
}

func (d *delimited) columns() []source.Column { return d.cols }

// readHeader reads and judges the first row.
func (d *delimited) readHeader(key string) error {
	s, err := newScanner(&d.doc, d.delim)
	if err != nil {
		return err
	}
	switch err := s.next(); {
	case errors.Is(err, io.EOF):
		return d.doc.refuse(1, "check the export: even without people it has a header line", "the file is empty")
	case errors.Is(err, errQuote), errors.Is(err, errLarge):
		return d.doc.refuse(1, "check that the file is delimited text", "the header is cut off or no text")
	case err != nil:
		return err
	}
	for _, f := range s.fields {
		d.header = append(d.header, strings.TrimSpace(string(f)))
	}
	return judge(&d.doc, s.start, d.header, d.delim, strings.TrimSpace(key))
}

// learn notes what keys look like, to recognize one in a row that is broken.
func (d *delimited) learn() error {
	s, err := newScanner(&d.doc, d.delim)
	if err != nil {
		return err
	}
	for row := range 1000 {
		err := s.next()
		if err == nil && row > 0 && len(s.fields) == len(d.header) {
			d.keys.add(bytes.TrimSpace(s.fields[d.key]))
		}
		if errors.Is(err, io.EOF) {
			break
		}
	}
	return nil
}

func (d *delimited) each(pick []int, yield func(source.Record, error) bool) error {
	s, err := newScanner(&d.doc, d.delim)
	if err != nil {
		return err
	}
	if err := s.next(); err != nil { // the header
		return err
	}
	values := newValues(len(pick))
	for {
		err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errLost):
			return d.doc.refuse(s.start, "check the quotes of the export; they do not pair", "the quotes close nowhere")
		case err != nil && !errors.Is(err, errQuote) && !errors.Is(err, errLarge):
			return err
		case err == nil && blank(s.fields):
			continue
		}
		r, bad := d.record(s, err, pick, values)
		if !yield(r, bad) {
			return nil
		}
	}
}

// record makes a record of the row, or says what is wrong with it.
func (d *delimited) record(s *scanner, rowErr error, pick []int, values *values) (source.Record, error) {
	place := d.doc.place(s.start)
	if flaw := d.rowFault(s, rowErr); flaw != "" {
		return d.doc.spoiled(d.keyOfBroken(s.fields, rowErr), place, flaw)
	}
	key, flaw := d.keyOf(s.fields)
	if flaw != "" {
		return d.doc.spoiled("", place, flaw)
	}
	for i, c := range pick {
		cell := s.fields[d.at[c]]
		if flaw := d.cellFault(cell, d.at[c]); flaw != "" {
			return d.doc.spoiled(key, place, flaw)
		}
		values.set(i, cell)
	}
	return source.Record{Key: key, Place: place, Values: values.row}, nil
}

func (d *delimited) keyOf(fields [][]byte) (source.Key, badRow) {
	if d.key < 0 {
		return "", ""
	}
	raw := bytes.TrimSpace(fields[d.key])
	if len(raw) == 0 {
		return "", emptyKey(d.header[d.key])
	}
	return source.Key(raw), d.cellFault(raw, d.key)
}

// rowFault says what is wrong with the row as a row; "" for nothing.
func (d *delimited) rowFault(s *scanner, err error) badRow {
	have, want := len(s.fields), len(d.header)
	column := "the last column"
	if have < want && d.header[have] != "" {
		column = "column " + d.header[have]
	}
	switch {
	case errors.Is(err, errLarge):
		return badRow(column + " makes the record larger than 1 MiB: shorten it, or leave it out of the export")
	case errors.Is(err, errQuote):
		return badRow(fmt.Sprintf("a quote opened in %s does not close: a quote inside a quoted value is written twice", column))
	case have < want:
		return badRow(fmt.Sprintf("%d fields where the header has %d: the line is cut off, or a value holds a line break without quotes", have, want))
	case have > want:
		return badRow(fmt.Sprintf("%d fields where the header has %d: a value holds the delimiter %s without quotes", have, want, delimiterName(d.delim)))
	}
	return ""
}

// cellFault says what is wrong with a cell; "" for nothing.
func (d *delimited) cellFault(cell []byte, at int) badRow {
	switch {
	case !utf8.Valid(cell):
		return badRow(fmt.Sprintf("column %s is not valid UTF-8: if a Windows program wrote the file, set source.encoding: windows-1252", d.header[at]))
	case bytes.IndexByte(cell, 0) >= 0:
		return badRow(fmt.Sprintf("column %s holds a NUL byte: export the file again as plain text", d.header[at]))
	case d.doc.enc != nil && bytes.ContainsRune(cell, utf8.RuneError):
		return badRow(fmt.Sprintf("column %s holds bytes that the configured encoding does not know: check source.encoding", d.header[at]))
	}
	return ""
}

// keyOfBroken is the key of a row whose fields may have shifted. A key must
// not be guessed: the wrong one would let the right person seem to have left.
// So it is the only cell, among those where the key can have come to stand,
// that looks like the keys of whole rows.
func (d *delimited) keyOfBroken(fields [][]byte, rowErr error) source.Key {
	if d.key < 0 {
		return ""
	}
	first, last := d.keyRange(len(fields), rowErr)
	var found source.Key
	for i := first; i <= last; i++ {
		cell := bytes.TrimSpace(fields[i])
		switch {
		case !d.keys.like(cell):
		case found != "":
			return ""
		default:
			found = source.Key(cell)
		}
	}
	return found
}

// keyRange is where the key can have come to stand among n fields.
func (d *delimited) keyRange(n int, rowErr error) (first, last int) {
	if rowErr != nil { // the fields before the trouble are in their places
		return d.key, min(d.key, n-1)
	}
	shift := n - len(d.header)
	first, last = max(0, min(d.key, d.key+shift)), max(d.key, d.key+shift)
	if shift < 0 { // the last cell may be cut off
		return first, min(last, n-2)
	}
	return first, min(last, n-1)
}

func blank(fields [][]byte) bool {
	for _, f := range fields {
		if len(bytes.TrimSpace(f)) > 0 {
			return false
		}
	}
	return true
}

// shapes is how keys are built: letters and digits in runs, all else as it is.
type shapes map[string]bool

func (s *shapes) add(key []byte) {
	if *s == nil {
		*s = shapes{}
	}
	if len(key) > 0 && len(*s) < 64 {
		(*s)[shape(key)] = true
	}
}

func (s *shapes) like(cell []byte) bool {
	return len(cell) > 0 && utf8.Valid(cell) && (*s)[shape(cell)]
}

func shape(key []byte) string {
	out := make([]byte, 0, 32)
	for _, c := range key {
		switch {
		case c >= '0' && c <= '9':
			c = '0'
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= utf8.RuneSelf:
			c = 'a'
		}
		if len(out) == 0 || out[len(out)-1] != c {
			out = append(out, c)
		}
	}
	return string(out)
}

// values holds the values of one record, and remembers some that came before:
// a department stands in a thousand rows, and is made into a string once.
type values struct {
	row  []any
	seed maphash.Seed
	seen [][]any // per column, by hash
}

const seenSize = 256

func newValues(n int) *values {
	v := &values{row: make([]any, n), seed: maphash.MakeSeed(), seen: make([][]any, n)}
	for i := range v.seen {
		v.seen[i] = make([]any, seenSize)
	}
	return v
}

func (v *values) set(i int, cell []byte) {
	slot := &v.row[i]
	if len(cell) <= 64 {
		slot = &v.seen[i][maphash.Bytes(v.seed, cell)%seenSize]
	}
	if s, ok := (*slot).(string); !ok || s != string(cell) {
		*slot = string(cell)
	}
	v.row[i] = *slot
}
