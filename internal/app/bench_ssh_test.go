package app_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/app"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// startsMeasured is how many backups, and how many runs of ssh, are measured.
const startsMeasured = 24

// BenchmarkStart measures the time from the request for a backup to its folder on the server, which a real sshd lets
// the control plane in to: what was checked, and one program was started, by then. The first backup of a server logs
// in; the next one finds the connection open. The peer is "ssh host mkdir" with the OpenSSH client on the same sshd,
// which logs in each time.
func BenchmarkStart(b *testing.B) {
	sshd := testbed.StartSSHD(b, testbed.SSHDOptions{})
	source := sshd.Dir("source")
	dir := emptyDir(b)
	address := serving(b, app.ServeConfig{Config: app.Config{DataDir: dir}})
	owner := embedded(b, dir)
	remote, err := app.Remote{Endpoint: "http://" + address, Token: tokens(b, owner, 1)[0]}.Client("bench")
	if err != nil {
		b.Fatal(err)
	}
	login := newLogin(b, sshd)
	var first, next, peer []time.Duration
	for i := range startsMeasured { // in turn, so that what else the machine does hits all
		folder := filepath.Join(sshd.Dir(fmt.Sprintf("backups-%d", i)), "own")
		s, err := owner.CreateServer(b.Context(), api.ServerInput{Name: new(fmt.Sprintf("web-%d", i)), Host: new(sshd.Host), Port: new(sshd.Port),
			User: new(sshd.User), HostKey: new(sshd.HostKeyLine), BackupDir: new(folder)})
		if err != nil {
			b.Fatal(err)
		}
		sshd.Authorize(s.PublicKey)
		first = append(first, startOne(b, remote, s.ID, folder, source))
		next = append(next, startOne(b, remote, s.ID, folder, source))
		peer = append(peer, login.mkdir(b, filepath.Join(sshd.Dir("peer"), strconv.Itoa(i))))
	}
	for _, start := range []struct {
		name string
		took []time.Duration
	}{{"first", first}, {"next", next}} {
		b.Run(start.name, func(b *testing.B) {
			compare(b, "median-ms", at(0.5, start.took), at(0.5, peer))
			compare(b, "p99-ms", at(0.99, start.took), at(0.99, peer))
		})
	}
}

// startOne asks for a backup, returns how long it took until its folder was there, and waits for its end.
func startOne(b *testing.B, c *apiclient.Client, server, folder, source string) time.Duration {
	b.Helper()
	before := len(entries(folder))
	asked := time.Now()
	made, err := c.CreateBackup(b.Context(), server, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{source}}})
	if err != nil {
		b.Fatal(err)
	}
	took := appears(b, asked, func() bool { return len(entries(folder)) > before })
	if made, err = c.WaitForBackup(b.Context(), made.ID, nil); err != nil || made.Status != "completed" {
		b.Fatalf("the backup is %s, %+v, %v", made.Status, made.Failure, err)
	}
	return took
}

// entries lists a folder, which may not be there.
func entries(folder string) []os.DirEntry {
	found, _ := os.ReadDir(folder)
	return found
}

// appears waits until something is there, to the millisecond.
func appears(b *testing.B, since time.Time, there func() bool) time.Duration {
	b.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !there() {
		<-tick.C
		if time.Since(since) > time.Minute {
			b.Fatal("nothing was there after a minute")
		}
	}
	return time.Since(since)
}

// login is a login of the OpenSSH client.
type login struct{ args []string }

func newLogin(b *testing.B, sshd *testbed.SSHD) login {
	b.Helper()
	dir := b.TempDir()
	key, known := filepath.Join(dir, "key"), filepath.Join(dir, "known_hosts")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		b.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		b.Fatal(err)
	}
	sshd.Authorize(string(public))
	if err := os.WriteFile(known, fmt.Appendf(nil, "[%s]:%d %s\n", sshd.Host, sshd.Port, sshd.HostKeyLine), 0o600); err != nil {
		b.Fatal(err)
	}
	return login{args: []string{"-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=" + known,
		"-p", strconv.Itoa(sshd.Port), "-l", sshd.User, sshd.Host}}
}

// mkdir makes a folder and returns how long it took until that was there.
func (l login) mkdir(b *testing.B, path string) time.Duration {
	b.Helper()
	cmd := exec.Command("ssh", append(l.args, "mkdir", path)...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	took := appears(b, began, func() bool {
		_, err := os.Stat(path)
		return err == nil
	})
	if err := cmd.Wait(); err != nil {
		b.Fatalf("ssh: %v", err)
	}
	return took
}
