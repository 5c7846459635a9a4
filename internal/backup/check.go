package backup

import "time"

// CheckStatus is the answer of a check.
type CheckStatus string

// The answers.
const (
	CheckOK      CheckStatus = "ok"
	CheckWarning CheckStatus = "warning" // it works, and somebody should know
	CheckFailed  CheckStatus = "failed"
	CheckSkipped CheckStatus = "skipped" // there is no answer yet, or another check stands in its way: see the evidence
)

// Check is one question about a server or a schedule, with its answer and what the answer rests on.
type Check struct {
	Name     string
	Status   CheckStatus
	Evidence string        // what was seen, in sentences
	Code     Code          // of what is wrong; empty where nothing is, and where Failure says it
	Fix      []string      // what to do, in order
	Failure  *Failure      // what failed or warns. What it means is decided by the diagnosis when the check is read
	Took     time.Duration // how long the answer took; zero where it came together with another's
}

// Verdict sums checks up.
type Verdict string

// The verdicts.
const (
	VerdictHealthy   Verdict = "healthy"   // no check failed or warns
	VerdictWarning   Verdict = "warning"   // none failed
	VerdictUnhealthy Verdict = "unhealthy" // one failed, or more
)

// VerdictOf is the worst of the answers.
func VerdictOf(checks []Check) Verdict {
	verdict := VerdictHealthy
	for _, c := range checks {
		switch c.Status {
		case CheckFailed:
			return VerdictUnhealthy
		case CheckWarning:
			verdict = VerdictWarning
		case CheckOK, CheckSkipped:
		}
	}
	return verdict
}
