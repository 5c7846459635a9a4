package app

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// databaseServer is a server with databases: the login may become the account of PostgreSQL, which logs in by its name.
type databaseServer struct {
	t      *testing.T
	c      *apiclient.Client
	sshd   *testbed.SSHD
	pg     *testbed.Postgres
	server api.Server
	app    backup.Database
}

func newDatabaseServer(t *testing.T) *databaseServer {
	t.Helper()
	pg := testbed.NewPostgres(t)
	account := pg.Account()
	address := pg.Database()
	pg.Query(address, `CREATE ROLE "`+account+`" SUPERUSER LOGIN; CREATE TABLE account AS SELECT n, md5(n::text) AS name FROM generate_series(1, 1000) n`)
	pg.Rules("local all all peer") //nolint:dupword // pg_hba.conf
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s := &databaseServer{t: t, pg: pg, sshd: testbed.StartSSHD(t, testbed.SSHDOptions{Sudo: true, SudoTo: account}),
		app: backup.Database{Engine: backup.EnginePostgreSQL, Name: strings.TrimPrefix(u.Path, "/"), RunAs: account, Host: pg.SocketDir(), Port: pg.Port}}
	_, s.c = process(t, filepath.Join(t.TempDir(), "data"))
	if s.server, err = s.c.CreateServer(t.Context(), login(s.sshd, s.sshd.BackupDir)); err != nil {
		t.Fatal(err)
	}
	s.sshd.Authorize(s.server.PublicKey)
	return s
}

