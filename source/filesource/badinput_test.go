package filesource_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"rollcall/fault"
	"rollcall/source"
	"rollcall/source/filesource"
)

// secret stands where a value must not appear in an error.
const secret = "s3cret"

func TestFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file    string // "": none is written
		content string
		o       filesource.Options
		text    string // of the error
		hint    string
		place   string // after the path
	}{
		"no key named":                 {file: "a.csv", content: "id\n1\n", text: "no key column named", hint: "source.key"},
		"a missing file":               {text: "no such file", hint: "source.file"},
		"an empty file":                {file: "a.csv", o: filesource.Options{Key: "id"}, text: "the file is empty", hint: "header"},
		"blank lines alone":            {file: "a.csv", content: "\n\r\n\n", o: filesource.Options{Key: "id"}, text: "the file is empty", place: ":1"},
		"a byte order mark alone":      {file: "a.csv", content: "\xef\xbb\xbf", o: filesource.Options{Key: "id"}, text: "the file is empty", place: ":1"},
		"an extension of no known":     {file: "a.dat", content: "id\n1\n", o: filesource.Options{Key: "id"}, text: `".dat" names no format`, hint: "source.delimiter"},
		"an Excel file of old":         {file: "a.xls", content: "x", o: filesource.Options{Key: "id"}, text: "names no format", hint: "save it as .xlsx"},
		"an unknown format":            {file: "a.csv", content: "id\n", o: filesource.Options{Key: "id", Format: "xml"}, text: `unknown format "xml"`, hint: "jsonl"},
		"an unknown encoding":          {file: "a.csv", content: "id\n", o: filesource.Options{Key: "id", Encoding: "klingon"}, text: `unknown encoding "klingon"`, hint: "windows-1252"},
		"a delimiter of two":           {file: "a.csv", content: "id\n", o: filesource.Options{Key: "id", Delimiter: "||"}, text: `"||" is not one ASCII character`, hint: "tab"},
		"no header: an e-mail":         {file: "a.csv", content: "e1," + secret + "@x.org,Lead\n", o: filesource.Options{Key: "id"}, text: "no header", hint: "first line", place: ":1"},
		"no header: numbers":           {file: "a.csv", content: secret + ",52000,1981-11-12,Lead\n", o: filesource.Options{Key: "id"}, text: "no header", place: ":1"},
		"a header without names":       {file: "a.csv", content: " , ,\n1,2,3\n", o: filesource.Options{Key: "id"}, text: "no names", place: ":1"},
		"a duplicate column":           {file: "a.csv", content: "id,Title,Name,Title \n", o: filesource.Options{Key: "id"}, text: `duplicate header: column "Title" stands at 2 and at 4`, place: ":1"},
		"a missing key column":         {file: "a.csv", content: "\nLogin ID,Name\n", o: filesource.Options{Key: "LoginId"}, text: `no key column "LoginId"`, hint: `did you mean "Login ID"? the columns are Login ID, Name`, place: ":2"},
		"semicolons, not commas":       {file: "a.csv", content: "id;name\n1;Ann\n", o: filesource.Options{Key: "id"}, text: "wrong delimiter: the header is separated by semicolon, not by comma", hint: `";"`, place: ":1"},
		"commas, not bars":             {file: "a.psv", content: "id,name\n1,Ann\n", o: filesource.Options{Key: "key"}, text: "separated by comma, not by \"|\"", place: ":1"},
		"commas in a semicolon header": {file: "a.csv", content: "id;name, first;x\n1;A;B\n", o: filesource.Options{Key: "id"}, text: "separated by semicolon", place: ":1"},
		"UTF-16 without a mark":        {file: "a.csv", content: "i\x00d\x00\n\x00", o: filesource.Options{Key: "id"}, text: "begins with NUL bytes", hint: "utf-16le", place: ":1"},
		"a header of Windows":          {file: "a.csv", content: "id,Stra\xdfe\n1,x\n", o: filesource.Options{Key: "id"}, text: "the header is not valid UTF-8", hint: "windows-1252", place: ":1"},
		"a header cut in a quote":      {file: "a.csv", content: "id,\"name\n1,x\n", o: filesource.Options{Key: "id"}, text: "the header is cut off", place: ":1"},
		"lines that end in CR":         {file: "a.csv", content: "id,name\r1,Ann\r", o: filesource.Options{Key: "id"}, text: "carriage returns alone", place: ":1"},
		"a JSON list of nothing":       {file: "a.json", content: "[]", o: filesource.Options{Key: "id"}, text: "no records"},
		"a JSON scalar":                {file: "a.json", content: `"` + secret + `"`, o: filesource.Options{Key: "id"}, text: "not JSON: a list of objects is expected", place: ":1"},
		"JSON lines named json":        {file: "a.json", content: "{\"id\":\"1\"}\n{\"id\":\"2\"}\n", o: filesource.Options{Key: "id"}, text: "set source.format: jsonl", place: ":2"},
		"two lists of records":         {file: "a.json", content: `{"a":[{"id":1}],"b":[{"id":2}]}`, o: filesource.Options{Key: "id"}, text: "the members a, b all hold records"},
		"JSON without the key":         {file: "a.json", content: `[{"ID":1}]`, o: filesource.Options{Key: "id"}, text: `no key column "id"`, hint: `did you mean "ID"`},
		"no workbook":                  {file: "a.xlsx", content: "PK\x03\x04 nothing", o: filesource.Options{Key: "id"}, text: "not an Excel workbook", hint: ".csv"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "missing.csv")
			o := tt.o
			if tt.file != "" {
				path = filepath.Join(filepath.Dir(path), tt.file)
				write(t, path, tt.content)
			} else {
				o.Key = "id"
			}
			f, err := filesource.Open(path, o)
			if err == nil {
				err = errors.New("none")
				for _, e := range f.Records(t.Context(), nil) {
					err = e
				}
				_ = f.Close()
			}
			if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), path) {
				t.Errorf("Open error = %v, want %q of %s, fault.Invalid", err, tt.text, path)
			}
			if hint := fault.Hint(err); hint == "" || !strings.Contains(hint, tt.hint) {
				t.Errorf("hint = %q, want %q", hint, tt.hint)
			}
			if tt.place != "" && fault.Place(err) != path+tt.place {
				t.Errorf("place = %q, want %q", fault.Place(err), path+tt.place)
			}
			if strings.Contains(err.Error()+fault.Hint(err), secret) {
				t.Errorf("the error holds a value: %v (%s)", err, fault.Hint(err))
			}
		})
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"people", "people.csv"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := filesource.Open(path, filesource.Options{Key: "id"})
		if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "is a directory") || fault.Hint(err) == "" {
			t.Errorf("Open(%s) = %v, want a directory refused with a hint", name, err)
		}
	}
}

