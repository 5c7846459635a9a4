package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Checkup is what a look at a whole database showed.
type Checkup struct {
	Schema           int // version; 0: there are no records
	Servers, Backups int // that exist, without tombstones
	Sealed           []SealedKey
	KeyCheck         string // see Store.KeyCheck
	Damaged          bool   // the file is not what it should be; its records were not looked at, or not all
	Faults           []Fault
	MoreFaults       int // beyond mostFaults
}

// SealedKey is a server's private key as it is stored.
type SealedKey struct {
	Server backup.ServerID
	Sealed string
}

// Fault is something that is not as it must be.
type Fault struct {
	Record string // an identifier, or "database"
	Text   string
}

// wholeDatabase stands for the record where a fault is in none of them.
const wholeDatabase = "database"

const mostFaults = 200

func (c *Checkup) fault(record, format string, args ...any) {
	if len(c.Faults) == mostFaults {
		c.MoreFaults++
		return
	}
	c.Faults = append(c.Faults, Fault{Record: backup.Excerpt(record, 64), Text: backup.Excerpt(fmt.Sprintf(format, args...), 500)})
}

func (c *Checkup) damage(what error) {
	c.Damaged = true
	c.fault(wholeDatabase, "%v: %v", ErrDamaged, what)
}

// reading is how a SQLite database is opened that others may be writing.
var reading = url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}}

// CheckDatabase looks at the SQLite database at path, which may be in use, and changes nothing.
func CheckDatabase(ctx context.Context, path string) (Checkup, error) {
	return checkFile(ctx, path, reading)
}

// CheckCopy looks at a SQLite database that nobody uses, and makes no file beside it.
func CheckCopy(ctx context.Context, path string) (Checkup, error) {
	if _, err := os.Lstat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return checkFile(ctx, path, reading) // its last changes are in there
	}
	return checkFile(ctx, path, url.Values{"mode": {"ro"}, "immutable": {"1"}})
}

func checkFile(ctx context.Context, path string, options url.Values) (c Checkup, err error) {
	s, err := open(path, options)
	if err != nil {
		return c, err
	}
	defer s.Close()
	if err = s.checkPages(ctx, &c); err == nil && len(c.Faults) == 0 {
		err = s.checkVersioned(ctx, path, &c)
	}
	if damaged(err) {
		c.damage(err)
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("check database %s: %w", path, err)
	}
	return c, nil
}

// checkVersioned checks the records of a database of whatever version.
func (s *Store) checkVersioned(ctx context.Context, path string, c *Checkup) (err error) {
	if c.Schema, err = s.schemaVersion(ctx, s.db); err != nil {
		return err
	}
	switch {
	case c.Schema == 0:
		c.Damaged = true
		c.fault(wholeDatabase, "%v", ErrNoRecords)
		return nil
	case c.Schema > len(schema()):
		return schemaError(c.Schema)
	case c.Schema == len(schema()):
		return s.checkRecords(ctx, c)
	}
	migrated, err := s.migratedCopy(ctx, path)
	if err != nil {
		return err
	}
	defer migrated.Close()
	return migrated.checkRecords(ctx, c)
}

// ErrDamaged says that a file is not the SQLite database that it should be.
var ErrDamaged = errors.New("the file is damaged")

// damaged reports whether err says that a file is not the SQLite database that it should be.
func damaged(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
}

// checkPages has SQLite check the file: pages, indexes, types.
func (s *Store) checkPages(ctx context.Context, c *Checkup) error {
	return eachPair(ctx, s.db, `SELECT integrity_check, '' FROM pragma_integrity_check`, func(said, _ string) {
		if said != "ok" {
			c.damage(errors.New(strings.ReplaceAll(said, "\n", ": ")))
		}
	})
}

// CheckPostgres looks at the records in PostgreSQL, and changes nothing.
func CheckPostgres(ctx context.Context, address string) (c Checkup, err error) {
	s, err := openPostgres(ctx, address, func(s *Store) error {
		c.Schema, err = s.readableVersion(ctx)
		if err == nil && c.Schema < len(schema()) {
			err = fmt.Errorf("%w: its schema is %d and this program's is %d: check it with the program that made it, or let cloudaipilot serve of this version migrate it", ErrSchema, c.Schema, len(schema()))
		}
		return err
	})
	if err != nil {
		return c, err
	}
	defer s.Close()
	return c, s.checkRecords(ctx, &c)
}

// ErrNoRecords says that a database holds no records of a control plane.
var ErrNoRecords = errors.New("there are no records of a control plane in it")

// readableVersion is the schema's version, if this program knows it.
func (s *Store) readableVersion(ctx context.Context) (int, error) {
	version, err := s.schemaVersion(ctx, s.db)
	switch {
	case err != nil:
		return 0, err
	case version == 0:
		return 0, ErrNoRecords
	case version > len(schema()):
		return version, schemaError(version)
	}
	return version, nil
}

// snapshot is a transaction that sees the records as they are at one moment.
var snapshot = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}

