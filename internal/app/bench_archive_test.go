package app_test

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// What is archived, and how often each way: in turn, so that what else the machine does hits all.
const (
	archivedBytes  = 1 << 30
	archivesRounds = 2
)

// BenchmarkArchive measures a backup of 1 GiB of real files, from the request to the completed record, over a real sshd on
// loopback. The peer is what people do by hand, ssh host 'tar -cf - ... | gzip' > file, on the same files; the second
// peer also looks whether that can be read, gzip -t, and hashes it, sha256sum, as our backup does. It also says how much
// the control plane keeps resident at most, after a small backup and after this one.
func BenchmarkArchive(b *testing.B) {
	sshd := testbed.StartSSHD(b, testbed.SSHDOptions{})
	source, small := sshd.Dir("source"), sshd.Dir("small")
	realFiles(b, source, archivedBytes)
	realFiles(b, small, 1<<20)
	dir := emptyDir(b)
	control := startServe(b, "CLOUDAIPILOT_DATA_DIR="+dir)
	c := embedded(b, dir)
	s, err := c.CreateServer(b.Context(), api.ServerInput{Name: new("web-1"), Host: new(sshd.Host), Port: new(sshd.Port),
		User: new(sshd.User), HostKey: new(sshd.HostKeyLine), BackupDir: new(filepath.Join(sshd.Dir("backups"), "own"))})
	if err != nil {
		b.Fatal(err)
	}
	sshd.Authorize(s.PublicKey)
	archiveOnce(b, c, s.ID, small)
	before := peak(b, control)

	hand := newLogin(b, sshd)
	file := filepath.Join(b.TempDir(), "archive.tar.gz")
	var ours, piped, checked time.Duration
	for range archivesRounds {
		ours += archiveOnce(b, c, s.ID, source)
		took := hand.pipe(b, source, file)
		piped += took
		checked += took + timed(b, "gzip", "-t", file) + timed(b, "sha256sum", file)
	}
	seconds := func(d time.Duration) float64 { return d.Seconds() / archivesRounds }
	b.Run("pipe", func(b *testing.B) { compare(b, "s", seconds(ours), seconds(piped)) })
	b.Run("pipe-checked", func(b *testing.B) { compare(b, "s", seconds(ours), seconds(checked)) })
	b.Run("memory-against-1-MiB", func(b *testing.B) { compare(b, "peak-MiB", peak(b, control), before) })
}

// realFiles fills a folder with copies of files that this machine has.
func realFiles(b *testing.B, into string, bytes int64) {
	b.Helper()
	for _, root := range []string{"/usr/share", "/usr/local", "/usr/lib", "/usr/bin"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || bytes <= 0 || !d.Type().IsRegular() {
				return nil //nolint:nilerr // what cannot be read is not taken
			}
			bytes -= copyFile(b, path, filepath.Join(into, strings.ReplaceAll(filepath.Dir(path), "/", "_")))
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if bytes > 0 {
		b.Skipf("this machine's files are %d bytes short", bytes)
	}
}

// copyFile copies a file into a folder, for everybody to read, and returns its size.
func copyFile(b *testing.B, path, folder string) int64 {
	b.Helper()
	from, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer from.Close()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.Fatal(err)
	}
	to, err := os.Create(filepath.Join(folder, filepath.Base(path)))
	if err != nil {
		b.Fatal(err)
	}
	defer to.Close()
	n, err := io.Copy(to, from)
	if err == nil {
		err = to.Chmod(0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// archiveOnce makes a backup and deletes it, and returns how long it took to make.
func archiveOnce(b *testing.B, c *apiclient.Client, server, source string) time.Duration {
	b.Helper()
	began := time.Now()
	made, err := c.CreateBackup(b.Context(), server, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{source}}})
	if err == nil {
		made, err = c.WaitForBackup(b.Context(), made.ID, nil)
	}
	took := time.Since(began)
	if err != nil || made.Status != "completed" {
		b.Fatalf("%s, %+v, %v", made.Status, made.Failure, err)
	}
	if _, err := c.DeleteBackup(b.Context(), made.ID); err != nil {
		b.Fatal(err)
	}
	return took
}

// pipe archives by hand and returns how long that took.
func (l login) pipe(b *testing.B, source, file string) time.Duration {
	b.Helper()
	to, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer to.Close()
	cmd := exec.Command("ssh", append(l.args, "tar -C / -cf - "+strings.TrimPrefix(source, "/")+" | gzip")...)
	cmd.Stdout = to
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("ssh: %v", err)
	}
	return time.Since(began)
}

func timed(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	began := time.Now()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, out)
	}
	return time.Since(began)
}

// peak is VmHWM of a process: the most it ever had resident.
func peak(b *testing.B, p *process) float64 {
	b.Helper()
	return memory(b, p, "VmHWM")
}
