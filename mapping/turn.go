package mapping

import (
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/vm/runtime"
)

// The bounds of looking ahead.
const (
	maxDays  = 32  // that are tried for one person
	maxYears = 100 // a date that is further away says never
)

// compareName cannot be written in an expression.
const compareName = "$compare"

// compared makes calls of the comparisons in an expression that uses today, so
// that the days between the two sides can be noted. Each has a number.
type compared struct{ last *int }

func (v compared) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.BinaryNode)
	if !ok || comparisons[n.Operator] == nil {
		return
	}
	*v.last++
	call := &ast.CallNode{
		Callee:    &ast.IdentifierNode{Value: compareName},
		Arguments: []ast.Node{&ast.IntegerNode{Value: *v.last}, &ast.StringNode{Value: n.Operator}, n.Left, n.Right},
	}
	call.SetLocation(n.Location())
	call.SetNature(*n.Nature())
	call.Callee.SetNature(nature.Nature{})
	*node = call
}

var comparisons = map[string]func(a, b any) bool{
	"<": runtime.Less, "<=": runtime.LessOrEqual, ">": runtime.More, ">=": runtime.MoreOrEqual,
	"==": runtime.Equal, "!=": func(a, b any) bool { return !runtime.Equal(a, b) },
}

// compare is what the comparison would have given. Ahead of today it notes how
// far apart the two sides are, on the first day on which it is met: later ones
// say nothing new.
func (c *calls) compare(args ...any) (any, error) {
	number, _ := args[0].(int)
	op, _ := args[1].(string)
	if _, before := c.met[number]; c.met != nil && (!before || c.met[number] == c.days) && len(c.apart) < maxDays {
		if d, ok := daysApart(args[2], args[3]); ok {
			c.met[number], c.apart = c.days, append(c.apart, int(d.Abs()/day))
		}
	}
	return comparisons[op](args[2], args[3]), nil
}

const day = 24 * time.Hour

// daysApart is the time from one date, or text that is one, or time between dates to another.
func daysApart(a, b any) (time.Duration, bool) {
	switch a := a.(type) {
	case time.Time:
		b, ok := b.(time.Time)
		return b.Sub(a), ok
	case time.Duration:
		b, ok := b.(time.Duration)
		return b - a, ok
	case string:
		other, _ := b.(string)
		from, err := time.Parse(time.DateOnly, a)
		to, wrong := time.Parse(time.DateOnly, other)
		return to.Sub(from), err == nil && wrong == nil
	}
	return 0, false
}

// turns is the first day after today on which the source will say otherwise
// whether the person of the loaded record is there and active; zero where it
// will not, as far as that can be told.
//
// A comparison of a date with today comes out otherwise once as many days have
// passed as lie between its sides, or one more. So those are the days to try:
// the earliest first, with what comparisons are met on each.
func (m *Mapping) turns() time.Time {
	today := m.env[todayName].(time.Time) //nolint:forcetypeassert // build put it there
	problems := m.call.problems
	m.call.met, m.call.days = map[int]int{}, 0
	defer func() { m.env[todayName], m.call.problems, m.call.met = today, problems, nil }()
	now, ok := m.standing(today)
	if !ok {
		return time.Time{}
	}
	ahead := m.ahead(nil, today)
	for range maxDays {
		if len(ahead) == 0 || ahead[0].After(today.AddDate(maxYears, 0, 0)) {
			break
		}
		if then, ok := m.standing(ahead[0]); ok && then != now {
			return ahead[0]
		}
		ahead = m.ahead(ahead[1:], ahead[0])
	}
	return time.Time{}
}

// standing tells whether the person is there and active on a day; ok is false
// where the source does not say.
func (m *Mapping) standing(on time.Time) (is, ok bool) {
	m.env[todayName], m.call.apart = on, m.call.apart[:0]
	m.call.days++
	in, err := m.holds(m.where, true)
	if err != nil || !in {
		return false, err == nil
	}
	v, err := m.run(m.active)
	is, ok = v.(bool)
	return is, ok && err == nil
}

// ahead is more to try after a day: what was noted on it.
func (m *Mapping) ahead(rest []time.Time, on time.Time) []time.Time {
	for _, n := range m.call.apart {
		rest = append(rest, on.AddDate(0, 0, n), on.AddDate(0, 0, n+1))
	}
	rest = slices.DeleteFunc(rest, func(d time.Time) bool { return !d.After(on) })
	slices.SortFunc(rest, time.Time.Compare)
	return slices.CompactFunc(rest, time.Time.Equal)
}
