package plan_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
)

// saved is the file of a plan with two changes, on lines 2 and 3.
func saved(t *testing.T) string {
	t.Helper()
	title := func(id string) plan.Change {
		return plan.Change{
			Op: plan.Update, Key: "e1", UserName: id + "@example.com", Target: scim.Ref{Type: scim.User, ID: id, Version: "4"}, Reason: "AttributesDiffer",
			Edits: []plan.Edit{{Path: "title", Whole: true, Before: []scim.Value{`"Agent"`}, Set: []scim.Value{`"Lead <1>"`}}},
		}
	}
	p := plan.Of(plan.Input{Basis: plan.Basis{Sync: "hr", Granted: 300}}, func(yield func(plan.Change) bool) { _ = yield(title("u1")) && yield(title("u2")) }, nil)
	return encode(t, p)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	text := saved(t)
	head, rest, _ := strings.Cut(text, "\n")
	_, second, _ := strings.Cut(rest, ",\n")
	undigested, _, _ := strings.Cut(text, `,"digest"`)
	replace := func(from, to string) string { return strings.Replace(text, from, to, 1) }
	for name, tt := range map[string]struct{ text, says, place string }{
		"an edit":                     {replace(`"set":["Lead <1>"]`, `"set":["Boss"]`), "line 2: ", "line 2"},
		"what follows from edits":     {strings.ReplaceAll(text, `"after":{"title":"Lead <1>"}`, `"after":{"title":"Agent"}`), "the file was edited", "line 2"},
		"the operations of the other": {text[:strings.LastIndex(text, `"op":"replace"`)] + strings.Replace(text[strings.LastIndex(text, `"op":"replace"`):], "replace", "remove", 1), "the file was edited", "line 3"},
		"a version":                   {replace(`"version":"4"`, `"version":"5"`), "the file was edited", ""},
		"whose configuration it is":   {replace(`"sync":"hr"`, `"sync":"us"`), "the file was edited", ""},
		"a count":                     {replace(`"update":2`, `"update":1`), "the file was edited", ""},
		"a member that nobody knows":  {replace(`"summary"`, `"note":1,"summary"`), "the file was edited", ""},
		"a change taken out":          {head + "\n" + second, "the file was edited", ""},
		"no digest":                   {undigested + "}", "no digest", ""},
		"cut short":                   {text[:strings.LastIndex(text, `"patch"`)], "cut short", "line 3"},
		"something behind it":         {text + "{}", "more follows", "line 5"},
		"another schema":              {replace("rollcall.plan/1", "rollcall.plan/2"), "schema", ""},
		"nothing":                     {"", "cut short", "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := plan.Decode(strings.NewReader(tt.text))
			if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.says) || fault.Place(err) != tt.place {
				t.Errorf("Decode() = %v at %q, want Invalid with %q at %q", err, fault.Place(err), tt.says, tt.place)
			}
		})
	}
}

func TestDecodeOverlooksSpace(t *testing.T) {
	t.Parallel()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(saved(t)), "", "\t"); err != nil {
		t.Fatal(err)
	}
	p, err := plan.Decode(&pretty)
	if err != nil || p.Len() != 2 {
		t.Errorf("Decode(indented) = %v, want the plan", err)
	}
}

func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	text := strings.TrimSpace(saved(t))
	for n := range len(text) {
		if _, err := plan.Decode(strings.NewReader(text[:n])); fault.Of(err) != fault.Invalid {
			t.Fatalf("Decode of the first %d bytes = %v, want Invalid", n, err)
		}
	}
}

// TestSchemaFits: what Encode writes of every story is what the schema says, to
// the last member.
func TestSchemaFits(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../schema/plan.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	strict(doc)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	schema := c.MustCompile("plan.json")
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob = %d files, %v", len(files), err)
	}
	for _, name := range files {
		s := readStory(t, readArchive(t, name))
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(encode(t, s.plan(t))))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// strict lets no object have members that the schema does not name.
func strict(schema any) {
	switch v := schema.(type) {
	case map[string]any:
		_, names := v["properties"].(map[string]any)
		if _, said := v["additionalProperties"]; names && !said {
			v["additionalProperties"] = false
		}
		for _, below := range v {
			strict(below)
		}
	case []any:
		for _, below := range v {
			strict(below)
		}
	}
}
