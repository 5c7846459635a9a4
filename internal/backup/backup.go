package backup

import (
	"slices"
	"time"
)

// Type says what a backup holds [KB 05-01].
type Type string

// The types of the panel.
const (
	TypeFiles    Type = "files"
	TypeDatabase Type = "database"
	TypeFull     Type = "full"     // files and databases
	TypeSnapshot Type = "snapshot" // a disk image made by the cloud provider
)

// Status is where a backup stands: pending -> running -> completed | failed [KB 05-03].
type Status string

// The statuses.
const (
	StatusPending   Status = "pending"
	StatusRunning   Status = "running"
	StatusCompleted Status = "completed"
	StatusFailed    Status = "failed"
)

// Statuses lists all of them, in the order of a backup's life.
var Statuses = []Status{StatusPending, StatusRunning, StatusCompleted, StatusFailed}

var nextStatuses = map[Status][]Status{
	StatusPending: {StatusRunning, StatusFailed},
	StatusRunning: {StatusCompleted, StatusFailed},
}

// CanBecome reports whether next may follow s.
func (s Status) CanBecome(next Status) bool { return slices.Contains(nextStatuses[s], next) }

// Finished reports whether nothing more will happen to the archive.
func (s Status) Finished() bool { return s == StatusCompleted || s == StatusFailed }

// Trigger says who asked for a backup [KB 05-10].
type Trigger string

// The triggers.
const (
	TriggerManual    Trigger = "manual"
	TriggerScheduled Trigger = "scheduled"
)

// Bounds and default of a retention in days [KB 05-09].
const (
	MinRetentionDays     = 1
	MaxRetentionDays     = 365
	DefaultRetentionDays = 30
)

// FilesSource is what a files backup takes in.
type FilesSource struct {
	Include []string `json:"include"`           // absolute paths
	Exclude []string `json:"exclude,omitempty"` // tar's patterns: unanchored, * also matches /
}

// Spec is what a person says about a backup.
type Spec struct {
	ServerID      ServerID
	Type          Type
	Files         FilesSource
	Databases     []Database
	RetentionDays int
}

// Same reports whether two specifications ask for the same archive.
func (s Spec) Same(o Spec) bool {
	return s.ServerID == o.ServerID && s.Type == o.Type &&
		slices.Equal(s.Files.Include, o.Files.Include) && slices.Equal(s.Files.Exclude, o.Files.Exclude) &&
		slices.Equal(s.Databases, o.Databases)
}

// Backup is one archive of one server, from the wish for it to its tombstone.
type Backup struct {
	ID ID
	Spec
	ServerName string
	Dir        string // the server's backup_dir when the backup was made
	Address    string // host:port that it was made on, once something of it may be there; empty also on records of long ago
	Status     Status
	Trigger    Trigger
	RetryOf    ID         // the failed backup that this one does again, empty for none
	ScheduleID ScheduleID // of the schedule that asked for it; empty where a person did
	DueAt      time.Time  // the due time it was made for
	Managed    bool       // kept by Terraform: refreshed, and its disappearance is drift
	Activity   ActivityID

	CreatedAt, StartedAt, FinishedAt time.Time
	ExpiresAt                        time.Time
	DeletedAt                        time.Time // zero while it exists
	DeleteReason                     DeleteReason

	OnServer  bool   // files of this backup may lie on the server
	Path      string // of the archive on the server, once it is complete
	SizeBytes int64
	SHA256    string // of the archive, in hex
	Entries   int64  // members of the archive
	Warnings  []string
	Failure   *Failure
	Tries     []Failure // the tries that failed before, without what the tools said
	Output    string    // what the tools on the server said, its last 64 KiB

	Work     Work
	Job      Job
	Progress Progress
}

// DeleteReason says why a backup is gone; its record stays as a tombstone.
type DeleteReason string

// The reasons.
const (
	DeletedByRequest DeleteReason = "deleted"
	DeletedByExpiry  DeleteReason = "expired"
)

// Work is the state of the queue on a backup's row.
type Work struct {
	Step            Step
	NextStepAt      time.Time // zero: nothing to do
	LeaseUntil      time.Time // somebody is at it until then
	Attempt         int64     // fences writers: who holds an older number may not write
	CancelAt        time.Time // when cancelling was asked for, zero if it was not
	UnreachableFrom time.Time // since when the server could not be asked, zero while it answers
	Holder          string    // the client that waits for this backup
	HeldUntil       time.Time // until when that client counts as alive
	MovedAt         time.Time // when the job was last seen to have come on
	Placed          bool      // it has a place among the backups that are made on its server at a time
}

// Step names what is done next to a backup.
type Step string

// The steps, in their usual order. StepClean follows a failure, StepNone is the end.
const (
	StepQueue     Step = "queue"
	StepPreflight Step = "preflight"
	StepStart     Step = "start"
	StepWatch     Step = "watch"
	StepClean     Step = "clean"
	StepNone      Step = ""
)

// Job identifies the process that makes the archive. A process id alone is not enough: ids are reused
// within a boot and across boots.
type Job struct {
	PID       int    `json:"pid"`
	StartTime int64  `json:"start_time"` // clock ticks after boot, field 22 of /proc/PID/stat
	BootID    string `json:"boot_id"`
}

// Progress is how far the job has come.
type Progress struct {
	Step  string    `json:"step,omitempty"`
	Bytes int64     `json:"bytes,omitempty"` // of the archive written so far
	At    time.Time `json:"at,omitzero"`     // when Bytes last grew, by the server's clock
}

// Live reports whether the record is still there.
func (b Backup) Live() bool { return b.DeletedAt.IsZero() }

// ExpiryOf returns when a backup expires: created_at plus the retention [KB 05-09].
func ExpiryOf(created time.Time, retentionDays int) time.Time {
	return created.AddDate(0, 0, retentionDays)
}

// ArchiveName is the file name of an archive in its backup's folder.
const ArchiveName = "archive.tar.gz"

// ArchivePath returns where a backup's archive lies on its server.
func ArchivePath(backupDir string, id ID) string {
	return backupDir + "/" + string(id) + "/" + ArchiveName
}

// Result is how a job ended on the server.
type Result struct {
	Failure   *Failure // nil: the archive is complete and was checked
	SizeBytes int64
	SHA256    string
	Entries   int64
	Warnings  []string
}

// ProcessState says what became of the process that makes an archive.
type ProcessState string

// The states. Empty: nobody could look.
const (
	ProcessLives      ProcessState = "lives"
	ProcessGone       ProcessState = "gone"        // it ended in the boot that it was started in
	ProcessFormerBoot ProcessState = "former_boot" // the server was restarted since, and it went with that
)

// Observation is what a look at a job on the server showed.
type Observation struct {
	Job      Job
	Alive    bool // this very process still runs
	NoFolder bool // nothing of the backup is there: no job was started, or somebody removed its folder
	Progress Progress
	Result   *Result // nil while there is none
	Output   string  // what the tools said so far, its last 64 KiB
	Evidence Evidence
	BootID   string // of the server now; empty where it does not say
	// FirstStart is when the server's first process began, counted as a job's start time; 0 where it does not say. A container that is
	// restarted has the same boot id, and another first process.
	FirstStart int64
}

// ProcessOf says what became of a job.
func (o Observation) ProcessOf(job Job) ProcessState {
	switch {
	case o.Alive:
		return ProcessLives
	case job.BootID != "" && o.BootID != "" && (job.BootID != o.BootID || job.StartTime < o.FirstStart):
		return ProcessFormerBoot
	default:
		return ProcessGone
	}
}
