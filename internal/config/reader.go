package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"rollcall/fault"
)

// A reader walks the nodes of one file and collects what is wrong with them.
type reader struct {
	file     string
	dir      string // of the file: relative paths start here
	text     []byte
	env      Env
	mistakes []*Mistake
}

// A kind is a way to read a value into its place, and what there is to say about it.
type kind struct {
	word   string         // for people
	schema map[string]any // JSON Schema
	fields []field        // of an object
	free   bool           // the fields are those of entries with free names
	read   func(*yaml.Node)
}

// A field is one key of an object.
type field struct {
	name     string
	kind     kind
	def      string // what is assumed without it, as it would be written; "" nothing
	doc      string
	required bool
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.failAt(n.Line, n.Column, format, args...)
}

func (r *reader) failAt(line, column int, format string, args ...any) {
	r.mistakes = append(r.mistakes, &Mistake{
		File: r.file, Line: line, Column: column, Text: fmt.Sprintf(format, args...), Excerpt: excerpt(r.text, line, column),
	})
}

// parse is the root of the file; nil where there is none.
func (r *reader) parse() *yaml.Node {
	var doc yaml.Node
	if err := yaml.Load(r.text, &doc); err != nil {
		r.syntax(err)
		return nil
	}
	if len(doc.Content) == 0 {
		r.failAt(1, 1, "the file is empty")
		return nil
	}
	return doc.Content[0]
}

// syntax records why the text is not YAML.
func (r *reader) syntax(err error) {
	said := func(line, column int, message string) {
		switch {
		case strings.Contains(message, "no documents"):
			message = "the file is empty"
		case strings.Contains(message, "found multiple"):
			message = "the file holds several documents: one file is one sync"
		case strings.Contains(message, "mapping values are not allowed"):
			message += ": put quotes around a value that holds a colon"
		}
		r.failAt(max(1, line), max(1, column), "%s", strings.TrimPrefix(message, "yaml: "))
	}
	var one *yaml.LoadError
	var many *yaml.LoadErrors
	switch {
	case errors.As(err, &many):
		for _, e := range many.Errors {
			said(e.Mark.Line, e.Mark.Column, e.Message)
		}
	case errors.As(err, &one):
		said(one.Mark.Line, one.Mark.Column, one.Message)
	default:
		said(1, 1, err.Error())
	}
}

func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// pairs are the keys and values of a mapping, each key once.
func (r *reader) pairs(n *yaml.Node, visit func(key, value *yaml.Node)) {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := follow(n.Content[i]), follow(n.Content[i+1])
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fail(n.Content[i], "a key is a word")
		case seen[key.Value] > 0:
			r.fail(n.Content[i], "%s is set twice: first in line %d", key.Value, seen[key.Value])
		default:
			seen[key.Value] = key.Line
			visit(key, value)
		}
	}
}

// object reads a mapping with these fields.
func (r *reader) object(fields ...field) kind {
	properties, required := map[string]any{}, []string{}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
		if f.kind.schema == nil {
			continue // of a version to come: known, and not offered
		}
		property := maps.Clone(f.kind.schema)
		property["description"] = f.doc
		properties[f.name] = property
		if f.required {
			required = append(required, f.name)
		}
	}
	schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return kind{word: "mapping", schema: schema, fields: fields, read: func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			r.fail(n, "%s is expected: %s", "a mapping", strings.Join(names, ", "))
			return
		}
		present := map[string]bool{}
		r.pairs(n, func(key, value *yaml.Node) {
			i := slices.Index(names, key.Value)
			if i < 0 {
				r.fail(key, "unknown key %q%s", key.Value, meant(key.Value, names))
				return
			}
			present[key.Value] = true
			if null(value) {
				r.fail(key, "%s has no value", key.Value)
				return
			}
			fields[i].kind.read(value)
		})
		for _, f := range fields {
			if f.required && !present[f.name] {
				r.fail(n, "%s is missing: %s", f.name, f.doc)
			}
		}
	}}
}

// meant is `; did you mean "x"?`, or else what there is where that is short, or "".
func meant(word string, known []string) string {
	if hint := fault.DidYouMean(word, known); hint != "" || len(known) > 12 {
		return hint
	}
	return "; there are " + strings.Join(known, ", ")
}

// scalar reads a word, a number, a quoted text: whatever its YAML type.
func (r *reader) scalar(word string, schema map[string]any, read func(n *yaml.Node, text string)) kind {
	return kind{word: word, schema: schema, read: func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			r.fail(n, "%s is expected, not a %s", word, shapes[n.Kind])
			return
		}
		read(n, n.Value)
	}}
}

var shapes = map[yaml.Kind]string{yaml.MappingNode: "mapping", yaml.SequenceNode: "list"}

// parsed reads a scalar by a function that says what is wrong with it.
func parsed[T any](r *reader, word string, schema map[string]any, into *T, parse func(string) (T, error)) kind {
	return r.scalar(word, schema, func(n *yaml.Node, text string) {
		v, err := parse(strings.TrimSpace(text))
		if err != nil {
			r.fail(n, "%v", err)
			return
		}
		*into = v
	})
}

func textSchema(pattern string) map[string]any {
	if pattern == "" {
		return map[string]any{"type": "string"}
	}
	return map[string]any{"type": "string", "pattern": pattern}
}

