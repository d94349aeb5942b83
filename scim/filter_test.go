package scim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scim"
)

// TestFiltersOfTheRFC has the examples of RFC 7644 §3.4.2.2, asked of the user of RFC 7643 §8.3.
func TestFiltersOfTheRFC(t *testing.T) {
	t.Parallel()
	u, s := user(t), schema(t)
	for filter, want := range map[string]bool{
		`userName eq "bjensen"`:             false,
		`userName eq "bjensen@example.com"`: true,
		`name.familyName co "O'Malley"`:     false,
		`name.familyName co "ENS"`:          true,
		`userName sw "J"`:                   false,
		`userName sw "B"`:                   true,

		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b"`: true,
		`title pr`: true,

		`meta.lastModified gt "2011-05-13T04:42:34Z"`:                                                                  false,
		`meta.lastModified ge "2011-05-13T04:42:34Z"`:                                                                  true,
		`meta.lastModified lt "2011-05-13T04:42:34Z"`:                                                                  false,
		`meta.lastModified le "2011-05-13T04:42:34Z"`:                                                                  true,
		`title pr and userType eq "Employee"`:                                                                          true,
		`title pr or userType eq "Intern"`:                                                                             true,
		`schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`:                                      true,
		`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`:                        true,
		`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`:                    false,
		`userType eq "Employee" and emails.type eq "work"`:                                                             true,
		`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`:                                true,
		`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`:            true,
		`emails[type eq "home" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`:            false,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "701984"`:                        true,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.displayName sw "john"`:                     true,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "26118915-6090-4610-87e4-49d8ca9f808d"`: true,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr`:                                                true,
	} {
		f, err := scim.ParseFilter(filter, scim.FilterOptions{})
		if err != nil {
			t.Errorf("ParseFilter(%s): %v", filter, err)
			continue
		}
		if f.String() != filter {
			t.Errorf("String() = %s, want %s", f, filter)
		}
		if got := f.Match(u.Attrs, "", s); got != want {
			t.Errorf("%s: Match = %v, want %v", filter, got, want)
		}
	}
}

func TestFilterSemantics(t *testing.T) {
	t.Parallel()
	s := schema(t)
	with := `{"userName":"Jo","externalId":"AbC","active":false,"title":"","nickName":null,"displayName":"José Straße",
		"emails":[{"type":"work","value":"a@x.com"},{"type":"home","value":"b@y.org","primary":true}],"roles":[],
		"meta":{"created":"2020-01-01T10:00:00+02:00"},
		"` + skillsURN + `":{"level":9007199254740993,"tags":["Red","green"],"routingSkills":[{"name":"Billing","proficiency":3.5}]}}`
	for name, tt := range map[string]struct {
		filter string
		want   bool
	}{
		"and binds closer than or":                      {`userName eq "jo" or userName eq "x" and active eq true`, true},
		"parentheses bind closest":                      {`(userName eq "jo" or userName eq "x") and active eq true`, false},
		"not is about its parentheses":                  {`not (active eq true) and userName eq "jo"`, true},
		"operators and names in any case":               {`USERNAME Eq "jo" AND NOT (Active EQ true)`, true},
		"strings are compared without case":             {`userName eq "JO"`, true},
		"but for caseExact":                             {`externalId eq "abc"`, false},
		"caseExact, same case":                          {`externalId eq "AbC"`, true},
		"caseExact of a sub-attribute":                  {skillsURN + `:routingSkills[name eq "billing"]`, false},
		"composed and decomposed are equal":             {"displayName sw \"Jose\u0301\"", true},
		"a sharp s has its own capital only":            {`displayName ew "STRASSE"`, false},
		"accents fold":                                  {`displayName sw "JOSÉ"`, true},
		"an empty string is not present":                {`title pr`, false},
		"null is not present":                           {`nickName pr`, false},
		"an empty list is not present":                  {`roles pr`, false},
		"false is present":                              {`active pr`, true},
		"nothing is not present":                        {`locale pr`, false},
		"absent equals null":                            {`locale eq null`, true},
		"null equals null":                              {`nickName eq null`, true},
		"present does not equal null":                   {`userName eq null`, false},
		"present is unequal to null":                    {`userName ne null`, true},
		"absent is unequal to a value":                  {`locale ne "en"`, true},
		"absent contains nothing":                       {`locale co ""`, false},
		"absent is not smaller":                         {`locale lt "z"`, false},
		"any element is enough":                         {`emails.value ew "y.org"`, true},
		"any element, unequal too":                      {`emails.type ne "work"`, true},
		"a complex value stands for its value":          {`emails eq "B@Y.ORG"`, true},
		"brackets bind one element":                     {`emails[type eq "work" and value ew "y.org"]`, false},
		"without brackets any does for each":            {`emails.type eq "work" and emails.value ew "y.org"`, true},
		"or within brackets":                            {`emails[type eq "other" or primary eq true]`, true},
		"not within brackets":                           {`emails[not (type eq "work") and value sw "a"]`, false},
		"a sub-attribute behind brackets":               {`emails[type eq "home"].value eq "b@y.org"`, true},
		"a sub-attribute behind brackets, other":        {`emails[type eq "home"].value eq "a@x.com"`, false},
		"simple elements are their value":               {skillsURN + `:tags[value eq "red"]`, true},
		"simple elements":                               {skillsURN + `:tags co "ree"`, true},
		"numbers compare as numbers":                    {skillsURN + `:routingSkills[proficiency gt 3.49 and proficiency lt 3.51]`, true},
		"large numbers are exact":                       {skillsURN + `:level eq 9007199254740992`, false},
		"large numbers are equal to themselves":         {skillsURN + `:level eq 9007199254740993`, true},
		"an integer equals its decimal":                 {skillsURN + `:routingSkills.proficiency le 3.50`, true},
		"a number is not a string":                      {skillsURN + `:level eq "9007199254740993"`, false},
		"and unequal to one":                            {skillsURN + `:level ne "9"`, true},
		"numbers contain nothing":                       {skillsURN + `:level co 9`, false},
		"dates in other zones":                          {`meta.created eq "2020-01-01T08:00:00Z"`, true},
		"dates have an order":                           {`meta.created gt "2020-01-01T07:59:59.999Z"`, true},
		"dates without zone are UTC":                    {`meta.created eq "2020-01-01T08:00:00"`, true},
		"booleans":                                      {`active ne true`, true},
		"a boolean is not a string":                     {`active eq "false"`, false},
		"an unknown attribute is absent":                {`favoriteColor eq "red"`, false},
		"an unknown extension is absent":                {`urn:none:1.0:User:x pr`, false},
		"a sub-attribute of a simple one is absent":     {`userName.x pr`, false},
		"an escaped quote":                              {`userName ne "a\"b"`, true},
		"parentheses around all":                        {`((userName eq "jo"))`, true},
		"spaces around":                                 {`  userName  eq  "jo"  `, true},
		"a name that looks like an operator, in a path": {`not.x pr`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := scim.ParseFilter(tt.filter, scim.FilterOptions{})
			if err != nil {
				t.Fatalf("ParseFilter(%s): %v", tt.filter, err)
			}
			if got := f.Match(attrs(t, with), "", s); got != tt.want {
				t.Errorf("%s: Match = %v, want %v", tt.filter, got, tt.want)
			}
			again, err := scim.ParseFilter(f.String(), scim.FilterOptions{})
			if err != nil || again.Match(attrs(t, with), "", s) != tt.want {
				t.Errorf("%s: its text %s, %v means something else", tt.filter, f, err)
			}
		})
	}
}

