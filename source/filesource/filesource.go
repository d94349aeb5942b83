// Package filesource reads people from a file that a company's HR system
// writes: delimited text, JSON, JSON lines or an Excel workbook.
//
// [Open] looks at the header and refuses a file that cannot be read as people
// (fault.Invalid, with place and remedy). What is wrong with one row spoils
// that row alone: it is a *source.RecordError, and the reading goes on.
// No error of this package holds a value of a record, keys excepted.
//
// # Formats
//
//	format  extension     values
//	------  ------------  ----------------------------------------------------
//	csv     .csv          text; comma
//	tsv     .tsv .tab     text; tab
//	psv     .psv          text; vertical bar
//	json    .json         an array of objects, or an object with one such array
//	jsonl   .jsonl .ndjson  one object a line
//	xlsx    .xlsx .xlsm   text as the sheet shows it, short dates as 2006-01-02
//
// Values are given as they stand, surrounding space included; only keys and
// column names are trimmed. A row without a filled cell is no record.
//
// # Quotes
//
// Between commas and semicolons quotes follow RFC 4180: a field that begins
// with a quote ends at the next single quote, which may be lines away, and a
// doubled quote stands for one. A quote in the middle of a field is text.
// Between tabs, vertical bars and anything else, where exports are commonly
// unquoted, a quote is special only if it begins the field and the field also
// ends with one on the same line; every other quote is text.
//
// # Bounds
//
// A record of more than 1 MiB is spoiled, not held. Apart from an Excel
// workbook, which is held whole, memory does not grow with the file.
package filesource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollcall/fault"
	"rollcall/source"
)

// maxRecord bounds what is held of one record.
const maxRecord = 1 << 20

// A Format says how a file is written.
type Format string

// The formats.
const (
	CSV   Format = "csv"
	TSV   Format = "tsv"
	PSV   Format = "psv"
	JSON  Format = "json"
	JSONL Format = "jsonl"
	XLSX  Format = "xlsx"
)

// Formats are the words that [Options.Format] takes.
func Formats() []string {
	return []string{string(CSV), string(TSV), string(PSV), string(JSON), string(JSONL), string(XLSX)}
}

var extensions = map[string]Format{
	".csv": CSV, ".tsv": TSV, ".tab": TSV, ".psv": PSV, ".json": JSON, ".jsonl": JSONL, ".ndjson": JSONL,
	".xlsx": XLSX, ".xlsm": XLSX,
}

var delimiters = map[Format]byte{CSV: ',', TSV: '\t', PSV: '|'}

// Options say how to read a file. Only Key is required.
type Options struct {
	Key       string // the column that identifies a person
	Format    Format // "": by extension
	Delimiter string // one ASCII character, or "tab"; "": by format. Delimited text only
	Encoding  string // "": UTF-8, or what a byte order mark says. Any name of the IANA registry. Not for xlsx
	Sheet     string // "": the only sheet that has the key column. xlsx only
}

// A File is an open file. It implements [source.Source]; every reading reads
// the same bytes, even where another file has taken the name meanwhile, and a
// file that changes under the reading ends it with an error.
type File struct {
	path string
	file *os.File
	stat fs.FileInfo
	form form
}

// A form is a file seen as one format.
type form interface {
	columns() []source.Column
	// each yields the records with the values of the picked columns until
	// yield answers false. An error ends the reading; it has kind and place.
	each(pick []int, yield func(source.Record, error) bool) error
}

// Open opens the file and reads its header, for JSON a first part of its
// records. The caller closes it.
func Open(path string, o Options) (*File, error) {
	if strings.TrimSpace(o.Key) == "" {
		err := fmt.Errorf("read %s: %w: no key column named", path, fault.Invalid)
		return nil, fault.WithHint(err, "say which column identifies a person: source.key")
	}
	return open(path, o)
}

