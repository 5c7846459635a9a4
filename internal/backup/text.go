package backup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Excerpt returns s for use in a message: at most limit bytes, on one line, control characters replaced.
func Excerpt(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		s = s[:limit]
		for s != "" && !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) || r == utf8.RuneError { // what a terminal would obey
			return '·'
		}
		return r
	}, s)
	if cut {
		return s + "…"
	}
	return s
}

// nearest returns the candidate that a typing error away from s, or "".
func nearest(s string, candidates []string) string {
	best, bestDistance := "", 3
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is Levenshtein's, for short words.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = min(diagonal, row[j], row[j+1]) + 1
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
