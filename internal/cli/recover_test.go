package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	if len(blocks) != 3 {
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
