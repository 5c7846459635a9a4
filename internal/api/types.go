package api

import (
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Headers.
const (
	// ControlPlaneHeader carries the id of the control plane that answered; empty while it has no records.
	ControlPlaneHeader = "X-CloudAIPilot-Control-Plane"
	// SimulatedTimeHeader carries what time it is in a simulated control plane, in RFC 3339; others do not send it.
	SimulatedTimeHeader = "X-CloudAIPilot-Simulated-Time"
	// IdempotencyHeader makes the repetition of a POST answer with the first one's result.
	IdempotencyHeader = "Idempotency-Key"
	// LinesType is the type of an answer that is told line by line, each a JSON object.
	LinesType = "application/x-ndjson"
	// ChecksumHeader carries the SHA-256 of an archive, in hex.
	ChecksumHeader = "X-CloudAIPilot-SHA256"
)

// ControlPlane says who answers.
type ControlPlane struct {
	ID        string `json:"id" doc:"Identifier of the control plane; empty while it has no records"`
	Version   string `json:"version" doc:"Version of the program that answers"`
	Simulated bool   `json:"simulated" doc:"Whether its servers and its time are simulated: then its backups are not there"`
}

// Server is a machine that can be backed up.
type Server struct {
	ID                       string `json:"id"`
	Name                     string `json:"name"`
	Host                     string `json:"host"`
	Port                     int    `json:"port"`
	User                     string `json:"user"`
	HostKey                  string `json:"host_key" doc:"Pinned host key: a key line or a SHA256 fingerprint"`
	RecordHostKey            bool   `json:"record_host_key" doc:"Trust and keep the host key of the first contact"`
	RecordedHostKey          string `json:"recorded_host_key" doc:"Host key of the first contact, where it was asked for"`
	BackupDir                string `json:"backup_dir"`
	Privilege                string `json:"privilege" enum:"none,sudo"`
	Environment              string `json:"environment"`
	ConnectTimeoutSeconds    int    `json:"connect_timeout_seconds"`
	KeepaliveIntervalSeconds int    `json:"keepalive_interval_seconds"`
	MaxConcurrentBackups     int    `json:"max_concurrent_backups" doc:"How many are made on the server at a time; the others wait"`

	MaintenanceWindows []backup.Window `json:"maintenance_windows" doc:"Times in which no schedule starts a backup of the server"`

	KeySource string    `json:"key_source" enum:"none,generated,provided"`
	PublicKey string    `json:"public_key" doc:"Line for the login user's authorized_keys"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version" doc:"Counts the changes"`
}

// ServerInput is what a request says about a server. A field left out keeps its value, or its default on create.
type ServerInput struct {
	Name                     *string `json:"name,omitempty"`
	Host                     *string `json:"host,omitempty"`
	Port                     *int    `json:"port,omitempty"`
	User                     *string `json:"user,omitempty"`
	HostKey                  *string `json:"host_key,omitempty"`
	RecordHostKey            *bool   `json:"record_host_key,omitempty"`
	BackupDir                *string `json:"backup_dir,omitempty"`
	Privilege                *string `json:"privilege,omitempty"`
	Environment              *string `json:"environment,omitempty"`
	ConnectTimeoutSeconds    *int    `json:"connect_timeout_seconds,omitempty"`
	KeepaliveIntervalSeconds *int    `json:"keepalive_interval_seconds,omitempty"`
	MaxConcurrentBackups     *int    `json:"max_concurrent_backups,omitempty"`

	MaintenanceWindows *[]backup.Window `json:"maintenance_windows,omitempty" maxItems:"100" doc:"All of them; an empty list removes those there are"`

	PrivateKey  *string `json:"private_key,omitempty" maxLength:"65536" doc:"The user's own private key, PEM; never returned"`
	GenerateKey *bool   `json:"generate_key,omitempty" doc:"true: the control plane makes a pair, unless it made the present one; false: have no key; left out: keep the present one, or make one on create"`

	Version int64    `json:"version,omitempty" doc:"Of the server the change was made from; 0 accepts any"`
	Unknown []string `json:"unknown,omitempty" maxItems:"100" doc:"Only with validate_only: paths of the fields whose values are not known yet"`
}

// ServerTest is what a look at a server showed.
type ServerTest struct {
	Reachable  bool     `json:"reachable" doc:"It let us in, and its host key is the trusted one"`
	HostKey    string   `json:"host_key" doc:"The key it presented; empty where none was seen"`
	FreeBytes  int64    `json:"free_bytes" doc:"Of the backup folder's file system; 0 where total_bytes is 0"`
	TotalBytes int64    `json:"total_bytes" doc:"Of the backup folder's file system; 0: not known"`
	Warnings   []string `json:"warnings"`
	Failure    *Failure `json:"failure,omitempty" doc:"Why a backup would fail; left out where one could begin"`
}

// Backup is one archive of one server.
type Backup struct {
	ID            string             `json:"id"`
	ServerID      string             `json:"server_id"`
	ServerName    string             `json:"server_name"`
	Type          string             `json:"type" enum:"files,database,full,snapshot"`
	Files         backup.FilesSource `json:"files"`
	Databases     []backup.Database  `json:"databases"`
	RetentionDays int                `json:"retention_days"`
	Status        string             `json:"status" enum:"pending,running,completed,failed"`
	Trigger       string             `json:"trigger" enum:"manual,scheduled"`
	ScheduleID    string             `json:"schedule_id,omitempty" doc:"The schedule that asked for it"`
	DueAt         *time.Time         `json:"due_at,omitempty" doc:"The due time that it was made for"`
	RetryOf       string             `json:"retry_of,omitempty" doc:"The failed backup that this one does again"`
	Managed       bool               `json:"managed" doc:"Kept by Terraform"`
	ActivityID    string             `json:"activity_id"`
	CreatedAt     time.Time          `json:"created_at"`
	StartedAt     *time.Time         `json:"started_at,omitempty"`
	FinishedAt    *time.Time         `json:"finished_at,omitempty"`
	ExpiresAt     time.Time          `json:"expires_at"`
	DeletedAt     *time.Time         `json:"deleted_at,omitempty" doc:"Only on a tombstone"`
	DeleteReason  string             `json:"delete_reason,omitempty" doc:"Only on a tombstone: deleted or expired"`
	Path          string             `json:"path" doc:"Of the archive on the server; empty until it is complete"`
	SizeBytes     int64              `json:"size_bytes"`
	SHA256        string             `json:"sha256"`
	Entries       int64              `json:"entries" doc:"Members of the archive"`
	Warnings      []string           `json:"warnings"`
	Progress      Progress           `json:"progress"`
	OnServer      bool               `json:"on_server" doc:"Files of it may lie on its server"`
	Address       string             `json:"address" doc:"Where it was made, host:port, whatever the server's address is by now; empty until something of it may be there"`
	Tries         []Try              `json:"tries" doc:"Those that failed before the present one, or before the last one"`
	Failure       *Failure           `json:"failure,omitempty"`
}

// Try is one that failed and was followed by another.
type Try struct {
	Stage    string    `json:"stage"`
	Class    string    `json:"class"`
	Code     string    `json:"code"`
	Title    string    `json:"title"`
	Text     string    `json:"text" doc:"The error in the words of whoever raised it"`
	FailedAt time.Time `json:"failed_at"`
}

// Recovery is what ends a backup that hangs, and removes what is left of one that is over.
type Recovery struct {
	Backup  Backup           `json:"backup"`
	Actions []RecoveryAction `json:"actions" doc:"In their order; none: there is nothing to recover"`
}

// RecoveryAction is one thing that a recovery does.
type RecoveryAction struct {
	Name   string `json:"name" enum:"end_job,remove_folder,mark_failed,release_place"`
	Text   string `json:"text"`
	Status string `json:"status" enum:"planned,under_way,done,waits" doc:"waits: until the server answers"`
}

// ServerRecovery is what lies in a server's backup folder and belongs to no backup that is kept.
type ServerRecovery struct {
	Server  Server   `json:"server"`
	Orphans []Orphan `json:"orphans" doc:"By the age of their backups; none: there is nothing to remove"`
}

// Orphan is a folder that belongs to no backup that is kept or being made.
type Orphan struct {
	BackupID  string     `json:"backup_id"`
	Path      string     `json:"path"`
	SizeBytes int64      `json:"size_bytes" doc:"That it takes of the disk; -1: not known"`
	ChangedAt *time.Time `json:"changed_at,omitempty" doc:"By the server's clock"`
	Running   bool       `json:"running" doc:"A job is at work in it"`
	Archive   bool       `json:"archive" doc:"A whole archive is in it"`
	Record    string     `json:"record" enum:"failed,deleted,unknown" doc:"What the records say about its backup; unknown: it may be another control plane's"`
	Status    string     `json:"status" enum:"planned,done,waits,told" doc:"told: it stays, for the records do not know it"`
	Text      string     `json:"text" doc:"What it is, and how to remove what stays"`
}

// Force says that something is done although there are reasons not to.
type Force struct {
	Force bool `json:"force,omitempty"`
}

// Progress is how far a backup has come.
type Progress struct {
	Step  string     `json:"step"`
	Bytes int64      `json:"bytes" doc:"Of the archive written so far"`
	At    *time.Time `json:"at,omitempty" doc:"When bytes last grew, by the server's clock"`
	Moved *time.Time `json:"moved_at,omitempty" doc:"When the control plane last saw it come on"`
}

// Failure is why a backup failed, explained when it is read.
type Failure struct {
	Stage      string          `json:"stage" enum:"connect,preflight,archive,verify"`
	Class      string          `json:"class"`
	Code       string          `json:"code"`
	Title      string          `json:"title"`
	Cause      string          `json:"cause"`
	Fix        []string        `json:"fix"`
	References []string        `json:"references"`
	Text       string          `json:"text" doc:"The error in the words of whoever raised it"`
	Retry      string          `json:"retry" enum:"no,once,backoff,after_fix" doc:"Whether it is worth trying again without a change"`
	Confidence float64         `json:"confidence" doc:"0 to 1: how sure the class is"`
	Said       string          `json:"said" doc:"The words that decided the class, shortened, without secrets"`
	ExitStatus int             `json:"exit_status"`
	Signal     int             `json:"signal" doc:"That ended the process, which has no exit status then; 0: none"`
	Attempt    int             `json:"attempt" doc:"Which try failed, from 1 on"`
	FailedAt   time.Time       `json:"failed_at"`
	Evidence   backup.Evidence `json:"evidence"`
}

// LastFailure is the answer to "what failed last".
type LastFailure struct {
	Failed              bool       `json:"failed"`
	Backup              *Backup    `json:"backup,omitempty"`
	Failure             *Failure   `json:"failure,omitempty"`
	Resolved            bool       `json:"resolved" doc:"A good backup of the same type, or a full one, followed"`
	ConsecutiveFailures int        `json:"consecutive_failures" doc:"Since the last good backup"`
	LastSuccessAt       *time.Time `json:"last_success_at,omitempty"`
}

// BackupInput asks for a backup.
type BackupInput struct {
	Type          string              `json:"type"`
	Files         *backup.FilesSource `json:"files,omitempty"`
	Databases     []backup.Database   `json:"databases,omitempty" maxItems:"100"`
	RetentionDays *int                `json:"retention_days,omitempty" doc:"1 to 365; 30 if left out"`
	Managed       bool                `json:"managed,omitempty" doc:"Terraform keeps it"`
	Client        string              `json:"client,omitempty" maxLength:"64" doc:"Names the client that will wait. An unfinished managed backup of the same archive whose client is gone is taken over instead of starting a second one"`
	Unknown       []string            `json:"unknown,omitempty" maxItems:"100" doc:"Only with validate_only: paths of the fields whose values are not known yet"`
}

// Schedule makes backups of a server at the times that a cron expression names.
type Schedule struct {
	UnresolvedFailure string `json:"unresolved_failure,omitempty" doc:"The newest finished backup, if it failed: no good one has followed"`

	ID            string             `json:"id"`
	ServerID      string             `json:"server_id"`
	Name          string             `json:"name" doc:"Unique among the schedules of its server"`
	Type          string             `json:"type" enum:"files,database,full"`
	Files         backup.FilesSource `json:"files"`
	Databases     []backup.Database  `json:"databases"`
	Cron          string             `json:"cron" doc:"Five fields"`
	Timezone      string             `json:"timezone" doc:"IANA name"`
	RetentionDays int                `json:"retention_days"`
	Offsite       *Offsite           `json:"offsite,omitempty"`
	Encrypted     bool               `json:"encrypted"`
	Incremental   bool               `json:"incremental"`
	Paused        bool               `json:"paused"`
	PauseReason   string             `json:"pause_reason,omitempty"`
	PausedUntil   *time.Time         `json:"paused_until,omitempty" doc:"When the pause ends by itself; left out: it does not"`

	Overlap                 string          `json:"overlap" enum:"skip,queue_one,allow" doc:"At a due time while an earlier run goes on: leave it out, let one wait, or start beside it"`
	MissedRuns              string          `json:"missed_runs" enum:"run_latest,skip,run_all" doc:"Due times at which nobody was there: one run for the newest, none, or the newest max_missed_runs"`
	MaxMissedRuns           int             `json:"max_missed_runs" doc:"With missed_runs run_all: how many at most"`
	StartingDeadlineSeconds int             `json:"starting_deadline_seconds" doc:"After a due time, when it must not start any more; 0: none"`
	JitterSeconds           int             `json:"jitter_seconds" doc:"Longest time by which a start is put off, the same for the same due time"`
	BlackoutWindows         []backup.Window `json:"blackout_windows" doc:"Times in which it is not due"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version" doc:"Counts the changes"`
}

// Run is the record of a due time: every due time of a schedule leaves exactly one.
type Run struct {
	DueAt      time.Time  `json:"due_at"`
	Outcome    string     `json:"outcome" enum:"started,skipped,missed,caught_up"`
	Reason     string     `json:"reason,omitempty" doc:"Of skipped: overlap, paused, blackout, maintenance, capacity; of missed: control_plane_down, deadline_passed, server_offline, rescheduled"`
	BackupID   string     `json:"backup_id,omitempty" doc:"The backup that was made, or tried where the server was offline"`
	CaughtUpBy *time.Time `json:"caught_up_by,omitempty" doc:"Of caught_up: the due time whose run did its work"`
	LastAt     *time.Time `json:"last_at,omitempty" doc:"Of a record for several due times: the last of them"`
	Count      int64      `json:"count" doc:"How many due times it tells of: 1, but for the oldest of a long outage"`
	DecidedAt  time.Time  `json:"decided_at"`
}

// Offsite says where archives go besides.
type Offsite struct {
	VaultID string `json:"vault_id" doc:"A storage vault; empty: nowhere"`
}

// ScheduleInput is what a request says about a schedule. A field left out keeps its value, or its default on create.
type ScheduleInput struct {
	ServerID      *string             `json:"server_id,omitempty" doc:"Needed on create; it does not change"`
	Name          *string             `json:"name,omitempty"`
	Type          *string             `json:"type,omitempty"`
	Files         *backup.FilesSource `json:"files,omitempty"`
	Databases     *[]backup.Database  `json:"databases,omitempty" maxItems:"100"`
	Cron          *string             `json:"cron,omitempty"`
	Timezone      *string             `json:"timezone,omitempty" doc:"UTC if left out on create"`
	RetentionDays *int                `json:"retention_days,omitempty" doc:"1 to 365; 30 if left out on create"`
	Offsite       *Offsite            `json:"offsite,omitempty"`
	Encrypted     *bool               `json:"encrypted,omitempty"`
	Incremental   *bool               `json:"incremental,omitempty"`
	Paused        *bool               `json:"paused,omitempty" doc:"false also ends reason and end of a pause"`
	PauseReason   *string             `json:"pause_reason,omitempty"`
	PausedUntil   *time.Time          `json:"paused_until,omitempty" doc:"0001-01-01T00:00:00Z: without end"`

	Overlap                 *string          `json:"overlap,omitempty" doc:"skip, queue_one or allow; skip if left out on create"`
	MissedRuns              *string          `json:"missed_runs,omitempty" doc:"run_latest, skip or run_all; run_latest if left out on create"`
	MaxMissedRuns           *int             `json:"max_missed_runs,omitempty" doc:"1 to 100; 10 if left out on create"`
	StartingDeadlineSeconds *int             `json:"starting_deadline_seconds,omitempty" doc:"60 to 604800, or 0 for none"`
	JitterSeconds           *int             `json:"jitter_seconds,omitempty" doc:"0 to 21600"`
	BlackoutWindows         *[]backup.Window `json:"blackout_windows,omitempty" maxItems:"100" doc:"All of them; an empty list removes those there are"`

	Version int64    `json:"version,omitempty" doc:"Of the schedule the change was made from; 0 accepts any"`
	Unknown []string `json:"unknown,omitempty" maxItems:"1000" doc:"Only with validate_only: paths of the fields whose values are not known yet"`
}

// BackupPatch changes a backup's record; a field left out keeps its value.
type BackupPatch struct {
	RetentionDays *int  `json:"retention_days,omitempty"`
	Managed       *bool `json:"managed,omitempty"`
	Acknowledged  bool  `json:"acknowledged,omitempty" doc:"The client that made it has written down its id: nobody takes it over"`
}

// Deleted is the answer to a deletion.
type Deleted struct {
	Leftover string `json:"leftover" doc:"Why files may remain on the server; empty if none do"`
}

// BackupLog is what is known of how a backup went.
type BackupLog struct {
	Lines  []LogLine `json:"lines" doc:"What the control plane did"`
	Output string    `json:"output" doc:"What the tools on the server said, the last 64 KiB"`
}

// Activity is one entry of the activity log.
type Activity struct {
	ID         string                `json:"id"`
	Type       string                `json:"type"`
	TargetID   string                `json:"target_id"`
	ServerID   string                `json:"server_id"`
	Title      string                `json:"title"`
	Status     string                `json:"status" enum:"queued,running,completed,failed"`
	Steps      []backup.ActivityStep `json:"steps"`
	CreatedAt  time.Time             `json:"created_at"`
	FinishedAt *time.Time            `json:"finished_at,omitempty"`
	Log        []LogLine             `json:"log,omitempty" doc:"Only when one activity is asked for"`
}

// LogLine is one line of an activity's log.
type LogLine struct {
	Seq  int64     `json:"seq" doc:"Number of the line in its log, from 1"`
	At   time.Time `json:"at"`
	Step string    `json:"step"`
	Text string    `json:"text"`
}

// Token lets somebody in over the network. What it is made of is not in here.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Role       string     `json:"role" enum:"viewer,member,admin,owner"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"Left out: never"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"To the minute; left out: never"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
}

