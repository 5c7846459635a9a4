package provider

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Bounds on how many activities one data source lists. The log only grows, so it is never all of it.
const (
	usualActivities = 100
	mostActivities  = 1000 // one page of the API
)

func activityFacts() facts[api.Activity] {
	type activity = api.Activity
	type step = backup.ActivityStep
	steps := facts[step]{
		"name":        textFact("Name of the step, such as `archive`.", func(s step) string { return s.Name }),
		"status":      textFact("`queued`, `running`, `completed` or `failed`.", func(s step) string { return string(s.Status) }),
		"started_at":  timeFact("When it began", func(s step) *time.Time { return &s.StartedAt }),
		"finished_at": timeFact("When it ended", func(s step) *time.Time { return &s.FinishedAt }),
	}
	return facts[activity]{
		"id":          textFact("Identifier.", func(a activity) string { return a.ID }),
		"type":        textFact("What was done, such as `backup.create` or `server.update`.", func(a activity) string { return a.Type }),
		"target_id":   textFact("Identifier of the backup, server or schedule that it is about.", func(a activity) string { return a.TargetID }),
		"server_id":   textFact("The server that it is about.", func(a activity) string { return a.ServerID }),
		"title":       textFact("What was done, in words.", func(a activity) string { return a.Title }),
		"status":      textFact("`queued`, `running`, `completed` or `failed`.", func(a activity) string { return a.Status }),
		"steps":       partsFact("Its steps, in order.", steps, func(a activity) []step { return a.Steps }),
		"created_at":  timeFact("When it was asked for", func(a activity) *time.Time { return &a.CreatedAt }),
		"finished_at": timeFact("When it ended (null while it goes on)", func(a activity) *time.Time { return a.FinishedAt }),
	}
}

func newActivitiesDataSource() datasource.DataSource {
	return many("activities", "activities", "The activity log: what was done, newest first. `cloudaipilot activity` prints the lines of each.", activityFacts(), map[string]schema.Attribute{
		"server_id": onlyOf("Only those about this server, its backups and its schedules. It may be a server that was deleted."),
		"target_id": filter("Only those about this server, backup or schedule itself."),
		"limit": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.Between(1, mostActivities)},
			MarkdownDescription: fmt.Sprintf("How many at most, 1 to %d. Default: `%d`.", mostActivities, usualActivities)},
	}, func(ctx context.Context, s *session, q question) ([]api.Activity, error) {
		return s.client.Activities(ctx, q.text("target_id"), q.text("server_id"), cmp.Or(q.number("limit"), usualActivities))
	})
}
