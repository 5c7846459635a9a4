package scheduler

import (
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// Timetable is when a schedule is due, and how its due times are handled.
type Timetable struct {
	Expression cron.Expression
	Zone       *cron.Zone
	Policy     Policy
}

var (
	overlaps = map[backup.Overlap]Overlap{backup.OverlapSkip: OverlapSkip, backup.OverlapQueueOne: OverlapQueueOne, backup.OverlapAllow: OverlapAllow}
	missed   = map[backup.MissedRuns]Missed{backup.MissedRunLatest: MissedRunLatest, backup.MissedSkip: MissedSkip, backup.MissedRunAll: MissedRunAll}
)

// TimetableOf translates the settings of a schedule and its server. Those that keep the domain's rules give no error.
func TimetableOf(s backup.ScheduleSpec, server backup.ServerSpec) (t Timetable, err error) {
	seed := server.Name + "/" + s.Name
	if t.Expression, err = cron.Parse(s.Cron, seed); err != nil {
		return t, err
	}
	if t.Zone, err = cron.LoadZone(s.Timezone); err != nil {
		return t, err
	}
	t.Policy = Policy{Overlap: overlaps[s.Overlap], Missed: missed[s.MissedRuns], Bound: s.MaxMissedRuns,
		Deadline: int64(s.StartDeadline / time.Second), Jitter: int64(s.Jitter / time.Second), Seed: Seed(seed), Paused: s.Paused}
	if !s.PausedUntil.IsZero() {
		t.Policy.PausedUntil = s.PausedUntil.Unix()
	}
	if t.Policy.Blackouts, err = windowsOf(s.Blackouts); err != nil {
		return t, err
	}
	t.Policy.Maintenance, err = windowsOf(server.MaintenanceWindows)
	return t, err
}

func windowsOf(windows []backup.Window) (out []Window, err error) {
	for _, w := range windows {
		e, err := cron.Parse(w.Cron, "window")
		if err != nil {
			return nil, err
		}
		zone, err := cron.LoadZone(w.Zone())
		if err != nil {
			return nil, err
		}
		out = append(out, NewWindow(e, zone, int64(w.DurationMinutes)*60))
	}
	return out, nil
}
