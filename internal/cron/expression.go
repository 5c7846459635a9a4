package cron

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Expression is a valid cron expression that fires at least once. Parse makes them; the zero value never fires.
type Expression struct {
	text string
	rule

	weekdays    [7]uint32 // bit d of weekdays[w]: day d of a month that begins on weekday w fits the day of the week
	firstMinute uint8
	firstHour   uint8
}

// rule is what an expression means. Two expressions that mean the same have equal rules.
type rule struct {
	minute  uint64 // bit n: minute n
	hour    uint32
	dom     uint32 // bits 1 to 31, less the days that no month of the expression has
	month   uint16 // bits 1 to 12
	dow     uint8  // bits 0 (Sunday) to 6
	elapsed bool   // the hour is a plain *: follows elapsed time, not the wall clock
	either  bool   // both day fields are restricted: a day that fits one of them is enough
}

const (
	allMinutes  = 1<<60 - 1
	allHours    = 1<<24 - 1
	allDays     = 1<<32 - 2
	allMonths   = 1<<13 - 2
	allWeekdays = 1<<7 - 1
)

// compile settles what does not depend on how the expression was written, and prepares the search.
func compile(text string, r rule) Expression {
	possible := possibleDays(r.month)
	r.dom &= possible
	if r.either && (r.dom == possible || r.dow == allWeekdays) {
		r.dom, r.dow, r.either = possible, allWeekdays, false
	}
	if r.either && r.dom == 0 {
		r.dom, r.either = possible, false
	}
	e := Expression{text: text, rule: r, firstMinute: uint8(bits.TrailingZeros64(r.minute)), firstHour: uint8(bits.TrailingZeros32(r.hour))} //nolint:gosec // at most 64
	for first := range 7 {
		for day := 1; day <= 31; day++ {
			if r.dow>>((first+day-1)%7)&1 == 1 {
				e.weekdays[first] |= 1 << day
			}
		}
	}
	return e
}

// possibleDays are the days that at least one of the months has.
func possibleDays(months uint16) uint32 {
	switch {
	case months&(1<<1|1<<3|1<<5|1<<7|1<<8|1<<10|1<<12) != 0:
		return allDays
	case months&^(1<<2) != 0:
		return allDays &^ (1 << 31)
	}
	return allDays &^ (1<<30 | 1<<31)
}

// Text returns the expression as it was given to Parse.
func (e Expression) Text() string { return e.text }

// Equal says whether both are due at the same times in every zone.
func (e Expression) Equal(o Expression) bool { return e.rule == o.rule }

// Equal says whether two texts mean the same for every seed: "0 3 * * 7" and "0  03 * * SUN", not "H 3 * * *" and "7 3 * * *".
// A text that is no valid expression equals only itself.
func Equal(a, b string) bool {
	if a == b {
		return true
	}
	for i := range 4 {
		seed := fmt.Sprintf("equal-%d", i)
		x, errX := Parse(a, seed)
		y, errY := Parse(b, seed)
		if errX != nil || errY != nil || !x.Equal(y) {
			return false
		}
	}
	return true
}

// String returns the one form that all expressions with this meaning share. An H has become what its seed made of it.
func (e Expression) String() string {
	r := e.rule
	if r.minute == 0 {
		return ""
	}
	hour := "*"
	if !r.elapsed {
		hour = list(uint64(r.hour), 0, 23, true)
		if r.hour == allHours {
			hour = "0-23"
		}
	}
	dom, dow := r.dayFields()
	return strings.Join([]string{starOr(r.minute, 0, 59, true), hour, dom, starOr(uint64(r.month), 1, 12, true), dow}, " ")
}

// dayFields writes the two day fields so that they are combined as the rule says: a field that begins with * does not count
// as restricted.
func (r rule) dayFields() (dom, dow string) {
	possible := possibleDays(r.month)
	everyDom, everyDow := r.dom == possible, r.dow == allWeekdays
	switch {
	case everyDom:
		return "*", starOr(uint64(r.dow), 0, 6, false)
	case everyDow:
		return list(uint64(r.dom), 1, 31, true), "*"
	case r.either:
		return list(uint64(r.dom), 1, 31, false), list(uint64(r.dow), 0, 6, false)
	}
	if dom, ok := starred(uint64(r.dom), uint64(possible), 1, 31); ok {
		return dom, list(uint64(r.dow), 0, 6, false)
	}
	dow, _ = starred(uint64(r.dow), allWeekdays, 0, 6)
	return list(uint64(r.dom), 1, 31, false), dow
}

// starred writes the values of set so that the field begins with a star: */n, and the rest behind it.
func starred(set, possible uint64, lowest, highest int) (string, bool) {
	for n := 2; n <= highest-lowest+1; n++ {
		covered := progression(lowest, highest, n) & possible
		if covered&^set != 0 {
			continue
		}
		text := fmt.Sprintf("*/%d", n)
		if rest := set &^ covered; rest != 0 {
			text += "," + list(rest, lowest, highest, false)
		}
		return text, true
	}
	return "", false
}

func starOr(set uint64, lowest, highest int, star bool) string {
	if set == progression(lowest, highest, 1) {
		return "*"
	}
	return list(set, lowest, highest, star)
}

// list writes the values of set as briefly as cron can.
func list(set uint64, lowest, highest int, star bool) string {
	first, last := bits.TrailingZeros64(set), bits.Len64(set)-1
	if n := bits.OnesCount64(set); n >= 3 && (last-first)%(n-1) == 0 {
		step := (last - first) / (n - 1)
		switch even := progression(first, last, step) == set; {
		case even && star && step > 1 && set == progression(lowest, highest, step):
			return fmt.Sprintf("*/%d", step)
		case even && step > 1:
			return fmt.Sprintf("%d-%d/%d", first, last, step)
		}
	}
	var parts []string
	for _, run := range runs(set) {
		switch {
		case run[0] == run[1]:
			parts = append(parts, strconv.Itoa(run[0]))
		case run[0]+1 == run[1]:
			parts = append(parts, strconv.Itoa(run[0]), strconv.Itoa(run[1]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", run[0], run[1]))
		}
	}
	return strings.Join(parts, ",")
}

// runs returns the first and the last value of each row of neighbours.
func runs(set uint64) [][2]int {
	var rows [][2]int
	for set != 0 {
		first := bits.TrailingZeros64(set)
		length := bits.TrailingZeros64(^(set >> first))
		rows = append(rows, [2]int{first, first + length - 1})
		set &^= (1<<length - 1) << first
	}
	return rows
}

func progression(first, last, step int) (set uint64) {
	for n := first; n <= last; n += step {
		set |= 1 << n
	}
	return set
}
