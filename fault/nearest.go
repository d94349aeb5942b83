package fault

import "strings"

// Nearest is the known name that a mistyped one most likely meant, in folded
// case, or "" where none is near: further off than a third of its length. Of
// two equally near ones it is the first.
func Nearest(name string, known []string) string {
	best, near := "", len(name)/3+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k), near); d <= near && (best == "" || d < near) {
			best, near = k, d
		}
	}
	return best
}

// distance is the optimal string alignment distance of a and b: insertions,
// deletions, replacements and neighbors that changed places. Beyond most it is
// only known to be more than most.
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > most || -d > most {
		return most + 1
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