// TokenInput asks for a token.
type TokenInput struct {
	Name          string `json:"name"`
	Role          string `json:"role" doc:"viewer, member, admin or owner"`
	ExpiresInDays int    `json:"expires_in_days,omitempty" doc:"1 to 3650; 0 or left out: never"`
}

// NewToken is a token that was just made.
type NewToken struct {
	Token  Token  `json:"token"`
	Secret string `json:"secret" doc:"The token itself, begins with cap_; shown this once"`
}

// List is one page of a list.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Pass as cursor for the next page; left out on the last one"`
}

// Findings is the answer to a request with validate_only.
type Findings struct {
	Findings []backup.Finding `json:"findings"`
}

// Problem is an error, in the form of RFC 9457.
type Problem struct {
	Type      string           `json:"type,omitempty"`
	Title     string           `json:"title"`
	Status    int              `json:"status"`
	Detail    string           `json:"detail,omitempty"`
	Code      backup.Code      `json:"code"`
	Field     string           `json:"field,omitempty" doc:"Path of the field to blame"`
	Fix       string           `json:"fix,omitempty" doc:"What to do about it"`
	Retryable bool             `json:"retryable" doc:"Whether the same request may succeed later"`
	RequestID string           `json:"request_id,omitempty"`
	Findings  []backup.Finding `json:"findings,omitempty" doc:"Everything that was found, the first is the problem itself"`
}

// Error makes a Problem an error.
func (p *Problem) Error() string {
	text := p.Title
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	if p.Fix != "" {
		text += " " + p.Fix
	}
	return text
}

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType names problem details, whatever type the success would have had.
func (p *Problem) ContentType(string) string { return "application/problem+json" }
