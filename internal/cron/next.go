package cron

import (
	"fmt"
	"iter"
	"time"
)

// MaxTimes is how many due times are listed at once: more are no look ahead but a load.
const MaxTimes = 1000

// The rule about clock changes: an expression whose hour field is plain * follows elapsed time; every other one follows the
// wall clock: due times lost in a skipped hour are replaced by one run at the first instant after it, and in a repeated hour
// each wall-clock time is due once, the first time.

// Next returns the first due time after the given time, in the zone, and false where there is none up to the end of 2200.
// A time before 1970 counts as its beginning. It allocates nothing.
func (e *Expression) Next(z *Zone, after time.Time) (time.Time, bool) {
	next, ok := e.NextUnix(z, after.Unix()) // due times are whole seconds: a fraction changes nothing
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(next, 0).In(z.location), true
}

// NextUnix is Next in seconds since 1970 UTC.
func (e *Expression) NextUnix(z *Zone, after int64) (int64, bool) {
	if after >= lastUnix-1 || e.minute == 0 {
		return 0, false
	}
	t := max(after+1, 0)
	if e.elapsed {
		return e.nextElapsed(z, t)
	}
	return e.nextOnWall(z, t)
}

// NextTimes returns as many due times after the given time as count says, fewer where the year 2200 ends. The error is one for
// people, about a count that is not 1 to MaxTimes.
func (e *Expression) NextTimes(z *Zone, after time.Time, count int64) ([]time.Time, error) {
	if count < 1 || count > MaxTimes {
		return nil, fmt.Errorf("count is %d: allowed is 1 to %d", count, MaxTimes)
	}
	times := make([]time.Time, 0, count)
	for at, ok := e.Next(z, after); ok && int64(len(times)) < count; at, ok = e.Next(z, at) {
		times = append(times, at)
	}
	return times, nil
}

// ParseTime reads a time as people give it to be looked from. The error shows them how to write one.
func ParseTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%s is no time in RFC 3339; write 2026-03-08T01:30:00-05:00, or 2026-03-08T06:30:00Z in UTC", quoted(text))
	}
	return at, nil
}

// Between yields the due times t with after < t <= until, in order.
func (e *Expression) Between(z *Zone, after, until int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for t, ok := e.NextUnix(z, after); ok && t <= until; t, ok = e.NextUnix(z, t) {
			if !yield(t) {
				return
			}
		}
	}
}

// nextElapsed returns the first instant from t on whose local time matches, a repeated one included.
func (e *Expression) nextElapsed(z *Zone, t int64) (int64, bool) {
	i := z.spanAt(t)
	from := t + z.spans[i].offset
	local, ok := e.match(from)
	for ok {
		if at := local - z.spans[i].offset; at < z.spans[i+1].start {
			return at, true
		}
		i++
		begin := z.spans[i].start + z.spans[i].offset
		if begin < from || begin > local { // the span repeats what was before t, or skips local
			from = begin
			local, ok = e.match(from)
		}
	}
	return 0, false
}

// nextOnWall returns the first instant from t on at which a matching wall-clock time comes, for the first time, or at which a
// skipped hour that held one ends. Changes lie further apart than they move the clock (TestChangesLieFarApart).
func (e *Expression) nextOnWall(z *Zone, t int64) (int64, bool) {
	i := z.spanAt(t)
	from := t + z.spans[i].offset
	if i > 0 {
		before := z.spans[i].start + z.spans[i-1].offset // what the wall clock said when the span began
		switch {
		case t == z.spans[i].start:
			i, from = i-1, before // the end of a skipped hour is due for all that was in it
		case from < before:
			from = before // repeated times were due before
		}
	}
	local, ok := e.match(from)
	if !ok {
		return 0, false
	}
	for ; ; i++ {
		end := z.spans[i+1].start
		if local-z.spans[i].offset < end {
			return local - z.spans[i].offset, true
		}
		if local < end+z.spans[i+1].offset {
			return end, true
		}
	}
}
