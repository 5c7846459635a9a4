package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func TestServersAreNamedOnceAndChangedInTurn(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		seed(t, s)
		twin := fullServer()
		twin.ID = "srv_2"
		if err := s.InsertServer(ctx, twin, activity("act_2"), controlplane.Idempotency{}); !errors.Is(err, controlplane.ErrNameTaken) {
			t.Errorf("the name again: %v", err)
		}
		twin.Name = "web-2"
		if err := s.InsertServer(ctx, twin, activity("act_2"), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		twin.Name, twin.Version = "web-1", 2
		if err := s.UpdateServer(ctx, twin, activity("act_3")); !errors.Is(err, controlplane.ErrNameTaken) {
			t.Errorf("renamed to a taken name: %v", err)
		}
		gone := fullServer()
		gone.Version, gone.DeletedAt = 2, now
		if err := s.UpdateServer(ctx, gone, activity("act_3")); err != nil {
			t.Fatal(err)
		}
		if err := s.UpdateServer(ctx, gone, activity("act_4")); !errors.Is(err, controlplane.ErrConflict) {
			t.Errorf("an old version: %v", err)
		}
		if err := s.UpdateServer(ctx, twin, activity("act_4")); err != nil {
			t.Errorf("a deleted server keeps its name: %v", err)
		}
		if err := s.RecordHostKey(ctx, "srv_2", twin.Version, "another"); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("a recorded host key was replaced: %v", err)
		}
		got, err := s.ServerByName(ctx, "web-1")
		if err != nil || got.ID != "srv_2" || got.RecordedHostKey != "rec" {
			t.Errorf("%+v, %v", got, err)
		}
		all, err := s.Servers(ctx, controlplane.Page{})
		if err != nil || len(all) != 1 {
			t.Errorf("%d servers, %v", len(all), err)
		}
	})
}

func TestRequestsAndStepsDoNotOverwriteEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		if err := s.InsertServer(ctx, fullServer(), activity("act_0"), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		b := fullBackup("bk_1")
		b.Work.CancelAt = time.Time{}
		if err := s.InsertBackup(ctx, b, activity("act_1"), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		due := now.Add(time.Second)
		b, ok, err := s.Lease(ctx, "bk_1", due, due.Add(time.Minute))
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		cancelled := due.Add(time.Second)
		for range 2 { // the first one counts
			if err := s.RequestCancel(ctx, "bk_1", cancelled); err != nil {
				t.Fatal(err)
			}
		}
		b.Work.LeaseUntil, b.Work.NextStepAt = time.Time{}, due.Add(time.Hour)
		if err := s.SaveStep(ctx, b, controlplane.ActivityNote{Activity: activity("act_1")}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Backup(ctx, "bk_1")
		if err != nil || !got.Work.NextStepAt.Equal(cancelled) || !got.Work.CancelAt.Equal(cancelled) {
			t.Errorf("next step at %s, %v", got.Work.NextStepAt, err)
		}
		for early, want := range map[time.Duration]int{0: 1, time.Millisecond: 0} {
			if found, err := s.Due(ctx, "", cancelled.Add(-early), 10); err != nil || len(found) != want {
				t.Errorf("due %s before: %v, %v", early, found, err)
			}
		}
		if err := errors.Join(s.SetRetention(ctx, "bk_1", 3, due), s.SetManaged(ctx, "bk_1", false), s.Hold(ctx, "bk_1", "me", due)); err != nil {
			t.Error(err)
		}
		if err := s.SetManaged(ctx, "bk_9", false); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("a backup that is not there: %v", err)
		}
		if adopted, err := s.Adopt(ctx, "bk_1", "you", due, cancelled, controlplane.Idempotency{}); adopted || err != nil {
			t.Errorf("adopted while held: %v, %v", adopted, err)
		}
		if adopted, err := s.Adopt(ctx, "bk_1", "you", cancelled, cancelled, controlplane.Idempotency{Key: "again"}); !adopted || err != nil {
			t.Errorf("adopted: %v, %v", adopted, err)
		}
		if used, err := s.Used(ctx, "again"); err != nil || used.ResourceID != "bk_1" {
			t.Errorf("the request that adopted is not remembered: %+v, %v", used, err)
		}
		got.Status, got.DeletedAt, got.DeleteReason = "failed", cancelled, "expired"
		if err := s.BuryBackup(ctx, got, activity("act_2")); err != nil {
			t.Error(err)
		}
		if err := s.BuryBackup(ctx, got, activity("act_3")); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("buried again: %v", err)
		}
		if _, err := s.LastFailed(ctx, "srv_1", ""); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("nothing has failed: %v", err)
		}
		acts, err := s.Activities(ctx, controlplane.ActivityFilter{TargetID: "bk_1", ServerID: "srv_1", Page: controlplane.Page{After: "act_2"}})
		if err != nil || len(acts) != 2 || acts[0].ID != "act_1" {
			t.Errorf("activities %+v, %v", acts, err)
		}
	})
}

