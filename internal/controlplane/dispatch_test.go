package controlplane_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// hourly is a schedule that is due at every full hour, in UTC.
func hourly(s backup.Server, change ...func(*backup.ScheduleSpec)) backup.ScheduleSpec {
	return nightly(s, append([]func(*backup.ScheduleSpec){func(s *backup.ScheduleSpec) { s.Name, s.Cron, s.Timezone = "hourly", "0 * * * *", "UTC" }}, change...)...)
}

// dispatch dispatches at a time of the day, and returns how long there is nothing to do.
func (b *bench) dispatch(clock string) time.Duration {
	b.t.Helper()
	b.clock.set(at(b.t, clock))
	pause, err := b.DispatchOnce(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return pause
}

// at is a time on the day that tests begin, at 02:00.
func at(t *testing.T, clock string) time.Time {
	t.Helper()
	got, err := time.Parse(time.RFC3339, "2026-03-01T"+clock+strings.Repeat(":00", 2-strings.Count(clock, ":"))+"Z")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ledger is what is recorded of a schedule's due times, oldest first.
func (b *bench) ledger(id backup.ScheduleID) (lines []string) {
	b.t.Helper()
	runs, err := b.Runs(b.t.Context(), controlplane.RunFilter{ScheduleID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Reverse(runs)
	for _, r := range runs {
		line := strings.TrimSpace(fmt.Sprintf("%s %s %s", r.DueAt.Format("15:04"), r.Outcome, r.Reason))
		if !r.CaughtUpBy.IsZero() {
			line += " by " + r.CaughtUpBy.Format("15:04")
		}
		if r.Count > 1 {
			line += fmt.Sprintf(" %d", r.Count)
		}
		if (r.BackupID != "") != (r.Outcome == backup.RunStarted || r.Reason == backup.RunServerOffline) {
			b.t.Errorf("%s: backup %q", line, r.BackupID)
		}
		lines = append(lines, line)
	}
	return lines
}

func (b *bench) hasLedger(id backup.ScheduleID, want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.ledger(id)); diff != "" {
		b.t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func (b *bench) madeBy(id backup.ScheduleID) []backup.Backup {
	b.t.Helper()
	made, err := b.Backups(b.t.Context(), controlplane.BackupFilter{ScheduleID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return made
}

// late are the titles of the activities that tell of runs that did not start in time, newest first.
func (b *bench) late(id backup.ScheduleID) (titles []string) {
	b.t.Helper()
	all, err := b.Activities(b.t.Context(), controlplane.ActivityFilter{TargetID: string(id)})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range all {
		if a.Type == backup.ActivityScheduleLate {
			titles = append(titles, a.Title)
		}
	}
	return titles
}

func TestDueTimeMakesABackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = &backup.Result{SizeBytes: 9}
	s := b.schedule(hourly(b.addServer()))
	if pause := b.dispatch("02:00:30"); pause != 10*time.Second {
		t.Errorf("looks again after %s", pause)
	}
	if pause := b.dispatch("02:59:59"); pause != time.Second {
		t.Errorf("a second before, it looks again after %s", pause)
	}
	b.hasLedger(s.ID)
	b.dispatch("03:00")
	b.dispatch("03:00")
	b.hasLedger(s.ID, "03:00 started")
	made := b.madeBy(s.ID)
	if len(made) != 1 || made[0].Trigger != backup.TriggerScheduled || made[0].Managed || !made[0].DueAt.Equal(at(t, "03:00")) || made[0].RetentionDays != s.RetentionDays {
		t.Fatalf("made: %+v", made)
	}
	if got := b.finish(made[0].ID); got.Status != backup.StatusCompleted {
		t.Errorf("it is %s: %+v", got.Status, got.Failure)
	}
	b.dispatch("04:00")
	b.hasLedger(s.ID, "03:00 started", "04:00 started")
	if late := b.late(s.ID); late != nil {
		t.Errorf("told of %q", late)
	}
}

func TestOverlapLooksAtTheSchedulesOwnBackups(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = &backup.Result{SizeBytes: 9}
	server := b.addServer(func(s *backup.ServerSpec) { s.MaxConcurrentBackups = 9 })
	skip := b.schedule(hourly(server))
	queue := b.schedule(hourly(server, func(s *backup.ScheduleSpec) { s.Name, s.Overlap = "queue", backup.OverlapQueueOne }))
	allow := b.schedule(hourly(server, func(s *backup.ScheduleSpec) { s.Name, s.Overlap = "allow", backup.OverlapAllow }))
	b.ask(request(server)) // somebody else's does not count
	for _, clock := range []string{"03:00", "04:00", "05:00"} {
		b.dispatch(clock)
	}
	b.hasLedger(skip.ID, "03:00 started", "04:00 skipped overlap", "05:00 skipped overlap")
	b.hasLedger(queue.ID, "03:00 started", "05:00 skipped overlap")
	b.hasLedger(allow.ID, "03:00 started", "04:00 started", "05:00 started")
	b.finish(b.madeBy(queue.ID)[0].ID)
	b.dispatch("05:20")
	b.hasLedger(queue.ID, "03:00 started", "04:00 started", "05:00 skipped overlap")
}

func TestOutageFillsTheLedgerAndIsToldOfOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer()))
	b.dispatch("02:00:30")
	b.dispatch("05:10")
	b.dispatch("05:11")
	b.hasLedger(s.ID, "03:00 caught_up by 05:00", "04:00 caught_up by 05:00", "05:00 started")
	want := []string{"Schedule hourly of web-1 did not run when it was due at 2026-03-01 03:00 UTC and 1 more due times since; it is made up for by a backup now"}
	if diff := cmp.Diff(want, b.late(s.ID)); diff != "" {
		t.Error(diff)
	}
}

func TestYearsOfMinutesAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer(), func(s *backup.ScheduleSpec) { s.Cron, s.MissedRuns = "* * * * *", backup.MissedSkip }))
	b.dispatch("02:00:30")
	b.clock.add(2 * 365 * 24 * time.Hour)
	if _, err := b.DispatchOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	runs, err := b.Runs(t.Context(), controlplane.RunFilter{ScheduleID: s.ID})
	if err != nil || len(runs) != 1001 {
		t.Fatalf("%d records, %v", len(runs), err)
	}
	sum := int64(0)
	for _, r := range runs {
		sum += r.Count
	}
	if oldest := runs[1000]; sum != 2*365*24*60 || oldest.Count != sum-1000 || !oldest.DueAt.Equal(at(t, "02:01")) {
		t.Errorf("%d due times, the oldest record is %+v", sum, oldest)
	}
}

