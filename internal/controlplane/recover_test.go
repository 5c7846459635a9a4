package controlplane_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func running(t *testing.T, b *bench) backup.Backup {
	t.Helper()
	id := b.create(request(b.addServer())).ID
	b.step(id)
	b.server.job = backup.Job{PID: 42, StartTime: 7, BootID: "boot"}
	return b.step(id)
}

func TestJobWithoutProgressIsStuckAndOneThatMovesNeverIs(t *testing.T) {
	t.Parallel()
	b := newBenchThat(t, func(c *controlplane.Config) { c.StuckAfter = 10 * time.Minute })
	b.server.moves = true
	id := running(t, b).ID
	begin := b.clock.Now()
	for b.clock.Now().Sub(begin) < 5*time.Hour { // far longer than the limit, and a byte at every look
		b.clock.add(9 * time.Minute)
		if got := b.step(id); got.Status != backup.StatusRunning {
			t.Fatalf("after %s: %s, %+v", b.clock.Now().Sub(begin), got.Status, got.Failure)
		}
	}
	b.server.moves = false
	last := b.get(id).Work.MovedAt
	got := b.finish(id)
	if got.Failure.Fact != backup.FactJobStuck || got.Failure.Stage != backup.StageArchive {
		t.Fatalf("%+v", got.Failure)
	}
	if still := got.Failure.At.Sub(last); still < 10*time.Minute || still > 11*time.Minute {
		t.Errorf("it counted as stuck after %s", still)
	}
	if !b.server.has("kill") || !b.server.has("clean") || got.OnServer {
		t.Errorf("what is left of it: %v", b.server.calls)
	}
}

func names(r controlplane.Recovery) (all []string) {
	for _, a := range r.Actions {
		all = append(all, a.Name+" "+a.Status)
	}
	return all
}

func TestRecoveryIsPreviewedDoneAndDoneOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := running(t, b)
	b.step(got.ID) // it is seen once
	b.clock.add(31 * time.Minute)
	calls := len(b.server.calls)

	preview, err := b.PreviewRecovery(t.Context(), got.ID, false)
	want := []string{"end_job planned", "remove_folder planned", "mark_failed planned", "release_place planned"}
	if diff := cmp.Diff(want, names(preview)); err != nil || diff != "" {
		t.Fatalf("%v %s", err, diff)
	}
	if after := b.get(got.ID); after.Work.Attempt != b.get(got.ID).Work.Attempt || after.Failure != nil || len(b.server.calls) != calls+1 {
		t.Errorf("the preview did something: %v", b.server.calls[calls:])
	}
	r, err := b.RecoverBackup(t.Context(), got.ID, false)
	if err != nil || r.Actions[0].Status != controlplane.ActionUnderWay || r.Backup.Work.Step != backup.StepClean {
		t.Fatalf("%v %+v", err, r)
	}
	done := b.finish(got.ID)
	if done.Status != backup.StatusFailed || done.Failure.Fact != backup.FactJobStuck || done.OnServer {
		t.Errorf("%+v", done)
	}
	calls = len(b.server.calls)
	again, err := b.RecoverBackup(t.Context(), got.ID, false)
	if err != nil || len(again.Actions) != 0 || len(b.server.calls) != calls {
		t.Errorf("the second time: %v %v, %v", err, names(again), b.server.calls[calls:])
	}
}

func TestRecoveryLeavesWhatMovesAndWhatIsGoodAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.moves = true
	got := running(t, b)
	var refusal *backup.FindingsError
	if _, err := b.RecoverBackup(t.Context(), got.ID, false); !errors.As(err, &refusal) || refusal.Findings[0].Code != backup.CodeBackupInProgress {
		t.Errorf("one that moves: %v", err)
	}
	if r, err := b.RecoverBackup(t.Context(), got.ID, true); err != nil || len(r.Actions) == 0 {
		t.Errorf("with force: %v", err)
	}
	b.finish(got.ID)

	b.server.result = archived
	good := b.finish(b.ask(request(b.serverOf(got))).ID)
	if _, err := b.RecoverBackup(t.Context(), good.ID, true); !errors.As(err, &refusal) || refusal.Findings[0].Code != backup.CodeInvalidState {
		t.Errorf("a good one: %v", err)
	}
}

// serverOf is the server of a backup.
func (b *bench) serverOf(of backup.Backup) backup.Server {
	b.t.Helper()
	s, err := b.Server(b.t.Context(), of.ServerID)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func TestWhoeverIsAtABackupLosesItToItsRecovery(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := running(t, b)
	b.server.during = func(call string) {
		if call == "watch" && b.get(got.ID).Failure == nil {
			b.server.during = nil
			if _, err := b.RecoverBackup(t.Context(), got.ID, true); err != nil {
				t.Error(err)
			}
		}
	}
	b.server.result = archived // what that step found is not written down any more
	b.step(got.ID)
	if after := b.get(got.ID); after.Status == backup.StatusCompleted || after.Work.Step != backup.StepClean {
		t.Errorf("%s, %q", after.Status, after.Work.Step)
	}
}

func TestWhatALostServerKeepsIsRemovedOnceItAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.start = &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactToolFailed, Text: "tar"}
	b.server.cancel, b.server.clean = unreachable(), unreachable()
	got := b.finish(b.create(request(b.addServer())).ID)
	if got.Status != backup.StatusFailed || !got.OnServer {
		t.Fatalf("%+v", got)
	}
	r, err := b.RecoverBackup(t.Context(), got.ID, false)
	if diff := cmp.Diff([]string{"remove_folder waits"}, names(r)); err != nil || diff != "" {
		t.Errorf("while it is out of reach: %v %s", err, diff)
	}
	tried := map[backup.ID]time.Time{}
	b.SweepLeftoversOnce(t.Context(), tried)
	if b.get(got.ID).OnServer == false || tried[got.ID].IsZero() {
		t.Error("it was forgotten")
	}
	b.server.cancel, b.server.clean = nil, nil
	calls := len(b.server.calls)
	b.SweepLeftoversOnce(t.Context(), tried)
	if len(b.server.calls) != calls {
		t.Error("it was not given a pause")
	}
	b.clock.add(time.Hour)
	b.SweepLeftoversOnce(t.Context(), tried)
	if b.get(got.ID).OnServer || !b.server.has("clean") {
		t.Error("it is still there")
	}
	calls = len(b.server.calls)
	b.clock.add(time.Hour)
	if b.SweepLeftoversOnce(t.Context(), tried); len(b.server.calls) != calls || len(tried) != 0 {
		t.Error("it is still looked for")
	}
}
