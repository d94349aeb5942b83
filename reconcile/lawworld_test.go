package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rollcall/mapping"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
	"rollcall/target/genesyssim"
)

// A hire is one record of a generated source. wants says what its cells mean,
// by trait: a trait that is not there is not managed for this person.
type hire struct {
	key   string
	line  int
	cells map[string]string
	wants map[string]facts
	bad   error // it cannot be read

	active, outside bool
}

func (h *hire) set(column, cell, trait string, want facts) {
	h.cells[column] = cell
	if h.wants[trait] = want; want == nil {
		delete(h.wants, trait)
	}
}

// A trait is one managed attribute of a generated configuration.
type trait struct {
	name   string // as in facts
	path   scim.Path
	expr   string
	own    plan.Own
	clears bool
}

// An enterprise is a generated source, configuration and organization. It follows
// from its seed.
type enterprise struct {
	*rand.Rand

	seed    uint64
	set     genesyssim.Switches // what deviates from the defaults
	faults  []genesyssim.Fault
	traits  []trait
	rules   map[string]plan.Own // of groups, by name
	named   plan.Own            // of groups that a column names; 0: none
	bare    bool                // lifecycle none
	shield  string              // protected are the userNames that begin so; "": nobody
	restore bool                // who comes back is given back roles and groups
	ruled   bool                // whose userName begins with b is in Sales by a rule
	leavers string
	after   int            // days until a leaver is deactivated
	zone    *time.Location // in which days are counted
	hires   []*hire
	gone    []*hire // who left, and may come back
	blank   bool    // a row without a readable key is there
	next    int
	diary   []func() string // what happened, for whoever reads a failure
}

func (c *enterprise) note(format string, args ...any) {
	c.diary = append(c.diary, func() string { return fmt.Sprintf(format, args...) })
}

func (c *enterprise) story() []string {
	out := make([]string, len(c.diary))
	for i, tell := range c.diary {
		out[i] = tell()
	}
	return out
}

func (c *enterprise) chance(percent int) bool { return c.IntN(100) < percent }

func oneOf[T any](c *enterprise, of ...T) T { return of[c.IntN(len(of))] }

