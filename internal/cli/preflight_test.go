package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

func TestPreflightPrintsEachAnswerWhenItIsKnown(t *testing.T) {
	t.Parallel()
	for name, served := range map[string]bool{"embedded": false, "by a server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			printsEachAnswer(t, served)
		})
	}
}

// printsEachAnswer has du wait until the answers before it are on the terminal.
func printsEachAnswer(t *testing.T, served bool) {
	t.Helper()
	gate := filepath.Join(t.TempDir(), "open")
	for dir := filepath.Dir(gate); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755) // the login user looks for it
	}
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{Programs: map[string]string{
		"du": `case $1 in --version) ;; *) until [ -e "` + gate + `" ]; do sleep 0.1; done ;; esac; exec /usr/bin/du "$@"`,
	}})
	source := sshd.Dir("source")
	dir := ready(t, sshd)
	if served {
		defer serve(t, dir)()
	}
	x := onTerminal(t, 120, nil, "preflight", "--server", "web-1", "--include", source, "--data-dir", dir)
	x.sees("\r\x1b[Klooking at: space")
	early := x.text()
	for _, name := range []string{"key", "login", "tools", "sources", "backup_dir"} {
		if !strings.Contains(early, " "+name+"\r\n") && !strings.Contains(early, " "+name+" (") {
			t.Errorf("%s was not answered yet: %q", name, early)
		}
	}
	if strings.Contains(early, "before compression") {
		t.Errorf("du has not ended: %q", early)
	}
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if status := x.end(); status != 0 || !strings.Contains(x.text(), "before compression") || !strings.Contains(x.text(), "The server's clock is that of the control plane") {
		t.Errorf("exit status %d, %q", status, x.text())
	}
	status, out, _ := run(t, "preflight", "--server", "web-1", "--include", source, "--data-dir", dir)
	if status != 0 || strings.Contains(out, "looking at") || strings.Count(out, "\n") < 26 {
		t.Errorf("no terminal: exit status %d, %q", status, out)
	}
}
