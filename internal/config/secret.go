package config

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"rollcall/source"
)

// A Secret is a text that is not printed, logged or marshaled: every way but
// [Secret.Reveal] shows where it comes from instead. The zero Secret is none.
type Secret struct {
	from   string
	reveal func() string // a closure, because fmt reads the unexported fields of others
}

// NewSecret holds text; from says where it comes from: env:NAME.
func NewSecret(text, from string) Secret {
	return Secret{from: from, reveal: func() string { return text }}
}

// Reveal is the text; "" of the zero Secret.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero tells that there is no secret.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String is where the secret comes from, in angle brackets.
func (s Secret) String() string {
	if s.IsZero() {
		return "<no secret>"
	}
	return "<secret from " + s.from + ">"
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format is String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText writes String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Env is the surroundings that a configuration is read in.
type Env struct {
	// Lookup is the environment.
	Lookup func(name string) (string, bool)

	// Dotenv is the text of the .env file beside the configuration; what it
	// sets, the environment overrides. Load reads it.
	Dotenv []byte

	// ReadFile reads what file: references name. Load provides it where it is nil.
	ReadFile func(path string) ([]byte, error)

	// Offline leaves the target's address, client and secret aside: for commands
	// that read the ledger only. Those of the ledger are needed all the same.
	Offline bool

	// Columns are those of the source, nil where it cannot be read: so that
	// where there are mistakes, unknown columns are among them. It may be nil.
	Columns func(Source) []source.Column
}

// lookup is the value of an environment variable: that of the environment, else of .env.
func (e Env) lookup(name string) (string, bool) {
	if e.Lookup != nil {
		if v, ok := e.Lookup(name); ok {
			return v, true
		}
	}
	v, ok := dotenv(e.Dotenv)[name]
	return v, ok
}

// dotenv reads NAME=VALUE lines. A leading export, blank lines, comments, and
// quotes around a value are taken off; nothing is expanded.
func dotenv(text []byte) map[string]string {
	vars := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok && !strings.HasPrefix(name, "#") {
			vars[strings.TrimSpace(name)] = unquoted(strings.TrimSpace(value))
		}
	}
	return vars
}

func unquoted(value string) string {
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		if end := strings.IndexByte(value[1:], value[0]); end >= 0 {
			return value[1 : 1+end]
		}
	}
	value, _, _ = strings.Cut(value, " #") // a comment
	return strings.TrimSpace(value)
}

// isReference tells that text refers to a secret: env:NAME or file:/path.
func isReference(text string) bool {
	return strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:")
}

// resolve is what a reference refers to. Paths are relative to dir.
func (e Env) resolve(reference, dir string) (string, error) {
	if name, ok := strings.CutPrefix(reference, "env:"); ok {
		if v, ok := e.lookup(name); ok && v != "" {
			return v, nil
		}
		return "", fmt.Errorf("environment variable %s is not set: set it, or write it into .env beside the configuration", name)
	}
	path := strings.TrimPrefix(reference, "file:")
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if e.ReadFile == nil {
		return "", fmt.Errorf("%s cannot be read here", path)
	}
	text, err := e.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("secret cannot be read: %w", err)
	}
	if s := strings.TrimRight(string(text), "\r\n"); s != "" {
		return s, nil
	}
	return "", fmt.Errorf("%s is empty", path)
}
