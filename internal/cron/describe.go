package cron

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// Describe says in plain English when the expression is due: "At 03:30 on Monday to Friday". Texts for people: they may
// change.
func (e Expression) Describe() string {
	if e.minute == 0 {
		return "Never"
	}
	return e.times() + e.dates()
}

// times says at which times of a day.
func (r rule) times() string {
	minutes, hours := bits.OnesCount64(r.minute), bits.OnesCount32(r.hour)
	everyHour := r.hour == allHours
	within := ""
	if !everyHour {
		within = " of " + hoursOf(uint64(r.hour))
	}
	step := stepOf(r.minute, 60)
	switch {
	case r.minute == 1 && stepOf(uint64(r.hour), 24) > 0:
		return fmt.Sprintf("Every %d hours, from midnight on", stepOf(uint64(r.hour), 24))
	case minutes*hours <= 6 && !everyHour:
		return "At " + and(clockTimes(r.minute, r.hour))
	case r.minute == allMinutes && everyHour:
		return "Every minute"
	case r.minute == allMinutes:
		return "Every minute" + within
	case step > 0 && everyHour:
		return fmt.Sprintf("Every %d minutes", step)
	case step > 0:
		return fmt.Sprintf("Every %d minutes in %s", step, hoursOf(uint64(r.hour)))
	case r.minute == 1 && everyHour:
		return "Every hour, on the hour"
	}
	plural := "minute"
	if minutes > 1 {
		plural = "minutes"
	}
	if everyHour {
		within = " of every hour"
	}
	return fmt.Sprintf("At %s %s%s", plural, and(spans(r.minute, number)), within)
}

// hoursOf names hours as spans of the clock.
func hoursOf(set uint64) string {
	if step := stepOf(set, 24); step > 0 {
		return fmt.Sprintf("every %s hour, from midnight on", ordinal(step))
	}
	if bits.OnesCount64(set) == 1 {
		return "the hour from " + clock(bits.TrailingZeros64(set), 0)
	}
	return "the hours " + and(spans(set, number))
}

// stepOf is n where the set is what */n means in a field of so many values, in two or more even steps, or 0.
func stepOf(set uint64, size int) int {
	for n := 2; n <= size/2; n++ {
		if size%n == 0 && set == progression(0, size-1, n) {
			return n
		}
	}
	return 0
}

func clockTimes(minutes uint64, hours uint32) (times []string) {
	for hour := range 24 {
		for minute := range 60 {
			if hours>>hour&1 == 1 && minutes>>minute&1 == 1 {
				times = append(times, clock(hour, minute))
			}
		}
	}
	return times
}

func clock(hour, minute int) string { return fmt.Sprintf("%02d:%02d", hour, minute) }

// dates says on which days.
func (r rule) dates() string {
	everyDom, everyDow := r.dom == possibleDays(r.month), r.dow == allWeekdays
	weekdays := and(spans(uint64(r.dow), func(n int) string { return time.Weekday(n).String() }))
	days := daysOf(uint64(r.dom))
	months := ""
	if r.month != allMonths {
		months = and(spans(uint64(r.month), func(n int) string { return time.Month(n).String() }))
	}
	var text string
	switch {
	case everyDom && everyDow && months == "":
		return everyDay(r)
	case everyDom && everyDow:
		return everyDay(r) + " in " + months
	case everyDom:
		text = " on " + weekdays
	case everyDow && months != "":
		return " on " + days + " of " + months
	case everyDow:
		return " on " + days + " of the month"
	case r.either:
		text = " on " + days + " of the month and on every " + strings.ReplaceAll(weekdays, " to ", " to every ")
	default:
		text = " on " + days + " of the month where that is a " + strings.ReplaceAll(strings.ReplaceAll(weekdays, " and ", " or "), " to ", " to a ")
	}
	if months != "" {
		text += ", in " + months
	}
	return text
}

// daysOf names days of the month.
func daysOf(set uint64) string {
	for n := 2; n <= 10; n++ {
		if set == progression(1, 31, n) {
			return fmt.Sprintf("every %s day, from the 1st on,", ordinal(n))
		}
	}
	return "the " + and(spans(set, ordinal))
}

// everyDay is said where the times are not already every something.
func everyDay(r rule) string {
	if r.hour == allHours || stepOf(uint64(r.hour), 24) > 0 {
		return ""
	}
	return " every day"
}

func number(n int) string { return fmt.Sprint(n) }

func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%10 == 1 && n != 11:
		suffix = "st"
	case n%10 == 2 && n != 12:
		suffix = "nd"
	case n%10 == 3 && n != 13:
		suffix = "rd"
	}
	return fmt.Sprint(n, suffix)
}

// spans names the values of a set, three neighbours and more as "a to b".
func spans(set uint64, name func(int) string) (parts []string) {
	for _, run := range runs(set) {
		if run[1]-run[0] >= 2 {
			parts = append(parts, name(run[0])+" to "+name(run[1]))
			continue
		}
		for n := run[0]; n <= run[1]; n++ {
			parts = append(parts, name(n))
		}
	}
	return parts
}
