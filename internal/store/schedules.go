package store

import (
	"context"
	"database/sql"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func scheduleColumns(s *backup.Schedule) columns {
	return append(columns{
		text("id", &s.ID), text("server_id", &s.ServerID), text("name", &s.Name), text("type", &s.Type), document("files_json", &s.Files),
		document("databases_json", &s.Databases), number("retention_days", &s.RetentionDays), text("cron", &s.Cron), text("timezone", &s.Timezone),
		flag("paused", &s.Paused), text("pause_reason", &s.PauseReason), instant("paused_until", &s.PausedUntil),
		text("vault_id", &s.VaultID), flag("encrypted", &s.Encrypted), flag("incremental", &s.Incremental),
		text("overlap", &s.Overlap), text("missed_runs", &s.MissedRuns), number("max_missed_runs", &s.MaxMissedRuns),
		span("start_deadline", &s.StartDeadline), span("jitter", &s.Jitter), document("blackouts_json", &s.Blackouts),
		instant("created_at", &s.CreatedAt), instant("updated_at", &s.UpdatedAt), instant("deleted_at", &s.DeletedAt), number("version", &s.Version),
		number("turn", &s.Timing.Turn),
	}, timingColumns(s)...)
}

// timingColumns are what the dispatcher writes.
func timingColumns(s *backup.Schedule) columns {
	return columns{instant("decided_until", &s.Timing.DecidedUntil), document("owed_json", &s.Timing.Owed), instant("back_at", &s.Timing.Back), instant("wake_at", &s.Timing.WakeAt)}
}

// InsertSchedule implements controlplane.Store.
func (s *Store) InsertSchedule(ctx context.Context, sch backup.Schedule, a backup.Activity, once controlplane.Idempotency) error {
	return s.insertNamed(ctx, "schedules", scheduleColumns(&sch), string(sch.ID), sch.CreatedAt, a, once)
}

// UpdateSchedule implements controlplane.Store.
func (s *Store) UpdateSchedule(ctx context.Context, sch backup.Schedule, a backup.Activity, runs ...backup.Run) error {
	turn := sch.Timing.Turn
	sch.Timing.Turn++
	return s.tx(ctx, func(tx *sql.Tx) error {
		var q query
		q.add("UPDATE schedules SET ")
		scheduleColumns(&sch).set(&q)
		q.add(" WHERE id = ? AND version = ? AND turn = ?", string(sch.ID), sch.Version-1, turn)
		r, err := tx.ExecContext(ctx, q.text.String(), q.args...)
		if unique(err) {
			return controlplane.ErrNameTaken
		}
		if err := hit(r, err, controlplane.ErrConflict); err != nil {
			return err
		}
		if err := insertAll(ctx, tx, "runs", runs, runColumns); err != nil {
			return err
		}
		return insert(ctx, tx, "activities", activityColumns(&a))
	})
}

// Schedule implements controlplane.Store.
func (s *Store) Schedule(ctx context.Context, id backup.ScheduleID) (backup.Schedule, error) {
	var sch backup.Schedule
	cs := scheduleColumns(&sch)
	err := cs.scan(s.db.QueryRowContext(ctx, "SELECT "+cs.names()+" FROM schedules WHERE id = $1", storable(string(id))))
	return sch, notFound(err)
}

// Schedules implements controlplane.Store.
func (s *Store) Schedules(ctx context.Context, f controlplane.ScheduleFilter) ([]backup.Schedule, error) {
	var q query
	q.add("SELECT "+scheduleColumns(&backup.Schedule{}).names()+" FROM schedules WHERE deleted_at = 0 AND id > ?", f.Page.After)
	if f.ServerID != "" {
		q.add(" AND server_id = ?", string(f.ServerID))
	}
	if f.Name != "" {
		q.add(" AND name = ?", f.Name)
	}
	q.add(" ORDER BY id LIMIT ?", limit(f.Page.Limit))
	return list(ctx, s.db, &q, scheduleColumns)
}
