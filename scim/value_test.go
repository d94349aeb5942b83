package scim_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/scim"
)

func TestParseValueIsCanonical(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   string
		want scim.Value
	}{
		"keys are sorted, space is dropped":     {`{ "b" : 1, "a" : [ true , null ] }`, `{"a":[true,null],"b":1}`},
		"a fraction of zeros is dropped":        {`1.50`, `1.5`},
		"a whole decimal is an integer":         {`3.0`, `3`},
		"minus zero is zero":                    {`-0`, `0`},
		"an exponent is written out":            {`1e2`, `100`},
		"small numbers are written out":         {`25e-4`, `0.0025`},
		"very small ones are not":               {`0.00000001`, `1e-8`},
		"a large integer keeps its digits":      {`12345678901234567890123`, `12345678901234567890123`},
		"beyond 2^53 nothing is rounded":        {`9007199254740993`, `9007199254740993`},
		"a long fraction keeps its digits":      {`0.1000000000000000055511151231257827`, `0.1000000000000000055511151231257827`},
		"markup is not escaped":                 {`"<b>&\u0026"`, `"<b>&&"`},
		"escapes are undone where they can be":  {`"\u00e9\/"`, `"é/"`},
		"control characters keep theirs":        {`"\u0001\n\t\u001f\"\\"`, `"\u0001\n\t\u001f\"\\"`},
		"text is composed (NFC)":                {"\"Jose\u0301\"", `"José"`},
		"so are keys":                           {"{\"e\u0301\":1}", `{"é":1}`},
		"half a surrogate pair is replaced":     {`"\ud800"`, "\"\ufffd\""},
		"U+2028 is a character like any other":  {"\"\\u2028\"", "\"\u2028\""},
		"an empty string, object and array are": {`["",{},[]]`, `["",{},[]]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := scim.ParseValue([]byte(tt.in))
			if err != nil || got != tt.want {
				t.Fatalf("ParseValue(%s) = %s, %v, want %s", tt.in, got, err, tt.want)
			}
			if again := scim.ValueOf(got.Any()); again != got {
				t.Errorf("ValueOf(%s.Any()) = %s", got, again)
			}
		})
	}
}

func TestParseValueRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{``, ` `, `{`, `"`, `nul`, `1 2`, `{"a":1,}`, `'a'`, `1e99999`, `01`, "\"a\nb\""} {
		if got, err := scim.ParseValue([]byte(in)); fault.Of(err) != fault.Invalid {
			t.Errorf("ParseValue(%q) = %s, %v, want an error of kind invalid", in, got, err)
		}
	}
}

func TestValueOfTakesPlainGo(t *testing.T) {
	t.Parallel()
	type word string
	for name, tt := range map[string]struct {
		in   any
		want scim.Value
	}{
		"nothing":                    {nil, `null`},
		"text":                       {`say "hi"`, `"say \"hi\""`},
		"a truth":                    {false, `false`},
		"an integer":                 {int64(-7), `-7`},
		"an unsigned one":            {uint64(math.MaxUint64), `18446744073709551615`},
		"a whole float":              {2.0, `2`},
		"a float":                    {0.1, `0.1`},
		"a large float":              {1e300, `1e300`},
		"minus zero":                 {math.Copysign(0, -1), `0`},
		"no number at all":           {math.NaN(), `null`},
		"no small number at all":     {float32(math.Inf(1)), `null`},
		"a number of JSON":           {json.Number("1.0"), `1`},
		"a Value":                    {scim.Value(`{"a":1}`), `{"a":1}`},
		"no Value":                   {scim.Value(""), `null`},
		"a list":                     {[]any{1, "a", nil}, `[1,"a",null]`},
		"strings":                    {[]string{"b", "a"}, `["b","a"]`},
		"a map":                      {map[string]any{"b": 1, "a": scim.Value(`2`)}, `{"a":2,"b":1}`},
		"a named string":             {word("x"), `"x"`},
		"bytes that are not UTF-8":   {"a\xff\xfeb", "\"a\ufffd\ufffdb\""},
		"text that is not composed":  {"e\u0301", `"é"`},
		"text that composes further": {"o\u0302\u0301", "\"\u1ed1\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := scim.ValueOf(tt.in); got != tt.want {
				t.Errorf("ValueOf(%v) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func TestValueAnyKeepsDigits(t *testing.T) {
	t.Parallel()
	for in, want := range map[scim.Value]any{
		`"a"`: "a", `"a\nb"`: "a\nb", `true`: true, `null`: nil, ``: nil, `42`: 42.0, `0.5`: 0.5,
		`9007199254740993`: json.Number("9007199254740993"),
		`[1,{"a":"b"}]`:    []any{1.0, map[string]any{"a": "b"}},
	} {
		if diff := cmp.Diff(want, in.Any()); diff != "" {
			t.Errorf("Value(%s).Any() (-want +got):\n%s", in, diff)
		}
	}
}

func TestValueParts(t *testing.T) {
	t.Parallel()
	v := scim.Value(`{"a":{"x":"}\",\\"},"list":[1,{"value":2},"c,d"],"Value":true,"z":3}`)
	for name, want := range map[string]scim.Value{
		"a": `{"x":"}\",\\"}`, "LIST": `[1,{"value":2},"c,d"]`, "value": `true`, "z": `3`, "x": "", "": "",
	} {
		if got := v.Sub(name); got != want {
			t.Errorf("Sub(%q) = %s, want %s", name, got, want)
		}
	}
	if diff := cmp.Diff([]scim.Value{`1`, `{"value":2}`, `"c,d"`}, v.Sub("list").Elements()); diff != "" {
		t.Errorf("Elements (-want +got):\n%s", diff)
	}
	for _, none := range []scim.Value{"", "null", "[]"} {
		if got := none.Elements(); len(got) != 0 {
			t.Errorf("Value(%s).Elements() = %s, want none", none, got)
		}
	}
	if got := scim.Value(`7`).Elements(); len(got) != 1 || got[0] != `7` {
		t.Errorf("a single value is its own element, got %s", got)
	}
	if text, ok := scim.Value(`"é\""`).Text(); text != `é"` || !ok {
		t.Errorf(`Text() = %q, %v`, text, ok)
	}
	if _, ok := scim.Value(`1`).Text(); ok {
		t.Error("a number has Text")
	}
}

func TestValueInJSON(t *testing.T) {
	t.Parallel()
	var op scim.Op
	if err := json.Unmarshal([]byte(`{"op":"add","path":"title","value":{"b":1.0,"a":2}}`), &op); err != nil {
		t.Fatal(err)
	}
	if want := scim.Value(`{"a":2,"b":1}`); op.Value != want {
		t.Errorf("Value = %s, want %s", op.Value, want)
	}
	text, err := json.Marshal(scim.Op{Verb: scim.Remove, Path: "title"})
	if err != nil || string(text) != `{"op":"remove","path":"title"}` {
		t.Errorf("Marshal = %s, %v", text, err)
	}
}

func FuzzParseValue(f *testing.F) {
	for _, s := range []string{`{"b":[1.50,-0,"é\u0001"],"a":null}`, `1e-7`, `12345678901234567890123e5`, "\"e\u0301\"", `{"a":1,"A":2,"a":3}`, `{"a":[{"b":"c"},100,true]}`, `{"b":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := scim.ParseValue(text)
		if err != nil {
			return
		}
		if again, err := scim.ParseValue([]byte(v)); err != nil || again != v {
			t.Fatalf("ParseValue(%q) = %q, which parses to %q, %v", text, v, again, err)
		}
		if again := scim.ValueOf(v.Any()); again != v {
			t.Fatalf("ValueOf(%q.Any()) = %q", v, again)
		}
		var decoded any
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&decoded); err != nil || scim.ValueOf(decoded) != v {
			t.Fatalf("ParseValue(%q) = %q, decoded it is %q, %v", text, v, scim.ValueOf(decoded), err)
		}
		if !json.Valid([]byte(v)) {
			t.Fatalf("ParseValue(%q) = %q, not JSON", text, v)
		}
		var plain any
		_ = json.Unmarshal(text, &plain)
		if o, ok := plain.(map[string]any); ok {
			for k := range o {
				if v.Sub(k) == "" {
					t.Fatalf("%q has no member %q", v, k)
				}
			}
		}
		if list, ok := plain.([]any); ok && len(v.Elements()) != len(list) {
			t.Fatalf("%q has %d elements, want %d", v, len(v.Elements()), len(list))
		}
	})
}

func BenchmarkParseValue(b *testing.B) {
	for name, text := range map[string]string{
		"canonical": `{"name":"Billing","proficiency":3}`, "another order": `{"proficiency":3,"name":"Billing"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := scim.ParseValue([]byte(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValueOf(b *testing.B) {
	for name, v := range map[string]any{
		"text": "Ken", "accent": "Ken Sánchez", "object": map[string]any{"name": "Billing", "proficiency": 3.0},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				scim.ValueOf(v)
			}
		})
	}
}
