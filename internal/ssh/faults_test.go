package ssh

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

func itoa(n int) string { return strconv.Itoa(n) }

func sha256File(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func bootID(t *testing.T) string {
	t.Helper()
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	must(t, err)
	return strings.TrimSpace(string(id))
}

// The text of a tool that fails while it makes the archive, and works while it is read back.
func whenTarMakes(text string) string {
	return `case "$*" in *-cf*) case "$*" in */proc/self*) exec REAL "$@" ;; esac; ` + text + ` ;; *) exec REAL "$@" ;; esac`
}

func whenGzipMakes(text string) string {
	return `case "$*" in *d*) exec REAL "$@" ;; *) ` + text + ` ;; esac`
}

func whenSyncsThePartial(text string) string {
	return `case "$*" in *partial*) ` + text + ` ;; esac; exec REAL "$@"`
}

func TestFaultsOfTheTools(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, tool, text string
		want             Result // Size, SHA256 and Entries are not compared
		log              string // what the log must hold
	}{
		{"tar says an error", "tar", whenTarMakes(`REAL "$@"; echo "Cannot stat" >&2; exit 2`),
			Result{Stage: StageArchive, Problem: ProblemTar, ExitTar: 2}, "Cannot stat"},
		{"tar is killed", "tar", whenTarMakes(`REAL "$@" | head -c 20000; kill -9 $$`),
			Result{Stage: StageArchive, Problem: ProblemTar, ExitTar: 137}, ""},
		{"tar ends early and says success", "tar", whenTarMakes(`REAL "$@" | head -c 20000; exit 0`),
			Result{Stage: StageArchive, Problem: ProblemUnreadable}, ""},
		{"tar writes an empty archive and says success", "tar", whenTarMakes(`head -c 10240 /dev/zero; exit 0`),
			Result{Stage: StageArchive, Problem: ProblemEmpty}, ""},
		{"gzip says an error", "gzip", whenGzipMakes(`REAL -c; echo "gzip broke" >&2; exit 3`),
			Result{Stage: StageArchive, Problem: ProblemGzip, ExitGzip: 3}, "gzip broke"},
		{"gzip cuts the archive short and says success", "gzip", whenGzipMakes(`REAL -c | head -c 20000; exit 0`),
			Result{Stage: StageArchive, Problem: ProblemUnreadable}, ""},
		{"gzip writes nothing and says success", "gzip", whenGzipMakes(`cat >/dev/null; exit 0`),
			Result{Stage: StageArchive, Problem: ProblemUnreadable}, ""},
		{"gzip writes something else", "gzip", whenGzipMakes(`REAL -c | tr a b; exit 0`),
			Result{Stage: StageArchive, Problem: ProblemUnreadable}, ""},
		{"sha256sum does not work", "sha256sum", `exit 1`,
			Result{Stage: StageArchive, Problem: ProblemInternal}, ""},
		{"the archive cannot be synced", "sync", whenSyncsThePartial(`echo "sync: Input/output error" >&2; exit 1`),
			Result{Stage: StageVerify, Problem: ProblemWrite}, "Input/output error"},
		{"the disk loses the end", "sync", whenSyncsThePartial(`head -c 1000 archive.tar.gz.partial >x; mv x archive.tar.gz.partial`),
			Result{Stage: StageVerify, Problem: ProblemSize}, ""},
		{"the disk changes bytes", "sync", whenSyncsThePartial(`printf XXXX | dd of=archive.tar.gz.partial bs=1 seek=99 conv=notrunc 2>/dev/null`),
			Result{Stage: StageVerify, Problem: ProblemChecksum}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			forEachFlavour(t, func(t *testing.T, s *server) {
				data := s.data()
				s.fake(test.tool, test.text)
				got := s.finish(jobA, data)
				if got.Left == nil || got.Left.Bytes <= 0 {
					t.Errorf("nothing is told of the space: %+v", got.Left)
				}
				got.Size, got.SHA256, got.Entries, got.ExitDump, got.Left = 0, "", 0, 0, nil
				if got.ExitTar == 141 || got.ExitTar == -1 || test.want.Problem != ProblemTar {
					got.ExitTar = 0 // a pipe that broke further down
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("result (-want +got):\n%s", diff)
				}
				status, err := s.host().Status(t.Context(), jobA)
				must(t, err)
				if !strings.Contains(status.Log, test.log) {
					t.Errorf("the log lacks %q:\n%s", test.log, status.Log)
				}
				if diff := cmp.Diff([]string{"job", "log", "progress", "result"}, s.files(jobA)); diff != "" {
					t.Errorf("files left in the job's folder (-want +got):\n%s", diff)
				}
				s.awaitNoGroup(status.Job.PID)
			})
		})
	}
}

