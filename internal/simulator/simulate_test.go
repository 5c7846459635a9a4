package simulator_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

const (
	start = 1767225600 // 2026-01-01 00:00 UTC, a Thursday
	hour  = 3600
	day   = 24 * hour
	gib   = 1 << 30
)

func synthetic(t testing.TB, n int, seconds int64, seed uint64) *simulator.Scenario {
	t.Helper()
	sc, err := simulator.Synthetic(n, start, start+seconds, seed)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// events simulates and returns all that is told.
func events(t *testing.T, sc *simulator.Scenario, parallelism int) ([]simulator.Event, *simulator.Report) {
	t.Helper()
	var all []simulator.Event
	r, err := simulator.Simulate(sc, simulator.Options{Parallelism: parallelism, Emit: func(e simulator.Event) error {
		all = append(all, e)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return all, r
}

// one is a server with one schedule.
func one(t *testing.T, expression, zone string, change func(*simulator.Scenario)) *simulator.Scenario {
	t.Helper()
	sc := &simulator.Scenario{Start: start, End: start + 10*day, Servers: []simulator.Server{{Name: "web-1", BytesPerSec: 10 << 20}}}
	add(t, sc, "nightly", expression, zone)
	if change != nil {
		change(sc)
	}
	return sc
}

func add(t *testing.T, sc *simulator.Scenario, name, expression, zone string) *simulator.Schedule {
	t.Helper()
	e, err := cron.Parse(expression, "web-1/"+name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := cron.LoadZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	sc.Schedules = append(sc.Schedules, simulator.Schedule{Name: name, Vault: simulator.NoVault, Expression: e, Zone: z, Retention: 30 * day, Bytes: gib,
		Policy: scheduler.Policy{Seed: scheduler.Seed("web-1/" + name)}})
	return &sc.Schedules[len(sc.Schedules)-1]
}

func TestSameScenarioGivesTheSameEventsHoweverItIsCut(t *testing.T) {
	t.Parallel()
	sc := synthetic(t, 60, 60*day, 7)
	sc.Vaults = []simulator.Vault{{Name: "offsite", Capacity: 60 * gib}}
	for i := range sc.Schedules {
		if i%5 == 0 {
			sc.Schedules[i].Vault = 0
		}
	}
	first, r := events(t, sc, 1)
	for _, parallelism := range []int{1, 2, 8} {
		again, s := events(t, sc, parallelism)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("with %d at a time:\n%s", parallelism, diff)
		}
		unheard, err := simulator.Simulate(sc, simulator.Options{Parallelism: parallelism})
		if err != nil {
			t.Fatal(err)
		}
		if s.Hash != r.Hash || unheard.Hash != r.Hash || unheard.Totals != r.Totals || !cmp.Equal(unheard.Servers, r.Servers) || !cmp.Equal(unheard.Vaults, r.Vaults) {
			t.Fatalf("with %d at a time another report", parallelism)
		}
	}
	if !slices.IsSortedFunc(first, func(a, b simulator.Event) int { return int(a.At - b.At) }) {
		t.Error("events are not in the order of time")
	}
	sc.Seed++
	if _, other := events(t, sc, 1); other.Hash == r.Hash {
		t.Error("another seed has the same hash")
	}
}

func TestEveryDueTimeHasExactlyOneEvent(t *testing.T) {
	t.Parallel()
	var seen [6]int64
	for seed := range uint64(6) {
		sc := synthetic(t, 40, 45*day, seed)
		sc.Outages = []simulator.Span{{From: start + 3*day, Until: start + 4*day + 1234}, {From: start + 20*day, Until: start + 20*day + 90}}
		for i := range sc.Schedules {
			p := &sc.Schedules[i].Policy
			p.Overlap, p.Missed, p.Bound = scheduler.Overlap(i%3), scheduler.Missed(i/3%3), 3
			p.Deadline = int64(i%4) * 1800
			if i%7 == 0 {
				sc.Servers[sc.Schedules[i].Server].BytesPerSec = 200 << 10 // so slow that runs overlap and wait
			}
		}
		all, r := events(t, sc, 2)
		got := make([][]int64, len(sc.Schedules))
		for _, e := range all {
			got[e.Schedule] = append(got[e.Schedule], e.Due)
		}
		for i := range sc.Schedules {
			s := &sc.Schedules[i]
			slices.Sort(got[i])
			if diff := cmp.Diff(slices.Collect(s.Expression.Between(s.Zone, sc.Start-1, sc.End-1)), got[i]); diff != "" {
				t.Fatalf("seed %d, schedule %d (%s in %s):\n%s", seed, i, s.Expression.Text(), s.Zone.Name(), diff)
			}
		}
		for o, n := range r.Totals {
			seen[o] += n
		}
	}
	for o, n := range seen {
		if n == 0 {
			t.Errorf("nothing has %s, which proves little", simulator.Outcome(o))
		}
	}
}

func TestRunTakesTheTimeOfItsBytesAndEndsWhereExpected(t *testing.T) {
	t.Parallel()
	sc := one(t, "0 2 * * *", "Europe/Berlin", func(sc *simulator.Scenario) { sc.End = start + day; sc.Schedules[0].Seconds = 5 })
	all, r := events(t, sc, 1)
	const due = start + hour                                                                                                 // 2:00 in Berlin in winter
	want := []simulator.Event{{At: due + 5 + 102, Due: due, Outcome: simulator.Completed, Begin: due, Tries: 1, Bytes: gib}} // 1024 MiB at 10 MiB a second
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	if got := r.Schedules[0]; got.MaxGap != 23*hour || got.LastGood != due+107 { // from the run, whose data is of its beginning, to the end
		t.Errorf("%+v", got)
	}
}

func TestDiskFillsUpOnTheDayItMust(t *testing.T) {
	t.Parallel()
	sc := one(t, "0 2 * * *", "UTC", func(sc *simulator.Scenario) {
		sc.End = start + 60*day
		sc.Servers[0].Disk, sc.Servers[0].Others = 50*gib, 10*gib // room for 40 archives of 1 GiB, and a retention that never frees it
		sc.Schedules[0].Retention = 365 * day
	})
	all, r := events(t, sc, 1)
	if r.Of(simulator.Completed) != 40 || r.Of(simulator.Failed) != 20 {
		t.Fatalf("%+v", r.Totals)
	}
	if full := r.Servers[0].FullAt; full/day != start/day+40 {
		t.Errorf("full on day %d", full/day-start/day)
	}
	if got := all[40]; got.Outcome != simulator.Failed || got.Class != "disk_full" || got.Tries != 1 {
		t.Errorf("%+v", got)
	}
	if got, want := r.Servers[0].Used[9], int64(10*gib+10*gib); got != want {
		t.Errorf("after ten days %d bytes, want %d", got, want)
	}
	if r.Servers[0].PeakBytes != 50*gib {
		t.Errorf("peak %d", r.Servers[0].PeakBytes)
	}
}

func TestRetentionKeepsTheNewestGoodBackup(t *testing.T) {
	t.Parallel()
	sc := one(t, "0 2 * * *", "UTC", func(sc *simulator.Scenario) {
		sc.Schedules[0].Retention = 2 * day
		sc.Servers[0].Faults = []simulator.Fault{{Span: simulator.Span{From: start + 3*day, Until: start + 9*day}, Class: "ssh_auth_failed"}}
	})
	_, r := events(t, sc, 1)
	if diff := cmp.Diff([]int64{gib, 2 * gib, 2 * gib, gib, gib, gib, gib, gib, gib, gib}, r.Servers[0].Used); diff != "" {
		t.Error(diff)
	}
	s := r.Schedules[0]
	if got := s.Failed()["ssh_auth_failed"]; got != 6 || s.Retries != 0 { // what must be mended first is not retried
		t.Errorf("%d failures, %d retries", got, s.Retries)
	}
	if s.MaxGap != 7*day+102 || s.MaxGapAt != start+9*day+2*hour+102 {
		t.Errorf("gap of %d s until %d", s.MaxGap, s.MaxGapAt)
	}
}

func TestTransientFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	sc := one(t, "0 2 * * *", "UTC", func(sc *simulator.Scenario) {
		sc.End = start + day
		sc.Servers[0].Faults = []simulator.Fault{{Span: simulator.Span{From: start, Until: start + 2*hour + 45}, Class: "ssh_connection_refused"}}
	})
	all, r := events(t, sc, 1)
	if len(all) != 1 || all[0].Outcome != simulator.Completed || all[0].Tries < 2 || r.Schedules[0].Retries != int64(all[0].Tries-1) {
		t.Errorf("%+v", all)
	}
	if all[0].Begin != start+2*hour || all[0].At < start+2*hour+45+102 {
		t.Errorf("it began at %d and ended at %d", all[0].Begin-start, all[0].At-start)
	}
}

func TestSchedulesOfAServerWaitForAPlaceAndCollisionsAreCounted(t *testing.T) {
	t.Parallel()
	build := func(places int) *simulator.Scenario {
		sc := one(t, "0 2 * * *", "UTC", func(sc *simulator.Scenario) { sc.End = start + day; sc.Servers[0].MaxConcurrent = places })
		add(t, sc, "other", "0 2 * * *", "UTC")
		return sc
	}
	for places, want := range map[int]struct{ second, collisions int64 }{1: {start + 2*hour + 204, 0}, 2: {start + 2*hour + 102, 1}} {
		all, r := events(t, build(places), 1)
		if len(all) != 2 || all[1].At != want.second || r.Servers[0].Collisions != want.collisions {
			t.Errorf("%d places: %+v, %d collisions", places, all, r.Servers[0].Collisions)
		}
		if r.Servers[0].Busiest() != 3*24+2 { // Thursday, 2:00
			t.Errorf("busiest hour %d", r.Servers[0].Busiest())
		}
	}
}

func TestOutageOfTheControlPlaneIsCaughtUpByPolicy(t *testing.T) {
	t.Parallel()
	for missed, want := range map[scheduler.Missed][6]int64{
		scheduler.MissedRunLatest: {simulator.Completed: 8, simulator.CaughtUp: 2},
		scheduler.MissedSkip:      {simulator.Completed: 7, simulator.Missed: 3},
		scheduler.MissedRunAll:    {simulator.Completed: 10},
	} {
		sc := one(t, "0 2 * * *", "UTC", func(sc *simulator.Scenario) {
			sc.Outages = []simulator.Span{{From: start + 2*day, Until: start + 5*day}}
			sc.Schedules[0].Policy.Missed, sc.Schedules[0].Policy.Bound = missed, 10
		})
		if _, r := events(t, sc, 1); r.Totals != want {
			t.Errorf("policy %d: %v, want %v", missed, r.Totals, want)
		}
	}
}

func TestVaultThatIsFullOrBrokenKeepsTheBackupOnTheServer(t *testing.T) {
	t.Parallel()
	sc := one(t, "0 2 * * *", "UTC", func(sc *simulator.Scenario) {
		sc.Vaults = []simulator.Vault{{Name: "offsite", Capacity: 4 * gib, Faults: []simulator.Fault{{Span: simulator.Span{From: start, Until: start + day}, Class: "offsite_access_denied"}}}}
		sc.Schedules[0].Vault = 0
	})
	_, r := events(t, sc, 1)
	if diff := cmp.Diff(map[string]int64{"offsite_access_denied": 1, "offsite_storage_full": 5}, named(r.Schedules[0].Unsent())); diff != "" || r.Of(simulator.Completed) != 10 {
		t.Errorf("%s\n%v", diff, r.Totals)
	}
	if v := r.Vaults[0]; v.PeakBytes != 4*gib || v.Bytes[0] != 0 || v.Bytes[9] != 4*gib {
		t.Errorf("%+v", v)
	}
}

func named[K ~string](counts map[K]int64) map[string]int64 {
	out := map[string]int64{}
	for k, v := range counts {
		out[string(k)] = v
	}
	return out
}

func TestOpeningIsHowTheWholeBegins(t *testing.T) {
	t.Parallel()
	sc := synthetic(t, 60, 30*day, 3)
	for i := range sc.Servers {
		sc.Servers[i].BytesPerSec, sc.Servers[i].MaxConcurrent = 2<<20, 1 // so slow that runs wait, and some go on at the end
	}
	sc.Outages = []simulator.Span{{From: start + day, Until: start + day + 5*hour}}
	sc.Vaults = []simulator.Vault{{Name: "offsite", Capacity: 60 * gib}}
	for i := range 9 {
		sc.Schedules[i*5].Vault = 0
	}
	whole, _ := events(t, sc, 2)
	const end = start + 3*day
	wanted := []int{7, 0, 30, 59}
	var want, unfinished []simulator.Event
	for _, e := range whole {
		if e.Due < end && e.At < end && slices.Contains(wanted, e.Schedule) {
			want = append(want, e)
		}
	}
	got := slices.DeleteFunc(simulator.Opening(sc, 3*day, wanted, 2), func(e simulator.Event) bool {
		if e.Outcome == simulator.Unfinished {
			unfinished = append(unfinished, e)
		}
		return e.Outcome == simulator.Unfinished
	})
	if diff := cmp.Diff(want, got); diff != "" || len(unfinished) == 0 || len(want) < 100 {
		t.Errorf("%d events, %d unfinished:\n%s", len(want), len(unfinished), diff)
	}
	for _, e := range unfinished {
		if !slices.ContainsFunc(whole, func(w simulator.Event) bool { return w.Schedule == e.Schedule && w.Due == e.Due && w.At >= end }) {
			t.Errorf("not so in the whole: %+v", e)
		}
	}
}

func TestDaysCountEveryDueTimeOnItsDay(t *testing.T) {
	t.Parallel()
	sc := synthetic(t, 40, 20*day+5*hour, 4)
	sc.Outages = []simulator.Span{{From: start + 3*day, Until: start + 4*day}}
	want := make([][6]int64, 21)
	all, r := events(t, sc, 2)
	for _, e := range all {
		want[(e.Due-start)/day][e.Outcome]++
	}
	if r.Days != nil {
		t.Error("nobody asked for days")
	}
	for _, parallelism := range []int{1, 4} {
		r, err := simulator.Simulate(sc, simulator.Options{Parallelism: parallelism, Daily: true})
		if diff := cmp.Diff(want, r.Days); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

func TestListenerEndsTheSimulation(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	if _, err := simulator.Simulate(synthetic(t, 4, 10*day, 1), simulator.Options{Emit: func(simulator.Event) error { return enough }}); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
}
