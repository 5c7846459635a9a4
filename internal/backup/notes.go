package backup

import (
	"fmt"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// TimeNotes are what the author of a schedule may not know about its times: steps that do not divide evenly, days that are rare,
// changes of the clocks in the year after now. They refuse nothing. server is the name of its server.
func TimeNotes(s ScheduleSpec, server string, now time.Time) []Finding {
	e, err := cron.Parse(s.Cron, server+"/"+s.Name)
	if err != nil {
		return nil // a rule says so
	}
	zone, err := cron.LoadZone(s.Timezone)
	if err != nil {
		return nil
	}
	var found []Finding
	for _, n := range e.Notes(zone, now) {
		found = append(found, Finding{Severity: SeverityNote, Path: "cron", Code: Code("CRON_" + strings.ToUpper(string(n.Code))),
			Summary: fmt.Sprintf("About the times of schedule %s", Excerpt(s.Name, 80)), Detail: n.Text})
	}
	return found
}
