package controlplane_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// year is a forecast of a year from the beginning of 2026.
func year(change ...func(*controlplane.ForecastRequest)) controlplane.ForecastRequest {
	r := controlplane.ForecastRequest{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), For: 365 * 24 * time.Hour, NextRuns: 3, Spec: backup.DefaultScheduleSpec()}
	r.Spec.Cron = "30 2 * * *"
	for _, c := range change {
		c(&r)
	}
	return r
}

func (b *bench) foretell(r controlplane.ForecastRequest) controlplane.Forecast {
	b.t.Helper()
	f, err := b.ForecastSchedule(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

func TestForecastOfAPlannedScheduleNeedsNoRecord(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	f := b.foretell(year(func(r *controlplane.ForecastRequest) { r.Spec.Timezone, r.Spec.RetentionDays = "Europe/Berlin", 14 }))
	if f.Due != 365 || f.Started() != 365 || f.Archives != 14 || f.Bytes != 14<<30 || !f.Steady || f.LongestGap != 25*3600 {
		t.Errorf("%+v", f)
	}
	want := []controlplane.Assumption{{Name: "archive_bytes", Value: 1 << 30, Source: "assumed"}, {Name: "growth_bytes_per_day", Source: "assumed"}, {Name: "bytes_per_second", Value: 30 << 20, Source: "assumed"}}
	if diff := cmp.Diff(want, f.Assumptions); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(f.Notes, func(n string) bool { return strings.Contains(n, "Europe/Berlin") }) { // 02:30 is skipped there once
		t.Errorf("notes: %q", f.Notes)
	}
	b.clock.add(1000 * time.Hour)
	again := b.foretell(year(func(r *controlplane.ForecastRequest) { r.Spec.Timezone, r.Spec.RetentionDays = "Europe/Berlin", 14 }))
	if diff := cmp.Diff(f.Notes, again.Notes); diff != "" || again.MaxGap != f.MaxGap {
		t.Errorf("another answer at another time: %s", diff)
	}
}

func TestForecastCountsTheOtherSchedulesOfTheServer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	kept := b.schedule(nightly(server))
	on := func(name string) controlplane.Forecast {
		return b.foretell(year(func(r *controlplane.ForecastRequest) {
			r.Spec.ServerID, r.Spec.Name, r.Spec.RetentionDays, r.Given.SpaceBytes = server.ID, name, 5, 20<<30
		}))
	}
	if f := on("other"); f.Server.FullAt == 0 || !slices.ContainsFunc(f.Notes, func(n string) bool { return strings.Contains(n, "space_bytes") }) {
		t.Errorf("beside one that keeps 30 archives, 20 GiB are enough: %q", f.Notes)
	}
	if f := on(kept.Name); f.Server.FullAt != 0 || f.ServerName != server.Name {
		t.Errorf("in the place of that one, they are not: %q", f.Notes)
	}
	f := b.foretell(year(func(r *controlplane.ForecastRequest) { r.Schedule = kept.ID }))
	if _, err := b.UpdateSchedule(t.Context(), kept.ID, 0, func(s *backup.ScheduleSpec) { s.Paused, s.PausedUntil = true, b.clock.Now().Add(time.Hour) }); err != nil {
		t.Fatal(err)
	}
	paused := b.foretell(year(func(r *controlplane.ForecastRequest) { r.Schedule = kept.ID }))
	b.clock.add(2 * time.Hour) // the pause is over
	if again := b.foretell(year(func(r *controlplane.ForecastRequest) { r.Schedule = kept.ID })); again.Started() != paused.Started() || again.Started() >= f.Started() {
		t.Errorf("in a pause it makes %d backups, afterwards it says %d", paused.Started(), again.Started())
	}
	if f.Schedule.ID != kept.ID || f.Archives != int64(kept.RetentionDays) {
		t.Errorf("of one that exists: %+v", f)
	}
}

func TestForecastMeasuresGoodBackups(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	kept := b.schedule(nightly(b.addServer()))
	b.server.result = &backup.Result{SizeBytes: 500 << 20}
	made := b.finish(b.ask(controlplane.CreateRequest{Spec: kept.Spec, Trigger: backup.TriggerManual}).ID)
	f := b.foretell(year(func(r *controlplane.ForecastRequest) { r.Schedule = kept.ID }))
	rate := int64(float64(made.SizeBytes) / made.FinishedAt.Sub(made.StartedAt).Seconds())
	want := []controlplane.Assumption{{Name: "archive_bytes", Value: 500 << 20, Source: "measured"}, {Name: "growth_bytes_per_day", Source: "assumed"}, {Name: "bytes_per_second", Value: rate, Source: "measured"}}
	if diff := cmp.Diff(want, f.Assumptions); diff != "" {
		t.Error(diff)
	}
	f = b.foretell(year(func(r *controlplane.ForecastRequest) {
		r.Schedule, r.Given.ArchiveBytes, r.Given.GrowthPerDay = kept.ID, 7, new(int64(0))
	}))
	if f.Assumptions[0] != (controlplane.Assumption{Name: "archive_bytes", Value: 7, Source: "given"}) || f.Assumptions[1].Source != "given" || f.Bytes != 7*30 {
		t.Errorf("%+v, %d bytes", f.Assumptions, f.Bytes)
	}
}

func TestForecastNotes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		change func(*controlplane.ForecastRequest)
		want   string
	}{
		"retention": {func(r *controlplane.ForecastRequest) { r.Spec.Cron, r.Spec.RetentionDays = "0 3 * * 0", 3 }, "expire before the next one is made"},
		"steps":     {func(r *controlplane.ForecastRequest) { r.Spec.Cron = "*/7 * * * *" }, "*/7 is not every 7 minutes"},
		"short":     {func(r *controlplane.ForecastRequest) { r.For = 48 * time.Hour }, "not steady yet: archives are kept for 30 days, and the forecast covers 2 days"},
		"paused":    {func(r *controlplane.ForecastRequest) { r.Spec.Paused = true }, "365 of its 365 due times would make no backup: paused."},
		"clocks":    {func(r *controlplane.ForecastRequest) { r.Spec.Timezone, r.For = "Europe/Berlin", 3650*24*time.Hour }, "14 more changes of the clocks concern it."},
		"never":     {func(r *controlplane.ForecastRequest) { r.Spec.Cron, r.For = "0 3 24 12 *", 48*time.Hour }, "not due in this time at all"},
	} {
		f := b.foretell(year(test.change))
		if !slices.ContainsFunc(f.Notes, func(n string) bool { return strings.Contains(n, test.want) }) {
			t.Errorf("%s: no %q in %q", name, test.want, f.Notes)
		}
	}
}

