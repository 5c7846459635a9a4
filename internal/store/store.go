package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store keeps the records of one control plane. It is safe for concurrent use.
type Store struct {
	db      pool
	turn    sync.Mutex // to write, where only one may
	dialect dialect
	id      string
	conns   *pgxpool.Pool // beneath db, on PostgreSQL
	copy    string        // directory of a copy that goes with the store; empty for the original
}

var _ controlplane.Store = (*Store)(nil)

// ErrSchema says that the database is of another version than this program.
var ErrSchema = errors.New("the database is of another version")

// Open opens the SQLite database at path for reading and writing, and creates or migrates it.
func Open(ctx context.Context, path string, now time.Time) (*Store, error) {
	return openFile(ctx, path, "FULL", now)
}

// OpenScratch is Open for records that are made anew rather than missed: a machine that loses its power loses the last of them.
func OpenScratch(ctx context.Context, path string, now time.Time) (*Store, error) {
	return openFile(ctx, path, "OFF", now)
}

// openFile opens a database that waits for the disk as synchronous says.
func openFile(ctx context.Context, path, synchronous string, now time.Time) (*Store, error) {
	// SQLite would make the file for all to read; its journals get the file's own mode. One that is there already
	// is not touched: closing a second handle of it would drop the locks that SQLite holds on it in this process.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make database: %w", err)
	}
	s, err := open(path, url.Values{
		"_pragma": {"journal_mode(WAL)", "synchronous(" + synchronous + ")", "busy_timeout(10000)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	})
	if err != nil {
		return nil, err
	}
	if err = s.migrate(ctx, now); err == nil {
		err = s.readID(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, spoken(err)), s.Close())
	}
	return s, nil
}

// OpenForReading opens the SQLite database at path, which must exist, and never writes to it. One that its owner is
// just making reads as empty, and one of an older schema is read through a migrated copy: migrating the original is
// the business of its owner.
func OpenForReading(ctx context.Context, path string) (*Store, error) {
	s, err := open(path, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}})
	if err != nil {
		return nil, err
	}
	version, err := s.schemaVersion(ctx, s.db)
	if err == nil && version == 0 {
		_ = s.Close() // nothing was read that matters
		return OpenEmpty(ctx)
	}
	switch {
	case err == nil && version > len(schema()):
		err = schemaError(version)
	case err == nil && version < len(schema()):
		return s.migratedCopy(ctx, path)
	case err == nil:
		err = s.readID(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// migratedCopy closes the store and opens a copy of it that has this program's schema.
func (s *Store) migratedCopy(ctx context.Context, path string) (*Store, error) {
	defer s.Close()
	dir, err := os.MkdirTemp("", "cloudaipilot-") // 0700
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "copy.db")
	var c *Store
	if _, err = s.db.ExecContext(ctx, `VACUUM INTO $1`, name); err == nil {
		c, err = Open(ctx, name, time.Unix(0, 0))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("copy database %s: %w", path, err), os.RemoveAll(dir))
	}
	c.copy = dir
	return c, nil
}

// OpenEmpty returns a store without records, in memory: what a directory that does not exist reads as. Its control
// plane has no id.
func OpenEmpty(ctx context.Context) (*Store, error) {
	s, err := open(":memory:", nil)
	if err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(1) // every connection would have a database of its own
	if err := s.migrate(ctx, time.Unix(0, 0)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(path string, options url.Values) (*Store, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db.SetMaxOpenConns(8)
	return &Store{db: pool{db}, dialect: sqliteDialect}, nil
}

// Close closes the database.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.conns != nil {
		s.conns.Close()
	}
	if s.copy != "" {
		err = errors.Join(err, os.RemoveAll(s.copy))
	}
	return err
}

// ID returns the identifier of the control plane whose records these are.
func (s *Store) ID(context.Context) (string, error) { return s.id, nil }

func (s *Store) readID(ctx context.Context) error {
	return s.db.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'control_plane_id'`).Scan(&s.id)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.schemaVersion(ctx, s.db.DB) // now, not in a while
	return err
}

// KeyCheck returns the text sealed with the master key when the database was made, "" if there is none yet.
func (s *Store) KeyCheck(ctx context.Context) (string, error) {
	var sealed string
	err := s.db.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'key_check'`).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return sealed, err
}