func TestTarExitStatusOne(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := s.data()
		s.fake("tar", whenTarMakes(`REAL "$@"; exit 1`))
		result := s.finish(jobA, data)
		if s.busybox {
			if result.OK || result.Problem != ProblemTar {
				t.Errorf("BusyBox: %+v, want a failure", result)
			}
			return
		}
		if !result.OK || !result.Warning || result.ExitTar != 1 {
			t.Errorf("GNU tar: %+v, want a success with a warning", result)
		}
	})
}

func TestMissingIncludeFails(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := s.data()
		if result := s.finish(jobA, data, filepath.Join(s.dir, "nowhere")); result.OK || result.Problem != ProblemTar {
			t.Errorf("unexpected result %+v", result)
		}
	})
}

func TestFullDiskEndsTheJobAndFreesTheSpace(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*server){
		"tee ends with the writer": func(*server) {},
		// As BusyBox tee did before 1.35.
		"tee ignores a broken pipe": func(s *server) { s.fake("tee", `trap "" PIPE; exec REAL "$@"`) },
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachFlavour(t, func(t *testing.T, s *server) {
				s.root = filepath.Join(testbed.Tmpfs(t, 2<<20), "backups")
				prepare(s)
				// Endless, so that the job must end tar rather than wait for it.
				s.fake("tar", whenTarMakes(`exec cat /dev/urandom`))
				s.start(jobA, "/etc/hostname")
				status := s.await(jobA, ended)
				if status.Result == nil {
					t.Fatalf("no result; log: %s", status.Log)
				}
				if status.Result.Problem != ProblemWrite || status.Result.ExitWrite != 1 {
					t.Errorf("unexpected result %+v", status.Result)
				}
				if !strings.Contains(status.Log, "No space left on device") {
					t.Errorf("the log does not say why:\n%s", status.Log)
				}
				if left := status.Result.Left; left == nil || left.Bytes > 64<<10 || status.Bytes < 1<<20 {
					t.Errorf("it failed with %+v left and %d bytes written", left, status.Bytes)
				}
				if status.FreeBytes < 1<<20 {
					t.Errorf("%d bytes are free, the partial archive was not removed", status.FreeBytes)
				}
				s.awaitNoGroup(status.Job.PID)
			})
		})
	}
}

func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		disk := testbed.Tmpfs(t, 1<<20)
		s.root = filepath.Join(disk, "backups")
		must(t, os.Mkdir(s.root, 0o700))
		fill, err := os.Create(filepath.Join(disk, "fill"))
		must(t, err)
		for err == nil {
			_, err = fill.Write(make([]byte, 4096))
		}
		must(t, fill.Close())
		_, err = s.host().Start(t.Context(), StartRequest{ID: jobA, Include: []string{"/etc/hostname"}})
		var remote *RemoteError
		if !errors.As(err, &remote) || !strings.Contains(remote.Stderr, "No space left on device") {
			t.Errorf("Start = %v, want the reason", err)
		}
		must(t, os.Remove(fill.Name()))
		if result := s.finish(jobA, "/etc/hostname"); !result.OK {
			t.Errorf("with space again: %+v", result)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := s.data()
		s.fake("tar", blockedTar)
		job := s.start(jobA, data).Job
		s.await(jobA, func(s Status) bool { return s.Step == "archive" })
		must(t, s.host().Cancel(t.Context(), jobA))
		status := s.await(jobA, ended)
		if status.Result == nil || !status.Result.Cancelled || status.Result.Problem != ProblemCancelled {
			t.Errorf("unexpected result %+v", status.Result)
		}
		s.awaitNoGroup(job.PID)
		must(t, s.host().Cancel(t.Context(), jobA)) // of a job that ended: nothing
		if names := s.files(jobA); !cmp.Equal(names, []string{".cancel", "job", "log", "progress", "result"}) {
			t.Errorf("files left: %q", names)
		}
	})
}

