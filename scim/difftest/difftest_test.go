// Package difftest_test compares package scim with SCIM engines of other
// authors, npm scim-patch and scimmy: where both agree, so must we.
package difftest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scim"
)

const seed, patchCases, filterCases = 1, 600, 2000

type patchCase struct {
	Resource   map[string]any `json:"resource"`
	Operations []scim.Op      `json:"operations"`
}

type filterCase struct {
	Resource map[string]any `json:"resource"`
	Filter   string         `json:"filter"`
}

// An answer is what one engine makes of a case.
type answer struct {
	Value any    `json:"value"`
	Error string `json:"error"`
}

// ask feeds all cases to both engines in one process.
func ask(t *testing.T, patches []patchCase, filters []filterCase) (patched, filtered [][2]answer) {
	t.Helper()
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the engines to compare with are not installed: run make deps (it needs Node.js)")
	}
	in, err := json.Marshal(map[string]any{"patches": patches, "filters": filters})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "run.mjs")
	cmd.Stdin = bytes.NewReader(in)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node run.mjs: %v (run make deps)\n%s", err, complaint.String())
	}
	var got struct{ Patches, Filters [][2]answer }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got.Patches, got.Filters
}

// An exception is a question in which the RFC is plainly against both engines.
// One that no case needs any more fails the test.
type exception struct {
	patch  func(patchCase) bool
	filter func(filterCase) bool
	used   bool
}

func exceptions() map[string]*exception {
	return map[string]*exception{
		"a new primary element takes it from the others (RFC 7644 §3.5.2); both leave two": {
			patch: func(c patchCase) bool {
				return slices.ContainsFunc(c.Operations, func(op scim.Op) bool { return strings.Contains(string(op.Value), `"primary":true`) })
			},
		},
		"a remove that lists values is not of the RFC; without the attribute both trip (TypeError), we have nothing to do": {
			patch: func(c patchCase) bool {
				return slices.ContainsFunc(c.Operations, func(op scim.Op) bool { return op.Verb == scim.Remove && op.Value != "" })
			},
		},
		"strings compare without regard to case but for caseExact (RFC 7643 §2.2); both regard it": {
			filter: func(c filterCase) bool { return capitals.MatchString(c.Filter) },
		},
		"the terms in brackets hold of one and the same element (RFC 7644 §3.4.2.2); both ask each term of any element": {
			filter: func(c filterCase) bool { return inBrackets.MatchString(c.Filter) },
		},
		"an absent attribute is not equal to a value; asked alone the engines disagree, within not and and they meet by chance": {
			filter: func(c filterCase) bool {
				return slices.ContainsFunc(unequal.FindAllStringSubmatch(c.Filter, -1), c.lacks)
			},
		},
		"an empty string is not present (RFC 7644 table 3: non-empty); both say it is": {
			filter: func(c filterCase) bool { return c.Resource["title"] == "" && strings.Contains(c.Filter, "title pr") },
		},
	}
}

var (
	capitals   = regexp.MustCompile(`"[A-Z]+"`)
	inBrackets = regexp.MustCompile(`\[[^]]+ (and|or) `)
	unequal    = regexp.MustCompile(`([a-zA-Z.]+) ne `)
)

// lacks tells that the attribute of an "attr ne value" is absent.
func (c filterCase) lacks(match []string) bool {
	attr, sub, _ := strings.Cut(match[1], ".")
	o, _ := c.Resource[attr].(map[string]any)
	return c.Resource[attr] == nil || sub != "" && o[sub] == nil
}

// A court counts cases and complains of those in which we stand alone without reason.
type court struct {
	*testing.T

	exceptions     map[string]*exception
	agreed, others int
}

func (c *court) judge(same bool, excused func(*exception) bool, complain func()) {
	c.agreed++
	if same {
		return
	}
	reasoned := false
	for _, e := range c.exceptions {
		if excused(e) {
			e.used, reasoned = true, true
		}
	}
	if !reasoned {
		complain()
	}
}

// adjourn fails where too little was compared, or an exception stood idle.
func (c *court) adjourn(idle func(*exception) bool) {
	c.Helper()
	if c.agreed < c.others*2/5 {
		c.Errorf("the engines agree in %d of %d cases: too few to mean anything", c.agreed, c.others)
	}
	for reason, e := range c.exceptions {
		if idle(e) {
			c.Errorf("no case needs the exception %q", reason)
		}
	}
	c.Logf("%d of %d cases compared", c.agreed, c.others)
}

