package store

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

const (
	serverID   = "srv_01JD3V8Q5R6S7T8V9W0X1Y2Z3A"
	doneID     = "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3B"
	waitingID  = "bk_01JD3V8Q5R6S7T8V9W0X1Y2Z3C"
	doneAct    = "act_01JD3V8Q5R6S7T8V9W0X1Y2Z3D"
	waitingAct = "act_01JD3V8Q5R6S7T8V9W0X1Y2Z3E"
)

// sound puts in a server, a backup that is completed and one that waits, as the control plane writes them.
func sound(t *testing.T, s *Store) {
	t.Helper()
	srv := fullServer()
	srv.ID = serverID
	about := func(id backup.ActivityID, target string) backup.Activity {
		a := activity(id)
		a.TargetID, a.ServerID = target, serverID
		return a
	}
	if err := s.InsertServer(t.Context(), srv, about("act_01JD3V8Q5R6S7T8V9W0X1Y2Z3F", serverID), controlplane.Idempotency{}); err != nil {
		t.Fatal(err)
	}
	waiting := backup.Backup{ID: waitingID, Spec: backup.Spec{ServerID: serverID, Type: "files", RetentionDays: 1}, Status: "pending", Activity: waitingAct,
		CreatedAt: now, ExpiresAt: now.AddDate(0, 0, 1), Work: backup.Work{Step: "preflight", NextStepAt: now}}
	done := waiting
	done.ID, done.Activity, done.Status, done.Work = doneID, doneAct, "completed", backup.Work{}
	done.StartedAt, done.FinishedAt = now.Add(time.Minute), now.Add(time.Hour)
	done.SizeBytes, done.SHA256, done.Path = 1, strings.Repeat("0a", 32), "/p"
	for _, b := range []backup.Backup{waiting, done} {
		if err := s.InsertBackup(t.Context(), b, about(b.Activity, string(b.ID)), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
	}
}

// unsound says what makes the records of sound unsound, and what is then said of which.
var unsound = map[string]struct {
	statement, record, says string
	postgres                bool // it lets that happen too
}{
	"server lost":              {`DELETE FROM servers`, waitingID, "its server " + serverID + " is not there", false},
	"activity lost":            {`DELETE FROM activities WHERE id = '` + doneAct + `'`, doneID, "its activity " + doneAct + " is not there", true},
	"activity of another":      {`UPDATE activities SET target_id = 'x' WHERE id = '` + doneAct + `'`, doneID, "is about x", true},
	"log without activity":     {`INSERT INTO activity_lines (activity_id, seq, at, step, text) VALUES ('act_x', 1, 1, '', '')`, "act_x", "it has a log and is not there", false},
	"id that is none":          {`UPDATE backups SET id = '../..' WHERE id = '` + waitingID + `'`, "../..", "is not the identifier of a backup", true},
	"status":                   {`UPDATE backups SET status = 'odd' WHERE id = '` + waitingID + `'`, waitingID, `its status "odd" is none`, true},
	"step":                     {`UPDATE backups SET step = 'odd' WHERE id = '` + waitingID + `'`, waitingID, `its step "odd" is none`, true},
	"finished with a step":     {`UPDATE backups SET step = 'clean', next_step_at = 1 WHERE id = '` + doneID + `'`, doneID, "something is still to be done", true},
	"finished with a time":     {`UPDATE backups SET next_step_at = 1 WHERE id = '` + doneID + `'`, doneID, "something is still to be done", true},
	"unfinished without step":  {`UPDATE backups SET step = '' WHERE id = '` + waitingID + `'`, waitingID, "it would stay so for ever", true},
	"unfinished without time":  {`UPDATE backups SET next_step_at = 0 WHERE id = '` + waitingID + `'`, waitingID, "it would stay so for ever", true},
	"finished at no time":      {`UPDATE backups SET finished_at = 0 WHERE id = '` + doneID + `'`, doneID, "when it finished", true},
	"nothing proves it":        {`UPDATE backups SET size_bytes = 0, sha256 = 'ab', path = '' WHERE id = '` + doneID + `'`, doneID, "has no size, no SHA-256, no path", true},
	"finished before it began": {`UPDATE backups SET finished_at = started_at - 600000 WHERE id = '` + doneID + `'`, doneID, "which is before", true},
	"expires before it began":  {`UPDATE backups SET expires_at = created_at - 600000 WHERE id = '` + doneID + `'`, doneID, "which is before created", true},
	"JSON":                     {`UPDATE backups SET files_json = '{' WHERE id = '` + doneID + `'`, doneID, "it cannot be read", true},
	"text for a number":        {`UPDATE backups SET retention_days = 'x' WHERE id = '` + doneID + `'`, doneID, "it cannot be read", false},
	"key without a source":     {`UPDATE servers SET key_source = 'none'`, serverID, "does not go with whether it has a private key", true},
	"activity's status":        {`UPDATE activities SET status = 'odd' WHERE id = '` + waitingAct + `'`, waitingAct, `its status "odd" is none`, true},
	"activity never ended":     {`UPDATE activities SET status = 'failed' WHERE id = '` + waitingAct + `'`, waitingAct, "when it finished", true},
}

func TestEveryUnsoundRecordIsFound(t *testing.T) {
	t.Parallel()
	for name, test := range unsound {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := openNew(t)
			sound(t, s)
			breakAndCheck(t, s, test.statement, test.record, test.says, func(ctx context.Context) (Checkup, error) { return CheckDatabase(ctx, path) })
		})
	}
}