func TestForecastTellsNoChangeOfTheClocksBehindItsEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	f := b.foretell(year(func(r *controlplane.ForecastRequest) {
		r.Spec.Timezone, r.For, r.Spec.RetentionDays = "Europe/Berlin", 90*24*time.Hour, 7
	}))
	if diff := cmp.Diff([]string{"On 29 March 2026 the clocks of Europe/Berlin skip 02:30: the run is at 03:00 instead."}, f.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestForecastIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		change       func(*controlplane.ForecastRequest)
		path, detail string
	}{
		"cron":   {func(r *controlplane.ForecastRequest) { r.Spec.Cron = "0 25 * * *" }, "cron", "25"},
		"length": {func(r *controlplane.ForecastRequest) { r.For = time.Second }, "for", "1m to 3650d"},
		"century": {func(r *controlplane.ForecastRequest) {
			r.From = time.Date(2199, 6, 1, 0, 0, 0, 0, time.UTC)
			r.For *= 9
		}, "from", "1970 to 2200"},
		"count":  {func(r *controlplane.ForecastRequest) { r.NextRuns = 1001 }, "next_runs_count", "0 to 1000"},
		"size":   {func(r *controlplane.ForecastRequest) { r.Given.SpaceBytes = -1 }, "space_bytes", "-1"},
		"server": {func(r *controlplane.ForecastRequest) { r.Spec.ServerID = "srv_none" }, "server_id", "no server srv_none"},
		"work":   {func(r *controlplane.ForecastRequest) { r.Spec.Cron, r.For = "* * * * *", 3650*24*time.Hour }, "for", "more than 5000000 times"},
		"backlog": {func(r *controlplane.ForecastRequest) {
			r.Spec.Cron, r.Spec.Overlap, r.Given.BytesPerSecond = "* * * * *", backup.OverlapAllow, 1
		}, "for", "longer than the time between them"},
		"sum": {func(r *controlplane.ForecastRequest) { r.Spec.Cron, r.Given.ArchiveBytes = "* * * * *", 1<<50 }, "for", "more than 4611686018427387904 bytes"},
	} {
		_, err := b.ForecastSchedule(t.Context(), year(test.change))
		refusal, ok := errors.AsType[*backup.FindingsError](err)
		if !ok || refusal.Findings[0].Path != test.path || !strings.Contains(refusal.Findings[0].Detail, test.detail) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.ForecastSchedule(t.Context(), year(func(r *controlplane.ForecastRequest) { r.Schedule = "sch_none" })); !errors.Is(err, controlplane.ErrNotFound) {
		t.Errorf("of no schedule: %v", err)
	}
}

func TestForecastWaitsForOthersAndNoLongerThanItsClient(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.OccupyForecasts()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.ForecastSchedule(ctx, year()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