func TestPatchAgreesWhereTwoOthersDo(t *testing.T) {
	t.Parallel()
	g, s := newGenerator(seed), schema(t)
	var cases []patchCase // each after those of its shorter beginnings
	for range patchCases {
		c := g.patchCase()
		for n := range c.Operations {
			cases = append(cases, patchCase{c.Resource, c.Operations[:n+1]})
		}
	}
	answers, _ := ask(t, cases, nil)
	court := &court{T: t, exceptions: exceptions(), others: len(cases)}
	parted := false
	for i, c := range cases {
		if parted = parted && len(c.Operations) > 1; parted {
			continue
		}
		want, ok := agreement(answers[i])
		if parted = !ok || want.Error != ""; !ok {
			continue
		}
		var got answer
		if next, _, err := s.Patch(scim.User, c.Resource, c.Operations, scim.PatchOptions{}); err != nil {
			got.Error = err.Error()
		} else {
			got.Value = normal(any(next))
		}
		same := (got.Error != "") == (want.Error != "") && (got.Error != "" || cmp.Equal(want.Value, got.Value))
		parted = parted || !same
		court.judge(same, func(e *exception) bool { return e.patch != nil && e.patch(c) }, func() {
			ops, _ := json.Marshal(c.Operations)
			t.Errorf("case %d: %s\non %s\nboth say %s %s\nwe say   %s %s", i, ops, scim.ValueOf(normal(c.Resource)),
				scim.ValueOf(want.Value), want.Error, scim.ValueOf(got.Value), got.Error)
		})
	}
	court.adjourn(func(e *exception) bool { return e.patch != nil && !e.used })
}

func TestFilterAgreesWhereTwoOthersDo(t *testing.T) {
	t.Parallel()
	g, s := newGenerator(seed), schema(t)
	cases := make([]filterCase, filterCases)
	for i := range cases {
		cases[i] = g.filterCase()
	}
	_, answers := ask(t, nil, cases)
	court := &court{T: t, exceptions: exceptions(), others: len(cases)}
	for i, c := range cases {
		want, ok := agreement(answers[i])
		if !ok || want.Error != "" {
			continue
		}
		f, err := scim.ParseFilter(c.Filter, scim.FilterOptions{})
		if err != nil {
			t.Errorf("case %d: ParseFilter(%s): %v", i, c.Filter, err)
			continue
		}
		got := f.Match(c.Resource, "", s)
		court.judge(got == want.Value, func(e *exception) bool { return e.filter != nil && e.filter(c) }, func() {
			t.Errorf("case %d: %s\non %s\nboth say %v, we say %v", i, c.Filter, scim.ValueOf(c.Resource), want.Value, got)
		})
	}
	court.adjourn(func(e *exception) bool { return e.filter != nil && !e.used })
}

// agreement is what both engines say: the same value, or an error each.
func agreement(a [2]answer) (answer, bool) {
	if a[0].Error != "" || a[1].Error != "" {
		return a[0], a[0].Error != "" && a[1].Error != ""
	}
	x, y := normal(a[0].Value), normal(a[1].Value)
	return answer{Value: x}, cmp.Equal(x, y)
}

// normal drops what is not in question: schemas, meta, empty values
// (unassigned, RFC 7643 §2.5), the order of elements.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := map[string]any{}
		for k, e := range v {
			if n := normal(e); n != nil && k != "schemas" && k != "meta" {
				o[k] = n
			}
		}
		if len(o) == 0 {
			return nil
		}
		return o
	case []any:
		var all []any
		for _, e := range v {
			if n := normal(e); n != nil {
				all = append(all, n)
			}
		}
		slices.SortFunc(all, func(x, y any) int { return strings.Compare(string(scim.ValueOf(x)), string(scim.ValueOf(y))) })
		if len(all) == 0 {
			return nil
		}
		return all
	}
	return v
}

// schema is RFC 7643 §8.7.1: User with the enterprise extension.
func schema(t *testing.T) *scim.Schema {
	t.Helper()
	text, err := os.ReadFile("../testdata/schemas.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []scim.Definition
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return scim.NewSchema(scim.TypeDefinition{Type: scim.User, Core: all[0], Extensions: all[2:]})
}
