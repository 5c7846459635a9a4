package app_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const (
	dueAtOnce      = 10_000
	benchServers   = 100
	rowsAtOnce     = 500                    // in one transaction, as the dispatcher does
	beforeDue      = 500 * time.Millisecond // from the start of the dispatcher to the due time
	parametersMost = 1_000                  // of one statement: the dispatcher's number, and SQLite's best
)

// BenchmarkDispatch measures how long it takes until 10,000 schedules that are due in the same minute are in the ledger,
// each with a pending backup and its activity, and how late each of them is. The peer inserts the same rows, as many in
// a transaction, into a database like it, and decides and updates nothing.
func BenchmarkDispatch(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			ours, db := dispatchBench(b, kind)
			late := dispatchAll(b, ours, db)
			_, bare := dispatchBench(b, kind)
			peer := insertAll(b, db, bare)
			compare(b, "s", at(1, late)/1000, at(1, peer)/1000)
			compare(b, "p50-ms", at(0.5, late), at(0.5, peer))
			compare(b, "p99-ms", at(0.99, late), at(0.99, peer))
		})
	}
}

// dispatchBench is a database with schedules that are due at every full minute from tomorrow on.
func dispatchBench(b *testing.B, kind string) (*store.Store, *sql.DB) {
	b.Helper()
	var s *store.Store
	var db *sql.DB
	var err error
	if kind == "sqlite" {
		path := filepath.Join(b.TempDir(), "control.db")
		if s, err = store.Open(b.Context(), path, time.Now()); err == nil {
			db, err = sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_txlock=immediate")
		}
	} else {
		address := testbed.StartPostgres(b)
		if s, err = store.OpenPostgres(b.Context(), address, time.Now()); err == nil {
			db, err = sql.Open("pgx", address)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close(); _ = s.Close() })
	server := backup.Server{ID: "srv_0", ServerSpec: backup.DefaultServerSpec(), Version: 1}
	spec := backup.DefaultScheduleSpec()
	spec.ServerID, spec.Name, spec.Cron, spec.Type, spec.Files = "srv_0", "0", "* * * * *", backup.TypeFiles, backup.FilesSource{Include: []string{"/etc", "/var/www"}}
	due := tomorrow()
	schedule := backup.Schedule{ID: "sch_0", ScheduleSpec: spec, Version: 1, Timing: backup.Timing{DecidedUntil: due.Add(-time.Second), WakeAt: due}}
	if err := s.InsertServer(b.Context(), server, backup.Activity{ID: "act_0"}, controlplane.Idempotency{}); err != nil {
		b.Fatal(err)
	}
	if err := s.InsertSchedule(b.Context(), schedule, backup.Activity{ID: "act_00"}, controlplane.Idempotency{}); err != nil {
		b.Fatal(err)
	}
	multiply(b, db, "servers", benchServers, func(i int, row map[string]any) {
		row["id"], row["name"] = fmt.Sprintf("srv_%d", i), fmt.Sprintf("web-%d", i)
	})
	multiply(b, db, "schedules", dueAtOnce, func(i int, row map[string]any) {
		row["id"], row["name"], row["server_id"] = fmt.Sprintf("sch_%d", i), fmt.Sprint(i), fmt.Sprintf("srv_%d", i%benchServers)
	})
	return s, db
}

// tomorrow is a full minute.
func tomorrow() time.Time { return time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour) }

// multiply adds copies of the only row of a table, from number 1 on.
func multiply(b *testing.B, db *sql.DB, table string, n int, change func(int, map[string]any)) {
	b.Helper()
	names, rows := rowsOf(b, db, table)
	first, copies := map[string]any{}, make([][]any, 0, n)
	for i := 1; i < n; i++ {
		for k, name := range names {
			first[name] = rows[0][k]
		}
		change(i, first)
		row := make([]any, len(names))
		for k, name := range names {
			row[k] = first[name]
		}
		copies = append(copies, row)
	}
	for len(copies) > 0 {
		most := min(len(copies), rowsAtOnce)
		inTransaction(b, db, func(tx *sql.Tx) { insertRows(b, tx, table, names, copies[:most]) })
		copies = copies[most:]
	}
}

