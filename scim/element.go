package scim

// A bag is the elements of a multi-valued attribute, found without a look at each.
type bag struct {
	of       *node
	elements []any
	by       map[string][]any // by shared
}

func newBag(n *node, elements []any) *bag {
	b := &bag{of: n, by: make(map[string][]any, len(elements))}
	for _, e := range elements {
		b.add(e)
	}
	return b
}

func (b *bag) add(e any) {
	k := shared(e)
	b.elements, b.by[k] = append(b.elements, e), append(b.by[k], e)
}

// find is the element to which adding e would change nothing; nil where there is none.
func (b *bag) find(e any) any {
	for _, x := range b.by[shared(e)] {
		if b.of.alike(x, e) {
			return x
		}
	}
	return nil
}

// shared is what elements that are alike have in common.
func shared(e any) string {
	v := member(element(e), "value")
	if text, ok := v.(string); ok {
		return canonical(text)
	}
	return string(ValueOf(v))
}

// alike tells that adding the element e to a set with x changes nothing: x has
// all that e has, and of what e lacks only what a server adds by itself.
func (n *node) alike(x, e any) bool {
	have, ok := x.(map[string]any)
	given, both := e.(map[string]any)
	if !ok || !both {
		return same(x, e)
	}
	for k, v := range have {
		sub := n.sub(k)
		decoration := sub == nil || sub.readOnly() || sub.immutable() && sub.Name != "value"
		if g := member(given, k); v != nil && !same(g, v) && (g != nil || !decoration) {
			return false
		}
	}
	return covers(have, given)
}

// settlePrimary leaves one primary element (RFC 7644 §3.5.2): where a fresh one
// is primary, no other is. It modifies all, but not its elements.
func settlePrimary(all []any, fresh []bool, n *node) *Error {
	first := -1
	for i, e := range all {
		if !fresh[i] || !isPrimary(e) {
			continue
		}
		if first >= 0 {
			return refuse(invalidValue, "%q: more than one element is primary", n.path)
		}
		first = i
	}
	for i, e := range all {
		if first >= 0 && i != first && isPrimary(e) {
			all[i] = put(element(e), "primary", false)
		}
	}
	return nil
}

func isPrimary(e any) bool {
	o, _ := e.(map[string]any)
	return member(o, "primary") == true
}
