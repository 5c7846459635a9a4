package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cli"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// good runs a command that must succeed and returns what it printed.
func good(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errOut := run(t, args...)
	if status != 0 {
		t.Fatalf("%q: exit status %d, %s%s", args, status, out, errOut)
	}
	return out
}

// names lists a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// client reaches the control plane of a data directory, and becomes its owner with the first change.
func client(t *testing.T, dir string) *app.Embedded {
	t.Helper()
	e, err := app.NewEmbedded(app.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestRecordsSurviveTheLossOfTheDataDirectory(t *testing.T) {
	t.Parallel()
	dir, s, b := failedBackup(t)
	file := filepath.Join(t.TempDir(), "records.db")
	out := good(t, "db", "backup", file, "--data-dir", dir)
	for _, want := range []string{file, "servers         1", "backups         1", "schema version", "The master key is not in the copy", "master.key"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if out := good(t, "db", "check", file); !strings.Contains(out, "sound           yes") || !strings.Contains(out, "master.key") {
		t.Errorf("the copy: %s", out)
	}
	if found := names(t, filepath.Dir(file)); !slices.Equal(found, []string{"records.db"}) {
		t.Errorf("left beside the copy: %q", found)
	}

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "control.db"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := good(t, "backup", "show", b.ID, "--data-dir", dir); !strings.Contains(out, "CONNECTION_REFUSED") {
		t.Errorf("the backup: %s", out)
	}
	if out := good(t, "server", "show", "web-1", "--data-dir", dir); !strings.Contains(out, s.PublicKey) {
		t.Errorf("the server: %s", out)
	}
	if out := good(t, "db", "check", "--data-dir", dir); !strings.Contains(out, "master key") || !strings.Contains(out, "yes") {
		t.Errorf("the sealed key: %s", out)
	}
	// The control: a backup gets as far as the connection, for which the key is opened first.
	c := client(t, dir).Client("test")
	again, err := c.CreateBackup(t.Context(), s.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{"/etc"}}})
	if err != nil {
		t.Fatal(err)
	}
	if again, err = c.WaitForBackup(t.Context(), again.ID, nil); err != nil || again.Failure == nil || again.Failure.Code != "CONNECTION_REFUSED" {
		t.Errorf("after the restore: %+v, %v", again.Failure, err)
	}
}

func TestCopyIsWholeWhileOthersWrite(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"nobody", "embedded", "serve"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			dir, _, _ := failedBackup(t)
			if who == "serve" {
				served(t, dir)
			}
			e := client(t, dir)
			ctx, cancel := context.WithCancel(t.Context())
			wrote := make(chan int)
			go func() { // an owner, or over the socket of one
				n := 0
				for ; ctx.Err() == nil && who != "nobody"; n++ {
					name := "t" + strconv.Itoa(n)
					if _, err := e.Client("test").CreateToken(ctx, api.TokenInput{Name: name, Role: "viewer"}); err != nil && ctx.Err() == nil {
						t.Error(err)
						break
					}
				}
				wrote <- n
			}()
			for range 3 {
				file := filepath.Join(t.TempDir(), "records.db")
				good(t, "db", "backup", file, "--data-dir", dir)
				good(t, "db", "check", file)
				good(t, "db", "check", "--data-dir", dir)
			}
			cancel()
			if n := <-wrote; n == 0 && who != "nobody" {
				t.Error("nobody wrote meanwhile")
			}
		})
	}
}

// served runs serve on a directory until the test ends.
func served(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, "test", []string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir}, io.Discard, io.Discard)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := os.Stat(filepath.Join(dir, "control.sock")); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("serve has no socket")
}

func TestCopyTakesNobodysPlace(t *testing.T) {
	t.Parallel()
	dir, _, _ := failedBackup(t)
	elsewhere := t.TempDir()
	mine := filepath.Join(elsewhere, "mine")
	link := filepath.Join(elsewhere, "link")
	folder := filepath.Join(elsewhere, "folder")
	if err := os.WriteFile(mine, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "control.db"), link); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"a file that is there": {[]string{mine}, "--force"},
		"the database":         {[]string{filepath.Join(dir, "control.db"), "--force"}, "in the data directory"},
		"through a link":       {[]string{filepath.Join(folder, "copy"), "--force"}, "in the data directory"},
		"a link to it":         {[]string{link, "--force"}, "the database itself"},
		"a folder":             {[]string{elsewhere, "--force"}, "not a file"},
		"a device":             {[]string{os.DevNull, "--force"}, "not a file"},
		"no folder":            {[]string{filepath.Join(elsewhere, "absent", "copy")}, "make it first"},
	} {
		status, _, errOut := run(t, append([]string{"db", "backup", "--data-dir", dir}, test.args...)...)
		if status != 1 || !strings.Contains(errOut, test.says) {
			t.Errorf("%s: exit status %d, %s", name, status, errOut)
		}
	}
	if raw, _ := os.ReadFile(mine); string(raw) != "precious" {
		t.Error("the file was changed")
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "control.db")); string(after) != string(before) {
		t.Error("the database was changed")
	}
	good(t, "db", "backup", mine, "--force", "--data-dir", dir)
	good(t, "db", "check", mine)
	if found := names(t, elsewhere); !slices.Equal(found, []string{"folder", "link", "mine"}) {
		t.Errorf("left: %q", found)
	}
	if status, _, errOut := run(t, "db", "backup", filepath.Join(elsewhere, "new"), "--data-dir", filepath.Join(elsewhere, "none")); status != 1 || !strings.Contains(errOut, "there are no records") {
		t.Errorf("no records: exit status %d, %s", status, errOut)
	}
	if status, _, errOut := run(t, "db", "check", "--endpoint", "https://backups.example.com"); status != 2 || !strings.Contains(errOut, "run it there") {
		t.Errorf("through an endpoint: exit status %d, %s", status, errOut)
	}
}

