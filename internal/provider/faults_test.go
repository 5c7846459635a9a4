package provider_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// failure is how a backup is expected to fail.
type failure struct {
	code, stage, title string
	says               []string // real values, in the cause or in the fix
}

// fails applies and checks that everybody tells the same story of the one backup, and that nothing is left of it.
func (s *scenario) fails(want failure) api.Backup {
	s.t.Helper()
	r := s.apply()
	if r.exit != 1 {
		s.t.Fatalf("terraform apply: exit status %d, want 1\n%s", r.exit, r.text)
	}
	b := s.onlyBackup()
	summary := "Backup of web-1 failed: " + want.title
	same(s.t, "errors", []string{summary}, r.errors())
	r.expect(s.t, diagnostic{severity: "error", address: theBackup, summary: summary},
		append(want.says, "then run apply again", "Code: "+want.code+"   Stage: "+want.stage+"   Backup: "+b.ID)...)

	type story struct{ ID, Status, Code, Stage, Title string }
	told := story{b.ID, "failed", want.code, want.stage, want.title}
	tell := func(b api.Backup) story {
		if b.Failure == nil {
			return story{ID: b.ID, Status: b.Status}
		}
		return story{b.ID, b.Status, b.Failure.Code, b.Failure.Stage, b.Failure.Title}
	}
	same(s.t, "backup list", told, tell(b))
	same(s.t, "backup show", told, tell(s.backupRecord(b.ID)))
	s.logTells(b, want)

	state, _ := s.resource(theBackup)
	same(s.t, "state", []string{"tainted", b.ID, "failed", want.code, b.Failure.Cause},
		[]string{state.Status, state.text("id"), state.text("status"), state.text("error_code"), state.text("error_message")})
	s.dataSourceTells(b)
	same(s.t, "left on the server", nil, s.onServer())
	return b
}

// logTells checks the backup's log and its entry in the activity log.
func (s *scenario) logTells(b api.Backup, want failure) {
	s.t.Helper()
	var lines []string
	for _, l := range s.log(b.ID).Lines {
		lines = append(lines, l.Text)
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "failed at "+want.stage+": ") }) {
		s.t.Errorf("backup log does not tell that it failed at %s: %q", want.stage, lines)
	}
	activities := asked[[]api.Activity](s, "activity")
	i := slices.IndexFunc(activities, func(a api.Activity) bool { return a.TargetID == b.ID && a.Type == "backup.create" })
	if i < 0 {
		s.t.Fatalf("no activity about %s: %+v", b.ID, activities)
	}
	same(s.t, "activity", []string{b.ActivityID, "Backup of web-1", "failed"}, []string{activities[i].ID, activities[i].Title, activities[i].Status})
}

// dataSourceTells checks that the data source agrees.
func (s *scenario) dataSourceTells(b api.Backup) {
	s.t.Helper()
	if r := s.terraform("apply", "-refresh-only", "-auto-approve"); r.exit != 0 {
		s.t.Fatalf("terraform apply -refresh-only: %s", r.text)
	}
	data, _ := s.resource("data.cloudaipilot_backup_failure.last")
	listed := func(texts []string) []any {
		out := []any{}
		for _, t := range texts {
			out = append(out, t)
		}
		return out
	}
	count := func(n int64, measured bool) any {
		if !measured {
			return nil
		}
		return float64(n)
	}
	said := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	f, e := b.Failure, b.Failure.Evidence
	same(s.t, "data source", map[string]any{
		"server_id": b.ServerID, "schedule_id": nil, "backup_id": b.ID, "failed": true, "stage": f.Stage, "code": f.Code, "class": f.Class,
		"title": f.Title, "cause": f.Cause, "fix": listed(f.Fix), "references": listed(f.References), "trigger": "manual",
		"retry": f.Retry, "confidence": f.Confidence, "evidence": said(f.Said), "failed_at": f.FailedAt.Format("2006-01-02T15:04:05Z07:00"),
		"attempt": 1.0, "text": said(f.Text), "needed_bytes": count(e.NeededBytes, e.NeededBytes > 0),
		"exit_status": count(int64(f.ExitStatus), f.ExitStatus != 0), "signal": count(int64(f.Signal), f.Signal != 0), "step": said(e.Step),
		"bytes_done": float64(e.BytesDone), "free_bytes": count(e.FreeBytes, e.TotalBytes > 0), "total_bytes": count(e.TotalBytes, e.TotalBytes > 0),
		"free_inodes": count(e.FreeInodes, e.TotalInodes > 0), "total_inodes": count(e.TotalInodes, e.TotalInodes > 0),
		"process": said(string(e.Process)), "booted_at": said(timeOf(e.BootedAt)), "address": said(e.Address), "host_key_wanted": said(e.HostKeyWant), "host_key_got": said(e.HostKeyGot),
		"resolved": false, "consecutive_failures": 1.0, "last_success_at": nil,
	}, data.Attributes)
}

func timeOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}

func TestFaultsAreToldAndLeaveNothing(t *testing.T) {
	t.Parallel()
	const tmpfsSize = 1 << 20
	for name, test := range map[string]struct {
		stranger bool // the key is not authorised
		env      []string
		tools    map[string]string
		arrange  func(*scenario) (server, backup attrs)
		want     func(*scenario) failure
		mend     func(*scenario) // what the fix says, on the server; nil: what it says about the configuration is done alone
	}{
		"nobody listens": {
			arrange: func(s *scenario) (attrs, attrs) {
				s.sshd.Stop()
				return nil, nil
			},
			want: func(s *scenario) failure {
				return failure{"CONNECTION_REFUSED", "connect", "connection refused", []string{s.sshd.Host + ":" + number(s.sshd.Port), "systemctl status ssh"}}
			},
			mend: func(s *scenario) { s.sshd.Start() },
		},
		"a black hole": {
			arrange: func(s *scenario) (attrs, attrs) {
				_, port := testbed.BlackHole(s.t)
				return attrs{"port": number(port), "connect_timeout_seconds": "1"}, nil
			},
			want: func(s *scenario) failure {
				return failure{"CONNECTION_TIMED_OUT", "connect", "connection timed out", []string{"Nothing answered at " + s.sshd.Host + ":", "connect_timeout_seconds"}}
			},
		},
		"packets are dropped": {
			arrange: func(s *scenario) (attrs, attrs) {
				_, port := testbed.UnansweredPort(s.t)
				return attrs{"port": number(port), "connect_timeout_seconds": "1"}, nil
			},
			want: func(*scenario) failure {
				return failure{"CONNECTION_TIMED_OUT", "connect", "connection timed out", []string{"firewall"}}
			},
		},
		"the key is not authorised": {
			stranger: true,
			want: func(s *scenario) failure {
				return failure{
					"PERMISSION_DENIED_PUBLICKEY", "connect", "permission denied (publickey)",
					[]string{"~" + s.sshd.User + "/.ssh/authorized_keys", s.public, "chmod 700"},
				}
			},
			mend: func(s *scenario) { s.sshd.Authorize(s.public) },
		},
		"the host key changed": {
			arrange: func(s *scenario) (attrs, attrs) {
				pinned := s.sshd.HostKeyLine
				s.sshd.RotateHostKey()
				return attrs{"host_key": quoted(pinned)}, nil
			},
			want: func(s *scenario) failure {
				return failure{"SSH_HOST_KEY_CHANGED", "connect", "the server's host key has changed", []string{"set host_key to it", strings.Fields(s.sshd.HostKeyLine)[1]}}
			},
		},
		"the disk is full": {
			arrange: func(s *scenario) (attrs, attrs) {
				s.sshd.BackupDir = testbed.Tmpfs(s.t, tmpfsSize) + "/backups"
				s.put("source/big", noise(4<<20))
				return nil, nil
			},
			want: func(s *scenario) failure {
				return failure{"NO_SPACE_LEFT", "archive", "the server's disk is full", []string{s.sshd.BackupDir, "of 1.0 MiB", "Lower retention_days"}}
			},
			mend: func(s *scenario) { s.sshd.BackupDir = s.sshd.Dir("srv") + "/backups" },
		},
		"a source path is missing": {
			arrange: func(s *scenario) (attrs, attrs) {
				return nil, attrs{"files": files([]string{s.source, s.source + "/no such $(id)"}, nil)}
			},
			want: func(s *scenario) failure {
				return failure{"INVALID_CONFIG", "preflight", "a source path does not exist", []string{`"` + s.source + `/no such $(id)"`, "Correct files.include"}}
			},
		},
		"a source path may not be read": {
			arrange: func(s *scenario) (attrs, attrs) {
				dir := s.sshd.Dir("source/locked")
				s.chmod(dir, 0)
				return nil, attrs{"files": files([]string{dir}, nil)}
			},
			want: func(s *scenario) failure {
				return failure{
					"FILE_PERMISSION_DENIED", "preflight", "the login user may not read a source path",
					[]string{s.source + "/locked", s.sshd.User + " ALL=(root) NOPASSWD: /bin/sh"},
				}
			},
			mend: func(s *scenario) { s.chmod(s.source+"/locked", 0o755) },
		},
		"a file inside may not be read": {
			arrange: func(s *scenario) (attrs, attrs) {
				s.chmod(s.put("source/secret.txt", "secret"), 0)
				return nil, nil
			},
			want: func(s *scenario) failure {
				return failure{"FILE_PERMISSION_DENIED", "archive", "the login user may not read a file", []string{"secret.txt", `privilege = "sudo"`}}
			},
			mend: func(s *scenario) { s.chmod(s.source+"/secret.txt", 0o644) },
		},
		"sudo is refused": {
			arrange: func(s *scenario) (attrs, attrs) {
				if os.Geteuid() != 0 && exec.Command("sudo", "-n", "true").Run() == nil {
					s.t.Skip("the current user, who is the login user here, may use sudo")
				}
				return attrs{"privilege": `"sudo"`}, nil
			},
			want: func(s *scenario) failure {
				return failure{
					"SUDO_PASSWORD_REQUIRED", "preflight", "sudo asks for a password",
					[]string{s.sshd.User + " ALL=(root) NOPASSWD: /bin/sh", "a password is required"},
				}
			},
		},
		"the backup folder is a symbolic link": {
			arrange: func(s *scenario) (attrs, attrs) {
				s.must(os.Symlink(s.sshd.Dir("elsewhere"), s.sshd.BackupDir))
				s.sshd.Own(s.sshd.BackupDir)
				return nil, nil
			},
			want: func(s *scenario) failure { return unsafeFolder(s, "is a symbolic link") },
			mend: func(s *scenario) { s.must(os.Remove(s.sshd.BackupDir)) },
		},
		"the backup folder is open to others": {
			arrange: func(s *scenario) (attrs, attrs) {
				s.sshd.Dir("srv/backups") // 0755
				return nil, nil
			},
			want: func(s *scenario) failure { return unsafeFolder(s, "its mode is drwxr-xr-x, not drwx------") },
			mend: func(s *scenario) { s.chmod(s.sshd.BackupDir, 0o700) },
		},
		"the backup folder was made by somebody else": {
			arrange: func(s *scenario) (attrs, attrs) {
				if os.Geteuid() != 0 {
					s.t.Skip("a folder of another user needs tests that run as root")
				}
				s.must(os.Mkdir(s.sshd.BackupDir, 0o700))
				return nil, nil
			},
			want: func(s *scenario) failure { return unsafeFolder(s, "owned by user 0") },
			mend: func(s *scenario) { s.sshd.Own(s.sshd.BackupDir) },
		},
		"the disk has no inodes left": {
			arrange: func(s *scenario) (attrs, attrs) {
				s.sshd.BackupDir = testbed.TmpfsWithInodes(s.t, tmpfsSize, 5) + "/backups"
				return nil, nil
			},
			want: func(s *scenario) failure {
				return failure{"NO_SPACE_LEFT", "preflight", "the server's file system takes no more files", []string{s.sshd.BackupDir, "inodes"}}
			},
			mend: func(s *scenario) { s.sshd.BackupDir = s.sshd.Dir("srv") + "/backups" },
		},
		"the file system is read-only": {
			arrange: func(s *scenario) (attrs, attrs) {
				dir := testbed.Tmpfs(s.t, tmpfsSize)
				s.sshd.BackupDir = dir + "/backups"
				testbed.RemountReadOnly(s.t, dir)
				return nil, nil
			},
			want: func(s *scenario) failure {
				return failure{"FILESYSTEM_READ_ONLY", "preflight", "the file system for backups is read-only", []string{s.sshd.BackupDir, "dmesg"}}
			},
			mend: func(s *scenario) { s.sshd.BackupDir = s.sshd.Dir("srv") + "/backups" },
		},
		"a tool is missing": {
			tools: map[string]string{"tar": `exit 1`}, // as some builds of BusyBox: there, but of no use
			want: func(*scenario) failure {
				return failure{"REMOTE_COMMAND_MISSING", "preflight", "a tool is missing on the server", []string{"tar with -T and -X"}}
			},
			mend: (*scenario).withoutTools,
		},
		"the archiver is killed": {
			tools: map[string]string{"gzip": `case $1 in -c) ;; *) exec "$real" "$@" ;; esac; head -c 1000 >/dev/null; kill -9 $$`},
			want: func(*scenario) failure {
				return failure{"JOB_KILLED", "archive", "the job was killed", []string{"gzip failed: ended by signal 9", "dmesg"}}
			},
			mend: (*scenario).withoutTools,
		},
		"the job hangs": {
			env:   []string{"CLOUDAIPILOT_STUCK_AFTER=2s"},
			tools: map[string]string{"gzip": `case $1 in -c) exec sleep 600 ;; esac; exec "$real" "$@"`},
			want: func(s *scenario) failure {
				return failure{"STUCK", "archive", "the backup does not move any more", []string{" lives and made no progress for ", s.sshd.BackupDir, "ps -o pid,stat,wchan"}}
			},
			mend: (*scenario).withoutTools,
		},
		"the job is killed with all it started": {
			tools: map[string]string{"gzip": `case $1 in -c) kill -9 0 ;; esac; exec "$real" "$@"`},
			want: func(s *scenario) failure {
				return failure{"STUCK", "archive", "the job on the server is gone", []string{s.sshd.Host + ":" + number(s.sshd.Port), " is gone, and the server was not restarted: it is up since ", "dmesg"}}
			},
			mend: (*scenario).withoutTools,
		},
		"the server is restarted": {
			tools: map[string]string{
				"gzip": `case $1 in -c) : >"${0%/*}/restarted"; kill -9 0 ;; esac; exec "$real" "$@"`,
				"cat":  `case "$*" in */boot_id) if [ -e "${0%/*}/restarted" ]; then echo 11111111-2222-3333-4444-555555555555; exit; fi ;; esac; exec "$real" "$@"`,
			},
			want: func(*scenario) failure {
				return failure{"STUCK", "archive", "the server was restarted during the backup", []string{" belongs to a former boot of the server, which was started again at ", "last -x"}}
			},
			mend: (*scenario).withoutTools,
		},
		"the connection is dropped": {
			tools: map[string]string{"df": `pid=$$; until case $(cat /proc/$pid/comm) in sshd*) ;; *) false ;; esac; do read -r _ _ _ pid _ </proc/$pid/stat; done; kill -9 $pid; sleep 600`},
			want: func(s *scenario) failure {
				return failure{"SSH_DROPPED", "connect", "the SSH connection was dropped", []string{s.sshd.Host + ":" + number(s.sshd.Port), "journalctl -u ssh"}}
			},
			mend: (*scenario).withoutTools,
		},
		"gzip loses the end of the archive": {
			tools: map[string]string{"gzip": `case $1 in -c) ;; *) exec "$real" "$@" ;; esac; "$real" "$@" | head -c -9`},
			want: func(s *scenario) failure {
				return failure{"PARTIAL_TRANSFER", "archive", "the archive is damaged", []string{"cannot be listed to its end"}}
			},
			mend: (*scenario).withoutTools,
		},
		"tar reports success and takes nothing in": {
			tools: map[string]string{"tar": `case "$*" in *-cf*) cat >/dev/null </dev/null; head -c 10240 /dev/zero ;; *) exec "$real" "$@" ;; esac`},
			want: func(s *scenario) failure {
				return failure{"EMPTY_BACKUP_REPORTED_SUCCESS", "archive", "the archive is empty", []string{"not one file is in the archive"}}
			},
			mend: (*scenario).withoutTools,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStrangers(t, testbed.SSHDOptions{})
			s.tf.Env = append(s.tf.Env, test.env...)
			switch {
			case test.tools != nil:
				s.authorizeWithTools(test.tools)
			case !test.stranger:
				s.sshd.Authorize(s.public)
			}
			var server, backup attrs
			if test.arrange != nil {
				server, backup = test.arrange(s)
			}
			s.write(s.config(s.server(server), s.backup(backup), failureOfServer))
			failed := s.fails(test.want(s))

			if test.mend != nil {
				test.mend(s)
			}
			s.write(s.config(s.server(), s.backup(), failureOfServer))
			s.turnsGreen(failed)
		})
	}
}

