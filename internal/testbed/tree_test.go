package testbed_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

func packed(t *testing.T, command ...string) string {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "archive.tar.gz")
	for i, arg := range command {
		if arg == "ARCHIVE" {
			command[i] = archive
		}
	}
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
	return archive
}

func treeDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	testbed.Tree(t, dir)
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "dir-read-only"), 0o755) })
	return dir
}

func TestTreeSurvivesEveryTarAndLayout(t *testing.T) {
	t.Parallel()
	dir := treeDir(t)
	for name, command := range map[string][]string{
		"gnu, absolute path":  {"tar", "-C", "/", "-czf", "ARCHIVE", "--", strings.TrimPrefix(dir, "/")},
		"gnu, last element":   {"tar", "-C", filepath.Dir(dir), "-czf", "ARCHIVE", "tree"},
		"gnu, dot and sparse": {"tar", "-C", dir, "-S", "-czf", "ARCHIVE", "."},
		"gnu, pax":            {"tar", "-C", dir, "--format=pax", "-czf", "ARCHIVE", "."},
		"busybox":             {"busybox", "tar", "-C", "/", "-czf", "ARCHIVE", strings.TrimPrefix(dir, "/")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testbed.CompareTar(t, packed(t, command...), dir)
		})
	}
}

func TestCompareTarTellsDifferences(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(dir string) error
		want   string
	}{
		"content": {func(dir string) error {
			at := time.Now()
			return errors.Join(os.WriteFile(dir+"/f", []byte("B"), 0o600), os.Chtimes(dir+"/f", at, at))
		}, `"f" is file`},
		"modification time": {func(dir string) error {
			return os.Chtimes(dir+"/f", time.Unix(1, 0), time.Unix(1, 0))
		}, `modified 1`},
		"mode":        {func(dir string) error { return os.Chmod(dir+"/f", 0o640) }, `-rw-r-----`},
		"missing":     {func(dir string) error { return os.WriteFile(dir+"/more", nil, 0o600) }, `"more" is missing`},
		"extra":       {func(dir string) error { return os.Remove(dir + "/f") }, `"f" is extra`},
		"link target": {func(dir string) error { return errors.Join(os.Remove(dir+"/l"), os.Symlink("g", dir+"/l")) }, `symlink to "g"`},
		"type":        {func(dir string) error { return errors.Join(os.Remove(dir+"/l"), os.Mkdir(dir+"/l", 0o755)) }, `want dir`},
		"a hard link became a copy": {func(dir string) error {
			return errors.Join(os.Remove(dir+"/h2"), os.WriteFile(dir+"/h2", []byte("h"), 0o600))
		}, `hard link of "h1"`},
		"an empty directory": {func(dir string) error { return os.Remove(dir + "/d") }, `"d" is extra`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			err := errors.Join(os.WriteFile(dir+"/f", []byte("A"), 0o600), os.Symlink("f", dir+"/l"), os.Mkdir(dir+"/d", 0o755),
				os.WriteFile(dir+"/h1", []byte("h"), 0o600), os.Link(dir+"/h1", dir+"/h2"))
			if err != nil {
				t.Fatal(err)
			}
			archive := packed(t, "tar", "-C", dir, "-czf", "ARCHIVE", ".")
			testbed.CompareTar(t, archive, dir)
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			differences, err := testbed.DiffTar(archive, dir)
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(differences, "\n"); !strings.Contains(all, test.want) {
				t.Fatalf("differences %q, want one with %q", all, test.want)
			}
		})
	}
}

func TestDiffTarRefusesATruncatedArchive(t *testing.T) {
	t.Parallel()
	dir := treeDir(t)
	archive := packed(t, "tar", "-C", dir, "-czf", "ARCHIVE", ".")
	info, err := os.Stat(archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(archive, info.Size()-4); err != nil {
		t.Fatal(err)
	}
	if _, err := testbed.DiffTar(archive, dir); err == nil {
		t.Fatal("four bytes are missing, and nobody noticed")
	}
}
