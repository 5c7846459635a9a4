package cron_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

func TestDescribeSpeaksEnglish(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"* * * * *":             "Every minute",
		"*/15 * * * *":          "Every 15 minutes",
		"*/15 9-17 * * MON-FRI": "Every 15 minutes in the hours 9 to 17 on Monday to Friday",
		"*/7 * * * *":           "At minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour",
		"@hourly":               "Every hour, on the hour",
		"30 * * * *":            "At minute 30 of every hour",
		"0 */6 * * *":           "Every 6 hours, from midnight on",
		"30 */2 * * *":          "At minute 30 of every 2nd hour, from midnight on",
		"* 3 * * *":             "Every minute of the hour from 03:00 every day",
		"5 9-17 * * *":          "At minute 5 of the hours 9 to 17 every day",
		"30 3 * * *":            "At 03:30 every day",
		"0 3,15 * * *":          "At 03:00 and 15:00 every day",
		"0 0 * * 0":             "At 00:00 on Sunday",
		"0 0 * * 5-7":           "At 00:00 on Sunday, Friday and Saturday",
		"0 4 1 * *":             "At 04:00 on the 1st of the month",
		"0 4 1,15 * *":          "At 04:00 on the 1st and 15th of the month",
		"0 4 */2 * *":           "At 04:00 on every 2nd day, from the 1st on, of the month",
		"0 0 29 2 *":            "At 00:00 on the 29th of February",
		"@yearly":               "At 00:00 on the 1st of January",
		"0 0 * 6-8 *":           "At 00:00 every day in June to August",
		"0 0 13 * 5":            "At 00:00 on the 13th of the month and on every Friday",
		"0 0 */2 * 1,3":         "At 00:00 on every 2nd day, from the 1st on, of the month where that is a Monday or Wednesday",
		"0 0 1 1 1":             "At 00:00 on the 1st of the month and on every Monday, in January",
	} {
		if diff := cmp.Diff(want, mustParse(t, text).Describe()); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
	if got := new(cron.Expression).Describe(); got != "Never" {
		t.Errorf("the zero expression: %s", got)
	}
}

