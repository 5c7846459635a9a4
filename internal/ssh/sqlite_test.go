package ssh

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// sqliteDatabase makes a database in WAL mode with an invariant over two tables.
func (s *server) sqliteDatabase(name string) backup.Database {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	s.run("sqlite3", file, `PRAGMA journal_mode=WAL; CREATE TABLE here (n); CREATE TABLE there (n); CREATE INDEX i ON here (n);
		INSERT INTO here VALUES (0); INSERT INTO there VALUES (0); CREATE TABLE ballast (t);
		WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) INSERT INTO ballast SELECT hex(randomblob(100)) FROM c;`)
	return backup.Database{Engine: backup.EngineSQLite, Name: file}
}

func TestSQLiteComesBackThoughItIsWrittenTo(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		d := s.sqliteDatabase("it's, \"$x\" \t\x01\\ ünï.db")
		stop, stopped := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for ; ; n++ {
				select {
				case <-stop:
					stopped <- n
					return
				default:
					s.run("sqlite3", "-cmd", ".timeout 10000", d.Name, "BEGIN IMMEDIATE; UPDATE here SET n = n - 1; UPDATE there SET n = n + 1; INSERT INTO ballast SELECT hex(randomblob(100)); COMMIT")
				}
			}
		}()
		if report := s.check(d); report.State != DatabaseOK || report.Client == "" || report.Size < 1<<20 || report.Tool != "sqlite3" || report.Login == "" {
			t.Errorf("check says %+v", report)
		}
		result := s.dump(jobA, d)
		close(stop)
		if n := <-stopped; n < 2 || !result.OK {
			t.Fatalf("%d transactions, %+v", n, result)
		}
		dir := s.unpack(jobA)
		m := s.manifest(jobA, dir)[0]
		if m.Name != d.Name || m.Engine != "sqlite" {
			t.Errorf("manifest %+v, want the name %q", m, d.Name)
		}
		if got := s.run("sqlite3", filepath.Join(dir, m.File), "SELECT (SELECT sum(n) FROM here) + (SELECT sum(n) FROM there), (SELECT count(*) >= 20000 FROM ballast); PRAGMA integrity_check"); got != "0|1\nok" {
			t.Errorf("what came back: %s", got)
		}
		if diff := cmp.Diff(append([]string{"archive.tar.gz"}, left...), s.files(jobA)); diff != "" {
			t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
		}
	})
}

func TestSQLiteFilesThatCannotBeCopied(t *testing.T) {
	t.Parallel()
	s := newServer(t, flavours[0])
	none := filepath.Join(s.dir, "none.db")
	text := filepath.Join(s.dir, "text.db")
	must(t, os.WriteFile(text, []byte("this is no database, and long enough to be taken for one by nobody"), 0o600))
	folder := filepath.Join(s.dir, "folder.db")
	must(t, os.Mkdir(folder, 0o700))
	for file, want := range map[string]DatabaseState{none: DatabaseMissing, text: DatabaseConnect, folder: DatabaseUnreadable} {
		if got := s.check(backup.Database{Engine: backup.EngineSQLite, Name: file}); got.State != want || got.Detail == "" {
			t.Errorf("%s: %+v, want %s", file, got, want)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("looking made a database")
	}
}
