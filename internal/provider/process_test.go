package provider_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// providers returns the provider processes of a Terraform command.
func (r *running) providers() (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		raw, _ := os.ReadFile(file)
		_, tail, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(tail)
		if len(fields) < 2 || fields[1] != strconv.Itoa(r.cmd.Process.Pid) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && fields[0] != "Z" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killProviders ends the provider as a crash would, and returns how many processes that took.
func (r *running) killProviders() int {
	r.t.Helper()
	pids := r.providers()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			r.t.Errorf("kill the provider: %v", err)
		}
	}
	return len(pids)
}

// interrupt is Ctrl-C: the terminal signals the whole group.
func (r *running) interrupt() {
	r.t.Helper()
	if err := syscall.Kill(-r.cmd.Process.Pid, syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
}

// hasOneBackup checks that records, state and server know the same one backup, and returns it.
func (s *scenario) hasOneBackup() api.Backup {
	s.t.Helper()
	b := s.onlyBackup()
	same(s.t, "status", "completed", b.Status)
	same(s.t, "archives on the server", []string{b.ID}, s.archives())
	state, _ := s.resource(theBackup)
	same(s.t, "backup in the state", []string{"", b.ID, "completed", b.SHA256},
		[]string{state.Status, state.text("id"), state.text("status"), state.text("sha256")})
	testbed.CompareTar(s.t, s.download(b.ID), s.source)
	return b
}

// hasNothingToDo checks that the next plan is empty.
func (s *scenario) hasNothingToDo() {
	s.t.Helper()
	if r := s.terraform("plan", "-detailed-exitcode"); r.exit != 0 {
		s.t.Errorf("the next plan is not empty: exit status %d\n%s", r.exit, r.text)
	}
}

func TestCrashWhileArchivingEndsInOneBackup(t *testing.T) {
	t.Parallel()
	for name, crash := range map[string]func(*running) int{
		"of the provider": (*running).killProviders,
		"of the machine": func(r *running) int { // Terraform first, so that it cannot write its state
			if err := r.cmd.Process.Kill(); err != nil {
				r.t.Error(err)
			}
			return syscallKillGroup(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStrangers(t, testbed.SSHDOptions{})
			open := s.gate()
			s.write(s.config(s.server(), s.backup()))
			first := s.start("apply", "-auto-approve")
			started := s.awaitArchiving(first)
			if crash(first) == 0 {
				t.Fatal("there was no process to kill")
			}
			if o := first.wait(); o.exit == 0 {
				t.Fatalf("the apply did not notice:\n%s", o.text)
			}
			if !slices.Contains(s.archiving(), started) {
				t.Fatal("the job on the server ended with the provider")
			}
			second := s.start("apply", "-auto-approve")
			second.until("the next apply connects", func() bool { return s.sshd.Connections() > 0 })
			open()
			if o := second.wait(); o.exit != 0 {
				t.Fatalf("the next apply: exit status %d\n%s", o.exit, o.text)
			}
			s.hasOneBackup()
			s.hasNothingToDo()
		})
	}
}

func syscallKillGroup(r *running) int {
	if syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) != nil {
		return 0
	}
	return 1
}

func TestInterruptedApplyNamesBothWaysOn(t *testing.T) {
	t.Parallel()
	for name, ripe := range map[string]func(s *scenario, id string) bool{
		"while the job is being started": func(*scenario, string) bool { return true },
		"while the job runs":             func(s *scenario, id string) bool { return s.backupRecord(id).Status == "running" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStrangers(t, testbed.SSHDOptions{})
			open := s.gate()
			s.write(s.config(s.server(), s.backup()))
			apply := s.start("apply", "-auto-approve")
			first := s.interruptWhen(apply, ripe)
			eventually(t, "the job goes on", func() bool { return slices.Equal(s.archiving(), []string{first}) })

			again := s.start("apply", "-auto-approve")
			again.until("the first is cancelled and another one made", func() bool {
				ids := s.archiving()
				return len(ids) == 1 && ids[0] != first
			})
			open()
			if o := again.wait(); o.exit != 0 {
				t.Fatalf("the next apply: exit status %d\n%s", o.exit, o.text)
			}
			b := s.hasOneBackup()
			gone := s.backupRecord(first)
			if b.ID == first || gone.DeletedAt == nil || gone.Failure == nil || gone.Failure.Code != "CANCELLED" {
				t.Errorf("the first backup is no cancelled tombstone: %+v", gone)
			}
			s.hasNothingToDo()
		})
	}
}

