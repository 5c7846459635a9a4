package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// Bounds of a forecast.
const (
	minForecast     = time.Minute
	maxForecast     = 3650 * 24 * time.Hour
	maxForecastRuns = 1000      // that are listed
	maxForecastDue  = 5_000_000 // due times that are simulated for one request: about a second
	maxForecastSize = 1 << 50   // bytes: a pebibyte
	maxForecastSum  = 1 << 62   // bytes of all archives that are made: beyond it they cannot be counted
	forecastsAtOnce = 2
)

// ForecastRequest says what to foretell.
type ForecastRequest struct {
	Schedule   backup.ScheduleID   // one that exists; empty: Spec
	Spec       backup.ScheduleSpec // one that is only planned. Where its server has a schedule of its name, it takes that one's place
	ServerName string              // of a server that is only planned, where Spec names none
	From       time.Time
	For        time.Duration
	NextRuns   int // how many due times to list
	Given      Assumptions
}

// Assumptions are what a forecast rests on besides. Zero: not given.
type Assumptions struct {
	ArchiveBytes   int64
	GrowthPerDay   *int64 // 0 is a growth
	BytesPerSecond int64
	SpaceBytes     int64 // that the server's archives may take; 0: without end
}

// Assumption is one of them, and where it comes from.
type Assumption struct {
	Name   string // as it is given
	Value  int64
	Source string // of AssumptionSources
}

// Where assumptions come from.
const (
	AssumptionGiven    = "given"
	AssumptionMeasured = "measured" // on the newest good backups of the same source
	AssumptionUsual    = "assumed"  // nothing better is known
)

// Forecast is what becomes of a schedule, if nothing fails.
type Forecast struct {
	simulator.Forecast
	Schedule    backup.Schedule // its ID is empty where it is only planned
	ServerName  string
	From, Until time.Time
	Assumptions []Assumption
	Notes       []string // for people
}

// ForecastSchedule foretells what becomes of a schedule that exists, or is only planned, by the control plane's own decisions in
// virtual time, together with the other schedules of its server. It depends on the records and on what is asked for alone, never on
// the time of the day.
func (c *ControlPlane) ForecastSchedule(ctx context.Context, r ForecastRequest) (Forecast, error) {
	f := Forecast{Schedule: backup.Schedule{ScheduleSpec: r.Spec}, From: r.From.UTC(), Until: r.From.UTC().Add(r.For)}
	if r.Schedule != "" {
		kept, err := c.Store.Schedule(ctx, r.Schedule) // with a pause that is over by now: it may not be at that time
		if err == nil && !kept.DeletedAt.IsZero() {
			err = ErrNotFound
		}
		if err != nil {
			return f, fmt.Errorf("schedule %s: %w", r.Schedule, err)
		}
		f.Schedule = kept
	}
	if refused := append(checkForecast(r), backup.Refuses(plannedRules(f.Schedule.ScheduleSpec))...); len(refused) > 0 {
		return f, &backup.FindingsError{Findings: refused}
	}
	server := backup.Server{ServerSpec: backup.DefaultServerSpec()}
	server.Name = cmp.Or(r.ServerName, "server")
	if id := f.Schedule.ServerID; id != "" {
		var err error
		if server, err = c.Server(ctx, id); err != nil {
			return f, serverUnknown(id, err)
		}
	}
	f.ServerName = server.Name
	select { // whoever asks for many at once is not to have all processors and all memory
	case c.forecasts <- struct{}{}:
		defer func() { <-c.forecasts }()
	case <-ctx.Done():
		return f, ctx.Err()
	}
	sc, err := c.stage(ctx, &f, server, r)
	if err != nil {
		return f, err
	}
	f.Forecast, err = sc.Forecast(ctx, 0, r.NextRuns)
	if errors.Is(err, simulator.ErrBacklog) {
		return f, tooMuch("On server "+server.Name+" "+err.Error()+": they take longer than the time between them.",
			"Ask for a shorter time, give archive_bytes and bytes_per_second that fit together, or have it due less often.")
	}
	if err != nil {
		return f, err
	}
	f.Notes = notesOf(f, sc)
	return f, nil
}

