package controlplane

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Worker is the waker of a single process: it calls Step at the times it is told.
type Worker struct {
	step  func(context.Context, backup.ID) (next time.Time, made bool, err error)
	clock Clock
	log   *slog.Logger
	slots chan struct{}

	ctx    context.Context //nolint:containedctx // ends with Close; wake-ups have no context of their own
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	drives map[backup.ID]*drive
}

// drive is one backup's way to its end.
type drive struct {
	at    time.Time
	nudge chan struct{}
}

// NewWorker returns a worker that makes at most parallel steps at a time.
func NewWorker(c *ControlPlane, parallel int) *Worker {
	ctx, cancel := context.WithCancel(context.Background())
	return &Worker{step: c.Step, clock: c.Clock, log: c.Log, slots: make(chan struct{}, parallel),
		ctx: ctx, cancel: cancel, drives: map[backup.ID]*drive{}}
}

// Wake has Step called for id at the time given, or earlier if that was planned already.
func (w *Worker) Wake(id backup.ID, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	d, ok := w.drives[id]
	if !ok {
		d = &drive{at: at, nudge: make(chan struct{}, 1)}
		w.drives[id] = d
		w.wg.Go(func() { w.run(id, d) })
		return
	}
	if at.Before(d.at) {
		d.at = at
	}
	select {
	case d.nudge <- struct{}{}:
	default:
	}
}

// WakeAll implements Waker.
func (w *Worker) WakeAll(ids []backup.ID) {
	now := w.clock.Now()
	for _, id := range ids {
		w.Wake(id, now)
	}
}

// Close ends the worker. A step under way is cut off; its row is taken up again by whoever comes next.
func (w *Worker) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	w.wg.Wait()
}

func (w *Worker) run(id backup.ID, d *drive) {
	for {
		if !w.sleepUntil(d) {
			return
		}
		w.slots <- struct{}{}
		next, err := w.guarded(id)
		<-w.slots
		if err != nil && w.ctx.Err() == nil {
			w.log.Error("step failed", "backup", id, "error", err)
		}
		if w.ctx.Err() != nil || w.done(id, d, next) {
			return
		}
	}
}

// guarded makes one step. One that panics must not end the steps of all other backups.
func (w *Worker) guarded(id backup.ID) (next time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("step panicked", "backup", id, "panic", p, "stack", string(debug.Stack()))
			next = w.clock.Now().Add(leaseFor)
		}
	}()
	next, _, err = w.step(w.ctx, id) // whoever makes it, this drive looks again
	return next, err
}

// sleepUntil waits for the drive's time; false means the worker is closed.
func (w *Worker) sleepUntil(d *drive) bool {
	for {
		w.mu.Lock()
		pause := d.at.Sub(w.clock.Now())
		w.mu.Unlock()
		if pause <= 0 {
			return w.ctx.Err() == nil
		}
		select {
		case <-w.clock.After(pause):
		case <-d.nudge:
		case <-w.ctx.Done():
			return false
		}
	}
}

// done plans the next step, or ends the drive if there is none and nobody asked for one meanwhile.
func (w *Worker) done(id backup.ID, d *drive, next time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-d.nudge: // asked for while the step ran: what it saw may be old
		next = w.clock.Now()
	default:
	}
	if next.IsZero() {
		delete(w.drives, id)
		return true
	}
	d.at = next
	return false
}
