package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

var now = time.Date(2026, 3, 1, 2, 0, 0, 123_000_000, time.UTC)

func openNew(t *testing.T) (*Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a #?% b", "control.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, path
}

// opener opens the same database again and again, as one process after the other or beside it.
type opener func(t *testing.T) *Store

// onBoth runs a test on an empty database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, open opener)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "control.db")
		test(t, opening(func(ctx context.Context) (*Store, error) { return Open(ctx, path, now) }))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := testbed.StartPostgres(t)
		test(t, opening(func(ctx context.Context) (*Store, error) { return OpenPostgres(ctx, address, now) }))
	})
}

func opening(open func(context.Context) (*Store, error)) opener {
	return func(t *testing.T) *Store {
		t.Helper()
		s, err := open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
}

func fullServer() backup.Server {
	return backup.Server{
		ID: "srv_1", ServerSpec: backup.ServerSpec{Name: "web-1", Host: "h", Port: 2222, User: "u", HostKey: "k", RecordHostKey: true,
			BackupDir: "/d/e", Privilege: "sudo", Environment: "production", ConnectTimeout: 3 * time.Second, KeepaliveInterval: 4 * time.Second},
		KeySource: "generated", PublicKey: "pub", SealedKey: "sealed", RecordedHostKey: "rec",
		CreatedAt: now, UpdatedAt: now.Add(1), Version: 1,
	}
}

func fullBackup(id backup.ID) backup.Backup {
	at := func(n int) time.Time { return now.Add(time.Duration(n) * time.Millisecond) }
	return backup.Backup{
		ID: id, Spec: backup.Spec{ServerID: "srv_1", Type: "files", Files: backup.FilesSource{Include: []string{"/a\nb", "/'\""}, Exclude: []string{"*.log"}},
			Databases: []backup.Database{{Engine: "sqlite", Name: "/a\nb", RunAs: "r"}, {Engine: "postgresql", Name: "app", User: "u", Host: "h", Port: 5, Globals: true}}, RetentionDays: 9},
		ServerName: "web-1", Dir: "/d/e", Status: "running", Trigger: "manual", Managed: true, Activity: "act_1",
		CreatedAt: at(1), StartedAt: at(2), FinishedAt: at(3), ExpiresAt: at(4), OnServer: true,
		Path: "/p", SizeBytes: 1 << 40, SHA256: "ab", Entries: 7, Warnings: []string{"w"}, Output: "said\n",
		Failure:  &backup.Failure{At: at(5), Stage: "archive", Fact: "dns", Text: "x", Evidence: backup.Evidence{Paths: []string{"/x"}, FreeBytes: 3}},
		Work:     backup.Work{Step: "watch", NextStepAt: at(6), Attempt: 2, CancelAt: at(8), UnreachableFrom: at(9), Holder: "c", HeldUntil: at(10), Placed: true},
		Job:      backup.Job{PID: 4, StartTime: 5, BootID: "b"},
		Progress: backup.Progress{Step: "archive", Bytes: 6, At: at(11)},
	}
}

func activity(id backup.ActivityID) backup.Activity {
	return backup.Activity{ID: id, Type: "backup.create", TargetID: "bk_1", ServerID: "srv_1", Title: "t", Status: "queued", CreatedAt: now,
		Steps: []backup.ActivityStep{{Name: "start", Status: "queued"}}}
}

// seed puts a server and a backup in.
func seed(t *testing.T, s *Store) backup.Backup {
	t.Helper()
	if err := s.InsertServer(t.Context(), fullServer(), activity("act_0"), controlplane.Idempotency{}); err != nil {
		t.Fatal(err)
	}
	b := fullBackup("bk_1")
	if err := s.InsertBackup(t.Context(), b, activity("act_1"), controlplane.Idempotency{}); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordsComeBackAsTheyWereWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		b := seed(t, s)
		another := open(t)
		for name, from := range map[string]*Store{"the writer": s, "another process": another} {
			server, err := from.Server(t.Context(), "srv_1")
			if diff := cmp.Diff(fullServer(), server, cmpopts.EquateApproxTime(time.Millisecond)); diff != "" || err != nil {
				t.Errorf("server from %s: %v %s", name, err, diff)
			}
			got, err := from.Backup(t.Context(), "bk_1")
			if diff := cmp.Diff(b, got); diff != "" || err != nil {
				t.Errorf("backup from %s: %v %s", name, err, diff)
			}
			a, err := from.Activity(t.Context(), "act_1")
			if diff := cmp.Diff(activity("act_1"), a); diff != "" || err != nil {
				t.Errorf("activity from %s: %v %s", name, err, diff)
			}
		}
		if id, _ := another.ID(t.Context()); !strings.HasPrefix(id, "cp_") {
			t.Errorf("control plane %q", id)
		}
	})
}

