package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"rollcall/fault"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/target"
)

// A draft is a Config while its file is read.
type draft struct {
	Config

	r         *reader
	root      *yaml.Node
	seen      map[string]*yaml.Node // where sections stand, for mistakes that concern several keys
	leavers   leavers
	roles     map[string]plan.RolePolicy
	lifecycle string
	by        string
	matches   []*yaml.Node
	shared    claims
}

// leavers are held as written until all is known.
type leavers struct {
	action, then     string
	after, thenAfter int
}

func newDraft(r *reader, d target.Dialect) *draft {
	return &draft{
		r: r, seen: map[string]*yaml.Node{}, lifecycle: "full", by: "another",
		leavers: leavers{action: "report", thenAfter: -1},
		Config: Config{
			File: r.file, Dialect: d, Ledger: r.relative("rollcall.db"), Approval: "over-limit",
			places:        map[string]scalar{},
			RestoreWithin: 14 * day, PlanAge: day, Approvals: Approvals{Expire: 72 * time.Hour},
			Source: Source{Settle: 30 * time.Second},
			Target: Target{
				ClientAuth: "basic", Budget: 0.7, Concurrency: 10, Batch: 50, ConflictRetries: 1,
				Backoff: Backoff{First: time.Second, Factor: 2, Attempts: 3},
			},
			Policy: plan.Policy{Limits: map[plan.Op]plan.Bound{
				plan.Deactivate: {N: 10, Percent: 2}, plan.Rename: {N: 5, Percent: 1}, plan.Rekey: {N: 5, Percent: 1},
				plan.Update: {N: 50, Percent: 50}, plan.GroupRemovals: {N: 5, Percent: 25}, plan.Adopt: {}, plan.Delete: {},
			}},
		},
	}
}

// The words that more than one key takes.
const (
	never    = "never"
	fullWord = "full"
)

// file is the table of keys: what follows is read, documented and offered by editors as it stands here.
func (f *draft) file() kind {
	r := f.r
	return r.object(
		field{name: "name", kind: r.words(&f.Name), def: "the name of the file", doc: "what this sync is called in the ledger and in reports"},
		field{name: "ledger", kind: f.at("ledger", f.ledger()), def: "rollcall.db", doc: "what remembers what was done: an SQLite file, or the URL of a PostgreSQL database"},
		field{name: "ledger_key", kind: f.at("ledger_key", r.secret(&f.Key, r.referred)), doc: "the key that seals personal values in the ledger; left out, a file beside the ledger; required on PostgreSQL"},
		field{name: "timezone", kind: f.zone(), doc: "an IANA time zone; required as soon as an expression uses today, or a schedule a time of day"},
		field{name: "source", kind: f.at("source", f.source()), doc: "where people are read from", required: true},
		field{name: "target", kind: f.at("target", f.target()), doc: "the organization; what is left out comes from the environment"},
		field{name: "lifecycle", kind: f.at("lifecycle", r.choice(&f.lifecycle, fullWord, "none")), def: fullWord, doc: "none: attributes, roles, skills and groups of existing users only; never create, rename, deactivate, reactivate or delete"},
		field{name: "match", kind: f.matching(), def: "[externalId, userName]", doc: "the attributes by which a user is found who is not linked yet, in order"},
		field{name: "people", kind: f.at("people", f.people()), doc: "the managed attributes, each with an expression over row", required: true},
		field{name: "groups", kind: f.groups(), doc: "the managed groups by name, each with a condition over row"},
		field{name: "group_names", kind: f.groupNames(), doc: "an expression that gives the names of a person's groups"},
		field{name: "leavers", kind: f.at("leavers", f.leaving()), def: "report", doc: "what happens to people who left the source"},
		field{name: "protect", kind: f.protect(), doc: "users that are never touched, and roles that data may not grant or take"},
		field{name: "limits", kind: f.limits(), doc: "how much one run may do; over it, a person decides. 10 or 2% is the larger of the two"},
		field{name: "limits_by", kind: f.expression("limits_by", &f.Mapping.Unit), doc: "an expression by which changes are counted apart, such as row.Department"},
		field{name: "on_unknown_name", kind: f.unknown(), def: "attribute", doc: "what waits when a role, skill, language or division does not exist: the attribute, or the person"},
		field{name: "approval", kind: r.choice(&f.Approval, never, "over-limit", "always"), def: "over-limit", doc: "which plans wait for a person"},
		field{name: "approvals", kind: r.object(
			field{name: "expire", kind: r.duration(&f.Approvals.Expire), def: "72h", doc: "how long a plan waits"},
			field{name: "by", kind: r.choice(&f.by, "another", "anyone"), def: "another", doc: "another: not the person who made the plan"},
		), doc: "how plans are approved"},
		field{name: "plans", kind: r.object(
			field{name: "max_age", kind: r.duration(&f.PlanAge), def: "24h", doc: "the oldest saved plan that is applied"},
		), doc: "saved plans"},
		field{name: "schedule", kind: f.at("schedule", f.schedule()), doc: "when serve runs: every 5m, hourly, daily at 02:00, weekly on sunday at 02:00, never"},
		field{name: "redact", kind: f.redact(), doc: "attributes whose values the ledger keeps as digests only; their changes cannot be taken back"},
		field{name: "retention", kind: parsed(r, "duration", textSchema(`^\d+(d|w|mo|y)$`), &f.Retention, parseRetention), def: "for ever", doc: "how long the ledger keeps entries"},
	)
}

