package controlplane

import (
	"context"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// NewStepWorker is a worker of another step than the control plane's.
func NewStepWorker(c Clock, step func(backup.ID) time.Time) *Worker {
	w := NewWorker(New(Config{Clock: c}), 4)
	w.step = func(_ context.Context, id backup.ID) (time.Time, bool, error) { return step(id), true, nil }
	return w
}

// ForgetOnce removes what is due to be forgotten.
func (c *ControlPlane) ForgetOnce(ctx context.Context) error { return c.forget(ctx) }

// SweepOnce looks once for what is due, as a sweeper that woke these before.
func (c *ControlPlane) SweepOnce(ctx context.Context, woken map[DueStep]time.Time) error {
	return c.sweep(ctx, woken)
}

// DispatchOnce dispatches what is due now, and returns how long there is nothing to do.
func (c *ControlPlane) DispatchOnce(ctx context.Context) (time.Duration, error) {
	return c.dispatchAll(ctx)
}

// SweepOrphansOnce looks through all servers once.
func (c *ControlPlane) SweepOrphansOnce(ctx context.Context) { c.sweepOrphans(ctx, map[string]bool{}) }

// SweepLeftoversOnce looks once for what backups left on servers.
func (c *ControlPlane) SweepLeftoversOnce(ctx context.Context, tried map[backup.ID]time.Time) {
	c.sweepLeftovers(ctx, tried)
}

// OccupyForecasts has as many forecasts under way as there may be, for good.
func (c *ControlPlane) OccupyForecasts() {
	for range forecastsAtOnce {
		c.forecasts <- struct{}{}
	}
}
