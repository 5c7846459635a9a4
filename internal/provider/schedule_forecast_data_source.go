package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func forecastFacts() facts[api.Forecast] {
	type forecast = api.Forecast
	count := func(description string, of func(forecast) int64) fact[forecast] {
		return fact[forecast]{schema.Int64Attribute{Computed: true, MarkdownDescription: description}, func(f forecast) attr.Value { return types.Int64Value(of(f)) }}
	}
	return facts[forecast]{
		"next_runs": textsFact("The first due times, RFC 3339 in UTC.", func(f forecast) (all []string) {
			for _, t := range f.NextRuns {
				all = append(all, t.UTC().Format(time.RFC3339))
			}
			return all
		}),
		"due_times":             count("How often it is due.", func(f forecast) int64 { return f.DueTimes }),
		"runs":                  count("How many of these make a backup; `notes` say why others do not.", func(f forecast) int64 { return f.Runs }),
		"longest_gap_seconds":   count("Longest time without a due time.", func(f forecast) int64 { return f.LongestGapSeconds }),
		"oldest_backup_seconds": count("How old the newest good backup gets: what a disaster at the worst time loses. Before the first one, the time since `from`.", func(f forecast) int64 { return f.OldestBackupSeconds }),
		"archives":              count("Archives that are kept at the end.", func(f forecast) int64 { return f.Archives }),
		"storage_bytes":         count("What these take. Once `from` is longer ago than the retention, archives expire as fast as they come.", func(f forecast) int64 { return f.StorageBytes }),
		"peak_storage_bytes":    count("The most that its archives take at a time.", func(f forecast) int64 { return f.PeakStorageBytes }),
		"space_full_at":         timeFact("When a backup of the server finds no space first; null where `space_bytes` is enough, or not given", func(f forecast) *time.Time { return f.SpaceFullAt }),
		"assumptions": partsFact("The numbers that this rests on: `archive_bytes`, `growth_bytes_per_day`, `bytes_per_second`.", facts[api.Assumption]{
			"name":   textFact("Name, as it is given.", func(a api.Assumption) string { return a.Name }),
			"value":  {schema.Int64Attribute{Computed: true, MarkdownDescription: "The number."}, func(a api.Assumption) attr.Value { return types.Int64Value(a.Value) }},
			"source": textFact("`given`, `measured` on the newest good backups of the same source, or `assumed`.", func(a api.Assumption) string { return a.Source }),
		}, func(f forecast) []api.Assumption { return f.Assumptions }),
		"notes": textsFact("What a person should know, in words: changes of the clocks, steps that do not divide evenly, a retention shorter than the gap, due times without a backup.", func(f forecast) []string { return f.Notes }),
	}
}

