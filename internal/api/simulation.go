package api

import "time"

// Simulation is how the time of a simulated control plane stands.
type Simulation struct {
	StartedAt      time.Time        `json:"started_at" doc:"When the simulated time began"`
	Now            time.Time        `json:"now" doc:"What time it is"`
	ElapsedSeconds int64            `json:"elapsed_seconds" doc:"How long it has passed since the beginning"`
	Reached        bool             `json:"reached" doc:"False where the time that was asked for is not reached yet: ask for it again"`
	Runs           map[string]int64 `json:"runs" doc:"How many due times of all schedules were completed, failed, unfinished, skipped, missed and caught_up so far"`
}

// AdvanceInput says how far the simulated time is moved on: one of both.
type AdvanceInput struct {
	By      string `json:"by,omitempty" maxLength:"32" doc:"From now, such as 90m, 24h or 7d. Sent twice, it counts twice"`
	Elapsed string `json:"elapsed,omitempty" maxLength:"32" doc:"Since the beginning. A time that is over already changes nothing, so it may be sent again"`
}
