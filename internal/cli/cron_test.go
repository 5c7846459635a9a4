package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func TestCronNextPrintsTimesWithTheOffsetOfTheZone(t *testing.T) {
	t.Parallel()
	args := []string{"cron", "next", "30 2 * * *", "--timezone", "America/New_York", "--from", "2026-03-07T12:00:00-05:00", "--count", "2"}
	status, stdout, stderr := run(t, args...)
	if want := "2026-03-08T03:00:00-04:00\n2026-03-09T02:30:00-04:00\n"; status != 0 || stdout != want || stderr != "" {
		t.Errorf("status %d, %q, %q; want %q", status, stdout, stderr, want)
	}
	_, stdout, _ = run(t, append(args, "--json")...)
	want := `{
  "expression": "30 2 * * *",
  "timezone": "America/New_York",
  "description": "At 02:30 every day",
  "times": [
    "2026-03-08T03:00:00-04:00",
    "2026-03-09T02:30:00-04:00"
  ]
}
`
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Error(diff)
	}
	if _, stdout, _ = run(t, "cron", "next", "0 3 * * *"); strings.Count(stdout, "T03:00:00Z\n") != 5 {
		t.Errorf("from now on: %q", stdout)
	}
	status, stdout, stderr = run(t, "cron", "next", "0 0 1 1 *", "--from", "2199-06-01T00:00:00Z", "--json")
	if status != 0 || !strings.Contains(stdout, `"2200-01-01T00:00:00Z"`) || !strings.Contains(stderr, "2200") {
		t.Errorf("at the end: status %d, %q, %q", status, stdout, stderr)
	}
}

func TestCronDescribeSpeaksEnglish(t *testing.T) {
	t.Parallel()
	if _, stdout, _ := run(t, "cron", "describe", "@weekly"); stdout != "At 00:00 on Sunday\n" {
		t.Errorf("%q", stdout)
	}
	var described map[string]string
	_, stdout, _ := run(t, "cron", "describe", "H 3 * * 7", "--seed", "web-1/nightly", "--json")
	if err := json.Unmarshal([]byte(stdout), &described); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"expression": "H 3 * * 7", "canonical": "11 3 * * 0", "description": "At 03:11 on Sunday"}
	if diff := cmp.Diff(want, described); diff != "" {
		t.Error(diff)
	}
}

func TestCronLintChecksEveryExpression(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := run(t, "cron", "lint", "30 3 * * *", "*/7 * * * *", "30 2 * * *", "--timezone", "America/New_York")
	if status != 0 || stderr != "" {
		t.Errorf("valid ones: status %d, %q", status, stderr)
	}
	for _, want := range []string{"30 3 * * *  At 03:30 every day\n", "Note: */7 is not every 7 minutes", "the clocks of America/New_York skip 02:30"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
	status, stdout, stderr = run(t, "cron", "lint", "30 3 * * *", "61 3 * * *")
	if status != 1 || !strings.Contains(stdout, "minute 61 is out of range: allowed is 0 to 59\n    61 3 * * *\n    ^\n") || !strings.Contains(stderr, "1 of 2 expressions") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	status, stdout, _ = run(t, "cron", "lint", "0 0 1 31 *", "0 0 1 * 1", "--json")
	var results []struct {
		Valid bool
		Notes []struct{ Code, Text string }
		Error *struct {
			Field, Value, Hint string
			Column             int
		}
	}
	if err := json.Unmarshal([]byte(stdout), &results); err != nil || status != 1 || len(results) != 2 {
		t.Fatalf("status %d, %v: %s", status, err, stdout)
	}
	if e := results[0].Error; results[0].Valid || e == nil || e.Field != "month" || e.Value != "31" || e.Column != 7 || !strings.Contains(e.Hint, "0 0 31 1 *") {
		t.Errorf("%s", stdout)
	}
	if r := results[1]; !r.Valid || r.Error != nil || len(r.Notes) != 1 || r.Notes[0].Code != "either_day" {
		t.Errorf("%s", stdout)
	}
}

func TestCronCommandsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		says string
	}{
		"no quotes":   {[]string{"next", "30", "3", "*", "*", "*"}, "in quotes"},
		"nothing":     {[]string{"describe"}, "in quotes"},
		"expression":  {[]string{"next", "0 0 3 * * *"}, `Did you mean "0 3 * * *"?`},
		"no seed":     {[]string{"describe", "H 3 * * *"}, "--seed"},
		"zone":        {[]string{"next", "0 3 * * *", "--timezone", "Europe/Berln"}, "did you mean Europe/Berlin?"},
		"lint's zone": {[]string{"lint", "0 3 * * *", "--timezone", "Local"}, "another zone on every machine"},
		"from":        {[]string{"next", "0 3 * * *", "--from", "tomorrow"}, "RFC 3339"},
		"count 0":     {[]string{"next", "0 3 * * *", "--count", "0"}, "1 to 1000"},
		"count 1001":  {[]string{"next", "0 3 * * *", "--count", "1001"}, "1 to 1000"},
		"lint alone":  {[]string{"lint"}, "requires at least 1 arg"},
	}
	for name, tt := range tests {
		if status, stdout, stderr := run(t, append([]string{"cron"}, tt.args...)...); status != 2 || stdout != "" || !strings.Contains(stderr, tt.says) {
			t.Errorf("%s: status %d, %q, %q; want 2 and %q", name, status, stdout, stderr, tt.says)
		}
	}
}

func TestVersionNamesTheTimeZoneDatabase(t *testing.T) {
	t.Parallel()
	_, stdout, _ := run(t, "version", "--json")
	var version map[string]string
	if err := json.Unmarshal([]byte(stdout), &version); err != nil || version["time_zones"] != cron.ZoneVersion {
		t.Errorf("%v: %s", err, stdout)
	}
}