func newScheduleForecastDataSource() datasource.DataSource {
	text := func(description string, v ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: v}
	}
	number := func(description string, v ...validator.Int64) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: v}
	}
	either := stringvalidator.ExactlyOneOf(path.MatchRoot("schedule_id"), path.MatchRoot("cron"))
	planned := stringvalidator.ConflictsWith(path.MatchRoot("schedule_id"))
	plannedNumber := int64validator.ConflictsWith(path.MatchRoot("schedule_id"))
	return one("schedule_forecast", "the forecast", "What will become of a schedule that exists, or is only planned: when it is due, the longest time without a backup, and what its archives will take. What decides is what decides in the control plane, in virtual time, together with the other schedules of its server. Nothing fails in a forecast, nothing is changed, and no server is asked. [What schedules will do](../guides/simulate) tells how to look at a whole fleet, and at what goes wrong.",
		forecastFacts(), map[string]schema.Attribute{
			"schedule_id": text("A schedule that exists. Without it, `cron` and the others describe one that is only planned.", identifier(backup.ParseScheduleID), either),
			"cron":        text("When, in the five fields of cron, as of `cloudaipilot_backup_schedule`."),
			"timezone":    text("Where `cron` is meant. Default: `UTC`.", planned),
			"name":        text("Name of the planned schedule. `H` and jitter follow it, and it takes the place of the server's schedule of that name.", planned),
			"server_id":   text("The server of the planned schedule, whose other schedules and windows count.", identifier(backup.ParseServerID), planned),
			"server_name": text("Name of a server that is only planned too. `H` and jitter follow it.", planned, stringvalidator.ConflictsWith(path.MatchRoot("server_id"))),
			"overlap":     text("As of `cloudaipilot_backup_schedule`.", planned),

			"retention_days":            number("Days to keep each archive of the planned schedule. Default: `30`.", plannedNumber),
			"starting_deadline_seconds": number("As of `cloudaipilot_backup_schedule`.", plannedNumber),
			"jitter_seconds":            number("As of `cloudaipilot_backup_schedule`.", plannedNumber),
			"blackout_windows": schema.ListNestedAttribute{Optional: true, MarkdownDescription: "As of `cloudaipilot_backup_schedule`.",
				Validators: []validator.List{listvalidator.ConflictsWith(path.MatchRoot("schedule_id"))},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"cron":             schema.StringAttribute{Required: true, MarkdownDescription: "When it opens, in the five fields of cron."},
					"duration_minutes": schema.Int64Attribute{Required: true, MarkdownDescription: "How long it lasts, 1 to 10,080 minutes."},
					"timezone":         text("Where `cron` is meant. Default: `UTC`."),
				}}},

			"from": schema.StringAttribute{Required: true, MarkdownDescription: "When the forecast begins, RFC 3339, such as `2026-01-01T00:00:00Z`. It is not the time of the plan, because values that change with every plan would make every plan a change. `plantimestamp()` has it follow all the same.", Validators: []validator.String{accepted{"Invalid time", func(s string) error {
				_, err := cron.ParseTime(s)
				return err
			}}}},
			"for": text("How long it is, `1m` to `3650d`. Default: `365d`."),

			"next_runs_count":      number("How many due times `next_runs` lists, 0 to 1,000. Default: `10`."),
			"archive_bytes":        number("Size of an archive. Measured on the newest good backups of the same source if left out: a value that changes when a backup was made. 1 GiB where there are none."),
			"growth_bytes_per_day": number("By which archives grow in a day. Measured if left out; none where it cannot be."),
			"bytes_per_second":     number("Of archive that the server makes. Measured if left out; 30 MiB where it cannot be."),
			"space_bytes":          number("What the archives of the server may take of its disk. Without end if left out."),
		}, foretell)
}

func foretell(ctx context.Context, s *session, q question) (api.Forecast, error) {
	terms := api.ForecastTerms{For: q.text("for"), ArchiveBytes: int64(q.number("archive_bytes")), BytesPerSecond: int64(q.number("bytes_per_second")), SpaceBytes: int64(q.number("space_bytes"))}
	var err error
	if terms.From, err = cron.ParseTime(q.text("from")); err != nil {
		return api.Forecast{}, err
	}
	if q.given("next_runs_count") {
		terms.NextRunsCount = new(q.number("next_runs_count"))
	}
	if q.given("growth_bytes_per_day") {
		terms.GrowthBytesPerDay = new(int64(q.number("growth_bytes_per_day")))
	}
	if id := q.text("schedule_id"); id != "" {
		f, err := s.client.Forecast(ctx, id, terms)
		if apiclient.IsNotFound(err) {
			none := noneWithID(s, "schedule", id)
			none.field = "schedule_id"
			return f, none
		}
		return f, err
	}
	text := func(name string) *string {
		if !q.given(name) {
			return nil
		}
		return new(q.text(name))
	}
	number := func(name string) *int {
		if !q.given(name) {
			return nil
		}
		return new(q.number(name))
	}
	var blackouts *[]backup.Window
	if list, ok := q["blackout_windows"].(types.List); ok && !list.IsNull() {
		blackouts = new(windowsGiven(list))
	}
	return s.client.ForecastPlanned(ctx, api.ForecastInput{ForecastTerms: terms, ServerName: q.text("server_name"), Schedule: api.ScheduleInput{
		ServerID: text("server_id"), Name: text("name"), Cron: text("cron"), Timezone: text("timezone"), RetentionDays: number("retention_days"),
		Overlap: text("overlap"), StartingDeadlineSeconds: number("starting_deadline_seconds"), JitterSeconds: number("jitter_seconds"), BlackoutWindows: blackouts}})
}
