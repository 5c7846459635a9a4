package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The accounts setup.sh makes for tests that run as root.
const (
	testAccount = "cloudpilot-test"
	sudoAccount = "cloudpilot-sudo"
)

func loginAccount(t testing.TB, opts SSHDOptions) *user.User {
	t.Helper()
	root := os.Geteuid() == 0
	if (opts.AsRoot || opts.Sudo) && !root {
		t.Skip("logging in as root or with sudo rights needs tests that run as root")
	}
	name := opts.User
	switch {
	case name != "":
	case opts.AsRoot:
		name = "root"
	case opts.Sudo:
		name = sudoAccount
	case root:
		name = testAccount
	default:
		current, err := user.Current()
		if err != nil {
			t.Fatalf("find the current user: %v", err)
		}
		return current
	}
	account, err := user.Lookup(name)
	if err != nil {
		t.Fatalf("find the login account (internal/testbed/setup.sh makes it): %v", err)
	}
	return account
}

func ids(t testing.TB, account *user.User) (uid, gid int) {
	t.Helper()
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		t.Fatalf("user id of %s: %v", account.Username, err)
	}
	gid, err = strconv.Atoi(account.Gid)
	if err != nil {
		t.Fatalf("group id of %s: %v", account.Username, err)
	}
	return uid, gid
}

const sudoersDir = "/etc/sudoers.d"

// grantSudo lets the account run /bin/sh as another, such as root, until the test ends.
func grantSudo(t testing.TB, account, as string) {
	t.Helper()
	removeStaleSudoers()
	// sudo ignores names with a dot: that is where the file is checked before it counts.
	name := filepath.Join(sudoersDir, fmt.Sprintf("cloudpilot-test-%d-%d", os.Getpid(), randomInt(1<<30)))
	draft := name + ".draft"
	t.Cleanup(func() {
		_ = os.Remove(draft)
		_ = os.Remove(name)
	})
	if err := os.MkdirAll(sudoersDir, 0o750); err != nil {
		t.Fatalf("grant sudo: %v", err)
	}
	rule := account + " ALL=(" + as + ") NOPASSWD: /bin/sh\n"
	if err := os.WriteFile(draft, []byte(rule), 0o440); err != nil {
		t.Fatalf("grant sudo: %v", err)
	}
	if out, err := exec.Command("visudo", "-c", "-q", "-f", draft).CombinedOutput(); err != nil {
		t.Fatalf("grant sudo: visudo refuses the rule: %v\n%s", err, out)
	}
	if err := os.Rename(draft, name); err != nil {
		t.Fatalf("grant sudo: %v", err)
	}
}

// removeStaleSudoers removes what a killed test run left: the name carries the process that wrote it.
func removeStaleSudoers() {
	files, _ := filepath.Glob(filepath.Join(sudoersDir, "cloudpilot-test-*"))
	for _, file := range files {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(file), "cloudpilot-test-"), "-")
		n, err := strconv.Atoi(pid)
		if err == nil && syscall.Kill(n, 0) == syscall.ESRCH {
			_ = os.Remove(file)
		}
	}
}