// turnsGreen checks that apply alone makes a good backup, once what was at fault is mended, and that the failed one is a tombstone.
func (s *scenario) turnsGreen(failed api.Backup) {
	s.t.Helper()
	s.mustApply()
	b := s.onlyBackup()
	same(s.t, "status", "completed", b.Status)
	same(s.t, "archives", []string{b.ID}, s.archives())
	testbed.CompareTar(s.t, s.download(b.ID), s.source)
	gone := s.backupRecord(failed.ID)
	if gone.ID == b.ID || gone.DeletedAt == nil || gone.DeleteReason != "deleted" {
		s.t.Errorf("the failed record is no tombstone: %+v", gone)
	}
	if r := s.terraform("apply", "-refresh-only", "-auto-approve"); r.exit != 0 {
		s.t.Fatalf("terraform apply -refresh-only: %s", r.text)
	}
	data, _ := s.resource("data.cloudaipilot_backup_failure.last")
	for name, want := range map[string]any{"failed": true, "backup_id": failed.ID, "resolved": true, "consecutive_failures": 0.0, "last_success_at": b.FinishedAt.Format("2006-01-02T15:04:05Z07:00")} {
		same(s.t, name+" of the data source", want, data.Attributes[name])
	}
	s.hasNothingToDo()
}

