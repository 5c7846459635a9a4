package ssh

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// flavour is a shell, and with it a set of tools, that a server may have.
type flavour struct {
	name    string
	shell   string // what /bin/sh is there
	busybox bool   // tar, gzip and the rest are BusyBox's too
}

var busyboxTools = strings.Fields("tar gzip setsid sha256sum df mkfifo tee sync mv rm mkdir rmdir cat ls wc sed head tail tr sleep date id du awk")

// flavours are run by every script test. What is not installed is skipped here and nowhere else.
var flavours = []flavour{
	{name: "dash", shell: "dash"},
	{name: "bash", shell: "bash"},
	{name: "busybox sh", shell: "busybox"},
	{name: "busybox", shell: "busybox", busybox: true},
}

func forEachFlavour(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	for _, f := range flavours {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			test(t, newServer(t, f))
		})
	}
}

// toolsets are the flavours that differ most, for tests that take long.
var toolsets = []flavour{flavours[0], flavours[3]}

func forEachToolset(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	for _, f := range toolsets {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			test(t, newServer(t, f))
		})
	}
}

// server is this machine, made to look like a server of some flavour.
type server struct {
	flavour
	t     *testing.T
	shell string
	bin   string // first in PATH: the shell as sh, BusyBox's tools, and tools made to fail
	dir   string // scratch, holds the backup folder
	root  string
	env   []string
}

func newServer(t *testing.T, f flavour) *server {
	t.Helper()
	shell, err := exec.LookPath(cmp.Or(os.Getenv("TEST_"+strings.ToUpper(f.shell)), f.shell))
	if err != nil {
		t.Skipf("%s is not installed", f.shell)
	}
	dir := testDir(t)
	s := &server{flavour: f, t: t, shell: shell, bin: filepath.Join(dir, "bin"), dir: dir, root: filepath.Join(dir, "backups")}
	must(t, os.Mkdir(s.bin, 0o755))
	must(t, os.Symlink(shell, filepath.Join(s.bin, "sh")))
	if f.busybox {
		for _, tool := range busyboxTools {
			must(t, os.Symlink(shell, filepath.Join(s.bin, tool)))
		}
	}
	if f.busybox && !s.tarReadsLists() {
		s.fake("tar", busyboxTar)
	}
	t.Cleanup(s.endJobs)
	return s
}

// busyboxTar stands in for a BusyBox tar with -T and -X where this machine's was built without:
// it takes names line by line, and anchors no pattern.
const busyboxTar = `case "$*" in --version) echo "tar (busybox) 1.36.1"; exit ;; esac
exec /bin/tar --no-unquote --no-anchored --wildcards "$@"`

func (s *server) tarReadsLists() bool {
	help, _ := exec.Command(s.shell, "tar", "--help").CombinedOutput()
	return bytes.Contains(help, []byte("-T FILE"))
}

// testDir is like t.TempDir, with a path that is a valid backup folder.
func testDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sshtest-") //nolint:usetesting // t.TempDir has the test's name in it
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	dir, err = filepath.EvalSymlinks(dir)
	must(t, err)
	return dir
}

// fake puts a tool in front of the one that is there. In its text, REAL is that one.
func (s *server) fake(tool, text string) {
	s.t.Helper()
	file := filepath.Join(s.bin, tool)
	behind, err := exec.LookPath(tool)
	if _, statErr := os.Lstat(file); statErr == nil {
		behind = filepath.Join(s.bin, "real", tool)
		must(s.t, os.MkdirAll(filepath.Dir(behind), 0o755))
		err = os.Rename(file, behind)
	}
	must(s.t, err)
	text = "#!/bin/sh\n" + strings.ReplaceAll(text, "REAL", behind) + "\n"
	must(s.t, os.WriteFile(file, []byte(text), 0o755))
}

func (s *server) host() Host { return Host{Client: s, Root: s.root} }

// Run is [Conn] without a network: what sshd does with the login user's shell.
func (s *server) Run(ctx context.Context, command string, in io.Reader, out, errOut io.Writer) error {
	command = strings.Replace(command, "/bin/sh", filepath.Join(s.bin, "sh"), 1)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "sh"), "-c", command)
	cmd.Env = append([]string{"PATH=" + s.bin + ":" + os.Getenv("PATH"), "HOME=" + s.dir}, s.env...)
	cmd.Dir = "/"
	var said bytes.Buffer
	if errOut == nil {
		errOut = io.Discard
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, io.MultiWriter(&said, errOut)
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &RemoteError{Exit: exit.ExitCode(), Stderr: said.String()}
	}
	return err
}

// endJobs ends what a failed test left running: the groups of the jobs in our own folders.
func (s *server) endJobs() {
	jobs, _ := filepath.Glob(filepath.Join(s.dir, "*", "*", "job"))
	for _, file := range jobs {
		id := filepath.Base(filepath.Dir(file))
		host := Host{Client: s, Root: filepath.Dir(filepath.Dir(file))}
		if status, err := host.Status(context.Background(), id); err == nil && status.Alive {
			_ = syscall.Kill(-status.Job.PID, syscall.SIGKILL)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// waitFor polls until done.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	poll := time.Tick(50 * time.Millisecond)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-poll {
		if done() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}
