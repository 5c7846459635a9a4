package backup

import "time"

// RunOutcome is what became of a due time of a schedule.
type RunOutcome string

// The outcomes.
const (
	RunStarted  RunOutcome = "started"   // a backup was made for it, whatever became of that
	RunSkipped  RunOutcome = "skipped"   // left out on purpose
	RunMissed   RunOutcome = "missed"    // it should have run, and did not
	RunCaughtUp RunOutcome = "caught_up" // the run for a later due time did its work
)

// RunOutcomes lists all of them.
var RunOutcomes = []RunOutcome{RunStarted, RunSkipped, RunMissed, RunCaughtUp}

// RunReason says why a due time was skipped or missed.
type RunReason string

// The reasons: the first five of what was skipped, the others of what was missed.
const (
	RunOverlap     RunReason = "overlap"     // an earlier run went on
	RunPaused      RunReason = "paused"      // the schedule was paused
	RunBlackout    RunReason = "blackout"    // in a window of the schedule
	RunMaintenance RunReason = "maintenance" // in a window of the server
	RunCapacity    RunReason = "capacity"    // its server had no place before its deadline

	RunControlPlaneDown RunReason = "control_plane_down" // nobody was there to start it
	RunDeadlinePassed   RunReason = "deadline_passed"    // it could have been started only after its deadline
	RunServerOffline    RunReason = "server_offline"     // the server could not be reached
	RunRescheduled      RunReason = "rescheduled"        // the schedule's times were changed before it started
)

// RunReasons are those that an outcome may have.
var RunReasons = map[RunOutcome][]RunReason{
	RunStarted: {""}, RunCaughtUp: {""},
	RunSkipped: {RunOverlap, RunPaused, RunBlackout, RunMaintenance, RunCapacity},
	RunMissed:  {RunControlPlaneDown, RunDeadlinePassed, RunServerOffline, RunRescheduled},
}

// Run is the record of one due time: every due time of a schedule leaves exactly one.
type Run struct {
	ScheduleID ScheduleID
	DueAt      time.Time
	Outcome    RunOutcome
	Reason     RunReason // of skipped and missed
	BackupID   ID        // of started, and of missed where the server was offline
	CaughtUpBy time.Time // of caught_up: the due time whose run did its work
	// LastAt and Count tell of a record that covers several due times, from DueAt to LastAt: the oldest of an outage
	// that lasted for more than a thousand of them. LastAt is DueAt, and Count 1, in all others.
	LastAt    time.Time
	Count     int64
	DecidedAt time.Time // when it was written
}
