package config

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
)

// finish fills in what was left out and checks what concerns several keys.
func (f *draft) finish(root *yaml.Node) {
	f.root = root
	f.Name = cmp.Or(f.Name, f.r.base())
	f.Approvals.Another = f.by == "another"
	f.Policy.Roles, f.Policy.ByUnit = f.roles, f.Mapping.Unit.Text != ""
	if !f.Database.IsZero() && f.seen["ledger_key"] == nil {
		f.fail("ledger", "a ledger on PostgreSQL needs ledger_key: env:NAME or file:/path; openssl rand -base64 32 makes a key")
	}
	f.whence()
	f.fill(cmp.Or(f.seen["genesys"], f.seen["target"], root))
	f.leave()
	f.match()
	f.Policy.Lifecycle = f.lifecycle == fullWord
	f.complete()
	f.timed()
	f.r.mistakes = append(f.r.mistakes, f.expressions()...)
}

// fail is a mistake at a section, or at the top of the file without one.
func (f *draft) fail(section, format string, args ...any) {
	n := cmp.Or(f.seen[section], f.root)
	f.r.fail(n, format, args...)
}

// whence checks that there is one way to read people.
func (f *draft) whence() {
	s := f.Source
	if f.seen["source"] == nil || f.seen["source"].Kind != yaml.MappingNode || f.seen["source.other"] != nil {
		return
	}
	if s.File == "" && f.seen["source.file"] == nil {
		f.fail("source", "source names nothing to read: write file: and a path")
	}
}

// fill completes the target from the environment: what the file says wins.
func (f *draft) fill(at *yaml.Node) {
	if f.r.env.Offline {
		return
	}
	t := &f.Target
	if at == nil {
		at = &yaml.Node{}
	}
	env := func(name string) string {
		v, _ := f.r.env.lookup(name)
		return strings.TrimSpace(v)
	}
	address := func(name string) string {
		v := strings.TrimRight(env(name), "/")
		if err := checkURL(v); v != "" && err != nil {
			f.r.fail(at, "environment variable %s: %v", name, err)
		}
		return v
	}
	t.ClientID = cmp.Or(t.ClientID, env("GENESYS_CLIENT_ID"))
	if v := env("GENESYS_CLIENT_SECRET"); t.ClientSecret.IsZero() && f.seen["client_secret"] == nil && v != "" {
		t.ClientSecret = NewSecret(v, "env:GENESYS_CLIENT_SECRET")
	}
	if f.seen["region"] == nil && f.seen["api"] == nil {
		if t.API = address("GENESYS_BASE_URL"); t.API == "" {
			t.Region = env("GENESYS_REGION")
		}
	}
	if t.Login == "" {
		t.Login = address("GENESYS_LOGIN_URL")
	}
	f.reachable(at)
}

// reachable says what is missing of the target.
func (f *draft) reachable(at *yaml.Node) {
	t := f.Target
	if f.seen["region"] != nil && f.seen["api"] != nil {
		f.fail("api", "region and api exclude each other: keep one")
	} else if t.Region == "" && t.API == "" && f.seen["region"] == nil && f.seen["api"] == nil {
		f.r.fail(at, "the target has no address: write target.genesys.region, or set GENESYS_REGION or GENESYS_BASE_URL")
	}
	if t.ClientID == "" && f.seen["client_id"] == nil {
		f.r.fail(at, "the target has no client: write target.genesys.client_id, or set GENESYS_CLIENT_ID")
	}
	if t.ClientSecret.IsZero() && f.seen["client_secret"] == nil {
		f.r.fail(at, "the target has no client secret: write target.genesys.client_secret: env:NAME, or set GENESYS_CLIENT_SECRET")
	}
}

// leave settles what happens to leavers.
func (f *draft) leave() {
	l := f.leavers
	switch {
	case l.then != "" && l.action != "deactivate":
		f.fail("leavers", "then: %s follows action: deactivate only", l.then)
	case l.then != "" && l.thenAfter < 0:
		f.fail("leavers", "then: %s needs then_after, such as 90d", l.then)
	case l.then == "" && l.thenAfter >= 0:
		f.fail("leavers", "then_after has no then")
	}
	f.Policy.Leaving = plan.Leaving{Action: l.action, After: l.after, Then: l.then, ThenAfter: max(0, l.thenAfter)}
}

// match keeps the keys that the mapping gives; one that was written and is not mapped is a mistake.
func (f *draft) match() {
	if f.seen["match"] == nil {
		for _, p := range []scim.Path{"externalId", "userName"} {
			if f.managed(p) {
				f.Match = append(f.Match, p)
			}
		}
	}
	for i, n := range f.matches {
		if !f.managed(f.Match[i]) {
			f.r.fail(n, "%s is not mapped under people, so that nobody is found by it", n.Value)
		}
	}
	if f.seen["people"] != nil && len(f.Match) == 0 && len(f.r.mistakes) == 0 {
		f.fail("people", "nobody can be found: map externalId or userName")
	}
	f.Policy.Match = f.Match
}

// complete checks that what comes and goes has what it needs. A source without
// a word on activity is one where everybody is active.
func (f *draft) complete() {
	if !f.Policy.Lifecycle {
		if a := f.Policy.Leaving.Action; a != "report" {
			f.fail("leavers", "leavers cannot %s under lifecycle: none", a)
		}
		return
	}
	if f.seen["people"] == nil || f.seen["people"].Kind != yaml.MappingNode {
		return
	}
	for _, p := range f.Dialect.CreateNeeds {
		i := slices.IndexFunc(f.Rules, func(r plan.Rule) bool { return r.Path == p })
		switch {
		case i < 0:
			f.fail("people", "%s is not mapped: nobody can be created without it; map it, or set lifecycle: none", p)
		case f.Rules[i].Own == plan.Watch:
			f.fail("people", "%s is only watched: nobody can be created without it", p)
		}
	}
	if !f.managed(active) {
		f.Rules = append(f.Rules, plan.Rule{Path: active, Own: plan.Managed})
		f.Mapping.Attributes = append(f.Mapping.Attributes, mapping.Attribute{Path: active, Expr: mapping.Expr{Text: "true", Label: "people.active"}})
	}
}

const active scim.Path = "active"

// timed checks that times of day have a time zone.
func (f *draft) timed() {
	for name, w := range map[string]When{"quick": f.Schedule.Quick, "full": f.Schedule.Full, "drift": f.Schedule.Drift} {
		if (w.Daily || w.Weekly) && f.Timezone == nil {
			f.fail("schedule", "%s has a time of day: set timezone", name)
		}
	}
}

// expressions are the faults of expressions that can be told without a source;
// where there are mistakes at all, those too that its columns tell.
func (f *draft) expressions() []*Mistake {
	f.text = f.r.text
	err := mapping.Check(f.Mapping, f.options())
	if f.r.env.Columns != nil && (err != nil || len(f.r.mistakes) > 0) {
		if columns := f.r.env.Columns(f.Source); columns != nil {
			_, err = mapping.Compile(f.Mapping, columns, f.options())
		}
	}
	if err != nil {
		return f.translate(err)
	}
	return nil
}
