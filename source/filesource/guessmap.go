package filesource

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rollcall/source"
)

// guessMapping maps what the data supports well: filled, of the right kind,
// and named so.
func guessMapping(t *table, g *Guess) {
	m := mapper{t: t, g: g}
	m.current = m.currentRows()
	key := t.column(g.Key)
	if key != nil {
		m.add("externalId", key.textExpr(), "the key: it lets rollcall find a user again after a change of name or address")
		if key.keyScore() >= 100 {
			m.add("employeeNumber", key.textExpr(), "named like an employee number")
		}
	}
	m.userName()
	m.displayName()
	m.active()
	if c := m.find(titleWords, "text", nil); c != nil && !c.mostly(m.filled(c), honorific) {
		m.add("title", reference(c.Name), "named like a job title")
	}
	if c := m.find(deptWords, "text", numberWords); c != nil {
		m.add("department", reference(c.Name), fmt.Sprintf("named like a department, with %d values", len(c.distinct())))
	}
	m.phone()
	if key != nil {
		if c := t.managerOf(key); c != nil {
			m.add("manager", "person("+c.textExpr()+")", "its values stand in "+key.Name)
		}
	}
}

type mapper struct {
	t       *table
	g       *Guess
	current []bool // rows that count
}

func (m *mapper) add(attribute, expr, why string) {
	m.g.Mapping = append(m.g.Mapping, MappingGuess{Attribute: attribute, Expr: expr, Why: why})
}

func (m *mapper) note(format string, args ...any) {
	m.g.Notes = append(m.g.Notes, fmt.Sprintf(format, args...))
}

