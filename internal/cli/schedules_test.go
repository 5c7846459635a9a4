package cli_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// scheduled is a data directory with two servers, web-1 and db-1, and the schedule web-1/nightly.
func scheduled(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{
		{"server", "add", "web-1", "--host", "203.0.113.10", "--host-key", hostKey},
		{"server", "add", "db-1", "--host", "203.0.113.11", "--host-key", hostKey},
		{"schedule", "add", "nightly", "--server", "web-1", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--include", "/etc", "--exclude", "*.log", "--retention-days", "7"},
	} {
		if status, _, errOut := run(t, append(args, "--data-dir", dir)...); status != 0 {
			t.Fatalf("%q: exit status %d, %s", args, status, errOut)
		}
	}
	return dir
}

func schedule(t *testing.T, dir, name string) (s api.Schedule) {
	t.Helper()
	status, out, errOut := run(t, "schedule", "show", name, "--json", "--data-dir", dir)
	if err := json.Unmarshal([]byte(out), &s); status != 0 || err != nil {
		t.Fatalf("exit status %d, %v, %s", status, err, errOut)
	}
	return s
}

func TestScheduleIsAddedShownAndChanged(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	s := schedule(t, dir, "nightly")
	want := api.Schedule{ID: s.ID, ServerID: shown(t, dir, "web-1").ID, Name: "nightly", Type: "files", Cron: "30 2 * * *", Timezone: "Europe/Berlin", RetentionDays: 7,
		Files: backup.FilesSource{Include: []string{"/etc"}, Exclude: []string{"*.log"}}, Databases: []backup.Database{}, Overlap: "skip", MissedRuns: "run_latest", MaxMissedRuns: 10,
		BlackoutWindows: []backup.Window{}, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Version: 1}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	status, out, _ := run(t, "schedule", "list", "--data-dir", dir)
	for _, want := range []string{"web-1/nightly", "30 2 * * *", "active", ":30:00Z", s.ID} {
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("exit status %d, %q is not in\n%s", status, want, out)
		}
	}
	if _, out, _ = run(t, "schedule", "list", "--server", "db-1", "--json", "--data-dir", dir); out != "[]\n" {
		t.Errorf("of another server: %s", out)
	}
	set := func(args ...string) {
		t.Helper()
		if status, _, errOut := run(t, append([]string{"schedule", "set", "web-1/nightly", "--data-dir", dir}, args...)...); status != 0 {
			t.Errorf("%q: exit status %d, %s", args, status, errOut)
		}
	}
	set("--cron", "0 3 * * *", "--db", "postgresql:app")
	want.Cron, want.Type, want.Databases, want.Version = "0 3 * * *", "full", []backup.Database{{Engine: "postgresql", Name: "app"}}, 2
	got := schedule(t, dir, s.ID)
	want.UpdatedAt = got.UpdatedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	set("--type", "files", "--include", "/srv", "--include", "/opt", "--retention-days", "14")
	want.Type, want.Databases, want.Files.Include, want.RetentionDays, want.Version = "files", []backup.Database{}, []string{"/srv", "/opt"}, 14, 3
	got = schedule(t, dir, s.ID)
	want.UpdatedAt = got.UpdatedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	set("--name", "early")
	if schedule(t, dir, "early").ID != s.ID {
		t.Error("it has no other name")
	}
}

func TestScheduleIsPausedResumedAndRemoved(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	s := schedule(t, dir, "web-1/nightly")
	for _, test := range []struct {
		command string
		paused  bool
	}{{"pause", true}, {"pause", true}, {"resume", false}} {
		status, out, errOut := run(t, "schedule", test.command, "nightly", "--data-dir", dir)
		if status != 0 || strings.Contains(out, "paused") != test.paused || strings.Contains(out, "next due") == test.paused || schedule(t, dir, s.ID).Paused != test.paused {
			t.Errorf("%s: exit status %d, %s%s", test.command, status, out, errOut)
		}
	}
	if status, _, errOut := run(t, "schedule", "remove", "nightly", "--data-dir", dir); status != 2 || !strings.Contains(errOut, "--yes") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	if status, out, _ := run(t, "schedule", "remove", "nightly", "--yes", "--quiet", "--data-dir", dir); status != 0 || out != s.ID+"\n" {
		t.Errorf("exit status %d, %s", status, out)
	}
	if status, _, _ := run(t, "schedule", "show", s.ID, "--data-dir", dir); status != 4 {
		t.Errorf("exit status %d", status)
	}
}