// interruptWhen interrupts an apply once its job is on the server and ripe, checks what is said and kept of it, and
// returns the backup's id.
func (s *scenario) interruptWhen(apply *running, ripe func(s *scenario, id string) bool) (id string) {
	s.t.Helper()
	apply.until("the job", func() bool {
		for _, name := range s.onServer() {
			if folder, isJob := strings.CutSuffix(name, "/job"); isJob && ripe(s, folder) {
				id = folder
			}
		}
		return id != ""
	})
	apply.interrupt()
	o := apply.wait()
	if o.exit != 1 {
		s.t.Errorf("exit status %d\n%s", o.exit, o.text)
	}
	o.expect(s.t, diagnostic{severity: "error", address: theBackup, summary: "Backup of web-1 was not seen to its end"},
		"The backup "+id+" was started, then the apply was interrupted.", "its id is in the state", "terraform untaint", "cloudaipilot backup wait "+id, "run apply again")
	state, _ := s.resource(theBackup)
	same(s.t, "state", []string{"tainted", id}, []string{state.Status, state.text("id")})
	return id
}

func TestBackupThatOutlivedItsTimeoutCanBeKept(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	s.write(s.config(s.server(), s.backup(attrs{"timeouts": `{ create = "3s" }`})))
	o := s.apply()
	first := s.onlyBackup().ID
	same(t, "still archiving", []string{first}, s.archiving())
	o.expect(t, diagnostic{severity: "error", address: theBackup, summary: "Backup of web-1 was not seen to its end"},
		"The backup "+first+" was started, then it took longer than 3s (timeouts.create).", "terraform untaint", "cloudaipilot backup wait "+first, "run apply again")
	if state, _ := s.resource(theBackup); state.Status != "tainted" || state.text("id") != first {
		t.Errorf("state: %+v", state)
	}

	if r := s.terraform("untaint", theBackup); r.exit != 0 {
		t.Fatalf("untaint: %s", r.text)
	}
	s.hasNothingToDo() // it is kept, and still under way
	open()
	same(t, "backup wait", "completed", asked[api.Backup](s, "backup", "wait", first).Status)
	s.mustApply()
	if b := s.hasOneBackup(); b.ID != first {
		t.Errorf("another backup was made: %s", b.ID)
	}
	s.hasNothingToDo()
}

func TestBackupThatNobodyWaitsForIsLookedAfterOnDemand(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	s.write(s.config(s.server(), s.backup(attrs{"wait": "false"})))
	s.mustApply()
	b := s.onlyBackup()
	if b.Status == "completed" {
		t.Fatal("apply waited")
	}
	open()
	same(t, "backup wait", "completed", asked[api.Backup](s, "backup", "wait", b.ID).Status)
	s.mustApply()
	s.hasOneBackup()
	s.hasNothingToDo()
}

