package diagnosis

import (
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// pauses are those between the tries of a backup. Somebody waits for one that was asked for; nobody does for one that a schedule
// made, and a server that is restarted needs some minutes.
var pauses = map[backup.Trigger][]time.Duration{
	backup.TriggerManual:    {3 * time.Second, 10 * time.Second},
	backup.TriggerScheduled: {30 * time.Second, 2 * time.Minute, 10 * time.Minute},
}

// PauseAfter returns after what pause a backup is tried again that failed of a class for the tries-th time, 1 to begin with; false
// where it is not. A tenth of the pause more or less is up to chance, a number as good as random, so that those that
// failed together do not come back together.
func PauseAfter(class Class, trigger backup.Trigger, tries int, chance uint64) (time.Duration, bool) {
	all := pauses[trigger]
	if RetryOf(class) == RetryOnce {
		all = all[:min(len(all), 1)]
	} else if RetryOf(class) != RetryBackoff {
		return 0, false
	}
	if tries < 1 || tries > len(all) {
		return 0, false
	}
	pause := all[tries-1]
	return pause - pause/10 + time.Duration(chance%uint64(pause/5)), true //nolint:gosec // pauses are positive
}
