package config_test

import (
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/internal/config"
	"rollcall/target/genesys"
)

// from gives least with one text in the place of another.
func from(old, new string) string { return strings.Replace(least, old, new, 1) }

// also gives least with lines at its end: line 7 and on.
func also(lines string) string { return least + lines }

func TestEveryMistakeAtItsPlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string // each a beginning of a mistake after the file name, and " … " a part of it
	}{
		"an empty file":            {"", []string{"1:1: the file is empty"}},
		"only a comment":           {"# nothing\n", []string{"1:1: the file is empty"}},
		"a list":                   {"- a\n", []string{"1:1: a configuration is a mapping"}},
		"no YAML":                  {"source: [a, b\n", []string{"2:1: did not find expected"}},
		"a colon in a value":       {"people:\n  title: row.A: b\n", []string{"2:15: mapping values are not allowed … put quotes"}},
		"two documents":            {least + "---\na: b\n", []string{"1:1: the file holds several documents"}},
		"an unknown key":           {also("limts: {}\n"), []string{`7:1: unknown key "limts"; did you mean "limits"?`}},
		"an unknown key inside":    {from("key: Id", "kei: Id"), []string{"1:9: key is missing", `1:24: unknown key "kei"; did you mean "key"?`}},
		"a word of no known key":   {also("plans: {zzzzzzz: 1}\n"), []string{`7:9: unknown key "zzzzzzz"; there are max_age`}},
		"a key twice":              {also("  userName: row.X\n"), []string{"7:3: userName is set twice: first in line 5"}},
		"a section twice":          {also("people: {}\n"), []string{"7:1: people is set twice: first in line 3"}},
		"a key that is no word":    {also("[a]: b\n"), []string{"7:1: a key is a word"}},
		"a key without a value":    {also("limits:\n"), []string{"7:1: limits has no value"}},
		"a list for a mapping":     {also("limits: [1]\n"), []string{"7:9: a mapping is expected"}},
		"a mapping for a text":     {also("name: {a: b}\n"), []string{"7:7: text is expected, not a mapping"}},
		"a text for a list":        {also("match: userName\n"), []string{"7:8: a list of attributes is expected"}},
		"a mapping in a list":      {also("match: [{a: b}]\n"), []string{"7:9: a list of attributes is expected"}},
		"nothing but people":       {"people: {userName: row.a, displayName: row.b}\n", []string{"1:1: source is missing", "1:1: the target has no address", "1:1: the target has no client", "1:1: the target has no client secret"}},
		"no people":                {"source: {file: a.csv, key: b}\n" + "target: {genesys: {region: x.y, client_id: c, client_secret: env:SECRET}}\n", []string{"1:1: people is missing"}},
		"no file":                  {from("file: hr.csv, ", ""), []string{"1:9: source names nothing to read"}},
		"a database":               {from("file: hr.csv", "sql: {query: x}"), []string{"1:15: a database as source is not in this version"}},
		"a directory":              {from("file: hr.csv", "ldap: x"), []string{"1:16: a directory as source is not in this version"}},
		"a ledger in a database":   {also("ledger: mysql://h/db\n"), []string{"7:9: a ledger in a database of this kind (mysql) is not in this version"}},
		"a ledger without its key": {also("ledger: postgres://h/db\n"), []string{"7:9: a ledger on PostgreSQL needs ledger_key"}},
		"a ledger's password":      {also("ledger: postgres://kim:pw@h/db\n"), []string{"7:9: a secret does not stand in the file"}},
		"another ledger's":         {also("ledger: postgres://h/db?password=pw\n"), []string{"7:9: a secret does not stand in the file"}},
		"an unknown time zone":     {also("timezone: Mars\n"), []string{`7:11: "Mars" is not a time zone`}},
		"a delimiter of two":       {from("key: Id", `delimiter: "||", key: Id`), []string{`1:35: "||" is not a delimiter`}},
		"an unknown format":        {from("key: Id", "format: xls, key: Id"), []string{`1:32: "xls" is not one of csv, … did you mean "xlsx"?`}},
		"a range of words":         {from("key: Id", "expect: {records: many}, key: Id"), []string{`1:42: "many" is not a range`}},
		"a range upside down":      {from("key: Id", "expect: {records: 9..3}, key: Id"), []string{`1:42: "9..3" is not a range`}},
		"region and api":           {from("client_id: c", "client_id: c, api: https://api.x.y"), []string{"2:63: region and api exclude each other"}},
		"no URL":                   {from("region: mypurecloud.de", "api: mypurecloud.de"), []string{"2:25: a URL is expected"}},
		"a password in a URL":      {from("region: mypurecloud.de", "api: https://a:b@c"), []string{"2:25: a URL must not hold a password"}},
		"a literal secret":         {from("env:SECRET", canary), []string{"2:73: a secret does not stand in the file: write env:NAME or file:/path"}},
		"a secret that is not set": {from("env:SECRET", "env:NONE"), []string{"2:73: environment variable NONE is not set"}},
		"a budget of nothing":      {from("client_id: c", "client_id: c, budget: 0%"), []string{`2:66: "0%" leaves no requests`}},
		"a budget without %":       {from("client_id: c", "client_id: c, budget: 70"), []string{`2:66: "70" is not a percentage`}},
		"no concurrency":           {from("client_id: c", "client_id: c, concurrency: 0"), []string{`2:71: "0" is not a whole number from 1 to 100`}},
		"a factor below one":       {from("client_id: c", "client_id: c, backoff: {factor: 0.5}"), []string{`2:76: "0.5" is not a number from 1 to 10`}},
		"a first wait of a month":  {from("client_id: c", "client_id: c, backoff: {first: 1mo}"), []string{`2:75: "1mo" has no fixed length`}},
		"neither yes nor no":       {from("client_id: c", "client_id: c, allow_unversioned: maybe"), []string{`2:77: "maybe" is not yes or no`}},

		"an unknown attribute":      {also("  titel: row.T\n"), []string{`7:3: … title`}},
		"a mistaken short name":     {also("  departmnt: row.T\n"), []string{`7:3: "departmnt" is not an attribute of users; did you mean "department"?`}},
		"no path":                   {also(`  "a[": row.T` + "\n"), []string{`7:3: "a[" is not an attribute`}},
		"groups of a user":          {also("  groups: row.T\n"), []string{"7:3: groups of a user are read-only … under groups:"}},
		"a read-only attribute":     {also("  meta.version: row.T\n"), []string{"7:3: meta.version is read-only"}},
		"a password":                {also("  password: row.T\n"), []string{"7:3: password is never shown"}},
		"an attribute by two names": {also("  department: row.T\n  urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department: row.T\n"), []string{"8:3: … is managed twice: also in line 7"}},
		"a whole and its part":      {also("  phoneNumbers[type eq \"work\"].value: row.T\n  phoneNumbers: row.T\n"), []string{"8:3: phoneNumbers is managed twice: also in line 7"}},
		"no expression":             {also("  title:\n"), []string{"7:3: title has no expression"}},
		"an empty expression":       {also("  title: ''\n"), []string{"7:10: an expression is expected"}},
		"a rule without value":      {also("  title: {own: once}\n"), []string{"7:10: value is missing"}},
		"an unknown mode":           {also("  title: {value: row.T, own: onc}\n"), []string{`7:30: title cannot be owned as "onc", … did you mean "once"?`}},
		"a list's mode for a value": {also("  title: {value: row.T, own: mine}\n"), []string{`7:30: title cannot be owned as "mine", but as managed, once, watch: it is one value`}},
		"a value's mode for a list": {also("  roles: {value: '[row.T]', own: managed}\n"), []string{`7:34: roles cannot be owned as "managed", but as mine, exact, add, once, watch: it is a list`}},
		"an unknown word for empty": {also("  title: {value: row.T, empty: keeps}\n"), []string{`7:32: "keeps" is not one of clears`}},
		"a group without condition": {also("groups: {Night:}\n"), []string{"7:10: group Night has no condition"}},
		"a group's own mode":        {also("groups: {Night: {when: 'true', own: once}}\n"), []string{`7:37: a group cannot be owned as "once"`}},
		"a broken expression":       {also("  title: lowr(row.T)\n"), []string{`7:10: people.title: nothing is called "lowr"; did you mean "lower"?`}},
		"a type that cannot fit":    {also("  active: '\"yes\"'\n"), []string{"7:12: people.active: gives text where true or false is needed"}},
		"a group that is text":      {also("groups: {Night: '\"x\"'}\n"), []string{"7:18: groups.Night: gives text"}},
		"today without a time zone": {also("  active: date(row.L, \"YYYY-MM-DD\") >= today\n"), []string{"7:40: people.active: today needs a time zone: set timezone"}},
		"no userName":               {from("  userName: row.Mail\n", ""), []string{"4:3: userName is not mapped: nobody can be created"}},
		"a userName only watched":   {from("row.Mail", "{value: row.Mail, own: watch}"), []string{"4:3: userName is only watched"}},
		"no displayName":            {from("  displayName: row.Name\n", ""), []string{"4:3: displayName is not mapped"}},
		"a match that is a list":    {also("match: [roles]\n"), []string{"7:9: roles does not identify a user"}},
		"a match that is unknown":   {also("match: [userNam]\n"), []string{"7:9: … userName"}},
		"a match that is unmapped":  {also("match: [title]\n"), []string{"7:9: title is not mapped under people"}},
		"a match that stands twice": {also("match: [userName, username]\n"), []string{"7:19: username stands twice"}},
		"nobody to be found":        {also("match: []\n"), []string{"4:3: nobody can be found"}},

		"an unknown action":            {also("leavers: remove\n"), []string{`7:10: "remove" is not one of report, deactivate, delete`}},
		"leavers under no lifecycle":   {also("lifecycle: none\nleavers: deactivate\n"), []string{"8:10: leavers cannot deactivate under lifecycle: none"}},
		"a second step of nothing":     {also("leavers: {action: report, then: delete, then_after: 1d}\n"), []string{"7:10: then: delete follows action: deactivate only"}},
		"a second step without time":   {also("leavers: {action: deactivate, then: delete}\n"), []string{"7:10: then: delete needs then_after"}},
		"a time without a second step": {also("leavers: {action: deactivate, then_after: 9d}\n"), []string{"7:10: then_after has no then"}},
		"half a day":                   {also("leavers: {action: deactivate, after: 12h}\n"), []string{`7:38: "12h" is not whole days`}},
		"no length of time":            {also("leavers: {action: deactivate, after: soon}\n"), []string{`7:38: "soon" is not a length of time`}},
		"an unknown thing to restore":  {also("leavers: {restore: [role]}\n"), []string{`7:21: "role" is not one of roles, … did you mean "roles"?`}},
		"an unknown limit":             {also("limits: {deactivates: 1}\n"), []string{`7:10: unknown key "deactivates"; did you mean "deactivate"?`}},
		"a limit of words":             {also("limits: {delete: few, update: 3 or 4, rename: -1}\n"), []string{`7:18: "few" is not a limit`, `7:31: "3 or 4" is not a limit`, `7:47: "-1" is not a limit`}},
		"a protected role's word":      {also("protect: {roles: {admin: {change: no}}}\n"), []string{`7:35: "no" is not one of never, allowed`}},
		"an unknown approval":          {also("approval: sometimes\n"), []string{`7:11: "sometimes" is not one of never, over-limit, always`}},
		"an unknown schedule":          {also("schedule: {quick: often, full: daily at 25:00, drift: every 1s}\n"), []string{`7:19: "often" is not a schedule`, `7:32: "daily at 25:00" is not a schedule`, "7:55: a run every 10s is the most often"}},
		"a time of day without a zone": {also("schedule: {full: daily at 02:00}\n"), []string{"7:11: full has a time of day: set timezone"}},
		"an unknown redaction":         {also("redact: [titel]\n"), []string{"7:10: … title"}},
		"a redacted list":              {also("redact: [title, roles, userName, manager]\n"), []string{"7:17: roles cannot be redacted", "7:24: userName cannot be redacted", "7:34: manager cannot be redacted"}},
		"a retention of words":         {also("retention: long\n"), []string{`7:12: "long" is not a length of time`}},
		"a retention of a day":         {also("retention: 1d\n"), []string{`7:12: "1d" is less than a month`}},
		"a literal ledger key":         {also("ledger_key: abc\n"), []string{"7:13: a secret does not stand in the file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse("hr.yaml", []byte(tt.text), vars(), genesys.Dialect())
			if fault.Of(err) != fault.Invalid {
				t.Fatalf("Parse = %v, want an invalid configuration", err)
			}
			mistakes := config.Mistakes(err)
			if len(mistakes) != len(tt.want) {
				t.Fatalf("Parse = %v\n%d mistakes, want %d", err, len(mistakes), len(tt.want))
			}
			for i, want := range tt.want {
				beginning, part, _ := strings.Cut(want, " … ")
				got, ok := strings.CutPrefix(mistakes[i].Error(), "hr.yaml:"+strings.TrimSuffix(beginning, "…"))
				if !ok || !strings.Contains(got, part) {
					t.Errorf("mistake %d = %q, want %q", i, mistakes[i], want)
				}
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("a mistake quotes a secret: %v", err)
			}
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	text := `nam: x
source: {file: hr.csv, key: Id, where: row.A ==}
target: {genesys: {region: a.b, client_id: c, client_secret: plain, budget: lots}}
people:
  userName: row.Mail
  displayName: row.Name + 1
  active: '"x"'
  titel: row.Title
  roles: {value: row.Role, own: maneged}
limits: {delete: x}
`
	_, err := config.Parse("hr.yaml", []byte(text), vars(), genesys.Dialect())
	want := []string{"1:1", "2:47", "3:62", "3:77", "7:12", "8:3", "9:33", "10:18"}
	var got []string
	for _, m := range config.Mistakes(err) {
		got = append(got, strings.TrimPrefix(m.Place(), "hr.yaml:"))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("Parse = %v\nplaces %v, want %v", err, got, want)
	}
	if fault.Place(err) != "hr.yaml:1:1" {
		t.Errorf("Place = %q, want that of the first", fault.Place(err))
	}
}
