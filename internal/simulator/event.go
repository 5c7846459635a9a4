package simulator

import (
	"math/bits"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scheduler"
)

// Outcome is what became of a due time.
type Outcome uint8

// The outcomes.
const (
	Completed Outcome = iota
	Failed
	Skipped
	Missed
	CaughtUp
	Unfinished // it waits or goes on when the simulation ends
	outcomes
)

var outcomeNames = [outcomes]string{"completed", "failed", "skipped", "missed", "caught_up", "unfinished"}

func (o Outcome) String() string { return outcomeNames[o] }

// Event is what became of one due time. There is exactly one for each.
type Event struct {
	At       int64 // when it was decided; of a run, when it ended
	Schedule int   // index into Scenario.Schedules
	Due      int64
	Outcome  Outcome
	Reason   scheduler.Reason // of Skipped and Missed
	Class    diagnosis.Class  // of Failed; of Completed, why its archive did not reach the vault
	By       int64            // of CaughtUp: the due time whose run does its work
	Begin    int64            // of a run, when its first try began
	Tries    int
	Bytes    int64 // of the archive
}

// mix folds a number into a hash.
func mix(h, n uint64) uint64 {
	high, low := bits.Mul64(h^n, 0x9e3779b97f4a7c15)
	return high ^ low ^ n
}
