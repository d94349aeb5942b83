// Package sourcetest proves that an implementation of [source.Source] keeps
// the contract of the seam.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/source"
)

// A Table is what a source is to hold. Its values are text; a source without
// text columns renders them as it can, equal to [fmt.Sprint] of what it yields.
type Table struct {
	Columns []string
	Key     string     // one of Columns
	Rows    [][]string // one value per column
	Broken  bool       // a reading must not come to its end
}

// canary stands in every column that a test does not ask for.
const canary = "canary-4711"

// people is a company of three, one of whom has no key: a spoiled record.
func people() Table {
	return Table{
		Columns: []string{"Login", "Name", "Salary", "Title", "Born"},
		Key:     "Login",
		Rows: [][]string{
			{"e1", "Zoë D'Arcy", canary, "Lead", canary},
			{"e2", "Łukasz Nowak", canary, "", canary},
			{"e3", " Ann  Lee ", canary, "Agent, \"north\" | 2", canary},
		},
	}
}

func spoiled() Table {
	t := people()
	t.Rows = slices.Insert(t.Rows, 1, []string{"", canary, canary, canary, canary})
	return t
}

// Run runs the suite. open makes a source that holds the table; it may fail
// the test, and releases what it holds with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T, table Table) source.Source) {
	t.Helper()
	for name, test := range map[string]func(t *testing.T, open func(*testing.T, Table) source.Source){
		"columns come in the source's order":              columnsInOrder,
		"records hold the asked columns in that order":    askedColumns,
		"no column asked still yields keys":               noColumns,
		"nothing of another column leaves":                nothingLeaks,
		"an unknown column ends the reading with a kind":  unknownColumn,
		"a second reading is like the first":              readAgain,
		"the reading stops when the caller does":          stopEarly,
		"a spoiled record is passed and the rest is read": goesOn,
		"a source that breaks off says so at the end":     breaksOff,
		"a canceled reading ends with Interrupted":        canceled,
		"a reading canceled on the way is not complete":   canceledOnTheWay,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

type reading struct {
	records map[source.Key][]string
	spoiled []*source.RecordError
	end     error // the error that ended it
}

// read reads to the end and checks what holds for every reading.
func read(ctx context.Context, t *testing.T, s source.Source, columns ...string) reading {
	t.Helper()
	out := reading{records: map[source.Key][]string{}}
	for r, err := range s.Records(ctx, columns) {
		if out.end != nil {
			t.Fatalf("Records yielded (%v, %v) after the error that ends it: %v", r, err, out.end)
		}
		if bad, ok := errors.AsType[*source.RecordError](err); ok {
			out.spoiled = append(out.spoiled, bad)
			continue
		}
		if err != nil {
			out.end = err
			continue
		}
		if len(r.Values) != len(columns) {
			t.Fatalf("record %s has %d values, want one for each of %q", r.Place, len(r.Values), columns)
		}
		if r.Key == "" || r.Place.Source == "" {
			t.Errorf("record %q at %q: want a key and a place", r.Key, r.Place)
		}
		texts := make([]string, len(r.Values))
		for i, v := range r.Values {
			if v != nil {
				texts[i] = fmt.Sprint(v)
			}
		}
		out.records[r.Key] = texts
	}
	return out
}

func columnsInOrder(t *testing.T, open func(*testing.T, Table) source.Source) {
	columns, err := open(t, people()).Columns(t.Context())
	if err != nil {
		t.Fatalf("Columns: %v", err)
	}
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
		if c.Kind == 0 {
			t.Errorf("column %s has no kind", c.Name)
		}
	}
	if diff := cmp.Diff(people().Columns, names); diff != "" {
		t.Errorf("Columns (-want +got):\n%s", diff)
	}
}

func askedColumns(t *testing.T, open func(*testing.T, Table) source.Source) {
	got := read(t.Context(), t, open(t, people()), "Title", "Login", "Name")
	want := map[source.Key][]string{
		"e1": {"Lead", "e1", "Zoë D'Arcy"},
		"e2": {"", "e2", "Łukasz Nowak"},
		"e3": {"Agent, \"north\" | 2", "e3", " Ann  Lee "},
	}
	if diff := cmp.Diff(want, got.records); diff != "" || got.end != nil {
		t.Errorf("Records ended with %v (-want +got):\n%s", got.end, diff)
	}
}

