package store

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// formerVersion makes a database as the program of that schema left it, with a server and a backup in it.
func formerVersion(t *testing.T, version int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.db")
	s, err := open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := s.db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range schema()[:version] {
		script, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		exec(string(script))
	}
	exec(`INSERT INTO meta (name, value) VALUES ('control_plane_id', 'cp_old'), ('schema_version', $1)`, strconv.Itoa(version))
	fixture, err := os.ReadFile(filepath.Join("testdata", "v"+strconv.Itoa(version)+".sql"))
	if err != nil {
		t.Fatalf("every released schema has a fixture: %v", err)
	}
	exec(string(fixture))
	return path
}

func TestEveryFormerSchemaIsMigratedAndReadWithoutMigrating(t *testing.T) {
	t.Parallel()
	for version := 1; version < len(schema()); version++ {
		path := formerVersion(t, version)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		reader, err := OpenForReading(t.Context(), path)
		if err != nil {
			t.Fatalf("read schema %d: %v", version, err)
		}
		checkFixture(t, reader)
		copied := reader.copy
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		after, err := os.ReadFile(path)
		if err != nil || !cmp.Equal(before, after) {
			t.Errorf("reading schema %d changed the file: %v", version, err)
		}
		if _, err := os.Stat(copied); copied == "" || err == nil {
			t.Errorf("the copy %q stayed", copied)
		}
		s, err := Open(t.Context(), path, now)
		if err != nil {
			t.Fatalf("migrate schema %d: %v", version, err)
		}
		checkFixture(t, s)
		if got, err := s.schemaVersion(t.Context()); got != len(schema()) || err != nil {
			t.Errorf("schema %d became %d, %v", version, got, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func checkFixture(t *testing.T, s *Store) {
	t.Helper()
	if id, _ := s.ID(t.Context()); id != "cp_old" {
		t.Errorf("control plane %q", id)
	}
	srv, err := s.ServerByName(t.Context(), "web-1")
	if err != nil || srv.Port != 2222 || srv.SealedKey != "v1:sealed" {
		t.Errorf("server %+v, %v", srv, err)
	}
	all, err := s.Backups(t.Context(), controlplane.BackupFilter{})
	if err != nil || len(all) != 1 || all[0].SizeBytes != 4096 || len(all[0].Files.Include) != 2 {
		t.Errorf("backups %+v, %v", all, err)
	}
	if tokens, err := s.Tokens(t.Context(), controlplane.Page{}); err != nil || len(tokens) != 0 {
		t.Errorf("tokens %v, %v", tokens, err)
	}
}
