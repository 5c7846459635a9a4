package apiserver

import (
	"context"
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

// advanceFor bounds how long one request has the simulated time move on. Whoever asked for more asks again.
const advanceFor = 20 * time.Second

func (h *handlers) simulation(ctx context.Context, _ *nothing) (*body[api.Simulation], error) {
	s, err := h.plane.Simulation(ctx)
	return answer(simulationOf(s, true), err)
}

func (h *handlers) advance(ctx context.Context, in *body[api.AdvanceInput]) (*body[api.Simulation], error) {
	s, err := h.plane.Simulation(ctx)
	if err != nil {
		return nil, err
	}
	elapsed, err := elapsedOf(in.Body, s)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, advanceFor)
	defer cancel()
	if err := h.plane.AdvanceTo(within, elapsed); err != nil && within.Err() == nil {
		return nil, err
	}
	s, err = h.plane.Simulation(ctx)
	return answer(simulationOf(s, s.Now.Sub(s.Start) >= elapsed), err)
}

// elapsedOf is the time after the beginning that a request asks for.
func elapsedOf(in api.AdvanceInput, s controlplane.Simulation) (time.Duration, error) {
	field, text, from := "by", in.By, s.Now.Sub(s.Start)
	if in.Elapsed != "" {
		field, text, from = "elapsed", in.Elapsed, 0
	}
	if (in.By == "") == (in.Elapsed == "") {
		return 0, badSpan(field, "Give one of by and elapsed.")
	}
	d, err := scenario.ParseSpan(text)
	if err != nil {
		return 0, badSpan(field, err.Error()+".")
	}
	if d > controlplane.MaxElapsed-from {
		return 0, badSpan(field, fmt.Sprintf("%s leads to more than 3650d after the beginning.", text))
	}
	return from + d, nil
}

func badSpan(field, detail string) error {
	return &backup.FindingsError{Findings: []backup.Finding{{Severity: backup.SeverityError, Path: field, Code: backup.CodeInvalidArgument,
		Summary: "The simulated time does not go there", Detail: detail, Fix: "Write how far it is to go: 90m, 24h or 7d."}}}
}

func simulationOf(s controlplane.Simulation, reached bool) api.Simulation {
	out := api.Simulation{StartedAt: s.Start, Now: s.Now, ElapsedSeconds: int64(s.Now.Sub(s.Start) / time.Second), Reached: reached,
		Runs: map[string]int64{"completed": 0, "failed": 0, "unfinished": 0, "skipped": 0, "missed": 0, "caught_up": 0}}
	for _, r := range s.Runs {
		became := string(r.Outcome)
		switch {
		case r.Outcome != backup.RunStarted:
		case r.Status.Finished():
			became = string(r.Status)
		default:
			became = "unfinished"
		}
		out.Runs[became] += r.Count
	}
	return out
}
