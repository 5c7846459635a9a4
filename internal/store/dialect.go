package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// dialect is all that differs between the databases, beside how they are opened.
type dialect struct {
	// migrationLock makes the transactions that migrate wait for each other; empty where all writers do anyway.
	migrationLock string
	// oneWriter says that only one transaction at a time may write, and that the others poll for their turn.
	oneWriter bool
	// hasMeta counts the tables named meta.
	hasMeta string
	// skipLocked has a SELECT lock its rows, and leave out those that others have locked. Empty where others wait anyway.
	skipLocked, skipLockedRuns string
}

var (
	sqliteDialect = dialect{oneWriter: true, hasMeta: `SELECT count(*) FROM sqlite_master WHERE name = 'meta'`}
	// The lock's number says "cloudpil" in ASCII.
	postgresDialect = dialect{
		migrationLock: `SELECT pg_advisory_xact_lock(7163091744637053292)`,
		// Not to_regclass('meta'): that may answer from a cache older than the lock.
		hasMeta:    `SELECT count(*) FROM pg_class WHERE relname = 'meta' AND relkind = 'r' AND pg_table_is_visible(oid)`,
		skipLocked: ` FOR UPDATE SKIP LOCKED`, skipLockedRuns: ` FOR UPDATE OF r SKIP LOCKED`,
	}
)

// unique reports whether err is the breach of a uniqueness constraint.
func unique(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505"
}

// passing reports whether err is PostgreSQL's way of saying that a transaction came to nothing and may succeed if it
// is made again: the server went away or is starting, or two transactions stood in each other's way.
// Codes: PostgreSQL 15, appendix A.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "40001", "40P01", "57P01", "57P02", "57P03", "53300":
			return true
		}
		return strings.HasPrefix(e.Code, "08")
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, new(*net.OpError)) || pgconn.SafeToRetry(err)
}

// How long something is tried whose database is away, and the pauses in between.
const (
	patience     = 15 * time.Second
	firstPause   = 5 * time.Millisecond // doubled each time
	longestPause = 500 * time.Millisecond
)

// spoken says in our words what a caller decides on. SQLite says IOERR_SHMSIZE where its index of the journal cannot
// grow; 53100 is PostgreSQL's disk_full.
func spoken(err error) error {
	if errors.Is(err, controlplane.ErrDiskFull) {
		return err // said before
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	full := ok && (lite.Code() == sqlite3.SQLITE_FULL || lite.Code() == sqlite3.SQLITE_IOERR_SHMSIZE)
	if e, ok := errors.AsType[*pgconn.PgError](err); full || ok && e.Code == "53100" {
		return fmt.Errorf("%w (%w)", controlplane.ErrDiskFull, err)
	}
	return err
}

// again does what may be done again, until it succeeds or fails for good.
func again(ctx context.Context, do func() (mayRepeat bool, err error)) error {
	deadline := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		mayRepeat, err := do()
		if err == nil || !mayRepeat || !passing(err) || time.Now().After(deadline) {
			return spoken(err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// pool is a database whose questions outlast its absence. Only what reads may be asked with them.
type pool struct{ *sql.DB }

// ExecContext is that of sql.DB. It writes, so it is not repeated.
func (p pool) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	r, err := p.DB.ExecContext(ctx, statement, args...)
	return r, spoken(err)
}

// QueryRowContext is that of sql.DB.
func (p pool) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	_ = again(ctx, func() (bool, error) {
		row = p.DB.QueryRowContext(ctx, query, args...)
		return true, row.Err()
	}) // Scan returns the error
	return row
}

// QueryContext is that of sql.DB.
func (p pool) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = again(ctx, func() (bool, error) {
		rows, err = p.DB.QueryContext(ctx, query, args...) //nolint:sqlclosecheck,rowserrcheck // the caller's business
		return true, err
	})
	return rows, err
}

// inTurn waits for this process's turn to write, and returns how to end it. Of those who poll for SQLite's lock, the
// unlucky wait for ever; the queue of a mutex is a fair one.
func (s *Store) inTurn() (done func()) {
	if !s.dialect.oneWriter {
		return func() {}
	}
	s.turn.Lock()
	return s.turn.Unlock
}

// exec makes one statement that writes.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	defer s.inTurn()()
	return s.db.ExecContext(ctx, statement, args...)
}

// tx makes a transaction. One that came to nothing because the database went away is made again: do must not mind.
// Whether a commit that failed was made is not known, so that is not repeated.
func (s *Store) tx(ctx context.Context, do func(*sql.Tx) error) error {
	defer s.inTurn()()
	return again(ctx, func() (mayRepeat bool, err error) {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return true, err
		}
		if err := do(tx); err != nil {
			if back := tx.Rollback(); back != nil && !passing(err) {
				err = errors.Join(err, back)
			}
			return true, err
		}
		return false, tx.Commit()
	})
}
