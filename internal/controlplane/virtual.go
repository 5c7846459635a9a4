package controlplane

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// VirtualConfig says what a simulated time is about.
type VirtualConfig struct {
	Start, Now time.Time
	Outages    []Outage // of the control plane, in their order
	// QuietUntil is when something happens by itself to the job of a backup; zero where that is not known. Until then nobody looks.
	QuietUntil func(backup.ID) time.Time
	// Ask, if set, says what time it is, where another process has it pass. Nothing happens here then.
	Ask func() time.Time
	// Keep writes down what time it is. It is called when a time was reached, and on the way from time to time.
	Keep func(ctx context.Context, now time.Time) error
}

// Outage is a time in which no control plane is there.
type Outage struct{ From, Until time.Time }

// Virtual is the time of a control plane that is simulated. It stands still, but for Advance and for requests that wait for a
// backup, and then whatever is due happens in the order of time: steps, schedules, and what a control plane does that runs by
// itself. It is the clock, the waker, the dispatcher and the sweepers in one, so that the same requests give the same records.
type Virtual struct {
	VirtualConfig
	cp *ControlPlane

	now atomic.Int64 // in milliseconds since 1970

	turn      sync.Mutex // one thing happens at a time
	tidyAt    time.Time
	leftovers map[backup.ID]time.Time

	mu    sync.Mutex
	wakes map[backup.ID]time.Time
}

var (
	_ Clock = (*Virtual)(nil)
	_ Waker = (*Virtual)(nil)
)

// NewVirtual returns a time that stands still at c.Now.
func NewVirtual(c VirtualConfig) *Virtual {
	v := &Virtual{VirtualConfig: c, leftovers: map[backup.ID]time.Time{}, wakes: map[backup.ID]time.Time{}, tidyAt: c.Now}
	v.now.Store(c.Now.UnixMilli())
	return v
}

// Now implements Clock.
func (v *Virtual) Now() time.Time {
	if v.Ask != nil {
		return v.Ask().UTC()
	}
	return time.UnixMilli(v.now.Load()).UTC()
}

// After implements Clock for who waits for news and has no time pass by it: that takes as long as it says.
func (v *Virtual) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Wake implements Waker.
func (v *Virtual) Wake(id backup.ID, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known, ok := v.wakes[id]; !ok || at.Before(known) {
		v.wakes[id] = at
	}
}

// WakeAll implements Waker.
func (v *Virtual) WakeAll(ids []backup.ID) {
	for _, id := range ids {
		v.Wake(id, v.Now())
	}
}

// skip moves the time on; what becomes due by it happens later.
func (v *Virtual) skip(d time.Duration) { v.now.Add(d.Milliseconds()) }

// reach moves the time on to at, never back.
func (v *Virtual) reach(at time.Time) {
	if ms := at.UnixMilli(); ms > v.now.Load() {
		v.now.Store(ms)
	}
}

// Begin takes up what an earlier process left under way, and says that schedules are run.
func (v *Virtual) Begin(ctx context.Context) error {
	v.turn.Lock()
	defer v.turn.Unlock()
	f := BackupFilter{Statuses: []backup.Status{backup.StatusPending, backup.StatusRunning}, Page: Page{Limit: 1000}}
	for {
		page, err := v.cp.Store.Backups(ctx, f)
		if err != nil {
			return err
		}
		for _, b := range page {
			v.Wake(b.ID, b.Work.NextStepAt)
		}
		if len(page) < f.Page.Limit {
			return v.tidy(ctx)
		}
		f.Page.After = string(page[len(page)-1].ID)
	}
}

// Advance has everything happen that is due until then, and returns with the time there. Where ctx ends before, the time stands
// where it is: what was to come is still to come.
func (v *Virtual) Advance(ctx context.Context, until time.Time) error {
	v.turn.Lock()
	defer v.turn.Unlock()
	for ctx.Err() == nil {
		more, err := v.happen(ctx, until)
		if err != nil {
			return err
		}
		if !more {
			v.reach(until)
			break
		}
	}
	return v.settle(context.WithoutCancel(ctx))
}

