package simulated_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/runner/simulated"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// the explanation of a class that shows as another one.
var explainedAs = map[diagnosis.Class]diagnosis.Class{"server_offline": "ssh_connection_timeout"}

func TestEveryClassIsExplainedAsItself(t *testing.T) {
	t.Parallel()
	for _, class := range simulated.Classes() {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			b := stage(t, fmt.Sprintf("faults: [{class: %s}]", class))
			server := b.addServer(func(s *backup.ServerSpec) { s.Privilege = backup.PrivilegeSudo })
			made := b.wait(b.ask(server, func(s *backup.Spec) {
				s.Type, s.Databases = backup.TypeFull, []backup.Database{{Engine: "postgresql", Name: "app"}}
			}))
			if made.Status != backup.StatusFailed {
				t.Fatalf("it is %s", made.Status)
			}
			want := class
			if as, ok := explainedAs[class]; ok {
				want = as
			}
			if d := diagnosis.Explain(*made.Failure); d.Class != want {
				t.Errorf("it is explained as %s: %+v", d.Class, made.Failure)
			}
			if connecting := made.Failure.Stage == backup.StageConnect; connecting != simulator.Connects(class) {
				t.Errorf("it failed at %s", made.Failure.Stage)
			}
		})
	}
}

func TestFaultsOfDatabasesSpareFiles(t *testing.T) {
	t.Parallel()
	b := stage(t, "faults: [{class: db_connection_lost}]")
	if made := b.wait(b.ask(b.addServer())); made.Status != backup.StatusCompleted || made.SizeBytes != simulator.DefaultBytes {
		t.Errorf("it is %s with %d bytes: %+v", made.Status, made.SizeBytes, made.Failure)
	}
}

func TestAJobThatHangsIsEndedAfterHalfAnHour(t *testing.T) {
	t.Parallel()
	b := stage(t, "faults: [{class: job_stuck_no_progress}]")
	made := b.wait(b.ask(b.addServer()))
	if stood := made.FinishedAt.Sub(made.CreatedAt); made.Failure == nil || made.Failure.Fact != backup.FactJobStuck || stood < 30*time.Minute || stood > 90*time.Minute {
		t.Errorf("%s after %s: %+v", made.Status, stood, made.Failure)
	}
	if made.OnServer {
		t.Error("files remain on the server")
	}
}

// TestTheControlPlaneMeetsWhatTheSimulatorSays holds both to the same rules: the same scenario with the same seed, once as a
// simulation and once played by the control plane.
func TestTheControlPlaneMeetsWhatTheSimulatorSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text   string
		change func(*backup.ScheduleSpec)
		want   map[string]int // how often at least: without it nothing was compared
	}{
		"faults by chance and retries": {`
seed: 7
servers:
  - name: web-1
    disk: 120GiB
    used_by_others: 20GiB
    faults: [{class: path_not_found, chance: 0.2}, {slower: 3, from: 2026-01-02T00:00:00Z, until: 2026-01-02T12:00:00Z}]
schedules: [{name: hourly, server: web-1, cron: "30 * * * *", size: 500MiB}]
faults: [{class: io_error, chance: 0.1}, {class: partial_transfer, chance: 0.3}]
`, nil, map[string]int{"completed": 12, "failed path_not_found": 3, "failed partial_transfer": 1, "tries": 3}},
		"runs that overlap": {`
servers: [{name: web-1, bytes_per_second: 1MiB}]
schedules: [{name: hourly, server: web-1, cron: "30 * * * *", size: 5GiB}]
`, nil, map[string]int{"completed": 12, "skipped overlap": 12}},
		"one run waits": {`
servers: [{name: web-1, bytes_per_second: 1MiB}]
schedules: [{name: hourly, server: web-1, cron: "30 * * * *", size: 5GiB, overlap: queue_one}]
`, func(s *backup.ScheduleSpec) { s.Overlap = backup.OverlapQueueOne }, map[string]int{"completed": 18, "skipped overlap": 6}},
		"a control plane that is away": {`
control_plane_outages: [{from: 2026-01-01T05:10:00Z, until: 2026-01-01T09:10:00Z}, {from: 2026-01-02T00:00:00Z, until: 2026-01-02T03:00:00Z}]
servers: [{name: web-1}]
schedules: [{name: hourly, server: web-1, cron: "30 * * * *", missed_runs: skip}]
`, func(s *backup.ScheduleSpec) { s.MissedRuns = backup.MissedSkip }, map[string]int{"completed": 18, "missed control_plane_down": 4}},
		"a server that is away": {`
servers: [{name: web-1, faults: [{class: server_offline, from: 2026-01-01T05:00:00Z, until: 2026-01-01T08:33:00Z}]}]
schedules: [{name: hourly, server: web-1, cron: "30 * * * *"}]
`, nil, map[string]int{"completed": 20, "failed server_offline": 3, "tries": 3}},
		"a disk that fills up": {`
servers: [{name: web-1, disk: 30GiB, used_by_others_per_day: 5GiB}]
schedules: [{name: hourly, server: web-1, cron: "30 * * * *"}]
`, nil, map[string]int{"completed": 18, "failed disk": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := stage(t, test.text)
			change := test.change
			if change == nil {
				change = func(*backup.ScheduleSpec) {}
			}
			s := b.addSchedule(b.addServer(), "hourly", "30 * * * *", change)
			b.advance(30 * time.Hour)
			b.agrees(s.ID, eventsOf(t, test.text), test.want)
		})
	}
}