func TestKillNeedsTheVeryProcess(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := s.data()
		s.fake("tar", blockedTar)
		job := s.start(jobA, data).Job
		s.await(jobA, func(s Status) bool { return s.Step == "archive" })
		others := map[string]JobID{
			"another start time": {job.PID, job.StartTime + 1, job.BootID},
			"another boot":       {job.PID, job.StartTime, "00000000-0000-0000-0000-000000000000"},
			"another process":    {os.Getpid(), job.StartTime, job.BootID},
			"no process":         {},
			"every process":      {-1, job.StartTime, job.BootID},
		}
		for name, other := range others {
			if killed, err := s.host().Kill(t.Context(), jobA, other); killed || err != nil {
				t.Errorf("%s: Kill = %v, %v", name, killed, err)
			}
		}
		status, err := s.host().Status(t.Context(), jobA)
		must(t, err)
		if !status.Alive {
			t.Fatal("the job was killed")
		}
		killed, err := s.host().Kill(t.Context(), jobA, job)
		if !killed || err != nil {
			t.Fatalf("Kill = %v, %v", killed, err)
		}
		s.awaitNoGroup(job.PID)
		status, err = s.host().Status(t.Context(), jobA)
		must(t, err)
		if status.Alive || status.Result == nil || status.Result.Problem != ProblemTerminated {
			t.Errorf("unexpected status %+v %+v", status, status.Result)
		}
		if killed, err := s.host().Kill(t.Context(), jobA, job); killed || err != nil {
			t.Errorf("a second Kill = %v, %v", killed, err)
		}
	})
}

func TestKillByForce(t *testing.T) {
	t.Parallel()
	s := newServer(t, flavours[0])
	data := s.data()
	s.fake("tar", whenTarMakes(`trap "" TERM; while :; do sleep 1; done`))
	job := s.start(jobA, data).Job
	s.await(jobA, func(s Status) bool { return s.Step == "archive" })
	if killed, err := s.host().Kill(t.Context(), jobA, job); !killed || err != nil {
		t.Fatalf("Kill = %v, %v", killed, err)
	}
	s.awaitNoGroup(job.PID)
}

func TestADeadJobTakesItsToolsAlong(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := s.data()
		s.fake("tar", blockedTar)
		job := s.start(jobA, data).Job
		s.await(jobA, func(s Status) bool { return s.Step == "archive" })
		must(t, syscall.Kill(job.PID, syscall.SIGKILL)) // the shell alone, as the kernel does when memory is short
		s.awaitNoGroup(job.PID)
		status, err := s.host().Status(t.Context(), jobA)
		must(t, err)
		if status.Alive || status.Result != nil || !status.SameBoot || status.Job != job {
			t.Errorf("unexpected status %+v", status)
		}
	})
}

func TestAJobIsSeenWithoutItsFolder(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		data := s.data()
		s.fake("tar", blockedTar)
		job := s.start(jobA, data).Job
		s.await(jobA, func(s Status) bool { return s.Step == "archive" })
		must(t, os.Rename(s.root, s.root+".gone"))
		defer func() { must(t, os.Rename(s.root+".gone", s.root)) }() // for endJobs
		for name, asked := range map[string]struct {
			job   JobID
			alive bool
		}{
			"the very process":   {job, true},
			"another start time": {JobID{job.PID, job.StartTime + 1, job.BootID}, false},
			"another boot":       {JobID{job.PID, job.StartTime, "00000000-0000-0000-0000-000000000000"}, false},
			"none":               {JobID{}, false},
		} {
			status, err := s.host().Watch(t.Context(), jobA, asked.job)
			must(t, err)
			if status.Exists || status.Alive != asked.alive || status.BootID != bootID(t) || status.BootedAt <= 0 || status.BootedAt > time.Now().Unix() ||
				status.FirstStart <= 0 || status.FirstStart > job.StartTime {
				t.Errorf("%s: %+v", name, status)
			}
		}
	})
}

func TestAJobFromBeforeARestartIsDead(t *testing.T) {
	t.Parallel()
	forEachFlavour(t, func(t *testing.T, s *server) {
		folder := filepath.Join(s.root, jobA)
		must(t, os.MkdirAll(folder, 0o700))
		// This very process, if it were not for the boot.
		stat, err := os.ReadFile("/proc/self/stat")
		must(t, err)
		start := strings.Fields(string(stat[strings.LastIndex(string(stat), ")")+1:]))[19]
		for boot, alive := range map[string]bool{bootID(t): true, "0000": false} {
			text := "pid=" + itoa(os.Getpid()) + "\nstart=" + start + "\nboot=" + boot + "\n"
			must(t, os.WriteFile(filepath.Join(folder, "job"), []byte(text), 0o600))
			status, err := s.host().Status(t.Context(), jobA)
			must(t, err)
			if status.Alive != alive || status.SameBoot != alive {
				t.Errorf("boot %s: %+v", boot, status)
			}
		}
		must(t, os.Remove(filepath.Join(folder, "job")))
	})
}
