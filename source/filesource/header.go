package filesource

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"rollcall/fault"
)

// judge refuses a first row that is no header, or not the header expected. It
// shows names from the row only where it is sure that they are names.
func judge(doc *document, line int, header []string, delim byte, key string) error {
	if slices.Max(header) == "" {
		return doc.refuse(line, "write the names of the columns into the first line", "the header has no names")
	}
	if slices.ContainsFunc(header, func(name string) bool { return strings.ContainsRune(name, '\r') }) {
		return doc.refuse(line, "export the file with line feeds, or convert it", "lines end in carriage returns alone")
	}
	if slices.ContainsFunc(header, func(name string) bool { return !utf8.ValidString(name) }) {
		return doc.refuse(line, "if a Windows program wrote the file, set source.encoding: windows-1252", "the header is not valid UTF-8")
	}
	named := key != "" && slices.Contains(header, key)
	if !named && looksLikeData(header) {
		return doc.refuse(line, "write the names of the columns into the first line",
			"no header: the first line looks like a record")
	}
	if !named {
		if other := otherDelimiter(header, delim, key); delim != 0 && other != 0 {
			return doc.refuse(line, fmt.Sprintf("set source.delimiter: %q", string(other)),
				"wrong delimiter: the header is separated by %s, not by %s", delimiterName(other), delimiterName(delim))
		}
	}
	if name, a, b := duplicate(header); name != "" {
		return doc.refuse(line, "give each column a name of its own", "duplicate header: column %q stands at %d and at %d", name, a, b)
	}
	if key != "" && !named {
		return doc.refuse(line, suggest(key, header), "no key column %q", key)
	}
	return nil
}

var dataShapes = regexp.MustCompile(`^(` + strings.Join([]string{
	`[^@\s]+@[^@\s]+\.[^@\s]+`,                          // e-mail address
	`\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T].*)?`,          // date
	`[-+]?[0-9]+([.,][0-9]+)*`,                          // number
	`\+?[0-9(][0-9() ./-]{6,}[0-9]( ?(x|ext\.?) ?\d+)?`, // phone number
}, "|") + `)$`)

// looksLikeData tells a record from a header: one e-mail address is proof;
// dates and numbers are where there are two, or half of the row, since a
// header may well have a column named 2024.
func looksLikeData(row []string) bool {
	filled, data := 0, 0
	for _, cell := range row {
		if cell == "" {
			continue
		}
		filled++
		if !dataShapes.MatchString(cell) {
			continue
		}
		if strings.Contains(cell, "@") {
			return true
		}
		data++
	}
	return data >= 2 || 2*data >= filled
}

// otherDelimiter is the delimiter that makes more of the header: one that finds
// the key column, or splits what is one column so far. 0 for none.
func otherDelimiter(header []string, delim byte, key string) byte {
	line := strings.Join(header, string(delim))
	best, most := byte(0), 1
	for _, d := range []byte{',', ';', '|', '\t'} {
		if d == delim {
			continue
		}
		names := strings.Split(line, string(d))
		for i := range names {
			names[i] = strings.Trim(strings.TrimSpace(names[i]), `"`)
		}
		if key != "" && len(names) > 1 && slices.Contains(names, key) {
			return d
		}
		if len(header) == 1 && len(names) > most {
			best, most = d, len(names)
		}
	}
	return best
}

func delimiterName(d byte) string {
	names := map[byte]string{',': "comma", ';': "semicolon", '|': `"|"`, '\t': "tab", ' ': "space"}
	if n, ok := names[d]; ok {
		return n
	}
	return fmt.Sprintf("%q", string(d))
}

func duplicate(header []string) (name string, first, second int) {
	seen := make(map[string]int, len(header))
	for i, name := range header {
		if at, ok := seen[name]; ok && name != "" {
			return name, at + 1, i + 1
		}
		seen[name] = i
	}
	return "", 0, 0
}

// suggest is a hint for a name that is not among those known.
func suggest(name string, known []string) string {
	known = slices.DeleteFunc(slices.Clone(known), func(k string) bool { return k == "" })
	const most = 40
	list := strings.Join(known[:min(most, len(known))], ", ")
	if len(known) > most {
		list += fmt.Sprintf(" and %d more", len(known)-most)
	}
	folded := make([]string, len(known))
	for i, k := range known {
		folded[i] = fold(k)
	}
	if near := fault.Nearest(fold(name), folded); near != "" {
		return fmt.Sprintf("did you mean %q? the columns are %s", known[slices.Index(folded, near)], list)
	}
	return "the columns are " + list
}

// fold is a name without case, space and punctuation.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-./", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}
