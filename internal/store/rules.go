package store

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// sha256Pattern is a digest as a server prints it.
var sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// backupRules hold for every backup's record. Each says what is wrong, "" if nothing is.
var backupRules = []func(backup.Backup) string{
	func(b backup.Backup) string {
		if _, err := backup.ParseID(string(b.ID)); err != nil {
			return err.Error()
		}
		return ""
	},
	func(b backup.Backup) string {
		if !slices.Contains(backup.Statuses, b.Status) {
			return fmt.Sprintf("its status %q is none", b.Status)
		}
		return ""
	},
	func(b backup.Backup) string {
		if b.Work.Step != backup.StepNone && !slices.Contains(knownSteps(), b.Work.Step) {
			return fmt.Sprintf("its step %q is none", b.Work.Step)
		}
		return ""
	},
	func(b backup.Backup) string {
		idle := b.Work.Step == backup.StepNone && b.Work.NextStepAt.IsZero()
		working := b.Work.Step != backup.StepNone && !b.Work.NextStepAt.IsZero()
		switch {
		case b.Status.Finished() && !idle:
			return fmt.Sprintf("it is %s, and something is still to be done to it", b.Status)
		case !b.Status.Finished() && !working:
			return fmt.Sprintf("it is %s, and nothing is to be done to it: it would stay so for ever", b.Status)
		case b.Status.Finished() == b.FinishedAt.IsZero():
			return fmt.Sprintf("it is %s, which does not go with when it finished", b.Status)
		}
		return ""
	},
	func(b backup.Backup) string {
		if b.Status != backup.StatusCompleted {
			return ""
		}
		var missing []string
		if b.SizeBytes <= 0 {
			missing = append(missing, "size")
		}
		if !sha256Pattern.MatchString(b.SHA256) {
			missing = append(missing, "SHA-256")
		}
		if b.Path == "" {
			missing = append(missing, "path")
		}
		if missing == nil {
			return ""
		}
		return "it is completed, and has no " + strings.Join(missing, ", no ")
	},
}

// knownSteps are all that the control plane knows.
func knownSteps() (all []backup.Step) {
	for _, boundary := range controlplane.Boundaries() {
		step, _, _ := strings.Cut(boundary, ":")
		all = append(all, backup.Step(step))
	}
	return all
}
