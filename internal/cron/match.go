package cron

import "math/bits"

const (
	minutesPerDay = 24 * 60
	// The calendar counts days from 1 March of the year 0, where leap days come last (Howard Hinnant, "chrono-compatible
	// low-level date algorithms").
	daysTo1970 = 719468
	daysIn400  = 146097
)

// match returns the first whole minute at or after local that fits, and false where there is none up to the end of 2200. Local
// time is counted in seconds like that of a zone without offset.
func (e *Expression) match(local int64) (int64, bool) {
	minutes := uint64(local+daysTo1970*86400+59) / 60                           //nolint:gosec // local is not before 1969
	day, minute := uint32(minutes/minutesPerDay), uint32(minutes%minutesPerDay) //nolint:gosec // days since the year 0
	year, month, dayOfMonth := civil(day)
	if year > lastYear {
		return 0, false
	}
	first := day - dayOfMonth // the day before the first of the month
	days := e.days(year, month, first)
	if days>>dayOfMonth&1 == 1 {
		if at, ok := e.inDay(minute); ok {
			return seconds(day, at), true
		}
	}
	days = days >> dayOfMonth >> 1 << 1 << dayOfMonth
	for days == 0 {
		if later := e.month >> month >> 1; later != 0 {
			month += 1 + uint32(bits.TrailingZeros16(later)) //nolint:gosec // at most 16
		} else {
			year, month = year+1, uint32(bits.TrailingZeros16(e.month)) //nolint:gosec // at most 16
		}
		if year > lastYear {
			return 0, false
		}
		first = dayBefore(year, month)
		days = e.days(year, month, first)
	}
	day = first + uint32(bits.TrailingZeros32(days)) //nolint:gosec // at most 32
	return seconds(day, uint32(e.firstHour)*60+uint32(e.firstMinute)), true
}

// inDay returns the first minute of a day, from the given one on, that fits.
func (e *Expression) inDay(minute uint32) (uint32, bool) {
	hour := minute / 60
	if e.hour>>hour&1 == 1 {
		if m := e.minute >> (minute % 60); m != 0 {
			return minute + uint32(bits.TrailingZeros64(m)), true //nolint:gosec // at most 64
		}
	}
	h := e.hour >> hour >> 1
	if h == 0 {
		return 0, false
	}
	return (hour+1+uint32(bits.TrailingZeros32(h)))*60 + uint32(e.firstMinute), true //nolint:gosec // at most 32
}

// days returns the days of a month that fit; first is the day before its first one.
func (e *Expression) days(year, month, first uint32) uint32 {
	if e.month>>month&1 == 0 {
		return 0
	}
	weekdays := e.weekdays[(first+4)%7] // 1 March of the year 0 was a Wednesday, and the first of the month is a day later
	if e.either {
		return (e.dom | weekdays) & monthDays(year, month)
	}
	return e.dom & weekdays & monthDays(year, month)
}

var lengths = [13]uint32{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// monthDays are the days of a month, bits 1 to 28, 29, 30 or 31.
func monthDays(year, month uint32) uint32 {
	n := lengths[month]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		n = 29
	}
	return 1<<(n+1) - 2
}

// civil returns the date of a day.
func civil(day uint32) (year, month, dayOfMonth uint32) {
	century := (4*day + 3) / daysIn400
	ofCentury := day - century*daysIn400/4
	yearOfCentury := (4*ofCentury + 3) / 1461
	ofYear := ofCentury - 1461*yearOfCentury/4
	shifted := (5*ofYear + 2) / 153 // 0 is March
	dayOfMonth = ofYear - (153*shifted+2)/5 + 1
	year, month = 100*century+yearOfCentury, shifted+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, dayOfMonth
}

// dayBefore returns the day before the first of a month.
func dayBefore(year, month uint32) uint32 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 - 1
}

func seconds(day, minute uint32) int64 {
	return (int64(day)-daysTo1970)*86400 + int64(minute)*60
}
