// Package cli is the command line: arguments, help texts, exit codes. A command
// is an options struct, a parse that only fills it, and a run that only reads
// it. Standard output is the result, standard error is conversation.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollcall/fault"
	"rollcall/internal/app"
	"rollcall/internal/report"
	"rollcall/target"
)

// A Process is what the operating system gives a command.
type Process struct {
	Args    []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Env     func(string) (string, bool)
	Now     func() time.Time  // nil: the clock
	Network http.RoundTripper // nil: the machine's
}

// Main runs one command and is its exit code (design §5).
func Main(ctx context.Context, p Process) int {
	s := &session{Process: p, host: app.Host{Env: p.Env, Now: p.Now, Transport: p.Network}}
	root := s.root() //nolint:contextcheck // commands take that of ExecuteContext
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	s.json = s.json || slices.Contains(p.Args, "--json") // a command line that was given up early may not have come to it
	return s.fail(err)
}

// A session is one command in its process: what every command needs.
type session struct {
	Process

	host     app.Host
	config   string // --config
	json     bool   // --json
	logLevel string // --log-level
	as       string // --as
	answered bool   // the one JSON document has been written
}

// An exit ends a command with a code and nothing more to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// fail says what went wrong and gives the exit code.
func (s *session) fail(err error) int {
	var code exit
	if errors.As(err, &code) {
		return int(code)
	}
	if errors.Is(err, syscall.EPIPE) {
		return 1 // whoever read our output has seen enough
	}
	kind := fault.Of(err)
	var usage usageError
	if errors.As(err, &usage) {
		kind = fault.Invalid
	}
	if s.json && !s.answered {
		s.failJSON(kind, err)
	}
	for line := range strings.SplitSeq(strings.TrimRight(message(err, kind), "\n"), "\n") {
		fmt.Fprintf(s.Stderr, "rollcall: %s\n", line)
	}
	if hint := fault.Hint(err); hint != "" {
		fmt.Fprintf(s.Stderr, "rollcall: hint: %s\n", hint)
	}
	return kind.Exit()
}

// message is the error's text without the words of its kinds, which are for
// programs: "invalid: " in front of a sentence tells a person nothing.
func message(err error, kind fault.Kind) string {
	text := strings.ReplaceAll(err.Error(), kind.Error()+": ", "")
	return strings.ReplaceAll(text, ": "+kind.Error(), "")
}

func (s *session) failJSON(kind fault.Kind, err error) {
	doc := struct {
		Schema  string     `json:"schema"`
		Kind    fault.Kind `json:"kind"`
		Message string     `json:"message"`
		Hint    string     `json:"hint,omitempty"`
		Place   string     `json:"place,omitempty"`
	}{"rollcall.error/1", kind, message(err, kind), fault.Hint(err), fault.Place(err)}
	enc := json.NewEncoder(s.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	_ = enc.Encode(doc) //nolint:errchkjson // standard output is gone: the exit code still tells
}

// A usageError is a command line that cannot be meant.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// say writes one line of conversation.
func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.Stderr, "rollcall: "+format+"\n", args...)
}

// terminal tells whether v is one.
func terminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// style is how text on w is rendered: color on a terminal only, never under NO_COLOR.
func (s *session) style(w io.Writer, d target.Dialect) report.Style {
	no, set := s.Env("NO_COLOR")
	kind, _ := s.Env("TERM")
	return report.NewStyle(terminal(w) && (!set || no == "") && kind != "dumb", d)
}

// encode writes the command's one JSON document.
func (s *session) encode(doc any) error {
	s.answered = true
	enc := json.NewEncoder(s.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// worse is the exit code that a command ends with when two things call for one
// (design §5): 130, 7, 2, 1, 5, 6, 4, 3, 0.
func worse(a, b int) int {
	for _, code := range []int{130, 7, 2, 1, 5, 6, 4, 3} {
		if a == code || b == code {
			return code
		}
	}
	return 0
}

// leave is the error that ends a command with code; nil for 0.
func leave(code int) error {
	if code == 0 {
		return nil
	}
	return exit(code)
}

// command makes a cobra command whose mistakes in flags and arguments are usage errors.
func command(c *cobra.Command) *cobra.Command {
	args := c.Args
	if args == nil {
		args = cobra.NoArgs
	}
	c.Args = func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return fault.WithHint(usageError{err}, "rollcall "+cmd.Name()+" --help shows how it is called")
		}
		return nil
	}
	return c
}

// interrupted is the error of a command that a person stopped.
func interrupted(what string) error { return fmt.Errorf("%s: %w", what, fault.Interrupted) }
