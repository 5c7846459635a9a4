package controlplane

import (
	"context"
	"time"
)

// How often the records that nobody is told of any more are removed, and how many at a time.
const (
	forgetEvery = time.Hour
	forgetBatch = 1000
)

// Forget removes the tombstones of failed backups that were deleted longer ago than FailureRetention, again and again
// until ctx ends. Only a control plane that runs by itself does. Processes that share a database may all do it.
func (c *ControlPlane) Forget(ctx context.Context) {
	for {
		if err := c.forget(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error("removing records of old failures failed", "error", err)
		}
		select {
		case <-c.Clock.After(forgetEvery):
		case <-ctx.Done():
			return
		}
	}
}

// forget removes all that is due, a batch at a time, so that no transaction is long.
func (c *ControlPlane) forget(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := c.Store.ForgetFailures(ctx, c.now().Add(-c.FailureRetention), forgetBatch)
		if n > 0 {
			c.Log.Info("removed the records of failed backups that were deleted long ago", "records", n, "retention", c.FailureRetention)
		}
		if err != nil || n < forgetBatch {
			return err
		}
	}
	return nil
}
