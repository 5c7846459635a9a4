package backup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStatusesFollowEachOther(t *testing.T) {
	t.Parallel()
	allowed := map[[2]Status]bool{
		{StatusPending, StatusRunning}: true, {StatusPending, StatusFailed}: true,
		{StatusRunning, StatusCompleted}: true, {StatusRunning, StatusFailed}: true,
	}
	for _, from := range Statuses {
		for _, to := range Statuses {
			if got := from.CanBecome(to); got != allowed[[2]Status{from, to}] {
				t.Errorf("%s -> %s: %v", from, to, got)
			}
		}
	}
}

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A":    true,
		"srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A":   false,
		"bk_":                              false,
		"bk_01jd3v8q5r6s7t8v9w0x1y2z3a":    false,
		"bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A/..": false,
		"bk_../../../../../../etc/passwd0": false,
		"bk_81JD3V8Q5R6S7T8V9W0X1Y2Z3A":    false, // beyond 128 bits
		"":                                 false,
	}
	for s, valid := range tests {
		if _, err := ParseID(s); (err == nil) != valid {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestExpiryIsCreationPlusRetention(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 2, 27, 23, 30, 0, 0, time.UTC)
	if got, want := ExpiryOf(created, 2), time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("got %s", got)
	}
}

func TestActivityStepsAreEnteredInTurn(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0).UTC() }
	steps := []ActivityStep{{Name: "preflight", Status: ActivityQueued}, {Name: "start", Status: ActivityQueued}}
	steps = Enter(steps, "preflight", at(1))
	steps = Enter(steps, "preflight", at(2)) // again, after a worker died
	steps = Enter(steps, "start", at(3))
	steps = Enter(steps, "clean", at(4))
	steps = Settle(steps, ActivityFailed, at(5))
	want := []ActivityStep{
		{"preflight", ActivityCompleted, at(1), at(3)},
		{"start", ActivityCompleted, at(3), at(4)},
		{"clean", ActivityFailed, at(4), at(5)},
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Error(diff)
	}
}
