package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func serverColumns(s *backup.Server) columns {
	return columns{
		text("id", &s.ID), text("name", &s.Name), text("host", &s.Host), number("port", &s.Port),
		text("login_user", &s.User), text("host_key", &s.HostKey), flag("record_host_key", &s.RecordHostKey),
		text("recorded_host_key", &s.RecordedHostKey), text("backup_dir", &s.BackupDir), text("privilege", &s.Privilege),
		text("environment", &s.Environment), span("connect_timeout", &s.ConnectTimeout), span("keepalive", &s.KeepaliveInterval),
		text("key_source", &s.KeySource), text("public_key", &s.PublicKey), text("sealed_key", &s.SealedKey),
		instant("created_at", &s.CreatedAt), instant("updated_at", &s.UpdatedAt), instant("deleted_at", &s.DeletedAt),
		number("version", &s.Version), number("max_concurrent_backups", &s.MaxConcurrentBackups),
		document("maintenance_json", &s.MaintenanceWindows),
	}
}

// InsertServer implements controlplane.Store.
func (s *Store) InsertServer(ctx context.Context, srv backup.Server, a backup.Activity, once controlplane.Idempotency) error {
	return s.insertNamed(ctx, "servers", serverColumns(&srv), string(srv.ID), srv.CreatedAt, a, once)
}

// UpdateServer implements controlplane.Store.
func (s *Store) UpdateServer(ctx context.Context, srv backup.Server, a backup.Activity) error {
	return s.updateVersion(ctx, "servers", serverColumns(&srv), string(srv.ID), srv.Version, a)
}

// insertNamed adds a record whose name may be taken, with the activity that tells of it.
func (s *Store) insertNamed(ctx context.Context, table string, cs columns, id string, at time.Time, a backup.Activity, once controlplane.Idempotency) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		if err := insert(ctx, tx, table, cs); err != nil {
			if unique(err) {
				return controlplane.ErrNameTaken
			}
			return err
		}
		if err := remember(ctx, tx, once, id, at); err != nil {
			return err
		}
		return insert(ctx, tx, "activities", activityColumns(&a))
	})
}

// updateVersion writes a record where the version before is stored, with the activity that tells of it.
func (s *Store) updateVersion(ctx context.Context, table string, cs columns, id string, version int64, a backup.Activity) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		var q query
		q.add("UPDATE " + table + " SET ")
		cs.set(&q)
		q.add(" WHERE id = ? AND version = ?", id, version-1)
		r, err := tx.ExecContext(ctx, q.text.String(), q.args...)
		if unique(err) {
			return controlplane.ErrNameTaken
		}
		if err := hit(r, err, controlplane.ErrConflict); err != nil {
			return err
		}
		return insert(ctx, tx, "activities", activityColumns(&a))
	})
}

// RecordHostKey implements controlplane.Store.
func (s *Store) RecordHostKey(ctx context.Context, id backup.ServerID, version int64, key string) error {
	return s.change(ctx, `UPDATE servers SET recorded_host_key = $1, version = version + 1 WHERE id = $2 AND version = $3 AND recorded_host_key = ''`,
		storable(key), string(id), version)
}

// Server implements controlplane.Store.
func (s *Store) Server(ctx context.Context, id backup.ServerID) (backup.Server, error) {
	return s.server(ctx, "id = $1", string(id))
}

// ServerByName implements controlplane.Store.
func (s *Store) ServerByName(ctx context.Context, name string) (backup.Server, error) {
	return s.server(ctx, "name = $1 AND deleted_at = 0", name)
}

func (s *Store) server(ctx context.Context, where string, arg string) (backup.Server, error) {
	var srv backup.Server
	cs := serverColumns(&srv)
	err := cs.scan(s.db.QueryRowContext(ctx, "SELECT "+cs.names()+" FROM servers WHERE "+where, storable(arg)))
	return srv, notFound(err)
}

// Servers implements controlplane.Store.
func (s *Store) Servers(ctx context.Context, page controlplane.Page) ([]backup.Server, error) {
	var q query
	q.add("SELECT "+serverColumns(&backup.Server{}).names()+" FROM servers WHERE deleted_at = 0 AND id > ? ORDER BY id LIMIT ?", page.After, limit(page.Limit))
	return list(ctx, s.db, &q, serverColumns)
}

// list reads all rows of a query into records.
func list[T any](ctx context.Context, db asker, q *query, columnsOf func(*T) columns) (records []T, err error) {
	rows, err := db.QueryContext(ctx, q.text.String(), q.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r T
		if err := columnsOf(&r).scan(rows); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

func insert(ctx context.Context, tx *sql.Tx, table string, cs columns) error {
	var q query
	q.add("INSERT INTO " + table)
	cs.insert(&q)
	_, err := tx.ExecContext(ctx, q.text.String(), q.args...)
	return err
}
