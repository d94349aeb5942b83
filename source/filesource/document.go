package filesource

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"rollcall/fault"
	"rollcall/source"
)

// A document is an open file as UTF-8 text, whatever it is written in.
type document struct {
	path, base string
	file       *os.File
	size       int64
	mark       int64             // length of a UTF-8 byte order mark
	enc        encoding.Encoding // nil: UTF-8
}

// A badRow is a sentence about one record. Its kind is fault.Invalid.
type badRow string

func (b badRow) Error() string { return string(b) }

func (b badRow) Unwrap() error { return fault.Invalid }

func emptyKey(column string) badRow { return badRow("the key column " + column + " is empty") }

// decode finds out what the file is written in: what its byte order mark says,
// else what the configuration says, else UTF-8.
func (d *document) decode(name string) error {
	head := make([]byte, 4)
	n, err := d.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return d.broken(err)
	}
	head = head[:n]
	switch {
	case hasPrefix(head, "\xef\xbb\xbf"):
		d.mark = 3
		return nil
	case hasPrefix(head, "\xff\xfe"), hasPrefix(head, "\xfe\xff"):
		d.enc = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
		return nil
	}
	if d.enc, err = encodingOf(name); err != nil {
		err = fmt.Errorf("read %s: %w: unknown encoding %q", d.path, fault.Invalid, name)
		return fault.WithHint(err, "common ones: utf-8, windows-1252, iso-8859-15, utf-16le, ibm850")
	}
	if d.enc == nil && slices.Contains(head, 0) {
		hint := "the file looks like UTF-16: set source.encoding to utf-16le (or utf-16be), or export it as UTF-8"
		return d.refuse(1, hint, "the file begins with NUL bytes")
	}
	return nil
}

func hasPrefix(b []byte, prefix string) bool { return strings.HasPrefix(string(b), prefix) }

// encodingOf is nil for UTF-8. "latin1" is read as browsers read it, as
// windows-1252, which only adds to it what files so named do hold.
func encodingOf(name string) (encoding.Encoding, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if slices.Contains([]string{"", "utf-8", "utf8", "us-ascii", "ascii"}, name) {
		return nil, nil
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		e, err = ianaindex.IANA.Encoding(name)
	}
	if err == nil && e == nil {
		err = fault.Unsupported
	}
	return e, err
}

// at reads the text from a position, counted in bytes of UTF-8.
func (d *document) at(off int64) (io.Reader, error) {
	if d.enc == nil {
		return io.NewSectionReader(d.file, d.mark+off, max(0, d.size-d.mark-off)), nil
	}
	r := transform.NewReader(io.NewSectionReader(d.file, 0, d.size), d.enc.NewDecoder())
	if _, err := io.CopyN(io.Discard, r, off); err != nil {
		return nil, d.broken(err)
	}
	return r, nil
}

// place is where a record stands.
func (d *document) place(line int) source.Place { return source.Place{Source: d.base, Line: line} }

// spoiled is the error for one record.
func (d *document) spoiled(key source.Key, place source.Place, flaw badRow) (source.Record, error) {
	return source.Record{}, &source.RecordError{Key: key, Place: place, Err: flaw}
}

// refuse is the error for a file that cannot be read at all.
func (d *document) refuse(line int, hint, format string, args ...any) error {
	err := fmt.Errorf("read %s: %w: %s", d.path, fault.Invalid, fmt.Sprintf(format, args...))
	place := d.path
	if line > 0 {
		place = fmt.Sprintf("%s:%d", d.path, line)
	}
	return fault.WithPlace(fault.WithHint(err, hint), place)
}

// broken is the error for a file that can no longer be read.
func (d *document) broken(err error) error {
	return fmt.Errorf("read %s: %w: %w", d.path, fault.Unavailable, err)
}