func TestScheduleThatNobodyRunsIsWarnedOf(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	for _, args := range [][]string{{"list"}, {"show", "nightly"}, {"set", "nightly", "--cron", "1 1 * * *"}} {
		status, _, errOut := run(t, append(append([]string{"schedule"}, args...), "--data-dir", dir)...)
		if status != 0 || !strings.Contains(errOut, "obody runs") || !strings.Contains(errOut, "\n  Run it now: cloudaipilot serve --data-dir "+dir+"\n") ||
			!strings.Contains(errOut, "\n  ExecStart=") || !strings.Contains(errOut, "\n  User=") || strings.Contains(errOut, "User=NAME") {
			t.Errorf("%q: exit status %d, %s", args, status, errOut)
		}
	}
}

func TestWrongScheduleCommandsChangeNothing(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	before := schedule(t, dir, "nightly")
	if status, _, errOut := run(t, "schedule", "add", "nightly", "--server", "db-1", "--cron", "0 1 * * *", "--include", "/etc", "--data-dir", dir); status != 0 {
		t.Fatalf("the same name on another server: exit status %d, %s", status, errOut)
	}
	for name, test := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"no server":        {[]string{"add", "x", "--cron", "0 1 * * *", "--include", "/etc"}, 2, "--server is missing"},
		"no cron":          {[]string{"add", "x", "--server", "web-1", "--include", "/etc"}, 2, "--cron is missing"},
		"no source":        {[]string{"add", "x", "--server", "web-1", "--cron", "0 1 * * *"}, 2, "nothing says what to back up"},
		"bad cron":         {[]string{"add", "x", "--server", "web-1", "--cron", "61 * * * *", "--include", "/etc"}, 1, "Invalid cron expression"},
		"bad zone":         {[]string{"set", "web-1/nightly", "--timezone", "Europe/Berln"}, 1, "Invalid time zone"},
		"taken":            {[]string{"add", "nightly", "--server", "web-1", "--cron", "0 1 * * *", "--include", "/etc"}, 1, "(NAME_TAKEN)"},
		"ambiguous":        {[]string{"pause", "nightly"}, 2, "name one of"},
		"unknown":          {[]string{"pause", "web-1/nihgtly"}, 4, `Did you mean "web-1/nightly"?`},
		"unknown id":       {[]string{"show", "sch_01JD3V8Q5R6S7T8V9W0X1Y2Z3A"}, 4, "NOT_FOUND"},
		"unknown server":   {[]string{"list", "--server", "web-11"}, 4, `Did you mean "web-1"?`},
		"nothing to set":   {[]string{"set", "web-1/nightly"}, 2, "no flag"},
		"a broken --db":    {[]string{"set", "web-1/nightly", "--db", "app"}, 2, "--db"},
		"retention is far": {[]string{"set", "web-1/nightly", "--retention-days", "366"}, 1, "--retention-days is 366"},
	} {
		status, out, errOut := run(t, append([]string{"schedule", "--data-dir", dir}, test.args...)...)
		if status != test.status || !strings.Contains(errOut, test.says) || out != "" {
			t.Errorf("%s: exit status %d, %s%s", name, status, out, errOut)
		}
	}
	if diff := cmp.Diff(before, schedule(t, dir, before.ID)); diff != "" {
		t.Error(diff)
	}
	if status, out, _ := run(t, "__complete", "--data-dir", dir, "schedule", "show", "web"); status != 0 || !strings.HasPrefix(out, "web-1/nightly\t30 2 * * * Europe/Berlin\n") {
		t.Errorf("completion: exit status %d, %q", status, out)
	}
}

