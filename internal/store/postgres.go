package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// The connections of one process to PostgreSQL.
const (
	postgresConns    = 20 // one of them listens for wake-ups; the URL's pool_max_conns says otherwise
	connectTimeout   = 10 * time.Second
	idleConnsFor     = 5 * time.Minute
	oneConnForAtMost = time.Hour // lets a load balancer or a new password have its way
)

// OpenPostgres opens the PostgreSQL database that a URL names, and creates or migrates its tables. Several processes
// may have it open, and may open it at once. No error says the password.
//
// Whatever the URL leaves out comes from where every client of PostgreSQL has it: PGPASSWORD, PGPASSFILE, PGSERVICE.
func OpenPostgres(ctx context.Context, address string, now time.Time) (*Store, error) {
	return openPostgres(ctx, address, func(s *Store) error { return s.migrate(ctx, now) })
}

// JoinPostgres is OpenPostgres for who comes for a moment: it creates the tables where there are none, and refuses
// to migrate those of an older version under the feet of the processes at work.
func JoinPostgres(ctx context.Context, address string, now time.Time) (*Store, error) {
	return openPostgres(ctx, address, func(s *Store) error {
		version, err := s.schemaVersion(ctx, s.db)
		if err == nil && version > 0 && version < len(schema()) {
			return fmt.Errorf("%w: its schema is %d and this program's is %d: cloudaipilot serve of this version migrates it", ErrSchema, version, len(schema()))
		}
		if err != nil {
			return err
		}
		return s.migrate(ctx, now)
	})
}

func openPostgres(ctx context.Context, address string, prepare func(*Store) error) (*Store, error) {
	config, err := parsePostgres(address)
	if err != nil {
		return nil, err
	}
	conns, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", PostgresName(address), masked(err, secrets(address, config.ConnConfig.Password)))
	}
	s := &Store{db: pool{stdlib.OpenDBFromPool(conns)}, dialect: postgresDialect, conns: conns}
	if err = s.mustBeUTF8(ctx); err == nil {
		err = prepare(s)
	}
	if err == nil {
		err = s.readID(ctx)
	}
	if err != nil {
		_ = s.Close() // nothing was written that Close could lose
		return nil, fmt.Errorf("open database %s: %w", PostgresName(address), masked(err, secrets(address, config.ConnConfig.Password)))
	}
	return s, nil
}

// Conns returns the connections to PostgreSQL, nil on SQLite.
func (s *Store) Conns() *pgxpool.Pool { return s.conns }

// mustBeUTF8 refuses a database that could not hold every text.
func (s *Store) mustBeUTF8(ctx context.Context) error {
	var encoding string
	if err := s.db.DB.QueryRowContext(ctx, `SELECT current_setting('server_encoding')`).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s; make one with: createdb --template=template0 --encoding=UTF8", encoding)
	}
	return nil
}

// errPostgresURL repeats nothing of what was given: where a password has characters that break the URL, any part of
// it may be the password.
var errPostgresURL = errors.New("the database is not a URL such as postgres://user@host:5432/name; " +
	"in a password, characters such as / @ : # % are written as %XX, or it is left to PGPASSWORD or PGPASSFILE")

func parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errPostgresURL
	}
	return u, nil
}

func parsePostgres(address string) (*pgxpool.Config, error) {
	if _, err := parseURL(address); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", PostgresName(address), masked(err, secrets(address, "")))
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "cloudaipilot"
	}
	if !strings.Contains(address, "pool_max_conns=") {
		config.MaxConns = postgresConns
	}
	config.MaxConnIdleTime, config.MaxConnLifetime = idleConnsFor, oneConnForAtMost
	return config, nil
}

// PostgresName is a database's URL without its password and its options, for logs and errors.
func PostgresName(address string) string {
	u, err := parseURL(address)
	if err != nil {
		return "postgres://..."
	}
	name := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if user := u.User.Username(); user != "" {
		name.User = url.User(user)
	}
	return name.String()
}

// PostgresPassword reports whether a database's URL carries a password.
func PostgresPassword(address string) bool { return len(secrets(address, "")) > 0 }

// secrets returns the passwords of a URL in every form in which they could be repeated, and another one.
func secrets(address, another string) []string {
	found := []string{another}
	if u, err := parseURL(address); err == nil {
		password, _ := u.User.Password()
		found = append(found, password)
		for _, option := range []string{"password", "sslpassword"} {
			found = append(found, u.Query()[option]...)
		}
	}
	var all []string
	for _, secret := range found {
		if secret != "" {
			all = append(all, secret, url.QueryEscape(secret), url.PathEscape(secret), strings.TrimPrefix(url.UserPassword("", secret).String(), ":"))
		}
	}
	return all
}

// maskedError says the same as another error without its secrets.
type maskedError struct {
	error
	text string
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.error }

func masked(err error, secrets []string) error {
	text := err.Error()
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "xxxxx")
	}
	return &maskedError{error: err, text: text}
}
