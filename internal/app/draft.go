package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// draft is a file that is written beside its place, for its owner alone, and gets its name when it is whole. Its
// lock says that somebody writes it: a draft without one was left by a process that was killed.
type draft struct {
	path, place string
	lock        *flock.Flock
}

// draftMark is in the name of every draft, behind a dot and the name that it is to get.
const draftMark = ".cloudaipilot-part-"

// newDraft begins a file, and removes what killed processes left of the same one.
func newDraft(place string) (*draft, error) {
	if err := removeLeftovers(place); err != nil {
		return nil, err
	}
	for range 10 {
		f, err := os.CreateTemp(filepath.Dir(place), "."+filepath.Base(place)+draftMark+"*") // 0600
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
		d := &draft{path: f.Name(), place: place, lock: flock.New(f.Name(), flock.SetPermissions(0o600))}
		locked, err := d.lock.TryLock()
		if err != nil {
			return nil, errors.Join(err, os.Remove(d.path))
		}
		if locked && d.mine() {
			return d, nil
		}
		_ = d.lock.Unlock() // another process took it for a leftover, in the moment before the lock
	}
	return nil, fmt.Errorf("other processes keep removing what is to become %s", place)
}

// mine reports whether the lock is still that of the file.
func (d *draft) mine() bool {
	held, err := d.lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(d.path)
	return err == nil && os.SameFile(held, there)
}

// removeLeftovers removes the drafts of a place that nobody writes any more.
func removeLeftovers(place string) error {
	entries, err := os.ReadDir(filepath.Dir(place))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), "."+filepath.Base(place)+draftMark) {
			continue
		}
		path := filepath.Join(filepath.Dir(place), e.Name())
		lock := flock.New(path, flock.SetPermissions(0o600))
		if locked, err := lock.TryLock(); err != nil || !locked {
			continue // somebody writes it, or it is not ours
		}
		err := os.Remove(path)
		if err = errors.Join(err, lock.Unlock()); err != nil {
			return err
		}
	}
	return nil
}

// publish puts the draft in its place, on the disk. A file that is there already is replaced if replace says so.
func (d *draft) publish(replace bool) error {
	if err := errors.Join(os.Chmod(d.path, 0o600), syncFile(d.path)); err != nil {
		return err
	}
	if err := d.name(replace); err != nil {
		return err
	}
	return syncFile(filepath.Dir(d.place))
}

func (d *draft) name(replace bool) error {
	if replace {
		return os.Rename(d.path, d.place)
	}
	err := os.Link(d.path, d.place)
	switch {
	case err == nil:
		return os.Remove(d.path)
	case errors.Is(err, fs.ErrExist):
		return errThere(d.place)
	}
	if _, err := os.Lstat(d.place); !errors.Is(err, fs.ErrNotExist) { // a file system without links
		return errThere(d.place)
	}
	return os.Rename(d.path, d.place)
}

func errThere(place string) error {
	return fmt.Errorf("%s exists already: name another file, or add --force to replace it", place)
}

// discard removes the draft, unless it was published.
func (d *draft) discard() {
	if d.mine() {
		_ = os.Remove(d.path)
	}
	_ = d.lock.Unlock()
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
