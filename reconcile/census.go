package reconcile

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

// A census is who occurs in one reading of the source, as hashes: it answers
// who is missing without keeping a key.
type census struct {
	Reading

	seed   maphash.Seed
	seen   map[uint64]struct{}
	tail   []uint16 // marks of the last records, in their order
	blank  int      // rows that could not be read and do not tell whose they are
	absent []source.Key
	back   []source.Key
	gone   []uint16                      // marks of the absent who were not missed before
	once   map[source.Key][]plan.Finding // problems with values that only a create would send
	links  int                           // people of the ledger who were not missed before
	filled map[string]int                // by column: records in scope that have a value there
	units  map[source.Key]string         // of people who were somewhere else, or nowhere, so far

	missing map[string]source.Key // people who are missing and whose account no run of ours closed, by its id
	shut    []reference           // those of them whose account was seen inactive
}

// tailSize is how many records at the end of a reading are remembered.
const tailSize = 1000

func newCensus() *census {
	return &census{
		seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, once: map[source.Key][]plan.Finding{}, units: map[source.Key]string{},
		filled: map[string]int{}, missing: map[string]source.Key{},
	}
}

// count takes in one record that is in scope.
func (c *census) count(k source.Key) {
	c.Records++
	h := maphash.String(c.seed, string(k))
	if _, again := c.seen[h]; again {
		c.Duplicates++
		return
	}
	c.seen[h] = struct{}{}
	if len(c.tail) == 2*tailSize {
		c.tail = append(c.tail[:0], c.tail[tailSize:]...)
	}
	c.tail = append(c.tail, mark(k))
}

// has tells whether k occurs.
func (c *census) has(k source.Key) bool {
	_, ok := c.seen[maphash.String(c.seed, string(k))]
	return ok
}

// link takes in one link of the ledger.
func (c *census) link(l plan.Link) {
	if !l.Closed && l.Ref.ID != "" {
		delete(c.once, l.Key)
	}
	c.miss(l)
	if c.units[l.Key] == l.Unit {
		delete(c.units, l.Key)
	}
	switch {
	case l.Closed || l.Ref.ID == "":
	case c.has(l.Key) && l.Left.IsZero():
		c.links++
	case c.has(l.Key):
		c.back = append(c.back, l.Key)
	case l.Left.IsZero():
		c.links++
		c.absent = append(c.absent, l.Key)
		c.gone = append(c.gone, mark(l.Key))
	}
}

// leavers are the absent who were not missed before, but for those who have new
// keys, sorted.
func (c *census) leavers(succeeded []source.Key) []source.Key {
	return slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(c.absent), func(k source.Key) bool {
		_, has := slices.BinarySearch(succeeded, k)
		return has
	})))
}

// mark is 16 bits of a key: enough to recognize the end of a file, too few to
// tell who stood there.
func mark(k source.Key) uint16 {
	h := fnv.New32a()
	h.Write([]byte(k))
	sum := h.Sum32()
	return uint16(sum>>16) ^ uint16(sum) // folding is the point
}

// A memo is what the ledger remembers of the last good reading of a sync.
type memo struct {
	Records int            `json:"records"`
	Tail    string         `json:"tail"`             // base64 of marks, two bytes each
	Filled  map[string]int `json:"filled,omitempty"` // by column: records that had a value
}

func (c *census) memo() memo {
	tail := c.tail[max(len(c.tail)-tailSize, 0):]
	b := make([]byte, 0, 2*len(tail))
	for _, m := range tail {
		b = binary.BigEndian.AppendUint16(b, m)
	}
	return memo{Records: c.Records, Tail: base64.StdEncoding.EncodeToString(b), Filled: c.filled}
}

func (m memo) marks() []uint16 {
	b, err := base64.StdEncoding.DecodeString(m.Tail)
	if err != nil {
		return nil
	}
	marks := make([]uint16, len(b)/2)
	for i := range marks {
		marks[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return marks
}

// remembered is the last good reading of this sync; zero where there is none.
func (j Job) remembered(ctx context.Context) (m memo, err error) {
	_, err = j.noted(ctx, j.readingNote(), &m)
	return m, err
}

func (j Job) readingNote() string { return "reading " + j.Start.Sync }

// judge says why a reading is not to be believed (design §8); it needs every
// record and every link counted.
func (c *census) judge(e Expect, last memo) {
	c.Last = last.Records
	doubt := func(is bool, format string, args ...any) {
		if is {
			c.Doubts = append(c.Doubts, fmt.Sprintf(format, args...))
		}
	}
	read := c.Records + c.Unreadable
	doubt(c.Records == 0, "it has no records")
	doubt(c.Records > 0 && c.Records < e.Min, "it has %d records, fewer than the %d expected", c.Records, e.Min)
	doubt(e.Max > 0 && c.Records > e.Max, "it has %d records, more than the %d expected", c.Records, e.Max)
	doubt(2*c.Records < last.Records, "it has %d records, fewer than half of the %d of the last good reading", c.Records, last.Records)
	doubt(2*len(c.absent) > c.links, "%d of the %d people in the ledger are missing: more than half", len(c.absent), c.links)
	doubt(many(c.Duplicates, read), "%d of %d records repeat a key: more than 1%%", c.Duplicates, read)
	doubt(many(c.Unreadable, read), "%d of %d rows cannot be read: more than 1%%", c.Unreadable, read)
	for _, name := range c.emptied(last) {
		doubt(true, "column %q has a value in %d of %d records, and had one in %d of %d: fewer than half", name, c.filled[name], c.Records, last.Filled[name], last.Records)
	}
	doubt(c.cut(last), "the %d people who are missing are exactly the end of the last good reading: the file seems cut", len(c.absent))
}

// emptied are the columns that lost more than half of their values since the
// last good reading, record for record, and five or more: an export that still
// has the column, and nothing in it. New people without a value empty nothing.
func (c *census) emptied(last memo) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(c.filled)) {
		had := last.Filled[name] * c.Records // of as many records as there are now, times those of then
		now := c.filled[name] * last.Records
		if fewer := c.filled[name] < last.Filled[name]; fewer && 2*now < had && had-now >= 5*last.Records {
			names = append(names, name)
		}
	}
	return names
}