// at notes where a key stands.
func (f *draft) at(name string, k kind) kind {
	read := k.read
	k.read = func(n *yaml.Node) {
		f.seen[name] = n
		read(n)
	}
	return k
}

func (f *draft) ledger() kind {
	return f.r.scalar("path or URL", textSchema(""), func(n *yaml.Node, text string) {
		from := ""
		if isReference(text) {
			text, from = f.r.referred(n, text), text
		}
		scheme, _, isURL := strings.Cut(text, "://")
		switch {
		case !isURL:
			f.Ledger = f.r.relative(text)
		case scheme != "postgres" && scheme != "postgresql":
			f.r.fail(n, "a ledger in a database of this kind (%s) is not in this version: name a file, or write postgres://HOST/DATABASE", scheme)
		case from == "" && hasPassword(text):
			f.r.fail(n, "a secret does not stand in the file: write ledger: env:NAME or file:/path, or give the password in PGPASSWORD or ~/.pgpass; and change the one that stood here")
		default:
			f.Ledger, f.Database = "", NewSecret(text, cmp.Or(from, text))
		}
	})
}

// hasPassword tells whether the URL of a database holds a password, or cannot be read.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return true
	}
	_, given := u.User.Password()
	return given || u.Query().Has("password") || u.Query().Has("sslpassword")
}

func (f *draft) zone() kind {
	return f.r.scalar("time zone", textSchema(""), func(n *yaml.Node, text string) {
		zone, err := time.LoadLocation(text)
		if err != nil || text == "" || text == "Local" {
			f.r.fail(n, "%q is not a time zone: write a name such as America/New_York", text)
			return
		}
		f.Timezone = zone
	})
}

func (f *draft) source() kind {
	r, s := f.r, &f.Source
	return r.object(
		field{name: "file", kind: f.at("source.file", f.path(&s.File)), doc: "a file: csv, tsv, psv, json, jsonl or xlsx by its extension"},
		field{name: "format", kind: r.choice(&s.Format, "csv", "tsv", "psv", "json", "jsonl", "xlsx"), def: "by extension", doc: "how the file is written"},
		field{name: "delimiter", kind: f.delimiter(), def: "by format", doc: "one character between the values of a row, or tab"},
		field{name: "encoding", kind: r.words(&s.Encoding), def: "utf-8, or what a byte order mark says", doc: "the encoding by its IANA name, such as windows-1252"},
		field{name: "sheet", kind: r.words(&s.Sheet), def: "the only one with the key column", doc: "the sheet of an Excel workbook"},
		field{name: "key", kind: r.words(&s.Key), doc: "the column that identifies a person for ever: an employee number, never an e-mail address", required: true},
		field{name: "where", kind: f.expression("source.where", &f.Mapping.Where), doc: "a condition over row: who is in scope"},
		field{name: "expect", kind: r.object(
			field{name: "records", kind: parsed(r, "range", rangeSchema(), &s.Expect.Records, parseRange), doc: "how many records there must be: 200.., 200..5000"},
			field{name: "columns", kind: r.texts("columns", &s.Expect.Columns), doc: "columns that must be there"},
		), doc: "what a reading must have to be believed"},
		field{name: "max_age", kind: r.duration(&s.MaxAge), doc: "the oldest file that is believed"},
		field{name: "settle", kind: r.duration(&s.Settle), def: "30s", doc: "how long a file must have stood still before serve reads it"},
		field{name: "sql", kind: f.at("source.other", r.later("a database as source"))},
		field{name: "ldap", kind: f.at("source.other", r.later("a directory as source"))},
		field{name: "http", kind: f.at("source.other", r.later("a web service as source"))},
		field{name: "scim", kind: f.at("source.other", r.later("a SCIM service as source"))},
	)
}

func rangeSchema() map[string]any { return map[string]any{"type": []string{"string", "integer"}} }

