package app

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// restartedCat is cat on a server that says another boot once it was "restarted".
const restartedCat = `case "$*" in
*/boot_id) if [ -e "${0%/*}/../gate/restarted" ]; then echo 11111111-2222-3333-4444-555555555555; exit; fi ;;
esac
exec /bin/cat "$@"
`

func TestVanishedJobIsExplainedByWhatBecameOfItsProcess(t *testing.T) {
	t.Parallel()
	kill := func(t *testing.T, job backup.Job) {
		t.Helper()
		if err := syscall.Kill(-job.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	restart := func(t *testing.T, s *slowServer, job backup.Job) {
		t.Helper()
		s.Stop()
		kill(t, job)
		if err := os.WriteFile(filepath.Join(s.gate, "restarted"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s.Own(filepath.Join(s.gate, "restarted"))
	}
	remove := func(t *testing.T, s *slowServer, id string) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(s.folder, id)); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		happens func(t *testing.T, s *slowServer, id string, job backup.Job)
		title   string
		process backup.ProcessState
		says    string
	}{
		"killed": {func(t *testing.T, _ *slowServer, _ string, job backup.Job) {
			t.Helper()
			kill(t, job)
		}, "the job on the server is gone", backup.ProcessGone, "the server was not restarted: it is up since "},
		"restarted": {func(t *testing.T, s *slowServer, _ string, job backup.Job) {
			t.Helper()
			restart(t, s, job)
			s.Start()
		}, "the server was restarted during the backup", backup.ProcessFormerBoot, "belongs to a former boot of the server, which was started again at "},
		"restarted, with /tmp emptied": {func(t *testing.T, s *slowServer, id string, job backup.Job) {
			t.Helper()
			restart(t, s, job)
			remove(t, s, id)
			s.Start()
		}, "the server was restarted during the backup", backup.ProcessFormerBoot, `its last step was "archive"`},
		"folder removed": {func(t *testing.T, s *slowServer, id string, _ backup.Job) {
			t.Helper()
			remove(t, s, id)
		}, "the backup's folder was removed while it was made", backup.ProcessLives, " lives, but somebody removed "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := newSlowServerWith(t, map[string]string{"cat": restartedCat}), place(filepath.Join(t.TempDir(), "data"))
			b := p.leave(t, login(s.SSHD, s.folder), s.Authorize, s.source)
			_, end := serve(t, p.config())
			s.half(t, p, b.ID)
			s.seen(t, p, b.ID)
			stranger, job := s.strangers(t), p.job(t, b.ID)
			test.happens(t, s, b.ID, job)

			done := s.failedAndClean(t, p, b.ID, stranger, "job_gone")
			f := done.Failure
			if f.Title != test.title || f.Evidence.Process != test.process || f.Evidence.BootedAt.IsZero() || !strings.Contains(f.Cause, test.says) {
				t.Errorf("%s: %s (%s), booted %s", f.Title, f.Cause, f.Evidence.Process, f.Evidence.BootedAt)
			}
			log, err := p.client(t).BackupLog(t.Context(), b.ID)
			told := ""
			for _, l := range log.Lines {
				told += l.Text + "\n"
			}
			if !strings.Contains(told, test.says) {
				t.Errorf("the log (%v):\n%s", err, told)
			}
			gone(t, job.PID)
			if err := end(); err != nil {
				t.Error(err)
			}
		})
	}
}