func TestReaderWritesNothing(t *testing.T) {
	t.Parallel()
	s, path := openNew(t)
	seed(t, s)
	reader, err := OpenForReading(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	if got, err := reader.Backup(t.Context(), "bk_1"); err != nil || !got.Managed {
		t.Errorf("the reader reads %+v, %v", got, err)
	}
	if err := reader.SetManaged(t.Context(), "bk_1", false); err == nil {
		t.Error("the reader wrote")
	}
	if err := s.SetManaged(t.Context(), "bk_1", false); err != nil { // the control
		t.Error(err)
	}
	if _, err := OpenForReading(t.Context(), path+"-absent"); err == nil {
		t.Error("a database that is not there was opened")
	}
	if _, err := os.Stat(path + "-absent"); err == nil {
		t.Error("reading made a database")
	}
}

func TestEmptyStoreHasNoIDAndNoRecords(t *testing.T) {
	t.Parallel()
	s, err := OpenEmpty(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	id, _ := s.ID(t.Context())
	servers, err := s.Servers(t.Context(), controlplane.Page{})
	if id != "" || len(servers) != 0 || err != nil {
		t.Errorf("id %q, %d servers, %v", id, len(servers), err)
	}
}

func TestDatabaseThatIsJustBeingMadeReadsAsEmpty(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "control.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenForReading(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if id, _ := s.ID(t.Context()); id != "" {
		t.Errorf("control plane %q", id)
	}
}

func TestReopeningKeepsTheIDAndANewerSchemaIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		id, _ := open(t).ID(t.Context())
		again := open(t)
		if got, _ := again.ID(t.Context()); got != id || !strings.HasPrefix(id, "cp_") {
			t.Errorf("id %s became %s", id, got)
		}
		if _, err := again.db.ExecContext(t.Context(), `UPDATE meta SET value = '99' WHERE name = 'schema_version'`); err != nil {
			t.Fatal(err)
		}
		if err := again.migrate(t.Context(), now); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("a newer schema: %v", err)
		}
	})
}

func TestNewerSchemaIsNotOpened(t *testing.T) {
	t.Parallel()
	s, path := openNew(t)
	if _, err := s.db.ExecContext(t.Context(), `UPDATE meta SET value = '99' WHERE name = 'schema_version'`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, opened := range map[string]func() (*Store, error){
		"writing": func() (*Store, error) { return Open(context.Background(), path, now) },
		"reading": func() (*Store, error) { return OpenForReading(context.Background(), path) },
	} {
		if _, err := opened(); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSomethingElseThanADatabaseIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "control.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, now); err == nil {
		t.Error("it was opened")
	}
}

func TestLeaseIsForOneAndFencesTheOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		seed(t, s)
		due := now.Add(time.Second)
		var leased int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				_, ok, err := s.Lease(t.Context(), "bk_1", due, due.Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if ok {
					mu.Lock()
					leased++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if leased != 1 {
			t.Fatalf("leased %d times", leased)
		}
		first, err := s.Backup(t.Context(), "bk_1")
		if err != nil || first.Work.Attempt != 3 {
			t.Fatalf("attempt %d, %v", first.Work.Attempt, err)
		}
		after := due.Add(time.Hour)
		if _, ok, err := s.Lease(t.Context(), "bk_1", after, after.Add(time.Minute)); !ok || err != nil {
			t.Fatalf("after the lease had ended: %v, %v", ok, err)
		}
		if err := s.SaveStep(t.Context(), first, controlplane.ActivityNote{Activity: activity("act_1")}); !errors.Is(err, controlplane.ErrLeaseLost) {
			t.Errorf("the overtaken worker: %v", err)
		}
	})
}

func TestRowWithoutANextStepIsNotLeased(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		if err := s.InsertServer(t.Context(), fullServer(), activity("act_0"), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		b := fullBackup("bk_1")
		b.Work.NextStepAt = time.Time{}
		if err := s.InsertBackup(t.Context(), b, activity("act_1"), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.Lease(t.Context(), "bk_1", now.Add(time.Hour), now.Add(2*time.Hour)); ok || err != nil {
			t.Errorf("leased %v, %v", ok, err)
		}
	})
}

func TestPagesFollowEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		seed(t, s)
		for _, id := range []backup.ID{"bk_2", "bk_3", "bk_4", "bk_5"} {
			b := fullBackup(id)
			b.Managed = id != "bk_3"
			if err := s.InsertBackup(t.Context(), b, activity("act_"+backup.ActivityID(id)), controlplane.Idempotency{}); err != nil {
				t.Fatal(err)
			}
		}
		managed := true
		var got []backup.ID
		for _, f := range []controlplane.BackupFilter{
			{Page: controlplane.Page{Limit: 2}},
			{Page: controlplane.Page{Limit: 2, After: "bk_2"}},
			{Page: controlplane.Page{Limit: 2, After: "bk_4"}},
			{Newest: true, Managed: &managed, Page: controlplane.Page{Limit: 3}},
			{IDs: []backup.ID{"bk_1", "bk_5"}},
			{Statuses: []backup.Status{"failed"}},
			{Types: []backup.Type{"database"}},
			{Types: []backup.Type{"files"}, Newest: true, Page: controlplane.Page{Limit: 1}},
		} {
			page, err := s.Backups(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range page {
				got = append(got, b.ID)
			}
			got = append(got, "|")
		}
		want := []backup.ID{"bk_1", "bk_2", "|", "bk_3", "bk_4", "|", "bk_5", "|", "bk_5", "bk_4", "bk_2", "|", "bk_1", "bk_5", "|", "|", "|", "bk_5", "|"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReleaseAllEndsLeasesAndLeavesClientsAMoment(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		seed(t, s)
		due, moment := now.Add(time.Second), now.Add(5*time.Second)
		if _, ok, err := s.Lease(ctx, "bk_1", due, due.Add(time.Minute)); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := s.Hold(ctx, "bk_1", "c", now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.ReleaseAll(ctx, moment); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.Lease(ctx, "bk_1", due, due.Add(time.Minute)); !ok || err != nil {
			t.Errorf("lease: %v, %v", ok, err)
		}
		for at, want := range map[time.Time]bool{moment: false, moment.Add(time.Millisecond): true} {
			if ok, err := s.Adopt(ctx, "bk_1", "other", at, at, controlplane.Idempotency{}); ok != want || err != nil {
				t.Errorf("adopted at %s: %v, %v", at, ok, err)
			}
			if err := s.Hold(ctx, "bk_1", "c", moment); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Hold(ctx, "bk_1", "", time.Time{}); err != nil {
			t.Fatal(err)
		}
		if ok, err := s.Adopt(ctx, "bk_1", "other", now.Add(time.Hour), now.Add(time.Hour), controlplane.Idempotency{}); ok || err != nil {
			t.Errorf("an acknowledged backup was adopted: %v, %v", ok, err)
		}
	})
}

func TestClockThatIsSetBackStopsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		b := seed(t, s)
		earlier := b.Work.NextStepAt.AddDate(-1, 0, 0)
		if found, err := s.Due(ctx, "", earlier, 10); err != nil || len(found) != 1 {
			t.Errorf("due: %v, %v", found, err)
		}
		if _, ok, err := s.Lease(ctx, "bk_1", earlier, earlier.Add(time.Minute)); !ok || err != nil {
			t.Errorf("leased: %v, %v", ok, err)
		}
		if _, ok, err := s.Lease(ctx, "bk_1", earlier, earlier.Add(time.Minute)); ok || err != nil {
			t.Errorf("leased twice: %v, %v", ok, err)
		}
	})
}

func TestIdempotencyKeyIsUsedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		once := controlplane.Idempotency{Key: "k", Digest: "d"}
		if err := s.InsertServer(t.Context(), fullServer(), activity("act_0"), once); err != nil {
			t.Fatal(err)
		}
		used, err := s.Used(t.Context(), "k")
		if diff := cmp.Diff(controlplane.Used{Digest: "d", ResourceID: "srv_1"}, used); diff != "" || err != nil {
			t.Error(err, diff)
		}
		if err := s.InsertBackup(t.Context(), fullBackup("bk_1"), activity("act_1"), once); !errors.Is(err, controlplane.ErrConflict) {
			t.Errorf("the key again: %v", err)
		}
		if _, err := s.Backup(t.Context(), "bk_1"); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("half a record was written: %v", err)
		}
	})
}

