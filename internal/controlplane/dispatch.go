package controlplane

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// Times of a dispatcher.
const (
	dispatchBatch  = 500              // schedules in one transaction
	dispatchAtMost = 10 * time.Second // longest pause between two looks: schedules may be added by other processes
	// dispatchAtLeast is the shortest pause: what is due may be locked by another dispatcher.
	dispatchAtLeast = 20 * time.Millisecond
	beatEvery       = 30 * time.Second
	silentFor       = 5 * time.Minute  // a dispatcher that was silent for so long does not run
	lateAfter       = 15 * time.Minute // a backup that has not begun so long after its due time is told of
	brokenRetry     = time.Hour        // pause after a schedule that this version cannot read
)

// The boundaries of a dispatch, where a process may die.
const (
	boundaryDispatchTaken   = "dispatch:taken"   // schedules are locked, nothing was decided
	boundaryDispatchDecided = "dispatch:decided" // all is decided, nothing of it is written
	boundaryDispatchSaved   = "dispatch:saved"   // all is written, nobody was woken
)

// DispatchBoundaries names them.
func DispatchBoundaries() []string {
	return []string{boundaryDispatchTaken, boundaryDispatchDecided, boundaryDispatchSaved}
}

// Dispatch decides the due times of all schedules when they come, until ctx ends, and at its start those that came while
// nobody was there. Several may be at it on one database. Only a control plane that runs by itself dispatches.
func (c *ControlPlane) Dispatch(ctx context.Context) {
	id, beaten := c.newID("dp_", c.now()), time.Time{}
	for ctx.Err() == nil {
		now := c.now()
		if now.Sub(beaten) >= beatEvery || now.Before(beaten) {
			beaten = now
			if err := c.beat(ctx, id, now); err != nil && ctx.Err() == nil {
				c.Log.Error("the dispatcher's heartbeat failed", "error", err)
			}
		}
		pause, err := c.dispatchAll(ctx)
		if err != nil && ctx.Err() == nil {
			c.Log.Error("dispatching schedules failed", "error", err)
			pause = storeRetry
		}
		select {
		case <-c.Clock.After(pause):
		case <-c.nudged:
		case <-ctx.Done():
		}
	}
}

// beat says that a dispatcher lives, and tells of runs whose backups have not begun for long.
func (c *ControlPlane) beat(ctx context.Context, id string, now time.Time) error {
	if err := c.Store.Beat(ctx, id, now); err != nil {
		return err
	}
	return c.Store.TellLate(ctx, now.Add(-lateAfter), func(l LateRun) backup.Activity {
		a := c.instant(backup.ActivityScheduleLate, backup.Server{ID: l.ServerID}, fmt.Sprintf(
			"Schedule %s of %s was due at %s, and its backup %s has not begun yet", l.Schedule, l.ServerName, clockText(l.DueAt), l.BackupID))
		a.TargetID, a.Status = string(l.ScheduleID), backup.ActivityFailed
		return a
	})
}

// dispatchAll dispatches what is due now, and returns how long there is nothing to do.
func (c *ControlPlane) dispatchAll(ctx context.Context) (pause time.Duration, err error) {
	for {
		n, err := c.dispatch(ctx)
		if err != nil {
			return 0, err
		}
		if n < dispatchBatch {
			break
		}
	}
	next, err := c.Store.NextWake(ctx)
	if err != nil || next.IsZero() {
		return dispatchAtMost, err
	}
	return clamp(next.Sub(c.now()), dispatchAtLeast, dispatchAtMost), nil
}

// dispatch dispatches one batch and returns how many schedules were in it.
func (c *ControlPlane) dispatch(ctx context.Context) (int, error) {
	now, did := c.now(), batch{}
	n, err := c.Store.Dispatch(ctx, now, dispatchBatch, func(due []DueSchedule) Dispatched {
		c.Boundary(boundaryDispatchTaken)
		did = c.decide(due, now)
		c.Boundary(boundaryDispatchDecided)
		return did.Dispatched
	})
	if err != nil || n == 0 {
		return n, err
	}
	c.Boundary(boundaryDispatchSaved)
	for i, r := range did.Runs {
		c.Observer.Decided(r, did.late[i])
	}
	var made []backup.ID
	for _, b := range did.Backups {
		made = append(made, b.ID)
	}
	if len(made) > 0 {
		c.waker.WakeAll(made)
	}
	return n, nil
}

