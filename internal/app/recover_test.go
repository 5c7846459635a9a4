package app

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// gone waits until a process of the server is no more.
func gone(t *testing.T, pid int) {
	t.Helper()
	until(t, "process "+strconv.Itoa(pid)+" has ended", func() bool {
		return syscall.Kill(pid, 0) == syscall.ESRCH
	})
}

// job is the process that makes a backup, as the records have it.
func (p place) job(t *testing.T, id string) backup.Job {
	t.Helper()
	b, err := p.open(t).Backup(t.Context(), backup.ID(id))
	if err != nil || b.Job.PID == 0 {
		t.Fatalf("job %+v, %v", b.Job, err)
	}
	return b.Job
}

// strangers puts a folder with the form of a backup's, which nobody here knows, beside the backups.
func (s *slowServer) strangers(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(s.folder, "bk_01JCXM8B5D3F7H9K1M2P4R6T8V", "archive.tar.gz")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("good"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// failedAndClean checks that nothing of a backup is left, and that a stranger's is.
func (s *slowServer) failedAndClean(t *testing.T, p place, id, stranger, class string) api.Backup {
	t.Helper()
	var b api.Backup
	until(t, "it has failed", func() bool {
		b, _ = p.client(t).Backup(t.Context(), id)
		return b.Status == "failed"
	})
	if b.Failure == nil || b.Failure.Class != class || b.Failure.Code != "STUCK" || b.OnServer {
		t.Errorf("%+v", b.Failure)
	}
	if _, err := os.Stat(filepath.Join(s.folder, id)); !os.IsNotExist(err) {
		t.Errorf("its folder: %v", err)
	}
	if _, err := os.Stat(stranger); err != nil {
		t.Errorf("a folder of somebody else: %v", err)
	}
	return b
}

func TestJobThatHangsIsStuckTriedOnceMoreAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s, p := newSlowServer(t), place(filepath.Join(t.TempDir(), "data"))
	b := p.leave(t, login(s.SSHD, s.folder), s.Authorize, s.source)
	c := p.config()
	c.StuckAfter, c.MaxTries = 2*time.Second, 2
	_, end := serve(t, c)
	s.half(t, p, b.ID)
	stranger, job := s.strangers(t), p.job(t, b.ID)
	done := s.failedAndClean(t, p, b.ID, stranger, "job_stuck_no_progress")
	if len(done.Tries) != 1 || done.Tries[0].Class != "job_stuck_no_progress" || done.Failure.Attempt != 2 {
		t.Errorf("tries %+v, attempt %d", done.Tries, done.Failure.Attempt)
	}
	if done.Failure.Evidence.Step == "" || done.Failure.Evidence.TotalBytes == 0 {
		t.Errorf("%+v", done.Failure.Evidence)
	}
	gone(t, job.PID)
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestRecoveryEndsOneJobAndOutlivesItsControlPlane(t *testing.T) {
	t.Parallel()
	for _, where := range places {
		for _, at := range []string{"", "clean:leased", "clean:acted", "clean:saved"} {
			t.Run(where.name+"/"+at, func(t *testing.T) {
				t.Parallel()
				recoverAndCrash(t, where.make(t), where.processes, at)
			})
		}
	}
}

func recoverAndCrash(t *testing.T, p place, processes int, at string) {
	t.Helper()
	s := newSlowServer(t)
	b := p.leave(t, login(s.SSHD, s.folder), s.Authorize, s.source)
	var serving []*child
	died := filepath.Join(t.TempDir(), "died")
	for range processes {
		serving = append(serving, start(t, p, at, died))
	}
	s.half(t, p, b.ID)
	stranger, job, c := s.strangers(t), p.job(t, b.ID), p.client(t)

	if _, err := c.RecoverBackup(t.Context(), b.ID, false, false); err == nil {
		t.Error("one that came on a moment ago was recovered without force")
	}
	preview, err := c.RecoverBackup(t.Context(), b.ID, true, true)
	var planned []string
	for _, a := range preview.Actions {
		planned = append(planned, a.Name+" "+a.Status)
	}
	if diff := cmp.Diff([]string{"end_job planned", "remove_folder planned", "mark_failed planned", "release_place planned"}, planned); err != nil || diff != "" {
		t.Errorf("preview: %v %s", err, diff)
	}
	if err := syscall.Kill(job.PID, 0); err != nil {
		t.Errorf("after the preview the job is %v", err)
	}
	if _, err := c.RecoverBackup(t.Context(), b.ID, true, false); err != nil && at == "" {
		t.Fatal(err)
	}
	if at != "" {
		until(t, "one died at "+at, func() bool { return slices.ContainsFunc(serving, (*child).dead) })
		if at != "clean:saved" {
			p.outlast(t)
		}
		if processes == 1 {
			start(t, p, "", "")
		}
	}
	s.failedAndClean(t, p, b.ID, stranger, "job_stuck_no_progress")
	gone(t, job.PID)
	if again, err := p.client(t).RecoverBackup(t.Context(), b.ID, false, false); err != nil || len(again.Actions) != 0 {
		t.Errorf("the second time: %+v, %v", again.Actions, err)
	}
}
