package cli_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// simulated is what a test reads of simulate --json.
type simulated struct {
	Runs      int64            `json:"runs"`
	Elapsed   float64          `json:"elapsed_seconds"`
	Hash      string           `json:"hash"`
	Totals    map[string]int64 `json:"totals"`
	Schedules []struct {
		Server   string           `json:"server"`
		Name     string           `json:"name"`
		Outcomes map[string]int64 `json:"outcomes"`
		Failed   map[string]int64 `json:"failed_by_class"`
		Retries  int64            `json:"retries"`
		MaxGap   int64            `json:"max_gap_seconds"`
		Clocks   []struct {
			At, Effect, First, Last, Text string
			Times                         int `json:"due_times"`
		} `json:"clock_changes"`
	} `json:"schedules"`
	Servers []struct {
		FullAt     string `json:"full_at"`
		Collisions int64  `json:"collisions"`
	} `json:"servers"`
	Assertions []struct {
		Name  string   `json:"name"`
		Holds bool     `json:"holds"`
		Wrong []string `json:"wrong"`
	} `json:"assertions"`
}

func simulate(t *testing.T, want int, args ...string) (s simulated) {
	t.Helper()
	status, out, errOut := run(t, append([]string{"simulate", "--json"}, args...)...)
	if status != want {
		t.Fatalf("simulate %q: exit status %d, want %d: %s", args, status, want, errOut)
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExamplesOfSimulationsTellTheirStories(t *testing.T) {
	t.Parallel()
	example := func(name string) string { return "../../examples/simulate/" + name + ".yaml" }

	full := simulate(t, 3, "--scenario", example("full-disk"))
	if s := full.Schedules[0]; s.Outcomes["completed"] != 40 || s.Failed["disk_full"] != 20 || !strings.HasPrefix(full.Servers[0].FullAt, "2026-02-10") {
		t.Errorf("full-disk: %+v", full)
	}
	if collide := simulate(t, 3, "--scenario", example("collision-after-dst")); collide.Servers[0].Collisions != 84 { // from 9 March to 31 May, and 8 March itself
		t.Errorf("collision-after-dst: %+v", collide.Servers)
	}
	if short := simulate(t, 3, "--scenario", example("retention-shorter-than-the-gap")); short.Schedules[0].MaxGap < 7*86400 {
		t.Errorf("retention-shorter-than-the-gap: %+v", short)
	}
	outage := simulate(t, 0, "--scenario", example("outage-with-catch-up"))
	if s := outage.Schedules[0]; s.Outcomes["caught_up"] != 2 || s.Outcomes["completed"] != 28 || len(outage.Assertions) != 2 || !outage.Assertions[0].Holds {
		t.Errorf("outage-with-catch-up: %+v", outage)
	}
	files, err := filepath.Glob(example("*"))
	if err != nil || len(files) != 4 {
		t.Errorf("%d examples, and 4 stories are tested: %v", len(files), err)
	}
}

func TestSimulationOfOneSeedIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	var first simulated
	var bytes string
	for i, parallelism := range []string{"1", "2", "8", "1"} {
		file := filepath.Join(t.TempDir(), "events")
		s := simulate(t, 0, "--synthetic", "40", "--from", "2026-01-01T00:00:00Z", "--for", "30d", "--seed", "5", "--parallelism", parallelism, "--events", file)
		raw := read(t, file)
		if i == 0 {
			first, bytes = s, raw
			// Pinned: the same on every machine. It changes where the model, the decisions or the zone database do.
			if s.Hash == "" || s.Runs == 0 {
				t.Fatalf("%+v", s)
			}
		}
		if s.Elapsed = first.Elapsed; !cmp.Equal(first, s) || raw != bytes {
			t.Errorf("with --parallelism %s another result", parallelism)
		}
	}
	if n := int64(strings.Count(bytes, "\n")); n != first.Totals["due_times"] {
		t.Errorf("%d events for %d due times", n, first.Totals["due_times"])
	}
	var e struct {
		At, Server, Schedule, Outcome string
		Due                           string `json:"due_at"`
	}
	line, _, _ := strings.Cut(bytes, "\n")
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Server == "" || e.Schedule == "" || e.Due == "" || e.Outcome == "" {
		t.Errorf("%v: %s", err, line)
	}
	if other := simulate(t, 0, "--synthetic", "40", "--from", "2026-01-01T00:00:00Z", "--for", "30d", "--seed", "6"); other.Hash == first.Hash {
		t.Error("another seed has the same hash")
	}
}

func TestSimulationSaysWhatChangesOfTheClocksDo(t *testing.T) {
	t.Parallel()
	example := "../../examples/simulate/collision-after-dst.yaml"
	s := simulate(t, 3, "--scenario", example).Schedules
	if len(s[0].Clocks) != 0 { // it is in UTC
		t.Errorf("%+v", s[0].Clocks)
	}
	const text = "On 8 March 2026 the clocks of America/New_York skip 02:30: the run is at 03:00 instead."
	if len(s[1].Clocks) != 1 {
		t.Fatalf("%+v", s[1].Clocks)
	}
	if c := s[1].Clocks[0]; c.At != "2026-03-08T03:00:00-04:00" || c.Effect != "moved" || c.Times != 1 || c.First != "2026-03-08T02:30" || c.Last != c.First || c.Text != text {
		t.Errorf("%+v", c)
	}
	if _, out, _ := run(t, "simulate", "--scenario", example); !strings.Contains(out, "clocks: db-1/nightly: "+text+"\n") {
		t.Error(out)
	}
	_, out, _ := run(t, "simulate", "--synthetic", "200", "--from", "2026-01-01T00:00:00Z", "--for", "365d")
	if lines := strings.Count(out, "\nclocks: "); lines != 11 || !strings.Contains(out, " more: --json has all\n\n") {
		t.Errorf("%d lines about clocks in\n%s", lines, out)
	}
}

func TestScenarioThatMakesNoSenseIsToldWhere(t *testing.T) {
	t.Parallel()
	const server = "servers: [{name: web-1}]\n"
	for name, test := range map[string]struct{ text, want string }{
		"no YAML":             {"servers: [", "did not find"},
		"unknown field":       {"server: []\n", "line 1: field server not found"},
		"wrong type":          {"servers: 3\n", "line 1"},
		"nothing":             {"", "schedules: there are none"},
		"unknown server":      {server + "schedules: [{name: a, server: wbe-1, cron: '0 2 * * *'}]\n", `schedules[0].server: there is no server "wbe-1" in the scenario; did you mean "web-1"?`},
		"unknown vault":       {server + "schedules: [{name: a, server: web-1, vault: x, cron: '0 2 * * *'}]\n", `schedules[0].vault: there is no vault "x"`},
		"invalid cron":        {server + "schedules: [{name: a, server: web-1, cron: '61 2 * * *'}]\n", "schedules[0]: cron: "},
		"invalid zone":        {server + "schedules: [{name: a, server: web-1, timezone: Europe/Berln, cron: '1 2 * * *'}]\n", "Europe/Berlin"},
		"retention":           {server + "schedules: [{name: a, server: web-1, retention_days: 0, cron: '1 2 * * *'}]\n", "retention_days is 0; allowed are 1 to 365"},
		"overlap":             {server + "schedules: [{name: a, server: web-1, overlap: skp, cron: '1 2 * * *'}]\n", `Did you mean "skip"?`},
		"size":                {server + "schedules: [{name: a, server: web-1, size: big, cron: '1 2 * * *'}]\n", `schedules[0].size: "big" is no size`},
		"two of a name":       {"servers: [{name: a}, {name: a}]\n", "servers[1].name"},
		"unknown class":       {"servers: [{name: a, faults: [{class: disk_ful}]}]\n", `did you mean "disk_full"?`},
		"fault backwards":     {"servers: [{name: a, faults: [{class: disk_full, from: '2027-01-02T00:00:00Z', until: '2027-01-01T00:00:00Z'}]}]\n", "servers[0].faults[0]: until is not after from"},
		"chance":              {"faults: [{class: oom_killed, chance: 2}]\n", "faults[0].chance: 2: allowed are 0 to 1"},
		"start":               {"start: yesterday\n", `start: "yesterday" is no time in RFC 3339`},
		"length":              {"for: 30 days\n", "for: "},
		"too long":            {"for: 4000d\n", "allowed are 1m to 3650d"},
		"assertion":           {"assert: {max_gap: x}\n", `assert.max_gap: "x" is no duration`},
		"percent":             {"assert: {disk_peak_percent: 101}\n", "allowed are 0 to 100"},
		"overlapping outages": {"control_plane_outages: [{}, {}]\n", "two of them overlap"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "scenario.yaml")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			status, out, errOut := run(t, "simulate", "--scenario", file)
			if status != 2 || out != "" || !strings.Contains(errOut, test.want) || !strings.Contains(errOut, file) {
				t.Errorf("exit status %d, %s%s\nwant %q", status, out, errOut, test.want)
			}
		})
	}
}

func TestSimulateRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"allowed are 1 to 100000":             {"--synthetic", "100001"},
		"--parallelism 0: allowed are":        {"--synthetic", "1", "--parallelism", "0"},
		"--from: \"now\" is no time":          {"--synthetic", "1", "--from", "now"},
		"from 1970 to 2200 only":              {"--synthetic", "1", "--from", "2199-06-01T00:00:00Z", "--for", "3650d"},
		"no such file":                        {"--scenario", "/nowhere/scenario.yaml"},
		"terraform show -json":                {"--plan", "../../examples/simulate/full-disk.yaml"},
		"none of the others can be":           {"--plan", "x", "--synthetic", "1"},
		"there is no schedule to simulate":    {"--data-dir", filepath.Join(t.TempDir(), "data")},
		"unknown flag: --scenari":             {"--scenari", "x"},
		"/nowhere/events: no such file or di": {"--synthetic", "1", "--events", "/nowhere/events"},
	} {
		if status, _, errOut := run(t, append([]string{"simulate"}, args...)...); status == 0 || status == 3 || !strings.Contains(errOut, want) {
			t.Errorf("%q: exit status %d, %s", args, status, errOut)
		}
	}
}

func TestSimulateWritesOverNothingThatItReads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, other := filepath.Join(dir, "scenario.yaml"), filepath.Join(dir, "link.html")
	text := "servers: [{name: web-1}]\nschedules: [{name: a, server: web-1, cron: '0 2 * * *'}]\n"
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Symlink(file, other)); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"--html would write over ":        {"--scenario", file, "--html", dir + "/./scenario.yaml"},
		"--events would write over ":      {"--scenario", file, "--events", other},
		"both write to " + dir + "/./out": {"--scenario", file, "--events", dir + "/out", "--html", dir + "/./out"},
	} {
		if status, _, errOut := run(t, append([]string{"simulate"}, args...)...); status != 2 || !strings.Contains(errOut, want) {
			t.Errorf("%q: exit status %d, %s", args, status, errOut)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != text {
		t.Errorf("%v: the scenario is %q now", err, got)
	}
}

const plan = `{"format_version":"1.2",
 "resource_changes":[
  {"address":"cloudaipilot_server.web","mode":"managed","type":"cloudaipilot_server","change":{"actions":["create"],"before":null,"after":{"name":"web-1","max_concurrent_backups":1}}},
  {"address":"cloudaipilot_backup_schedule.new","mode":"managed","type":"cloudaipilot_backup_schedule","change":{"actions":["create"],"before":null,
    "after":{"name":"hourly","cron":"0 * * * *","timezone":"UTC","retention_days":7}}},
  {"address":"module.db[\"a\"].cloudaipilot_backup_schedule.nightly[0]","mode":"managed","type":"cloudaipilot_backup_schedule","change":{"actions":["update"],
    "before":{"name":"nightly","server_id":"srv_1","cron":"0 2 * * *","timezone":"UTC","retention_days":30},
    "after":{"name":"nightly","server_id":"srv_1","cron":"0 */12 * * *","timezone":"UTC","retention_days":30}}},
  {"address":"data.cloudaipilot_backup_schedule.x","mode":"data","type":"cloudaipilot_backup_schedule","change":{"actions":["read"],"before":null,"after":{"name":"x"}}}],
 "configuration":{"root_module":{"resources":[{"address":"cloudaipilot_backup_schedule.new","expressions":{"server_id":{"references":["cloudaipilot_server.web.id","cloudaipilot_server.web"]}}}]}}}`

func TestPlanIsSimulatedBeforeAndAfter(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errOut := run(t, "simulate", "--plan", file, "--from", "2026-01-01T00:00:00Z", "--for", "10d", "--json")
	var s struct{ Before, After simulated }
	if err := json.Unmarshal([]byte(out), &s); status != 0 || err != nil {
		t.Fatalf("exit status %d, %v, %s", status, err, errOut)
	}
	if s.Before.Runs != 10 || s.After.Runs != 20+240 || len(s.Before.Schedules) != 1 || len(s.After.Schedules) != 2 {
		t.Errorf("%+v", s)
	}
	if got := s.After.Schedules[0]; got.Server != "web-1" || got.Name != "hourly" {
		t.Errorf("the server that is not made yet is not found: %+v", got)
	}
	if _, out, _ := run(t, "simulate", "--plan", file, "--from", "2026-01-01T00:00:00Z", "--for", "10d"); !strings.Contains(out, "BEFORE the plan") || !strings.Contains(out, "AFTER the plan") {
		t.Error(out)
	}
}

func FuzzScenario(f *testing.F) {
	for _, name := range []string{"full-disk", "outage-with-catch-up"} {
		raw, err := os.ReadFile("../../examples/simulate/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(plan))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "input")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"--scenario", "--plan"} {
			if status, _, errOut := run(t, "simulate", kind, file, "--for", "2d", "--from", "2026-01-01T00:00:00Z"); status != 0 && status != 2 && status != 3 || strings.Contains(errOut, "panic") {
				t.Errorf("%s: exit status %d: %s", kind, status, errOut)
			}
		}
	})
}
