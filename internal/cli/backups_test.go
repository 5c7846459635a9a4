package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cli"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// gatedSSHD is an sshd whose tar makes archives only once the gate is open.
func gatedSSHD(t *testing.T) (sshd *testbed.SSHD, open func()) {
	t.Helper()
	sshd = testbed.StartSSHD(t, testbed.SSHDOptions{Programs: map[string]string{"tar": `case "$*" in *-cf*-X*-T*) while [ ! -e "${0%/*}/../gate/open" ]; do sleep 0.05; done ;; esac
exec /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin tar "$@"
`}})
	gate := filepath.Join(sshd.Dir("gate"), "open")
	return sshd, func() { _ = os.WriteFile(gate, nil, 0o600) }
}

func TestBackupFromTheShell(t *testing.T) {
	t.Parallel()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	source := sshd.Dir("source")
	testbed.Tree(t, source)
	dir := ready(t, sshd)
	status, out, errOut := run(t, "backup", "run", "web-1", "--include", source, "--exclude", "*.log", "--retention-days", "7", "--json", "--data-dir", dir)
	var b api.Backup
	if err := json.Unmarshal([]byte(out), &b); status != 0 || err != nil || b.Status != "completed" || b.RetentionDays != 7 || b.Managed || b.Files.Exclude[0] != "*.log" {
		t.Fatalf("exit status %d, %v, %s%s", status, err, out, errOut)
	}
	if strings.Contains(errOut, "\r") || !strings.Contains(errOut, "pending") {
		t.Errorf("progress elsewhere than on a terminal: %q", errOut)
	}
	archive := filepath.Join(t.TempDir(), "web-1.tar.gz")
	if status, out, errOut = run(t, "backup", "download", b.ID, "-o", archive, "--data-dir", dir); status != 0 || !strings.Contains(out, "SHA-256 checked") {
		t.Fatalf("exit status %d, %s%s", status, out, errOut)
	}
	if info, err := os.Stat(archive); err != nil || info.Size() != b.SizeBytes {
		t.Errorf("%v, %v", info, err)
	}
	status, out, errOut = run(t, "backup", "run", "web-1", "--include", source, "--quiet", "--data-dir", dir)
	second := strings.TrimSpace(out)
	if !strings.Contains(errOut, "Warning: ") && strings.HasPrefix(sshd.BackupDir, "/tmp") { // 30 days in there
		t.Errorf("no warning: %s", errOut)
	}
	if status != 0 || !strings.HasPrefix(second, "bk_") || strings.Contains(second, "\n") {
		t.Errorf("exit status %d, %q", status, out)
	}
	if _, out, _ = run(t, "backup", "list", "--quiet", "--data-dir", dir); out != second+"\n"+b.ID+"\n" {
		t.Errorf("ids %q", out)
	}
	if _, out, errOut = run(t, "backup", "list", "--quiet", "--limit", "1", "--data-dir", dir); out != second+"\n" || !strings.Contains(errOut, "--all") {
		t.Errorf("ids %q, %s", out, errOut)
	}
	if _, out, errOut = run(t, "backup", "list", "--quiet", "--limit", "2", "--data-dir", dir); out != second+"\n"+b.ID+"\n" || errOut != "" {
		t.Errorf("ids %q, %s", out, errOut)
	}
	if _, out, errOut = run(t, "backup", "list", "--quiet", "--limit", "1", "--all", "--data-dir", dir); out != second+"\n"+b.ID+"\n" || errOut != "" {
		t.Errorf("ids %q, %s", out, errOut)
	}
	if status, _, errOut = run(t, "backup", "delete", b.ID, "--data-dir", dir); status != 2 || !strings.Contains(errOut, "--yes") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	if status, out, errOut = run(t, "backup", "delete", b.ID, "--yes", "--data-dir", dir); status != 0 || !strings.Contains(out, "deleted") || errOut != "" {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	if _, err := os.Stat(filepath.Dir(b.Path)); err == nil {
		t.Error("the archive is still there")
	}
	if status, _, errOut = run(t, "backup", "delete", b.ID, "--yes", "--data-dir", dir); status != 4 || !strings.Contains(errOut, "deleted already") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
}

func TestFailedBackupTellsItsDiagnosis(t *testing.T) {
	t.Parallel()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	dir := ready(t, sshd)
	status, out, errOut := run(t, "backup", "run", "web-1", "--include", "/no/such/path", "--data-dir", dir)
	if status != 1 || out != "" {
		t.Errorf("exit status %d, %s", status, out)
	}
	for _, want := range []string{"Error: Backup of web-1 failed: a source path does not exist (INVALID_CONFIG)\n", `"/no/such/path"`, "--include", "cloudaipilot backup log bk_"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not in\n%s", want, errOut)
		}
	}
	sshd.Deauthorize()
	status, out, errOut = run(t, "backup", "run", "web-1", "--include", "/etc/hostname", "--json", "--data-dir", dir)
	var b api.Backup
	if err := json.Unmarshal([]byte(out), &b); status != 1 || err != nil || b.Failure == nil || !strings.Contains(errOut, "\n     "+shown(t, dir, "web-1").PublicKey) {
		t.Errorf("exit status %d, %v, %s%s", status, err, out, errOut)
	}
}

