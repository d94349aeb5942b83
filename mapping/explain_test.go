package mapping_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/mapping"
	"rollcall/scim"
)

// traced are rules of every kind: in and out of scope, failing, unusable, empty.
func traced(text string) mapping.Rules {
	expr := func(text string) mapping.Expr { return mapping.Expr{Text: text, Label: "x"} }
	return mapping.Rules{
		Where: expr(`row.a != "out"`),
		Attributes: []mapping.Attribute{
			rule("title", text), rule("userName", "row.b"), rule("roles", `split(row.a, ";")`), rule(workPhone, `phone(row.b, "US")`),
		},
		Groups:     []mapping.Group{{Name: "A", When: expr(`row.a == "1"`)}, {Name: "B", When: expr(`row.b != ""`)}},
		GroupNames: expr(`split(row.b, ",")`),
	}
}

// What Explain tells of a record is what Map makes of it.
func FuzzExplainAgreesWithMap(f *testing.F) {
	for _, text := range []string{"row.a", "row.a + row.b", "row.a[2:1]", `row.a == "" ? nil : row.b`, `"refused"`, `string(1 / int(row.a))`} {
		f.Add(text, "1", "kim,jo")
		f.Add(text, "out", "")
		f.Add(text, "x;y", "(320) 555-0195")
		f.Add(text, "", "\xbc")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		m, err := mapping.Compile(traced(text), columns("a", "b", "c"), options())
		if err != nil {
			return
		}
		rec := record(m, a, b)
		told := m.Explain(rec)
		p, err := m.Map(rec)
		if failed := told.Failed(); (failed != nil) != (err != nil) && told.In {
			t.Fatalf("Explain failed with %v, Map with %v", failed, err)
		}
		if err != nil {
			return
		}
		if told.In != p.In {
			t.Fatalf("Explain: in scope %t, Map: %t", told.In, p.In)
		}
		if !p.In {
			return
		}
		for _, trace := range told.Attributes {
			values, known := p.Row.At(trace.Path)
			if known != trace.Known || !slices.Equal(values, trace.Values) {
				t.Errorf("%s: Explain has %v %t, Map %v %t", trace.Path, trace.Values, trace.Known, values, known)
			}
		}
		groups := told.GroupNames.Names
		for _, trace := range told.Groups {
			if trace.True() {
				groups = append(groups, trace.Group)
			}
		}
		slices.Sort(groups)
		if diff := cmp.Diff(p.Groups, slices.Compact(groups)); diff != "" {
			t.Errorf("groups (-Map +Explain):\n%s", diff)
		}
	})
}

func TestExplainGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	m, err := mapping.Compile(traced("row.a[5:9] + string(1 / int(row.a))"), columns("a", "b", "c"), options())
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	a := m.Explain(record(m, "none", "KIM"))
	if a.Attributes[0].Err == nil || a.Failed() == nil {
		t.Errorf("the failing rule: %+v, want its error", a.Attributes[0])
	}
	if want := []scim.Value{`"kim"`}; !slices.Equal(a.Attributes[1].Values, want) {
		t.Errorf("the rule after it gives %v, want %v", a.Attributes[1].Values, want)
	}
	if a.Attributes[3].Problem == "" || a.Attributes[3].Known {
		t.Errorf("a phone that is none: %+v, want a problem", a.Attributes[3])
	}
	if want := []mapping.Cell{{Column: "a", Value: "none"}, {Column: "b", Value: "KIM"}}; !slices.Equal(a.Cells, want) {
		t.Errorf("cells = %v, want %v: the columns that rules use", a.Cells, want)
	}
}
