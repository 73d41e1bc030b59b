package decode

import "strings"

// Suggest is the hint for a word that is none of those known: the one it resembles, else all of them if they
// are few, else nothing.
func Suggest(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return `did you mean "` + near + `"?`
	}
	if len(known) == 0 || len(known) > 16 {
		return ""
	}
	return "one of: " + strings.Join(known, ", ")
}

// Nearest is the known word that differs from word by the fewest slips of the finger, if they are few. Of two
// such it is the one that begins alike for longer: people err later in a word rather than sooner.
func Nearest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	best, alike, nearest := min(len(word), 1+max(1, min(3, len(word)/3))), -1, ""
	for _, k := range known[:min(len(known), 1000)] {
		d, a := distance(strings.ToLower(word), strings.ToLower(k)), prefix(word, k)
		if d < best || d == best && nearest != "" && a > alike {
			best, alike, nearest = d, a, k
		}
	}
	return nearest
}

// prefix is how many bytes two words begin with in common.
func prefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// distance is how many letters must be added, left out, changed or exchanged with their neighbour
// (Damerau's distance in the form of optimal string alignment).
func distance(a, b string) int {
	before := make([]int, len(b)+1) // two rows up
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
