package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5Gbz1S0IrkyZsYDg0tPMZQXMUnbcfeMYYHn7CxgCEy"

// shown is a server as "server show --json" prints it.
func shown(t *testing.T, dir, name string) (s api.Server) {
	t.Helper()
	status, out, errOut := run(t, "server", "show", name, "--json", "--data-dir", dir)
	if err := json.Unmarshal([]byte(out), &s); status != 0 || err != nil {
		t.Fatalf("exit status %d, %v, %s", status, err, errOut)
	}
	return s
}

func TestServerIsAddedAsTheFlagsSay(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	status, out, errOut := run(t, "server", "add", "web-1", "--host", "203.0.113.10", "--port", "2222", "--user", "backup", "--host-key", hostKey,
		"--backup-dir", "/var/backups/cloudpilot", "--privilege", "sudo", "--environment", "production", "--connect-timeout", "20s",
		"--keepalive-interval", "1m", "--max-concurrent-backups", "3", "--data-dir", dir)
	if status != 0 || errOut != "" {
		t.Fatalf("exit status %d, %s", status, errOut)
	}
	s := shown(t, dir, "web-1")
	for _, want := range []string{s.ID, "\n" + s.PublicKey + "\n", "~backup/.ssh/authorized_keys", "\nbackup ALL=(root) NOPASSWD: /bin/sh\n", "/etc/sudoers.d/cloudaipilot",
		"cloudaipilot server test web-1 --data-dir " + dir} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	want := api.Server{ID: s.ID, Name: "web-1", Host: "203.0.113.10", Port: 2222, User: "backup", HostKey: hostKey, BackupDir: "/var/backups/cloudpilot", Privilege: "sudo",
		Environment: "production", ConnectTimeoutSeconds: 20, KeepaliveIntervalSeconds: 60, MaxConcurrentBackups: 3, MaintenanceWindows: []backup.Window{}, KeySource: "generated",
		PublicKey: s.PublicKey, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Version: 1}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	if _, out, _ := run(t, "server", "key", s.ID, "--data-dir", dir); out != s.PublicKey+"\n" {
		t.Errorf("server key printed %q", out)
	}
}

func TestHostKeyComesFromAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7"
	ecdsa := "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="
	for name, test := range map[string]struct {
		text string
		want string
		says string
	}{
		"a public key":  {hostKey + " root@web\n", hostKey + " root@web", ""},
		"of keyscan":    {"# 203.0.113.10:22 SSH-2.0\n203.0.113.10 " + ecdsa + "\n203.0.113.10 " + hostKey + "\n", hostKey, ""},
		"one of ecdsa":  {ecdsa + "\n", ecdsa, ""},
		"fingerprint":   {"SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDjcV1TSYZUSbQdrvk\n", "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDjcV1TSYZUSbQdrvk", ""},
		"a damaged one": {rsa + "\n", "", "damaged"},
		"nothing":       {"# only a comment\n", "", "no host key"},
		"a private key": {"-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n", "", "not a host key"},
	} {
		file, data := filepath.Join(dir, name), filepath.Join(dir, name+".data")
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		status, _, errOut := run(t, "server", "add", "web-1", "--host", "h", "--host-key-file", file, "--data-dir", data)
		if test.says != "" {
			if status != 1 || !strings.Contains(errOut, test.says) {
				t.Errorf("%s: exit status %d, %s", name, status, errOut)
			}
			continue
		}
		if status != 0 || shown(t, data, "web-1").HostKey != test.want {
			t.Errorf("%s: exit status %d, %s, %q", name, status, errOut, shown(t, data, "web-1").HostKey)
		}
	}
}

func TestPrivateKeyIsTakenAndNeverPrinted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	private, public, err := ssh.GenerateKey("")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, private, 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	status, out, errOut := run(t, "server", "add", "web-1", "--host", "h", "--host-key", hostKey, "--private-key", file, "--data-dir", data)
	if s := shown(t, data, "web-1"); status != 0 || s.KeySource != "provided" || s.PublicKey != public {
		t.Errorf("exit status %d, %s: %+v", status, errOut, s)
	}
	secret := strings.Split(string(private), "\n")[2]
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(private), "-----END", "-----ENDE")), 0o600); err != nil {
		t.Fatal(err)
	}
	status, more, errOut2 := run(t, "server", "set", "web-1", "--private-key", file, "--data-dir", data)
	if status != 1 || strings.Contains(out+errOut+more+errOut2, secret) {
		t.Errorf("exit status %d: %s%s%s%s", status, out, errOut, more, errOut2)
	}
}

