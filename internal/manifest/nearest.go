package manifest

import (
	"strconv"
	"strings"
	"unicode"
)

// hint gives "; did you mean ...?" for the known name that is nearest to a mistyped one, or nothing if none is near.
func hint(name string, known []string) string {
	if best := nearest(name, known); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// nearest gives the known name that a mistyped one most likely stands for, or nothing. Of several equally near, the first counts.
func nearest(name string, known []string) string {
	best, least := "", 1+max(1, len(name)/3)
	for _, k := range known {
		switch {
		case strings.EqualFold(k, name):
			return k
		case len(name)-len(k) >= least, len(k)-len(name) >= least:
		default:
			if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
				best, least = k, d
			}
		}
	}
	return best
}

// distance is the least number of bytes to insert, delete, replace or swap with their neighbour that makes one name of the other.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// maxName is the longest name of a member or kind that is repeated in a message.
const maxName = 64

// shown gives a name that came from outside as it may stand in a line of output.
func shown(name string) string {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "..."
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
