package filesource

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
)

// A scanner splits delimited text into rows. It holds no more than one row,
// of at most maxRecord bytes, and finds back to whole rows after a bad one.
type scanner struct {
	doc   *document
	delim byte
	rfc   bool // quotes as RFC 4180 has them; else only around a whole field of one line

	r    *bufio.Reader
	off  int64 // of the next byte to read, in the text
	line int   // lines read

	begin, second int64 // where the current row and its second line begin
	start         int   // line of the current row

	fields [][]byte // of the current row; valid until the next
	raw    []byte   // a row that does not stand in r's buffer
	text   []byte   // fields that do not stand in raw: with doubled quotes
	again  int64    // bytes read a second time
}

// What is wrong with a row as a row. The scanner has gone past it.
var (
	errQuote = errors.New("quote")
	errLarge = errors.New("large")
	errLost  = errors.New("lost") // too much was read twice
)

func newScanner(doc *document, delim byte) (*scanner, error) {
	s := &scanner{doc: doc, delim: delim, rfc: delim == ',' || delim == ';', r: bufio.NewReaderSize(nil, 64<<10)}
	return s, s.seek(0, 0)
}

// seek continues at a position and the number of lines before it.
func (s *scanner) seek(off int64, line int) error {
	src, err := s.doc.at(off)
	if err != nil {
		return err
	}
	s.r.Reset(src)
	s.off, s.line = off, line
	return nil
}

// next reads the next row that is not an empty line into s.fields; io.EOF after
// the last. With errQuote and errLarge, s.fields are those before the trouble.
func (s *scanner) next() error {
	for {
		s.begin = s.off
		line, whole, err := s.readLine()
		if err != nil {
			return err
		}
		s.start, s.second = s.line, s.off
		switch {
		case !whole:
			return s.recover(s.cut(line))
		case len(line) == 0:
			continue
		case bytes.IndexByte(line, '"') < 0:
			s.split(line)
			return nil
		default:
			return s.recover(s.quoted(line, s.more))
		}
	}
}

// cut splits the beginning of a row that is too large.
func (s *scanner) cut(line []byte) error {
	err := s.quoted(line, func() error { return errQuote })
	if err == nil {
		s.fields = s.fields[:len(s.fields)-1] // cut off
	}
	return errLarge
}

// readLine is the next line without its end, valid until the next call; not
// whole where it is longer than maxRecord, and then the rest is still unread.
func (s *scanner) readLine() (line []byte, whole bool, err error) {
	line, err = s.r.ReadSlice('\n')
	s.off += int64(len(line))
	if errors.Is(err, bufio.ErrBufferFull) {
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) <= maxRecord {
			line, err = s.r.ReadSlice('\n')
			s.off += int64(len(line))
			long = append(long, line...)
		}
		line = long
	}
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		s.line++
		return line, false, nil
	case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
		s.line++
		line = bytes.TrimSuffix(line, []byte("\n"))
		return bytes.TrimSuffix(line, []byte("\r")), true, nil
	case errors.Is(err, io.EOF):
		return nil, false, io.EOF
	default:
		return nil, false, s.doc.broken(err)
	}
}

// split splits a line without quotes.
func (s *scanner) split(line []byte) {
	s.fields = s.fields[:0]
	for i := bytes.IndexByte(line, s.delim); i >= 0; i = bytes.IndexByte(line, s.delim) {
		s.fields = append(s.fields, line[:i])
		line = line[i+1:]
	}
	s.fields = append(s.fields, line)
}

// quoted splits a row that holds quotes; more appends the next line to it.
func (s *scanner) quoted(line []byte, more func() error) error {
	s.fields, s.text = s.fields[:0], s.text[:0]
	s.raw = append(s.raw[:0], line...)
	for i := 0; ; i++ {
		field, end, err := s.field(i, more)
		if err != nil {
			return err
		}
		s.fields = append(s.fields, field)
		if end == len(s.raw) {
			return nil
		}
		i = end
	}
}

