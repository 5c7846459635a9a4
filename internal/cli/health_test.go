package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func TestHealthOfAScheduleThatNobodyRuns(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	status, out, errOut := run(t, "schedule", "health", "nightly", "--data-dir", dir)
	if status != 1 || !strings.Contains(errOut, "schedule web-1/nightly is unhealthy") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	for _, want := range []string{
		"name      web-1/nightly\nstatus    unhealthy\n", "\nfailed  dispatcher_running (DISPATCHER_NOT_RUNNING)\n        Schedules are run by",
		"\nok      active\n        It is active.\n", "\nok      cron_valid\n        At 02:30 every day, in Europe/Berlin.\n", "cloudaipilot serve",
		"\nskipped last_attempt\n        It was not due yet.\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	status, out, _ = run(t, "schedule", "health", "nightly", "--json", "--data-dir", dir)
	var h api.ScheduleHealth
	if err := json.Unmarshal([]byte(out), &h); err != nil || status != 1 || h.Verdict != "unhealthy" || h.NextDueAt == nil || h.ServerName != "web-1" || h.Runs == nil {
		t.Errorf("exit status %d, %v, %s", status, err, out)
	}
	var names []string
	for _, c := range h.Checks {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff(backup.HealthChecks(), names); diff != "" {
		t.Error(diff)
	}
	if status, out, _ = run(t, "schedule", "health", "nightly", "--quiet", "--data-dir", dir); status != 1 || out != h.ScheduleID+"\n" {
		t.Errorf("exit status %d, %q", status, out)
	}
}

func TestHealthOfAllSchedules(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	if status, _, errOut := run(t, "schedule", "add", "weekly", "--server", "db-1", "--cron", "0 3 * * SUN", "--include", "/srv", "--retention-days", "7", "--paused", "--data-dir", dir); status != 0 {
		t.Fatal(errOut)
	}
	status, _, errOut := run(t, "schedule", "health", "--all", "--data-dir", dir)
	if status != 1 || !strings.Contains(errOut, "2 of 2 schedules are unhealthy: web-1/nightly, db-1/weekly") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	defer serve(t, dir)()
	waitFor(t, func() bool { // it answers before its dispatcher first beats
		status, _, _ := run(t, "schedule", "health", "--all", "--data-dir", dir)
		return status == 0
	})
	status, out, errOut := run(t, "schedule", "health", "--all", "--data-dir", dir)
	if status != 0 || errOut != "" {
		t.Errorf("served: exit status %d, %s", status, errOut)
	}
	lines := strings.Split(out, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "NAME") || !strings.Contains(lines[1], "healthy") || !strings.Contains(lines[2], "warning") ||
		!strings.Contains(lines[2], "active, retention_covers_gap") {
		t.Errorf("%s", out)
	}
	var all []api.ScheduleHealth
	if _, out, _ = run(t, "schedule", "health", "--all", "--json", "--data-dir", dir); json.Unmarshal([]byte(out), &all) != nil || len(all) != 2 {
		t.Errorf("%s", out)
	}
}

func TestHealthSaysWhatIsWrongWithTheCommand(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	for name, test := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"nothing":          {nil, 2, "accepts 1 arg"},
		"all and one":      {[]string{"--all", "nightly"}, 2, "unknown command"},
		"no such schedule": {[]string{"nightli"}, 4, `Did you mean "nightly"?`},
	} {
		status, _, errOut := run(t, append([]string{"schedule", "health", "--data-dir", dir}, test.args...)...)
		if status != test.status || !strings.Contains(errOut, test.says) {
			t.Errorf("%s: exit status %d, %s", name, status, errOut)
		}
	}
}
