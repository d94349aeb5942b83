package mapping_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/mapping"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesysschema"
)

const (
	manager    scim.Path = genesysschema.EnterpriseURN + ":manager.value"
	dateHire   scim.Path = genesysschema.EnterpriseURN + ":dateHire"
	employeeNo scim.Path = genesysschema.EnterpriseURN + ":employeeNumber"
	skills     scim.Path = genesysschema.GenesysURN + ":routingSkills"
	workPhone  scim.Path = `phoneNumbers[type eq "work"].value`
)

// dialect is a small one: userNames in lower case, roles by name, no title "refused".
func dialect() target.Dialect {
	return target.Dialect{
		Schema:     genesysschema.Schema(),
		References: []scim.Path{manager},
		Sets: map[scim.Path]target.Set{
			"roles": {Sub: []string{"value"}},
			skills:  {Sub: []string{"name", "proficiency"}},
		},
		Canonical: func(p scim.Path, v scim.Value) (scim.Value, error) {
			text, isText := v.Text()
			switch {
			case p == "roles" && isText:
				return scim.ValueOf(map[string]any{"value": text}), nil
			case p == "userName":
				return scim.ValueOf(strings.ToLower(text)), nil
			case p == "title" && text == "refused":
				return "", errors.New("title cannot be that")
			}
			return v, nil
		},
	}
}

func options() mapping.Options {
	return mapping.Options{Dialect: dialect(), Timezone: time.UTC, Now: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}
}

func rule(path scim.Path, text string) mapping.Attribute {
	return mapping.Attribute{Path: path, Expr: mapping.Expr{Text: text, Label: "people." + string(path)}}
}

func columns(names ...string) []source.Column {
	out := make([]source.Column, len(names))
	for i, n := range names {
		out[i] = source.Column{Name: n, Kind: source.Text}
	}
	return out
}

// person maps one record of text columns named a, b, c.
func person(t *testing.T, rules mapping.Rules, values ...any) (mapping.Person, error) {
	t.Helper()
	m, err := mapping.Compile(rules, columns("a", "b", "c"), options())
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return m.Map(record(m, values...))
}

// record has the values of the columns a, b, c that m asks for.
func record(m *mapping.Mapping, values ...any) source.Record {
	r := source.Record{Key: "k1", Place: source.Place{Source: "hr.csv", Line: 2}}
	for _, c := range m.Columns() {
		i := slices.Index([]string{"a", "b", "c"}, c)
		if i < len(values) {
			r.Values = append(r.Values, values[i])
			continue
		}
		r.Values = append(r.Values, "")
	}
	return r
}

