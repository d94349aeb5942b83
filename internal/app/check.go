package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
	"rollcall/target/genesys"
)

// A Check is one thing that was looked at before anything is done.
type Check struct {
	Area  string `json:"area"`  // configuration, source, credentials, permissions, coexistence, names
	State string `json:"state"` // ok, note, warning, error, unknown
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
}

// The states of a check.
const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkError   = "error"
	checkNote    = "note"
	checkUnknown = "unknown" // cannot be told before the first write
)

// Check looks at everything a run needs: configuration, source, credentials,
// permissions, other SCIM clients, and every name that the source's people refer to. It sends
// nothing that changes anything. What is wrong is in the answer, not an error.
func (y *Sync) Check(ctx context.Context) []Check {
	checks := []Check{{Area: "configuration", State: checkOK, Text: y.configured()}}
	for _, key := range slices.Sorted(slices.Values(idle(y.Config))) {
		checks = append(checks, Check{Area: "configuration", State: checkNote, Text: key + " is read, and has no effect in this version"})
	}
	if len(y.Config.Redact) > 0 {
		checks = append(checks, Check{Area: "configuration", State: checkWarning, Text: redacts(y.Config.Redact)})
	}
	names, read := y.readPeople(ctx)
	checks = append(checks, read...)
	if _, err := y.Job.Reading(ctx); err != nil {
		checks = append(checks, failed("source", err))
	}
	found, err := y.Client.Check(ctx)
	if err != nil {
		return append(checks, failed("credentials", err))
	}
	checks = append(checks, Check{Area: "credentials", State: checkOK, Text: loggedIn(found)})
	checks = append(checks, y.permissions(found.Proofs)...)
	checks = append(checks, y.coexist(ctx))
	return append(checks, y.checkNames(ctx, names)...)
}

// redacts says what keeping digests costs.
func redacts(paths []scim.Path) string {
	var names []string
	for _, p := range paths {
		names = append(names, string(p))
	}
	return "the ledger keeps digests of " + strings.Join(names, ", ") + ": their changes cannot be reverted, nor shown; a plan that waits for a person holds their values"
}

func loggedIn(c genesys.Checked) string {
	text := fmt.Sprintf("client %s of organization %s (%s)", c.ClientID, c.Organization, c.OrganizationID)
	if c.Granted > 0 {
		text += fmt.Sprintf(", %d requests a minute", c.Granted)
	}
	return text
}

// permissions says what the client may and may not do, as far as this sync needs it.
func (y *Sync) permissions(proofs []genesys.Proof) []Check {
	var checks []Check
	proven := 0
	for _, p := range proofs {
		need, only := y.needs(p)
		text := fmt.Sprintf("%s, to %s: %s", p.Permission, p.Purpose, p.How)
		switch {
		case p.Verdict == genesys.Proven:
			proven++
		case !need:
		case p.Verdict == genesys.Untold:
			checks = append(checks, Check{Area: "permissions", State: checkUnknown, Text: text})
		case only:
			checks = append(checks, Check{Area: "permissions", State: checkWarning, Text: "lacking " + text, Hint: p.Hint})
		default:
			checks = append(checks, Check{Area: "permissions", State: checkError, Text: "lacking " + text, Hint: p.Hint})
		}
	}
	return append([]Check{{Area: "permissions", State: checkOK, Text: fmt.Sprintf("%d of %d that rollcall can use are proven", proven, len(proofs))}}, checks...)
}

// needs tells whether this sync needs what p is about, and whether it is only for looking.
func (y *Sync) needs(p genesys.Proof) (need, only bool) {
	if strings.HasSuffix(p.Permission, ":view") {
		return true, true
	}
	switch p.Permission {
	case "directory:user:add":
		return y.Config.Policy.Lifecycle, false
	case "directory:user:edit":
		return true, false
	case "directory:user:delete":
		return y.Config.Policy.Leaving.Action == "delete" || y.Config.Policy.Leaving.Then == "delete", false
	case "directory:group:edit":
		return len(y.Config.Members) > 0 || y.Config.ByColumn != 0, false
	}
	for _, r := range y.Config.Rules {
		managed := r.Path.Parts()
		if slices.ContainsFunc(p.Paths, func(path scim.Path) bool { at := path.Parts(); return at.URN == managed.URN && at.Attr == managed.Attr }) {
			return r.Own != plan.Watch, false
		}
	}
	return false, false
}

func (y *Sync) configured() string {
	return fmt.Sprintf("%s: %d attributes, %d groups", y.Config.File, len(y.Config.Rules), len(y.Config.Members))
}

func failed(area string, err error) Check {
	text := err.Error()
	if k := fault.Of(err); k != 0 {
		text = strings.ReplaceAll(text, k.Error()+": ", "")
	}
	return Check{Area: area, State: checkError, Text: text, Hint: fault.Hint(err)}
}

// named is which names people refer to, by catalog, and how many people do. Groups are under "group".
type named map[target.Catalog]map[string]int

