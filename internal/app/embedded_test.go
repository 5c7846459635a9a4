package app

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
)

func TestMain(m *testing.M) {
	if at := os.Getenv(crashPlaceEnv); at != "" {
		os.Exit(serveAndCrash(place(at)))
	}
	dir, err := os.MkdirTemp("", "app")
	if err != nil {
		panic(err)
	}
	_ = os.Setenv("XDG_CONFIG_HOME", dir)        // the master key of the tests
	_ = os.Setenv("CLOUDAIPILOT_MAX_TRIES", "1") // a failure is told at once
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// process is one process's way to a data directory.
func process(t *testing.T, dir string) (*Embedded, *apiclient.Client) {
	t.Helper()
	e, err := NewEmbedded(Config{DataDir: dir, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e, e.Client("test")
}

//go:fix inline
func web(name string) api.ServerInput {
	return api.ServerInput{Name: &name, Host: new("127.0.0.1"), Port: new(1), RecordHostKey: new(true)}
}

func TestReadingCreatesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	_, c := process(t, dir)
	who, err := c.ControlPlane(t.Context())
	if err != nil || who.ID != "" {
		t.Errorf("control plane %q, %v", who.ID, err)
	}
	servers, err := c.Servers(t.Context())
	if err != nil || len(servers) != 0 {
		t.Errorf("%d servers, %v", len(servers), err)
	}
	if found, err := c.CheckServer(t.Context(), "", web("web-1")); err != nil || len(found) != 0 {
		t.Errorf("dry run: %v, %v", found, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
	if _, err := c.CreateServer(t.Context(), web("web-1")); err != nil { // the control: writing creates it
		t.Fatal(err)
	}
	if who, _ = c.ControlPlane(t.Context()); !strings.HasPrefix(who.ID, "cp_") || c.ControlPlaneID() != who.ID {
		t.Errorf("control plane %q, client saw %q", who.ID, c.ControlPlaneID())
	}
}

func TestDirectoryIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	_, c := process(t, dir)
	if _, err := c.CreateServer(t.Context(), web("web-1")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{".": 0o700, "control.lock": 0o600, "control.sock": 0o600, ".gitignore": 0o600, "control.db": 0o600, "control.db-wal": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v, %v", name, info.Mode().Perm(), want, err)
		}
	}
}

func TestRepositoryIsNoDataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{".git", "modules"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*.log\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, c := process(t, dir)
	if _, err := c.CreateServer(t.Context(), web("web-1")); err == nil || !strings.Contains(err.Error(), "not a data directory") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "control.db")); err == nil {
		t.Error("records were made in it")
	}
}

func TestDirectoryThatIsReplacedUnderItsOwnerIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	_, first := process(t, dir)
	if _, err := first.CreateServer(t.Context(), web("web-1")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	heir, second := process(t, dir)
	if _, err := second.CreateServer(t.Context(), web("web-1")); err != nil || heir.owner == nil {
		t.Fatalf("the heir: %v", err)
	}
	if _, err := first.CreateServer(t.Context(), web("web-2")); err == nil || !strings.Contains(err.Error(), "removed or replaced") {
		t.Errorf("the old owner: %v", err)
	}
	_, third := process(t, dir)
	if servers, err := third.Servers(t.Context()); err != nil || len(servers) != 1 {
		t.Errorf("a third process: %d servers, %v", len(servers), err)
	}
	if _, err := third.CreateServer(t.Context(), web("web-3")); err != nil { // over the heir's socket
		t.Error(err)
	}
}

func TestWaitingWhereNothingIsMakesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	_, c := process(t, dir)
	if _, err := c.WaitForBackup(t.Context(), "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A", nil); !apiclient.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a data directory was made")
	}
}

func TestOwnerWithoutTheMasterKeyIsNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	t.Setenv(MasterKeyEnv, seal.Key{1}.Text())
	e, c := process(t, dir)
	if _, err := c.CreateServer(t.Context(), web("web-1")); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(MasterKeyEnv, seal.Key{2}.Text())
	other, c := process(t, dir)
	if _, err := c.WaitForBackup(t.Context(), "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3A", nil); err == nil || !strings.Contains(err.Error(), "not the one these records were sealed with") || other.owner != nil {
		t.Errorf("got %v", err)
	}
	if servers, err := c.Servers(t.Context()); err != nil || len(servers) != 1 {
		t.Errorf("reading needs no key: %d servers, %v", len(servers), err)
	}
}

func TestForeignDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(dir)
	_, c := process(t, dir)
	if _, err := c.CreateServer(t.Context(), web("web-1")); err == nil || !strings.Contains(err.Error(), "not a data directory") {
		t.Errorf("got %v", err)
	}
	if after, _ := os.Stat(dir); after.Mode() != before.Mode() {
		t.Errorf("its mode became %v", after.Mode())
	}
}

func TestProcessesShareOneOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	_, first := process(t, dir)
	other, second := process(t, dir)
	_, reader := process(t, dir)
	if _, err := first.CreateServer(t.Context(), web("web-1")); err != nil {
		t.Fatal(err)
	}
	if _, err := second.CreateServer(t.Context(), web("web-2")); err != nil {
		t.Fatal(err)
	}
	if other.owner != nil {
		t.Error("the second process became an owner too")
	}
	if servers, err := reader.Servers(t.Context()); err != nil || len(servers) != 2 {
		t.Errorf("%d servers, %v", len(servers), err)
	}
}

func TestManyProcessesAtOnceEndUpWithOneControlPlane(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		_, c := process(t, dir)
		wg.Go(func() {
			if _, err := c.CreateServer(t.Context(), web("web-"+string(rune('a'+i)))); err != nil {
				t.Error(err)
			}
			ids[i] = c.ControlPlaneID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("control planes %q", ids)
		}
	}
}

func TestWhoeverIsLeftTakesOver(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	owner, first := process(t, dir)
	heir, second := process(t, dir)
	s, err := first.CreateServer(t.Context(), web("web-1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Server(t.Context(), s.ID); err != nil { // over the socket
		t.Fatal(err)
	}
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Server(t.Context(), s.ID); err != nil || heir.owner != nil {
		t.Errorf("reading after the owner is gone: owns %v, %v", heir.owner != nil, err)
	}
	if _, err := second.CreateServer(t.Context(), web("web-2")); err != nil || heir.owner == nil {
		t.Errorf("writing after the owner is gone: owns %v, %v", heir.owner != nil, err)
	}
}

// TestWaitingSurvivesTheOwner has a backup waited for over the socket of an owner that goes away.
func TestWaitingSurvivesTheOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	owner, first := process(t, dir)
	heir, second := process(t, dir)
	s, err := first.CreateServer(t.Context(), web("web-1"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := second.CreateBackup(t.Context(), s.ID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{"/etc"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := second.WaitForBackup(ctx, b.ID, nil)
	if err != nil || got.Status != "failed" || got.Failure.Code != "CONNECTION_REFUSED" {
		t.Errorf("%+v, %v", got, err)
	}
	if heir.owner == nil && got.FinishedAt == nil {
		t.Error("nobody took over")
	}
}

func TestLongPathsHaveASocketToo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30), "data")
	_, first := process(t, dir)
	other, second := process(t, dir)
	if _, err := first.CreateServer(t.Context(), web("web-1")); err != nil {
		t.Fatal(err)
	}
	if _, err := second.CreateServer(t.Context(), web("web-2")); err != nil || other.owner != nil {
		t.Errorf("over the socket: owns %v, %v", other.owner != nil, err)
	}
}

func TestSocketLeftBehindIsNoOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	owner, first := process(t, dir)
	if _, err := first.CreateServer(t.Context(), web("web-1")); err != nil {
		t.Fatal(err)
	}
	owner.owner.cleanup = func() {} // as after kill -9
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	_, second := process(t, dir)
	if servers, err := second.Servers(t.Context()); err != nil || len(servers) != 1 {
		t.Errorf("reading: %d servers, %v", len(servers), err)
	}
	if _, err := second.CreateServer(t.Context(), web("web-2")); err != nil {
		t.Errorf("writing: %v", err)
	}
}

func TestPrivateKeysAreNotInTheDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	e, c := process(t, dir)
	private, _, err := sshKeys{}.Generate("mine")
	if err != nil {
		t.Fatal(err)
	}
	in := web("web-1")
	in.PrivateKey = new(string(private))
	s, err := c.CreateServer(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	secret := []byte(strings.Split(string(private), "\n")[2])
	found := false
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, secret) {
			t.Errorf("%s holds the private key", path)
		}
		found = found || bytes.Contains(raw, []byte(strings.Fields(s.PublicKey)[1]))
		return err
	})
	if err != nil || !found {
		t.Errorf("the search finds not even the public key: %v", err)
	}
}
