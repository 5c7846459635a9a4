package backup

import (
	"fmt"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// DefaultTimezone is where a schedule's times are meant that names no place.
const DefaultTimezone = "UTC"

// ScheduleSpec is what a person says about a schedule.
type ScheduleSpec struct {
	Name string // unique among the schedules of its server
	Spec        // of the backups it makes

	Cron     string // five fields
	Timezone string // IANA name
	Paused   bool
	// PauseReason and PausedUntil say why, and until when, a paused schedule is. PausedUntil zero: until it is resumed.
	PauseReason string
	PausedUntil time.Time

	SchedulePolicy

	VaultID     string // where archives go besides; empty: nowhere
	Encrypted   bool
	Incremental bool
}

// DefaultScheduleSpec returns the settings a person need not name.
func DefaultScheduleSpec() ScheduleSpec {
	return ScheduleSpec{Spec: Spec{RetentionDays: DefaultRetentionDays}, Timezone: DefaultTimezone, SchedulePolicy: DefaultSchedulePolicy()}
}

// Schedule makes backups of a server at the times that a cron expression names.
type Schedule struct {
	ID ScheduleID
	ScheduleSpec

	CreatedAt, UpdatedAt time.Time
	DeletedAt            time.Time // zero while it exists
	Version              int64     // counts updates, for optimistic concurrency

	Timing Timing

	// UnresolvedFailure is the newest finished backup of the schedule, if it failed: no good one has followed. Empty for none.
	UnresolvedFailure ID
}

// Timing is how far a schedule's due times are decided. The dispatcher keeps it.
type Timing struct {
	DecidedUntil time.Time   // every due time up to it is in the ledger, or owed. Zero: the first dispatcher begins
	Owed         []time.Time // due times whose start waits
	Back         time.Time   // when missed due times were last found
	WakeAt       time.Time   // when there is something to decide; zero: never
	Turn         int64       // fences writers: who read an older number may not write
}

// PausedAt reports whether the schedule is paused at a time.
func (s ScheduleSpec) PausedAt(t time.Time) bool {
	return s.Paused && (s.PausedUntil.IsZero() || t.Before(s.PausedUntil))
}

// ScheduleRules are the rules one schedule's settings must keep, by themselves, beside the Rules for its backups.
var ScheduleRules = append(settingsRules, policyRules...)

var settingsRules = []Rule[ScheduleSpec]{
	{[]string{"name"}, func(s ScheduleSpec) []Finding {
		if namePattern.MatchString(s.Name) {
			return nil
		}
		return invalid("name", "Invalid schedule name",
			fmt.Sprintf("%q is not a schedule name: 1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit.", Excerpt(s.Name, 80)),
			"Choose a name such as nightly.")
	}},
	{[]string{"cron"}, func(s ScheduleSpec) []Finding {
		_, err := cron.Parse(s.Cron, "server/"+s.Name) // whatever H becomes, it becomes something
		if err == nil {
			return nil
		}
		return invalid("cron", "Invalid cron expression", sentence(err.Error()), "")
	}},
	{[]string{"timezone"}, func(s ScheduleSpec) []Finding {
		_, err := cron.LoadZone(s.Timezone)
		if err == nil {
			return nil
		}
		return invalid("timezone", "Invalid time zone", sentence(err.Error()), "Name one as the IANA zone database does, such as Europe/Berlin.")
	}},
	{[]string{"cron", "timezone", "retention_days"}, checkRetentionGap},
	{[]string{"offsite.vault_id"}, func(s ScheduleSpec) []Finding {
		if s.VaultID == "" {
			return nil
		}
		return []Finding{{SeverityError, "offsite.vault_id", CodeInvalidConfig, "The storage vault does not exist",
			fmt.Sprintf("There is no storage vault %q: this version keeps none.", Excerpt(s.VaultID, 64)), "Remove offsite."}}
	}},
	{[]string{"encrypted"}, func(s ScheduleSpec) []Finding { return notYet("encrypted", s.Encrypted, "encrypts no archives") }},
	{[]string{"incremental"}, func(s ScheduleSpec) []Finding {
		return notYet("incremental", s.Incremental, "makes whole archives only")
	}},
}

// notYet refuses what is a promise that this version could not keep.
func notYet(field string, asked bool, instead string) []Finding {
	if !asked {
		return nil
	}
	return invalid(field, "Not possible with this version", fmt.Sprintf("%s is true, and this version %s.", field, instead), "Remove "+field+".")
}

// CheckSchedule returns what the settings of a schedule alone decide.
func CheckSchedule(s ScheduleSpec, unknown Paths) []Finding {
	return append(Validate(ScheduleRules, s, unknown), Validate(Rules, s.Spec, unknown)...)
}