func unsafeFolder(s *scenario, why string) failure {
	return failure{
		"BACKUP_FOLDER_UNSAFE", "preflight", "the backup folder is not safe to use",
		[]string{s.sshd.BackupDir, why, "ls -ld " + s.sshd.BackupDir, "owned by " + s.sshd.User},
	}
}

func TestApplyAloneSucceedsOnceTheKeyIsAuthorised(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	s.write(s.config(s.serverWithoutKey(), s.backup(), failureOfServer))
	r := s.apply()
	server, _ := s.resource(theServer)
	r.expect(t, diagnostic{severity: "error", address: theBackup, summary: "Backup of web-1 failed: permission denied (publickey)"},
		"1. Add this line to ~"+s.sshd.User+"/.ssh/authorized_keys on the server:\n     "+server.text("public_key")+"\n")
	failed := s.onlyBackup()
	s.sshd.Authorize(server.text("public_key"))
	s.turnsGreen(failed)
}

func TestSudoReadsWhatTheLoginUserMayNot(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testbed.SSHDOptions{Sudo: true})
	secret := filepath.Join(s.source, "for-root.txt")
	s.must(os.WriteFile(secret, []byte("for root alone"), 0o600))
	s.write(s.config(s.server(), s.backup()))
	s.apply().expect(t, diagnostic{severity: "error", address: theBackup, summary: "Backup of web-1 failed: the login user may not read a file"}, `privilege = "sudo"`)
	same(t, "left on the server", nil, s.onServer())

	s.write(s.config(s.server(attrs{"privilege": `"sudo"`}), s.backup()))
	s.mustApply()
	b := s.onlyBackup()
	same(t, "archives", []string{b.ID}, s.archives())
	testbed.CompareTar(t, s.download(b.ID), s.source)
}

