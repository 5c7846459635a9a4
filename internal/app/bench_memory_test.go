package app_test

import (
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// manyBackups is how many backups a control plane of some years has.
const manyBackups = 10_000

// BenchmarkMemory measures what a control plane in a process of its own keeps resident: at rest without records, at
// rest with many, and after all of them were listed. The peer is an empty HTTP server with the same SQLite driver, at
// rest on an empty database.
func BenchmarkMemory(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	peer := start(b, exec.Command(self), emptyServerEnv+"="+filepath.Join(b.TempDir(), "empty.db"))
	empty := resident(b, peer)

	fresh := emptyDir(b)
	ours := resident(b, startServe(b, "CLOUDAIPILOT_DATA_DIR="+fresh))
	dir := emptyDir(b)
	fill(b, dir)
	full := startServe(b, "CLOUDAIPILOT_DATA_DIR="+dir)
	filled := resident(b, full)
	all, err := embedded(b, dir).Backups(b.Context(), apiclient.BackupFilter{}) // over the socket of the process
	if err != nil || len(all) != manyBackups {
		b.Fatalf("%d backups, %v", len(all), err)
	}
	listed := resident(b, full)
	for _, m := range []struct {
		name string
		mib  float64
	}{{"idle", ours}, {"10000-backups", filled}, {"10000-backups-listed", listed}} {
		b.Run(m.name, func(b *testing.B) { compare(b, "RSS-MiB", m.mib, empty) })
	}
}

// resident is VmRSS of a process.
func resident(b *testing.B, p *process) float64 {
	b.Helper()
	return memory(b, p, "VmRSS")
}

// memory is a figure of a process, in MiB, as the kernel names it.
func memory(b *testing.B, p *process, name string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, name+": %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	b.Fatalf("the kernel does not say %s", name)
	return 0
}

// fill makes a data directory with many completed backups. All but the first are its copies.
func fill(b *testing.B, dir string) {
	b.Helper()
	e, err := app.NewEmbedded(app.Config{DataDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	c := e.Client("bench")
	s, err := c.CreateServer(b.Context(), api.ServerInput{Name: new("web-1"), Host: new("127.0.0.1"), Port: new(1), RecordHostKey: new(true)})
	if err != nil {
		b.Fatal(err)
	}
	made, err := c.CreateBackup(b.Context(), s.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{"/etc", "/var/www"}}})
	if err == nil {
		made, err = c.WaitForBackup(b.Context(), made.ID, nil)
	}
	if err != nil || made.Status != "failed" {
		b.Fatalf("status %s, %v", made.Status, err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "control.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`UPDATE backups SET status = 'completed', failure_json = 'null', path = '/tmp/cloudpilot-backups/' || id || '/archive.tar.gz',
			size_bytes = 123456789, entries = 4321, sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'`,
		`INSERT INTO backups (` + copied(b, db, "") + `)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ` + fmt.Sprint(manyBackups-1) + `)
			SELECT ` + copied(b, db, "printf('bk_%026d', i)") + ` FROM n, (SELECT * FROM backups LIMIT 1)`,
	} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

// copied lists the columns of backups, with something else for the id if it is said.
func copied(b *testing.B, db *sql.DB, id string) string {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), `SELECT * FROM backups LIMIT 0`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || rows.Err() != nil {
		b.Fatal(err, rows.Err())
	}
	for i, name := range names {
		if name == "id" && id != "" {
			names[i] = id
		}
	}
	return strings.Join(names, ", ")
}

// The test binary, started with this, is an empty HTTP server that has the SQLite database of that path open.
const emptyServerEnv = "TEST_EMPTY_SERVER"

func init() {
	if path := os.Getenv(emptyServerEnv); path != "" {
		fmt.Fprintln(os.Stderr, emptyServer(path))
		os.Exit(1)
	}
}

func emptyServer(path string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)")
	if err != nil {
		return err
	}
	if err := db.Ping(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "msg=\"control plane answers\" address=%s\n", l.Addr())
	return http.Serve(l, http.NotFoundHandler())
}
