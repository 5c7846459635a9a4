package scheduler

import (
	"math/bits"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// Overlap says what to do at a due time while an earlier run of the schedule goes on.
type Overlap uint8

// The overlap policies.
const (
	OverlapSkip     Overlap = iota // leave it out
	OverlapQueueOne                // let one wait for the end of the run; leave out those that come meanwhile
	OverlapAllow                   // start beside it
)

// Missed says what to do about due times at which nobody was there to start anything.
type Missed uint8

// The missed-run policies.
const (
	MissedRunLatest Missed = iota // one run for the newest; it catches up the older ones
	MissedSkip                    // none
	MissedRunAll                  // all, the newest Policy.Bound of them, one after another
)

// Grace is how late a start may be, in seconds, before its due time counts as missed.
const Grace = 60

// Policy is how a schedule wishes its due times to be handled. It belongs to one goroutine: its windows remember where
// they looked last.
type Policy struct {
	Overlap  Overlap
	Missed   Missed
	Bound    int   // of MissedRunAll, at least 1
	Deadline int64 // seconds after a due time, when it must not start any more; 0: none
	Jitter   int64 // longest seconds by which a start is put off
	Seed     uint64

	Paused      bool
	PausedUntil int64 // due times from then on are not paused; 0: without end

	Blackouts   []Window // of the schedule
	Maintenance []Window // of its server
}

// Start returns when a due time's run starts, where nothing stands in its way.
func (p *Policy) Start(due int64) int64 {
	if p.Jitter <= 0 {
		return due
	}
	put, _ := bits.Mul64(Chance(p.Seed, due), uint64(p.Jitter+1))
	return due + int64(put) //nolint:gosec // at most jitter
}

func (p *Policy) paused(t int64) bool { return p.Paused && (p.PausedUntil == 0 || t < p.PausedUntil) }

// blocked returns why no run is due at a due time that would otherwise be.
func (p *Policy) blocked(due int64) Reason {
	switch {
	case p.paused(due):
		return Paused
	case closedAt(p.Blackouts, due) != 0:
		return Blackout
	case closedAt(p.Maintenance, due) != 0:
		return Maintenance
	}
	return None
}

// shutUntil returns when the last of the windows ends in which t lies, 0 if it lies in none. What is owed waits until then.
func (p *Policy) shutUntil(t int64) int64 {
	return max(closedAt(p.Blackouts, t), closedAt(p.Maintenance, t))
}

// Window is a time that comes again and again: it opens when an expression is due, and lasts.
type Window struct {
	expression cron.Expression
	zone       *cron.Zone
	seconds    int64

	from, until int64 // where the answer is known, and
	inside      bool  // the answer
}

// NewWindow returns the window that opens when e is due in the zone, and lasts so many seconds.
func NewWindow(e cron.Expression, z *cron.Zone, seconds int64) Window {
	return Window{expression: e, zone: z, seconds: seconds}
}

// Contains reports whether the window is open at t. One that opens again before it ends is open all the while.
func (w *Window) Contains(t int64) bool {
	if t < w.from || t >= w.until {
		w.look(t)
	}
	return w.inside
}

func (w *Window) look(t int64) {
	opens, ok := w.expression.NextUnix(w.zone, t-w.seconds)
	switch {
	case !ok:
		w.from, w.until, w.inside = t, 1<<62, false
	case opens <= t:
		w.from, w.until, w.inside = opens, opens+w.seconds, true
	default:
		w.from, w.until, w.inside = t, opens, false
	}
}

// closedAt returns when the longest of the windows that contain t ends, as far as is known at t, or 0.
func closedAt(windows []Window, t int64) (until int64) {
	for i := range windows {
		if w := &windows[i]; w.Contains(t) {
			until = max(until, w.until)
		}
	}
	return until
}
