package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// identityColumns are written once, when a backup is recorded.
func identityColumns(b *backup.Backup) columns {
	return columns{
		text("id", &b.ID), text("server_id", &b.ServerID), text("server_name", &b.ServerName), text("dir", &b.Dir),
		text("type", &b.Type), document("files_json", &b.Files), document("databases_json", &b.Databases), text("started_by", &b.Trigger),
		text("activity_id", &b.Activity), instant("created_at", &b.CreatedAt), number("attempt", &b.Work.Attempt),
		text("schedule_id", &b.ScheduleID), instant("due_at", &b.DueAt), text("retry_of", &b.RetryOf),
	}
}

// requestColumns are written by requests, each by a statement of its own, while steps are made.
func requestColumns(b *backup.Backup) columns {
	return columns{
		number("retention_days", &b.RetentionDays), instant("expires_at", &b.ExpiresAt), flag("managed", &b.Managed),
		instant("deleted_at", &b.DeletedAt), text("delete_reason", &b.DeleteReason), instant("cancel_at", &b.Work.CancelAt),
		text("holder", &b.Work.Holder), instant("held_until", &b.Work.HeldUntil),
	}
}

// stepColumns are written by the steps alone, fenced by the attempt.
func stepColumns(b *backup.Backup) columns {
	return columns{
		text("status", &b.Status), instant("started_at", &b.StartedAt), instant("finished_at", &b.FinishedAt),
		flag("on_server", &b.OnServer), text("path", &b.Path), number("size_bytes", &b.SizeBytes), text("sha256", &b.SHA256),
		number("entries", &b.Entries), document("warnings_json", &b.Warnings), document("failure_json", &b.Failure),
		text("output", &b.Output), document("job_json", &b.Job), document("progress_json", &b.Progress),
		text("step", &b.Work.Step), instant("lease_until", &b.Work.LeaseUntil), instant("unreachable_from", &b.Work.UnreachableFrom),
		flag("placed", &b.Work.Placed), document("tries_json", &b.Tries), instant("moved_at", &b.Work.MovedAt), text("address", &b.Address),
	}
}

func nextStep(b *backup.Backup) column { return instant("next_step_at", &b.Work.NextStepAt) }

func backupColumns(b *backup.Backup) columns {
	cs := append(identityColumns(b), requestColumns(b)...)
	return append(append(cs, stepColumns(b)...), nextStep(b))
}

var backupNames = backupColumns(&backup.Backup{}).names()

// InsertBackup implements controlplane.Store.
func (s *Store) InsertBackup(ctx context.Context, b backup.Backup, a backup.Activity, once controlplane.Idempotency) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		if err := insert(ctx, tx, "activities", activityColumns(&a)); err != nil {
			return err
		}
		if err := remember(ctx, tx, once, string(b.ID), b.CreatedAt); err != nil {
			return err
		}
		return insert(ctx, tx, "backups", backupColumns(&b))
	})
}

// Backup implements controlplane.Store.
func (s *Store) Backup(ctx context.Context, id backup.ID) (backup.Backup, error) {
	return oneBackup(ctx, s.db, "id = $1", string(id))
}

// LastFailed implements controlplane.Store.
func (s *Store) LastFailed(ctx context.Context, server backup.ServerID, schedule backup.ScheduleID) (b backup.Backup, err error) {
	var q query
	q.add("SELECT "+backupNames+" FROM backups WHERE server_id = ? AND status = 'failed'", string(server))
	if schedule != "" {
		q.add(" AND schedule_id = ?", string(schedule))
	}
	q.add(" ORDER BY finished_at DESC, id DESC LIMIT 1")
	err = backupColumns(&b).scan(s.db.QueryRowContext(ctx, q.text.String(), q.args...))
	return b, notFound(err)
}

// Outcomes implements controlplane.Store.
func (s *Store) Outcomes(ctx context.Context, server backup.ServerID, schedule backup.ScheduleID, types []backup.Type) (completed time.Time, failed int, err error) {
	var q query
	q.add("WITH ended AS (SELECT status, finished_at FROM backups WHERE server_id = ?", string(server))
	if schedule != "" {
		q.add(" AND schedule_id = ?", string(schedule))
	}
	if len(types) > 0 {
		in(&q, "type", types)
	}
	q.add("), good AS (SELECT coalesce(max(finished_at), 0) AS at FROM ended WHERE status = 'completed')" +
		" SELECT good.at, (SELECT count(*) FROM ended WHERE status = 'failed' AND finished_at > good.at) FROM good")
	var at int64
	if err := s.db.QueryRowContext(ctx, q.text.String(), q.args...).Scan(&at, &failed); err != nil {
		return completed, 0, err
	}
	return fromMillis(at), failed, nil
}

func oneBackup(ctx context.Context, db asker, where, arg string) (backup.Backup, error) {
	var b backup.Backup
	err := backupColumns(&b).scan(db.QueryRowContext(ctx, "SELECT "+backupNames+" FROM backups WHERE "+where, storable(arg)))
	return b, notFound(err)
}

