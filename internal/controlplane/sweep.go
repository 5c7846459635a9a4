package controlplane

import (
	"context"
	"maps"
	"time"
)

// How often, and how many at a time, a sweep looks for steps that are due.
const (
	sweepEvery = 10 * time.Second
	sweepBatch = 1000
)

// Sweep wakes every backup whose step is due, again and again until ctx ends: a wake-up that was lost, with the
// process that was to make it, loses nothing. Only a control plane that runs by itself sweeps; an embedded one looks
// after nothing but what its own apply asks for.
func (c *ControlPlane) Sweep(ctx context.Context) {
	woken := map[DueStep]time.Time{}
	for {
		if err := c.sweep(ctx, woken); err != nil && ctx.Err() == nil {
			c.Log.Error("looking for due steps failed", "error", err)
		}
		select {
		case <-c.Clock.After(sweepEvery):
		case <-ctx.Done():
			return
		}
	}
}

// sweep looks once. Where more is due than can be done, a wake-up stands in line, and must not get company at every
// look: only what was begun since, or was woken long ago, is woken again.
func (c *ControlPlane) sweep(ctx context.Context, woken map[DueStep]time.Time) error {
	now := c.now()
	maps.DeleteFunc(woken, func(_ DueStep, at time.Time) bool { return now.Sub(at) >= leaseFor })
	due, err := c.Store.Due(ctx, "", now, sweepBatch)
	for _, d := range due {
		if _, ok := woken[d]; !ok {
			woken[d] = now
			c.waker.Wake(d.ID, now)
		}
	}
	return err
}
