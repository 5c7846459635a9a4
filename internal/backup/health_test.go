package backup

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// judgedAt is noon of the day that the tests of health speak of.
var judgedAt = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// ran is the record of the due time so many days before judgedAt, at 03:00, and its backup.
func (s *Standing) ran(daysAgo int, status Status, failure *Failure) {
	due := time.Date(2026, 3, 10-daysAgo, 3, 0, 0, 0, time.UTC)
	id := ID(fmt.Sprintf("bk_%d", daysAgo))
	b := Backup{ID: id, Spec: s.Schedule.Spec, Status: status, Failure: failure, CreatedAt: due, DueAt: due, ExpiresAt: ExpiryOf(due, s.Schedule.RetentionDays)}
	r := Run{DueAt: due, LastAt: due, Count: 1, Outcome: RunStarted, BackupID: id}
	if failure != nil && failure.Offline() {
		r.Outcome, r.Reason = RunMissed, RunServerOffline
	}
	s.Runs, s.Backups[id] = append(s.Runs, r), b
	if status == StatusCompleted && s.LastGood == nil {
		s.LastGood = &b
	}
}

// noRun is the record of a due time that no backup was asked for.
func (s *Standing) noRun(daysAgo int, outcome RunOutcome, reason RunReason) {
	due := time.Date(2026, 3, 10-daysAgo, 3, 0, 0, 0, time.UTC)
	s.Runs = append(s.Runs, Run{DueAt: due, LastAt: due, Count: 1, Outcome: outcome, Reason: reason})
}

func newStanding() *Standing {
	spec := DefaultScheduleSpec()
	spec.Name, spec.Cron = "nightly", "0 3 * * *"
	created := judgedAt.AddDate(0, 0, -30)
	return &Standing{Schedule: Schedule{ScheduleSpec: spec, CreatedAt: created, UpdatedAt: created, Timing: Timing{DecidedUntil: judgedAt.Add(-time.Minute)}},
		ServerName: "web-1", Backups: map[ID]Backup{}, Grace: time.Minute, BeginsWithin: 15 * time.Minute, Now: judgedAt}
}

var (
	unreached  = &Failure{Stage: StageConnect, Fact: FactTimeout}
	diskFilled = &Failure{Stage: StageArchive, Fact: FactToolFailed, Output: "tar: No space left on device"}
)

