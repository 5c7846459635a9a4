package ssh

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// left is what a job leaves that failed.
var left = []string{"job", "log", "progress", "result"}

func (s *server) startDatabases(id string, databases ...backup.Database) {
	s.t.Helper()
	_, err := s.host().Start(s.t.Context(), StartRequest{ID: id, Databases: databases})
	must(s.t, err)
}

// dump runs a job for databases to its end.
func (s *server) dump(id string, databases ...backup.Database) Result {
	s.t.Helper()
	s.startDatabases(id, databases...)
	return s.ended(id)
}

func (s *server) ended(id string) Result {
	s.t.Helper()
	status := s.await(id, ended)
	if status.Result == nil {
		s.t.Fatalf("the job died without a result, its log:\n%s", status.Log)
	}
	if !status.Result.OK {
		s.t.Logf("log: %s", status.Log)
	}
	return *status.Result
}

// unpack returns the folder that a job's archive was unpacked into.
func (s *server) unpack(id string) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, "unpacked-"+id)
	must(s.t, os.Mkdir(dir, 0o755))
	s.run("/bin/tar", "-xzf", s.fetch(id), "-C", dir)
	return dir
}

func (s *server) run(tool string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(tool, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s%s", tool, err, out, said.String())
	}
	return strings.TrimSpace(string(out))
}

// manifest is manifest.json, with everything it holds.
type manifest struct {
	Version   int
	Backup    string
	Databases []dumped
}

type dumped struct {
	Engine, Name, File, SHA256 string
	Size                       int64
	ServerVersion              string `json:"server_version"`
	ClientVersion              string `json:"client_version"`
	Started, Finished          string
	Globals                    *struct {
		File, SHA256  string
		Size          int64
		RolePasswords bool `json:"role_passwords"`
	}
}

