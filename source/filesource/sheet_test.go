package filesource_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"rollcall/fault"
	"rollcall/source"
	"rollcall/source/filesource"
)

// workbook writes cells by sheet and address, in order.
func workbook(t *testing.T, password string, cells ...any) string {
	t.Helper()
	book := excelize.NewFile()
	for i := 0; i < len(cells); i += 3 {
		name, at := fmt.Sprint(cells[i]), fmt.Sprint(cells[i+1])
		_, err := book.NewSheet(name)
		if formula, ok := strings.CutPrefix(fmt.Sprint(cells[i+2]), "="); ok {
			err = errors.Join(err, book.SetCellFormula(name, at, formula))
		} else {
			err = errors.Join(err, book.SetCellValue(name, at, cells[i+2]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "a.xlsx")
	if err := errors.Join(book.SaveAs(path, excelize.Options{Password: password}), book.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWorkbook(t *testing.T) {
	t.Parallel()
	path := workbook(t, "",
		"Read me", "A1", "This is the export of June",
		"People", "A2", " Key ", "People", "B2", "Name", "People", "C2", "Hired", "People", "E2", "Pay",
		"People", "A3", 1001, "People", "B3", " Ann ", "People", "C3", time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC), "People", "G3", "a remark",
		"People", "B5", secret,
		"People", "A6", "e2", "People", "B6", "#N/A",
		"People", "A7", "#REF!", "People", "B7", secret,
		"People", "A8", "e3", "People", "E8", "#REF!",
	)
	for _, o := range []filesource.Options{{Key: "Key"}, {Key: "Key", Sheet: "People"}} {
		f := open(t, path, o)
		var got []string
		for r, err := range f.Records(t.Context(), []string{"Hired", "Name"}) {
			if bad, ok := errors.AsType[*source.RecordError](err); ok {
				got = append(got, fmt.Sprintf("%s %s! %s", bad.Place, bad.Key, bad.Err))
				continue
			}
			got = append(got, fmt.Sprintf("%s %s: %q %v", r.Place, r.Key, r.Values, err))
		}
		want := []string{
			`a.xlsx (People!A3) 1001: ["2020-02-29" " Ann "] <nil>`,
			`a.xlsx (People!A5) ! the key column Key is empty`,
			`a.xlsx (People!A6) e2! column Name holds a formula without a result`,
			`a.xlsx (People!A7) ! column Key holds a formula without a result`,
			`a.xlsx (People!A8) e3: ["" ""] <nil>`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sheet %q: Records (-want +got):\n%s", o.Sheet, diff)
		}
	}
}

func TestWorkbookThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path       string
		o          filesource.Options
		text, hint string
	}{
		"two sheets have the key": {
			path: workbook(t, "", "Old", "A1", "Key", "New", "A1", "Key"), o: filesource.Options{Key: "Key"},
			text: `2 sheets have the key column "Key"`, hint: "source.sheet to one of Sheet1, Old, New",
		},
		"no such sheet": {
			path: workbook(t, "", "New", "A1", "Key"), o: filesource.Options{Key: "Key", Sheet: "Now"}, text: `no sheet "Now"`, hint: "Sheet1, New",
		},
		"an empty sheet": {path: workbook(t, ""), o: filesource.Options{Key: "Key"}, text: "the sheet Sheet1 is empty", hint: "first row"},
		"a missing key column": {
			path: workbook(t, "", "Sheet1", "A1", "Name", "Sheet1", "B1", "key"), o: filesource.Options{Key: "Key"}, text: `no key column "Key"`, hint: `did you mean "key"`,
		},
		"a password": {path: workbook(t, "open", "Sheet1", "A1", "Key"), o: filesource.Options{Key: "Key"}, text: "not an Excel workbook", hint: "without password"},
	} {
		_, err := filesource.Open(tt.path, tt.o)
		if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.text) || !strings.Contains(fault.Hint(err), tt.hint) {
			t.Errorf("%s: Open = %v (%s); want %q (%q)", name, err, fault.Hint(err), tt.text, tt.hint)
		}
	}
}
