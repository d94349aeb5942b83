package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"rollcall/fault"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
)

// owns are the words of the modes.
var owns = map[string]plan.Own{
	"managed": plan.Managed, "once": plan.Once, "watch": plan.Watch,
	"exact": plan.Exact, "mine": plan.Mine, "add": plan.Additive,
}

var (
	ownWords  = []string{"managed", "once", "watch", "exact", "mine", "add"}
	setWords  = []string{"mine", "exact", "add", "once", "watch"}
	oneWords  = []string{"managed", "once", "watch"}
	teamWords = []string{"mine", "exact", "add"}
)

// A rule is one attribute or group as written.
type rule struct {
	value *yaml.Node
	own   *yaml.Node
	empty string
	claim bool
}

// rule reads {value: ..., own: ...} or the bare expression.
func (f *draft) rule(into *rule, name string, modes []string, extra ...field) kind {
	into.claim = true
	r := f.r
	note := func(at **yaml.Node, word string, schema map[string]any) kind {
		return r.scalar(word, schema, func(n *yaml.Node, _ string) { *at = n })
	}
	value := note(&into.value, "expression", exprSchema())
	fields := append([]field{
		{name: name, kind: value, doc: "an expression over row", required: true},
		{name: "own", kind: note(&into.own, strings.Join(modes, ", "), map[string]any{"enum": modes}), doc: "who rules it", def: modes[0]},
	}, extra...)
	return either(value, r.object(fields...))
}

// people reads the managed attributes.
func (f *draft) people() kind {
	template := f.attribute(new(rule))
	return f.r.entries("attributes", template.schema, template.fields, func(key, value *yaml.Node) {
		var as rule
		if null(value) {
			f.r.fail(key, "%s has no expression: leave the line out, or write one", key.Value)
			return
		}
		f.attribute(&as).read(value)
		if as.value != nil {
			f.manage(key, as)
		}
	})
}

func (f *draft) attribute(as *rule) kind {
	k := f.rule(as, "value", ownWords,
		field{name: "empty", kind: f.r.choice(&as.empty, "clears"), doc: "clears: an empty source value clears the attribute; without it, it is left alone"},
		field{name: "claim", kind: f.r.flag(&as.claim), def: "yes", doc: "whether values that an adopted user already has become rollcall's, to be taken away again"},
	)
	k.fields[1].def = "managed; mine for lists"
	return k
}

// manage adds the rule of one attribute.
func (f *draft) manage(key *yaml.Node, as rule) {
	path, set, ok := f.resolve(key)
	if !ok {
		return
	}
	modes := oneWords
	if set {
		modes = setWords
	}
	e, _ := f.expr(as.value, "people."+key.Value)
	f.Rules = append(f.Rules, plan.Rule{Path: path, Own: f.own(as.own, modes, key.Value), NoClaim: !as.claim})
	if e.Text != "" {
		f.Mapping.Attributes = append(f.Mapping.Attributes, mapping.Attribute{Path: path, Expr: e, EmptyClears: as.empty != ""})
	}
}

// own is the mode at n, or the first of those that fit.
func (f *draft) own(n *yaml.Node, modes []string, of string) plan.Own {
	if n == nil {
		return owns[modes[0]]
	}
	if !slices.Contains(modes, n.Value) {
		why := fault.DidYouMean(n.Value, modes)
		if slices.Contains(ownWords, n.Value) {
			why = ": it is " + map[bool]string{true: "one value", false: "a list"}[modes[0] == "managed"]
		}
		f.r.fail(n, "%s cannot be owned as %q, but as %s%s", of, n.Value, strings.Join(modes, ", "), why)
	}
	return owns[n.Value]
}

// resolve is the attribute that a key names, if it may be written.
func (f *draft) resolve(key *yaml.Node) (path scim.Path, set, ok bool) {
	path, a, err := f.find(key.Value)
	if err != nil {
		f.r.fail(key, "%v", err)
		return "", false, false
	}
	_, set = f.Dialect.Sets[path]
	if why := unwritable(key.Value, path, a, set); why != "" {
		f.r.fail(key, "%s", why)
		return "", false, false
	}
	if other := f.shared.take(path, key); other != nil {
		f.r.fail(key, "%s is managed twice: also in line %d", key.Value, other.Line)
		return "", false, false
	}
	return path, set, true
}

// find is the path and definition of an attribute by its short or full name.
func (f *draft) find(name string) (scim.Path, scim.Attribute, error) {
	path, ok := f.Dialect.Short[name]
	if !ok {
		var err error
		if path, err = scim.ParsePath(name); err != nil {
			return "", scim.Attribute{}, fmt.Errorf("%q is not an attribute: %w", name, err)
		}
	}
	if f.Dialect.Schema == nil {
		return path, scim.Attribute{}, nil
	}
	spelled, a, err := f.Dialect.Schema.Resolve(scim.User, path)
	if err == nil {
		return spelled, a, nil
	}
	if hint := fault.DidYouMean(name, slices.Sorted(maps.Keys(f.Dialect.Short))); hint != "" {
		return "", a, fmt.Errorf("%q is not an attribute of users%s", name, hint)
	}
	return "", a, err
}

