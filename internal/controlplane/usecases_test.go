package controlplane_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func TestPrivateKeysAreStoredSealed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	stored, err := b.store.Server(t.Context(), s.ID)
	if err != nil || stored.SealedKey == "" || strings.Contains(stored.SealedKey, "PRIVATE") || stored.PublicKey != "ssh-ed25519 GENERATED cloudaipilot-web-1" {
		t.Fatalf("sealed %q, public %q, %v", stored.SealedKey, stored.PublicKey, err)
	}
	opened, err := b.Sealer.Open(string(s.ID), stored.SealedKey)
	if err != nil || string(opened) != "PRIVATE-KEY-OF-cloudaipilot-web-1" {
		t.Errorf("opened %q, %v", opened, err)
	}
	if _, err := b.Sealer.Open("srv_other", stored.SealedKey); err == nil {
		t.Error("the sealed key opens for another server")
	}
}

func TestKeyWishes(t *testing.T) {
	t.Parallel()
	generated := controlplane.KeyWish{Generate: true}
	mine := controlplane.KeyWish{Private: []byte("mine")}
	tests := map[string]struct {
		wishes []controlplane.KeyWish
		source backup.KeySource
		public string
	}{
		"generated":               {[]controlplane.KeyWish{generated}, backup.KeyGenerated, "ssh-ed25519 GENERATED cloudaipilot-web-1"},
		"brought":                 {[]controlplane.KeyWish{mine}, backup.KeyProvided, "ssh-ed25519 OF-mine"},
		"none":                    {[]controlplane.KeyWish{{None: true}}, backup.KeyNone, ""},
		"kept where none is said": {[]controlplane.KeyWish{mine, {}}, backup.KeyProvided, "ssh-ed25519 OF-mine"},
		"back to a generated one": {[]controlplane.KeyWish{mine, generated}, backup.KeyGenerated, "ssh-ed25519 GENERATED cloudaipilot-web-1"},
		"taken away":              {[]controlplane.KeyWish{mine, {None: true}}, backup.KeyNone, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			spec := backup.DefaultServerSpec()
			spec.Name, spec.Host, spec.RecordHostKey = "web-1", "203.0.113.10", true
			s, err := b.CreateServer(t.Context(), spec, test.wishes[0], controlplane.Idempotency{})
			for _, w := range test.wishes[1:] {
				if err == nil {
					s, err = b.UpdateServer(t.Context(), s.ID, 0, func(*backup.ServerSpec) {}, w)
				}
			}
			if err != nil || s.KeySource != test.source || s.PublicKey != test.public || (s.SealedKey == "") != (test.source == backup.KeyNone) {
				t.Errorf("source %s, public %q, sealed %q, %v", s.KeySource, s.PublicKey, s.SealedKey, err)
			}
		})
	}
}

func TestUnusablePrivateKeyIsRefusedOnItsField(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	spec := backup.DefaultServerSpec()
	spec.Name, spec.Host, spec.RecordHostKey = "web-1", "203.0.113.10", true
	_, err := b.CreateServer(t.Context(), spec, controlplane.KeyWish{Private: []byte("not a key")}, controlplane.Idempotency{})
	var refused *backup.FindingsError
	if !errors.As(err, &refused) || refused.Findings[0].Path != "private_key" {
		t.Errorf("got %v", err)
	}
}

func TestServerNamesAreUniqueAmongThoseThatExist(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.addServer()
	_, err := b.CreateServer(t.Context(), first.ServerSpec, controlplane.KeyWish{}, controlplane.Idempotency{})
	if code(err) != backup.CodeNameTaken {
		t.Fatalf("a second one of the name: %v", err)
	}
	if err := b.DeleteServer(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	again := b.addServer()
	if again.ID == first.ID {
		t.Error("the new server has the old one's id")
	}
	if _, err := b.Server(t.Context(), first.ID); !errors.Is(err, controlplane.ErrNotFound) {
		t.Errorf("the deleted server: %v", err)
	}
}

func TestDeletedServerKeepsNoKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	if err := b.DeleteServer(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if gone, err := b.store.Server(t.Context(), s.ID); err != nil || gone.SealedKey != "" || gone.DeletedAt.IsZero() {
		t.Errorf("sealed %q, deleted %s, %v", gone.SealedKey, gone.DeletedAt, err)
	}
}

func TestServerIsNotDeletedUnderItsBackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	made := b.create(request(s))
	if err := b.DeleteServer(t.Context(), s.ID); code(err) != backup.CodeBackupInProgress {
		t.Errorf("got %v", err)
	}
	if _, err := b.DeleteBackup(t.Context(), made.ID); code(err) != backup.CodeBackupInProgress {
		t.Errorf("got %v", err)
	}
}

