package app

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// The test binary, started with the first of these, is a control plane that runs by itself. It dies by kill -9 at the
// boundary named, if no other process has made the file before it.
const (
	crashPlaceEnv = "TEST_SERVE"
	crashAtEnv    = "TEST_CRASH_AT"
	crashFileEnv  = "TEST_CRASH_FILE"
	crashAfterEnv = "TEST_CRASH_AFTER" // only once this file exists
	crashClockEnv = "TEST_CLOCK_AHEAD" // how far its clock is ahead, if it is
)

// full reports whether the tests have the time for every case, and for leases that end by themselves. "make test-full"
// gives it to them.
func full() bool { return os.Getenv("CLOUDAIPILOT_TEST_FULL") != "" }

func serveAndCrash(at place) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c := at.config()
	if d, err := time.ParseDuration(os.Getenv(crashClockEnv)); err == nil {
		c.Clock = ahead{d}
	}
	c.Boundary = func(name string) {
		if name != os.Getenv(crashAtEnv) {
			return
		}
		if after := os.Getenv(crashAfterEnv); after != "" {
			if _, err := os.Stat(after); err != nil {
				return // it is not time yet
			}
		}
		if _, err := os.OpenFile(os.Getenv(crashFileEnv), os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return // another one died here
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
	if err := Serve(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// place is where a control plane keeps its records: a data directory, or the URL of a database.
type place string

func (p place) shared() bool { return strings.HasPrefix(string(p), "postgres://") }

func (p place) config() ServeConfig {
	if p.shared() {
		return ServeConfig{Listen: "127.0.0.1:0", Database: string(p)}
	}
	return ServeConfig{Listen: "127.0.0.1:0", Config: Config{DataDir: string(p)}}
}

// client is an owner's way to the control plane, which makes no steps as long as it only reads.
func (p place) client(t *testing.T) *apiclient.Client {
	t.Helper()
	if p.shared() {
		return beside(t, string(p))
	}
	_, c := process(t, string(p))
	return c
}

func (p place) open(t *testing.T) *store.Store {
	t.Helper()
	var s *store.Store
	var err error
	if p.shared() {
		s, err = store.OpenPostgres(t.Context(), string(p), time.Now())
	} else {
		s, err = store.OpenForReading(t.Context(), dataDir(p).database())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// leave records a backup that is left to others to make.
func (p place) leave(t *testing.T, server api.ServerInput, authorize func(publicLine string), source string) api.Backup {
	t.Helper()
	c := p.client(t)
	if !p.shared() {
		e, embedded := process(t, string(p))
		defer e.Close()
		if c = embedded; e.owner != nil {
			t.Fatal("it owns the directory before the first write")
		}
		if _, err := e.becomeOwner(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.owner.cp.UseWaker(sleeper{})
	}
	s, err := c.CreateServer(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	authorize(s.PublicKey)
	b, err := c.CreateBackup(t.Context(), s.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{source}}})
	if err != nil || b.Status != "pending" {
		t.Fatalf("%s, %v", b.Status, err)
	}
	return b
}

// outlast has the lease of whoever died end. In a database that processes share it would do so by itself, after 90
// seconds; an owner of a data directory ends those of the owner before.
func (p place) outlast(t *testing.T) {
	t.Helper()
	if !p.shared() {
		return
	}
	if err := p.open(t).ReleaseAll(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// patience bounds the wait for what must happen.
func patience() time.Duration {
	if full() {
		return 3 * time.Minute
	}
	return time.Minute
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience())
	for tick := time.NewTicker(50 * time.Millisecond); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// child is a control plane in a process of its own.
type child struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// start starts a control plane, which dies at a boundary; none if at is empty.
func start(t *testing.T, p place, at, file string, env ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.Command(self), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), crashPlaceEnv+"="+string(p), crashAtEnv+"="+at, crashFileEnv+"="+file)
	c.cmd.Env = append(c.cmd.Env, env...)
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // with the tests, however they end
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.ended
	})
	return c
}

func (c *child) dead() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// startAndLose starts processes and returns when one of them has died at the boundary.
func startAndLose(t *testing.T, p place, processes int, at string, env ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "died")
	var all []*child
	for range processes {
		all = append(all, start(t, p, at, file, env...))
	}
	until(t, "one died at "+at, func() bool { return slices.ContainsFunc(all, (*child).dead) })
	dead := slices.DeleteFunc(all, func(c *child) bool { return !c.dead() })
	if _, err := os.Stat(file); err != nil || len(dead) != 1 || dead[0].cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("%d died at %s, the first with %v; %v", len(dead), at, dead[0].cmd.ProcessState, err)
	}
}

// matrix is a server to back up, and what is to be done there in every case.
type matrix struct {
	sshd      *testbed.SSHD
	good, bad string // what can be archived, and what cannot
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	return newMatrixWith(t, nil)
}

// newMatrixWith has programs that do as the test says.
func newMatrixWith(t *testing.T, programs map[string]string) *matrix {
	t.Helper()
	m := &matrix{sshd: testbed.StartSSHD(t, testbed.SSHDOptions{Programs: programs})}
	m.good, m.bad = m.sshd.Dir("good"), m.sshd.Dir("bad")
	for file, mode := range map[string]fs.FileMode{m.good + "/file": 0o644, m.bad + "/file": 0o644, m.bad + "/unreadable": 0o000} {
		if err := os.WriteFile(file, []byte("content"), mode); err != nil {
			t.Fatal(err)
		}
		m.sshd.Own(file)
	}
	return m
}

// run dies at every boundary, several at a time: most of it is waiting. With all it does so in a backup that succeeds
// and in one that fails, else in the one that succeeds if it has that step.
func (m *matrix) run(t *testing.T, all bool, atATime, processes int, at func(t *testing.T) place) {
	t.Helper()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, atATime)
	for _, boundary := range controlplane.Boundaries() {
		for _, want := range []string{"completed", "failed"} {
			cleans := strings.HasPrefix(boundary, string(backup.StepClean))
			if cleans && want == "completed" { // it has no such step
				continue
			}
			if !cleans && want == "failed" && !all {
				continue
			}
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				t.Run(boundary+"/"+want, func(t *testing.T) { m.crash(t, at(t), processes, boundary, want) })
			})
		}
	}
}