// open is Open that also takes an empty key, for [Sniff].
func open(path string, o Options) (_ *File, err error) {
	format, err := formatOf(path, o)
	if err != nil {
		return nil, err
	}
	f := &File{path: path}
	if f.file, f.stat, err = openRegular(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.file.Close())
		}
	}()
	doc := document{path: path, base: filepath.Base(path), file: f.file, size: f.stat.Size()}
	switch format {
	case XLSX:
		f.form, err = openSheet(doc, o)
	case JSON, JSONL:
		f.form, err = openJSON(doc, o, format == JSONL)
	case CSV, TSV, PSV:
		f.form, err = openDelimited(doc, o, format)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func openRegular(path string) (*os.File, fs.FileInfo, error) {
	refuse := func(cause, hint string) (*os.File, fs.FileInfo, error) {
		err := fmt.Errorf("read %s: %w: %s", path, fault.Invalid, cause)
		return nil, nil, fault.WithPlace(fault.WithHint(err, hint), path)
	}
	stat, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse("no such file", "check source.file; a relative path starts at the configuration's directory")
	case err != nil:
		return refuse(cause(err), "let the user that runs rollcall read the file and enter its directory")
	case stat.IsDir():
		return refuse("is a directory", "name the file inside it")
	case !stat.Mode().IsRegular():
		return refuse("is not a regular file", "write the export to a file: it is read more than once")
	case stat.Size() == 0:
		return refuse("the file is empty", "check the export: even without people it has a header line")
	}
	file, err := os.Open(path)
	if err != nil {
		return refuse(cause(err), "let the user that runs rollcall read the file")
	}
	return file, stat, nil
}

// cause is err without the operation and path, which the caller says.
func cause(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

func formatOf(path string, o Options) (Format, error) {
	if o.Format != "" {
		if slices.Contains(Formats(), string(o.Format)) {
			return o.Format, nil
		}
		err := fmt.Errorf("read %s: %w: unknown format %q", path, fault.Invalid, string(o.Format))
		return "", fault.WithHint(err, "use one of "+strings.Join(Formats(), ", "))
	}
	ext := strings.ToLower(filepath.Ext(path))
	if f := FormatByName(path); f != "" {
		return f, nil
	}
	if o.Delimiter != "" {
		return CSV, nil
	}
	if stat, err := os.Stat(path); err != nil || stat.IsDir() {
		_, _, err := openRegular(path)
		return "", err
	}
	err := fmt.Errorf("read %s: %w: the extension %q names no format", path, fault.Invalid, ext)
	hint := "set source.delimiter for delimited text, or source.format to one of " + strings.Join(Formats(), ", ")
	if ext == ".xls" {
		hint = "this is the Excel format of before 2007: save it as .xlsx or .csv"
	}
	return "", fault.WithHint(err, hint)
}

// Close closes the file. A closed File reads nothing.
func (f *File) Close() error {
	if s, ok := f.form.(*sheet); ok {
		return errors.Join(s.book.Close(), f.file.Close())
	}
	return f.file.Close()
}

// ModTime is when the file was last written before it was opened.
func (f *File) ModTime() time.Time { return f.stat.ModTime() }

// Size is the file's length in bytes when it was opened.
func (f *File) Size() int64 { return f.stat.Size() }

// Columns are the named columns in the file's order.
func (f *File) Columns(context.Context) ([]source.Column, error) {
	return slices.Clone(f.form.columns()), nil
}

// Records implements [source.Source]. The Values of a record, but not the
// strings among them, are overwritten by the next one.
func (f *File) Records(ctx context.Context, columns []string) iter.Seq2[source.Record, error] {
	return func(yield func(source.Record, error) bool) {
		pick, err := f.pick(columns)
		if err == nil {
			err = f.unchanged()
		}
		stopped := false
		if err == nil {
			err = f.form.each(pick, func(r source.Record, bad error) bool {
				if ctx.Err() != nil {
					return false
				}
				stopped = !yield(r, bad)
				return !stopped
			})
		}
		if stopped {
			return
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("read %s: %w: %w", f.path, fault.Interrupted, context.Cause(ctx))
		}
		if err = cmp.Or(err, f.unchanged()); err != nil {
			yield(source.Record{}, err)
		}
	}
}

// unchanged tells a file that is being written from one that stands still:
// what was read of the former may be part old, part new, part missing.
func (f *File) unchanged() error {
	now, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w: %w", f.path, fault.Unavailable, err)
	}
	if now.Size() == f.stat.Size() && now.ModTime().Equal(f.stat.ModTime()) {
		return nil
	}
	err = fmt.Errorf("read %s: %w: the file changed while it was read", f.path, fault.Unavailable)
	return fault.WithHint(err, "wait until the export is written; better, let it write another name and rename it at the end")
}

func (f *File) pick(names []string) ([]int, error) {
	have := f.form.columns()
	pick := make([]int, len(names))
	for i, name := range names {
		pick[i] = slices.IndexFunc(have, func(c source.Column) bool { return c.Name == name })
		if pick[i] < 0 {
			err := fmt.Errorf("read %s: %w: no column %q", f.path, fault.Invalid, name)
			return nil, fault.WithHint(err, suggest(name, columnNames(have)))
		}
	}
	return pick, nil
}

func columnNames(columns []source.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}
