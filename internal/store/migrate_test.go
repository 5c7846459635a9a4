package store

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// formerVersion makes a database file as the program of that schema left it.
func formerVersion(t *testing.T, version int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.db")
	s, err := open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s.db.DB, version)
	return path
}

// formerPostgres does the same in PostgreSQL.
func formerPostgres(t *testing.T, version int) string {
	t.Helper()
	address := testbed.StartPostgres(t)
	db := raw(t, address)
	defer db.Close()
	fill(t, db, version)
	return address
}

// raw opens a PostgreSQL database as it is.
func raw(t *testing.T, address string) *sql.DB {
	t.Helper()
	config, err := parsePostgres(address)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config.ConnConfig)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// fill makes the tables of that schema, with a server and a backup in them.
func fill(t *testing.T, db *sql.DB, version int) {
	t.Helper()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
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
	for v := 1; v <= version; v++ {
		fixture, err := os.ReadFile(filepath.Join("testdata", "v"+strconv.Itoa(v)+".sql"))
		if err != nil {
			t.Fatalf("every former schema has a fixture: %v", err)
		}
		exec(string(fixture))
	}
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
		checkFixture(t, reader, version)
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
		checkFixture(t, s, version)
		if got, err := s.schemaVersion(t.Context(), s.db); got != len(schema()) || err != nil {
			t.Errorf("schema %d became %d, %v", version, got, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// checkFixture sees whether all that a former version left is there, and has its place in the present one.
func checkFixture(t *testing.T, s *Store, version int) {
	t.Helper()
	if id, _ := s.ID(t.Context()); id != "cp_old" {
		t.Errorf("control plane %q", id)
	}
	srv, err := s.ServerByName(t.Context(), "web-1")
	if err != nil || srv.Port != 2222 || srv.SealedKey != "v1:sealed" || srv.MaxConcurrentBackups != 1 {
		t.Errorf("server %+v, %v", srv, err)
	}
	all, err := s.Backups(t.Context(), controlplane.BackupFilter{})
	if err != nil || len(all) != min(version, 2) || all[0].SizeBytes != 4096 || len(all[0].Files.Include) != 2 || all[0].Work.Placed {
		t.Fatalf("backups %+v, %v", all, err)
	}
	if version >= 2 && (all[1].Work.Step != "watch" || !all[1].Work.Placed) {
		t.Errorf("one under way: %+v", all[1].Work)
	}
	if version >= 4 && (len(all[1].Databases) != 1 || all[1].Databases[0].Name != "app") {
		t.Errorf("one of databases: %+v", all[1].Spec)
	}
	if b := all[0]; version >= 7 && (len(b.Tries) != 1 || b.Tries[0].Fact != "connection_refused" || b.RetryOf == "") || b.Address != "" {
		t.Errorf("one that was tried again: %+v, made on %q", b.Tries, b.Address)
	}
	if sch, err := s.Schedules(t.Context(), controlplane.ScheduleFilter{}); err != nil || len(sch) != min(max(version-4, 0), 1) ||
		len(sch) == 1 && (sch[0].Overlap != "skip" || sch[0].MissedRuns != "run_latest" || !sch[0].Timing.DecidedUntil.IsZero() || sch[0].Timing.WakeAt.IsZero()) {
		t.Errorf("schedules %+v, %v", sch, err)
	}
	if tokens, err := s.Tokens(t.Context(), controlplane.Page{}); err != nil || len(tokens) != min(version-1, 1) {
		t.Errorf("tokens %v, %v", tokens, err)
	}
}

func TestEveryFormerSchemaIsMigratedOnPostgresByWhoeverIsFirst(t *testing.T) {
	t.Parallel()
	for version := range len(schema()) {
		var address string
		if version == 0 {
			address = testbed.StartPostgres(t)
		} else {
			address = formerPostgres(t, version)
			if _, err := JoinPostgres(t.Context(), address, now); !errors.Is(err, ErrSchema) {
				t.Errorf("schema %d joined: %v", version, err)
			}
		}
		const processes = 8
		stores := make([]*Store, processes)
		var wg sync.WaitGroup
		for i := range stores {
			wg.Go(func() {
				var err error
				if stores[i], err = OpenPostgres(t.Context(), address, now); err != nil {
					t.Errorf("migrate schema %d: %v", version, err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		id, _ := stores[0].ID(t.Context())
		for _, s := range stores {
			if got, err := s.schemaVersion(t.Context(), s.db); got != len(schema()) || err != nil {
				t.Errorf("schema %d became %d, %v", version, got, err)
			}
			if got, _ := s.ID(t.Context()); got != id || id == "" {
				t.Errorf("control planes %q and %q", id, got)
			}
		}
		if version > 0 {
			checkFixture(t, stores[0], version)
		}
		for _, s := range stores {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		joined, err := JoinPostgres(t.Context(), address, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := joined.Close(); err != nil {
			t.Error(err)
		}
	}
}
