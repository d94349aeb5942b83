// Package source is the seam to where a company keeps its people.
//
// A [Source] yields records; what they mean is the mapping's business. Rooms
// below this one (filesource, ...) implement it, and package sourcetest proves
// that they keep its contract.
package source

import (
	"context"
	"fmt"
	"iter"
)

// A Key is a record's stable identity in its source: an employee number, a
// login. Never an e-mail address or a name. Keys are compared byte for byte.
type Key string

// A Place is where a record stands, for people to find it again.
type Place struct {
	Source string `json:"source,omitempty"` // base name of the file, table, search base
	Line   int    `json:"line,omitempty"`   // first line of the record, from 1; 0 where there are no lines
	Entry  string `json:"entry,omitempty"`  // a DN, a sheet and row, ...; "" where the line says it
}

// String is "hr.csv:12", "hr.xlsx (People!A12)" or "hr.csv".
func (p Place) String() string {
	switch {
	case p.Line > 0:
		return fmt.Sprintf("%s:%d", p.Source, p.Line)
	case p.Entry != "":
		return p.Source + " (" + p.Entry + ")"
	default:
		return p.Source
	}
}

// A Kind is the type of a column's values, as expressions are checked against it.
type Kind uint8

// The kinds of a column. Text is what every delimited file has.
const (
	Text   Kind = iota + 1 // string
	Number                 // float64
	Bool                   // bool
	Any                    // whatever JSON holds: string, float64, bool, []any, map[string]any, nil
)

// A Column is one field of every record.
type Column struct {
	Name string
	Kind Kind
}

// A Record is one row or entry. It is valid until the next one is asked for:
// the receiver copies what it keeps.
type Record struct {
	Key    Key
	Place  Place
	Values []any // one per column asked for, in that order; nil where the record has none
}

// A RecordError spoils one record; the sequence goes on.
type RecordError struct {
	Key   Key // "" where the record is too broken to tell: never a guess
	Place Place
	Err   error // a sentence for the finding; no value of the record stands in it
}

func (e *RecordError) Error() string { return e.Place.String() + ": " + e.Err.Error() }

func (e *RecordError) Unwrap() error { return e.Err }

// A Source yields the records of one reading.
//
// Both methods may be called again; each call is a new reading. A Source may
// be used by one goroutine at a time.
type Source interface {
	// Columns are the fields that a record can have, in the source's order.
	Columns(ctx context.Context) ([]Column, error)

	// Records yields every record, reduced to the named columns: nothing of
	// another column leaves the source. The order is unspecified, and keys may
	// repeat: scope and duplicates are the reader's business. An error of type
	// *RecordError spoils one record and the sequence goes on. Any other error
	// is the last thing yielded: the reading is incomplete, and callers must
	// not conclude that a missing record has left. A reading whose context
	// ends is one of these, with fault.Interrupted.
	Records(ctx context.Context, columns []string) iter.Seq2[Record, error]
}