func (f *draft) path(into *string) kind {
	return f.r.scalar("path", textSchema(""), func(n *yaml.Node, text string) {
		if text == "" {
			f.r.fail(n, "a path is expected, not an empty text")
			return
		}
		*into = f.r.relative(text)
	})
}

func (f *draft) delimiter() kind {
	return f.r.scalar("character", textSchema("^(.|tab)$"), func(n *yaml.Node, text string) {
		if text == "\t" {
			text = "tab"
		}
		if text != "tab" && (len(text) != 1 || text[0] >= 0x80 || strings.ContainsAny(text, "\"\r\n")) {
			f.r.fail(n, "%q is not a delimiter: one character such as \";\" or \"|\", or tab", text)
			return
		}
		f.Source.Delimiter = text
	})
}

func (f *draft) target() kind {
	r, t := f.r, &f.Target
	return r.object(field{name: "genesys", kind: f.at("genesys", r.object(
		field{name: "region", kind: f.at("region", r.words(&t.Region)), def: "GENESYS_REGION", doc: "the domain of the region, such as mypurecloud.com; or api"},
		field{name: "api", kind: f.at("api", f.url(&t.API)), def: "GENESYS_BASE_URL", doc: "the URL of the API, instead of a region: the simulator, a proxy"},
		field{name: "login", kind: f.url(&t.Login), def: "GENESYS_LOGIN_URL, or what follows from region or api", doc: "the URL of the login service"},
		field{name: "client_id", kind: f.at("client_id", r.open(&t.ClientID)), def: "GENESYS_CLIENT_ID", doc: "the OAuth client"},
		field{name: "client_secret", kind: f.at("client_secret", r.secret(&t.ClientSecret, r.online)), def: "GENESYS_CLIENT_SECRET", doc: "the secret of the OAuth client, as a reference"},
		field{name: "client_auth", kind: r.choice(&t.ClientAuth, "basic", "body"), def: "basic", doc: "how the client shows its secret"},
		field{name: "budget", kind: f.budget(), def: "70%", doc: "the share of the requests per minute granted to the client that is used"},
		field{name: "concurrency", kind: r.whole(&t.Concurrency, 1, 100), def: "10", doc: "requests at once"},
		field{name: "batch", kind: r.whole(&t.Batch, 1, 1000), def: "50", doc: "changes recorded, sent and settled together"},
		field{name: "conflict_retries", kind: r.whole(&t.ConflictRetries, 0, 10), def: "1", doc: "how often a change is sent again after somebody else changed the user"},
		field{name: "backoff", kind: r.object(
			field{name: "first", kind: r.duration(&t.Backoff.First), def: "1s", doc: "the first wait"},
			field{name: "factor", kind: r.decimal(&t.Backoff.Factor, 1, 10), def: "2", doc: "by what the next wait is longer"},
			field{name: "attempts", kind: r.whole(&t.Backoff.Attempts, 1, 20), def: "3", doc: "requests in all"},
		), doc: "waits after an answer that says later"},
		field{name: "scopes", kind: r.texts("scopes", &t.Scopes), def: "[]", doc: "sent in the token request and checked in its answer, where given"},
		field{name: "allow_unversioned", kind: r.flag(&t.AllowUnversioned), def: "no", doc: "write users that show no version, as some services have none"},
	)), doc: "a Genesys Cloud organization"})
}

func (f *draft) budget() kind {
	return parsed(f.r, "percentage", textSchema(`^\d+(\.\d+)?%$`), &f.Target.Budget, func(text string) (float64, error) {
		p, err := parsePercent(text)
		if err == nil && p < 1 {
			err = fmt.Errorf("%q leaves no requests", text)
		}
		return p / 100, err
	})
}

func (f *draft) leaving() kind {
	r, l := f.r, &f.leavers
	action := r.choice(&l.action, "report", "deactivate", "delete")
	return either(action, r.object(
		field{name: "action", kind: action, def: "report", doc: "report changes nothing"},
		field{name: "after", kind: r.days(&l.after), def: "0d", doc: "days of absence before it"},
		field{name: "then", kind: r.choice(&l.then, "delete"), doc: "what follows deactivation"},
		field{name: "then_after", kind: r.days(&l.thenAfter), doc: "days between the two"},
		field{name: "restore", kind: f.restore(), def: "[]", doc: "what coming back gives back: roles, groups, skills, languages, division, manager"},
		field{name: "restore_within", kind: r.duration(&f.RestoreWithin), def: "14d", doc: "how long after leaving it is given back"},
	))
}

