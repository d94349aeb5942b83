package scim

import "strings"

// maxDepth bounds how deep parentheses nest, so that no text exhausts the stack.
const maxDepth = 100

// A parser reads one filter. After the first fault it stands at the end.
type parser struct {
	text   string
	pos    int
	bare   bool
	inside bool // within brackets
	depth  int  // open parentheses
	err    *Error
}

func (p *parser) fail(why string) *Filter {
	if p.err == nil {
		p.err = refuse(invalidFilter, "filter at offset %d: %s", p.pos, why)
		p.pos = len(p.text)
	}
	return nil
}

// whole reads an expression up to close, or to the end of the text for 0.
func (p *parser) whole(closing byte) *Filter {
	f := p.or()
	p.space()
	switch {
	case closing != 0:
		p.expect(closing)
	case p.pos < len(p.text):
		p.fail("expected and, or, or the end")
	}
	return f
}

func (p *parser) or() *Filter  { return p.chain(opOr, p.and) }
func (p *parser) and() *Filter { return p.chain(opAnd, p.term) }

// chain reads terms joined by op, and flattens those that are chains of it.
func (p *parser) chain(op operator, next func() *Filter) *Filter {
	var terms []*Filter
	for {
		t := next()
		switch {
		case p.err != nil:
			return nil
		case t.op == op:
			terms = append(terms, t.terms...)
		default:
			terms = append(terms, t)
		}
		if !p.joined(op) {
			break
		}
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return &Filter{op: op, terms: terms}
}

// joined consumes op where it stands as a word behind a space.
func (p *parser) joined(op operator) bool {
	from := p.pos
	if p.space() && strings.EqualFold(p.word(), string(op)) && p.pos < len(p.text) && strings.IndexByte(" (", p.text[p.pos]) >= 0 {
		return true
	}
	p.pos = from
	return false
}

func (p *parser) term() *Filter {
	p.space()
	from := p.pos
	if strings.EqualFold(p.word(), "not") {
		p.space()
		if p.peek() == '(' {
			return &Filter{op: opNot, terms: []*Filter{p.group()}}
		}
	}
	p.pos = from
	if p.peek() == '(' {
		return p.group()
	}
	return p.attribute()
}

func (p *parser) group() *Filter {
	if p.depth == maxDepth {
		return p.fail("too many open parentheses")
	}
	p.depth++
	p.pos++
	f := p.whole(')')
	p.depth--
	return f
}

// attribute reads an expression that begins with an attribute path.
func (p *parser) attribute() *Filter {
	from := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" []()\"", p.text[p.pos]) < 0 {
		p.pos++
	}
	head, filtered := p.text[from:p.pos], p.peek() == '['
	attr, why := splitAttr(head, filtered)
	switch {
	case why != "":
		p.pos = from
		return p.fail("expected an attribute path")
	case filtered:
		return p.has(attr)
	}
	return p.comparison(attr)
}

func (p *parser) has(attr Parts) *Filter {
	if p.inside || attr.Sub != "" {
		return p.fail("no value filter may stand here")
	}
	p.pos++
	p.inside = true
	depth := p.depth
	p.depth = 0
	f := p.whole(']')
	p.depth = depth
	p.inside = false
	if p.peek() == '.' {
		f = p.ofElement(f)
	}
	return &Filter{op: opHas, attr: attr, terms: []*Filter{f}}
}

// ofElement reads .sub op value behind brackets and joins it to what is in them.
func (p *parser) ofElement(f *Filter) *Filter {
	p.pos++
	sub := p.word()
	if !isName(sub) {
		return p.fail("expected a sub-attribute")
	}
	c := p.comparison(Parts{Attr: sub})
	if p.err != nil {
		return nil
	}
	terms := []*Filter{f}
	if f.op == opAnd {
		terms = f.terms
	}
	return &Filter{op: opAnd, terms: append(terms[:len(terms):len(terms)], c)}
}

func (p *parser) comparison(attr Parts) *Filter {
	if !p.space() {
		return p.fail("expected a space and an operator")
	}
	from := p.pos
	op := operator(strings.ToLower(p.word()))
	f := &Filter{op: op, attr: attr}
	switch op {
	case opPr:
		return f
	case opEq, opNe, opCo, opSw, opEw, opGt, opGe, opLt, opLe:
	default:
		p.pos = from
		return p.fail("expected an operator: eq ne co sw ew gt ge lt le pr")
	}
	if !p.space() {
		return p.fail("expected a space and a value")
	}
	from = p.pos
	f.value, f.bare = p.operand()
	if p.err != nil {
		return nil
	}
	f.want = f.value.Any()
	_, isBool := f.want.(bool)
	if ordered := op == opGt || op == opGe || op == opLt || op == opLe; ordered && (isBool || f.want == nil) {
		p.pos = from
		return p.fail("only strings, numbers and dates have an order")
	}
	return f
}

// operand reads a comparison value.
func (p *parser) operand() (v Value, bare bool) {
	from := p.pos
	switch {
	case p.peek() == '"':
		p.pos = min(Value(p.text).quoted(from)+1, len(p.text))
	case p.bare:
		return p.unquoted()
	default:
		for p.pos < len(p.text) && strings.IndexByte(" ()[]", p.text[p.pos]) < 0 {
			p.pos++
		}
	}
	v, err := ParseValue([]byte(p.text[from:p.pos]))
	if err != nil || v[0] == '{' || v[0] == '[' {
		p.pos = from
		p.fail("expected a JSON string in double quotes, a number, true, false or null")
	}
	return v, false
}

// unquoted reads a bare value, as FilterOptions.BareValues describes.
func (p *parser) unquoted() (v Value, bare bool) {
	from := p.pos
	for ; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		if p.inside && c == ']' || p.depth > 0 && c == ')' || c == ' ' && p.continues() {
			break
		}
	}
	text := strings.TrimRight(p.text[from:p.pos], " ")
	switch word := strings.ToLower(text); word {
	case "":
		p.fail("expected a value")
		return "", false
	case "true", "false", "null":
		return Value(word), false
	}
	return ValueOf(text), true
}

// continues tells that here begins " and " or " or " with an expression behind it.
func (p *parser) continues() bool {
	look := *p
	look.space()
	if w := strings.ToLower(look.word()); w != "and" && w != "or" || !look.space() {
		return false
	}
	if look.peek() == '(' {
		return true
	}
	for look.pos < len(look.text) && strings.IndexByte(" [", look.text[look.pos]) < 0 {
		look.pos++
	}
	if look.peek() == '[' {
		return true
	}
	look.space()
	switch w := operator(strings.ToLower(look.word())); w {
	case opPr:
		return true
	case opEq, opNe, opCo, opSw, opEw, opGt, opGe, opLt, opLe:
		return look.peek() == ' '
	default:
		return w == "" && look.peek() == '('
	}
}

// space skips spaces and tells whether there were any.
func (p *parser) space() bool {
	from := p.pos
	for p.peek() == ' ' {
		p.pos++
	}
	return p.pos > from
}

// word consumes and answers the letters, digits and signs of a name.
func (p *parser) word() string {
	from := p.pos
	for p.pos < len(p.text) && isNameByte(p.text[p.pos]) {
		p.pos++
	}
	return p.text[from:p.pos]
}

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) expect(c byte) {
	if p.peek() != c {
		p.fail("expected " + string(c))
		return
	}
	p.pos++
}
