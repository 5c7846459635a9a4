package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// TestGuideToFailures does what the guide says after a backup of a folder that is not there, which then is.
func TestGuideToFailures(t *testing.T) {
	t.Parallel()
	guide := read(t, "../../templates/guides/when-a-backup-fails.md")
	if read(t, "../../docs/guides/when-a-backup-fails.md") != guide {
		t.Error("docs/guides/when-a-backup-fails.md is not what make generate writes")
	}
	var blocks []string
	for _, m := range shellBlock.FindAllStringSubmatch(guide, -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) != 4 {
		t.Fatalf("%d blocks", len(blocks))
	}
	r := newReader(t, t.TempDir(), os.Environ())
	missing := filepath.Join(r.sshd.Dir("source"), "later")
	r.env = append(r.env, "MISSING="+missing)
	r.runs(`cloudaipilot server add web-1 --host $HOST --port $PORT --user $LOGIN --host-key "$HOST_KEY" --backup-dir /var/backups/cloudpilot
cloudaipilot server key web-1 | ssh root@$HOST "cat >> ~$LOGIN/.ssh/authorized_keys"
! cloudaipilot backup run web-1 --include $MISSING
`)
	refused := r.runs(blocks[0], "! cloudaipilot backup retry $BACKUP 2>&1\n")
	for _, want := range []string{"failed", missing, "would fail again", "--force"} {
		if !strings.Contains(refused, want) {
			t.Errorf("%q is not in\n%s", want, refused)
		}
	}
	if err := os.Mkdir(missing, 0o755); err != nil {
		t.Fatal(err)
	}
	out := r.runs(blocks...)
	for _, want := range []string{"Nothing to recover", "completed"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestRecoverServerRemovesWhatBackupsLeftAndTellsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	dir, source := ready(t, sshd), sshd.Dir("source")
	made := func() string {
		t.Helper()
		status, out, errOut := run(t, "backup", "run", "web-1", "--include", source, "--quiet", "--data-dir", dir)
		if status != 0 {
			t.Fatal(errOut)
		}
		return strings.TrimSpace(out)
	}
	good, deleted, stranger := made(), made(), "bk_01JCXM8B5D3F7H9K1M2P4R6T8V"
	if status, _, errOut := run(t, "backup", "delete", deleted, "--yes", "--data-dir", dir); status != 0 {
		t.Fatal(errOut)
	}
	put := func(id string) {
		t.Helper()
		file := filepath.Join(sshd.BackupDir, id, "archive.tar.gz.partial")
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, make([]byte, 100<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		sshd.Own(filepath.Dir(file))
		sshd.Own(file)
	}
	there := func(id string) bool {
		_, err := os.Stat(filepath.Join(sshd.BackupDir, id))
		return err == nil
	}
	put(deleted) // as by a restored copy of the server
	put(stranger)

	for _, wrong := range [][]string{{}, {good, "--server", "web-1"}, {"--server", "web-1", "--force"}} {
		if status, _, errOut := run(t, append([]string{"recover", "--data-dir", dir}, wrong...)...); status != 2 || !strings.Contains(errOut, "--server") {
			t.Errorf("%q: exit status %d, %s", wrong, status, errOut)
		}
	}
	status, out, errOut := run(t, "recover", "--server", "web-1", "--dry-run", "--data-dir", dir)
	for _, want := range []string{
		"would remove " + sshd.BackupDir + "/" + deleted + " (10", ": its backup was deleted on ",
		"stays: " + sshd.BackupDir + "/" + stranger + " (10", "no record here knows it", "as " + sshd.User + ": rm -rf " + sshd.BackupDir + "/" + stranger + "\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if status != 0 || strings.Contains(out, good) || !there(deleted) {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	status, out, _ = run(t, "recover", "--server", "web-1", "--json", "--data-dir", dir)
	var r api.ServerRecovery
	if err := json.Unmarshal([]byte(out), &r); status != 0 || err != nil || len(r.Orphans) != 2 || r.Server.Name != "web-1" || r.Orphans[0].Status != "told" || r.Orphans[1].Status != "done" || r.Orphans[1].SizeBytes < 100<<10 || r.Orphans[1].ChangedAt == nil {
		t.Errorf("exit status %d, %v, %s", status, err, out)
	}
	if there(deleted) || !there(stranger) || !there(good) {
		t.Errorf("deleted %v, stranger %v, good %v", there(deleted), there(stranger), there(good))
	}
	if status, out, _ = run(t, "recover", "--server", "web-1", "--quiet", "--data-dir", dir); status != 0 || out != stranger+"\n" {
		t.Errorf("exit status %d, %q", status, out)
	}
	if err := os.RemoveAll(filepath.Join(sshd.BackupDir, stranger)); err != nil {
		t.Fatal(err)
	}
	if _, out, _ = run(t, "recover", "--server", "web-1", "--data-dir", dir); !strings.Contains(out, "Nothing to recover") {
		t.Error(out)
	}
	sshd.Stop()
	if status, _, errOut = run(t, "recover", "--server", "web-1", "--data-dir", dir); status == 0 || !strings.Contains(errOut, "refused") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
}
