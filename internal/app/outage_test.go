package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// slowServer is a server whose archives stop in the middle until they are told to go on.
type slowServer struct {
	*testbed.SSHD
	source, folder, gate string
}

const slowTar = `case "$*" in
*/proc/self*) exec /usr/bin/tar "$@" ;;
*-cf*) gate=${0%/*}/../gate
	/usr/bin/tar "$@" | { head -c 20000; : >"$gate/begun"; while [ ! -e "$gate/open" ]; do sleep 0.1; done; cat; } ;;
*) exec /usr/bin/tar "$@" ;;
esac
`

func newSlowServer(t *testing.T) *slowServer {
	t.Helper()
	return newSlowServerWith(t, map[string]string{})
}

// newSlowServerWith has more programs that do as the test says.
func newSlowServerWith(t *testing.T, programs map[string]string) *slowServer {
	t.Helper()
	programs["tar"] = slowTar
	s := &slowServer{SSHD: testbed.StartSSHD(t, testbed.SSHDOptions{Programs: programs})}
	s.source, s.folder, s.gate = s.Dir("source"), filepath.Join(s.Dir("srv"), "backups"), s.Dir("gate")
	content := make([]byte, 1<<20)
	_, _ = rand.Read(content) // it never fails
	if err := os.WriteFile(filepath.Join(s.source, "file"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Own(filepath.Join(s.source, "file"))
	return s
}

// half waits until half an archive is on the server, and the records say that the job runs.
func (s *slowServer) half(t *testing.T, p place, id string) {
	t.Helper()
	c := p.client(t)
	until(t, "the job is in the middle of the archive", func() bool {
		_, err := os.Stat(filepath.Join(s.gate, "begun"))
		b, _ := c.Backup(t.Context(), id)
		return err == nil && b.Status == "running"
	})
}

// seen waits until the records say what the job is about.
func (s *slowServer) seen(t *testing.T, p place, id string) {
	t.Helper()
	until(t, "the job's step was seen", func() bool {
		b, _ := p.client(t).Backup(t.Context(), id)
		return b.Progress.Step == "archive"
	})
}

// whole lets the job go on, and waits until the archive is complete.
func (s *slowServer) whole(t *testing.T, id string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.gate, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the job has ended", func() bool {
		_, err := os.Stat(filepath.Join(s.folder, id, "result"))
		return err == nil
	})
}

// TestPostgresThatCrashesInABackupLosesNothing has a job end while the database is away.
func TestPostgresThatCrashesInABackupLosesNothing(t *testing.T) {
	t.Parallel()
	for _, processes := range []int{1, 3} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			t.Parallel()
			s, database := newSlowServer(t), testbed.NewPostgres(t)
			p := place(database.Database())
			b := p.leave(t, login(s.SSHD, s.folder), s.Authorize, s.source)
			var all []*child
			for range processes {
				all = append(all, start(t, p, "", ""))
			}
			s.half(t, p, b.ID)
			database.Stop()
			s.whole(t, b.ID)
			database.Start()
			settled(t, p, b.ID, s.folder, "completed")
			testbed.CompareTar(t, filepath.Join(s.folder, b.ID, "archive.tar.gz"), s.source)
			for i, c := range all {
				if c.dead() {
					t.Errorf("process %d ended with %v", i, c.cmd.ProcessState)
				}
			}
		})
	}
}

// fill fills a file system to the last byte and returns how to free it.
func fill(t *testing.T, disk string) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 16, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDiskUnderTheRecordsLosesNothing has a job end while there is no space to write it down.
func TestFullDiskUnderTheRecordsLosesNothing(t *testing.T) {
	t.Parallel()
	disk := testbed.Tmpfs(t, 4<<20)
	s, p := newSlowServer(t), place(filepath.Join(disk, "data"))
	b := p.leave(t, login(s.SSHD, s.folder), s.Authorize, s.source)
	serving := start(t, p, "", "")
	s.half(t, p, b.ID)
	free := fill(t, disk)

	c := p.client(t)
	var err error
	for n := 0; err == nil && n < 100; n++ { // a little may still fit where something was before
		_, err = c.CreateServer(t.Context(), web(fmt.Sprintf("web-%d", n+2)))
	}
	p507, ok := errors.AsType[*api.Problem](err)
	if !ok || p507.Status != 507 || p507.Code != "CONTROL_PLANE_DISK_FULL" || !p507.Retryable || !strings.Contains(p507.Title, "disk of the control plane is full") || !strings.Contains(p507.Fix, "Free space") {
		t.Errorf("a write on a full disk: %#v", err)
	}
	if servers, err := c.Servers(t.Context()); err != nil || len(servers) == 0 {
		t.Errorf("a read on a full disk: %d servers, %v", len(servers), err)
	}
	s.whole(t, b.ID)
	if now, err := c.Backup(t.Context(), b.ID); err != nil || now.Status != "running" {
		t.Errorf("it cannot be written down, and is %s, %v", now.Status, err)
	}
	if serving.dead() {
		t.Fatalf("the control plane ended: %v", serving.cmd.ProcessState)
	}
	free()
	settled(t, p, b.ID, s.folder, "completed")
	if _, err := c.CreateServer(t.Context(), web("afterwards")); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

func TestControlPlaneSaysThatItsDiskIsFullAtTheStart(t *testing.T) {
	t.Parallel()
	disk := testbed.Tmpfs(t, 1<<20)
	free := fill(t, disk)
	c := ServeConfig{Listen: "127.0.0.1:0", Config: Config{DataDir: filepath.Join(disk, "data")}}
	err := Serve(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "full") || !strings.Contains(err.Error(), disk) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("on a full disk: %v", err)
	}
	free()
	_, end := serve(t, c)
	if err := end(); err != nil {
		t.Errorf("with space again: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(c.DataDir, ".gitignore")); err != nil || string(text) != ignoreAll {
		t.Errorf(".gitignore %q, %v", text, err)
	}
}

// TestControlPlaneStartsAsSoonAsItsDiskHasTheSpace runs out of it a little later each time.
func TestControlPlaneStartsAsSoonAsItsDiskHasTheSpace(t *testing.T) {
	t.Parallel()
	disk := testbed.Tmpfs(t, 1<<20)
	fill(t, disk)
	c := ServeConfig{Listen: "127.0.0.1:0", Config: Config{DataDir: filepath.Join(disk, "data")}}
	for left := int64(1 << 20); left >= 0; left -= 32 << 10 {
		if err := os.Truncate(filepath.Join(disk, "filler"), left); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		ready := make(chan string, 1)
		c.Ready = func(a string) { ready <- a }
		go func() { ended <- Serve(t.Context(), c) }()
		select {
		case <-ready:
			return
		case err := <-ended:
			if !strings.Contains(err.Error(), "full") || !strings.Contains(err.Error(), "free space") {
				t.Errorf("with a filler of %d bytes: %v", left, err)
			}
		case <-time.After(patience()):
			t.Fatal("neither started nor ended")
		}
	}
	t.Error("it never started")
}
