package api

import (
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// Check is one question about a server or a schedule, its answer, and what that rests on.
type Check struct {
	Name     string   `json:"name"`
	Status   string   `json:"status" enum:"ok,warning,failed,skipped" doc:"skipped: there is no answer yet, or another check stands in its way"`
	Evidence string   `json:"evidence" doc:"What was seen"`
	Class    string   `json:"class" doc:"Class of the cause, where something failed that was tried; else empty"`
	Code     string   `json:"code" doc:"Code of what is wrong; empty where nothing is"`
	Fix      []string `json:"fix" doc:"What to do, in order"`
	TookMS   int64    `json:"took_ms" doc:"How long the answer took; 0 where it came from records, or together with another's"`
}

// FromCheck translates a check, and explains what failed.
func FromCheck(c backup.Check) Check {
	out := Check{Name: c.Name, Status: string(c.Status), Evidence: c.Evidence, Code: string(c.Code), Fix: orEmpty(c.Fix),
		TookMS: c.Took.Milliseconds()}
	if c.Failure != nil {
		d := diagnosis.Explain(*c.Failure)
		if strings.Contains(strings.ToLower(d.Cause), strings.ToLower(strings.TrimRight(c.Evidence, ".?"))) {
			out.Evidence = d.Cause // which says it already
		} else {
			out.Evidence += " " + d.Cause
		}
		out.Class, out.Code, out.Fix = string(d.Class), d.Code, append(orEmpty(d.Fix), c.Fix...)
	}
	return out
}

// ScheduleHealth is the judgement on a schedule, and what it rests on.
type ScheduleHealth struct {
	ScheduleID       string     `json:"schedule_id"`
	ServerID         string     `json:"server_id"`
	Name             string     `json:"name"`
	ServerName       string     `json:"server_name"`
	Verdict          string     `json:"verdict" enum:"healthy,warning,unhealthy" doc:"The worst answer of the checks"`
	Checks           []Check    `json:"checks" doc:"dispatcher_running, active, cron_valid, next_run_valid, last_attempt, server_reachable_at_due_times, not_overdue, retention_covers_gap"`
	NextDueAt        *time.Time `json:"next_due_at,omitempty" doc:"Left out while it is paused without an end, and where it is not due any more"`
	LastGoodBackupID string     `json:"last_good_backup_id" doc:"The newest completed backup that it asked for; empty: none"`
	LastGoodAt       *time.Time `json:"last_good_at,omitempty" doc:"When that was completed"`
	Runs             []Run      `json:"runs" doc:"What became of its last due times, at most ten, newest first"`
	CheckedAt        time.Time  `json:"checked_at"`
}

// FromHealth translates the judgement on a schedule.
func FromHealth(h backup.Health, s backup.Standing) ScheduleHealth {
	out := ScheduleHealth{
		ScheduleID: string(s.Schedule.ID), ServerID: string(s.Schedule.ServerID), Name: s.Schedule.Name, ServerName: s.ServerName,
		Verdict: string(h.Verdict), Checks: []Check{}, NextDueAt: optional(h.NextDue), Runs: []Run{}, CheckedAt: s.Now,
	}
	for _, c := range h.Checks {
		out.Checks = append(out.Checks, FromCheck(c))
	}
	for _, r := range s.Runs {
		out.Runs = append(out.Runs, FromRun(r))
	}
	if s.LastGood != nil {
		out.LastGoodBackupID, out.LastGoodAt = string(s.LastGood.ID), optional(s.LastGood.FinishedAt)
	}
	return out
}
