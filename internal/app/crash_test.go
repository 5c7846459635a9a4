package app

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// The test binary, started with these, is a control plane that runs by itself on a directory, and dies by kill -9 at
// the boundary named.
const (
	crashDirEnv = "TEST_SERVE_DIR"
	crashAtEnv  = "TEST_CRASH_AT"
)

func serveAndCrash(dir, at string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := Serve(ctx, ServeConfig{Listen: "127.0.0.1:0", Config: Config{DataDir: dir, Boundary: func(name string) {
		if name == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// crasher starts the control plane that dies at a boundary; none if at is empty.
func crasher(t *testing.T, dir, at string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashDirEnv+"="+dir, crashAtEnv+"="+at)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// TestCrashAtEveryBoundary kills the control plane at every boundary of every step of a backup that succeeds and of one
// that fails, and starts it again. Afterwards there is one record, at most one archive, and nothing half left.
func TestCrashAtEveryBoundary(t *testing.T) {
	t.Parallel()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	good, bad := sshd.Dir("good"), sshd.Dir("bad")
	for _, dir := range []string{good, bad} {
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		sshd.Own(filepath.Join(dir, "file"))
	}
	unreadable := filepath.Join(bad, "unreadable")
	if err := os.WriteFile(unreadable, nil, 0o000); err != nil {
		t.Fatal(err)
	}
	sshd.Own(unreadable)
	for _, at := range controlplane.Boundaries() {
		for source, want := range map[string]string{good: "completed", bad: "failed"} {
			if want == "completed" && strings.HasPrefix(at, string(backup.StepClean)) {
				continue // it has no such step
			}
			t.Run(at+"/"+want, func(t *testing.T) {
				t.Parallel()
				crashOnce(t, sshd, at, source, want)
			})
		}
	}
}

func crashOnce(t *testing.T, sshd *testbed.SSHD, at, source, want string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	folder := sshd.BackupDir + "-" + strings.NewReplacer(":", "-", "/", "-").Replace(at+"-"+want)
	first, c := process(t, dir)
	s, err := c.CreateServer(t.Context(), api.ServerInput{Name: new("web-1"), Host: new(sshd.Host), Port: new(sshd.Port), User: new(sshd.User),
		HostKey: new(sshd.HostKeyLine), BackupDir: new(folder)})
	if err != nil {
		t.Fatal(err)
	}
	sshd.Authorize(s.PublicKey)
	first.owner.cp.UseWaker(sleeper{}) // the backup is left to the control plane that dies
	b, err := c.CreateBackup(t.Context(), s.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{source}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	dying := crasher(t, dir, at)
	if err := dying.Wait(); err == nil || dying.ProcessState.ExitCode() != -1 {
		t.Fatalf("it did not die at %s: %v", at, err)
	}
	crasher(t, dir, "")
	_, c = process(t, dir)
	deadline := time.Now().Add(time.Minute)
	for tick := time.NewTicker(50 * time.Millisecond); !backup.Status(b.Status).Finished() && time.Now().Before(deadline); <-tick.C {
		if b, err = c.Backup(t.Context(), b.ID); err != nil { // reading alone moves nothing
			t.Fatal(err)
		}
	}
	all, err := c.Backups(t.Context(), apiclient.BackupFilter{})
	if err != nil || len(all) != 1 || b.Status != want || (b.Failure != nil) != (want == "failed") {
		t.Fatalf("%d records, status %s, failure %+v, %v", len(all), b.Status, b.Failure, err)
	}
	left := filesBelow(t, folder)
	archives := slices.DeleteFunc(slices.Clone(left), func(name string) bool { return filepath.Base(name) != "archive.tar.gz" })
	if want == "failed" && len(left) != 0 || want == "completed" && (len(archives) != 1 || b.Path != archives[0]) {
		t.Errorf("on the server: %q, and the record says %q", left, b.Path)
	}
	for _, name := range left {
		if strings.Contains(name, ".partial") || strings.Contains(name, ".fifo") || strings.Contains(name, ".tmp") {
			t.Errorf("half left: %s", name)
		}
	}
}

// filesBelow lists the files below a folder, none if it does not exist.
func filesBelow(t *testing.T, folder string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
