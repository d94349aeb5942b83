package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nyaruka/phonenumbers"

	"rollcall/mapping"
	"rollcall/source"
)

// Whatever stands in a rule and in a record: no panic, and the same twice.
func FuzzMap(f *testing.F) {
	for _, text := range []string{
		`row.a + row.b`, `phone(row.a, "US")`, `person(row.a)`, `skills(row.a)`, `split(row.a, ";")`, `date(row.a, row.b)`,
		`row.a == "1" ? ["x"] : []`, `let x = row.a; x + x`, `map(1..3, # + 1)`, `fromJSON(row.a)`, `reduce(split(row.a, ","), #acc + #, "")`,
		`row?.a ?? row["b"]`, `today - duration("24h")`, `row.a[1:3]`, `row.a matches row.b`, `{"a": row.a}`, `sortBy(split(row.a, ";"), #)`,
	} {
		f.Add(text, "+1 320 555 0195", "2026-03-10")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		for _, path := range []mapping.Attribute{rule("title", text), rule("active", text), rule("roles", text), rule(manager, text), rule("emails", text)} {
			m, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{path}}, columns("a", "b", "c"), options())
			if err != nil {
				continue
			}
			one, err1 := m.Map(record(m, a, b))
			two, err2 := m.Map(record(m, a, b))
			if (err1 == nil) != (err2 == nil) || one.Row.Packed() != two.Row.Packed() {
				t.Fatalf("Map of %q twice: %v %q, then %v %q", text, err1, one.Row.Packed(), err2, two.Row.Packed())
			}
			if diff := cmp.Diff(one.Problems, two.Problems); diff != "" {
				t.Fatalf("Map of %q twice: %s", text, diff)
			}
		}
	})
}

// A phone that is sent has the digits that were written.
func FuzzPhone(f *testing.F) {
	for _, text := range []string{"320-555-0195", "1 (11) 500 555-0117", "+49 30 901820", "0049 30 901820 ext. 5", "tel:+1-320-555-0195;ext=1"} {
		f.Add(text, "US")
		f.Add(text, "DE")
	}
	f.Fuzz(func(t *testing.T, text, country string) {
		m, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{rule(workPhone, `phone(row.a, row.b)`)}}, columns("a", "b", "c"), options())
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Map(source.Record{Values: []any{text, country}})
		if err != nil {
			t.Fatalf("phone(%q, %q): %v", text, country, err)
		}
		values, ok := p.Row.At(workPhone)
		if !ok {
			return
		}
		full, _ := values[0].Text()
		number, ext, _ := strings.Cut(full, ";ext=")
		written := phonenumbers.NormalizeDigitsOnly(text)
		for country := 1; country <= 3; country++ { // digits of the country code
			if strings.HasPrefix(number, "+") && strings.HasSuffix(written, number[1+country:]+ext) {
				return
			}
		}
		t.Errorf("phone(%q, %q) = %q, which is not what was written", text, country, full)
	})
}
