package backup

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what comes from outside.
const (
	MaxPaths         = 1000
	MaxPathBytes     = 4096 // PATH_MAX of Linux
	MaxPatternBytes  = 1024
	MaxSourceBytes   = 256 << 10 // of all paths and patterns together: the server's shell reads them byte by byte
	MaxBackupDir     = 255
	maxHostName      = 253 // RFC 1035
	maxTimeout       = 5 * time.Minute
	shortLivedAfter  = 7 // days that a folder emptied at boot is not trusted with
	maxEnvironment   = 32
	maxHostKeyLength = 16 << 10
	maxConcurrent    = 32 // backups of one server at a time
)

var (
	namePattern        = NewPattern(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	hostPattern        = NewPattern(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$`)
	userPattern        = NewPattern(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)
	environmentPattern = NewPattern(`^[a-z0-9][a-z0-9-]*$`)
	dirSegment         = NewPattern(`^[A-Za-z0-9._-]+$`)
)

// ServerRules are the rules one server's settings must keep, by themselves.
var ServerRules = []Rule[ServerSpec]{
	{[]string{"name"}, func(s ServerSpec) []Finding {
		if namePattern.MatchString(s.Name) {
			return nil
		}
		return invalid("name", "Invalid server name",
			fmt.Sprintf("%q is not a server name: 1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit.", Excerpt(s.Name, 80)),
			"Choose a name such as web-1.")
	}},
	{[]string{"host"}, func(s ServerSpec) []Finding {
		if ValidHost(s.Host) {
			return nil
		}
		return invalid("host", "Invalid host",
			fmt.Sprintf("%q is neither a host name (letters, digits, dots, dashes; at most %d bytes) nor an IP address.", Excerpt(s.Host, 80), maxHostName),
			"Give the name or address alone; the port and the user have fields of their own.")
	}},
	{[]string{"port"}, func(s ServerSpec) []Finding {
		return outside("port", "Invalid port", s.Port, 65535, "", "sshd listens on 22 unless it was told otherwise.")
	}},
	{[]string{"user"}, func(s ServerSpec) []Finding {
		if userPattern.MatchString(s.User) {
			return nil
		}
		return invalid("user", "Invalid login user",
			fmt.Sprintf("%q is not a login name: 1 to 32 letters, digits, dots, dashes and underscores, beginning with a letter or underscore.", Excerpt(s.User, 80)),
			fmt.Sprintf("The default is %q.", DefaultUser))
	}},
	{[]string{"host_key"}, func(s ServerSpec) []Finding {
		if s.HostKey == "" {
			return nil
		}
		if err := CheckHostKey(s.HostKey); err != nil {
			return invalid("host_key", "Invalid host key", sentence(err.Error()),
				"Print it on the server with: cat /etc/ssh/ssh_host_ed25519_key.pub")
		}
		return nil
	}},
	{[]string{"host_key", "record_host_key"}, func(s ServerSpec) []Finding {
		if s.HostKey != "" || s.RecordHostKey {
			return nil
		}
		return []Finding{{SeverityError, "host_key", CodeUnpinnedHostKey, "The server's host key is not pinned",
			"Without a host key nobody can tell this server from one that pretends to be it, so no connection would be made.",
			"Set host_key to the line that \"cat /etc/ssh/ssh_host_ed25519_key.pub\" prints on the server, or set record_host_key = true to trust the key of the first contact."}}
	}},
	{[]string{"backup_dir"}, func(s ServerSpec) []Finding {
		if err := CheckBackupDir(s.BackupDir); err != nil {
			return invalid("backup_dir", "Invalid backup folder", sentence(err.Error()),
				fmt.Sprintf("Name a folder of its own, such as /var/backups/cloudpilot; the default is %s.", DefaultBackupDir))
		}
		return nil
	}},
	{[]string{"privilege"}, func(s ServerSpec) []Finding {
		return oneOf("privilege", "Invalid privilege", string(s.Privilege), string(PrivilegeNone), string(PrivilegeSudo))
	}},
	{[]string{"environment"}, func(s ServerSpec) []Finding {
		if s.Environment == "" || len(s.Environment) <= maxEnvironment && environmentPattern.MatchString(s.Environment) {
			return nil
		}
		return invalid("environment", "Invalid environment",
			fmt.Sprintf("%q is not an environment: at most %d lower-case letters, digits and dashes.", Excerpt(s.Environment, 80), maxEnvironment),
			"Usual ones are production, staging and development.")
	}},
	{[]string{"connect_timeout_seconds"}, func(s ServerSpec) []Finding {
		return outside("connect_timeout_seconds", "Invalid connect timeout", int(s.ConnectTimeout/time.Second), int(maxTimeout/time.Second), " seconds", "")
	}},
	{[]string{"keepalive_interval_seconds"}, func(s ServerSpec) []Finding {
		return outside("keepalive_interval_seconds", "Invalid keepalive interval", int(s.KeepaliveInterval/time.Second), int(maxTimeout/time.Second), " seconds", "")
	}},
	{[]string{"max_concurrent_backups"}, func(s ServerSpec) []Finding {
		return outside("max_concurrent_backups", "Invalid number of concurrent backups", s.MaxConcurrentBackups, maxConcurrent, "", "To make no backups at all, pause what asks for them.")
	}},
	{[]string{"maintenance_windows"}, func(s ServerSpec) []Finding { return CheckWindows("maintenance_windows", s.MaintenanceWindows) }},
}

// Rules are the rules one backup's settings must keep, by themselves.
var Rules = append(filesRules, databaseRules...)

var filesRules = []Rule[Spec]{
	{[]string{"type"}, checkType},
	{[]string{"retention_days"}, func(s Spec) []Finding {
		return outside("retention_days", "Invalid retention", s.RetentionDays, MaxRetentionDays, " days", "")
	}},
	{[]string{"type", "files.include"}, func(s Spec) []Finding {
		if s.Type != TypeFiles && s.Type != TypeFull {
			return nil
		}
		if n := len(s.Files.Include); n == 0 || n > MaxPaths {
			return invalid("files.include", fmt.Sprintf("A %s backup needs paths", s.Type),
				fmt.Sprintf("files.include names %d paths; allowed are 1 to %d.", n, MaxPaths),
				`Name what to back up, such as ["/etc", "/var/www"].`)
		}
		return each("files.include", s.Files.Include, CheckInclude)
	}},
	{[]string{"files.include", "files.exclude"}, func(s Spec) []Finding {
		total := 0
		for _, v := range slices.Concat(s.Files.Include, s.Files.Exclude) {
			total += len(v)
		}
		if total <= MaxSourceBytes {
			return nil
		}
		return invalid("files.include", "Too much text in paths and patterns",
			fmt.Sprintf("files.include and files.exclude hold %d bytes together; at most %d are allowed.", total, MaxSourceBytes),
			"Name the folders above, and join patterns with wildcards.")
	}},
	{[]string{"type", "files.exclude"}, func(s Spec) []Finding {
		if n := len(s.Files.Exclude); n > MaxPaths {
			return invalid("files.exclude", "Too many exclude patterns",
				fmt.Sprintf("files.exclude holds %d patterns; allowed are 0 to %d.", n, MaxPaths), "Join them with wildcards.")
		}
		return each("files.exclude", s.Files.Exclude, CheckExclude)
	}},
}

func checkType(s Spec) []Finding {
	refuse := func(detail, fix string) []Finding {
		return []Finding{{SeverityError, "type", CodeInvalidType, "Invalid backup type", detail, fix}}
	}
	switch s.Type {
	case TypeFiles, TypeDatabase, TypeFull:
		return nil
	case TypeSnapshot:
		return refuse("A snapshot is a disk image made by a cloud provider, and there is no driver for one: it could be neither downloaded nor restored from here.",
			`Use "files", "database" or "full", or the cloud provider's own resource for snapshots.`)
	}
	fix := `Use "files", "database" or "full".`
	if near := nearest(string(s.Type), []string{"files", "database", "full", "snapshot"}); near != "" {
		fix = fmt.Sprintf("Did you mean %q?", near)
	}
	return refuse(fmt.Sprintf("%q is not a type of backup; backups are of type files, database or full.", Excerpt(string(s.Type), 40)), fix)
}

// CheckInclude checks one path to back up. It may hold any byte that a file name can.
func CheckInclude(path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return errors.New("must be absolute: it has to begin with /")
	case len(path) > MaxPathBytes:
		return fmt.Errorf("is %d bytes long; at most %d are allowed", len(path), MaxPathBytes)
	case slices.Contains(strings.Split(path, "/"), ".."):
		return errors.New(`must not have ".." in it`)
	}
	return checkNUL(path)
}

