package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// seconds is a time as the scheduler counts it, 0 for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromSeconds(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func stateOf(t backup.Timing) scheduler.State {
	s := scheduler.State{Decided: seconds(t.DecidedUntil), Back: seconds(t.Back)}
	for _, o := range t.Owed {
		s.Owed = append(s.Owed, seconds(o))
	}
	return s
}

func timingOf(s scheduler.State, turn int64) backup.Timing {
	t := backup.Timing{DecidedUntil: fromSeconds(s.Decided), Back: fromSeconds(s.Back), Turn: turn}
	for _, o := range s.Owed {
		t.Owed = append(t.Owed, fromSeconds(o))
	}
	return t
}

// runOf is the record of a decision.
func runOf(id backup.ScheduleID, d scheduler.Decision, now time.Time) backup.Run {
	r := backup.Run{ScheduleID: id, DueAt: fromSeconds(d.Due), Outcome: d.Outcome.Word(), Reason: d.Reason.Word(), CaughtUpBy: fromSeconds(d.By),
		LastAt: fromSeconds(d.Due), Count: 1, DecidedAt: now}
	if d.Count > 1 {
		r.LastAt, r.Count = fromSeconds(d.Last), d.Count
	}
	return r
}

// retimed reports whether new settings make a schedule due, or run, at other times.
func retimed(before, after backup.ScheduleSpec, now time.Time) bool {
	return before.Name != after.Name || before.Cron != after.Cron || before.Timezone != after.Timezone || before.Jitter != after.Jitter ||
		before.PausedAt(now) != after.PausedAt(now) || !before.PausedUntil.Equal(after.PausedUntil) || !slices.Equal(before.Blackouts, after.Blackouts)
}

// dropSchedules decides what is due by now by the schedules of a server whose name is about to change: H and jitter
// follow it.
func (c *ControlPlane) dropSchedules(ctx context.Context, server backup.ServerID) error {
	schedules, err := c.Store.Schedules(ctx, ScheduleFilter{ServerID: server})
	for _, s := range schedules {
		if s.Jitter == 0 && !strings.ContainsAny(s.Cron, "Hh") {
			continue
		}
		for tries := 0; err == nil; tries++ {
			if err = c.dropNow(ctx, s.ID); !errors.Is(err, ErrConflict) || tries == maxTurns {
				break
			}
			err = nil // the dispatcher was at it
		}
	}
	return err
}

func (c *ControlPlane) dropNow(ctx context.Context, id backup.ScheduleID) error {
	s, err := c.Store.Schedule(ctx, id)
	if err != nil {
		return err
	}
	var dropped []backup.Run
	now := c.now()
	if s.Timing, dropped, err = c.drop(ctx, s, now); err != nil {
		return err
	}
	s.Version++
	return c.Store.UpdateSchedule(ctx, s, c.about(backup.ActivityScheduleUpdate, s, "follows the new name of its server"), dropped...)
}

// drop decides what was due by now under the settings of s, and starts none of it.
func (c *ControlPlane) drop(ctx context.Context, s backup.Schedule, now time.Time) (backup.Timing, []backup.Run, error) {
	server, err := c.Server(ctx, s.ServerID)
	if err != nil {
		return s.Timing, nil, err
	}
	t, err := scheduler.TimetableOf(s.ScheduleSpec, server.ServerSpec)
	if err != nil {
		return s.Timing, nil, fmt.Errorf("read the times of schedule %s: %w", s.Name, err)
	}
	state := stateOf(s.Timing)
	if state.Decided == 0 {
		state.Decided = now.Unix()
	}
	due, older := t.Policy.Due(&state, &t.Expression, t.Zone, now.Unix(), scheduler.MostDecided, nil)
	var decided []scheduler.Decision
	if older.Count > 0 {
		decided = append(decided, older)
	}
	var runs []backup.Run
	for _, d := range t.Policy.Drop(&state, due, now.Unix(), decided) {
		runs = append(runs, runOf(s.ID, d, now))
	}
	timing := timingOf(state, s.Timing.Turn)
	timing.WakeAt = now
	return timing, runs, nil
}
