package reconcile

import (
	"slices"
	"strings"

	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
)

// A Verdict is what an explanation says of one attribute or group.
type Verdict string

// The verdicts.
const (
	Equal    Verdict = "equal"    // as the source has it, as far as rollcall rules it
	Goes     Verdict = "goes"     // differs, and will be sent
	Waits    Verdict = "waits"    // differs, and waits for a person: see holds
	Claims   Verdict = "claims"   // there and desired: becomes rollcall's, nothing is sent
	Empty    Verdict = "empty"    // the source has nothing to say: left alone
	OnceOnly Verdict = "once"     // set at creation only
	Watched  Verdict = "watched"  // differs, and is only reported
	Unusable Verdict = "unusable" // the value cannot be used
	HeldBack Verdict = "heldBack" // differs, and is not sent: Why says it
	Unread   Verdict = "unread"   // there is no user, or its value did not come
	Silent   Verdict = "silent"   // no record in scope says anything of it
)

// An Attribute is the story of one managed attribute.
type Attribute struct {
	Path       scim.Path    `json:"path"`
	Expression string       `json:"expression,omitempty"`
	Gave       scim.Value   `json:"gave"`    // what the expression gave; null: nothing
	Desired    []scim.Value `json:"desired"` // canonical; null: not managed for this person
	Current    []scim.Value `json:"current"` // null: not read
	Own        string       `json:"own"`
	Ours       []scim.Value `json:"ours,omitempty"` // elements of a set that the ledger says are rollcall's
	Verdict    Verdict      `json:"verdict"`
	Why        []string     `json:"why,omitempty"`

	Edit *plan.Edit `json:"-"` // what will be done; nil: nothing
}

// A Membership is the story of one managed group.
type Membership struct {
	Group      string   `json:"group"`
	Resource   string   `json:"resource,omitempty"` // "": there is no group of this name
	Expression string   `json:"expression,omitempty"`
	Own        string   `json:"own"`
	Belongs    bool     `json:"belongs"` // by the source
	Member     *bool    `json:"member"`  // now; null: not known
	Ours       bool     `json:"ours"`    // by the ledger
	Op         plan.Op  `json:"op,omitempty"`
	Verdict    Verdict  `json:"verdict"`
	Why        []string `json:"why,omitempty"`
}

// OwnName is a mode as the configuration spells it.
func OwnName(o plan.Own) string {
	return map[plan.Own]string{
		plan.Managed: "managed", plan.Once: "once", plan.Watch: "watch", plan.Exact: "exact", plan.Mine: "mine", plan.Additive: "add",
	}[o]
}

// A story is what verdicts are made from.
type story struct {
	*Explanation

	job     Job
	sought  *sought
	glimpse *glimpse
}

// compare gives every managed attribute and group its verdict. What the plan
// says comes first: this never decides what is sent, only says why.
func (e *Explanation) compare(s *story) {
	e.Why = append(e.Why, s.undone()...)
	for _, r := range s.job.Input.Rules {
		e.Attributes = append(e.Attributes, s.attribute(r))
	}
	e.Groups = append(e.Groups, s.groups()...)
}

func (s *story) attribute(r plan.Rule) Attribute {
	a := Attribute{Path: r.Path, Own: OwnName(r.Own), Gave: "null"}
	s.desire(&a)
	if have, known := s.glimpse.seen[s.Resource].Row.At(r.Path); known {
		a.Current = orNone(have)
	}
	if s.sought.link != nil {
		a.Ours = at(s.sought.link.Ours, r.Path)
	}
	s.judge(&a, r)
	return a
}

// desire fills in what the record in scope makes of the attribute.
func (s *story) desire(a *Attribute) {
	d := s.sought.desired()
	if d == nil {
		return
	}
	i := slices.IndexFunc(d.Attributes, func(t mapping.Trace) bool { return t.Path == a.Path })
	if i < 0 {
		return
	}
	t := d.Attributes[i]
	a.Expression, a.Why = t.Text, said(t)
	if t.Gave != "" {
		a.Gave = t.Gave
	}
	if t.Known {
		a.Desired = orNone(t.Values)
	}
}

func said(t mapping.Trace) []string {
	switch {
	case t.Err != nil:
		return []string{t.Err.Text}
	case t.Problem != "":
		return []string{t.Problem}
	default:
		return nil
	}
}

// orNone tells known and empty from not known: [] and null.
func orNone(values []scim.Value) []scim.Value {
	if values == nil {
		return []scim.Value{}
	}
	return values
}

