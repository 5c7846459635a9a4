package controlplane_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// bubble is the time inside a synctest bubble.
type bubble struct{}

func (bubble) Now() time.Time                         { return time.Now() }
func (bubble) After(d time.Duration) <-chan time.Time { return time.After(d) }

func TestWorkerDrivesABackupToItsEndAndLongPollsSeeIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Clock = bubble{}
	w := controlplane.NewWorker(b.ControlPlane, 2)
	b.UseWaker(w)
	t.Cleanup(w.Close)
	b.server.result = archived
	made := b.ask(request(b.addServer()))
	got, err := b.Wait(t.Context(), []backup.ID{made.ID}, "client", time.Minute)
	if err != nil || len(got) != 1 || got[0].Status != backup.StatusCompleted {
		t.Fatalf("got %+v, %v", got, err)
	}
	if held := b.get(made.ID).Work; held.Holder != "client" {
		t.Errorf("held by %q", held.Holder)
	}
}

func TestWorkerKeepsTheTimesItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		steps := make(chan time.Duration, 10)
		w := controlplane.NewStepWorker(bubble{}, func(id backup.ID) time.Time {
			at := time.Since(start)
			steps <- at
			if at < 90*time.Second {
				return time.Now().Add(time.Minute)
			}
			return time.Time{}
		})
		defer w.Close()
		w.Wake("bk_1", start.Add(time.Hour))
		w.Wake("bk_1", start.Add(30*time.Second)) // earlier than planned
		for _, want := range []time.Duration{30 * time.Second, 90 * time.Second} {
			if got := <-steps; got != want {
				t.Errorf("step at %s, want %s", got, want)
			}
		}
		synctest.Wait()
		if len(steps) != 0 {
			t.Error("a step after the last one")
		}
	})
}

func TestClosedWorkerTakesNoMoreSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := 0
		w := controlplane.NewStepWorker(bubble{}, func(backup.ID) time.Time { steps++; return time.Now().Add(time.Second) })
		w.Wake("bk_1", time.Now())
		synctest.Wait()
		w.Close()
		w.Wake("bk_2", time.Now())
		time.Sleep(time.Minute)
		if steps != 1 {
			t.Errorf("%d steps", steps)
		}
	})
}
