package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// CheckPostgresURL says what is wrong with a database's URL. It connects to nothing, and no error says the password.
func CheckPostgresURL(address string) error {
	_, err := parsePostgres(address)
	return err
}

// DumpPostgres has pg_dump write the database, as it is at one moment, into the file named to, and pg_restore read it
// back. It returns what was in the database at that moment; its records are checked if they are of this program's schema.
func DumpPostgres(ctx context.Context, address, to string) (c Checkup, err error) {
	client, err := newPostgresClient(address)
	if err != nil {
		return c, err
	}
	s, err := openPostgres(ctx, address, func(s *Store) error {
		c.Schema, err = s.readableVersion(ctx)
		return err
	})
	if err != nil {
		return c, err
	}
	defer s.Close()
	tx, err := s.db.BeginTx(ctx, snapshot)
	if err != nil {
		return c, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if err = c.inside(ctx, tx); err == nil {
		err = client.dump(ctx, tx, to)
	}
	if err == nil {
		err = client.readBack(ctx, to)
	}
	return c, err
}

// inside looks at what the transaction sees.
func (c *Checkup) inside(ctx context.Context, tx *sql.Tx) error {
	if c.Schema == len(schema()) {
		return c.checkAll(ctx, tx)
	}
	for table, count := range map[string]*int{"servers": &c.Servers, "backups": &c.Backups} {
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE deleted_at = 0").Scan(count); err != nil {
			return err
		}
	}
	return nil
}

// postgresClient starts PostgreSQL's programs for one database.
type postgresClient struct {
	url     string   // without any password
	env     []string // with it
	secrets []string
}

// notForLibpq are options of our driver that PostgreSQL's programs refuse, beside pool_*, and what means nothing to them.
var notForLibpq = []string{"default_query_exec_mode", "statement_cache_capacity", "description_cache_capacity", "search_path"}

func newPostgresClient(address string) (*postgresClient, error) {
	u, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	p := &postgresClient{secrets: secrets(address, ""), env: os.Environ()}
	password, given := u.User.Password()
	options := u.Query()
	if options.Has("sslpassword") {
		return nil, errors.New("the database's URL has an sslpassword, which pg_dump takes on its command line alone, where every process could see it: " +
			"name the key's password in a service file (PGSERVICE), or run pg_dump yourself")
	}
	if options.Has("password") {
		password, given = options.Get("password"), true
		options.Del("password")
	}
	for option := range options {
		if strings.HasPrefix(option, "pool_") || slices.Contains(notForLibpq, option) {
			options.Del(option)
		}
	}
	if given {
		p.env = slices.DeleteFunc(p.env, func(v string) bool { return strings.HasPrefix(v, "PGPASSWORD=") })
		p.env = append(p.env, "PGPASSWORD="+password)
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery = strings.ReplaceAll(options.Encode(), "+", "%20") // libpq knows no other space
	p.url = u.String()
	return p, nil
}

// dump writes what the transaction sees.
func (p *postgresClient) dump(ctx context.Context, tx *sql.Tx, to string) error {
	var moment, version string
	if err := tx.QueryRowContext(ctx, `SELECT pg_export_snapshot(), current_setting('server_version_num')`).Scan(&moment, &version); err != nil {
		return err
	}
	_, err := p.run(ctx, "pg_dump", "--format=custom", "--no-password", "--snapshot="+moment, "--file="+to, "--dbname="+p.url)
	if err == nil || errors.Is(err, exec.ErrNotFound) {
		return err
	}
	server, _ := strconv.Atoi(version)
	if program := p.major(ctx); program > 0 && program < server/10000 {
		return fmt.Errorf("%w\npg_dump is of version %d and the server of version %d: put a pg_dump of version %d or newer first on the PATH (Debian: postgresql-client-%d)",
			err, program, server/10000, server/10000, server/10000)
	}
	return err
}

// major is pg_dump's own version, 0 if it does not say.
func (p *postgresClient) major(ctx context.Context) int {
	said, err := p.run(ctx, "pg_dump", "--version") // "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
	fields := strings.Fields(said)
	if err != nil || len(fields) < 3 {
		return 0
	}
	number, _, _ := strings.Cut(fields[2], ".")
	major, _ := strconv.Atoi(number)
	return major
}

// dumpedTables must be in every dump.
var dumpedTables = []string{"meta", "servers", "backups", "activities"}

// readBack reads a dump from its first byte to its last, and looks for the tables in it.
func (p *postgresClient) readBack(ctx context.Context, dump string) error {
	list, err := p.run(ctx, "pg_restore", "--list", dump)
	if err != nil {
		return err
	}
	for _, table := range dumpedTables {
		if !slices.ContainsFunc(strings.Split(list, "\n"), func(line string) bool {
			return strings.Contains(line, " TABLE DATA ") && slices.Contains(strings.Fields(line), table)
		}) {
			return fmt.Errorf("pg_dump said it was done, and the table %s is not in what it wrote", table)
		}
	}
	_, err = p.run(ctx, "pg_restore", "--file="+os.DevNull, dump)
	return err
}

// run runs one of PostgreSQL's programs and returns what it printed. Its errors are the program's own words.
func (p *postgresClient) run(ctx context.Context, program string, args ...string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is needed and not on the PATH: install PostgreSQL's client programs, of the server's version or newer (Debian: apt-get install postgresql-client): %w", program, err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.WaitDelay = p.env, 10*time.Second
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		words := strings.TrimSpace(said.String())
		return "", masked(fmt.Errorf("%s: %w: %s", program, err, backup.Excerpt(strings.ReplaceAll(words, "\n", "; "), 2000)), p.secrets)
	}
	return out.String(), nil
}
