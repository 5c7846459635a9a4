package backup

import "time"

// ActivityStatus is the status of an activity and of its steps [KB 07-03].
type ActivityStatus string

// The statuses.
const (
	ActivityQueued    ActivityStatus = "queued"
	ActivityRunning   ActivityStatus = "running"
	ActivityCompleted ActivityStatus = "completed"
	ActivityFailed    ActivityStatus = "failed"
)

// ActivityType says what was done.
type ActivityType string

// The types.
const (
	ActivityBackupCreate ActivityType = "backup.create"
	ActivityBackupDelete ActivityType = "backup.delete"
	// ActivityBackupSweep tells that what was left of a backup on its server is removed.
	ActivityBackupSweep  ActivityType = "backup.sweep"
	ActivityServerCreate ActivityType = "server.create"
	ActivityServerUpdate ActivityType = "server.update"
	ActivityServerDelete ActivityType = "server.delete"

	ActivityScheduleCreate ActivityType = "schedule.create"
	ActivityScheduleUpdate ActivityType = "schedule.update"
	ActivityScheduleDelete ActivityType = "schedule.delete"
	// ActivityScheduleLate tells that a run did not start when it was due.
	ActivityScheduleLate ActivityType = "schedule.late"
)

// Activity is one entry of the activity log.
type Activity struct {
	ID         ActivityID
	Type       ActivityType
	TargetID   string // of the backup, server or schedule it is about
	ServerID   ServerID
	Title      string // "Backup of web-1"
	Status     ActivityStatus
	Steps      []ActivityStep
	CreatedAt  time.Time
	FinishedAt time.Time // zero while it goes on
}

// ActivityStep is one step of an activity.
type ActivityStep struct {
	Name       string         `json:"name"`
	Status     ActivityStatus `json:"status"`
	StartedAt  time.Time      `json:"started_at,omitzero"`
	FinishedAt time.Time      `json:"finished_at,omitzero"`
}

// LogLine is one line of an activity's log.
type LogLine struct {
	Seq  int64
	At   time.Time
	Step string
	Text string
}

// Enter returns the steps with name running and everything running before it completed.
func Enter(steps []ActivityStep, name string, now time.Time) []ActivityStep {
	out := Settle(steps, ActivityCompleted, now)
	for i := range out {
		if out[i].Name == name {
			if out[i].StartedAt.IsZero() {
				out[i].StartedAt = now
			}
			out[i].Status, out[i].FinishedAt = ActivityRunning, time.Time{}
			return out
		}
	}
	return append(out, ActivityStep{Name: name, Status: ActivityRunning, StartedAt: now})
}

// Settle returns the steps with every running one ended with the status given.
func Settle(steps []ActivityStep, status ActivityStatus, now time.Time) []ActivityStep {
	out := append([]ActivityStep(nil), steps...)
	for i := range out {
		if out[i].Status == ActivityRunning {
			out[i].Status, out[i].FinishedAt = status, now
		}
	}
	return out
}
