package simulated_test

import (
	"fmt"
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
	const text = `
seed: 7
servers:
  - name: web-1
    disk: 120GiB
    used_by_others: 20GiB
    faults: [{class: path_not_found, chance: 0.2}, {slower: 3, from: 2026-01-02T00:00:00Z, until: 2026-01-02T12:00:00Z}]
schedules: [{name: hourly, server: web-1, cron: "0 * * * *", size: 500MiB}]
faults: [{class: io_error, chance: 0.1}, {class: partial_transfer, chance: 0.3}]
`
	b := stage(t, text)
	s := b.addSchedule(b.addServer(), "hourly", "0 * * * *")
	b.advance(2*24*time.Hour - time.Minute)

	events := map[int64]simulator.Event{}
	if _, err := simulator.Simulate(parse(t, text), simulator.Options{Emit: func(e simulator.Event) error {
		events[e.Due] = e
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	runs, err := b.Runs(t.Context(), controlplane.RunFilter{ScheduleID: s.ID})
	if err != nil {
		t.Fatal(err)
	}
	failed, tries := 0, 0
	for _, r := range runs {
		made, err := b.Backup(t.Context(), r.BackupID)
		if err != nil {
			t.Fatal(err)
		}
		tries += len(made.Tries)
		want, got := events[r.DueAt.Unix()], ""
		if made.Failure != nil {
			failed++
			got = string(diagnosis.Explain(*made.Failure).Class)
		}
		if string(want.Class) != got || got == "" && want.Bytes != made.SizeBytes || want.Tries != len(made.Tries)+1 {
			t.Errorf("due %s: %q with %d bytes after %d tries, and the simulator says %q with %d after %d", r.DueAt, got, made.SizeBytes, len(made.Tries)+1, want.Class, want.Bytes, want.Tries)
		}
	}
	if len(runs) != 47 || failed < 8 || failed > 25 || tries < 5 {
		t.Errorf("%d runs, %d of them failed, %d tries before the last one", len(runs), failed, tries)
	}
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
