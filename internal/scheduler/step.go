package scheduler

import (
	"slices"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// State is how far a schedule has come.
type State struct {
	Decided int64   // every due time up to it is decided, or owed
	Owed    []int64 // due times whose start waits, the oldest first; seldom more than one
	Back    int64   // when missed due times were last found. Jitter counts from it, so that what is owed is no herd
}

// World is what a decision depends on besides.
type World struct {
	Running int // runs of this schedule that are not finished, those that wait for a place on their server included
	// Free is how many places on the server nobody has or waits for. It counts only where there is a deadline: without
	// one, a run starts, and waits for its place.
	Free int
}

// Step decides all that can be decided now, appends it to dst and notes it in the state. due are the due times after
// s.Decided and up to now, in order, without a gap. Into how many calls the time is cut does not matter, as long as no
// start is later than Grace: what is later counts as missed.
func (p *Policy) Step(s *State, due []int64, now int64, w World, dst []Decision) []Decision {
	from := len(dst)
	if len(s.Owed) > 0 {
		dst = p.settle(s, now, &w, dst)
	}
	late := 0
	for late < len(due) && p.Start(due[late])+Grace < now {
		late++
	}
	if late > 0 {
		s.Decided = due[late-1]
		if dst = p.missed(s, due[:late], now, dst); p.Missed != MissedRunLatest { // else a due time that is punctual catches them up
			dst = p.settle(s, now, &w, dst)
		}
	}
	for _, d := range due[late:] {
		if p.Start(d) > now {
			break
		}
		s.Decided = d
		dst = p.punctual(s, d, &w, dst)
	}
	if late > 0 {
		nameTheRun(dst[from:])
		dst = p.settle(s, now, &w, dst)
	}
	return dst
}

// nameTheRun has those name the run that did their work whose catching-up run was itself caught up.
func nameTheRun(decided []Decision) {
	var newest, next Decision
	for i := len(decided) - 1; i >= 0; i-- {
		d := &decided[i]
		if d.Outcome != CaughtUp {
			continue
		}
		switch {
		case newest.Due == 0:
			newest = *d
		case d.By == newest.Due:
			d.By = newest.By
		case d.By == next.Due:
			d.By = next.By
		}
		next = *d
	}
}

// punctual decides a due time that has just come.
func (p *Policy) punctual(s *State, due int64, w *World, dst []Decision) []Decision {
	why, waits := p.blocked(due), len(s.Owed) > 0
	put := func() []Decision { s.Owed = append(s.Owed, due); return dst }
	switch {
	case why != None:
	case w.Running > 0 && p.Overlap != OverlapAllow:
		if p.Overlap == OverlapQueueOne && !waits {
			return put()
		}
		why = Overlapped
	case p.Deadline > 0 && w.Free <= 0:
		if !waits {
			return put()
		}
		why = Capacity
	case p.Jitter > 0 && p.shutUntil(p.Start(due)) > 0: // it was put off into a window
		if !waits {
			return put()
		}
		why = Overlapped
	}
	if why != None {
		return append(dst, Decision{Due: due, Outcome: Skip, Reason: why})
	}
	if waits && p.Missed == MissedRunLatest {
		dst = p.catchUp(s, due, dst)
	}
	return started(due, w, dst)
}

// missed decides due times at which nobody was there.
func (p *Policy) missed(s *State, due []int64, now int64, dst []Decision) []Decision {
	s.Back = now
	newest := p.newest(due, now)
	for _, d := range due {
		why := p.blocked(d)
		switch {
		case why != None:
			dst = append(dst, Decision{Due: d, Outcome: Skip, Reason: why})
		case p.Missed == MissedSkip:
			dst = append(dst, Decision{Due: d, Outcome: Miss, Reason: ControlPlaneDown})
		case p.Missed == MissedRunLatest && d < newest:
			dst = append(dst, Decision{Due: d, Outcome: CaughtUp, By: newest})
		case p.expired(d, now):
			dst = append(dst, Decision{Due: d, Outcome: Miss, Reason: DeadlinePassed})
		case p.Missed == MissedRunLatest:
			dst = p.catchUp(s, d, dst)
			s.Owed = append(s.Owed, d)
		default:
			s.Owed = append(s.Owed, d)
			if len(s.Owed) > max(p.Bound, 1) {
				dst = append(dst, Decision{Due: s.Owed[0], Outcome: CaughtUp, By: s.Owed[1]})
				s.Owed = slices.Delete(s.Owed, 0, 1)
			}
		}
	}
	return dst
}

// newest returns the newest of the due times that may be run still, 0 if none may.
func (p *Policy) newest(due []int64, now int64) int64 {
	for _, d := range slices.Backward(due) {
		if p.expired(d, now) {
			return 0
		}
		if p.blocked(d) == None {
			return d
		}
	}
	return 0
}

// settle decides what is owed, as far as nothing keeps it waiting.
func (p *Policy) settle(s *State, now int64, w *World, dst []Decision) []Decision {
	for len(s.Owed) > 0 {
		due := s.Owed[0]
		busy, full := w.Running > 0 && p.Overlap != OverlapAllow, p.Deadline > 0 && w.Free <= 0
		switch {
		case p.paused(now):
			dst = append(dst, Decision{Due: due, Outcome: Skip, Reason: Paused})
		case p.expired(due, now) && full && !busy:
			dst = append(dst, Decision{Due: due, Outcome: Skip, Reason: Capacity})
		case p.expired(due, now):
			dst = append(dst, Decision{Due: due, Outcome: Miss, Reason: DeadlinePassed})
		case busy, full, p.resume(s, due) > now, p.shutUntil(now) > 0:
			return dst
		default:
			dst = started(due, w, dst)
		}
		s.Owed = slices.Delete(s.Owed, 0, 1)
	}
	return dst
}

// Drop decides every due time up to now without starting any: the schedule's times are about to change, and what was
// due by the old ones must not run by the new ones. due are the due times after s.Decided and up to now.
func (p *Policy) Drop(s *State, due []int64, now int64, dst []Decision) []Decision {
	for _, d := range s.Owed {
		dst = append(dst, Decision{Due: d, Outcome: Miss, Reason: Changed})
	}
	for _, d := range due {
		if why := p.blocked(d); why != None {
			dst = append(dst, Decision{Due: d, Outcome: Skip, Reason: why})
		} else {
			dst = append(dst, Decision{Due: d, Outcome: Miss, Reason: Changed})
		}
	}
	s.Owed, s.Decided = nil, now
	return dst
}

// Wake returns when Step has something to decide again, 0 for never: next is the next due time after s.Decided, 0 if
// there is none. What waits for the end of a run or for a place is to be looked at when a run has ended, besides.
func (p *Policy) Wake(s *State, next, now int64) (wake int64) {
	sooner := func(t int64) {
		if t > 0 && (wake == 0 || t < wake) {
			wake = t
		}
	}
	if next > 0 {
		sooner(p.Start(next))
	}
	for _, due := range s.Owed {
		if p.Deadline > 0 {
			sooner(due + p.Deadline + 1)
		}
		if at := max(p.resume(s, due), p.shutUntil(now)); at > now {
			sooner(at)
		}
	}
	return wake
}

// expired reports whether a due time must not start any more.
func (p *Policy) expired(due, now int64) bool { return p.Deadline > 0 && now > due+p.Deadline }

// resume returns when what is owed may start.
func (p *Policy) resume(s *State, due int64) int64 {
	if s.Back <= due { // it was not missed: it waits for something else
		return 0
	}
	return s.Back + p.Start(due) - due
}

// catchUp decides that the run for a due time does the work of all that is owed.
func (p *Policy) catchUp(s *State, by int64, dst []Decision) []Decision {
	for _, d := range s.Owed {
		dst = append(dst, Decision{Due: d, Outcome: CaughtUp, By: by})
	}
	s.Owed = s.Owed[:0]
	return dst
}

func started(due int64, w *World, dst []Decision) []Decision {
	w.Running++
	w.Free--
	return append(dst, Decision{Due: due, Outcome: Start})
}

// step by which an outage is walked through, in seconds: what is in it at a time is 345 kB at most.
const stride = 30 * 24 * 3600

// MostDecided is how many due times of an outage get a decision each; the older ones get one together.
const MostDecided = 1000

// Due appends the due times after s.Decided and up to now to dst. Of more than most it appends the newest, and the others
// get one decision together, so that an outage of years over a schedule of minutes leaves a record that can be kept and
// read. Its Count is 0 where there is nothing to say.
func (p *Policy) Due(s *State, e *cron.Expression, z *cron.Zone, now int64, most int, dst []int64) (due []int64, older Decision) {
	from := len(dst)
	for after := s.Decided; after < now; {
		until := min(after+stride, now)
		dst, after = e.AppendBetween(dst, z, after, until), until
		extra := len(dst) - from - most
		if extra <= 0 {
			continue
		}
		if older.Count == 0 {
			older.Due = dst[from]
		}
		older.Last, older.Count = dst[from+extra-1], older.Count+int64(extra)
		dst = slices.Delete(dst, from, from+extra)
	}
	if older.Count > 0 {
		older.Outcome, older.Reason = p.Together(older.Due, older.Last)
		s.Decided = older.Last
	}
	return dst, older
}

// Together is what becomes of so many due times of an outage that they get one decision, of which these are the first and the
// last.
func (p *Policy) Together(first, last int64) (Outcome, Reason) {
	if p.paused(first) && p.paused(last) {
		return Skip, Paused
	}
	return Miss, ControlPlaneDown
}
