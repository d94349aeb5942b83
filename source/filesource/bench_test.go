package filesource_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/source/filesource"
)

// BenchmarkRecords reads eight of twelve columns of a generated company.
func BenchmarkRecords(b *testing.B) {
	columns := []string{"Given", "Family", "Mail", "Phone", "Title", "Department", "Active", "Manager"}
	for _, format := range []struct{ ext, delim, quote string }{{"psv", "|", ""}, {"csv", ",", `"`}, {"json", `", "`, ""}, {"jsonl", `", "`, ""}} {
		for _, n := range []int{1_000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", format.ext, n), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "people."+format.ext)
				content := company(n, format.delim, format.quote)
				if strings.HasPrefix(format.ext, "json") {
					content = objects(content, format.ext == "json")
				}
				if err := os.WriteFile(path, content, 0o600); err != nil {
					b.Fatal(err)
				}
				f, err := filesource.Open(path, filesource.Options{Key: "Key"})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = f.Close() }()
				b.SetBytes(f.Size())
				b.ReportAllocs()
				for b.Loop() {
					read := 0
					for _, err := range f.Records(b.Context(), columns) {
						if err != nil {
							b.Fatal(err)
						}
						read++
					}
					if read != n {
						b.Fatalf("%d records, want %d", read, n)
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

func company(n int, delim, quote string) []byte {
	var b strings.Builder
	b.WriteString(strings.Join([]string{"Key", "Given", "Family", "Mail", "Phone", "Title", "Department", "Active", "Manager", "Born", "Pay", "Note"}, delim) + "\n")
	for i := range n {
		cells := []string{
			fmt.Sprintf("e%06d", i), fmt.Sprintf("Given%d", i%800), fmt.Sprintf("Family%d", i), fmt.Sprintf("given.family%d@example.com", i),
			fmt.Sprintf("207-555-%04d", i%10_000), fmt.Sprintf("Agent %d", i%60), quote + fmt.Sprintf("Department, %d", i%40) + quote, "1",
			fmt.Sprintf("e%06d", i/10), "1990-01-01", "52000", "a remark of some length that nobody asked for",
		}
		if quote == "" {
			cells[6] = fmt.Sprintf("Department %d", i%40)
		}
		b.WriteString(strings.Join(cells, delim) + "\n")
	}
	return []byte(b.String())
}

// objects makes JSON of what company wrote with `", "` for a delimiter.
func objects(table []byte, list bool) []byte {
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	names := strings.Split(lines[0], `", "`)
	var b strings.Builder
	for i, line := range lines[1:] {
		if list {
			b.WriteString([]string{"[", ","}[min(i, 1)])
		}
		for c, cell := range strings.Split(line, `", "`) {
			fmt.Fprintf(&b, `%s"%s": "%s"`, []string{"{", ", "}[min(c, 1)], names[c], cell)
		}
		b.WriteString("}\n")
	}
	if list {
		b.WriteString("]\n")
	}
	return []byte(b.String())
}
