package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sort"

	"rollcall/fault"
)

var (
	errSchema = errors.New("the schema is not " + Schema)
	errShape  = errors.New("not the JSON of a plan")
	errOp     = errors.New("a change has an op that no plan has")
	errChange = errors.New("a change is not what its id says: the file was edited")
	errEdited = errors.New("its digest is not that of what it says: the file was edited")
	errUnsure = errors.New("it has no digest: the file was edited, or is of an older program")
	errCut    = errors.New("it ends in the middle: the file was cut short")
	errTail   = errors.New("more follows after the plan")
)

// Decode reads what Encode wrote, change by change. Errors are Invalid, with
// the line where it is known: not JSON, cut short, another schema, edited, or
// something after the document. White space between tokens is nobody's business.
func Decode(r io.Reader) (*Plan, error) {
	in := &lines{from: r}
	d := &decoder{Decoder: json.NewDecoder(in), lines: in, sum: sha256.New(), plan: &Plan{}}
	err := d.document()
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errTail
		}
	}
	if err == nil {
		return d.plan, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCut
	}
	return nil, fault.WithHint(d.placed(err), "save a plan with: rollcall plan -o FILE")
}

// placed says where the document is wrong, as far as that is known: of one whose
// digest does not fit, where a change does not follow from its own edits.
func (d *decoder) placed(err error) error {
	line := d.line(d.InputOffset())
	switch {
	case errors.Is(err, errCut):
		line = d.line(d.read)
	case errors.Is(err, errSchema), errors.Is(err, errUnsure), errors.Is(err, errEdited):
		line = d.odd
	}
	if line == 0 {
		return fmt.Errorf("decode plan: %w: %w", fault.Invalid, err)
	}
	place := fmt.Sprintf("line %d", line)
	return fault.WithPlace(fmt.Errorf("decode plan: %s: %w: %w", place, fault.Invalid, err), place)
}

// A decoder reads a document and sums it up as the encoder did.
type decoder struct {
	*json.Decoder
	*lines

	sum    hash.Hash
	plan   *Plan
	schema string
	digest string
	odd    int // line of the first change that does not follow from what it says; 0: none
}

func (d *decoder) document() error {
	if err := d.expect('{'); err != nil {
		return err
	}
	d.sum.Write([]byte("{"))
	for first := true; d.More(); first = false {
		if err := d.field(first); err != nil {
			return err
		}
	}
	if err := d.expect('}'); err != nil {
		return err
	}
	d.sum.Write([]byte("}"))
	switch {
	case d.schema != Schema:
		return errSchema
	case d.digest == "":
		return errUnsure
	case d.digest != hex.EncodeToString(d.sum.Sum(nil)):
		return errEdited
	}
	d.plan.Limits, d.plan.Findings = orNil(d.plan.Limits), orNil(d.plan.Findings)
	return nil
}

func (d *decoder) field(first bool) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	name, _ := token.(string)
	p := d.plan
	into := map[string]any{
		"schema": &d.schema, "basis": &p.Basis, "summary": &p.Summary, "cost": &p.Cost, "limits": &p.Limits, "findings": &p.Findings,
		"missing": &p.Missing, "back": &p.Back,
	}[name]
	if name == digestMember {
		return d.Decode(&d.digest)
	}
	if !first {
		d.sum.Write([]byte(","))
	}
	quoted, err := marshal(name)
	if err != nil {
		return err
	}
	d.sum.Write(append(quoted, ':'))
	if name == "changes" {
		return d.changes()
	}
	text, err := d.value()
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// value reads the next value, without white space.
func (d *decoder) value() ([]byte, error) {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err := json.Compact(&text, raw)
	d.sum.Write(text.Bytes())
	return text.Bytes(), err
}

func (d *decoder) changes() error {
	if err := d.expect('['); err != nil {
		return err
	}
	d.sum.Write([]byte("["))
	for first := true; d.More(); first = false {
		if !first {
			d.sum.Write([]byte(","))
		}
		if err := d.change(); err != nil {
			return err
		}
	}
	d.sum.Write([]byte("]"))
	return d.expect(']')
}

func (d *decoder) change() error {
	text, err := d.value()
	if err != nil {
		return err
	}
	var w changeJSON
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	if !slices.Contains(ops, w.Op) {
		return errOp
	}
	c := w.change()
	if id, _ := c.identify(nil); id != c.ID {
		return errChange
	}
	if same, err := marshal(wireOf(c)); d.odd == 0 && (err != nil || !bytes.Equal(same, text)) {
		d.odd = d.line(d.InputOffset())
	}
	d.plan.packed.add(c, counted, 0)
	return nil
}

func (d *decoder) expect(want json.Delim) error {
	got, err := d.Token()
	if err != nil {
		return err
	}
	if got != want {
		return errShape
	}
	return nil
}

func orNil[E any](s []E) []E {
	if len(s) == 0 {
		return nil
	}
	return s
}

// lines is a reader that remembers where lines end.
type lines struct {
	from io.Reader
	read int64
	ends []int64
}

func (l *lines) Read(b []byte) (int, error) {
	n, err := l.from.Read(b)
	for i, c := range b[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// line is the number of the line in which the byte before offset is.
func (l *lines) line(offset int64) int {
	return 1 + sort.Search(len(l.ends), func(i int) bool { return l.ends[i] >= offset-1 })
}