func TestEveryFaultIsReportedAtItsPlace(t *testing.T) {
	t.Parallel()
	cols := append(columns("FirstName", "Title", "Phone"), source.Column{Name: "Extra", Kind: source.Any}, source.Column{Name: "Age", Kind: source.Number})
	for name, tt := range map[string]struct {
		path scim.Path
		text string
		want []string
	}{
		"an unknown column":                    {"title", "row.Titel", []string{`(1:5): there is no column "Titel"; did you mean "Title"?`}},
		"an unknown column in brackets":        {"title", `row["FristName"]`, []string{`(1:5): there is no column "FristName"; did you mean "FirstName"?`}},
		"two unknown columns":                  {"title", `row.X + row.Y`, []string{`no column "X"`, `no column "Y"`}},
		"a column in the second line":          {"title", "row.Title +\n  row.Titel", []string{`(2:7): there is no column "Titel"`}},
		"a computed column":                    {"title", `row[row.Title]`, []string{"a column is named, not computed"}},
		"the row as a whole":                   {"title", `toJSON(row)`, []string{"row cannot be used as a whole"}},
		"the environment of the evaluator":     {"title", `string($env)`, []string{"$env cannot be used as a whole"}},
		"an unknown function":                  {"title", `uper(row.Title)`, []string{`nothing is called "uper"; did you mean "upper"?`}},
		"the clock":                            {"active", `now().Year() > 2000`, []string{`nothing is called "now"`}},
		"the zone of this machine":             {"title", `today.Local().String()`, []string{"no time zone of this machine"}},
		"the order of a map":                   {"roles", `keys(row.Extra)`, []string{`nothing is called "keys"`}},
		"a broken expression":                  {"title", `row.Title +`, []string{"the expression ends too early"}},
		"operands that do not fit":             {"title", `row.Title + 1`, []string{"mismatched types string and int"}},
		"text for true or false":               {"active", `row.Title`, []string{`gives text where true or false is needed: compare, as in row.Status == "Active"`}},
		"a number for text":                    {"title", `row.Age`, []string{"gives a number where text is needed: string(...)"}},
		"true or false for text":               {"title", `row.Title == ""`, []string{"gives true or false where text is needed"}},
		"text for a list":                      {"roles", `row.Title`, []string{"gives text where a list is needed: write [...] or split"}},
		"a list for text":                      {"title", `[row.Title]`, []string{"gives a list where text is needed"}},
		"a list for a reference":               {manager, `[row.Title]`, []string{"gives a list where person(...) or the id of a user is needed"}},
		"a person for text":                    {"title", `person(row.Title)`, []string{"gives an object where text is needed"}},
		"too few arguments":                    {workPhone, `phone(row.Phone)`, []string{"not enough arguments to call phone"}},
		"a number where a function needs text": {workPhone, `phone(1, "US")`, []string{"cannot use int as argument (type string)"}},
		"a country that is none":               {workPhone, `phone(row.Phone, "USA")`, []string{`(1:18): "USA" is not a country`}},
		"a layout without a year":              {dateHire, `date(row.Title, "DD.MM.")`, []string{"is not a layout with year, month and day"}},
		"an empty separator":                   {"roles", `split(row.Title, "")`, []string{"split needs a separator"}},
		"no expression":                        {"title", ``, []string{"has no expression"}},
		"an unknown attribute":                 {"titel", `row.Title`, []string{"titel"}},
		"more than may be written":             {"title", strings.Repeat("row.Title + ", 600) + `""`, []string{"exceeds maximum allowed nodes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{rule(tt.path, tt.text)}}, cols, options())
			if err == nil {
				t.Fatalf("Compile(%s) succeeded", tt.text)
			}
			if fault.Of(err) != fault.Invalid {
				t.Errorf("Compile(%s) error has kind %q, want invalid", tt.text, fault.Of(err))
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("Compile(%s) = %q, want it to contain %q", tt.text, err, w)
				}
			}
			if n := strings.Count(err.Error(), "\n") + 1; n != len(tt.want) {
				t.Errorf("Compile(%s) = %q: %d faults, want %d", tt.text, err, n, len(tt.want))
			}
		})
	}
}

func TestFaultsOfAllRulesAreJoined(t *testing.T) {
	t.Parallel()
	_, err := mapping.Compile(mapping.Rules{
		Where:      mapping.Expr{Text: `row.a`, Label: "source.where"},
		Attributes: []mapping.Attribute{rule("title", "row.x")},
		Groups:     []mapping.Group{{Name: "G", When: mapping.Expr{Text: `"yes"`, Label: "groups.G"}}},
		GroupNames: mapping.Expr{Text: `row.a`, Label: "group_names"},
		Unit:       mapping.Expr{Text: `1`, Label: "limits_by"},
	}, columns("a"), options())
	for _, label := range []string{"source.where", "people.title", "groups.G", "group_names", "limits_by"} {
		if !strings.Contains(fmt.Sprint(err), label+" (1:") {
			t.Errorf("Compile = %v, want a fault of %s", err, label)
		}
	}
}

func TestAnExcerptPointsIntoTheExpression(t *testing.T) {
	t.Parallel()
	_, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{rule("title", "row.a +\n\trow.x")}}, columns("a"), options())
	var rule *mapping.RuleError
	if !errors.As(err, &rule) {
		t.Fatalf("Compile = %v, want a RuleError", err)
	}
	if want := " row.x\n     ^"; rule.Excerpt != want {
		t.Errorf("Excerpt = %q, want %q", rule.Excerpt, want)
	}
}

func TestTodayNeedsATimeZone(t *testing.T) {
	t.Parallel()
	o := options()
	o.Timezone = nil
	_, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{rule("active", `date(row.a, "2006-01-02") >= today`)}}, columns("a"), o)
	if err == nil || !strings.Contains(err.Error(), "(1:30): today needs a time zone") {
		t.Errorf("Compile = %v, want a fault at today", err)
	}
}