func TestGapsAreTheLongestAndTheShortestInterval(t *testing.T) {
	t.Parallel()
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const hour, day = time.Hour, 24 * time.Hour
	tests := map[string]struct {
		text, zone string
		want       cron.Gaps
	}{
		"even":              {"0 */6 * * *", "UTC", cron.Gaps{Times: 1460, Shortest: 6 * hour, Longest: 6 * hour, LongestFrom: year.Unix() + 6*3600}},
		"uneven":            {"*/7 3 * * *", "UTC", cron.Gaps{Times: 9 * 365, Shortest: 7 * time.Minute, Longest: day - 56*time.Minute, LongestFrom: year.Add(3*hour + 56*time.Minute).Unix()}},
		"clocks change":     {"30 4 * * *", "America/New_York", cron.Gaps{Times: 365, Shortest: 23 * hour, Longest: 25 * hour, LongestFrom: time.Date(2026, 10, 31, 8, 30, 0, 0, time.UTC).Unix()}},
		"only one due time": {"0 0 1 7 *", "UTC", cron.Gaps{Times: 1}},
		"weekdays":          {"0 3 * * 1-5", "UTC", cron.Gaps{Times: 261, Shortest: day, Longest: 3 * day, LongestFrom: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC).Unix()}},
		// It runs at 03:00 instead, half an hour early by the clock of the next day.
		"a lost time is one": {"30 2 * * *", "America/New_York", cron.Gaps{Times: 365, Shortest: 23*hour + 30*time.Minute, Longest: 25 * hour, LongestFrom: time.Date(2026, 10, 31, 6, 30, 0, 0, time.UTC).Unix()}},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, mustParse(t, tt.text).Gaps(mustZone(t, tt.zone), year.Unix(), year.AddDate(1, 0, 0).Unix())); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestNotesTellWhatAnAuthorMayNotKnow(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		text, zone string
		want       []string // code and part of the text
	}{
		{"30 4 * * *", "America/New_York", nil},
		{"*/15 * * * *", "America/New_York", nil},
		{"0 */2 1 * *", "UTC", nil},
		{"*/7 * * * *", "UTC", []string{"uneven: 7 does not divide 60"}},
		{"H/7 * * * *", "UTC", []string{"uneven: H/7"}},
		{"0 */5 * * *", "UTC", []string{"uneven: begins anew with each day"}},
		{"*/40 * * * *", "UTC", []string{"uneven: */40"}},
		{"0 0 */2 * *", "UTC", []string{"uneven: begins anew with each month"}},
		{"0 0 1 * 1", "UTC", []string{"either_day: either of them is enough"}},
		{"0 0 */2 * 1", "UTC", []string{"uneven: */2", "both_days: must fit both"}},
		{"0 0 31 * *", "UTC", []string{"short_month: February, April, June, September and November", "rare: 61 days"}},
		{"0 0 29 * *", "UTC", []string{"short_month: February of most years", "rare: 59 days"}},
		{"0 0 1 1 *", "UTC", []string{"rare: 366 days"}},
		{"0 0 29 2 *", "UTC", []string{"short_month: February of most years", "rare: 1461 days"}},
		{"0 0 29 2 */7", "UTC", []string{"both_days", "rare: years"}},
		{"0 0-23 * * *", "UTC", []string{"all_hours: leaves a repeated hour out"}},
		{"30 2 * * *", "America/New_York", []string{"skipped: On 8 March 2026 the clocks of America/New_York skip 02:30: the run is at 03:00 instead."}},
		{"30 1 * * *", "America/New_York", []string{"repeated: On 1 November 2026 01:30 comes twice in America/New_York: the run is at the first."}},
		{"30 2 * 5 *", "America/New_York", []string{"rare"}},
		{"30 2 * * *", "Asia/Tokyo", nil},
		{"30 2 * * *", "UTC", nil},
		{"30 1 * * *", "Europe/London", []string{"skipped: On 29 March 2026", "repeated: On 25 October 2026"}},
	}
	for _, tt := range tests {
		var got []string
		notes := mustParse(t, tt.text).Notes(mustZone(t, tt.zone), from)
		for i, n := range notes {
			text := string(n.Code) + ": " + n.Text
			if i < len(tt.want) {
				code, part, _ := strings.Cut(tt.want[i], ": ")
				if string(n.Code) == code && strings.Contains(n.Text, part) {
					text = tt.want[i]
				}
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s in %s:\n%s", tt.text, tt.zone, diff)
		}
	}
}

func TestLongestGapIsThatOfTheCalendar(t *testing.T) {
	t.Parallel()
	const hour, day = time.Hour, 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0 3 * * *":      day,
		"* * * * *":      time.Minute,
		"*/5 9-17 * * *": 15*hour + 5*time.Minute,
		"0 3,15 * * *":   12 * hour,
		"0 3 * * 0":      7 * day,
		"0 3 * * 1-5":    3 * day,
		"0 3 1 * *":      31 * day,
		"0 3 31 * *":     61 * day,
		"0 3 29 2 *":     4*365*day + day,
		"0 0 29 2 */7":   10227 * day, // a Sunday in 2032 and then in 2060
	} {
		gap, from := mustParse(t, text).LongestGap(cron.UTC)
		if gap != want || from.IsZero() {
			t.Errorf("%s: %s from %s, want %s", text, gap, from, want)
		}
	}
	if gap, from := mustParse(t, "30 4 * * *").LongestGap(mustZone(t, "America/New_York")); gap != 25*hour || from.Month() != time.October {
		t.Errorf("where clocks change: %s from %s", gap, from)
	}
}

// TestLongestGapIsTheLongestOfGaps holds the short way to the long one, where the longest gap lies over the end of a day.
func TestLongestGapIsTheLongestOfGaps(t *testing.T) {
	t.Parallel()
	until := time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for _, text := range []string{"0 3 * * *", "*/7 3,4 */3 * *", "0 0 1-7 * 1", "30 2 * * SUN", "15,45 22 1 1,6 *", "0 5 13 * 5", "30 1 * * 1-6"} {
		for _, zone := range []string{"UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"} {
			z, e := mustZone(t, zone), mustParse(t, text)
			got, from := e.LongestGap(z)
			if g := e.Gaps(z, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), until); got < g.Longest || from.Unix() == g.LongestFrom && got != g.Longest {
				t.Errorf("%s in %s: %s from %s; Gaps says %s from %s", text, zone, got, from, g.Longest, time.Unix(g.LongestFrom, 0))
			}
		}
	}
}
