package plan

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"io"
	"iter"
	"slices"

	"rollcall/scim"
	"rollcall/source"
)

// Schema names the JSON form of a plan, which schema/plan.schema.json describes.
// Fields are only ever added.
const Schema = "rollcall.plan/1"

// changeJSON is a change as a saved plan and --json show it: what it does to
// whom, before and after, the operations as they would be sent now, and the
// edits from which they are computed anew when they are sent.
type changeJSON struct {
	ID       string                   `json:"id"`
	Op       Op                       `json:"op"`
	Type     scim.Type                `json:"type"`
	Key      source.Key               `json:"key"`
	From     source.Key               `json:"from,omitempty"` // of a rekey
	UserName string                   `json:"userName"`
	Resource string                   `json:"resource"` // id; "": created by this plan
	Version  string                   `json:"version"`
	Reason   string                   `json:"reason"`
	Before   map[scim.Path]scim.Value `json:"before"` // a value, or an array for a set; null: absent
	After    map[scim.Path]scim.Value `json:"after"`
	Patch    []scim.Op                `json:"patch"`
	Wave     int                      `json:"wave"`
	Fresh    bool                     `json:"fresh,omitempty"`
	Held     string                   `json:"held,omitempty"`
	Place    *placeJSON               `json:"place,omitempty"`
	Edits    []Edit                   `json:"edits"`
	Sent     Digest                   `json:"sent,omitzero"`
	Leaving  []Trait                  `json:"leaving,omitempty"`
	Owes     []scim.Path              `json:"owes,omitempty"`
}

type placeJSON struct {
	Source string `json:"source,omitempty"`
	Line   int    `json:"line,omitempty"`
	Entry  string `json:"entry,omitempty"`
}

func wireOf(c Change) changeJSON {
	w := changeJSON{
		ID: c.ID, Op: c.Op, Type: c.Target.Type, Key: c.Key, From: source.Key(c.From), UserName: c.UserName, Resource: c.Target.ID, Version: c.Target.Version,
		Reason: c.Reason, Before: map[scim.Path]scim.Value{}, After: map[scim.Path]scim.Value{}, Wave: c.Wave, Fresh: c.Fresh,
		Held: c.Held, Edits: c.Edits, Sent: c.Sent, Leaving: c.Leaving, Owes: c.Owes,
	}
	if c.Place != (source.Place{}) {
		w.Place = &placeJSON{Source: c.Place.Source, Line: c.Place.Line, Entry: c.Place.Entry}
	}
	for _, e := range c.Edits {
		if e.claimsOnly() {
			continue
		}
		w.Before[e.Path], w.After[e.Path] = e.show(e.believed()), e.show(e.After())
	}
	w.Patch, _ = c.Against(func(p scim.Path) []scim.Value {
		for _, e := range c.Edits {
			if e.Path == p {
				return e.believed()
			}
		}
		return nil
	})
	if w.Patch == nil {
		w.Patch = []scim.Op{}
	}
	if w.Edits == nil {
		w.Edits = []Edit{}
	}
	return w
}

func (w changeJSON) change() Change {
	c := Change{
		ID: w.ID, Op: w.Op, Key: w.Key, From: Former(w.From), UserName: w.UserName, Target: scim.Ref{Type: w.Type, ID: w.Resource, Version: w.Version},
		Wave: w.Wave, Fresh: w.Fresh, Reason: w.Reason, Held: w.Held, Sent: w.Sent, Leaving: w.Leaving, Owes: w.Owes,
	}
	if len(w.Edits) > 0 {
		c.Edits = w.Edits
	}
	if w.Place != nil {
		c.Place = source.Place{Source: w.Place.Source, Line: w.Place.Line, Entry: w.Place.Entry}
	}
	return c
}

func (e Edit) claimsOnly() bool { return !e.Whole && len(e.Add) == 0 && len(e.Remove) == 0 }

// believed is what the attribute holds before the edit: of members, which are
// too many to repeat, those that the edit removes.
func (e Edit) believed() []scim.Value {
	if len(e.Before) == 0 {
		return e.Remove
	}
	return e.Before
}

// After is what the attribute holds once e is done, as far as planning knows.
func (e Edit) After() []scim.Value {
	var out []scim.Value
	set := e.Set
	if !e.Whole {
		set = e.Add
	}
	for _, v := range e.Before {
		_, again := e.find(set, v)
		_, gone := e.find(e.Remove, v)
		_, kept := e.find(e.Keep, v)
		if !again && !gone && (!e.Whole || kept) {
			out = append(out, v)
		}
	}
	return append(out, set...)
}

// show is vs as one value: an array for a set, null for nothing.
func (e Edit) show(vs []scim.Value) scim.Value {
	switch {
	case e.ID != "" || !e.Whole || len(vs) > 1:
		return array(vs)
	case len(vs) == 1:
		return vs[0]
	default:
		return "null"
	}
}

// Encode writes p as one JSON document, change by change, with its digest at
// the end. The same plan gives the same bytes.
func Encode(w io.Writer, p *Plan) error {
	e := &encoder{out: bufio.NewWriter(w), sum: sha256.New()}
	e.write("{")
	e.member("schema", Schema)
	e.member("basis", p.Basis)
	e.member("summary", p.Summary)
	e.member("cost", p.Cost)
	e.member("limits", orEmpty(p.Limits))
	if len(p.Missing) > 0 {
		e.member("missing", p.Missing)
	}
	if len(p.Back) > 0 {
		e.member("back", p.Back)
	}
	e.member("findings", orEmpty(p.Findings))
	e.write(`,"changes":[`)
	for c := range p.Changes() {
		e.element(c)
	}
	e.space("\n")
	e.write("]")
	return e.seal()
}

// marshal is json.Marshal without the escapes that only HTML needs.
func marshal(v any) ([]byte, error) {
	var b buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b[:len(b)-1], nil // without the line end of Encode
}

type buffer []byte

func (b *buffer) Write(text []byte) (int, error) {
	*b = append(*b, text...)
	return len(text), nil
}

func orEmpty[E any](s []E) []E {
	if s == nil {
		return []E{}
	}
	return s
}

// Recall packs a plan that was kept elsewhere, as it was. Only whom its limits
// are about is found anew.
func Recall(basis Basis, sum Summary, limits []Limit, findings []Finding, changes iter.Seq[Change]) *Plan {
	p := &Plan{Basis: basis, Summary: sum, Limits: slices.Clone(limits), Findings: findings}
	for c := range changes {
		p.packed.add(c, counted, 0)
	}
	(&Builder{decision: decision{out: p.packed}}).accuse(p.Limits)
	return p
}
