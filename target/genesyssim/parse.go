package genesyssim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"rollcall/fault"
	"rollcall/scim"
)

// ParseConfig reads a configuration file strictly. The error joins every
// mistake, each with its place (file:line:column) and, for a name, the nearest
// known one. Kind: Invalid.
func ParseConfig(file string, text []byte) (Config, error) {
	c := Config{Seed: DefaultSeed, Listen: DefaultListen}
	r := reader{file: file}
	var doc yaml.Node
	r.syntax(load(text, &doc))
	if len(r.faults) == 0 && len(doc.Content) > 0 {
		r.config(doc.Content[0], &c)
	}
	if len(r.faults) > 0 {
		return Config{}, fmt.Errorf("read %s: %w", file, errors.Join(r.faults...))
	}
	return c, nil
}

// load reads the first document, of which a file without text has none.
func load(text []byte, doc *yaml.Node) error {
	l, err := yaml.NewLoader(bytes.NewReader(text))
	if err == nil {
		err = l.Load(doc)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// A reader walks the nodes of a file and collects what is wrong with them.
type reader struct {
	file   string
	faults []error
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	place := fmt.Sprintf("%s:%d:%d", r.file, n.Line, n.Column)
	err := fmt.Errorf("%s: "+format+": %w", append(append([]any{place}, args...), fault.Invalid)...)
	r.faults = append(r.faults, fault.WithPlace(err, place))
}

// syntax records why the text is not YAML.
func (r *reader) syntax(err error) {
	var one *yaml.LoadError
	var many *yaml.LoadErrors
	switch {
	case err == nil:
	case errors.As(err, &many):
		for _, e := range many.Errors {
			r.fail(&yaml.Node{Line: e.Mark.Line, Column: e.Mark.Column}, "%s", e.Message)
		}
	case errors.As(err, &one):
		r.fail(&yaml.Node{Line: one.Mark.Line, Column: one.Mark.Column}, "%s", one.Message)
	default:
		r.fail(&yaml.Node{Line: 1, Column: 1}, "%v", err)
	}
}

// fields of a mapping, each with what reads its value.
type fields map[string]func(*yaml.Node)

// mapping reads a mapping and fails at keys that are not in known.
func (r *reader) mapping(n *yaml.Node, what string, known fields) {
	n = follow(n)
	if null(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s is a mapping of %s", what, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case !ok:
			r.fail(key, "unknown key %q in %s%s", key.Value, what, suggest(key.Value, slices.Sorted(maps.Keys(known))))
		case seen[key.Value]:
			r.fail(key, "the key %q stands twice in %s", key.Value, what)
		default:
			read(value)
		}
		seen[key.Value] = true
	}
}

// list reads each element of a sequence. It is not nil where the key stands, so
// that an empty list differs from none.
func list[T any](r *reader, into *[]T, element func(*yaml.Node) T) func(*yaml.Node) {
	return func(n *yaml.Node) {
		n = follow(n)
		if null(n) {
			return
		}
		*into = []T{}
		if n.Kind != yaml.SequenceNode {
			r.fail(n, "expected a list")
			return
		}
		for _, e := range n.Content {
			*into = append(*into, element(follow(e)))
		}
	}
}

func (r *reader) texts(into *[]string) func(*yaml.Node) { return list(r, into, r.scalar) }

func (r *reader) text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *into = r.scalar(follow(n)) }
}

func (r *reader) scalar(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "expected a text")
		return ""
	}
	if null(n) {
		return ""
	}
	return n.Value
}

func (r *reader) int(into *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.Atoi(r.scalar(follow(n)))
		if err != nil || v < 0 {
			r.fail(n, "%q is not a number from 0", n.Value)
		}
		*into = v
	}
}

func (r *reader) bool(into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if err := follow(n).Decode(into); err != nil {
			r.fail(n, "%q is not true or false", n.Value)
		}
	}
}

