package filesource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"rollcall/fault"
	"rollcall/source"
)

// A Guess is what a file seems to be, and how it might be mapped. It rests on
// its first rows (see [Guess.Records]); everything in it has a reason that
// people can check. No sensitive column is in Key, Where or Mapping.
type Guess struct {
	Format    Format // to be named where neither the extension nor Delimiter says it
	Delimiter string // "": as the extension says
	Encoding  string // "": UTF-8, or a byte order mark says it
	Sheet     string // "": the only one
	Columns   []ColumnGuess
	Records   int // that were looked at, of at most 50,000
	Key       string
	KeyWhy    string
	Where     string // an expression; "" where the key is unique as it is
	WhereWhy  string
	Mapping   []MappingGuess
	Notes     []string // sentences
}

// A ColumnGuess says what stands in a column.
type ColumnGuess struct {
	Name      string
	Filled    float64 // share of records that have a value
	Distinct  float64 // share of those values that differ
	Kind      string  // email, phone, date, flag, number, text; "" for an empty column
	Sensitive string  // what no target may receive: "pay", "birth date or age", ...; "" for nothing
}

// A MappingGuess is an attribute as the configuration names it, the expression
// for it, and the reason.
type MappingGuess struct{ Attribute, Expr, Why string }

const sniffRecords = 50_000

// Sniff looks at a file and guesses how to read it, what identifies a person,
// who is current, and which columns go where. It maps only what the data
// supports. The errors are those of [Open].
func Sniff(ctx context.Context, path string) (Guess, error) {
	o, notes, err := sniffFormat(path)
	if err != nil {
		return Guess{}, err
	}
	f, err := open(path, o)
	if err != nil {
		return Guess{}, err
	}
	t, err := load(ctx, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return Guess{}, err
	}
	g := Guess{Format: o.Format, Encoding: o.Encoding, Records: t.size, Notes: append(notes, t.notes...)}
	g.readAs(f, o)
	for _, c := range t.columns {
		g.Columns = append(g.Columns, c.ColumnGuess)
	}
	guessKey(t, &g)
	guessMapping(t, &g)
	return g, nil
}

// readAs notes what a configuration must say for the file to be read so.
func (g *Guess) readAs(f *File, o Options) {
	switch form := f.form.(type) {
	case *sheet:
		if len(form.book.GetSheetList()) > 1 {
			g.Sheet = form.name
		}
	case *delimited:
		if delimiters[FormatByName(f.path)] != form.delim {
			g.Delimiter = o.Delimiter
		}
	}
}

// sniffFormat finds format, delimiter and encoding.
func sniffFormat(path string) (Options, []string, error) {
	o := Options{Format: FormatByName(path)}
	head, err := readHead(path)
	if err != nil {
		return o, nil, err
	}
	if o.Format == "" {
		o.Format = formatByContent(head)
	}
	if o.Format == XLSX {
		return o, nil, nil
	}
	var notes []string
	if o.Encoding = sniffEncoding(head); o.Encoding != "" {
		notes = append(notes, fmt.Sprintf("The file is not UTF-8; it is read as %s. Check a name with an accent.", o.Encoding))
	}
	if o.Format == JSON || o.Format == JSONL {
		return o, notes, nil
	}
	o.Delimiter, err = sniffDelimiter(path, o)
	return o, notes, err
}

// readHead is the beginning of the file, enough to know its encoding by.
func readHead(path string) ([]byte, error) {
	file, stat, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, min(stat.Size(), 16<<20))
	n, err := file.ReadAt(head, 0)
	if err = errors.Join(ignoreEOF(err), file.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", path, fault.Unavailable, err)
	}
	return head[:n], nil
}

// FormatByName is the format that a file name says; "" where it says none.
func FormatByName(path string) Format { return extensions[strings.ToLower(filepath.Ext(path))] }

func formatByContent(head []byte) Format {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return XLSX
	case bytes.HasPrefix(text, []byte("[")):
		return JSON
	case bytes.HasPrefix(text, []byte("{")):
		return JSONL
	}
	return CSV
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func sniffEncoding(head []byte) string {
	switch {
	case hasPrefix(head[:min(2, len(head))], "\xff\xfe"), hasPrefix(head[:min(2, len(head))], "\xfe\xff"):
		return ""
	case len(head) >= 4 && head[0] != 0 && head[1] == 0 && head[3] == 0:
		return "utf-16le"
	case len(head) >= 4 && head[0] == 0 && head[1] != 0 && head[2] == 0:
		return "utf-16be"
	}
	for i := 0; i < len(head); {
		r, size := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && size <= 1 && len(head)-i >= utf8.UTFMax {
			return "windows-1252"
		}
		i += max(1, size)
	}
	return ""
}

// sniffDelimiter is the one under which most of the first rows have as many
// fields as the header; the format's own where several do.
func sniffDelimiter(path string, o Options) (string, error) {
	own := delimiters[o.Format]
	best, most, firstErr := "", 0.0, error(nil)
	for _, d := range []byte{own, ',', ';', '|', '\t'} {
		if d == 0 {
			continue
		}
		score, err := delimiterScore(path, Options{Format: CSV, Delimiter: string(d), Encoding: o.Encoding})
		if firstErr == nil && err != nil {
			firstErr = err
		}
		if score > most {
			best, most = string(d), score
		}
	}
	if best == "" && firstErr == nil {
		best = string(max(own, ','))
	}
	if best != "" {
		firstErr = nil
	}
	return best, firstErr
}

