package app

import (
	"fmt"
	"strings"

	"rollcall/fault"
	"rollcall/internal/config"
)

// promised refuses a configuration that relies on what this version does not
// do: who asks that every plan waits for a person, or that values are kept as
// digests only, must not be let down in silence.
func promised(c *config.Config) error {
	var keys []string
	if c.Approval == "always" {
		keys = append(keys, "approval: always")
	}
	if len(c.Redact) > 0 {
		keys = append(keys, "redact")
	}
	if len(keys) == 0 {
		return nil
	}
	err := fmt.Errorf("%s: %s: %w: not in this version", c.File, strings.Join(keys, ", "), fault.Unsupported)
	return fault.WithHint(err, "leave it out; plan -o and apply FILE let a colleague read a plan before it is applied")
}

// idle are the keys of c that this version reads and does nothing by.
func idle(c *config.Config) []string {
	var keys []string
	for key, set := range map[string]bool{
		"schedule":  c.Schedule != config.Schedule{},
		"retention": c.Retention != config.Span{},
		"limits_by": c.Mapping.Unit.Text != "",
	} {
		if set {
			keys = append(keys, key)
		}
	}
	return keys
}
