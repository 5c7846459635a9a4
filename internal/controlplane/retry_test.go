package controlplane_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

// retrying is a control plane that tries again as the real one does, without chance.
func retrying(t *testing.T) *bench {
	t.Helper()
	return newBenchThat(t, func(c *controlplane.Config) {
		c.Pause = func(class diagnosis.Class, b backup.Backup, tries int) (time.Duration, bool) {
			return diagnosis.PauseAfter(class, b.Trigger, tries, 0)
		}
	})
}

func refused() *backup.Failure {
	return &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactRefused, Text: "connection refused"}
}

func TestTransientFailureIsTriedAgainAndEveryTryIsKept(t *testing.T) {
	t.Parallel()
	b := retrying(t)
	b.server.preflight = refused()
	b.server.during = func(string) {
		if len(b.server.calls) == 2 { // the third try gets through
			b.server.preflight = nil
		}
	}
	b.server.result = archived
	asked := b.clock.Now()
	got := b.finish(b.ask(request(b.addServer())).ID)
	if got.Status != backup.StatusCompleted || len(got.Tries) != 2 || got.Failure != nil {
		t.Fatalf("%s after %d tries, %+v", got.Status, len(got.Tries), got.Failure)
	}
	if got.Tries[0].Attempt != 1 || got.Tries[1].Attempt != 2 || got.Tries[1].Fact != backup.FactRefused || got.Tries[0].At.IsZero() {
		t.Errorf("%+v", got.Tries)
	}
	if took := got.FinishedAt.Sub(asked); took < 11*time.Second || took > 20*time.Second { // 3 and 10 s, a tenth less
		t.Errorf("it took %s", took)
	}
	_, lines, err := b.Activity(t.Context(), got.Activity)
	if err != nil || !slices.ContainsFunc(lines, func(l backup.LogLine) bool { return strings.Contains(l.Text, "try 3 begins in 9s") }) {
		t.Errorf("%v, %+v", err, lines)
	}
}

func TestTriesAreBoundedAndPermanentCausesGetOne(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure *backup.Failure
		tries   int
	}{
		"by back-off": {refused(), 3},
		"once":        {&backup.Failure{Stage: backup.StageConnect, Fact: backup.FactArchiveEmpty, Text: "empty"}, 2},
		"not at all":  {&backup.Failure{Stage: backup.StageConnect, Fact: backup.FactAuthFailed, Text: "publickey"}, 1},
	} {
		b := retrying(t)
		b.server.preflight = test.failure
		got := b.finish(b.ask(request(b.addServer())).ID)
		if got.Status != backup.StatusFailed || got.Failure.Attempt != test.tries || len(got.Tries) != test.tries-1 || len(b.server.calls) != test.tries {
			t.Errorf("%s: attempt %d, %d tries before, %v", name, got.Failure.Attempt, len(got.Tries), b.server.calls)
		}
	}
}

// TestNobodyWaitsLongForAServerOutOfReach: the longer it takes to see that nobody answers, the fewer are the tries.
func TestNobodyWaitsLongForAServerOutOfReach(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout time.Duration
		trigger backup.Trigger
		tries   int
		within  time.Duration
	}{
		"a refusal":                  {0, backup.TriggerManual, 3, 14 * time.Second},
		"a short time-out":           {2 * time.Second, backup.TriggerManual, 3, 20 * time.Second},
		"the usual time-out":         {backup.DefaultConnectTimeout, backup.TriggerManual, 2, 24 * time.Second},
		"a long one":                 {time.Minute, backup.TriggerManual, 1, time.Minute},
		"a long one nobody waits on": {time.Minute, backup.TriggerScheduled, 4, time.Hour},
	} {
		b := retrying(t)
		b.server.preflight = &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactTimeout, Text: "i/o timeout"}
		b.server.during = func(string) { b.clock.add(test.timeout) }
		asked := b.clock.Now()
		got := b.finish(b.ask(request(b.addServer(), func(r *controlplane.CreateRequest) { r.Trigger = test.trigger })).ID)
		if took := b.clock.Now().Sub(asked); len(b.server.calls) != test.tries || got.Failure == nil || took > test.within {
			t.Errorf("%s: %d tries in %s, %+v", name, len(b.server.calls), took, got.Failure)
		}
		for i, try := range got.Tries[min(1, len(got.Tries)):] {
			if pause := try.At.Sub(got.Tries[i].At) - test.timeout; pause < 2*time.Second {
				t.Errorf("%s: try %d began %s after the end of the one before", name, i+2, pause)
			}
		}
	}
}

