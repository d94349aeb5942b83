package filesource_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"rollcall/source"
	"rollcall/source/filesource"
	"rollcall/source/sourcetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for ext, write := range map[string]func(*testing.T, string, sourcetest.Table){
		"csv": writeDelimited(",", true), "tsv": writeDelimited("\t", true), "psv": writeDelimited("|", true),
		"json": writeJSON, "jsonl": writeJSON, "xlsx": writeXLSX,
	} {
		t.Run(ext, func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, func(t *testing.T, table sourcetest.Table) source.Source {
				path := filepath.Join(t.TempDir(), "people."+ext)
				write(t, path, table)
				f := open(t, path, filesource.Options{Key: table.Key})
				if table.Broken {
					if err := os.Truncate(path, f.Size()-1); err != nil {
						t.Fatal(err)
					}
				}
				return f
			})
		})
	}
}

func open(t *testing.T, path string, o filesource.Options) *filesource.File {
	t.Helper()
	f, err := filesource.Open(path, o)
	if err != nil {
		t.Fatalf("Open(%s): %v", path, err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return f
}

func writeDelimited(delim string, quote bool) func(*testing.T, string, sourcetest.Table) {
	return func(t *testing.T, path string, table sourcetest.Table) {
		t.Helper()
		var b strings.Builder
		for _, row := range append([][]string{table.Columns}, table.Rows...) {
			for i, cell := range row {
				if quote && strings.ContainsAny(cell, delim+"\"\n") {
					cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
				}
				if i > 0 {
					b.WriteString(delim)
				}
				b.WriteString(cell)
			}
			b.WriteString("\n")
		}
		write(t, path, b.String())
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func writeJSON(t *testing.T, path string, table sourcetest.Table) {
	t.Helper()
	var b strings.Builder
	lines := strings.HasSuffix(path, "l")
	for i, row := range table.Rows {
		if !lines {
			b.WriteString([]string{"{\"people\": [", ",\n"}[min(i, 1)])
		}
		for c, cell := range row {
			value, err := json.Marshal(cell)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s%q: %s", []string{"{", ", "}[min(c, 1)], table.Columns[c], value)
		}
		b.WriteString("}\n")
	}
	if !lines {
		b.WriteString("], \"count\": 3}\n")
	}
	write(t, path, b.String())
}

func writeXLSX(t *testing.T, path string, table sourcetest.Table) {
	t.Helper()
	book := excelize.NewFile()
	for r, row := range append([][]string{table.Columns}, table.Rows...) {
		for c, cell := range row {
			name, err := excelize.CoordinatesToCellName(c+1, r+1)
			if err == nil {
				err = book.SetCellStr("Sheet1", name, cell)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(book.SaveAs(path), book.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestReplacedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.csv")
	write(t, path, "id,name\ne1,Ann\n")
	f := open(t, path, filesource.Options{Key: "id"})
	write(t, path+".new", "name,id\nBo,e2\nCy,e3\n")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, f, "name"); len(got) != 1 || got[0] != `2 e1: ["Ann"]` {
		t.Errorf("read %q after another file took the name, want the old one", got)
	}
	if stat, err := os.Stat(path); err != nil || f.Size() == stat.Size() || f.ModTime().IsZero() {
		t.Errorf("Size %d, ModTime %v are not of the file that was opened (%v)", f.Size(), f.ModTime(), err)
	}
}

// TestLargeCellIsNotHeld runs alone: it measures what the process allocates.
func TestLargeCellIsNotHeld(t *testing.T) { //nolint:paralleltest // see above
	for name, content := range map[string]string{
		"a.csv":   "id,name\ne1,\"" + strings.Repeat("x\n", 10<<20) + "\"\ne2,Bo\n",
		"a.psv":   "id|name\ne1|" + strings.Repeat("x", 20<<20) + "\ne2|Bo\n",
		"a.json":  `[{"id":"e1","name":"` + strings.Repeat("x", 20<<20) + `"},{"id":"e2","name":"Bo"}]`,
		"a.jsonl": `{"id":"e1","name":"` + strings.Repeat("x", 20<<20) + "\"}\n{\"id\":\"e2\",\"name\":\"Bo\"}",
	} {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, content)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f := open(t, path, filesource.Options{Key: "id"})
		got := rows(t, f, "name")
		runtime.ReadMemStats(&after)
		if len(got) != 2 || !strings.Contains(got[0], "1 MiB") || !strings.HasSuffix(got[1], `e2: ["Bo"]`) {
			t.Errorf("%s: read %.100q", name, got)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
			t.Errorf("%s: %d MiB allocated for a cell of 20", name, used>>20)
		}
	}
}
