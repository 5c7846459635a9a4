package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const theSchedule = "cloudaipilot_backup_schedule.nightly"

func (s *scenario) schedule(given ...attrs) string {
	usual := attrs{"server_id": theServer + ".id", "name": `"nightly"`, "type": `"files"`, "cron": `"30 2 * * *"`, "files": files([]string{"/etc"}, nil)}
	return block(`resource "cloudaipilot_backup_schedule" "nightly"`, append([]attrs{usual}, given...)...)
}

// beside asks the scenario's control plane past Terraform.
func (s *scenario) beside(ask func(*apiclient.Client) error) {
	s.t.Helper()
	e, err := app.NewEmbedded(app.Config{DataDir: s.dataDir, Version: "test"})
	if err == nil {
		err = ask(e.Client("test"))
		if closed := e.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scenario) schedules() (all []api.Schedule) {
	s.beside(func(c *apiclient.Client) (err error) {
		all, err = c.Schedules(s.t.Context(), apiclient.ScheduleFilter{})
		return err
	})
	return all
}

func TestScheduleLivesFromCreateToDestroy(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	var id string
	update := planned(theSchedule, plancheck.ResourceActionUpdate)
	still := check(func(state *terraform.State) { same(t, "id", id, attribute(state, theSchedule, "id")) })
	record := func(f func(api.Schedule)) resource.TestCheckFunc {
		return check(func(*terraform.State) {
			all := s.schedules()
			if len(all) != 1 {
				t.Fatalf("%d schedules", len(all))
			}
			f(all[0])
		})
	}
	everything := attrs{"name": `"weekly"`, "type": `"full"`, "cron": `"H 4 * * SUN"`, "timezone": `"Europe/Berlin"`, "retention_days": "90", "paused": "true", "overlap": `"queue_one"`, "missed_runs": `"run_all"`, "max_missed_runs": "3",
		"starting_deadline_seconds": "3600", "jitter_seconds": "600", "blackout_windows": `[{ cron = "0 9 * * 1-5", duration_minutes = 480 }, { cron = "@monthly", duration_minutes = 60, timezone = "Europe/Berlin" }]`,
		"files":     `{ include = ["/etc", "/srv"], exclude = ["*.log"] }`,
		"databases": `[{ engine = "postgresql", name = "app", run_as = "postgres", globals = true }, { engine = "sqlite", name = "/srv/app.db" }]`}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		CheckDestroy:             check(func(*terraform.State) { same(t, "schedules once all is destroyed", 0, len(s.schedules())) }),
		Steps: []resource.TestStep{
			{ // the least
				Config: s.config(s.server(), s.schedule()),
				Check: resource.ComposeTestCheckFunc(check(func(state *terraform.State) { id = attribute(state, theSchedule, "id") }),
					resource.TestCheckResourceAttr(theSchedule, "timezone", "UTC"), resource.TestCheckResourceAttr(theSchedule, "retention_days", "30"),
					resource.TestCheckResourceAttr(theSchedule, "paused", "false"), resource.TestCheckNoResourceAttr(theSchedule, "offsite"),
					record(func(r api.Schedule) { same(t, "cron", "30 2 * * *", r.Cron) })),
			},
			{RefreshState: true}, // and wants no change
			imported(theSchedule),
			{ // everything there is, in place
				Config: s.config(s.server(), s.schedule(everything)), ConfigPlanChecks: update,
				Check: resource.ComposeTestCheckFunc(still, record(func(r api.Schedule) {
					same(t, "record", []any{"weekly", "full", "H 4 * * SUN", "Europe/Berlin", 90, true}, []any{r.Name, r.Type, r.Cron, r.Timezone, r.RetentionDays, r.Paused})
					same(t, "excludes", []string{"*.log"}, r.Files.Exclude)
					same(t, "databases", 2, len(r.Databases))
					same(t, "policy", []any{"queue_one", "run_all", 3, 3600, 600, 2, "Europe/Berlin"},
						[]any{r.Overlap, r.MissedRuns, r.MaxMissedRuns, r.StartingDeadlineSeconds, r.JitterSeconds, len(r.BlackoutWindows), r.BlackoutWindows[1].Timezone})
				})),
			},
			imported(theSchedule),
			{ // what was removed from the configuration is removed
				Config: s.config(s.server(), s.schedule()), ConfigPlanChecks: update,
				Check: resource.ComposeTestCheckFunc(still, record(func(r api.Schedule) {
					same(t, "left", []any{0, 0, false, "UTC", "skip", "run_latest", 10, 0, 0, 0}, []any{len(r.Databases), len(r.Files.Exclude), r.Paused, r.Timezone,
						r.Overlap, r.MissedRuns, r.MaxMissedRuns, r.StartingDeadlineSeconds, r.JitterSeconds, len(r.BlackoutWindows)})
				})),
			},
			{ // paused by somebody else: apply resumes it
				PreConfig: func() {
					s.beside(func(c *apiclient.Client) error {
						_, err := c.UpdateSchedule(t.Context(), id, api.ScheduleInput{Paused: new(true)})
						return err
					})
				},
				Config: s.config(s.server(), s.schedule()), ConfigPlanChecks: update,
				Check: resource.ComposeTestCheckFunc(still, record(func(r api.Schedule) { same(t, "paused", false, r.Paused) })),
			},
			{ // deleted by somebody else: apply makes it anew
				PreConfig: func() {
					s.beside(func(c *apiclient.Client) error { return c.DeleteSchedule(t.Context(), id) })
				},
				Config: s.config(s.server(), s.schedule()), ConfigPlanChecks: planned(theSchedule, plancheck.ResourceActionCreate),
			},
		},
	})
}