func TestNextTryBeginsOnACleanServer(t *testing.T) {
	t.Parallel()
	b := retrying(t)
	b.server.result = &backup.Result{Failure: &backup.Failure{Stage: backup.StageVerify, Fact: backup.FactArchiveEmpty, Text: "no entries", Output: "token=" + "s3cret-0123456789"}}
	b.server.during = func(call string) {
		if call == "clean" {
			b.server.result, b.server.alive = archived, true
		}
	}
	got := b.finish(b.create(request(b.addServer())).ID)
	want := []string{"preflight", "start", "watch", "kill", "clean", "preflight", "start", "watch"}
	if diff := cmp.Diff(want, b.server.calls); diff != "" || got.Status != backup.StatusCompleted || len(got.Tries) != 1 || got.Tries[0].Output != "" {
		t.Errorf("%s: %s", got.Status, diff)
	}
	if got.Progress.Bytes == 0 || got.Job.PID != 42 || !got.Work.MovedAt.After(got.CreatedAt) {
		t.Errorf("of the second try: %+v %+v", got.Progress, got.Job)
	}
}

func TestPauseBeforeTheNextTryIsOthersPlaceAndIsKept(t *testing.T) {
	t.Parallel()
	b := retrying(t)
	server := b.addServer()
	b.server.preflight = refused()
	first := b.create(request(server)).ID
	paused := b.step(first)
	if len(paused.Tries) != 1 || paused.Work.Placed {
		t.Fatalf("%+v", paused)
	}
	b.server.preflight, b.server.result = nil, archived
	second := b.create(request(server)).ID // it has the only place
	for got := b.get(second); !got.Status.Finished(); got = b.get(second) {
		if _, _, err := b.Step(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		b.clock.add(100 * time.Millisecond)
	}
	if got := b.get(first); !got.Work.NextStepAt.Equal(paused.Work.NextStepAt) || !b.clock.Now().Before(got.Work.NextStepAt) {
		t.Errorf("its pause until %s became one until %s", paused.Work.NextStepAt, got.Work.NextStepAt)
	}
	if got := b.finish(first); got.Status != backup.StatusCompleted || b.clock.Now().Before(paused.Work.NextStepAt) {
		t.Errorf("%s at %s", got.Status, b.clock.Now())
	}
}

func TestCancelEndsTheWaitForTheNextTry(t *testing.T) {
	t.Parallel()
	b := retrying(t)
	b.server.preflight = refused()
	id := b.create(request(b.addServer())).ID
	if got := b.step(id); len(got.Tries) != 1 || got.Status.Finished() || got.Work.Placed {
		t.Fatalf("%+v", got)
	}
	if _, err := b.CancelBackup(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	now := b.clock.Now()
	if got := b.step(id); got.Failure == nil || got.Failure.Fact != backup.FactCancelled || !b.clock.Now().Equal(now) {
		t.Errorf("%+v", got)
	}
}

func TestCancelBetweenTwoTriesLeavesNothingOnTheServer(t *testing.T) {
	t.Parallel()
	b := retrying(t)
	b.server.result = &backup.Result{Failure: &backup.Failure{Stage: backup.StageVerify, Fact: backup.FactArchiveEmpty, Text: "no entries"}}
	id := b.create(request(b.addServer())).ID
	for b.get(id).Work.Step != backup.StepClean {
		b.step(id)
	}
	if _, err := b.CancelBackup(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	got := b.finish(id)
	if got.Failure == nil || got.Failure.Fact != backup.FactCancelled || got.OnServer || !b.server.has("clean") || len(got.Tries) != 1 {
		t.Errorf("%+v after %v", got, b.server.calls)
	}
}

func TestRetryIsANewBackupUnlessTheCauseStillStands(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	denied := &backup.Failure{Stage: backup.StageConnect, Fact: backup.FactAuthFailed, Text: "publickey", Evidence: backup.Evidence{PublicKey: "ssh-ed25519 AAAA"}}
	b.server.preflight = denied
	old := b.finish(b.ask(request(b.addServer())).ID)

	_, err := b.RetryBackup(t.Context(), old.ID, false, controlplane.Idempotency{})
	var refusal *backup.FindingsError
	if !errors.As(err, &refusal) || refusal.Findings[0].Code != "PERMISSION_DENIED_PUBLICKEY" || !strings.Contains(refusal.Findings[0].Fix, "ssh-ed25519 AAAA") || !strings.Contains(refusal.Findings[0].Fix, "--force") {
		t.Errorf("%v", err)
	}
	if forced, err := b.RetryBackup(t.Context(), old.ID, true, controlplane.Idempotency{}); err != nil || forced.RetryOf != old.ID {
		t.Errorf("forced: %v", err)
	}
	b.server.preflight = nil
	again, err := b.RetryBackup(t.Context(), old.ID, false, controlplane.Idempotency{Key: "k", Digest: "d"})
	if err != nil || again.ID == old.ID || again.RetryOf != old.ID || !again.Same(old.Spec) || again.RetentionDays != old.RetentionDays {
		t.Fatalf("%+v, %v", again, err)
	}
	if same, err := b.RetryBackup(t.Context(), old.ID, false, controlplane.Idempotency{Key: "k", Digest: "d"}); err != nil || same.ID != again.ID {
		t.Errorf("its repetition made another one: %v", err)
	}
	if _, err := b.RetryBackup(t.Context(), again.ID, false, controlplane.Idempotency{}); !errors.As(err, &refusal) || refusal.Findings[0].Code != backup.CodeInvalidState {
		t.Errorf("one that has not failed: %v", err)
	}
}

func TestCancelledBackupIsNotTriedAgainWhateverItFailsOf(t *testing.T) {
	t.Parallel()
	b := retrying(t)
	id := running(t, b).ID
	if _, err := b.CancelBackup(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.server.result = &backup.Result{Failure: &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactJobKilled, Text: "signal 9", Signal: 9}}
	got := b.finish(id)
	if got.Failure.Fact != backup.FactJobKilled || len(got.Tries) != 0 || got.Failure.Attempt != 1 || got.OnServer {
		t.Errorf("%+v after %d tries: %v", got.Failure, len(got.Tries), b.server.calls)
	}
}

func TestTryThatCannotBeCleanedUpIsTheLastAndWhyTheBackupFailed(t *testing.T) {
	t.Parallel()
	for name, clean := range map[string]error{
		"the server is gone":     unreachable(),
		"its folder is stubborn": &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactArchiveEmpty, Text: "a cause that passes, were it of a try"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := retrying(t)
			b.server.result = &backup.Result{Failure: &backup.Failure{Stage: backup.StageVerify, Fact: backup.FactArchiveEmpty, Text: "no entries", Output: "what tar said"}}
			b.server.clean = clean
			got := b.finish(b.create(request(b.addServer())).ID)
			f := got.Failure
			if f == nil || f.Text != "no entries" || f.Stage != backup.StageVerify || f.Attempt != 1 || f.Output != "what tar said" || f.Evidence.BytesDone != 10 {
				t.Errorf("%+v", f)
			}
			if len(got.Tries) != 0 || !got.OnServer {
				t.Errorf("%d tries before, on the server %v", len(got.Tries), got.OnServer)
			}
			a, lines, err := b.Activity(t.Context(), got.Activity)
			if err != nil || a.Status != backup.ActivityFailed || !slices.ContainsFunc(lines, func(l backup.LogLine) bool {
				return strings.Contains(l.Text, "files may remain in /tmp/cloudpilot-backups/bk_")
			}) {
				t.Errorf("%s %v %+v", a.Status, err, lines)
			}
		})
	}
}

// TestRetryIsRefusedWhileTheDiskWouldFillAgain: one that was full and one that would be are the same cause.
func TestRetryIsRefusedWhileTheDiskWouldFillAgain(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	b := newBench(t)
	b.server.result = &backup.Result{SizeBytes: 2 * gib, SHA256: "ab", Entries: 1}
	server := b.addServer()
	b.finish(b.create(request(server)).ID)
	b.clock.add(time.Hour)
	b.server.alive = true
	b.server.result = &backup.Result{Failure: &backup.Failure{Stage: backup.StageArchive, Fact: backup.FactToolFailed, Text: "the archive could not be written",
		Output: "cat: write error: No space left on device", Evidence: backup.Evidence{BytesDone: 3 * gib, TotalBytes: 9 * gib}}}
	old := b.finish(b.create(request(server)).ID)
	move := func(s *backup.ServerSpec) { s.BackupDir = "/mnt/big/backups" } // and there it would be made
	if _, err := b.UpdateServer(t.Context(), server.ID, 0, move, controlplane.KeyWish{}); err != nil {
		t.Fatal(err)
	}

	var asked controlplane.Target
	var looked backup.Backup
	b.server.looked = func(t controlplane.Target, b backup.Backup) { asked, looked = t, b }
	b.server.preflight = &backup.Failure{Stage: backup.StagePreflight, Fact: backup.FactSpaceShort, Text: "too little",
		Evidence: backup.Evidence{NeededBytes: 3*gib + 64<<10, FreeBytes: 2 * gib, TotalBytes: 9 * gib}}
	_, err := b.RetryBackup(t.Context(), old.ID, false, controlplane.Idempotency{})
	var refusal *backup.FindingsError
	if !errors.As(err, &refusal) || refusal.Findings[0].Code != "NO_SPACE_LEFT" || !strings.Contains(refusal.Findings[0].Detail, "1.0 GiB are missing") ||
		!strings.Contains(refusal.Findings[0].Fix, "1 backup of it holds 2.0 GiB") || !strings.Contains(refusal.Findings[0].Fix, "--force") {
		t.Errorf("%v", err)
	}
	if asked.LastBytes != 2*gib || asked.LeastBytes != 3*gib+64<<10 || looked.ID != "" || looked.Dir != "/mnt/big/backups" || !looked.Same(old.Spec) {
		t.Errorf("it looked for %+v and %+v", asked, looked)
	}
	b.server.preflight = nil
	if again, err := b.RetryBackup(t.Context(), old.ID, false, controlplane.Idempotency{}); err != nil || again.RetryOf != old.ID {
		t.Errorf("with room: %v", err)
	}
}