// TestOldFailuresAreForgotten has tombstones of failed backups go once they are old, and nothing else.
func TestOldFailuresAreForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		addServer(t, s, "srv_1", "web-1", time.Time{})
		for _, b := range []struct {
			id       backup.ID
			status   backup.Status
			buried   int // hours ago; 0: not at all
			onServer bool
		}{
			{"bk_old", "failed", 3, false}, {"bk_older", "failed", 4, false}, {"bk_young", "failed", 1, false}, {"bk_kept", "failed", 0, false},
			{"bk_good", "completed", 3, false}, {"bk_left", "failed", 3, true}, {"bk_running", "running", 0, true},
		} {
			made := fullBackup(b.id)
			made.Status, made.OnServer, made.Activity = b.status, b.onServer, backup.ActivityID("act_"+string(b.id))
			if b.buried > 0 {
				made.DeletedAt, made.DeleteReason = now.Add(-time.Duration(b.buried)*time.Hour), "deleted"
			}
			if err := s.InsertBackup(ctx, made, activity(made.Activity), controlplane.Idempotency{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []int{1, 1, 0} {
			if n, err := s.ForgetFailures(ctx, now.Add(-2*time.Hour), 1); err != nil || n != want {
				t.Errorf("%d forgotten, %v; want %d", n, err, want)
			}
		}
		for id, kept := range map[backup.ID]bool{"bk_old": false, "bk_older": false, "bk_young": true, "bk_kept": true, "bk_good": true, "bk_left": true, "bk_running": true} {
			if _, err := s.Backup(ctx, id); (err == nil) != kept {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}

// TestLeftoversAreOfWhatIsOverUntilTheyAreGone leaves good archives, and what is under way, out of it.
func TestLeftoversAreOfWhatIsOverUntilTheyAreGone(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		addServer(t, s, "srv_1", "web-1", time.Time{})
		for _, b := range []struct {
			id              backup.ID
			status          backup.Status
			under, onServer bool
			deleted         bool
		}{
			{"bk_1", "failed", false, true, false}, {"bk_2", "failed", false, false, false}, {"bk_3", "completed", false, true, false},
			{"bk_4", "completed", false, true, true}, {"bk_5", "running", true, true, false},
		} {
			made := fullBackup(b.id)
			made.Status, made.OnServer, made.Activity = b.status, b.onServer, backup.ActivityID("act_"+string(b.id))
			made.DeletedAt, made.Work.NextStepAt = time.Time{}, time.Time{}
			if b.deleted {
				made.DeletedAt, made.DeleteReason = now, "deleted"
			}
			if b.under {
				made.Work.NextStepAt = now
			}
			if err := s.InsertBackup(ctx, made, activity(made.Activity), controlplane.Idempotency{}); err != nil {
				t.Fatal(err)
			}
		}
		left := func(after backup.ID) (ids []backup.ID) {
			t.Helper()
			all, err := s.Leftovers(ctx, "", after, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range all {
				ids = append(ids, b.ID)
			}
			return ids
		}
		if diff := cmp.Diff([]backup.ID{"bk_1", "bk_4"}, left("")); diff != "" {
			t.Error(diff)
		}
		if err := s.FilesGone(ctx, "bk_1", activity("act_gone")); err != nil {
			t.Fatal(err)
		}
		if err := s.FilesGone(ctx, "bk_5", activity("act_never")); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("of one under way: %v", err)
		}
		if diff := cmp.Diff([]backup.ID{"bk_4"}, left("")); diff != "" || left("bk_4") != nil {
			t.Error(diff)
		}
	})
}

// TestRecoveryFencesOffWhoeverIsAtTheBackup has the step of the one before come too late.
func TestRecoveryFencesOffWhoeverIsAtTheBackup(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		addServer(t, s, "srv_1", "web-1", time.Time{})
		made := fullBackup("bk_1")
		made.Status, made.Failure, made.Work.NextStepAt, made.Work.LeaseUntil = "running", nil, now, time.Time{}
		made.RetryOf, made.Tries = "bk_0", []backup.Failure{{Stage: "archive", Fact: backup.FactJobGone, Attempt: 1}}
		if err := s.InsertBackup(ctx, made, activity("act_1"), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		at, leased, err := s.Lease(ctx, "bk_1", now, now.Add(time.Minute))
		if err != nil || !leased || at.RetryOf != "bk_0" || len(at.Tries) != 1 || at.Tries[0].Fact != backup.FactJobGone {
			t.Fatalf("%v, %v, %+v", err, leased, at)
		}
		if err := s.Recover(ctx, "bk_1", backup.Failure{Stage: "archive", Fact: backup.FactJobStuck, Text: "no progress"}, now); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveStep(ctx, at, controlplane.ActivityNote{}); !errors.Is(err, controlplane.ErrLeaseLost) {
			t.Errorf("the step under way: %v", err)
		}
		next, leased, err := s.Lease(ctx, "bk_1", now, now.Add(time.Minute))
		if err != nil || !leased || next.Work.Step != backup.StepClean || next.Failure == nil || next.Failure.Fact != backup.FactJobStuck {
			t.Errorf("%v, %v, %+v", err, leased, next)
		}
		next.Work.NextStepAt, next.Work.Step, next.Status = time.Time{}, "", "failed"
		if err := s.SaveStep(ctx, next, controlplane.ActivityNote{Activity: activity("act_1")}); err != nil {
			t.Fatal(err)
		}
		if err := s.Recover(ctx, "bk_1", backup.Failure{}, now); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("one that is over: %v", err)
		}
	})
}

