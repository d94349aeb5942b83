package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"rollcall/fault"
	"rollcall/internal/config"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target/genesys"
	"rollcall/target/genesysschema"
)

const (
	enterprise = genesysschema.EnterpriseURN + ":"
	extension  = genesysschema.GenesysURN + ":"
	canary     = "canary-5ecret"
)

// least is the shortest configuration that stands on its own.
const least = `source: {file: hr.csv, key: Id}
target: {genesys: {region: mypurecloud.de, client_id: c, client_secret: env:SECRET}}
people:
  externalId: row.Id
  userName: row.Mail
  displayName: row.Name
`

func vars(pairs ...string) config.Env {
	set := map[string]string{"SECRET": canary, "LEDGER_KEY": canary, "CLIENT": "client-1"}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return config.Env{
		Lookup:   func(name string) (string, bool) { v, ok := set[name]; return v, ok },
		ReadFile: func(path string) ([]byte, error) { return []byte(canary + "\n"), nil },
	}
}

func parse(t *testing.T, text string, env config.Env) *config.Config {
	t.Helper()
	c, err := config.Parse("/etc/rollcall/hr.yaml", []byte(text), env, genesys.Dialect())
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return c
}

func full(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEveryKeyArrives(t *testing.T) {
	t.Parallel()
	c := parse(t, string(full(t)), vars())
	want := &config.Config{
		File: "/etc/rollcall/hr.yaml", Name: "harbor-and-pine", Ledger: "/etc/rollcall/state/rollcall.db",
		Source: config.Source{
			File: "/etc/rollcall/people.psv", Format: "psv", Delimiter: "|", Encoding: "windows-1252", Key: "Number",
			Expect: config.Expect{Records: config.Range{Min: 20, Max: 400}, Columns: []string{"Mail", "Job"}},
			MaxAge: 26 * time.Hour, Settle: time.Minute,
		},
		Target: config.Target{
			API: "https://api.example.test", Login: "https://login.example.test", ClientID: "client-1", ClientAuth: "body",
			Budget: 0.555, Concurrency: 4, Batch: 20, Scopes: []string{"scim"}, AllowUnversioned: true,
			Backoff: config.Backoff{First: 250 * time.Millisecond, Factor: 1.5, Attempts: 7},
		},
		Match: []scim.Path{"userName"},
		Rules: []plan.Rule{
			{Path: "externalId", Own: plan.Managed},
			{Path: "userName", Own: plan.Managed},
			{Path: "displayName", Own: plan.Managed},
			{Path: "active", Own: plan.Managed},
			{Path: "title", Own: plan.Watch},
			{Path: `phoneNumbers[type eq "work"].value`, Own: plan.Once},
			{Path: enterprise + "department", Own: plan.Managed},
			{Path: enterprise + "manager.value", Own: plan.Managed},
			{Path: enterprise + "division", Own: plan.Once},
			{Path: "roles", Own: plan.Exact, NoClaim: true},
			{Path: extension + "routingSkills", Own: plan.Additive},
			{Path: extension + "routingLanguages", Own: plan.Mine},
		},
		Members:  []plan.GroupRule{{Name: "Night Shift", Own: plan.Mine}, {Name: "Leads", Own: plan.Exact}},
		ByColumn: plan.Additive,
		Policy: plan.Policy{
			Lifecycle: true, Match: []scim.Path{"userName"}, HoldAll: true, ByUnit: true,
			Leaving: plan.Leaving{Action: "deactivate", After: 2, Then: "delete", ThenAfter: 90},
			Protect: []string{"*@admins.example.test"},
			Roles:   map[string]plan.RolePolicy{"admin": {Min: 2}, "Supervisor": {Change: true}},
			Limits: map[plan.Op]plan.Bound{
				plan.Create: {N: 40}, plan.Adopt: {N: 5}, plan.Rename: {N: 7}, plan.Rekey: {Percent: 3}, plan.Deactivate: {N: 12, Percent: 2.5},
				plan.Reactivate: {N: 9}, plan.Delete: {N: 1}, plan.GroupRemovals: {N: 6, Percent: 20},
			},
		},
		Restore: []string{"roles", "groups"}, RestoreWithin: 7 * 24 * time.Hour,
		Approval: "always", Approvals: config.Approvals{Expire: 24 * time.Hour}, PlanAge: 12 * time.Hour,
		Schedule: config.Schedule{
			Quick: config.When{Every: 5 * time.Minute},
			Full:  config.When{Daily: true, Hour: 2, Minute: 30},
			Drift: config.When{Weekly: true, Weekday: time.Sunday, Hour: 4},
		},
		Redact: []scim.Path{"title"}, Retention: config.Span{Months: 13},
	}
	ignore := cmp.Options{
		cmpopts.IgnoreFields(config.Config{}, "Dialect", "Mapping", "Timezone", "Key", "Database"), cmpopts.IgnoreFields(config.Target{}, "ClientSecret"),
		cmpopts.IgnoreUnexported(config.Config{}),
	}
	if diff := cmp.Diff(want, c, ignore); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	if c.Timezone.String() != "Europe/Berlin" || c.Target.ClientSecret.Reveal() != canary || c.Key.Reveal() != canary {
		t.Error("time zone or secrets are not those of the file")
	}
	if got := c.Mapping.Where.Text + c.Mapping.Unit.Text + c.Mapping.GroupNames.Text; got != `row.State == "here"row.Unitsplit(row.Teams, ";")` {
		t.Errorf("expressions = %s", got)
	}
	if a := c.Mapping.Attributes[1]; !a.EmptyClears || a.Text != "lower(row.Mail)" || c.Mapping.Attributes[0].EmptyClears {
		t.Errorf("attribute = %+v", a)
	}
}

func TestWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	c := parse(t, least, vars())
	got := []any{
		c.Name, c.Ledger, c.Match, c.Policy.Lifecycle, c.Policy.Leaving, c.RestoreWithin, c.Approval, c.Approvals, c.PlanAge,
		c.Target.Budget, c.Target.Concurrency, c.Target.Batch, c.Target.ConflictRetries, c.Target.Backoff, c.Target.ClientAuth,
		c.Policy.Limits, c.Source.Settle, c.ByColumn, c.Policy.HoldAll, c.Rules[3], c.Mapping.Attributes[3].Text,
	}
	want := []any{
		"hr", "/etc/rollcall/rollcall.db",
		[]scim.Path{"externalId", "userName"},
		true,
		plan.Leaving{Action: "report"},
		14 * 24 * time.Hour,
		"over-limit",
		config.Approvals{Expire: 72 * time.Hour, Another: true},
		24 * time.Hour,
		0.7, 10, 50, 1,
		config.Backoff{First: time.Second, Factor: 2, Attempts: 3},
		"basic",
		map[plan.Op]plan.Bound{
			plan.Deactivate: {N: 10, Percent: 2}, plan.Rename: {N: 5, Percent: 1}, plan.Rekey: {N: 5, Percent: 1}, plan.Update: {N: 50, Percent: 50},
			plan.GroupRemovals: {N: 5, Percent: 25}, plan.Adopt: {}, plan.Delete: {},
		},
		30 * time.Second, plan.Own(0), false,
		plan.Rule{Path: "active", Own: plan.Managed},
		"true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestTheTargetComesFromTheEnvironmentWhereTheFileIsSilent(t *testing.T) {
	t.Parallel()
	silent := strings.Replace(least, "target: {genesys: {region: mypurecloud.de, client_id: c, client_secret: env:SECRET}}\n", "", 1)
	env := []string{"GENESYS_CLIENT_ID", "id", "GENESYS_CLIENT_SECRET", canary}
	for name, tt := range map[string]struct {
		text string
		env  config.Env
		want config.Target
	}{
		"a region":           {silent, vars(append(env, "GENESYS_REGION", "mypurecloud.ie")...), config.Target{Region: "mypurecloud.ie", ClientID: "id"}},
		"a URL":              {silent, vars(append(env, "GENESYS_BASE_URL", "http://127.0.0.1:8085/")...), config.Target{API: "http://127.0.0.1:8085", ClientID: "id"}},
		"a URL and a login":  {silent, vars(append(env, "GENESYS_BASE_URL", "http://a", "GENESYS_LOGIN_URL", "http://b")...), config.Target{API: "http://a", Login: "http://b", ClientID: "id"}},
		"the file wins":      {least, vars(append(env, "GENESYS_BASE_URL", "http://a", "GENESYS_REGION", "x.y")...), config.Target{Region: "mypurecloud.de", ClientID: "c"}},
		"the URL, over both": {silent, vars(append(env, "GENESYS_BASE_URL", "http://a", "GENESYS_REGION", "x.y")...), config.Target{API: "http://a", ClientID: "id"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, tt.text, tt.env)
			got := config.Target{Region: c.Target.Region, API: c.Target.API, Login: c.Target.Login, ClientID: c.Target.ClientID}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(config.Target{}, "ClientSecret")); diff != "" || c.Target.ClientSecret.Reveal() != canary {
				t.Errorf("target (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDotenvNeverOverridesTheEnvironment(t *testing.T) {
	t.Parallel()
	env := vars("A", "outside")
	env.Dotenv = []byte("# comment\nexport SECRET=inside\n\nGENESYS_REGION = 'mypurecloud.jp' \nGENESYS_CLIENT_ID=\"a # b\"\nB=x # y\n")
	text := strings.Replace(least, "region: mypurecloud.de, client_id: c, ", "", 1)
	c := parse(t, text, env)
	if got := c.Target.ClientSecret.Reveal() + " " + c.Target.Region + " " + c.Target.ClientID; got != canary+" mypurecloud.jp a # b" {
		t.Errorf("target = %s", got)
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("GENESYS_REGION=usw2.pure.cloud\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.FromEnvironment(dir, vars("GENESYS_CLIENT_ID", "id", "GENESYS_CLIENT_SECRET", canary), genesys.Dialect())
	if err != nil {
		t.Fatal(err)
	}
	if c.Target.Region != "usw2.pure.cloud" || c.Ledger != filepath.Join(dir, "rollcall.db") || !c.Policy.Lifecycle || c.Target.Batch != 50 {
		t.Errorf("FromEnvironment = %+v", c)
	}
	_, err = config.FromEnvironment(t.TempDir(), vars(), genesys.Dialect())
	for _, want := range []string{"GENESYS_REGION", "GENESYS_CLIENT_ID", "GENESYS_CLIENT_SECRET"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("FromEnvironment without variables = %v, want %s named", err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := config.Load(filepath.Join(dir, "none.yaml"), vars(), genesys.Dialect())
	if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Hint(err), "rollcall init") {
		t.Errorf("Load of no file = %v (%q), want invalid and a hint", err, fault.Hint(err))
	}
	path := filepath.Join(dir, "hr.yaml")
	text := strings.Replace(least, "env:SECRET", "file:s.txt", 1)
	for name, content := range map[string]string{path: text, filepath.Join(dir, "s.txt"): canary + "\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := vars()
	env.ReadFile = nil
	c, err := config.Load(path, env, genesys.Dialect())
	if err != nil || c.Target.ClientSecret.Reveal() != canary || c.Source.File != filepath.Join(dir, "hr.csv") {
		t.Errorf("Load = %+v, %v", c, err)
	}
}

func TestOfflineNeedsTheLedgerOnly(t *testing.T) {
	t.Parallel()
	text := strings.Replace(least, "region: mypurecloud.de, client_id: c, ", "", 1)
	env := vars()
	env.Offline = true
	c := parse(t, text+"ledger_key: env:LEDGER_KEY\n", env)
	if c.Target.ClientSecret.Reveal() != "" {
		t.Error("a secret of the target was read")
	}
	if c.Key.Reveal() != canary {
		t.Error("the key of the ledger was not read")
	}
}

func TestASecretIsShownToNobody(t *testing.T) {
	t.Parallel()
	c := parse(t, string(full(t)), vars())
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb, c.Target)
		fmt.Fprintf(&shown, verb, c.Target.ClientSecret)
		fmt.Fprintf(&shown, verb, struct{ s config.Secret }{c.Target.ClientSecret})
		fmt.Fprintf(&shown, verb, []any{&c.Key, c})
	}
	shown.WriteString(c.Key.LogValue().String())
	if text, err := c.Key.MarshalText(); err != nil || strings.Contains(string(text), canary) {
		t.Errorf("MarshalText = %s, %v", text, err)
	}
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%d", []byte(canary))} {
		if strings.Contains(shown.String(), form) {
			t.Errorf("the secret was shown as %s", form)
		}
	}
	if !strings.Contains(shown.String(), "<secret from env:LEDGER_KEY>") {
		t.Error("a secret does not say where it comes from")
	}
}

func TestTheDigestIsThatOfTheMeaning(t *testing.T) {
	t.Parallel()
	base := parse(t, least, vars()).Digest()
	for name, tt := range map[string]struct {
		from, to string
		same     bool
	}{
		"another address":    {"mypurecloud.de", "mypurecloud.ie", true},
		"another file":       {"hr.csv", "other.csv", true},
		"a comment":          {"people:", "people: # all", true},
		"another expression": {"row.Name", "row.Full", false},
		"another mode":       {"displayName: row.Name", "displayName: {value: row.Name, own: once}", false},
		"another limit":      {"people:", "limits: {delete: 1}\npeople:", false},
		"another key":        {"key: Id", "key: Nr", false},
		"no lifecycle":       {"people:", "lifecycle: none\npeople:", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, strings.Replace(least, tt.from, tt.to, 1), vars()).Digest()
			if (got == base) != tt.same {
				t.Errorf("same digest: %v, want %v", got == base, tt.same)
			}
		})
	}
}

func TestCompilePointsIntoTheFile(t *testing.T) {
	t.Parallel()
	const head = "source: {file: hr.csv, key: Id}\ntarget: {genesys: {region: a.b, client_id: c, client_secret: env:SECRET}}\nlifecycle: none\npeople:\n  userName: row.Id\n"
	for name, text := range map[string]string{
		"a plain scalar":             "  title: row.Titel\n",
		"a plain scalar of lines":    "  title: row.Id\n    + row.Titel\n",
		"a single-quoted scalar":     "  title: 'row.Id + ''x'' + row.Titel'\n",
		"a double-quoted scalar":     `  title: "row.Id + \"\u0041\" + row.Titel"` + "\n",
		"a literal block":            "  title: |\n    row.Id +\n      row.Titel\n",
		"a literal block, first row": "  title: |-\n\n    row.Titel\n",
		"a folded block":             "  title: >\n    row.Id +\n    row.Titel +\n    row.Other\n",
		"a block with its indent":    "  title: |2\n    row.Titel\n",
		"a flow mapping":             "  title: {own: once, value: row.Titel}\n",
		"letters of many bytes":      "  title: '\"äöü\" + row.Titel'\n",
		"a group":                    "groups: {Würzburg: row.Titel == \"x\"}\n",
		"two at once":                "  title: row.Titel\n  displayName: row.Other\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse("hr.yaml", []byte(head+text), vars(), genesys.Dialect())
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Compile([]source.Column{{Name: "Id", Kind: source.Text}}, time.Now())
			var got []string
			for _, m := range config.Mistakes(err) {
				got = append(got, fmt.Sprintf("%d:%d", m.Line, m.Column))
				if lines := strings.Split(m.Excerpt, "\n"); len(lines) != 2 || !strings.HasSuffix(lines[1], "^") {
					t.Errorf("excerpt = %q", m.Excerpt)
				}
			}
			want := places(head+text, "Titel", "Other")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Compile = %v\nplaces (-want +got):\n%s", err, diff)
			}
			if fault.Of(err) != fault.Invalid || fault.Place(err) != "hr.yaml:"+want[0] {
				t.Errorf("kind %q at %q", fault.Of(err), fault.Place(err))
			}
		})
	}
}

