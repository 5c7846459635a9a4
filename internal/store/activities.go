package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func activityColumns(a *backup.Activity) columns {
	return columns{
		text("id", &a.ID), text("type", &a.Type), text("target_id", &a.TargetID), text("server_id", &a.ServerID),
		text("title", &a.Title), text("status", &a.Status), document("steps_json", &a.Steps),
		instant("created_at", &a.CreatedAt), instant("finished_at", &a.FinishedAt),
	}
}

func lineColumns(l *backup.LogLine) columns {
	return columns{number("seq", &l.Seq), instant("at", &l.At), text("step", &l.Step), text("text", &l.Text)}
}

// Activity implements controlplane.Store.
func (s *Store) Activity(ctx context.Context, id backup.ActivityID) (backup.Activity, error) {
	var a backup.Activity
	cs := activityColumns(&a)
	err := cs.scan(s.db.QueryRowContext(ctx, "SELECT "+cs.names()+" FROM activities WHERE id = $1", storable(string(id))))
	return a, notFound(err)
}

// Activities implements controlplane.Store.
func (s *Store) Activities(ctx context.Context, f controlplane.ActivityFilter) ([]backup.Activity, error) {
	var q query
	q.add("SELECT " + activityColumns(&backup.Activity{}).names() + " FROM activities WHERE 1 = 1")
	if f.TargetID != "" {
		q.add(" AND target_id = ?", f.TargetID)
	}
	if f.ServerID != "" {
		q.add(" AND server_id = ?", string(f.ServerID))
	}
	if f.Page.After != "" {
		q.add(" AND id < ?", f.Page.After)
	}
	q.add(" ORDER BY id DESC LIMIT ?", limit(f.Page.Limit))
	return list(ctx, s.db, &q, activityColumns)
}

// Log implements controlplane.Store.
func (s *Store) Log(ctx context.Context, id backup.ActivityID) ([]backup.LogLine, error) {
	var q query
	q.add("SELECT "+lineColumns(&backup.LogLine{}).names()+" FROM activity_lines WHERE activity_id = ? ORDER BY seq", string(id))
	return list(ctx, s.db, &q, lineColumns)
}

// addNote writes an activity's state and appends to its log.
func addNote(ctx context.Context, tx *sql.Tx, note controlplane.ActivityNote) error {
	var q query
	q.add("UPDATE activities SET ")
	activityColumns(&note.Activity).set(&q)
	q.add(" WHERE id = ?", string(note.Activity.ID))
	if _, err := tx.ExecContext(ctx, q.text.String(), q.args...); err != nil || len(note.Lines) == 0 {
		return err
	}
	var last int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM activity_lines WHERE activity_id = $1`, string(note.Activity.ID)).Scan(&last); err != nil {
		return err
	}
	for _, line := range note.Lines {
		last++
		line.Seq = last
		cs := append(lineColumns(&line), text("activity_id", &note.Activity.ID))
		if err := insert(ctx, tx, "activity_lines", cs); err != nil {
			return err
		}
	}
	return nil
}

// remember keeps what an idempotency key was used for.
func remember(ctx context.Context, tx *sql.Tx, once controlplane.Idempotency, id string, now time.Time) error {
	if once.Key == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO idempotency_keys (key, digest, resource_id, created_at) VALUES ($1, $2, $3, $4)`,
		storable(once.Key), once.Digest, id, millis(now))
	if unique(err) {
		return controlplane.ErrConflict
	}
	return err
}

// Used implements controlplane.Store.
func (s *Store) Used(ctx context.Context, key string) (controlplane.Used, error) {
	var u controlplane.Used
	err := s.db.QueryRowContext(ctx, `SELECT digest, resource_id FROM idempotency_keys WHERE key = $1`, storable(key)).Scan(&u.Digest, &u.ResourceID)
	return u, notFound(err)
}
