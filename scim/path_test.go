package scim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/scim"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

func TestParsePath(t *testing.T) {
	t.Parallel()
	type parts struct{ urn, attr, filter, sub string }
	for name, tt := range map[string]struct {
		in   string
		want parts
		path scim.Path // "" where it is in
	}{
		"RFC 7644 figure 7: an attribute":                     {in: "members", want: parts{attr: "members"}},
		"RFC 7644 figure 7: a sub-attribute":                  {in: "name.familyName", want: parts{attr: "name", sub: "familyName"}},
		"RFC 7644 figure 7: a value filter":                   {in: `addresses[type eq "work"]`, want: parts{attr: "addresses", filter: `type eq "work"`}},
		"RFC 7644 figure 7: members by value":                 {in: `members[value eq "2819c223-7f76-453a-919d-413861904646"]`, want: parts{attr: "members", filter: `value eq "2819c223-7f76-453a-919d-413861904646"`}},
		"RFC 7644 figure 7: a sub-attribute behind a filter":  {in: `members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName`, want: parts{attr: "members", filter: `value eq "2819c223-7f76-453a-919d-413861904646"`, sub: "displayName"}},
		"RFC 7644 §3.10: a core attribute with its URN":       {in: "urn:ietf:params:scim:schemas:core:2.0:User:userName", want: parts{urn: "urn:ietf:params:scim:schemas:core:2.0:User", attr: "userName"}},
		"RFC 7644 §3.10: an extension attribute":              {in: enterprise + ":employeeNumber", want: parts{urn: enterprise, attr: "employeeNumber"}},
		"RFC 7644 §3.10: its sub-attribute":                   {in: enterprise + ":manager.displayName", want: parts{urn: enterprise, attr: "manager", sub: "displayName"}},
		"an extension":                                        {in: enterprise, want: parts{urn: enterprise}},
		"an extension attribute with a filter":                {in: `urn:x:genesys:2.0:User:routingSkills[name eq "Billing"].proficiency`, want: parts{urn: "urn:x:genesys:2.0:User", attr: "routingSkills", filter: `name eq "Billing"`, sub: "proficiency"}},
		"a schema whose URN ends in a version, with a filter": {in: `urn:x:badges:1.0:badge[id eq 1]`, want: parts{urn: "urn:x:badges:1.0", attr: "badge", filter: "id eq 1"}},
		"a reference": {in: "members.$ref", want: parts{attr: "members", sub: "$ref"}},
		"a dot, a bracket and a colon within a value": {in: `emails[value eq "a.b]:c"].type`, want: parts{attr: "emails", filter: `value eq "a.b]:c"`, sub: "type"}},
		"spaces are made canonical":                   {in: `emails[ type  EQ  "work" ]`, want: parts{attr: "emails", filter: `type eq "work"`}, path: `emails[type eq "work"]`},
		"strings are made canonical":                  {in: `emails[type eq "\u0077ork"]`, want: parts{attr: "emails", filter: `type eq "work"`}, path: `emails[type eq "work"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := scim.ParsePath(tt.in)
			if err != nil {
				t.Fatalf("ParsePath(%q): %v", tt.in, err)
			}
			if tt.path == "" {
				tt.path = scim.Path(tt.in)
			}
			if got != tt.path {
				t.Errorf("ParsePath(%q) = %q, want %q", tt.in, got, tt.path)
			}
			p := got.Parts()
			if diff := cmp.Diff(tt.want, parts{p.URN, p.Attr, p.Filter.String(), p.Sub}, cmp.AllowUnexported(parts{})); diff != "" {
				t.Errorf("Parts (-want +got):\n%s", diff)
			}
			if back := p.Path(); back != got {
				t.Errorf("Parts().Path() = %q, want %q", back, got)
			}
		})
	}
}

func TestParsePathRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, scimType, says string }{
		"nothing":                              {"", "invalidPath", "empty"},
		"a space":                              {"user Name", "invalidPath", "not an attribute name"},
		"a number":                             {"1st", "invalidPath", "not an attribute name"},
		"two dots":                             {"a.b.c", "invalidPath", "sub-attributes"},
		"a dot at the end":                     {"name.", "invalidPath", "sub-attribute name"},
		"an index":                             {"emails[0].value", "invalidPath", "SCIM has no indexes"},
		"a filter behind a sub-attribute":      {`a.b[c eq "d"]`, "invalidPath", "cannot have a value filter"},
		"two filters":                          {`a[b eq 1][c eq 2]`, "invalidPath", "one sub-attribute"},
		"a filter without attribute":           {`[type eq "work"]`, "invalidPath", "empty"},
		"text behind the filter":               {`a[b eq 1]c`, "invalidPath", "one sub-attribute"},
		"a filter within a filter":             {`a[b[c eq 1]]`, "invalidFilter", "no value filter may stand here"},
		"an open bracket":                      {`a[b eq 1`, "invalidFilter", "expected ]"},
		"empty brackets":                       {`a[]`, "invalidFilter", "expected an attribute path"},
		"a value without quotes":               {`emails[type eq work]`, "invalidFilter", "offset 15"},
		"a colon without URN":                  {":userName", "invalidPath", "URN"},
		"a quote within a URN":                 {`urn:a"b:c`, "invalidPath", "URN"},
		"a URN of one word":                    {"User:userName", "invalidPath", "URN"},
		"a path of slashes":                    {"/name/familyName", "invalidPath", "not an attribute name"},
		"a long dash where a minus should be.": {"a—b", "invalidPath", "not an attribute name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := scim.ParsePath(tt.in)
			var e *scim.Error
			if !errors.As(err, &e) {
				t.Fatalf("ParsePath(%q) = %q, %v, want an *Error", tt.in, got, err)
			}
			if e.ScimType != tt.scimType || e.Status != 400 || e.Index != -1 || !strings.Contains(e.Detail, tt.says) {
				t.Errorf("ParsePath(%q): %+v, want %s that says %q", tt.in, e, tt.scimType, tt.says)
			}
			if fault.Of(err) != fault.Invalid {
				t.Errorf("kind = %v, want invalid", fault.Of(err))
			}
		})
	}
}

func TestErrorsOfPathsHoldNoValues(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`emails[value eq "canary" or]`, `emails[value eq "canary"]x`, `emails[value eq canary]`, `a.b[value eq "canary"]`} {
		if _, err := scim.ParsePath(in); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("ParsePath(%q): %v, want an error without the value", in, err)
		}
	}
}

