package scheduler

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

// Outcome is what becomes of a due time.
type Outcome uint8

// The outcomes.
const (
	Start    Outcome = iota + 1 // a run starts for it
	Skip                        // it is left out on purpose
	Miss                        // it should have run, and will not
	CaughtUp                    // the run for another due time does its work
)

// Reason says why a due time was skipped or missed.
type Reason uint8

// The reasons. The ledger knows one more, that the server was offline: it shows only when a run is tried.
const (
	None             Reason = iota
	Overlapped              // skipped: an earlier run went on
	Paused                  // skipped: the schedule was paused
	Blackout                // skipped: it fell into a window of the schedule
	Maintenance             // skipped: it fell into a window of the server
	Capacity                // skipped: its server had no place before its deadline
	ControlPlaneDown        // missed: nobody was there to start it
	DeadlinePassed          // missed: it could have been started only after its deadline
	Changed                 // missed: the schedule's times were changed before it started
)

// The ledger's words, by number.
var (
	outcomes = [...]backup.RunOutcome{Start: backup.RunStarted, Skip: backup.RunSkipped, Miss: backup.RunMissed, CaughtUp: backup.RunCaughtUp}
	reasons  = [...]backup.RunReason{None: "", Overlapped: backup.RunOverlap, Paused: backup.RunPaused, Blackout: backup.RunBlackout,
		Maintenance: backup.RunMaintenance, Capacity: backup.RunCapacity, ControlPlaneDown: backup.RunControlPlaneDown,
		DeadlinePassed: backup.RunDeadlinePassed, Changed: backup.RunRescheduled}
)

// Word is what the ledger calls it.
func (o Outcome) Word() backup.RunOutcome { return outcomes[o] }

// Word is what the ledger calls it, empty for None.
func (r Reason) Word() backup.RunReason { return reasons[r] }

// Decision is what becomes of one due time. Each gets exactly one; but of an outage that lasted longer than anybody
// wants to read, one decision covers the first Count due times, from Due to Last.
type Decision struct {
	Due     int64
	Outcome Outcome
	Reason  Reason
	By      int64 // of CaughtUp: the due time whose run does its work
	Last    int64 // of a decision for several
	Count   int64 // how many due times it covers; 0 is one
}
