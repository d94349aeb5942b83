package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/internal/config"
	"rollcall/ledger"
	"rollcall/ledger/sqlledger"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/scim/scimclient"
	"rollcall/source"
	"rollcall/source/filesource"
	"rollcall/target"
	"rollcall/target/genesys"
)

// A Sync is one configuration with everything open that it names.
type Sync struct {
	Config  *config.Config
	Dialect target.Dialect
	Client  *genesys.Client
	Ledger  *sqlledger.Ledger
	Mapping *mapping.Mapping // nil where no source is configured
	Job     reconcile.Job

	file *filesource.File
}

// Dialect is that of Genesys Cloud: the only service so far.
func Dialect() target.Dialect { return genesys.Dialect() }

// Close releases source and ledger.
func (y *Sync) Close() error {
	var err error
	if y.file != nil {
		err = y.file.Close()
	}
	if y.Ledger != nil {
		err = errors.Join(err, y.Ledger.Close())
	}
	return err
}

// Open opens the sync that the configuration file describes. Without write the
// ledger is only read, and the job has no writer.
func (h Host) Open(ctx context.Context, file string, write bool, in Intent) (*Sync, error) {
	env := h.surroundings()
	env.Columns = func(s config.Source) []source.Column { return columns(ctx, s) }
	c, err := config.Load(file, env, genesys.Dialect())
	if err != nil {
		return nil, err
	}
	return h.assemble(ctx, c, write, in, true)
}

// columns are those of a source, nil where it cannot be read.
func columns(ctx context.Context, s config.Source) []source.Column {
	f, err := openFile(s)
	if err != nil {
		return nil
	}
	defer f.Close()
	found, _ := f.Columns(ctx)
	return found
}

func openFile(s config.Source) (*filesource.File, error) {
	return filesource.Open(s.File, filesource.Options{
		Key: s.Key, Format: filesource.Format(s.Format), Delimiter: s.Delimiter, Encoding: s.Encoding, Sheet: s.Sheet,
	})
}

// OpenPatch is Open for explicit operations: no source is read, and without a
// configuration file of that name the environment suffices, unless the file was asked for.
func (h Host) OpenPatch(ctx context.Context, file string, asked, write bool, in Intent) (*Sync, error) {
	c, err := h.loadPatch(file, asked)
	if err != nil {
		return nil, err
	}
	return h.assemble(ctx, c, write, in, false)
}

func (h Host) loadPatch(file string, asked bool) (*config.Config, error) {
	if _, err := os.Stat(file); !asked && errors.Is(err, os.ErrNotExist) {
		return config.FromEnvironment(filepath.Dir(file), h.surroundings(), genesys.Dialect())
	}
	return config.Load(file, h.surroundings(), genesys.Dialect())
}

func (h Host) surroundings() config.Env { return config.Env{Lookup: h.env} }

func (h Host) assemble(ctx context.Context, c *config.Config, write bool, in Intent, source bool) (_ *Sync, err error) {
	y := &Sync{Config: c, Dialect: c.Dialect}
	defer func() {
		if err != nil {
			err = errors.Join(err, y.Close())
		}
	}()
	if y.Client, err = h.client(c); err != nil {
		return nil, err
	}
	if y.Ledger, err = h.openLedger(ctx, c, !write); err != nil {
		return nil, err
	}
	y.Job = h.job(y, write, in)
	if source {
		if err = h.openSource(ctx, y); err != nil {
			return nil, err
		}
	}
	return y, nil
}

// OpenLedger opens the ledger of a configuration for reading; without the file,
// that of explicit operations in its directory. The target is not asked for.
func (h Host) OpenLedger(ctx context.Context, file string, asked bool) (*sqlledger.Ledger, error) {
	c, err := h.offline(file, asked)
	if err != nil {
		return nil, err
	}
	return h.openLedger(ctx, c, true)
}

// offline is the configuration as far as it can be read without credentials.
func (h Host) offline(file string, asked bool) (*config.Config, error) {
	env := h.surroundings()
	env.Offline = true
	if _, err := os.Stat(file); asked || !errors.Is(err, os.ErrNotExist) {
		return config.Load(file, env, genesys.Dialect())
	}
	c, err := config.FromEnvironment(filepath.Dir(file), env, genesys.Dialect())
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.Ledger); err != nil {
		err = fmt.Errorf("open ledger: neither %s nor %s is here: %w", file, c.Ledger, fault.Invalid)
		return nil, fault.WithHint(err, "name the configuration with --config, or write one with: rollcall init")
	}
	return c, nil
}

func (h Host) openLedger(ctx context.Context, c *config.Config, readOnly bool) (*sqlledger.Ledger, error) {
	o := sqlledger.Options{Now: h.Clock(), ReadOnly: readOnly, Together: together, Redact: c.Redact}
	if c.Retention != (config.Span{}) {
		o.Keep = c.Retention.Before
	}
	if !c.Key.IsZero() {
		var err error
		if o.Key, err = sqlledger.ParseKey(c.Key.Reveal()); err != nil {
			return nil, fmt.Errorf("ledger_key: %w", err)
		}
	}
	return sqlledger.Open(ctx, cmp.Or(c.Database.Reveal(), c.Ledger), o)
}

