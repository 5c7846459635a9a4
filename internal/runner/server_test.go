package runner

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// sshServer is a server with a real sshd, and what a preflight there is asked about.
type sshServer struct {
	*testbed.SSHD
	t      *testing.T
	target controlplane.Target
	backup backup.Backup
	source string
	public string
}

// busybox are tools of a server that has no others. Its tar is one with -T and -X, which this machine's may lack.
func busybox() map[string]string {
	tools := map[string]string{"tar": "case $1 in --version) echo 'tar (busybox) 1.36.1'; exit ;; esac\nexec /bin/tar --no-unquote --no-anchored --wildcards \"$@\"\n"}
	for tool := range strings.FieldsSeq("gzip setsid sha256sum df mkfifo tee sync mv rm mkdir rmdir cat ls wc sed head tail tr sleep date id du awk") {
		tools[tool] = "exec /usr/bin/busybox " + tool + " \"$@\"\n"
	}
	return tools
}

func newSSHServer(t *testing.T, options testbed.SSHDOptions) *sshServer {
	t.Helper()
	private, public, err := ssh.GenerateKey("preflight")
	if err != nil {
		t.Fatal(err)
	}
	s := &sshServer{SSHD: testbed.StartSSHD(t, options), t: t, public: public}
	s.source = s.Dir("source")
	s.put("source/index.html", 100)
	s.target = controlplane.Target{PrivateKey: private, Server: backup.Server{ID: "srv_1", PublicKey: public, ServerSpec: backup.ServerSpec{
		Host: s.Host, Port: s.Port, User: s.User, HostKey: s.HostKeyLine, ConnectTimeout: 10 * time.Second, KeepaliveInterval: time.Minute}}}
	s.backup = backup.Backup{Spec: backup.Spec{Type: backup.TypeFiles, Files: backup.FilesSource{Include: []string{s.source}}}, Dir: s.BackupDir}
	return s
}

// put makes a file of KiB that do not compress.
func (s *sshServer) put(name string, kib int) {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.Dir("source")), name)
	noise := make([]byte, kib<<10)
	_, _ = rand.Read(noise)
	s.must(os.WriteFile(path, noise, 0o644))
	s.Own(path)
}

func (s *sshServer) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *sshServer) look() []backup.Check {
	s.t.Helper()
	r := New()
	defer r.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	s.target.Server.BackupDir = s.backup.Dir
	found, err := r.Preflight(ctx, s.target, s.backup)
	if f := backup.FirstFailure(found.Checks); (f == nil) != (err == nil) || len(found.Checks) != len(backup.PreflightChecks) {
		s.t.Fatalf("%v, with %+v", err, found.Checks)
	}
	return found.Checks
}

// tree is all that is in the folders where a preflight may have done something.
func (s *sshServer) tree() map[string]string {
	s.t.Helper()
	found := map[string]string{}
	for _, root := range []string{s.source, filepath.Dir(s.BackupDir), filepath.Dir(s.backup.Dir)} {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil {
				if info, err := d.Info(); err == nil {
					found[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
				}
			}
			return nil
		})
	}
	return found
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs tests that run as root")
	}
}

