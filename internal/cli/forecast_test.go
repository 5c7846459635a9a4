package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
)

func TestForecastOfASchedule(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	ask := []string{"schedule", "forecast", "nightly", "--from", "2026-01-01T00:00:00Z", "--for", "90d", "--next", "2", "--archive-size", "2GiB", "--growth", "0", "--space", "10GiB", "--data-dir", dir}
	status, out, errOut := run(t, ask...)
	if status != 0 {
		t.Fatalf("exit status %d, %s", status, errOut)
	}
	for _, want := range []string{"web-1/nightly\n", "30 2 * * * Europe/Berlin\n", "runs ", " 90\n", "1d 00h from 2026-01-01 01:30:00Z", "in 5 archives", "2.0 GiB (given)", "30.0 MiB (assumed)",
		"note: On 29 March 2026 the clocks of Europe/Berlin skip 02:30", "\nDUE\n2026-01-01 01:30:00Z\n2026-01-02 01:30:00Z\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	status, out, _ = run(t, append(ask, "--json")...)
	var f api.Forecast
	if err := json.Unmarshal([]byte(out), &f); err != nil || status != 0 || f.Runs != 90 || len(f.NextRuns) != 2 || f.ServerName != "web-1" || f.SpaceFullAt == nil {
		t.Errorf("exit status %d, %v, %s", status, err, out)
	}
}

func TestForecastOfAScheduleIsRefused(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	for name, test := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"from":    {[]string{"nightly", "--from", "tomorrow"}, 2, "RFC 3339"},
		"for":     {[]string{"nightly", "--for", "soon"}, 2, "no duration"},
		"size":    {[]string{"nightly", "--space", "much"}, 2, "--space"},
		"length":  {[]string{"nightly", "--for", "4000d"}, 1, "1m to 3650d"},
		"unknown": {[]string{"weekly"}, 4, "weekly"},
	} {
		if status, _, errOut := run(t, append([]string{"schedule", "forecast", "--data-dir", dir}, test.args...)...); status != test.status || !strings.Contains(errOut, test.want) {
			t.Errorf("%s: exit status %d, %s", name, status, errOut)
		}
	}
}