func noColumns(t *testing.T, open func(*testing.T, Table) source.Source) {
	got := read(t.Context(), t, open(t, people()))
	if len(got.records) != 3 || got.end != nil {
		t.Errorf("Records of no columns = %v, %v; want three keys", got.records, got.end)
	}
}

func nothingLeaks(t *testing.T, open func(*testing.T, Table) source.Source) {
	s := open(t, spoiled())
	for r, err := range s.Records(t.Context(), []string{"Name", "Title"}) {
		r.Values = r.Values[:cap(r.Values)]
		if text := fmt.Sprintf("%#v %v %+v", r, err, err); strings.Contains(text, canary) {
			t.Errorf("Records yielded the value of a column not asked for: %s", text)
		}
	}
	for _, err := range s.Records(t.Context(), []string{"Nmae"}) {
		if err != nil && strings.Contains(err.Error()+fault.Hint(err), canary) {
			t.Errorf("an error holds a value: %v (%s)", err, fault.Hint(err))
		}
	}
}

func unknownColumn(t *testing.T, open func(*testing.T, Table) source.Source) {
	got := read(t.Context(), t, open(t, people()), "Name", "Nmae")
	if len(got.records) > 0 || fault.Of(got.end) != fault.Invalid {
		t.Errorf("Records of an unknown column = %v, %v; want fault.Invalid alone", got.records, got.end)
	}
}

func readAgain(t *testing.T, open func(*testing.T, Table) source.Source) {
	s := open(t, spoiled())
	first := read(t.Context(), t, s, "Name")
	second := read(t.Context(), t, s, "Name")
	if diff := cmp.Diff(first.records, second.records); diff != "" || len(first.spoiled) != len(second.spoiled) {
		t.Errorf("second reading, %d and %d spoiled (-first +second):\n%s", len(first.spoiled), len(second.spoiled), diff)
	}
}

func stopEarly(t *testing.T, open func(*testing.T, Table) source.Source) {
	s := open(t, people())
	n := 0
	for range s.Records(t.Context(), []string{"Name"}) { // panics where yield is called after false
		n++
		break
	}
	if again := read(t.Context(), t, s, "Name"); n != 1 || len(again.records) != 3 {
		t.Errorf("stopped after %d, then read %d; want 1 and 3", n, len(again.records))
	}
}

func goesOn(t *testing.T, open func(*testing.T, Table) source.Source) {
	got := read(t.Context(), t, open(t, spoiled()), "Name")
	if len(got.records) != 3 || len(got.spoiled) != 1 || got.end != nil {
		t.Fatalf("Records = %d records, %d spoiled, end %v; want 3, 1 and none", len(got.records), len(got.spoiled), got.end)
	}
	bad := got.spoiled[0]
	if bad.Place.Source == "" || bad.Err == nil || fault.Of(bad) != fault.Invalid {
		t.Errorf("spoiled record %+v: want place, sentence and fault.Invalid", bad)
	}
}

func breaksOff(t *testing.T, open func(*testing.T, Table) source.Source) {
	table := people()
	table.Broken = true
	got := read(t.Context(), t, open(t, table), "Name")
	if got.end == nil || fault.Of(got.end) == fault.Internal {
		t.Errorf("a broken reading ended with %v; want an error with a kind", got.end)
	}
}

func canceled(t *testing.T, open func(*testing.T, Table) source.Source) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := read(ctx, t, open(t, people()), "Name")
	if len(got.records) > 0 || fault.Of(got.end) != fault.Interrupted || !errors.Is(got.end, context.Canceled) {
		t.Errorf("canceled: %d records, end %v; want none, fault.Interrupted and context.Canceled", len(got.records), got.end)
	}
}

func canceledOnTheWay(t *testing.T, open func(*testing.T, Table) source.Source) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for _, err := range open(t, people()).Records(ctx, []string{"Name"}) {
		cancel()
		n++
		last = err
	}
	if n > 2 || fault.Of(last) != fault.Interrupted {
		t.Errorf("canceled after the first record: yielded %d times, last error %v; want 2 and fault.Interrupted", n, last)
	}
}
