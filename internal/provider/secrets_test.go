package provider_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// materials are texts that a secret might have got into, by where they were found.
type materials map[string][]byte

func (m materials) add(name string, content []byte) { m[name] = append(m[name], content...) }

// addTree adds all files below a directory under one name.
func (m materials) addTree(t *testing.T, name, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		m.add(name, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// addZip adds what is packed in a file, such as a plan.
func (m materials) addZip(t *testing.T, name, file string) {
	t.Helper()
	r, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, entry := range r.File {
		content, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		m.add(name, raw)
	}
}

// where returns the names of the materials that hold one of the forms of a secret.
func (m materials) where(forms [][]byte) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if slices.ContainsFunc(forms, func(form []byte) bool { return bytes.Contains(m[name], form) }) {
			names = append(names, name)
		}
	}
	return names
}

// formsOfBytes are the ways in which secret bytes may be written.
func formsOfBytes(secret []byte) [][]byte {
	return [][]byte{secret, []byte(base64.StdEncoding.EncodeToString(secret)), []byte(base64.RawURLEncoding.EncodeToString(secret)), []byte(hex.EncodeToString(secret))}
}

// formsOfKey are the lines of a private key's PEM block, and its seed.
func formsOfKey(t *testing.T, private string) [][]byte {
	t.Helper()
	var forms [][]byte
	for line := range strings.Lines(private) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "-----") {
			forms = append(forms, []byte(line))
		}
	}
	key, err := gossh.ParseRawPrivateKey([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	ed, ok := key.(*ed25519.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", key)
	}
	return append(forms, formsOfBytes(ed.Seed())...)
}

// unsealed opens a server's private key in the way only the holder of the master key can.
func unsealed(t *testing.T, dataDir, id string, master seal.Key) string {
	t.Helper()
	records, err := store.OpenForReading(t.Context(), filepath.Join(dataDir, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	server, err := records.Server(t.Context(), backup.ServerID(id))
	if err != nil {
		t.Fatal(err)
	}
	private, err := seal.New(master).Open(id, server.SealedKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(private)
}

// addProcesses adds the process list, and what the processes of the jobs show of themselves.
func (m materials) addProcesses(t *testing.T, s *scenario) {
	t.Helper()
	ps, err := exec.Command("ps", "axww", "-o", "args").Output()
	if err != nil {
		t.Fatal(err)
	}
	m.add("ps", ps)
	cmdlines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range cmdlines {
		content, _ := os.ReadFile(file) // some end meanwhile
		m.add("command lines", content)
	}
	for _, pid := range s.sshd.Commands() {
		content, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		m.add("environment of the jobs", content)
	}
}

func TestSecretsStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	s := newStrangers(t, testbed.SSHDOptions{})
	open := s.gate()
	settings := filepath.Join(t.TempDir(), "config")
	s.tf.Env = append(s.tf.Env, "XDG_CONFIG_HOME="+settings, "TF_LOG=trace", "TF_VAR_key="+s.private)
	m := materials{}

	// The user's key comes from outside, as it should; the other server's key is generated.
	servers := []string{
		block(`variable "key"`, attrs{"type": "string", "ephemeral": "true", "sensitive": "true"}),
		s.server(attrs{"private_key_wo": "var.key"}),
		block(`resource "cloudaipilot_server" "generated"`, s.address(), attrs{"name": `"web-2"`}),
	}
	plan := func(name string) {
		t.Helper()
		r := s.terraform("plan", "-out="+name)
		if r.exit != 0 {
			t.Fatalf("plan: %s", r.text)
		}
		m.add("trace of plan", []byte(r.text))
		m.addZip(t, "plan", filepath.Join(s.tf.Dir, name))
		m.add("plan as JSON", []byte(s.terraform("show", "-json", name).text))
	}
	s.write(s.config(servers...))
	plan("servers.plan")
	r := s.terraform("apply", "servers.plan")
	if r.exit != 0 {
		t.Fatalf("apply: %s", r.text)
	}
	m.add("trace of apply", []byte(r.text))
	generated := asked[api.Server](s, "server", "show", "web-2")
	s.sshd.Authorize(s.options + generated.PublicKey)

	s.write(s.config(append(servers, s.backupNamed("files"),
		s.backupNamed("others", attrs{"server_id": "cloudaipilot_server.generated.id"}))...))
	plan("backups.plan")
	apply := s.start("apply", "backups.plan")
	apply.until("both archives in the making", func() bool { return len(s.archiving()) == 2 })
	m.addProcesses(t, s)
	m.addTree(t, "backup folder", s.sshd.BackupDir)
	m.addTree(t, "data directory", s.dataDir)
	open()
	r = apply.wait()
	if r.exit != 0 {
		t.Fatalf("apply: %s", r.text)
	}
	m.add("trace of apply", []byte(r.text))
	m.addTree(t, "data directory", s.dataDir)
	m.addTree(t, "state", s.tf.Dir) // the plans and the configuration lie there too
	m.add("sshd log", []byte(s.sshd.Log()))
	m.add("command line", []byte(s.cloudaipilot("server", "list", "--json")+s.cloudaipilot("server", "show", "web-1", "--json")+s.cloudaipilot("activity", "--json")))

	text, err := os.ReadFile(filepath.Join(settings, "cloudaipilot", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	master, err := seal.ParseKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][][]byte{
		"the user's key":    formsOfKey(t, s.private),
		"the generated key": formsOfKey(t, unsealed(t, s.dataDir, generated.ID, master)),
		"the master key":    formsOfBytes(master[:]),
	}
	for name, forms := range secrets {
		if found := m.where(forms); found != nil {
			t.Errorf("%s is in: %v", name, found)
		}
	}
	same(t, "the user's key as the control plane has it", s.private, unsealed(t, s.dataDir, s.serverRecord().ID, master))

	// The search finds what is there.
	all := slices.Sorted(maps.Keys(m))
	for _, control := range []struct {
		marker string
		in     []string
	}{
		{strings.Fields(generated.PublicKey)[1], []string{"command line", "data directory", "plan", "plan as JSON", "state"}},
		{s.sshd.BackupDir, []string{"command lines", "ps"}},
		{"SSH_CONNECTION=", []string{"environment of the jobs"}},
		{"cloudaipilot-job", []string{"backup folder"}},
		{"Accepted publickey", []string{"sshd log"}},
		{"cloudaipilot_server.generated", []string{"trace of apply", "trace of plan"}},
		{"terraform-provider-cloudaipilot", []string{"trace of apply", "trace of plan"}},
	} {
		for _, name := range control.in {
			if !slices.Contains(all, name) || !slices.Contains(m.where([][]byte{[]byte(control.marker)}), name) {
				t.Errorf("the search does not find %q in %q", control.marker, name)
			}
		}
	}
	same(t, "the search finds a key", []string{"positive control"}, materials{"positive control": []byte("TF_VAR_key=" + s.private)}.where(secrets["the user's key"]))
}
