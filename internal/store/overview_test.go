package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// at is the time some seconds before now, in the precision that is stored.
func at(secondsAgo int) time.Time { return now.Add(-time.Duration(secondsAgo) * time.Second) }

// addServer puts in a server that was made a day ago.
func addServer(t testing.TB, s *Store, id backup.ServerID, name string, deleted time.Time) {
	t.Helper()
	server := fullServer()
	server.ID, server.Name, server.CreatedAt, server.DeletedAt = id, name, now.AddDate(0, 0, -1), deleted
	if err := s.InsertServer(t.Context(), server, activity(backup.ActivityID("act_"+string(id))), controlplane.Idempotency{}); err != nil {
		t.Fatal(err)
	}
}

// addBackup puts in a finished backup of a server, changed.
func addBackup(t testing.TB, s *Store, server backup.ServerID, n int, change func(*backup.Backup)) {
	t.Helper()
	b := fullBackup(backup.ID(fmt.Sprintf("bk_%05d", n)))
	b.ServerID, b.Status, b.Activity, b.Work = server, backup.StatusCompleted, backup.ActivityID(fmt.Sprintf("act_%05d", n)), backup.Work{}
	change(&b)
	if err := s.InsertBackup(t.Context(), b, activity(b.Activity), controlplane.Idempotency{}); err != nil {
		t.Fatal(err)
	}
}

func TestOverviewOfNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		o, err := open(t).Overview(t.Context(), now)
		if diff := cmp.Diff(controlplane.Overview{}, o, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	})
}

func TestOverviewCountsWhatIsThere(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		addServer(t, s, "srv_2", "web-2", time.Time{})
		addServer(t, s, "srv_1", "web-1", time.Time{})
		addServer(t, s, "srv_3", "gone", now)
		for i, change := range []func(*backup.Backup){
			func(b *backup.Backup) { b.SizeBytes, b.FinishedAt = 100, at(300) },
			func(b *backup.Backup) { b.SizeBytes, b.FinishedAt = 1<<40, at(200) },
			func(b *backup.Backup) { b.SizeBytes, b.FinishedAt, b.DeletedAt = 7, at(100), at(50) }, // it succeeded all the same
			func(b *backup.Backup) { b.Status, b.SizeBytes, b.FinishedAt = backup.StatusFailed, 0, at(10) },
			func(b *backup.Backup) { b.Status, b.FinishedAt, b.DeletedAt = backup.StatusFailed, at(10), at(5) },
			func(b *backup.Backup) { b.ServerID, b.SizeBytes = "srv_3", 11 },
			func(b *backup.Backup) { b.Type, b.SizeBytes, b.FinishedAt = backup.TypeFull, 1, at(400) },
		} {
			addBackup(t, s, "srv_1", i, change)
		}
		got, err := s.Overview(t.Context(), now)
		want := controlplane.Overview{
			Backups: []controlplane.BackupCount{
				{Status: "completed", Type: "files", Count: 3}, {Status: "completed", Type: "full", Count: 1}, {Status: "failed", Type: "files", Count: 1},
			},
			Servers: []controlplane.ServerStanding{
				{Name: "web-1", CreatedAt: now.AddDate(0, 0, -1), LastSuccess: at(100), Bytes: 1<<40 + 101},
				{Name: "web-2", CreatedAt: now.AddDate(0, 0, -1)},
			},
		}
		inOrder := cmpopts.SortSlices(func(a, b controlplane.BackupCount) bool {
			return a.Status+backup.Status(a.Type) < b.Status+backup.Status(b.Type)
		})
		if diff := cmp.Diff(want, got, inOrder); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	})
}

func TestOverviewCountsTheStepsThatAreDue(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		addServer(t, s, "srv_1", "web-1", time.Time{})
		for i, work := range []backup.Work{
			{NextStepAt: at(30)},
			{NextStepAt: at(90)},
			{NextStepAt: at(600), LeaseUntil: at(-60)}, // somebody is at it
			{NextStepAt: at(120), LeaseUntil: at(20)},  // who was at it is gone
			{NextStepAt: at(-10)},                      // later
			{NextStepAt: at(-86400)},                   // written before the clock was set back
			{},
		} {
			addBackup(t, s, "srv_1", i, func(b *backup.Backup) { b.Status, b.Work = backup.StatusRunning, work })
		}
		got, err := s.Overview(t.Context(), now)
		want := controlplane.Overview{Unfinished: 6, Due: 4, DueSince: at(120)}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(controlplane.Overview{}, "Backups", "Servers")); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	})
}

// TestOverviewKeepsNobodyFromWriting looks while another transaction has written and not committed.
func TestOverviewKeepsNobodyFromWriting(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, another := open(t), open(t)
		seed(t, s)
		tx, err := s.db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if _, err := tx.ExecContext(t.Context(), `UPDATE backups SET deleted_at = 1`); err != nil {
			t.Fatal(err)
		}
		within, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if o, err := another.Overview(within, now); err != nil || len(o.Backups) != 1 {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

// BenchmarkOverview looks at 10,000 backups of 100 servers, each with a kilobyte of output.
func BenchmarkOverview(b *testing.B) {
	open := map[string]func() (*Store, error){
		"sqlite": func() (*Store, error) { return Open(b.Context(), filepath.Join(b.TempDir(), "control.db"), now) },
		"postgres": func() (*Store, error) {
			return OpenPostgres(b.Context(), testbed.StartPostgres(b), now)
		},
	}
	for name, open := range open {
		b.Run(name, func(b *testing.B) {
			s, err := open()
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			fleet(b, s)
			for b.Loop() {
				if o, err := s.Overview(b.Context(), now); err != nil || len(o.Servers) != 100 {
					b.Fatal(len(o.Servers), err)
				}
			}
		})
	}
}

func fleet(b *testing.B, s *Store) {
	b.Helper()
	for n := range 100 {
		addServer(b, s, backup.ServerID(fmt.Sprintf("srv_%d", n)), fmt.Sprintf("web-%d", n), time.Time{})
	}
	addBackup(b, s, "srv_0", 0, func(b *backup.Backup) { b.Output = fmt.Sprintf("%01000d", 1) })
	names := backupColumns(&backup.Backup{}).names()[len("id, server_id"):]
	_, err := s.db.ExecContext(b.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
		INSERT INTO backups (id, server_id`+names+`) SELECT 'bk_1' || i, 'srv_' || (i % 100)`+names+` FROM backups, n`)
	if err != nil {
		b.Fatal(err)
	}
}