func TestPoliciesAndPausesOfASchedule(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	said := func(want int, args ...string) string {
		t.Helper()
		status, out, errOut := run(t, append([]string{"schedule", "--data-dir", dir}, args...)...)
		if status != want {
			t.Fatalf("%q: exit status %d, %s", args, status, errOut)
		}
		return out + errOut
	}
	said(0, "set", "nightly", "--overlap", "queue_one", "--missed-runs", "run_all", "--max-missed-runs", "3", "--starting-deadline", "2h", "--jitter", "10m",
		"--blackout", "0 9 * * 1-5 for 8h", "--blackout", "@monthly for 30m", "--blackout-timezone", "Europe/Berlin")
	s := schedule(t, dir, "nightly")
	windows := []backup.Window{{Cron: "0 9 * * 1-5", DurationMinutes: 480, Timezone: "Europe/Berlin"}, {Cron: "@monthly", DurationMinutes: 30, Timezone: "Europe/Berlin"}}
	if diff := cmp.Diff([]any{"queue_one", "run_all", 3, 7200, 600, windows},
		[]any{s.Overlap, s.MissedRuns, s.MaxMissedRuns, s.StartingDeadlineSeconds, s.JitterSeconds, s.BlackoutWindows}); diff != "" {
		t.Error(diff)
	}
	if out := said(0, "show", "nightly"); !strings.Contains(out, "run_all, at most 3") || !strings.Contains(out, "0 9 * * 1-5 for 8h (Europe/Berlin), @monthly for 30m") {
		t.Error(out)
	}
	if said(0, "set", "nightly", "--blackout", ""); len(schedule(t, dir, "nightly").BlackoutWindows) != 0 {
		t.Error("the blackouts are still there")
	}
	out := said(0, "pause", "nightly", "--reason", "the disk is replaced", "--until", "48h")
	if s = schedule(t, dir, "nightly"); !s.Paused || s.PauseReason != "the disk is replaced" || s.PausedUntil == nil || !strings.Contains(out, s.PausedUntil.Format("2006-01-02 15:04:05Z")) {
		t.Errorf("%+v\n%s", s, out)
	}
	if said(0, "resume", "nightly"); schedule(t, dir, "nightly").PauseReason != "" {
		t.Error("a reason is left")
	}
	for says, args := range map[string][]string{
		`overlap is "skp"`:               {"set", "nightly", "--overlap", "skp"},
		"--starting-deadline is 30":      {"set", "nightly", "--starting-deadline", "30s"},
		"--max-missed-runs is 101":       {"set", "nightly", "--max-missed-runs", "101"},
		"--jitter is 21601":              {"set", "nightly", "--jitter", "6h0m1s"},
		"Invalid cron expression of a w": {"set", "nightly", "--blackout", "61 * * * * for 1h"},
	} {
		if out := said(1, args...); !strings.Contains(out, says) {
			t.Errorf("%q is not in\n%s", says, out)
		}
	}
	for says, args := range map[string][]string{"is no window": {"set", "nightly", "--blackout", "0 9 * * *"}, "is no time to come": {"pause", "nightly", "--until", "yesterday"},
		"--limit is -1": {"runs", "nightly", "--limit", "-1"}} {
		if out := said(2, args...); !strings.Contains(out, says) {
			t.Errorf("%q is not in\n%s", says, out)
		}
	}
	if out := said(0, "runs", "nightly", "--json"); out != "[]\n" {
		t.Errorf("runs of a schedule that nobody ran: %s", out)
	}
}

func TestTimesThatMaySurpriseAreNotedWhenAScheduleIsShown(t *testing.T) {
	t.Parallel()
	dir := scheduled(t)
	if status, _, errOut := run(t, "schedule", "show", "nightly", "--data-dir", dir); status != 0 || !strings.Contains(errOut, "the clocks of Europe/Berlin skip 02:30: the run is at 03:00 instead. (CRON_SKIPPED)\n") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	status, _, errOut := run(t, "schedule", "set", "nightly", "--cron", "*/7 4 * * *", "--timezone", "UTC", "--data-dir", dir)
	if status != 0 || !strings.Contains(errOut, "Note: */7 is not every 7 minutes") || strings.Contains(errOut, "CRON_SKIPPED") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
}