// plannedRules are what is to be said about the settings of a schedule, its source and its server left out: they change no time.
func plannedRules(s backup.ScheduleSpec) []backup.Finding {
	s.Name = cmp.Or(s.Name, "planned")
	return backup.CheckSchedule(s, backup.Paths{"server_id", "type", "files", "databases"})
}

func serverUnknown(id backup.ServerID, err error) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return refuse(backup.CodeInvalidArgument, "server_id", "The server does not exist", fmt.Sprintf("There is no server %s.", id),
		"For a server that is only planned, give its name instead.")
}

func checkForecast(r ForecastRequest) (found []backup.Finding) {
	wrong := func(path, detail, fix string) {
		found = append(found, backup.Finding{Severity: backup.SeverityError, Path: path, Code: backup.CodeInvalidArgument, Summary: "This cannot be foretold", Detail: detail, Fix: fix})
	}
	if r.For < minForecast || r.For > maxForecast {
		wrong("for", fmt.Sprintf("for is %s; allowed are 1m to 3650d.", backup.Roughly(r.For)), "Write it as 90m, 26h or 365d.")
	}
	if first, last := r.From.UTC(), r.From.UTC().Add(r.For); first.Year() < 1970 || last.Year() > 2200 {
		wrong("from", fmt.Sprintf("Times are known from 1970 to 2200 only, not from %s to %s.", first.Format(time.RFC3339), last.Format(time.RFC3339)), "")
	}
	if r.NextRuns < 0 || r.NextRuns > maxForecastRuns {
		wrong("next_runs_count", fmt.Sprintf("next_runs_count is %d; allowed are 0 to %d.", r.NextRuns, maxForecastRuns), "")
	}
	growth := int64(0)
	if r.Given.GrowthPerDay != nil {
		growth = *r.Given.GrowthPerDay
	}
	for _, given := range []Assumption{{Name: "archive_bytes", Value: r.Given.ArchiveBytes}, {Name: "growth_bytes_per_day", Value: growth},
		{Name: "bytes_per_second", Value: r.Given.BytesPerSecond}, {Name: "space_bytes", Value: r.Given.SpaceBytes}} {
		if given.Value < 0 || given.Value > maxForecastSize {
			wrong(given.Name, fmt.Sprintf("%s is %d; allowed are 0 to %d.", given.Name, given.Value, int64(maxForecastSize)), "")
		}
	}
	return found
}

// stage is the scenario of a forecast, whose first schedule is the one that it is about.
func (c *ControlPlane) stage(ctx context.Context, f *Forecast, server backup.Server, r ForecastRequest) (*simulator.Scenario, error) {
	specs := []backup.ScheduleSpec{f.Schedule.ScheduleSpec}
	var archives []backup.Backup
	if server.ID != "" {
		others, err := c.Store.Schedules(ctx, ScheduleFilter{ServerID: server.ID})
		if err != nil {
			return nil, err
		}
		for _, o := range others {
			if o.Name != f.Schedule.Name {
				specs = append(specs, o.ScheduleSpec)
			}
		}
		if archives, err = c.archives(ctx, server.ID); err != nil {
			return nil, err
		}
	}
	measured := backup.Measure(f.Schedule.Spec, archives)
	of := func(name string, given *int64, measured, usual int64) int64 {
		a := Assumption{name, usual, AssumptionUsual}
		if measured > 0 {
			a.Value, a.Source = measured, AssumptionMeasured
		}
		if given != nil {
			a.Value, a.Source = *given, AssumptionGiven
		}
		f.Assumptions = append(f.Assumptions, a)
		return a.Value
	}
	bytes := of("archive_bytes", given(r.Given.ArchiveBytes), measured.Bytes, simulator.DefaultBytes)
	growth := of("growth_bytes_per_day", r.Given.GrowthPerDay, measured.PerDay, 0)
	speed := of("bytes_per_second", given(r.Given.BytesPerSecond), measured.BytesPerSec, simulator.DefaultBytesPerSec)

	sc := &simulator.Scenario{Start: f.From.Unix(), End: f.Until.Unix(), Servers: []simulator.Server{
		{Name: server.Name, MaxConcurrent: server.MaxConcurrentBackups, BytesPerSec: speed, Disk: r.Given.SpaceBytes},
	}}
	due, sum := 0, 0.0
	for i, spec := range specs {
		before := due
		t, err := scheduler.TimetableOf(spec, server.ServerSpec)
		if err != nil {
			return nil, fmt.Errorf("read the times of schedule %s: %w", spec.Name, err)
		}
		s := simulator.Schedule{Name: spec.Name, Vault: simulator.NoVault, Expression: t.Expression, Zone: t.Zone, Policy: t.Policy,
			Retention: int64(spec.RetentionDays) * 24 * 3600, Bytes: bytes, PerDay: growth, Seconds: simulator.RunSeconds}
		if i > 0 {
			m := backup.Measure(spec.Spec, archives)
			s.Bytes, s.PerDay = cmp.Or(m.Bytes, simulator.DefaultBytes), m.PerDay
		}
		for range s.Expression.Between(s.Zone, sc.Start-1, sc.End-1) {
			if due++; due > maxForecastDue {
				return nil, tooMuch(fmt.Sprintf("The schedules of server %s are due more than %d times in %s.", server.Name, maxForecastDue, backup.Roughly(r.For)), "Ask for a shorter time.")
			}
		}
		largest := float64(s.Bytes) + float64(max(s.PerDay, 0))*r.For.Hours()/24
		if sum += largest * float64(due-before); sum > maxForecastSum {
			return nil, tooMuch(fmt.Sprintf("The archives of server %s would take more than %d bytes, if all were kept.", server.Name, int64(maxForecastSum)),
				"Ask for a shorter time, or give a smaller archive_bytes or growth_bytes_per_day.")
		}
		sc.Schedules = append(sc.Schedules, s)
	}
	return sc, nil
}