func TestDetachedBackupIsLeftToWhoWaits(t *testing.T) {
	t.Parallel()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	source := sshd.Dir("source")
	testbed.Tree(t, source)
	dir := ready(t, sshd)
	status, out, errOut := run(t, "backup", "run", "web-1", "--include", source, "--detach", "--quiet", "--data-dir", dir)
	id := strings.TrimSpace(out)
	if status != 0 || !strings.HasPrefix(id, "bk_") || !strings.Contains(errOut, "No control plane runs on "+dir) || !strings.Contains(errOut, "cloudaipilot backup wait "+id+" --data-dir "+dir) {
		t.Fatalf("exit status %d, %s%s", status, out, errOut)
	}
	if status, out, errOut = run(t, "backup", "wait", id, "--data-dir", dir); status != 0 || !strings.Contains(out, "completed") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	end := serve(t, dir)
	status, out, errOut = run(t, "backup", "run", "web-1", "--include", source, "--detach", "--data-dir", dir)
	if status != 0 || strings.Contains(errOut, "No control plane") || !strings.Contains(errOut, "backup wait") {
		t.Errorf("beside a serve: exit status %d, %s%s", status, out, errOut)
	}
	end()
}

// serve runs "serve" until end is called.
func serve(t *testing.T, dir string, more ...string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, "test", append([]string{"serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data-dir", dir}, more...), io.Discard, w)
		_ = w.Close()
	}()
	if err := json.NewDecoder(log).Decode(&struct{}{}); err != nil { // its first line: it answers
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	return func() { cancel(); <-ended }
}

func TestRunningBackupIsNotDeletedAndCanBeCancelled(t *testing.T) {
	t.Parallel()
	sshd, _ := gatedSSHD(t)
	source := sshd.Dir("source")
	testbed.Tree(t, source)
	dir := ready(t, sshd)
	end := serve(t, dir)
	defer end()
	status, out, errOut := run(t, "backup", "run", "web-1", "--include", source, "--detach", "--quiet", "--data-dir", dir)
	id := strings.TrimSpace(out)
	if status != 0 {
		t.Fatalf("exit status %d, %s", status, errOut)
	}
	waitFor(t, func() bool {
		_, out, _ := run(t, "backup", "show", id, "--json", "--data-dir", dir)
		return strings.Contains(out, `"status": "running"`)
	})
	status, _, errOut = run(t, "backup", "delete", id, "--yes", "--data-dir", dir)
	if status != 1 || !strings.Contains(errOut, "(BACKUP_IN_PROGRESS)") || !strings.Contains(errOut, "cloudaipilot backup cancel "+id+" --data-dir "+dir) {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	status, _, errOut = run(t, "server", "remove", "web-1", "--yes", "--data-dir", dir)
	if status != 1 || !strings.Contains(errOut, "(BACKUP_IN_PROGRESS)") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	if status, out, errOut = run(t, "backup", "cancel", id, "--data-dir", dir); status != 0 || !strings.Contains(out, "was cancelled") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	if status, out, errOut = run(t, "backup", "cancel", id, "--data-dir", dir); status != 0 || !strings.Contains(out, "was cancelled") {
		t.Errorf("once more: exit status %d, %s%s", status, out, errOut)
	}
	if n := len(sshd.Commands()); n != 0 {
		t.Errorf("%d commands still run on the server", n)
	}
}

// waitFor waits for a condition.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about within a minute")
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			return
		}
	}
}

