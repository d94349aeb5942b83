package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/internal/app"
	"rollcall/internal/config"
	"rollcall/source/filesource"
)

func TestParseAllow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   []string
		want map[string]int
		hint string
	}{
		"a number":              {in: []string{"deactivate=40"}, want: map[string]int{"deactivate": 40}},
		"no number is no bound": {in: []string{"adopt", "rename=0"}, want: map[string]int{"adopt": -1, "rename": 0}},
		"an unknown kind":       {in: []string{"deactivte"}, hint: "did you mean deactivate?"},
		"no number after =":     {in: []string{"update=many"}, hint: "write --allow update=40"},
		"a negative number":     {in: []string{"update=-1"}, hint: "write --allow update=40"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := app.ParseAllow(tt.in)
			if fault.Hint(err) != tt.hint {
				t.Fatalf("ParseAllow(%q) error = %v with hint %q, want hint %q", tt.in, err, fault.Hint(err), tt.hint)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseAllow(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

// Whatever an export's columns are called, what init writes is a configuration
// that reads back, with the expressions that were guessed.
func TestDraftReadsBack(t *testing.T) {
	t.Parallel()
	lookup := func(string) (string, bool) { return "http://127.0.0.1:1", true }
	for name, g := range map[string]filesource.Guess{
		"plain names": {Key: "EmployeeNo", Where: `row.Status == "Current"`, Mapping: []filesource.MappingGuess{
			{Attribute: "userName", Expr: "lower(row.Email)", Why: "an address: different in every row"},
			{Attribute: "displayName", Expr: `row.First + " " + row.Last`},
			{Attribute: `phoneNumbers[type eq "work"].value`, Expr: `phone(row.Phone, "US")`},
		}},
		"names that YAML would misread": {Key: "#: no", Delimiter: "|", Encoding: "windows-1252", Mapping: []filesource.MappingGuess{
			{Attribute: "userName", Expr: `row["E-mail: work # 'x'"]`}, {Attribute: "displayName", Expr: `row["{Name}"]`}, {Attribute: "title", Expr: `row["a\\b"]`},
		}},
		"a number and a word as names": {Key: "42", Mapping: []filesource.MappingGuess{{Attribute: "externalId", Expr: `row["42"]`}, {Attribute: "title", Expr: "row.yes"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := app.Draft("people export: #1.csv", g)
			c, err := config.Parse("rollcall.yaml", []byte(text), config.Env{Lookup: lookup}, app.Dialect())
			if err != nil {
				t.Fatalf("Parse of the draft: %v\n%s", err, text)
			}
			if c.Source.Key != g.Key || filepath.Base(c.Source.File) != "people export: #1.csv" {
				t.Errorf("key %q, file %q\n%s", c.Source.Key, c.Source.File, text)
			}
			var got []string
			for _, a := range c.Mapping.Attributes {
				if a.Text != "true" {
					got = append(got, a.Text)
				}
			}
			var want []string
			for _, m := range g.Mapping {
				want = append(want, m.Expr)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("expressions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBlankIsAConfiguration(t *testing.T) {
	t.Parallel()
	lookup := func(string) (string, bool) { return "http://127.0.0.1:1", true }
	if _, err := config.Parse("rollcall.yaml", []byte(app.Blank), config.Env{Lookup: lookup}, app.Dialect()); err != nil {
		t.Errorf("Parse of what init writes: %v", err)
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rollcall.yaml")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := app.Host{}.Init(t.Context(), file, "")
	if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("Init over a file: %v, want invalid", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file now holds %q (%v)", text, err)
	}
}
