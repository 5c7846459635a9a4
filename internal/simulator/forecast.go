package simulator

import (
	"context"
	"errors"
)

// ErrBacklog ends a forecast in which runs pile up.
var ErrBacklog = errors.New("more than 100,000 runs are under way or wait for a place at a time")

const maxBacklog = 100_000

// Forecast is what a simulation shows of one schedule, together with those that share its server. Times are seconds since 1970 in
// UTC, 0 for none; sizes bytes.
type Forecast struct {
	*ScheduleReport
	Server *ServerReport // of all archives on it, those of other schedules included

	Next []int64 // the first due times
	Due  int64   // due times
	// LongestGap is the longest time between two due times, or from one of them to an end of the simulation, and GapFrom when it
	// begins.
	LongestGap, GapFrom int64

	// What is kept of it at the end, and the most that was kept at a time.
	Archives, Bytes         int64
	PeakArchives, PeakBytes int64
	Steady                  bool // the first archive has expired: for every one that comes, one goes
}

// Forecast simulates a scenario and says what becomes of one of its schedules, with so many of its first due times. It ends early
// with ctx, or with [ErrBacklog].
func (sc *Scenario) Forecast(ctx context.Context, schedule, next int) (Forecast, error) {
	s := &sc.Schedules[schedule]
	f := Forecast{Next: []int64{}}
	var kept archives
	var bytes int64
	r, err := Simulate(sc, Options{Emit: func(e Event) error {
		if e.Schedule != schedule || e.Outcome != Completed {
			return ctx.Err()
		}
		kept.add(archive{expires: e.Begin + s.Retention, bytes: e.Bytes})
		bytes += e.Bytes - kept.expire(e.At)
		f.PeakArchives, f.PeakBytes = max(f.PeakArchives, int64(kept.kept)), max(f.PeakBytes, bytes)
		return ctx.Err()
	}, Going: func(open int) error {
		if open > maxBacklog {
			return ErrBacklog
		}
		return ctx.Err()
	}})
	if err != nil {
		return f, err
	}
	bytes -= kept.expire(sc.End)
	f.Archives, f.Bytes, f.Steady = int64(kept.kept), bytes, sc.End-sc.Start > s.Retention
	f.ScheduleReport, f.Server = &r.Schedules[schedule], &r.Servers[s.Server]

	last := sc.Start
	gap := func(until int64) {
		if until-last > f.LongestGap {
			f.LongestGap, f.GapFrom = until-last, last
		}
		last = until
	}
	for due := range s.Expression.Between(s.Zone, sc.Start-1, sc.End-1) {
		if f.Due++; len(f.Next) < next {
			f.Next = append(f.Next, due)
		}
		gap(due)
	}
	gap(sc.End)
	return f, nil
}

// Started is how many due times make a backup, whatever becomes of it. One that waits at the end counts.
func (f *Forecast) Started() int64 { return f.Of(Completed) + f.Of(Failed) + f.Of(Unfinished) }
