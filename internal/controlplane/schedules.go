package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// CheckSchedule returns what is to be said about a schedule's settings. self is the schedule they are for, empty for a
// new one.
func (c *ControlPlane) CheckSchedule(ctx context.Context, s backup.ScheduleSpec, self backup.ScheduleID, unknown backup.Paths) ([]backup.Finding, error) {
	findings := backup.Validate(backup.ScheduleRules, s, unknown)
	placed, err := c.CheckBackup(ctx, s.Spec, unknown)
	if err != nil {
		return nil, err
	}
	findings = append(findings, placed...)
	nobody, err := c.notDispatched(ctx, s)
	if err != nil {
		return nil, err
	}
	findings = append(findings, nobody...)
	if !unknown.Covers("cron") && !unknown.Covers("timezone") {
		server, err := c.Store.Server(ctx, s.ServerID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		findings = append(findings, backup.TimeNotes(s, server.Name, c.now())...)
	}
	if unknown.Covers("name") || unknown.Covers("server_id") {
		return findings, nil
	}
	others, err := c.Store.Schedules(ctx, ScheduleFilter{ServerID: s.ServerID, Name: s.Name})
	if err == nil && len(others) > 0 && others[0].ID != self {
		findings = append(findings, scheduleNameTaken(s.Name, string(others[0].ID)))
	}
	return findings, err
}

func scheduleNameTaken(name, other string) backup.Finding {
	return backup.Finding{Severity: backup.SeverityError, Path: "name", Code: backup.CodeNameTaken,
		Summary: "The schedule's name is taken",
		Detail:  fmt.Sprintf("Another schedule of the server is already called %q (%s).", name, other),
		Fix:     "Choose another name, or import that schedule."}
}

// CreateSchedule checks and records.
func (c *ControlPlane) CreateSchedule(ctx context.Context, spec backup.ScheduleSpec, o Idempotency) (backup.Schedule, error) {
	s, err := c.createSchedule(ctx, spec, o)
	if err == nil {
		return s, nil
	}
	if id, _ := c.once(ctx, o); id != "" { // its own repetition was faster, and has the name
		return c.Store.Schedule(ctx, backup.ScheduleID(id))
	}
	return s, err
}

func (c *ControlPlane) createSchedule(ctx context.Context, spec backup.ScheduleSpec, o Idempotency) (backup.Schedule, error) {
	if id, err := c.once(ctx, o); err != nil || id != "" {
		if err != nil {
			return backup.Schedule{}, err
		}
		return c.Store.Schedule(ctx, backup.ScheduleID(id))
	}
	if err := c.refuseSchedule(ctx, spec, ""); err != nil {
		return backup.Schedule{}, err
	}
	now := c.now()
	s := backup.Schedule{ID: backup.ScheduleID(c.newID(backup.ScheduleIDPrefix, now)), ScheduleSpec: spec, CreatedAt: now, UpdatedAt: now, Version: 1,
		Timing: backup.Timing{DecidedUntil: now, WakeAt: now}}
	err := c.recorded(s, c.Store.InsertSchedule(ctx, s, c.about(backup.ActivityScheduleCreate, s, "added"), o))
	c.nudge()
	return s, err
}

// UpdateSchedule checks and records new settings, in place. version is the one the caller saw; 0 accepts any. What was
// due by the old settings and has not started does not start by the new ones.
func (c *ControlPlane) UpdateSchedule(ctx context.Context, id backup.ScheduleID, version int64, change func(*backup.ScheduleSpec)) (backup.Schedule, error) {
	for tries := 0; ; tries++ {
		s, err := c.updateSchedule(ctx, id, version, change)
		if !errors.Is(err, ErrConflict) || tries == maxTurns {
			return s, err
		}
		if now, err := c.Schedule(ctx, id); err != nil || now.Version != s.Version-1 {
			return s, fmt.Errorf("update schedule %s: %w", s.Name, ErrConflict)
		} // else it was the dispatcher, which changes no settings
	}
}

// maxTurns bounds how often a change gives way to a dispatcher.
const maxTurns = 20

func (c *ControlPlane) updateSchedule(ctx context.Context, id backup.ScheduleID, version int64, change func(*backup.ScheduleSpec)) (backup.Schedule, error) {
	s, err := c.Schedule(ctx, id)
	if err != nil {
		return s, err
	}
	if version != 0 && version != s.Version {
		return s, fmt.Errorf("update schedule %s: %w", s.Name, ErrConflict)
	}
	before := s
	change(&s.ScheduleSpec)
	if s.ServerID != before.ServerID {
		return s, refuse(backup.CodeInvalidArgument, "server_id", "A schedule does not move to another server", fmt.Sprintf("Schedule %s belongs to %s.", s.Name, before.ServerID), "Make a new one there.")
	}
	if err := c.refuseSchedule(ctx, s.ScheduleSpec, id); err != nil {
		return s, err
	}
	s.UpdatedAt, s.Version = c.now(), s.Version+1
	var dropped []backup.Run
	if s.Timing.WakeAt = s.UpdatedAt; retimed(before.ScheduleSpec, s.ScheduleSpec, s.UpdatedAt) {
		if s.Timing, dropped, err = c.drop(ctx, before, s.UpdatedAt); err != nil {
			return s, err
		}
	}
	err = c.recorded(s, c.Store.UpdateSchedule(ctx, s, c.about(backup.ActivityScheduleUpdate, s, "changed"), dropped...))
	s.Timing.Turn++
	c.nudge()
	return s, err
}

// DeleteSchedule forgets a schedule. The backups it made stay.
func (c *ControlPlane) DeleteSchedule(ctx context.Context, id backup.ScheduleID) error {
	s, err := c.Schedule(ctx, id)
	if err != nil {
		return err
	}
	s.DeletedAt, s.UpdatedAt, s.Version = c.now(), c.now(), s.Version+1
	s.Timing.WakeAt, s.Timing.Owed = time.Time{}, nil
	return c.recorded(s, c.Store.UpdateSchedule(ctx, s, c.about(backup.ActivityScheduleDelete, s, "deleted")))
}

// Schedule returns a schedule that exists.
func (c *ControlPlane) Schedule(ctx context.Context, id backup.ScheduleID) (backup.Schedule, error) {
	s, err := c.Store.Schedule(ctx, id)
	if err == nil && !s.DeletedAt.IsZero() {
		err = ErrNotFound
	}
	if err != nil {
		return backup.Schedule{}, fmt.Errorf("schedule %s: %w", id, err)
	}
	failures, err := c.Store.Unresolved(ctx)
	s.UnresolvedFailure = failures[id]
	return c.resumed(s), err
}

// resumed is the schedule as it is now: a pause that has ended is none.
func (c *ControlPlane) resumed(s backup.Schedule) backup.Schedule {
	if s.Paused && !s.PausedAt(c.now()) {
		s.Paused, s.PauseReason, s.PausedUntil = false, "", time.Time{}
	}
	return s
}

// Schedules lists the schedules that exist.
func (c *ControlPlane) Schedules(ctx context.Context, f ScheduleFilter) ([]backup.Schedule, error) {
	all, err := c.Store.Schedules(ctx, f)
	if err != nil || len(all) == 0 {
		return all, err
	}
	failures, err := c.Store.Unresolved(ctx)
	for i := range all {
		all[i] = c.resumed(all[i])
		all[i].UnresolvedFailure = failures[all[i].ID]
	}
	return all, err
}

func (c *ControlPlane) refuseSchedule(ctx context.Context, s backup.ScheduleSpec, self backup.ScheduleID) error {
	findings, err := c.CheckSchedule(ctx, s, self, nil)
	if err != nil {
		return err
	}
	if refused := backup.Refuses(findings); len(refused) > 0 {
		return &backup.FindingsError{Findings: refused}
	}
	return nil
}

// recorded translates what the store says to a schedule.
func (c *ControlPlane) recorded(s backup.Schedule, err error) error {
	if errors.Is(err, ErrNameTaken) {
		return &backup.FindingsError{Findings: []backup.Finding{scheduleNameTaken(s.Name, "added a moment ago")}}
	}
	if err != nil {
		return fmt.Errorf("record schedule %s: %w", s.Name, err)
	}
	return nil
}

func (c *ControlPlane) about(t backup.ActivityType, s backup.Schedule, what string) backup.Activity {
	a := c.instant(t, backup.Server{ID: s.ServerID}, "Schedule "+s.Name+" "+what)
	a.TargetID = string(s.ID)
	return a
}
