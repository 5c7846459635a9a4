package backup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRetentionShorterThanTheLongestGapIsWarnedOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cron, zone string
		days       int
		want       Finding
	}{
		"every night, two days":          {"0 3 * * *", "UTC", 2, Finding{}},
		"every minute, a day":            {"* * * * *", "UTC", 1, Finding{}},
		"every week, eight days":         {"0 3 * * SUN", "UTC", 8, Finding{}},
		"every month, the default":       {"0 3 1 * *", "UTC", 32, Finding{}},
		"a bad expression":               {"0 3 32 * *", "UTC", 1, Finding{}},
		"a bad zone":                     {"0 3 * * SUN", "Europe/Berln", 1, Finding{}},
		"a bad retention is told alone":  {"0 3 1 * *", "UTC", 0, Finding{}},
		"it expires when the next begun": {"0 3 * * SUN", "UTC", 7, warned("7 days", "7 days pass between two runs, as from 4 January 2026 03:00 to 11 January 2026 03:00", "Set retention_days to 8 or more, or choose times that come more often.")},
		"the long night of autumn":       {"0 3 * * *", "Europe/Berlin", 1, warned("1 day", "25 hours pass between two runs, as from 24 October 2026 03:00 to 25 October 2026 03:00", "Set retention_days to 2 or more, or choose times that come more often.")},
		"every month":                    {"0 3 1 * *", "UTC", 30, warned("30 days", "31 days pass between two runs, as from 1 January 2026 03:00 to 1 February 2026 03:00", "Set retention_days to 32 or more, or choose times that come more often.")},
		"no retention is long enough":    {"@yearly", "UTC", 365, warned("365 days", "366 days pass between two runs, as from 1 January 2028 00:00 to 1 January 2029 00:00", "Choose times that come more often: retention_days is at most 365.")},
	} {
		s := DefaultScheduleSpec()
		s.Name, s.Cron, s.Timezone, s.RetentionDays = "nightly", test.cron, test.zone, test.days
		var got Finding
		for _, f := range Validate(ScheduleRules, s, nil) {
			if f.Code == CodeRetentionGap {
				got = f
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func warned(kept, gap, fix string) Finding {
	return Finding{SeverityWarning, "retention_days", CodeRetentionGap, "Backups of schedule nightly expire before the next one is made",
		"Each is kept for " + kept + ", and up to " + gap + ": meanwhile there may be no backup at all.", fix}
}

func TestRoughlyNamesTheTwoLargestUnits(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                           "less than a second",
		time.Second:                 "1 second",
		125 * time.Second:           "2 minutes and 5 seconds",
		25 * time.Hour:              "25 hours",
		24 * time.Hour:              "1 day",
		50*time.Hour + time.Minute:  "2 days and 2 hours",
		31*24*time.Hour - time.Hour: "30 days and 23 hours",
	} {
		if got := Roughly(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
