package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Tmpfs mounts an empty file system of the given size in bytes, open to every account, and unmounts it when
// the test ends. The test is skipped where mounting is not allowed: it needs root, and in a container the
// right to mount.
func Tmpfs(t testing.TB, size int64) string {
	t.Helper()
	return tmpfs(t, fmt.Sprintf("size=%d", size))
}

// TmpfsWithInodes is Tmpfs with room for so many files and folders, its own root among them.
func TmpfsWithInodes(t testing.TB, size int64, inodes int) string {
	t.Helper()
	return tmpfs(t, fmt.Sprintf("size=%d,nr_inodes=%d", size, inodes))
}

// RemountReadOnly lets nobody write any more to a file system that Tmpfs has mounted.
func RemountReadOnly(t testing.TB, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NODEV, ""); err != nil {
		t.Fatalf("remount %s read-only: %v", dir, err)
	}
}

func tmpfs(t testing.TB, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs tests that run as root")
	}
	dir := filepath.Join(shortDir(t), "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("make a mount point: %v", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, options+",mode=1777"); err != nil {
		if err == syscall.EPERM {
			t.Skip("mounting a small file system is not allowed here, though the tests run as root")
		}
		t.Fatalf("mount a tmpfs with %s: %v", options, err)
	}
	t.Cleanup(func() {
		// Detached, so that a file somebody still holds open does not keep the directory.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount the tmpfs: %v", err)
		}
	})
	return dir
}
