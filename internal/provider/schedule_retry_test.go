package provider_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// failedRun makes a backup of the schedule that fails, and leaves it as a dispatcher would have.
func (s *scenario) failedRun(name string) string {
	s.t.Helper()
	var b api.Backup
	s.beside(func(c *apiclient.Client) error {
		schedules, err := c.Schedules(s.t.Context(), apiclient.ScheduleFilter{Name: name})
		if err != nil || len(schedules) != 1 {
			s.t.Fatalf("schedule %s: %v, %v", name, schedules, err)
		}
		if b, err = c.CreateBackup(s.t.Context(), schedules[0].ServerID, api.BackupInput{Type: "files", Files: &schedules[0].Files}); err != nil {
			return err
		}
		b, err = c.WaitForBackup(s.t.Context(), b.ID, nil)
		b.ScheduleID = schedules[0].ID
		return err
	})
	if b.Failure == nil {
		s.t.Fatalf("it did not fail: %+v", b)
	}
	db, err := sql.Open("sqlite", filepath.Join(s.dataDir, "control.db"))
	s.must(err)
	_, err = db.ExecContext(s.t.Context(), `UPDATE backups SET schedule_id = ?, started_by = 'scheduled' WHERE id = ?`, b.ScheduleID, b.ID)
	s.must(err)
	s.must(db.Close())
	return b.ID
}

func (s *scenario) scheduleNamed(name string, given ...attrs) string {
	return strings.Replace(s.schedule(append([]attrs{{"name": quoted(name), "files": files([]string{s.source}, nil)}}, given...)...), `"nightly" {`, `"`+name+`" {`, 1)
}

func TestFailedRunOfAScheduleIsDriftThatApplyMends(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	config := s.config(s.server(), s.scheduleNamed("nightly"))
	s.write(config)
	s.mustApply()
	s.hasNothingToDo()
	s.sshd.Deauthorize()
	failed := s.failedRun("nightly")

	const summary = "Schedule nightly: Backup of web-1 failed: permission denied (publickey)"
	plan := s.terraform("plan", "-detailed-exitcode", "-json")
	if plan.exit != 2 {
		t.Fatalf("terraform plan: exit status %d, want 2: %s", plan.exit, plan.text)
	}
	plan.expect(t, diagnostic{severity: "warning", address: theSchedule, summary: summary}, s.public, failed)

	r := s.apply() // the key is still missing: it is told in a moment, and nothing is made
	if r.exit != 1 {
		t.Fatalf("terraform apply: exit status %d, want 1", r.exit)
	}
	r.expect(t, diagnostic{severity: "error", address: theSchedule, summary: "Schedule nightly: A retry of the backup of web-1 would fail again: permission denied (publickey)"}, s.public, "PERMISSION_DENIED_PUBLICKEY")
	same(t, "backups", 1, len(s.backups()))
	state, _ := s.resource(theSchedule)
	same(t, "unresolved_failure", failed, state.text("unresolved_failure"))

	s.sshd.Authorize(s.public)
	s.mustApply()
	all := s.backups()
	if len(all) != 2 || all[0].RetryOf != failed || all[0].Status != "completed" {
		t.Fatalf("%+v", all)
	}
	state, _ = s.resource(theSchedule)
	same(t, "unresolved_failure", "", state.text("unresolved_failure"))
	s.hasNothingToDo()
}

func TestThreeFailingSchedulesWarnThreeTimesAndAreLeftAloneWhereAsked(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	var blocks []string
	names := []string{"hourly", "nightly", "weekly"}
	for _, name := range names {
		blocks = append(blocks, s.scheduleNamed(name, attrs{"retry_on_apply": "false"}))
	}
	s.write(s.config(append([]string{s.server()}, blocks...)...))
	s.mustApply()
	s.sshd.Deauthorize()
	for _, name := range names {
		s.failedRun(name)
	}
	if r := s.terraform("apply", "-refresh-only", "-auto-approve"); r.exit != 0 {
		t.Fatal(r.text)
	}
	plan := s.terraform("plan", "-detailed-exitcode", "-json")
	if plan.exit != 0 {
		t.Fatalf("terraform plan: exit status %d, want 0: %s", plan.exit, plan.text)
	}
	for _, name := range names {
		plan.expect(t, diagnostic{severity: "warning", address: "cloudaipilot_backup_schedule." + name, summary: "Schedule " + name + ": Backup of web-1 failed: permission denied (publickey)"})
	}
	same(t, "backups", 3, len(s.backups()))
}

// TestListsOfAScheduleHoldWhatItAskedForAlone: not the good backup of the same server, and not that of another schedule.
func TestListsOfAScheduleHoldWhatItAskedForAlone(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	weekly := "cloudaipilot_backup_schedule.weekly.id"
	config := []string{s.server(), s.backup(), s.scheduleNamed("nightly", attrs{"retry_on_apply": "false"}), s.scheduleNamed("weekly")}
	s.write(s.config(config...))
	s.mustApply()
	s.sshd.Deauthorize()
	failed := s.failedRun("nightly")
	for name, id := range map[string]string{"nightly": theSchedule + ".id", "weekly": weekly} {
		by := attrs{"schedule_id": id}
		config = append(config, data("backups", name, by), data("backups", name+"_good", by, attrs{"status": `"completed"`}), data("backup_failure", name, by))
	}
	s.write(s.config(append(config, data("backups", "all"))...))
	s.mustApply()

	ids := func(name string) []any {
		found, _ := s.resource("data.cloudaipilot_backups." + name)
		list, _ := found.Attributes["ids"].([]any)
		return list
	}
	same(t, "backups of the schedule that failed", []any{failed}, ids("nightly"))
	same(t, "good ones of it", []any{}, ids("nightly_good"))
	same(t, "backups of the other", []any{}, ids("weekly"))
	same(t, "all", 2, len(ids("all")))
	told := func(name string) []any {
		found, _ := s.resource("data.cloudaipilot_backup_failure." + name)
		a := found.Attributes
		return []any{a["failed"], a["backup_id"], a["attempt"], a["trigger"], a["consecutive_failures"], a["last_success_at"]}
	}
	same(t, "its failure", []any{true, failed, 1.0, "scheduled", 1.0, nil}, told("nightly"))
	same(t, "that of the other", []any{false, nil, nil, nil, 0.0, nil}, told("weekly"))
}
