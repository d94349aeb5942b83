package mapping

import (
	"cmp"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/vm/runtime"
)

// The bounds of one evaluation.
const (
	maxSteps = 100_000  // bodies of loops, and other values that are looked at
	maxText  = 64 << 10 // bytes of one text
	maxWork  = 16 << 20 // bytes, about, of all that functions read and make
	maxParts = 1000     // elements that split, skills and languages give
)

// perElement is about what an element of a list or a document costs beside its text.
const perElement = 16

// stepName cannot be written in an expression.
const stepName = "$step"

// step counts what loops and bounds what grows.
func (c *calls) step(args ...any) (any, error) {
	if c.steps++; c.steps > maxSteps {
		return nil, reason("takes too many steps")
	}
	return args[0], c.made(args[0])
}

// made takes the cost of a new value from what is left of the evaluation's.
func (c *calls) made(v any) error {
	if s, ok := v.(string); ok && len(s) > maxText {
		return reason("makes a text that is too long")
	}
	return c.charge(weigh(v, 0, maxWork-c.work))
}

func (c *calls) charge(work int) error {
	if work > maxWork-c.work {
		return reason("takes too much memory")
	}
	c.work += work
	return nil
}

// weigh is about how many bytes v has when it is written out; it stops soon
// after limit, as lists that share their elements can be larger than memory.
// What is deep weighs more: it is indented.
func weigh(v any, depth, limit int) int {
	sum, each := 0, perElement+4*depth
	switch v := v.(type) {
	case nil, bool, int, float64:
	case string:
		sum = len(v)
	case []any:
		for _, e := range v {
			if sum += each + weigh(e, depth+1, limit-sum); sum > limit {
				break
			}
		}
	case map[string]any:
		for name, e := range v {
			if sum += each + len(name) + weigh(e, depth+1, limit-sum); sum > limit {
				break
			}
		}
	case []string:
		for _, e := range v {
			sum += each + len(e)
		}
	default:
		return weighOther(reflect.ValueOf(v), depth, limit)
	}
	return sum
}

// weighOther weighs ranges and the groups of groupBy.
func weighOther(v reflect.Value, depth, limit int) int {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		return v.Len() * (perElement + 4*depth)
	case reflect.Map:
		sum := 0
		for i := v.MapRange(); i.Next() && sum <= limit; {
			sum += perElement + 4*depth + weigh(i.Value().Interface(), depth+1, limit-sum)
		}
		return sum
	default:
		return 0
	}
}

// A price is what a call will cost, told from its arguments before it is made:
// the bytes of the text that it gives, and work beside reading the arguments.
type price func(args []any) (text, work int)

// guarded are the functions, built-in or ours, whose results or whose work can
// grow. All others give a part of what they are given, or a value of one size.
func guarded() map[string]price {
	none := func([]any) (int, int) { return 0, 0 }
	return map[string]price{
		"replace": priceReplace, "repeat": priceRepeat, "join": priceJoin, "uniq": priceUniq, "toJSON": priceJSON,
		"split": priceSplit, "splitAfter": priceSplit, "skills": priceRated, "languages": priceRated, "fromJSON": priceParse,
		"concat": none, "flatten": none, "reverse": none, "sort": none, "fromPairs": none,
		"toBase64": none, "fromBase64": none, "string": none, "upper": none, "lower": none,
	}
}

// guard replaces those functions of config by ones that cost no more than the evaluation may.
func (c *calls) guard(config *conf.Config) {
	for name, p := range guarded() {
		f := cmp.Or(config.Functions[name], config.Builtins[name])
		own := *f
		own.Safe, own.Func = nil, c.careful(f, p)
		config.Functions[name] = &own
	}
}

func (c *calls) careful(f *builtin.Function, p price) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		for _, a := range args {
			if err := c.charge(weigh(a, 0, maxWork-c.work)); err != nil {
				return nil, err
			}
		}
		text, work := p(args)
		if text > maxText {
			return nil, reason("makes a text that is too long")
		}
		if err := c.charge(work); err != nil {
			return nil, err
		}
		v, err := call(f, args)
		if err != nil {
			return nil, err
		}
		return v, c.made(v)
	}
}

func call(f *builtin.Function, args []any) (any, error) {
	if f.Safe == nil {
		return f.Func(args...)
	}
	v, _, err := f.Safe(args...)
	return v, err
}

// textOf is the i-th argument; "" where it is none: the function refuses it.
func textOf(args []any, i int) string {
	if i >= len(args) {
		return ""
	}
	s, _ := args[i].(string)
	return s
}

func priceReplace(args []any) (text, work int) {
	s, before, after := textOf(args, 0), textOf(args, 1), textOf(args, 2)
	n := strings.Count(s, before)
	if len(args) > 3 {
		if most := runtime.ToInt(args[3]); most >= 0 {
			n = min(n, most)
		}
	}
	return len(s) + n*(len(after)-len(before)), 0
}

func priceRepeat(args []any) (text, work int) {
	return len(textOf(args, 0)) * max(0, min(runtime.ToInt(args[1]), maxText+1)), 0
}

func priceJoin(args []any) (text, work int) {
	n := 0
	switch list := args[0].(type) {
	case []string:
		n = len(list)
		for _, s := range list {
			text += len(s)
		}
	case []any:
		n = len(list)
		for i := range list {
			text += len(textOf(list, i))
		}
	}
	return text + max(0, n-1)*len(textOf(args, 1)), 0
}

// priceUniq: each element is compared with each.
func priceUniq(args []any) (text, work int) {
	v := reflect.ValueOf(args[0])
	if v.Kind() != reflect.Slice {
		return 0, 0
	}
	return 0, min(v.Len(), maxWork) * weigh(args[0], 0, maxWork)
}

// priceJSON is no more than the text will have, as far as that can be told without making it.
func priceJSON(args []any) (text, work int) { return weigh(args[0], 0, maxWork) / 4, 0 }

func priceSplit(args []any) (text, work int) {
	return 0, perElement * strings.Count(textOf(args, 0), textOf(args, 1))
}

func priceRated(args []any) (text, work int) {
	return 0, perElement * strings.Count(textOf(args, 0), ";")
}

func priceParse(args []any) (text, work int) { return 0, perElement * len(textOf(args, 0)) }

// bound puts the step function around what may be evaluated many times or grow:
// bodies of loops, values of variables, sums of texts, methods of dates.
type bound struct{}

func (bound) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		n.Node = stepped(n.Node)
	case *ast.VariableDeclaratorNode:
		n.Value = stepped(n.Value)
	case *ast.BinaryNode:
		if n.Operator == "+" && doubles(n) {
			*node = stepped(n)
		}
	case *ast.CallNode:
		if _, method := n.Callee.(*ast.MemberNode); method {
			*node = stepped(n)
		}
	}
}

// doubles tells whether a sum can be of two texts neither of which stands in the expression.
func doubles(n *ast.BinaryNode) bool {
	_, left := n.Left.(*ast.StringNode)
	_, right := n.Right.(*ast.StringNode)
	if left || right {
		return false
	}
	switch n.Nature().Kind {
	case reflect.String, reflect.Interface, reflect.Invalid:
		return true
	default:
		return false
	}
}
