package controlplane_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

var archived = &backup.Result{SizeBytes: 1234, SHA256: "ab", Entries: 5, Warnings: []string{"a file changed"}}

func TestBackupGoesFromPendingToCompleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.warnings = []string{"a link"}
	made := b.create(request(b.addServer()))
	if made.Status != backup.StatusPending {
		t.Errorf("status after create: %s", made.Status)
	}
	if got := b.step(made.ID); got.Status != backup.StatusPending || got.Work.Step != backup.StepStart || !got.OnServer {
		t.Errorf("after preflight: status %s, step %q, on server %v", got.Status, got.Work.Step, got.OnServer)
	}
	if got := b.step(made.ID); got.Status != backup.StatusRunning || got.Job.PID != 42 {
		t.Errorf("after start: status %s, job %+v", got.Status, got.Job)
	}
	if got := b.step(made.ID); got.Status != backup.StatusRunning || got.Progress.Bytes != 10 {
		t.Errorf("while it runs: status %s, progress %+v", got.Status, got.Progress)
	}
	b.server.result = archived
	got := b.finish(made.ID)
	if got.Status != backup.StatusCompleted || got.SizeBytes != 1234 || got.Path != "/tmp/cloudpilot-backups/"+string(made.ID)+"/archive.tar.gz" {
		t.Errorf("at the end: %s, %d bytes, %q", got.Status, got.SizeBytes, got.Path)
	}
	if diff := cmp.Diff([]string{"a link", "a file changed"}, got.Warnings); diff != "" {
		t.Error(diff)
	}
	if b.server.has("clean") {
		t.Error("a good archive was cleaned up")
	}
	a, lines, err := b.Activity(t.Context(), got.Activity)
	if err != nil || a.Status != backup.ActivityCompleted || len(lines) == 0 {
		t.Errorf("activity: %s, %d lines, %v", a.Status, len(lines), err)
	}
	for _, s := range a.Steps {
		if s.Status != backup.ActivityCompleted || s.FinishedAt.IsZero() {
			t.Errorf("step %s of the activity: %s", s.Name, s.Status)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	full := &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactToolFailed, Text: "tar", Output: "No space left on device"}
	tests := map[string]struct {
		server  fakeServer
		fact    backup.Fact
		stage   backup.Stage
		cleaned bool
	}{
		"refused by the server before anything is there": {
			fakeServer{preflight: &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactRefused}}, backup.FactRefused, backup.StageConnect, false,
		},
		"refused at the start":             {fakeServer{start: &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactFolderUnsafe}}, backup.FactFolderUnsafe, backup.StageArchive, true},
		"told by the job":                  {fakeServer{result: &backup.Result{Failure: full}}, backup.FactToolFailed, backup.StageArchive, true},
		"a job that died without a result": {fakeServer{alive: false}, backup.FactJobGone, backup.StageArchive, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			*b.server = test.server
			got := b.finish(b.create(request(b.addServer())).ID)
			if got.Status != backup.StatusFailed || got.Failure == nil || got.Failure.Fact != test.fact || got.Failure.Stage != test.stage {
				t.Fatalf("status %s, failure %+v", got.Status, got.Failure)
			}
			if !got.Failure.At.Equal(b.clock.Now()) && !got.Failure.At.Before(b.clock.Now()) {
				t.Errorf("failed at %s, and it is %s", got.Failure.At, b.clock.Now())
			}
			if b.server.has("clean") != test.cleaned || got.OnServer {
				t.Errorf("cleaned: %v, files on the server: %v", b.server.has("clean"), got.OnServer)
			}
			a, _, err := b.Activity(t.Context(), got.Activity)
			if err != nil || a.Status != backup.ActivityFailed {
				t.Errorf("activity: %s, %v", a.Status, err)
			}
		})
	}
}

func TestCleanUpThatCannotBeDoneIsRemembered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.alive, b.server.clean = false, unreachable()
	got := b.finish(b.create(request(b.addServer())).ID)
	if got.Status != backup.StatusFailed || !got.OnServer {
		t.Errorf("status %s, files on the server: %v", got.Status, got.OnServer)
	}
}

func TestJobIsWatchedOnAfterTheConnectionDropped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.step(id)
	b.server.start = unreachable() // the answer was lost: the job may have started
	if got := b.step(id); got.Status != backup.StatusPending || got.Work.UnreachableFrom.IsZero() {
		t.Fatalf("status %s, unreachable from %s", got.Status, got.Work.UnreachableFrom)
	}
	b.server.start = nil
	b.step(id)
	b.server.watch = unreachable()
	for range 20 {
		b.step(id)
	}
	b.server.watch, b.server.result = nil, archived
	if got := b.finish(id); got.Status != backup.StatusCompleted || !got.Work.UnreachableFrom.IsZero() {
		t.Errorf("status %s, unreachable from %s", got.Status, got.Work.UnreachableFrom)
	}
}

