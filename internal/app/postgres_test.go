package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// beside is an owner's way to the control plane of a database.
func beside(t *testing.T, database string) *apiclient.Client {
	t.Helper()
	d := NewDatabase(Config{Version: "test"}, database)
	t.Cleanup(func() { _ = d.Close() })
	return d.Client("test")
}

func remote(t *testing.T, address, token string) *apiclient.Client {
	t.Helper()
	c, err := Remote{Endpoint: "http://" + address, Token: token}.Client("test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func etc() api.BackupInput {
	return api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{"/etc"}}}
}

// lines is a log that several may write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestProcessesShareTheControlPlaneOfADatabase(t *testing.T) {
	t.Parallel()
	database := strings.Replace(testbed.StartPostgres(t), "@", ":s3cr3t@", 1) // a password that nobody asks for
	var log lines
	dir := filepath.Join(t.TempDir(), "data")
	config := ServeConfig{Database: database, Config: Config{DataDir: dir, Version: "test", Log: slog.New(slog.NewTextHandler(&log, nil))}}
	first, endFirst := serve(t, config)
	second, endSecond := serve(t, config)
	owner := token(t, beside(t, database), "owner")
	one, two := remote(t, first, owner), remote(t, second, owner)

	s, err := one.CreateServer(t.Context(), web("web-1"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := one.CreateBackup(t.Context(), s.ID, etc())
	if err != nil {
		t.Fatal(err)
	}
	if b, err = two.WaitForBackup(t.Context(), b.ID, nil); err != nil || b.Status != "failed" || b.Failure.Code != "CONNECTION_REFUSED" {
		t.Errorf("through the second: %s, %v", b.Status, err)
	}
	who, err := one.ControlPlane(t.Context())
	if other, err2 := two.ControlPlane(t.Context()); err != nil || err2 != nil || who.ID == "" || who.ID != other.ID {
		t.Errorf("control planes %q and %q, %v, %v", who.ID, other.ID, err, err2)
	}
	if err := endFirst(); err != nil {
		t.Errorf("the first ended with %v", err)
	}
	if _, err := two.CreateServer(t.Context(), web("web-2")); err != nil {
		t.Errorf("without the first: %v", err)
	}
	if err := endSecond(); err != nil {
		t.Errorf("the second ended with %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a data directory was made")
	}
	if text := log.String(); strings.Contains(text, "s3cr3t") || !strings.Contains(text, "the data directory is not used") || !strings.Contains(text, "postgres://cloudaipilot@127.0.0.1") {
		t.Errorf("log:\n%s", text)
	}
}

func TestProcessesThatStartAtOnceAgreeOnTheMasterKey(t *testing.T) {
	t.Parallel()
	database := testbed.StartPostgres(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := share(context.Background(), ServeConfig{Database: database})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAnotherMasterKeyIsRefusedAtTheStart(t *testing.T) {
	database := testbed.StartPostgres(t)
	_, end := serve(t, ServeConfig{Database: database})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(MasterKeyEnv, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	err := Serve(t.Context(), ServeConfig{Database: database, Listen: "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "not the one these records were sealed with") {
		t.Errorf("with another key: %v", err)
	}
}

func TestWhatWasAskedForBesideIsDoneByWhoServes(t *testing.T) {
	t.Parallel()
	database := testbed.StartPostgres(t)
	c := beside(t, database)
	s, err := c.CreateServer(t.Context(), web("web-1"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.CreateBackup(t.Context(), s.ID, etc())
	if err != nil || b.Status != "pending" {
		t.Fatalf("%s, %v", b.Status, err)
	}
	serve(t, ServeConfig{Database: database})
	if b, err = c.WaitForBackup(t.Context(), b.ID, nil); err != nil || b.Status != "failed" {
		t.Errorf("%s, %v", b.Status, err)
	}
}

func TestControlPlaneOutlastsARestartOfItsDatabase(t *testing.T) {
	t.Parallel()
	server := testbed.NewPostgres(t)
	database := server.Database()
	address, end := serve(t, ServeConfig{Database: database})
	c := remote(t, address, token(t, beside(t, database), "owner"))
	s, err := c.CreateServer(t.Context(), web("web-1"))
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if got := probe(t, address); got != http.StatusServiceUnavailable {
		t.Errorf("ready without a database: %d", got)
	}
	server.Start()
	deadline := time.Now().Add(30 * time.Second)
	for probe(t, address) != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("not ready again")
		}
	}
	b, err := c.CreateBackup(t.Context(), s.ID, etc())
	if err == nil {
		b, err = c.WaitForBackup(t.Context(), b.ID, nil)
	}
	if err != nil || b.Status != "failed" {
		t.Errorf("afterwards: %s, %v", b.Status, err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func probe(t *testing.T, address string) int {
	t.Helper()
	resp, err := http.Get("http://" + address + "/readyz") //nolint:noctx // a probe
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