// batch is what is decided together.
type batch struct {
	Dispatched
	late []time.Duration // of the runs, in their order
}

// decide asks the scheduler about every schedule.
func (c *ControlPlane) decide(due []DueSchedule, now time.Time) (b batch) {
	slices.SortStableFunc(due, longestOwed)
	taken := map[backup.ServerID]int{} // places that this batch takes
	for _, d := range due {
		timing, decided, t, err := c.step(d, d.Unfinished+taken[d.ServerID], now)
		if err != nil { // it was recorded by a version that knows more
			c.Log.Error("a schedule cannot be read", "schedule", d.ID, "error", err)
			d.Timing.WakeAt = now.Add(brokenRetry)
			b.Schedules = append(b.Schedules, d.Schedule)
			continue
		}
		d.Timing = timing
		b.Schedules = append(b.Schedules, d.Schedule)
		for _, decision := range decided {
			run := runOf(d.ID, decision, now)
			if decision.Outcome == scheduler.Start {
				taken[d.ServerID]++
				made, activity := c.scheduledBackup(d, run.DueAt, now)
				run.BackupID = made.ID
				b.Backups, b.Activities = append(b.Backups, made), append(b.Activities, activity)
			}
			b.Runs, b.late = append(b.Runs, run), append(b.late, max(now.Sub(fromSeconds(t.Policy.Start(decision.Due))), 0))
		}
		if a, ok := c.tellMissed(d, decided, now); ok {
			b.Activities = append(b.Activities, a)
		}
	}
	return b
}

// longestOwed puts those first who owe a start, the longest owed first: places go to them before they go to who is due just now.
func longestOwed(a, b DueSchedule) int {
	switch owedA, owedB := a.Timing.Owed, b.Timing.Owed; {
	case len(owedA) > 0 && len(owedB) > 0:
		return cmp.Or(owedA[0].Compare(owedB[0]), cmp.Compare(a.ID, b.ID))
	case len(owedA) > 0:
		return -1
	case len(owedB) > 0:
		return 1
	}
	return 0
}

// step asks the scheduler about one schedule.
func (c *ControlPlane) step(d DueSchedule, unfinished int, now time.Time) (backup.Timing, []scheduler.Decision, scheduler.Timetable, error) {
	t, err := scheduler.TimetableOf(d.ScheduleSpec, d.Server.ServerSpec)
	if err != nil {
		return d.Timing, nil, t, err
	}
	state, at := stateOf(d.Timing), now.Unix()
	if state.Decided == 0 { // nobody owes what came before there was a dispatcher
		state.Decided = at
	}
	due, older := t.Policy.Due(&state, &t.Expression, t.Zone, at, scheduler.MostDecided, nil)
	var decided []scheduler.Decision
	if older.Count > 0 {
		decided = append(decided, older)
	}
	decided = t.Policy.Step(&state, due, at, scheduler.World{Running: d.Running, Free: d.Server.MaxConcurrentBackups - unfinished}, decided)
	timing := timingOf(state, d.Timing.Turn)
	next, _ := t.Expression.NextUnix(t.Zone, state.Decided)
	timing.WakeAt = fromSeconds(t.Policy.Wake(&state, next, at))
	if soon := now.Add(dispatchAtMost); len(state.Owed) > 0 && (timing.WakeAt.IsZero() || timing.WakeAt.After(soon)) {
		timing.WakeAt = soon // what waits for others is called by them, if they do not die
	}
	return timing, decided, t, nil
}

