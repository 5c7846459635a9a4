package river_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/river"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// rows stands for the records: it says who leases what, and when the next step is due.
type rows struct {
	controlplane.Store // nothing else is asked of it

	mu    sync.Mutex
	due   map[backup.ID]time.Time
	steps chan step
}

type step struct {
	process string
	id      backup.ID
	late    time.Duration
}

// of is a process's way to the rows.
type of struct {
	*rows
	process string
}

func (r of) Lease(_ context.Context, id backup.ID, now, _ time.Time) (backup.Backup, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	due, ok := r.due[id]
	if !ok || due.After(now) {
		return backup.Backup{Work: backup.Work{NextStepAt: due}}, false, nil
	}
	r.steps <- step{r.process, id, now.Sub(due)}
	delete(r.due, id)
	return backup.Backup{}, false, controlplane.ErrNotFound // it was deleted: there is no more to do
}

type wall struct{}

func (wall) Now() time.Time                         { return time.Now() }
func (wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	conns, err := pgxpool.New(t.Context(), testbed.StartPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conns.Close)
	var wg sync.WaitGroup
	for range 4 { // processes that start at once
		wg.Go(func() {
			if err := river.Migrate(t.Context(), conns); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return conns
}

// work starts a process that makes the steps of the rows.
func work(t *testing.T, conns *pgxpool.Pool, r *rows, process string) *river.Waker {
	t.Helper()
	w, err := river.Work(t.Context(), conns, controlplane.New(controlplane.Config{Store: of{r, process}, Clock: wall{}}), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestWakeUpIsFollowedByAnotherProcessAndOnlyOnce(t *testing.T) {
	t.Parallel()
	conns := database(t)
	r := &rows{due: map[backup.ID]time.Time{"bk_1": time.Now(), "bk_2": time.Now().Add(2 * time.Second)}, steps: make(chan step, 10)}
	outside, err := river.New(conns, slog.New(slog.DiscardHandler)) // one that does not work itself
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		outside.Wake("bk_1", time.Now())
		outside.Wake("bk_2", time.Now().Add(2*time.Second))
	}
	work(t, conns, r, "a")
	work(t, conns, r, "b")
	seen := map[backup.ID]int{}
	for range 2 {
		s := <-r.steps
		seen[s.id]++
		if s.late < 0 {
			t.Errorf("%s was looked at %s early", s.id, -s.late)
		}
	}
	if seen["bk_1"] != 1 || seen["bk_2"] != 1 {
		t.Errorf("steps: %v", seen)
	}
	settled(t, conns)
	if len(r.steps) != 0 {
		t.Errorf("a step too many: %v", <-r.steps)
	}
}

// settled waits until no wake-up is left to follow: those that found nothing to do must not go on for ever.
func settled(t *testing.T, conns *pgxpool.Pool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for left := -1; left != 0; {
		if err := conns.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE finalized_at IS NULL`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wake-ups are left", left)
		}
	}
}

func TestProcessThatEndsLeavesItsStepToAnother(t *testing.T) {
	t.Parallel()
	conns := database(t)
	begun := make(chan struct{})
	r := &rows{due: map[backup.ID]time.Time{"bk_1": time.Now()}, steps: make(chan step, 10)}
	first := &blocked{of{r, "a"}, begun}
	w, err := river.Work(t.Context(), conns, controlplane.New(controlplane.Config{Store: first, Clock: wall{}}), 4)
	if err != nil {
		t.Fatal(err)
	}
	w.Wake("bk_1", time.Now())
	<-begun
	work(t, conns, r, "b")
	w.Close()
	if s := <-r.steps; s.process != "b" {
		t.Errorf("the step was made by %s", s.process)
	}
	settled(t, conns)
}

// blocked is a store that answers when the process ends.
type blocked struct {
	of
	begun chan struct{}
}

func (b *blocked) Lease(ctx context.Context, _ backup.ID, _, _ time.Time) (backup.Backup, bool, error) {
	close(b.begun)
	<-ctx.Done()
	return backup.Backup{}, false, ctx.Err()
}

func TestWakeUpThatCannotBeWrittenIsToldOfAndForgotten(t *testing.T) {
	t.Parallel()
	conns := database(t)
	var log strings.Builder
	w, err := river.New(conns, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	conns.Close()
	w.Wake("bk_1", time.Now())
	if !strings.Contains(log.String(), "the sweep will find the backup") || !strings.Contains(log.String(), "bk_1") {
		t.Errorf("log: %q", log.String())
	}
}

func TestWakeUpThatComesTooEarlyIsLeftToWhoeverPlannedTheStep(t *testing.T) {
	t.Parallel()
	conns := database(t)
	r := &rows{due: map[backup.ID]time.Time{"bk_1": time.Now().Add(time.Hour)}, steps: make(chan step, 10)}
	w := work(t, conns, r, "a")
	for range 5 { // waiting clients wake it again and again
		w.Wake("bk_1", time.Now())
	}
	settled(t, conns)
	if len(r.steps) != 0 {
		t.Errorf("a step an hour early: %v", <-r.steps)
	}
}