func TestCheckNeedsNoColumns(t *testing.T) {
	t.Parallel()
	good := mapping.Rules{Attributes: []mapping.Attribute{rule("title", "row.Anything + row.b"), rule("active", `row.c == "1"`)}}
	if err := mapping.Check(good, options()); err != nil {
		t.Errorf("Check = %v, want nil", err)
	}
	bad := mapping.Rules{Attributes: []mapping.Attribute{rule("title", "lowr(row.Anything)"), rule("active", `"x" + `)}}
	if err := mapping.Check(bad, options()); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("Check = %v, want two faults", err)
	}
}

func TestOnlyUsedColumnsAreAskedFor(t *testing.T) {
	t.Parallel()
	m, err := mapping.Compile(mapping.Rules{
		Where:      mapping.Expr{Text: `row["Date of Hire"] != ""`, Label: "where"},
		Attributes: []mapping.Attribute{rule("title", `row.b + row.b`)},
		Groups:     []mapping.Group{{Name: "G", When: mapping.Expr{Text: `row?.a == "x"`, Label: "g"}}},
	}, columns("Salary", "a", "b", "c", "Date of Hire"), options())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "Date of Hire"}, m.Columns()); diff != "" {
		t.Errorf("Columns (-want +got):\n%s", diff)
	}
}

// known is an attribute's values as text, "-" where it is not managed.
func known(p mapping.Person, path scim.Path) string {
	values, ok := p.Row.At(path)
	if !ok {
		return "-"
	}
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	return "[" + strings.Join(out, " ") + "]"
}

