package cli_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// TestRetryIsRefusedWhileTheDiskIsAsSmall: a full disk that still would not hold the archive is told before it is filled again.
func TestRetryIsRefusedWhileTheDiskIsAsSmall(t *testing.T) {
	t.Parallel()
	disk := testbed.Tmpfs(t, 8<<20)
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	sshd.BackupDir = disk + "/backups"
	source := sshd.Dir("source")
	noise := make([]byte, 12<<20)
	_, _ = rand.Read(noise)
	big := filepath.Join(source, "big")
	if err := os.WriteFile(big, noise, 0o644); err != nil {
		t.Fatal(err)
	}
	dir := ready(t, sshd)
	status, out, errOut := run(t, "backup", "run", "web-1", "--include", source, "--data-dir", dir)
	if status != 1 || !strings.Contains(errOut, "NO_SPACE_LEFT") {
		t.Fatalf("exit status %d: %s%s", status, out, errOut)
	}
	_, id, _ := run(t, "backup", "list", "--quiet", "--data-dir", dir)
	id = strings.TrimSpace(id)
	for _, want := range []string{"had 0 bytes left of 8.0 MiB when the archive could not be written any further; 7.", "7.9 MiB of it were done"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not in %s", want, errOut)
		}
	}

	retry := func(flags ...string) (int, string) {
		status, out, errOut := run(t, append([]string{"backup", "retry", id, "--data-dir", dir}, flags...)...)
		return status, out + errOut
	}
	status, said := retry()
	for _, want := range []string{"would fail again: the backup would not fit on the server's disk (NO_SPACE_LEFT)", "KiB are missing", "Delete old backups of this server", "--force"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if _, all, _ := run(t, "backup", "list", "--quiet", "--data-dir", dir); status != 1 || strings.TrimSpace(all) != id {
		t.Errorf("exit status %d, backups %s", status, all)
	}
	if status, said = retry("--force"); status != 1 || !strings.Contains(said, "the server's disk is full") {
		t.Errorf("forced: exit status %d, %s", status, said)
	}
	if err := os.WriteFile(big, noise[:4<<20], 0o644); err != nil { // the sources hold less now
		t.Fatal(err)
	}
	if status, said = retry(); status != 0 || !strings.Contains(said, "completed") {
		t.Errorf("exit status %d, %s", status, said)
	}
}
