package backup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTimesOfAScheduleAreNotedAndNotRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cron, zone string
		want       []string
	}{
		"plain":           {"30 4 * * *", "UTC", nil},
		"uneven":          {"*/7 * * * *", "UTC", []string{"CRON_UNEVEN */7 is not every 7 minutes"}},
		"rare":            {"0 0 29 2 *", "UTC", []string{"CRON_SHORT_MONTH Not due in February", "CRON_RARE Rarely due"}},
		"a skipped hour":  {"30 2 * * *", "Europe/Berlin", []string{"CRON_SKIPPED On 29 March 2026 the clocks of Europe/Berlin skip 02:30", "CRON_REPEATED On 25 October 2026"}},
		"a bad one":       {"61 * * * *", "UTC", nil},
		"in no such zone": {"*/7 * * * *", "Europe/Berln", nil},
	} {
		s := DefaultScheduleSpec()
		s.Name, s.Cron, s.Timezone = "nightly", test.cron, test.zone
		var got []string
		for i, f := range TimeNotes(s, "web-1", judgedAt) {
			line := string(f.Code) + " " + f.Detail
			if i < len(test.want) && strings.HasPrefix(line, test.want[i]) {
				line = test.want[i]
			}
			got = append(got, line)
			if f.Severity != SeverityNote || f.Path != "cron" || len(Refuses([]Finding{f})) > 0 {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
