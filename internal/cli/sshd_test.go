package cli_test

import (
	"strconv"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// sshdFlags are those of "server add" for an sshd.
func sshdFlags(sshd *testbed.SSHD) []string {
	return []string{"--host", sshd.Host, "--port", strconv.Itoa(sshd.Port), "--user", sshd.User, "--host-key", sshd.HostKeyLine, "--backup-dir", sshd.BackupDir}
}

// ready makes a data directory with a server that lets us in.
func ready(t *testing.T, sshd *testbed.SSHD) (dir string) {
	t.Helper()
	dir = addSSHD(t, sshd, "web-1")
	sshd.Authorize(shown(t, dir, "web-1").PublicKey)
	return dir
}
