package strict

import (
	"fmt"
	"strings"
)

// Nearest returns the word that needs the fewest edits to become key, and how many; "" where there are no words.
func Nearest(key string, known []string) (word string, edits int) {
	edits = -1
	for _, k := range known {
		if d := distance(strings.ToLower(key), strings.ToLower(k)); edits < 0 || d < edits {
			word, edits = k, d
		}
	}
	return word, edits
}

// DidYouMean names the known word that is nearest to key, as the end of a sentence, or all of them where none is near.
func DidYouMean(key string, known []string) string {
	if s := Hint(key, known); s != "" {
		return s
	}
	return "; known are " + strings.Join(known, ", ")
}

// Hint is DidYouMean without the list: "" where no known word is near.
func Hint(key string, known []string) string {
	word, edits := Nearest(key, known)
	if word == "" || edits > min(max(2, len(key)/2+1), (len(key)+1)/2) {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", word)
}

// distance is Levenshtein's, in bytes of the first 64.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := left
			if a[i] != b[j] {
				cost++
			}
			left = row[j+1]
			row[j+1] = min(cost, row[j]+1, left+1)
		}
	}
	return row[len(b)]
}