// places are line:column of the words in text.
func places(text string, words ...string) []string {
	var found []string
	for i, line := range strings.Split(text, "\n") {
		for _, w := range words {
			if before, _, ok := strings.Cut(line, w); ok {
				found = append(found, fmt.Sprintf("%d:%d", i+1, utf8.RuneCountInString(before)+1))
			}
		}
	}
	return found
}

func TestTheMappingOfAFileWorks(t *testing.T) {
	t.Parallel()
	c := parse(t, least, vars())
	m, err := c.Compile([]source.Column{{Name: "Id", Kind: source.Text}, {Name: "Mail", Kind: source.Text}, {Name: "Name", Kind: source.Text}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Map(source.Record{Key: "1", Values: []any{"1", "Kim@Example.com", "Kim Doe"}})
	if err != nil {
		t.Fatal(err)
	}
	values, known := p.Row.At("userName")
	if !known || values[0] != `"kim@example.com"` {
		t.Errorf("userName = %v, %v", values, known)
	}
	if diff := cmp.Diff([]scim.Path{"externalId", "userName", "displayName", "active"}, m.Shape().Paths()); diff != "" {
		t.Errorf("shape (-want +got):\n%s", diff)
	}
	var _ *mapping.Mapping = m
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rollcall.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("rollcall.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSchemaAcceptsWhatTheParserDoes(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for name, text := range map[string]string{"every key": string(full(t)), "the least": least} {
		var value any
		if err := yaml.Load([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for name, tt := range map[string]struct{ from, to string }{
		"an unknown key":       {"people:", "peple: {}\npeople:"},
		"a literal secret":     {"env:SECRET", "hunter2"},
		"an unknown mode":      {"displayName: row.Name", "displayName: {value: row.Name, own: mien}"},
		"a budget without %":   {"client_id: c", "client_id: c, budget: 70"},
		"a missing source key": {", key: Id", ""},
		"a limit of words":     {"people:", "limits: {delete: many}\npeople:"},
	} {
		var value any
		if err := yaml.Load([]byte(strings.Replace(least, tt.from, tt.to, 1)), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err == nil {
			t.Errorf("the schema accepts %s", name)
		}
	}
}

func TestKeysAreDocumented(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range config.Keys() {
		if k.Doc == "" || k.Type == "" || seen[k.Path] {
			t.Errorf("%s: doc %q, type %q, seen before: %v", k.Path, k.Doc, k.Type, seen[k.Path])
		}
		seen[k.Path] = true
	}
	for _, want := range []string{"source.expect.records", "target.genesys.backoff.first", "people.*.own", "protect.roles.*.min", "leavers.restore_within", "limits.group_removals"} {
		if !seen[want] {
			t.Errorf("%s is not documented", want)
		}
	}
	if seen["source.sql"] {
		t.Error("a key of a later version is documented")
	}
}

func TestMistakesOfOtherErrorsAreNone(t *testing.T) {
	t.Parallel()
	if got := config.Mistakes(errors.New("x")); got != nil {
		t.Errorf("Mistakes = %v", got)
	}
}

// Whatever the file holds: no panic, and a Config or mistakes with places.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(least)
	f.Add("source: &a {file: *a}\npeople: *a\n? [x]\n: y\n")
	f.Add("people: {title: |\n row.x\n  , groups: >2-\n x}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Parse("f.yaml", []byte(text), vars(), genesys.Dialect())
		if (c == nil) != (err != nil) {
			t.Fatalf("Parse = %v, %v", c, err)
		}
		if err != nil && len(config.Mistakes(err)) == 0 {
			t.Fatalf("an error without mistakes: %v", err)
		}
		if c != nil {
			_, _ = c.Compile(nil, time.Time{})
		}
	})
}

// The URL of a ledger may hold a password, which is shown to nobody who does not ask for it.
func TestALedgerOnPostgreSQL(t *testing.T) {
	t.Parallel()
	env := vars("LEDGER_KEY", "k", "LEDGER", "postgres://kim:"+canary+"@db/rollcall")
	for text, want := range map[string]string{
		"ledger: env:LEDGER":                         "postgres://kim:" + canary + "@db/rollcall",
		"ledger: postgres://db/rollcall?schema=acme": "postgres://db/rollcall?schema=acme",
	} {
		c := parse(t, least+text+"\nledger_key: env:LEDGER_KEY\n", env)
		if got := c.Database.Reveal(); got != want || c.Ledger != "" {
			t.Errorf("%s: ledger at %q and %q, want %q", text, c.Ledger, got, want)
		}
		if shown := fmt.Sprintf("%+v", c); strings.Contains(shown, canary) {
			t.Errorf("%s: printing shows the password", text)
		}
	}
}
