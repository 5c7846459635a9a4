package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// schedules adds so many schedules whose wake is now.
func schedules(t *testing.T, s *Store, n int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("sch_%05d", i)
		sch := backup.Schedule{ID: backup.ScheduleID(id), ScheduleSpec: backup.ScheduleSpec{Name: id, Spec: fullBackup("bk_1").Spec, Cron: "* * * * *", Timezone: "UTC"},
			Version: 1, Timing: backup.Timing{WakeAt: now}}
		if err := s.InsertSchedule(t.Context(), sch, activity(backup.ActivityID("act_"+id)), controlplane.Idempotency{}); err != nil {
			t.Fatal(err)
		}
	}
}

// startAll starts a backup for each schedule, due now.
func startAll(due []controlplane.DueSchedule) (d controlplane.Dispatched) {
	for _, s := range due {
		b := fullBackup(backup.ID("bk_" + string(s.ID)))
		b.ScheduleID, b.DueAt, b.Activity, b.Status, b.Failure, b.FinishedAt = s.ID, now, backup.ActivityID("act_bk_"+string(s.ID)), backup.StatusPending, nil, time.Time{}
		b.Work = backup.Work{Step: backup.StepQueue, NextStepAt: now}
		d.Backups, d.Activities = append(d.Backups, b), append(d.Activities, activity(b.Activity))
		d.Runs = append(d.Runs, backup.Run{ScheduleID: s.ID, DueAt: now, Outcome: backup.RunStarted, BackupID: b.ID, LastAt: now, Count: 1, DecidedAt: now})
		s.Timing = backup.Timing{DecidedUntil: now, Owed: []time.Time{now.Add(-time.Minute)}, WakeAt: now.Add(time.Minute), Turn: s.Timing.Turn}
		d.Schedules = append(d.Schedules, s.Schedule)
	}
	return d
}

func TestDispatchTakesEachScheduleOnceAndWritesAllOfIt(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		seed(t, s)
		schedules(t, s, 3)
		var seen []controlplane.DueSchedule
		for _, want := range []int{2, 1, 0} {
			n, err := s.Dispatch(ctx, now, 2, func(due []controlplane.DueSchedule) controlplane.Dispatched {
				seen = append(seen, due...)
				return startAll(due)
			})
			if n != want || err != nil {
				t.Fatalf("took %d, %v; want %d", n, err, want)
			}
		}
		if seen[0].Server.ID != "srv_1" || seen[0].Running != 0 || seen[2].Unfinished != seen[0].Unfinished+2 {
			t.Errorf("saw %d, %d and %d unfinished on %s", seen[0].Unfinished, seen[1].Unfinished, seen[2].Unfinished, seen[0].Server.ID)
		}
		got, err := s.Schedule(ctx, "sch_00001")
		if diff := cmp.Diff(backup.Timing{DecidedUntil: now, Owed: []time.Time{now.Add(-time.Minute)}, WakeAt: now.Add(time.Minute), Turn: 1}, got.Timing); diff != "" || err != nil {
			t.Error(err, diff)
		}
		runs, err := s.Runs(ctx, controlplane.RunFilter{ScheduleID: "sch_00001"})
		want := []backup.Run{{ScheduleID: "sch_00001", DueAt: now, Outcome: "started", BackupID: "bk_sch_00001", LastAt: now, Count: 1, DecidedAt: now}}
		if diff := cmp.Diff(want, runs); diff != "" || err != nil {
			t.Error(err, diff)
		}
		made, err := s.Backups(ctx, controlplane.BackupFilter{ScheduleID: "sch_00001"})
		if len(made) != 1 || err != nil || made[0].ScheduleID != "sch_00001" || !made[0].DueAt.Equal(now) {
			t.Errorf("made %+v, %v", made, err)
		}
		if next, err := s.NextWake(ctx); !next.Equal(now.Add(time.Minute)) || err != nil {
			t.Errorf("next wake %s, %v", next, err)
		}
		if _, err := s.Dispatch(ctx, now.Add(time.Minute), 9, func(due []controlplane.DueSchedule) controlplane.Dispatched {
			if due[0].Running != 1 {
				t.Errorf("%d of its backups are seen unfinished", due[0].Running)
			}
			d := startAll(due)
			d.Backups, d.Activities = nil, nil
			return d // the same due time again
		}); err == nil {
			t.Error("a due time was started twice")
		}
		if got, _ := s.Schedule(ctx, "sch_00001"); got.Timing.Turn != 1 {
			t.Error("half of it was written")
		}
	})
}