// manifest reads the manifest of an unpacked archive, and holds what it says against the files.
func (s *server) manifest(id, dir string) []dumped {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	must(s.t, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var m manifest
	if err := decoder.Decode(&m); err != nil {
		s.t.Fatalf("manifest.json: %v\n%s", err, text)
	}
	if m.Version != 1 || m.Backup != id {
		s.t.Errorf("the manifest is version %d of %q", m.Version, m.Backup)
	}
	for _, d := range m.Databases {
		file := filepath.Join(dir, d.File)
		info, err := os.Stat(file)
		must(s.t, err)
		if info.Size() != d.Size || sha256File(s.t, file) != d.SHA256 || info.Mode().Perm() != 0o600 {
			s.t.Errorf("%s: %v with %d bytes, the manifest says %+v", d.File, info.Mode(), info.Size(), d)
		}
		if d.Started == "" || d.Finished < d.Started {
			s.t.Errorf("%s: from %q to %q", d.File, d.Started, d.Finished)
		}
	}
	return m.Databases
}

// check asks about one database.
func (s *server) check(d backup.Database) DatabaseReport {
	s.t.Helper()
	report, err := s.host().Check(s.t.Context(), CheckRequest{Databases: []backup.Database{d}})
	must(s.t, err)
	return report.Databases[0]
}

// postgres is a database of the tests' server, as a backup names it.
func postgres(p *testbed.Postgres, address string) backup.Database {
	u, _ := url.Parse(address)
	return backup.Database{Engine: backup.EnginePostgreSQL, Name: strings.TrimPrefix(u.Path, "/"), Host: "127.0.0.1", Port: p.Port, User: u.User.Username()}
}

const postgresContents = `
CREATE TABLE account (id serial PRIMARY KEY, name text NOT NULL, photo bytea);
CREATE INDEX account_name ON account (lower(name));
INSERT INTO account (name, photo) SELECT 'account ''' || n || '''', decode(md5(n::text), 'hex') || '\x00ff'::bytea FROM generate_series(1, 5000) n;
SELECT setval('account_id_seq', 7777);
CREATE VIEW loud AS SELECT upper(name) AS name FROM account;
SELECT lo_from_bytea(4711, decode(repeat('00ff27', 3000), 'hex'));`

// postgresState is everything of it that must come back.
const postgresState = `
SELECT count(*), md5(string_agg(id || name || encode(photo, 'hex'), ',' ORDER BY id)) FROM account;
SELECT last_value FROM account_id_seq;
SELECT indexdef FROM pg_indexes WHERE tablename = 'account' ORDER BY 1;
SELECT count(*) FROM loud;
SELECT md5(lo_get(4711));`

func TestPostgresComesBack(t *testing.T) {
	t.Parallel()
	pg := testbed.SharedPostgres(t)
	source := pg.Database()
	pg.Query(source, postgresContents)
	want := pg.Query(source, postgresState)
	forEachFlavour(t, func(t *testing.T, s *server) {
		source := postgres(pg, source)
		if report := s.check(source); report.State != DatabaseOK || report.Server != report.Client || report.Size < 1<<20 || report.Tool != "pg_dump" || report.Login == "" {
			t.Errorf("check says %+v", report)
		}
		if result := s.dump(jobA, source); !result.OK {
			t.Fatalf("unexpected result %+v", result)
		}
		dir := s.unpack(jobA)
		d := s.manifest(jobA, dir)
		if len(d) != 1 || d[0].Name != source.Name || d[0].Engine != "postgresql" || d[0].File != "databases/01-postgresql-"+source.Name+".dump" || d[0].ServerVersion == "" {
			t.Fatalf("manifest %+v", d)
		}
		copied := testbed.SharedPostgres(t).Database()
		s.run("pg_restore", "--exit-on-error", "--dbname="+copied, filepath.Join(dir, d[0].File))
		if diff := cmp.Diff(want, pg.Query(copied, postgresState)); diff != "" {
			t.Errorf("what came back (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(append([]string{"archive.tar.gz"}, left...), s.files(jobA)); diff != "" {
			t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
		}
	})
}

// hostile is a name that the rules allow, and that shells and clients like to take apart.
const hostile = "a $HOME b-$1 .x"

func TestDatabaseWithAHostileNameComesBack(t *testing.T) {
	t.Parallel()
	pg := testbed.SharedPostgres(t)
	forEachFlavour(t, func(t *testing.T, s *server) {
		source := postgres(pg, pg.Database())
		old := source.Name
		source.Name = hostile + " " + old
		pg.Query("postgres", `ALTER DATABASE "`+old+`" RENAME TO "`+source.Name+`"`)
		t.Cleanup(func() { pg.Query("postgres", `ALTER DATABASE "`+source.Name+`" RENAME TO "`+old+`"`) })
		pg.Query(source.Name, "CREATE TABLE t AS SELECT 42 AS n")
		if result := s.dump(jobA, source); !result.OK {
			t.Fatalf("unexpected result %+v", result)
		}
		dir := s.unpack(jobA)
		d := s.manifest(jobA, dir)[0]
		if d.Name != source.Name || d.File != "databases/01-postgresql-a__HOME_b-_1_.x_"+old+".dump" {
			t.Errorf("manifest %+v", d)
		}
		if list := s.run("pg_restore", "--list", filepath.Join(dir, d.File)); !strings.Contains(list, "TABLE DATA public t") {
			t.Errorf("the dump holds\n%s", list)
		}
	})
}

func TestGlobalsComeWithTheDatabase(t *testing.T) {
	t.Parallel()
	pg := testbed.SharedPostgres(t)
	role := "role of " + strconv.Itoa(os.Getpid())
	pg.Query("postgres", `CREATE ROLE "`+role+`" LOGIN PASSWORD 'secret'`)
	t.Cleanup(func() { pg.Query("postgres", `DROP ROLE "`+role+`"`) })
	address := pg.Database()
	forEachFlavour(t, func(t *testing.T, s *server) {
		all := postgres(pg, address)
		all.Globals = true
		part := all
		part.User = role
		if report := s.check(part); report.State != DatabaseOK || !cmp.Equal(report.Unseen, []string{"roles"}) || report.Login != role {
			t.Errorf("check says %+v", report)
		}
		for id, d := range map[string]backup.Database{jobA: all, jobB: part} {
			if result := s.dump(id, d); !result.OK {
				t.Fatalf("unexpected result %+v", result)
			}
			dir := s.unpack(id)
			globals := s.manifest(id, dir)[0].Globals
			if globals == nil || globals.RolePasswords != (id == jobA) {
				t.Fatalf("globals %+v", globals)
			}
			text, err := os.ReadFile(filepath.Join(dir, globals.File))
			must(t, err)
			if !strings.Contains(string(text), `CREATE ROLE "`+role+`"`) || strings.Contains(string(text), "SCRAM-SHA-256") != (id == jobA) {
				t.Errorf("globals of %s:\n%s", d.User, text)
			}
		}
	})
}

func TestDumpIsOneMomentOfADatabaseThatIsWrittenTo(t *testing.T) {
	t.Parallel()
	pg := testbed.SharedPostgres(t)
	address := pg.Database()
	// What goes in there goes out here, in one transaction: the sum is always 0.
	pg.Query(address, `CREATE TABLE here (n bigint); CREATE TABLE there (n bigint);
		INSERT INTO here VALUES (0); INSERT INTO there VALUES (0); CREATE TABLE ballast AS SELECT n, md5(n::text) FROM generate_series(1, 200000) n;`)
	s := newServer(t, flavours[0])
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				stopped <- n
				return
			default:
				pg.Query(address, "BEGIN; UPDATE here SET n = n - 1; UPDATE there SET n = n + 1; INSERT INTO here VALUES (-1); INSERT INTO there VALUES (1); COMMIT")
			}
		}
	}()
	before := pg.Query(address, "SELECT count(*) FROM here")
	result := s.dump(jobA, postgres(pg, address))
	close(stop)
	if n := <-stopped; n < 2 || !result.OK {
		t.Fatalf("%d transactions, %+v", n, result)
	}
	dir := s.unpack(jobA)
	copied := pg.Database()
	s.run("pg_restore", "--exit-on-error", "--dbname="+copied, filepath.Join(dir, s.manifest(jobA, dir)[0].File))
	if got := pg.Query(copied, "SELECT (SELECT sum(n) FROM here) + (SELECT sum(n) FROM there), (SELECT count(*) FROM here) - (SELECT count(*) FROM there)"); got != "0|0" {
		t.Errorf("the copy is of no one moment: %s", got)
	}
	if now := pg.Query(address, "SELECT count(*) FROM here"); now == before {
		t.Error("nothing was written meanwhile")
	}
}