func (t *table) column(name string) *column {
	for _, c := range t.columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (c *column) text() bool { return c.source == source.Text }

// textExpr is the column as text.
func (c *column) textExpr() string {
	if c.text() {
		return reference(c.Name)
	}
	return "string(" + reference(c.Name) + ")"
}

// currentRows are the rows that the guessed condition lets through.
func (m *mapper) currentRows() []bool {
	rows := make([]bool, m.t.size)
	for i := range rows {
		rows[i] = true
	}
	for _, c := range m.t.columns {
		value, ok := strings.CutPrefix(m.g.Where, reference(c.Name)+" == ")
		if !ok {
			continue
		}
		for i, v := range c.values {
			rows[i] = literal(c, v) == value
		}
	}
	return rows
}

func (m *mapper) filled(c *column) int { return m.t.size - c.count[""] }

// share is how many current rows have a value, and how many of them a value of
// their own.
func (m *mapper) share(c *column) (filled, distinct float64) {
	rows, full := 0, 0
	seen := map[string]bool{}
	for i, v := range c.values {
		if !m.current[i] {
			continue
		}
		rows++
		if v != "" {
			full++
			seen[strings.ToLower(v)] = true
		}
	}
	return float64(full) / float64(max(1, rows)), float64(len(seen)) / float64(max(1, full))
}

// find is the column named by the earliest term, of the kind ("": any), not
// sensitive, not about somebody else, without the other words, and filled in
// half of the current rows.
func (m *mapper) find(terms []string, kind string, without []string) *column {
	for _, term := range terms {
		for _, c := range m.t.columns {
			if !about(c.words, []string{term}) || about(c.words, otherWords) || about(c.words, without) {
				continue
			}
			if filled, _ := m.share(c); c.Sensitive == "" && filled >= 0.5 && (kind == "" || c.Kind == kind) {
				return c
			}
		}
	}
	return nil
}

func (m *mapper) userName() {
	c := m.find(mailWords, "email", nil)
	for i := 0; c == nil && i < len(m.t.columns); i++ {
		if o := m.t.columns[i]; o.Kind == "email" && o.Sensitive == "" && !about(o.words, otherWords) {
			c = o
		}
	}
	if c == nil {
		m.note("No column holds e-mail addresses, which a userName must be: without it nobody can be created (lifecycle: none).")
		return
	}
	filled, distinct := m.share(c)
	if filled < 0.95 || distinct < 0.98 {
		m.note("%s holds e-mail addresses, but is empty or shared too often to sign in with: %.0f%% filled, %.0f%% of them different.", c.Name, 100*filled, 100*distinct)
		return
	}
	expr := reference(c.Name)
	if c.padded {
		expr = "trim(" + expr + ")"
	}
	m.add("userName", "lower("+expr+")", "an e-mail address, different in every row")
}

func (m *mapper) displayName() {
	given, family := m.find(givenWords, "text", nil), m.find(familyWords, "text", nil)
	full := m.find(fullWords, "text", slices.Concat(familyWords, titleWords, deptWords, loginWords, thingWords, otherWords,
		[]string{"first", "middle", "second", "style", "file", "domain", "host", "group", "city", "office", "branch"}))
	switch {
	case given != nil && family != nil && given != family:
		m.add("displayName", reference(given.Name)+` + " " + `+reference(family.Name), "first and last name")
	case full != nil && !full.mostly(m.filled(full), func(v string) bool { return strings.Contains(v, ", ") }):
		m.add("displayName", reference(full.Name), "named like a full name")
	case full != nil:
		m.note("%s holds names as \"Last, First\": write an expression for displayName.", full.Name)
	default:
		m.note("No columns hold names: without displayName nobody can be created (lifecycle: none).")
	}
}

func (m *mapper) active() {
	for _, c := range m.t.columns {
		if c.Sensitive != "" || !about(c.words, activeWords) || strings.HasPrefix(m.g.Where, reference(c.Name)+" ") {
			continue
		}
		if c.source == source.Bool {
			m.add("active", reference(c.Name), "true or false, and named so")
			return
		}
		if v, ok := m.truth(c); ok && c.Kind == "flag" {
			m.add("active", activeExpr(c, v), "a flag, and named so: anything but yes and no is not known, and left alone")
			return
		}
	}
	for _, c := range m.t.columns {
		if c.Sensitive != "" || !about(c.words, statusWords) || len(c.count) > 12 || strings.HasPrefix(m.g.Where, reference(c.Name)+" ") {
			continue
		}
		if v, ok := m.truth(c); ok && c.Kind != "date" {
			m.add("active", activeExpr(c, v), "a status with the values "+quoteAll(c.distinct())+": any that is not named here is not known, and left alone")
			return
		}
	}
	m.note("No column says who is active: whoever stands in the file is (active: true), whoever is missing has left.")
}

// activeExpr is true where c has the value yes and false where it has one that
// means no; a blank or odd cell deactivates nobody.
func activeExpr(c *column, yes string) string {
	var nos []string
	for _, v := range c.distinct() {
		if slices.Contains(falseWords, strings.ToLower(v)) {
			nos = append(nos, literal(c, v))
		}
	}
	if no := opposite(yes); len(nos) == 0 && no != "" {
		nos = append(nos, literal(c, no))
	}
	expr := reference(c.Name) + " == " + literal(c, yes) + " ? true : "
	switch len(nos) {
	case 0:
		return expr + "nil"
	case 1:
		return expr + reference(c.Name) + " == " + nos[0] + " ? false : nil"
	default:
		return expr + reference(c.Name) + " in [" + strings.Join(nos, ", ") + "] ? false : nil"
	}
}

// opposite is what is written for no where yes is written for yes, in its case; "" where nothing surely is.
func opposite(yes string) string {
	at := slices.Index(trueWords, strings.ToLower(yes))
	if at < 0 {
		return ""
	}
	no := opposites[trueWords[at]]
	switch {
	case yes == strings.ToUpper(yes):
		return strings.ToUpper(no)
	case no != "" && yes[0] != strings.ToLower(yes)[0]:
		return strings.ToUpper(no[:1]) + no[1:]
	}
	return no
}

var opposites = map[string]string{
	"1": "0", "y": "n", "yes": "no", "true": "false", "t": "f", "j": "n", "ja": "nein", "oui": "non", "o": "n", "si": "no", "s": "n",
	"active": "inactive", "aktiv": "inaktiv", "actif": "inactif", "activo": "inactivo", "current": "left", "employed": "terminated",
}

// truth is the value of a column that means yes, if one does.
func (m *mapper) truth(c *column) (string, bool) {
	for _, v := range c.distinct() {
		if slices.Contains(trueWords, strings.ToLower(v)) {
			return v, true
		}
	}
	return "", false
}

var nanpShape = regexp.MustCompile(`^(\+?1[ .-]?)?\(?[0-9]{3}\)?[ ./-]?[0-9]{3}[ .-]?[0-9]{4}( ?(x|ext\.?) ?\d+)?$`)

func (m *mapper) phone() {
	var c *column
	for _, kind := range []string{"phone", "text", "number"} {
		if c == nil {
			c = m.find(phoneWords, kind, notPhone)
		}
	}
	if c == nil || !c.text() {
		return
	}
	filled := m.filled(c)
	country, why := "", ""
	if land := m.find(countryWords, "text", nil); land != nil && land.mostly(m.filled(land), isCountry) {
		country, why = reference(land.Name), "numbers as their country writes them"
	} else if c.mostly(filled, nanpShape.MatchString) {
		country, why = strconv.Quote("US"), "most numbers have ten digits, as in the United States and Canada"
	} else if c.mostly(filled, func(v string) bool { return strings.HasPrefix(v, "+") }) {
		country, why = strconv.Quote("US"), "most numbers have their country's prefix; the country named is for those without"
	}
	if country == "" {
		m.note("%s holds telephone numbers of an unknown country: map it with phone(%s, \"...\").", c.Name, reference(c.Name))
		return
	}
	m.add(`phoneNumbers[type eq "work"].value`, "phone("+reference(c.Name)+", "+country+")", why)
}

func isCountry(v string) bool {
	return len(v) == 2 && strings.ToUpper(v) == v && v[0] >= 'A' && v[0] <= 'Z' && v[1] >= 'A' && v[1] <= 'Z'
}

// honorific tells Mr and Dr from a job title.
func honorific(v string) bool {
	return slices.Contains([]string{"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "herr", "frau", "m", "mme", "mlle", "sr", "sra", "srta"}, strings.ToLower(strings.TrimRight(v, ".")))
}
