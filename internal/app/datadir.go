package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// dataDir is a data directory: the database, the lock of its owner, and the owner's socket.
type dataDir string

func (d dataDir) database() string      { return filepath.Join(string(d), "control.db") }
func (d dataDir) lockFile() string      { return filepath.Join(string(d), "control.lock") }
func (d dataDir) simulatedMark() string { return filepath.Join(string(d), "control.simulated") }
func (d dataDir) socket() string        { return filepath.Join(string(d), "control.sock") }

// exists reports whether there are records.
func (d dataDir) exists() (bool, error) {
	_, err := os.Stat(d.database())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// prepare makes the directory, for its owner alone, and keeps it out of version control. A directory that holds
// something else is refused: it is somebody's, and narrowing its mode would hurt.
func (d dataDir) prepare() error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if info, err := os.Stat(string(d)); err != nil {
		return err
	} else if !ours(info) {
		return fmt.Errorf("the data directory %s belongs to another user: whoever owns it could change the records; name one of your own", d)
	}
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return err
	}
	ignore := filepath.Join(string(d), ".gitignore")
	if !d.marked(entries) {
		return fmt.Errorf("%s is not empty and not a data directory: name an empty or a new one", d)
	}
	if err := os.Chmod(string(d), 0o700); err != nil { //nolint:gosec // a directory needs x
		return err
	}
	if _, err := os.Lstat(ignore); err == nil {
		return nil
	}
	if err := os.WriteFile(ignore, []byte(ignoreAll), 0o600); err != nil { // half of it would count as all of it
		return errors.Join(err, os.Remove(ignore))
	}
	return nil
}

// ignoreAll keeps all of a data directory out of version control.
const ignoreAll = "# Records and secrets of an embedded control plane.\n*\n"

// marked reports whether the directory is a data directory, or may become one: by its records or its lock, or because
// nothing is in it but what another process may just be making.
func (d dataDir) marked(entries []fs.DirEntry) bool {
	for _, name := range []string{d.database(), d.lockFile()} {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() != ".gitignore" && !strings.HasPrefix(e.Name(), "control.")
	})
}

// lock takes the directory for this process, or reports false if another process owns it.
func (d dataDir) lock() (*flock.Flock, bool, error) {
	l := flock.New(d.lockFile(), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	return l, ok, err
}

// maxSocketPath is what fits into a socket's address everywhere: 104 bytes on BSD, 108 on Linux, with the final NUL.
const maxSocketPath = 100

// listen opens the owner's socket. Where its path is too long for an address, the socket lies in a short folder of
// its own and the path is a symbolic link to it. Only the holder of the lock may call it.
func (d dataDir) listen() (l net.Listener, cleanup func(), err error) {
	path, cleanup := d.socket(), func() { _ = os.Remove(d.socket()) }
	cleanup() // what a killed owner left behind
	if len(path) > maxSocketPath {
		parent := os.TempDir()
		if len(parent) > maxSocketPath/2 {
			parent = "/tmp"
		}
		short, err := os.MkdirTemp(parent, "cloudaipilot-") // 0700
		if err != nil {
			return nil, nil, err
		}
		path = filepath.Join(short, "s")
		cleanup = func() { _, _ = os.Remove(d.socket()), os.RemoveAll(short) }
		if err := os.Symlink(path, d.socket()); err != nil {
			cleanup()
			return nil, nil, err
		}
	}
	if l, err = net.Listen("unix", path); err == nil {
		if unix, ok := l.(*net.UnixListener); ok {
			unix.SetUnlinkOnClose(false) // by then the path may be another owner's
		}
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		cleanup()
		return nil, nil, fmt.Errorf("open the socket of the data directory: %w", err)
	}
	return l, cleanup, nil
}

// address is where the owner listens. A link is followed to a folder of ours alone: after a crash and a reboot anybody
// could have made a folder of its name.
func (d dataDir) address() (string, error) {
	short, err := os.Readlink(d.socket())
	if err != nil {
		return d.socket(), nil //nolint:nilerr // it is no link
	}
	info, err := os.Lstat(filepath.Dir(short))
	if err != nil {
		return "", err
	}
	if !info.IsDir() || !ours(info) || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("the socket's folder %s is not this user's own", filepath.Dir(short))
	}
	return short, nil
}

// holds reports whether the lock is still that of the directory: somebody may have removed the directory, or made it
// anew, under its owner.
func (d dataDir) holds(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(d.lockFile())
	return err == nil && os.SameFile(held, there)
}