// unwritable says why an attribute cannot be managed; "" where it can.
func unwritable(name string, path scim.Path, a scim.Attribute, set bool) string {
	switch {
	case path == "groups":
		return "groups of a user are read-only: memberships are written on the groups, under groups: or group_names:"
	case strings.EqualFold(a.Mutability, "readOnly"):
		return name + " is read-only: the service sets it"
	case strings.EqualFold(a.Returned, "never"):
		return name + " is never shown by the service, so that it cannot be compared"
	case a.MultiValued && !set && path.Parts().Filter == nil:
		return name + ` is a list: name one of its elements, as in phoneNumbers[type eq "work"].value`
	default:
		return ""
	}
}

// claims are the attributes that have a rule.
type claims map[string]map[scim.Path]*yaml.Node

// take notes path and answers where it, the whole of it or a part of it is managed already.
func (c *claims) take(path scim.Path, at *yaml.Node) *yaml.Node {
	if *c == nil {
		*c = claims{}
	}
	parts := path.Parts()
	whole := parts.Base()
	name := strings.ToLower(string(whole))
	for other, n := range (*c)[name] {
		if other == path || other == whole || path == whole {
			return n
		}
	}
	if (*c)[name] == nil {
		(*c)[name] = map[scim.Path]*yaml.Node{}
	}
	(*c)[name][path] = at
	return nil
}

func (f *draft) groups() kind {
	template := f.rule(new(rule), "when", teamWords)
	return f.r.entries("groups", template.schema, template.fields, func(key, value *yaml.Node) {
		var as rule
		if null(value) {
			f.r.fail(key, "group %s has no condition", key.Value)
			return
		}
		f.rule(&as, "when", teamWords).read(value)
		if as.value == nil {
			return
		}
		f.Members = append(f.Members, plan.GroupRule{Name: key.Value, Own: f.own(as.own, teamWords, "a group")})
		e, _ := f.expr(as.value, "groups."+key.Value)
		f.Mapping.Groups = append(f.Mapping.Groups, mapping.Group{Name: key.Value, When: e})
	})
}

func (f *draft) groupNames() kind {
	var as rule
	k := f.rule(&as, "value", teamWords)
	read := k.read
	k.read = func(n *yaml.Node) {
		read(n)
		if as.value != nil {
			f.ByColumn = f.own(as.own, teamWords, "a group")
			f.Mapping.GroupNames, _ = f.expr(as.value, "group_names")
		}
	}
	return k
}

// matching reads the keys by which users are found.
func (f *draft) matching() kind {
	return f.at("match", f.r.list("attributes", textSchema(""), func() { f.Match = []scim.Path{} }, func(n *yaml.Node, text string) {
		path, a, err := f.find(text)
		_, set := f.Dialect.Sets[path]
		switch {
		case err != nil:
			f.r.fail(n, "%v", err)
		case set || a.MultiValued || a.Type == "boolean" || a.Type == "complex":
			f.r.fail(n, "%s does not identify a user", text)
		case slices.Contains(f.Match, path):
			f.r.fail(n, "%s stands twice", text)
		default:
			f.Match = append(f.Match, path)
			f.matches = append(f.matches, n)
		}
	}))
}

// needed are attributes that the ledger must know, beside lists and what leavers
// get back: people are found by them, and their state is followed.
var needed = []scim.Path{"userName", "externalId", "active"}

func (f *draft) redact() kind {
	return f.r.list("attributes", textSchema(""), func() { f.Redact = nil }, func(n *yaml.Node, text string) {
		path, _, err := f.find(text)
		if err != nil {
			f.r.fail(n, "%v", err)
			return
		}
		if _, set := f.Dialect.Sets[path]; set || slices.Contains(needed, path) || slices.Contains(f.Dialect.Leaving, path) {
			f.r.fail(n, "%s cannot be redacted: the ledger needs its values to know people again, and what is rollcall's of a list", text)
			return
		}
		f.Redact = append(f.Redact, path)
	})
}

// url reads an address of the target.
func (f *draft) url(into *string) kind {
	return f.r.scalar("URL", textSchema(""), func(n *yaml.Node, text string) {
		if isReference(text) {
			if text = f.r.online(n, text); text == "" {
				return
			}
		}
		if err := checkURL(text); err != nil {
			f.r.fail(n, "%v", err)
			return
		}
		*into = strings.TrimRight(text, "/")
	})
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("a URL is expected, such as https://api.mypurecloud.com")
	case u.User != nil:
		return errors.New("a URL must not hold a password")
	}
	return nil
}

// managed tells whether path has a rule.
func (f *draft) managed(path scim.Path) bool {
	return slices.ContainsFunc(f.Rules, func(r plan.Rule) bool { return r.Path == path })
}
