package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

// simulate is one process's way to the simulated control plane of a directory.
func simulate(t *testing.T, dir, text string) (*Embedded, *apiclient.Client) {
	t.Helper()
	e, err := NewEmbedded(Config{DataDir: dir, Version: "test", Simulate: true, Scenario: text})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e, e.Client("test")
}

// scheduleAt adds a server and a schedule of it.
func scheduleAt(t *testing.T, c *apiclient.Client, cron string) api.Schedule {
	t.Helper()
	in := web("web-1")
	in.GenerateKey = new(true)
	server, err := c.CreateServer(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.CreateSchedule(t.Context(), api.ScheduleInput{Name: new("nightly"), ServerID: &server.ID, Cron: &cron, Type: new("files"), Files: &backup.FilesSource{Include: []string{"/etc"}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func advanceTo(t *testing.T, c *apiclient.Client, elapsed time.Duration) api.Simulation {
	t.Helper()
	s, err := c.AdvanceTo(t.Context(), elapsed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSimulatedTimeGoesOnInTheNextProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first, c := simulate(t, dir, "")
	s := scheduleAt(t, c, "0 * * * *")
	advanceTo(t, c, 24*time.Hour+10*time.Second) // in the middle of a backup
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	_, c = simulate(t, dir, "") // reads, and owns nothing
	got, err := c.Simulation(t.Context())
	if err != nil || got.ElapsedSeconds != 24*3600+10 || got.Runs["completed"] != 23 || got.Runs["unfinished"] != 1 {
		t.Errorf("%v: %+v", err, got)
	}
	if h, err := c.ScheduleHealth(t.Context(), s.ID); err != nil || h.Verdict != "healthy" || !h.CheckedAt.Equal(got.Now) {
		t.Errorf("%v: %s at %s", err, h.Verdict, h.CheckedAt)
	}
	got = advanceTo(t, c, 48*time.Hour)
	if diff := cmp.Diff(map[string]int64{"completed": 47, "failed": 0, "unfinished": 1, "skipped": 0, "missed": 0, "caught_up": 0}, got.Runs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := advanceTo(t, c, time.Hour); !again.Now.Equal(got.Now) {
		t.Errorf("time went back to %s", again.Now)
	}
}

func TestSimulationWithoutServersBeginsAnew(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for range 2 {
		e, c := simulate(t, dir, "")
		if got := advanceTo(t, c, 0); !got.Now.Equal(scenario.StageStart) {
			t.Fatalf("it begins at %s", got.Now)
		}
		s := scheduleAt(t, c, "0 * * * *")
		if got := advanceTo(t, c, 5*time.Hour+time.Minute); got.Runs["completed"] != 5 {
			t.Errorf("runs %v", got.Runs)
		}
		if err := errors.Join(c.DeleteSchedule(t.Context(), s.ID), c.DeleteServer(t.Context(), s.ServerID), e.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestApplyOfASimulatedBackupDoesNotWait(t *testing.T) {
	t.Parallel()
	_, c := simulate(t, filepath.Join(t.TempDir(), "data"), "servers: [{name: web-1, bytes_per_second: 1MiB}]")
	s := scheduleAt(t, c, "0 2 * * *")
	made, err := c.CreateBackup(t.Context(), s.ServerID, api.BackupInput{Type: "files", Files: &backup.FilesSource{Include: []string{"/etc"}}})
	if err != nil {
		t.Fatal(err)
	}
	if made, err = c.WaitForBackup(t.Context(), made.ID, func(api.Backup) {}); err != nil || made.Status != "completed" || made.SizeBytes != 1<<30 {
		t.Errorf("%v: %s, %d bytes", err, made.Status, made.SizeBytes)
	}
	got, err := c.Simulation(t.Context())
	if err != nil || got.ElapsedSeconds < 1024 || got.ElapsedSeconds > 1040 {
		t.Errorf("%v: it took %d s", err, got.ElapsedSeconds)
	}
}

func TestRealAndSimulatedAreNeverMixed(t *testing.T) {
	t.Parallel()
	actual, sim := filepath.Join(t.TempDir(), "real"), filepath.Join(t.TempDir(), "sim")
	owner, c := process(t, actual)
	if _, err := c.CreateServer(t.Context(), web("web-1")); err != nil {
		t.Fatal(err)
	}
	simulating, s := simulate(t, sim, "")
	advanceTo(t, s, time.Hour)
	if who, err := s.ControlPlane(t.Context()); err != nil || !who.Simulated {
		t.Errorf("%v: %+v", err, who)
	}

	check := func(when string) {
		t.Helper()
		_, wrong := simulate(t, actual, "")
		for name, err := range map[string]error{"read": second(wrong.Servers(t.Context())), "write": second(wrong.CreateServer(t.Context(), web("web-2"))), "advance": second(wrong.AdvanceTo(t.Context(), 0))} {
			if err == nil || !strings.Contains(err.Error(), "is not simulated") {
				t.Errorf("%s: %s of real records by who simulates: %v", when, name, err)
			}
		}
		if _, err := os.Stat(filepath.Join(actual, "control.simulated")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the real records are marked: %v", when, err)
		}
	}
	check("while its owner lives")
	if err := errors.Join(owner.Close(), simulating.Close()); err != nil {
		t.Fatal(err)
	}
	check("without an owner")

	_, c = process(t, sim)
	if who, err := c.ControlPlane(t.Context()); err != nil || !who.Simulated {
		t.Errorf("who reads simulated records is not told: %v, %+v", err, who)
	}
	if _, err := c.CreateServer(t.Context(), web("web-1")); err == nil || !strings.Contains(err.Error(), "holds a simulated control plane, which makes no backups") {
		t.Errorf("writing to simulated records: %v", err)
	}
	_, c = process(t, actual)
	if _, err := c.Simulation(t.Context()); !apiclient.HasCode(err, backup.CodeNotSimulated) {
		t.Errorf("time of a real control plane: %v", err)
	}
	if _, err := c.AdvanceTo(t.Context(), time.Hour); !apiclient.HasCode(err, backup.CodeNotSimulated) {
		t.Errorf("advancing a real control plane: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestSimulationAsksForNoKey(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	dir := filepath.Join(t.TempDir(), "data")
	_, c := simulate(t, dir, "")
	scheduleAt(t, c, "0 * * * *")
	key, _, err := sshKeys{}.Generate("theirs")
	if err != nil {
		t.Fatal(err)
	}
	in := web("web-2")
	in.PrivateKey = new(string(key))
	if _, err := c.CreateServer(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	advanceTo(t, c, 2*time.Hour)
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("in the user's configuration: %v %v", entries, err)
	}
	for _, name := range []string{"control.db", "control.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.Contains(string(raw), "OPENSSH PRIVATE KEY") {
			t.Errorf("%s: %v, or it holds the key", name, err)
		}
	}
}

func TestScenariosOfADirectoryBeginTogether(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	e, c := simulate(t, dir, "start: 2026-03-02T00:00:00Z")
	scheduleAt(t, c, "0 * * * *")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, c = simulate(t, dir, "") // without a scenario it goes on
	if got := advanceTo(t, c, time.Hour); got.Now.Month() != 3 {
		t.Errorf("it is %s", got.Now)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = simulate(t, dir, "start: 2026-04-02T00:00:00Z")
	if _, err := c.AdvanceTo(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "began at 2026-03-02T00:00:00Z, and the scenario begins at 2026-04-02T00:00:00Z") {
		t.Errorf("%v", err)
	}
	if _, err := NewEmbedded(Config{Simulate: true, Scenario: "start: soon"}); err == nil || !strings.Contains(err.Error(), `scenario: start: "soon"`) {
		t.Errorf("%v", err)
	}
}

func TestServeSimulates(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	address, end := serve(t, ServeConfig{Config: Config{DataDir: dir, Simulate: true}, Listen: "127.0.0.1:0"})
	_, c := process(t, dir) // over the socket, the owner decides what it is
	s := scheduleAt(t, c, "0 * * * *")
	remote, err := Remote{Endpoint: "http://" + address, Token: token(t, c, "admin")}.Client("test")
	if err != nil {
		t.Fatal(err)
	}
	if got := advanceTo(t, remote, 3*time.Hour+time.Minute); got.Runs["completed"] != 3 || !got.Reached {
		t.Errorf("%+v", got)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	_, end = serve(t, ServeConfig{Config: Config{DataDir: dir, Simulate: true}, Listen: "127.0.0.1:0"})
	if again, err := c.Schedule(t.Context(), s.ID); err != nil || again.ID != s.ID {
		t.Errorf("after a restart: %v", err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), ServeConfig{Config: Config{DataDir: dir}, Listen: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), "holds a simulated control plane") {
		t.Errorf("a real one in its directory: %v", err)
	}
	if _, err := CheckServe(ServeConfig{Config: Config{DataDir: dir}, Listen: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), "holds a simulated control plane") {
		t.Errorf("a check of it: %v", err)
	}
	if err := Serve(t.Context(), ServeConfig{Config: Config{Simulate: true}, Database: "postgres:///x", Listen: "127.0.0.1:0"}); !errors.Is(err, errSimulatedDatabase) {
		t.Errorf("on a database: %v", err)
	}
}

// TestTheSameSimulationTwice holds a simulation to its seed: identifiers differ, and nothing else does.
func TestTheSameSimulationTwice(t *testing.T) {
	t.Parallel()
	const text = "seed: 3\nfaults: [{class: ssh_connection_refused, chance: 0.4}, {class: oom_killed, chance: 0.2}]"
	play := func(text string) (lines []string) {
		e, err := NewEmbedded(Config{DataDir: filepath.Join(t.TempDir(), "data"), Simulate: true, Scenario: text, MaxTries: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		c := e.Client("test")
		scheduleAt(t, c, "0 * * * *")
		advanceTo(t, c, 11*time.Hour) // in two steps
		advanceTo(t, c, 24*time.Hour)
		made, err := c.Backups(t.Context(), apiclient.BackupFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range made {
			line := b.Status + " " + b.CreatedAt.String()
			if b.FinishedAt != nil {
				line += " " + b.FinishedAt.String()
			}
			for _, try := range b.Tries {
				line += " " + try.FailedAt.String()
			}
			lines = append(lines, line)
		}
		return lines
	}
	once := play(text)
	if diff := cmp.Diff(once, play(text)); diff != "" {
		t.Errorf("(-once +again):\n%s", diff)
	}
	if len(once) != 24 || cmp.Equal(once, play(strings.Replace(text, "seed: 3", "seed: 4", 1))) {
		t.Errorf("%d backups, or another seed is the same", len(once))
	}
}