// fill counts the columns in which a record has a value.
func (c *census) fill(columns []string, values []any) {
	for i, name := range columns {
		n := 0
		if text, is := values[i].(string); values[i] != nil && (!is || strings.TrimSpace(text) != "") {
			n = 1
		}
		c.filled[name] += n
	}
}

// many is more than one in a hundred, and more than one: a single bad row is
// its person's trouble, however small the company.
func many(n, of int) bool { return n > 1 && 100*n > of }

// cut tells whether five or more people are missing and they are the tail of
// the last good reading, as far back as it is remembered.
func (c *census) cut(last memo) bool {
	tail := last.marks()
	if len(c.gone) < 5 || len(tail) == 0 {
		return false
	}
	n := min(len(c.gone), len(tail))
	missing := map[uint16]int{}
	for _, m := range c.gone {
		missing[m]++
	}
	for _, m := range tail[len(tail)-n:] {
		if missing[m]--; missing[m] < 0 {
			return false
		}
	}
	return true
}

// refusal is the error of a reading that is not believed.
func (r Reading) refusal(name string) error {
	err := fmt.Errorf("read %s: the reading is not believed: %s: %w", name, strings.Join(r.Doubts, "; "), fault.Refused)
	return fault.WithHint(err, "look at the source; if it is right, take it as it is once with --believe --because TEXT")
}

// read passes the source through the mapping into b and counts.
func (j Job) read(ctx context.Context, b *plan.Builder) (*census, error) {
	c := newCensus()
	columns, err := j.Source.Columns(ctx)
	if err != nil {
		return c, err
	}
	for _, name := range j.Expect.Columns {
		if !slices.ContainsFunc(columns, func(have source.Column) bool { return have.Name == name }) {
			c.Doubts = append(c.Doubts, "column "+strconv.Quote(name)+" is missing")
		}
	}
	if len(c.Doubts) > 0 {
		return c, nil
	}
	var sum plan.Digest
	for rec, err := range j.Source.Records(ctx, j.Mapping.Columns()) {
		var bad *source.RecordError
		switch {
		case errors.As(err, &bad):
			c.unreadable(b, bad)
		case err != nil:
			return c, err
		default:
			j.person(c, b, rec, &sum)
		}
	}
	c.Digest = sum
	return c, nil
}

// unreadable takes in a row that could not be read: whoever it is stays as they are.
func (c *census) unreadable(b *plan.Builder, bad *source.RecordError) {
	c.Unreadable++
	b.Note(badRow(bad))
	if bad.Key == "" {
		c.blank++
		return
	}
	c.seen[maphash.String(c.seed, string(bad.Key))] = struct{}{}
	b.Want(plan.Desired{Key: bad.Key, Place: bad.Place, Held: true})
}

func badRow(bad *source.RecordError) plan.Finding {
	return plan.Finding{Severity: plan.Error, Code: "bad-row", Key: bad.Key, Place: bad.Place.String(), Text: bad.Err.Error()}
}

// person takes in one record.
func (j Job) person(c *census, b *plan.Builder, rec source.Record, sum *plan.Digest) {
	p, err := j.Mapping.Map(rec)
	var bad *source.RecordError
	switch {
	case errors.As(err, &bad):
		c.count(rec.Key)
		c.Spoiled++
		b.Note(badRow(bad))
		b.Want(plan.Desired{Key: rec.Key, Place: rec.Place, Held: true})
		return
	case !p.In:
		c.Outside++
		return
	}
	c.count(p.Key)
	c.fill(j.Mapping.Columns(), rec.Values)
	for _, problem := range p.Problems {
		f := plan.Finding{
			Severity: plan.Warning, Code: problem.Code, Key: p.Key, Place: p.Place.String(),
			Text: string(problem.Path) + ": " + problem.Text,
		}
		if j.isOnce(problem.Path) { // told of those who turn out not to be linked
			c.once[p.Key] = append(c.once[p.Key], f)
			continue
		}
		b.Note(f)
	}
	if p.Unit != "" {
		c.units[p.Key] = p.Unit
	}
	d := plan.Desired{
		Key: p.Key, Place: p.Place, Row: p.Row, Groups: p.Groups, Unit: p.Unit, Unnamed: !p.Named && j.Input.ByColumn != 0, Turns: p.Turns,
	}
	for i, x := range d.Digest() {
		sum[i] ^= x
	}
	b.Want(d)
}

// isOnce tells whether p is set at creation only.
func (j Job) isOnce(p scim.Path) bool {
	return slices.ContainsFunc(j.Input.Rules, func(r plan.Rule) bool { return r.Path == p && r.Own == plan.Once })
}
