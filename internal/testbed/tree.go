package testbed

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Tree fills a directory, which must exist, with what breaks careless archivers: hostile names, links, holes,
// deep paths, odd modes. Everything belongs to the directory's owner, who can read all of it.
func Tree(t testing.TB, dir string) {
	t.Helper()
	tree := treeBuilder{t: t, root: dir}
	var info syscall.Stat_t
	if err := syscall.Stat(dir, &info); err != nil {
		t.Fatalf("build the tree: %v", err)
	}
	tree.uid, tree.gid = int(info.Uid), int(info.Gid)

	for _, name := range hostileNames {
		tree.file(name, "named "+name, 0o644)
		tree.dir("directories/"+name, 0o755)
		tree.file("directories/"+name+"/"+name, "inside "+name, 0o600)
	}

	tree.file("empty", "", 0o644)
	tree.dir("empty-dir", 0o755)
	tree.file("binary", string(binary(200_000)), 0o644)
	tree.sparse("sparse", 8<<20)
	tree.fifo("fifo", 0o600)

	tree.symlink("link", "empty")
	tree.symlink("link-to-dir", "directories")
	tree.symlink("link-absolute", "/etc/passwd")
	tree.symlink("link-dangling", "no such\ntarget")
	tree.symlink("link-loop", "link-loop")
	tree.symlink("link-long", strings.Repeat("../x/", 60)+"end")

	tree.file("hard-1", "one file, three names", 0o640)
	tree.hardLink("hard-2", "hard-1")
	tree.dir("elsewhere", 0o755)
	tree.hardLink("elsewhere/hard 3", "hard-1")
	tree.file("twin", "one file, three names", 0o640) // same content, another file

	over100 := "deep/" + strings.Repeat("twenty-characters-xy/", 6)
	over255 := over100 + strings.Repeat("twenty-characters-xy/", 8)
	tree.file(over100+"file", "beyond ustar's name field", 0o644)
	tree.file(over255+"file", "beyond ustar's prefix field", 0o644)
	tree.file(strings.Repeat("n", 255), "the longest name there is", 0o644)
	tree.symlink(over255+"link", over255+"file")

	for _, mode := range []os.FileMode{
		0o400, 0o444, 0o500, 0o666, 0o777,
		0o755 | os.ModeSetuid, 0o755 | os.ModeSetgid, 0o644 | os.ModeSticky,
	} {
		tree.file(fmt.Sprintf("mode-%v", mode), "odd mode", mode)
	}
	tree.file("dir-read-only/file", "in a directory nobody may write", 0o444)
	tree.dir("dir-sticky", 0o777|os.ModeSticky)
	tree.file("old", "from 1999", 0o644)
	old := time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)
	tree.must(os.Chtimes(filepath.Join(dir, "old"), old, old))
	tree.dir("dir-read-only", 0o555) // last: nothing more is made in it
}

// hostileNames are single path elements. What looks like a command must never run.
var hostileNames = []string{
	"with space", " leading and trailing ", "double  space", "tab\there", "new\nline", "\n", "carriage\rreturn",
	`single'quote`, `double"quote`, "back`tick", `back\slash`, `\n`, `ends with \`,
	"-", "--", "-rf", "--checkpoint-action=exec=touch pwned", "--files-from=x", "-C",
	"$(touch pwned)", "`touch pwned`", "; touch pwned", "&& touch pwned", "| touch pwned", "$HOME", "${IFS}", "%s%n", "!!",
	"*", "?", "[a-z]", "{a,b}", "~", "~root", "#comment", "a=b", "a:b", "@list", ".hidden", "..double", "...",
	"ünïcödé", "日本語", "e\u0301 decomposed", "\u00e9 composed", "🙂", "right\u202eto-left", "zero\u200bwidth",
	"not utf-8 \xff\xfe", "escape \x1b[31mred", "bell \a", "delete \x7f",
}

type treeBuilder struct {
	t        testing.TB
	root     string
	uid, gid int
}

func (b treeBuilder) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("build the tree: %v", err)
	}
}

// own gives the entry to the tree's owner, then sets the mode: changing the owner clears setuid bits.
func (b treeBuilder) own(path string, mode os.FileMode) {
	b.t.Helper()
	if os.Geteuid() == 0 {
		b.must(os.Lchown(path, b.uid, b.gid))
	}
	b.must(os.Chmod(path, mode))
}

func (b treeBuilder) parents(name string) {
	b.t.Helper()
	for i := range name {
		if name[i] != '/' {
			continue
		}
		path := filepath.Join(b.root, name[:i])
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		b.must(os.Mkdir(path, 0o700))
		b.own(path, 0o755)
	}
}

func (b treeBuilder) dir(name string, mode os.FileMode) {
	b.t.Helper()
	b.parents(name + "/")
	b.own(filepath.Join(b.root, name), mode)
}

func (b treeBuilder) file(name, content string, mode os.FileMode) {
	b.t.Helper()
	b.parents(name)
	path := filepath.Join(b.root, name)
	b.must(os.WriteFile(path, []byte(content), 0o600))
	b.own(path, mode)
}

// sparse makes a file that is a hole but for a few bytes in the middle.
func (b treeBuilder) sparse(name string, size int64) {
	b.t.Helper()
	b.file(name, "", 0o600)
	path := filepath.Join(b.root, name)
	b.must(os.Truncate(path, size))
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	b.must(err)
	_, err = file.WriteAt([]byte("an island in a hole"), size/2)
	b.must(err)
	b.must(file.Close())
}

func (b treeBuilder) fifo(name string, mode os.FileMode) {
	b.t.Helper()
	path := filepath.Join(b.root, name)
	b.must(syscall.Mkfifo(path, 0o600))
	b.own(path, mode)
}

func (b treeBuilder) symlink(name, target string) {
	b.t.Helper()
	b.parents(name)
	path := filepath.Join(b.root, name)
	b.must(os.Symlink(target, path))
	if os.Geteuid() == 0 {
		b.must(os.Lchown(path, b.uid, b.gid))
	}
}

func (b treeBuilder) hardLink(name, existing string) {
	b.t.Helper()
	b.must(os.Link(filepath.Join(b.root, existing), filepath.Join(b.root, name)))
}

// binary returns bytes of every value that compress badly and are the same in every run.
func binary(n int) []byte {
	var out bytes.Buffer
	for x := uint32(1); out.Len() < n; {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		out.WriteByte(byte(x >> 8))
	}
	return out.Bytes()
}
