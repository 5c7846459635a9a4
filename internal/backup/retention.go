package backup

import (
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// RetentionGap is the longest time between two runs of a schedule, and whether its archives live through it.
type RetentionGap struct {
	Longest  time.Duration
	From, To time.Time // the first interval of that length, in the schedule's zone
	Covered  bool      // an archive is kept until the next one was begun, and beyond
}

// GapOf returns false where the expression or the zone is not valid, or no two runs follow each other: that is told elsewhere.
func GapOf(s ScheduleSpec) (RetentionGap, bool) {
	e, err := cron.Parse(s.Cron, "server/"+s.Name) // H moves all due times by as much
	if err != nil {
		return RetentionGap{}, false
	}
	zone, err := cron.LoadZone(s.Timezone)
	if err != nil {
		return RetentionGap{}, false
	}
	longest, from := e.LongestGap(zone)
	kept := time.Duration(s.RetentionDays) * 24 * time.Hour
	return RetentionGap{Longest: longest, From: from, To: from.Add(longest).In(from.Location()), Covered: kept > longest}, longest > 0
}

// Days is the retention that covers the gap, in days. It may be more than MaxRetentionDays.
func (g RetentionGap) Days() int { return int(g.Longest/(24*time.Hour)) + 1 }

// Fix says how to cover it.
func (g RetentionGap) Fix() string {
	if g.Days() > MaxRetentionDays {
		return fmt.Sprintf("Choose times that come more often: retention_days is at most %d.", MaxRetentionDays)
	}
	return fmt.Sprintf("Set retention_days to %d or more, or choose times that come more often.", g.Days())
}

// String says what the gap is.
func (g RetentionGap) String() string {
	return fmt.Sprintf("up to %s pass between two runs, as from %s to %s", Roughly(g.Longest), g.From.Format("2 January 2006 15:04"), g.To.Format("2 January 2006 15:04"))
}

func checkRetentionGap(s ScheduleSpec) []Finding {
	g, ok := GapOf(s)
	if !ok || g.Covered || len(outside("retention_days", "", s.RetentionDays, MaxRetentionDays, "", "")) > 0 {
		return nil
	}
	return []Finding{{SeverityWarning, "retention_days", CodeRetentionGap,
		fmt.Sprintf("Backups of schedule %s expire before the next one is made", Excerpt(s.Name, 80)),
		fmt.Sprintf("Each is kept for %s, and %s: meanwhile there may be no backup at all.", Roughly(time.Duration(s.RetentionDays)*24*time.Hour), g), g.Fix()}}
}

// Roughly is a duration for people, in its two largest units: "31 days", "25 hours", "2 hours and 5 minutes".
func Roughly(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}}
	if d > 24*time.Hour && d < 48*time.Hour {
		units = units[1:] // 25 hours say more than 1 day and 1 hour
	}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := counted(int64(d/u.size), u.name)
		if i+1 < len(units) {
			if rest := int64(d % u.size / units[i+1].size); rest > 0 {
				text += " and " + counted(rest, units[i+1].name)
			}
		}
		return text
	}
	return "less than a second"
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
