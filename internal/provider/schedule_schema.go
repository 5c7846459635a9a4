package provider

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Schema implements resource.Resource.
func (r *scheduleResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	flag := func(description string) schema.BoolAttribute {
		return schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false), MarkdownDescription: description + " Default: `false`."}
	}
	policy := func(description, value string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(value), MarkdownDescription: fmt.Sprintf("%s Default: `%s`.", description, value)}
	}
	number := func(description string, value int64) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(value), MarkdownDescription: fmt.Sprintf("%s Default: `%d`.", description, value)}
	}
	d := backup.DefaultSchedulePolicy()
	resp.Schema = schema.Schema{
		MarkdownDescription: "Backups of a server at the times that a cron expression names. They are run by `cloudaipilot serve`; where none runs, plan says so. Every due time leaves a record of what became of it: [How schedules run](../guides/schedules). Every setting but `server_id` changes in place. Destroying a schedule leaves the backups it made.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Identifier.", PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
			"server_id": schema.StringAttribute{Required: true, MarkdownDescription: "The server to back up. Changing it makes a new schedule.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
			"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name, unique among the schedules of the server: 1 to 63 letters, digits, dots, dashes and underscores."},
			"cron": schema.StringAttribute{Required: true, CustomType: cronType{}, PlanModifiers: []planmodifier.String{sameTimes{}},
				MarkdownDescription: "When, in the five fields of cron: minute, hour, day of the month, the month itself, day of the week. Also `@daily` and the like, and `H` for a time chosen from the names of server and schedule, so that not all start at once. `cloudaipilot cron next` prints the times, and so does the function `cron_next`. Written in another way with the same meaning (`0 3 * * 7`, `0 3 * * SUN`), it is no change."},
			"timezone": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(backup.DefaultTimezone),
				MarkdownDescription: fmt.Sprintf("Where these times are meant, as the IANA zone database names it, such as `Europe/Berlin`. Default: `%s`.", backup.DefaultTimezone)},
			"retention_days": schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(backup.DefaultRetentionDays),
				MarkdownDescription: fmt.Sprintf("Days to keep each archive, %d to %d. Default: `%d`.", backup.MinRetentionDays, backup.MaxRetentionDays, backup.DefaultRetentionDays)},
			"offsite": schema.SingleNestedAttribute{Optional: true, MarkdownDescription: "Where archives go besides. This version has no storage vaults yet, and refuses it with `INVALID_CONFIG`.",
				Attributes: map[string]schema.Attribute{"vault_id": schema.StringAttribute{Required: true, MarkdownDescription: "The storage vault."}}},
			"encrypted":                 flag("Encrypt archives. Refused by this version."),
			"incremental":               flag("Take in only what changed since the backup before. Refused by this version."),
			"overlap":                   policy("At a due time while an earlier run of the schedule goes on: `skip` leaves it out, `queue_one` lets one wait, `allow` starts beside it.", string(d.Overlap)),
			"missed_runs":               policy("Due times at which nobody was there: `run_latest` makes one backup for the newest, `skip` none, `run_all` one for each of the newest `max_missed_runs`.", string(d.MissedRuns)),
			"max_missed_runs":           number("How many `run_all` makes at most, 1 to 100.", int64(d.MaxMissedRuns)),
			"starting_deadline_seconds": number("Seconds after a due time, 60 to 604,800, when its backup must not start any more; 0: none. With it, a due time waits for a place on the server, and is skipped if none is free until then.", 0),
			"jitter_seconds":            number("Longest time by which a start is put off, 0 to 21,600 seconds: a number chosen from the names of server and schedule and the due time, so that not all start at once.", 0),
			"blackout_windows":          windowsAttribute("Times in which the schedule is not due. What waits for a start waits for their end."),
			"unresolved_failure": schema.StringAttribute{Computed: true,
				MarkdownDescription: "The schedule's last backup, if it failed and no good one has followed; null otherwise. It is drift: plan shows it going back to null, with the diagnosis as a warning, and apply makes the backup again."},
			"retry_on_apply": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Make a backup that failed again with the next apply. `false` leaves it at the warning. Default: `true`."},
			"paused": flag("Make no backups for now. A schedule that somebody paused elsewhere is drift, and apply resumes it."),
		},
	}
	maps.Copy(resp.Schema.Attributes, sourceAttributes("", nil, nil, nil))
}