func TestLogLinesAreNumberedInTurn(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		seed(t, s)
		due := now.Add(time.Second)
		for _, text := range []string{"one", "two"} {
			b, ok, err := s.Lease(t.Context(), "bk_1", due, due.Add(time.Minute))
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			b.Work.LeaseUntil = time.Time{}
			note := controlplane.ActivityNote{Activity: activity("act_1"), Lines: []backup.LogLine{{At: now, Step: "start", Text: text}, {At: now, Step: "start", Text: text + "!"}}}
			if err := s.SaveStep(t.Context(), b, note); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Log(t.Context(), "act_1")
		want := []backup.LogLine{{Seq: 1, At: now, Step: "start", Text: "one"}, {Seq: 2, At: now, Step: "start", Text: "one!"},
			{Seq: 3, At: now, Step: "start", Text: "two"}, {Seq: 4, At: now, Step: "start", Text: "two!"}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
}

func TestSchedulesAreKept(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		seed(t, s)
		sch := backup.Schedule{ID: "sch_1", ScheduleSpec: backup.ScheduleSpec{Name: "nightly", Spec: fullBackup("bk_1").Spec, Cron: "30 2 * * *",
			Timezone: "Europe/Berlin", Paused: true, VaultID: "vlt_1", Encrypted: true, Incremental: true,
			PauseReason: "moved", PausedUntil: now.Add(time.Hour), SchedulePolicy: backup.SchedulePolicy{Overlap: "allow", MissedRuns: "run_all", MaxMissedRuns: 7,
				StartDeadline: time.Hour, Jitter: time.Minute, Blackouts: []backup.Window{{Cron: "0 9 * * *", DurationMinutes: 60, Timezone: "UTC"}}}},
			CreatedAt: now, UpdatedAt: now.Add(time.Second), Version: 1,
			Timing: backup.Timing{DecidedUntil: now, Owed: []time.Time{now}, Back: now, WakeAt: now, Turn: 3}}
		if err := s.InsertSchedule(ctx, sch, activity("act_s1"), controlplane.Idempotency{Key: "s", Digest: "d"}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Schedule(ctx, sch.ID)
		if diff := cmp.Diff(sch, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
		other := sch
		other.ID = "sch_2"
		if err := s.InsertSchedule(ctx, other, activity("act_s2"), controlplane.Idempotency{}); !errors.Is(err, controlplane.ErrNameTaken) {
			t.Errorf("the name again: %v", err)
		}
		other.Name = "weekly"
		if err := s.InsertSchedule(ctx, other, activity("act_s2"), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		for want, f := range map[string]controlplane.ScheduleFilter{"sch_1 sch_2 ": {}, "sch_2 ": {Page: controlplane.Page{After: "sch_1"}}, "sch_1 ": {ServerID: "srv_1", Name: "nightly"}, "": {ServerID: "srv_2"}} {
			all, err := s.Schedules(ctx, f)
			ids := ""
			for _, a := range all {
				ids += string(a.ID) + " "
			}
			if ids != want || err != nil {
				t.Errorf("%+v: %q, %v", f, ids, err)
			}
		}
		sch.Version, sch.Name = 2, "weekly"
		if err := s.UpdateSchedule(ctx, sch, activity("act_s3")); !errors.Is(err, controlplane.ErrNameTaken) {
			t.Errorf("renamed to another's name: %v", err)
		}
		sch.Name, sch.DeletedAt = "nightly", now.Add(time.Hour)
		behind := sch
		behind.Timing.Turn = 2
		if err := s.UpdateSchedule(ctx, behind, activity("act_s3")); !errors.Is(err, controlplane.ErrConflict) {
			t.Errorf("from before a dispatcher's turn: %v", err)
		}
		if err := s.UpdateSchedule(ctx, sch, activity("act_s3")); err != nil {
			t.Fatal(err)
		}
		if err := s.UpdateSchedule(ctx, sch, activity("act_s4")); !errors.Is(err, controlplane.ErrConflict) {
			t.Errorf("from an old version: %v", err)
		}
		if all, err := s.Schedules(ctx, controlplane.ScheduleFilter{}); len(all) != 1 || err != nil {
			t.Errorf("%d left, %v", len(all), err)
		}
	})
}
