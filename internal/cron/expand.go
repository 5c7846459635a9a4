package cron

import "math/bits"

// AppendBetween appends the due times t with after < t <= until to dst, in order: what Between yields, but whole days at a time
// where no clock changes, which costs a few nanoseconds for each. It allocates only where dst has no room.
func (e *Expression) AppendBetween(dst []int64, z *Zone, after, until int64) []int64 {
	until = min(until, lastUnix-1)
	if e.minute == 0 {
		return dst
	}
	for t := max(after+1, 0); t <= until; {
		i := z.spanAt(t)
		if t < e.plainFrom(z, i) { // the change of the clock still matters: one by one
			next, ok := e.NextUnix(z, t-1)
			if !ok || next > until {
				return dst
			}
			dst, t = append(dst, next), next+1
			continue
		}
		last := min(until, z.spans[i+1].start-1)
		dst = e.appendPlain(dst, t+z.spans[i].offset, last+z.spans[i].offset, z.spans[i].offset)
		t = last + 1
	}
	return dst
}

// plainFrom is the first instant of a span from which on, to its end, an instant is due exactly if its local time matches. Before
// it, the wall clock repeats what it showed already, or the run that makes up for a skipped hour is due.
func (e *Expression) plainFrom(z *Zone, i int) int64 {
	if e.elapsed || i == 0 {
		return z.spans[i].start
	}
	return z.spans[i].start + max(z.spans[i-1].offset-z.spans[i].offset, 1)
}

// appendPlain appends the matching minutes of the local times from first to last, as instants of a zone with that offset.
func (e *Expression) appendPlain(dst []int64, first, last, offset int64) []int64 {
	from, to := uint64(first+daysTo1970*86400+59)/60, uint64(last+daysTo1970*86400)/60 //nolint:gosec // not before 1969
	if from > to {
		return dst
	}
	day, lastDay := uint32(from/minutesPerDay), uint32(to/minutesPerDay) //nolint:gosec // days since the year 0
	year, month, dayOfMonth := civil(day)
	for before := day - dayOfMonth; before < lastDay; before = dayBefore(year, month) {
		days := e.days(year, month, before)
		if before < day {
			days = days >> dayOfMonth << dayOfMonth
		}
		for ; days != 0; days &= days - 1 {
			d := before + uint32(bits.TrailingZeros32(days)) //nolint:gosec // at most 32
			if d > lastDay {
				return dst
			}
			low, high := uint64(0), uint64(minutesPerDay-1)
			if d == day {
				low = from % minutesPerDay
			}
			if d == lastDay {
				high = to % minutesPerDay
			}
			dst = e.appendDay(dst, seconds(d, 0)-offset, low, high)
		}
		if month++; month > 12 {
			year, month = year+1, 1
		}
	}
	return dst
}

// appendDay appends the matching minutes of one day, from low to high; midnight is the instant of its beginning.
func (e *Expression) appendDay(dst []int64, midnight int64, low, high uint64) []int64 {
	hours := e.hour >> (low / 60) << (low / 60)
	for ; hours != 0; hours &= hours - 1 {
		hour := uint64(bits.TrailingZeros32(hours)) //nolint:gosec // at most 32
		minutes := e.minute
		if hour == low/60 {
			minutes = minutes >> (low % 60) << (low % 60)
		}
		if hour >= high/60 {
			if hour > high/60 {
				return dst
			}
			minutes &= 1<<(high%60+1) - 1
		}
		begin := midnight + int64(hour)*3600 //nolint:gosec // at most 24 hours
		for ; minutes != 0; minutes &= minutes - 1 {
			dst = append(dst, begin+int64(bits.TrailingZeros64(minutes))*60)
		}
	}
	return dst
}
