package simulator_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

func foretell(t *testing.T, sc *simulator.Scenario, next int) simulator.Forecast {
	t.Helper()
	f, err := sc.Forecast(t.Context(), 0, next)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestForecastKeepsWhatTheRetentionKeeps(t *testing.T) {
	t.Parallel()
	sc := one(t, "0 3 * * *", "UTC", func(sc *simulator.Scenario) {
		sc.End, sc.Schedules[0].Retention = start+100*day, 7*day
		add(t, sc, "other", "0 4 * * *", "UTC") // whose archives are none of the forecast's
	})
	f := foretell(t, sc, 2)
	if diff := cmp.Diff([]int64{start + 3*hour, start + 27*hour}, f.Next); diff != "" {
		t.Error(diff)
	}
	if f.Due != 100 || f.Started() != 100 || f.LongestGap != day || f.GapFrom != start+3*hour || !f.Steady {
		t.Errorf("%+v", f)
	}
	if f.Archives != 7 || f.Bytes != 7*gib || f.PeakArchives != 7 || f.PeakBytes != 7*gib {
		t.Errorf("keeps %d archives of %d bytes, at most %d of %d", f.Archives, f.Bytes, f.PeakArchives, f.PeakBytes)
	}
	if want := int64(day + 102); f.MaxGap != want { // a day, and the time that a run takes
		t.Errorf("the newest backup gets %d seconds old, want %d", f.MaxGap, want)
	}
	sc.End = start + 5*day
	if f := foretell(t, sc, 0); f.Steady || f.Archives != 5 || len(f.Next) != 0 {
		t.Errorf("before anything expires: %+v", f)
	}
}

func TestForecastKeepsTheNewestWhateverItsAge(t *testing.T) {
	t.Parallel()
	f := foretell(t, one(t, "0 3 1-5 * *", "UTC", func(sc *simulator.Scenario) { sc.Schedules[0].Retention = 2 * day }), 0)
	if f.Archives != 1 || f.Bytes != gib || f.PeakArchives != 2 {
		t.Errorf("five days after the last run it keeps %d archives of %d bytes, at most %d", f.Archives, f.Bytes, f.PeakArchives)
	}
}

func TestForecastOfWhatIsNeverDue(t *testing.T) {
	t.Parallel()
	f := foretell(t, one(t, "0 3 24 12 *", "UTC", nil), 10)
	if f.Due != 0 || f.Archives != 0 || f.LongestGap != 10*day || f.GapFrom != start || f.MaxGap != 10*day {
		t.Errorf("%+v", f)
	}
}

func TestForecastTellsTheFullDisk(t *testing.T) {
	t.Parallel()
	f := foretell(t, one(t, "0 3 * * *", "UTC", func(sc *simulator.Scenario) { sc.Servers[0].Disk = 4 * gib }), 0)
	if full := f.Server.FullAt; full < start+4*day || full >= start+5*day || f.Failed()["disk_full"] != 6 || f.PeakBytes != 4*gib {
		t.Errorf("full at day %d, %v", (full-start)/day, f.Failed())
	}
}

func TestForecastEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := one(t, "0 3 * * *", "UTC", nil).Forecast(ctx, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestForecastOfWhatGrowsFast(t *testing.T) {
	t.Parallel()
	const tib = 1 << 40
	f := foretell(t, one(t, "0 0 * * *", "UTC", func(sc *simulator.Scenario) {
		sc.End, sc.Servers[0].BytesPerSec = start+3650*day, 1<<50
		s := &sc.Schedules[0]
		s.Bytes, s.PerDay, s.Retention = 0, tib, 2*day
	}), 0)
	if want := int64(3648+3649) * tib; f.Bytes != 3649*tib || f.PeakBytes != want || f.Server.PeakBytes < want {
		t.Errorf("after ten years %d bytes, at most %d, on the server %d; want at most %d", f.Bytes, f.PeakBytes, f.Server.PeakBytes, want)
	}
	f = foretell(t, one(t, "0 0 * * *", "UTC", func(sc *simulator.Scenario) { // 50 GiB a day, which passes 2^63 in the product after five years
		sc.End, sc.Servers[0].OthersPerDay, sc.Servers[0].Disk = start+3650*day, 50*gib, 1<<60
	}), 0)
	if f.Server.PeakBytes < 3650*50*gib {
		t.Errorf("others have at most %d bytes of the disk", f.Server.PeakBytes)
	}
}

func TestForecastOfARunWithoutEnd(t *testing.T) {
	t.Parallel()
	f := foretell(t, one(t, "0 3 * * *", "UTC", func(sc *simulator.Scenario) {
		sc.Servers[0].BytesPerSec, sc.Servers[0].Disk, sc.Servers[0].Faults = 1, 1<<60, []simulator.Fault{{Span: simulator.Span{From: start, Until: start + 10*day}, Slower: 1000}}
		sc.Schedules[0].Bytes = 1<<60 - 1
	}), 0)
	if f.Of(simulator.Unfinished) != 1 || f.Of(simulator.Skipped) != 9 {
		t.Errorf("%v", f.Outcomes)
	}
	f = foretell(t, one(t, "0 3 * * *", "UTC", func(sc *simulator.Scenario) {
		sc.Servers[0].BytesPerSec, sc.Servers[0].Disk = 1<<20, 1<<50
		sc.Schedules[0].Bytes = 1 << 51
	}), 0)
	if f.Server.FullAt != 0 { // 34 years after the end
		t.Errorf("full at %d, which nobody sees", f.Server.FullAt)
	}
}

func TestForecastInWhichRunsPileUpEnds(t *testing.T) {
	t.Parallel()
	sc := one(t, "* * * * *", "UTC", func(sc *simulator.Scenario) {
		sc.End, sc.Servers[0].BytesPerSec = start+100*day, 1
		sc.Schedules[0].Policy.Overlap = scheduler.OverlapAllow
	})
	if _, err := sc.Forecast(t.Context(), 0, 0); !errors.Is(err, simulator.ErrBacklog) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sc.Forecast(ctx, 0, 0); !errors.Is(err, context.Canceled) { // nothing ends in it, so nothing is told
		t.Errorf("%v", err)
	}
}

func TestSimulationThatNobodyHearsEndsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	enough, asked := errors.New("enough"), 0
	_, err := simulator.Simulate(synthetic(t, 40, 400*day, 1), simulator.Options{Going: func(int) error {
		if asked++; asked == 3 {
			return enough
		}
		return nil
	}})
	if !errors.Is(err, enough) {
		t.Errorf("%v after %d questions", err, asked)
	}
	sc := synthetic(t, 40, 400*day, 1)
	_, want := events(t, sc, 1)
	got, err := simulator.Simulate(sc, simulator.Options{Parallelism: 4, Going: func(int) error { return nil }})
	if err != nil || got.Hash != want.Hash {
		t.Errorf("%v: being asked makes another simulation", err)
	}
}