func TestServerOutOfReachForTooLongFailsTheBackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.step(id)
	b.step(id)
	began := b.clock.Now()
	b.server.watch, b.server.cancel, b.server.clean = unreachable(), unreachable(), unreachable()
	got := b.finish(id)
	if got.Status != backup.StatusFailed || got.Failure.Fact != backup.FactUnreachable || !got.OnServer {
		t.Errorf("status %s, failure %+v, files on the server: %v", got.Status, got.Failure, got.OnServer)
	}
	if took := b.clock.Now().Sub(began); took < 30*time.Minute || took > 32*time.Minute {
		t.Errorf("gave up after %s", took)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		after    int // steps before the cancel
		stubborn bool
		want     []string
	}{
		"before anything was done":   {0, false, nil},
		"before the start":           {1, false, []string{"preflight", "watch", "kill", "clean"}},
		"while it runs":              {2, false, []string{"preflight", "start", "cancel", "watch", "kill", "clean"}},
		"a job that does not listen": {2, true, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			id := b.create(request(b.addServer())).ID
			for range test.after {
				b.step(id)
			}
			b.clock.add(time.Second)
			if _, err := b.CancelBackup(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			b.server.alive = test.stubborn // only a kill ends it
			got := b.finish(id)
			if got.Status != backup.StatusFailed || got.Failure.Fact != backup.FactCancelled {
				t.Fatalf("status %s, failure %+v", got.Status, got.Failure)
			}
			if test.stubborn {
				if !b.server.has("kill") {
					t.Errorf("not killed: %q", b.server.calls)
				}
				return
			}
			if diff := cmp.Diff(test.want, b.server.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCancelFindsAJobWhoseStartWasNotWrittenDown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.step(id)
	b.server.job = backup.Job{PID: 42, StartTime: 7, BootID: "boot"} // started by a worker that died
	b.clock.add(time.Second)
	if _, err := b.CancelBackup(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := b.step(id); got.Job != b.server.job || got.Work.Step != backup.StepWatch || b.server.has("start") {
		t.Fatalf("job %+v, step %s, calls %q", got.Job, got.Work.Step, b.server.calls)
	}
	if got := b.finish(id); got.Failure.Fact != backup.FactCancelled || !b.server.has("kill") || got.OnServer {
		t.Errorf("failure %+v, calls %q", got.Failure, b.server.calls)
	}
}

func TestCleanUpIsTriedAgainWhileTheJobIsEnding(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.alive, b.server.clean = false, &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactInternal, Text: "the job is still running"}
	id := b.create(request(b.addServer())).ID
	for range 6 {
		if got := b.step(id); got.Status.Finished() {
			t.Fatal("it gave up at once")
		}
	}
	b.server.clean = nil
	if got := b.finish(id); got.Status != backup.StatusFailed || got.OnServer {
		t.Errorf("status %s, files on the server: %v", got.Status, got.OnServer)
	}
}

func TestCancelOfAFinishedBackupChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = archived
	done := b.finish(b.create(request(b.addServer())).ID)
	got, err := b.CancelBackup(t.Context(), done.ID)
	if err != nil || got.Status != backup.StatusCompleted || !got.Work.CancelAt.IsZero() {
		t.Errorf("status %s, cancelled at %s, %v", got.Status, got.Work.CancelAt, err)
	}
}

func TestCancelDuringAStepIsTheNextStep(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.step(id)
	b.server.during = func(call string) {
		if call == "start" {
			b.clock.add(time.Second)
			if _, err := b.CancelBackup(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}
	got := b.step(id)
	if got.Work.CancelAt.IsZero() || !got.Work.NextStepAt.Equal(got.Work.CancelAt) {
		t.Errorf("cancel asked for at %s, next step at %s", got.Work.CancelAt, got.Work.NextStepAt)
	}
}

func TestOnlyOneWorkerIsAtABackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.server.during = func(string) {
		b.server.during = nil
		if _, _, err := b.Step(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	b.step(id)
	if diff := cmp.Diff([]string{"preflight"}, b.server.calls); diff != "" {
		t.Error(diff)
	}
}

func TestWorkerThatWasOvertakenWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.server.result = archived
	b.server.during = func(string) { // the first worker hangs beyond its lease, and a second one does it all
		b.server.during = nil
		b.clock.add(time.Hour)
		b.finish(id)
		b.server.preflight = &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactRefused}
	}
	if _, _, err := b.Step(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := b.get(id); got.Status != backup.StatusCompleted {
		t.Errorf("status %s: the overtaken worker wrote", got.Status)
	}
}

func TestWorkerThatIsStoppedLeavesTheRowAsItWas(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	ctx, stop := context.WithCancel(t.Context())
	b.server.during, b.server.preflight = func(string) { stop() }, context.Canceled
	if _, _, err := b.Step(ctx, id); err != nil {
		t.Fatal(err)
	}
	got := b.get(id)
	if got.Status != backup.StatusPending || got.Failure != nil || !got.Work.LeaseUntil.IsZero() || got.Work.Step != backup.StepPreflight {
		t.Errorf("status %s, failure %v, work %+v", got.Status, got.Failure, got.Work)
	}
	b.server.during, b.server.preflight, b.server.result = nil, nil, archived
	if got := b.finish(id); got.Status != backup.StatusCompleted {
		t.Errorf("status %s", got.Status)
	}
}

func TestHostKeyOfTheFirstContactIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	made := b.create(request(s))
	b.step(made.ID)
	got, err := b.Server(t.Context(), s.ID)
	if err != nil || got.RecordedHostKey != "ssh-ed25519 AAAA" || got.TrustedHostKey() != "ssh-ed25519 AAAA" {
		t.Fatalf("recorded %q, %v", got.RecordedHostKey, err)
	}
	move := func(s *backup.ServerSpec) { s.Host = "203.0.113.99" }
	if _, err := b.UpdateServer(t.Context(), s.ID, 0, move, controlplane.KeyWish{}); code(err) != backup.CodeBackupInProgress {
		t.Errorf("moved under its backup: %v", err)
	}
	b.server.result = archived
	b.finish(made.ID)
	moved, err := b.UpdateServer(t.Context(), s.ID, 0, move, controlplane.KeyWish{})
	if err != nil || moved.RecordedHostKey != "" {
		t.Errorf("another host keeps the key %q, %v", moved.RecordedHostKey, err)
	}
}

func TestHostKeyOfAServerThatChangedMeanwhileIsNotKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	made := b.create(request(s))
	b.server.during = func(string) {
		b.server.during = nil
		if _, err := b.UpdateServer(t.Context(), s.ID, 0, func(s *backup.ServerSpec) { s.Port = 2222 }, controlplane.KeyWish{}); err != nil {
			t.Error(err)
		}
	}
	if got := b.step(made.ID); got.Work.Step != backup.StepPreflight {
		t.Errorf("next step %s", got.Work.Step)
	}
	if got, err := b.Server(t.Context(), s.ID); err != nil || got.RecordedHostKey != "" {
		t.Errorf("kept %q, %v", got.RecordedHostKey, err)
	}
	if got := b.step(made.ID); got.Work.Step != backup.StepStart {
		t.Errorf("next step %s", got.Work.Step)
	}
}

// lostKey is a sealer without the right master key.
type lostKey struct{ controlplane.Sealer }

func (lostKey) Open(string, string) ([]byte, error) { return nil, errors.New("another master key") }

func TestProcessWithoutTheMasterKeyHarmsNoBackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.step(id)
	b.step(id)
	right := b.Sealer
	b.Sealer = lostKey{right}
	b.clock.set(b.get(id).Work.NextStepAt)
	if _, _, err := b.Step(t.Context(), id); err == nil {
		t.Error("nothing was said")
	}
	if got := b.get(id); got.Status != backup.StatusRunning || got.Failure != nil || !got.Work.LeaseUntil.IsZero() {
		t.Fatalf("status %s, failure %v, work %+v", got.Status, got.Failure, got.Work)
	}
	b.Sealer, b.server.result = right, archived
	if got := b.finish(id); got.Status != backup.StatusCompleted {
		t.Errorf("status %s", got.Status)
	}
}

func TestTheEndOfAJobIsSeenSoon(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.step(id)
	began := b.step(id).StartedAt
	for _, look := range []struct {
		after time.Duration
		at    string
		pause time.Duration
	}{
		{time.Second, "archive", 200 * time.Millisecond},
		{50 * time.Second, "archive", time.Second},
		{55 * time.Second, "verify", 220 * time.Millisecond},
		{time.Hour, "archive", 5 * time.Second},
		{2 * time.Hour, "sync", 5 * time.Second},
	} {
		b.clock.set(began.Add(look.after))
		b.server.at, b.server.alive, b.server.moves = look.at, true, true
		if pause := b.step(id).Work.NextStepAt.Sub(b.clock.Now()); pause != look.pause {
			t.Errorf("at %q after %s the next look is in %s, want %s", look.at, look.after, pause, look.pause)
		}
	}
}

func TestDeletionEndsAJobThatStillRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(request(b.addServer())).ID
	b.step(id)
	b.step(id)
	b.server.watch, b.server.cancel, b.server.clean = unreachable(), unreachable(), unreachable()
	b.finish(id) // failed: out of reach for too long, and the job goes on
	b.server.cancel, b.server.calls = nil, nil
	b.server.clean = &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactJobRunning, Text: "the job is still running"}
	if _, err := b.DeleteBackup(t.Context(), id); code(err) != backup.CodeBackupInProgress || !b.get(id).Live() {
		t.Errorf("while the job runs: %v", err)
	}
	b.server.clean = nil
	if leftover, err := b.DeleteBackup(t.Context(), id); err != nil || leftover != "" || !b.server.has("kill") || b.get(id).OnServer {
		t.Errorf("leftover %q, calls %q, %v", leftover, b.server.calls, err)
	}
}

func TestStepThatPanicsEndsNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		steps := map[backup.ID]int{}
		w := controlplane.NewStepWorker(bubble{}, func(id backup.ID) time.Time {
			mu.Lock()
			defer mu.Unlock()
			if steps[id]++; id == "bk_1" && steps[id] == 1 {
				panic("one row")
			}
			return time.Time{}
		})
		defer w.Close()
		w.Wake("bk_1", time.Now())
		synctest.Wait()
		w.Wake("bk_2", time.Now())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if steps["bk_1"] != 2 || steps["bk_2"] != 1 {
			t.Errorf("steps %v", steps)
		}
	})
}

func TestFailureKeepsTheToolsOwnWords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = &backup.Result{Failure: &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactToolFailed, Output: "tar: cannot; PGPASSWORD=Zx9kQ2vLw8"}}
	got := b.finish(b.create(request(b.addServer())).ID)
	if got.Output != "tar: cannot; PGPASSWORD=***" || got.Failure.Output != got.Output || got.Failure.Evidence.BackupDir != "/tmp/cloudpilot-backups" || got.Failure.Evidence.BytesDone != 10 {
		t.Errorf("output %q, evidence %+v", got.Output, got.Failure.Evidence)
	}
	_, lines, err := b.Activity(t.Context(), got.Activity)
	if err != nil || !slices.ContainsFunc(lines, func(l backup.LogLine) bool { return l.Text == "failed at archive: " }) {
		t.Errorf("lines %+v, %v", lines, err)
	}
}

