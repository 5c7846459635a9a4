package controlplane

import (
	"context"
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
	for {
		due, err := c.Store.Due(ctx, c.now(), sweepBatch)
		if err != nil && ctx.Err() == nil {
			c.Log.Error("looking for due steps failed", "error", err)
		}
		for _, id := range due {
			c.waker.Wake(id, c.now())
		}
		select {
		case <-c.Clock.After(sweepEvery):
		case <-ctx.Done():
			return
		}
	}
}
