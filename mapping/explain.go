package mapping

import (
	"errors"

	"rollcall/scim"
	"rollcall/source"
)

// A Trace is what one rule made of one record.
type Trace struct {
	Expr

	Path    scim.Path    // of an attribute; "" for the other rules
	Group   string       // of a group's condition
	Gave    scim.Value   // what the expression gave; "" where it failed
	Known   bool         // of an attribute: it is managed for this person, and Values is what is desired
	Values  []scim.Value // in canonical form
	Problem string       // why the value cannot be used; "" it can
	Names   []string     // of group_names: the groups
	Err     *RuleError   // why the expression failed, and the record with it; nil: it did not
}

// True tells whether a condition holds.
func (t Trace) True() bool { return t.Gave == "true" }

// A Cell is the value of one column that some expression reads.
type Cell struct {
	Column string
	Value  any // as the source gave it
}

// An Account tells, rule by rule, how a record becomes a person.
type Account struct {
	Key        source.Key
	Place      source.Place
	Cells      []Cell // in the source's order
	In         bool   // in scope
	Where      *Trace // nil: everybody is in scope
	Attributes []Trace
	Groups     []Trace
	GroupNames *Trace // nil: no column names groups
}

// Failed is the first rule that failed, as Map answers it; nil where none did.
func (a Account) Failed() *RuleError {
	traces := a.Attributes
	if a.Where != nil {
		traces = append([]Trace{*a.Where}, traces...)
	}
	traces = append(traces[:len(traces):len(traces)], a.Groups...)
	if a.GroupNames != nil {
		traces = append(traces, *a.GroupNames)
	}
	for _, t := range traces {
		if t.Err != nil {
			return t.Err
		}
	}
	return nil
}

// Explain evaluates every rule for rec, whose values are those of Columns: also
// those after one that fails, and those of a record that is out of scope. What
// Map answers for rec agrees with it. Nothing of rec is kept but strings.
func (m *Mapping) Explain(rec source.Record) Account {
	a := Account{Key: rec.Key, Place: rec.Place, In: true}
	m.load(rec)
	for i, name := range m.columns {
		a.Cells = append(a.Cells, Cell{name, rec.Values[i]})
	}
	if m.where != nil {
		t := m.trace(m.where, condition)
		a.Where, a.In = &t, t.True()
	}
	for i := range m.attributes {
		a.Attributes = append(a.Attributes, m.traceAttribute(&m.attributes[i]))
	}
	for _, g := range m.groups {
		t := m.trace(g.when, condition)
		t.Group = g.name
		a.Groups = append(a.Groups, t)
	}
	if m.names != nil {
		t := m.trace(m.names, list)
		a.GroupNames = &t
	}
	m.call.problems = nil
	return a
}

// trace evaluates a rule that is no attribute's: a condition, or a list of names.
func (m *Mapping) trace(p *program, want kind) Trace {
	t := Trace{Expr: p.Expr}
	v, err := m.run(p)
	if err == nil {
		t.Gave = gave(v)
		_, isBool := v.(bool)
		switch {
		case want == list:
			if t.Names, err = texts(v); err != nil {
				err = p.at(0, "%v", err)
			}
		case !isBool:
			err = p.at(0, "gives %s where true or false is needed", kindOf(v))
		}
	}
	errors.As(err, &t.Err)
	return t
}

// traceAttribute evaluates twice: for what the expression gave, and for what the
// attribute makes of it.
func (m *Mapping) traceAttribute(a *attribute) Trace {
	t := Trace{Expr: a.Expr, Path: a.Path}
	m.call.path = a.Path
	v, err := m.run(a.program)
	if err == nil {
		t.Gave = gave(v)
		m.call.problems = nil
		err = m.set(a)
	}
	for _, p := range m.call.problems {
		t.Problem = p.Text
	}
	errors.As(err, &t.Err)
	t.Values, t.Known = m.row.Row().Index(a.index)
	return t
}

// gave is the value of an expression as JSON; "null" for nothing and for what JSON does not have.
func gave(v any) scim.Value {
	if v == nil {
		return "null"
	}
	if value, err := valueOf(v); err == nil {
		return value
	}
	if names, ok := v.([]string); ok {
		all := make([]any, len(names))
		for i, name := range names {
			all[i] = name
		}
		return scim.ValueOf(all)
	}
	return "null"
}