func TestWrongBackupCommandsMakeNone(t *testing.T) {
	t.Parallel()
	dir, _, b := failedBackup(t)
	for name, test := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"nothing to back up":    {[]string{"run", "web-1"}, 2, "--include PATH or --db"},
		"no server":             {[]string{"run", "--include", "/etc"}, 2, "accepts 1 arg"},
		"unknown server":        {[]string{"run", "web-11", "--include", "/etc"}, 4, `Did you mean "web-1"?`},
		"relative path":         {[]string{"run", "web-1", "--include", "etc"}, 1, "Invalid value in --include"},
		"type that is none":     {[]string{"run", "web-1", "--include", "/etc", "--type", "file"}, 1, `Did you mean "files"?`},
		"retention":             {[]string{"run", "web-1", "--include", "/etc", "--retention-days", "0"}, 1, "--retention-days is 0"},
		"database without name": {[]string{"run", "web-1", "--db", "postgresql:"}, 2, "name of the database is missing"},
		"database with typo":    {[]string{"run", "web-1", "--db", "engien=mysql,name=a"}, 2, `did you mean "engine"?`},
		"password":              {[]string{"run", "web-1", "--db", "engine=mysql,name=a,password=s3cr3t"}, 2, "a password does not belong here"},
		"limit":                 {[]string{"list", "--limit", "0"}, 2, "--limit is 0"},
		"delete of no id":       {[]string{"delete", "web-1"}, 2, "identifier"},
		"delete of none":        {[]string{"delete", "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A", "--yes"}, 4, "NOT_FOUND"},
		"cancel of none":        {[]string{"cancel", "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A"}, 4, "NOT_FOUND"},
	} {
		status, out, errOut := run(t, append([]string{"backup", "--data-dir", dir}, test.args...)...)
		if status != test.status || !strings.Contains(errOut, test.says) || out != "" {
			t.Errorf("%s: exit status %d, %s%s", name, status, out, errOut)
		}
	}
	if _, out, _ := run(t, "backup", "list", "--quiet", "--data-dir", dir); out != b.ID+"\n" {
		t.Errorf("backups %q", out)
	}
}

func TestEmptyListSaysWhereItLooked(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "absent")
	for _, args := range [][]string{{"server", "list"}, {"backup", "list"}, {"activity"}} {
		status, _, errOut := run(t, append(args, "--data-dir", absent)...)
		if status != 0 || errOut != "There are no records yet: "+absent+" does not exist; name another with --data-dir\n" {
			t.Errorf("%q: exit status %d, %s", args, status, errOut)
		}
		if status, out, _ := run(t, append(args, "--json", "--data-dir", absent)...); status != 0 || out != "[]\n" {
			t.Errorf("%q: exit status %d, %s", args, status, out)
		}
	}
	dir, _, _ := failedBackup(t)
	if _, _, errOut := run(t, "backup", "list", "--status", "completed", "--data-dir", dir); errOut != "" {
		t.Errorf("where there are records: %s", errOut)
	}
}