func TestUpdateFromAnOldVersionIsAConflict(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	rename := func(name string) func(*backup.ServerSpec) { return func(s *backup.ServerSpec) { s.Name = name } }
	if _, err := b.UpdateServer(t.Context(), s.ID, s.Version, rename("web-2"), controlplane.KeyWish{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.UpdateServer(t.Context(), s.ID, s.Version, rename("web-3"), controlplane.KeyWish{}); !errors.Is(err, controlplane.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestInvalidRequestsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	tests := map[string]struct {
		change func(*controlplane.CreateRequest)
		want   backup.Code
	}{
		"another type":      {func(r *controlplane.CreateRequest) { r.Spec.Type = "snapshot" }, backup.CodeInvalidType},
		"no paths":          {func(r *controlplane.CreateRequest) { r.Spec.Files.Include = nil }, backup.CodeInvalidArgument},
		"retention":         {func(r *controlplane.CreateRequest) { r.Spec.RetentionDays = 366 }, backup.CodeInvalidArgument},
		"no such server":    {func(r *controlplane.CreateRequest) { r.Spec.ServerID = "srv_x" }, backup.CodeNotFound},
		"server has no key": {func(r *controlplane.CreateRequest) {}, backup.CodeSSHNotConfigured},
	}
	for name, test := range tests {
		if test.want == backup.CodeSSHNotConfigured {
			if _, err := b.UpdateServer(t.Context(), s.ID, 0, func(*backup.ServerSpec) {}, controlplane.KeyWish{None: true}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.CreateBackup(t.Context(), request(s, test.change)); code(err) != test.want {
			t.Errorf("%s: got %v", name, err)
		}
		if test.want == backup.CodeSSHNotConfigured {
			if _, err := b.UpdateServer(t.Context(), s.ID, 0, func(*backup.ServerSpec) {}, controlplane.KeyWish{Generate: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := b.Backups(t.Context(), controlplane.BackupFilter{})
	if err != nil || len(all) != 0 {
		t.Errorf("%d backups were recorded, %v", len(all), err)
	}
	b.create(request(s)) // the control: a valid one is recorded
	if all, _ = b.Backups(t.Context(), controlplane.BackupFilter{}); len(all) != 1 {
		t.Errorf("%d backups are recorded", len(all))
	}
}

func TestRepeatedCreateAnswersWithTheFirstResult(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	once := func(digest string) func(*controlplane.CreateRequest) {
		return func(r *controlplane.CreateRequest) { r.Once = controlplane.Idempotency{Key: "k", Digest: digest} }
	}
	first, second := b.create(request(s, once("a"))), b.create(request(s, once("a")))
	if first.ID != second.ID {
		t.Errorf("made %s, then %s", first.ID, second.ID)
	}
	if _, err := b.CreateBackup(t.Context(), request(s, once("b"))); code(err) != backup.CodeConflict {
		t.Errorf("the key with another request: %v", err)
	}
}

func TestUnfinishedBackupOfAClientThatIsGoneIsTakenOver(t *testing.T) {
	t.Parallel()
	by := func(client string) func(*controlplane.CreateRequest) {
		return func(r *controlplane.CreateRequest) { r.Client, r.Managed = client, true }
	}
	tests := map[string]struct {
		before func(b *bench, s backup.Server, first backup.Backup)
		second func(*controlplane.CreateRequest)
		taken  bool
	}{
		"its client is gone": {func(b *bench, _ backup.Server, _ backup.Backup) { b.clock.add(time.Hour) }, by("two"), true},
		"its client still waits": {func(b *bench, _ backup.Server, first backup.Backup) {
			if err := b.store.Hold(b.t.Context(), first.ID, "one", b.clock.Now().Add(time.Minute)); err != nil {
				b.t.Fatal(err)
			}
		}, by("two"), false},
		"its client went away a moment ago": {func(*bench, backup.Server, backup.Backup) {}, by("two"), true},
		"its client has written down the id": {func(b *bench, _ backup.Server, first backup.Backup) {
			if _, err := b.UpdateBackup(b.t.Context(), first.ID, controlplane.BackupChange{Acknowledged: true}); err != nil {
				b.t.Fatal(err)
			}
			b.clock.add(time.Hour)
		}, by("two"), false},
		"the same client asks for another one": {func(b *bench, _ backup.Server, _ backup.Backup) { b.clock.add(time.Hour) }, by("one"), false},
		"another archive": {func(b *bench, _ backup.Server, _ backup.Backup) { b.clock.add(time.Hour) },
			func(r *controlplane.CreateRequest) { by("two")(r); r.Spec.Files.Include = []string{"/srv"} }, false},
		"not Terraform's": {func(b *bench, _ backup.Server, _ backup.Backup) { b.clock.add(time.Hour) }, func(*controlplane.CreateRequest) {}, false},
		"it is being cancelled": {func(b *bench, _ backup.Server, first backup.Backup) {
			b.clock.add(time.Hour)
			if _, err := b.CancelBackup(b.t.Context(), first.ID); err != nil {
				b.t.Fatal(err)
			}
		}, by("two"), false},
		"it is finished": {func(b *bench, _ backup.Server, first backup.Backup) {
			b.server.result = archived
			b.finish(first.ID)
			b.clock.add(time.Hour)
		}, by("two"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s := b.addServer()
			first := b.create(request(s, by("one")))
			test.before(b, s, first)
			second := b.ask(request(s, test.second, func(r *controlplane.CreateRequest) { r.Spec.RetentionDays = 9 }))
			if taken := second.ID == first.ID; taken != test.taken {
				t.Errorf("taken over: %v", taken)
			}
			if second.RetentionDays != 9 {
				t.Errorf("retention %d", second.RetentionDays)
			}
		})
	}
}

func TestRetentionChangesInPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.create(request(b.addServer()))
	days := 90
	got, err := b.UpdateBackup(t.Context(), made.ID, controlplane.BackupChange{RetentionDays: &days})
	if err != nil || got.RetentionDays != 90 || !got.ExpiresAt.Equal(made.CreatedAt.AddDate(0, 0, 90)) {
		t.Errorf("%d days, expires %s, %v", got.RetentionDays, got.ExpiresAt, err)
	}
	if diff := cmp.Diff(got, b.get(made.ID)); diff != "" {
		t.Error(diff)
	}
	days = 0
	if _, err := b.UpdateBackup(t.Context(), made.ID, controlplane.BackupChange{RetentionDays: &days}); code(err) != backup.CodeInvalidArgument {
		t.Errorf("0 days: %v", err)
	}
}

func TestDeletedBackupLeavesATombstone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = archived
	done := b.finish(b.create(request(b.addServer())).ID)
	leftover, err := b.DeleteBackup(t.Context(), done.ID)
	if err != nil || leftover != "" || !b.server.has("clean") {
		t.Fatalf("leftover %q, %v", leftover, err)
	}
	gone, err := b.Backup(t.Context(), done.ID)
	if err != nil || gone.Live() || gone.DeleteReason != backup.DeletedByRequest || gone.OnServer {
		t.Errorf("tombstone %+v, %v", gone, err)
	}
	if list, _ := b.Backups(t.Context(), controlplane.BackupFilter{}); len(list) != 0 {
		t.Errorf("the list shows %d tombstones", len(list))
	}
	if _, err := b.DeleteBackup(t.Context(), done.ID); !errors.Is(err, controlplane.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestDeletionThatCannotReachTheServerSaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.server.result = archived
	done := b.finish(b.create(request(b.addServer())).ID)
	b.server.clean = unreachable()
	leftover, err := b.DeleteBackup(t.Context(), done.ID)
	if err != nil || !strings.Contains(leftover, string(done.ID)) {
		t.Errorf("leftover %q, %v", leftover, err)
	}
	if gone := b.get(done.ID); gone.Live() || !gone.OnServer {
		t.Errorf("live %v, files on the server %v", gone.Live(), gone.OnServer)
	}
}

func TestLastFailureSurvivesItsDeletion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	if last, err := b.LastFailure(t.Context(), controlplane.FailureOf{Server: s.ID}); last.Failed || last.Failures != 0 || !last.LastSuccess.IsZero() || err != nil {
		t.Fatalf("%+v, %v", last, err)
	}
	b.server.alive = false
	b.finish(b.create(request(s)).ID)
	bad := b.finish(b.create(request(s)).ID)
	if _, err := b.DeleteBackup(t.Context(), bad.ID); err != nil {
		t.Fatal(err)
	}
	for _, by := range []controlplane.FailureOf{{Server: s.ID}, {Backup: bad.ID}} {
		last, err := b.LastFailure(t.Context(), by)
		if err != nil || !last.Failed || last.Backup.ID != bad.ID || last.Resolved || last.Failures != 2 {
			t.Errorf("by %v: %s, %+v, %v", by, last.Backup.ID, last, err)
		}
	}
	for _, nobody := range []controlplane.FailureOf{{Server: "srv_x"}, {Schedule: "sch_x"}, {Backup: "bk_x"}} {
		if _, err := b.LastFailure(t.Context(), nobody); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("of nobody: %v", err)
		}
	}
}

// TestFailuresAreForgottenAfterTheirTime has a failure told for a year after its backup was deleted, and no longer.
func TestFailuresAreForgottenAfterTheirTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	b.server.alive = false
	bad := b.finish(b.create(request(s)).ID)
	if _, err := b.DeleteBackup(t.Context(), bad.ID); err != nil {
		t.Fatal(err)
	}
	for _, after := range []struct {
		pause  time.Duration
		failed bool
	}{{364 * 24 * time.Hour, true}, {2 * 24 * time.Hour, false}} {
		b.clock.add(after.pause)
		if err := b.ForgetOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if last, err := b.LastFailure(t.Context(), controlplane.FailureOf{Server: s.ID}); err != nil || last.Failed != after.failed {
			t.Errorf("after %s: failed %v, %v", after.pause, last.Failed, err)
		}
	}
}

// TestLastFailureIsResolvedByAGoodBackup has a good one of the same type settle it, and one of another type not.
func TestLastFailureIsResolvedByAGoodBackup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	b.server.alive = false
	b.finish(b.create(request(s)).ID)
	b.server.alive, b.server.result = true, archived
	good := b.finish(b.create(request(s)).ID)
	last, err := b.LastFailure(t.Context(), controlplane.FailureOf{Server: s.ID})
	if err != nil || !last.Failed || !last.Resolved || last.Failures != 0 || !last.LastSuccess.Equal(good.FinishedAt) {
		t.Errorf("%+v, %v", last, err)
	}
}

func TestDryRunNamesWhatARunWouldMeet(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	paths := func(findings []backup.Finding) (out []string) {
		for _, f := range findings {
			out = append(out, string(f.Severity)+" "+f.Path+" "+string(f.Code))
		}
		return out
	}
	spec := request(s).Spec
	spec.RetentionDays, spec.Files.Include = 30, []string{"etc"}
	got, err := b.CheckBackup(t.Context(), spec, nil)
	if diff := cmp.Diff([]string{"error files.include.0 INVALID_ARGUMENT", "warning retention_days SHORT_LIVED_FOLDER"}, paths(got)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = b.CheckBackup(t.Context(), spec, backup.Paths{"server_id", "files.include"})
	if len(got) != 0 || err != nil {
		t.Errorf("with what is to blame unknown: %v, %v", paths(got), err)
	}
	named := s.ServerSpec
	got, err = b.CheckServer(t.Context(), named, "", nil)
	if diff := cmp.Diff([]string{"error name NAME_TAKEN"}, paths(got)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if got, err = b.CheckServer(t.Context(), named, s.ID, nil); len(got) != 0 || err != nil {
		t.Errorf("its own name: %v, %v", paths(got), err)
	}
}

func TestOnlyACompletedArchiveIsDownloaded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.create(request(b.addServer()))
	if _, _, err := b.Download(t.Context(), made.ID); code(err) != backup.CodeNotCompleted {
		t.Errorf("got %v", err)
	}
	b.server.result = archived
	b.finish(made.ID)
	if _, copyTo, err := b.Download(t.Context(), made.ID); err != nil || copyTo(nil) != nil || !b.server.has("download") {
		t.Errorf("got %v, calls %q", err, b.server.calls)
	}
}

func TestArchiveOfAServerThatIsGoneIsToldWhereItLies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.addServer()
	b.server.result = archived
	done := b.finish(b.create(request(s)).ID)
	if err := b.DeleteServer(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.Download(t.Context(), done.ID)
	if code(err) != backup.CodeGone || !strings.Contains(err.Error(), done.Path) || !strings.Contains(err.Error(), s.Host) || b.server.has("download") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsRecordedInOneMomentIsListedInTurn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	var want []backup.ID
	for range 20 {
		want = append(want, b.ask(request(server)).ID)
	}
	all, err := b.Backups(t.Context(), controlplane.BackupFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if all[i].ID != want[i] {
			t.Fatalf("number %d is %s, want %s", i, all[i].ID, want[i])
		}
	}
}
