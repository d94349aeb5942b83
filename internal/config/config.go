package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v4"

	"rollcall/fault"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// DefaultFile is the configuration where none is named.
const DefaultFile = "rollcall.yaml"

// A Config is one sync: one source, one organization. It is not modified after
// Parse.
type Config struct {
	File     string // as it was named; "" of one that was made from the environment
	Name     string
	Ledger   string // path of the SQLite file; "" where Database has the ledger
	Database Secret // URL of a PostgreSQL database: it may hold a password
	Key      Secret // that of the ledger; zero: the file beside it
	Timezone *time.Location
	Dialect  target.Dialect

	Source Source
	Target Target

	Match    []scim.Path
	Rules    []plan.Rule      // in the order of the file
	Members  []plan.GroupRule // in the order of the file
	ByColumn plan.Own         // mode of groups that only group_names names; 0: there is no group_names
	Mapping  mapping.Rules
	Policy   plan.Policy // without counts, and what flags say

	Restore       []string // what coming back gives back: roles, groups, skills, languages, division, manager
	RestoreWithin time.Duration
	Approval      string // never, over-limit, always
	Approvals     Approvals
	PlanAge       time.Duration // the oldest plan that is applied
	Schedule      Schedule
	Redact        []scim.Path
	Retention     Span // zero: for ever

	text   []byte            // of the file, for excerpts
	places map[string]scalar // of expressions, by label
}

// A Source says what to read. One of the ways is set.
type Source struct {
	File      string // path
	Format    string // "": by extension
	Delimiter string
	Encoding  string
	Sheet     string
	Key       string
	Expect    Expect
	MaxAge    time.Duration // 0: however old
	Settle    time.Duration // how long a file must have stood still, under serve
}

// Expect is what a reading must have to be believed.
type Expect struct {
	Records Range
	Columns []string
}

// A Target says where the organization is, and how to treat the service.
type Target struct {
	Region           string // exactly one of Region and API is set
	API              string
	Login            string // "": follows from the other
	ClientID         string
	ClientSecret     Secret
	ClientAuth       string  // basic or body
	Budget           float64 // share of the requests that the service grants, 0 to 1
	Concurrency      int
	Batch            int
	ConflictRetries  int
	Backoff          Backoff
	Scopes           []string
	AllowUnversioned bool
}

// Backoff is how waits grow between attempts.
type Backoff struct {
	First    time.Duration
	Factor   float64
	Attempts int
}

// Approvals say what becomes of a plan that waits for a person.
type Approvals struct {
	Expire  time.Duration
	Another bool // not the one who made the plan
}

// A Schedule is when serve runs.
type Schedule struct{ Quick, Full, Drift When }

// Load is Parse of the file at path, with .env beside it. The dialect comes from
// the caller, because side rooms are not known here.
func Load(path string, env Env, d target.Dialect) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		err = fmt.Errorf("read configuration: %w: %w", fault.Invalid, err)
		if errors.Is(err, fs.ErrNotExist) {
			err = fault.WithHint(err, "write one with: rollcall init")
		}
		return nil, fault.WithPlace(err, path)
	}
	if env, err = env.local(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return Parse(path, text, env, d)
}

// local is env with the .env file in dir and the files of this machine.
func (e Env) local(dir string) (Env, error) {
	if e.ReadFile == nil {
		e.ReadFile = os.ReadFile
	}
	text, err := os.ReadFile(filepath.Join(dir, ".env"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return e, fmt.Errorf("read .env: %w: %w", fault.Invalid, err)
	}
	e.Dotenv = append(e.Dotenv, text...)
	return e, nil
}

// Parse reads the text of a configuration; file names it in places, and is
// what relative paths are relative to. The error joins every mistake, in the
// order of the file, and is fault.Invalid.
func Parse(file string, text []byte, env Env, d target.Dialect) (*Config, error) {
	r := &reader{file: file, dir: filepath.Dir(file), text: text, env: env}
	f := newDraft(r, d)
	if root := r.parse(); root != nil && root.Kind != yaml.MappingNode {
		r.fail(root, "a configuration is a mapping: source, target, people, ...")
	} else if root != nil {
		f.file().read(root)
		f.finish(root)
	}
	if err := joined(r.mistakes); err != nil {
		return nil, err
	}
	f.text = text
	return &f.Config, nil
}

// FromEnvironment is the configuration of explicit operations without a file:
// the target from the environment and .env in dir, the ledger in dir.
func FromEnvironment(dir string, env Env, d target.Dialect) (*Config, error) {
	env, err := env.local(dir)
	if err != nil {
		return nil, err
	}
	r := &reader{file: "environment", dir: dir, env: env}
	f := newDraft(r, d)
	f.File, f.Name = "", "environment"
	f.Policy.Lifecycle, f.Approvals.Another = true, true
	f.fill(nil)
	if err := joined(r.mistakes); err != nil {
		return nil, err
	}
	return &f.Config, nil
}

// Compile checks the expressions against the columns of the source and readies
// them. Its mistakes point into the file.
func (c *Config) Compile(columns []source.Column, now time.Time) (*mapping.Mapping, error) {
	o := c.options()
	o.Now = now
	m, err := mapping.Compile(c.Mapping, columns, o)
	if err != nil {
		return nil, joined(c.translate(err))
	}
	return m, nil
}

func (c *Config) options() mapping.Options {
	also := append([]scim.Path{"userName", "active"}, c.Match...)
	return mapping.Options{Dialect: c.Dialect, Timezone: c.Timezone, Also: also}
}

// translate turns faults of rules into mistakes at their place in the file.
func (c *Config) translate(err error) []*Mistake {
	var found []*Mistake
	for _, e := range leaves(err) {
		var rule *mapping.RuleError
		if !errors.As(e, &rule) {
			found = append(found, &Mistake{File: c.File, Text: e.Error()})
			continue
		}
		s := c.places[rule.Rule]
		line, column := s.locate(c.text, rule.Line, rule.Column)
		found = append(found, &Mistake{
			File: c.File, Line: line, Column: column, Text: rule.Rule + ": " + rule.Text, Excerpt: excerpt(c.text, line, column),
		})
	}
	return found
}

func leaves(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok { // the join itself is taken apart
		return many.Unwrap()
	}
	return []error{err}
}

// Digest covers what the configuration says about people, groups and policy:
// a plan made under one digest is not carried out under another.
func (c *Config) Digest() plan.Digest {
	policy := c.Policy
	policy.Recent, policy.Allow, policy.Only, policy.Believe = nil, nil, nil, false
	zone := ""
	if c.Timezone != nil {
		zone = c.Timezone.String()
	}
	text, err := json.Marshal(struct {
		Name, Zone, Key string
		Rules           []plan.Rule
		Members         []plan.GroupRule
		ByColumn        plan.Own
		Mapping         mapping.Rules
		Policy          plan.Policy
		Restore         []string
		Within          time.Duration
	}{c.Name, zone, c.Source.Key, c.Rules, c.Members, c.ByColumn, c.Mapping, policy, c.Restore, c.RestoreWithin})
	if err != nil {
		panic("config: digest of values that are no JSON: " + err.Error())
	}
	return sha256.Sum256(text)
}

// relative is path as seen from the directory of the configuration.
func (r *reader) relative(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(cmp.Or(r.dir, "."), path)
}
