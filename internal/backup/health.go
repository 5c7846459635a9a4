package backup

import (
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// HealthRuns is how many records of due times the health of a schedule is judged by.
const HealthRuns = 10

// Standing is what is known about a schedule at a time, to judge its health by.
type Standing struct {
	Schedule   Schedule
	ServerName string
	Runs       []Run         // its newest records, newest first, at most HealthRuns
	Backups    map[ID]Backup // those that the records name
	LastGood   *Backup       // the newest completed one that is not deleted; nil where there is none

	NotRun       []Finding // what is to be said where no dispatcher is there
	Grace        time.Duration
	BeginsWithin time.Duration // how long after its due time a backup may wait for its place

	Now time.Time
}

// Health is the judgement on a schedule: the questions of the playbook's step 4 [KB 12-06], with their answers.
type Health struct {
	Verdict Verdict
	Checks  []Check
	NextDue time.Time // zero where it is not due any more, or that is not known
}

// healthChecks are the questions, in their order.
var healthChecks = []struct {
	name string
	ask  func(*examination) Check
}{
	{"dispatcher_running", (*examination).dispatcher},
	{"active", (*examination).active},
	{"cron_valid", (*examination).cron},
	{"next_run_valid", (*examination).nextRun},
	{"last_attempt", (*examination).lastAttempt},
	{"server_reachable_at_due_times", (*examination).reachable},
	{"not_overdue", (*examination).overdue},
	{"retention_covers_gap", (*examination).retention},
}

// HealthChecks names them.
func HealthChecks() []string {
	names := make([]string, len(healthChecks))
	for i, c := range healthChecks {
		names[i] = c.name
	}
	return names
}

// Judge answers the questions about a schedule. The answer depends on its argument alone, and changes when something happens: no
// text counts the minutes, so that whoever shows it in an output has no change in every plan.
func Judge(s Standing) Health {
	x := examine(s)
	h := Health{NextDue: x.next, Checks: make([]Check, len(healthChecks))}
	for i, c := range healthChecks {
		h.Checks[i] = c.ask(x)
		h.Checks[i].Name = c.name
	}
	h.Verdict = VerdictOf(h.Checks)
	return h
}

// examination is a standing with what several questions need.
type examination struct {
	Standing

	expression cron.Expression
	zone       *cron.Zone
	invalid    error     // of the expression or the zone
	next       time.Time // when it is due next, due times of a pause left out
	attempts   []attempt // newest first
}

// attempt is a due time for which a backup was asked for.
type attempt struct {
	Run
	backup Backup
}

func examine(s Standing) *examination {
	x := &examination{Standing: s}
	if x.expression, x.invalid = cron.Parse(s.Schedule.Cron, s.ServerName+"/"+s.Schedule.Name); x.invalid == nil {
		x.zone, x.invalid = cron.LoadZone(s.Schedule.Timezone)
	}
	if x.invalid == nil && !x.endlesslyPaused() {
		from := s.Now
		if x.paused() {
			from = s.Schedule.PausedUntil.Add(-time.Second) // the due time at its end is not paused any more
		}
		x.next, _ = x.expression.Next(x.zone, from)
	}
	for _, r := range s.Runs {
		if b, ok := s.Backups[r.BackupID]; ok {
			x.attempts = append(x.attempts, attempt{r, b})
		}
	}
	return x
}

func (x *examination) paused() bool { return x.Schedule.PausedAt(x.Now) }

func (x *examination) endlesslyPaused() bool { return x.paused() && x.Schedule.PausedUntil.IsZero() }

// at writes a time as the schedule's people read it.
func (x *examination) at(t time.Time) string {
	if x.zone != nil {
		t = t.In(x.zone.Location())
	}
	return t.Format(time.RFC3339)
}

func ok(format string, args ...any) Check {
	return Check{Status: CheckOK, Evidence: fmt.Sprintf(format, args...)}
}

func skipped(why string) Check { return Check{Status: CheckSkipped, Evidence: why} }

func (x *examination) dispatcher() Check {
	if len(x.NotRun) == 0 {
		return ok("A control plane that runs schedules is there.")
	}
	f := x.NotRun[0]
	return Check{Status: CheckFailed, Evidence: f.Detail, Code: f.Code, Fix: []string{f.Fix}}
}

func (x *examination) active() Check {
	if !x.paused() {
		return ok("It is active.")
	}
	evidence := "It is paused"
	if !x.Schedule.PausedUntil.IsZero() {
		evidence += " until " + x.at(x.Schedule.PausedUntil)
	}
	if x.Schedule.PauseReason != "" {
		evidence += ", because: " + x.Schedule.PauseReason
	}
	return Check{Status: CheckWarning, Evidence: sentence(evidence), Code: CodePaused,
		Fix: []string{"To resume it, set paused = false in its configuration, or run: cloudaipilot schedule resume " + x.ServerName + "/" + x.Schedule.Name}}
}

func (x *examination) cron() Check {
	if x.invalid != nil {
		return Check{Status: CheckFailed, Evidence: sentence(x.invalid.Error()), Code: CodeInvalidArgument, Fix: []string{"Correct cron or timezone of the schedule."}}
	}
	return ok("%s, in %s.", x.expression.Describe(), x.zone.Name())
}

func (x *examination) nextRun() Check {
	switch {
	case x.invalid != nil:
		return skipped("Its times are not valid: see cron_valid.")
	case x.endlesslyPaused():
		return skipped("It is paused, without an end.")
	case x.next.IsZero():
		return Check{Status: CheckFailed, Evidence: "It is not due any more up to the end of 2200.", Code: CodeInvalidArgument, Fix: []string{"Correct cron of the schedule."}}
	}
	return ok("It is due next at %s.", x.at(x.next))
}

func (x *examination) lastAttempt() Check {
	underWay := ""
	for _, a := range x.attempts {
		due := x.at(a.DueAt)
		switch a.backup.Status {
		case StatusCompleted:
			return ok("%sBackup %s of %s is completed.", underWay, a.BackupID, due)
		case StatusFailed:
			return Check{Status: CheckFailed, Evidence: fmt.Sprintf("%sBackup %s of %s failed.", underWay, a.BackupID, due), Failure: a.backup.Failure}
		case StatusPending, StatusRunning:
			if underWay == "" {
				underWay = fmt.Sprintf("Backup %s of %s is %s. ", a.BackupID, due, a.backup.Status)
			}
		}
	}
	switch {
	case underWay != "":
		return ok("%sIt is the first.", underWay)
	case len(x.Runs) > 0:
		return skipped("At none of its last due times a backup was asked for.")
	}
	return skipped("It was not due yet.")
}

func (x *examination) reachable() Check {
	var tried int
	var offline []attempt
	for _, a := range x.attempts {
		if !a.backup.Status.Finished() {
			continue
		}
		if tried++; a.backup.Failure != nil && a.backup.Failure.Offline() {
			if tried == 1 {
				return Check{Status: CheckFailed, Evidence: fmt.Sprintf("The server could not be reached at %s, when it was due last.", x.at(a.DueAt)), Failure: a.backup.Failure}
			}
			offline = append(offline, a)
		}
	}
	switch {
	case tried == 0:
		return skipped("No backup that it asked for is finished yet.")
	case len(offline) == 0:
		return ok("The server was reached for the last %s.", counted(int64(tried), "backup"))
	}
	return Check{Status: CheckWarning, Failure: offline[0].backup.Failure,
		Evidence: fmt.Sprintf("The server could not be reached for %d of the last %d backups, at %s the last time; it was since.", len(offline), tried, x.at(offline[0].DueAt))}
}

// runsMissed say why a due time was missed.
var runsMissed = map[RunReason]string{
	RunControlPlaneDown: "no control plane was there to start it",
	RunDeadlinePassed:   "it could not be started within the starting deadline",
}

// runsWaited say for what a due time was left out that should have run.
var runsWaited = map[RunReason]string{
	RunOverlap:  "an earlier run went on",
	RunCapacity: "its server had no place for another backup",
}

func (x *examination) overdue() Check {
	if x.invalid != nil {
		return skipped("Its times are not valid: see cron_valid.")
	}
	if x.paused() {
		return skipped("It is paused.")
	}
	if c, found := x.forgotten(); found {
		return c
	}
	if len(x.Runs) == 0 {
		return ok("It was not due yet.")
	}
	last := x.Runs[0]
	if why, missed := runsMissed[last.Reason]; missed && last.Outcome == RunMissed {
		return Check{Status: CheckFailed, Evidence: fmt.Sprintf("The run of %s was missed: %s.", x.at(last.LastAt), why), Code: CodeOverdue, Fix: []string{x.runNow()}}
	}
	if why, waited := runsWaited[last.Reason]; waited && last.Outcome == RunSkipped {
		return Check{Status: CheckWarning, Evidence: fmt.Sprintf("The run of %s was left out: %s.", x.at(last.LastAt), why), Code: CodeOverdue,
			Fix: []string{"Choose times further apart, raise max_concurrent_backups of the server, or let one run wait with overlap = \"queue_one\"."}}
	}
	return ok("The due time %s was dealt with, and no later one has passed.", x.at(last.LastAt))
}

// forgotten finds due times of which nothing came, and runs that have not begun for long.
func (x *examination) forgotten() (Check, bool) {
	failed := func(format string, args ...any) (Check, bool) {
		return Check{Status: CheckFailed, Evidence: fmt.Sprintf(format, args...), Code: CodeOverdue, Fix: []string{x.runNow()}}, true
	}
	since := x.Schedule.Timing.DecidedUntil
	if since.IsZero() {
		since = x.Schedule.CreatedAt
	}
	if due, found := x.expression.Next(x.zone, since); found && due.Add(x.Schedule.Jitter+x.Grace).Before(x.Now) {
		return failed("It was due at %s, and nothing came of it.", x.at(due))
	}
	if owed := x.Schedule.Timing.Owed; len(owed) > 0 && owed[0].Add(x.Schedule.Jitter+x.Grace).Before(x.Now) {
		return Check{Status: CheckWarning, Code: CodeOverdue,
			Evidence: fmt.Sprintf("The run of %s waits: for the end of an earlier one, of a window, or for a place on its server.", x.at(owed[0]))}, true
	}
	if len(x.attempts) > 0 {
		if a := x.attempts[0]; a.backup.Status == StatusPending && a.backup.CreatedAt.Add(x.BeginsWithin).Before(x.Now) {
			return failed("Backup %s of %s has not begun yet.", a.BackupID, x.at(a.DueAt))
		}
	}
	return Check{}, false
}

func (x *examination) runNow() string {
	return "See dispatcher_running. Not to wait for the next due time, run: cloudaipilot backup run " + x.ServerName
}

func (x *examination) retention() Check {
	gap, known := GapOf(x.Schedule.ScheduleSpec)
	if !known {
		return skipped("Its times are not valid: see cron_valid.")
	}
	good := x.LastGood
	switch {
	case good == nil && x.hasFailed():
		return Check{Status: CheckFailed, Evidence: "There is no good backup of this schedule at present.", Code: CodeRetentionGap, Fix: []string{"See last_attempt."}}
	case good != nil && !x.Now.Before(good.ExpiresAt):
		return Check{Status: CheckFailed, Evidence: fmt.Sprintf("The newest good backup, %s, expired at %s.", good.ID, x.at(good.ExpiresAt)), Code: CodeRetentionGap, Fix: []string{gap.Fix()}}
	case !gap.Covered:
		return Check{Status: CheckWarning, Evidence: fmt.Sprintf("Each backup is kept for %s, and %s.", counted(int64(x.Schedule.RetentionDays), "day"), gap), Code: CodeRetentionGap, Fix: []string{gap.Fix()}}
	case good == nil:
		return ok("Each backup is kept for %s, and two runs are at most %s apart. There is none yet.", counted(int64(x.Schedule.RetentionDays), "day"), Roughly(gap.Longest))
	case !x.next.IsZero() && !good.ExpiresAt.After(x.next):
		return Check{Status: CheckWarning, Evidence: fmt.Sprintf("The newest good backup, %s, expires at %s, and the next run is at %s.", good.ID, x.at(good.ExpiresAt), x.at(x.next)), Code: CodeRetentionGap,
			Fix: []string{"Make a backup before: cloudaipilot backup run " + x.ServerName}}
	}
	return ok("The newest good backup, %s, is kept until %s, and two runs are at most %s apart.", good.ID, x.at(good.ExpiresAt), Roughly(gap.Longest))
}

// hasFailed reports whether a run should have left a backup by now and did not.
func (x *examination) hasFailed() bool {
	for _, r := range x.Runs {
		if r.Outcome == RunMissed || x.Backups[r.BackupID].Status == StatusFailed {
			return true
		}
	}
	return false
}
