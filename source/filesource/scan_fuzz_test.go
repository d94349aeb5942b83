package filesource_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/source"
	"rollcall/source/filesource"
	"rollcall/source/sourcetest"
)

// FuzzDelimited holds what is true of every delimited text: reading it ends
// without a panic, no line gives two rows, lines only go up and lie in the
// file, and where nothing is quoted every line but the header and blank ones
// gives exactly its own row.
func FuzzDelimited(f *testing.F) {
	for _, seed := range []string{
		"id,name\ne1,Ann\n", "id,name\ne1,\"A\n\"\"n\"\ne2,\"B\" o\ne3,C", "id,name\n\"\"\"\n\"\"\n,\"", "id,name\r\n\r\ne1,\"\r\n\r\n\"x\r\n", "id,a\n\"\x00\"\n\xff,\"\"\"",
	} {
		f.Add(seed, byte(0))
		f.Add(strings.ReplaceAll(seed, ",", "|"), byte(1))
	}
	f.Fuzz(func(t *testing.T, text string, which byte) {
		delim := []string{",", "|", "\t", ";"}[which%4]
		path := filepath.Join(t.TempDir(), "a.csv")
		write(t, path, "id"+delim+"x\n"+text)
		file, err := filesource.Open(path, filesource.Options{Key: "id", Delimiter: delim})
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		defer func() { _ = file.Close() }()
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		last, n := 1, 0
		for r, err := range file.Records(t.Context(), []string{"x"}) {
			bad, spoiled := errors.AsType[*source.RecordError](err)
			if err != nil && !spoiled {
				t.Fatalf("the reading ended: %v", err)
			}
			place := r.Place
			if spoiled {
				place = bad.Place
			}
			if place.Line <= last || place.Line > len(lines)+1 {
				t.Fatalf("line %d after line %d, in %d lines", place.Line, last, len(lines)+1)
			}
			last = place.Line
			n++
			if err == nil && !strings.Contains(lines[last-2], string(r.Key)) && !strings.Contains(text, `"`) {
				t.Fatalf("record %q is not on its line %d", r.Key, last)
			}
		}
		filled := 0
		for _, line := range lines {
			if strings.TrimSpace(strings.ReplaceAll(line, delim, " ")) != "" {
				filled++
			}
		}
		if n > filled || n < filled && !strings.Contains(text, `"`) {
			t.Fatalf("%d rows from %d filled lines", n, filled)
		}
	})
}

// FuzzQuoted: what is written as RFC 4180 says is read as it was.
func FuzzQuoted(f *testing.F) {
	f.Add("a", "b\nc", `"`)
	f.Add(`x,"y"`, "", "\n\n")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		clean := func(s string) string {
			s = strings.ToValidUTF8(strings.NewReplacer("\r", "", "\x00", "").Replace(s), "?")
			return s[:min(len(s), 1<<10)]
		}
		want := []string{strings.ToValidUTF8(clean(a), ""), strings.ToValidUTF8(clean(b), ""), strings.ToValidUTF8(clean(c), "")}
		path := filepath.Join(t.TempDir(), "a.csv")
		writeDelimited(",", true)(t, path, sourcetest.Table{Columns: []string{"id", "a", "b", "c"}, Rows: [][]string{append([]string{"e1"}, want...), {"e2", "", "", ""}}})
		file := open(t, path, filesource.Options{Key: "id"})
		n := 0
		for r, err := range file.Records(t.Context(), []string{"a", "b", "c"}) {
			if err != nil {
				t.Fatalf("Records of %q: %v", want, err)
			}
			if n++; n > 1 {
				continue
			}
			for i, v := range r.Values {
				if v != want[i] {
					t.Errorf("read %q, want %q", v, want[i])
				}
			}
		}
		if n != 2 {
			t.Errorf("%d records, want 2", n)
		}
	})
}

// FuzzJSON: reading ends, without a panic, with errors of a kind.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`[{"id":"1"}]`, `{"a":[{"id":1},7,{"id":{"b":[]}}]}`, "{\"id\":1}\n{", `[{"id":"\ud800"},{]`, `[{"id":"1","id":"2"},]`, "[{\"i\\u0064\":\"1\x00\"}]\x00"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, lines bool) {
		path := filepath.Join(t.TempDir(), "a.json")
		write(t, path, text)
		format := filesource.JSON
		if lines {
			format = filesource.JSONL
		}
		file, err := filesource.Open(path, filesource.Options{Key: "id", Format: format})
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatalf("Open = %v, want fault.Invalid", err)
			}
			return
		}
		defer func() { _ = file.Close() }()
		for r, err := range file.Records(t.Context(), []string{"id"}) {
			if err == nil && r.Key == "" {
				t.Fatal("a record without a key")
			}
			if err != nil && fault.Of(err) != fault.Invalid {
				t.Fatalf("Records = %v, want fault.Invalid", err)
			}
		}
	})
}
