package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// Dispatch implements controlplane.Store.
func (s *Store) Dispatch(ctx context.Context, now time.Time, most int, decide func([]controlplane.DueSchedule) controlplane.Dispatched) (taken int, err error) {
	err = s.tx(ctx, func(tx *sql.Tx) error {
		due, err := s.takeDue(ctx, tx, now, most)
		if taken = len(due); err != nil || taken == 0 {
			return err
		}
		return write(ctx, tx, decide(due))
	})
	return taken, err
}

// takeDue locks schedules whose wake has come, and reads what belongs to them.
func (s *Store) takeDue(ctx context.Context, tx *sql.Tx, now time.Time, most int) ([]controlplane.DueSchedule, error) {
	var q query
	q.add("SELECT "+scheduleColumns(&backup.Schedule{}).names()+" FROM schedules WHERE wake_at > 0 AND wake_at <= ? AND deleted_at = 0 ORDER BY wake_at, id LIMIT ?"+s.dialect.skipLocked,
		millis(now), most)
	schedules, err := list(ctx, tx, &q, scheduleColumns)
	if err != nil || len(schedules) == 0 {
		return nil, err
	}
	due := make([]controlplane.DueSchedule, len(schedules))
	var ids []backup.ScheduleID
	servers := map[backup.ServerID]backup.Server{}
	for i, sch := range schedules {
		due[i].Schedule = sch
		ids = append(ids, sch.ID)
		servers[sch.ServerID] = backup.Server{}
	}
	running, err := unfinished(ctx, tx, "schedule_id", ids, "")
	if err != nil {
		return nil, err
	}
	onServer, err := unfinished(ctx, tx, "server_id", keys(servers), " AND (placed = 1 OR step = '"+string(backup.StepQueue)+"')")
	if err != nil {
		return nil, err
	}
	var of query
	of.add("SELECT " + serverColumns(&backup.Server{}).names() + " FROM servers WHERE 1 = 1")
	in(&of, "id", keys(servers))
	found, err := list(ctx, tx, &of, serverColumns)
	for _, server := range found {
		servers[server.ID] = server
	}
	for i := range due {
		d := &due[i]
		d.Server, d.Running, d.Unfinished = servers[d.ServerID], running[string(d.ID)], onServer[string(d.ServerID)]
	}
	return due, err
}

// unfinished counts the backups that are not finished, and fulfil a condition besides, by a column that holds one of the ids.
func unfinished[T ~string](ctx context.Context, tx *sql.Tx, column string, ids []T, and string) (map[string]int, error) {
	type tally struct {
		id    string
		count int
	}
	var q query
	q.add("SELECT " + column + ", count(*) FROM backups WHERE next_step_at > 0" + and)
	in(&q, column, ids)
	q.add(" GROUP BY " + column)
	found, err := list(ctx, tx, &q, func(t *tally) columns { return columns{text("id", &t.id), number("count", &t.count)} })
	counts := make(map[string]int, len(found))
	for _, t := range found {
		counts[t.id] = t.count
	}
	return counts, err
}

func keys[K comparable, V any](m map[K]V) (all []K) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

// write writes what was decided about schedules that are locked.
func write(ctx context.Context, tx *sql.Tx, d controlplane.Dispatched) error {
	if err := insertAll(ctx, tx, "activities", d.Activities, activityColumns); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, "backups", d.Backups, backupColumns); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, "runs", d.Runs, runColumns); err != nil {
		return err
	}
	return setTimings(ctx, tx, d.Schedules)
}

// setTimings writes how far schedules have come, a few hundred with one statement.
func setTimings(ctx context.Context, tx *sql.Tx, schedules []backup.Schedule) error {
	const atOnce = 200
	for len(schedules) > 0 {
		n := min(len(schedules), atOnce)
		var q query
		q.add("UPDATE schedules SET turn = turn + 1, decided_until = v.column2, owed_json = v.column3, back_at = v.column4, wake_at = v.column5 FROM (VALUES ")
		for i := range schedules[:n] {
			cs := timingColumns(&schedules[i])
			if i > 0 {
				q.add(", ")
			}
			q.add("(?, CAST(? AS BIGINT), ?, CAST(? AS BIGINT), CAST(? AS BIGINT))", string(schedules[i].ID), cs[0].value(), cs[1].value(), cs[2].value(), cs[3].value())
		}
		q.add(") AS v WHERE id = v.column1")
		if _, err := tx.ExecContext(ctx, q.text.String(), q.args...); err != nil {
			return err
		}
		schedules = schedules[n:]
	}
	return nil
}

// insertAll inserts records, as many with one statement as it may have parameters.
func insertAll[T any](ctx context.Context, tx *sql.Tx, table string, records []T, columnsOf func(*T) columns) error {
	const parameters = 1000 // SQLite looks for each of them among all: many cost more than many statements
	for len(records) > 0 {
		var q query
		width := len(columnsOf(&records[0]))
		n := min(len(records), parameters/width)
		q.args = make([]any, 0, n*width)
		for i := range records[:n] {
			cs := columnsOf(&records[i])
			if i == 0 {
				q.add("INSERT INTO " + table)
				cs.insert(&q)
				continue
			}
			q.add(", ("+strings.Repeat("?, ", width-1)+"?)", cs.values()...)
		}
		if _, err := tx.ExecContext(ctx, q.text.String(), q.args...); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// NextWake implements controlplane.Store.
func (s *Store) NextWake(ctx context.Context) (at time.Time, err error) {
	cs := columns{instant("wake_at", &at)}
	return at, cs.scan(s.db.QueryRowContext(ctx, `SELECT coalesce(min(wake_at), 0) FROM schedules WHERE wake_at > 0 AND deleted_at = 0`))
}

// WakeSchedules implements controlplane.Store.
func (s *Store) WakeSchedules(ctx context.Context, server backup.ServerID, at time.Time) error {
	_, err := s.exec(ctx, `UPDATE schedules SET wake_at = $1 WHERE server_id = $2 AND deleted_at = 0`, millis(at), string(server))
	return err
}

// Beat implements controlplane.Store. Who was silent for a day is forgotten.
func (s *Store) Beat(ctx context.Context, dispatcher string, now time.Time) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO dispatchers (id, seen_at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET seen_at = $2`, dispatcher, millis(now))
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM dispatchers WHERE seen_at < $1 AND seen_at < (SELECT max(seen_at) FROM dispatchers)`, millis(now.Add(-24*time.Hour)))
		}
		return err
	})
}

// LastBeat implements controlplane.Store.
func (s *Store) LastBeat(ctx context.Context) (at time.Time, err error) {
	cs := columns{instant("seen_at", &at)}
	return at, cs.scan(s.db.QueryRowContext(ctx, `SELECT coalesce(max(seen_at), 0) FROM dispatchers`))
}
