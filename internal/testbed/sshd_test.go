package testbed_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// client runs OpenSSH's ssh with a key of its own and the given host key pinned.
type client struct {
	t          *testing.T
	dir        string
	PublicLine string
}

func newClient(t *testing.T) *client {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, dir: dir, PublicLine: string(public)}
}

func (c *client) command(user, host string, port int, hostKey, line string) *exec.Cmd {
	c.t.Helper()
	known := filepath.Join(c.dir, "known_hosts")
	entry := fmt.Sprintf("[%s]:%d %s\n", host, port, hostKey)
	if err := os.WriteFile(known, []byte(entry), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return exec.Command("ssh", "-F", "none", "-i", filepath.Join(c.dir, "key"), "-p", strconv.Itoa(port),
		"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile="+known, "-o", "ConnectTimeout=10",
		"--", user+"@"+host, line)
}

func (c *client) onSSHD(s *testbed.SSHD, line string) (string, error) {
	out, err := c.command(s.User, s.Host, s.Port, s.HostKeyLine, line).CombinedOutput()
	return string(out), err
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

func TestSSHDLetsOnlyAuthorisedKeysIn(t *testing.T) {
	t.Parallel()
	sshd, ssh := testbed.StartSSHD(t, testbed.SSHDOptions{}), newClient(t)

	out, err := ssh.onSSHD(sshd, "true")
	if err == nil || !strings.Contains(out, "Permission denied") {
		t.Fatalf("a key that is not authorised got in: %v %s", err, out)
	}
	sshd.Authorize(ssh.PublicLine)
	out, err = ssh.onSSHD(sshd, `id -un; mkdir "`+sshd.BackupDir+`" && echo made`)
	if err != nil || out != sshd.User+"\nmade\n" {
		t.Fatalf("after Authorize: %v %q\n%s", err, out, sshd.Log())
	}
	sshd.Deauthorize()
	if out, err = ssh.onSSHD(sshd, "true"); err == nil {
		t.Fatalf("got in after Deauthorize: %s", out)
	}
	if !strings.Contains(sshd.Log(), "Accepted publickey") {
		t.Fatalf("the log misses the login:\n%s", sshd.Log())
	}
}

func TestSSHDRestartsOnTheSamePort(t *testing.T) {
	t.Parallel()
	sshd, ssh := testbed.StartSSHD(t, testbed.SSHDOptions{}), newClient(t)
	sshd.Authorize(ssh.PublicLine)

	sshd.Stop()
	if out, err := ssh.onSSHD(sshd, "true"); err == nil || !strings.Contains(out, "Connection refused") {
		t.Fatalf("while stopped: %v %s", err, out)
	}
	sshd.Start()
	if out, err := ssh.onSSHD(sshd, "true"); err != nil {
		t.Fatalf("after Start: %v %s", err, out)
	}
	old := sshd.HostKeyLine
	sshd.RotateHostKey()
	out, err := ssh.command(sshd.User, sshd.Host, sshd.Port, old, "true").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Host key verification failed") {
		t.Fatalf("with the old host key: %v %s", err, out)
	}
	if out, err := ssh.onSSHD(sshd, "true"); err != nil {
		t.Fatalf("with the new host key: %v %s", err, out)
	}
}

func TestSSHDDropsConnectionsAndKeepsDetachedCommands(t *testing.T) {
	t.Parallel()
	sshd, ssh := testbed.StartSSHD(t, testbed.SSHDOptions{}), newClient(t)
	sshd.Authorize(ssh.PublicLine)
	dir := sshd.Dir("work")
	line := "cd '" + dir + "' && (setsid sh -c 'touch started; until test -e go; do sleep 0.05; done; touch survived' >/dev/null 2>&1 </dev/null &) ; sleep 600"
	session := ssh.command(sshd.User, sshd.Host, sshd.Port, sshd.HostKeyLine, line)
	if err := session.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the detached command starts", exists(filepath.Join(dir, "started")))
	if n := sshd.Connections(); n != 1 {
		t.Fatalf("%d connections are open, want 1", n)
	}

	if n := sshd.DropConnections(); n == 0 {
		t.Fatal("no connection was dropped")
	}
	var exit *exec.ExitError
	if err := session.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 255 {
		t.Fatalf("the client's end: %v, want exit status 255", err)
	}
	if out, err := ssh.onSSHD(sshd, "touch '"+dir+"/go'"); err != nil {
		t.Fatalf("connect again: %v %s", err, out)
	}
	eventually(t, "the detached command goes on", exists(filepath.Join(dir, "survived")))
}

func TestSSHDEndsWhatLoginsStarted(t *testing.T) {
	t.Parallel()
	ssh := newClient(t)
	var sshd *testbed.SSHD
	t.Run("a job is detached", func(t *testing.T) {
		sshd = testbed.StartSSHD(t, testbed.SSHDOptions{Sudo: os.Geteuid() == 0})
		sshd.Authorize(ssh.PublicLine)
		line := "setsid sleep 600 >/dev/null 2>&1 </dev/null &"
		if os.Geteuid() == 0 {
			line = "setsid sudo -n /bin/sh -c 'sleep 600; true' >/dev/null 2>&1 </dev/null &"
		}
		if out, err := ssh.onSSHD(sshd, line); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		want := 1
		if os.Geteuid() == 0 {
			want = 3 // sudo, sh, sleep
		}
		eventually(t, "the job runs and the login is over", func() bool {
			return len(sshd.Commands()) == want && sshd.Connections() == 0
		})
	})
	if left := sshd.Commands(); len(left) > 0 {
		t.Errorf("processes %v outlived the test", left)
	}
}

func TestSSHDGrantsSudoForTheTestOnly(t *testing.T) {
	ssh := newClient(t)
	t.Run("granted", func(t *testing.T) {
		sshd := testbed.StartSSHD(t, testbed.SSHDOptions{Sudo: true})
		sshd.Authorize(ssh.PublicLine)
		if out, err := ssh.onSSHD(sshd, "sudo -n /bin/sh -c 'id -u'"); err != nil || out != "0\n" {
			t.Fatalf("sudo: %v %q", err, out)
		}
		if out, err := ssh.onSSHD(sshd, "sudo -n /usr/bin/id"); err == nil {
			t.Fatalf("sudo runs more than /bin/sh: %s", out)
		}
	})
	t.Run("not granted", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("the current user's own sudo rights are not this test's business")
		}
		sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
		sshd.Authorize(ssh.PublicLine)
		if out, err := ssh.onSSHD(sshd, "sudo -n /bin/sh -c 'id -u'"); err == nil {
			t.Fatalf("sudo without a grant: %s", out)
		}
	})
}

