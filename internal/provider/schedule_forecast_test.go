package provider_test

import (
	"os"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const theForecast = "data.cloudaipilot_schedule_forecast.it"

func forecast(given ...attrs) string {
	return data("schedule_forecast", "it", append([]attrs{{"from": `"2026-01-01T00:00:00Z"`}}, given...)...) +
		block(`output "it"`, attrs{"value": theForecast})
}

func TestForecastOfAPlannedScheduleIsToldByPlan(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(example(t, "data-sources/cloudaipilot_schedule_forecast/data-source.tf"), forecast(attrs{"cron": `"0 * * * *"`, "retention_days": "1", "for": `"30d"`, "next_runs_count": "2"})))
	same(t, "plan", 0, s.terraform("plan").exit)
	if _, err := os.Stat(s.dataDir); !os.IsNotExist(err) {
		t.Errorf("the plan made a data directory: %v", err)
	}
	s.mustApply()
	out := s.outputs()
	same(t, "storage of the example", any(28.0), out["storage_gib"])
	it, _ := out["it"].(map[string]any)
	same(t, "next_runs", any([]any{"2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"}), it["next_runs"])
	// The one of a day ago is gone in the very moment that the forecast ends.
	for name, want := range map[string]any{"runs": 720.0, "due_times": 720.0, "longest_gap_seconds": 3600.0, "archives": 23.0, "storage_bytes": 23.0 * (1 << 30), "peak_storage_bytes": 24.0 * (1 << 30), "space_full_at": nil} {
		same(t, name, want, it[name])
	}
	same(t, "plan again", 0, s.terraform("plan", "-detailed-exitcode").exit)
}

func TestForecastOfAScheduleWaitsForItsServer(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.schedule(attrs{"retention_days": "3"}), forecast(attrs{"schedule_id": theSchedule + ".id", "archive_bytes": "7", "growth_bytes_per_day": "0", "bytes_per_second": "7"})))
	s.mustApply()
	it, _ := s.outputs()["it"].(map[string]any)
	same(t, "storage_bytes", any(21.0), it["storage_bytes"])
	same(t, "plan again", 0, s.terraform("plan", "-detailed-exitcode").exit)
}

func TestForecastSaysWhichArgumentIsWrong(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	for name, test := range map[string]struct {
		given   attrs
		summary string
		line    string
	}{
		"cron":     {attrs{"cron": `"0 25 * * *"`}, "Invalid cron expression", `  cron = "0 25 * * *"`},
		"from":     {attrs{"cron": `"@daily"`, "from": `"tomorrow"`}, "Invalid time", `  from = "tomorrow"`},
		"for":      {attrs{"cron": `"@daily"`, "for": `"soon"`}, "This cannot be foretold", `  for = "soon"`},
		"size":     {attrs{"cron": `"@daily"`, "space_bytes": "-1"}, "This cannot be foretold", `  space_bytes = -1`},
		"both":     {attrs{"cron": `"@daily"`, "schedule_id": quoted(aSchedule)}, "Invalid Attribute Combination", ""},
		"neither":  {attrs{"name": `"nightly"`}, "Invalid Attribute Combination", ""},
		"schedule": {attrs{"schedule_id": quoted(aSchedule)}, "There is no schedule " + aSchedule, "  schedule_id = " + quoted(aSchedule)},
	} {
		s.write(s.config(forecast(test.given)))
		t.Log(name)
		s.terraform("plan").expect(t, diagnostic{severity: "error", summary: test.summary, line: test.line})
	}
}
