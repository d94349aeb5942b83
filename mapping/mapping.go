package mapping

import (
	"errors"
	"slices"
	"time"

	"github.com/expr-lang/expr/vm"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// An Expr is the text of an expression and what it is called in errors:
// "people.title". An empty text is no expression.
type Expr struct{ Text, Label string }

// Rules say what is desired of a person, attribute by attribute.
type Rules struct {
	Where      Expr        // bool: who is in scope; empty: everybody
	Attributes []Attribute // in the configuration's order
	Groups     []Group
	GroupNames Expr // a list of names of groups, from a column
	Unit       Expr // text: what limits are counted by, a department for instance
}

// An Attribute is the rule of one managed path.
type Attribute struct {
	Path scim.Path
	Expr
	EmptyClears bool // nil and "" clear the attribute, instead of leaving it alone
}

// A Group is the rule of one managed group: bool, whether a person belongs in it.
type Group struct {
	Name string
	When Expr
}

// Options are what a Mapping needs beside rules and columns.
type Options struct {
	Dialect  target.Dialect
	Timezone *time.Location // nil: rules that use today are faults
	Now      time.Time      // the instant of the run; only its date in Timezone is used
	Also     []scim.Path    // paths that rows are to have room for, such as match keys; never known in a Person's Row
}

// A Person is what a record wants of one user.
type Person struct {
	Key      source.Key
	Place    source.Place
	In       bool     // in scope; of those who are not, nothing below is set
	Row      scim.Row // in the mapping's shape: not known where not managed for this person, known and empty where cleared
	Groups   []string // sorted, each once
	Named    bool     // GroupNames told the groups of this person; false: it was empty, and memberships by name are left alone
	Unit     string
	Problems []Problem // values that cannot be used, in the order of the rules
	Turns    time.Time // the first day on which the source will say otherwise whether they are there and active; zero: none is known
}

// A Problem is a value that cannot be used. Its attribute is left alone for
// this person.
type Problem struct {
	Path scim.Path
	Code string // one word with dashes: bad-phone, bad-value
	Text string // a sentence without the value
}

// A Mapping evaluates rules. It belongs to one goroutine at a time.
type Mapping struct {
	shape   *scim.Shape
	columns []string
	today   string
	dialect target.Dialect

	where, names, unit *program
	active             *program // of the attribute; nil: it does not depend on the day
	attributes         []attribute
	groups             []group

	slots []slot         // one per used column
	env   map[string]any // variables by name, used for every record anew
	vm    vm.VM
	row   *scim.RowBuilder
	call  calls
}

type attribute struct {
	Attribute
	index   int // in the shape
	program *program
	kind    kind
	set     *target.Set // nil: one value
}

type group struct {
	name string
	when *program
}

// slot is where the value of a column goes.
type slot struct {
	name string // in env
	text bool   // nil becomes ""
}

// Compile checks rules against the columns of a source and readies them for
// evaluation. The error joins every fault: a *RuleError for each fault of an
// expression.
func Compile(rules Rules, columns []source.Column, o Options) (*Mapping, error) {
	return build(rules, newCompiler(columns, o), o)
}

// Check finds the faults of rules that can be told without a source: all of
// [Compile] but unknown columns and what follows from their types.
func Check(rules Rules, o Options) error {
	c := newCompiler(nil, o)
	c.open = true
	_, err := build(rules, c, o)
	return err
}

func build(rules Rules, c *compiler, o Options) (*Mapping, error) {
	m := &Mapping{dialect: o.Dialect, today: c.today.Format(time.DateOnly)}
	c.call = &m.call
	m.call.zone = c.zone
	paths := make([]scim.Path, 0, len(rules.Attributes)+len(o.Also))
	for _, a := range rules.Attributes {
		paths = append(paths, a.Path)
	}
	m.shape = scim.NewShape(append(paths, o.Also...)...)
	m.row = scim.NewRow(m.shape)

	m.where = c.compile(rules.Where, condition)
	for _, a := range rules.Attributes {
		m.attributes = append(m.attributes, c.attribute(a, m.shape))
	}
	for _, g := range rules.Groups {
		m.groups = append(m.groups, group{g.Name, c.compile(g.When, condition)})
	}
	m.names = c.compile(rules.GroupNames, list)
	m.unit = c.compile(rules.Unit, text)
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	m.active = m.dated()

	m.env = map[string]any{todayName: c.today}
	for _, col := range c.columns {
		if c.used[col.Name] {
			m.columns = append(m.columns, col.Name)
			m.slots = append(m.slots, slot{rowName + "." + col.Name, col.Kind == source.Text})
		}
	}
	return m, nil
}

// dated is what tells who is active, where that or the scope depends on the day.
func (m *Mapping) dated() *program {
	i := slices.IndexFunc(m.attributes, func(a attribute) bool { return a.Path == "active" })
	if i < 0 || !m.attributes[i].program.dated && (m.where == nil || !m.where.dated) {
		return nil
	}
	return m.attributes[i].program
}

// Shape is the shape of every Person's Row: the managed paths in the order of
// the rules, then Options.Also.
func (m *Mapping) Shape() *scim.Shape { return m.shape }

// Columns are the columns that some expression reads, in the source's order:
// what to ask the source for, and what Map expects a record's values to be.
func (m *Mapping) Columns() []string { return m.columns }

// Today is the day that expressions see, YYYY-MM-DD; in UTC without a time zone.
func (m *Mapping) Today() string { return m.today }

// Zone is the time zone in which that day is; UTC without one.
func (m *Mapping) Zone() *time.Location { return m.call.zone }

// Map is the person of a record, whose values are those of Columns. Where an
// expression fails, the error is a *source.RecordError with a *RuleError
// within: the record is as bad as one that could not be read. Nothing of rec
// is kept but strings.
func (m *Mapping) Map(rec source.Record) (Person, error) {
	p := Person{Key: rec.Key, Place: rec.Place}
	if err := m.fill(&p, rec); err != nil {
		m.row.Row() // what came before the failing rule is dropped
		return Person{Key: rec.Key, Place: rec.Place}, &source.RecordError{Key: rec.Key, Place: rec.Place, Err: err}
	}
	return p, nil
}

func (m *Mapping) fill(p *Person, rec source.Record) error {
	m.load(rec)
	in, err := m.holds(m.where, true)
	if p.In = in; err != nil || !in {
		return err
	}
	for i := range m.attributes {
		if err := m.set(&m.attributes[i]); err != nil {
			return err
		}
	}
	if err := m.join(p); err != nil {
		return err
	}
	p.Row, p.Problems = m.row.Row(), m.call.problems
	if m.active != nil {
		p.Turns = m.turns()
	}
	return nil
}

// load makes the values of rec what expressions see.
func (m *Mapping) load(rec source.Record) {
	for i, s := range m.slots {
		v := rec.Values[i]
		if v == nil && s.text {
			v = ""
		}
		m.env[s.name] = v
	}
	m.call.problems = nil
}

// holds is the value of a condition; otherwise where there is none.
func (m *Mapping) holds(p *program, otherwise bool) (bool, error) {
	if p == nil {
		return otherwise, nil
	}
	v, err := m.run(p)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, p.at(0, "gives %s where true or false is needed", kindOf(v))
	}
	return b, nil
}

