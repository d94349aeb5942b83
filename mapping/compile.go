package mapping

import (
	"maps"
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/checker/nature"
	vmcompiler "github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// The names of the two variables.
const (
	rowName   = "row"
	todayName = "today"
)

// maxNodes bounds how long an expression may be.
const maxNodes = 1000

// forbidden are functions whose result depends on more than their arguments:
// on the clock, the time zones of this machine, or the order of a map.
func forbidden() []string { return []string{"now", "timezone", "keys", "values", "toPairs"} }

// A program is one compiled expression.
type program struct {
	Expr

	vm    *vm.Program
	dated bool // uses today
}

// A compiler compiles the rules of one mapping and collects their faults.
type compiler struct {
	columns []source.Column
	open    bool // the columns are not known: any name will do
	dialect target.Dialect
	zone    *time.Location // UTC where none is configured
	dated   bool           // a zone is configured
	today   time.Time      // midnight in UTC of the day it is in zone
	kinds   map[string]types.Type
	used    map[string]bool
	call    *calls
	faults  []error

	comparisons int // that were made calls
}

func newCompiler(columns []source.Column, o Options) *compiler {
	c := &compiler{
		columns: columns, dialect: o.Dialect, zone: o.Timezone, dated: o.Timezone != nil,
		kinds: make(map[string]types.Type, len(columns)), used: map[string]bool{},
	}
	if !c.dated {
		c.zone = time.UTC
	}
	c.today = civil(o.Now.In(c.zone))
	for _, col := range columns {
		c.kinds[col.Name] = typeOf(col.Kind)
	}
	return c
}

func typeOf(k source.Kind) types.Type {
	switch k {
	case source.Text:
		return types.String
	case source.Number:
		return types.Float64
	case source.Bool:
		return types.Bool
	default:
		return types.Any
	}
}

// civil is the date of t as every date is held: midnight in UTC.
func civil(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// attribute compiles the rule of one path.
func (c *compiler) attribute(a Attribute, s *scim.Shape) attribute {
	out := attribute{Attribute: a, index: s.Index(a.Path), kind: anything}
	if set, ok := c.dialect.Sets[a.Path]; ok {
		out.set, out.kind = &set, list
	} else if c.dialect.Schema != nil {
		_, definition, err := c.dialect.Schema.Resolve(scim.User, a.Path)
		if err != nil {
			c.faults = append(c.faults, a.at(0, "%v", err))
			return out
		}
		out.kind = kindFor(definition)
	}
	if slices.Contains(c.dialect.References, a.Path) {
		out.kind = reference
	}
	if a.Text == "" {
		c.faults = append(c.faults, a.at(0, "has no expression"))
	}
	out.program = c.compile(a.Expr, out.kind)
	return out
}

// compile is the program of e, which must give a value of kind want; nil where
// e is empty or has a fault.
func (c *compiler) compile(e Expr, want kind) *program {
	if e.Text == "" {
		return nil
	}
	config := c.config()
	tree, err := parser.ParseWithConfig(e.Text, config)
	if err != nil {
		c.faults = append(c.faults, e.compileError(err, nil))
		return nil
	}
	look := &survey{compiler: c, expr: e, env: types.Map{todayName: types.TypeOf(c.today)}}
	ast.Walk(&tree.Node, look)
	look.strays(&tree.Node)
	if len(look.faults) > 0 {
		c.faults = append(c.faults, look.faults...)
		return nil
	}
	config.WithEnv(look.env)
	if _, err := checker.Check(tree, config); err != nil {
		c.faults = append(c.faults, e.compileError(err, c.known(config)))
		return nil
	}
	if said := want.refuses(tree.Node.Nature()); said != "" {
		c.faults = append(c.faults, e.at(0, "%s", said))
		return nil
	}
	ast.Walk(&tree.Node, bound{})
	if look.today {
		ast.Walk(&tree.Node, compared{&c.comparisons})
	}
	if err := optimizer.Optimize(&tree.Node, config); err != nil {
		c.faults = append(c.faults, e.compileError(err, nil))
		return nil
	}
	compiled, err := vmcompiler.Compile(tree, config)
	if err != nil {
		c.faults = append(c.faults, e.compileError(err, nil))
		return nil
	}
	return &program{Expr: e, vm: compiled, dated: look.today}
}

func (c *compiler) config() *conf.Config {
	config := conf.CreateNew()
	expr.MaxNodes(maxNodes)(config)
	for _, name := range forbidden() {
		delete(config.Builtins, name)
		config.Disabled[name] = true
	}
	for _, f := range functions(c) {
		f(config)
	}
	c.call.guard(config)
	return config
}

// known are the names that an expression may use as functions or variables.
func (c *compiler) known(config *conf.Config) []string {
	names := slices.Collect(maps.Keys(config.Builtins))
	names = append(names, "date", "languages", "person", "phone", "skills", "split", "user", todayName, rowName)
	slices.Sort(names)
	return slices.Compact(names)
}

// names are those of the columns.
func (c *compiler) names() []string {
	names := make([]string, len(c.columns))
	for i, col := range c.columns {
		names[i] = col.Name
	}
	return names
}

// A survey turns row.Name into a variable of that name and notes the column;
// what it cannot turn is a fault.
type survey struct {
	*compiler

	expr   Expr
	env    types.Map
	today  bool // is used
	faults []error
}

// Visit sees children before their parents.
func (s *survey) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.MemberNode:
		base, ok := n.Node.(*ast.IdentifierNode)
		if !ok || base.Value != rowName {
			s.zoneless(n)
			return
		}
		name, ok := n.Property.(*ast.StringNode)
		if !ok {
			base.Value = "" // said here, not again as a stray
			s.fault(n.Property, `a column is named, not computed: row.Name or row["Name"]`)
			return
		}
		ast.Patch(node, s.column(name))
	case *ast.CallNode:
		s.constants(n)
	}
}

