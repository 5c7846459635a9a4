package ssh

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const mariadbContents = `
CREATE TABLE account (id int AUTO_INCREMENT PRIMARY KEY, name varchar(80) CHARACTER SET utf8mb4, photo blob, KEY (name)) AUTO_INCREMENT = 7777;
INSERT INTO account (name, photo) SELECT CONCAT('account ''', seq, ''' é🙂'), UNHEX(CONCAT(MD5(seq), '00FF275C')) FROM seq_1_to_5000;
CREATE TABLE log (n int) ENGINE = MyISAM;
INSERT INTO log VALUES (1), (2);
CREATE VIEW loud AS SELECT UPPER(name) AS name FROM account;
DELIMITER //
CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC BEGIN RETURN n * 2; END//
CREATE TRIGGER shout BEFORE INSERT ON log FOR EACH ROW BEGIN SET NEW.n = NEW.n + 1; END//
CREATE EVENT tick ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM log; END//
DELIMITER ;`

const mariadbState = `
SET SESSION group_concat_max_len = 10000000;
SELECT COUNT(*), MD5(GROUP_CONCAT(id, name, HEX(photo) ORDER BY id)) FROM account;
SELECT auto_increment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'account';
SELECT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1;
SELECT COUNT(*), MAX(n) FROM log;
SELECT COUNT(*) FROM loud;
SELECT twice(21);
SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE();
SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE();`

// mariadb is a database of the tests' server, as root asks for it over the socket.
func mariadb(m *testbed.MariaDB, name string) backup.Database {
	return backup.Database{Engine: backup.EngineMariaDB, Name: name, Host: m.SocketDir(), User: "root"}
}

func TestMariaDBComesBack(t *testing.T) {
	t.Parallel()
	m := testbed.StartMariaDB(t)
	name := m.Database()
	m.Query(name, mariadbContents)
	want := m.Query(name, mariadbState)
	forEachFlavour(t, func(t *testing.T, s *server) {
		source := mariadb(m, name)
		if report := s.check(source); report.State != DatabaseOK || report.Tables != "log" || len(report.Unseen) > 0 || report.Server != report.Client || report.Tool != "mariadb-dump" || report.Login != "root@localhost" {
			t.Errorf("check says %+v", report)
		}
		if result := s.dump(jobA, source); !result.OK {
			t.Fatalf("unexpected result %+v", result)
		}
		dir := s.unpack(jobA)
		d := s.manifest(jobA, dir)[0]
		if d.Name != name || !strings.HasPrefix(d.File, "databases/01-mariadb-test_") || !strings.HasSuffix(d.File, "__x.sql.gz") {
			t.Errorf("manifest %+v", d)
		}
		file, err := os.Open(filepath.Join(dir, d.File))
		must(t, err)
		defer file.Close()
		sql, err := gzip.NewReader(file)
		must(t, err)
		copied := m.Database()
		m.Load(copied, sql)
		if diff := cmp.Diff(want, m.Query(copied, mariadbState)); diff != "" {
			t.Errorf("what came back (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(append([]string{"archive.tar.gz"}, left...), s.files(jobA)); diff != "" {
			t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
		}
	})
}

func TestMariaDBLoginsThatCannotDump(t *testing.T) {
	t.Parallel()
	m := testbed.StartMariaDB(t)
	name := m.Database()
	m.Query(name, mariadbContents)
	forEachFlavour(t, func(t *testing.T, s *server) {
		poor, stranger, rich := m.Account("pw"), m.Account("pw"), m.Account("pw")
		m.Query("", "GRANT ALL ON *.* TO '"+rich+"'@'%'")
		m.Query("", "GRANT SELECT, SHOW VIEW ON `"+name+"`.`loud` TO '"+poor+"'@'%'; GRANT INSERT ON `"+name+"`.account TO '"+poor+"'@'%'")
		must(t, os.WriteFile(filepath.Join(s.dir, ".my.cnf"), []byte("[client]\npassword=pw\n"), 0o600))
		at := func(change func(*backup.Database)) backup.Database {
			d := backup.Database{Engine: backup.EngineMariaDB, Name: name, Host: "127.0.0.1", Port: m.Port, User: poor}
			change(&d)
			return d
		}
		tests := map[string]struct {
			database backup.Database
			want     DatabaseState
			says     string
		}{
			"no rights":        {at(func(*backup.Database) {}), DatabaseRights, "command denied to user"},
			"no such database": {at(func(d *backup.Database) { d.User, d.Name = rich, "nowhere" }), DatabaseConnect, "nowhere"},
			"not its database": {at(func(d *backup.Database) { d.User = stranger }), DatabaseConnect, "Access denied for user"},
			"no such login":    {at(func(d *backup.Database) { d.User = "nobody" }), DatabaseConnect, "Access denied for user"},
			"nothing listens":  {at(func(d *backup.Database) { d.Port = 1 }), DatabaseConnect, "Can't connect"},
			"no such socket":   {at(func(d *backup.Database) { d.Host, d.Port = "/nowhere/at-all", 0 }), DatabaseConnect, "Can't connect"},
			"another kind": {at(func(d *backup.Database) {
				d.Engine, d.User = backup.EngineMySQL, rich
			}), DatabaseEngine, "MariaDB"},
		}
		for what, test := range tests {
			if got := s.check(test.database); got.State != test.want || !strings.Contains(got.Detail, test.says) {
				t.Errorf("%s: %+v, want %s", what, got, test.want)
			}
		}
		if result := s.dump(jobA, tests["no rights"].database); result.Problem != ProblemDatabase || result.DatabaseState != DatabaseRights || result.Database != 1 {
			t.Errorf("unexpected result %+v", result)
		}
	})
}

func TestMariaDBDumpIsOneMomentOfADatabaseThatIsWrittenTo(t *testing.T) {
	t.Parallel()
	m := testbed.StartMariaDB(t)
	name := m.Database()
	m.Query(name, `CREATE TABLE a_here (n bigint); CREATE TABLE z_there (n bigint); INSERT INTO a_here VALUES (0); INSERT INTO z_there VALUES (0);
		CREATE TABLE ballast AS SELECT seq, MD5(seq) FROM seq_1_to_200000`)
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
				m.Query(name, "BEGIN; UPDATE a_here SET n = n - 1; UPDATE z_there SET n = n + 1; INSERT INTO a_here VALUES (-1); INSERT INTO z_there VALUES (1); COMMIT")
			}
		}
	}()
	result := s.dump(jobA, mariadb(m, name))
	close(stop)
	if n := <-stopped; n < 2 || !result.OK {
		t.Fatalf("%d transactions, %+v", n, result)
	}
	dir := s.unpack(jobA)
	file, err := os.Open(filepath.Join(dir, s.manifest(jobA, dir)[0].File))
	must(t, err)
	defer file.Close()
	sql, err := gzip.NewReader(file)
	must(t, err)
	copied := m.Database()
	m.Load(copied, sql)
	if got := m.Query(copied, "SELECT (SELECT SUM(n) FROM a_here) + (SELECT SUM(n) FROM z_there), (SELECT COUNT(*) FROM a_here) - (SELECT COUNT(*) FROM z_there)"); got != "0\t0" {
		t.Errorf("the copy is of no one moment: %s", got)
	}
}
