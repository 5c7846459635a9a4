package cron

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ZoneError is a name that the embedded zone database does not hold.
type ZoneError struct {
	Name string
	Near []string // names that may be meant, the best first, at most three
	Hint string
}

func (e *ZoneError) Error() string {
	text := fmt.Sprintf("there is no time zone %q in the embedded database %s", excerpt(e.Name, 64), ZoneVersion)
	if e.Name == "" {
		text = "the time zone is empty"
	}
	if len(e.Near) > 0 {
		text += "; did you mean " + strings.Join(e.Near, " or ") + "?"
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// abbreviations are shared by zones all over the world, and say nothing about the other half of the year.
var abbreviations = map[string]string{
	"PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "MDT": "America/Denver", "CST": "America/Chicago", "CDT": "America/Chicago",
	"EDT": "America/New_York", "BST": "Europe/London", "CEST": "Europe/Berlin", "EEST": "Europe/Athens", "MSK": "Europe/Moscow",
	"IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "KST": "Asia/Seoul", "HKT": "Asia/Hong_Kong", "SGT": "Asia/Singapore",
	"AEST": "Australia/Sydney", "AEDT": "Australia/Sydney", "NZST": "Pacific/Auckland", "NZDT": "Pacific/Auckland",
}

const nameThePlace = "name the place, such as Europe/Berlin, or UTC"

func unknownZone(name string) error {
	e := &ZoneError{Name: name}
	upper := strings.ToUpper(name)
	switch {
	case name == "":
		e.Hint = nameThePlace
	case strings.EqualFold(name, "local"):
		e.Hint = "that is another zone on every machine: " + nameThePlace
	case strings.HasPrefix(name, "/") || strings.ContainsAny(name, `.\:`) && strings.Contains(name, "/"):
		e.Hint = "files are not read: " + nameThePlace
	case abbreviations[upper] != "":
		e.Near = []string{abbreviations[upper]}
	case isOffset(upper):
		e.Hint = "an offset does not know when clocks change: " + nameThePlace + " (a fixed offset is Etc/GMT-2 for two hours ahead of UTC, Etc/GMT+5 for five behind)"
	default:
		e.Near = nearZones(name)
		if len(e.Near) == 0 {
			e.Hint = nameThePlace
		}
	}
	return e
}

func isOffset(upper string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(upper, "UTC"), "GMT")
	return len(rest) > 1 && strings.ContainsAny(rest[:1], "+-") && strings.Trim(rest[1:], "0123456789:") == ""
}

// nearZones returns the names nearest to a mistyped one, by the whole name or by its last part: "berlin" is Europe/Berlin.
func nearZones(name string) []string {
	if len(name) > 64 {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	wanted := strings.ToLower(strings.ReplaceAll(name, " ", "_"))
	bound := min(1+len(wanted)/5, 3)
	var found []candidate
	for _, zone := range ZoneNames() {
		lower := strings.ToLower(zone)
		d := distance(wanted, lower)
		if i := strings.LastIndexByte(lower, '/'); i >= 0 {
			d = min(d, distance(wanted, lower[i+1:]))
			if j := strings.LastIndexByte(wanted, '/'); j >= 0 && wanted[j:] == lower[i:] {
				d = min(d, 1) // the right place on the wrong continent
			}
		}
		if d <= bound {
			found = append(found, candidate{zone, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Or(a.distance-b.distance, len(a.name)-len(b.name)) })
	var near []string
	for _, c := range found {
		if c.distance == found[0].distance && len(near) < 3 {
			near = append(near, c.name)
		}
	}
	return near
}

// nearest returns the candidate that was probably meant, a typing error or two away, or "".
func nearest(s string, candidates []string) string {
	best, bound := "", min(2, len(s)/2)
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(c)); d <= bound {
			best, bound = c, d-1
		}
	}
	return best
}

// distance counts the letters to add, drop, change or swap with their neighbour that make b of a.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 3 || d < -3 {
		return 4 // as good as far away
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[0], rows[1], rows[2]
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
		rows = [3][]int{last, row, before}
	}
	return rows[1][len(b)]
}