// rows reads everything into lines as "line key: values" or "line key! sentence".
func rows(t *testing.T, f *filesource.File, columns ...string) []string {
	t.Helper()
	var out []string
	for r, err := range f.Records(t.Context(), columns) {
		bad, isBad := errors.AsType[*source.RecordError](err)
		switch {
		case isBad:
			out = append(out, fmt.Sprintf("%d %s! %s", bad.Place.Line, bad.Key, bad.Err))
			if strings.Contains(bad.Error(), secret) {
				t.Errorf("an error holds a value: %v", bad)
			}
		case err != nil:
			out = append(out, "end: "+err.Error())
		default:
			out = append(out, fmt.Sprintf("%d %s: %q", r.Place.Line, r.Key, r.Values))
		}
	}
	return out
}

func TestRows(t *testing.T) {
	t.Parallel()
	big, large := strings.Repeat("x", 10<<20), strings.Repeat("x", 3<<20)
	for name, tt := range map[string]struct {
		file, content string
		o             filesource.Options
		columns       []string // default: name
		want          []string // a sentence may be cut short by "..."
	}{
		"no final newline, blank lines and CRLF": {
			content: "id , name\r\n\r\ne1,Ann\r\n\n,\ne2,Bo",
			want:    []string{`3 e1: ["Ann"]`, `6 e2: ["Bo"]`},
		},
		"a byte order mark": {content: "\xef\xbb\xbfid,name\ne1,Ann\n", want: []string{`2 e1: ["Ann"]`}},
		"values stay as they are, keys are trimmed": {
			content: "id,name\n\te1 ,  Ann \n", want: []string{`2 e1: ["  Ann "]`},
		},
		"line breaks in quotes count as lines": {
			content: "id,name\ne1,\"A\r\nnn\"\"\ny\"\ne2,Bo\n",
			want:    []string{`2 e1: ["A\nnn\"\ny"]`, `5 e2: ["Bo"]`},
		},
		"an empty key": {content: "id,name\n ," + secret + "\ne2,Bo\n", want: []string{`2 ! the key column id is empty`, `3 e2: ["Bo"]`}},
		"ragged rows keep their keys": {
			content: "id,name,pay\ne1,Ann,1\ne2,Bo\ne3,C,o,2\ne4,Di,3\n",
			want: []string{
				`2 e1: ["Ann"]`, `3 e2! 2 fields where the header has 3...`,
				`4 e3! 4 fields where the header has 3: a value holds the delimiter comma...`, `5 e4: ["Di"]`,
			},
		},
		"a shifted key is found, one that could be two is not": {
			content: "name,id,pay\nAnn,e1,1\nB,o,e2,2\nC,e3,e4,5\n",
			want:    []string{`2 e1: ["Ann"]`, `3 e2! 4 fields...`, `4 ! 4 fields...`},
		},
		"a row cut within its key has none": {
			content: "name,id,pay\nAnn,e10,1\nBo,e1", want: []string{`2 e10: ["Ann"]`, `3 ! 2 fields...`},
		},
		"the second half of a broken row has no key": {
			content: "name,id,pay\nAnn,e10,1\nBo,e11," + secret + "\n,Lead\nDi,e12,3\n",
			want:    []string{`2 e10: ["Ann"]`, `3 e11: ["Bo"]`, `4 ! 2 fields...`, `5 e12: ["Di"]`},
		},
		"a quote that closes too early spoils its line": {
			content: "id,name\ne1,\"Ann\" Lee\ne2,Bo\n", want: []string{`2 e1! a quote opened in column name does not close...`, `3 e2: ["Bo"]`},
		},
		"a stray quote spoils one line and not those it runs over": {
			content: "id,name\ne1,\"Ann\ne2,Bo\ne3,\"Di\"\ne4,Ed\n",
			want:    []string{`2 e1! a quote...`, `3 e2: ["Bo"]`, `4 e3: ["Di"]`, `5 e4: ["Ed"]`},
		},
		"a quote that never closes spoils one line": {
			content: "id,name\ne1,\"Ann\ne2,Bo\ne3,Di", want: []string{`2 e1! a quote...`, `3 e2: ["Bo"]`, `4 e3: ["Di"]`},
		},
		"quotes in the middle are text": {content: "id,name\ne1,5\" pipe\n", want: []string{`2 e1: ["5\" pipe"]`}},
		"bars: quotes that do not enclose are text": {
			file:    "a.psv",
			content: "id|name\ne1|5\" pipe\ne2|\"Big\" Bo\ne3|\"C|o \"\"x\"\"\"\ne4|\"Di\ne5|\"\n",
			want:    []string{`2 e1: ["5\" pipe"]`, `3 e2: ["\"Big\" Bo"]`, `4 e3: ["C|o \"x\""]`, `5 e4: ["\"Di"]`, `6 e5: ["\""]`},
		},
		"invalid UTF-8 in a column asked for": {
			content: "id,name,pay\ne1,S\xe1nchez,1\ne2,Bo,\xe1\n",
			want:    []string{`2 e1! column name is not valid UTF-8: if a Windows program wrote the file, set source.encoding: windows-1252`, `3 e2: ["Bo"]`},
		},
		"invalid UTF-8 in the key": {content: "id,name\n\xe1,A\ne2,Bo\n", want: []string{`2 ! column id is not valid UTF-8...`, `3 e2: ["Bo"]`}},
		"a NUL byte":               {content: "id,name\ne1,A\x00n\ne2,Bo\n", want: []string{`2 e1! column name holds a NUL byte...`, `3 e2: ["Bo"]`}},
		"a cell of 10 MB": {
			content: "id,name,pay\ne0,x,1\ne1," + big + ",1\ne2,Bo,2\n",
			want:    []string{`2 e0: ["x"]`, `3 e1! column name makes the record larger than 1 MiB...`, `4 e2: ["Bo"]`},
		},
		"a cell of 3 MB in quotes, with lines that look like records": {
			content: "id,name,pay\ne0,x,1\ne1,\"" + strings.Repeat("\ne9,\"\"x\"\",1", 1<<18) + "\",1\ne2,Bo,2\n",
			want:    []string{`2 e0: ["x"]`, `3 e1! column name makes...`, fmt.Sprintf(`%d e2: ["Bo"]`, 4+1<<18)},
		},
		"a cell of 3 MB on one line, its quote never closed": {
			content: "id,name,pay\ne0,x,1\ne1,\"" + large + ",1\ne2,Bo,2\n",
			want:    []string{`2 e0: ["x"]`, `3 e1! a quote opened in column name...`, `4 e2: ["Bo"]`},
		},
		"a cell of 3 MB between bars": {
			file: "a.psv", content: "id|name|pay\ne0|x|1\ne1|\"" + large + "|1\ne2|Bo|2\n",
			want: []string{`2 e0: ["x"]`, `3 e1! column name makes...`, `4 e2: ["Bo"]`},
		},
		"Windows-1252": {
			content: must(charmap.Windows1252.NewEncoder().String("id,name\ne1,Ken Sánchez €\n")),
			o:       filesource.Options{Encoding: "Windows-1252"}, want: []string{`2 e1: ["Ken Sánchez €"]`},
		},
		"latin1 is what programs of that name write": {
			content: "id,name\ne1,S\xe1nchez \x80\n", o: filesource.Options{Encoding: "latin1"}, want: []string{`2 e1: ["Sánchez €"]`},
		},
		"a stray quote in Windows-1252": {
			content: "id,name\ne1,\"S\xe1n\ne2,S\xe1n\ne3,\"\xe1\"\n", o: filesource.Options{Encoding: "cp1252"},
			want: []string{`2 e1! a quote...`, `3 e2: ["Sán"]`, `4 e3: ["á"]`},
		},
		"bytes the encoding does not know": {
			content: "id,name\ne1,A\x81n\ne2,Bo\n", o: filesource.Options{Encoding: "iso-8859-7"},
			want: []string{`2 e1! column name holds bytes...`, `3 e2: ["Bo"]`},
		},
		"UTF-16 by its mark": {
			content: must(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("id,name\ne1,Ann Ł\n")),
			want:    []string{`2 e1: ["Ann Ł"]`},
		},
		"UTF-16 as configured, cut in the middle of a character": {
			content: must(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String("id,name\ne1,Ann\ne2,Bo")) + "\x00",
			o:       filesource.Options{Encoding: "utf-16be"}, want: []string{`2 e1: ["Ann"]`, `3 e2! column name holds bytes that the configured encoding does not know...`},
		},
		"a tab as delimiter":       {file: "a.txt", content: "id\tname\ne1\tAnn\n", o: filesource.Options{Delimiter: "tab"}, want: []string{`2 e1: ["Ann"]`}},
		"a header named like data": {content: "id,name,2024,2025-01\ne1,Ann,1,2\n", want: []string{`2 e1: ["Ann"]`}},
		"columns without a name":   {content: "id,,name,\ne1,x,Ann,\n", want: []string{`2 e1: ["Ann"]`}},
		"a column of its own":      {content: "id\ne1\n", columns: []string{"id"}, want: []string{`2 e1: ["e1"]`}},
		"JSON values keep their kinds": {
			file: "a.json", columns: []string{"name", "n", "b", "list", "mixed"},
			content: `[{"id": 1001, "name": "Ann", "n": 1.5, "b": true, "list": [1, {"a": "]"}], "mixed": 1},` + "\n\n" + `{"id": " e2 ", "n": null, "mixed": "x"}]`,
			want:    []string{`1 1001: ["Ann" %!q(float64=1.5) %!q(bool=true) [%!q(float64=1) map["a":"]"]] %!q(float64=1)]`, `3 e2: [<nil> <nil> <nil> <nil> "x"]`},
		},
		"JSON elements that are no records": {
			file:    "a.json",
			content: "[{\"id\":\"e1\",\"name\":\"A\"},\n7,\n{\"name\":\"" + secret + "\"},\n{\"id\":\"e3\",\"name\":\"B\\u0000\"},\n{\"id\":\"e4\",,},\n{\"id\":\"e5\",\"name\":\"C\",\"name\":\"D\"},\n{\"id\":\"e6\",\"name\":\"\xe1\"},\n{\"id\":\"e7\",\"name\":\"\\ud800\"},\n{\"id\":\"e8\",\"name\":\"E\"}]",
			want: []string{
				`1 e1: ["A"]`, `2 ! not a JSON object...`, `3 ! the key column id is empty`, `4 e3! column name holds a character...`,
				`5 ! not a JSON object...`, `6 e5! column name stands twice in the record`, `7 e6! column name is not valid UTF-8...`,
				`8 e7! column name holds a character...`, `9 e8: ["E"]`,
			},
		},
		"JSON that is cut off ends with an error": {
			file: "a.json", content: "[{\"id\":\"e1\",\"name\":\"A\"},\n{\"id\":\"e2\",\"na", want: []string{`1 e1: ["A"]`, `end: ...`},
		},
		"JSON with an element of 3 MB": {
			file: "a.json", content: `[{"id":"e1","name":"` + large + `"},{"id":"e2","name":"B"}]`,
			want: []string{`1 ! the record is larger than 1 MiB...`, `1 e2: ["B"]`},
		},
		"JSON numbers of too many digits": {
			file: "a.json", columns: []string{"n"}, content: `[{"id":12345678901234567890,"n":12345678901234567890},{"id":2,"n":1e400}]`,
			want: []string{`1 12345678901234567890! column n holds a number of too many digits...`, `1 2! column n holds a number that is too large`},
		},
		"JSON lines, one of them bad and one of 3 MB": {
			file:    "a.ndjson",
			content: "\xef\xbb\xbf{\"id\":\"e1\",\"name\":\"A\"}\r\n\n{\"id\":\n{\"id\":\"e3\",\"name\":\"" + large + "\"}\n{\"id\":\"e2\",\"name\":\"B\"}",
			want:    []string{`1 e1: ["A"]`, `3 ! not a JSON object...`, `4 ! the record is larger...`, `5 e2: ["B"]`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.file == "" {
				tt.file = "a.csv"
			}
			if tt.columns == nil {
				tt.columns = []string{"name"}
			}
			tt.o.Key = "id"
			path := filepath.Join(t.TempDir(), tt.file)
			write(t, path, tt.content)
			got := rows(t, open(t, path, tt.o), tt.columns...)
			for i := range min(len(got), len(tt.want)) {
				if short, cut := strings.CutSuffix(tt.want[i], "..."); cut && strings.HasPrefix(got[i], short) {
					got[i] = tt.want[i]
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Records (-want +got):\n%s", diff)
			}
		})
	}
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}
