package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/nyaruka/phonenumbers"

	"rollcall/scim"
)

// calls is what functions share with the evaluation that calls them.
type calls struct {
	path     scim.Path // of the attribute being evaluated
	zone     *time.Location
	problems []Problem
	steps    int // of this evaluation
	work     int // of this evaluation

	// Ahead of today.
	days  int         // that were looked at
	met   map[int]int // by comparison: the day on which it was met first; nil: nothing is noted
	apart []int       // days between the two sides of those met first on this day
}

func (c *calls) problem(code, format string, args ...any) {
	c.problems = append(c.problems, Problem{c.path, code, fmt.Sprintf(format, args...)})
}

// functions are ours, beside the built-in ones of expr. Their Go types are what
// expressions are checked against; each gives nil for nil and "".
func functions(c *compiler) []expr.Option {
	one := func(name string, f func(text string) (any, error), signature any) expr.Option {
		return expr.Function(name, func(args ...any) (any, error) {
			text, ok, err := argument(args, 0)
			if !ok || err != nil {
				return nil, err
			}
			return f(text)
		}, signature)
	}
	two := func(name string, f func(a, b string) (any, error), signature any) expr.Option {
		return expr.Function(name, func(args ...any) (any, error) {
			a, ok, err := argument(args, 0)
			if !ok || err != nil {
				return nil, err
			}
			b, _, err := argument(args, 1)
			if err != nil {
				return nil, err
			}
			return f(a, b)
		}, signature)
	}
	return []expr.Option{
		two("phone", c.call.phone, func(string, string) string { return "" }),
		two("date", c.call.date, func(string, string) time.Time { return time.Time{} }),
		two("split", split, func(string, string) []string { return nil }),
		one("person", person, func(string) map[string]any { return nil }),
		one("user", user, func(string) map[string]any { return nil }),
		one("skills", c.call.rated, func(string) []any { return nil }),
		one("languages", c.call.rated, func(string) []any { return nil }),
		lenient("lower", strings.ToLower),
		lenient("upper", strings.ToUpper),
		lenient("trim", strings.TrimSpace),
		expr.Function("string", plain, func(any) string { return "" }),
		expr.Function(stepName, c.call.step),
		expr.Function(compareName, c.call.compare),
	}
}

// plain is the built-in string, with numbers as people write them: the one of
// expr has 1.2345678e+07 for an employee number.
func plain(args ...any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case time.Time:
		return v.Format(time.DateOnly), nil
	case nil:
		return nil, nil
	default:
		return fmt.Sprint(v), nil
	}
}

// lenient is a built-in function that passes nil on instead of failing: a
// member that a document lacks.
func lenient(name string, f func(string) string) expr.Option {
	return expr.Function(name, func(args ...any) (any, error) {
		switch v := args[0].(type) {
		case nil:
			return nil, nil
		case string:
			return f(v), nil
		default:
			return nil, reason(name + " is given " + kindOf(v) + " where text is needed")
		}
	}, func(string) string { return "" })
}

// argument is the i-th argument as text; ok is false where it is nil or blank.
func argument(args []any, i int) (text string, ok bool, err error) {
	switch v := args[i].(type) {
	case nil:
		return "", false, nil
	case string:
		return v, strings.TrimSpace(v) != "", nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true, nil
	default:
		return "", false, reason("is given " + kindOf(v) + " where text is needed")
	}
}

// person is the user that belongs to a key, to be resolved when it is sent.
// Keys have no space around them: their sources trim them too.
func person(key string) (any, error) {
	if key = strings.TrimSpace(key); key == "" {
		return nil, nil
	}
	return map[string]any{"$person": key}, nil
}

// user is the user of the organization who has a userName, in the source or not,
// to be looked up when planning.
func user(name string) (any, error) {
	if name = strings.TrimSpace(name); name == "" {
		return nil, nil
	}
	return map[string]any{"$user": strings.ToLower(name)}, nil
}

// rated reads "Billing:3; Spanish:4.5". What it cannot read is a problem.
func (c *calls) rated(text string) (any, error) {
	var out []any
	for _, part := range pieces(text, ";") {
		colon := strings.LastIndexByte(part, ':')
		if colon < 0 {
			c.problem("bad-value", "an entry has no proficiency: the form is Name:3; Name:4.5")
			return nil, nil
		}
		name := strings.TrimSpace(part[:colon])
		proficiency, err := strconv.ParseFloat(strings.TrimSpace(part[colon+1:]), 64)
		if name == "" || err != nil || !(proficiency >= 0 && proficiency <= 5) {
			c.problem("bad-value", "an entry is not a name and a proficiency from 0 to 5: the form is Name:3; Name:4.5")
			return nil, nil //nolint:nilerr // the problem was told
		}
		out = append(out, map[string]any{"name": name, "proficiency": proficiency})
	}
	if len(out) > maxParts {
		return nil, reason("has too many parts")
	}
	if out == nil {
		return nil, nil
	}
	return out, nil
}

// split cuts at sep; blanks around the parts and empty parts are dropped. nil
// where nothing is left.
func split(text, sep string) (any, error) {
	if sep == "" {
		return nil, reason("split needs a separator")
	}
	parts := pieces(text, sep)
	if len(parts) > maxParts {
		return nil, reason("has too many parts")
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return parts, nil
}

func pieces(text, sep string) []string {
	parts := strings.Split(text, sep)
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return slices.DeleteFunc(parts, func(p string) bool { return p == "" })
}

// date reads a day. A layout is written as Go does ("02.01.2006") or in
// letters ("DD.MM.YYYY"); a time of day with a zone is taken to the
// configured zone first.
func (c *calls) date(text, layout string) (any, error) {
	t, err := time.ParseInLocation(goLayout(layout), strings.TrimSpace(text), c.zone)
	if err != nil {
		return nil, reason("the text is not a date of the layout " + layout)
	}
	return civil(t.In(c.zone)), nil
}

var letters = strings.NewReplacer("YYYY", "2006", "YY", "06", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05")

func goLayout(layout string) string { return letters.Replace(layout) }

// constants finds arguments written into the expression that can never work.
func (s *survey) constants(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || len(n.Arguments) != 2 {
		return
	}
	second, ok := n.Arguments[1].(*ast.StringNode)
	if !ok {
		return
	}
	switch callee.Value {
	case "phone":
		if known := phonenumbers.GetSupportedRegions(); !known[strings.ToUpper(second.Value)] {
			s.fault(second, "%q is not a country: two letters such as US, DE or IN", second.Value)
		}
	case "date":
		probe := time.Date(2013, 11, 22, 0, 0, 0, 0, time.UTC)
		if t, err := time.Parse(goLayout(second.Value), probe.Format(goLayout(second.Value))); err != nil || !t.Truncate(24*time.Hour).Equal(probe) {
			s.fault(second, `%q is not a layout with year, month and day: "YYYY-MM-DD" or "2006-01-02"`, second.Value)
		}
	case "split":
		if second.Value == "" {
			s.fault(second, "split needs a separator")
		}
	}
}
