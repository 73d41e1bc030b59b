package kv

import "strconv"

// Matches says whether a name fits a pattern of Redis: * is anything, ? any byte, [a-z] one of these, [^a] none of
// these, and a backslash takes the next byte as it is. A star that fails is tried again from where it stood only until the
// next star, so the time is no more than the product of both lengths.
func Matches(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, n
			p++
			continue
		}
		if size, fits := matchOne(pattern[p:], name[n]); fits {
			p, n = p+size, n+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		p, n = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne says whether a byte fits the beginning of a pattern, and how long that is.
func matchOne(pattern string, c byte) (size int, fits bool) {
	switch {
	case pattern == "":
		return 0, false
	case pattern[0] == '?':
		return 1, true
	case pattern[0] == '\\' && len(pattern) > 1:
		return 2, pattern[1] == c
	case pattern[0] == '[':
		return matchSet(pattern, c)
	default:
		return 1, pattern[0] == c
	}
}

// matchSet is matchOne of a set. One that is not closed ends with the pattern.
func matchSet(pattern string, c byte) (size int, fits bool) {
	at, not := 1, false
	if len(pattern) > 1 && pattern[1] == '^' {
		at, not = 2, true
	}
	for ; at < len(pattern) && pattern[at] != ']'; at++ {
		if pattern[at] == '\\' && at+1 < len(pattern) {
			at++
		}
		low, high := pattern[at], pattern[at]
		if at+2 < len(pattern) && pattern[at+1] == '-' && pattern[at+2] != ']' {
			high = pattern[at+2]
			at += 2
		}
		if min(low, high) <= c && c <= max(low, high) {
			fits = true
		}
	}
	return min(at+1, len(pattern)), fits != not
}

func parseCursor(text []byte) (uint64, bool) {
	if len(text) > 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text), 10, 64)
	return n, err == nil
}

func formatCursor(n uint64) string { return strconv.FormatUint(n, 10) }