// today is the day in the enterprise's time zone, as midnight in UTC.
func (c *enterprise) today() time.Time {
	y, m, d := time.Now().In(c.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// alternatives are all switches at all values but the default; the first is none of them.
func alternatives() []genesyssim.Switches {
	all := []genesyssim.Switches{{"rate": "off"}}
	for _, d := range genesyssim.SwitchDocs() {
		for _, v := range d.Values {
			if s := (genesyssim.Switches{"rate": "off"}); v != d.Default || d.Name == "rate" && v == "300" {
				s[d.Name] = v
				all = append(all, s)
			}
		}
	}
	return all
}

const enterpriseURN, genesysURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:", "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User:"

// newEnterprise makes everything but the people in the organization.
func newEnterprise(seed uint64) *enterprise {
	c := &enterprise{Rand: rand.New(rand.NewPCG(seed, 3)), seed: seed, leavers: "deactivate"}
	switches := alternatives()
	c.set = switches[seed%uint64(len(switches))]
	single := func() plan.Own { return oneOf(c, plan.Managed, plan.Managed, plan.Managed, plan.Once, plan.Watch) }
	set := func() plan.Own { return oneOf(c, plan.Mine, plan.Mine, plan.Exact, plan.Additive) }
	c.traits = []trait{
		{name: "userName", path: "userName", expr: "row.Mail", own: plan.Managed},
		{name: "displayName", path: "displayName", expr: "row.Name", own: oneOf(c, plan.Managed, plan.Managed, plan.Once)},
		{name: "active", path: "active", expr: `row.Active == "yes"`, own: plan.Managed},
	}
	for _, t := range []trait{
		{name: "externalId", path: "externalId", expr: "row.ID", own: plan.Managed},
		{name: "title", path: "title", expr: "row.Title", own: single(), clears: c.chance(30)},
		{name: "phones/work", path: `phoneNumbers[type eq "work"].value`, expr: `phone(row.Phone, "US")`, own: single(), clears: c.chance(20)},
		{name: "phones/mobile", path: `phoneNumbers[type eq "mobile"].value`, expr: `phone(row.Mobile, "DE")`, own: single(), clears: c.chance(20)},
		{name: "work", path: `emails[type eq "work"].value`, expr: "row.Work", own: single(), clears: c.chance(20)},
		{name: "department", path: enterpriseURN + "department", expr: "row.Dept", own: single(), clears: c.chance(30)},
		{name: "employeeNumber", path: enterpriseURN + "employeeNumber", expr: "row.Number", own: single()},
		{name: "dateHire", path: enterpriseURN + "dateHire", expr: `date(row.Hired, "DD.MM.YYYY")`, own: single(), clears: c.chance(20)},
		{name: "manager", path: enterpriseURN + "manager.value", expr: `row.Boss contains "@" ? user(row.Boss) : person(row.Boss)`, own: single(), clears: c.chance(20)},
		{name: "division", path: enterpriseURN + "division", expr: "row.Division", own: single()},
		{name: "roles", path: "roles", expr: listed("Roles"), own: set()},
		{name: "skills", path: genesysURN + "routingSkills", expr: "skills(row.Skills)", own: set(), clears: c.chance(40)},
		{name: "languages", path: genesysURN + "routingLanguages", expr: "languages(row.Languages)", own: set(), clears: c.chance(40)},
	} {
		if c.chance(70) {
			c.traits = append(c.traits, t)
		}
	}
	c.rules = map[string]plan.Own{}
	for _, g := range []string{"Everybody", "Sales"} {
		if c.chance(60) {
			c.rules[g] = set()
		}
	}
	if c.chance(60) {
		c.named = oneOf(c, plan.Mine, plan.Mine, plan.Exact, plan.Additive)
	}
	n := 3 + c.IntN(6)
	switch k := c.IntN(100); {
	case k < 3:
		n = 30 + c.IntN(31)
	case k < 25:
		n = 8 + c.IntN(14)
	}
	for range n {
		c.join()
	}
	if c.chance(20) {
		c.leavers = ""
	}
	c.bare, c.ruled, c.restore = c.chance(10), c.chance(30), c.chance(40)
	if c.chance(15) {
		c.shield = oneOf(c, "p001", "p00", "b", "p003.n")
	}
	if c.chance(20) {
		c.after = 1 + c.IntN(2)
	}
	c.zone = oneOf(c, time.UTC, time.FixedZone("Tokyo", 9*60*60), time.FixedZone("New York", -5*60*60))
	return c
}

func (c *enterprise) trait(name string) *trait {
	if i := slices.IndexFunc(c.traits, func(t trait) bool { return t.name == name }); i >= 0 {
		return &c.traits[i]
	}
	return nil
}

// rulesOf are the rules in the words of package mapping, and those of package plan.
func (c *enterprise) rulesOf() (mapping.Rules, []plan.Rule, []plan.GroupRule) {
	m := mapping.Rules{Where: mapping.Expr{Text: `row.Where != "outside"`, Label: "source.where"}}
	var rules []plan.Rule
	for _, t := range c.traits {
		m.Attributes = append(m.Attributes, mapping.Attribute{
			Path: t.path, Expr: mapping.Expr{Text: t.expr, Label: "people." + t.name}, EmptyClears: t.clears,
		})
		rules = append(rules, plan.Rule{Path: t.path, Own: t.own})
	}
	var groups []plan.GroupRule
	for _, g := range []string{"Everybody", "Sales"} {
		if own, ok := c.rules[g]; ok {
			when := map[string]string{"Everybody": "true", "Sales": `row.Dept == "Sales"`}[g]
			m.Groups = append(m.Groups, mapping.Group{Name: g, When: mapping.Expr{Text: when, Label: "groups." + g}})
			groups = append(groups, plan.GroupRule{Name: g, Own: own})
		}
	}
	if c.named != 0 {
		m.GroupNames = mapping.Expr{Text: listed("Teams"), Label: "group_names"}
	}
	return m, rules, groups
}

// listed is the expression of a column that lists names; "-" is the empty list.
func listed(column string) string {
	return `row.` + column + ` == "-" ? [] : split(row.` + column + `, ";")`
}

var lawColumns = []string{
	"ID", "Mail", "Name", "Active", "Title", "Phone", "Mobile", "Work", "Dept", "Number", "Hired", "Boss", "Division",
	"Roles", "Skills", "Languages", "Teams", "Where",
}

// Columns implements source.Source.
func (c *enterprise) Columns(context.Context) ([]source.Column, error) {
	all := make([]source.Column, len(lawColumns))
	for i, name := range lawColumns {
		all[i] = source.Column{Name: name, Kind: source.Text}
	}
	return all, nil
}

// Records implements source.Source.
func (c *enterprise) Records(_ context.Context, wanted []string) iter.Seq2[source.Record, error] {
	return func(yield func(source.Record, error) bool) {
		for _, h := range c.hires {
			place := source.Place{Source: "hr.csv", Line: h.line}
			rec, err := source.Record{Key: source.Key(h.key), Place: place}, h.bad
			if err != nil {
				rec, err = source.Record{}, &source.RecordError{Key: source.Key(h.key), Place: place, Err: h.bad}
			}
			for _, name := range wanted {
				rec.Values = append(rec.Values, h.cells[name])
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// shuffled is the same source in another order.
func (c *enterprise) shuffled() *enterprise {
	other := *c
	other.hires = slices.Clone(c.hires)
	c.Shuffle(len(other.hires), func(i, j int) { other.hires[i], other.hires[j] = other.hires[j], other.hires[i] })
	return &other
}

func (c *enterprise) hire(key string) *hire {
	if i := slices.IndexFunc(c.hires, func(h *hire) bool { return h.key == key }); i >= 0 {
		return c.hires[i]
	}
	return nil
}

// A spelling is a cell and what it means; nil: nothing.
type spelling struct {
	cell string
	want facts
}

func means(cell, want string) spelling { return spelling{cell, facts{"": want}} }

func nothing(cell string) spelling { return spelling{cell: cell} }

// join hires somebody new.
func (c *enterprise) join() *hire {
	c.next++
	h := &hire{key: fmt.Sprintf("k%03d", c.next), line: c.next + 1, cells: map[string]string{}, wants: map[string]facts{}, active: true}
	c.hires = append(c.hires, h)
	c.address(h, fmt.Sprintf("p%03d@example.com", c.next))
	h.set("ID", h.key, "externalId", facts{"": h.key})
	h.set("Active", "yes", "active", nil)
	for _, column := range lawColumns {
		c.fill(h, column)
	}
	if c.chance(6) {
		c.sleep(h)
	}
	return h
}

func (c *enterprise) sleep(h *hire) {
	h.active = false
	h.cells["Active"] = "no"
}

func (c *enterprise) wake(h *hire) {
	h.active = true
	h.cells["Active"] = "yes"
}

// address gives h a userName, in some case.
func (c *enterprise) address(h *hire, mail string) {
	h.set("Mail", oneOf(c, mail, mail, strings.ToUpper(mail), strings.ToUpper(mail[:1])+mail[1:]), "userName", facts{"": mail})
}

var (
	names = []spelling{
		means("Ken Sánchez", "Ken Sánchez"), means("Ken Sa\u0301nchez", "Ken Sánchez"), means("D'Hers, Zoë", "D'Hers, Zoë"),
		means("Zoe\u0308 O’Neil", "Zoë O’Neil"), means("Åsa Björk", "Åsa Björk"), means("A\u030asa Bjo\u0308rk", "Åsa Björk"), means("李 雷", "李 雷"),
		means(strings.Repeat("Lo", 140)+"Name", strings.Repeat("Lo", 140)+"Name"), means(`"Quote" <b>`, `"Quote" <b>`),
	}
	titles = []spelling{nothing(""), means("Clerk", "Clerk"), means("Lead", "Lead"), means("Füh\u00adrer", "Füh\u00adrer"), means("Head of X", "Head of X")}
	phones = []spelling{
		nothing(""), nothing("n/a"), nothing("12"), means("(317) 555-0101", "+13175550101"), means("317.555.0101", "+13175550101"),
		means("+1 317 555 0102", "+13175550102"), means("tel:+1-317-555-0103", "+13175550103"), means("317-555-0104 x12", "+13175550104;ext=12"),
	}
	mobiles   = []spelling{nothing(""), nothing("?"), means("0171 5550101", "+491715550101"), means("+49 171 5550102", "+491715550102"), means("0049 171 5550101", "+491715550101")}
	depts     = []spelling{nothing(""), means("Sales", "Sales"), means("Sales", "Sales"), means("Service", "Service"), means("Träger & Söhne", "Träger & Söhne")}
	numbers   = []spelling{nothing(""), means("007", "007"), means("12345678", "12345678")}
	dates     = []spelling{nothing(""), means("01.02.2020", "2020-02-01"), means("29.02.2024", "2024-02-29")}
	divisions = []spelling{nothing(""), means("Home", "Home"), means("EMEA", "EMEA"), means("emea", "EMEA"), nothing("Nowhere")}
	roleLists = []spelling{
		nothing(""),
		{"-", facts{}},
		{"Sales Agent", facts{"Sales Agent": yes}},
		{"Sales Agent;Supervisor", facts{"Sales Agent": yes, "Supervisor": yes}},
		{"supervisor ; Quality", facts{"Supervisor": yes, "Quality": yes}},
		nothing("Sales Agent;Nonesuch"),
		{"Quality;admin", facts{"Quality": yes}},
	}
	skillLists = []spelling{
		nothing(""),
		{"Billing:3", facts{"Billing": "3"}},
		{"Billing:4.5; Spanish:1", facts{"Billing": "4.5", "Spanish": "1"}},
		{"Chat:0;Spanish:5", facts{"Chat": "0", "Spanish": "5"}},
		nothing("billing:3"), nothing("Billing"), nothing("Billing:7"),
		{"Billing:2.26", facts{"Billing": "2.3"}},
	}
	languageLists = []spelling{nothing(""), {"English:5", facts{"English": "5"}}, {"English:2;Deutsch:5", facts{"English": "2", "Deutsch": "5"}}, nothing("Klingon:1")}
	teamLists     = []spelling{
		nothing(""),
		{"-", facts{}},
		{"Team A", facts{"Team A": yes}},
		{"Team A;Team B", facts{"Team A": yes, "Team B": yes}},
		{" Team C ; Team B", facts{"Team C": yes, "Team B": yes}},
		{"Team Z", facts{"Team Z": yes}},
	}
)

const yes = "yes"

// fill puts something new into a column.
func (c *enterprise) fill(h *hire, column string) {
	pools := map[string]struct {
		trait string
		of    []spelling
	}{
		"Name": {"displayName", names}, "Title": {"title", titles}, "Phone": {"phones/work", phones}, "Mobile": {"phones/mobile", mobiles},
		"Dept": {"department", depts}, "Number": {"employeeNumber", numbers}, "Hired": {"dateHire", dates}, "Division": {"division", divisions},
		"Roles": {"roles", roleLists}, "Skills": {"skills", skillLists}, "Languages": {"languages", languageLists}, "Teams": {"teams", teamLists},
	}
	switch column {
	case "Boss":
		c.boss(h)
		return
	case "Work":
		s := oneOf(c, nothing(""), means(h.key+"@work.example", h.key+"@work.example"), means(h.key+".X@WORK.example", h.key+".X@work.example"))
		c.put(h, column, "work", s)
		return
	}
	if p, ok := pools[column]; ok {
		c.put(h, column, p.trait, oneOf(c, p.of...))
	}
}

// put writes a spelling into a cell. A blank one clears where the trait says so;
// what cannot be used never does.
func (c *enterprise) put(h *hire, column, trait string, s spelling) {
	if t := c.trait(trait); t != nil && t.clears && s.cell == "" {
		s.want = facts{}
	}
	h.set(column, s.cell, trait, s.want)
}

// boss gives h a manager: mostly somebody of the source, sometimes nobody, themselves, or a stranger.
func (c *enterprise) boss(h *hire) {
	key := c.anybody().key
	switch k := c.IntN(20); {
	case k < 3:
		key = ""
	case k < 4:
		key = "k999"
	case k < 5:
		key = h.key
	case k < 6 && len(c.gone) > 0:
		key = c.gone[0].key
	case k < 8:
		key = oneOf(c, "b0@example.com", "B1@example.com", "nobody@example.com") // somebody outside the source
	}
	c.put(h, "Boss", "manager", spelling{key, facts{"": key}})
	if key == "" && h.wants["manager"][""] == "" && (c.trait("manager") == nil || !c.trait("manager").clears) {
		delete(h.wants, "manager")
	}
}

var errRagged = errors.New("the row has 3 fields, the header 18")
