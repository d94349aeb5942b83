package genesyssim

import "rollcall/fault"

// suggest is ", did you mean "x"?" for the known word nearest to word, or ""
// where none is near.
func suggest(word string, known []string) string {
	if near := fault.Nearest(word, known); near != "" {
		return `, did you mean "` + near + `"?`
	}
	return ""
}