func TestWhatAnExpressionGives(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path   scim.Path
		text   string
		clears bool
		row    []any
		want   string
		code   string // of the problem
	}{
		"text":                                   {path: "title", text: "row.a", row: []any{"Lead"}, want: `["Lead"]`},
		"blank text is not managed":              {path: "title", text: "row.a", row: []any{" "}, want: "-"},
		"nil is not managed":                     {path: "title", text: "row.a", row: []any{nil}, want: "-"},
		"a name of blank parts is not managed":   {path: "displayName", text: `row.a + " " + row.b`, row: []any{"", ""}, want: "-"},
		"blank clears where that is said":        {path: "title", text: "row.a", clears: true, row: []any{""}, want: "[]"},
		"the dialect's form":                     {path: "userName", text: "row.a", row: []any{"Kim@Example.com"}, want: `["kim@example.com"]`},
		"what the dialect refuses is a problem":  {path: "title", text: "row.a", row: []any{"refused"}, want: "-", code: "bad-value"},
		"a refused value never clears":           {path: "title", text: "row.a", clears: true, row: []any{"refused"}, want: "-", code: "bad-value"},
		"a condition":                            {path: "active", text: `row.a == "1"`, row: []any{"0"}, want: "[false]"},
		"the empty set":                          {path: "roles", text: `row.a == "x" ? ["A"] : []`, row: []any{"y"}, want: "[]"},
		"a set in canonical order, each once":    {path: "roles", text: `["B", "A", "B"]`, want: `[{"value":"A"} {"value":"B"}]`},
		"a list of blank cells is not managed":   {path: "roles", text: `[row.a, row.b]`, row: []any{"", " "}, want: "-"},
		"blank elements are dropped":             {path: "roles", text: `[row.a, "A"]`, row: []any{""}, want: `[{"value":"A"}]`},
		"split trims and drops":                  {path: "roles", text: `split(row.a, ";")`, row: []any{" A ;; B;"}, want: `[{"value":"A"} {"value":"B"}]`},
		"split of nothing is not managed":        {path: "roles", text: `split(row.a, ";")`, row: []any{" ; "}, want: "-"},
		"skills":                                 {path: skills, text: `skills(row.a)`, row: []any{"Billing:3; Spanish:4.5"}, want: `[{"name":"Billing","proficiency":3} {"name":"Spanish","proficiency":4.5}]`},
		"a skill whose name holds a colon":       {path: skills, text: `skills(row.a)`, row: []any{"A:B:3"}, want: `[{"name":"A:B","proficiency":3}]`},
		"no skills":                              {path: skills, text: `skills(row.a)`, row: []any{""}, want: "-"},
		"a skill without proficiency":            {path: skills, text: `skills(row.a)`, row: []any{"Billing"}, want: "-", code: "bad-value"},
		"a proficiency out of range":             {path: skills, text: `skills(row.a)`, row: []any{"Billing:6"}, want: "-", code: "bad-value"},
		"a proficiency that is no number":        {path: skills, text: `skills(row.a)`, row: []any{"Billing:NaN"}, want: "-", code: "bad-value"},
		"one skill twice":                        {path: skills, text: `skills(row.a)`, row: []any{"A:1;A:2"}, want: "-", code: "bad-value"},
		"a person":                               {path: manager, text: `person(row.a)`, row: []any{"e7"}, want: `[{"$person":"e7"}]`},
		"nobody":                                 {path: manager, text: `person(row.a)`, row: []any{""}, want: "-"},
		"nobody, where that clears":              {path: manager, text: `person(row.a)`, clears: true, row: []any{""}, want: "[]"},
		"a date":                                 {path: dateHire, text: `date(row.a, "DD.MM.YYYY")`, row: []any{"09.03.2026"}, want: `["2026-03-09"]`},
		"a date in Go's layout":                  {path: dateHire, text: `date(row.a, "1/2/2006")`, row: []any{"3/9/2026"}, want: `["2026-03-09"]`},
		"no date":                                {path: dateHire, text: `date(row.a, "2006-01-02")`, row: []any{""}, want: "-"},
		"a number is made text by string":        {path: employeeNo, text: `string(12)`, want: `["12"]`},
		"a leave date counts to the end":         {path: "active", text: `date(row.a, "YYYY-MM-DD") >= today`, row: []any{"2026-03-10"}, want: "[true]"},
		"a leave date has passed on the next":    {path: "active", text: `date(row.a, "YYYY-MM-DD") >= today`, row: []any{"2026-03-09"}, want: "[false]"},
		"a phone":                                {path: workPhone, text: `phone(row.a, "US")`, row: []any{"(320) 555-0195"}, want: `["+13205550195"]`},
		"a phone with the country code":          {path: workPhone, text: `phone(row.a, "US")`, row: []any{"1-320-555-0195"}, want: `["+13205550195"]`},
		"a phone from abroad":                    {path: workPhone, text: `phone(row.a, "US")`, row: []any{"+49 30 901820"}, want: `["+4930901820"]`},
		"a phone with an international prefix":   {path: workPhone, text: `phone(row.a, "DE")`, row: []any{"0049 30 901820"}, want: `["+4930901820"]`},
		"a phone with a trunk prefix":            {path: workPhone, text: `phone(row.a, "DE")`, row: []any{"030 / 90 18 20"}, want: `["+4930901820"]`},
		"a trunk prefix that is not dialed":      {path: workPhone, text: `phone(row.a, "US")`, row: []any{"+44 (0)20 7946 0958"}, want: `["+442079460958"]`},
		"an Italian phone keeps its zero":        {path: workPhone, text: `phone(row.a, "IT")`, row: []any{"06 6982 0000"}, want: `["+390669820000"]`},
		"a phone with an extension":              {path: workPhone, text: `phone(row.a, "US")`, row: []any{"320-555-0195 x12"}, want: `["+13205550195;ext=12"]`},
		"a tel URI":                              {path: workPhone, text: `phone(row.a, "US")`, row: []any{"tel:+1-320-555-0195;ext=12"}, want: `["+13205550195;ext=12"]`},
		"a tel URI as the service writes it":     {path: workPhone, text: `phone(row.a, "US")`, row: []any{"tel:+12122002927; ext=3927"}, want: `["+12122002927;ext=3927"]`},
		"active, said":                           {path: "active", text: `row.a == "Y" ? true : row.a == "N" ? false : nil`, row: []any{"N"}, want: `[false]`},
		"active, not said":                       {path: "active", text: `row.a == "Y" ? true : row.a == "N" ? false : nil`, row: []any{""}, want: "-"},
		"a phone the plan cannot hold":           {path: workPhone, text: `phone(row.a, "US")`, row: []any{"150-555-0189"}, want: "-", code: "bad-phone"},
		"a phone that would become another":      {path: workPhone, text: `phone(row.a, "US")`, row: []any{"1 (11) 500 555-0117"}, want: "-", code: "bad-phone"},
		"a phone of letters":                     {path: workPhone, text: `phone(row.a, "US")`, row: []any{"none"}, want: "-", code: "bad-phone"},
		"an unusable phone never clears":         {path: workPhone, text: `phone(row.a, "US")`, clears: true, row: []any{"none"}, want: "-", code: "bad-phone"},
		"no phone":                               {path: workPhone, text: `phone(row.a, "US")`, clears: true, row: []any{""}, want: "[]"},
		"a country from a column":                {path: workPhone, text: `phone(row.a, row.b)`, row: []any{"030 901820", "de"}, want: `["+4930901820"]`},
		"a second phone, where the first is bad": {path: workPhone, text: `phone(row.a, "US") ?? phone(row.b, "US")`, row: []any{"none", "320-555-0195"}, want: `["+13205550195"]`, code: "bad-phone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := rule(tt.path, tt.text)
			a.EmptyClears = tt.clears
			p, err := person(t, mapping.Rules{Attributes: []mapping.Attribute{a}}, tt.row...)
			if err != nil {
				t.Fatalf("Map: %v", err)
			}
			if got := known(p, tt.path); got != tt.want {
				t.Errorf("%s of %v = %s, want %s", tt.text, tt.row, got, tt.want)
			}
			code := ""
			if len(p.Problems) > 0 {
				code = p.Problems[0].Code
				if p.Problems[0].Path != tt.path {
					t.Errorf("problem at %s, want %s", p.Problems[0].Path, tt.path)
				}
			}
			if code != tt.code {
				t.Errorf("problems = %v, want code %q", p.Problems, tt.code)
			}
		})
	}
}