func TestFileThatChangesWhileReadIsAWarning(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	s.write(s.config(s.server(), s.backup()))
	r := s.start("apply", "-auto-approve")
	s.awaitArchiving(r)
	s.append(filepath.Join(s.source, "big"), "a line more")
	open()
	o := r.wait()
	if o.exit != 0 {
		t.Fatalf("terraform apply: exit status %d\n%s", o.exit, o.text)
	}
	const warning = "some files changed while they were read; their copies in the archive may be inconsistent"
	b := s.onlyBackup()
	same(t, "status", "completed", b.Status)
	same(t, "warnings", []string{warning}, b.Warnings)
	o.expect(t, diagnostic{severity: "warning", summary: "Backup " + b.ID + " of web-1 completed with a warning"}, warning, "cloudaipilot backup log "+b.ID)
	state, _ := s.resource(theBackup)
	same(t, "warnings in the state", any([]any{warning}), state.Attributes["warnings"])
	if out := s.log(b.ID).Output; !strings.Contains(out, "file changed as we read it") {
		t.Errorf("backup log does not have tar's own words: %q", out)
	}
	same(t, "archives", []string{b.ID}, s.archives())
	s.download(b.ID)
}

func TestConnectionCutWhileArchivingLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	s.write(s.config(s.server(), s.backup()))
	r := s.start("apply", "-auto-approve")
	s.awaitArchiving(r)
	r.until("a connection to cut", func() bool { return s.sshd.DropConnections() > 0 })
	s.sshd.Stop()
	running := len(s.sshd.Commands())
	s.sshd.Start()
	r.until("the control plane connects again", func() bool { return s.sshd.Connections() > 0 })
	open()
	if o := r.wait(); o.exit != 0 {
		t.Fatalf("terraform apply: exit status %d\n%s", o.exit, o.text)
	}
	if running == 0 {
		t.Error("the job did not outlive its connection")
	}
	b := s.onlyBackup()
	same(t, "archives", []string{b.ID}, s.archives())
	testbed.CompareTar(t, s.download(b.ID), s.source)
	var story []string
	for _, l := range s.log(b.ID).Lines {
		story = append(story, l.Text)
	}
	if text := strings.Join(story, "\n"); strings.Count(text, "the job runs on the server as process") != 1 {
		t.Errorf("the job was not started exactly once:\n%s", text)
	}
}