// TestPreflightOnARealServer has each check warn and fail for real. All others are good or skipped, and nothing changes there.
func TestPreflightOnARealServer(t *testing.T) {
	t.Parallel()
	sqlite := func(s *sshServer, name string) {
		s.backup.Type, s.backup.Files = backup.TypeDatabase, backup.FilesSource{}
		s.backup.Databases = []backup.Database{{Engine: backup.EngineSQLite, Name: name}}
	}
	for name, test := range map[string]struct {
		options  testbed.SSHDOptions
		stranger bool // the key is not authorised
		arrange  func(*sshServer)
		check    string
		status   backup.CheckStatus
		code     string
		says     string // in the evidence
	}{
		"no key":                 {arrange: func(s *sshServer) { s.target.PrivateKey = nil }, check: "key", status: "failed", code: "SSH_NOT_CONFIGURED", says: "No SSH key is set"},
		"a damaged key":          {arrange: func(s *sshServer) { s.target.PrivateKey = s.target.PrivateKey[:100] }, check: "key", status: "failed", code: "SSH_NOT_CONFIGURED"},
		"a name without address": {arrange: func(s *sshServer) { s.target.Server.Host = "server.invalid" }, check: "resolve", status: "failed", code: "DNS_FAILURE", says: "server.invalid"},
		"nobody listens":         {arrange: func(s *sshServer) { s.Stop() }, check: "connect", status: "failed", code: "CONNECTION_REFUSED", says: "refused"},
		"nobody answers": {arrange: func(s *sshServer) {
			_, s.target.Server.Port = testbed.BlackHole(s.t)
			s.target.Server.ConnectTimeout = time.Second
		}, check: "connect", status: "failed", code: "CONNECTION_TIMED_OUT"},
		"the host key changed":  {arrange: func(s *sshServer) { s.RotateHostKey() }, check: "host_key", status: "failed", code: "SSH_HOST_KEY_CHANGED"},
		"no host key is pinned": {arrange: func(s *sshServer) { s.target.Server.HostKey = "" }, check: "host_key", status: "failed", code: "SSH_HOST_KEY_UNKNOWN"},
		"the first host key is recorded": {arrange: func(s *sshServer) { s.target.Server.HostKey, s.target.Server.RecordHostKey = "", true }, check: "host_key", status: "ok",
			says: "No host key is pinned, and the first one met is to be recorded: ssh-ed25519"},
		"not let in": {stranger: true, check: "login", status: "failed", code: "PERMISSION_DENIED_PUBLICKEY"},
		"no shell": {stranger: true, arrange: func(s *sshServer) {
			s.Authorize(`command="echo This account is currently not available.; exit 1" ` + s.public)
		},
			check: "shell", status: "failed", code: "SSH_SHELL_DISABLED", says: "This account is currently not available"},
		"the tools are GNU's":    {check: "tools", status: "ok", says: "All tools are there: GNU tar 1."},
		"the tools are BusyBox'": {options: testbed.SSHDOptions{Programs: busybox()}, check: "tools", status: "ok", says: "BusyBox tar 1.36.1, BusyBox gzip 1."},
		"tar is of no use":       {options: testbed.SSHDOptions{Programs: map[string]string{"tar": "exit 1"}}, check: "tools", status: "failed", code: "REMOTE_COMMAND_MISSING", says: "tar with -T and -X"},
		"sudo is granted":        {options: testbed.SSHDOptions{Sudo: true}, arrange: func(s *sshServer) { s.target.Server.Privilege = backup.PrivilegeSudo }, check: "sudo", status: "ok", says: "without a password"},
		"sudo is refused": {arrange: func(s *sshServer) {
			asRoot(s.t) // else the login user is somebody who may use sudo
			s.target.Server.Privilege = backup.PrivilegeSudo
		}, check: "sudo", status: "failed", code: "SUDO_PASSWORD_REQUIRED", says: "password"},
		"a source is missing": {arrange: func(s *sshServer) { s.backup.Files.Include = append(s.backup.Files.Include, s.source+"/no such $(id)") }, check: "sources", status: "failed",
			code: "INVALID_CONFIG", says: "No such path: "},
		"a source is not readable": {arrange: func(s *sshServer) {
			asRoot(s.t)
			s.must(os.Chmod(s.source, 0))
		}, check: "sources", status: "failed", code: "FILE_PERMISSION_DENIED", says: "Not readable: "},
		"sudo reads it": {options: testbed.SSHDOptions{Sudo: true}, arrange: func(s *sshServer) {
			s.target.Server.Privilege = backup.PrivilegeSudo
			s.must(os.Chmod(s.source, 0))
		}, check: "sources", status: "ok"},
		"a source is a symbolic link": {arrange: func(s *sshServer) {
			s.must(os.Symlink(s.source, s.source+"/link"))
			s.backup.Files.Include = []string{s.source + "/link"}
		}, check: "sources", status: "warning", says: "Only the symbolic link itself is in the archive"},
		"the backup folder is there": {arrange: func(s *sshServer) {
			s.Dir("srv/backups")
			s.must(os.Chmod(s.backup.Dir, 0o700))
		}, check: "backup_dir", status: "ok", says: "is a real folder that only its owner"},
		"the backup folder is a symbolic link": {arrange: func(s *sshServer) { s.must(os.Symlink(s.source, s.backup.Dir)) }, check: "backup_dir", status: "failed", code: "BACKUP_FOLDER_UNSAFE", says: "is a symbolic link"},
		"the backup folder is open to others":  {arrange: func(s *sshServer) { s.Dir("srv/backups") }, check: "backup_dir", status: "failed", code: "BACKUP_FOLDER_UNSAFE", says: "Its mode is drwxr-xr-x"},
		"the same with BusyBox":                {options: testbed.SSHDOptions{Programs: busybox()}, arrange: func(s *sshServer) { s.Dir("srv/backups") }, check: "backup_dir", status: "failed", code: "BACKUP_FOLDER_UNSAFE", says: "Its mode is drwxr-xr-x"},
		"the backup folder is somebody else's": {arrange: func(s *sshServer) {
			asRoot(s.t)
			s.must(os.Mkdir(s.backup.Dir, 0o700))
		}, check: "backup_dir", status: "failed", code: "BACKUP_FOLDER_UNSAFE", says: "Owned by user 0"},
		"the folder above is missing": {arrange: func(s *sshServer) { s.backup.Dir = s.source + "/no/backups" }, check: "backup_dir", status: "failed", code: "BACKUP_FOLDER_UNSAFE", says: "make the ones above it first"},
		"the file system is read-only": {arrange: func(s *sshServer) {
			disk := testbed.Tmpfs(s.t, 1<<20)
			s.backup.Dir = disk + "/backups"
			testbed.RemountReadOnly(s.t, disk)
		}, check: "backup_dir", status: "failed", code: "FILESYSTEM_READ_ONLY", says: "Read-only file system"},
		"the last archive would not fit": {arrange: func(s *sshServer) {
			s.backup.Dir = testbed.Tmpfs(s.t, 1<<20) + "/backups"
			s.target.LastBytes = 2 << 20
		}, check: "space", status: "failed", code: "NO_SPACE_LEFT", says: "need at least 2097152 bytes"},
		"the first archive may not fit": {arrange: func(s *sshServer) {
			s.backup.Dir = testbed.Tmpfs(s.t, 1<<20) + "/backups"
			s.put("source/dump.sql", 2<<10)
		}, check: "space", status: "warning", says: "depends on how well it compresses: the sources hold about 2.1 MiB"},
		"nor with BusyBox": {options: testbed.SSHDOptions{Programs: busybox()}, arrange: func(s *sshServer) {
			s.backup.Dir = testbed.Tmpfs(s.t, 1<<20) + "/backups"
			s.put("source/dump.sql", 2<<10)
			s.backup.Files.Exclude = []string{"*.sql"}
		}, check: "space", status: "warning", says: "knows no patterns, so what files.exclude leaves out is counted too"},
		"what it leaves out needs no room": {arrange: func(s *sshServer) {
			s.backup.Dir = testbed.Tmpfs(s.t, 1<<20) + "/backups"
			s.put("source/dump.sql", 2<<10)
			s.backup.Files.Exclude = []string{"*.sql"}
		}, check: "space", status: "ok", says: "the sources hold about 1"},
		"the first archive cannot fit": {arrange: func(s *sshServer) {
			s.backup.Dir = testbed.Tmpfs(s.t, 1<<20) + "/backups"
			s.put("source/photo.jpg", 2<<10)
		}, check: "space", status: "failed", code: "NO_SPACE_LEFT", says: "need at least"},
		"no inodes are left": {arrange: func(s *sshServer) { s.backup.Dir = testbed.TmpfsWithInodes(s.t, 1<<20, 5) + "/backups" }, check: "space", status: "failed", code: "NO_SPACE_LEFT", says: "inodes are free"},
		"no such database":   {arrange: func(s *sshServer) { sqlite(s, s.source+"/none.db") }, check: "database", status: "failed", code: "INVALID_CONFIG", says: "No such file"},
		"a database that may not be read": {arrange: func(s *sshServer) {
			asRoot(s.t)
			s.put("source/app.db", 1)
			s.must(os.Chmod(s.source+"/app.db", 0))
			sqlite(s, s.source+"/app.db")
		}, check: "database", status: "failed", code: "FILE_PERMISSION_DENIED"},
		"the clock is ahead": {options: testbed.SSHDOptions{Programs: map[string]string{"date": "case $* in +%s) echo $(($(/bin/date +%s) + 3600)) ;; *) exec /bin/date \"$@\" ;; esac"}},
			check: "clock", status: "warning", code: "OFFSITE_CLOCK_SKEW", says: "ahead of the control plane's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSSHServer(t, test.options)
			if !test.stranger {
				s.Authorize(s.public)
			}
			if test.arrange != nil {
				test.arrange(s)
			}
			before := s.tree()
			checks := s.look()
			if diff := cmp.Diff(before, s.tree()); diff != "" {
				t.Errorf("something was changed: %s", diff)
			}
			s.expect(checks, test.check, test.status, test.code, test.says)
		})
	}
}

