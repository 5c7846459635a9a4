package backup

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// Overlap says what to do at a due time while an earlier run of the schedule goes on.
type Overlap string

// The overlap policies.
const (
	OverlapSkip     Overlap = "skip"      // leave it out
	OverlapQueueOne Overlap = "queue_one" // let one wait
	OverlapAllow    Overlap = "allow"     // start beside it
)

// MissedRuns says what to do about due times at which nobody was there.
type MissedRuns string

// The missed-run policies.
const (
	MissedRunLatest MissedRuns = "run_latest" // one run, for the newest
	MissedSkip      MissedRuns = "skip"       // none
	MissedRunAll    MissedRuns = "run_all"    // the newest MaxMissedRuns, one after another
)

// Bounds and default of the policies.
const (
	DefaultMaxMissedRuns = 10
	maxMissedRuns        = 100
	minStartDeadline     = time.Minute // as late as a punctual start may be
	maxStartDeadline     = 7 * 24 * time.Hour
	maxJitter            = 6 * time.Hour
	maxWindows           = 32
	maxWindowMinutes     = 7 * 24 * 60
	maxPauseReason       = 200
)

// SchedulePolicy is how due times are handled that cannot simply start.
type SchedulePolicy struct {
	Overlap       Overlap
	MissedRuns    MissedRuns
	MaxMissedRuns int           // of MissedRunAll
	StartDeadline time.Duration // after a due time, when it must not start any more; 0: none
	Jitter        time.Duration // longest time by which a start is put off
	Blackouts     []Window      // times in which nothing is due
}

// DefaultSchedulePolicy returns the policy of whoever names none.
func DefaultSchedulePolicy() SchedulePolicy {
	return SchedulePolicy{Overlap: OverlapSkip, MissedRuns: MissedRunLatest, MaxMissedRuns: DefaultMaxMissedRuns}
}

// Window is a time that comes again and again: it opens when its expression is due, and lasts.
type Window struct {
	Cron            string `json:"cron" doc:"When it opens: five fields"`
	DurationMinutes int    `json:"duration_minutes" doc:"How long it lasts, 1 to 10080"`
	Timezone        string `json:"timezone,omitempty" doc:"IANA name; UTC if left out"`
}

// Zone is the time zone of the window.
func (w Window) Zone() string {
	if w.Timezone == "" {
		return DefaultTimezone
	}
	return w.Timezone
}

var policyRules = []Rule[ScheduleSpec]{
	{[]string{"overlap"}, func(s ScheduleSpec) []Finding {
		return oneOf("overlap", "Invalid overlap policy", string(s.Overlap), string(OverlapSkip), string(OverlapQueueOne), string(OverlapAllow))
	}},
	{[]string{"missed_runs"}, func(s ScheduleSpec) []Finding {
		return oneOf("missed_runs", "Invalid missed-run policy", string(s.MissedRuns), string(MissedRunLatest), string(MissedSkip), string(MissedRunAll))
	}},
	{[]string{"max_missed_runs"}, func(s ScheduleSpec) []Finding {
		return outside("max_missed_runs", "Invalid number of missed runs", s.MaxMissedRuns, maxMissedRuns, "", `To make none of them, set missed_runs = "skip".`)
	}},
	{[]string{"starting_deadline_seconds", "jitter_seconds"}, checkDeadline},
	{[]string{"blackout_windows"}, func(s ScheduleSpec) []Finding { return CheckWindows("blackout_windows", s.Blackouts) }},
	{[]string{"paused", "pause_reason", "paused_until"}, checkPause},
}

func checkDeadline(s ScheduleSpec) (found []Finding) {
	deadline, jitter := int(s.StartDeadline/time.Second), int(s.Jitter/time.Second)
	if low, high := int(minStartDeadline/time.Second), int(maxStartDeadline/time.Second); deadline != 0 && (deadline < low || deadline > high) {
		found = append(found, invalid("starting_deadline_seconds", "Invalid starting deadline",
			fmt.Sprintf("starting_deadline_seconds is %d; allowed are %d to %d, or 0 for none.", deadline, low, high), "")...)
	}
	if high := int(maxJitter / time.Second); jitter < 0 || jitter > high {
		return append(found, invalid("jitter_seconds", "Invalid jitter", fmt.Sprintf("jitter_seconds is %d; allowed are 0 to %d.", jitter, high), "")...)
	}
	if found == nil && deadline != 0 && jitter >= deadline {
		return invalid("jitter_seconds", "The jitter passes the starting deadline",
			fmt.Sprintf("jitter_seconds is %d and starting_deadline_seconds is %d: a start could be put off until it is too late.", jitter, deadline),
			"Make the deadline longer than the jitter.")
	}
	return found
}

// CheckWindows checks the windows in which no backup starts.
func CheckWindows(path string, windows []Window) (found []Finding) {
	if len(windows) > maxWindows {
		return invalid(path, "Too many windows", fmt.Sprintf("%s holds %d windows; allowed are 0 to %d.", path, len(windows), maxWindows), "Join them: a cron field takes lists and ranges.")
	}
	for i, w := range windows {
		at := fmt.Sprintf("%s.%d.", path, i)
		if _, err := cron.Parse(w.Cron, "window"); err != nil {
			found = append(found, invalid(at+"cron", "Invalid cron expression of a window", sentence(err.Error()), "")...)
		}
		if w.DurationMinutes < 1 || w.DurationMinutes > maxWindowMinutes {
			found = append(found, invalid(at+"duration_minutes", "Invalid duration of a window",
				fmt.Sprintf("duration_minutes is %d; allowed are 1 to %d.", w.DurationMinutes, maxWindowMinutes), "To have no backups at all, pause the schedule.")...)
		}
		if _, err := cron.LoadZone(w.Zone()); err != nil {
			found = append(found, invalid(at+"timezone", "Invalid time zone of a window", sentence(err.Error()), "Name one as the IANA zone database does, such as Europe/Berlin.")...)
		}
	}
	return found
}

func checkPause(s ScheduleSpec) []Finding {
	for _, given := range []struct {
		path string
		yes  bool
	}{{"pause_reason", s.PauseReason != ""}, {"paused_until", !s.PausedUntil.IsZero()}} {
		if given.yes && !s.Paused {
			return invalid(given.path, "The schedule is not paused", given.path+" is given, and paused is false.", "Set paused = true, or remove "+given.path+".")
		}
	}
	n := utf8.RuneCountInString(s.PauseReason)
	for _, r := range s.PauseReason {
		if unicode.IsControl(r) {
			n = maxPauseReason + 1
		}
	}
	if n > maxPauseReason {
		return invalid("pause_reason", "Invalid reason of a pause",
			fmt.Sprintf("%q is no reason: one line of at most %d characters.", Excerpt(s.PauseReason, 80), maxPauseReason), "")
	}
	return nil
}