func TestParseFilterRefuses(t *testing.T) {
	t.Parallel()
	for filter, says := range map[string]string{
		``:                                 "offset 0",
		`userName`:                         "offset 8",
		`userName eq`:                      "offset 11",
		`userName eq jo`:                   "offset 12",
		`userName eq 'jo'`:                 "offset 12",
		`userName eq "jo`:                  "offset 12",
		`userName eq "jo" and`:             "offset 17",
		`userName eq "jo" xor title pr`:    "offset 17",
		`userName eq "jo" title pr`:        "offset 17",
		`userName is "jo"`:                 "expected an operator",
		`(userName eq "jo"`:                "expected )",
		`userName eq "jo")`:                "offset 16",
		`emails[type eq "work"`:            "expected ]",
		`emails[type eq "work"].`:          "sub-attribute",
		`emails[a[b pr]]`:                  "no value filter",
		`name.x[b pr]`:                     "no value filter",
		`active gt true`:                   "order",
		`active le null`:                   "order",
		`userName eq {"a":1}`:              "offset 12",
		`userName eq True`:                 "offset 12",
		`user name eq "a"`:                 "expected an operator",
		`"userName" eq "a"`:                "offset 0",
		`not userName eq "a"`:              "expected an operator",
		`title pr "x"`:                     "offset 9",
		`title pr and()`:                   "offset 13",
		`a.b.c pr`:                         "offset 0",
		strings.Repeat("(", 1000) + "a pr": "too many",
	} {
		_, err := scim.ParseFilter(filter, scim.FilterOptions{})
		if got := scimType(t, err); got != "invalidFilter" {
			t.Errorf("ParseFilter(%.40s): scimType %q, want invalidFilter", filter, got)
			continue
		}
		if !strings.Contains(err.Error(), says) {
			t.Errorf("ParseFilter(%.40s): %v, want it to say %q", filter, err, says)
		}
	}
}

