package reconcile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// An update is what a file of explicit operations wants of one user.
type update struct {
	who   string
	place string
	ops   []explicit
	size  int // operations, each counted as often as it has values
}

// explicit is one operation of a file, valid as far as that can be told
// without the user.
type explicit struct {
	scim.Op        // Path spelled as the schema does, Value canonical; a part of a whole where a value had many
	place   string // for people to find it again
	index   int    // of Path, which had [n]: the element is known when the user is; -1: it had none
}

// A reader of a file of explicit operations. It collects faults instead of
// stopping at the first.
type operations struct {
	name    string
	text    []byte
	dialect target.Dialect
	last    caret

	faults []error
	notes  []plan.Finding
}

// CheckPatch finds what is wrong with a file of explicit operations, without
// looking at the users it is about: as [Job.Patch] would. Invalid.
func CheckPatch(name string, file []byte, d target.Dialect) error {
	r := &operations{name: name, text: file, dialect: d}
	_, err := r.parse()
	return err
}

// parse reads both forms: {"updates": [{"user": WHO, "operations": [...]}]} and
// {WHO: [...]}. The error joins every fault with its place.
func (r *operations) parse() ([]update, error) {
	r.text = bytes.TrimPrefix(r.text, []byte("\ufeff"))
	var updates []update
	if at := garbled(r.text); at >= 0 {
		r.fault(at, "", "not UTF-8, or half of a surrogate pair")
	} else if err := wellFormed(r.text); err != nil {
		r.fault(position(err, r.text), "", "%s", syntax(err))
	} else {
		updates = r.file()
	}
	if len(r.faults) > 0 {
		err := fault.WithPlace(fmt.Errorf("read %s: %w: %w", r.name, fault.Invalid, errors.Join(r.faults...)), r.name)
		return nil, fault.WithHint(err, `a file is {"updates": [{"user": WHO, "operations": [{"op": ..., "path": ..., "value": ...}]}]} or {WHO: [operations]}`)
	}
	return updates, nil
}

// garbled is where text holds what is no character; -1: nowhere.
func garbled(text []byte) int {
	for at, c := range string(text) {
		if c == utf8.RuneError && !bytes.HasPrefix(text[at:], []byte("\uFFFD")) {
			return at
		}
	}
	for _, at := range escape.FindAllIndex(text, -1) {
		code := text[at[0]:at[1]]
		if len(code) == len(`\uD800`) && surrogate.Match(code) {
			return at[0]
		}
	}
	return -1
}

