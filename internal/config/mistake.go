package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/fault"
)

// A Mistake is one thing that is wrong with a configuration. It is
// fault.Invalid.
type Mistake struct {
	File    string
	Line    int // from 1; 0 where it is nowhere in the file
	Column  int // in characters, from 1
	Text    string
	Excerpt string // the line with a caret below the place; "" where there is none
}

// Place is file:line:column.
func (m *Mistake) Place() string {
	if m.Line == 0 {
		return m.File
	}
	return fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column)
}

func (m *Mistake) Error() string { return m.Place() + ": " + m.Text }

// Unwrap makes every Mistake Invalid.
func (m *Mistake) Unwrap() error { return fault.Invalid }

// Mistakes are those that err, which Parse or Compile returned, consists of.
func Mistakes(err error) []*Mistake {
	var found []*Mistake
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // the tree itself is walked
		case *Mistake:
			found = append(found, e)
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				walk(one)
			}
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		}
	}
	walk(err)
	return found
}

// excerpt is a line of text and a caret below the column.
func excerpt(text []byte, line, column int) string {
	n := 0
	for l := range strings.Lines(string(text)) {
		if n++; n == line {
			l = strings.ReplaceAll(strings.TrimRight(l, "\r\n"), "\t", " ")
			return l + "\n" + strings.Repeat(" ", max(0, column-1)) + "^"
		}
	}
	return ""
}

// joined are mistakes in the order of the file, with the place of the first.
func joined(mistakes []*Mistake) error {
	if len(mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(mistakes, func(a, b *Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	all := make([]error, len(mistakes))
	for i, m := range mistakes {
		all[i] = m
	}
	return fault.WithPlace(errors.Join(all...), mistakes[0].Place())
}
