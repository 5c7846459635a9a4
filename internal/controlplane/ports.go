package controlplane

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Errors that a store returns and a caller decides on.
var (
	ErrNotFound  = errors.New("not found")
	ErrNameTaken = errors.New("the name is taken")
	ErrConflict  = errors.New("somebody else changed it in between")
	ErrLeaseLost = errors.New("another worker took over")
	ErrDiskFull  = errors.New("the disk that holds the records is full")
)

// Idempotency makes the repetition of a create answer with the first one's result. The zero value asks for none.
type Idempotency struct {
	Key    string
	Digest string // of the request; the same key with another request is an error
}

// Used is what an idempotency key was used for before.
type Used struct {
	Digest     string
	ResourceID string
}

// Page bounds a list. Items come in the order of their creation.
type Page struct {
	After string // the id behind which the page begins; empty for the first page
	Limit int
}

// BackupFilter selects backups. Its zero value selects all live ones.
type BackupFilter struct {
	IDs      []backup.ID
	ServerID backup.ServerID
	// ScheduleID selects those that a schedule made.
	ScheduleID backup.ScheduleID
	Statuses   []backup.Status
	Types      []backup.Type
	Managed    *bool
	Newest     bool // newest first instead of oldest first
	Page       Page
}

// RunFilter selects records of a schedule's due times, newest first.
type RunFilter struct {
	ScheduleID backup.ScheduleID
	Before     time.Time // only those that were due before; zero: all
	Limit      int
}

// DueSchedule is a schedule whose wake has come, with what a decision depends on besides.
type DueSchedule struct {
	backup.Schedule
	Server     backup.Server
	Running    int // backups of the schedule that are not finished
	Unfinished int // of the server, whoever asked for them, that have a place there or wait for one
}

// Dispatched is what was decided about schedules. All of it is written together.
type Dispatched struct {
	Schedules  []backup.Schedule // whose timing is written, their turn as it was read
	Runs       []backup.Run
	Backups    []backup.Backup
	Activities []backup.Activity
}

// LateRun is a run whose backup has not begun for long.
type LateRun struct {
	backup.Run
	ServerID   backup.ServerID
	ServerName string
	Schedule   string
}

// ScheduleFilter selects schedules. Its zero value selects all that exist.
type ScheduleFilter struct {
	ServerID backup.ServerID
	Name     string
	Page     Page
}

// ActivityFilter selects activities, newest first.
type ActivityFilter struct {
	TargetID string
	ServerID backup.ServerID
	Page     Page
}

// ActivityNote is what a step adds to its backup's activity.
type ActivityNote struct {
	Activity backup.Activity // steps, status and finish are written
	Lines    []backup.LogLine
}

// DueStep is a backup whose step is due.
type DueStep struct {
	ID      backup.ID
	Attempt int64 // of the last step that was begun
}

// Overview is how the records stand at a time.
type Overview struct {
	Backups    []BackupCount    // of live ones, one for each status and type that there is
	Servers    []ServerStanding // the registered ones, by name
	Unfinished int              // backups that somebody has to look after
	Due        int              // backups whose step is due and whom nobody is at
	DueSince   time.Time        // when the step of the longest overdue one was due, zero where none is
	Schedules  []ScheduleStanding
	Dispatched time.Time // when a dispatcher last lived, zero where none ever did
}

// BackupCount counts the live backups of a status and a type.
type BackupCount struct {
	Status backup.Status
	Type   backup.Type
	Count  int
}

// ServerStanding is how a server stands.
type ServerStanding struct {
	Name        string
	CreatedAt   time.Time
	LastSuccess time.Time // when the newest completed backup finished, even if it is deleted since; zero where none did
	Bytes       int64     // of the archives of its live completed backups
}

// ScheduleStanding is how a schedule stands.
type ScheduleStanding struct {
	Server, Name string
	Paused       bool
	CreatedAt    time.Time
	LastSuccess  time.Time // when the newest completed backup that it asked for finished, zero where none did
}

// RunCount counts due times of which the same became.
type RunCount struct {
	Outcome backup.RunOutcome
	Status  backup.Status // of the backup that was made for them; empty: none was
	Count   int64
}

