package ssh

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// honest is the beginning of a tool that lies: asked for its version, it is the real one.
const honest = `case "$*" in *--version*) exec REAL "$@" ;; esac; `

// testDatabases are one database of each engine, with enough in it that half of a dump is not all of it.
type testDatabases struct{ postgres, mariadb backup.Database }

func newTestDatabases(t *testing.T) testDatabases {
	t.Helper()
	pg, m := testbed.SharedPostgres(t), testbed.StartMariaDB(t)
	address, name := pg.Database(), m.Database()
	pg.Query(address, postgresContents)
	m.Query(name, mariadbContents)
	d := testDatabases{postgres(pg, address), mariadb(m, name)}
	d.postgres.Globals = true
	return d
}

func TestLiesAndFaultsOfTheDumpTools(t *testing.T) {
	t.Parallel()
	d := newTestDatabases(t)
	const pg, my, lite = 0, 1, 2
	tests := []struct {
		name, tool, text string
		engine           int
		want             Result // as far as it is compared
		log              string
	}{
		{"pg_dump writes half and says success", "pg_dump", honest + `REAL "$@" | head -c 60000; exit 0`, pg, Result{Problem: ProblemIncomplete}, "end of file"},
		{"pg_dump writes the list alone and says success", "pg_dump", honest + `REAL "$@" | head -c 7000; exit 0`, pg, Result{Problem: ProblemIncomplete}, ""},
		{"pg_dump writes nothing and says success", "pg_dump", honest + `exit 0`, pg, Result{Problem: ProblemIncomplete}, ""},
		{"pg_dump says an error", "pg_dump", honest + `REAL "$@"; echo "pg_dump broke" >&2; exit 1`, pg, Result{Problem: ProblemDump, ExitDump: 1}, "pg_dump broke"},
		{"pg_dump is killed", "pg_dump", honest + `REAL "$@" | head -c 20000; kill -9 $$`, pg, Result{Problem: ProblemDump, ExitDump: 137}, ""},
		{"pg_dumpall writes half and says success", "pg_dumpall", honest + `REAL "$@" | head -c 300; exit 0`, pg, Result{Problem: ProblemIncomplete}, ""},
		{"mariadb-dump writes half and says success", "mariadb-dump", honest + `REAL "$@" | head -c 60000; exit 0`, my, Result{Problem: ProblemIncomplete}, ""},
		{"mariadb-dump writes nothing and says success", "mariadb-dump", honest + `exit 0`, my, Result{Problem: ProblemIncomplete}, ""},
		{"mariadb-dump says an error", "mariadb-dump", honest + `REAL "$@"; echo "it broke" >&2; exit 2`, my, Result{Problem: ProblemDump, ExitDump: 2}, "it broke"},
		{"gzip cuts the dump short", "gzip", whenGzipMakes(`REAL -c | { head -c 20000; cat >/dev/null; }; exit 0`), my, Result{Problem: ProblemIncomplete}, ""},
		{"gzip says an error", "gzip", whenGzipMakes(`cat >/dev/null; exit 3`), my, Result{Problem: ProblemGzip, ExitGzip: 3}, ""},
		{"sqlite3 copies half and says success", "sqlite3", `REAL "$@" || exit; case "$*" in *.backup*) head -c 90000 copy.db >half; mv half copy.db ;; esac; exit 0`, lite, Result{Problem: ProblemDamaged}, "integrity_check"},
		{"sqlite3 copies nothing and says success", "sqlite3", `case "$*" in *.backup*) exit 0 ;; esac; exec REAL "$@"`, lite, Result{Problem: ProblemIncomplete}, ""},
		{"sqlite3 says an error", "sqlite3", `case "$*" in *.backup*) echo "disk I/O error" >&2; exit 1 ;; esac; exec REAL "$@"`, lite, Result{Problem: ProblemDump, ExitDump: 1}, "disk I/O error"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			forEachToolset(t, func(t *testing.T, s *server) {
				database := d.postgres
				switch test.engine {
				case my:
					database = d.mariadb
				case lite:
					database = s.sqliteDatabase("app.db")
				}
				if test.tool == "pg_dumpall" { // it is taken from beside pg_dump
					s.fake("pg_dump", `exec REAL "$@"`)
				}
				s.fake(test.tool, test.text)
				got := s.dump(jobA, database)
				if got.OK || got.Stage != StageDump || got.Problem != test.want.Problem || got.Database != 1 ||
					max(got.ExitDump, 0) != test.want.ExitDump && test.want.ExitDump != 0 || max(got.ExitGzip, 0) != test.want.ExitGzip {
					t.Errorf("result %+v, want %+v", got, test.want)
				}
				status, err := s.host().Status(t.Context(), jobA)
				must(t, err)
				if !strings.Contains(status.Log, test.log) {
					t.Errorf("the log lacks %q:\n%s", test.log, status.Log)
				}
				if diff := cmp.Diff(left, s.files(jobA)); diff != "" {
					t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
				}
				s.awaitNoGroup(status.Job.PID)
			})
		})
	}
}

