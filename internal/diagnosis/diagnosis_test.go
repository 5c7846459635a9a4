package diagnosis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

var facts = backup.Evidence{Address: "203.0.113.10:22", User: "cloudpilot", BackupDir: "/tmp/cloudpilot-backups", Paths: []string{"/srv/$(id)"},
	Tools: []string{"tar"}, PublicKey: "ssh-ed25519 AAAA cloudaipilot-web-1", HostKeyWant: "WANT", HostKeyGot: "GOT", BytesDone: 1 << 20, FreeBytes: 4096, TotalBytes: 1 << 30}

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		failure backup.Failure
		class   Class
		code    string
		says    string // somewhere in the cause or the fix
	}{
		"no key":             {backup.Failure{Fact: backup.FactNoKey}, "ssh_not_configured", "SSH_NOT_CONFIGURED", "generate_key"},
		"refused":            {backup.Failure{Fact: backup.FactRefused}, "ssh_connection_refused", "CONNECTION_REFUSED", "203.0.113.10:22"},
		"timeout":            {backup.Failure{Fact: backup.FactTimeout}, "ssh_connection_timeout", "CONNECTION_TIMED_OUT", "connect_timeout_seconds"},
		"key refused":        {backup.Failure{Fact: backup.FactAuthFailed}, "ssh_auth_failed", "PERMISSION_DENIED_PUBLICKEY", "ssh-ed25519 AAAA cloudaipilot-web-1"},
		"host key":           {backup.Failure{Fact: backup.FactHostKeyChanged}, "ssh_host_key_changed", "SSH_HOST_KEY_CHANGED", "GOT, but WANT"},
		"disk full":          {backup.Failure{Fact: backup.FactToolFailed, Output: "x\ncat: write error: No space left on device\n"}, "disk_full", "NO_SPACE_LEFT", "4.0 KiB left of 1.0 GiB"},
		"disk full at start": {backup.Failure{Fact: backup.FactRemoteCommand, Output: "mkdir: No space left on device"}, "disk_full", "NO_SPACE_LEFT", "1.0 MiB"},
		"quota":              {backup.Failure{Fact: backup.FactToolFailed, Output: "Disk quota exceeded"}, "disk_quota_exceeded", "NO_SPACE_LEFT", "cloudpilot"},
		"read-only":          {backup.Failure{Fact: backup.FactToolFailed, Text: "Read-only file system"}, "filesystem_read_only", "FILESYSTEM_READ_ONLY", "dmesg"},
		"unreadable inside":  {backup.Failure{Fact: backup.FactToolFailed, Output: "tar: srv/x: Cannot open: Permission denied\ntar: Exiting"}, "file_permission_denied", "FILE_PERMISSION_DENIED", "tar: srv/x: Cannot open"},
		"missing path":       {backup.Failure{Fact: backup.FactPathMissing}, "path_not_found", "INVALID_CONFIG", `"/srv/$(id)"`},
		"sudo":               {backup.Failure{Fact: backup.FactSudo}, "sudo_password_required", "SUDO_PASSWORD_REQUIRED", "cloudpilot ALL=(root) NOPASSWD: /bin/sh"},
		"tar says something": {backup.Failure{Fact: backup.FactToolFailed, Output: "tar: odd\ntar: Exiting with failure status due to previous errors\n", ExitStatus: 2}, "tar_fatal_unknown", "TAR_FATAL_UNKNOWN", "exit status 2: tar: odd"},
		"no shell":           {backup.Failure{Fact: backup.FactRemoteCommand, Output: "This account is currently not available.\n", Text: "exit status 1"}, "ssh_shell_disabled", "SSH_SHELL_DISABLED", "usermod -s /bin/sh cloudpilot"},
		"nobody knows":       {backup.Failure{Fact: backup.FactInternal, Text: "odd"}, "unknown", "UNKNOWN", "odd"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.failure.Evidence = facts
			d := Explain(test.failure)
			if d.Class != test.class || d.Code != test.code {
				t.Errorf("class %s, code %s", d.Class, d.Code)
			}
			if d.Retry == "" || (d.Confidence == 0) != (d.Class == ClassUnknown) || d.Confidence > 1 {
				t.Errorf("retry %q, confidence %.2f", d.Retry, d.Confidence)
			}
			if all := d.Cause + "\n" + strings.Join(d.Fix, "\n"); !strings.Contains(all, test.says) {
				t.Errorf("does not say %q: %s", test.says, all)
			}
		})
	}
}

// TestExplainHidesSecrets has nothing of a failure's own words shown with the secrets in them.
func TestExplainHidesSecrets(t *testing.T) {
	t.Parallel()
	const secret = "Zx9kQ2vLw8TnR4pB"
	for _, f := range []backup.Failure{
		{Fact: backup.FactDumpFailed, Text: "the dump failed", Output: "pg_dump: error: odd: postgres://app:" + secret + "@db/app"},
		{Fact: backup.FactToolFailed, Text: "PGPASSWORD=" + secret + " was odd", Output: "tar: password=" + secret + ": Cannot open: Permission denied"},
		{Fact: backup.FactInternal, Text: "Authorization: Bearer " + secret},
	} {
		if d := Explain(f); strings.Contains(fmt.Sprintf("%+v", d), secret) {
			t.Errorf("%s: %+v", f.Fact, d)
		}
	}
}

// TestEveryFactIsKnown has every fact that a failure can hold explained, with nothing left open.
func TestEveryFactIsKnown(t *testing.T) {
	t.Parallel()
	honest := map[backup.Fact]bool{backup.FactInternal: true, backup.FactRemoteCommand: true}
	for _, fact := range []backup.Fact{
		backup.FactNoKey, backup.FactKeyInvalid, backup.FactDNS, backup.FactRefused, backup.FactTimeout, backup.FactNoRoute,
		backup.FactHostKeyUnknown, backup.FactHostKeyChanged, backup.FactAuthFailed, backup.FactDropped, backup.FactFolderUnsafe,
		backup.FactSudo, backup.FactToolMissing, backup.FactPathMissing, backup.FactPathUnreadable, backup.FactToolFailed,
		backup.FactArchiveEmpty, backup.FactArchiveDamaged, backup.FactJobGone, backup.FactServerRestarted, backup.FactJobFolderGone, backup.FactJobKilled, backup.FactJobStuck, backup.FactJobRunning, backup.FactRemoteCommand,
		backup.FactUnreachable, backup.FactCancelled, backup.FactInternal, backup.FactArchiveVanished,
		backup.FactDatabaseAccount, backup.FactDatabaseTool, backup.FactDatabaseConnect, backup.FactDatabaseRights, backup.FactDatabaseClientOld,
		backup.FactDatabaseEngine, backup.FactDatabaseMissing, backup.FactDatabaseUnreadable, backup.FactDumpFailed, backup.FactDumpIncomplete,
		backup.FactDumpDamaged, backup.FactSpaceShort, backup.FactInodesShort, backup.FactClockOff,
	} {
		for _, evidence := range []backup.Evidence{facts, {}} {
			d := Explain(backup.Failure{Fact: fact, Text: "the words", Evidence: evidence})
			if (d.Class == ClassUnknown) != honest[fact] {
				t.Errorf("%s: class %s", fact, d.Class)
			}
			if d.Title == "" || d.Cause == "" || len(d.Fix) == 0 || strings.ContainsAny(d.Cause+strings.Join(d.Fix, ""), "{}") {
				t.Errorf("%s: %+v", fact, d)
			}
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 4509715661: "4.2 GiB", 1 << 62: "4.0 EiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
