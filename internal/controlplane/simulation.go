package controlplane

import (
	"context"
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// MaxElapsed bounds how far a simulated time is moved on from its beginning.
const MaxElapsed = 3650 * 24 * time.Hour

// Simulation is how a simulated time stands, and what became of the due times up to it.
type Simulation struct {
	Start, Now time.Time
	Runs       []RunCount
}

// Simulation tells how the simulated time stands.
func (c *ControlPlane) Simulation(ctx context.Context) (Simulation, error) {
	if c.Virtual == nil {
		return Simulation{}, notSimulated()
	}
	s := Simulation{Start: c.Virtual.Start, Now: c.now()}
	var err error
	s.Runs, err = c.Store.CountRuns(ctx, time.Time{}, s.Now)
	return s, err
}

// AdvanceTo has the simulated time come to so long after its beginning, and everything happen that is due on the way. A time that is
// over already changes nothing: who says it twice means the same. Where ctx ends before, the time stands where it is.
func (c *ControlPlane) AdvanceTo(ctx context.Context, elapsed time.Duration) error {
	if c.Virtual == nil {
		return notSimulated()
	}
	if elapsed < 0 || elapsed > MaxElapsed {
		return refuse(backup.CodeInvalidArgument, "elapsed", "The simulated time does not go there",
			fmt.Sprintf("%s is not from 0s to 3650d after the beginning.", elapsed), "Name a time such as 24h or 7d.")
	}
	return c.Virtual.Advance(ctx, c.Virtual.Start.Add(elapsed))
}

func notSimulated() error {
	return refuse(backup.CodeNotSimulated, "", "This control plane is not simulated", "Its servers are real, and so is its time, which passes by itself.",
		"Simulate one: cloudaipilot serve --simulate, or simulate = true in the provider block.")
}
