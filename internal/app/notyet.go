package app

import "rollcall/internal/config"

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