func tooMuch(detail, fix string) error {
	return refuse(backup.CodeInvalidArgument, "for", "This is too much for one forecast", detail, fix)
}

func given(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// clockNotes are the notes about changes of the clocks; a forecast of ten years has more than anybody reads.
var clockNotes = []backup.Code{"CRON_SKIPPED", "CRON_REPEATED"}

const mostClockNotes = 6

// notesOf says in words what a person should know of a forecast.
func notesOf(f Forecast, sc *simulator.Scenario) []string {
	notes := []string{}
	spec := f.Schedule.ScheduleSpec
	spec.Name = cmp.Or(spec.Name, "planned")
	for _, found := range append(plannedRules(spec), backup.TimeNotes(spec, f.ServerName, f.From)...) {
		switch {
		case slices.Contains(clockNotes, found.Code): // those of a year, and not of the forecast
			continue
		case found.Severity == backup.SeverityWarning:
			found.Detail = found.Summary + ". " + found.Detail
		}
		notes = append(notes, found.Detail)
	}
	changes := sc.ClockChanges(0)
	for i, change := range changes {
		if i == mostClockNotes {
			notes = append(notes, fmt.Sprintf("%d more changes of the clocks concern it.", len(changes)-i))
			break
		}
		notes = append(notes, change.String())
	}
	if f.Due == 0 {
		notes = append(notes, "It is not due in this time at all.")
	}
	for _, reason := range slices.Sorted(maps.Keys(f.NotRun())) {
		notes = append(notes, fmt.Sprintf("%d of its %d due times would make no backup: %s.", f.NotRun()[reason], f.Due, reason.Word()))
	}
	for _, class := range slices.Sorted(maps.Keys(f.Failed())) {
		notes = append(notes, fmt.Sprintf("%d of its %d runs would fail: %s.", f.Failed()[class], f.Started(), class))
	}
	if full := f.Server.FullAt; full > 0 {
		notes = append(notes, fmt.Sprintf("On %s the archives of server %s need more than space_bytes: keep them for a shorter time, or give them more space.",
			time.Unix(full, 0).UTC().Format("2 January 2006"), f.ServerName))
	}
	if !f.Steady && f.Due > 0 {
		notes = append(notes, fmt.Sprintf("The storage is not steady yet: archives are kept for %d days, and the forecast covers %s.", spec.RetentionDays, backup.Roughly(f.Until.Sub(f.From))))
	}
	if sc.Schedules[0].PerDay > 0 && f.Steady {
		notes = append(notes, "Archives grow: the storage is that of the last day.")
	}
	return notes
}
