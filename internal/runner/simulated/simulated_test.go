package simulated_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/runner"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/runner/simulated"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// bench is a simulated control plane over a real database.
type bench struct {
	*controlplane.ControlPlane
	t    *testing.T
	path string
}

// stage begins a control plane on a scenario.
func stage(t *testing.T, text string) *bench {
	t.Helper()
	b := &bench{t: t, path: filepath.Join(t.TempDir(), "control.db")}
	b.begin(text)
	return b
}

// begin begins a process on the records.
func (b *bench) begin(text string) {
	b.t.Helper()
	sc, err := scenario.Stage([]byte(text), simulated.Classes())
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := store.OpenScratch(b.t.Context(), b.path, time.Unix(sc.Start, 0))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = s.Close() })
	start, now, err := s.SimulatedTime(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	if start.IsZero() {
		start = time.Unix(sc.Start, 0)
		now = start
	}
	config := controlplane.VirtualConfig{Start: start, Now: now, Keep: func(ctx context.Context, now time.Time) error { return s.SetSimulatedTime(ctx, start, now) }}
	for _, o := range sc.Outages {
		config.Outages = append(config.Outages, controlplane.Outage{From: time.Unix(o.From, 0), Until: time.Unix(o.Until, 0)})
	}
	var fleet *simulated.Fleet
	config.QuietUntil = func(id backup.ID) time.Time { return fleet.QuietUntil(id) }
	v := controlplane.NewVirtual(config)
	fleet = simulated.New(sc, s, v.Now)
	b.ControlPlane = controlplane.New(controlplane.Config{Store: s, Runner: runner.Over(fleet, v.Now), Keys: keys{}, Sealer: seal.New(seal.Key{1}), Virtual: v,
		Pause: func(class diagnosis.Class, made backup.Backup, tries int) (time.Duration, bool) {
			return diagnosis.PauseAfter(class, made.Trigger, tries, scheduler.Chance(1, int64(tries)))
		}})
	if err := v.Begin(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

type keys struct{}

func (keys) Generate(string) ([]byte, string, error) {
	return []byte("private"), "ssh-ed25519 AAAA", nil
}
func (keys) PublicLine([]byte) (string, error) { return "ssh-ed25519 AAAA", nil }

func (b *bench) addServer(change ...func(*backup.ServerSpec)) backup.Server {
	b.t.Helper()
	spec := backup.DefaultServerSpec()
	spec.Name, spec.Host, spec.RecordHostKey = "web-1", "203.0.113.10", true
	for _, c := range change {
		c(&spec)
	}
	s, err := b.CreateServer(b.t.Context(), spec, controlplane.KeyWish{Generate: true}, controlplane.Idempotency{})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) addSchedule(server backup.Server, name, cron string, change ...func(*backup.ScheduleSpec)) backup.Schedule {
	b.t.Helper()
	spec := backup.DefaultScheduleSpec()
	spec.Name, spec.Cron = name, cron
	spec.Spec = backup.Spec{ServerID: server.ID, Type: backup.TypeFiles, Files: backup.FilesSource{Include: []string{"/var/www"}}, RetentionDays: 30}
	for _, c := range change {
		c(&spec)
	}
	s, err := b.CreateSchedule(b.t.Context(), spec, controlplane.Idempotency{})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) advance(elapsed time.Duration) controlplane.Simulation {
	b.t.Helper()
	if err := b.AdvanceTo(b.t.Context(), elapsed); err != nil {
		b.t.Fatal(err)
	}
	s, err := b.Simulation(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// became counts due times: "started completed 3".
func became(s controlplane.Simulation) (lines []string) {
	for _, r := range s.Runs {
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprintf("%s %s %d", r.Outcome, r.Status, r.Count)), " "))
	}
	return lines
}

const week = 7 * 24 * time.Hour

func TestAWeekPasses(t *testing.T) {
	t.Parallel()
	b := stage(t, "")
	s := b.addSchedule(b.addServer(), "often", "0 */4 * * *")
	got := b.advance(week)
	if diff := cmp.Diff([]string{"started completed 41", "started running 1"}, became(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.Now.Equal(scenario.StageStart.Add(week)) {
		t.Errorf("it is %s", got.Now)
	}
	h, err := b.ScheduleHealth(t.Context(), s.ID)
	if err != nil || h.Verdict != backup.VerdictHealthy {
		t.Errorf("%v: %+v", err, h.Health)
	}
}

// ask asks for a backup of files.
func (b *bench) ask(server backup.Server, change ...func(*backup.Spec)) backup.ID {
	b.t.Helper()
	spec := backup.Spec{ServerID: server.ID, Type: backup.TypeFiles, Files: backup.FilesSource{Include: []string{"/var/www"}}, RetentionDays: 7}
	for _, c := range change {
		c(&spec)
	}
	made, err := b.CreateBackup(b.t.Context(), controlplane.CreateRequest{Spec: spec, Trigger: backup.TriggerManual})
	if err != nil {
		b.t.Fatal(err)
	}
	return made.ID
}

// wait waits for the end of a backup as a client does, a minute at a time.
func (b *bench) wait(id backup.ID) backup.Backup {
	b.t.Helper()
	for range 1000 {
		got, err := b.Wait(b.t.Context(), []backup.ID{id}, "", time.Minute)
		if err != nil || len(got) != 1 {
			b.t.Fatalf("%v: %v", err, got)
		}
		if got[0].Status.Finished() {
			return got[0]
		}
	}
	b.t.Fatal("it does not end")
	return backup.Backup{}
}

// parse reads a scenario as the simulator has it, for a week.
func parse(t *testing.T, text string) *simulator.Scenario {
	t.Helper()
	sc, err := scenario.Parse([]byte(text), scenario.Options{Horizon: func(string, string) (scenario.Horizon, error) {
		return scenario.Horizon{Start: scenario.StageStart.Unix(), End: scenario.StageStart.Add(week).Unix()}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return sc.Scenario
}

func TestWhoWaitsHasTimePass(t *testing.T) {
	t.Parallel()
	b := stage(t, "servers: [{name: web-1, bytes_per_second: 1MiB}]")
	server := b.addServer()
	before := b.advance(0).Now
	b.addSchedule(server, "hourly", "0 * * * *")
	made := b.wait(b.ask(server))
	after := b.advance(0).Now
	if took := after.Sub(before); made.Status != backup.StatusCompleted || took < 1024*time.Second || took > 1030*time.Second || !after.Equal(made.FinishedAt) {
		t.Errorf("%s, after %s, at %s", made.Status, took, made.FinishedAt)
	}
	if again := b.advance(time.Minute).Now; !again.Equal(after) {
		t.Errorf("time went back: from %s to %s", after, again)
	}
}

func TestWhoFollowsTheNewsHasNoTimePass(t *testing.T) {
	t.Parallel()
	b := stage(t, "")
	b.addSchedule(b.addServer(), "hourly", "0 * * * *")
	if _, err := b.FollowActivities(t.Context(), controlplane.ActivityFilter{}, "act_zz", 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if now := b.advance(0).Now; !now.Equal(scenario.StageStart) {
		t.Errorf("it is %s", now)
	}
}

func TestAnotherProcessGoesOn(t *testing.T) {
	t.Parallel()
	const text = "servers: [{name: web-1, disk: 8GiB, bytes_per_second: 1MiB}]"
	b := stage(t, text)
	server := b.addServer()
	b.addSchedule(server, "hourly", "0 * * * *")
	b.advance(time.Hour + 5*time.Minute) // in the middle of a backup
	b.begin(text)
	if diff := cmp.Diff([]string{"started completed 3"}, became(b.advance(3*time.Hour+30*time.Minute))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.begin(text) // which archives fill the disk is known again
	if diff := cmp.Diff([]string{"started completed 8", "started failed 2"}, became(b.advance(10*time.Hour+30*time.Minute))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNobodyIsThereInAnOutage(t *testing.T) {
	t.Parallel()
	b := stage(t, "control_plane_outages: [{from: 2026-01-01T02:30:00Z, until: 2026-01-01T05:30:00Z}]")
	s := b.addSchedule(b.addServer(), "hourly", "0 * * * *")
	b.advance(4 * time.Hour)
	if h, err := b.ScheduleHealth(t.Context(), s.ID); err != nil || h.Checks[0].Status != backup.CheckFailed {
		t.Errorf("during it: %v %+v", err, h.Checks)
	}
	if diff := cmp.Diff([]string{"caught_up 2", "started completed 4"}, became(b.advance(6*time.Hour+30*time.Minute))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRetriesGoThroughAnOutageOfAServer(t *testing.T) {
	t.Parallel()
	b := stage(t, `servers: [{name: web-1, faults: [{class: server_offline, from: 2026-01-01T01:55:00Z, until: 2026-01-01T02:05:00Z}, {class: server_offline, from: 2026-01-01T03:55:00Z, until: 2026-01-01T04:55:00Z}]}]`)
	s := b.addSchedule(b.addServer(), "hourly", "0 * * * *")
	got := b.advance(5*time.Hour - time.Minute)
	if diff := cmp.Diff([]string{"missed failed 1", "started completed 3"}, became(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	made, err := b.Backups(t.Context(), controlplane.BackupFilter{ScheduleID: s.ID})
	if err != nil || len(made) != 4 || len(made[1].Tries) != 3 || made[1].Status != backup.StatusCompleted {
		t.Fatalf("%v: %+v", err, made)
	}
	if _, err := b.RetryBackup(t.Context(), made[3].ID, false, controlplane.Idempotency{}); err != nil {
		t.Errorf("a retry after the outage is refused: %v", err)
	}
}

func TestProbesSeeAnOutage(t *testing.T) {
	t.Parallel()
	b := stage(t, `servers: [{name: web-1, faults: [{class: ssh_auth_failed, from: 2026-01-01T00:30:00Z}]}]`)
	server := b.addServer()
	look := func() backup.Verdict {
		r, err := b.Preflight(t.Context(), controlplane.PreflightRequest{Spec: backup.Spec{ServerID: server.ID}})
		if err != nil {
			t.Fatal(err)
		}
		return backup.VerdictOf(r.Checks)
	}
	if got := look(); got != backup.VerdictHealthy {
		t.Errorf("before: %s", got)
	}
	b.advance(time.Hour)
	if got := look(); got != backup.VerdictUnhealthy {
		t.Errorf("after: %s", got)
	}
	failed := b.wait(b.ask(server))
	if _, err := b.RetryBackup(t.Context(), failed.ID, false, controlplane.Idempotency{}); err == nil || !strings.Contains(err.Error(), "would fail again") {
		t.Errorf("a retry while the cause stands: %v", err)
	}
}

func TestABackupIsCancelledAndDeleted(t *testing.T) {
	t.Parallel()
	b := stage(t, "servers: [{name: web-1, bytes_per_second: 1MiB}]")
	server := b.addServer()
	id := b.ask(server)
	if _, err := b.Wait(t.Context(), []backup.ID{id}, "", time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, err := b.CancelBackup(t.Context(), id); err != nil || got.Status != backup.StatusRunning {
		t.Fatalf("%v: %+v", err, got.Status)
	}
	if got := b.wait(id); got.Failure == nil || got.Failure.Fact != backup.FactCancelled || got.OnServer {
		t.Errorf("%s: %+v", got.Status, got.Failure)
	}
	good := b.wait(b.ask(server))
	if leftover, err := b.DeleteBackup(t.Context(), good.ID); err != nil || leftover != "" {
		t.Errorf("%v: %q", err, leftover)
	}
}

func TestSimulatedServerTellsWhatLiesOnItsDisk(t *testing.T) {
	t.Parallel()
	b := stage(t, "")
	server := b.addServer()
	good, deleted := b.wait(b.ask(server)), b.wait(b.ask(server))
	if left, err := b.DeleteBackup(t.Context(), deleted.ID); err != nil || left != "" {
		t.Fatal(left, err)
	}
	folders, err := b.Runner.Folders(t.Context(), controlplane.Target{Server: server, PrivateKey: []byte("private")})
	if diff := cmp.Diff([]controlplane.Folder{{ID: good.ID, Bytes: good.SizeBytes, Archive: true}}, folders); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if r, err := b.RecoverServer(t.Context(), server.ID); err != nil || len(r.Orphans) != 0 {
		t.Errorf("%v %+v", err, r.Orphans)
	}
}