func TestFullHoldsFilesAndDatabases(t *testing.T) {
	t.Parallel()
	d := newTestDatabases(t)
	forEachFlavour(t, func(t *testing.T, s *server) {
		source := filepath.Join(s.dir, "source")
		must(t, os.Mkdir(source, 0o755))
		testbed.Tree(t, source)
		databases := []backup.Database{d.postgres, d.mariadb, s.sqliteDatabase("app.db")}
		_, err := s.host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{source}, Databases: databases,
			Exclude: []string{"databases", "manifest.json", "*.dump", "*.sql.gz", "0?-*"}}) // of files, never of dumps
		must(t, err)
		if result := s.ended(jobA); !result.OK {
			t.Fatalf("unexpected result %+v", result)
		}
		archive := s.fetch(jobA)
		testbed.CompareTar(t, archive, source)
		dir := s.unpack(jobA)
		var engines []string
		for _, d := range s.manifest(jobA, dir) {
			engines = append(engines, d.Engine)
		}
		if diff := cmp.Diff([]string{"postgresql", "mariadb", "sqlite"}, engines); diff != "" {
			t.Errorf("databases in the manifest (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(append([]string{"archive.tar.gz"}, left...), s.files(jobA)); diff != "" {
			t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
		}
	})
}

func TestPostgresThatCannotBeDumped(t *testing.T) {
	t.Parallel()
	pg := testbed.NewPostgres(t)
	address := pg.Database()
	pg.Query(address, postgresContents+`
		CREATE ROLE poor LOGIN; CREATE ROLE locked LOGIN PASSWORD 'open sesame'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO locked;
		GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO locked; GRANT SELECT ON LARGE OBJECT 4711 TO locked;`)
	pg.Rules("local all all peer", "host all locked 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust") //nolint:dupword // pg_hba.conf
	s := newServer(t, flavours[0])
	with := func(change func(*backup.Database)) backup.Database {
		d := postgres(pg, address)
		change(&d)
		return d
	}
	locked := with(func(d *backup.Database) { d.User = "locked" })
	tests := map[string]struct {
		database backup.Database
		want     DatabaseState
		says     string
	}{
		"no such database": {with(func(d *backup.Database) { d.Name = "nowhere" }), DatabaseConnect, `database "nowhere" does not exist`},
		"no such role":     {with(func(d *backup.Database) { d.User = "nobody" }), DatabaseConnect, `role "nobody" does not exist`},
		"no rights":        {with(func(d *backup.Database) { d.User = "poor" }), DatabaseRights, "public.account, public.account_id_seq"},
		"not its account":  {with(func(d *backup.Database) { d.Host = pg.SocketDir(); d.User = "poor" }), DatabaseConnect, "Peer authentication failed"},
		"no password":      {locked, DatabaseConnect, "no password supplied"},
		"nothing listens":  {with(func(d *backup.Database) { d.Port = 1 }), DatabaseConnect, "Connection refused"},
		"no such host":     {with(func(d *backup.Database) { d.Host = "nowhere.invalid" }), DatabaseConnect, "could not translate host name"},
		"no such account":  {with(func(d *backup.Database) { d.RunAs = "nobody-of-this-name" }), DatabaseAccount, "nobody-of-this-name"},
	}
	for what, test := range tests {
		if got := s.check(test.database); got.State != test.want || !strings.Contains(got.Detail, test.says) {
			t.Errorf("%s: %+v, want %s", what, got, test.want)
		}
	}
	if result := s.dump(jobA, with(func(*backup.Database) {}), tests["no rights"].database); result.Problem != ProblemDatabase || result.Database != 2 || result.DatabaseState != DatabaseRights {
		t.Errorf("unexpected result %+v", result)
	}
	if diff := cmp.Diff(left, s.files(jobA)); diff != "" {
		t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
	}
	must(t, os.WriteFile(filepath.Join(s.dir, ".pgpass"), fmt.Appendf(nil, "127.0.0.1:%d:*:locked:open sesame\n", pg.Port), 0o600))
	if result := s.dump(jobB, locked); !result.OK {
		t.Errorf("with a line in .pgpass: %+v", result)
	}
}

