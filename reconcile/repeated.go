package reconcile

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A nest is an object or array that is being read.
type nest struct {
	names map[string]bool // of an object, folded; nil: an array
	value bool            // of an object: a member's value is next
}

// repeated finds a member that an object within text, well-formed JSON, has
// twice in whatever case: SCIM does not tell cases apart, and readers of JSON
// keep one of the two in silence. at is its offset, -1 where there is none.
func repeated(text []byte) (name string, at int) {
	d := json.NewDecoder(bytes.NewReader(text))
	stack := []nest{{}}
	for {
		at := int(d.InputOffset())
		t, err := d.Token()
		if err != nil {
			return "", -1
		}
		top := &stack[len(stack)-1]
		if name, ok := t.(string); ok && top.names != nil && !top.value {
			if top.repeats(name) {
				return name, at + bytes.IndexByte(text[at:], '"')
			}
			continue
		}
		top.value = false
		switch t {
		case json.Delim('{'):
			stack = append(stack, nest{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, nest{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
	}
}

// repeats takes in the name of a member, and tells whether it was there before.
func (n *nest) repeats(name string) bool {
	folded := strings.ToLower(name)
	again := n.names[folded]
	n.names[folded], n.value = true, true
	return again
}
