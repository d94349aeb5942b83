package filesource

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// guessKey finds what identifies a person and, where some people have several
// rows, which of them counts.
//
// A key is filled, unique among current rows, and named like an identifier; it
// is no e-mail address, name, date or sensitive value. A column that is unique
// in every row although a person's e-mail address repeats numbers the rows.
func guessKey(t *table, g *Guess) {
	best := 0
	for _, c := range t.columns {
		score := c.keyScore()
		if score == 0 || c.Filled == 0 {
			continue
		}
		if other := t.numbersRows(c); other != "" {
			g.Notes = append(g.Notes, fmt.Sprintf("%s is no key: it differs between rows of the same %s, so it numbers rows, not people.", c.Name, other))
			continue
		}
		if t.managerOf(c) != nil {
			score += 15
		}
		where, why, ok := t.whereUnique(c)
		if where != "" {
			score -= 5
		}
		if !ok || score <= best {
			continue
		}
		best = score
		g.Key, g.Where, g.WhereWhy = c.Name, where, why
	}
	switch {
	case g.Where != "":
		g.KeyWhy = "filled and unique among current rows, and named like an identifier"
	case g.Key != "":
		g.KeyWhy = "filled and unique in every row, and named like an identifier"
	default:
		g.Notes = append(g.Notes, "No column is a safe key: filled, unique, and neither a name nor an e-mail address. Ask for an employee number in the export.")
	}
}

// keyScore is how much the name of a column, and what is in it, speaks for a key.
func (c *column) keyScore() int {
	switch {
	case c.Sensitive != "", c.Kind != "text" && c.Kind != "number", about(c.words, otherWords), about(c.words, thingWords):
		return 0
	case about(c.words, keyNames), about(c.words, personWords) && about(c.words, numberWords):
		return 100
	case about(c.words, loginWords):
		return 90
	case about(c.words, numberWords):
		return 40
	}
	return 0
}

// numbersRows names a column that shows c to number rows: an e-mail address or
// login that identifies people and repeats where c differs.
func (t *table) numbersRows(c *column) string {
	for _, other := range t.columns {
		person := other.Kind == "email" || about(other.words, loginWords)
		person = person && other.Sensitive == "" && !about(other.words, otherWords) && other.Filled > 0.9
		if c.Distinct == 1 && person && other.Distinct > 0.5 && other.Distinct < 1 {
			return other.Name
		}
	}
	return ""
}

// whereUnique is the condition under which c is filled and unique, at its best
// keeping everybody; "" where it is so as it stands.
func (t *table) whereUnique(c *column) (where, why string, ok bool) {
	if c.Filled == 1 && c.Distinct == 1 {
		return "", "", true
	}
	people := len(c.distinct())
	best := 0.5
	for _, s := range t.columns {
		values := s.distinct()
		if s == c || s.Sensitive != "" || len(values) > 12 && !about(s.words, endWords) {
			continue
		}
		if about(s.words, endWords) && s.Kind == "date" {
			values = []string{""}
		}
		for _, v := range values {
			kept, rows, unique := c.within(s, v)
			score := float64(kept) / float64(max(1, people))
			if about(s.words, statusWords) {
				score++
			}
			if !unique || score <= best {
				continue
			}
			best = score
			where = fmt.Sprintf("%s == %s", reference(s.Name), literal(s, v))
			why = fmt.Sprintf("%d of %d rows; with it every %s stands once, and %d of %d remain", rows, t.size, c.Name, kept, people)
		}
	}
	return where, why, where != ""
}

// within counts the values of c in the rows where s is v, and tells whether
// each stands there once and none is missing.
func (c *column) within(s *column, v string) (kept, rows int, unique bool) {
	seen := make(map[string]bool, len(c.values))
	unique = true
	for i, value := range c.values {
		if s.values[i] != v {
			continue
		}
		rows++
		unique = unique && value != "" && !seen[value]
		seen[value] = true
	}
	return len(seen), rows, unique && rows > 0
}

// managerOf is the column that refers to another row's key.
func (t *table) managerOf(key *column) *column {
	var best *column
	most := 0.0
	for _, c := range t.columns {
		if c == key || c.Sensitive != "" || c.Filled < 0.3 || c.Distinct > 0.8 {
			continue
		}
		score := c.refersTo(key)
		if about(c.words, managerWords) && score >= 0.9 {
			score++
		} else if score < 0.98 || c.Kind == "flag" || len(c.count) < 3 || key.Kind == "number" {
			continue // by values alone: chance must be out of the question
		}
		if score > most {
			best, most = c, score
		}
	}
	return best
}

// refersTo is the share of c's values that are keys; 0 where they are mostly
// the row's own.
func (c *column) refersTo(key *column) float64 {
	known, own, filled := 0, 0, 0
	for i, v := range c.values {
		if v == "" {
			continue
		}
		filled++
		if key.count[v] > 0 {
			known++
		}
		if v == key.values[i] {
			own++
		}
	}
	if 4*own > filled {
		return 0
	}
	return float64(known) / float64(filled)
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// reserved are words of the expression language.
var reserved = []string{"in", "not", "and", "or", "matches", "contains", "startsWith", "endsWith", "let", "if", "else", "true", "false", "nil"}

// reference is a column in an expression: row.Name or row["First name"].
func reference(name string) string {
	if identifier.MatchString(name) && !slices.Contains(reserved, name) {
		return "row." + name
	}
	return "row[" + strconv.Quote(name) + "]"
}

// literal is a value of a column in an expression.
func literal(c *column, v string) string {
	if c.text() {
		return strconv.Quote(v)
	}
	return v
}

func quoteAll(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return strings.Join(quoted, ", ")
}