const groupNames target.Catalog = "group"

func (n named) add(c target.Catalog, name string) {
	if n[c] == nil {
		n[c] = map[string]int{}
	}
	n[c][name]++
}

// readPeople reads the whole source once: how many people, what is wrong with rows, which names they use.
func (y *Sync) readPeople(ctx context.Context) (named, []Check) {
	names, bad := named{}, map[string]int{}
	records, in := 0, 0
	for rec, err := range y.Job.Source.Records(ctx, y.Mapping.Columns()) {
		if spoiled, ok := errors.AsType[*source.RecordError](err); ok {
			bad[fmt.Sprintf("%s: %s", spoiled.Place, spoiled.Err)]++
			continue
		}
		if err != nil {
			return names, []Check{failed("source", err)}
		}
		records++
		p, err := y.Mapping.Map(rec)
		if err != nil {
			bad[fmt.Sprintf("%s: %v", rec.Place, err)]++
			continue
		}
		if p.In {
			in++
			y.collect(names, p, bad)
		}
	}
	state := checkOK
	if in == 0 {
		state = checkWarning
	}
	checks := []Check{{Area: "source", State: state, Text: fmt.Sprintf("%s: %d records, %d in scope", y.Job.Input.Basis.Source, records, in)}}
	return names, append(checks, summarize(bad)...)
}

func (y *Sync) collect(names named, p mapping.Person, bad map[string]int) {
	for path, catalog := range y.Dialect.Named {
		values, _ := p.Row.At(path)
		for _, v := range values {
			names.add(catalog, y.nameOf(path, v))
		}
	}
	for _, g := range p.Groups {
		names.add(groupNames, g)
	}
	for _, problem := range p.Problems {
		bad[problem.Code+": "+problem.Text]++
	}
}

func (y *Sync) nameOf(path scim.Path, v scim.Value) string {
	if set, ok := y.Dialect.Sets[path]; ok {
		v = v.Sub(set.Sub[0])
	}
	name, _ := v.Text()
	return name
}

// summarize says every kind of trouble once, the most frequent first, ten at most.
func summarize(bad map[string]int) []Check {
	texts := slices.SortedFunc(maps.Keys(bad), func(a, b string) int {
		if bad[a] != bad[b] {
			return bad[b] - bad[a]
		}
		return strings.Compare(a, b)
	})
	var checks []Check
	const most = 10
	for i, text := range texts {
		if i == most {
			checks = append(checks, Check{Area: "source", State: checkWarning, Text: fmt.Sprintf("and %d more kinds of trouble", len(texts)-most), Hint: "rollcall plan lists each"})
			break
		}
		if bad[text] > 1 {
			text = fmt.Sprintf("%s (%d times)", text, bad[text])
		}
		checks = append(checks, Check{Area: "source", State: checkWarning, Text: text})
	}
	return checks
}

// checkNames compares the names that people refer to with those that exist.
func (y *Sync) checkNames(ctx context.Context, names named) []Check {
	for _, g := range y.Config.Members {
		names.add(groupNames, g.Name)
	}
	var checks []Check
	for _, c := range slices.Sorted(maps.Keys(names)) {
		known, err := y.known(ctx, c)
		if errors.Is(err, fault.Denied) {
			checks = append(checks, Check{Area: "names", State: checkUnknown, Text: fmt.Sprintf("%s names cannot be checked: the client may not read them", c), Hint: fault.Hint(err)})
			continue
		}
		if err != nil {
			return append(checks, failed("names", err))
		}
		checks = append(checks, compareNames(c, names[c], known)...)
	}
	return checks
}

func compareNames(c target.Catalog, wanted map[string]int, known []string) []Check {
	var checks []Check
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if slices.Contains(known, name) {
			continue
		}
		hint := fmt.Sprintf("make it in Genesys Cloud, or correct the mapping; people get everything but this %s meanwhile", c)
		if near := fault.Nearest(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		checks = append(checks, Check{Area: "names", State: checkWarning, Text: fmt.Sprintf("there is no %s %q", c, name), Hint: hint})
	}
	if len(checks) == 0 {
		return []Check{{Area: "names", State: checkOK, Text: fmt.Sprintf("every %s that people refer to exists (%d)", c, len(wanted))}}
	}
	return checks
}

// known are the names there are.
func (y *Sync) known(ctx context.Context, c target.Catalog) ([]string, error) {
	if c != groupNames {
		names, err := y.Client.Names(ctx, c)
		return slices.Sorted(maps.Keys(names)), err
	}
	shape := scim.NewShape("displayName")
	var known []string
	for o, err := range y.Client.Read(ctx, target.Query{Ask: target.Page, Type: scim.Group}, shape) {
		var shifted *target.Shifted
		if errors.As(err, &shifted) {
			break
		}
		if err != nil {
			return nil, err
		}
		if values, _ := o.Row.Index(0); len(values) == 1 {
			name, _ := values[0].Text()
			known = append(known, name)
		}
	}
	return known, nil
}
