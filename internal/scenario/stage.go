package scenario

import (
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/simulator"
)

// StageStart is when a simulated control plane begins where its scenario says nothing else: always at the same time, so that
// a test shows tomorrow what it shows today. It is a Thursday.
var StageStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stageEnd is the end of the times that are known. Nobody says how long a stage is played on.
var stageEnd = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// Stage reads what happens to the servers of a simulated control plane: an empty text is a scenario in which nothing does. A
// fault must be of one of the classes. What a scenario says for its own simulation alone, such as its length, does not count.
func Stage(raw []byte, classes []diagnosis.Class) (*simulator.Scenario, error) {
	sc, err := Parse(raw, Options{Stage: true, Classes: classes, Horizon: func(start, _ string) (Horizon, error) {
		at := StageStart
		if start != "" {
			var err error
			if at, err = time.Parse(time.RFC3339, start); err != nil {
				return Horizon{}, fmt.Errorf("start: %q is no time in RFC 3339; write 2026-03-08T06:30:00Z", plain(start))
			}
		}
		if at.Year() < 1970 || !at.Before(stageEnd) {
			return Horizon{}, fmt.Errorf("start: %s: times are known from 1970 to 2200 only", at.Format(time.RFC3339))
		}
		return Horizon{Start: at.Unix(), End: stageEnd.Unix()}, nil
	}})
	return sc.Scenario, err
}
