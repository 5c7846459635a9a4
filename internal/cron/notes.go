package cron

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Gaps are the intervals between due times within a horizon.
type Gaps struct {
	Times             int           // due times in the horizon
	Shortest, Longest time.Duration // zero where there are fewer than two times
	LongestFrom       int64         // the due time with which the longest begins
}

// Gaps looks at the due times t with after < t <= until. It takes as long as there are times: a year of every minute is half
// a million, about 50 ms.
func (e *Expression) Gaps(z *Zone, after, until int64) Gaps {
	var g Gaps
	var last int64
	for t := range e.Between(z, after, until) {
		if d := time.Duration(t-last) * time.Second; g.Times > 0 {
			if g.Shortest == 0 || d < g.Shortest {
				g.Shortest = d
			}
			if d > g.Longest {
				g.Longest, g.LongestFrom = d, last
			}
		}
		g.Times, last = g.Times+1, t
	}
	return g
}

// gapsAhead is how far LongestGap looks, in seconds: nine years hold two leap days.
const gapsAhead = 9 * notesAhead

// LongestGap returns the longest interval between two due times of which the second is not on the day of the first, and the
// time with which it begins, the first of its length within nine years that hold two leap days. It looks at one due time of each
// day, so that every minute costs no more than every night: a fifth of a millisecond.
func (e *Expression) LongestGap(z *Zone) (gap time.Duration, from time.Time) {
	last := e.rule // of each day: the times before it on that day change nothing
	last.minute, last.hour, last.elapsed = 1<<(bits.Len64(e.minute)-1), 1<<(bits.Len32(e.hour)-1), false
	evening := compile("", last)
	for t := range evening.Between(z, someYear, someYear+gapsAhead) {
		next, ok := e.NextUnix(z, t)
		if d := time.Duration(next-t) * time.Second; ok && d > gap {
			gap, from = d, time.Unix(t, 0).In(z.location)
		}
	}
	return gap, from
}

// Note is something about a valid expression that its author may not know.
type Note struct {
	Code NoteCode
	Text string
}

// NoteCode names a kind of note.
type NoteCode string

// The kinds of notes.
const (
	NoteUneven     NoteCode = "uneven"      // a step that does not divide its field: */7
	NoteRare       NoteCode = "rare"        // more than a month without a due time
	NoteEitherDay  NoteCode = "either_day"  // both day fields are restricted: either is enough
	NoteBothDays   NoteCode = "both_days"   // a day field begins with *: both must fit
	NoteShortMonth NoteCode = "short_month" // not in every month: 31
	NoteSkipped    NoteCode = "skipped"     // a due time falls into an hour that the zone skips
	NoteRepeated   NoteCode = "repeated"    // a due time falls into an hour that the zone repeats
	NoteAllHours   NoteCode = "all_hours"   // 0-23 follows the wall clock, * does not
)

// notesAhead is how far notes look, in seconds: zones change their clocks every year, if they do.
const notesAhead = 366 * 86400

// Notes returns what an author should know, for the zone and the year after from.
func (e *Expression) Notes(z *Zone, from time.Time) []Note {
	if e.minute == 0 {
		return nil
	}
	var notes []Note
	add := func(code NoteCode, format string, args ...any) {
		notes = append(notes, Note{code, fmt.Sprintf(format, args...)})
	}
	e.unevenNotes(add)
	e.dayNotes(add)
	if !e.elapsed && e.hour == allHours {
		add(NoteAllHours, "The hour field names all 24 hours: it follows the wall clock and leaves a repeated hour out. Write * to run every hour that passes.")
	}
	e.clockNotes(z, from.Unix(), add)
	return notes
}

type addNote func(code NoteCode, format string, args ...any)

// unevenNotes find steps, as they were written, that begin anew before they are through.
func (e *Expression) unevenNotes(add addNote) {
	units := [5]string{"minutes", "hours", "days", "months", "days"}
	for i, w := range split(e.text) {
		base, stepText, stepped := strings.Cut(w.text, "/")
		step, err := strconv.Atoi(stepText)
		if !stepped || err != nil || base != "*" && base != "H" {
			continue
		}
		switch size := highestOf(i) - fieldSpecs[i].lowest + 1; {
		case i == fieldDom && step > 1:
			add(NoteUneven, "%s is not every %d days: it begins anew with each month, so the interval over its end differs.", w.text, step)
		case size%step != 0:
			add(NoteUneven, "%s is not every %d %s: it begins anew with each %s, and %d does not divide %d, so the last interval is shorter.", w.text, step, units[i], aboveOf(i), step, size)
		}
	}
}

// aboveOf is the unit in which a field begins anew.
func aboveOf(i int) string { return [5]string{"hour", "day", "month", "year", "week"}[i] }

// dayNotes speak about days that are rare, or are combined in a way that surprises.
func (e *Expression) dayNotes(add addNote) {
	everyDom, everyDow := e.dom == possibleDays(e.month), e.dow == allWeekdays
	switch {
	case e.either:
		add(NoteEitherDay, "Both day fields are restricted, so a day that fits either of them is enough, as in every cron.")
	case !everyDom && !everyDow:
		add(NoteBothDays, "A day field begins with *, so it does not count as restricted: a day must fit both of them, as in cronie.")
	}
	if months := e.monthsWithout(); everyDow && len(months) > 0 {
		add(NoteShortMonth, "Not due in %s, for want of such a day.", and(months))
	}
	once := e.rule // a day is enough: one time of each
	once.minute, once.hour = 1, 1
	daily := compile("", once)
	switch g := daily.Gaps(UTC, someYear, someYear+gapsAhead); {
	case g.Times < 2:
		add(NoteRare, "Rarely due: years pass without a run.")
	case g.Longest > 32*24*time.Hour:
		add(NoteRare, "Rarely due: up to %d days pass without a run.", g.Longest/(24*time.Hour))
	}
}

// someYear is the beginning of nine years that hold two leap days.
const someYear = 1767225600 // 2026-01-01

// monthsWithout returns the months of the expression that never, or not in every year, have one of its days.
func (e *Expression) monthsWithout() (months []string) {
	for month := uint32(1); month <= 12; month++ {
		if e.month>>month&1 == 1 && e.dom&monthDays(2026, month) == 0 {
			name := time.Month(month).String()
			if e.dom&monthDays(2028, month) != 0 {
				name += " of most years"
			}
			months = append(months, name)
		}
	}
	return months
}

// clockNotes find due times in hours that the zone skips or repeats in the next year.
func (e *Expression) clockNotes(z *Zone, from int64, add addNote) {
	for _, c := range e.ClockChanges(z, from, from+notesAhead+1) {
		switch c.Effect {
		case ClockMoved:
			add(NoteSkipped, "%s", c)
		case ClockOnce:
			add(NoteRepeated, "%s", c)
		case ClockTwice: // as the author of an hourly schedule expects
		}
	}
}
