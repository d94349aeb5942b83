package mapping

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/file"

	"rollcall/fault"
)

// A RuleError is one fault of one expression, at compilation or for one
// record. No value of a record stands in it. It is fault.Invalid.
type RuleError struct {
	Rule    string // label of the rule: people.title
	Line    int    // within the expression, from 1
	Column  int    // within the line, in characters from 1
	Text    string // what is wrong, with the nearest known name where there is one
	Excerpt string // the line of the expression and a caret below the place; "" where the expression is empty
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("%s (%d:%d): %s", e.Rule, e.Line, e.Column, e.Text)
}

// Unwrap makes every RuleError Invalid.
func (e *RuleError) Unwrap() error { return fault.Invalid }

// at is a fault of e at the offset, counted in characters.
func (e Expr) at(offset int, format string, args ...any) *RuleError {
	f := &RuleError{Rule: e.Label, Line: 1, Column: 1, Text: fmt.Sprintf(format, args...)}
	lineStart := 0
	for i, r := range e.Text {
		if offset == 0 {
			break
		}
		offset--
		f.Column++
		if r == '\n' {
			f.Line, f.Column, lineStart = f.Line+1, 1, i+1
		}
	}
	line, _, _ := strings.Cut(e.Text[lineStart:], "\n")
	if line != "" {
		f.Excerpt = strings.ReplaceAll(line, "\t", " ") + "\n" + strings.Repeat(" ", f.Column-1) + "^"
	}
	return f
}

// compileError is what the compiler of expr said, with a suggestion for a name it does not know.
func (e Expr) compileError(err error, known []string) *RuleError {
	var f *file.Error
	if !errors.As(err, &f) {
		return e.at(0, "%v", err)
	}
	text := f.Message
	if name, ok := strings.CutPrefix(text, "unknown name "); ok {
		text = fmt.Sprintf("nothing is called %q%s", name, fault.DidYouMean(name, known))
	}
	if strings.HasPrefix(text, "unexpected token EOF") {
		text = "the expression ends too early"
	}
	return e.at(f.From, "%s", text)
}

// A reason is what a function of ours has against a value: the only run-time
// message that is shown, because those of others may quote what they read.
type reason string

func (r reason) Error() string { return string(r) }

// runError is why e failed for a record.
func (e Expr) runError(err error) *RuleError {
	var f *file.Error
	if !errors.As(err, &f) {
		return e.at(0, "cannot be computed")
	}
	var own reason
	if errors.As(err, &own) {
		return e.at(f.From, "%s", string(own))
	}
	for _, harmless := range []string{"memory budget exceeded", "index out of range", "invalid operation: <nil>", "integer divide by zero"} {
		if strings.Contains(f.Message, harmless) {
			return e.at(f.From, "%s", strings.ReplaceAll(harmless, "<nil>", "a value is missing (nil)"))
		}
	}
	return e.at(f.From, "cannot be computed from this record's values")
}