func TestCopyToAFullDiskLeavesNothing(t *testing.T) {
	t.Parallel()
	dir, _, _ := failedBackup(t)
	disk := testbed.Tmpfs(t, 64<<10)
	file := filepath.Join(disk, "records.db")
	if err := os.WriteFile(file, []byte("the last good copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errOut := run(t, "db", "backup", file, "--force", "--data-dir", dir)
	if status != 1 || !strings.Contains(errOut, "there is no room") || !strings.Contains(errOut, "was not written") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	if raw, _ := os.ReadFile(file); string(raw) != "the last good copy" || len(names(t, disk)) != 1 {
		t.Errorf("left %q, and the copy before is %q", names(t, disk), raw)
	}
	good(t, "db", "check", "--data-dir", dir)
}

func TestDamageIsToldInWords(t *testing.T) {
	t.Parallel()
	dir, _, _ := failedBackup(t)
	file := filepath.Join(t.TempDir(), "records.db")
	good(t, "db", "backup", file, "--data-dir", dir)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	middle := slices.Clone(raw)
	for i := range 8192 {
		middle[len(middle)/2+i] = 0xA5
	}
	for name, content := range map[string][]byte{"overwritten": middle, "cut off": raw[:len(raw)/2], "another file": []byte(strings.Repeat("hello ", 1000)), "empty": nil} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		status, out, errOut := run(t, "db", "check", file)
		if status != 1 || !strings.Contains(out, "database ") || !strings.Contains(errOut, "put the last good copy") {
			t.Errorf("%s: exit status %d, %s%s", name, status, out, errOut)
		}
	}
	// A damaged original is no copy.
	damaged := filepath.Join(t.TempDir(), "damaged")
	if err := os.Mkdir(damaged, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged, "control.db"), middle, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	status, _, errOut := run(t, "db", "backup", filepath.Join(folder, "copy"), "--data-dir", damaged)
	if status != 1 || !strings.Contains(errOut, "damaged") || len(names(t, folder)) != 0 {
		t.Errorf("exit status %d, %s, left %q", status, errOut, names(t, folder))
	}
}

func TestWrongMasterKeyIsAFindingAndAMissingOneANote(t *testing.T) {
	dir, _, _ := failedBackup(t)
	t.Setenv("CLOUDAIPILOT_MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	status, out, _ := run(t, "db", "check", "--json", "--data-dir", dir)
	var found app.RecordsCheck
	if err := json.Unmarshal([]byte(out), &found); err != nil || status != 1 || found.Sound || len(found.Findings) != 1 || found.Findings[0].Record != "master key" {
		t.Errorf("another key: exit status %d, %s, %v", status, out, err)
	}
	t.Setenv("CLOUDAIPILOT_MASTER_KEY", "")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	status, out, errOut := run(t, "db", "check", "--data-dir", dir)
	if status != 0 || !strings.Contains(errOut, "Note: the servers' keys were not tried") {
		t.Errorf("no key: exit status %d, %s%s", status, out, errOut)
	}
}

// postgres is a database with one server, and its URL with a password that nobody may see.
func postgres(t *testing.T) (plain, secret string) {
	t.Helper()
	plain = testbed.StartPostgres(t)
	d := app.NewDatabase(app.Config{}, plain)
	defer d.Close()
	name, host, record := "web-1", "127.0.0.1", true
	if _, err := d.Client("test").CreateServer(t.Context(), api.ServerInput{Name: &name, Host: &host, RecordHostKey: &record}); err != nil {
		t.Fatal(err)
	}
	return plain, strings.Replace(plain, "@", ":s3cr3t@", 1)
}

// program puts a script on the PATH, before everything else.
func program(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}

func TestPostgresIsCopiedAndRestored(t *testing.T) {
	_, secret := postgres(t)
	pgDump, err := exec.LookPath("pg_dump")
	if err != nil {
		t.Skip("no pg_dump on this machine: internal/testbed/setup.sh installs it")
	}
	file := filepath.Join(t.TempDir(), "records.dump")
	argv := filepath.Join(t.TempDir(), "argv")
	program(t, "pg_dump", `echo "$@ password $PGPASSWORD" >`+argv+"\nexec "+pgDump+` "$@"`)
	out := good(t, "db", "backup", file, "--database", secret)
	if !strings.Contains(out, "pg_dump") || !strings.Contains(out, "servers         1") || strings.Contains(out, "s3cr3t") {
		t.Error(out)
	}
	if said, _ := os.ReadFile(argv); strings.Count(string(said), "s3cr3t") != 1 || !strings.Contains(string(said), "password s3cr3t") {
		t.Errorf("pg_dump got %s", said)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if status, _, errOut := run(t, "db", "check", file); status != 1 || !strings.Contains(errOut, "pg_restore --list") {
		t.Errorf("checking the dump: exit status %d, %s", status, errOut)
	}
	empty := testbed.StartPostgres(t)
	if status, _, errOut := run(t, "db", "check", "--database", empty); status != 1 || !strings.Contains(errOut, "there are no records") {
		t.Errorf("an empty database: exit status %d, %s", status, errOut)
	}
	if said, err := exec.Command("pg_restore", "--exit-on-error", "--no-owner", "--dbname="+empty, file).CombinedOutput(); err != nil {
		t.Fatalf("restore: %v: %s", err, said)
	}
	if out := good(t, "db", "check", "--database", empty); !strings.Contains(out, "servers         1") || !strings.Contains(out, "sound           yes") || !strings.Contains(out, "master.key") {
		t.Error(out)
	}
	if out := good(t, "server", "show", "web-1", "--database", empty); !strings.Contains(out, "public key") {
		t.Error(out)
	}
}

func TestPgDumpThatCannotIsExplained(t *testing.T) {
	_, database := postgres(t)
	folder := t.TempDir()
	fails := func(want ...string) {
		t.Helper()
		status, _, errOut := run(t, "db", "backup", filepath.Join(folder, "copy"), "--database", database)
		for _, w := range append(want, "was not written") {
			if status != 1 || !strings.Contains(errOut, w) {
				t.Errorf("%q is not in: exit status %d, %s", w, status, errOut)
			}
		}
		if left := names(t, folder); len(left) != 0 || strings.Contains(errOut, "s3cr3t") {
			t.Errorf("left %q, %s", left, errOut)
		}
	}
	program(t, "pg_dump", `[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 9.6.1" && exit
echo "aborting because of server version mismatch of $PGPASSWORD" >&2; exit 1`)
	fails("server version mismatch of xxxxx", "pg_dump is of version 9", "postgresql-client-")
	program(t, "pg_dump", `for a; do case $a in --file=*) echo PGDMPhalf >"${a#--file=}";; esac; done`)
	fails("pg_restore: exit status 1")
	t.Setenv("PATH", t.TempDir())
	fails("pg_dump is needed and not on the PATH", "apt-get install postgresql-client")
}

// TestKilledBackupLeavesADraftThatTheNextRemoves kills the command while pg_dump writes. Started with killedEnv, it is
// that command.
func TestKilledBackupLeavesADraftThatTheNextRemoves(t *testing.T) {
	if args := os.Getenv(killedEnv); args != "" {
		run(t, strings.Split(args, "\n")...)
		return
	}
	database, _ := postgres(t)
	folder, here := t.TempDir(), os.Getenv("PATH")
	pipe := filepath.Join(t.TempDir(), "end")
	program(t, "pg_dump", `mkfifo `+pipe+`; for a; do case $a in --file=*) echo half >"${a#--file=}"; echo >`+pipe+`.ready; read x <`+pipe+`;; esac; done`)
	file := filepath.Join(folder, "records.dump")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledBackupLeavesADraftThatTheNextRemoves$")
	cmd.Env = append(os.Environ(), killedEnv+"="+strings.Join([]string{"db", "backup", file, "--database", database}, "\n"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for _, err := os.Stat(pipe + ".ready"); err != nil && time.Now().Before(deadline); _, err = os.Stat(pipe + ".ready") {
		time.Sleep(time.Millisecond)
	}
	left := names(t, folder)
	if len(left) != 1 || !strings.HasPrefix(left[0], ".records.dump.cloudaipilot-part-") {
		t.Fatalf("while it runs: %q", left)
	}
	t.Setenv("PATH", here)
	good(t, "db", "backup", filepath.Join(folder, "records.dump"), "--database", database) // the control: beside one that lives
	if now := names(t, folder); !slices.Equal(now, []string{left[0], "records.dump"}) {
		t.Errorf("beside one that lives: %q", now)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	other := filepath.Join(folder, ".other.cloudaipilot-part-1")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good(t, "db", "backup", file, "--force", "--database", database)
	if now := names(t, folder); !slices.Equal(now, []string{filepath.Base(other), "records.dump"}) {
		t.Errorf("after the next: %q", now)
	}
	if end, err := os.OpenFile(pipe, os.O_RDWR, 0); err == nil { // pg_dump's stand-in ends
		_, _ = end.WriteString("\n")
		_ = end.Close()
	}
}

const killedEnv = "TEST_KILLED_BACKUP"
