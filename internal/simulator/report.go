package simulator

import (
	"slices"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// Report is what a simulation showed. Times are seconds since 1970 in UTC, 0 for none; sizes bytes.
type Report struct {
	Runs      int64  // due times for which something was started
	Hash      uint64 // of all events
	Totals    [6]int64
	Days      [][6]int64 // how many due times of each day, counted from the start, had each outcome; nil unless asked for
	Schedules []ScheduleReport
	Servers   []ServerReport
	Vaults    []VaultReport
}

// Of returns how many due times had an outcome.
func (r *Report) Of(o Outcome) int64 { return r.Totals[o] }

// days are counts of due times by day and outcome. A nil one counts nothing.
type days [][6]int64

func newDays(sc *Scenario) days { return make(days, (sc.End-sc.Start+day-1)/day) }

func (d days) count(start, due int64, o Outcome) {
	if d != nil {
		d[(due-start)/day][o]++
	}
}

func (d days) add(other days) {
	for i := range other {
		for o, n := range other[i] {
			d[i][o] += n
		}
	}
}

// ScheduleReport is what a simulation showed of a schedule.
type ScheduleReport struct {
	Outcomes [6]int64 // by Outcome
	Reasons  [reasons]int64
	Retries  int64

	classes *classes
	failed  []int64 // by number of the class
	unsent  []int64

	// Longest time at which the newest good backup was that old, and when that was; before the first one, since the
	// simulation began.
	MaxGap, MaxGapAt int64
	LastGood         int64 // when the newest good run ended
}

// reasons is one more than the last reason that a scheduler gives.
const reasons = scheduler.Changed + 1

// Of returns how many due times of the schedule had an outcome.
func (r *ScheduleReport) Of(o Outcome) int64 { return r.Outcomes[o] }

// Failed returns how many runs failed of each class, and Unsent how many completed without reaching their vault.
func (r *ScheduleReport) Failed() map[diagnosis.Class]int64 { return r.byClass(r.failed) }

// Unsent is described at Failed.
func (r *ScheduleReport) Unsent() map[diagnosis.Class]int64 { return r.byClass(r.unsent) }

// NotRun returns how many due times were skipped or missed for each reason.
func (r *ScheduleReport) NotRun() map[scheduler.Reason]int64 {
	counts := map[scheduler.Reason]int64{}
	for reason, n := range r.Reasons {
		if n > 0 {
			counts[scheduler.Reason(reason)] = n
		}
	}
	return counts
}

func (r *ScheduleReport) byClass(counts []int64) map[diagnosis.Class]int64 {
	named := map[diagnosis.Class]int64{}
	for class, n := range counts {
		if n > 0 {
			named[r.classes.names[class]] += n
		}
	}
	return named
}

func (r *ScheduleReport) count(outcome Outcome, class uint8, reason scheduler.Reason, tries int32) {
	r.Outcomes[outcome]++
	if tries > 1 {
		r.Retries += int64(tries - 1)
	}
	switch {
	case outcome == Failed:
		r.failed[class]++
	case class != 0:
		r.unsent[class]++
	case reason != scheduler.None:
		r.Reasons[reason]++
	}
}

// good notes that a good backup ended at t; the data of the one before was of the time since.
func (r *ScheduleReport) good(t, since int64) {
	r.gap(t, since)
	r.LastGood = t
}

func (r *ScheduleReport) gap(t, since int64) {
	if t-since > r.MaxGap {
		r.MaxGap, r.MaxGapAt = t-since, t
	}
}

// ServerReport is what a simulation showed of a server.
type ServerReport struct {
	Used       []int64    // of its disk, by all, at the end of each day
	PeakBytes  int64      // of its disk
	FullAt     int64      // when a backup met a full disk first
	Collisions int64      // runs that began while another was going on
	Hours      [168]int64 // runs by the hour of the week in which they began, from Monday 0:00 UTC on
}

// Busiest returns the hour of the week in which most runs began.
func (r *ServerReport) Busiest() int { return slices.Index(r.Hours[:], slices.Max(r.Hours[:])) }

func (r *ServerReport) begins(t int64, running int) {
	if running > 1 {
		r.Collisions++
	}
	const thursday = 3 * 24                  // 1970 began on one
	r.Hours[(uint64(t)/3600+thursday)%168]++ //nolint:gosec // not before 1970
}

func (r *ServerReport) full(t int64) {
	if r.FullAt == 0 {
		r.FullAt = t
	}
}

func (r *ServerReport) peak(s *serverState, t, start int64) {
	r.PeakBytes = max(r.PeakBytes, s.occupied(t, start))
}

func (r *ServerReport) sample(s *serverState, t, start int64) {
	r.peak(s, t, start)
	r.Used = append(r.Used, s.occupied(t, start))
}

// VaultReport is what a simulation showed of a vault.
type VaultReport struct {
	Bytes     []int64 // at the end of each day
	PeakBytes int64
}

// add adds what other servers have in a vault that has no limit. Its peak is then that of the ends of days.
func (r *VaultReport) add(o VaultReport) {
	if r.Bytes == nil {
		*r = o
		return
	}
	r.PeakBytes = 0
	for day := range r.Bytes {
		r.Bytes[day] += o.Bytes[day]
		r.PeakBytes = max(r.PeakBytes, r.Bytes[day])
	}
}
