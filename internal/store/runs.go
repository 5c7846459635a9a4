package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func runColumns(r *backup.Run) columns {
	return columns{
		text("schedule_id", &r.ScheduleID), instant("due_at", &r.DueAt), text("outcome", &r.Outcome), text("reason", &r.Reason), text("backup_id", &r.BackupID),
		instant("caught_up_by", &r.CaughtUpBy), instant("last_at", &r.LastAt), number("due_times", &r.Count), instant("decided_at", &r.DecidedAt),
	}
}

// Runs implements controlplane.Store.
func (s *Store) Runs(ctx context.Context, f controlplane.RunFilter) ([]backup.Run, error) {
	var q query
	q.add("SELECT "+runColumns(&backup.Run{}).names()+" FROM runs WHERE schedule_id = ?", string(f.ScheduleID))
	if !f.Before.IsZero() {
		q.add(" AND due_at < ?", millis(f.Before))
	}
	q.add(" ORDER BY due_at DESC LIMIT ?", limit(f.Limit))
	return list(ctx, s.db, &q, runColumns)
}

// CountRuns implements controlplane.Store.
func (s *Store) CountRuns(ctx context.Context, after, until time.Time) ([]controlplane.RunCount, error) {
	var q query
	q.add(`SELECT r.outcome, COALESCE(b.status, '') AS status, CAST(SUM(r.due_times) AS BIGINT) AS due_times FROM runs r LEFT JOIN backups b ON b.id = r.backup_id AND r.backup_id <> ''
		WHERE r.due_at > ? AND r.due_at <= ? GROUP BY r.outcome, COALESCE(b.status, '') ORDER BY 1, 2`, millis(after), millis(until))
	return list(ctx, s.db, &q, func(c *controlplane.RunCount) columns {
		return columns{text("outcome", &c.Outcome), text("status", &c.Status), number("due_times", &c.Count)}
	})
}

// Unresolved implements controlplane.Store.
func (s *Store) Unresolved(ctx context.Context) (map[backup.ScheduleID]backup.ID, error) {
	type failure struct {
		schedule backup.ScheduleID
		id       backup.ID
	}
	var q query
	q.add(`SELECT b.schedule_id, b.id FROM backups b WHERE b.schedule_id <> '' AND b.status = 'failed' AND NOT EXISTS (
		SELECT 1 FROM backups n WHERE n.schedule_id = b.schedule_id AND n.schedule_id <> '' AND n.status IN ('completed', 'failed')
			AND (n.finished_at > b.finished_at OR n.finished_at = b.finished_at AND n.id > b.id))`)
	all, err := list(ctx, s.db, &q, func(f *failure) columns { return columns{text("schedule_id", &f.schedule), text("id", &f.id)} })
	failures := make(map[backup.ScheduleID]backup.ID, len(all))
	for _, f := range all {
		failures[f.schedule] = f.id
	}
	return failures, err
}

// runEnded notes in the ledger what the end of a schedule's backup means, and has the schedule looked at if something
// waits for it.
func runEnded(ctx context.Context, tx *sql.Tx, b backup.Backup) error {
	if b.ScheduleID == "" || !b.Status.Finished() {
		return nil
	}
	if b.Failure != nil && b.Failure.Offline() {
		if _, err := tx.ExecContext(ctx, `UPDATE runs SET outcome = $1, reason = $2 WHERE backup_id = $3`,
			string(backup.RunMissed), string(backup.RunServerOffline), string(b.ID)); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE schedules SET wake_at = $1 WHERE id = $2 AND deleted_at = 0 AND owed_json LIKE '["%'`,
		millis(b.FinishedAt), string(b.ScheduleID))
	return err
}

// TellLate implements controlplane.Store.
func (s *Store) TellLate(ctx context.Context, before time.Time, tell func(controlplane.LateRun) backup.Activity) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		var q query
		q.add(`SELECT r.schedule_id, r.due_at, r.backup_id, b.server_id, b.server_name, s.name FROM backups b
			JOIN runs r ON r.backup_id = b.id JOIN schedules s ON s.id = r.schedule_id
			WHERE b.next_step_at > 0 AND b.status = ? AND r.backup_id <> '' AND r.told = 0 AND r.due_at < ? ORDER BY r.due_at LIMIT ?`+s.dialect.skipLockedRuns,
			string(backup.StatusPending), millis(before), most)
		late, err := list(ctx, tx, &q, func(l *controlplane.LateRun) columns {
			return columns{text("schedule_id", &l.ScheduleID), instant("due_at", &l.DueAt), text("backup_id", &l.BackupID),
				text("server_id", &l.ServerID), text("server_name", &l.ServerName), text("name", &l.Schedule)}
		})
		for _, l := range late {
			if _, err := tx.ExecContext(ctx, `UPDATE runs SET told = 1 WHERE schedule_id = $1 AND due_at = $2`, string(l.ScheduleID), millis(l.DueAt)); err != nil {
				return err
			}
			a := tell(l)
			if err := insert(ctx, tx, "activities", activityColumns(&a)); err != nil {
				return err
			}
		}
		return err
	})
}