func TestManyProcessesShareADataDirectory(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	second := attrs{"provider": "cloudaipilot.second"}
	s.write(s.config(
		block(`provider "cloudaipilot"`, attrs{"alias": `"second"`, "data_dir": quoted(s.dataDir)}),
		s.server(attrs{"max_concurrent_backups": "2"}), s.backupNamed("files"), s.backupNamed("others", second, attrs{"files": files([]string{s.source + "/big"}, nil)}),
		block(`resource "cloudaipilot_server" "other"`, s.address(), second, attrs{"name": `"web-2"`}),
	))
	apply := s.start("apply", "-auto-approve")
	apply.until("both archives in the making", func() bool { return len(s.archiving()) == 2 })
	if n := len(apply.providers()); n < 2 {
		t.Errorf("%d provider processes, want one per alias", n)
	}

	other := s.elsewhere()
	other.write(s.config(block(`resource "cloudaipilot_server" "third"`, s.address(), attrs{"name": `"web-3"`}),
		block(`resource "cloudaipilot_server" "taken"`, s.address(), attrs{"name": `"web-2"`}),
		block(`data "cloudaipilot_backup_failure" "last"`, attrs{"server_id": quoted(s.serverRecord().ID)})))
	r := other.terraform("plan")
	same(t, "errors of a plan at the same time", []string{"The server's name is taken"}, r.errors())
	other.write(s.config(block(`resource "cloudaipilot_server" "third"`, s.address(), attrs{"name": `"web-3"`})))
	other.mustApply()

	open()
	if o := apply.wait(); o.exit != 0 {
		t.Fatalf("terraform apply: exit status %d\n%s", o.exit, o.text)
	}
	var ids, statuses []string
	for _, b := range s.backups() {
		ids, statuses = append(ids, b.ID), append(statuses, b.Status)
	}
	slices.Sort(ids)
	same(t, "statuses", []string{"completed", "completed"}, statuses)
	same(t, "archives", ids, s.archives())
	var names []string
	for _, r := range asked[[]api.Server](s, "server", "list") {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	same(t, "servers", []string{"web-1", "web-2", "web-3"}, names)
	s.hasNothingToDo()
	if r := other.terraform("plan", "-detailed-exitcode"); r.exit != 0 {
		t.Errorf("the other plan is not empty:\n%s", r.text)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestValidateAndPlanCreateNothing(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	settings := filepath.Join(t.TempDir(), "config")
	s.tf.Env = append(s.tf.Env, "XDG_CONFIG_HOME="+settings)
	s.write(s.config(s.server(), s.backup()))
	for _, command := range []string{"validate", "plan"} {
		if r := s.terraform(command); r.exit != 0 {
			t.Fatalf("%s: %s", command, r.text)
		}
		same(t, "after "+command, []bool{false, false, false}, []bool{exists(s.dataDir), exists(settings), exists(s.sshd.BackupDir)})
	}
	same(t, "connections", false, strings.Contains(s.sshd.Log(), "Connection from"))

	s.mustApply()
	same(t, "after apply", []bool{true, true, true}, []bool{exists(s.dataDir), exists(settings), exists(s.sshd.BackupDir)})
	same(t, "connections", true, strings.Contains(s.sshd.Log(), "Connection from"))
}

func TestStateOfAnotherControlPlaneIsAnError(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{})
	s.write(s.config(s.server(), s.backup()))
	s.mustApply()
	b := s.onlyBackup()

	home := s.dataDir
	refused := func(says string) {
		t.Helper()
		s.write(s.config(s.server(), s.backup()))
		for _, args := range [][]string{{"plan"}, {"plan", "-refresh-only"}, {"destroy", "-auto-approve"}, {"destroy", "-auto-approve", "-refresh=false"}} {
			r := s.terraform(args...)
			if r.exit != 1 {
				t.Errorf("terraform %v: exit status %d\n%s", args, r.exit, r.text)
			}
			r.expect(t, diagnostic{severity: "error", summary: "State belongs to another control plane"}, says, "the data directory "+s.dataDir, "CLOUDAIPILOT_DATA_DIR")
		}
	}
	s.dataDir = filepath.Join(t.TempDir(), "empty")
	refused("there are no records here")
	same(t, "the empty data directory was made", false, exists(s.dataDir))

	other := s.elsewhere()
	s.dataDir = filepath.Join(t.TempDir(), "other")
	other.write(s.config(s.server()))
	other.mustApply()
	refused("this is cp_")

	s.dataDir = home
	s.write(s.config(s.server(), s.backup()))
	s.hasNothingToDo()
	same(t, "archives", []string{b.ID}, s.archives())
}

func TestDataDirectoryIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	settings := filepath.Join(t.TempDir(), "config")
	s.tf.Env = append(s.tf.Env, "XDG_CONFIG_HOME="+settings)
	s.write(s.config(s.server(), s.backup()))
	apply := s.start("apply", "-auto-approve")
	s.awaitArchiving(apply)
	seen := map[string]bool{}
	for _, root := range []string{s.dataDir, filepath.Join(settings, "cloudaipilot")} {
		s.must(filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			seen[filepath.Base(path)] = true
			if mode := info.Mode().Perm(); mode&0o077 != 0 {
				t.Errorf("%s: mode %v", path, info.Mode())
			}
			return nil
		}))
	}
	for _, name := range []string{"data", "control.db", "control.db-wal", "control.lock", "control.sock", ".gitignore", "cloudaipilot", "master.key"} {
		if !seen[name] {
			t.Errorf("%s is not there: %v", name, seen)
		}
	}
	open()
	if o := apply.wait(); o.exit != 0 {
		t.Fatal(o.text)
	}
	if exists(filepath.Join(s.dataDir, "control.sock")) {
		t.Error("the socket outlived its owner")
	}
}