func TestSSHDLogsInAsRoot(t *testing.T) {
	t.Parallel()
	sshd, ssh := testbed.StartSSHD(t, testbed.SSHDOptions{AsRoot: true}), newClient(t)
	sshd.Authorize(ssh.PublicLine)
	if out, err := ssh.onSSHD(sshd, "id -u"); err != nil || out != "0\n" {
		t.Fatalf("login: %v %q", err, out)
	}
}

func TestGoSSHServerRunsCommands(t *testing.T) {
	t.Parallel()
	ssh, home := newClient(t), t.TempDir()
	keys := filepath.Join(home, "authorized_keys")
	server, err := testbed.StartGoSSHServer(testbed.GoSSHOptions{AuthorizedKeys: keys, Home: home})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	command := func(line string) *exec.Cmd {
		return ssh.command(server.User, server.Host, server.Port, server.HostKeyLine, line)
	}

	if out, err := command("true").CombinedOutput(); err == nil || !bytes.Contains(out, []byte("Permission denied")) {
		t.Fatalf("a key that is not authorised got in: %v %s", err, out)
	}
	if err := os.WriteFile(keys, []byte("# a comment\n\n"+ssh.PublicLine), 0o600); err != nil {
		t.Fatal(err)
	}

	var stdout, stderr bytes.Buffer
	cmd := command(`pwd; cat; echo "$HOME$SECRET" >&2; exit 7`)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("from standard input\n"), &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Fatalf("exit status: %v, want 7", err)
	}
	if want := home + "\nfrom standard input\n"; stdout.String() != want {
		t.Errorf("standard output %q, want %q", stdout.String(), want)
	}
	if want := home + "\n"; stderr.String() != want {
		t.Errorf("standard error %q, want %q", stderr.String(), want)
	}
}

func TestGoSSHServerKeepsDetachedCommands(t *testing.T) {
	t.Parallel()
	ssh, home := newClient(t), t.TempDir()
	keys := filepath.Join(home, "authorized_keys")
	if err := os.WriteFile(keys, []byte(ssh.PublicLine), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := testbed.StartGoSSHServer(testbed.GoSSHOptions{AuthorizedKeys: keys, Home: home})
	if err != nil {
		t.Fatal(err)
	}
	line := "(setsid sh -c 'touch started; until test -e go; do sleep 0.05; done; touch survived' >/dev/null 2>&1 </dev/null &) ; sleep 600"
	session := ssh.command(server.User, server.Host, server.Port, server.HostKeyLine, line)
	if err := session.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the detached command starts", exists(filepath.Join(home, "started")))

	server.Close()
	if err := session.Wait(); err == nil {
		t.Fatal("the client saw no end of the connection")
	}
	if err := os.WriteFile(filepath.Join(home, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the detached command goes on", exists(filepath.Join(home, "survived")))
}

func TestGoSSHServerEndsDetachedCommandsWhenAsked(t *testing.T) {
	t.Parallel()
	ssh, home := newClient(t), t.TempDir()
	keys := filepath.Join(home, "authorized_keys")
	if err := os.WriteFile(keys, []byte(ssh.PublicLine), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := testbed.StartGoSSHServer(testbed.GoSSHOptions{AuthorizedKeys: keys, Home: home})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	line := "setsid sh -c 'echo $$ >pid; sleep 600; touch survived' >/dev/null 2>&1 </dev/null &"
	if out, err := ssh.command(server.User, server.Host, server.Port, server.HostKeyLine, line).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var pid string
	eventually(t, "the detached command starts", func() bool {
		text, _ := os.ReadFile(filepath.Join(home, "pid"))
		pid = strings.TrimSpace(string(text))
		return pid != ""
	})

	server.EndCommands()
	if state, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && !bytes.Contains(state, []byte(") Z ")) {
		t.Fatalf("the detached command goes on: %s", state)
	}
}

func exists(path string) func() bool {
	return func() bool {
		_, err := os.Stat(path)
		return err == nil
	}
}
