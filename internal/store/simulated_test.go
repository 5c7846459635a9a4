package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

func TestSimulatedTimeIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		if start, at, err := s.SimulatedTime(ctx); !start.IsZero() || !at.IsZero() || err != nil {
			t.Errorf("of a real control plane: %s %s %v", start, at, err)
		}
		for _, at := range []time.Time{now, now.Add(time.Hour)} {
			if err := s.SetSimulatedTime(ctx, at, at.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		start, at, err := s.SimulatedTime(ctx)
		if !start.Equal(now) || !at.Equal(now.Add(time.Hour+time.Minute)) || err != nil {
			t.Errorf("began %s, is %s, %v", start, at, err)
		}
	})
}

func TestRunsAreCountedByWhatBecameOfThem(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		seed(t, s)
		schedules(t, s, 3)
		if _, err := s.Dispatch(ctx, now, 9, startAll); err != nil {
			t.Fatal(err)
		}
		failFirst(t, s, backup.FactTimeout, backup.FactAuthFailed)
		if err := s.WakeSchedules(ctx, "srv_1", now); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Dispatch(ctx, now.Add(time.Minute), 9, func(due []controlplane.DueSchedule) (d controlplane.Dispatched) {
			d.Runs = []backup.Run{{ScheduleID: "sch_00000", DueAt: now.Add(time.Minute), Outcome: backup.RunMissed, Reason: backup.RunControlPlaneDown, Count: 40}}
			return d
		}); err != nil {
			t.Fatal(err)
		}
		got, err := s.CountRuns(ctx, time.Time{}, now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		want := []controlplane.RunCount{{Outcome: "missed", Count: 40}, {Outcome: "missed", Status: "failed", Count: 1}, {Outcome: "started", Status: "failed", Count: 1}, {Outcome: "started", Status: "pending", Count: 1}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if early, err := s.CountRuns(ctx, now.Add(time.Hour), now.Add(2*time.Hour)); err != nil || len(early) > 0 {
			t.Errorf("of another time: %v %v", early, err)
		}
	})
}