// set gives the row the value of one attribute, or adds a problem.
func (m *Mapping) set(a *attribute) error {
	before := len(m.call.problems)
	m.call.path = a.Path
	v, err := m.run(a.program)
	if err != nil {
		return err
	}
	values, empty, err := a.values(v)
	switch {
	case err != nil:
		return a.at(0, "%v", err)
	case len(m.call.problems) > before && (empty || a.set != nil):
		return nil
	case empty && a.EmptyClears:
		m.row.Set(a.index)
		return nil
	case empty:
		return nil
	}
	if values, err = m.canonical(a, values); err != nil {
		m.call.problem("bad-value", "%s", err.Error())
		return nil
	}
	m.row.Set(a.index, values...)
	return nil
}

// join finds the groups and the unit of p.
func (m *Mapping) join(p *Person) error {
	for _, g := range m.groups {
		in, err := m.holds(g.when, false)
		if err != nil {
			return err
		}
		if in {
			p.Groups = append(p.Groups, g.name)
		}
	}
	if m.names != nil {
		v, err := m.run(m.names)
		if err != nil {
			return err
		}
		names, err := texts(v)
		if err != nil {
			return m.names.at(0, "%v", err)
		}
		p.Named = names != nil
		p.Groups = append(p.Groups, names...)
	}
	slices.Sort(p.Groups)
	p.Groups = slices.Compact(p.Groups)
	if m.unit == nil {
		return nil
	}
	v, err := m.run(m.unit)
	p.Unit, _ = v.(string)
	return err
}

func (m *Mapping) run(p *program) (any, error) {
	m.call.steps, m.call.work = 0, 0
	v, err := m.vm.Run(p.vm, m.env)
	if err != nil {
		return nil, p.runError(err)
	}
	return v, nil
}