// relations must find nothing: a record, and what is wrong with it.
var relations = []string{
	`SELECT b.id, 'its server ' || b.server_id || ' is not there' FROM backups b LEFT JOIN servers s ON s.id = b.server_id WHERE s.id IS NULL`,
	`SELECT b.id, 'its activity ' || b.activity_id || ' is not there' FROM backups b LEFT JOIN activities a ON a.id = b.activity_id WHERE a.id IS NULL`,
	`SELECT b.id, 'its activity ' || a.id || ' is about ' || a.target_id FROM backups b JOIN activities a ON a.id = b.activity_id WHERE a.target_id <> b.id`,
	`SELECT l.activity_id, 'it has a log and is not there' FROM activity_lines l LEFT JOIN activities a ON a.id = l.activity_id WHERE a.id IS NULL GROUP BY l.activity_id`,
}

// foreignKeys finds what else points to nothing.
const foreignKeys = `SELECT "table", 'row ' || rowid || ' points to a row of ' || parent || ' that is not there' FROM pragma_foreign_key_check`

// checkRecords looks at every record and how they belong together, all at one moment.
func (s *Store) checkRecords(ctx context.Context, c *Checkup) error {
	tx, err := s.db.BeginTx(ctx, snapshot)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if err := c.checkAll(ctx, tx); err != nil || len(c.Faults) > 0 || s.dialect != sqliteDialect {
		return err
	}
	return eachPair(ctx, tx, foreignKeys, c.pair) // PostgreSQL holds them itself
}

func (c *Checkup) pair(record, wrong string) { c.fault(record, "%s", wrong) }

func (c *Checkup) checkAll(ctx context.Context, tx *sql.Tx) error {
	for _, relation := range relations {
		if err := eachPair(ctx, tx, relation, c.pair); err != nil {
			return err
		}
	}
	if err := each(ctx, tx, "servers", c, serverColumns, c.checkServer); err != nil {
		return err
	}
	if err := each(ctx, tx, "backups", c, backupColumns, c.checkBackup); err != nil {
		return err
	}
	if err := each(ctx, tx, "activities", c, activityColumns, c.checkActivity); err != nil {
		return err
	}
	return eachPair(ctx, tx, `SELECT name, value FROM meta WHERE name = 'key_check'`, func(_, value string) { c.KeyCheck = value })
}

func (c *Checkup) checkServer(s backup.Server) {
	if !s.DeletedAt.IsZero() {
		return
	}
	c.Servers++
	if (s.KeySource == backup.KeyNone) != (s.SealedKey == "") {
		c.fault(string(s.ID), "its key source is %q, which does not go with whether it has a private key", s.KeySource)
	}
	if s.SealedKey != "" {
		c.Sealed = append(c.Sealed, SealedKey{Server: s.ID, Sealed: s.SealedKey})
	}
	if _, err := backup.ParseServerID(string(s.ID)); err != nil {
		c.fault(string(s.ID), "%v", err)
	}
	c.inOrder(string(s.ID), moment{"created", s.CreatedAt}, moment{"updated", s.UpdatedAt})
}

func (c *Checkup) checkBackup(b backup.Backup) {
	if b.Live() {
		c.Backups++
	}
	for _, rule := range backupRules {
		if wrong := rule(b); wrong != "" {
			c.fault(string(b.ID), "%s", wrong)
		}
	}
	c.inOrder(string(b.ID), moment{"created", b.CreatedAt}, moment{"started", b.StartedAt}, moment{"finished", b.FinishedAt}, moment{"deleted", b.DeletedAt})
	c.inOrder(string(b.ID), moment{"created", b.CreatedAt}, moment{"expires", b.ExpiresAt})
}

func (c *Checkup) checkActivity(a backup.Activity) {
	finished := a.Status == backup.ActivityCompleted || a.Status == backup.ActivityFailed
	switch {
	case !finished && a.Status != backup.ActivityQueued && a.Status != backup.ActivityRunning:
		c.fault(string(a.ID), "its status %q is none", a.Status)
	case finished == a.FinishedAt.IsZero():
		c.fault(string(a.ID), "it is %s, which does not go with when it finished", a.Status)
	}
	c.inOrder(string(a.ID), moment{"created", a.CreatedAt}, moment{"finished", a.FinishedAt})
}

type moment struct {
	what string
	at   time.Time
}

// inOrder checks that each moment is at or after those before it, as far as they have come. Clocks of several
// processes differ, and are set: that is no fault.
func (c *Checkup) inOrder(record string, moments ...moment) {
	var last moment
	for _, m := range moments {
		if m.at.IsZero() {
			continue
		}
		if last.at.Sub(m.at) > farthest {
			c.fault(record, "%s at %s, which is before %s at %s", m.what, m.at.Format(time.RFC3339), last.what, last.at.Format(time.RFC3339))
		}
		last = m
	}
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// each reads a whole table, record by record. A record that cannot be read is a fault, and the others are read.
func each[T any](ctx context.Context, from querier, table string, c *Checkup, columnsOf func(*T) columns, do func(T)) error {
	var none T
	rows, err := from.QueryContext(ctx, "SELECT id, "+columnsOf(&none).names()+" FROM "+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var record T
		var id string
		cs := append(columns{text("id", &id)}, columnsOf(&record)...)
		if err := cs.scan(rows); err != nil {
			c.fault(id, "it cannot be read: %v", err)
			continue
		}
		do(record)
	}
	return rows.Err()
}

// eachPair hands on every row of a query for two texts.
func eachPair(ctx context.Context, from querier, query string, do func(a, b string)) error {
	rows, err := from.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		do(a, b)
	}
	return rows.Err()
}
