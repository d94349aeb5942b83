package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"rollcall/fault"
)

func TestOf(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset")
	for name, tt := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"nil has no kind":                     {nil, 0},
		"an unclassified error is internal":   {cause, fault.Internal},
		"a kind beside a cause":               {fmt.Errorf("patch user u1: %w: %w", fault.Stale, cause), fault.Stale},
		"the outer of two":                    {fmt.Errorf("plan: %w: %w", fault.Refused, fmt.Errorf("read: %w", fault.Stale)), fault.Refused},
		"through a hint and a place":          {fault.WithPlace(fault.WithHint(fmt.Errorf("x: %w", fault.Busy), "wait"), "a:1"), fault.Busy},
		"the first of errors that are joined": {errors.Join(fmt.Errorf("a: %w", fault.Taken), fmt.Errorf("b: %w", fault.Denied)), fault.Taken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fault.Of(tt.err); got != tt.want {
				t.Errorf("Of(%v) = %q, want %q", tt.err, got, tt.want)
			}
		})
	}
}

func TestHintAndPlaceTravelBesideTheText(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("load: %w", fault.WithHint(fault.WithPlace(fmt.Errorf("%w: no key", fault.Invalid), "hr.yaml:3:1"), "name the key"))
	if got, want := err.Error(), "load: invalid: no key"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got, want := fault.Hint(err), "name the key"; got != want {
		t.Errorf("Hint() = %q, want %q", got, want)
	}
	if got, want := fault.Place(err), "hr.yaml:3:1"; got != want {
		t.Errorf("Place() = %q, want %q", got, want)
	}
	if fault.WithHint(nil, "x") != nil || fault.WithPlace(nil, "x") != nil {
		t.Error("a nil error did not stay nil")
	}
}

func TestEveryKindHasAWordAndAnExit(t *testing.T) {
	t.Parallel()
	for k := fault.Invalid; k <= fault.Internal; k++ {
		text, err := k.MarshalText()
		if err != nil || len(text) == 0 {
			t.Errorf("kind %d has no word: %q, %v", k, text, err)
		}
		var back fault.Kind
		if err := back.UnmarshalText(text); err != nil || back != k {
			t.Errorf("UnmarshalText(%q) = %v, %v, want %v", text, back, err, k)
		}
		if k.Exit() == 0 {
			t.Errorf("%s exits 0", k)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"delimiter", "department", "displayName", "key", "where"}
	for name, tt := range map[string]struct{ in, want string }{
		"a missing letter":       {"delimter", "delimiter"},
		"letters changed places": {"wehre", "where"},
		"two letters of five":    {"whree", "where"},
		"two letters of three":   {"kxx", ""},
		"another case":           {"DISPLAYNAME", "displayName"},
		"nothing is near":        {"budget", ""},
		"nothing to compare":     {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fault.Nearest(tt.in, known); got != tt.want {
				t.Errorf("Nearest(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}