func TestAFailingExpressionSpoilsOnePersonWithoutTellingValues(t *testing.T) {
	t.Parallel()
	const canary = "4711-canary"
	for name, tt := range map[string]struct{ path, text, want string }{
		"no number":                 {string(employeeNo), `string(int(row.a))`, "cannot be computed from this record's values"},
		"no date":                   {string(dateHire), `date(row.a, "YYYY-MM-DD")`, "is not a date of the layout YYYY-MM-DD"},
		"an index beyond the end":   {"title", `split(row.a, "-")[9]`, "index out of range"},
		"no JSON":                   {"title", `fromJSON(row.a).x`, "cannot be computed"},
		"the wrong type at run":     {"title", `fromJSON("1" + row.b)`, "gives a number where text is needed"},
		"no bool at run":            {"active", `fromJSON("[" + row.b + "]")`, "gives a list where true or false is needed"},
		"many loops":                {"title", `let r = 1..1000; string(sum(r, sum(r, #)))`, "too many steps"},
		"a great range":             {"title", `string(len(1..100000000))`, "memory budget exceeded"},
		"a text that grows":         {"title", `reduce(1..64, #acc + #acc, row.a)`, "too long"},
		"variables that grow":       {"title", `let x = repeat(row.a, 60000); let y = x + x + x; y`, "too long"},
		"a list of too many pieces": {"roles", `split(repeat(row.a + ";", 2000), ";")`, "too many parts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := person(t, mapping.Rules{Attributes: []mapping.Attribute{rule("displayName", "row.a"), rule(scim.Path(tt.path), tt.text)}}, canary)
			var bad *source.RecordError
			if !errors.As(err, &bad) || bad.Key != "k1" || bad.Place.Line != 2 {
				t.Fatalf("Map = %v, want a RecordError with key and place", err)
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "4711") {
				t.Errorf("Map error = %q, want %q and no value", err, tt.want)
			}
			if _, ok := p.Row.At("displayName"); ok || p.In {
				t.Error("the spoiled person has attributes")
			}
		})
	}
}

func TestASpoiledPersonLeavesNothingToTheNext(t *testing.T) {
	t.Parallel()
	m, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{
		rule("title", `row.a`), rule(employeeNo, `row.b == "" ? "" : string(int(row.b))`),
	}}, columns("a", "b", "c"), options())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Map(record(m, "Lead", "x")); err == nil {
		t.Fatal("Map of a bad record succeeded")
	}
	p, err := m.Map(record(m, "", "12"))
	if err != nil {
		t.Fatal(err)
	}
	if got := known(p, "title") + known(p, employeeNo); got != `-["12"]` {
		t.Errorf("after a bad record: %s", got)
	}
}

