package backup

import "time"

// The checks of a preflight, in their order. One that fails may make later ones impossible, which are skipped then.
const (
	PreflightKey       = "key"
	PreflightResolve   = "resolve"
	PreflightConnect   = "connect"
	PreflightHostKey   = "host_key"
	PreflightLogin     = "login"
	PreflightShell     = "shell"
	PreflightTools     = "tools"
	PreflightSudo      = "sudo"
	PreflightSources   = "sources"
	PreflightBackupDir = "backup_dir"
	PreflightSpace     = "space"
	PreflightDatabase  = "database"
	PreflightClock     = "clock"
)

// PreflightChecks are the names of the checks of a preflight, in their order.
var PreflightChecks = []string{PreflightKey, PreflightResolve, PreflightConnect, PreflightHostKey, PreflightLogin, PreflightShell, PreflightTools, PreflightSudo,
	PreflightSources, PreflightBackupDir, PreflightSpace, PreflightDatabase, PreflightClock}

// FirstFailure is what the first failed check failed with; nil where none did.
func FirstFailure(checks []Check) *Failure {
	for _, c := range checks {
		if c.Status == CheckFailed && c.Failure != nil {
			return c.Failure
		}
	}
	return nil
}

// ClockTolerance is how far a server's clock may be from the control plane's without a word.
const ClockTolerance = 5 * time.Second

// ClockOffset is how far a server's clock is ahead of ours, negative where it is behind. The server told its time in whole
// seconds, somewhere between asked and answered: what may be the way there counts as nothing.
func ClockOffset(server, asked, answered time.Time) time.Duration {
	asked = asked.Truncate(time.Second)
	switch {
	case server.Before(asked):
		return server.Sub(asked)
	case server.After(answered):
		return server.Sub(answered)
	}
	return 0
}

// ExpectedSize is what the next archive of a source will hold, judged from the completed ones of the same source, newest
// first: last is the newest's size, and grown is last and what the one before it grew by to become it, where it grew.
// Both are 0 where there is none.
func ExpectedSize(of Spec, newestFirst []Backup) (last, grown int64) {
	var sizes []int64
	for _, b := range newestFirst {
		if b.Status == StatusCompleted && b.SizeBytes > 0 && b.Same(of) {
			sizes = append(sizes, b.SizeBytes)
		}
		if len(sizes) == 2 {
			break
		}
	}
	switch len(sizes) {
	case 0:
		return 0, 0
	case 1:
		return sizes[0], sizes[0]
	}
	return sizes[0], sizes[0] + max(0, sizes[0]-sizes[1])
}

// Room is what the archives of a server hold of its disk, and what a shorter retention would give back.
type Room struct {
	Backups       int   `json:"backups"`
	Bytes         int64 `json:"bytes"`
	RetentionDays int   `json:"retention_days"`
	// FittingDays is the longest retention that makes the missing bytes free, FittingBytes what it frees. Zero: none does,
	// or it is not known how many are missing.
	FittingDays  int   `json:"fitting_days,omitempty"`
	FittingBytes int64 `json:"fitting_bytes,omitempty"`
}

// RoomOf counts the archives that a server holds. missing is what a backup lacks; zero: not known.
func RoomOf(archives []Backup, missing int64, retentionDays int, now time.Time) *Room {
	r := Room{RetentionDays: retentionDays}
	for _, b := range archives {
		if b.holdsSpace() {
			r.Backups++
			r.Bytes += b.SizeBytes
		}
	}
	if r.Backups == 0 {
		return nil
	}
	if missing > 0 {
		r.FittingDays, r.FittingBytes = RetentionThatFits(missing, archives, retentionDays, now)
	}
	return &r
}

func (b Backup) holdsSpace() bool {
	return b.Status == StatusCompleted && b.DeletedAt.IsZero() && b.SizeBytes > 0
}

// RetentionThatFits is the longest retention, shorter than the present one, whose older archives hold the bytes that are
// missing, and how many they hold. The newest archive never counts: it stays whatever the retention. 0 days: there is none.
func RetentionThatFits(missing int64, archives []Backup, retentionDays int, now time.Time) (days int, freed int64) {
	var newest ID
	var at time.Time
	for _, b := range archives {
		if b.holdsSpace() && b.CreatedAt.After(at) {
			newest, at = b.ID, b.CreatedAt
		}
	}
	for days = retentionDays - 1; days >= 1; days-- {
		freed = 0
		for _, b := range archives {
			if b.holdsSpace() && b.ID != newest && !ExpiryOf(b.CreatedAt, days).After(now) {
				freed += b.SizeBytes
			}
		}
		if freed >= missing {
			return days, freed
		}
	}
	return 0, 0
}
