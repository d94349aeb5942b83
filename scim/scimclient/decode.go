package scimclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"rollcall/scim"
)

// A Form brings a value into the form that is wanted; "" leaves it out.
type Form func(scim.Value) scim.Value

// A Decoder cuts the texts of resources down to rows of one shape without
// building the resources: lists of a million people pass through it. It is for
// one goroutine.
type Decoder struct {
	row     *scim.RowBuilder
	root    []field
	asked   []int
	complex []leaf // paths that need the whole resource
	scan    scanner
	values  []scim.Value
	interns map[string]string
	out     Decoded
	err     error
}

// A Decoded is what a Decoder makes of one resource.
type Decoded struct {
	ID, Version string
	Inactive    bool // it says of itself that it is not active
	Row         scim.Row
}

// A field is a member of an object: an attribute, or an extension of attributes.
type field struct {
	name   []byte
	fields []field
	leaves []*leaf
}

// A leaf is one path of the shape below its attribute.
type leaf struct {
	index int
	path  scim.Path
	attr  []byte // of the value filter's equality; nil: no filter
	equal string // what it compares with
	sub   []byte // nil: the whole element
	form  Form
	known map[string]scim.Value // canonical by text as it came: most values occur more than once
}

// mostKnown bounds what a leaf remembers: beyond it values are probably each
// a person's own.
const mostKnown = 1024

