package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// badWeek is what happens to the servers of these tests.
const badWeek = `
servers:
  - name: web-1
    disk: 12GiB
    used_by_others: 2GiB
    faults: [{class: server_offline, from: 2026-01-03T00:00:00Z, until: 2026-01-04T00:00:00Z}]
schedules: [{name: nightly, server: web-1, size: 2GiB}]
`

// scenarioFile writes a scenario.
func scenarioFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestASimulatedWeek(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	end := serve(t, dir, "--simulate", "--scenario", scenarioFile(t, badWeek))
	says := func(want int, args ...string) string {
		t.Helper()
		status, out, errOut := run(t, append(args, "--data-dir", dir)...)
		if status != want {
			t.Errorf("%q: exit status %d, %s", args, status, errOut)
		}
		return out + errOut
	}
	says(0, "server", "add", "web-1", "--host", "203.0.113.10", "--record-host-key")
	says(0, "schedule", "add", "nightly", "--server", "web-1", "--cron", "30 2 * * *", "--include", "/var/www")
	if out := says(0, "backup", "run", "web-1", "--include", "/etc"); !strings.Contains(out, "2.0 GiB") {
		t.Errorf("a backup that nobody has to wait for: %s", out)
	}
	id := strings.TrimSpace(says(0, "backup", "list", "--quiet"))
	if out := says(1, "backup", "download", id); !strings.Contains(out, "has a size and no content") {
		t.Errorf("its archive: %s", out)
	}
	if out := says(0, "simulation", "advance", "--by", "7d"); !strings.Contains(out, "completed") || !strings.Contains(out, "missed") || !strings.Contains(out, "168h") {
		t.Errorf("advance says %s", out)
	}
	if out := says(1, "schedule", "health", "web-1/nightly"); !strings.Contains(out, "NO_SPACE_LEFT") || !strings.Contains(out, "CONNECTION_TIMED_OUT") {
		t.Errorf("health says %s", out)
	}
	if out := says(0, "simulation", "show", "--json"); !strings.Contains(out, `"completed": 4`) || !strings.Contains(out, `"failed": 2`) || !strings.Contains(out, `"missed": 1`) {
		t.Errorf("show says %s", out)
	}
	if out := says(0, "schedule", "show", "web-1/nightly"); !strings.Contains(out, "2026-01-08 02:30:00Z") {
		t.Errorf("it is due next: %s", out)
	}
	if out := says(0, "schedule", "pause", "web-1/nightly", "--until", "48h"); !strings.Contains(out, "2026-01-10 ") {
		t.Errorf("it is paused: %s", out)
	}
	says(2, "simulation", "advance", "--by", "soon")
	says(2, "simulation", "advance")
	end()
	if out := says(1, "backup", "run", "web-1", "--include", "/etc"); !strings.Contains(out, "holds a simulated control plane, which makes no backups") {
		t.Errorf("a backup without the one who simulates: %s", out)
	}
	if out := says(0, "simulation", "show"); !strings.Contains(out, "elapsed") { // to look is no harm
		t.Errorf("show says %s", out)
	}
}

func TestSimulatedControlPlanesThatAreNone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if status, _, errOut := run(t, "server", "add", "web-1", "--host", "203.0.113.10", "--record-host-key", "--data-dir", dir); status != 0 {
		t.Fatal(errOut)
	}
	if status, _, errOut := run(t, "simulation", "advance", "--by", "1h", "--data-dir", dir); status != 1 || !strings.Contains(errOut, "NOT_SIMULATED") {
		t.Errorf("exit status %d, %s", status, errOut)
	}
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--simulate"}, 1, "holds the records of a control plane that is not simulated"},
		{[]string{"--simulate", "--check"}, 1, "holds the records of a control plane that is not simulated"},
		{[]string{"--scenario", scenarioFile(t, badWeek)}, 2, "add --simulate"},
		{[]string{"--simulate", "--scenario", filepath.Join(t.TempDir(), "none.yaml")}, 2, "no such file"},
		{[]string{"--simulate", "--check", "--scenario", scenarioFile(t, "faults: [{class: offsite_clock_skew}]")}, 1, "does not happen on a simulated server"},
		{[]string{"--simulate", "--database", "postgres:///x"}, 1, "in a data directory only"},
	} {
		if status, _, errOut := run(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir}, test.args...)...); status != test.status || !strings.Contains(errOut, test.says) {
			t.Errorf("%q: exit status %d, %s", test.args, status, errOut)
		}
	}
}