func TestEveryUnsoundRecordIsFoundInPostgres(t *testing.T) {
	t.Parallel()
	for name, test := range unsound {
		if !test.postgres {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := testbed.StartPostgres(t)
			s, err := OpenPostgres(t.Context(), address, now)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			sound(t, s)
			breakAndCheck(t, s, test.statement, test.record, test.says, func(ctx context.Context) (Checkup, error) { return CheckPostgres(ctx, address) })
		})
	}
}

func breakAndCheck(t *testing.T, s *Store, statement, record, says string, check func(context.Context) (Checkup, error)) {
	t.Helper()
	c, err := check(t.Context())
	want := Checkup{Schema: len(schema()), Servers: 1, Backups: 2, Sealed: []SealedKey{{Server: serverID, Sealed: "sealed"}}}
	if diff := cmp.Diff(want, c); err != nil || diff != "" {
		t.Fatalf("before: %v, %s", err, diff)
	}
	conn, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if s.dialect == sqliteDialect {
		if _, err := conn.ExecContext(t.Context(), `PRAGMA foreign_keys = 0`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	c, err = check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Faults {
		if f.Record == record && strings.Contains(f.Text, says) {
			return
		}
	}
	t.Errorf("found %q", c.Faults)
}

func TestClocksThatDifferAreNoFault(t *testing.T) {
	t.Parallel()
	s, path := openNew(t)
	sound(t, s)
	if _, err := s.db.ExecContext(t.Context(), `UPDATE backups SET started_at = created_at - 60000 WHERE id = $1`, doneID); err != nil {
		t.Fatal(err)
	}
	if c, err := CheckDatabase(t.Context(), path); err != nil || len(c.Faults) > 0 {
		t.Errorf("%v, %v", c.Faults, err)
	}
}

func TestFormerSchemaIsCopiedAsItIsAndCheckedWithoutMigrating(t *testing.T) {
	t.Parallel()
	for version := 1; version < len(schema()); version++ {
		path, to := formerVersion(t, version), filepath.Join(t.TempDir(), "copy")
		if err := CopyDatabase(t.Context(), path, to); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first look leaves it as it is
			if c, err := CheckCopy(t.Context(), to); err != nil || c.Schema != version || c.Servers+c.Backups == 0 {
				t.Errorf("schema %d: %+v, %v", version, c, err)
			}
		}
	}
}

func TestFormerSchemaInPostgresIsCopiedAndNotMigrated(t *testing.T) {
	t.Parallel()
	for version := 1; version < len(schema()); version++ {
		address, to := formerPostgres(t, version), filepath.Join(t.TempDir(), "copy")
		if c, err := DumpPostgres(t.Context(), address, to); err != nil || c.Schema != version || c.Servers+c.Backups == 0 {
			t.Errorf("schema %d: %+v, %v", version, c, err)
		}
		if c, err := CheckPostgres(t.Context(), address); err == nil || !strings.Contains(err.Error(), "cloudaipilot serve of this version") || c.Schema != version {
			t.Errorf("schema %d: %v", version, err)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	var c Checkup
	for range mostFaults + 3 {
		c.fault("x", "y")
	}
	if len(c.Faults) != mostFaults || c.MoreFaults != 3 {
		t.Errorf("%d and %d more", len(c.Faults), c.MoreFaults)
	}
}
