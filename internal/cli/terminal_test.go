package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// terminal is the built program on a terminal of its own.
type terminal struct {
	t      *testing.T
	keys   *os.File
	cmd    *exec.Cmd
	mu     sync.Mutex
	screen bytes.Buffer
	ended  chan struct{}
}

// onTerminal starts the program on a terminal that is so many columns wide.
func onTerminal(t *testing.T, columns uint16, env []string, args ...string) *terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals on this machine: %v", err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	fd := int(keys.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals on this machine: %v", err)
	}
	defer tty.Close()
	term := &terminal{t: t, keys: keys, ended: make(chan struct{})}
	term.cmd = exec.Command(testbed.BuildProvider(t), args...)
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = tty, tty, tty
	term.cmd.Env = append(append(os.Environ(), "TERM=xterm", "NO_COLOR="), env...)
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := term.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.cmd.Process.Kill() })
	go func() {
		defer close(term.ended)
		buffer := make([]byte, 4096)
		for {
			n, err := keys.Read(buffer)
			term.mu.Lock()
			term.screen.Write(buffer[:n])
			term.mu.Unlock()
			if err != nil { // EIO: the last one that had the terminal open is gone
				return
			}
		}
	}()
	return term
}

// text is all that was written to the terminal so far.
func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

// sees waits until a text was written.
func (x *terminal) sees(text string) {
	x.t.Helper()
	waitFor(x.t, func() bool { return strings.Contains(x.text(), text) })
}

func (x *terminal) types(keys string) {
	x.t.Helper()
	if _, err := x.keys.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// end waits for the end of the program and returns its exit status.
func (x *terminal) end() int {
	x.t.Helper()
	_ = x.cmd.Wait()
	<-x.ended
	return x.cmd.ProcessState.ExitCode()
}

func TestCtrlCLeavesTheBackupRunning(t *testing.T) {
	t.Parallel()
	sshd, open := gatedSSHD(t)
	source := sshd.Dir("source")
	testbed.Tree(t, source)
	dir := ready(t, sshd)
	x := onTerminal(t, 120, nil, "backup", "run", "web-1", "--include", source, "--data-dir", dir)
	x.sees("\r\x1b[Karchive  ")
	x.types("\x03")
	if status := x.end(); status != 130 || !strings.Contains(x.text(), "was not cancelled") {
		t.Fatalf("exit status %d, %q", status, x.text())
	}
	_, id, _ := run(t, "backup", "list", "--quiet", "--data-dir", dir)
	id = strings.TrimSpace(id)
	for _, want := range []string{"cloudaipilot backup wait " + id + " --data-dir", "cloudaipilot backup cancel " + id + " --data-dir", "nobody looks after it"} {
		if !strings.Contains(x.text(), want) {
			t.Errorf("%q is not on the terminal: %q", want, x.text())
		}
	}
	if len(sshd.Commands()) == 0 {
		t.Error("the job was ended")
	}
	open()
	if status, out, errOut := run(t, "backup", "wait", id, "--data-dir", dir); status != 0 || !strings.Contains(out, "completed") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
}

func TestRemovalAsksOnATerminal(t *testing.T) {
	t.Parallel()
	dir, _, _ := failedBackup(t)
	for _, test := range []struct {
		answer string
		status int
		says   string
	}{{"\r", 1, "nothing was done"}, {"n\r", 1, "nothing was done"}, {"\x03", 130, "Interrupted"}, {"y\r", 0, "Server web-1 removed."}} {
		x := onTerminal(t, 100, nil, "server", "remove", "web-1", "--data-dir", dir)
		x.sees("[y/N] ")
		if !strings.Contains(x.text(), "Its key goes, for good") {
			t.Errorf("%q", x.text())
		}
		x.types(test.answer)
		if status := x.end(); status != test.status || !strings.Contains(x.text(), test.says) {
			t.Errorf("answer %q: exit status %d, %q", test.answer, status, x.text())
		}
	}
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

func TestTablesFitTheTerminalAndColoursCanBeOff(t *testing.T) {
	t.Parallel()
	dir, _, b := failedBackup(t)
	for _, test := range []struct {
		name    string
		columns uint16
		env     []string
		args    []string
		colours bool
	}{
		{"narrow", 80, nil, nil, true},
		{"wide", 300, nil, nil, true},
		{"NO_COLOR", 300, []string{"NO_COLOR=1"}, nil, false},
		{"dumb", 300, []string{"TERM=dumb"}, nil, false},
		{"--no-color", 300, nil, []string{"--no-color"}, false},
	} {
		x := onTerminal(t, test.columns, test.env, append([]string{"backup", "list", "--data-dir", dir}, test.args...)...)
		if status := x.end(); status != 0 {
			t.Errorf("%s: exit status %d", test.name, status)
		}
		text := x.text()
		if coloured := strings.Contains(text, "\x1b[31mfailed"); coloured != test.colours || strings.Contains(text, "\x1b") != test.colours {
			t.Errorf("%s: %q", test.name, text)
		}
		if !strings.Contains(text, b.ID) {
			t.Errorf("%s: the id was cut: %q", test.name, text)
		}
		for line := range strings.Lines(strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "", "\r", "").Replace(text)) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > int(test.columns) {
				t.Errorf("%s: a line of %d columns: %q", test.name, n, line)
			}
		}
		narrow := test.columns < 100
		if strings.Contains(text, "…") != narrow || strings.Contains(text, "EXPIRES") == narrow || !strings.Contains(text, clock(b.CreatedAt)) {
			t.Errorf("%s: %q", test.name, text)
		}
	}
}