// watcher writes down what an observer is told.
type watcher struct {
	steps    []backup.Step
	late     time.Duration
	finished []backup.Status
}

func (w *watcher) Stepped(step backup.Step, late, _ time.Duration) {
	w.steps, w.late = append(w.steps, step), max(w.late, late)
}

func (w *watcher) Decided(backup.Run, time.Duration) {}

func (w *watcher) Finished(b backup.Backup) { w.finished = append(w.finished, b.Status) }

func TestObserverIsToldOfEveryStepAndOneEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := &watcher{}
	b.Observer = seen
	b.server.result = &backup.Result{SizeBytes: 9}
	made := b.create(request(b.addServer()))
	b.clock.add(7 * time.Second)
	b.finish(made.ID)
	if len(seen.steps) != 4 || seen.late != 7*time.Second || !slices.Equal(seen.finished, []backup.Status{backup.StatusCompleted}) {
		t.Errorf("told of %v, %v late, and %v", seen.steps, seen.late, seen.finished)
	}
}

// stubborn is a store that takes what a step found only after it was asked a few times.
type stubborn struct {
	controlplane.Store

	refusals int
}

func (s *stubborn) SaveStep(ctx context.Context, b backup.Backup, note controlplane.ActivityNote) error {
	if s.refusals--; s.refusals >= 0 {
		return errors.New("database or disk is full")
	}
	return s.Store.SaveStep(ctx, b, note)
}

func TestWhatAStepFoundIsWrittenDownAsSoonAsTheStoreTakesIt(t *testing.T) {
	t.Parallel()
	for refusals, written := range map[int]bool{0: true, 5: true, 1000: false} {
		b := newBench(t)
		made := b.create(request(b.addServer()))
		b.Store = &stubborn{b.Store, refusals}
		_, _, err := b.Step(t.Context(), made.ID)
		if got := b.get(made.ID); (got.Work.Step == backup.StepStart) != written || (err == nil) != written {
			t.Errorf("after %d refusals: %+v, %v", refusals, got.Work, err)
		}
		if refusals == 1000 && b.clock.Now().After(made.CreatedAt.Add(90*time.Second)) {
			t.Error("it went on after its lease had ended")
		}
	}
}

func TestWaitingGoesOnWhenItCannotBeNoted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = archived
	made := b.create(request(b.addServer()))
	b.finish(made.ID)
	b.Store = unnoted{b.Store}
	got, err := b.Wait(t.Context(), []backup.ID{made.ID}, "client", time.Second)
	if err != nil || len(got) != 1 {
		t.Errorf("%d backups, %v", len(got), err)
	}
}

// unnoted is a store that takes no note of who waits.
type unnoted struct{ controlplane.Store }

func (unnoted) Hold(context.Context, backup.ID, string, time.Time) error {
	return errors.New("database or disk is full")
}
