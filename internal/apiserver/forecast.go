package apiserver

import (
	"cmp"
	"context"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

// usualForecast is how long a forecast is that says nothing else, and usualNextRuns how many due times it lists.
const (
	usualForecast = "365d"
	usualNextRuns = 10
)

// scheduleForecast takes the terms as parameters.
func (h *handlers) scheduleForecast(ctx context.Context, in *struct {
	SchedulePath
	From           time.Time `query:"from" required:"true" doc:"When it begins, RFC 3339: the same question has the same answer at any time"`
	For            string    `query:"for" maxLength:"32" doc:"How long it is, 1m to 3650d; 365d if left out"`
	NextRunsCount  int       `query:"next_runs_count" default:"10" doc:"How many due times to list, 0 to 1000"`
	ArchiveBytes   int64     `query:"archive_bytes" doc:"Of an archive; measured on the newest good backups of the same source if left out"`
	Growth         int64     `query:"growth_bytes_per_day" default:"-1" doc:"By which archives grow; measured if left out"`
	BytesPerSecond int64     `query:"bytes_per_second" doc:"Of archive that the server makes; measured if left out"`
	SpaceBytes     int64     `query:"space_bytes" doc:"That the archives of the server may take; without end if left out"`
},
) (*body[api.Forecast], error) {
	terms := api.ForecastTerms{From: in.From, For: in.For, NextRunsCount: &in.NextRunsCount, ArchiveBytes: in.ArchiveBytes,
		BytesPerSecond: in.BytesPerSecond, SpaceBytes: in.SpaceBytes}
	if in.Growth != -1 {
		terms.GrowthBytesPerDay = &in.Growth
	}
	return h.forecast(ctx, controlplane.ForecastRequest{Schedule: backup.ScheduleID(in.ID)}, terms)
}

func (h *handlers) plannedForecast(ctx context.Context, in *body[api.ForecastInput]) (*body[api.Forecast], error) {
	spec := backup.DefaultScheduleSpec()
	in.Body.Schedule.Apply(&spec)
	return h.forecast(ctx, controlplane.ForecastRequest{Spec: spec, ServerName: in.Body.ServerName}, in.Body.ForecastTerms)
}

func (h *handlers) forecast(ctx context.Context, r controlplane.ForecastRequest, in api.ForecastTerms) (*body[api.Forecast], error) {
	span, err := scenario.ParseSpan(cmp.Or(in.For, usualForecast))
	if err != nil {
		return nil, &backup.FindingsError{Findings: []backup.Finding{{Severity: backup.SeverityError, Path: "for", Code: backup.CodeInvalidArgument,
			Summary: "This cannot be foretold", Detail: "for: " + err.Error() + ".", Fix: "Allowed are 1m to 3650d."}}}
	}
	r.From, r.For, r.NextRuns = in.From, span, usualNextRuns
	if in.NextRunsCount != nil {
		r.NextRuns = *in.NextRunsCount
	}
	r.Given = controlplane.Assumptions{ArchiveBytes: in.ArchiveBytes, GrowthPerDay: in.GrowthBytesPerDay, BytesPerSecond: in.BytesPerSecond, SpaceBytes: in.SpaceBytes}
	f, err := h.plane.ForecastSchedule(ctx, r)
	if err != nil {
		return nil, err
	}
	return answer(forecastOf(f), nil)
}

func forecastOf(f controlplane.Forecast) api.Forecast {
	s := f.Schedule
	out := api.Forecast{ScheduleID: string(s.ID), Name: s.Name, ServerID: string(s.ServerID), ServerName: f.ServerName, Cron: s.Cron, Timezone: s.Timezone,
		RetentionDays: s.RetentionDays, From: f.From, Until: f.Until, NextRuns: []time.Time{}, DueTimes: f.Due, NotRun: map[string]int64{},
		LongestGapSeconds: f.LongestGap, LongestGapFrom: atUnix(f.GapFrom), OldestBackupSeconds: f.MaxGap, OldestBackupAt: atUnix(f.MaxGapAt),
		Archives: f.Archives, StorageBytes: f.Bytes, PeakStorageBytes: f.PeakBytes, Steady: f.Steady, SpaceFullAt: atUnix(f.Server.FullAt),
		Assumptions: []api.Assumption{}, Notes: f.Notes}
	for _, t := range f.Next {
		out.NextRuns = append(out.NextRuns, time.Unix(t, 0).UTC())
	}
	for reason, n := range f.NotRun() {
		out.NotRun[string(reason.Word())] = n
	}
	out.Runs = f.Started()
	for _, a := range f.Assumptions {
		out.Assumptions = append(out.Assumptions, api.Assumption(a))
	}
	return out
}

// atUnix is nothing at 0.
func atUnix(t int64) *time.Time {
	if t == 0 {
		return nil
	}
	return new(time.Unix(t, 0).UTC())
}
