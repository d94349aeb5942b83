package config

import (
	"cmp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// A scalar is where an expression stands in its file.
type scalar struct {
	line, column int // of the first character or indicator, in characters from 1
	style        yaml.Style
	value        string
}

// locate is the place in the file of a place in the value: quotes, escapes,
// indentation and folded lines lie between the two.
func (s scalar) locate(text []byte, line, column int) (fileLine, fileColumn int) {
	if s.line == 0 {
		return 0, 0
	}
	if s.style&yaml.LiteralStyle != 0 {
		return s.line + line, s.indent(text) + column
	}
	w := walker{lines: strings.Split(string(text), "\n"), line: s.line, column: s.column}
	value := []rune(s.value)
	offset := offsetOf(value, line, column)
	switch {
	case s.style&yaml.FoldedStyle != 0:
		w.next()
		w.blanks()
	case s.style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		w.column++
	}
	for i := range min(offset, len(value)) {
		w.step(value[i], i+1 < len(value) && space(value[i]) && space(value[i+1]), s.style)
	}
	if r, ok := w.here(); !ok || unicode.IsSpace(r) && offset < len(value) && !space(value[offset]) {
		w.blanks()
	}
	return w.line, w.column
}

// indent is what stands before every line of a literal block.
func (s scalar) indent(text []byte) int {
	lines := strings.Split(string(text), "\n")
	for i, l := range strings.Split(s.value, "\n") {
		if l != "" && s.line+i < len(lines) {
			return max(0, len([]rune(strings.TrimRight(lines[s.line+i], "\r")))-len([]rune(l)))
		}
	}
	return 0
}

func space(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }

// offsetOf counts the characters before a place in value.
func offsetOf(value []rune, line, column int) int {
	i := 0
	for ; line > 1 && i < len(value); i++ {
		if value[i] == '\n' {
			line--
		}
	}
	return min(i+column-1, len(value))
}

// A walker goes through the lines of a file character by character.
type walker struct {
	lines        []string
	line, column int
}

// here is the character at the walker; false at the end of a line.
func (w *walker) here() (rune, bool) {
	if w.line > len(w.lines) {
		return 0, false
	}
	runes := []rune(strings.TrimRight(w.lines[w.line-1], "\r"))
	if w.column > len(runes) {
		return 0, false
	}
	return runes[w.column-1], true
}

func (w *walker) next() { w.line, w.column = w.line+1, 1 }

// blanks goes to the next character that is not blank, over ends of lines.
func (w *walker) blanks() {
	for w.line <= len(w.lines) {
		r, ok := w.here()
		switch {
		case !ok:
			w.next()
		case unicode.IsSpace(r):
			w.column++
		default:
			return
		}
	}
}

// step goes over what stands for one character of the value; more says that
// further blanks of the value follow, of which a fold may hold several.
func (w *walker) step(value rune, more bool, style yaml.Style) {
	r, ok := w.here()
	switch {
	case !ok && !more, space(value) && w.folds() && !more:
		w.blanks()
	case !ok:
		w.next()
	case r == '\'' && style&yaml.SingleQuotedStyle != 0:
		w.column += 2
	case r == '\\' && style&yaml.DoubleQuotedStyle != 0:
		w.column += escape(w)
	default:
		w.column++
	}
}

// folds tells that only blanks are left on the line.
func (w *walker) folds() bool {
	runes := []rune(strings.TrimRight(w.lines[min(w.line, len(w.lines))-1], "\r"))
	return w.column > len(runes) || strings.TrimSpace(string(runes[w.column-1:])) == ""
}

// escape is the length of an escape sequence of a double-quoted scalar.
func escape(w *walker) int {
	after := *w
	after.column++
	r, _ := after.here()
	return cmp.Or(map[rune]int{'x': 4, 'u': 6, 'U': 10}[r], 2)
}