func (s *survey) fault(n ast.Node, format string, args ...any) {
	s.faults = append(s.faults, s.expr.at(n.Location().From, format, args...))
}

// column is the variable that stands for a column.
func (s *survey) column(name *ast.StringNode) ast.Node {
	t, ok := s.kinds[name.Value]
	switch {
	case ok:
	case s.open:
		t = types.Any
	default:
		s.fault(name, "there is no column %q%s", name.Value, fault.DidYouMean(name.Value, s.names()))
		t = types.Any
	}
	s.used[name.Value] = true
	variable := rowName + "." + name.Value
	s.env[variable] = t
	return &ast.IdentifierNode{Value: variable}
}

// zoneless refuses what would bring the machine's own time zone in.
func (s *survey) zoneless(n *ast.MemberNode) {
	if name, ok := n.Property.(*ast.StringNode); ok && n.Method && name.Value == "Local" {
		s.fault(n, "dates have no time zone of this machine")
	}
}

// strays finds uses of row, today and $env that Visit left as they are.
func (s *survey) strays(root *ast.Node) {
	ast.Walk(root, visit(func(node *ast.Node) {
		n, ok := (*node).(*ast.IdentifierNode)
		if !ok {
			return
		}
		switch {
		case n.Value == rowName, n.Value == "$env":
			s.fault(n, `%s cannot be used as a whole: name a column, row.Name or row["Name"]`, n.Value)
		case n.Value == todayName && !s.dated:
			s.fault(n, "today needs a time zone: set timezone")
		case n.Value == todayName:
			s.today = true
		}
	}))
}

type visit func(*ast.Node)

func (v visit) Visit(node *ast.Node) { v(node) }

func stepped(n ast.Node) ast.Node {
	call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: stepName}, Arguments: []ast.Node{n}}
	call.SetLocation(n.Location())
	call.SetNature(*n.Nature())
	call.Callee.SetNature(nature.Nature{})
	return call
}
