package simulator_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

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
