package testbed

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// CompareTar fails the test unless a .tar.gz holds exactly what a directory holds: names, types, modes,
// modification times and contents of files, link targets, and which names are the same file.
// The archive may name the directory by its absolute path (with or without the leading slash), by its last
// element, or as ".". Other entries beside it, such as the directories above it, are ignored.
func CompareTar(t testing.TB, archive, source string) {
	t.Helper()
	differences, err := DiffTar(archive, source)
	if err != nil {
		t.Fatalf("compare %s with %s: %v", archive, source, err)
	}
	if len(differences) > 0 {
		t.Errorf("%s differs from %s:\n  %s", archive, source, strings.Join(differences, "\n  "))
	}
}

// DiffTar is CompareTar for callers that expect differences: one line for each, in order, none if equal.
// An archive that is cut short is an error.
func DiffTar(archive, source string) ([]string, error) {
	packed, err := readTarGz(archive)
	if err != nil {
		return nil, err
	}
	want, err := readDir(source)
	if err != nil {
		return nil, err
	}
	got, err := packed.below(source)
	if err != nil {
		return nil, err
	}
	return want.diff(got), nil
}

// TarNames returns the names in a .tar.gz, sorted, without a leading "./" or "/" and without a trailing slash.
func TarNames(t testing.TB, archive string) []string {
	t.Helper()
	packed, err := readTarGz(archive)
	if err != nil {
		t.Fatalf("list %s: %v", archive, err)
	}
	return packed.names()
}

// entry is what must survive in an archive. It is comparable.
type entry struct {
	kind   string
	mode   string
	target string // of a symbolic link
	digest string // of a regular file
	size   int64
	mtime  int64  // of a regular file, in seconds: all that tar's oldest format keeps
	same   string // the first of the names this file has, when it has several
}

func (e entry) String() string {
	text := e.kind + " " + e.mode
	switch e.kind {
	case "file":
		text += fmt.Sprintf(" %d bytes sha256 %.12s modified %d", e.size, e.digest, e.mtime)
	case "symlink":
		text = fmt.Sprintf("symlink to %q", e.target)
	}
	if e.same != "" {
		text += fmt.Sprintf(" hard link of %q", e.same)
	}
	return text
}

// manifest holds entries by their cleaned relative name; "" is the directory itself.
type manifest map[string]entry

func (m manifest) names() []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m manifest) diff(got manifest) []string {
	var lines []string
	for _, name := range m.names() {
		switch other, ok := got[name]; {
		case !ok:
			lines = append(lines, fmt.Sprintf("%q is missing, want %v", name, m[name]))
		case other != m[name]:
			lines = append(lines, fmt.Sprintf("%q is %v, want %v", name, other, m[name]))
		}
	}
	for _, name := range got.names() {
		if _, ok := m[name]; !ok {
			lines = append(lines, fmt.Sprintf("%q is extra: %v", name, got[name]))
		}
	}
	return lines
}

// below returns the part of an archive that holds the source directory.
func (m manifest) below(source string) (manifest, error) {
	absolute, err := filepath.Abs(source)
	if err != nil {
		return nil, err
	}
	for _, prefix := range []string{strings.TrimPrefix(absolute, "/"), filepath.Base(absolute), "."} {
		part := manifest{}
		for name, e := range m {
			relative, ok := relativeTo(prefix, name)
			if !ok {
				continue
			}
			if e.same != "" {
				e.same, _ = relativeTo(prefix, e.same)
			}
			part[relative] = e
		}
		if len(part) > 0 {
			return part, nil
		}
	}
	return nil, fmt.Errorf("the archive does not hold %s, it holds %q", source, m.names())
}

func relativeTo(prefix, name string) (string, bool) {
	switch prefix {
	case ".":
		return name, true
	case name:
		return "", true
	default:
		return strings.CutPrefix(name, prefix+"/")
	}
}

func readTarGz(archive string) (manifest, error) {
	file, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	plain, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	m := manifest{}
	reader := tar.NewReader(plain)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name := clean(header.Name)
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%q is in the archive twice", name)
		}
		e, err := m.fromTar(name, header, reader)
		if err != nil {
			return nil, err
		}
		m[name] = e
	}
	// Whatever follows the tar stream still counts for gzip's checksum.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return nil, err
	}
	return m, nil
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

func (m manifest) fromTar(name string, header *tar.Header, content io.Reader) (entry, error) {
	mode := header.FileInfo().Mode()
	e := entry{mode: permissions(mode)}
	switch header.Typeflag {
	case tar.TypeLink:
		first := clean(header.Linkname)
		original, ok := m[first]
		if !ok {
			return e, fmt.Errorf("%q is a hard link of %q, which did not come before it", name, first)
		}
		// Which of the names was stored as the file is the archiver's choice; the first in order is not.
		names := []string{name, first}
		for other, e := range m {
			if e.same != "" && e.same == original.same {
				names = append(names, other)
			}
		}
		original.same = slices.Min(names)
		for _, other := range names {
			m[other] = original
		}
		return original, nil
	case tar.TypeReg, tar.TypeGNUSparse:
		hash := sha256.New()
		size, err := io.Copy(hash, content)
		if err != nil {
			return e, err
		}
		e.kind, e.size, e.digest, e.mtime = "file", size, hex.EncodeToString(hash.Sum(nil)), header.ModTime.Unix()
	case tar.TypeSymlink:
		e.kind, e.target, e.mode = "symlink", header.Linkname, ""
	default:
		e.kind = kind(mode)
	}
	return e, nil
}

func readDir(root string) (manifest, error) {
	m := manifest{}
	type inode struct{ device, number uint64 }
	linked := map[inode][]string{}
	err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if name == "." {
			name = ""
		}
		info, err := os.Lstat(file)
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && !info.IsDir() && stat.Nlink > 1 {
			key := inode{stat.Dev, stat.Ino}
			linked[key] = append(linked[key], name)
		}
		m[name], err = fromDisk(file, info)
		return err
	})
	for _, names := range linked {
		if len(names) < 2 {
			continue // its other names are outside
		}
		for _, name := range names {
			e := m[name]
			e.same = slices.Min(names)
			m[name] = e
		}
	}
	return m, err
}

func fromDisk(file string, info fs.FileInfo) (entry, error) {
	e := entry{kind: kind(info.Mode()), mode: permissions(info.Mode())}
	switch e.kind {
	case "symlink":
		target, err := os.Readlink(file)
		e.target, e.mode = target, ""
		return e, err
	case "file":
		content, err := os.Open(file)
		if err != nil {
			return e, err
		}
		defer func() { _ = content.Close() }()
		hash := sha256.New()
		size, err := io.Copy(hash, content)
		e.size, e.digest, e.mtime = size, hex.EncodeToString(hash.Sum(nil)), info.ModTime().Unix()
		return e, err
	}
	return e, nil
}

func kind(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "dir"
	case fs.ModeSymlink:
		return "symlink"
	case fs.ModeNamedPipe:
		return "fifo"
	default:
		return mode.Type().String()
	}
}

func permissions(mode fs.FileMode) string {
	return (mode &^ fs.ModeType).String()
}