// together runs functions at the same time and returns when all have ended.
func together(work ...func()) {
	var wg sync.WaitGroup
	for _, do := range work {
		wg.Go(do)
	}
	wg.Wait()
}

func (h Host) client(c *config.Config) (*genesys.Client, error) {
	t := c.Target
	return genesys.New(genesys.Options{
		Region: t.Region, API: t.API, Login: t.Login,
		ClientID: t.ClientID, ClientSecret: t.ClientSecret.Reveal(), BodyAuth: t.ClientAuth == "body", Scopes: t.Scopes,
		Budget: t.Budget, Concurrency: t.Concurrency,
		Backoff:   scimclient.Backoff{First: t.Backoff.First, Factor: t.Backoff.Factor, Attempts: t.Backoff.Attempts},
		Transport: h.Transport, Now: h.Clock(), Log: h.log(),
	})
}

// job is everything but source and mapping, which take a file that may not be needed.
func (h Host) job(y *Sync, write bool, in Intent) reconcile.Job {
	c, t := y.Config, y.Config.Target
	policy := c.Policy
	policy.Only, policy.Allow, policy.Believe = in.Only, in.Allow, in.Believe
	policy.Restore, policy.RestoreWithin = restored(c), c.RestoreWithin
	org := y.Client.Name()
	j := reconcile.Job{
		Start: ledger.Start{
			Sync: c.Name, Org: org, Actor: h.actor(), Reason: in.Because, Host: h.name(), Process: os.Getpid(),
			Allow: in.Allow, Believe: in.Believe,
		},
		Reader: y.Client, Catalog: y.Client, Stats: y.Client.Stats, Store: y.Ledger, Organization: y.organization, OwnRoles: y.Client.OwnRoles,
		Input: plan.Input{
			Groups: scim.NewShape("displayName", target.Members),
			Rules:  c.Rules, Members: c.Members, ByColumn: c.ByColumn, Policy: policy, Dialect: c.Dialect,
			Basis: plan.Basis{Sync: c.Name, Org: org, Mapping: c.Digest(), Granted: y.granted()},
		},
		Options: apply.Options{
			Workers: t.Concurrency, Batch: t.Batch, ConflictRetries: retries(t.ConflictRetries), AllowUnversioned: t.AllowUnversioned,
			Backoff: apply.Backoff{First: t.Backoff.First, Factor: t.Backoff.Factor, Attempts: t.Backoff.Attempts},
		},
		PlanAge: c.PlanAge, Approval: approval(c), Granted: y.granted, Now: h.Clock(),
	}
	if write {
		j.Writer = y.Client
	}
	return j
}

// restored are the paths of what coming back gives back: of roles the grants,
// which have divisions.
func restored(c *config.Config) (paths []scim.Path) {
	named := map[string]scim.Path{"roles": target.GrantsOf, "groups": plan.GroupsOf}
	for _, name := range c.Restore {
		path, special := named[name]
		if !special {
			path = c.Dialect.Short[name]
		}
		paths = append(paths, path)
	}
	return paths
}

// assumed are the requests a minute that are granted where the service has not said (dossier §3.1).
const assumed = 300

// granted is the budget's share of the requests a minute that the service grants.
func (y *Sync) granted() int {
	granted := y.Client.Stats().Granted
	if granted == 0 {
		granted = assumed
	}
	return int(float64(granted) * y.Config.Target.Budget)
}

// organization is the id of the organization that the credentials belong to.
func (y *Sync) organization(ctx context.Context) (string, error) {
	id, _, err := y.Client.Organization(ctx)
	return id, err
}

// retries says "never" as apply does: its zero value is the default.
func retries(configured int) int {
	if configured == 0 {
		return -1
	}
	return configured
}

func (h Host) openSource(ctx context.Context, y *Sync) error {
	s := y.Config.Source
	var err error
	if y.file, err = openFile(s); err != nil {
		return err
	}
	if age := h.Clock()().Sub(y.file.ModTime()); s.MaxAge > 0 && age > s.MaxAge {
		err := fmt.Errorf("read %s: %w: the file is %s old, and source.max_age is %s", s.File, fault.Refused, age.Round(1e9), s.MaxAge)
		return fault.WithHint(err, "look why the export did not come")
	}
	columns, err := y.file.Columns(ctx)
	if err != nil {
		return err
	}
	if y.Mapping, err = y.Config.Compile(columns, h.Clock()()); err != nil {
		return err
	}
	y.Job.Source, y.Job.Mapping = y.file, y.Mapping
	y.Job.Expect = reconcile.Expect{Min: s.Expect.Records.Min, Max: s.Expect.Records.Max, Columns: s.Expect.Columns}
	y.Job.Input.Users = y.Mapping.Shape()
	y.Job.Input.Basis.Source = filepath.Base(s.File)
	y.Job.Input.Basis.Today = y.Mapping.Today()
	return nil
}