// CheckExclude checks one pattern, in the words of tar --exclude. tar reads patterns line by line, and cuts off
// white space at a line's end.
func CheckExclude(pattern string) error {
	switch {
	case strings.Trim(pattern, "/") == "":
		return errors.New("names nothing")
	case len(pattern) > MaxPatternBytes:
		return fmt.Errorf("is %d bytes long; at most %d are allowed", len(pattern), MaxPatternBytes)
	case strings.ContainsAny(pattern, "\n\r"):
		return errors.New("must be a single line")
	case strings.TrimRight(pattern, " \t\v\f") != pattern:
		return errors.New("ends in white space, which tar would cut off")
	}
	return checkNUL(pattern)
}

func checkNUL(s string) error {
	if strings.Contains(s, "\x00") {
		return errors.New("has a NUL byte in it, which no file name can have")
	}
	return nil
}

func each(path string, values []string, check func(string) error) []Finding {
	var findings []Finding
	for i, v := range values {
		err := check(v)
		if err == nil && !utf8.ValidString(v) { // JSON would carry another name
			err = errors.New("is not valid UTF-8")
		}
		if err != nil {
			findings = append(findings, Finding{SeverityError, path + "." + strconv.Itoa(i), CodeInvalidArgument,
				"Invalid value in " + path, fmt.Sprintf("%q %v.", Excerpt(v, 120), err), ""})
		}
	}
	return findings
}

