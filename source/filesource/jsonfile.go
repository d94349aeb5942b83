package filesource

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollcall/source"
)

// learnRecords is how many records the columns of a JSON file are learned
// from. A later record whose value is of another kind is spoiled.
const learnRecords = 100_000

// A jsonFile is a file of objects whose members are the columns.
type jsonFile struct {
	doc   document
	lines bool   // one object a line
	array string // the member of the outermost object that holds the records
	cols  []source.Column
	index map[string]int // column by name
	key   int            // column; -1 for none
}

// A jsonElement is what stands where a record is expected.
type jsonElement struct {
	array string
	line  int
	raw   []byte // valid until the next
	large bool   // raw is cut off
}

func openJSON(doc document, o Options, lines bool) (*jsonFile, error) {
	if err := doc.decode(o.Encoding); err != nil {
		return nil, err
	}
	j := &jsonFile{doc: doc, lines: lines, index: map[string]int{}, key: -1}
	if err := j.learn(); err != nil {
		return nil, err
	}
	if o.Key == "" {
		return j, nil
	}
	i, ok := j.index[o.Key]
	if !ok {
		return nil, j.doc.refuse(0, suggest(o.Key, columnNames(j.cols)), "no key column %q", o.Key)
	}
	j.key = i
	return j, nil
}

func (j *jsonFile) columns() []source.Column { return j.cols }

// learn finds the columns, their kinds and the array that holds the records.
func (j *jsonFile) learn() error {
	var arrays []string
	records := 0
	seen := map[string]uint{} // kinds of a column, as bits
	err := j.walk(func(e jsonElement) bool {
		if e.large || !isObject(e.raw) {
			return true
		}
		if !slices.Contains(arrays, e.array) {
			arrays = append(arrays, e.array)
		}
		for name, value := range members(e.raw) {
			j.see(string(name), value, seen)
		}
		records++
		return records < learnRecords
	})
	if err != nil && records == 0 {
		return err
	}
	for i, c := range j.cols {
		j.index[c.Name] = i
		if k := seen[c.Name]; bits.OnesCount(k) == 1 {
			j.cols[i].Kind = source.Kind(bits.TrailingZeros(k))
		}
	}
	return j.choose(arrays)
}

// choose notes the only array that holds records.
func (j *jsonFile) choose(arrays []string) error {
	switch len(arrays) {
	case 0:
		return j.doc.refuse(0, "write one object per person; their members are the columns", "the file holds no records")
	case 1:
		j.array = arrays[0]
		return nil
	}
	return j.doc.refuse(0, "keep one array of objects in the file, or write one object a line (.jsonl)",
		"the members %s all hold records", strings.Join(arrays, ", "))
}

func (j *jsonFile) see(name string, value []byte, seen map[string]uint) {
	kinds, known := seen[name]
	if !known {
		j.cols = append(j.cols, source.Column{Name: name, Kind: source.Any})
	}
	if k := kindOf(value); k != 0 {
		kinds |= 1 << k
	}
	seen[name] = kinds
}

// kindOf is the kind of a raw value; 0 for null, which goes with every kind.
func kindOf(raw []byte) source.Kind {
	switch raw[0] {
	case '"':
		return source.Text
	case 't', 'f':
		return source.Bool
	case 'n':
		return 0
	case '{', '[':
		return source.Any
	default:
		return source.Number
	}
}

func (j *jsonFile) each(pick []int, yield func(source.Record, error) bool) error {
	cells := make([][]byte, len(j.cols))
	values := newValues(len(pick))
	return j.walk(func(e jsonElement) bool {
		if e.array != j.array {
			return true
		}
		place := j.doc.place(e.line)
		key, flaw := j.record(e, cells, pick, values)
		if flaw != "" {
			return yield(j.doc.spoiled(key, place, flaw))
		}
		return yield(source.Record{Key: key, Place: place, Values: values.row}, nil)
	})
}

// record reads the key and the picked values of an element, or says what is
// wrong with it.
func (j *jsonFile) record(e jsonElement, cells [][]byte, pick []int, values *values) (source.Key, badRow) {
	switch {
	case e.large:
		return "", "the record is larger than 1 MiB: shorten its values, or leave them out of the export"
	case !isObject(e.raw):
		return "", "not a JSON object: every record is one, its members are the columns"
	}
	twice := j.spread(e.raw, cells, pick)
	key, flaw := j.keyIn(cells)
	switch {
	case flaw != "":
		return "", flaw
	case twice >= 0 && twice == j.key:
		key = ""
		fallthrough
	case twice >= 0:
		return key, badRow("column " + j.cols[twice].Name + " stands twice in the record")
	}
	for i, c := range pick {
		if text := plainText(cells[c]); text != nil && (j.cols[c].Kind == source.Text || j.cols[c].Kind == source.Any) {
			values.set(i, text)
			continue
		}
		if values.row[i], flaw = decodeCell(cells[c], j.cols[c]); flaw != "" {
			return key, flaw
		}
	}
	return key, ""
}