func (s *databaseServer) create(in api.BackupInput) api.Backup {
	s.t.Helper()
	b, err := s.c.CreateBackup(s.t.Context(), s.server.ID, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *databaseServer) await(id string) api.Backup {
	s.t.Helper()
	b, err := s.c.WaitForBackup(s.t.Context(), id, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// download returns the archive of a backup, and the folder that it was unpacked into.
func (s *databaseServer) download(id string) (archive, dir string) {
	s.t.Helper()
	dir = s.t.TempDir()
	archive = filepath.Join(s.t.TempDir(), "archive.tar.gz")
	file, err := os.Create(archive)
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	if _, err := s.c.Download(s.t.Context(), id, file); err != nil {
		s.t.Fatal(err)
	}
	if out, err := exec.Command("tar", "-xzf", archive, "-C", dir).CombinedOutput(); err != nil {
		s.t.Fatalf("unpack: %v\n%s", err, out)
	}
	return archive, dir
}

func TestFullBackupOfAnotherAccountsDatabase(t *testing.T) {
	t.Parallel()
	s := newDatabaseServer(t)
	source := s.sshd.Dir("source")
	testbed.Tree(t, source)
	chownTree(t, s.sshd, source)
	s.app.Globals = true
	for _, in := range []api.BackupInput{
		{Type: "database", Databases: []backup.Database{s.app}},
		{Type: "full", Files: &backup.FilesSource{Include: []string{source}}, Databases: []backup.Database{s.app}},
	} {
		b := s.await(s.create(in).ID)
		if b.Status != "completed" || len(b.Warnings) > 0 {
			t.Fatalf("%s: %s, warnings %q, failure %+v", in.Type, b.Status, b.Warnings, b.Failure)
		}
		archive, dir := s.download(b.ID)
		if in.Type == "full" {
			testbed.CompareTar(t, archive, source)
		}
		dumps, _ := filepath.Glob(filepath.Join(dir, "databases", "01-postgresql-*.dump"))
		globals, _ := filepath.Glob(filepath.Join(dir, "databases", "*.globals.sql"))
		if len(dumps) != 1 || len(globals) != 1 {
			t.Fatalf("dumps %q, globals %q", dumps, globals)
		}
		list, err := exec.Command("pg_restore", "--list", dumps[0]).CombinedOutput()
		if err != nil || !bytes.Contains(list, []byte("TABLE DATA public account")) {
			t.Errorf("the dump: %v\n%s", err, list)
		}
		left, err := os.ReadDir(filepath.Join(s.sshd.BackupDir, b.ID))
		if err != nil || len(left) != 5 {
			t.Errorf("left on the server: %v, %v", left, err)
		}
	}
}

// chownTree gives what is in a folder to the login user.
func chownTree(t *testing.T, sshd *testbed.SSHD, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		sshd.Own(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDatabaseThatCannotBeDumpedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newDatabaseServer(t)
	with := func(change func(*backup.Database)) backup.Database {
		d := s.app
		change(&d)
		return d
	}
	tests := map[string]struct {
		database    backup.Database
		class, says string
	}{
		"no such database":  {with(func(d *backup.Database) { d.Name = "nowhere" }), "db_not_found", "nowhere"},
		"no sudo rule":      {with(func(d *backup.Database) { d.RunAs = "mail" }), "sudo_password_required", s.sshd.User + " ALL=(mail) NOPASSWD: /bin/sh"},
		"not its own name":  {with(func(d *backup.Database) { d.User = "somebody" }), "db_auth_failed", "asked by account " + s.app.RunAs},
		"without run_as":    {with(func(d *backup.Database) { d.RunAs = "" }), "db_auth_failed", s.sshd.User},
		"nothing listens":   {with(func(d *backup.Database) { d.Host, d.Port = "127.0.0.1", 1 }), "db_unreachable", "127.0.0.1 port 1"},
		"no such SQLite":    {backup.Database{Engine: backup.EngineSQLite, Name: "/nowhere/x.db"}, "path_not_found", "/nowhere/x.db"},
		"no MySQL's server": {backup.Database{Engine: backup.EngineMySQL, Name: "x", Host: "/nowhere"}, "db_unreachable", "the socket in /nowhere"},
	}
	for name, test := range tests {
		b := s.await(s.create(api.BackupInput{Type: "database", Databases: []backup.Database{test.database}}).ID)
		if b.Status != "failed" || b.Failure == nil {
			t.Errorf("%s: %s", name, b.Status)
			continue
		}
		if said := b.Failure.Cause + strings.Join(b.Failure.Fix, "\n"); b.Failure.Class != test.class || !strings.Contains(said, test.says) {
			t.Errorf("%s: class %s, want %s that says %q: %s", name, b.Failure.Class, test.class, test.says, said)
		}
	}
	if left, _ := os.ReadDir(s.sshd.BackupDir); len(left) > 0 {
		t.Errorf("left on the server: %v", left)
	}
}

// The login user may signal nothing that runs as PostgreSQL's account, and yet the dump has to end.
func TestCancelEndsADumpOfAnotherAccount(t *testing.T) {
	t.Parallel()
	s := newDatabaseServer(t)
	ctx, unlock := context.WithCancel(t.Context())
	locked := make(chan struct{})
	go func() {
		defer close(locked)
		cmd := exec.CommandContext(ctx, "sudo", "-n", "-u", s.app.RunAs, "psql", "-X", "-h", s.app.Host, "-p", strconv.Itoa(s.app.Port), "-d", s.app.Name,
			"-c", "BEGIN", "-c", "LOCK TABLE account IN ACCESS EXCLUSIVE MODE", "-c", "SELECT pg_sleep(300)")
		_ = cmd.Run()
	}()
	defer func() { unlock(); <-locked }()
	asked := func(sql string) string { return s.pg.Query(s.app.Name, sql) }
	const dumps = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump'"
	until(t, "the lock", func() bool {
		return asked("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'account'::regclass") == "1"
	})

	b := s.create(api.BackupInput{Type: "database", Databases: []backup.Database{s.app}})
	var steps []string
	until(t, "the dump", func() bool {
		now, err := s.c.Backup(t.Context(), b.ID)
		if err == nil && !slices.Contains(steps, now.Progress.Step) {
			steps = append(steps, now.Progress.Step)
		}
		return now.Progress.Step == "dump "+s.app.Name && asked(dumps) == "1"
	})
	if _, err := s.c.CancelBackup(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	if b = s.await(b.ID); b.Status != "failed" || b.Failure.Class != "cancelled" {
		t.Errorf("%s, %+v; steps %q", b.Status, b.Failure, steps)
	}
	until(t, "the end of the dump", func() bool { return asked(dumps) == "0" })
	if left, _ := os.ReadDir(s.sshd.BackupDir); len(left) > 0 {
		t.Errorf("left on the server: %v", left)
	}
}

func TestTablesOutsideTheTransactionAreNamedInAWarning(t *testing.T) {
	t.Parallel()
	m := testbed.StartMariaDB(t)
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	name := m.Database()
	m.Query(name, "CREATE TABLE a (n int) ENGINE = InnoDB; CREATE TABLE b (n int) ENGINE = MyISAM; CREATE TABLE c (n int) ENGINE = MyISAM")
	m.Query("", "CREATE USER IF NOT EXISTS '"+sshd.User+"'@'localhost' IDENTIFIED VIA unix_socket; GRANT SELECT, SHOW VIEW, EVENT ON `"+name+"`.* TO '"+sshd.User+"'@'localhost'")
	_, c := process(t, filepath.Join(t.TempDir(), "data"))
	server, err := c.CreateServer(t.Context(), login(sshd, sshd.BackupDir))
	if err != nil {
		t.Fatal(err)
	}
	sshd.Authorize(server.PublicKey)
	b, err := c.CreateBackup(t.Context(), server.ID, api.BackupInput{Type: "database", Databases: []backup.Database{{Engine: backup.EngineMariaDB, Name: name, Host: m.SocketDir()}}})
	if err == nil {
		b, err = c.WaitForBackup(t.Context(), b.ID, nil)
	}
	if err != nil || b.Status != "completed" {
		t.Fatalf("%s %+v %v", b.Status, b.Failure, err)
	}
	want := []string{
		"triggers of " + name + " may be missing: the login does not seem to have the right TRIGGER",
		"stored routines of " + name + " may be missing: the login does not seem to have the right to see them",
		"these tables of " + name + " are not transactional, so they are not of the same moment as the others: b, c",
	}
	if diff := cmp.Diff(want, b.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