func TestServerIsChangedInPlace(t *testing.T) {
	t.Parallel()
	dir, s, _ := failedBackup(t)
	set := func(args ...string) (int, string, string) {
		return run(t, append([]string{"server", "set", "web-1", "--data-dir", dir}, args...)...)
	}
	if status, out, errOut := set("--backup-dir", "/var/backups/c", "--environment", "staging"); status != 0 || !strings.Contains(out, "/var/backups/c") || strings.Contains(out, "authorized_keys") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	if status, out, errOut := set("--privilege", "sudo", "--host-key", hostKey); status != 0 || !strings.Contains(out, "NOPASSWD") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	got := shown(t, dir, "web-1")
	if got.ID != s.ID || got.Host != s.Host || got.BackupDir != "/var/backups/c" || got.Environment != "staging" || got.HostKey != hostKey || got.RecordHostKey || got.PublicKey != s.PublicKey {
		t.Errorf("%+v", got)
	}
	if status, _, errOut := set("--record-host-key"); status != 0 || shown(t, dir, "web-1").HostKey != "" {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	if status, _, errOut := set("--no-key"); status != 0 || shown(t, dir, "web-1").KeySource != "none" {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	if status, _, errOut := run(t, "server", "test", "web-1", "--data-dir", dir); status != 1 || !strings.Contains(errOut, "(SSH_NOT_CONFIGURED)") || !strings.Contains(errOut, "--generate-key") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	if status, out, _ := set("--generate-key", "--quiet"); status != 0 || out != s.ID+"\n" || shown(t, dir, "web-1").KeySource != "generated" {
		t.Errorf("exit status %d, %s", status, out)
	}
}

func TestServerIsRemovedOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	dir, s, b := failedBackup(t)
	status, _, errOut := run(t, "server", "remove", "web-1", "--data-dir", dir)
	if status != 2 || !strings.Contains(errOut, "--yes") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	if shown(t, dir, "web-1").ID != s.ID {
		t.Error("it was removed all the same")
	}
	if status, out, errOut := run(t, "server", "remove", s.ID, "--yes", "--data-dir", dir); status != 0 || !strings.Contains(out, "removed") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	if status, _, _ := run(t, "server", "show", "web-1", "--data-dir", dir); status != 4 {
		t.Errorf("exit status %d", status)
	}
	if status, _, _ := run(t, "backup", "show", b.ID, "--data-dir", dir); status != 0 {
		t.Error("the record of its backup went as well")
	}
}

func TestWrongServerFlagsChangeNothing(t *testing.T) {
	t.Parallel()
	dir, before, _ := failedBackup(t)
	for name, test := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"no host":             {[]string{"add", "web-2"}, 2, "--host says where"},
		"no host key":         {[]string{"add", "web-2", "--host", "h"}, 1, "--record-host-key"},
		"two host keys":       {[]string{"add", "web-2", "--host", "h", "--host-key", hostKey, "--record-host-key"}, 2, "contradict"},
		"two keys":            {[]string{"set", "web-1", "--no-key", "--generate-key"}, 2, "contradict"},
		"nothing to change":   {[]string{"set", "web-1"}, 2, "no flag"},
		"half a second":       {[]string{"set", "web-1", "--connect-timeout", "1500ms"}, 2, "whole seconds"},
		"no duration":         {[]string{"set", "web-1", "--connect-timeout", "10"}, 2, "--connect-timeout"},
		"too long":            {[]string{"set", "web-1", "--connect-timeout", "1h"}, 1, "--connect-timeout is 3600"},
		"name taken":          {[]string{"add", "web-1", "--host", "h", "--host-key", hostKey}, 1, "(NAME_TAKEN)"},
		"several wrong":       {[]string{"add", "web 2", "--host", "h", "--host-key", "x", "--port", "0"}, 1, "port is 0"},
		"no such key file":    {[]string{"set", "web-1", "--private-key", "/absent"}, 1, "/absent"},
		"misspelt":            {[]string{"set", "wbe-1", "--port", "3"}, 4, `Did you mean "web-1"?`},
		"an empty name":       {[]string{"show", ""}, 4, "There is no server"},
		"a hostile name":      {[]string{"show", "\x1b[2J"}, 4, "There is no server"},
		"json and quiet":      {[]string{"list", "--json", "--quiet"}, 2, "give one"},
		"unknown id":          {[]string{"test", "srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A"}, 4, "NOT_FOUND"},
		"removed, not asked":  {[]string{"remove", "web-1"}, 2, "--yes"},
		"privilege is no one": {[]string{"set", "web-1", "--privilege", "root"}, 1, "none, sudo"},
	} {
		status, out, errOut := run(t, append([]string{"server", "--data-dir", dir}, test.args...)...)
		if status != test.status || !strings.Contains(errOut, test.says) || out != "" || strings.Contains(errOut, "\x1b") {
			t.Errorf("%s: exit status %d, %s%s", name, status, out, errOut)
		}
	}
	if diff := cmp.Diff(before, shown(t, dir, "web-1")); diff != "" {
		t.Error(diff)
	}
}