func delimiterScore(path string, o Options) (float64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	stat, err := file.Stat()
	if err != nil {
		return 0, errors.Join(err, file.Close())
	}
	form, err := openDelimited(document{path: path, base: filepath.Base(path), file: file, size: stat.Size()}, o, CSV)
	if err != nil {
		return 0, errors.Join(err, file.Close())
	}
	good, all := 1, 1
	err = form.each(nil, func(_ source.Record, bad error) bool {
		all++
		if bad == nil {
			good++
		}
		return all < 200
	})
	return float64(good) / float64(all) * float64(len(form.header)-1), errors.Join(err, file.Close())
}

// A table is what was read of a file, column by column.
type table struct {
	size    int
	columns []*column
	notes   []string
}

type column struct {
	ColumnGuess

	source source.Kind
	words  []string
	values []string // trimmed
	padded bool     // values had space around them
	count  map[string]int
}

func load(ctx context.Context, f *File) (*table, error) {
	t := &table{}
	for _, c := range f.form.columns() {
		t.columns = append(t.columns, newColumn(c))
	}
	var spoiled []error
	for r, err := range f.Records(ctx, columnNames(f.form.columns())) {
		if bad, ok := errors.AsType[*source.RecordError](err); ok {
			spoiled = append(spoiled, bad)
			continue
		}
		if err != nil {
			return nil, err
		}
		for i, v := range r.Values {
			t.columns[i].add(v)
		}
		if t.size++; t.size == sniffRecords {
			break
		}
	}
	if len(spoiled) > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%d rows cannot be read; the first: %v.", len(spoiled), spoiled[0]))
	}
	for _, c := range t.columns {
		c.judge(t.size)
	}
	return t, nil
}

func newColumn(c source.Column) *column {
	return &column{ColumnGuess: ColumnGuess{Name: c.Name}, source: c.Kind, words: wordsOf(c.Name), count: map[string]int{}}
}

func (c *column) add(v any) {
	text := ""
	if v != nil {
		text = fmt.Sprint(v)
	}
	trimmed := strings.TrimSpace(text)
	c.padded = c.padded || trimmed != text
	c.values = append(c.values, trimmed)
	c.count[trimmed]++
}

func (c *column) judge(size int) {
	filled := size - c.count[""]
	if c.Sensitive = sensitiveName(c.words); c.Sensitive == "" {
		c.Sensitive = c.sensitiveValues(filled)
	}
	if filled == 0 {
		return
	}
	c.Filled = float64(filled) / float64(size)
	c.Distinct = float64(len(c.distinct())) / float64(filled)
	c.Kind = c.kindOf(filled)
}

// distinct are the filled values, sorted.
func (c *column) distinct() []string {
	out := make([]string, 0, len(c.count))
	for v := range c.count {
		if v != "" {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

var (
	ssnShape   = regexp.MustCompile(`^\d{3}-\d{2}-\d{4}$`)
	ibanShape  = regexp.MustCompile(`^[A-Z]{2}\d{2}( ?[A-Z0-9]){11,30}$`)
	mailShape  = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	dateShape  = regexp.MustCompile(`^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([ T]\d{1,2}:.*)?$`)
	numShape   = regexp.MustCompile(`^[-+]?\d+([.,]\d+)*$`)
	phoneShape = regexp.MustCompile(`^\+?[0-9(][0-9() ./-]{5,}[0-9]( ?(x|ext\.?) ?\d+)?$`)
	trueWords  = []string{"1", "y", "yes", "true", "t", "j", "ja", "x", "oui", "o", "si", "s", "active", "aktiv", "actif", "activo", "current", "employed"}
	falseWords = []string{"0", "n", "no", "false", "f", "nein", "non", "inactive", "inaktiv", "inactif", "inactivo", "left", "terminated"}
)

func (c *column) sensitiveValues(filled int) string {
	switch {
	case c.mostly(filled, ssnShape.MatchString):
		return "national identifier"
	case c.mostly(filled, ibanShape.MatchString):
		return "bank details"
	}
	return ""
}

// mostly tells whether nine of ten filled values are so.
func (c *column) mostly(filled int, is func(string) bool) bool {
	n := 0
	for v, times := range c.count {
		if v != "" && is(v) {
			n += times
		}
	}
	return filled > 0 && 10*n >= 9*filled
}

func isFlag(v string) bool {
	v = strings.ToLower(v)
	return slices.Contains(trueWords, v) || slices.Contains(falseWords, v)
}

// isPhone tells a telephone number by itself: digits alone may be anything.
func isPhone(v string) bool {
	return strings.HasPrefix(v, "+") || phoneShape.MatchString(v) && !numShape.MatchString(v)
}

func (c *column) kindOf(filled int) string {
	switch {
	case c.source == source.Bool, len(c.distinct()) <= 2 && c.mostly(filled, isFlag):
		return "flag"
	case c.mostly(filled, mailShape.MatchString):
		return "email"
	case c.mostly(filled, dateShape.MatchString):
		return "date"
	case c.mostly(filled, numShape.MatchString) && !about(c.words, phoneWords):
		return "number"
	case c.mostly(filled, isPhone), about(c.words, phoneWords) && c.mostly(filled, phoneShape.MatchString):
		return "phone"
	}
	return "text"
}