// SetKeyCheck keeps the text that a later start opens to see that it has the same master key. Where another process
// was faster it returns controlplane.ErrConflict.
func (s *Store) SetKeyCheck(ctx context.Context, sealed string) error {
	_, err := s.exec(ctx, `INSERT INTO meta (name, value) VALUES ('key_check', $1)`, sealed)
	if unique(err) {
		return controlplane.ErrConflict
	}
	return err
}

// ReleaseAll ends every lease: who held it died with the process that owned the database before. Clients may live:
// their holds last until heldUntil at most, by when they have asked again. A database that several processes share has no
// such owner: there, leases end by time.
func (s *Store) ReleaseAll(ctx context.Context, heldUntil time.Time) error {
	_, err := s.exec(ctx, `UPDATE backups SET lease_until = 0, held_until = CASE WHEN held_until > $1 THEN $1 ELSE held_until END
		WHERE lease_until > 0 OR held_until > $1`, millis(heldUntil))
	return err
}

// schema returns the migrations in order; the schema's version is their count.
func schema() []string {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is constant
	}
	return names
}

func schemaError(version int) error {
	return fmt.Errorf("%w: its schema is %d and this program knows %d: use a newer version of the program", ErrSchema, version, len(schema()))
}

// asker asks the database, in a transaction or outside.
type asker interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// schemaVersion is 0 for a database without tables.
func (s *Store) schemaVersion(ctx context.Context, from asker) (int, error) {
	var tables int
	if err := from.QueryRowContext(ctx, s.dialect.hasMeta).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	var version string
	err := from.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'schema_version'`).Scan(&version)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(version)
}

// migrate brings the schema to this program's version, each migration in a transaction of its own. Other processes
// may be at it too.
func (s *Store) migrate(ctx context.Context, now time.Time) error {
	version, err := s.schemaVersion(ctx, s.db)
	for err == nil && version < len(schema()) {
		err = s.tx(ctx, func(tx *sql.Tx) error {
			version, err = s.migrateOnce(ctx, tx, now)
			return err
		})
	}
	if err == nil && version > len(schema()) {
		return schemaError(version)
	}
	return err
}

// migrateOnce makes the next migration and returns the version that the schema has then.
func (s *Store) migrateOnce(ctx context.Context, tx *sql.Tx, now time.Time) (int, error) {
	if lock := s.dialect.migrationLock; lock != "" {
		if _, err := tx.ExecContext(ctx, lock); err != nil {
			return 0, err
		}
	}
	version, err := s.schemaVersion(ctx, tx) // again: another process may have migrated before the lock was ours
	if err != nil || version >= len(schema()) {
		return version, err
	}
	name := schema()[version]
	script, err := migrations.ReadFile(name)
	if err != nil {
		return version, err
	}
	if _, err := tx.ExecContext(ctx, string(script)); err != nil {
		return version, fmt.Errorf("migrate with %s: %w", name, err)
	}
	if version == 0 {
		if _, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ('control_plane_id', $1), ('schema_version', '0')`, controlplane.NewID(now)); err != nil {
			return version, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE meta SET value = $1 WHERE name = 'schema_version'`, strconv.Itoa(version+1))
	return version + 1, err
}

// notFound translates SQL's word for it.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return controlplane.ErrNotFound
	}
	return err
}

// hit returns miss unless the statement changed a row.
func hit(r sql.Result, err, miss error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return miss
	}
	return err
}

// query builds a statement with numbered parameters.
type query struct {
	text strings.Builder
	args []any
}

// add appends text, its every "?" replaced by the number of the next argument.
func (q *query) add(text string, args ...any) {
	for _, a := range args {
		if s, ok := a.(string); ok {
			a = storable(s)
		}
		q.args = append(q.args, a)
		text = strings.Replace(text, "?", "$"+strconv.Itoa(len(q.args)), 1)
	}
	q.text.WriteString(text)
}

// in appends "column IN (...)".
func in[T ~string](q *query, column string, values []T) {
	q.add(" AND " + column + " IN (")
	for i, v := range values {
		if i > 0 {
			q.add(", ")
		}
		q.add("?", string(v))
	}
	q.add(")")
}

// storable is the text as every database can hold it: PostgreSQL knows no NUL and insists on UTF-8. Only what came
// from outside unchecked is changed by it.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// most is what one list may return: the largest page, and one more that tells whether others follow.
const most = 1001

func limit(n int) int {
	if n <= 0 || n > most {
		return most
	}
	return n
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