// Backups implements controlplane.Store.
func (s *Store) Backups(ctx context.Context, f controlplane.BackupFilter) ([]backup.Backup, error) {
	var q query
	q.add("SELECT " + backupNames + " FROM backups WHERE 1 = 1")
	if len(f.IDs) > 0 {
		in(&q, "id", f.IDs)
	} else {
		q.add(" AND deleted_at = 0")
	}
	if f.ServerID != "" {
		q.add(" AND server_id = ?", string(f.ServerID))
	}
	if f.ScheduleID != "" {
		q.add(" AND schedule_id = ?", string(f.ScheduleID))
	}
	if len(f.Statuses) > 0 {
		in(&q, "status", f.Statuses)
	}
	if len(f.Types) > 0 {
		in(&q, "type", f.Types)
	}
	if f.Managed != nil {
		q.add(" AND managed = ?", bit(*f.Managed))
	}
	order := ">"
	if f.Newest {
		order = "<"
	}
	if f.Page.After != "" {
		q.add(" AND id "+order+" ?", f.Page.After)
	}
	q.add(" ORDER BY id")
	if f.Newest {
		q.add(" DESC")
	}
	q.add(" LIMIT ?", limit(f.Page.Limit))
	return list(ctx, s.db, &q, backupColumns)
}

// SetRetention implements controlplane.Store.
func (s *Store) SetRetention(ctx context.Context, id backup.ID, days int, expires time.Time) error {
	return s.change(ctx, `UPDATE backups SET retention_days = $1, expires_at = $2 WHERE id = $3`, days, millis(expires), string(id))
}

// SetManaged implements controlplane.Store.
func (s *Store) SetManaged(ctx context.Context, id backup.ID, managed bool) error {
	return s.change(ctx, `UPDATE backups SET managed = $1 WHERE id = $2`, bit(managed), string(id))
}

// RequestCancel implements controlplane.Store.
func (s *Store) RequestCancel(ctx context.Context, id backup.ID, now time.Time) error {
	return s.change(ctx, `UPDATE backups SET cancel_at = CASE WHEN cancel_at = 0 THEN $1 ELSE cancel_at END, next_step_at = $1
		WHERE id = $2 AND next_step_at > 0`, millis(now), string(id))
}

// Hold implements controlplane.Store.
func (s *Store) Hold(ctx context.Context, id backup.ID, client string, until time.Time) error {
	_, err := s.exec(ctx, `UPDATE backups SET holder = $1, held_until = $2 WHERE id = $3`, storable(client), millis(until), string(id))
	return err
}

// Adopt implements controlplane.Store.
func (s *Store) Adopt(ctx context.Context, id backup.ID, client string, now, until time.Time, once controlplane.Idempotency) (bool, error) {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE backups SET holder = $1, held_until = $2 WHERE id = $3 AND held_until < $4 AND holder <> ''`,
			storable(client), millis(until), string(id), millis(now))
		if err := hit(r, err, controlplane.ErrNotFound); err != nil {
			return err
		}
		return remember(ctx, tx, once, string(id), now)
	})
	if errors.Is(err, controlplane.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Recover implements controlplane.Store.
func (s *Store) Recover(ctx context.Context, id backup.ID, f backup.Failure, now time.Time) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return s.change(ctx, `UPDATE backups SET attempt = attempt + 1, lease_until = 0, step = $1, failure_json = $2, next_step_at = $3
		WHERE id = $4 AND next_step_at > 0`, string(backup.StepClean), string(raw), millis(now), string(id))
}

// Leftovers implements controlplane.Store.
func (s *Store) Leftovers(ctx context.Context, server backup.ServerID, after backup.ID, most int) ([]backup.Backup, error) {
	var q query
	q.add("SELECT "+backupNames+" FROM backups WHERE on_server = 1 AND next_step_at = 0 AND (status = 'failed' OR deleted_at > 0) AND id > ?", string(after))
	if server != "" {
		q.add(" AND server_id = ?", string(server))
	}
	q.add(" ORDER BY id LIMIT ?", most)
	return list(ctx, s.db, &q, backupColumns)
}

// FilesGone implements controlplane.Store.
func (s *Store) FilesGone(ctx context.Context, id backup.ID, a backup.Activity) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE backups SET on_server = 0 WHERE id = $1 AND next_step_at = 0`, string(id))
		if err := hit(r, err, controlplane.ErrNotFound); err != nil {
			return err
		}
		return insert(ctx, tx, "activities", activityColumns(&a))
	})
}