// spread puts the raw values of a record into cells, one per column, and
// answers a column of the key or the pick that the record has twice; -1 for none.
func (j *jsonFile) spread(raw []byte, cells [][]byte, pick []int) int {
	clear(cells)
	twice := -1
	for name, value := range members(raw) {
		i, ok := j.index[string(name)]
		if !ok {
			continue
		}
		if cells[i] != nil && (i == j.key || slices.Contains(pick, i)) {
			twice = i
		}
		cells[i] = value
	}
	return twice
}

// keyIn is the key as text; a number is its digits as the file has them.
func (j *jsonFile) keyIn(cells [][]byte) (source.Key, badRow) {
	if j.key < 0 {
		return "", ""
	}
	raw := cells[j.key]
	column := source.Column{Name: j.cols[j.key].Name, Kind: source.Text}
	switch {
	case raw == nil, raw[0] == 'n':
		return "", emptyKey(column.Name)
	case kindOf(raw) == source.Number:
		return source.Key(raw), ""
	}
	text := string(plainText(raw))
	if text == "" {
		v, flaw := decodeCell(raw, column)
		if flaw != "" {
			return "", flaw
		}
		text, _ = v.(string)
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", emptyKey(column.Name)
	}
	return source.Key(text), ""
}

// plainText is what stands between the quotes of a raw string that says no
// more than it shows; nil for every other value.
func plainText(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 || !utf8.Valid(raw) {
		return nil
	}
	return raw[1 : len(raw)-1]
}

// decodeCell is the value of one member of a record; nil for null and for none.
func decodeCell(raw []byte, c source.Column) (any, badRow) {
	if raw == nil || raw[0] == 'n' {
		return nil, ""
	}
	if !utf8.Valid(raw) {
		return nil, badRow(fmt.Sprintf("column %s is not valid UTF-8: if a Windows program wrote the file, set source.encoding: windows-1252", c.Name))
	}
	if k := kindOf(raw); c.Kind != source.Any && k != c.Kind {
		return nil, badRow(fmt.Sprintf("column %s holds %s, where the records before it hold %s", c.Name, kindWord(k), kindWord(c.Kind)))
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, badRow(fmt.Sprintf("column %s holds a number that is too large", c.Name))
	}
	switch v := v.(type) {
	case string:
		if strings.ContainsRune(v, 0) || strings.ContainsRune(v, utf8.RuneError) && !bytes.ContainsRune(raw, utf8.RuneError) {
			return nil, badRow(fmt.Sprintf("column %s holds a character that is no text: a NUL, or half of a pair", c.Name))
		}
	case float64:
		if math.Abs(v) >= 1<<53 && v == math.Trunc(v) && strconv.FormatFloat(v, 'f', -1, 64) != string(raw) {
			return nil, badRow(fmt.Sprintf("column %s holds a number of too many digits: write it as text, in quotes", c.Name))
		}
	}
	return v, ""
}

func kindWord(k source.Kind) string {
	words := map[source.Kind]string{source.Text: "text", source.Number: "a number", source.Bool: "true or false"}
	if w, ok := words[k]; ok {
		return w
	}
	return "a list or an object"
}

// walk calls visit with every element where a record can stand, until it
// answers false. An error means that the rest could not be read.
func (j *jsonFile) walk(visit func(jsonElement) bool) error {
	s, err := newScanner(&j.doc, 0)
	switch {
	case err != nil:
		return err
	case j.lines:
		return walkLines(s, visit)
	}
	return (&jsonText{s: s, line: 1}).walk(visit)
}

func walkLines(s *scanner, visit func(jsonElement) bool) error {
	for {
		line, whole, err := s.readLine()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		e := jsonElement{line: s.line, raw: bytes.TrimSpace(line), large: !whole}
		if !whole {
			s.line-- // skip counts it
			if _, err := s.skip(false); err != nil {
				return err
			}
		}
		if len(e.raw) > 0 && !visit(e) {
			return nil
		}
	}
}
