package cron_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func mustZone(t testing.TB, name string) *cron.Zone {
	t.Helper()
	z, err := cron.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// nextTimes are the first n due times after from.
func nextTimes(t *testing.T, text, zone, from string, n int) []string {
	t.Helper()
	e, z := mustParse(t, text), mustZone(t, zone)
	at, err := time.Parse(time.RFC3339, from)
	if err != nil {
		t.Fatal(err)
	}
	var times []string
	for range n {
		next, ok := e.Next(z, at)
		if !ok {
			return append(times, "never")
		}
		times = append(times, next.Format(time.RFC3339))
		at = next
	}
	return times
}

func TestNextCrossesClockChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, zone, from string
		want             []string
	}{
		"New York, spring: a lost time runs right after": {"30 2 * * *", "America/New_York", "2026-03-07T12:00:00-05:00",
			[]string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		"New York, spring: several lost times are one run": {"*/10 2,3 * * *", "America/New_York", "2026-03-08T00:00:00-05:00",
			[]string{"2026-03-08T03:00:00-04:00", "2026-03-08T03:10:00-04:00"}},
		"New York, autumn: once, the first time": {"30 1 * * *", "America/New_York", "2026-11-01T00:00:00-04:00",
			[]string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		"New York, autumn: every hour is every hour": {"30 * * * *", "America/New_York", "2026-11-01T00:45:00-04:00",
			[]string{"2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00", "2026-11-01T02:30:00-05:00"}},
		"New York, autumn: asked within the repeated hour": {"30 1 * * *", "America/New_York", "2026-11-01T01:10:00-05:00",
			[]string{"2026-11-02T01:30:00-05:00"}},
		"London, spring: every hour loses nothing but the hour": {"0 * * * *", "Europe/London", "2026-03-29T00:30:00Z",
			[]string{"2026-03-29T02:00:00+01:00", "2026-03-29T03:00:00+01:00"}},
		"London, spring": {"15 1 * * *", "Europe/London", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T02:00:00+01:00", "2026-03-30T01:15:00+01:00"}},
		"Lord Howe, spring: 30 minutes are lost": {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		"Lord Howe, autumn: 30 minutes are repeated": {"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00+11:00",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		"Cairo: midnight is lost": {"0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00+02:00",
			[]string{"2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"}},
		"Cairo: the day is not": {"0 5 * * 5", "Africa/Cairo", "2026-04-17T12:00:00+02:00",
			[]string{"2026-04-24T05:00:00+03:00", "2026-05-01T05:00:00+03:00"}},
		"Beirut: midnight is lost on a Sunday": {"0 0 * * 0", "Asia/Beirut", "2026-03-28T12:00:00+02:00",
			[]string{"2026-03-29T01:00:00+03:00", "2026-04-05T00:00:00+03:00"}},
		"Santiago: the hour before midnight comes twice": {"30 23 * * *", "America/Santiago", "2026-04-04T12:00:00-03:00",
			[]string{"2026-04-04T23:30:00-03:00", "2026-04-05T23:30:00-04:00"}},
		"Santiago: midnight is lost": {"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00-04:00",
			[]string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"}},
		"Apia: 30 December 2011 was lost": {"0 5 * * *", "Pacific/Apia", "2011-12-29T12:00:00-10:00",
			[]string{"2011-12-31T00:00:00+14:00", "2011-12-31T05:00:00+14:00", "2012-01-01T05:00:00+14:00"}},
		"Apia: every hour goes on": {"0 * * * *", "Pacific/Apia", "2011-12-29T22:30:00-10:00",
			[]string{"2011-12-29T23:00:00-10:00", "2011-12-31T00:00:00+14:00"}},
		"29 February skips 2100": {"0 0 29 2 *", "America/New_York", "2096-03-01T00:00:00-05:00",
			[]string{"2104-02-29T00:00:00-05:00"}},
		"the end of what is known": {"0 0 1 1 *", "Asia/Tokyo", "2199-06-01T00:00:00+09:00",
			[]string{"2200-01-01T00:00:00+09:00", "never"}},
		"both day fields": {"0 0 13 * 5", "UTC", "2026-02-01T00:00:00Z",
			[]string{"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"}},
		"a day field that begins with a star": {"0 0 */2 * 5", "UTC", "2026-02-01T00:00:00Z",
			[]string{"2026-02-13T00:00:00Z", "2026-02-27T00:00:00Z", "2026-03-13T00:00:00Z"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, nextTimes(t, tt.text, tt.zone, tt.from, len(tt.want))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNextIsAfterAFractionOfASecond(t *testing.T) {
	t.Parallel()
	e := mustParse(t, "0 3 * * *")
	due := time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		after time.Time
		want  time.Time
	}{
		{due.Add(-1), due},
		{due, due.AddDate(0, 0, 1)},
		{due.Add(1), due.AddDate(0, 0, 1)},
		{time.Date(1890, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1970, 1, 1, 3, 0, 0, 0, time.UTC)},
	} {
		if next, ok := e.Next(cron.UTC, tt.after); !ok || !next.Equal(tt.want) {
			t.Errorf("after %s: %s, want %s", tt.after, next, tt.want)
		}
	}
	for _, after := range []time.Time{time.Date(2201, 2, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<62, 0)} {
		if next, ok := e.Next(cron.UTC, after); ok {
			t.Errorf("after %s: %s, want none", after, next)
		}
	}
	if next, ok := new(cron.Expression).Next(cron.UTC, due); ok {
		t.Errorf("the zero expression: %s", next)
	}
}

func TestNextTimesAreBoundedAndEndWith2200(t *testing.T) {
	t.Parallel()
	e := mustParse(t, "0 0 1 1 *")
	from := time.Date(2198, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, count := range []int64{-1, 0, cron.MaxTimes + 1} {
		if _, err := e.NextTimes(cron.UTC, from, count); err == nil || !strings.Contains(err.Error(), "allowed is 1 to 1000") {
			t.Errorf("count %d: %v", count, err)
		}
	}
	for count, want := range map[int64]int{1: 1, 2: 2, cron.MaxTimes: 2} {
		if times, err := e.NextTimes(cron.UTC, from, count); err != nil || len(times) != want || times[0].Year() != 2199 {
			t.Errorf("count %d: %v, %v", count, times, err)
		}
	}
}
