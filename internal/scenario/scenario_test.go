package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

func TestSpanIsNoLongerThanItSays(t *testing.T) {
	t.Parallel()
	if d, err := scenario.ParseSpan("1d12h"); err != nil || d != 36*time.Hour {
		t.Errorf("%s %v", d, err)
	}
	for _, text := range []string{"36500d2562047h", "2562047h", "36501d", "-1d", "NaNd", "1d-1h", "Infd"} {
		if d, err := scenario.ParseSpan(text); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}

func TestNumbersThatTurnOverAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`servers: [{name: a, maintenance_windows: [{cron: "0 3 * * *", duration_minutes: -5}]}]`:                               "servers[0].maintenance_windows.0.duration_minutes: duration_minutes is -5",
		`servers: [{name: a, maintenance_windows: [{cron: "0 25 * * *", duration_minutes: 5}]}]`:                               "servers[0].maintenance_windows.0.cron",
		`{servers: [{name: a}], schedules: [{name: s, server: a, cron: "0 3 * * *", starting_deadline_seconds: 18446744134}]}`: "starting_deadline_seconds", // 60 s and 2^64 ns
		`{servers: [{name: a}], schedules: [{name: s, server: a, cron: "0 3 * * *", jitter_seconds: 18446744134}]}`:            "jitter_seconds",
	} {
		_, err := scenario.Parse([]byte(text), scenario.Options{Horizon: func(string, string) (scenario.Horizon, error) {
			return scenario.Horizon{Start: 1767225600, End: 1767312000}, nil
		}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