var (
	escape    = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.`)
	surrogate = regexp.MustCompile(`^\\u[dD][89a-fA-F]`)
)

func wellFormed(text []byte) error {
	var v json.RawMessage
	return json.Unmarshal(text, &v) //nolint:wrapcheck // told with its place by the caller
}

// position is where a JSON text is malformed.
func position(err error, text []byte) int {
	var bad *json.SyntaxError
	if errors.As(err, &bad) {
		return int(bad.Offset)
	}
	return len(text)
}

func syntax(err error) string {
	return "not JSON: " + strings.TrimPrefix(err.Error(), "json: ")
}

// A caret is a place that was counted already: line and column begin with 0.
type caret struct{ at, line, column int }

// place is "file:line:column (updates[3].operations[1])". Files are read from
// the front, so each place is counted from the last.
func (r *operations) place(at int, what string) string {
	at = min(at, len(r.text))
	if at < r.last.at {
		r.last = caret{}
	}
	between := r.text[r.last.at:at]
	if n := bytes.Count(between, []byte("\n")); n > 0 {
		r.last.line, r.last.column = r.last.line+n, 0
		between = between[bytes.LastIndexByte(between, '\n')+1:]
	}
	r.last.at, r.last.column = at, r.last.column+utf8.RuneCount(between)
	place := fmt.Sprintf("%s:%d:%d", r.name, r.last.line+1, r.last.column+1)
	if what != "" {
		place += " (" + what + ")"
	}
	return place
}

func (r *operations) fault(at int, what, format string, args ...any) {
	r.faultAt(r.place(at, what), format, args...)
}

func (r *operations) faultAt(place, format string, args ...any) {
	r.faults = append(r.faults, fault.WithPlace(fmt.Errorf("%s: "+format, append([]any{place}, args...)...), place))
}

func (r *operations) note(place, code, format string, args ...any) {
	r.notes = append(r.notes, plan.Finding{Severity: plan.Note, Code: code, Place: place, Text: fmt.Sprintf(format, args...)})
}

// A part is one member or element of a JSON text.
type part struct {
	name  string // of a member
	value json.RawMessage
	at    int // offset in the file
}

// parts takes the object or array in text apart; begin is its offset in the file.
// ok is false where text is neither what open says.
func parts(text json.RawMessage, begin int, open json.Delim) (all []part, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	first, err := d.Token()
	if err != nil || first != open {
		return nil, false
	}
	for d.More() {
		var p part
		if open == '{' {
			name, _ := d.Token()
			p.name, _ = name.(string)
		}
		if err := d.Decode(&p.value); err != nil {
			return nil, false
		}
		p.at = begin + int(d.InputOffset()) - len(p.value)
		all = append(all, p)
	}
	return all, true
}

func (r *operations) file() (updates []update) {
	whole, ok := parts(r.text, 0, '{')
	if !ok {
		r.fault(0, "", "the file is not an object")
		return nil
	}
	seen := map[string]bool{}
	for _, p := range whole {
		if seen[p.name] {
			r.fault(p.at, p.name, "%q stands in the file twice", p.name)
		}
		seen[p.name] = true
	}
	if !seen["updates"] {
		for _, p := range whole {
			updates = append(updates, r.user(p.name, p, quoteWho(p.name)))
		}
		return updates
	}
	for _, p := range whole {
		if p.name == "updates" {
			updates = r.list(p)
		} else if p.name != "schema" {
			r.fault(p.at, "", "unknown member %q beside updates", p.name)
		}
	}
	return updates
}

func quoteWho(who string) string { return fmt.Sprintf("%q", who) }

func (r *operations) list(p part) (updates []update) {
	list, ok := parts(p.value, p.at, '[')
	if !ok {
		r.fault(p.at, "updates", "updates is not an array")
	}
	for i, p := range list {
		what := fmt.Sprintf("updates[%d]", i)
		members, ok := r.members(p, what, "user", "operations")
		if !ok {
			continue
		}
		var who string
		if err := json.Unmarshal(members["user"].value, &who); err != nil || who == "" {
			r.fault(p.at, what, "user is not the name of somebody")
			continue
		}
		updates = append(updates, r.user(who, members["operations"], what+".operations"))
	}
	return updates
}

// members are those of an object that has all of required and otherwise only those of names.
func (r *operations) members(p part, what string, names ...string) (map[string]part, bool) {
	list, ok := parts(p.value, p.at, '{')
	if !ok {
		r.fault(p.at, what, "not an object")
		return nil, false
	}
	found, good := map[string]part{}, true
	for _, m := range list {
		_, twice := found[m.name]
		switch {
		case twice:
			r.fault(m.at, what, "%q stands here twice", m.name)
			good = false
		case !slices.Contains(names, m.name):
			r.fault(m.at, what, "unknown member %q%s", m.name, fault.DidYouMean(m.name, names))
			good = false
		}
		found[m.name] = m
	}
	return found, good
}

func (r *operations) user(who string, p part, what string) update {
	u := update{who: who, place: r.place(p.at, what)}
	if who == "" {
		r.fault(p.at, what, "user is not the name of somebody")
		return u
	}
	list, ok := parts(p.value, p.at, '[')
	if !ok {
		r.fault(p.at, what, "the operations are not an array")
	}
	for i, p := range list {
		ops := r.operation(p, fmt.Sprintf("%s[%d]", what, i))
		u.ops = append(u.ops, ops...)
		if u.size += sizeOf(ops); r.tooMany(u.place, u.size) {
			break
		}
	}
	if ok && len(list) == 0 {
		r.note(u.place, "no-operations", "there are no operations")
	}
	return u
}

// mostOperations are as many as one user can have in a file, each counted as
// often as it has values: what is said of a user is held against itself.
const mostOperations = 1000

// tooMany finds that what is said of one user is more than can be.
func (r *operations) tooMany(place string, size int) bool {
	if size > mostOperations {
		r.faultAt(place, "too many operations and values on one user: %d are the most", mostOperations)
	}
	return size > mostOperations
}

// operation reads one operation; more than one come of a value that names
// several attributes.
func (r *operations) operation(p part, what string) []explicit {
	m, ok := r.members(p, what, "op", "path", "value")
	if !ok {
		return nil
	}
	place := r.place(p.at, what)
	var op, path string
	if err := json.Unmarshal(orNull(m["op"].value), &op); err != nil || op == "" {
		r.faultAt(place, "op is missing: it is add, replace or remove")
		return nil
	}
	verb, ok := scim.ParseVerb(op)
	if !ok {
		r.faultAt(place, "op %q must be add, replace or remove", op)
		return nil
	}
	if err := json.Unmarshal(orNull(m["path"].value), &path); err != nil {
		r.faultAt(place, "path is not a string")
		return nil
	}
	e := explicit{Op: scim.Op{Verb: verb, Path: scim.Path(path)}, place: place, index: -1}
	if v := m["value"]; v.value != nil && !r.value(v, what, &e) {
		return nil
	}
	return r.valid(e)
}

// value reads the value of an operation.
func (r *operations) value(p part, what string, e *explicit) bool {
	if name, at := repeated(p.value); at >= 0 {
		r.fault(p.at+at, what, "value: %q stands twice in one object", name)
		return false
	}
	v, err := scim.ParseValue(p.value)
	if err != nil {
		r.faultAt(e.place, "value: %v", err)
		return false
	}
	e.Value = v
	return !r.tooMany(e.place, scalars(v.Any()))
}

// sizeOf is how many values the operations have, one at least.
func sizeOf(ops []explicit) (n int) {
	for _, op := range ops {
		n += max(scalars(op.Value.Any()), 1)
	}
	return max(n, 1)
}

func scalars(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			n += scalars(member)
		}
	case []any:
		for _, element := range v {
			n += scalars(element)
		}
	default:
		n = 1
	}
	return n
}

func orNull(text json.RawMessage) json.RawMessage {
	if text == nil {
		return json.RawMessage("null")
	}
	return text
}

// valid resolves the path and checks verb and value.
func (r *operations) valid(e explicit) []explicit {
	switch {
	case e.Path == "" && e.Verb == scim.Remove:
		r.faultAt(e.place, "remove has no path")
		return nil
	case e.Path == "":
		return r.each(e, "")
	case e.Verb == scim.Replace && e.Value == "null":
		e.Verb, e.Value = scim.Remove, ""
		r.note(e.place, "null-removes", "replace with null means remove: %s is removed", e.Path)
	}
	if text, n, ok := indexed(string(e.Path)); ok {
		e.Path, e.index = scim.Path(text), n
	}
	if long, ok := r.dialect.Short[string(e.Path)]; ok {
		e.Path = long
	}
	path, err := scim.ParsePath(string(e.Path))
	if err != nil {
		r.faultAt(e.place, "%v", err)
		return nil
	}
	path, attr, err := r.dialect.Schema.Resolve(scim.User, path)
	if err != nil {
		r.faultAt(e.place, "%v", err)
		return nil
	}
	if strings.EqualFold(attr.Returned, "never") {
		r.faultAt(e.place, "%s is a secret, and plan and ledger keep what is sent: set it in the service itself", path)
		return nil
	}
	if t, _ := e.Value.Text(); (path == userNamePath || path == activePath) && (e.Verb == scim.Remove || strings.TrimSpace(t) == "" && e.Value != "true" && e.Value != "false") {
		r.faultAt(e.place, "%s: a user cannot be without", path)
		return nil
	}
	if e.Path = path; isGroups(path) {
		return r.groups(e)
	}
	if _, single := e.Value.Any().(map[string]any); single && attr.Type == "complex" && !attr.MultiValued && path.Parts().Filter == nil {
		return r.each(e, path+".")
	}
	return r.checked(e)
}

// groups accepts what names groups: ids or names, alone, in an array, or as {"value": ID}.
func (r *operations) groups(e explicit) []explicit {
	values := e.Value.Elements()
	if f := e.Path.Parts().Filter; f != nil {
		_, v, ok := f.Equality()
		if !ok || e.Verb != scim.Remove {
			r.faultAt(e.place, `groups: only remove takes a filter, such as groups[value eq "ID"]`)
			return nil
		}
		values = []scim.Value{v}
	}
	names := make([]any, 0, len(values))
	for _, v := range values {
		if id := v.Sub("value"); id != "" {
			v = id
		}
		name, ok := v.Text()
		if !ok || name == "" {
			r.faultAt(e.place, "groups: a value is not the id or the name of a group")
			return nil
		}
		names = append(names, name)
	}
	if len(names) == 0 && e.Verb == scim.Add {
		r.faultAt(e.place, "add %q: no value", "groups")
		return nil
	}
	e.Path, e.Value = groupsPath, scim.ValueOf(names)
	if len(names) == 0 {
		e.Value = ""
	}
	return []explicit{e}
}

const groupsPath scim.Path = "groups"

func isGroups(p scim.Path) bool {
	parts := p.Parts()
	return parts.URN == "" && parts.Attr == string(groupsPath)
}

// each takes an operation whose value names several attributes apart.
func (r *operations) each(e explicit, under scim.Path) (all []explicit) {
	o, ok := e.Value.Any().(map[string]any)
	if !ok {
		r.faultAt(e.place, "%s without path: the value is not an object", e.Verb)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		part := e
		part.Path, part.Value = under+scim.Path(name), scim.ValueOf(o[name])
		if _, attr, err := r.dialect.Schema.Resolve(scim.User, part.Path); err == nil && attr.Mutability == "readOnly" && !isGroups(part.Path) {
			continue // id, meta and the like come with a copied resource
		}
		if under == "" && slices.Contains(r.dialect.Schema.URNs(scim.User), name) {
			all = append(all, r.each(part, scim.Path(name)+":")...)
			continue
		}
		all = append(all, r.valid(part)...)
	}
	return all
}

// checked asks the schema whether the operation may be sent, and brings its
// value into canonical form.
func (r *operations) checked(e explicit) []explicit {
	set, isSet := r.dialect.Sets[e.Path]
	if isSet {
		e.Value = objects(e.Value, set.Sub[0])
	}
	probe := e.Op
	if faults := r.dialect.Schema.Check(scim.User, []scim.Op{probe}); len(faults) > 0 {
		for _, f := range faults {
			r.faultAt(e.place, "%v", f)
		}
		return nil
	}
	if e.Value == "" {
		return []explicit{e}
	}
	values := e.Value.Elements()
	for i, v := range values {
		var err error
		if values[i], err = r.dialect.Canonical(e.Path, v); err != nil {
			r.faultAt(e.place, "%v", err)
			return nil
		}
	}
	if isSet || len(values) != 1 {
		e.Value = arrayOf(values)
	} else {
		e.Value = values[0]
	}
	return []explicit{e}
}

// objects gives the scalars among the elements of a set the form of its elements.
func objects(v scim.Value, id string) scim.Value {
	if v == "" {
		return ""
	}
	elements := v.Elements()
	for i, e := range elements {
		if e[0] != '{' {
			elements[i] = scim.ValueOf(map[string]any{id: e.Any()})
		}
	}
	return arrayOf(elements)
}

func arrayOf(values []scim.Value) scim.Value {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v.Any()
	}
	return scim.ValueOf(list)
}

var index = regexp.MustCompile(`^(.+)\[(\d{1,4})\](\..+)?$`)

// indexed takes the index out of emails[0].value.
func indexed(path string) (rest string, n int, ok bool) {
	m := index.FindStringSubmatch(path)
	if m == nil {
		return path, -1, false
	}
	for _, d := range m[2] {
		n = 10*n + int(d-'0')
	}
	return m[1] + m[3], n, true
}