// PlacementRules look at a backup together with the server it is for.
var PlacementRules = []Rule[Placement]{
	{[]string{"server_id", "retention_days"}, func(p Placement) []Finding {
		if !shortLived(p.Server.BackupDir) || p.Spec.RetentionDays <= shortLivedAfter {
			return nil
		}
		return []Finding{{SeverityWarning, "retention_days", CodeShortLived,
			fmt.Sprintf("Backups of %s may not live as long as their retention", p.Server.Name),
			fmt.Sprintf("Archives are kept for %d days in %s, and many systems empty that file system at boot or remove old files from it.", p.Spec.RetentionDays, p.Server.BackupDir),
			"Set backup_dir of the server to a lasting folder, such as /var/backups/cloudpilot, or lower retention_days."}}
	}},
	{[]string{"server_id"}, func(p Placement) []Finding {
		if p.Server.KeySource != KeyNone {
			return nil
		}
		return []Finding{{SeverityError, "server_id", CodeSSHNotConfigured,
			fmt.Sprintf("Backup of %s would fail: no SSH key is set", p.Server.Name),
			fmt.Sprintf("The server %s has no private key, so nobody can log in to it.", p.Server.Name),
			"Set generate_key = true or private_key_wo on the server."}}
	}},
}

// Placement is a backup's specification and the server it is for.
type Placement struct {
	Spec   Spec
	Server Server
}

func shortLived(dir string) bool {
	return slices.ContainsFunc([]string{"/tmp", "/var/tmp", "/dev/shm", "/run"}, func(t string) bool {
		return dir == t || strings.HasPrefix(dir, t+"/")
	})
}

// ValidHost reports whether host is a host name or an IP address. It never begins with a dash.
func ValidHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return len(host) <= maxHostName && hostPattern.MatchString(host) && !strings.Contains(host, "..")
}

// systemDirs are never a backup folder themselves; below most of them one may be. The job script holds the same list.
var systemDirs = []string{
	"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/media", "/mnt",
	"/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var",
}

// CheckBackupDir checks the folder for archives on a server: absolute and clean, made of plain names, at most
// 255 bytes, and no folder of the system itself.
func CheckBackupDir(dir string) error {
	quoted := strconv.Quote(Excerpt(dir, 80))
	if len(dir) > MaxBackupDir {
		return fmt.Errorf("%s is %d bytes long; at most %d are allowed", quoted, len(dir), MaxBackupDir)
	}
	if !strings.HasPrefix(dir, "/") {
		return fmt.Errorf("%s must be absolute: it has to begin with /", quoted)
	}
	segments := strings.SplitSeq(dir[1:], "/")
	for s := range segments {
		if s == "." || s == ".." || !dirSegment.MatchString(s) {
			return fmt.Errorf("%s may only hold names of letters, digits, dots, dashes and underscores, separated by single slashes", quoted)
		}
	}
	if slices.Contains(systemDirs, dir) {
		return fmt.Errorf("%s is a folder of the system; archives need one of their own, below it for instance", quoted)
	}
	return nil
}

// outside refuses a number that is not between 1 and high.
func outside(path, summary string, value, high int, unit, fix string) []Finding {
	if value >= 1 && value <= high {
		return nil
	}
	return invalid(path, summary, fmt.Sprintf("%s is %d; allowed are 1 to %d%s.", path, value, high, unit), fix)
}

func oneOf(path, summary, value string, allowed ...string) []Finding {
	if slices.Contains(allowed, value) {
		return nil
	}
	fix := ""
	if near := nearest(value, allowed); near != "" {
		fix = fmt.Sprintf("Did you mean %q?", near)
	}
	return invalid(path, summary, fmt.Sprintf("%s is %q; allowed are %s.", path, Excerpt(value, 40), strings.Join(allowed, ", ")), fix)
}

// sentence ends a text with a full stop, unless it asks a question.
func sentence(s string) string {
	if strings.HasSuffix(s, "?") {
		return s
	}
	return strings.TrimSuffix(s, ".") + "."
}