func TestBareValues(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]string{
		`userName eq jo@example.com`:                               `userName eq "jo@example.com"`,
		`userName eq "jo@example.com"`:                             `userName eq "jo@example.com"`,
		`displayname eq Night Shift`:                               `displayname eq "Night Shift"`,
		`division eq Research and Development`:                     `division eq "Research and Development"`,
		`division eq Research and Development and active eq false`: `division eq "Research and Development" and active eq false`,
		`division eq Rock or Roll or active eq TRUE`:               `division eq "Rock or Roll" or active eq true`,
		`a eq x and (b eq y)`:                                      `a eq "x" and b eq "y"`,
		`a eq x and not (b eq y)`:                                  `a eq "x" and not (b eq "y")`,
		`a eq x and b pr`:                                          `a eq "x" and b pr`,
		`a eq x and emails[type eq work]`:                          `a eq "x" and emails[type eq "work"]`,
		`(a eq x y or b eq z)`:                                     `a eq "x y" or b eq "z"`,
		`a eq x (y)`:                                               `a eq "x (y)"`,
		`ids[authority eq a b and value eq c]`:                     `ids[authority eq "a b" and value eq "c"]`,
		`active eq false`:                                          `active eq false`,
		`title eq Null`:                                            `title eq null`,
		`externalId eq 0042`:                                       `externalId eq "0042"`,
		`displayName eq O'Hara "Scarlett"`:                         `displayName eq "O'Hara \"Scarlett\""`,
		`displayName eq Tom  and Jerry  `:                          `displayName eq "Tom  and Jerry"`,
	} {
		f, err := scim.ParseFilter(filter, scim.FilterOptions{BareValues: true})
		if err != nil || f.String() != want {
			t.Errorf("ParseFilter(%s) = %s, %v, want %s", filter, f, err, want)
		}
	}
	f, err := scim.ParseFilter(skillsURN+`:level ge 41.5`, scim.FilterOptions{BareValues: true})
	if err != nil || !f.Match(map[string]any{skillsURN: map[string]any{"level": 42.0}}, "", nil) {
		t.Errorf("a number attribute does not match a bare number: %v", err)
	}
	if _, err := scim.ParseFilter(`a eq and b eq x`, scim.FilterOptions{BareValues: true}); err != nil {
		t.Errorf("a bare value may be the word and: %v", err)
	}
	if _, err := scim.ParseFilter(`a eq  `, scim.FilterOptions{BareValues: true}); err == nil {
		t.Error("a filter without value is accepted")
	}
}

func TestEqualities(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]map[scim.Path]scim.Value{
		`userName eq "a"`:                     {"userName": `"a"`},
		`userName eq "a" and active eq false`: {"userName": `"a"`, "active": `false`},
		`(a eq 1 and b eq 2) and c eq 3`:      {"a": `1`, "b": `2`, "c": `3`},
		enterprise + `:manager.value eq "x"`:  {enterprise + ":manager.value": `"x"`},
		`a eq 1 and a eq 2`:                   nil,
		`a eq 1 or b eq 2`:                    nil,
		`a ne 1`:                              nil,
		`a eq 1 and b pr`:                     nil,
		`not (a eq 1)`:                        nil,
		`emails[type eq "work"]`:              nil,
	} {
		f, err := scim.ParseFilter(filter, scim.FilterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := f.Equalities()
		if ok != (want != nil) || ok && !cmp.Equal(want, got) {
			t.Errorf("%s: Equalities() = %v, %v, want %v", filter, got, ok, want)
		}
		attr, value, one := f.Equality()
		if one != (len(want) == 1) || one && want[attr] != value {
			t.Errorf("%s: Equality() = %s, %s, %v", filter, attr, value, one)
		}
	}
	var none *scim.Filter
	if _, _, ok := none.Equality(); ok || none.String() != "" || !none.Match(nil, "", nil) {
		t.Error("a nil Filter is not the empty one")
	}
}

func TestMatchOfElements(t *testing.T) {
	t.Parallel()
	s := schema(t)
	p := scim.MustPath(skillsURN + `:routingSkills[name eq "Billing"]`)
	at := scim.Path(skillsURN + ":routingSkills")
	for name, want := range map[string]bool{"Billing": true, "billing": false} {
		if got := p.Parts().Filter.Match(map[string]any{"name": name}, at, s); got != want {
			t.Errorf("Match(%s) = %v, want %v: the schema says caseExact", name, got, want)
		}
	}
	if !p.Parts().Filter.Match(map[string]any{"NAME": "billing"}, "", nil) {
		t.Error("without schema case matters")
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`, `not (a pr) or b[c eq 1 and not (d ne null)]`,
		`a[b eq "c"].d sw "e"`, `a eq Research and Development and b pr`, `x:y:1.0:z le 1e5`, `a eq 2020-01-01T00:00:00Z`,
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	sample := map[string]any{"a": "x", "b": []any{map[string]any{"c": 1.0}}, "emails": []any{"q"}, "name": map[string]any{"value": true}}
	f.Fuzz(func(t *testing.T, text string, bare bool) {
		got, err := scim.ParseFilter(text, scim.FilterOptions{BareValues: bare})
		if err != nil {
			return
		}
		again, err := scim.ParseFilter(got.String(), scim.FilterOptions{})
		if err != nil || again.String() != got.String() {
			t.Fatalf("ParseFilter(%q) = %q, which parses to %q, %v", text, got, again, err)
		}
		if !bare && got.Match(sample, "", nil) != again.Match(sample, "", nil) {
			t.Fatalf("%q and its text %q differ in meaning", text, got)
		}
	})
}
