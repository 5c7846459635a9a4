package controlplane_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// wakes writes down who was woken.
type wakes []backup.ID

func (w *wakes) Wake(id backup.ID, _ time.Time) { *w = append(*w, id) }
func (w *wakes) WakeAll(ids []backup.ID)        { *w = append(*w, ids...) }

// askLater asks after whoever asked before.
func (b *bench) askLater(s backup.Server) backup.Backup {
	b.t.Helper()
	b.clock.add(time.Millisecond)
	return b.ask(request(s))
}

func TestBackupWaitsForAPlaceOnItsServer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	first := b.create(request(server))
	second, third := b.askLater(server), b.askLater(server)
	elsewhere := b.create(request(b.addServer(func(s *backup.ServerSpec) { s.Name = "web-2" })))
	for _, id := range []backup.ID{third.ID, second.ID, third.ID} {
		b.clock.add(time.Minute)
		if got := b.step(id); got.Work.Placed || got.Status != backup.StatusPending || got.Work.NextStepAt.Sub(b.clock.Now()) > 10*time.Second {
			t.Errorf("%s: %s, %+v", id, got.Status, got.Work)
		}
	}
	if slices.Contains(b.server.calls, "preflight") || b.get(elsewhere.ID).Work.Step != backup.StepPreflight {
		t.Errorf("asked of the servers: %v", b.server.calls)
	}
	_, lines, err := b.Activity(t.Context(), second.Activity)
	if err != nil || len(lines) != 1 || !strings.Contains(lines[0].Text, "web-1 makes 1 at a time") {
		t.Errorf("log: %+v, %v", lines, err)
	}

	var called wakes
	b.UseWaker(&called)
	b.server.result = archived
	b.finish(first.ID)
	if !slices.Equal(called, wakes{second.ID}) || b.get(second.ID).Work.NextStepAt.After(b.clock.Now()) {
		t.Errorf("called %v, want %s", called, second.ID)
	}
	if got := b.step(third.ID); got.Work.Placed {
		t.Error("it went before one that waits longer")
	}
	if got := b.finish(second.ID); got.Status != backup.StatusCompleted {
		t.Errorf("the second: %s", got.Status)
	}
	if got := b.finish(third.ID); got.Status != backup.StatusCompleted {
		t.Errorf("the third: %s", got.Status)
	}
}

func TestWhoWaitsHasThoseAheadLookedAfter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	ahead := b.create(request(server)) // by a process that is gone
	waits := b.askLater(server)
	var called wakes
	b.UseWaker(&called)
	b.step(waits.ID)
	if !slices.Equal(called, wakes{ahead.ID}) {
		t.Errorf("woken: %v, want %s", called, ahead.ID)
	}
}

func TestCancelledWhileItWaitsItLeavesTheLine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	first := b.create(request(server))
	second, third := b.askLater(server), b.askLater(server)
	if _, err := b.CancelBackup(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	b.server.result = archived
	b.finish(first.ID)
	if got := b.step(third.ID); !got.Work.Placed {
		t.Error("it waits for one that is cancelled")
	}
	if got := b.step(second.ID); got.Status != backup.StatusFailed || got.Failure.Fact != backup.FactCancelled {
		t.Errorf("the cancelled one: %s, %+v", got.Status, got.Failure)
	}
}

func TestMorePlacesAreTakenAtTheNextLook(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	server := b.addServer()
	b.create(request(server))
	second := b.askLater(server)
	b.step(second.ID)
	if _, err := b.UpdateServer(t.Context(), server.ID, 0, func(s *backup.ServerSpec) { s.MaxConcurrentBackups = 2 }, controlplane.KeyWish{}); err != nil {
		t.Fatal(err)
	}
	if got := b.step(second.ID); !got.Work.Placed {
		t.Errorf("it waits still: %+v", got.Work)
	}
}

func TestSweepWakesOnceUntilTheStepIsBegun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.ask(request(b.addServer()))
	var called wakes
	b.UseWaker(&called)
	woken := map[controlplane.DueStep]time.Time{}
	sweep := func(want int) {
		t.Helper()
		if err := b.SweepOnce(t.Context(), woken); err != nil || len(called) != want {
			t.Errorf("woken %d times, want %d; %v", len(called), want, err)
		}
	}
	sweep(1)
	b.clock.add(10 * time.Second)
	sweep(1) // it stands in line
	b.step(made.ID)
	sweep(2) // what follows was not woken
	b.clock.add(2 * time.Minute)
	sweep(3) // that wake-up was lost
}