func TestVersionsAreHeldAgainstEachOther(t *testing.T) {
	t.Parallel()
	pg := testbed.SharedPostgres(t)
	d := postgres(pg, pg.Database())
	// pretend has the server say another version.
	pretend := func(s *server, major int) {
		s.fake("psql", fmt.Sprintf(`REAL "$@" | sed 's/^cloudaipilot|[0-9]*|[^|]*|/cloudaipilot|%d0003|%d.3|/'`, major, major))
	}
	t.Run("no pg_dump is new enough", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, flavours[0])
		pretend(s, 99)
		if got := s.check(d); got.State != DatabaseClientOld || got.Server != "99.3" || got.Client == "" {
			t.Errorf("check says %+v", got)
		}
		if got := s.dump(jobA, d); got.Problem != ProblemDatabase || got.DatabaseState != DatabaseClientOld || got.ServerVersion != "99.3" {
			t.Errorf("unexpected result %+v", got)
		}
	})
	t.Run("the one on the PATH is too old, another is not", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, flavours[0])
		s.fake("pg_dump", `echo "pg_dump (PostgreSQL) 9.6.24"`)
		if got := s.dump(jobA, d); !got.OK {
			t.Errorf("unexpected result %+v", got)
		}
		if got := s.manifest(jobA, s.unpack(jobA))[0]; got.ClientVersion == "9.6.24" {
			t.Errorf("dumped by %s", got.ClientVersion)
		}
	})
}

func TestMissingDatabaseToolIsNamed(t *testing.T) {
	t.Parallel()
	for tool, engine := range map[string]backup.Engine{"sqlite3": backup.EngineSQLite, "psql": backup.EnginePostgreSQL} {
		s := newServer(t, flavours[0])
		path, err := exec.LookPath(tool)
		must(t, err)
		others, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + tool)
		s.hidden(append(others, path)...)
		if got := s.check(backup.Database{Engine: engine, Name: map[backup.Engine]string{backup.EngineSQLite: "/x.db", backup.EnginePostgreSQL: "app"}[engine]}); got.State != DatabaseToolMissing || got.Detail != tool {
			t.Errorf("check says %+v", got)
		}
	}
}

// lock holds a table of a database so that no dump gets past it, until the test ends.
func lock(t *testing.T, pg *testbed.Postgres, address string) {
	t.Helper()
	cmd := exec.Command("psql", "-X", address, "-c", "BEGIN", "-c", "LOCK TABLE account IN ACCESS EXCLUSIVE MODE", "-c", "SELECT pg_sleep(600)")
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	waitFor(t, "the lock", func() bool {
		return pg.Query(address, "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'account'::regclass") == "1"
	})
}

func TestJobsThatEndInADumpLeaveNothing(t *testing.T) {
	t.Parallel()
	pg := testbed.SharedPostgres(t)
	address := pg.Database()
	pg.Query(address, postgresContents)
	lock(t, pg, address)
	dumps := func() string {
		return pg.Query("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND datname = '"+postgres(pg, address).Name+"'")
	}
	ends := map[string]struct {
		end  func(*server, JobID) error
		want string // the problem; "none": no result
	}{
		"cancelled":    {func(s *server, _ JobID) error { return s.host().Cancel(s.t.Context(), jobA) }, ProblemCancelled},
		"killed":       {func(s *server, j JobID) error { _, err := s.host().Kill(s.t.Context(), jobA, j); return err }, ProblemTerminated},
		"shell killed": {func(_ *server, j JobID) error { return syscall.Kill(j.PID, syscall.SIGKILL) }, "none"},
	}
	for what, test := range ends { // one after the other: they count the same dumps
		for _, f := range toolsets {
			t.Run(what+" "+f.name, func(t *testing.T) {
				s := newServer(t, f)
				s.startDatabases(jobA, postgres(pg, address))
				status := s.await(jobA, func(status Status) bool { return status.Step == StageDump && status.Database == 1 && dumps() == "1" })
				must(t, test.end(s, status.Job))
				status = s.await(jobA, ended)
				s.awaitNoGroup(status.Job.PID)
				got := "none"
				if status.Result != nil {
					got = status.Result.Problem
				}
				if got != test.want {
					t.Errorf("it ended with %s, want %s", got, test.want)
				}
				for _, name := range []string{"staging", "archive.tar.gz", "archive.tar.gz.partial", "hold.fifo"} {
					if slices.Contains(s.files(jobA), name) {
						t.Errorf("%s is left: %q", name, s.files(jobA))
					}
				}
				waitFor(t, "the end of pg_dump", func() bool { return dumps() == "0" })
			})
		}
	}
}

// A dump of terabytes is read for hours before it counts.
func TestCancelWhileADumpIsChecked(t *testing.T) {
	t.Parallel()
	pg := testbed.SharedPostgres(t)
	source := postgres(pg, pg.Database())
	forEachToolset(t, func(t *testing.T, s *server) {
		s.fake("pg_dump", `exec REAL "$@"`) // from beside which the other is taken
		s.fake("pg_restore", `: >"`+s.dir+`/reading"; exec sleep 600`)
		s.startDatabases(jobA, source)
		waitFor(t, "the check", func() bool { _, err := os.Stat(s.dir + "/reading"); return err == nil })
		must(t, s.host().Cancel(t.Context(), jobA))
		if result := s.ended(jobA); result.Problem != ProblemCancelled {
			t.Errorf("unexpected result %+v", result)
		}
		if diff := cmp.Diff(append([]string{".cancel"}, left...), s.files(jobA)); diff != "" {
			t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
		}
	})
}