// scheduledBackup is the backup of a due time, and its activity.
func (c *ControlPlane) scheduledBackup(d DueSchedule, due, now time.Time) (backup.Backup, backup.Activity) {
	b, a := c.newBackup(CreateRequest{Spec: d.Spec, Trigger: backup.TriggerScheduled}, d.Server)
	b.ScheduleID, b.DueAt = d.ID, due
	b.Work.NextStepAt, b.CreatedAt, b.ExpiresAt = now, now, backup.ExpiryOf(now, d.RetentionDays)
	return b, a
}

// tellMissed is the activity that says that due times did not start when they should have: nobody is to find out weeks
// later. One tells of all that are found together.
func (c *ControlPlane) tellMissed(d DueSchedule, decided []scheduler.Decision, now time.Time) (backup.Activity, bool) {
	var missed, caught int64
	var first, start scheduler.Decision
	for _, decision := range decided {
		n := max(decision.Count, 1)
		switch {
		case decision.Outcome == scheduler.Miss:
			missed += n
		case decision.Outcome == scheduler.CaughtUp:
			caught += n
		case decision.Outcome == scheduler.Start && now.Unix()-decision.Due > scheduler.Grace+int64(d.Jitter/time.Second):
			start = decision
		default:
			continue
		}
		if first.Due == 0 {
			first = decision
		}
	}
	if first.Due == 0 {
		return backup.Activity{}, false
	}
	title := fmt.Sprintf("Schedule %s of %s did not run when it was due at %s", d.Name, d.Server.Name, clockText(fromSeconds(first.Due)))
	if more := missed + caught - 1; start.Due != first.Due && more > 0 {
		title += fmt.Sprintf(" and %d more due times since", more)
	}
	status := backup.ActivityFailed
	if start.Due != 0 {
		status = backup.ActivityCompleted
		title += "; it is made up for by a backup now"
	}
	a := c.instant(backup.ActivityScheduleLate, d.Server, title)
	a.TargetID, a.Status = string(d.ID), status
	return a, true
}

func clockText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// nudge has the dispatcher of this process, if there is one, look at the schedules now.
func (c *ControlPlane) nudge() {
	select {
	case c.nudged <- struct{}{}:
	default:
	}
}

// Runs lists the records of a schedule's due times, newest first.
func (c *ControlPlane) Runs(ctx context.Context, f RunFilter) ([]backup.Run, error) {
	if _, err := c.Store.Schedule(ctx, f.ScheduleID); err != nil {
		return nil, fmt.Errorf("schedule %s: %w", f.ScheduleID, err)
	}
	return c.Store.Runs(ctx, f)
}

// notDispatched says what nobody must find out weeks later: that nobody is there to run a schedule.
func (c *ControlPlane) notDispatched(ctx context.Context, s backup.ScheduleSpec) ([]backup.Finding, error) {
	seen, err := c.Store.LastBeat(ctx)
	if err != nil || c.now().Sub(seen) < silentFor {
		return nil, err
	}
	detail := "Schedules are run by a control plane that runs by itself, and none ever did on these records."
	if !seen.IsZero() {
		detail = fmt.Sprintf("Schedules are run by a control plane that runs by itself. The last one was seen at %s.", clockText(seen))
	}
	return []backup.Finding{{Severity: backup.SeverityWarning, Path: "cron", Code: backup.CodeNotDispatched,
		Summary: fmt.Sprintf("Nobody runs schedule %s", backup.Excerpt(s.Name, 80)),
		Detail:  detail + " Until one does, no backup is made at its due times.",
		Fix:     fmt.Sprintf(serveUnit, c.ServeCommand, c.ServeCommand, cmp.Or(c.ServeUser, "NAME"))}}, nil
}

// serveUnit says how to have schedules run. Without User systemd sets no HOME, and the master key is not found below it.
const serveUnit = `Run it now: %s
To have it run always, put this into /etc/systemd/system/cloudaipilot.service, with absolute paths, and run "systemctl enable --now cloudaipilot":

[Unit]
Description=CloudAIPilot control plane
Wants=network-online.target
After=network-online.target
[Service]
ExecStart=%s
User=%s
Restart=always
[Install]
WantedBy=multi-user.target`
