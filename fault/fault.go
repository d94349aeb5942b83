// Package fault says what an error means to whoever must act on it.
//
// Every error that leaves a package of this module carries a [Kind]. A Kind is
// itself an error and is attached with a second %w:
//
//	fmt.Errorf("patch user %s: %w: %w", id, fault.Stale, err)
//
// Callers ask what to do with errors.Is(err, fault.Stale) or [Of]; advice for
// the person at the screen travels beside it ([WithHint], [WithPlace]).
package fault

import "errors"

// A Kind classifies an error by what its receiver should do. The zero Kind is
// no kind: it is what [Of] answers for nil.
type Kind uint8

// The kinds, in no order of severity.
const (
	Invalid     Kind = iota + 1 // the input or configuration is wrong
	Denied                      // credentials or permissions refused
	Missing                     // the resource is gone
	Taken                       // a unique value is in use
	Stale                       // changed since it was read
	Throttled                   // asked to slow down
	Unavailable                 // network, time-out, 5xx
	Unsupported                 // the target cannot
	Refused                     // our own guard said no
	Busy                        // another run holds the lock
	Interrupted                 // canceled by a person
	Internal                    // a bug, or unclassified
)

var names = [...]string{
	Invalid: "invalid", Denied: "denied", Missing: "missing", Taken: "taken", Stale: "stale", Throttled: "throttled",
	Unavailable: "unavailable", Unsupported: "unsupported", Refused: "refused", Busy: "busy", Interrupted: "interrupted",
	Internal: "internal",
}

// String is the kind's word as reports and JSON show it; "" for the zero Kind.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return ""
}

// Error makes a Kind attachable with %w.
func (k Kind) Error() string { return k.String() }

// MarshalText writes the word of [Kind.String].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote; an unknown word is Internal.
func (k *Kind) UnmarshalText(text []byte) error {
	*k = Internal
	for i, n := range names {
		if n == string(text) {
			*k = Kind(i) // i indexes a table of twelve
		}
	}
	return nil
}

// Of is the first Kind in err's tree; 0 for nil, Internal where there is none.
func Of(err error) Kind {
	if err == nil {
		return 0
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return Internal
}

// exits is the table of exit codes by kind (design §5).
var exits = [...]int{
	Invalid: 2, Denied: 1, Missing: 1, Taken: 1, Stale: 6, Throttled: 1, Unavailable: 1, Unsupported: 1, Refused: 5, Busy: 7,
	Interrupted: 130, Internal: 1,
}

// Exit is the exit code of a command that this kind of error ended; 0 for the zero Kind.
func (k Kind) Exit() int { return exits[k] }

type noted struct {
	error

	hint, place string
}

func (n noted) Unwrap() error { return n.error }

// WithHint attaches advice: what to do now, in the imperative. It does not
// change the text of the error. A nil err stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return noted{error: err, hint: hint}
}

// WithPlace attaches where the cause stands: "file:line:column" or the like.
func WithPlace(err error, place string) error {
	if err == nil {
		return nil
	}
	return noted{error: err, place: place}
}

// Hint is the outermost advice attached to err, or "".
func Hint(err error) string { return find(err, func(n noted) string { return n.hint }) }

// Place is the outermost place attached to err, or "".
func Place(err error) string { return find(err, func(n noted) string { return n.place }) }

func find(err error, field func(noted) string) string {
	var n noted
	for errors.As(err, &n) {
		if s := field(n); s != "" {
			return s
		}
		err = n.error
	}
	return ""
}
