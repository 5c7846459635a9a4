package app

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// ahead is a clock that runs as the world's does, so far ahead of it.
type ahead struct{ by time.Duration }

func (a ahead) Now() time.Time                       { return time.Now().Add(a.by) }
func (ahead) After(d time.Duration) <-chan time.Time { return time.After(d) }

// plan records a schedule in a control plane that does not dispatch, and returns how far ahead a clock must be for its
// first due time to come in a moment.
func (p place) plan(t *testing.T, server api.ServerInput, authorize func(publicLine string), source string) (s api.Schedule, by time.Duration) {
	t.Helper()
	c := p.client(t)
	if !p.shared() {
		e, embedded := process(t, string(p))
		defer e.Close() // the directory is for others then
		c = embedded
	}
	made, err := c.CreateServer(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	authorize(made.PublicKey)
	s, err = c.CreateSchedule(t.Context(), api.ScheduleInput{ServerID: &made.ID, Name: new("nightly"), Type: new("files"), Cron: new("0 3 * * *"),
		Files: &backup.FilesSource{Include: []string{source}}})
	if err != nil {
		t.Fatal(err)
	}
	due := s.CreatedAt.Truncate(24 * time.Hour).Add(3 * time.Hour)
	if !due.After(s.CreatedAt) {
		due = due.Add(24 * time.Hour)
	}
	return s, time.Until(due) - time.Second
}

// TestDueTimeIsRunOnceWhereverADispatcherDies has real processes run a schedule on a real sshd: all live, or one dies by
// kill -9 at every boundary of a dispatch. Afterwards there is one record and one backup.
func TestDueTimeIsRunOnceWhereverADispatcherDies(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	for name, test := range map[string]struct {
		processes int
		at        func(t *testing.T) place
	}{
		"sqlite":            {1, func(t *testing.T) place { return place(filepath.Join(t.TempDir(), "data")) }},
		"three on postgres": {3, func(t *testing.T) place { return place(testbed.StartPostgres(t)) }},
	} {
		for _, boundary := range append([]string{""}, controlplane.DispatchBoundaries()...) {
			t.Run(name+"/"+boundary, func(t *testing.T) {
				t.Parallel()
				m.dispatch(t, test.at(t), test.processes, boundary)
			})
		}
	}
}

func (m *matrix) dispatch(t *testing.T, p place, processes int, boundary string) {
	t.Helper()
	folder := filepath.Join(m.sshd.Dir(filepath.Base(t.TempDir())+"-"+filepath.Base(filepath.Dir(t.TempDir()))), "backups")
	s, by := p.plan(t, login(m.sshd, folder), m.sshd.Authorize, m.good)
	clock := crashClockEnv + "=" + by.String()
	if boundary == "" {
		for range processes {
			start(t, p, "", "", clock)
		}
	} else {
		startAndLose(t, p, processes, boundary, clock)
		if processes == 1 {
			start(t, p, "", "", clock)
		}
	}
	c := p.client(t)
	var runs []api.Run
	until(t, "the due time has its record", func() bool {
		var err error
		if runs, err = c.Runs(t.Context(), s.ID, 0); err != nil {
			t.Fatal(err)
		}
		return len(runs) > 0
	})
	if runs[0].Outcome != "started" || runs[0].DueAt.Hour() != 3 {
		t.Fatalf("record %+v", runs[0])
	}
	b := finished(t, p, c, runs[0].BackupID)
	made, err := c.Backups(t.Context(), apiclient.BackupFilter{ScheduleID: s.ID})
	if err != nil || len(made) != 1 || b.Status != "completed" || b.Trigger != "scheduled" || b.ScheduleID != s.ID || b.DueAt == nil || !b.DueAt.Equal(runs[0].DueAt) {
		t.Errorf("%d backups, the first %+v, %v", len(made), b, err)
	}
	if runs, err = c.Runs(t.Context(), s.ID, 0); len(runs) != 1 || err != nil {
		t.Errorf("records %+v, %v", runs, err)
	}
	h, err := c.ScheduleHealth(t.Context(), s.ID)
	if err != nil || h.Verdict != "healthy" || h.LastGoodBackupID != b.ID || len(h.Runs) != 1 || h.Runs[0].BackupID != b.ID {
		t.Errorf("health %+v, %v", h, err)
	}
	activitySettled(t, c, b)
}

func TestEmbeddedOwnerDispatchesNothing(t *testing.T) {
	t.Parallel()
	m, dir := newMatrix(t), filepath.Join(t.TempDir(), "data")
	s, by := place(dir).plan(t, login(m.sshd, filepath.Join(m.sshd.Dir("none"), "backups")), m.sshd.Authorize, m.good)
	e, err := NewEmbedded(Config{DataDir: dir, Version: "test", Clock: ahead{by + time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	c := e.Client("test")
	if _, err := c.UpdateSchedule(t.Context(), s.ID, api.ScheduleInput{RetentionDays: new(3)}); err != nil { // it is the owner
		t.Fatal(err)
	}
	found, err := c.CheckSchedule(t.Context(), s.ID, api.ScheduleInput{})
	if err != nil || len(found) == 0 || found[len(found)-1].Code != backup.CodeNotDispatched {
		t.Errorf("findings %+v, %v", found, err)
	}
	if runs, err := c.Runs(t.Context(), s.ID, 0); len(runs) != 0 || err != nil {
		t.Errorf("records %+v, %v", runs, err)
	}
}