func TestElementPath(t *testing.T) {
	t.Parallel()
	for want, got := range map[scim.Path]scim.Path{
		`roles[value eq "Sales Agent"]`:                           scim.ElementPath("roles", "value", `{"value":"Sales Agent"}`),
		`urn:x:2.0:User:routingSkills[name eq "The \"Big\" One"]`: scim.ElementPath("urn:x:2.0:User:routingSkills", "name", `{"name":"The \"Big\" One","proficiency":3}`),
		`emails[primary eq true]`:                                 scim.ElementPath("emails", "primary", `{"primary":true}`),
		`schemas[value eq "urn:a"]`:                               scim.ElementPath("schemas", "value", `"urn:a"`),
		`emails[type eq null]`:                                    scim.ElementPath("emails", "type", `{"value":"a"}`),
	} {
		if got != want {
			t.Errorf("ElementPath = %q, want %q", got, want)
		}
		if again, err := scim.ParsePath(string(got)); err != nil || again != got {
			t.Errorf("ParsePath(%q) = %q, %v", got, again, err)
		}
	}
}

func TestMustPathPanics(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(){
		"MustPath": func() { scim.MustPath("a b") },
		"Parts":    func() { scim.Path("a[").Parts() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			do()
		}()
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{`emails[type eq "work"].value`, enterprise + ":manager.value", enterprise, `a[b eq 1.0 or not (c pr)].d`, `a[b eq "\ud800"]`, `x:y:1.0:z`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := scim.ParsePath(text)
		if err != nil {
			return
		}
		again, err := scim.ParsePath(string(p))
		if err != nil || again != p {
			t.Fatalf("ParsePath(%q) = %q, which parses to %q, %v", text, p, again, err)
		}
		if back := p.Parts().Path(); back != p {
			t.Fatalf("%q.Parts().Path() = %q", p, back)
		}
	})
}