// until has time pass until there is something to tell, patience is over, or ctx ends.
func (v *Virtual) until(ctx context.Context, patience time.Duration, look func() (bool, error)) error {
	v.turn.Lock()
	defer v.turn.Unlock()
	end := v.Now().Add(patience)
	for {
		if done, err := look(); done || err != nil || !v.Now().Before(end) {
			return cmp.Or(err, v.settle(context.WithoutCancel(ctx)))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		more, err := v.happen(ctx, end)
		if err != nil {
			return err
		}
		if !more {
			v.reach(end)
		}
	}
}

// settle leaves the records as who looks at this time must find them.
func (v *Virtual) settle(ctx context.Context) error {
	now := v.Now()
	if v.back(now).Equal(now) {
		if err := v.cp.Store.Beat(ctx, virtualDispatcher, now); err != nil {
			return err
		}
	}
	return v.Keep(ctx, now)
}

// virtualDispatcher is the name of the only dispatcher there is.
const virtualDispatcher = "dp_simulated"

// tidyEvery is how often what runs by itself and has no time of its own is done.
const tidyEvery = time.Hour

// lookAtLeast is how often a job is looked at, whatever is known of it: one that hangs is to be found.
const lookAtLeast = 5 * time.Minute

// happen has the next thing happen, and reports false if there is none until then. What has begun is done, whoever gives up meanwhile.
func (v *Virtual) happen(ctx context.Context, until time.Time) (bool, error) {
	ctx = context.WithoutCancel(ctx)
	id, step := v.nextStep()
	dispatch, err := v.cp.Store.NextWake(ctx)
	if err != nil {
		return false, err
	}
	at, do := v.tidyAt, v.tidy
	if !dispatch.IsZero() && !dispatch.After(at) {
		at, do = dispatch, v.dispatch
	}
	if id != "" && !step.After(at) { // a place is free before it is wanted
		at, do = step, func(ctx context.Context) error { return v.step(ctx, id) }
	}
	if at = v.back(at); at.After(until) {
		return false, nil
	}
	v.reach(at)
	return true, do(ctx)
}

// back is at, or the end of the outage that at is in.
func (v *Virtual) back(at time.Time) time.Time {
	for _, o := range v.Outages {
		if !at.Before(o.From) && at.Before(o.Until) {
			return o.Until
		}
	}
	return at
}

// nextStep is the step that is due next, of those at the same time that of the oldest backup.
func (v *Virtual) nextStep() (next backup.ID, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, due := range v.wakes {
		if next == "" || due.Before(at) || due.Equal(at) && id < next {
			next, at = id, due
		}
	}
	return next, at
}

// step makes the step of a backup that is due.
func (v *Virtual) step(ctx context.Context, id backup.ID) error {
	v.mu.Lock()
	delete(v.wakes, id)
	v.mu.Unlock()
	next, _, err := v.cp.Step(ctx, id)
	if err != nil {
		v.cp.Log.Error("step failed", "backup", id, "error", err)
	}
	if next.IsZero() {
		return nil
	}
	if quiet := v.QuietUntil(id); quiet.After(next) {
		next = slices.MinFunc([]time.Time{quiet, next.Add(lookAtLeast)}, time.Time.Compare)
	}
	v.Wake(id, next)
	return nil
}

// dispatch decides the due times that have come.
func (v *Virtual) dispatch(ctx context.Context) error {
	pause, err := v.cp.dispatchAll(ctx)
	if pause <= dispatchAtLeast { // something is due still
		v.skip(dispatchAtLeast)
	}
	return err
}

// tidy does what a control plane that runs by itself does again and again.
func (v *Virtual) tidy(ctx context.Context) error {
	v.tidyAt = v.Now().Add(tidyEvery)
	if err := v.cp.beat(ctx, virtualDispatcher, v.Now()); err != nil {
		return err
	}
	v.cp.sweepLeftovers(ctx, v.leftovers)
	return cmp.Or(v.cp.forget(ctx), v.Keep(ctx, v.Now()))
}
