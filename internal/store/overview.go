package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// atOneMoment is a look at the records as they were at one moment, which keeps nobody from writing.
var atOneMoment = &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}

// Overview implements controlplane.Store. It reads all backups once, from end to end.
func (s *Store) Overview(ctx context.Context, now time.Time) (o controlplane.Overview, err error) {
	err = again(ctx, func() (mayRepeat bool, err error) {
		tx, err := s.db.BeginTx(ctx, atOneMoment)
		if err != nil {
			return true, err
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		o, err = overview(ctx, tx, now)
		return true, err
	})
	return o, err
}

func overview(ctx context.Context, tx *sql.Tx, now time.Time) (o controlplane.Overview, err error) {
	var alike, servers query
	alike.add(`SELECT server_id, status, type, CASE WHEN deleted_at = 0 THEN 1 ELSE 0 END AS live,
		count(*), CAST(sum(size_bytes) AS BIGINT), max(finished_at)
		FROM backups WHERE deleted_at = 0 OR status = 'completed' GROUP BY server_id, status, type, live`)
	tallies, err := list(ctx, tx, &alike, tallyColumns)
	if err != nil {
		return o, err
	}
	servers.add(`SELECT id, name, created_at FROM servers WHERE deleted_at = 0 ORDER BY name`)
	registered, err := list(ctx, tx, &servers, func(s *backup.Server) columns {
		return columns{text("id", &s.ID), text("name", &s.Name), instant("created_at", &s.CreatedAt)}
	})
	if err != nil {
		return o, err
	}
	o.Backups, o.Servers = counts(tallies), standings(registered, tallies)
	if o.Schedules, err = scheduleStandings(ctx, tx, now); err != nil {
		return o, err
	}
	cs := columns{instant("seen_at", &o.Dispatched)}
	if err := cs.scan(tx.QueryRowContext(ctx, `SELECT coalesce(max(seen_at), 0) FROM dispatchers`)); err != nil {
		return o, err
	}
	return o, queueStanding(ctx, tx, now, &o)
}

// scheduleStandings finds the last success of each schedule with an index of its own.
func scheduleStandings(ctx context.Context, tx *sql.Tx, now time.Time) ([]controlplane.ScheduleStanding, error) {
	var q query
	q.add(`SELECT v.name, s.name, CASE WHEN s.paused = 1 AND (s.paused_until = 0 OR s.paused_until > ?) THEN 1 ELSE 0 END, s.created_at, coalesce(
		(SELECT max(finished_at) FROM backups b WHERE b.schedule_id = s.id AND b.schedule_id <> '' AND b.status = 'completed'), 0)
		FROM schedules s JOIN servers v ON v.id = s.server_id WHERE s.deleted_at = 0 ORDER BY v.name, s.name`, millis(now))
	return list(ctx, tx, &q, func(s *controlplane.ScheduleStanding) columns {
		return columns{text("server", &s.Server), text("name", &s.Name), flag("paused", &s.Paused), instant("created_at", &s.CreatedAt), instant("finished_at", &s.LastSuccess)}
	})
}

// tally sums up the backups of a server that are alike.
type tally struct {
	server backup.ServerID
	status backup.Status
	kind   backup.Type
	live   bool
	count  int
	bytes  int64
	newest time.Time // when the last of them finished
}

func tallyColumns(t *tally) columns {
	return columns{text("server_id", &t.server), text("status", &t.status), text("type", &t.kind), flag("live", &t.live),
		number("count", &t.count), number("bytes", &t.bytes), instant("newest", &t.newest)}
}

// counts adds up over the servers.
func counts(tallies []tally) (found []controlplane.BackupCount) {
	place := map[controlplane.BackupCount]int{}
	for _, t := range tallies {
		if !t.live {
			continue
		}
		kind := controlplane.BackupCount{Status: t.status, Type: t.kind}
		i, ok := place[kind]
		if !ok {
			i = len(found)
			place[kind], found = i, append(found, kind)
		}
		found[i].Count += t.count
	}
	return found
}

// standings says of each server what its completed backups come to.
func standings(servers []backup.Server, tallies []tally) []controlplane.ServerStanding {
	found, place := make([]controlplane.ServerStanding, len(servers)), map[backup.ServerID]int{}
	for i, s := range servers {
		place[s.ID], found[i] = i, controlplane.ServerStanding{Name: s.Name, CreatedAt: s.CreatedAt}
	}
	for _, t := range tallies {
		i, ok := place[t.server]
		if !ok || t.status != backup.StatusCompleted {
			continue
		}
		if t.live {
			found[i].Bytes += t.bytes
		}
		if t.newest.After(found[i].LastSuccess) {
			found[i].LastSuccess = t.newest
		}
	}
	return found
}

// queueStanding counts the rows that are not done. They alone have a next step, and an index of their own.
func queueStanding(ctx context.Context, tx *sql.Tx, now time.Time, o *controlplane.Overview) error {
	due := isDue("$1", "$2")
	statement := "SELECT count(*), count(CASE WHEN " + due + " THEN 1 END), coalesce(min(CASE WHEN " + due + " THEN next_step_at END), 0) FROM backups WHERE next_step_at > 0"
	cs := columns{number("unfinished", &o.Unfinished), number("due", &o.Due), instant("due_since", &o.DueSince)}
	return cs.scan(tx.QueryRowContext(ctx, statement, millis(now), millis(now.Add(farthest))))
}
