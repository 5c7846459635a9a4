package provider_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cli"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/provider"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/ssh"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// scenario is one control plane, one server with something to back up, and the Terraform configurations about them.
type scenario struct {
	*workspace
	sshd    *testbed.SSHD
	dataDir string
	source  string // a directory on the server
	keyPair        // the user's own
	options string // in front of a line of authorized_keys: see authorizeWithTools

	mu   sync.Mutex
	last *provider.Factory // of the Terraform command before
}

// newScenario starts a server whose user has authorised the key in private, and puts one file into source.
func newScenario(t *testing.T, opts testbed.SSHDOptions) *scenario {
	t.Helper()
	s := newStrangers(t, opts)
	s.sshd.Authorize(s.public)
	return s
}

// newStrangers is newScenario with a key that is not authorised yet.
func newStrangers(t *testing.T, opts testbed.SSHDOptions) *scenario {
	t.Helper()
	acceptance(t)
	s := &scenario{workspace: newWorkspace(t), sshd: testbed.StartSSHD(t, opts), dataDir: filepath.Join(t.TempDir(), "data"), keyPair: newKey(t)}
	s.source = s.sshd.Dir("source")
	s.put("source/hello.txt", "hello\n")
	return s
}

// keyPair is a key of the user's: a PEM block and a line for authorized_keys.
type keyPair struct{ private, public string }

func newKey(t *testing.T) keyPair {
	t.Helper()
	private, public, err := ssh.GenerateKey("")
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{string(private), public}
}

// fingerprint is a host key's, as ssh-keygen -lf prints it.
func fingerprint(t *testing.T, line string) string {
	t.Helper()
	blob, err := base64.StdEncoding.DecodeString(strings.Fields(line)[1])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// elsewhere is another working directory with its own state, on the same control plane and the same server.
func (s *scenario) elsewhere() *workspace {
	s.t.Helper()
	return newWorkspace(s.t)
}

// acceptance skips what starts Terraform unless the convention of the plugin tests asks for it.
func acceptance(t *testing.T) {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC=1 for the tests that start Terraform")
	}
}

// put writes a file that the login user owns and returns its path.
func (s *scenario) put(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.sshd.Dir(filepath.Dir(name)), filepath.Base(name))
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.sshd.Own(path)
	return path
}

// --- configurations -----------------------------------------------------------------------------------------

// attrs are attributes by name, each an expression of Terraform's language; an empty one leaves the attribute out.
type attrs map[string]string

const requirements = `terraform {
  required_providers {
    cloudaipilot = { source = "cloudaipilot/cloudaipilot" }
  }
}
`

// config is a configuration of these blocks on the scenario's control plane.
func (s *scenario) config(blocks ...string) string {
	return requirements + block(`provider "cloudaipilot"`, attrs{"data_dir": quoted(s.dataDir)}) + strings.Join(blocks, "")
}