// TestOutcomesCountWhatFailedSinceTheLastGoodBackup has tombstones count, and other types and servers not.
func TestOutcomesCountWhatFailedSinceTheLastGoodBackup(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		addServer(t, s, "srv_1", "web-1", time.Time{})
		addServer(t, s, "srv_2", "web-2", time.Time{})
		for i, b := range []struct {
			server backup.ServerID
			kind   backup.Type
			status backup.Status
			ended  int // seconds
			by     backup.ScheduleID
		}{
			{"srv_1", "files", "failed", 1, "sch_1"}, {"srv_1", "full", "completed", 2, ""}, {"srv_1", "files", "failed", 3, "sch_1"}, {"srv_1", "full", "failed", 4, ""},
			{"srv_1", "database", "failed", 5, ""}, {"srv_1", "database", "completed", 6, ""}, {"srv_1", "files", "running", 7, "sch_1"}, {"srv_2", "files", "failed", 8, ""},
		} {
			made := fullBackup(backup.ID(fmt.Sprintf("bk_%d", i)))
			made.ScheduleID = b.by
			made.ServerID, made.Type, made.Status, made.FinishedAt, made.Activity = b.server, b.kind, b.status, now.Add(time.Duration(b.ended)*time.Second), backup.ActivityID(fmt.Sprintf("act_%d", i))
			if err := s.InsertBackup(ctx, made, activity(made.Activity), controlplane.Idempotency{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			server   backup.ServerID
			schedule backup.ScheduleID
			types    []backup.Type
			ended    int
			failed   int
		}{
			{"srv_1", "", []backup.Type{"files", "full"}, 2, 2}, {"srv_1", "", []backup.Type{"database", "full"}, 6, 0}, {"srv_1", "", nil, 6, 0},
			{"srv_1", "sch_1", []backup.Type{"files", "full"}, 0, 2}, {"srv_1", "sch_2", nil, 0, 0}, {"srv_2", "", nil, 0, 1}, {"srv_3", "", nil, 0, 0},
		} {
			want := time.Time{}
			if test.ended > 0 {
				want = now.Add(time.Duration(test.ended) * time.Second)
			}
			if ended, failed, err := s.Outcomes(ctx, test.server, test.schedule, test.types); err != nil || !ended.Equal(want) || failed != test.failed {
				t.Errorf("%s %s %v: %s, %d, %v; want %s, %d", test.server, test.schedule, test.types, ended, failed, err, want, test.failed)
			}
		}
		for schedule, want := range map[backup.ScheduleID]backup.ID{"": "bk_4", "sch_1": "bk_2"} {
			if last, err := s.LastFailed(ctx, "srv_1", schedule); err != nil || last.ID != want {
				t.Errorf("last failed of %q: %s, %v; want %s", schedule, last.ID, err, want)
			}
		}
	})
}

func TestTokensComeBackAndAreRevokedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		first := backup.Token{ID: "tok_1", Name: "ci", Role: "admin", Hash: "h1", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		if err := s.InsertToken(ctx, first); err != nil {
			t.Fatal(err)
		}
		second := first
		second.ID, second.Hash = "tok_2", "h2"
		if err := s.InsertToken(ctx, second); !errors.Is(err, controlplane.ErrNameTaken) {
			t.Errorf("the name again: %v", err)
		}
		if err := errors.Join(s.TouchToken(ctx, "tok_1", now), s.RevokeToken(ctx, "tok_1", now), s.InsertToken(ctx, second)); err != nil {
			t.Error(err)
		}
		if err := s.RevokeToken(ctx, "tok_1", now); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("revoked again: %v", err)
		}
		first.LastUsedAt, first.RevokedAt = now, now
		got, err := s.Token(ctx, "h1")
		if diff := cmp.Diff(first, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
		all, err := s.Tokens(ctx, controlplane.Page{})
		if diff := cmp.Diff([]backup.Token{first, second}, all); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
}

func TestKeyCheckIsOfTheFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		if check, err := s.KeyCheck(ctx); check != "" || err != nil {
			t.Errorf("%q, %v", check, err)
		}
		if err := s.SetKeyCheck(ctx, "sealed"); err != nil {
			t.Error(err)
		}
		if err := open(t).SetKeyCheck(ctx, "another"); !errors.Is(err, controlplane.ErrConflict) {
			t.Errorf("the second: %v", err)
		}
		if check, err := s.KeyCheck(ctx); check != "sealed" || err != nil {
			t.Errorf("%q, %v", check, err)
		}
		if err := s.Ping(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestTextThatADatabaseCannotHoldIsKeptAllTheSame(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		const odd, kept = "a\x00b\xffc'\"\n\u2028é", "a\uFFFDb\uFFFDc'\"\n\u2028é"
		srv := fullServer()
		srv.Name = odd
		if err := s.InsertServer(ctx, srv, activity("act_0"), controlplane.Idempotency{Key: odd, Digest: "d"}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ServerByName(ctx, odd); got.Name != kept || err != nil {
			t.Errorf("%q, %v", got.Name, err)
		}
		if _, err := s.Used(ctx, odd); err != nil {
			t.Error(err)
		}
		b := fullBackup("bk_1")
		b.Output, b.Files.Include = odd, []string{odd}
		if err := s.InsertBackup(ctx, b, activity("act_1"), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Backup(ctx, "bk_1")
		if err != nil || got.Output != kept || got.Files.Include[0] != "a\x00b\uFFFDc'\"\n\u2028é" {
			t.Errorf("%q, %q, %v", got.Output, got.Files.Include, err)
		}
		for _, err := range []error{
			s.Hold(ctx, "bk_1", odd, now),
			second(s.Server(ctx, odd)), second(s.Backup(ctx, odd)), second(s.Activity(ctx, odd)),
			second(s.Backups(ctx, controlplane.BackupFilter{Page: controlplane.Page{After: odd}})),
		} {
			if err != nil && !errors.Is(err, controlplane.ErrNotFound) {
				t.Error(err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
