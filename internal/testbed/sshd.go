package testbed

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// readyTimeout bounds every wait for a daemon to come up or to go away.
const readyTimeout = 20 * time.Second

// SSHDOptions says who logs in. The zero value is right for most tests.
type SSHDOptions struct {
	// User is the login name. Empty: the account cloudpilot-test when the tests run as root,
	// else the current user, the only one an unprivileged sshd can log in.
	User string
	// AsRoot logs in as root. The test is skipped unless it runs as root.
	AsRoot bool
	// Sudo logs in as an account that may run /bin/sh as root without a password, for as long as
	// the test runs. The test is skipped unless it runs as root. The account is not the default
	// one, so that tests running at the same time are not given sudo as well.
	Sudo bool
	// SudoTo, with Sudo, is the account to become instead of root.
	SudoTo string
	// Programs are shell scripts, by the names that they have on the PATH of every command, before the system's own.
	Programs map[string]string
}

// SSHD is a real OpenSSH daemon on loopback. Its methods fail the test when they cannot do their work.
type SSHD struct {
	Host string
	Port int
	User string
	Home string
	// HostKeyLine is the current host key, "ssh-ed25519 AAAA...", without a comment.
	HostKeyLine string
	// BackupDir is a path where nothing exists yet. The login user owns its parent.
	BackupDir string

	t        testing.TB
	account  *user.User
	programs bool
	base     string // world-traversable and short: unix socket paths are limited to 107 bytes
	log      *logBuffer
	keys     sync.Mutex // guards authorized_keys: parallel tests share a server
	mu       sync.Mutex
	listener *exec.Cmd
	exited   chan struct{}
}

// StartSSHD starts OpenSSH's sshd with a configuration of its own on a free loopback port, with nobody
// authorised yet. When the test ends, so do the daemon, its connections and the commands they started, detached
// ones included. Without sshd on the machine the test fails: setup.sh installs it.
func StartSSHD(t testing.TB, opts SSHDOptions) *SSHD {
	t.Helper()
	s := &SSHD{Host: "127.0.0.1", t: t, account: loginAccount(t, opts), log: &logBuffer{}}
	s.User, s.Home = s.account.Username, s.account.HomeDir
	s.base = shortDir(t)
	s.BackupDir = filepath.Join(s.Dir("srv"), "backups")
	if opts.Sudo {
		grantSudo(t, s.User, cmp.Or(opts.SudoTo, "root"))
	}
	if os.Geteuid() == 0 {
		// sshd's privilege separation directory, which a service manager would have made.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatalf("make sshd's privilege separation directory: %v", err)
		}
	}
	s.Deauthorize()
	s.newHostKey()
	s.install(opts.Programs)
	t.Cleanup(func() {
		s.Stop()
		killAll(s.Commands())
		if t.Failed() {
			t.Logf("sshd log:\n%s", s.Log())
		}
	})

	// Another process can take a free port before sshd does: the one failure worth another try.
	var err error
	for range 5 {
		s.Port = freePort(t)
		if err = s.start(); err == nil {
			return s
		}
	}
	t.Fatalf("start sshd: %v", err)
	return nil
}

func (s *SSHD) install(programs map[string]string) {
	s.t.Helper()
	s.programs = len(programs) > 0
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(s.Dir("bin"), name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			s.t.Fatalf("install %s for the login user: %v", name, err)
		}
	}
}

// Authorize lets the owner of this public key line log in, next to those who already may.
func (s *SSHD) Authorize(publicLine string) {
	s.t.Helper()
	s.keys.Lock()
	defer s.keys.Unlock()
	have, err := os.ReadFile(s.authorizedKeys())
	if err != nil {
		s.t.Fatalf("read authorized_keys: %v", err)
	}
	s.writeAuthorized(string(have) + strings.TrimSpace(publicLine) + "\n")
}

// Deauthorize lets nobody log in any more. Open connections stay: see DropConnections.
func (s *SSHD) Deauthorize() {
	s.t.Helper()
	s.keys.Lock()
	defer s.keys.Unlock()
	s.writeAuthorized("")
}

// Dir makes a directory that the login user owns and everybody may read. Calling it again returns the same one.
func (s *SSHD) Dir(name string) string {
	s.t.Helper()
	dir := filepath.Join(s.base, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatalf("make a directory for the login user: %v", err)
	}
	s.Own(dir)
	return dir
}

// Own gives one file or directory to the login user.
func (s *SSHD) Own(path string) {
	s.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	uid, gid := ids(s.t, s.account)
	if err := os.Lchown(path, uid, gid); err != nil {
		s.t.Fatalf("give %s to %s: %v", path, s.User, err)
	}
}

// Start starts the daemon again on the same port after Stop.
func (s *SSHD) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("start sshd on port %d: %v", s.Port, err)
	}
}

// Stop ends the daemon and cuts its connections; connecting is refused from here on.
// Commands that were running go on, as they do when a real sshd is killed.
func (s *SSHD) Stop() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return
	}
	// Freeze the listener first, so that no connection is born between the two steps.
	_ = s.listener.Process.Signal(syscall.SIGSTOP)
	killAll(frozen(s.listener.Process.Pid))
	_ = s.listener.Process.Kill()
	<-s.exited
	s.listener = nil
}