// TestOtherWordsForTheSameTimesAreNoChange looks at the control plane's words, and at those of the configuration.
func TestOtherWordsForTheSameTimesAreNoChange(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	config := func(cron string) string { return s.config(s.server(), s.schedule(attrs{"cron": quoted(cron)})) }
	inTheControlPlane := func(cron string) func() {
		return func() {
			s.beside(func(c *apiclient.Client) error {
				_, err := c.UpdateSchedule(t.Context(), s.schedules()[0].ID, api.ScheduleInput{Cron: &cron})
				return err
			})
		}
	}
	windows := func(cron string) string {
		return s.config(s.server(), s.schedule(attrs{"cron": `"0 3 * * 1"`, "blackout_windows": `[{ cron = ` + quoted(cron) + `, duration_minutes = 60 }]`}))
	}
	nothing, update := planned(theSchedule, plancheck.ResourceActionNoop), planned(theSchedule, plancheck.ResourceActionUpdate)
	written := func(cron string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr(theSchedule, "cron", cron)
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.providers(),
		Steps: []resource.TestStep{
			{Config: config("0 3 * * 7"), Check: written("0 3 * * 7")},
			{PreConfig: inTheControlPlane("0  03 * * SUN"), Config: config("0 3 * * 7"), ConfigPlanChecks: nothing, Check: written("0 3 * * 7")},
			{RefreshState: true, Check: written("0 3 * * 7")},
			{Config: config("0 3 * * sun"), ConfigPlanChecks: nothing, Check: written("0 3 * * 7")},
			{PreConfig: inTheControlPlane("0 3 * * SAT"), Config: config("0 3 * * 7"), ConfigPlanChecks: update, Check: written("0 3 * * 7")},
			{Config: config("H 3 * * 7"), ConfigPlanChecks: update, Check: written("H 3 * * 7")},
			{Config: config("H(0-59) 3 * * 0"), ConfigPlanChecks: nothing},
			{Config: config("0 3 * * 1"), ConfigPlanChecks: update, Check: written("0 3 * * 1")},
			{Config: windows("0 9 * * SUN"), ConfigPlanChecks: update},
			{Config: windows("0 9 * * 7"), ConfigPlanChecks: nothing, Check: resource.TestCheckResourceAttr(theSchedule, "blackout_windows.0.cron", "0 9 * * SUN")},
			{Config: windows("0 9 * * 6"), ConfigPlanChecks: update, Check: resource.TestCheckResourceAttr(theSchedule, "blackout_windows.0.cron", "0 9 * * 6")},
		},
	})
}

func TestPlanOfAScheduleSaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.schedule()))
	r := s.apply()
	same(t, "exit", 0, r.exit)
	s.hasNothingToDo()
	s.write(s.config(s.server(), s.schedule(), block(`resource "cloudaipilot_backup_schedule" "again"`, attrs{"server_id": theServer + ".id", "name": `"nightly"`,
		"type": `"files"`, "cron": `"@daily"`, "files": files([]string{"/etc"}, nil)})))
	r = s.terraform("plan")
	same(t, "errors", []string{"The schedule's name is taken"}, r.errors())
	r.expect(t, diagnostic{severity: "warning", address: "cloudaipilot_backup_schedule.again", summary: "Nobody runs schedule nightly"}, "DISPATCHER_NOT_RUNNING")
}

func TestPlanWarnsOnceOfARetentionThatLeavesAGap(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.schedule(attrs{"cron": `"0 3 * * SUN"`, "retention_days": "7"})))
	r := s.terraform("plan")
	same(t, "exit", 0, r.exit)
	r.expect(t, diagnostic{severity: "warning", address: theSchedule, summary: "Backups of schedule nightly expire before the next one is made", line: "  retention_days = 7"},
		"7 days pass between two runs", "Set retention_days to 8 or more", "RETENTION_SHORTER_THAN_GAP")
	same(t, "times it is said", 1, strings.Count(r.stdout, "RETENTION_SHORTER_THAN_GAP"))
	s.write(s.config(s.server(), s.schedule(attrs{"cron": `"0 3 * * SUN"`, "retention_days": "8"})))
	same(t, "times it is said of 8 days", 0, strings.Count(s.terraform("plan").stdout, "RETENTION_SHORTER_THAN_GAP"))
}