func TestFullDiskInADumpEndsTheJobAndFreesTheSpace(t *testing.T) {
	t.Parallel()
	pg := testbed.SharedPostgres(t)
	address := pg.Database()
	pg.Query(address, "CREATE TABLE noise AS SELECT n, md5(n::text) || md5((n + 1)::text) FROM generate_series(1, 100000) n")
	d := newTestDatabases(t)
	forEachToolset(t, func(t *testing.T, s *server) {
		databases := map[string]backup.Database{jobA: postgres(pg, address), jobB: s.sqliteDatabase("app.db")}
		s.root = filepath.Join(testbed.Tmpfs(t, 2<<20), "backups")
		for id, database := range databases {
			result := s.dump(id, d.mariadb, database)
			if result.Problem != ProblemDump || result.Database != 2 || result.Stage != StageDump {
				t.Errorf("unexpected result %+v", result)
			}
			status, err := s.host().Status(t.Context(), id)
			must(t, err)
			if !strings.Contains(status.Log, "No space left on device") && !strings.Contains(status.Log, "disk is full") {
				t.Errorf("the log does not say why:\n%s", status.Log)
			}
			if left := result.Left; left == nil || left.Bytes > 256<<10 || status.Bytes < 1<<19 {
				t.Errorf("it failed with %+v left and %d bytes written", left, status.Bytes)
			}
			if status.FreeBytes < 1<<20 {
				t.Errorf("%d bytes are free, the dumps were not removed", status.FreeBytes)
			}
			if diff := cmp.Diff(left, s.files(id)); diff != "" {
				t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
			}
		}
	})
}

// hidden has the server see none of these files: what runs there does so in a file system of its own.
func (s *server) hidden(files ...string) {
	s.t.Helper()
	hide := "true"
	for _, file := range files {
		hide += " && mount --bind /dev/null " + file
	}
	if out, err := exec.Command("unshare", "--mount", "sh", "-c", hide).CombinedOutput(); err != nil {
		s.t.Skipf("mounting is not allowed here: %v %s", err, out)
	}
	must(s.t, os.Remove(filepath.Join(s.bin, "sh")))
	must(s.t, os.WriteFile(filepath.Join(s.bin, "sh"), fmt.Appendf(nil, "#!/bin/sh\nexec unshare --mount /bin/sh -c '%s; exec %s \"$@\"' sh \"$@\"\n", hide, s.shell), 0o755))
}

func TestRootBecomesTheAccountWithAndWithoutSudo(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("becoming another account needs root")
	}
	pg := testbed.NewPostgres(t)
	account := pg.Account()
	address := pg.Database()
	pg.Query(address, postgresContents+`CREATE ROLE "`+account+`" SUPERUSER LOGIN`)
	pg.Rules("local all all peer") //nolint:dupword // pg_hba.conf
	for _, sudo := range []bool{true, false} {
		s := newServer(t, flavours[0])
		if !sudo {
			path, err := exec.LookPath("sudo")
			must(t, err)
			s.hidden(path)
		}
		// The application's own database too, whose folder nobody else may enter.
		d := s.sqliteDatabase("app.db")
		folder := filepath.Join(s.dir, "app")
		must(t, os.Mkdir(folder, 0o700))
		must(t, os.Rename(d.Name, filepath.Join(folder, "app.db")))
		d.Name, d.RunAs = filepath.Join(folder, "app.db"), account
		s.run("chown", "-R", account, folder)
		must(t, os.Chmod(s.dir, 0o755))

		served := postgres(pg, address)
		served.RunAs, served.User, served.Host = account, "", pg.SocketDir()
		if result := s.dump(jobA, served, d); !result.OK {
			t.Fatalf("sudo %v: unexpected result %+v", sudo, result)
		}
		dir := s.unpack(jobA)
		m := s.manifest(jobA, dir)
		if got := s.run("sqlite3", filepath.Join(dir, m[1].File), "SELECT count(*) FROM ballast"); got != "20000" {
			t.Errorf("the copy holds %s rows", got)
		}
		if aside, _ := filepath.Glob("/tmp/cloudaipilot.*"); len(aside) > 0 {
			t.Errorf("the account's own copy is left: %q", aside)
		}
		entries, err := os.ReadDir(folder)
		must(t, err)
		for _, entry := range entries { // what root opened would lock the application out
			if owner := s.run("stat", "-c", "%U", filepath.Join(folder, entry.Name())); owner != account {
				t.Errorf("%s belongs to %s", entry.Name(), owner)
			}
		}
	}
}
