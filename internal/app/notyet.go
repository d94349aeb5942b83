package app

import (
	"fmt"

	"rollcall/fault"
	"rollcall/internal/config"
)

// promised refuses a configuration that relies on what this version does not
// do: who asks that values are kept as digests only must not be let down in silence.
func promised(c *config.Config) error {
	if len(c.Redact) == 0 {
		return nil
	}
	return fault.WithHint(fmt.Errorf("%s: redact: %w: not in this version", c.File, fault.Unsupported), "leave it out")
}

// idle are the keys of c that this version reads and does nothing by.
func idle(c *config.Config) []string {
	var keys []string
	for key, set := range map[string]bool{
		"schedule": c.Schedule != config.Schedule{},
	} {
		if set {
			keys = append(keys, key)
		}
	}
	return keys
}
