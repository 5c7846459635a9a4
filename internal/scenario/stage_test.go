package scenario_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

var happens = []diagnosis.Class{"io_error", "server_offline"}

func TestStageNeedsNothing(t *testing.T) {
	t.Parallel()
	sc, err := scenario.Stage(nil, happens)
	if err != nil || sc.Start != scenario.StageStart.Unix() || len(sc.Servers)+len(sc.Schedules)+len(sc.Faults) > 0 {
		t.Errorf("%v: %+v", err, sc)
	}
}

func TestStageTakesAScenarioOfTheSimulator(t *testing.T) {
	t.Parallel()
	sc, err := scenario.Stage([]byte(`{"start": "2026-03-02T00:00:00Z", "for": "30d", "seed": 4, "assert": {"max_gap": "26h"},
		"servers": [{"name": "web-1", "disk": "10GiB", "faults": [{"class": "server_offline", "from": "2026-03-04T00:00:00Z"}]}],
		"schedules": [{"name": "nightly", "server": "web-1", "cron": "0 2 * * *", "size": "3GiB", "growth_per_day": "1MiB"}, {"name": "weekly", "server": "web-1"}]}`), happens)
	if err != nil {
		t.Fatal(err)
	}
	if at := time.Unix(sc.Start, 0).UTC(); at.Month() != 3 || at.Day() != 2 || sc.Seed != 4 {
		t.Errorf("begins at %s with seed %d", at, sc.Seed)
	}
	if s := sc.Schedules; len(s) != 2 || s[0].Bytes != 3<<30 || s[0].PerDay != 1<<20 || s[1].Bytes != 1<<30 {
		t.Errorf("schedules %+v", s)
	}
	if f := sc.Servers[0].Faults[0]; f.Until < sc.Start+100*365*24*3600 {
		t.Errorf("the fault ends at %s", time.Unix(f.Until, 0).UTC())
	}
}

func TestStageRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"faults: [{class: offsite_clock_skew}]": `faults[0].class: "offsite_clock_skew" does not happen on a simulated server; what does: io_error, server_offline`,
		"faults: [{class: io_eror}]":            `faults[0].class: "io_eror" is no class of failures; did you mean "io_error"?`,
		"start: soon":                           `start: "soon" is no time in RFC 3339`,
		"start: 1969-01-01T00:00:00Z":           "times are known from 1970 to 2200 only",
		"servers: [{name: a}, {name: a}]":       `servers[1].name: "a": every server needs a name of its own`,
		"servers: [{name: a}]\nschedules: [{name: n, server: a}, {name: n, server: a}]": `schedules[1].name: "n": the server has another schedule of that name`,
		"schedules: [{name: n, server: b}]":                                             `schedules[0].server: there is no server "b" in the scenario`,
		"disks: []":                                                                     "field disks not found in a scenario",
		"servers: [{name: a, disk: lots}]":                                              `servers[0].disk: "lots" is no size`,
	} {
		if _, err := scenario.Stage([]byte(text), happens); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n%v\nwant %s", text, err, want)
		}
	}
}

// FuzzStage holds the reader to what a stage needs, whatever is written: no fault without a class that happens, no negative size, no
// time outside of those that are known.
func FuzzStage(f *testing.F) {
	f.Add([]byte("servers: [{name: a, disk: 1.5TB, used_by_others: 1GiB, faults: [{class: io_error, chance: 0.5, from: 2026-01-03T00:00:00Z}, {slower: 2}]}]"))
	f.Add([]byte(`{"start": "2026-03-02T00:00:00Z", "schedules": [{"server": "a", "name": "n", "size": "3GiB"}], "servers": [{"name": "a", "max_concurrent_backups": 3}]}`))
	f.Add([]byte("control_plane_outages: [{from: 2026-01-01T05:10:00Z, until: 2026-01-01T09:10:00Z}]\nfaults: [{class: server_offline}]\nvaults: [{name: v, capacity: 1PB}]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		sc, err := scenario.Stage(raw, happens)
		if err != nil {
			return
		}
		for _, s := range sc.Servers {
			if s.Disk < 0 || s.Others < 0 || s.OthersPerDay < 0 || s.BytesPerSec < 0 || s.MaxConcurrent < 0 {
				t.Errorf("server %+v", s)
			}
			for _, fault := range append(s.Faults, sc.Faults...) {
				if fault.From >= fault.Until || fault.Slower == 0 && !slices.Contains(happens, fault.Class) {
					t.Errorf("fault %+v", fault)
				}
			}
		}
		for _, s := range sc.Schedules {
			if s.Bytes < 0 || s.PerDay < 0 || s.Server < 0 || s.Server >= len(sc.Servers) {
				t.Errorf("schedule %+v", s)
			}
		}
		if sc.Start < 0 || sc.End <= sc.Start {
			t.Errorf("from %d to %d", sc.Start, sc.End)
		}
	})
}