func TestServerThatIsOfflineIsAMissedRunWithItsBackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer()))
	b.server.preflight = &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactTimeout, Text: "i/o timeout"}
	b.dispatch("03:00")
	made := b.madeBy(s.ID)[0]
	if got := b.finish(made.ID); got.Status != backup.StatusFailed {
		t.Fatalf("it is %s", got.Status)
	}
	b.hasLedger(s.ID, "03:00 missed server_offline")
	b.server.preflight = &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactAuthFailed, Text: "permission denied"}
	b.dispatch("04:00")
	b.finish(b.madeBy(s.ID)[1].ID)
	b.hasLedger(s.ID, "03:00 missed server_offline", "04:00 started") // it was there, and let nobody in
}

func TestChangesNeverRunThePast(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*backup.ScheduleSpec){
		"cron":   func(s *backup.ScheduleSpec) { s.Cron = "30 * * * *" },
		"zone":   func(s *backup.ScheduleSpec) { s.Cron, s.Timezone = "30 4 * * *", "Asia/Kolkata" }, // 23:00 UTC
		"resume": func(s *backup.ScheduleSpec) { s.Paused = false },
		"name":   func(s *backup.ScheduleSpec) { s.Name = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s := b.schedule(hourly(b.addServer(), func(s *backup.ScheduleSpec) { s.Paused = name == "resume" }))
			b.dispatch("02:00:30")
			b.clock.set(at(t, "04:59"))
			if _, err := b.UpdateSchedule(t.Context(), s.ID, 0, change); err != nil {
				t.Fatal(err)
			}
			why := "missed rescheduled"
			if name == "resume" {
				why = "skipped paused"
			}
			b.dispatch("04:59:30")
			b.hasLedger(s.ID, "03:00 "+why, "04:00 "+why)
			b.dispatch("06:00")
			if made := b.madeBy(s.ID); (len(made) == 0) != (name == "zone") {
				t.Errorf("then it makes %d", len(made))
			}
		})
	}
}

