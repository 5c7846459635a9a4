package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func healthFacts() facts[api.ScheduleHealth] {
	type health = api.ScheduleHealth
	return facts[health]{
		"schedule_id": textFact("The schedule.", func(h health) string { return h.ScheduleID }),
		"server_id":   textFact("The server that it backs up.", func(h health) string { return h.ServerID }),
		"name":        textFact("Name of the schedule.", func(h health) string { return h.Name }),
		"server_name": textFact("Name of the server.", func(h health) string { return h.ServerName }),
		"verdict":     textFact("`healthy`; `warning`, where a check warns; `unhealthy`, where one failed.", func(h health) string { return h.Verdict }),
		"healthy":     flagFact("Whether no check failed. Warnings do not count.", func(h health) bool { return h.Verdict != string(backup.VerdictUnhealthy) }),
		"checks": partsFact("The questions, in this order: `dispatcher_running`, `active`, `cron_valid`, `next_run_valid`, `last_attempt`, `server_reachable_at_due_times`, `not_overdue`, `retention_covers_gap`.",
			checkFacts(), func(h health) []api.Check { return h.Checks }),
		"next_due_at":         timeFact("When it is due next; null while it is paused without an end", func(h health) *time.Time { return h.NextDueAt }),
		"last_good_backup_id": textFact("The newest completed backup that it asked for; null: none.", func(h health) string { return h.LastGoodBackupID }),
		"last_good_at":        timeFact("When that was completed", func(h health) *time.Time { return h.LastGoodAt }),
		"runs":                partsFact("What became of its last due times, at most ten, newest first.", runFacts(), func(h health) []api.Run { return h.Runs }),
	}
}

func checkFacts() facts[api.Check] {
	type check = api.Check
	return facts[check]{
		"name":     textFact("Name of the check.", func(c check) string { return c.Name }),
		"status":   textFact("`ok`, `warning`, `failed`, or `skipped`: there is no answer yet, or another check stands in its way.", func(c check) string { return c.Status }),
		"evidence": textFact("What was seen, in words.", func(c check) string { return c.Evidence }),
		"class":    textFact("Class of the cause, where a backup failed.", func(c check) string { return c.Class }),
		"code":     textFact("Code of what is wrong; null where nothing is.", func(c check) string { return c.Code }),
		"fix":      textsFact("What to do about it, in order.", func(c check) []string { return c.Fix }),
	}
}

func runFacts() facts[api.Run] {
	type run = api.Run
	return facts[run]{
		"due_at":       timeFact("When it was due", func(r run) *time.Time { return &r.DueAt }),
		"outcome":      textFact("`started`, `skipped`, `missed`, or `caught_up`: the run for a later due time did its work.", func(r run) string { return r.Outcome }),
		"reason":       textFact("Why it was skipped (`overlap`, `paused`, `blackout`, `maintenance`, `capacity`) or missed (`control_plane_down`, `deadline_passed`, `server_offline`, `rescheduled`).", func(r run) string { return r.Reason }),
		"backup_id":    textFact("The backup that was made for it; null: none.", func(r run) string { return r.BackupID }),
		"caught_up_by": timeFact("The due time whose run did its work", func(r run) *time.Time { return r.CaughtUpBy }),
		"count":        numberFact("How many due times the record covers: more than one after a long outage.", func(r run) int64 { return r.Count }),
	}
}

func newScheduleHealthDataSource() datasource.DataSource {
	return one("schedule_health", "the health of the schedule", "Whether a schedule does what it is for, and what shows it: the questions of the playbook, each with its answer, its evidence and what to do. Records alone are read; no server is asked. Good in a `check` block.",
		healthFacts(), map[string]schema.Attribute{
			"schedule_id": schema.StringAttribute{Required: true, MarkdownDescription: "The schedule.", Validators: []validator.String{identifier(backup.ParseScheduleID)}},
		}, func(ctx context.Context, s *session, q question) (api.ScheduleHealth, error) {
			h, err := s.client.ScheduleHealth(ctx, q.text("schedule_id"))
			if apiclient.IsNotFound(err) {
				none := noneWithID(s, "schedule", q.text("schedule_id"))
				none.field = "schedule_id"
				return h, none
			}
			return h, err
		})
}