// judge follows the table, from above:
//
//	plan edits it             | goes, waits, claims
//	no record in scope        | silent
//	value unusable, failed    | unusable
//	nothing desired           | empty
//	once, and there is a user | once
//	not read                  | unread
//	equal                     | equal
//	watch                     | watched
//	anything else             | heldBack, by the findings on it or on the person, or by the service
//
// A difference that the plan does not see as one (the spelling of a name, what
// others added to a set) is equal where the person is compared at all.
func (s *story) judge(a *Attribute, r plan.Rule) {
	if s.edited(a) {
		return
	}
	left := !s.job.Input.Policy.Lifecycle && (r.Path == userNamePath || r.Path == activePath)
	switch findings := s.findingsOn(r.Path); {
	case s.sought.desired() == nil:
		a.Verdict = Silent
	case len(a.Why) > 0:
		a.Verdict = Unusable
	case a.Desired == nil:
		a.Verdict = Empty
	case r.Own == plan.Once && s.Resource != "":
		a.Verdict = OnceOnly
	case a.Current == nil:
		a.Verdict = Unread
	case s.agree(a, r):
		a.Verdict = Equal
	case r.Own == plan.Watch:
		a.Verdict = Watched
	case len(findings) > 0:
		a.Verdict, a.Why = HeldBack, findings
	case left:
		a.Verdict, a.Why = HeldBack, []string{"lifecycle: none never renames, activates or deactivates"}
	case len(s.Why) > 0:
		a.Verdict = HeldBack
	case s.isKept(r.Path):
		a.Verdict, a.Why = HeldBack, []string{"it was sent before, and the service keeps what is there; sent again when either changes"}
	default:
		a.Verdict = Equal
	}
}

// isKept tells whether the service did not carry out what it was sent of p.
func (s *story) isKept(p scim.Path) bool {
	return s.sought.link != nil && !s.sought.link.Kept[p].IsEmpty()
}

// edited tells whether a change edits the attribute, and what becomes of that.
func (s *story) edited(a *Attribute) bool {
	for _, c := range s.Changes {
		if c.Target.Type != scim.User {
			continue
		}
		if i := slices.IndexFunc(c.Edits, func(e plan.Edit) bool { return e.Path == a.Path }); i >= 0 {
			a.Edit = &c.Edits[i]
			a.Verdict = s.sent(c, a.Edit)
			return true
		}
	}
	return false
}

// sent is the verdict of what a change does.
func (s *story) sent(c Planned, e *plan.Edit) Verdict {
	switch {
	case !e.Whole && len(e.Add)+len(e.Remove) == 0:
		return Claims
	case c.Held != "" || len(s.Holds) > 0 && s.stopped():
		return Waits
	default:
		return Goes
	}
}

// stopped tells whether nothing at all is applied.
func (s *story) stopped() bool {
	return slices.ContainsFunc(s.Holds, func(h string) bool { return !strings.HasSuffix(h, "these changes wait") })
}

// findingsOn are those that name the attribute.
func (s *story) findingsOn(p scim.Path) (texts []string) {
	label := string(p)
	for short, path := range s.job.Input.Dialect.Short {
		if path == p {
			label = short
		}
	}
	for _, f := range s.Findings {
		if strings.Contains(f.Text, label) || strings.Contains(f.Text, string(p)) || f.Code == "address-reused" && p == userNamePath || f.Code == "guarded-role" && label == "roles" {
			texts = append(texts, f.Text)
		}
	}
	return texts
}

// undone says why the person as a whole is not compared; nothing where they are.
func (s *story) undone() (texts []string) {
	for _, f := range s.Findings {
		switch f.Code {
		case "gone", "address-reused", "ambiguous-match", "missing-attribute", "no-user", "protected", "inactive-elsewhere", "active-unknown", "not-read", "bad-row", "duplicate-key":
			texts = append(texts, f.Text)
		}
	}
	texts = slices.Compact(texts) // findings are sorted
	dormant := s.glimpse.wanted[activePath]
	switch {
	case len(texts) > 0 || !s.job.Input.Policy.Lifecycle || len(dormant) != 1 || dormant[0] != "false":
	case s.Resource == "":
		texts = append(texts, "inactive in the source, and has no user: not created")
	default:
		texts = append(texts, "inactive in the source: nothing but that is brought about")
	}
	return texts
}

// agree tells whether what is there is as desired, without regard to what the mode leaves alone.
func (s *story) agree(a *Attribute, r plan.Rule) bool {
	if slices.Equal(a.Desired, a.Current) {
		return true
	}
	set, isSet := s.job.Input.Dialect.Sets[r.Path]
	if !isSet || slices.ContainsFunc(a.Desired, func(v scim.Value) bool { return !slices.Contains(a.Current, v) }) {
		return false
	}
	named := func(vs []scim.Value, v scim.Value) bool {
		return slices.ContainsFunc(vs, func(o scim.Value) bool { return o.Sub(set.Sub[0]) == v.Sub(set.Sub[0]) })
	}
	return !slices.ContainsFunc(a.Current, func(v scim.Value) bool {
		surplus := !named(a.Desired, v) && !named(set.Keep, v)
		return surplus && (r.Own == plan.Exact || r.Own == plan.Mine && named(a.Ours, v))
	})
}