func TestWhoIsOutOfScopeIsNotLookedAt(t *testing.T) {
	t.Parallel()
	rules := mapping.Rules{
		Where:      mapping.Expr{Text: `row.a == "in"`, Label: "where"},
		Attributes: []mapping.Attribute{rule("title", `string(int(row.b))`)},
	}
	p, err := person(t, rules, "out", "not a number")
	if err != nil || p.In || p.Key != "k1" {
		t.Errorf("Map = %+v, %v; want a person out of scope", p, err)
	}
}

func TestGroupsAndUnit(t *testing.T) {
	t.Parallel()
	rules := mapping.Rules{
		Groups: []mapping.Group{
			{Name: "Zulu", When: mapping.Expr{Text: `row.a contains "Z"`, Label: "z"}},
			{Name: "Alpha", When: mapping.Expr{Text: `true`, Label: "a"}},
		},
		GroupNames: mapping.Expr{Text: `split(row.b, ";")`, Label: "names"},
		Unit:       mapping.Expr{Text: `row.c`, Label: "unit"},
	}
	p, err := person(t, rules, "Z", "Night Shift; Alpha", "Sales")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Alpha", "Night Shift", "Zulu"}, p.Groups); diff != "" || !p.Named || p.Unit != "Sales" {
		t.Errorf("Named %v, Unit %q, Groups (-want +got):\n%s", p.Named, p.Unit, diff)
	}
	if p, err = person(t, rules, "", "", ""); err != nil || p.Named || len(p.Groups) != 1 {
		t.Errorf("a blank cell: %+v, %v; want names unknown", p, err)
	}
}

func TestJSONColumns(t *testing.T) {
	t.Parallel()
	cols := []source.Column{{Name: "mail", Kind: source.Any}, {Name: "age", Kind: source.Number}, {Name: "on", Kind: source.Bool}, {Name: "teams", Kind: source.Any}}
	m, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{
		rule("userName", "lower(row.mail)"), rule("active", "row.on"), rule(employeeNo, "string(row.age)"),
		rule("roles", `map(filter(row.teams ?? [], .lead), .name)`),
	}}, cols, options())
	if err != nil {
		t.Fatal(err)
	}
	teams := []any{map[string]any{"name": "A", "lead": true}, map[string]any{"name": "B", "lead": false}}
	p, err := m.Map(source.Record{Key: "1", Values: []any{"X@Y.Z", 12345678.0, true, teams}})
	if err != nil {
		t.Fatal(err)
	}
	if got := known(p, "userName") + known(p, "active") + known(p, employeeNo) + known(p, "roles"); got != `["x@y.z"][true]["12345678"][{"value":"A"}]` {
		t.Errorf("Map = %s", got)
	}
	p, err = m.Map(source.Record{Key: "1", Values: []any{nil, nil, nil, nil}})
	if err == nil && known(p, "userName") != "-" {
		t.Errorf("absent members: %s, %v", known(p, "userName"), err)
	}
}

func TestTodayIsTheDayInTheTimeZone(t *testing.T) {
	t.Parallel()
	o := options()
	o.Timezone, o.Now = time.FixedZone("east", 14*3600), time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	m, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{rule(dateHire, "today")}}, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Map(source.Record{})
	if got := known(p, dateHire); err != nil || got != `["2026-03-11"]` || m.Today() != "2026-03-11" {
		t.Errorf("today = %s, Today() = %s, %v", got, m.Today(), err)
	}
}

func TestTheShapeHasRoomForMatchKeys(t *testing.T) {
	t.Parallel()
	o := options()
	o.Also = []scim.Path{"userName", "title"}
	m, err := mapping.Compile(mapping.Rules{Attributes: []mapping.Attribute{rule("title", "row.a")}}, columns("a"), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]scim.Path{"title", "userName"}, m.Shape().Paths()); diff != "" {
		t.Errorf("Shape (-want +got):\n%s", diff)
	}
}