// eventsOf simulates a scenario, and returns what became of each due time.
func eventsOf(t *testing.T, text string) map[int64]simulator.Event {
	t.Helper()
	events := map[int64]simulator.Event{}
	if _, err := simulator.Simulate(parse(t, text), simulator.Options{Emit: func(e simulator.Event) error {
		events[e.Due] = e
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	return events
}

// agrees compares what became of the due times of a schedule with what the simulator says.
func (b *bench) agrees(id backup.ScheduleID, events map[int64]simulator.Event, want map[string]int) {
	b.t.Helper()
	runs, err := b.Runs(b.t.Context(), controlplane.RunFilter{ScheduleID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range runs {
		became, tries := strings.TrimSpace(string(r.Outcome)+" "+string(r.Reason)), 0
		if r.BackupID != "" {
			made, err := b.Backup(b.t.Context(), r.BackupID)
			if err != nil {
				b.t.Fatal(err)
			}
			if !made.Status.Finished() {
				continue // the end of the simulation, which goes on for longer
			}
			became, tries = string(made.Status), len(made.Tries)+1
			if made.Failure != nil {
				became += " " + string(diagnosis.Explain(*made.Failure).Class)
			}
			seen["tries"] += tries - 1
		}
		e := events[r.DueAt.Unix()]
		says := strings.TrimSpace(e.Outcome.String() + " " + string(e.Reason.Word()) + string(e.Class))
		// Who is called and does not answer tells no reason, and a full disk is seen before it is full once an archive's size is known.
		known := strings.NewReplacer("ssh_connection_timeout", "server_offline", "disk_space_insufficient_predicted", "disk", "disk_full", "disk")
		became, says = known.Replace(became), known.Replace(says)
		seen[became]++
		if became != says || tries != e.Tries || e.Tries == 0 && !seconds(e.By).Equal(r.CaughtUpBy) {
			b.t.Errorf("due %s: %s after %d tries, and the simulator says %s after %d", r.DueAt, became, tries, says, e.Tries)
		}
	}
	for what, most := range want {
		if seen[what] < most {
			b.t.Errorf("%s: %d of %v", what, seen[what], seen)
		}
	}
}

func seconds(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func TestThePauseBeforeTheNextTryIsKept(t *testing.T) {
	t.Parallel()
	b := stage(t, "faults: [{class: memory_exhausted}]")
	b.addSchedule(b.addServer(), "hourly", "0 * * * *")
	b.advance(2 * time.Hour)
	made, err := b.Backups(t.Context(), controlplane.BackupFilter{Page: controlplane.Page{Limit: 1}})
	if err != nil || len(made[0].Tries) != 3 {
		t.Fatalf("%v: %+v", err, made)
	}
	if took := made[0].FinishedAt.Sub(made[0].CreatedAt); took < 11*time.Minute {
		t.Errorf("four tries with pauses of 30 s, 2 min and 10 min between them took %s", took)
	}
}

func TestADiskThatFillsUp(t *testing.T) {
	t.Parallel()
	b := stage(t, `
servers: [{name: web-1, disk: 10GiB, used_by_others: 2GiB}]
schedules: [{name: nightly, server: web-1, size: 3GiB}]
`)
	s := b.addSchedule(b.addServer(), "nightly", "30 2 * * *")
	got := b.advance(5 * 24 * time.Hour)
	if diff := cmp.Diff([]string{"started completed 2", "started failed 3"}, became(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	last, err := b.LastFailure(t.Context(), controlplane.FailureOf{Schedule: s.ID})
	if err != nil || !last.Failed {
		t.Fatalf("%v: %+v", err, last)
	}
	if e := last.Backup.Failure.Evidence; e.FreeBytes != 2<<30 || e.TotalBytes != 10<<30 || e.NeededBytes != 3<<30 || e.Room == nil || e.Room.Backups != 2 {
		t.Errorf("evidence %+v", e)
	}
}
