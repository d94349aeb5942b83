package filesource

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"rollcall/source"
)

// maxWorkbook bounds an unpacked workbook. It is held in memory: excelize
// would otherwise unpack every column, asked for or not, into temporary files.
const maxWorkbook = 1 << 30

// A sheet is one sheet of an Excel workbook, whose first filled row is the header.
type sheet struct {
	doc    document
	book   *excelize.File
	name   string
	header []string
	row    int // of the header
	cols   []source.Column
	at     []int // the cell of each column
	key    int   // the cell of the key; -1 for none
}

// sheetErrors are what a cell shows whose formula has no result.
var sheetErrors = []string{"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!", "#GETTING_DATA"}

func openSheet(doc document, o Options) (*sheet, error) {
	book, err := excelize.OpenReader(io.NewSectionReader(doc.file, 0, doc.size), excelize.Options{
		UnzipSizeLimit: maxWorkbook, UnzipXMLSizeLimit: maxWorkbook,
		ShortDatePattern: "yyyy-mm-dd", LongDatePattern: "yyyy-mm-dd",
	})
	if err != nil {
		return nil, doc.refuse(0, "save it without password as .xlsx, or as .csv", "not an Excel workbook that can be read")
	}
	s, err := chooseSheet(doc, book, o)
	if err == nil {
		err = s.ready(strings.TrimSpace(o.Key))
	}
	if err != nil {
		return nil, errors.Join(err, book.Close())
	}
	return s, nil
}

// chooseSheet is the sheet that is asked for, the only one, the only one that
// has the key or, where no key is known, the first that has anything.
func chooseSheet(doc document, book *excelize.File, o Options) (*sheet, error) {
	key, names := strings.TrimSpace(o.Key), book.GetSheetList()
	if o.Sheet != "" {
		if !slices.Contains(names, o.Sheet) {
			return nil, doc.refuse(0, "the sheets are "+strings.Join(names, ", "), "no sheet %q", o.Sheet)
		}
		names = []string{o.Sheet}
	}
	var found []*sheet
	for _, name := range names {
		s := &sheet{doc: doc, book: book, name: name, key: -1}
		if err := s.readHeader(); err != nil {
			return nil, err
		}
		if len(names) == 1 || len(s.header) > 0 && (key == "" || slices.Contains(s.header, key)) {
			found = append(found, s)
		}
	}
	if len(found) == 1 || key == "" && len(found) > 0 {
		return found[0], nil
	}
	return nil, doc.refuse(0, "set source.sheet to one of "+strings.Join(names, ", "), "%d sheets have the key column %q", len(found), key)
}

// readHeader reads the first row that is filled; none leaves the header empty.
func (s *sheet) readHeader() error {
	return s.rows(func(row int, cells []string) bool {
		if blankCells(cells) {
			return true
		}
		s.row = row
		for _, c := range cells {
			s.header = append(s.header, strings.TrimSpace(c))
		}
		return false
	})
}

func (s *sheet) ready(key string) error {
	if len(s.header) == 0 {
		return s.doc.refuse(0, "write the names of the columns into its first row", "the sheet %s is empty", s.name)
	}
	if err := judge(&s.doc, 0, s.header, 0, key); err != nil {
		return err
	}
	for i, name := range s.header {
		if name != "" {
			s.cols, s.at = append(s.cols, source.Column{Name: name, Kind: source.Text}), append(s.at, i)
		}
	}
	if key != "" {
		s.key = slices.Index(s.header, key)
	}
	return nil
}

func (s *sheet) columns() []source.Column { return s.cols }

// rows visits the rows from 1 on until visit answers false.
func (s *sheet) rows(visit func(row int, cells []string) bool) error {
	rows, err := s.book.Rows(s.name)
	if err != nil {
		return s.doc.refuse(0, "save the workbook anew", "the sheet %s cannot be read", s.name)
	}
	more := true
	for n := 1; more && rows.Next(); n++ {
		cells, err := rows.Columns()
		if err != nil {
			return errors.Join(s.doc.refuse(0, "save the workbook anew", "the sheet %s breaks off in row %d", s.name, n), rows.Close())
		}
		more = visit(n, cells)
	}
	if err := errors.Join(rows.Error(), rows.Close()); err != nil {
		return s.doc.broken(err)
	}
	return nil
}

func (s *sheet) each(pick []int, yield func(source.Record, error) bool) error {
	values := make([]any, len(pick))
	return s.rows(func(row int, cells []string) bool {
		if row <= s.row || blankCells(cells) {
			return true
		}
		place := source.Place{Source: s.doc.base, Entry: fmt.Sprintf("%s!A%d", s.name, row)}
		key, flaw := s.record(cells, pick, values)
		if flaw != "" {
			return yield(s.doc.spoiled(key, place, flaw))
		}
		return yield(source.Record{Key: key, Place: place, Values: values}, nil)
	})
}

func (s *sheet) record(cells []string, pick []int, values []any) (key source.Key, flaw badRow) {
	cell := func(i int) string {
		if i >= len(cells) {
			return ""
		}
		if slices.Contains(sheetErrors, cells[i]) {
			flaw = badRow(fmt.Sprintf("column %s holds a formula without a result", s.header[i]))
		}
		return cells[i]
	}
	if s.key >= 0 {
		text := strings.TrimSpace(cell(s.key))
		if flaw != "" {
			return "", flaw
		}
		if text == "" {
			return "", emptyKey(s.header[s.key])
		}
		key = source.Key(text)
	}
	for i, c := range pick {
		values[i] = cell(s.at[c])
	}
	return key, flaw
}

func blankCells(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" })
}