// expect holds one check to its answer, and all others to being good, or skipped after one that failed.
func (s *sshServer) expect(checks []backup.Check, name string, status backup.CheckStatus, code, says string) {
	s.t.Helper()
	for i, c := range checks {
		switch {
		case c.Name != backup.PreflightChecks[i]:
			s.t.Errorf("%s is not %s", c.Name, backup.PreflightChecks[i])
		case c.Name == name:
			got := string(c.Code)
			if c.Failure != nil {
				d := diagnosis.Explain(*c.Failure)
				got = d.Code
				if len(d.Fix) == 0 {
					s.t.Errorf("%s says nothing about what to do", c.Name)
				}
			}
			if c.Status != status || got != code || !strings.Contains(c.Evidence, says) {
				s.t.Errorf("%s (%s) %s: %s", c.Status, got, c.Name, c.Evidence)
			}
		case c.Status != backup.CheckOK && c.Status != backup.CheckSkipped:
			s.t.Errorf("%s %s: %s", c.Status, c.Name, c.Evidence)
		case c.Evidence == "":
			s.t.Errorf("%s %s without evidence", c.Status, c.Name)
		}
	}
}

func TestPreflightOfARealDatabase(t *testing.T) {
	t.Parallel()
	pg := testbed.NewPostgres(t)
	address := pg.Database()
	pg.Query(address, "CREATE TABLE account (id int); CREATE ROLE reader LOGIN; CREATE ROLE poor LOGIN; GRANT SELECT ON account TO reader")
	pg.Rules("local all all peer", "host all all 127.0.0.1/32 trust") //nolint:dupword // pg_hba.conf
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		user    string
		globals bool
		status  backup.CheckStatus
		code    string
		says    string
	}{
		"all is well":  {"reader", false, "ok", "", ": reader is let in and may read its tables, the server is "},
		"no passwords": {"reader", true, "warning", "", "are kept without their passwords"},
		"no login":     {"nobody", false, "failed", "DB_AUTH_FAILED", `role "nobody" does not exist`},
		"no rights":    {"poor", false, "failed", "DB_PRIVILEGE_MISSING", "public.account"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSSHServer(t, testbed.SSHDOptions{})
			s.Authorize(s.public)
			s.backup.Type, s.backup.Files = backup.TypeDatabase, backup.FilesSource{}
			s.backup.Databases = []backup.Database{{Engine: backup.EnginePostgreSQL, Name: strings.TrimPrefix(u.Path, "/"), Host: "127.0.0.1", Port: pg.Port, User: test.user, Globals: test.globals}}
			checks := s.look()
			s.expect(checks, "database", test.status, test.code, test.says)
			tools := checks[slices.Index(backup.PreflightChecks, backup.PreflightTools)].Evidence
			if test.status != backup.CheckFailed && !strings.Contains(tools, "pg_dump ") {
				t.Errorf("tools: %s", tools)
			}
		})
	}
}

// TestTreeOfARealServerShowsAChange is the positive control of the comparison above.
func TestTreeOfARealServerShowsAChange(t *testing.T) {
	t.Parallel()
	s := newSSHServer(t, testbed.SSHDOptions{})
	before := s.tree()
	s.put("source/more", 1)
	if maps.Equal(before, s.tree()) {
		t.Error("the comparison would not see one")
	}
}
