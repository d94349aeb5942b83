package scim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scim"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for name, tt := range map[string]struct {
		in, want scim.Path
		typ      string // of the attribute
		name     string
	}{
		"the schema's spelling":                   {in: "USERNAME", want: "userName", typ: "string", name: "userName"},
		"of sub-attributes too":                   {in: "Name.FAMILYname", want: "name.familyName", typ: "string", name: "familyName"},
		"the core URN is dropped":                 {in: "URN:ietf:params:scim:schemas:core:2.0:user:username", want: "userName", typ: "string", name: "userName"},
		"an extension attribute":                  {in: "urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user:Department", want: enterprise + ":department", typ: "string", name: "department"},
		"its sub-attribute":                       {in: enterprise + ":manager.VALUE", want: enterprise + ":manager.value", typ: "string", name: "value"},
		"a whole extension":                       {in: scim.Path(strings.ToLower(enterprise)), want: enterprise, typ: "complex", name: enterprise},
		"names within the filter":                 {in: `Emails[TYPE eq "work" and not (PRIMARY pr)].Value`, want: `emails[type eq "work" and not (primary pr)].value`, typ: "string", name: "value"},
		"a filter without sub-attribute":          {in: `emails[type eq "work"]`, want: `emails[type eq "work"]`, typ: "complex", name: "emails"},
		"a filter on simple values":               {in: skillsURN + `:tags[VALUE eq "a"]`, want: skillsURN + `:tags[value eq "a"]`, typ: "string", name: "tags"},
		"common attributes need no definition":    {in: "META.Version", want: "meta.version", typ: "string", name: "version"},
		"default sub-attributes neither":          {in: "emails.$REF", want: "emails.$ref", typ: "reference", name: "$ref"},
		"an extension attribute with its filter":  {in: skillsURN + `:routingskills[NAME eq "x"].Proficiency`, want: skillsURN + `:routingSkills[name eq "x"].proficiency`, typ: "decimal", name: "proficiency"},
		"an identifier that every resource has":   {in: "ID", want: "id", typ: "string", name: "id"},
		"what a definition says, not the default": {in: "groups.display", want: "groups.display", typ: "string", name: "display"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, a, err := s.Resolve(scim.User, tt.in)
			if err != nil || got != tt.want || a.Type != tt.typ || a.Name != tt.name {
				t.Fatalf("Resolve(%s) = %s, %s %s, %v, want %s, %s %s", tt.in, got, a.Name, a.Type, err, tt.want, tt.name, tt.typ)
			}
			if again, _, err := s.Resolve(scim.User, got); err != nil || again != got {
				t.Errorf("Resolve(%s) = %s, %v", got, again, err)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for in, says := range map[scim.Path]string{
		"titel":                                      "did you mean title?",
		"name.famlyName":                             "did you mean name.familyName?",
		"department":                                 "did you mean " + enterprise + ":department?",
		enterprise + ":departmnet":                   "did you mean " + enterprise + ":department?",
		enterprise + ":manager.vlaue":                "did you mean " + enterprise + ":manager.value?",
		"xyzzy":                                      "User has no such attribute",
		"members":                                    "User has no such attribute",
		"userName.value":                             "User has no such attribute",
		"urn:none:2.0:User":                          "User has no such attribute",
		"urn:none:2.0:User:department":               "User has no such attribute",
		`emails[color eq "red"]`:                     "emails.color",
		`emails[urn:a:b:type eq "x"]`:                "emails",
		`name[familyName eq "x"]`:                    "takes no filter",
		`userName[value eq "x"]`:                     "takes no filter",
		skillsURN + `:tags[x eq "a"]`:                "tags.x",
		"emails[0].value":                            "SCIM has no indexes",
		"urn:ietf:params:scim:schemas:core:2.0:User": "User has no such attribute",
	} {
		_, _, err := s.Resolve(scim.User, in)
		if scimType(t, err) != "invalidPath" || !strings.Contains(err.Error(), says) {
			t.Errorf("Resolve(%s): %v, want invalidPath that says %q", in, err, says)
		}
	}
	if _, _, err := s.Resolve("Device", "id"); scimType(t, err) != "invalidPath" {
		t.Errorf("Resolve of an unknown type: %v", err)
	}
}

func TestURNs(t *testing.T) {
	t.Parallel()
	s := schema(t)
	if diff := cmp.Diff([]string{"urn:ietf:params:scim:schemas:core:2.0:User", enterprise, skillsURN}, s.URNs(scim.User)); diff != "" {
		t.Errorf("URNs (-want +got):\n%s", diff)
	}
	if got := s.URNs("Device"); got != nil {
		t.Errorf("URNs of an unknown type = %v", got)
	}
}

func TestNewSchemaPanics(t *testing.T) {
	t.Parallel()
	twice := []scim.Attribute{{Name: "a", Type: "string"}, {Name: "A", Type: "string"}}
	for name, types := range map[string][]scim.TypeDefinition{
		"on two attributes of one name":     {{Type: scim.User, Core: scim.Definition{Attributes: twice}}},
		"on two sub-attributes of one name": {{Type: scim.User, Core: scim.Definition{Attributes: []scim.Attribute{{Name: "x", Type: "complex", SubAttributes: twice}}}}},
		"on one type twice":                 {{Type: scim.User}, {Type: scim.User}},
		"on one extension twice":            {{Type: scim.User, Extensions: []scim.Definition{{ID: "urn:a:B"}, {ID: "urn:a:b"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("NewSchema did not panic")
				}
			}()
			scim.NewSchema(types...)
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := schema(t)
	type op = scim.Op
	for name, tt := range map[string]struct {
		op   op
		want []string // the scimTypes
	}{
		"an add in any case":                 {op: op{"ADD", "title", `"x"`}},
		"a replace":                          {op: op{"replace", `emails[type eq "work"].value`, `"x"`}},
		"a remove":                           {op: op{"remove", `emails[type eq "work"]`, ""}},
		"a remove that lists elements":       {op: op{"remove", "emails", `[{"value":"x"}]`}},
		"a list of elements":                 {op: op{"add", "emails", `[{"value":"x","type":"work","primary":true}]`}},
		"one element":                        {op: op{"add", "roles", `{"value":"x"}`}},
		"an object without path":             {op: op{"add", "", `{"title":"x","schemas":["x"],"name":{"givenName":"y"},"` + enterprise + `":{"department":"z","manager":{"value":"m","$ref":"r","displayName":"M"}},"` + enterprise + `:division":"d"}`}},
		"a whole extension":                  {op: op{"replace", enterprise, `{"department":"z"}`}},
		"null":                               {op: op{"replace", "title", "null"}},
		"a whole number with a point":        {op: op{"add", skillsURN + ":level", "3"}},
		"a large integer":                    {op: op{"add", skillsURN + ":level", "12345678901234567890"}},
		"a date":                             {op: op{"add", skillsURN + ":hired", `"2026-01-31T08:00:00Z"`}},
		"a decimal":                          {op: op{"add", skillsURN + ":routingSkills", `[{"name":"a","proficiency":3.5}]`}},
		"a reference":                        {op: op{"add", "profileUrl", `"https://example.com"`}},
		"an unknown verb":                    {op: op{"move", "title", `"x"`}, want: []string{"invalidSyntax"}},
		"no value":                           {op: op{"add", "title", ""}, want: []string{"invalidValue"}},
		"no value and an unknown attribute":  {op: op{"add", "titel", ""}, want: []string{"invalidValue", "invalidPath"}},
		"no path to remove":                  {op: op{"remove", "", ""}, want: []string{"noTarget"}},
		"an unknown attribute":               {op: op{"remove", "titel", ""}, want: []string{"invalidPath"}},
		"a path that is none":                {op: op{"add", "emails[0].value", `"x"`}, want: []string{"invalidPath"}},
		"a filter that is none":              {op: op{"add", "emails[type]", `"x"`}, want: []string{"invalidFilter"}},
		"a text without path":                {op: op{"add", "", `"x"`}, want: []string{"invalidValue"}},
		"nothing without path":               {op: op{"add", "", ""}, want: []string{"invalidValue"}},
		"each fault of an object":            {op: op{"add", "", `{"titel":"x","active":"True","id":"7","name":{"color":1,"givenName":2}}`}, want: []string{"invalidValue", "mutability", "invalidPath", "invalidValue", "invalidPath"}},
		"a read-only attribute":              {op: op{"add", "groups", `[{"value":"g"}]`}, want: []string{"mutability"}},
		"its elements":                       {op: op{"remove", `groups[value eq "g"]`, ""}, want: []string{"mutability"}},
		"its sub-attributes":                 {op: op{"replace", "meta.version", `"1"`}, want: []string{"mutability"}},
		"a read-only sub-attribute":          {op: op{"replace", enterprise + ":manager.displayName", `"M"`}, want: []string{"mutability"}},
		"a required one removed":             {op: op{"remove", "userName", ""}, want: []string{"mutability"}},
		"a required one made null":           {op: op{"replace", "userName", "null"}, want: []string{"mutability"}},
		"an immutable one removed":           {op: op{"remove", skillsURN + ":badge", ""}, want: []string{"mutability"}},
		"a required sub-attribute removed":   {op: op{"remove", skillsURN + `:routingSkills[name eq "a"].name`, ""}, want: []string{"mutability"}},
		"a truth in quotes":                  {op: op{"replace", "active", `"false"`}, want: []string{"invalidValue"}},
		"a number for a text":                {op: op{"replace", "title", `1`}, want: []string{"invalidValue"}},
		"a text for a number":                {op: op{"replace", skillsURN + ":level", `"1"`}, want: []string{"invalidValue"}},
		"a fraction for an integer":          {op: op{"replace", skillsURN + ":level", `1.5`}, want: []string{"invalidValue"}},
		"a day for a point in time":          {op: op{"replace", skillsURN + ":hired", `"2026-01-31"`}, want: []string{"invalidValue"}},
		"a list for a single value":          {op: op{"replace", "title", `["a"]`}, want: []string{"invalidValue"}},
		"a text for an object":               {op: op{"replace", "name", `"a"`}, want: []string{"invalidValue"}},
		"a list for one element":             {op: op{"replace", `emails[type eq "work"]`, `[{"value":"x"}]`}, want: []string{"invalidValue"}},
		"texts for elements":                 {op: op{"add", "roles", `["a","b"]`}, want: []string{"invalidValue", "invalidValue"}},
		"a wrong type within an element":     {op: op{"add", "emails", `[{"value":"x"},{"value":7,"primary":"yes"}]`}, want: []string{"invalidValue", "invalidValue"}},
		"an unknown name within an element":  {op: op{"add", "emails", `[{"valeu":"x"}]`}, want: []string{"invalidPath"}},
		"an unknown name in an extension":    {op: op{"add", "", `{"` + enterprise + `":{"departmnet":"x"}}`}, want: []string{"invalidPath"}},
		"two primary elements":               {op: op{"add", "emails", `[{"value":"x","primary":true},{"value":"y","primary":true}]`}, want: []string{"invalidValue"}},
		"a name without value sub-attribute": {op: op{"add", skillsURN + ":routingSkills", `[{"value":"Billing"}]`}, want: []string{"invalidPath"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, e := range s.Check(scim.User, []scim.Op{{Verb: scim.Remove, Path: "title"}, tt.op}) {
				if got = append(got, e.ScimType); e.Index != 1 || e.Status != 400 {
					t.Errorf("fault %+v, want Index 1 and Status 400", e)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Check (-want +got):\n%s", diff)
			}
		})
	}
	if got := s.Check("Device", nil); len(got) != 1 {
		t.Errorf("Check of an unknown type = %v", got)
	}
}

func TestCheckNamesWhatWasMeant(t *testing.T) {
	t.Parallel()
	got := schema(t).Check(scim.User, []scim.Op{{Verb: scim.Add, Value: `{"` + enterprise + `":{"departmnet":"canary"}}`}})
	if want := "did you mean " + enterprise + ":department?"; len(got) != 1 || !strings.Contains(got[0].Detail, want) {
		t.Errorf("Check = %v, want it to say %q", got, want)
	}
}
