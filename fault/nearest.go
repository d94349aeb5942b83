package fault

import (
	"fmt"
	"strings"
)

// DidYouMean is `; did you mean "x"?` with what Nearest finds, or "".
func DidYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// Nearest is the word of known that is likeliest meant by word: the one that
// needs the fewest letters inserted, dropped, replaced or swapped, in any case;
// the first of equals. It is "" where none is near: a third of the letters, at
// least two, one of a word of up to three. Hints are made of it.
func Nearest(word string, known []string) string {
	folded := []rune(strings.ToLower(word))
	best, least := "", 1+max(1, min(2, len(folded)/2), len(folded)/3)
	for _, k := range known {
		if d := distance(folded, []rune(strings.ToLower(k))); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the optimal string alignment distance of a and b.
func distance(a, b []rune) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		next[0] = i + 1
		for j := range b {
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+unequal(a[i], b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

func unequal(a, b rune) int {
	if a == b {
		return 0
	}
	return 1
}
