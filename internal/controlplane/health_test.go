package controlplane_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// health is the verdict on a schedule, and those of its checks that are not ok.
func (b *bench) health(id backup.ScheduleID) (backup.Verdict, map[string]backup.CheckStatus) {
	b.t.Helper()
	if err := b.store.Beat(b.t.Context(), "dp_1", b.clock.Now()); err != nil {
		b.t.Fatal(err)
	}
	h, err := b.ScheduleHealth(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	wrong := map[string]backup.CheckStatus{}
	for _, c := range h.Checks {
		if c.Status != backup.CheckOK {
			wrong[c.Name] = c.Status
		}
	}
	return h.Verdict, wrong
}

func TestScheduleHealthFollowsWhatHappens(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = &backup.Result{SizeBytes: 9}
	s := b.schedule(hourly(b.addServer()))
	const ok, warning, failed, skipped = backup.CheckOK, backup.CheckWarning, backup.CheckFailed, backup.CheckSkipped
	is := func(when string, verdict backup.Verdict, wrong map[string]backup.CheckStatus) {
		t.Helper()
		got, checks := b.health(s.ID)
		if diff := cmp.Diff(wrong, checks); got != verdict || diff != "" {
			t.Errorf("%s: %s, want %s\n%s", when, got, verdict, diff)
		}
	}
	is("new", backup.VerdictHealthy, map[string]backup.CheckStatus{"last_attempt": skipped, "server_reachable_at_due_times": skipped})
	b.dispatch("03:00")
	b.finish(b.madeBy(s.ID)[0].ID)
	is("its backup was made", backup.VerdictHealthy, map[string]backup.CheckStatus{})

	b.server.preflight = &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactTimeout, Text: "i/o timeout"}
	b.dispatch("04:00")
	b.finish(b.madeBy(s.ID)[1].ID)
	is("the server is offline", backup.VerdictUnhealthy, map[string]backup.CheckStatus{"last_attempt": failed, "server_reachable_at_due_times": failed})
	b.server.preflight = nil
	b.dispatch("05:00")
	b.finish(b.madeBy(s.ID)[2].ID)
	is("it is back", backup.VerdictWarning, map[string]backup.CheckStatus{"server_reachable_at_due_times": warning})

	b.clock.set(at(t, "06:30"))
	is("a due time was forgotten", backup.VerdictUnhealthy, map[string]backup.CheckStatus{"server_reachable_at_due_times": warning, "not_overdue": failed})
	if _, err := b.UpdateSchedule(t.Context(), s.ID, 0, func(s *backup.ScheduleSpec) { s.Paused = true }); err != nil {
		t.Fatal(err)
	}
	is("paused", backup.VerdictWarning, map[string]backup.CheckStatus{"active": warning, "next_run_valid": skipped, "server_reachable_at_due_times": warning, "not_overdue": skipped})

	h, err := b.ScheduleHealth(t.Context(), s.ID)
	if err != nil || h.ServerName != "web-1" || h.LastGood == nil || h.LastGood.ID != b.madeBy(s.ID)[2].ID || len(h.Runs) < 3 {
		t.Errorf("%+v, %v", h.Standing, err)
	}
	if _, err := b.ScheduleHealth(t.Context(), "sch_no"); !errors.Is(err, controlplane.ErrNotFound) {
		t.Errorf("of none: %v", err)
	}
}

func TestHealthOfAScheduleThatNobodyRunsSaysHowToRunIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.schedule(hourly(b.addServer()))
	h, err := b.ScheduleHealth(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	c := h.Checks[0]
	if h.Verdict != backup.VerdictUnhealthy || c.Name != "dispatcher_running" || c.Status != backup.CheckFailed || c.Code != backup.CodeNotDispatched ||
		!strings.Contains(strings.Join(c.Fix, ""), "cloudaipilot serve") {
		t.Errorf("%s: %+v", h.Verdict, c)
	}
}

// TestHealthIsJudgedByTheLastTenDueTimes makes more.
func TestHealthIsJudgedByTheLastTenDueTimes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = &backup.Result{SizeBytes: 9}
	s := b.schedule(hourly(b.addServer()))
	for hour := range strings.FieldsSeq("03:00 04:00 05:00 06:00 07:00 08:00 09:00 10:00 11:00 12:00 13:00 14:00") {
		b.dispatch(hour)
		for _, made := range b.madeBy(s.ID) {
			b.finish(made.ID)
		}
	}
	h, err := b.ScheduleHealth(t.Context(), s.ID)
	if err != nil || len(h.Runs) != backup.HealthRuns || !h.Runs[0].DueAt.Equal(at(t, "14:00")) || len(h.Backups) != backup.HealthRuns {
		t.Errorf("%d runs, %d backups, %v", len(h.Runs), len(h.Backups), err)
	}
}
