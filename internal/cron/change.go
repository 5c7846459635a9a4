package cron

import (
	"fmt"
	"time"
)

// ClockEffect is what a change of the clocks does to the due times that it concerns.
type ClockEffect string

// The effects. An hourly schedule (a plain * hour) loses nothing in a skipped hour: that hour did not pass.
const (
	ClockMoved ClockEffect = "moved"     // they fall into a skipped hour: one run at the first instant after it stands for all of them
	ClockOnce  ClockEffect = "run_once"  // they come twice: each is due the first time
	ClockTwice ClockEffect = "run_twice" // they come twice, in an expression that follows elapsed time: each is due both times
)

// ClockChange is one change of a zone's clocks, and what the rule about them, which stands at Next, makes of an expression's
// due times.
type ClockChange struct {
	At     int64 // the first instant after it, in seconds since 1970 UTC
	Effect ClockEffect
	Times  int // on the wall clock that are concerned
	// First and Last are the first and the last of them: local times, counted in seconds like those of a zone without offset.
	First, Last int64
	Anyway      bool // of ClockMoved: At is itself a due time, so that its run stands for one more

	zone *Zone
}

// ClockChanges returns the changes of the zone's clocks with from <= At < until that concern due times of the expression, in
// order. UTC has none.
func (e *Expression) ClockChanges(z *Zone, from, until int64) (changes []ClockChange) {
	from, until = max(from, 0), min(until, lastUnix)
	if e.minute == 0 || from >= until {
		return nil
	}
	for i := z.spanAt(max(from-1, 0)) + 1; z.spans[i].start < until; i++ {
		at, before, after := z.spans[i].start, z.spans[i-1].offset, z.spans[i].offset
		c := ClockChange{At: at, Effect: ClockMoved, zone: z}
		switch {
		case before > after && e.elapsed:
			c.Effect = ClockTwice
		case before > after:
			c.Effect = ClockOnce
		case e.elapsed:
			continue
		}
		concerned := e.appendPlain(nil, at+min(before, after), at+max(before, after)-1, 0)
		if len(concerned) == 0 {
			continue
		}
		c.Times, c.First, c.Last = len(concerned), concerned[0], concerned[len(concerned)-1]
		if c.Effect == ClockMoved {
			next, ok := e.match(at + after)
			c.Anyway = ok && next == at+after
		}
		changes = append(changes, c)
	}
	return changes
}

// String says in plain English what happens: "On 8 March 2026 the clocks of America/New_York skip 02:30: the run is at 03:00
// instead." A text for people: it may change.
func (c ClockChange) String() string {
	first := time.Unix(c.First, 0).UTC()
	on, times, one := first.Format("2 January 2006"), first.Format("15:04"), c.Times == 1
	if !one {
		times += " to " + time.Unix(c.Last, 0).UTC().Format("15:04")
	}
	come := map[bool]string{true: "comes", false: "come"}[one]
	switch c.Effect {
	case ClockOnce:
		if one {
			return fmt.Sprintf("On %s %s comes twice in %s: the run is at the first.", on, times, c.zone.name)
		}
		return fmt.Sprintf("On %s %s come twice in %s: each of the %d due times has its run at the first.", on, times, c.zone.name, c.Times)
	case ClockTwice:
		return fmt.Sprintf("On %s %s %s twice in %s: the hour field is *, so there is a run both times.", on, times, come, c.zone.name)
	}
	at := time.Unix(c.At, 0).In(c.zone.location).Format("15:04")
	switch {
	case c.Anyway:
		return fmt.Sprintf("On %s the clocks of %s skip %s: the run at %s stands for that too.", on, c.zone.name, times, at)
	case one:
		return fmt.Sprintf("On %s the clocks of %s skip %s: the run is at %s instead.", on, c.zone.name, times, at)
	}
	return fmt.Sprintf("On %s the clocks of %s skip %s, %d due times: one run at %s takes their place.", on, c.zone.name, times, c.Times, at)
}