func TestDispatchersShareTheWork(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s := open(t)
		seed(t, s)
		const n = 300
		schedules(t, s, n)
		var wg sync.WaitGroup
		var mu sync.Mutex
		times := map[backup.ScheduleID]int{}
		for range 3 {
			wg.Go(func() {
				for {
					var took []controlplane.DueSchedule
					got, err := s.Dispatch(t.Context(), now, 7, func(due []controlplane.DueSchedule) controlplane.Dispatched {
						took = due
						return startAll(due)
					})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, d := range took {
						times[d.ID]++
					}
					all := len(times)
					mu.Unlock()
					if got == 0 && all == n {
						return
					}
				}
			})
		}
		wg.Wait()
		for id, n := range times {
			if n != 1 {
				t.Errorf("%s was dispatched %d times", id, n)
			}
		}
		if runs, err := s.Backups(t.Context(), controlplane.BackupFilter{Statuses: []backup.Status{"pending"}}); len(runs) < n || err != nil {
			t.Errorf("%d backups, %v", len(runs), err)
		}
	})
}

// failFirst has the first backups that startAll made fail, each of a fact.
func failFirst(t *testing.T, s *Store, facts ...backup.Fact) {
	t.Helper()
	for i, fact := range facts {
		b, leased, err := s.Lease(t.Context(), backup.ID(fmt.Sprintf("bk_sch_%05d", i)), now, now.Add(time.Minute))
		if err != nil || !leased {
			t.Fatal(leased, err)
		}
		b.Status, b.FinishedAt, b.Failure = backup.StatusFailed, now.Add(time.Second), &backup.Failure{Stage: backup.StageConnect, Fact: fact}
		b.Work = backup.Work{Attempt: b.Work.Attempt}
		if err := s.SaveStep(t.Context(), b, controlplane.ActivityNote{Activity: activity(b.Activity)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEndOfARunCallsWhatWaitsForIt(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		seed(t, s)
		schedules(t, s, 2)
		if _, err := s.Dispatch(ctx, now, 9, startAll); err != nil {
			t.Fatal(err)
		}
		failFirst(t, s, backup.FactTimeout, backup.FactAuthFailed)
		if next, err := s.NextWake(ctx); !next.Equal(now.Add(time.Second)) || err != nil {
			t.Errorf("next wake %s, %v", next, err)
		}
		for i, want := range []string{"missed server_offline", "started "} {
			runs, err := s.Runs(ctx, controlplane.RunFilter{ScheduleID: backup.ScheduleID(fmt.Sprintf("sch_%05d", i))})
			if err != nil || len(runs) != 1 || string(runs[0].Outcome)+" "+string(runs[0].Reason) != want || runs[0].BackupID == "" {
				t.Errorf("%+v, %v", runs, err)
			}
		}
	})
}

func TestRunsArePagedNewestFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		seed(t, s)
		schedules(t, s, 1)
		_, err := s.Dispatch(ctx, now, 1, func(due []controlplane.DueSchedule) (d controlplane.Dispatched) {
			for i := range 5 {
				d.Runs = append(d.Runs, backup.Run{ScheduleID: due[0].ID, DueAt: now.Add(time.Duration(i) * time.Minute), Outcome: backup.RunSkipped, Reason: backup.RunPaused})
			}
			return d
		})
		if err != nil {
			t.Fatal(err)
		}
		f, got := controlplane.RunFilter{ScheduleID: "sch_00000", Limit: 2}, ""
		for {
			page, err := s.Runs(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				got += fmt.Sprint(r.DueAt.Sub(now).Minutes(), " ")
				f.Before = r.DueAt
			}
		}
		if got != "4 3 2 1 0 " {
			t.Errorf("%q", got)
		}
	})
}

func TestHeartbeats(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		if at, err := s.LastBeat(ctx); !at.IsZero() || err != nil {
			t.Errorf("%s, %v", at, err)
		}
		for i, id := range []string{"dp_1", "dp_2", "dp_1"} {
			if err := s.Beat(ctx, id, now.Add(time.Duration(i)*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if at, err := s.LastBeat(ctx); !at.Equal(now.Add(2*time.Second)) || err != nil {
			t.Errorf("%s, %v", at, err)
		}
		seed(t, s)
		schedules(t, s, 1)
		if o, err := s.Overview(ctx, now); err != nil || !o.Dispatched.Equal(now.Add(2*time.Second)) || len(o.Schedules) != 1 || o.Schedules[0].Name != "sch_00000" {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

func TestLateRunIsToldOfOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open opener) {
		s, ctx := open(t), t.Context()
		seed(t, s)
		schedules(t, s, 1)
		if _, err := s.Dispatch(ctx, now, 1, startAll); err != nil {
			t.Fatal(err)
		}
		told := 0
		tell := func(l controlplane.LateRun) backup.Activity {
			if told++; l.Schedule != "sch_00000" || l.BackupID != "bk_sch_00000" || l.ServerID != "srv_1" || !l.DueAt.Equal(now) {
				t.Errorf("%+v", l)
			}
			return activity("act_late")
		}
		for _, before := range []time.Time{now, now.Add(time.Second), now.Add(time.Hour)} {
			if err := s.TellLate(ctx, before, tell); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Activity(ctx, "act_late"); told != 1 || errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("told %d times, %v", told, err)
		}
	})
}
