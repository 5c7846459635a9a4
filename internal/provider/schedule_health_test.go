package provider_test

import (
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// withHealth is a configuration whose check block looks at a schedule's health, as the example does.
func (s *scenario) withHealth(t *testing.T, schedule attrs) []string {
	t.Helper()
	return []string{s.server(attrs{"backup_dir": quoted(s.sshd.Dir("backups"))}), s.schedule(schedule), example(t, "data-sources/cloudaipilot_schedule_health/data-source.tf"),
		block(`output "verdict"`, attrs{"value": "data.cloudaipilot_schedule_health.nightly.verdict"}),
		block(`output "answers"`, attrs{"value": `{ for c in data.cloudaipilot_schedule_health.nightly.checks : c.name => c.status }`}),
		block(`output "next_due_at"`, attrs{"value": "data.cloudaipilot_schedule_health.nightly.next_due_at"})}
}

func TestHealthOfAScheduleIsToldByACheckBlock(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.withHealth(t, nil)...))
	r := s.mustApply()
	r.expect(t, diagnostic{severity: "warning", summary: "Check block assertion failed"}, "dispatcher_running: Schedules are run by a control plane that runs by itself")
	out := s.outputs()
	same(t, "verdict", any("unhealthy"), out["verdict"])
	same(t, "answers", any(map[string]any{"dispatcher_running": "failed", "active": "ok", "cron_valid": "ok", "next_run_valid": "ok", "last_attempt": "skipped",
		"server_reachable_at_due_times": "skipped", "not_overdue": "ok", "retention_covers_gap": "ok"}), out["answers"])
	if due, _ := out["next_due_at"].(string); !strings.HasSuffix(due, "T02:30:00Z") {
		t.Errorf("next_due_at: %v", out["next_due_at"])
	}
	same(t, "plan again", 0, s.terraform("plan", "-detailed-exitcode").exit)
}

func TestHealthOfAScheduleThatIsRun(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	v := s.serve("")
	token := strings.TrimSpace(s.cloudaipilot("token", "create", "ci", "--role", "admin"))
	config := func(schedule attrs) { s.write(s.configAt(v.endpoint, token, s.withHealth(t, schedule)...)) }
	config(nil)
	eventually(t, "the dispatcher has begun", func() bool {
		s.mustApply()
		return s.outputs()["verdict"] == "healthy"
	})
	config(attrs{"paused": "true"})
	s.mustApply()
	r := s.mustApply() // the one before read it while it was active
	same(t, "verdict of a paused one", any("warning"), s.outputs()["verdict"])
	for _, d := range r.diagnostics {
		if d.summary == "Check block assertion failed" {
			t.Errorf("a warning fails the check: %s", d.detail)
		}
	}
}

func TestHealthOfNoSchedule(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server()))
	s.mustApply()
	s.write(s.config(s.server(), data("schedule_health", "it", attrs{"schedule_id": quoted(aSchedule)})))
	s.terraform("plan").expect(t, diagnostic{severity: "error", address: "data.cloudaipilot_schedule_health.it", summary: "There is no schedule " + aSchedule, line: "  schedule_id = " + quoted(aSchedule)})
	s.write(s.config(s.server(), data("schedule_health", "it", attrs{"schedule_id": quoted("nightly")})))
	s.terraform("plan").expect(t, diagnostic{severity: "error", summary: "Invalid identifier", line: "  schedule_id = " + quoted("nightly")})
}
