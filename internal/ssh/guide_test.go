package ssh

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// TestGuideToDatabases does what the guide says: grants, backs up with those grants alone, and restores by its commands.
func TestGuideToDatabases(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../templates/guides/databases.md")
	must(t, err)
	blocks := func(heading, language string) string {
		_, section, ok := strings.Cut(string(guide), "\n## "+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !ok {
			t.Fatalf("the guide has no heading %q", heading)
		}
		var text strings.Builder
		for i, part := range strings.Split(section, "\n```") {
			if code, ok := strings.CutPrefix(part, language+"\n"); ok && i%2 == 1 {
				text.WriteString(code + "\n")
			}
		}
		if text.Len() == 0 {
			t.Fatalf("the guide has no %s below %q", language, heading)
		}
		return text.String()
	}

	s := newServer(t, flavours[0])
	pg, m := testbed.NewPostgres(t), testbed.StartMariaDB(t)
	pg.Query("postgres", "CREATE DATABASE app")
	contents, _, _ := strings.Cut(postgresContents, "SELECT lo_from_bytea")
	state, _, _ := strings.Cut(postgresState, "SELECT md5(lo_get")
	pg.Query("app", contents)
	pg.Query("app", blocks("PostgreSQL", "sql"))
	m.Query("", "CREATE DATABASE shop")
	t.Cleanup(func() {
		m.Query("", "DROP DATABASE shop; DROP DATABASE IF EXISTS shop_restored; DROP USER IF EXISTS 'cloudpilot'@'localhost'")
	})
	m.Query("shop", mariadbContents)
	// The tests have no account of that name, so it comes with a password.
	m.Query("", strings.Replace(blocks("MySQL and MariaDB", "sql"), "IDENTIFIED VIA unix_socket", "IDENTIFIED BY 'pw'", 1))
	must(t, os.WriteFile(filepath.Join(s.dir, ".my.cnf"), []byte("[client]\npassword=pw\n"), 0o600))

	databases := []backup.Database{
		{Engine: backup.EnginePostgreSQL, Name: "app", Host: "127.0.0.1", Port: pg.Port, User: "cloudpilot", Globals: true},
		{Engine: backup.EngineMariaDB, Name: "shop", Host: m.SocketDir(), User: "cloudpilot"},
		s.sqliteDatabase("app.db"),
	}
	if got := s.check(databases[1]); len(got.Unseen) > 0 {
		t.Errorf("with the guide's grants it does not see %q", got.Unseen)
	}
	if result := s.dump(jobA, databases...); !result.OK {
		t.Fatalf("unexpected result %+v", result)
	}
	must(t, os.Rename(s.fetch(jobA), filepath.Join(s.dir, "archive.tar.gz")))
	must(t, os.WriteFile(filepath.Join(s.dir, "root.cnf"), fmt.Appendf(nil, "[client]\nsocket=%s/mysqld.sock\nuser=root\n", m.SocketDir()), 0o600))
	must(t, os.Mkdir(filepath.Join(s.dir, "home"), 0o700))
	must(t, os.Rename(filepath.Join(s.dir, "root.cnf"), filepath.Join(s.dir, "home", ".my.cnf")))
	must(t, os.Remove(filepath.Join(s.dir, "app.db")))
	for _, heading := range []string{"PostgreSQL", "MySQL and MariaDB", "SQLite"} {
		cmd := exec.Command("sh", "-e", "-c", blocks(heading, "sh"))
		cmd.Dir = s.dir
		cmd.Env = append(os.Environ(), "HOME="+filepath.Join(s.dir, "home"), "PGHOST=127.0.0.1", fmt.Sprint("PGPORT=", pg.Port), "PGUSER=cloudaipilot")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", heading, err, out)
		}
	}
	if diff := cmp.Diff(pg.Query("app", state), pg.Query("app_restored", state)); diff != "" {
		t.Errorf("PostgreSQL (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(m.Query("shop", mariadbState), m.Query("shop_restored", mariadbState)); diff != "" {
		t.Errorf("MariaDB (-want +got):\n%s", diff)
	}
	if got := s.run("sqlite3", filepath.Join(s.dir, "app.db"), "SELECT count(*) FROM ballast"); got != "20000" {
		t.Errorf("SQLite: %s rows", got)
	}
}