func TestServerTestSaysWhatItSaw(t *testing.T) {
	t.Parallel()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	dir := addSSHD(t, sshd, "web-1")
	status, out, errOut := run(t, "server", "test", "web-1", "--data-dir", dir)
	if s := shown(t, dir, "web-1"); status != 1 || !strings.Contains(errOut, "(PERMISSION_DENIED_PUBLICKEY)") || !strings.Contains(errOut, s.PublicKey+"\n") {
		t.Errorf("nobody is let in: exit status %d, %s%s", status, out, errOut)
	}
	sshd.Authorize(shown(t, dir, "web-1").PublicKey)
	status, out, errOut = run(t, "server", "test", "web-1", "--data-dir", dir)
	if status != 0 || errOut != "" || !strings.Contains(out, sshd.HostKeyLine) || !strings.Contains(out, " free") || !strings.Contains(out, "login          good") {
		t.Errorf("exit status %d, %s%s", status, out, errOut)
	}
	if _, err := os.Stat(sshd.BackupDir); err == nil {
		t.Error("testing made the backup folder")
	}
	var found api.ServerTest
	_, out, _ = run(t, "server", "test", "web-1", "--json", "--data-dir", dir)
	if err := json.Unmarshal([]byte(out), &found); err != nil || !found.Reachable || found.HostKey != sshd.HostKeyLine || found.TotalBytes == 0 || found.FreeBytes == 0 {
		t.Errorf("%v: %s", err, out)
	}
	connections(t, sshd, 0)
	pinned := sshd.HostKeyLine
	sshd.RotateHostKey()
	if status, out, errOut = run(t, "server", "test", "web-1", "--data-dir", dir); status != 1 || !strings.Contains(errOut, "(SSH_HOST_KEY_CHANGED)") || !strings.Contains(errOut, pinned) {
		t.Errorf("another host key: exit status %d, %s%s", status, out, errOut)
	}
}

func TestServerTestConnectsAnewBesideOpenConnections(t *testing.T) {
	t.Parallel()
	sshd := testbed.StartSSHD(t, testbed.SSHDOptions{})
	dir := ready(t, sshd)
	end := serve(t, dir)
	defer end()
	if status, _, errOut := run(t, "backup", "run", "web-1", "--include", "/etc/hostname", "--data-dir", dir); status != 0 {
		t.Fatalf("exit status %d, %s", status, errOut)
	}
	if sshd.Connections() == 0 {
		t.Fatal("serve keeps no connection: this shows nothing")
	}
	sshd.Deauthorize()
	if status, _, errOut := run(t, "server", "test", "web-1", "--data-dir", dir); status != 1 || !strings.Contains(errOut, "(PERMISSION_DENIED_PUBLICKEY)") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	connections(t, sshd, 1) // neither closed that of others nor left its own
}

// connections waits until sshd, which sees the end of one a moment later, has so many.
func connections(t *testing.T, sshd *testbed.SSHD, want int) {
	t.Helper()
	n := sshd.Connections()
	for deadline := time.Now().Add(10 * time.Second); n != want && time.Now().Before(deadline); n = sshd.Connections() {
		time.Sleep(10 * time.Millisecond)
	}
	if n != want {
		t.Errorf("%d connections, want %d", n, want)
	}
}

// addSSHD makes a data directory with a server that is the sshd, its host key pinned, and nobody let in yet.
func addSSHD(t *testing.T, sshd *testbed.SSHD, name string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	status, _, errOut := run(t, append([]string{"server", "add", name, "--data-dir", dir}, sshdFlags(sshd)...)...)
	if status != 0 {
		t.Fatalf("exit status %d, %s", status, errOut)
	}
	return dir
}