// BuryBackup implements controlplane.Store.
func (s *Store) BuryBackup(ctx context.Context, b backup.Backup, a backup.Activity) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE backups SET deleted_at = $1, delete_reason = $2, on_server = $3, managed = 0 WHERE id = $4 AND deleted_at = 0`,
			millis(b.DeletedAt), string(b.DeleteReason), bit(b.OnServer), string(b.ID))
		if err := hit(r, err, controlplane.ErrNotFound); err != nil {
			return err
		}
		return insert(ctx, tx, "activities", activityColumns(&a))
	})
}

// ForgetFailures implements controlplane.Store.
func (s *Store) ForgetFailures(ctx context.Context, before time.Time, most int) (int, error) {
	r, err := s.exec(ctx, `DELETE FROM backups WHERE id IN (SELECT id FROM backups WHERE deleted_at > 0 AND deleted_at < $1 AND status = 'failed' AND on_server = 0 ORDER BY deleted_at LIMIT $2)`, millis(before), most)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

// farthest is beyond every honest pause and lease. A time further ahead was written before the clock was set back.
const farthest = 5 * time.Minute

// isDue is the condition that a row's step is due and nobody is at it, in terms of two parameters: now, and now plus
// farthest.
func isDue(now, far string) string {
	return "next_step_at > 0 AND (next_step_at <= " + now + " OR next_step_at > " + far + ") AND (lease_until <= " + now + " OR lease_until > " + far + ")"
}

// Due implements controlplane.Store.
func (s *Store) Due(ctx context.Context, server backup.ServerID, now time.Time, most int) ([]controlplane.DueStep, error) {
	q := query{args: []any{millis(now), millis(now.Add(farthest))}}
	q.add("SELECT id, attempt FROM backups WHERE " + isDue("$1", "$2"))
	if server != "" {
		q.add(" AND server_id = ?", string(server))
	}
	q.add(" ORDER BY next_step_at LIMIT ?", most)
	return list(ctx, s.db, &q, func(d *controlplane.DueStep) columns {
		return columns{text("id", &d.ID), number("attempt", &d.Attempt)}
	})
}

// Lease implements controlplane.Store.
func (s *Store) Lease(ctx context.Context, id backup.ID, now, until time.Time) (b backup.Backup, leased bool, err error) {
	err = s.tx(ctx, func(tx *sql.Tx) error {
		q := query{args: []any{millis(now), millis(now.Add(farthest))}}
		q.add("UPDATE backups SET attempt = attempt + 1, lease_until = ? WHERE id = ? AND "+isDue("$1", "$2"), millis(until), string(id))
		r, err := tx.ExecContext(ctx, q.text.String(), q.args...)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		leased = n > 0
		b, err = oneBackup(ctx, tx, "id = $1", string(id))
		return err
	})
	return b, leased, err
}

// TakePlace implements controlplane.Store.
func (s *Store) TakePlace(ctx context.Context, b backup.Backup, places int) (bool, error) {
	err := s.tx(ctx, func(tx *sql.Tx) error {
		// Whoever wants a place on this server waits here for the others who do.
		if _, err := tx.ExecContext(ctx, `UPDATE servers SET version = version WHERE id = $1`, string(b.ServerID)); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `UPDATE backups SET placed = 1 WHERE id = $1 AND attempt = $2 AND $3 > (
			SELECT count(*) FROM backups WHERE server_id = $4 AND next_step_at > 0 AND id <> $1 AND (placed = 1 OR id < $1 AND cancel_at = 0 AND step = $5))`,
			string(b.ID), b.Work.Attempt, places, string(b.ServerID), string(backup.StepQueue))
		return hit(r, err, controlplane.ErrNotFound)
	})
	if errors.Is(err, controlplane.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// CallWaiting implements controlplane.Store.
func (s *Store) CallWaiting(ctx context.Context, server backup.ServerID, most int, now time.Time) (ids []backup.ID, err error) {
	err = s.tx(ctx, func(tx *sql.Tx) error {
		var q query
		q.add(`UPDATE backups SET next_step_at = ? WHERE next_step_at > 0 AND placed = 0 AND id IN (
			SELECT id FROM backups WHERE server_id = ? AND next_step_at > 0 AND placed = 0 AND step = ? ORDER BY id LIMIT ?) RETURNING id`,
			millis(now), string(server), string(backup.StepQueue), most)
		if ids, err = list(ctx, tx, &q, func(id *backup.ID) columns { return columns{text("id", id)} }); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE schedules SET wake_at = $1 WHERE server_id = $2 AND deleted_at = 0 AND owed_json LIKE '["%'`, millis(now), string(server))
		return err
	})
	return ids, err
}

// SaveStep implements controlplane.Store.
func (s *Store) SaveStep(ctx context.Context, b backup.Backup, note controlplane.ActivityNote) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		var q query
		q.add("UPDATE backups SET ")
		stepColumns(&b).set(&q)
		// A request to cancel that came during the step wants the next one at once.
		q.add(", next_step_at = CASE WHEN cancel_at <> ? AND CAST(? AS BIGINT) > 0 THEN cancel_at ELSE ? END",
			millis(b.Work.CancelAt), millis(b.Work.NextStepAt), millis(b.Work.NextStepAt))
		q.add(" WHERE id = ? AND attempt = ?", string(b.ID), b.Work.Attempt)
		r, err := tx.ExecContext(ctx, q.text.String(), q.args...)
		if err := hit(r, err, controlplane.ErrLeaseLost); err != nil {
			return err
		}
		if err := runEnded(ctx, tx, b); err != nil {
			return err
		}
		return addNote(ctx, tx, note)
	})
}

func (s *Store) change(ctx context.Context, statement string, args ...any) error {
	r, err := s.exec(ctx, statement, args...)
	return hit(r, err, controlplane.ErrNotFound)
}
