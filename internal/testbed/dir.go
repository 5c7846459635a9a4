package testbed

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func randomInt(n int) int {
	return rand.IntN(n)
}

// shortDir makes a directory with a short path that every account may traverse, removed when the test ends.
// t.TempDir is neither: its path holds the test's name, and its parent has mode 0700.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cp-") //nolint:usetesting // see above.
	if err != nil {
		t.Fatalf("make a test directory: %v", err)
	}
	t.Cleanup(func() {
		if err := removeAll(dir); err != nil {
			t.Errorf("remove the test directory: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatalf("make a test directory: %v", err)
	}
	return dir
}

// removeAll removes a tree that may hold directories without permissions and that a job which was just
// told to stop may still be writing to.
func removeAll(dir string) error {
	var err error
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, _ error) error {
			if entry != nil && entry.IsDir() {
				_ = os.Chmod(path, 0o700)
			}
			return nil
		})
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
	}
	return err
}