// RotateHostKey restarts the daemon on the same port with another host key and updates HostKeyLine.
func (s *SSHD) RotateHostKey() {
	s.t.Helper()
	s.Stop()
	s.newHostKey()
	s.Start()
}

// DropConnections cuts every open connection and returns how many daemon processes that took (0: none was open).
// The daemon goes on listening.
func (s *SSHD) DropConnections() int {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return 0
	}
	pids := frozen(s.listener.Process.Pid)
	killAll(pids)
	return len(pids)
}

// Connections counts the connections that are open now, logged in or not.
func (s *SSHD) Connections() int {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return 0
	}
	n := 0
	for _, p := range processes() {
		if p.parent == s.listener.Process.Pid {
			n++
		}
	}
	return n
}

// Commands returns the process ids of what logins have started and is still running, detached jobs included.
func (s *SSHD) Commands() []int { return commands(s.Port) }

// Log returns what the daemon has logged so far, at level VERBOSE.
func (s *SSHD) Log() string { return s.log.String() }

func (s *SSHD) authorizedKeys() string { return filepath.Join(s.base, "authorized_keys") }

func (s *SSHD) writeAuthorized(text string) {
	s.t.Helper()
	// Renamed into place: a login at the same time sees the old list or the new one.
	next := s.authorizedKeys() + ".new"
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		s.t.Fatalf("write authorized_keys: %v", err)
	}
	s.Own(next)
	if err := os.Rename(next, s.authorizedKeys()); err != nil {
		s.t.Fatalf("write authorized_keys: %v", err)
	}
}

func (s *SSHD) newHostKey() {
	s.t.Helper()
	private, line, err := newHostKey()
	if err != nil {
		s.t.Fatalf("make a host key: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.base, "host_key"), private, 0o600); err != nil {
		s.t.Fatalf("write the host key: %v", err)
	}
	s.HostKeyLine = line
}

func (s *SSHD) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	config := filepath.Join(s.base, "sshd_config")
	if err := os.WriteFile(config, []byte(s.config()), 0o600); err != nil {
		return err
	}
	binary, err := findSSHD()
	if err != nil {
		return err
	}
	// -D: no daemon, so that the process is ours to wait for; -e: log to standard error.
	cmd := exec.Command(binary, "-D", "-e", "-f", config)
	// A test run that panics or is killed cleans nothing up: then the kernel ends the daemon.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	exited, listening, logged := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(logged)
		s.log.follow(stderr, "Server listening on ", listening)
	}()
	go func() {
		defer close(exited)
		// Wait for the process, not for its pipe: connections inherit the pipe and may outlive the listener.
		_, _ = cmd.Process.Wait()
	}()
	select {
	case <-listening:
		s.listener, s.exited = cmd, exited
		return nil
	case <-exited:
		<-logged
		return fmt.Errorf("sshd ended at once: %s", s.Log())
	case <-time.After(readyTimeout):
		_ = cmd.Process.Kill()
		<-exited
		return fmt.Errorf("sshd is not listening after %s: %s", readyTimeout, s.Log())
	}
}

func (s *SSHD) config() string {
	lines := []string{
		"ListenAddress 127.0.0.1:" + strconv.Itoa(s.Port),
		"HostKey " + filepath.Join(s.base, "host_key"),
		"AuthorizedKeysFile " + s.authorizedKeys(),
		"PidFile none",
		"UsePAM no",
		"StrictModes no",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"PermitRootLogin prohibit-password",
		"AllowUsers " + s.User,
		"MaxStartups 1000",
		"MaxSessions 1000",
		"UseDNS no",
		"LogLevel VERBOSE",
		"Subsystem sftp internal-sftp",
	}
	if s.programs {
		lines = append(lines, "SetEnv PATH="+filepath.Join(s.base, "bin")+":/usr/local/bin:/usr/bin:/bin")
	}
	return strings.Join(lines, "\n") + "\n"
}

func findSSHD() (string, error) {
	// sshd insists on an absolute path, and sbin is often not on the PATH of a user.
	if path, err := exec.LookPath("sshd"); err == nil {
		return filepath.Abs(path)
	}
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no sshd on this machine: run internal/testbed/setup.sh")
}

// freePort picks a port below the range the kernel gives to outgoing connections, so that a
// connection of some other test cannot take it while the daemon restarts.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + randomInt(12000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = l.Close()
		return port
	}
	t.Fatal("no free port between 20000 and 32000")
	return 0
}

// logBuffer collects a daemon's log while it is read.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// follow copies lines until the reader ends, and closes found at the first line with the marker.
func (b *logBuffer) follow(r io.Reader, marker string, found chan<- struct{}) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		b.mu.Lock()
		b.text.WriteString(line)
		b.mu.Unlock()
		if found != nil && strings.Contains(line, marker) {
			close(found)
			found = nil
		}
		if err != nil {
			return
		}
	}
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