func TestHealthAnswersThePlaybooksQuestions(t *testing.T) {
	t.Parallel()
	all := func(s *Standing, status Status, failure *Failure) {
		for day := range 3 {
			s.ran(day, status, failure)
		}
	}
	good := func(s *Standing) { all(s, StatusCompleted, nil) }
	tests := map[string]struct {
		make    func(*Standing)
		verdict Verdict
		want    map[string]string // answers that are not ok, and a part of their evidence
	}{
		"all is well": {good, VerdictHealthy, nil},
		"it is new": {func(s *Standing) { s.Schedule.CreatedAt = judgedAt.Add(-time.Hour) }, VerdictHealthy,
			map[string]string{"last_attempt": "skipped: It was not due yet.", "server_reachable_at_due_times": "skipped: No backup"}},
		"the first run goes on": {func(s *Standing) { s.ran(0, StatusRunning, nil) }, VerdictHealthy, map[string]string{"server_reachable_at_due_times": "skipped: "}},
		"nobody dispatches": {func(s *Standing) {
			good(s)
			s.NotRun = []Finding{{Detail: "None ever did.", Fix: "Run one.", Code: CodeNotDispatched}}
		}, VerdictUnhealthy, map[string]string{"dispatcher_running": "failed: None ever did. [DISPATCHER_NOT_RUNNING] Run one."}},
		"paused": {func(s *Standing) {
			good(s)
			s.Schedule.Paused, s.Schedule.PauseReason = true, "the disk is being grown"
		}, VerdictWarning, map[string]string{
			"active":         "warning: It is paused, because: the disk is being grown. [SCHEDULE_PAUSED] To resume it, set paused = false in its configuration, or run: cloudaipilot schedule resume web-1/nightly",
			"next_run_valid": "skipped: It is paused, without an end.", "not_overdue": "skipped: It is paused."}},
		"paused for a while": {func(s *Standing) {
			good(s)
			s.Schedule.Paused, s.Schedule.PausedUntil = true, judgedAt.AddDate(0, 0, 2)
		}, VerdictWarning, map[string]string{"active": "warning: It is paused until 2026-03-12T12:00:00Z.", "not_overdue": "skipped: "}},
		"the pause is over": {func(s *Standing) {
			good(s)
			s.Schedule.Paused, s.Schedule.PausedUntil = true, judgedAt.Add(-time.Hour)
		}, VerdictHealthy, nil},
		"a bad expression": {func(s *Standing) { good(s); s.Schedule.Cron = "0 3 32 * *" }, VerdictUnhealthy, map[string]string{
			"cron_valid": "failed: day of the month 32 is out of range", "next_run_valid": "skipped: ", "not_overdue": "skipped: ", "retention_covers_gap": "skipped: "}},
		"a bad zone": {func(s *Standing) { good(s); s.Schedule.Timezone = "Europe/Berln" }, VerdictUnhealthy, map[string]string{
			"cron_valid": "failed: there is no time zone", "next_run_valid": "skipped: ", "not_overdue": "skipped: ", "retention_covers_gap": "skipped: "}},
		"the last attempt failed": {func(s *Standing) { s.ran(0, StatusFailed, diskFilled); s.ran(1, StatusCompleted, nil) }, VerdictUnhealthy,
			map[string]string{"last_attempt": "failed: Backup bk_0 of 2026-03-10T03:00:00Z failed. {tool_failed}"}},
		"it failed before the one under way": {func(s *Standing) {
			s.ran(0, StatusRunning, nil)
			s.ran(1, StatusFailed, diskFilled)
			s.ran(2, StatusCompleted, nil)
		}, VerdictUnhealthy,
			map[string]string{"last_attempt": "failed: Backup bk_0 of 2026-03-10T03:00:00Z is running. Backup bk_1 of 2026-03-09T03:00:00Z failed."}},
		"it failed and was mended": {func(s *Standing) { s.ran(0, StatusCompleted, nil); s.ran(1, StatusFailed, diskFilled) }, VerdictHealthy, nil},
		"every attempt failed": {func(s *Standing) { all(s, StatusFailed, diskFilled) }, VerdictUnhealthy, map[string]string{
			"last_attempt": "failed: ", "retention_covers_gap": "failed: There is no good backup of this schedule at present. [RETENTION_SHORTER_THAN_GAP] See last_attempt."}},
		"the server is offline": {func(s *Standing) { s.ran(0, StatusFailed, unreached); s.ran(1, StatusCompleted, nil) }, VerdictUnhealthy, map[string]string{
			"last_attempt": "failed: ", "server_reachable_at_due_times": "failed: The server could not be reached at 2026-03-10T03:00:00Z, when it was due last. {connection_timeout}"}},
		"the server was offline": {func(s *Standing) {
			s.ran(0, StatusCompleted, nil)
			s.ran(1, StatusFailed, unreached)
			s.ran(2, StatusFailed, unreached)
		}, VerdictWarning, map[string]string{"server_reachable_at_due_times": "warning: The server could not be reached for 2 of the last 3 backups, at 2026-03-09T03:00:00Z the last time; it was since."}},
		"a due time is forgotten": {func(s *Standing) {
			s.ran(1, StatusCompleted, nil)
			s.Schedule.Timing.DecidedUntil = judgedAt.AddDate(0, 0, -1)
		}, VerdictUnhealthy,
			map[string]string{"not_overdue": "failed: It was due at 2026-03-10T03:00:00Z, and nothing came of it. [SCHEDULE_OVERDUE] See dispatcher_running."}},
		"a dispatcher never began": {func(s *Standing) { s.Schedule.Timing.DecidedUntil = time.Time{} }, VerdictUnhealthy, map[string]string{
			"last_attempt": "skipped: It was not due yet.", "server_reachable_at_due_times": "skipped: ", "not_overdue": "failed: It was due at 2026-02-09T03:00:00Z, and"}},
		"within the grace": {func(s *Standing) {
			good(s)
			s.Schedule.Cron, s.Schedule.Timing.DecidedUntil = "59 11 * * *", judgedAt.Add(-time.Hour)
		}, VerdictHealthy, nil},
		"within the jitter": {func(s *Standing) {
			good(s)
			s.Schedule.Cron, s.Schedule.Jitter, s.Schedule.Timing.DecidedUntil = "50 11 * * *", 10*time.Minute, judgedAt.Add(-time.Hour)
		}, VerdictHealthy, nil},
		"behind the jitter": {func(s *Standing) {
			good(s)
			s.Schedule.Cron, s.Schedule.Jitter, s.Schedule.Timing.DecidedUntil = "50 11 * * *", 8*time.Minute, judgedAt.Add(-time.Hour)
		}, VerdictUnhealthy, map[string]string{"not_overdue": "failed: It was due at 2026-03-10T11:50:00Z, and"}},
		"a run waits": {func(s *Standing) { good(s); s.Schedule.Timing.Owed = []time.Time{judgedAt.Add(-2 * time.Hour)} }, VerdictWarning,
			map[string]string{"not_overdue": "warning: The run of 2026-03-10T10:00:00Z waits: for"}},
		"a backup has no place": {func(s *Standing) { s.ran(0, StatusPending, nil); s.ran(1, StatusCompleted, nil) }, VerdictUnhealthy,
			map[string]string{"not_overdue": "failed: Backup bk_0 of 2026-03-10T03:00:00Z has not begun yet."}},
		"the last due time was missed": {func(s *Standing) { s.noRun(0, RunMissed, RunControlPlaneDown); s.ran(1, StatusCompleted, nil) }, VerdictUnhealthy,
			map[string]string{"not_overdue": "failed: The run of 2026-03-10T03:00:00Z was missed: no control plane was there to start it."}},
		"it was missed, and caught up": {func(s *Standing) { s.ran(0, StatusCompleted, nil); s.noRun(1, RunMissed, RunControlPlaneDown) }, VerdictHealthy, nil},
		"an earlier run went on": {func(s *Standing) { s.noRun(0, RunSkipped, RunOverlap); s.ran(1, StatusCompleted, nil) }, VerdictWarning,
			map[string]string{"not_overdue": "warning: The run of 2026-03-10T03:00:00Z was left out: an earlier run went on."}},
		"a blackout": {func(s *Standing) { s.noRun(0, RunSkipped, RunBlackout); s.ran(1, StatusCompleted, nil) }, VerdictHealthy, nil},
		"nothing but blackouts": {func(s *Standing) { s.noRun(0, RunSkipped, RunBlackout) }, VerdictHealthy, map[string]string{
			"last_attempt": "skipped: At none of its last due times", "server_reachable_at_due_times": "skipped: "}},
		"a gap in the retention": {func(s *Standing) {
			s.Schedule.Cron, s.Schedule.RetentionDays = "0 3 * * TUE", 7
			s.ran(0, StatusCompleted, nil)
		}, VerdictWarning, map[string]string{
			"retention_covers_gap": "warning: Each backup is kept for 7 days, and up to 7 days pass between two runs, as from 6 January 2026 03:00 to 13 January 2026 03:00. [RETENTION_SHORTER_THAN_GAP] Set retention_days to 8 or more"}},
		"the last good one expired": {func(s *Standing) {
			s.Schedule.RetentionDays = 2
			s.ran(0, StatusFailed, diskFilled)
			s.ran(3, StatusCompleted, nil)
		}, VerdictUnhealthy, map[string]string{"last_attempt": "failed: ", "retention_covers_gap": "failed: The newest good backup, bk_3, expired at 2026-03-09T03:00:00Z."}},
		"the last good one will expire": {func(s *Standing) {
			s.Schedule.RetentionDays = 2
			s.ran(0, StatusFailed, diskFilled)
			s.ran(1, StatusCompleted, nil)
		}, VerdictUnhealthy, map[string]string{"last_attempt": "failed: ",
			"retention_covers_gap": "warning: The newest good backup, bk_1, expires at 2026-03-11T03:00:00Z, and the next run is at 2026-03-11T03:00:00Z."}},
	}
	for name, test := range tests {
		s := newStanding()
		test.make(s)
		h := Judge(*s)
		if h.Verdict != test.verdict {
			t.Errorf("%s: %s, want %s", name, h.Verdict, test.verdict)
		}
		got, want := map[string]string{}, map[string]string{}
		for i, c := range h.Checks {
			if c.Name != HealthChecks()[i] || c.Evidence == "" {
				t.Errorf("%s: check %d is %+v", name, i, c)
			}
			if c.Status == CheckOK {
				continue
			}
			got[c.Name] = said(c)
		}
		for check, text := range test.want {
			want[check] = text
			if strings.HasPrefix(got[check], text) {
				want[check] = got[check]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// said is a check on one line.
func said(c Check) string {
	text := string(c.Status) + ": " + c.Evidence
	if c.Code != "" {
		text += " [" + string(c.Code) + "] " + strings.Join(c.Fix, " ")
	}
	if c.Failure != nil {
		text += " {" + string(c.Failure.Fact) + "}"
	}
	return text
}

func TestHealthNamesTheNextDueTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Schedule)
		want   time.Time
	}{
		"active":            {func(*Schedule) {}, judgedAt.Add(15 * time.Hour)},
		"in another zone":   {func(s *Schedule) { s.Timezone = "America/New_York" }, judgedAt.Add(19 * time.Hour)},
		"paused":            {func(s *Schedule) { s.Paused = true }, time.Time{}},
		"paused until then": {func(s *Schedule) { s.Paused, s.PausedUntil = true, judgedAt.Add(15*time.Hour) }, judgedAt.Add(15 * time.Hour)},
		"paused for longer": {func(s *Schedule) { s.Paused, s.PausedUntil = true, judgedAt.Add(16*time.Hour) }, judgedAt.Add(39 * time.Hour)},
		"invalid":           {func(s *Schedule) { s.Cron = "" }, time.Time{}},
	} {
		s := newStanding()
		test.change(&s.Schedule)
		if got := Judge(*s).NextDue; !got.Equal(test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// TestHealthIsTheSameUntilSomethingHappens judges minutes apart.
func TestHealthIsTheSameUntilSomethingHappens(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Standing){
		"healthy":   func(s *Standing) { s.ran(0, StatusCompleted, nil) },
		"offline":   func(s *Standing) { s.ran(0, StatusFailed, unreached) },
		"forgotten": func(s *Standing) { s.Schedule.Timing.DecidedUntil = judgedAt.AddDate(0, 0, -2) },
		"owed":      func(s *Standing) { s.Schedule.Timing.Owed = []time.Time{judgedAt.Add(-time.Hour)} },
		"pending":   func(s *Standing) { s.ran(0, StatusPending, nil) },
		"paused":    func(s *Standing) { s.Schedule.Paused = true },
	} {
		s := newStanding()
		change(s)
		before := Judge(*s)
		s.Now = s.Now.Add(7 * time.Minute)
		if diff := cmp.Diff(before, Judge(*s)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestGuideHasEveryCheck reads the table of the guide.
func TestGuideHasEveryCheck(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../templates/guides/schedule-health.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			names = append(names, strings.SplitN(name, "`", 2)[0])
		}
	}
	if diff := cmp.Diff(HealthChecks(), names); diff != "" {
		t.Error(diff)
	}
}
