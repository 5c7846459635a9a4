package ssh

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxRoot    = 255
	maxInclude = 4096
	maxExclude = 1024
	maxPaths   = 1000
	// Everything of one request: the server's shell reads it byte by byte.
	maxPathBytes = 256 << 10
)

var (
	jobIDPattern   = regexp.MustCompile(`^[a-z]{1,16}_[0-9A-Z]{26}$`)
	segmentPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
)

// systemDirs are never a backup folder themselves; below most of them one may be.
// backup.sh holds the same list.
var systemDirs = []string{
	"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/media", "/mnt",
	"/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var",
}

// ValidateRoot checks a backup folder: absolute, clean, at most 255 bytes, segments of
// letters, digits, dot, dash and underscore, and no directory of the system itself.
func ValidateRoot(root string) error {
	invalid := func(why string) error { return fmt.Errorf("invalid backup folder %s: %s", printable(root), why) }
	switch {
	case !strings.HasPrefix(root, "/"):
		return invalid("it must be an absolute path")
	case len(root) > maxRoot:
		return invalid(fmt.Sprintf("it is longer than %d bytes", maxRoot))
	case root == "/" || slices.Contains(systemDirs, root):
		return invalid("it is a directory of the system; choose a folder below it")
	case path.Clean(root) != root:
		return invalid("it must be a clean path, without \"..\", \"//\" or a slash at the end")
	}
	for segment := range strings.SplitSeq(root[1:], "/") {
		if !segmentPattern.MatchString(segment) {
			return invalid("only letters, digits, \".\", \"-\" and \"_\" are allowed between slashes")
		}
	}
	return nil
}

// ValidateID checks a job's id: a lower-case prefix, an underscore, and 26 characters as of a ULID.
func ValidateID(id string) error {
	if !jobIDPattern.MatchString(id) {
		return fmt.Errorf("invalid job id %s: expected a form like bk_01ARZ3NDEKTSV4RRFFQ69G5FAV", printable(id))
	}
	return nil
}

// ValidateInclude checks one path to archive. It may hold any byte but NUL.
func ValidateInclude(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("invalid path %s: it must be absolute", printable(p))
	case len(p) > maxInclude:
		return fmt.Errorf("invalid path %s: it is longer than %d bytes", printable(p), maxInclude)
	case strings.Contains(p, "\x00"):
		return fmt.Errorf("invalid path %s: it holds a NUL byte", printable(p))
	}
	return nil
}

// ValidateExclude checks one pattern, in the words of tar --exclude. With a leading slash it
// is a path from the root of the file system, without one it matches at any depth.
func ValidateExclude(pattern string) error {
	invalid := func(why string) error { return fmt.Errorf("invalid exclude %s: %s", printable(pattern), why) }
	switch {
	case strings.Trim(pattern, "/") == "":
		return invalid("it names nothing")
	case len(pattern) > maxExclude:
		return invalid(fmt.Sprintf("it is longer than %d bytes", maxExclude))
	case strings.ContainsAny(pattern, "\x00\n"):
		return invalid("it holds a NUL byte or a newline")
	case strings.TrimRight(pattern, " \t\r\v\f") != pattern:
		return invalid("it ends in white space, which tar would cut off")
	}
	return nil
}

func validatePaths(include, exclude []string) error {
	if len(include) > maxPaths || len(exclude) > maxPaths {
		return fmt.Errorf("more than %d paths or patterns", maxPaths)
	}
	size := 0
	for _, p := range include {
		if err := ValidateInclude(p); err != nil {
			return err
		}
		size += len(p)
	}
	for _, p := range exclude {
		if err := ValidateExclude(p); err != nil {
			return err
		}
		size += len(p)
	}
	if size > maxPathBytes {
		return errors.New("the paths and patterns hold more than 256 KiB together")
	}
	return nil
}

// printable quotes hostile text for an error message, shortened.
func printable(s string) string {
	const limit = 100
	if len(s) > limit {
		return strconv.QuoteToASCII(s[:limit]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