// places are where the records of a crash that is not in the matrix are kept: by one process, and by three that share them.
var places = []struct {
	name               string
	atATime, processes int
	make               func(t *testing.T) place
}{
	{"sqlite", 4, 1, func(t *testing.T) place { t.Helper(); return place(filepath.Join(t.TempDir(), "data")) }},
	{"postgres", 3, 3, func(t *testing.T) place { t.Helper(); return place(testbed.StartPostgres(t)) }},
}

func (m *matrix) crash(t *testing.T, p place, processes int, at, want string) {
	t.Helper()
	b, folder := m.lose(t, p, processes, at, want)
	if !strings.HasSuffix(at, ":saved") { // else it died without a lease
		p.outlast(t)
	}
	if processes == 1 {
		start(t, p, "", "")
	}
	settled(t, p, b.ID, folder, want)
}

// lose has a process die at a boundary of a backup, and returns that and its folder.
func (m *matrix) lose(t *testing.T, p place, processes int, at, want string) (b api.Backup, folder string) {
	t.Helper()
	folder = filepath.Join(m.sshd.Dir(strings.NewReplacer(":", "-", "/", "-").Replace(t.Name())), "backups")
	source := map[string]string{"completed": m.good, "failed": m.bad}[want]
	b = p.leave(t, login(m.sshd, folder), m.sshd.Authorize, source)
	startAndLose(t, p, processes, at)
	return b, folder
}

func login(s *testbed.SSHD, folder string) api.ServerInput {
	return api.ServerInput{Name: new("web-1"), Host: new(s.Host), Port: new(s.Port), User: new(s.User), HostKey: new(s.HostKeyLine), BackupDir: new(folder)}
}

// settled waits for the end of the only backup, and looks whether all of it is as if nothing had happened.
func settled(t *testing.T, p place, id, folder, want string) {
	t.Helper()
	c := p.client(t)
	b := finished(t, p, c, id)
	all, err := c.Backups(t.Context(), apiclient.BackupFilter{})
	if err != nil || len(all) != 1 || b.Status != want {
		t.Errorf("%d records, status %s, failure %+v, %v", len(all), b.Status, b.Failure, err)
	}
	if failed := want == "failed"; failed != (b.Failure != nil) || failed && b.Failure.Code != "FILE_PERMISSION_DENIED" {
		t.Errorf("failure %+v", b.Failure)
	}
	left := filesBelow(t, folder)
	archives := slices.DeleteFunc(slices.Clone(left), func(name string) bool { return filepath.Base(name) != "archive.tar.gz" })
	if want == "failed" && len(left) != 0 || want == "completed" && (len(archives) != 1 || b.Path != archives[0]) {
		t.Errorf("on the server: %q, and the record says %q", left, b.Path)
	}
	for _, name := range left {
		if strings.Contains(name, ".partial") || strings.Contains(name, ".fifo") || strings.Contains(name, ".tmp") {
			t.Errorf("half left: %s", name)
		}
	}
	activitySettled(t, c, b)
	record, err := p.open(t).Backup(t.Context(), backup.ID(id))
	if err != nil || !record.Work.LeaseUntil.IsZero() || !record.Work.NextStepAt.IsZero() || record.Work.Step != backup.StepNone {
		t.Errorf("work left: %+v, %v", record.Work, err)
	}
}

