package provider_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// must fails the test on an error of the arrangement.
func (s *scenario) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scenario) chmod(path string, mode os.FileMode) {
	s.t.Helper()
	s.must(os.Chmod(path, mode))
}

func (s *scenario) append(path, text string) {
	s.t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	s.must(err)
	_, err = f.WriteString(text)
	s.must(err)
	s.must(f.Close())
}

// noise does not compress.
func noise(n int) string {
	source := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = source.Read(b) // never fails
	return string(b)
}

// authorizeWithTools authorises the user's key, with programs of ours in front of the PATH: bodies of shell scripts by
// name, which find the real program in $real.
func (s *scenario) authorizeWithTools(bodies map[string]string) {
	s.t.Helper()
	bin := s.sshd.Dir("bin")
	for name, body := range bodies {
		program, err := exec.LookPath(name)
		s.must(err)
		script := fmt.Sprintf("#!/bin/sh\nreal=%s\n%s\n", program, body)
		s.must(os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755))
	}
	s.options = `command="PATH=` + bin + `:$PATH; export PATH; exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"" `
	s.sshd.Authorize(s.options + s.public)
}

// withoutTools authorises the user's key with nothing in front of it, as any server would.
func (s *scenario) withoutTools() {
	s.sshd.Deauthorize()
	s.options = ""
	s.sshd.Authorize(s.public)
}

// gate authorises the user's key, puts a file of some mebibytes into the source, and has every archive stop in the middle
// of it until open is called.
func (s *scenario) gate() (open func()) {
	s.t.Helper()
	s.put("source/big", noise(3<<20))
	opened := filepath.Join(s.sshd.Dir("gate"), "open")
	s.authorizeWithTools(map[string]string{"gzip": `case $1 in -c) ;; *) exec "$real" "$@" ;; esac
{ head -c 1000000; until [ -e '` + opened + `' ]; do sleep 0.05; done; cat; } | "$real" "$@"`})
	return func() {
		s.t.Helper()
		s.must(os.WriteFile(opened, nil, 0o600))
	}
}

// archiving returns the ids of the backups whose archives are being written.
func (s *scenario) archiving() (ids []string) {
	s.t.Helper()
	for _, name := range s.onServer() {
		id, isPartial := strings.CutSuffix(name, "/archive.tar.gz.partial")
		if info, err := os.Stat(filepath.Join(s.sshd.BackupDir, name)); isPartial && err == nil && info.Size() > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// awaitArchiving waits until the command's one archive is in the making, and returns its backup's id.
func (s *scenario) awaitArchiving(r *running) (id string) {
	s.t.Helper()
	r.until("an archive in the making", func() bool {
		ids := s.archiving()
		if len(ids) > 0 {
			id = ids[0]
		}
		return len(ids) == 1
	})
	return id
}