// block writes a block with the attributes, later ones win.
func block(header string, given ...attrs) string {
	all := attrs{}
	for _, a := range given {
		maps.Copy(all, a)
	}
	var b strings.Builder
	b.WriteString(header + " {\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] != "" {
			fmt.Fprintf(&b, "  %s = %s\n", name, all[name])
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// quoted writes any text as a string of Terraform's language.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(b.String())
}

func number(n int) string { return strconv.Itoa(n) }

func list(values ...string) string {
	var all []string
	for _, v := range values {
		all = append(all, quoted(v))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func files(include, exclude []string) string {
	text := "{ include = " + list(include...)
	if exclude != nil {
		text += ", exclude = " + list(exclude...)
	}
	return text + " }"
}

const (
	theServer = "cloudaipilot_server.web"
	theBackup = "cloudaipilot_backup.files"
)

// server is the server web-1 as it is, with the user's own key.
func (s *scenario) server(given ...attrs) string {
	return block(`resource "cloudaipilot_server" "web"`, append([]attrs{s.address(), s.ownKey(1)}, given...)...)
}

// serverWithoutKey is the server web-1, with whatever the attributes say about its key.
func (s *scenario) serverWithoutKey(given ...attrs) string {
	return block(`resource "cloudaipilot_server" "web"`, append([]attrs{s.address()}, given...)...)
}

func (s *scenario) address() attrs {
	return attrs{"name": quoted("web-1"), "host": quoted(s.sshd.Host), "port": number(s.sshd.Port), "user": quoted(s.sshd.User),
		"host_key": quoted(s.sshd.HostKeyLine), "backup_dir": quoted(s.sshd.BackupDir)}
}

func (s *scenario) ownKey(version int) attrs {
	return attrs{"private_key_wo": quoted(s.private), "private_key_wo_version": number(version)}
}

// backup is a files backup of the source.
func (s *scenario) backup(given ...attrs) string { return s.backupNamed("files", given...) }

func (s *scenario) backupNamed(name string, given ...attrs) string {
	usual := attrs{"server_id": theServer + ".id", "type": quoted("files"), "retention_days": "7", "files": files([]string{s.source}, nil)}
	return block(`resource "cloudaipilot_backup" "`+name+`"`, append([]attrs{usual}, given...)...)
}

const failureOfServer = `data "cloudaipilot_backup_failure" "last" {
  server_id = cloudaipilot_server.web.id
}
`

// --- the provider in this process ------------------------------------------------------------------------------

// providers serves the provider from this process. Each Terraform command gets one of its own, and the one before is
// closed first, as its process would have ended.
func (s *scenario) providers() map[string]func() (tfprotov6.ProviderServer, error) {
	s.t.Cleanup(s.endProvider)
	return map[string]func() (tfprotov6.ProviderServer, error){"cloudaipilot": func() (tfprotov6.ProviderServer, error) {
		s.endProvider()
		f := provider.NewFactory("test")
		s.mu.Lock()
		s.last = f
		s.mu.Unlock()
		return f.Server()
	}}
}

func (s *scenario) endProvider() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return
	}
	if err := s.last.Close(); err != nil {
		s.t.Errorf("close the provider: %v", err)
	}
	s.last = nil
}

// --- the command line ------------------------------------------------------------------------------------------

// cloudaipilot runs the command line on the scenario's data directory and returns what it prints.
func (s *scenario) cloudaipilot(args ...string) string {
	s.t.Helper()
	exit, out, complaint := s.try(args...)
	if exit != 0 {
		s.t.Fatalf("cloudaipilot %s: exit status %d: %s", strings.Join(args, " "), exit, complaint)
	}
	return out
}

func (s *scenario) try(args ...string) (exit int, out, complaint string) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	exit = cli.Run(s.t.Context(), "test", append([]string{"--data-dir", s.dataDir}, args...), &stdout, &stderr)
	return exit, stdout.String(), stderr.String()
}

// asked decodes what a command of the command line says as JSON.
func asked[T any](s *scenario, args ...string) T {
	s.t.Helper()
	var v T
	out := s.cloudaipilot(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		s.t.Fatalf("cloudaipilot %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

func (s *scenario) backups() []api.Backup {
	s.t.Helper()
	return asked[[]api.Backup](s, "backup", "list")
}

func (s *scenario) backupRecord(id string) api.Backup {
	s.t.Helper()
	return asked[api.Backup](s, "backup", "show", id)
}

func (s *scenario) serverRecord() api.Server {
	s.t.Helper()
	return asked[api.Server](s, "server", "show", "web-1")
}

func (s *scenario) log(id string) api.BackupLog {
	s.t.Helper()
	return asked[api.BackupLog](s, "backup", "log", id)
}

// onlyBackup returns the one backup there is.
func (s *scenario) onlyBackup() api.Backup {
	s.t.Helper()
	all := s.backups()
	if len(all) != 1 {
		s.t.Fatalf("the control plane lists %d backups, want 1: %+v", len(all), all)
	}
	return all[0]
}

// download fetches a backup's archive and returns the file.
func (s *scenario) download(id string) string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), id+".tar.gz")
	s.cloudaipilot("backup", "download", id, "--output", file)
	return file
}

// --- the server's folder ---------------------------------------------------------------------------------------

// onServer lists what lies in the backup folder, names relative to it.
func (s *scenario) onServer() []string {
	s.t.Helper()
	var found []string
	err := filepath.WalkDir(s.sshd.BackupDir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != s.sshd.BackupDir {
			found = append(found, strings.TrimPrefix(path, s.sshd.BackupDir+"/"))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	return found
}

// archives returns the ids of the backups that have an archive on the server, and fails the test if anything else
// than whole backups lies there.
func (s *scenario) archives() []string {
	s.t.Helper()
	var ids []string
	all := s.onServer()
	for _, name := range all {
		id, file, _ := strings.Cut(name, "/")
		if file == "archive.tar.gz" {
			ids = append(ids, id)
		}
		if strings.Contains(file, ".partial") || strings.Contains(file, ".tmp") || strings.Contains(file, ".fifo") {
			s.t.Errorf("half left on the server: %s", name)
		}
	}
	for _, name := range all {
		if id, _, _ := strings.Cut(name, "/"); !slices.Contains(ids, id) {
			s.t.Errorf("left on the server without an archive: %s", name)
		}
	}
	slices.Sort(ids)
	return ids
}

// --- waiting ---------------------------------------------------------------------------------------------------

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
