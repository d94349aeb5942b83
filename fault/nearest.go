package fault

import "strings"

// Nearest is the word of known that is likeliest meant by word: the one that
// needs the fewest letters inserted, dropped, replaced or swapped, in any case;
// the first of equals. It is "" where none is near (a third of the letters, or
// one of a short word). Hints are made of it.
func Nearest(word string, known []string) string {
	best, least := "", 1+max(1, len(word)/3)
	folded := strings.ToLower(word)
	for _, k := range known {
		if d := distance(folded, strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the optimal string alignment distance of a and b, over bytes.
func distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+unequal(a[i], b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

func unequal(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