func (f *draft) restore() kind {
	known := []string{"roles", "groups", "skills", "languages", "division", "manager"}
	return f.r.list("attributes", map[string]any{"enum": known}, func() { f.Restore = nil }, func(n *yaml.Node, text string) {
		if !slices.Contains(known, text) {
			f.r.fail(n, "%q is not one of %s%s", text, strings.Join(known, ", "), fault.DidYouMean(text, known))
			return
		}
		f.Restore = append(f.Restore, text)
	})
}

func (f *draft) protect() kind {
	r := f.r
	f.roles = map[string]plan.RolePolicy{}
	role := func(p *plan.RolePolicy, change *string) kind {
		return r.object(
			field{name: "min", kind: r.whole(&p.Min, 0, 1_000_000), def: "0", doc: "never fewer holders than this"},
			field{name: "change", kind: r.choice(change, never, "allowed"), def: never, doc: "allowed: data may grant and take it"},
		)
	}
	template := role(new(plan.RolePolicy), new(string))
	return r.object(
		field{name: "users", kind: r.texts("userNames", &f.Policy.Protect), doc: "userNames that are never touched; * stands for any text"},
		field{name: "roles", kind: r.entries("roles", template.schema, template.fields, func(key, value *yaml.Node) {
			var p plan.RolePolicy
			change := never
			role(&p, &change).read(value)
			p.Change = change != never
			f.roles[key.Value] = p
		}), doc: "what data may do to a role"},
	)
}

func (f *draft) limits() kind {
	ops := []struct {
		op       plan.Op
		def, doc string
	}{
		{plan.Create, "none", "users created"},
		{plan.Adopt, "0", "existing users linked for the first time and changed"},
		{plan.Update, "50 or 50%", "users changed"},
		{plan.Rename, "5 or 1%", "sign-in names changed"},
		{plan.Rekey, "5 or 1%", "people whose key changed"},
		{plan.Deactivate, "10 or 2%", "users deactivated"},
		{plan.Reactivate, "none", "users active again"},
		{plan.Delete, "0", "users deleted"},
		{plan.GroupRemovals, "5 or 25%", "members removed, group by group"},
	}
	schema := map[string]any{"anyOf": []any{
		map[string]any{"type": "integer", "minimum": 0},
		textSchema(`^(\d+|\d+(\.\d+)?%|\d+ or \d+(\.\d+)?%|none)$`),
	}}
	fields := make([]field, len(ops))
	for i, o := range ops {
		fields[i] = field{name: string(o.op), def: o.def, doc: o.doc, kind: f.r.scalar("limit", maps.Clone(schema), func(n *yaml.Node, text string) {
			b, none, err := parseBound(text)
			switch {
			case err != nil:
				f.r.fail(n, "%v", err)
			case none:
				delete(f.Policy.Limits, o.op)
			default:
				f.Policy.Limits[o.op] = b
			}
		})}
	}
	return f.r.object(fields...)
}

func (f *draft) unknown() kind {
	word := new(string)
	k := f.r.choice(word, "attribute", "person")
	read := k.read
	k.read = func(n *yaml.Node) {
		read(n)
		f.Policy.HoldAll = *word == "person"
	}
	return k
}

func (f *draft) schedule() kind {
	when := func(into *When) kind {
		return parsed(f.r, "schedule", textSchema(`^(every \d+(s|m|h|d)|hourly|never|daily at \d{1,2}:\d{2}|weekly on [a-z]+ at \d{1,2}:\d{2})$`), into, parseWhen)
	}
	return f.r.object(
		field{name: "quick", kind: when(&f.Schedule.Quick), def: never, doc: "runs that read what changed in the source only"},
		field{name: "full", kind: when(&f.Schedule.Full), def: never, doc: "runs that read the organization too"},
		field{name: "drift", kind: when(&f.Schedule.Drift), def: never, doc: "looks for what others changed"},
	)
}

// expression reads the text of a rule and notes where it stands.
func (f *draft) expression(label string, into *mapping.Expr) kind {
	return f.r.scalar("expression", exprSchema(), func(n *yaml.Node, _ string) {
		if e, ok := f.expr(n, label); ok {
			*into = e
		}
	})
}

func exprSchema() map[string]any {
	return map[string]any{"type": []string{"string", "number", "boolean"}}
}

// expr is the expression at n; false where there is none, which is a mistake.
func (f *draft) expr(n *yaml.Node, label string) (mapping.Expr, bool) {
	if strings.TrimSpace(n.Value) == "" {
		f.r.fail(n, "an expression is expected, not an empty text")
		return mapping.Expr{}, false
	}
	f.places[label] = scalar{n.Line, n.Column, n.Style, n.Value}
	return mapping.Expr{Text: n.Value, Label: label}, true
}

// base is the name of the file without its extension.
func (r *reader) base() string {
	name := filepath.Base(r.file)
	return strings.TrimSuffix(name, filepath.Ext(name))
}