func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (r *reader) config(n *yaml.Node, c *Config) {
	r.mapping(n, "the configuration", fields{
		"seed":         r.seed(&c.Seed),
		"listen":       r.text(&c.Listen),
		"login_listen": r.text(&c.LoginListen),
		"control":      r.control(&c.Control),
		"clients":      list(r, &c.Clients, r.client),
		"users":        r.users(&c.Users),
		"groups":       list(r, &c.Groups, r.group),
		"roles":        r.texts(&c.Roles),
		"divisions":    r.texts(&c.Divisions),
		"skills":       r.texts(&c.Skills),
		"languages":    r.texts(&c.Languages),
		"switches":     r.switches(&c.Switches),
		"faults":       list(r, &c.Faults, r.fault),
	})
}

func (r *reader) seed(into *int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.ParseInt(r.scalar(follow(n)), 0, 64)
		if err != nil {
			r.fail(n, "seed: %q is not a whole number", n.Value)
		}
		*into = v
	}
}

func (r *reader) control(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*into = r.scalar(follow(n))
		if words := []string{"loopback", "any"}; !slices.Contains(words, *into) {
			r.fail(n, "control: %q is none of %s%s", *into, strings.Join(words, ", "), suggest(*into, words))
		}
	}
}

func (r *reader) client(n *yaml.Node) Client {
	var c Client
	r.mapping(n, "a client", fields{
		"id": r.text(&c.ID), "secret": r.text(&c.Secret), "permissions": r.texts(&c.Permissions), "disabled": r.bool(&c.Disabled),
	})
	if c.ID == "" || c.Secret == "" {
		r.fail(n, "a client needs id and secret")
	}
	return c
}

func (r *reader) users(into *Users) func(*yaml.Node) {
	return func(n *yaml.Node) {
		n = follow(n)
		if n.Kind == yaml.ScalarNode {
			r.int(&into.Count)(n)
			return
		}
		list(r, &into.List, r.user)(n)
	}
}

// user reads a SCIM user; its attributes are checked when the organization is built.
func (r *reader) user(n *yaml.Node) map[string]any {
	u := map[string]any{}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "a user is a mapping of SCIM attributes")
		return u
	}
	var raw any
	if err := n.Decode(&raw); err != nil {
		r.fail(n, "a user is a mapping of SCIM attributes")
		return u
	}
	u, _ = jsonOf(raw).(map[string]any)
	if _, err := readSeed(u); err != nil {
		r.fail(n, "%v", err)
	}
	return u
}

func (r *reader) group(n *yaml.Node) Group {
	if n.Kind == yaml.ScalarNode {
		return Group{Name: r.scalar(n)}
	}
	var g Group
	r.mapping(n, "a group", fields{
		"name": r.text(&g.Name), "rule": r.rule(&g.Rule), "members": r.texts(&g.Members), "owners": r.texts(&g.Owners),
		"roles": r.texts(&g.Roles), "id": r.text(&g.ID),
	})
	if g.Name == "" {
		r.fail(n, "a group needs a name")
	}
	return g
}

func (r *reader) rule(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*into = r.scalar(follow(n))
		if _, err := scim.ParseFilter(*into, scim.FilterOptions{}); err != nil {
			r.fail(n, "rule: %v", err)
		}
	}
}

func (r *reader) switches(into *Switches) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*into = Switches{}
		known := fields{}
		for _, k := range table {
			known[k.Name] = func(v *yaml.Node) {
				(*into)[k.Name] = r.scalar(follow(v))
				if err := checkSwitch(k.Name, (*into)[k.Name]); err != nil {
					r.fail(v, "%v", err)
				}
			}
		}
		r.mapping(n, "switches", known)
	}
}

func (r *reader) fault(n *yaml.Node) Fault {
	var f Fault
	r.mapping(n, "a fault", fields{
		"match": r.text(&f.Match), "do": func(v *yaml.Node) { f.Do = Deed(r.scalar(follow(v))) },
		"probability": r.chance(&f.Probability), "count": r.int(&f.Count), "ms": r.int(&f.Ms),
	})
	if err := f.check(); err != nil {
		r.fail(n, "%v", err)
	}
	return f
}

func (r *reader) chance(into **float64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		p, err := strconv.ParseFloat(r.scalar(follow(n)), 64)
		if err != nil {
			r.fail(n, "%q is not a probability from 0 to 1", n.Value)
			return
		}
		*into = &p
	}
}
