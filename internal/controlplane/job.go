package controlplane

import (
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// stuck is the failure of a job that lives and does not come on.
func stuck(b backup.Backup, seen backup.Observation, now time.Time) *backup.Failure {
	f := seenFailing(b, seen)
	f.Fact = backup.FactJobStuck
	f.Text = fmt.Sprintf("process %d lives and made no progress for %s; %s", b.Job.PID, now.Sub(b.Work.MovedAt).Round(time.Second), lastStep(seen.Progress))
	return f
}

// vanished is the failure of a job that is not at work any more and left no result. What was there before the server was restarted,
// or before somebody removed it, is known from the last look.
func vanished(b backup.Backup, seen backup.Observation) *backup.Failure {
	f, last := seenFailing(b, seen), seen.Progress
	if seen.NoFolder {
		last, f.Output = b.Progress, b.Output
	}
	switch f.Evidence.Process {
	case backup.ProcessFormerBoot:
		f.Fact = backup.FactServerRestarted
		f.Text = fmt.Sprintf("process %d belongs to a former boot of the server, which was started again%s, and went with it", b.Job.PID, byItsClock(" at ", f.Evidence.BootedAt))
	case backup.ProcessLives:
		f.Fact = backup.FactJobFolderGone
		f.Text = fmt.Sprintf("process %d lives, but somebody removed %s/%s while it was at work", b.Job.PID, b.Dir, b.ID)
	default:
		f.Fact = backup.FactJobGone
		f.Text = fmt.Sprintf("process %d is gone, and the server was not restarted%s", b.Job.PID, byItsClock(": it is up since ", f.Evidence.BootedAt))
	}
	f.Text += "; " + lastStep(last)
	return f
}

// seenFailing is a failure of the job on the server, with what was seen there.
func seenFailing(b backup.Backup, seen backup.Observation) *backup.Failure {
	f := &backup.Failure{Stage: backup.StageArchive, Output: seen.Output, Evidence: seen.Evidence}
	f.Evidence.Process = seen.ProcessOf(b.Job)
	return f
}

func lastStep(p backup.Progress) string {
	if p.Step == "" {
		return "it had not said what it was about"
	}
	return fmt.Sprintf("its last step was %q with %d bytes done", p.Step, p.Bytes)
}

// byItsClock is a time of the server's own clock behind some words; nothing where it is not known.
func byItsClock(words string, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return words + at.Format(time.RFC3339) + " by its clock"
}
