//go:build realinput

package filesource_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/source/filesource"
)

// TestSniffRealExport runs by `make real-input REAL_INPUT=DIR`.
func TestSniffRealExport(t *testing.T) {
	t.Parallel()
	path := filepath.Join(os.Getenv("REAL_INPUT"), "adventureworks", "hr-export.psv")
	g := sniff(t, path)
	if g.Format != filesource.PSV || g.Delimiter != "" || g.Key != "LoginID" || g.Where != `row.Status == "Current"` || g.Records != 296 {
		t.Errorf("Sniff = %s %q, key %q where %q, %d records", g.Format, g.Delimiter, g.Key, g.Where, g.Records)
	}
	want := `externalId: row.LoginID
userName: lower(row.EmailAddress)
displayName: row.FirstName + " " + row.LastName
active: row.CurrentFlag == "1" ? true : row.CurrentFlag == "0" ? false : nil
title: row.Title
department: row.DepartmentName
phoneNumbers[type eq "work"].value: phone(row.Phone, "US")
manager: person(row.ManagerLoginID)
`
	if diff := cmp.Diff(want, mapped(g)); diff != "" {
		t.Errorf("Mapping (-want +got):\n%s", diff)
	}
	all := rows(t, open(t, path, filesource.Options{Key: g.Key}), "FirstName", "LastName")
	if len(all) != 296 || all[0] != `2 adventure-works\guy1: ["Guy" "Gilbert"]` {
		t.Errorf("%d rows, the first %s", len(all), all[0])
	}
}