// Store keeps the records. Every method is one transaction.
type Store interface {
	ID(ctx context.Context) (string, error)

	InsertServer(ctx context.Context, s backup.Server, a backup.Activity, once Idempotency) error
	// UpdateServer writes s where the stored version is s.Version-1, else ErrConflict.
	UpdateServer(ctx context.Context, s backup.Server, a backup.Activity) error
	// RecordHostKey keeps the key of the first contact with the server of that version, and raises the version. It
	// is ErrNotFound where the server was changed since, or a key is kept already.
	RecordHostKey(ctx context.Context, id backup.ServerID, version int64, key string) error
	// Server also returns a deleted server.
	Server(ctx context.Context, id backup.ServerID) (backup.Server, error)
	ServerByName(ctx context.Context, name string) (backup.Server, error)
	Servers(ctx context.Context, page Page) ([]backup.Server, error)

	InsertSchedule(ctx context.Context, s backup.Schedule, a backup.Activity, once Idempotency) error
	// UpdateSchedule writes s and records of due times where the stored version is s.Version-1 and the turn
	// s.Timing.Turn, else ErrConflict. The turn becomes the next.
	UpdateSchedule(ctx context.Context, s backup.Schedule, a backup.Activity, runs ...backup.Run) error
	// Schedule also returns a deleted schedule.
	Schedule(ctx context.Context, id backup.ScheduleID) (backup.Schedule, error)
	Schedules(ctx context.Context, f ScheduleFilter) ([]backup.Schedule, error)
	// Runs returns records of due times, newest first.
	Runs(ctx context.Context, f RunFilter) ([]backup.Run, error)

	// CountRuns counts the records of all due times after one time and up to another.
	CountRuns(ctx context.Context, after, until time.Time) ([]RunCount, error)

	// Dispatch takes schedules whose wake has come, at most most, those longest due first, which nobody else takes
	// meanwhile, and writes what decide makes of them, all in one transaction. It returns how many it took. decide may be
	// called again where the database went away.
	Dispatch(ctx context.Context, now time.Time, most int, decide func([]DueSchedule) Dispatched) (int, error)
	// NextWake returns the earliest wake of all schedules, zero where none has any.
	NextWake(ctx context.Context) (time.Time, error)
	// WakeSchedules makes the schedules of a server be looked at.
	WakeSchedules(ctx context.Context, server backup.ServerID, at time.Time) error
	// TellLate writes an activity for each run due before a time whose backup is still pending, once.
	TellLate(ctx context.Context, before time.Time, tell func(LateRun) backup.Activity) error
	// Beat notes that a dispatcher lives.
	Beat(ctx context.Context, dispatcher string, now time.Time) error
	// LastBeat returns when a dispatcher last lived, zero where none ever did.
	LastBeat(ctx context.Context) (time.Time, error)

	InsertBackup(ctx context.Context, b backup.Backup, a backup.Activity, once Idempotency) error
	// Backup also returns a tombstone.
	Backup(ctx context.Context, id backup.ID) (backup.Backup, error)
	Backups(ctx context.Context, f BackupFilter) ([]backup.Backup, error)
	// LastFailed returns the newest failed backup of a server, with a schedule the newest that it asked for, tombstones
	// included, or ErrNotFound.
	LastFailed(ctx context.Context, server backup.ServerID, schedule backup.ScheduleID) (backup.Backup, error)
	// Outcomes returns when the newest completed backup of a server ended, zero if there is none, and how many failed
	// since, tombstones included. No types are all, and with a schedule only what it asked for counts.
	Outcomes(ctx context.Context, server backup.ServerID, schedule backup.ScheduleID, types []backup.Type) (completed time.Time, failed int, err error)
	SetRetention(ctx context.Context, id backup.ID, days int, expires time.Time) error
	SetManaged(ctx context.Context, id backup.ID, managed bool) error
	RequestCancel(ctx context.Context, id backup.ID, now time.Time) error
	// ForgetFailures removes tombstones of failed backups that were buried before then, at most most, and returns how
	// many. One whose files may remain on its server is kept.
	ForgetFailures(ctx context.Context, before time.Time, most int) (int, error)
	// Unresolved returns, by schedule, the newest finished backup where that failed, deleted ones included.
	Unresolved(ctx context.Context) (map[backup.ScheduleID]backup.ID, error)
	// Recover has an unfinished backup fail with f at now, and what is left of it removed. Who is at it loses its lease.
	Recover(ctx context.Context, id backup.ID, f backup.Failure, now time.Time) error
	// Leftovers returns backups of a server, or with "" of all, that are over, failed or deleted, and of which files may lie there.
	Leftovers(ctx context.Context, server backup.ServerID, after backup.ID, most int) ([]backup.Backup, error)
	// FilesGone notes that nothing of a finished backup is on its server any more.
	FilesGone(ctx context.Context, id backup.ID, a backup.Activity) error
	// BuryBackup turns a finished backup into a tombstone.
	BuryBackup(ctx context.Context, b backup.Backup, a backup.Activity) error
	// Hold notes that client waits for the backup until then. An empty client ends every hold: nobody may adopt it.
	Hold(ctx context.Context, id backup.ID, client string, until time.Time) error
	// Adopt gives an unfinished backup whose client is gone to another one, whose request once is then remembered. It
	// reports false if it is held.
	Adopt(ctx context.Context, id backup.ID, client string, now, until time.Time, once Idempotency) (bool, error)

	// Lease takes the row for one step if it is due and nobody is at it, and raises its attempt.
	// Where it does not, it reports false and the row as it is.
	Lease(ctx context.Context, id backup.ID, now, until time.Time) (backup.Backup, bool, error)
	// TakePlace gives b one of the places on its server, if one is free after those who wait longer have theirs. One
	// that b has already it keeps.
	TakePlace(ctx context.Context, b backup.Backup, places int) (bool, error)
	// CallWaiting makes the step of backups due that wait for a place on the server, of those who wait longest, and has the
	// schedules looked at that owe a start there. A backup in the pause before its next try waits for no place.
	CallWaiting(ctx context.Context, server backup.ServerID, most int, now time.Time) ([]backup.ID, error)
	// SaveStep writes what a step found, ends its lease, and fails with ErrLeaseLost if b's attempt is not the
	// stored one.
	SaveStep(ctx context.Context, b backup.Backup, note ActivityNote) error

	// Due returns backups of a server, or with "" of all, whose step is due and whom nobody is at, the longest due first.
	Due(ctx context.Context, server backup.ServerID, now time.Time, most int) ([]DueStep, error)

	InsertToken(ctx context.Context, t backup.Token) error
	// Token returns the token with that hash, revoked and expired ones included.
	Token(ctx context.Context, hash string) (backup.Token, error)
	Tokens(ctx context.Context, page Page) ([]backup.Token, error)
	TouchToken(ctx context.Context, id string, now time.Time) error
	RevokeToken(ctx context.Context, id string, now time.Time) error

	Used(ctx context.Context, key string) (Used, error)
	Activity(ctx context.Context, id backup.ActivityID) (backup.Activity, error)
	Activities(ctx context.Context, f ActivityFilter) ([]backup.Activity, error)
	Log(ctx context.Context, id backup.ActivityID) ([]backup.LogLine, error)

	Overview(ctx context.Context, now time.Time) (Overview, error)
}

