package app

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
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// bystander is a process of the login user that leads its group, as a job does. ended is closed when it does.
func bystander(t *testing.T, s *testbed.SSHD) (job backup.Job, ended <-chan struct{}) {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		account, err := user.Lookup(s.User)
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.ParseUint(account.Uid, 10, 32)
		gid, _ := strconv.ParseUint(account.Gid, 10, 32)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	start, err := strconv.ParseInt(strings.Fields(string(stat[strings.LastIndex(string(stat), ")")+1:]))[19], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return backup.Job{PID: cmd.Process.Pid, StartTime: start, BootID: strings.TrimSpace(string(boot))}, done
}

// jobFile has a backup find its job started on the server.
func jobFile(t *testing.T, s *testbed.SSHD, folder, id string, job backup.Job) {
	t.Helper()
	own := filepath.Join(folder, id)
	if err := os.MkdirAll(own, 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("pid=%d\nstart=%d\nboot=%s\n", job.PID, job.StartTime, job.BootID)
	if err := os.WriteFile(filepath.Join(own, "job"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, own, filepath.Join(own, "job")} {
		s.Own(path)
	}
}

// TestRecoveryEndsTheVeryProcessAndNoOther has a job's number belong to a process that is not the job.
func TestRecoveryEndsTheVeryProcessAndNoOther(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		other func(backup.Job) backup.Job // what the records have of the job
		ends  bool
		class string
		state backup.ProcessState
	}{
		"the very process": {func(j backup.Job) backup.Job { return j }, true, "job_stuck_no_progress", backup.ProcessLives},
		"the number was given to another process": {func(j backup.Job) backup.Job {
			j.StartTime--
			return j
		}, false, "job_gone", backup.ProcessGone},
		"the number is of before a restart of the container": {func(j backup.Job) backup.Job {
			j.StartTime = 0
			return j
		}, false, "job_gone", backup.ProcessFormerBoot},
		"the number is of another boot": {func(j backup.Job) backup.Job {
			j.BootID = "11111111-2222-3333-4444-555555555555"
			return j
		}, false, "job_gone", backup.ProcessFormerBoot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := testbed.StartSSHD(t, testbed.SSHDOptions{}), place(filepath.Join(t.TempDir(), "data"))
			folder := filepath.Join(s.Dir("srv"), "backups")
			b := p.leave(t, login(s, folder), s.Authorize, s.Dir("source"))
			process, ended := bystander(t, s)
			jobFile(t, s, folder, b.ID, test.other(process))
			c := p.config()
			c.StuckAfter = time.Second
			_, end := serve(t, c)

			done := finished(t, p, p.client(t), b.ID)
			if done.Failure == nil || done.Failure.Class != test.class || done.Failure.Evidence.Process != test.state || done.OnServer {
				t.Errorf("on the server %v, %+v", done.OnServer, done.Failure)
			}
			if left := filesBelow(t, folder); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			if _, err := p.client(t).RecoverBackup(t.Context(), b.ID, true, false); err != nil {
				t.Error(err)
			}
			if err := end(); err != nil {
				t.Error(err)
			}
			if test.ends {
				<-ended
				return
			}
			select {
			case <-ended:
				t.Error("a process that is not the job was ended")
			default:
			}
		})
	}
}
