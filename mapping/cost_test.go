package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/mapping"
	"rollcall/scim"
	"rollcall/source"
)

// Each of these took seconds, gigabytes or the process.
func TestNoExpressionGrowsBeyondItsBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60_000)
	for name, tt := range map[string]struct{ rule, want string }{
		"a text put in place of each of its letters": {`replace(row.a, "a", row.a)`, "too long"},
		"a text put between letters":                 {`replace(row.a, "", row.a, 50000)`, "too long"},
		"repeats put in place":                       {`replace(repeat("a", 100000), "a", repeat("b", 100000))`, "too long"},
		"repeats of repeats":                         {`repeat(repeat(repeat(row.a, 1000), 1000), 1000)`, "too long"},
		"a repeat in a pipe":                         {`row.a | repeat(1000)`, "too long"},
		"sums of sums":                               {strings.Repeat("(", 40) + "row.a" + strings.Repeat("+row.a)", 40), "too long"},
		"variables that double":                      {`let x = row.a + row.a; let y = x + x; y`, "too long"},
		"a join of one text many times":              {`join(map(1..10000, row.a), "")`, "too much memory"},
		"a join with a long separator":               {`join(map(1..1000, "a"), row.a)`, "too long"},
		"JSON of one text many times":                {`toJSON(map(1..100, row.a))`, "too long"},
		"lists in lists":                             {`toJSON(map(1..300, map(1..300, row.a)))`, "too much memory"},
		"a list that doubles":                        {`string(len(flatten(reduce(1..60, [#acc, #acc], [row.a]))))`, "too much memory"},
		"a list in itself as text":                   {`string(reduce(1..60, [#acc, #acc], [row.a]))`, "too much memory"},
		"a list put to itself many times":            {`let l = map(1..9000, 1); string(len(concat(` + strings.Repeat("l,", 200) + `l)))`, "too much memory"},
		"each element compared with each":            {`string(len(uniq(1..50000)))`, "too much memory"},
		"pieces in a loop":                           {`string(sum(1..90000, len(splitAfter(row.a, ""))))`, "too much memory"},
		"base64 in a loop":                           {`string(sum(1..90000, len(toBase64(row.a))))`, "too"},
		"layouts of layouts":                         {strings.Repeat("today.Format(", 40) + `"2"` + strings.Repeat("+'2' + today.String())", 40), "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := person(t, mapping.Rules{Attributes: []mapping.Attribute{rule("title", tt.rule)}}, long)
			var bad *source.RecordError
			if !errors.As(err, &bad) || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Map() = %.200v, want a bad record: %s", err, tt.want)
			}
		})
	}
}

func TestBoundedFunctionsDoAsBefore(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`replace(row.a, "b", "xyz")`:                       "axyzcaxyzc",
		`replace(row.a, "b", "", 1)`:                       "acabc",
		`repeat(row.a, 2)`:                                 "abcabcabcabc",
		`join(["a", "b"], "-") + join(split(row.a, "b"))`:  "a-baca" + "c",
		`join(splitAfter(row.a, "b", 2), "|")`:             "ab|cabc",
		`join(uniq(concat(["x"], ["y", "x"])), "")`:        "xy",
		`join(reverse(sort(flatten([["x"], ["y"]]))), "")`: "yx",
		`fromJSON(toJSON({"k": row.a})).k`:                 "abcabc",
		`fromBase64(toBase64(row.a))`:                      "abcabc",
		`string(1 + 2) + upper(row.a[:1]) + "!"`:           "3A!",
		`string((today + duration("24h")).Day())`:          "11",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p, err := person(t, mapping.Rules{Attributes: []mapping.Attribute{rule("title", text)}}, "abcabc")
			if err != nil {
				t.Fatal(err)
			}
			values, _ := p.Row.Index(0)
			if len(values) != 1 || values[0] != scim.ValueOf(want) {
				t.Errorf("%s = %v, want %q", text, values, want)
			}
		})
	}
}