// fastForward is a clock that runs as the world's does, so far ahead of it.
type fastForward struct{ by time.Duration }

func (f fastForward) Now() time.Time                       { return time.Now().Add(f.by) }
func (fastForward) After(d time.Duration) <-chan time.Time { return time.After(d) }

// lateness notes how late every start is written down.
type lateness struct {
	clock controlplane.Clock
	mu    sync.Mutex
	all   []time.Duration
	done  func()
}

func (*lateness) Stepped(backup.Step, time.Duration, time.Duration) {}
func (*lateness) Finished(backup.Backup)                            {}

func (l *lateness) Decided(r backup.Run, _ time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all = append(l.all, l.clock.Now().Sub(r.DueAt)); len(l.all) == dueAtOnce {
		l.done()
	}
}

// dispatchAll runs a dispatcher until all are in the ledger.
func dispatchAll(b *testing.B, s *store.Store, db *sql.DB) []time.Duration {
	b.Helper()
	clock := fastForward{time.Until(tomorrow()) - beforeDue}
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	seen := &lateness{clock: clock, done: cancel}
	controlplane.New(controlplane.Config{Store: s, Clock: clock, Observer: seen}).Dispatch(ctx)
	var pending int
	err := db.QueryRowContext(b.Context(), `SELECT count(*) FROM runs r JOIN backups b ON b.id = r.backup_id JOIN activities a ON a.id = b.activity_id
		WHERE r.outcome = 'started' AND b.status = 'pending'`).Scan(&pending)
	if err != nil || pending != dueAtOnce || len(seen.all) != dueAtOnce {
		b.Fatalf("%d are in the ledger with a pending backup, %d were told of, %v", pending, len(seen.all), err)
	}
	return seen.all
}

// insertAll inserts what is in the ledger of from into to, and returns when each run was written.
func insertAll(b *testing.B, from, to *sql.DB) (written []time.Duration) {
	b.Helper()
	tables := []string{"activities", "backups", "runs"}
	names, rows := map[string][]string{}, map[string][][]any{}
	for _, table := range tables {
		names[table], rows[table] = rowsOf(b, from, table)
	}
	rows["activities"] = rows["activities"][len(rows["activities"])-dueAtOnce:] // less the two of server and schedule, which come first
	began := time.Now()
	for at := 0; at < dueAtOnce; at += rowsAtOnce {
		inTransaction(b, to, func(tx *sql.Tx) {
			for _, table := range tables {
				insertRows(b, tx, table, names[table], rows[table][at:at+rowsAtOnce])
			}
		})
		for range rowsAtOnce {
			written = append(written, time.Since(began))
		}
	}
	return written
}

func inTransaction(b *testing.B, db *sql.DB, do func(*sql.Tx)) {
	b.Helper()
	tx, err := db.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	do(tx)
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

// rowsOf are the rows of a table, in the order of their keys.
func rowsOf(b *testing.B, db *sql.DB, table string) (names []string, all [][]any) {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), "SELECT * FROM "+table+" ORDER BY 1")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	if names, err = rows.Columns(); err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		row, into := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return names, all
}

// insertRows inserts rows with as few statements as it takes.
func insertRows(b *testing.B, tx *sql.Tx, table string, names []string, rows [][]any) {
	b.Helper()
	for most := parametersMost / len(names); len(rows) > 0; {
		n := min(len(rows), most)
		var text strings.Builder
		var args []any
		text.WriteString("INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES ")
		for i, row := range rows[:n] {
			for k := range row {
				args = append(args, row[k])
				text.WriteString(map[bool]string{true: map[bool]string{true: "(", false: ", ("}[i == 0], false: ", "}[k == 0])
				fmt.Fprintf(&text, "$%d", len(args))
			}
			text.WriteString(")")
		}
		if _, err := tx.ExecContext(b.Context(), text.String(), args...); err != nil {
			b.Fatal(err)
		}
		rows = rows[n:]
	}
}