// Target is a server and the right to log in to it.
type Target struct {
	Server     backup.Server
	PrivateKey []byte
	// What the archive will hold, judged from those before it: as much as the last one, and with its growth. Zero: not known.
	LastBytes, GrownBytes int64
	// LeastBytes is what the failed one needed that is made again, where it failed for want of space. It still counts unless
	// the sources hold less by now.
	LeastBytes int64
	// Tell, if not nil, is told the answer of each check of a preflight as soon as it is known, in their order.
	Tell func(backup.Check)
}

// Preflight is what a look at a server before a backup showed.
type Preflight struct {
	HostKey  string   // the key line that the server presented
	Warnings []string // what the backup should be told with, though it can be made
	// Of the backup folder's file system; both are zero where the server could not tell.
	FreeBytes, TotalBytes int64
	Checks                []backup.Check // in the order of backup.PreflightChecks, whether or not one failed
}

// Folder is a folder on a server that has the form of a backup's own, whoever made it.
type Folder struct {
	ID        backup.ID
	Bytes     int64     // that it takes of the disk; -1: not known
	ChangedAt time.Time // by the server's clock, zero where it does not say
	Running   bool      // a job is at work in it
	Archive   bool      // a whole archive is in it
}

// Runner acts on servers. An error that it understands is a *backup.Failure; one of the stage "connect" means that
// nothing is known about what the server did with the request.
type Runner interface {
	// Preflight looks, changing nothing, whether a run would fail. Its error is what the first failed check failed with.
	Preflight(ctx context.Context, t Target, b backup.Backup) (Preflight, error)
	// Start starts the job, or finds the one that was started before.
	Start(ctx context.Context, t Target, b backup.Backup) (backup.Job, error)
	Watch(ctx context.Context, t Target, b backup.Backup) (backup.Observation, error)
	// Cancel asks the job to end; with kill it is ended, if it is the very process b.Job names.
	Cancel(ctx context.Context, t Target, b backup.Backup, kill bool) error
	// Clean removes the backup's own folder and nothing else. A folder that is not there is fine.
	Clean(ctx context.Context, t Target, b backup.Backup) error
	// Folders lists what has the form of a backup's own folder in the server's backup folder, whoever made it.
	Folders(ctx context.Context, t Target) ([]Folder, error)
	Download(ctx context.Context, t Target, b backup.Backup, w io.Writer) error
	// Forget closes what is open to a server.
	Forget(id backup.ServerID)
}

// Keys makes and reads SSH key pairs.
type Keys interface {
	Generate(comment string) (private []byte, publicLine string, err error)
	PublicLine(private []byte) (string, error)
}

// Sealer seals secrets for the store. name binds a sealed text to the record it belongs to.
type Sealer interface {
	Seal(name string, secret []byte) (string, error)
	Open(name, sealed string) ([]byte, error)
}

// Waker sees to it that Step is called for a backup at about the time given.
type Waker interface {
	Wake(id backup.ID, at time.Time)
	// WakeAll does so for many, now.
	WakeAll(ids []backup.ID)
}

// Observer is told what happens, for measuring. Its methods return at once.
type Observer interface {
	// Stepped tells of a step: how long after it was due it began, and how long it took.
	Stepped(step backup.Step, late, took time.Duration)
	// Finished tells of a backup that has just completed or failed.
	Finished(b backup.Backup)
	// Decided tells of a due time that was just decided, and how long after its time.
	Decided(r backup.Run, late time.Duration)
}

// Clock is the time.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}