// field is the field that begins at raw[i], and where it ends: at a delimiter
// or at the end of the row.
func (s *scanner) field(i int, more func() error) (field []byte, end int, err error) {
	if i < len(s.raw) && s.raw[i] == '"' {
		field, end, err = s.inQuotes(i+1, more)
		if err == nil || s.rfc {
			return field, end, err
		}
	}
	if end = bytes.IndexByte(s.raw[i:], s.delim); end < 0 {
		return s.raw[i:], len(s.raw), nil
	}
	return s.raw[i : i+end], i + end, nil
}

// inQuotes is the field whose opening quote stands before raw[i].
func (s *scanner) inQuotes(i int, more func() error) (field []byte, end int, err error) {
	from, mark, doubled := i, len(s.text), false
	for {
		j := bytes.IndexByte(s.raw[i:], '"')
		if j < 0 {
			i = len(s.raw)
			if err := more(); err != nil {
				return nil, 0, err
			}
			continue
		}
		i += j + 1 // behind the quote
		switch {
		case i == len(s.raw) || s.raw[i] == s.delim:
			if !doubled {
				return s.raw[from : i-1], i, nil
			}
			s.text = append(s.text, s.raw[from:i-1]...)
			return s.text[mark:], i, nil
		case s.raw[i] == '"':
			s.text = append(s.text, s.raw[from:i]...)
			i++
			from, doubled = i, true
		default:
			return nil, 0, errQuote
		}
	}
}

// more appends the next line to the row.
func (s *scanner) more() error {
	if !s.rfc {
		return errQuote
	}
	line, whole, err := s.readLine()
	switch {
	case errors.Is(err, io.EOF):
		return errQuote
	case err != nil:
		return err
	}
	s.raw = append(s.raw, '\n')
	s.raw = append(s.raw, line...)
	if !whole || len(s.raw) > maxRecord {
		return errLarge
	}
	return nil
}

// recover goes past a bad row. A quote that does not close as it should may
// have swallowed rows that are whole: reading goes on with the line after the
// one the row began on. A row that is too large is passed to its end.
func (s *scanner) recover(bad error) error {
	switch {
	case errors.Is(bad, errQuote) && s.line > s.start:
		return cmp.Or(s.back(s.second, s.start), bad)
	case !errors.Is(bad, errLarge):
		return bad
	}
	if err := s.back(s.begin, s.start-1); err != nil {
		return err
	}
	if closed, err := s.skip(s.rfc); closed || err != nil {
		return cmp.Or(err, bad)
	}
	if err := s.back(s.begin, s.start-1); err != nil {
		return err
	}
	_, err := s.skip(false)
	return cmp.Or(err, errQuote)
}

// back reads again from an earlier position. What is read again is bounded by
// the file's size, so that a file of nothing but quotes takes linear time.
func (s *scanner) back(off int64, line int) error {
	s.again += s.off - off
	if s.doc.enc != nil {
		s.again += off
	}
	if s.again > 16*(s.doc.size+maxRecord) {
		return errLost
	}
	return s.seek(off, line)
}

// skip goes past a row without holding it, to the end of its line or, where
// quotes count, of its quoted fields; not closed where one of those is not.
func (s *scanner) skip(quotes bool) (closed bool, err error) {
	within, fresh := false, true // quotes; at the beginning of a field
	for {
		c, err := s.readByte()
		switch {
		case errors.Is(err, io.EOF):
			return !within, nil
		case err != nil:
			return false, s.doc.broken(err)
		case within && c != '"':
		case within && s.peek() == '"':
			_, _ = s.readByte() // was just seen
		case within && !slices.Contains([]int{int(s.delim), '\n', '\r', -1}, s.peek()):
			return false, nil
		case within:
			within = false
		case c == '\n':
			return true, nil
		default:
			within = quotes && fresh && c == '"'
			fresh = c == s.delim
		}
	}
}

// readByte is the next byte of the text; it counts lines as readLine does.
func (s *scanner) readByte() (byte, error) {
	c, err := s.r.ReadByte()
	if err == nil {
		s.off++
	}
	if err == nil && (c == '\n' || s.peek() < 0) {
		s.line++
	}
	return c, err
}

// peek is the next byte, -1 at the end.
func (s *scanner) peek() int {
	if b, err := s.r.Peek(1); err == nil {
		return int(b[0])
	}
	return -1
}