// NewDecoder is for the paths of s that want gives a form.
func NewDecoder(s *scim.Shape, want func(scim.Path) (Form, bool)) *Decoder {
	d := &Decoder{row: scim.NewRow(s), interns: map[string]string{}}
	for i, p := range s.Paths() {
		form, ok := want(p)
		if !ok {
			continue
		}
		d.asked = append(d.asked, i)
		l := leaf{index: i, path: p, form: form, known: map[string]scim.Value{}}
		parts := p.Parts()
		if parts.Filter != nil {
			attr, value, ok := parts.Filter.Equality()
			text, isText := value.Text()
			if !ok || !isText || attr == "" || strings.ContainsAny(text, `"\`) || strings.ContainsAny(string(attr), ".:") {
				d.complex = append(d.complex, l)
				continue
			}
			l.attr, l.equal = []byte(attr), text
		}
		if parts.Attr == "" {
			d.complex = append(d.complex, l)
			continue
		}
		if parts.Sub != "" {
			l.sub = []byte(parts.Sub)
		}
		d.add(parts, &l)
	}
	return d
}

// core begins the URNs whose attributes stand in the resource itself.
const core = "urn:ietf:params:scim:schemas:core:2.0:"

func (d *Decoder) add(p scim.Parts, l *leaf) {
	at := &d.root
	if p.URN != "" && !strings.HasPrefix(p.URN, core) {
		at = &named(at, p.URN).fields
	}
	f := named(at, p.Attr)
	f.leaves = append(f.leaves, l)
}

// named is the field of that name, which is added where it is missing.
func named(in *[]field, name string) *field {
	i := slices.IndexFunc(*in, func(f field) bool { return bytes.EqualFold(f.name, []byte(name)) })
	if i < 0 {
		i = len(*in)
		*in = append(*in, field{name: []byte(name)})
	}
	return &(*in)[i]
}

var (
	errNoResource = errors.New("not a resource")

	nameID      = []byte("id")
	nameMeta    = []byte("meta")
	nameActive  = []byte("active")
	nameVersion = []byte("version")
)

// Decode is the row of one resource. The text may be overwritten afterwards.
func (d *Decoder) Decode(text []byte) (Decoded, error) {
	d.scan, d.out, d.err = scanner{text}, Decoded{}, nil
	for _, i := range d.asked {
		d.row.Set(i)
	}
	end := d.scan.object(0, d.member)
	if end != len(text) || d.out.ID == "" {
		d.err = errors.Join(d.err, errNoResource)
	}
	if len(d.complex) > 0 && d.err == nil {
		d.whole(text)
	}
	d.out.Row = d.row.Row()
	return d.out, d.err
}

// member takes one attribute of the resource.
func (d *Decoder) member(name []byte, from, to int) {
	raw := d.scan.text[from:to]
	switch {
	case bytes.EqualFold(name, nameID):
		d.out.ID = d.text(raw)
	case bytes.EqualFold(name, nameActive):
		d.out.Inactive = string(raw) == "false"
	case bytes.EqualFold(name, nameMeta):
		d.scan.object(from, d.meta)
	}
	d.descend(d.root, name, from, to)
}

func (d *Decoder) meta(name []byte, from, to int) {
	if !bytes.EqualFold(name, nameVersion) {
		return
	}
	raw := d.scan.text[from:to]
	if v, ok := d.interns[string(raw)]; ok {
		d.out.Version = v
		return
	}
	text := string(raw)
	if raw[0] == '"' {
		text = d.text(raw)
	}
	d.out.Version = scim.ParseVersion(text)
	if len(d.interns) < mostKnown {
		d.interns[string(raw)] = d.out.Version
	}
}

func (d *Decoder) descend(in []field, name []byte, from, to int) {
	for i := range in {
		f := &in[i]
		if !bytes.EqualFold(f.name, name) {
			continue
		}
		if len(f.fields) > 0 {
			d.scan.object(from, func(name []byte, from, to int) { d.descend(f.fields, name, from, to) })
		}
		for _, l := range f.leaves {
			d.collect(l, from, to)
		}
		return
	}
}

// collect sets the values of one path, of an attribute that is a single value or an array.
func (d *Decoder) collect(l *leaf, from, to int) {
	d.values = d.values[:0]
	if d.scan.text[from] == '[' {
		d.scan.each(from, to, func(from, to int) { d.element(l, from, to) })
	} else {
		d.element(l, from, to)
	}
	d.row.Set(l.index, d.values...)
}

func (d *Decoder) element(l *leaf, from, to int) {
	if l.attr == nil && l.sub == nil {
		d.value(l, d.scan.text[from:to])
		return
	}
	matches := l.attr == nil
	var sub [2]int
	d.scan.object(from, func(name []byte, from, to int) {
		if !matches && bytes.EqualFold(name, l.attr) {
			matches = strings.EqualFold(d.text(d.scan.text[from:to]), l.equal)
		}
		if l.sub != nil && bytes.EqualFold(name, l.sub) {
			sub = [2]int{from, to}
		}
	})
	switch {
	case !matches:
	case l.sub == nil:
		d.value(l, d.scan.text[from:to])
	case sub[1] > 0 && d.scan.text[sub[0]] == '[':
		d.scan.each(sub[0], sub[1], func(from, to int) { d.value(l, d.scan.text[from:to]) })
	case sub[1] > 0:
		d.value(l, d.scan.text[sub[0]:sub[1]])
	}
}

// value appends the form of one value.
func (d *Decoder) value(l *leaf, raw []byte) {
	v, ok := l.known[string(raw)]
	if !ok {
		parsed, err := scim.ParseValue(raw)
		if err != nil {
			d.err = errNoResource
			return
		}
		if v = parsed; v != "null" {
			v = l.form(v)
		}
		if len(l.known) < mostKnown {
			l.known[string(raw)] = v
		}
	}
	d.values = append(d.values, v)
}

// text is a JSON string's; "" for anything else.
func (d *Decoder) text(raw []byte) string {
	if n := len(raw); n >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : n-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // no string has no text
	return s
}

// whole takes the paths that cannot be cut from the text.
func (d *Decoder) whole(text []byte) {
	r, err := scim.ParseResource("", text)
	if err != nil {
		d.err = errNoResource
		return
	}
	for _, l := range d.complex {
		values := r.At(l.path)
		for i, v := range values {
			values[i] = l.form(v)
		}
		d.row.Set(l.index, values...)
	}
}