// finished waits for the end of a backup; reading alone moves nothing.
func finished(t *testing.T, p place, c *apiclient.Client, id string) (b api.Backup) {
	t.Helper()
	defer func() {
		if t.Failed() {
			record, err := p.open(t).Backup(t.Context(), backup.ID(id))
			told, _ := c.BackupLog(t.Context(), id)
			t.Logf("at %s: %s, work %+v, %v\nlog: %+v", time.Now().UTC(), record.Status, record.Work, err, told.Lines)
		}
	}()
	until(t, "the backup is finished", func() (done bool) {
		var err error
		if b, err = c.Backup(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return backup.Status(b.Status).Finished()
	})
	return b
}

func activitySettled(t *testing.T, c *apiclient.Client, b api.Backup) {
	t.Helper()
	all, err := c.Activities(t.Context(), b.ID, "", 100)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d activities, %v", len(all), err)
	}
	a := all[0]
	if a.Status != b.Status || a.FinishedAt == nil {
		t.Errorf("the activity is %s, finished %v", a.Status, a.FinishedAt)
	}
	begun := 0
	for _, step := range a.Steps {
		ended := step.Status == backup.ActivityCompleted || step.Status == backup.ActivityFailed
		if ended {
			begun++
		}
		if ended == step.FinishedAt.IsZero() || step.Status == backup.ActivityRunning || b.Status == "completed" && step.Status != backup.ActivityCompleted {
			t.Errorf("step %+v", step)
		}
	}
	if begun < 3 {
		t.Errorf("only %d steps: %+v", begun, a.Steps)
	}
}

// filesBelow lists the files below a folder, none if it does not exist.
func filesBelow(t *testing.T, folder string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCrashAtEveryBoundary kills the control plane at every boundary of every step of a backup that succeeds and of one
// that fails, and starts it again. Afterwards there is one record, at most one archive, and nothing half left.
func TestCrashAtEveryBoundary(t *testing.T) {
	t.Parallel()
	newMatrix(t).run(t, true, 4, 1, func(t *testing.T) place { return place(filepath.Join(t.TempDir(), "data")) })
}

// TestCrashAtEveryBoundaryOnPostgres does the same where the next process does not know that it is the only one.
func TestCrashAtEveryBoundaryOnPostgres(t *testing.T) {
	if !full() {
		t.Skip("one of three processes dies at every boundary in another test: make test-full makes this one too")
	}
	t.Parallel()
	newMatrix(t).run(t, true, 12, 1, func(t *testing.T) place { return place(testbed.StartPostgres(t)) })
}

// TestCrashOfOneOfThreeAtEveryBoundary kills the one of three processes that is at the step; the others go on.
func TestCrashOfOneOfThreeAtEveryBoundary(t *testing.T) {
	t.Parallel()
	newMatrix(t).run(t, full(), 12, 3, func(t *testing.T) place { return place(testbed.StartPostgres(t)) })
}

// TestLeaseOfADeadProcessEndsByItself takes the time that it takes.
func TestLeaseOfADeadProcessEndsByItself(t *testing.T) {
	if !full() {
		t.Skip("a lease lasts 90 seconds: make test-full has the time")
	}
	t.Parallel()
	p := place(testbed.StartPostgres(t))
	b, folder := newMatrix(t).lose(t, p, 3, "start:acted", "completed")
	settled(t, p, b.ID, folder, "completed")
}

// flakyGzip is killed in the first try of every backup: it leaves a mark beside the backup folder, which is the working directory's parent.
const flakyGzip = `case $1 in -dc) ;; *) if [ ! -e ../../failed ]; then : >../../failed; kill -9 $$; fi ;; esac
exec env PATH=/usr/local/bin:/usr/bin:/bin gzip "$@"
`

// retry has a process die at a boundary after the first try of a backup has failed. The next try is good, and there is no third.
func (m *matrix) retry(t *testing.T, p place, processes int, at string) {
	t.Helper()
	base := m.sshd.Dir(strings.NewReplacer(":", "-", "/", "-").Replace(t.Name()))
	folder := filepath.Join(base, "backups")
	twice := MaxTriesEnv + "=2"
	b := p.leave(t, login(m.sshd, folder), m.sshd.Authorize, m.good)
	startAndLose(t, p, processes, at, twice, crashAfterEnv+"="+filepath.Join(base, "failed"))
	if !strings.HasSuffix(at, ":saved") {
		p.outlast(t)
	}
	if processes == 1 {
		start(t, p, "", "", twice)
	}
	settled(t, p, b.ID, folder, "completed")
	if done, err := p.client(t).Backup(t.Context(), b.ID); err != nil || len(done.Tries) != 1 || done.Tries[0].Class != "job_killed" {
		t.Errorf("tries %+v, %v", done.Tries, err)
	}
}

// TestCrashBetweenTwoTries kills the control plane, or one of three, where a try is cleaned up and the next one begins.
func TestCrashBetweenTwoTries(t *testing.T) {
	t.Parallel()
	m := newMatrixWith(t, map[string]string{"gzip": flakyGzip})
	var boundaries []string
	for _, name := range controlplane.Boundaries() {
		step, _, _ := strings.Cut(name, ":")
		if between := step == string(backup.StepClean) || step == string(backup.StepQueue) || name == "watch:acted"; between || full() {
			boundaries = append(boundaries, name)
		}
	}
	for _, where := range places {
		var wg sync.WaitGroup
		defer wg.Wait()
		slots := make(chan struct{}, where.atATime)
		for _, at := range boundaries {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				t.Run(where.name+"/"+at, func(t *testing.T) { m.retry(t, where.make(t), where.processes, at) })
			})
		}
	}
}
