package provider

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func scheduleFacts() facts[api.Schedule] {
	type schedule = api.Schedule
	vault := facts[api.Offsite]{"vault_id": textFact("The storage vault.", func(o api.Offsite) string { return o.VaultID })}
	return facts[schedule]{
		"id":                        textFact("Identifier.", func(s schedule) string { return s.ID }),
		"server_id":                 textFact("The server that is backed up.", func(s schedule) string { return s.ServerID }),
		"name":                      textFact("Name, unique among the schedules of the server.", func(s schedule) string { return s.Name }),
		"cron":                      textFact("When, in the five fields of cron.", func(s schedule) string { return s.Cron }),
		"timezone":                  textFact("Where these times are meant, as the IANA zone database names it.", func(s schedule) string { return s.Timezone }),
		"retention_days":            numberFact("Days that each archive is kept.", func(s schedule) int { return s.RetentionDays }),
		"offsite":                   partFact("Where archives go besides; null: nowhere.", vault, func(s schedule) *api.Offsite { return s.Offsite }),
		"encrypted":                 flagFact("Whether archives are encrypted.", func(s schedule) bool { return s.Encrypted }),
		"incremental":               flagFact("Whether only what changed is taken in.", func(s schedule) bool { return s.Incremental }),
		"paused":                    flagFact("Whether it makes no backups for now.", func(s schedule) bool { return s.Paused }),
		"pause_reason":              textFact("Why it is paused; null where nobody said.", func(s schedule) string { return s.PauseReason }),
		"paused_until":              timeFact("When the pause ends by itself; null: it does not", func(s schedule) *time.Time { return s.PausedUntil }),
		"overlap":                   textFact("At a due time while an earlier run goes on: `skip`, `queue_one` or `allow`.", func(s schedule) string { return s.Overlap }),
		"missed_runs":               textFact("Due times at which nobody was there: `run_latest`, `skip` or `run_all`.", func(s schedule) string { return s.MissedRuns }),
		"max_missed_runs":           numberFact("How many `run_all` makes at most.", func(s schedule) int { return s.MaxMissedRuns }),
		"starting_deadline_seconds": numberFact("After a due time, when its backup must not start any more; null: none.", func(s schedule) int { return s.StartingDeadlineSeconds }),
		"jitter_seconds":            numberFact("Longest time by which a start is put off; null: none.", func(s schedule) int { return s.JitterSeconds }),
		"blackout_windows":          partsFact("Times in which it is not due.", windowFacts(), func(s schedule) []backup.Window { return s.BlackoutWindows }),
		"unresolved_failure":        textFact("Its last backup, if that failed and no good one has followed; null otherwise.", func(s schedule) string { return s.UnresolvedFailure }),
		"created_at":                timeFact("When it was added", func(s schedule) *time.Time { return &s.CreatedAt }),
		"updated_at":                timeFact("When it was last changed", func(s schedule) *time.Time { return &s.UpdatedAt }),
	}.with(sourceFacts(func(s schedule) string { return s.Type }, func(s schedule) backup.FilesSource { return s.Files },
		func(s schedule) []backup.Database { return s.Databases }))
}

func newScheduleDataSource() datasource.DataSource {
	id, server, name := path.MatchRoot("id"), path.MatchRoot("server_id"), path.MatchRoot("name")
	return one("backup_schedule", "the schedule", "A schedule, found by its identifier, or by its server and its name.", scheduleFacts(), map[string]schema.Attribute{
		"id":        choice("Identifier. Given are either `id`, or `server_id` and `name`.", stringvalidator.ExactlyOneOf(name), identifier(backup.ParseScheduleID)),
		"server_id": choice("The server that is backed up.", stringvalidator.ConflictsWith(id), stringvalidator.AlsoRequires(name), identifier(backup.ParseServerID)),
		"name":      choice("Name, unique among the schedules of the server.", stringvalidator.AlsoRequires(server)),
	}, findSchedule)
}

func newSchedulesDataSource() datasource.DataSource {
	return many("backup_schedules", "schedules", "The schedules of the control plane or of a server, ordered by server and name.", scheduleFacts(), map[string]schema.Attribute{
		"server_id": onlyOf("Only those of this server."),
	}, listSchedules)
}

func findSchedule(ctx context.Context, s *session, q question) (found api.Schedule, err error) {
	if id := q.text("id"); q.given("id") {
		found, ok, err := s.schedules.find(ctx, id)
		if err == nil && !ok {
			err = noneWithID(s, "schedule", id)
		}
		return found, err
	}
	ofServer, err := listSchedules(ctx, s, q)
	if err != nil {
		return found, err
	}
	name := q.text("name")
	if i := slices.IndexFunc(ofServer, func(v api.Schedule) bool { return v.Name == name }); i >= 0 {
		return ofServer[i], nil
	}
	return found, noneNamed("schedule", name, "Server "+q.text("server_id"), namesOf(ofServer, func(v api.Schedule) string { return v.Name }))
}

func listSchedules(ctx context.Context, s *session, q question) ([]api.Schedule, error) {
	all, err := s.schedules.all(ctx)
	all = slices.DeleteFunc(all, func(v api.Schedule) bool { return q.given("server_id") && v.ServerID != q.text("server_id") })
	slices.SortFunc(all, func(a, b api.Schedule) int {
		return cmp.Or(cmp.Compare(a.ServerID, b.ServerID), cmp.Compare(a.Name, b.Name))
	})
	return all, err
}