func TestChangeThatKeepsTheTimesKeepsWhatIsOwed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer()))
	b.dispatch("02:00:30")
	b.clock.set(at(t, "04:10"))
	if _, err := b.UpdateSchedule(t.Context(), s.ID, 0, func(s *backup.ScheduleSpec) { s.RetentionDays = 3 }); err != nil {
		t.Fatal(err)
	}
	b.dispatch("04:11")
	b.hasLedger(s.ID, "03:00 caught_up by 04:00", "04:00 started")
	if made := b.madeBy(s.ID); made[0].RetentionDays != 3 {
		t.Errorf("kept for %d days", made[0].RetentionDays)
	}
}

func TestRenamedServerMovesHashedTimes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	s := b.schedule(hourly(server, func(s *backup.ScheduleSpec) { s.Cron = "H * * * *" }))
	b.dispatch("02:00")
	b.clock.set(at(t, "03:59:30"))
	if _, err := b.UpdateServer(t.Context(), server.ID, 0, func(s *backup.ServerSpec) { s.Name = "web-9" }, controlplane.KeyWish{}); err != nil {
		t.Fatal(err)
	}
	b.dispatch("03:59:59")
	for _, line := range b.ledger(s.ID) {
		if !strings.HasSuffix(line, "missed rescheduled") {
			t.Errorf("ledger: %s", line)
		}
	}
	if n := len(b.ledger(s.ID)); n != 2 {
		t.Errorf("%d due times in two hours", n)
	}
}

func TestPauseWithAnEndEndsByItself(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer(), func(s *backup.ScheduleSpec) {
		s.Paused, s.PauseReason, s.PausedUntil = true, "the disk is replaced", at(t, "03:30")
	}))
	for _, clock := range []string{"03:00", "04:00"} {
		b.dispatch(clock)
	}
	b.hasLedger(s.ID, "03:00 skipped paused", "04:00 started")
	if got, err := b.Schedule(t.Context(), s.ID); err != nil || got.Paused || got.PauseReason != "" {
		t.Errorf("still paused: %+v, %v", got.ScheduleSpec, err)
	}
}

func TestWindowsOfScheduleAndServer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer(func(s *backup.ServerSpec) {
		s.MaintenanceWindows = []backup.Window{{Cron: "30 4 * * *", DurationMinutes: 60, Timezone: "Europe/Berlin"}} // 03:30 UTC
	})
	s := b.schedule(hourly(server, func(s *backup.ScheduleSpec) { s.Blackouts = []backup.Window{{Cron: "0 3 * * *", DurationMinutes: 1}} }))
	for _, clock := range []string{"03:00", "04:00", "05:00"} {
		b.dispatch(clock)
	}
	b.hasLedger(s.ID, "03:00 skipped blackout", "04:00 skipped maintenance", "05:00 started")
}

func TestPlaceOnTheServerIsWaitedForUntilTheDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	other := b.ask(request(server))
	s := b.schedule(hourly(server, func(s *backup.ScheduleSpec) { s.StartDeadline = 10 * time.Minute }))
	b.dispatch("03:00")
	b.dispatch("03:09")
	b.hasLedger(s.ID)
	b.dispatch("03:10:01")
	b.hasLedger(s.ID, "03:00 skipped capacity")
	b.dispatch("04:00")
	b.server.result = &backup.Result{SizeBytes: 9}
	b.finish(other.ID)
	b.dispatch("04:05")
	b.hasLedger(s.ID, "03:00 skipped capacity", "04:00 started")
}