func (r *reader) words(into *string) kind {
	return r.scalar("text", textSchema(""), func(n *yaml.Node, text string) {
		if strings.TrimSpace(text) == "" {
			r.fail(n, "a text is expected, not an empty one")
		}
		*into = text
	})
}

func (r *reader) choice(into *string, among ...string) kind {
	return r.scalar(strings.Join(among, ", "), map[string]any{"enum": among}, func(n *yaml.Node, text string) {
		if !slices.Contains(among, text) {
			r.fail(n, "%q is not one of %s%s", text, strings.Join(among, ", "), fault.DidYouMean(text, among))
			return
		}
		*into = text
	})
}

func (r *reader) flag(into *bool) kind {
	schema := map[string]any{"anyOf": []any{map[string]any{"type": "boolean"}, map[string]any{"enum": []string{"yes", "no"}}}}
	return r.scalar("yes or no", schema, func(n *yaml.Node, text string) {
		switch strings.ToLower(text) {
		case "true", "yes", "on":
			*into = true
		case "false", "no", "off":
			*into = false
		default:
			r.fail(n, "%q is not yes or no", text)
		}
	})
}

func (r *reader) whole(into *int, least, most int) kind {
	schema := map[string]any{"type": "integer", "minimum": least, "maximum": most}
	return parsed(r, "number", schema, into, func(text string) (int, error) {
		v, err := strconv.Atoi(text)
		if err != nil || v < least || v > most {
			return 0, fmt.Errorf("%q is not a whole number from %d to %d", text, least, most)
		}
		return v, nil
	})
}

func (r *reader) decimal(into *float64, least, most float64) kind {
	schema := map[string]any{"type": "number", "minimum": least, "maximum": most}
	return parsed(r, "number", schema, into, func(text string) (float64, error) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= least && v <= most) {
			return 0, fmt.Errorf("%q is not a number from %g to %g", text, least, most)
		}
		return v, nil
	})
}

func (r *reader) duration(into *time.Duration) kind {
	return parsed(r, "duration", textSchema(`^\d+(ms|s|m|h|d|w)$`), into, parseDuration)
}

func (r *reader) days(into *int) kind {
	return parsed(r, "days", textSchema(`^\d+(h|d|w)$`), into, parseDays)
}

// secret reads a reference and what it refers to, by find; a text that is no
// reference is a mistake.
func (r *reader) secret(into *Secret, find func(*yaml.Node, string) string) kind {
	schema := textSchema(`^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$`)
	return r.scalar("env:NAME or file:/path", schema, func(n *yaml.Node, text string) {
		if !isReference(text) {
			r.fail(n, "a secret does not stand in the file: write env:NAME or file:/path, and change the secret that stood here")
			return
		}
		*into = NewSecret(find(n, text), text)
	})
}

// open reads a text of the target that may be a reference.
func (r *reader) open(into *string) kind {
	return r.scalar("text, env:NAME or file:/path", textSchema(""), func(n *yaml.Node, text string) {
		if *into = text; isReference(text) {
			*into = r.online(n, text)
		}
	})
}

// online is what a reference of the target refers to; "" where that is left aside.
func (r *reader) online(n *yaml.Node, reference string) string {
	if r.env.Offline {
		return ""
	}
	return r.referred(n, reference)
}

// referred is what a reference refers to.
func (r *reader) referred(n *yaml.Node, reference string) string {
	text, err := r.env.resolve(reference, r.dir)
	if err != nil {
		r.fail(n, "%v", err)
	}
	return text
}

// list reads a sequence, each element by read.
func (r *reader) list(of string, schema map[string]any, begin func(), read func(n *yaml.Node, text string)) kind {
	return kind{word: "list of " + of, schema: map[string]any{"type": "array", "items": schema}, read: func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.fail(n, "a list of %s is expected: [...]", of)
			return
		}
		begin()
		for _, e := range n.Content {
			if e = follow(e); e.Kind != yaml.ScalarNode || null(e) {
				r.fail(e, "a list of %s is expected", of)
				continue
			}
			read(e, e.Value)
		}
	}}
}

func (r *reader) texts(of string, into *[]string) kind {
	return r.list(of, textSchema(""), func() { *into = []string{} }, func(_ *yaml.Node, text string) { *into = append(*into, text) })
}

// entries reads a mapping whose keys are free, each value by read.
func (r *reader) entries(keys string, value map[string]any, of []field, read func(key, value *yaml.Node)) kind {
	return kind{
		word: "mapping of " + keys, fields: of, free: true,
		schema: map[string]any{"type": "object", "additionalProperties": value},
		read: func(n *yaml.Node) {
			if n.Kind != yaml.MappingNode {
				r.fail(n, "a mapping of %s is expected", keys)
				return
			}
			r.pairs(n, read)
		},
	}
}

// either reads a scalar by one kind and everything else by the other.
func either(scalar, other kind) kind {
	return kind{
		word: scalar.word + ", or " + other.word, fields: other.fields,
		schema: map[string]any{"anyOf": []any{scalar.schema, other.schema}},
		read: func(n *yaml.Node) {
			if n.Kind == yaml.ScalarNode {
				scalar.read(n)
				return
			}
			other.read(n)
		},
	}
}

// later reads a key of a version to come.
func (r *reader) later(what string) kind {
	return kind{word: "not in this version", read: func(n *yaml.Node) { r.fail(n, "%s is not in this version", what) }}
}