func TestBackupThatDoesNotBeginIsToldOfOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer(), func(s *backup.ScheduleSpec) { s.Cron = "0 3 * * *" }))
	b.dispatch("03:00")
	ctx, cancel := context.WithCancel(t.Context())
	b.clock.set(at(t, "03:16"))
	done := make(chan struct{})
	go func() { b.Dispatch(ctx); close(done) }() // its pauses move the clock
	for b.clock.Now().Before(at(t, "05:00")) {
		if ctx.Err() != nil {
			break
		}
	}
	cancel()
	<-done
	want := []string{fmt.Sprintf("Schedule hourly of web-1 was due at 2026-03-01 03:00 UTC, and its backup %s has not begun yet", b.madeBy(s.ID)[0].ID)}
	if diff := cmp.Diff(want, b.late(s.ID)); diff != "" {
		t.Error(diff)
	}
}

func TestDispatcherIsMissedAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	spec := nightly(b.addServer(func(s *backup.ServerSpec) { s.BackupDir = "/var/backups/x" }), func(s *backup.ScheduleSpec) { s.Timezone = "UTC" })
	missed := func(want bool) backup.Finding {
		t.Helper()
		findings, err := b.CheckSchedule(t.Context(), spec, "", nil)
		if err != nil || (len(findings) == 1) != want {
			t.Fatalf("%+v, %v", findings, err)
		}
		return append(findings, backup.Finding{})[0]
	}
	f := missed(true)
	if f.Code != backup.CodeNotDispatched || f.Severity != backup.SeverityWarning || !strings.Contains(f.Detail, "none ever did") ||
		!strings.Contains(f.Fix, "cloudaipilot serve") || !strings.Contains(f.Fix, "ExecStart=") || !strings.Contains(f.Fix, "\nUser=") {
		t.Errorf("%+v", f)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	b.Dispatch(ended)
	missed(true) // it did not even begin
	if err := b.store.Beat(t.Context(), "dp_1", b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	missed(false)
	b.clock.add(4*time.Minute + 59*time.Second)
	missed(false)
	b.clock.add(time.Second)
	if f = missed(true); !strings.Contains(f.Detail, "last one was seen at 2026-03-01 02:00 UTC") {
		t.Errorf("%+v", f)
	}
}

func TestScheduleOfANewerVersionDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	odd := hourly(server, func(s *backup.ScheduleSpec) { s.Name = "odd" })
	bad := b.schedule(odd)
	good := b.schedule(hourly(server))
	bad.Cron, bad.Version = "0 0 * * * *", 2
	if err := b.store.UpdateSchedule(t.Context(), bad, backup.Activity{ID: "act_x"}); err != nil {
		t.Fatal(err)
	}
	b.dispatch("02:30")
	b.dispatch("03:00")
	b.hasLedger(good.ID, "03:00 started")
	b.hasLedger(bad.ID)
}

func TestScheduleFromBeforeDispatchersOwesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer()))
	s.Timing, s.Version = backup.Timing{WakeAt: time.UnixMilli(1)}, 2 // as the migration leaves it
	if err := b.store.UpdateSchedule(t.Context(), s, backup.Activity{ID: "act_x"}); err != nil {
		t.Fatal(err)
	}
	b.clock.add(30 * 24 * time.Hour)
	if _, err := b.DispatchOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.hasLedger(s.ID)
	b.clock.add(time.Hour)
	if _, err := b.DispatchOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.hasLedger(s.ID, "03:00 started")
}

func TestSettingsAreChangedWhileADispatcherIsAtIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer()))
	b.dispatch("02:30")
	changed := false
	got, err := b.UpdateSchedule(t.Context(), s.ID, s.Version, func(s *backup.ScheduleSpec) {
		if s.RetentionDays = 3; !changed {
			changed = true
			b.dispatch("03:00") // between its reading and its writing
		}
	})
	if err != nil || got.RetentionDays != 3 || got.Version != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	b.hasLedger(s.ID, "03:00 started")
}

var _ controlplane.Store = (*store.Store)(nil)
