package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// HoldFor is how long a client that went away counts as alive: long enough to find the next owner of a data directory.
const HoldFor = 5 * time.Second

// CreateRequest asks for one backup.
type CreateRequest struct {
	Spec    backup.Spec
	Trigger backup.Trigger
	Managed bool
	// Client names the client that will wait for the backup, and write down its id only at the end of its waiting.
	// A managed backup of the same archive that is unfinished, and whose client is gone without having
	// acknowledged it, is then taken over instead of starting a second one: that client was killed, and nobody
	// knows of its backup. Empty: the id is written down at once, and the backup is never taken over.
	Client string
	// RetryOf is the failed backup that is done again, and ScheduleID the schedule that it was for; empty for none.
	RetryOf    backup.ID
	ScheduleID backup.ScheduleID
	Once       Idempotency
}

// CheckBackup returns what is to be said about a backup's settings.
func (c *ControlPlane) CheckBackup(ctx context.Context, spec backup.Spec, unknown backup.Paths) ([]backup.Finding, error) {
	findings := backup.Validate(backup.Rules, spec, unknown)
	if unknown.Covers("server_id") {
		return findings, nil
	}
	server, err := c.Server(ctx, spec.ServerID)
	switch {
	case isNotFound(err):
		return append(findings, backup.Finding{Severity: backup.SeverityError, Path: "server_id", Code: backup.CodeNotFound,
			Summary: "The server does not exist", Detail: fmt.Sprintf("There is no server %q.", backup.Excerpt(string(spec.ServerID), 64)),
			Fix: "Use the id of a cloudaipilot_server."}), nil
	case err != nil:
		return nil, err
	}
	return append(findings, backup.Validate(backup.PlacementRules, backup.Placement{Spec: spec, Server: server}, unknown)...), nil
}

// CreateBackup checks, records, and has the worker woken. The backup is pending when it returns.
func (c *ControlPlane) CreateBackup(ctx context.Context, r CreateRequest) (backup.Backup, error) {
	if id, err := c.once(ctx, r.Once); err != nil || id != "" {
		if err != nil {
			return backup.Backup{}, err
		}
		return c.Backup(ctx, backup.ID(id))
	}
	findings, err := c.CheckBackup(ctx, r.Spec, nil)
	if err != nil {
		return backup.Backup{}, err
	}
	if refused := backup.Refuses(findings); len(refused) > 0 {
		return backup.Backup{}, &backup.FindingsError{Findings: refused}
	}
	if adopted, ok, err := c.adopt(ctx, r); err != nil || ok {
		return adopted, err
	}
	server, err := c.Server(ctx, r.Spec.ServerID)
	if err != nil {
		return backup.Backup{}, err
	}
	b, activity := c.newBackup(r, server)
	if err := c.Store.InsertBackup(ctx, b, activity, r.Once); err != nil {
		if id, _ := c.once(ctx, r.Once); id != "" { // its own repetition was faster
			return c.Backup(ctx, backup.ID(id))
		}
		return backup.Backup{}, fmt.Errorf("record the backup: %w", err)
	}
	c.waker.Wake(b.ID, b.Work.NextStepAt)
	return b, nil
}

func (c *ControlPlane) newBackup(r CreateRequest, server backup.Server) (backup.Backup, backup.Activity) {
	now := c.now()
	b := backup.Backup{
		ID: backup.ID(c.newID(backup.BackupIDPrefix, now)), Spec: r.Spec, ServerName: server.Name, Dir: server.BackupDir,
		Status: backup.StatusPending, Trigger: r.Trigger, Managed: r.Managed, RetryOf: r.RetryOf, ScheduleID: r.ScheduleID,
		CreatedAt: now, ExpiresAt: backup.ExpiryOf(now, r.Spec.RetentionDays),
		Work: backup.Work{Step: backup.StepQueue, NextStepAt: now, Holder: r.Client},
	}
	if r.Client != "" {
		b.Work.HeldUntil = now.Add(HoldFor)
	}
	a := c.toMake(b, now)
	b.Activity = a.ID
	return b, a
}

// toMake is the activity of a backup that is yet to be made.
func (c *ControlPlane) toMake(b backup.Backup, now time.Time) backup.Activity {
	a := backup.Activity{ID: backup.ActivityID(c.newID(backup.ActivityIDPrefix, now)), Type: backup.ActivityBackupCreate,
		TargetID: string(b.ID), ServerID: b.ServerID, Title: "Backup of " + b.ServerName, Status: backup.ActivityQueued, CreatedAt: now}
	for _, step := range []backup.Step{backup.StepQueue, backup.StepPreflight, backup.StepStart, backup.StepWatch} {
		a.Steps = append(a.Steps, backup.ActivityStep{Name: string(step), Status: backup.ActivityQueued})
	}
	return a
}

// adopt takes over an unfinished backup of the same archive whose client is gone. It waits for a client that went away a
// moment ago: if it lives, it comes back within HoldFor.
func (c *ControlPlane) adopt(ctx context.Context, r CreateRequest) (backup.Backup, bool, error) {
	if !r.Managed || r.Client == "" {
		return backup.Backup{}, false, nil
	}
	patience := c.now().Add(HoldFor + time.Second)
	for {
		b, adopted, missing, err := c.adoptNow(ctx, r)
		if err != nil || adopted || !missing || !c.now().Before(patience) {
			return b, adopted, err
		}
		if err := c.pause(ctx, 200*time.Millisecond); err != nil {
			return b, false, err
		}
	}
}

// adoptNow takes over what can be taken over now. missing tells of a client that is about to count as gone.
func (c *ControlPlane) adoptNow(ctx context.Context, r CreateRequest) (adopted backup.Backup, ok, missing bool, err error) {
	managed := true
	unfinished, err := c.Store.Backups(ctx, BackupFilter{ServerID: r.Spec.ServerID, Managed: &managed,
		Statuses: []backup.Status{backup.StatusPending, backup.StatusRunning}, Page: Page{Limit: 1000}})
	if err != nil {
		return adopted, false, false, err
	}
	now := c.now()
	for _, b := range unfinished {
		if b.Work.Holder == "" || b.Work.Holder == r.Client || !b.Same(r.Spec) || !b.Work.CancelAt.IsZero() {
			continue
		}
		if b.Work.HeldUntil.Sub(now) > HoldFor {
			continue // its client waits
		}
		ok, err := c.Store.Adopt(ctx, b.ID, r.Client, now, now.Add(HoldFor), r.Once)
		if err != nil {
			return adopted, false, false, err
		}
		if !ok {
			missing = true
			continue
		}
		c.Log.Info("backup taken over from a client that is gone", "backup", b.ID)
		b, err = c.setRetention(ctx, b, r.Spec.RetentionDays)
		c.waker.Wake(b.ID, now)
		return b, err == nil, false, err
	}
	return adopted, false, missing, nil
}

// BackupChange is a change of a backup's record; nil fields stay.
type BackupChange struct {
	RetentionDays *int
	Managed       *bool
	Acknowledged  bool // its client has written down the id: it is never taken over
}

// UpdateBackup changes a backup in place.
func (c *ControlPlane) UpdateBackup(ctx context.Context, id backup.ID, change BackupChange) (backup.Backup, error) {
	b, err := c.liveBackup(ctx, id)
	if err != nil {
		return b, err
	}
	if change.RetentionDays != nil {
		spec := b.Spec
		spec.RetentionDays = *change.RetentionDays
		if refused := backup.Refuses(backup.Validate(backup.Rules, spec, nil)); len(refused) > 0 {
			return b, &backup.FindingsError{Findings: refused}
		}
		if b, err = c.setRetention(ctx, b, *change.RetentionDays); err != nil {
			return b, err
		}
	}
	if change.Managed != nil {
		if err := c.Store.SetManaged(ctx, id, *change.Managed); err != nil {
			return b, err
		}
		b.Managed = *change.Managed
	}
	if change.Acknowledged {
		if err := c.Store.Hold(ctx, id, "", time.Time{}); err != nil {
			return b, err
		}
	}
	c.changes.announce()
	return b, nil
}

func (c *ControlPlane) setRetention(ctx context.Context, b backup.Backup, days int) (backup.Backup, error) {
	b.RetentionDays, b.ExpiresAt = days, backup.ExpiryOf(b.CreatedAt, days)
	return b, c.Store.SetRetention(ctx, b.ID, days, b.ExpiresAt)
}

// CancelBackup asks for an end of an unfinished backup; a finished one stays as it is. It does not wait.
func (c *ControlPlane) CancelBackup(ctx context.Context, id backup.ID) (backup.Backup, error) {
	b, err := c.liveBackup(ctx, id)
	if err != nil || b.Status.Finished() {
		return b, err
	}
	now := c.now()
	if err := c.Store.RequestCancel(ctx, id, now); err != nil && !isNotFound(err) { // not found: it ended a moment ago
		return b, err
	}
	c.waker.Wake(id, now)
	return c.liveBackup(ctx, id)
}

// DeleteBackup removes a finished backup: its own folder on the server, if that can be reached, and its record,
// of which a tombstone stays. leftover says why files may remain, empty if none do.
func (c *ControlPlane) DeleteBackup(ctx context.Context, id backup.ID) (leftover string, err error) {
	b, err := c.liveBackup(ctx, id)
	if err != nil {
		return "", err
	}
	if !b.Status.Finished() {
		return "", refuse(backup.CodeBackupInProgress, "", fmt.Sprintf("Backup %s is %s", b.ID, b.Status),
			"A backup is not deleted while it is made.", "Wait for it, or cancel it first.")
	}
	activity := c.instant(backup.ActivityBackupDelete, backup.Server{ID: b.ServerID}, "Backup of "+b.ServerName+" deleted")
	activity.TargetID = string(b.ID)
	if b.OnServer {
		if leftover, err = c.removeFiles(ctx, b); err != nil {
			return "", err
		}
		if leftover == "" {
			b.OnServer = false
		} else {
			activity.Title += ", but files may remain on the server: " + leftover
		}
	}
	b.DeletedAt, b.DeleteReason = c.now(), backup.DeletedByRequest
	if err := c.Store.BuryBackup(ctx, b, activity); err != nil {
		return leftover, fmt.Errorf("delete backup %s: %w", id, err)
	}
	c.changes.announce()
	return leftover, nil
}

// removeFiles ends what may still run of the backup, removes its own folder, and says why it could not. It is an error
// if the job does not end.
func (c *ControlPlane) removeFiles(ctx context.Context, b backup.Backup) (leftover string, err error) {
	server, err := c.Server(ctx, b.ServerID)
	if isNotFound(err) {
		return fmt.Sprintf("the server %s is no longer registered; the files are in %s/%s there", b.ServerName, b.Dir, b.ID), nil
	}
	if err == nil {
		var t Target
		if t, err = c.target(server); err == nil {
			err = c.remove(ctx, t, b)
		}
	}
	if elsewhere, ok := errors.AsType[*elsewhereError](err); ok {
		return elsewhere.Error(), nil
	}
	if f := failureOf(err, backup.StageArchive); f != nil && f.Fact == backup.FactJobRunning {
		return "", refuse(backup.CodeBackupInProgress, "", fmt.Sprintf("The job of backup %s still runs", b.ID),
			"It was asked to end, and has not yet.", "Try again in a minute.")
	}
	if err != nil {
		return fmt.Sprintf("%s/%s on %s could not be removed: %s", b.Dir, b.ID, b.ServerName, backup.Excerpt(err.Error(), 500)), nil
	}
	return "", nil
}

// Backup returns a backup, or its tombstone.
func (c *ControlPlane) Backup(ctx context.Context, id backup.ID) (backup.Backup, error) {
	b, err := c.Store.Backup(ctx, id)
	if err != nil {
		return b, fmt.Errorf("backup %s: %w", id, err)
	}
	return b, nil
}

func (c *ControlPlane) liveBackup(ctx context.Context, id backup.ID) (backup.Backup, error) {
	b, err := c.Backup(ctx, id)
	if err == nil && !b.Live() {
		err = fmt.Errorf("backup %s: %w", id, ErrNotFound)
	}
	return b, err
}

// Backups lists backups. Those asked for by id come with their tombstones.
func (c *ControlPlane) Backups(ctx context.Context, f BackupFilter) ([]backup.Backup, error) {
	return c.Store.Backups(ctx, f)
}

// Wait returns the backups named, as soon as one of them is finished or the time is over. client, if not empty,
// counts as alive meanwhile.
func (c *ControlPlane) Wait(ctx context.Context, ids []backup.ID, client string, patience time.Duration) ([]backup.Backup, error) {
	for _, id := range ids {
		if client != "" {
			if err := c.Store.Hold(ctx, id, client, c.now().Add(patience+2*HoldFor)); err != nil { // it counts as gone: better than no answer
				c.Log.Warn("a client that waits is not noted", "backup", id, "error", err)
			}
			defer c.letGo(ctx, id, client)
		}
		c.waker.Wake(id, c.now())
	}
	var found []backup.Backup
	look := func() (done bool, err error) {
		found, err = c.Store.Backups(ctx, BackupFilter{IDs: ids, Page: Page{Limit: len(ids)}})
		return len(found) < len(ids) || slices.ContainsFunc(found, func(b backup.Backup) bool { return b.Status.Finished() }), err
	}
	if c.Virtual != nil {
		return found, c.Virtual.until(ctx, patience, look)
	}
	err := c.until(ctx, patience, look)
	return found, err
}

// letGo notes, where a client broke off its waiting, that it may be gone.
func (c *ControlPlane) letGo(ctx context.Context, id backup.ID, client string) {
	if ctx.Err() == nil {
		return
	}
	if err := c.Store.Hold(context.WithoutCancel(ctx), id, client, c.now().Add(HoldFor)); err != nil {
		c.Log.Warn("a client that went away still counts as waiting", "backup", id, "error", err)
	}
}

// LastFailure is what failed last, and what became of it. Backups of the same type count, and full ones, which have both.
type LastFailure struct {
	Failed      bool // false: nothing did, or its record is no longer kept
	Backup      backup.Backup
	Resolved    bool      // a good backup followed
	Failures    int       // failed backups since the last good one
	LastSuccess time.Time // when the last good backup ended; zero: there is none
}

// FailureOf says whose last failure is meant: one of them is given.
type FailureOf struct {
	Server   backup.ServerID
	Schedule backup.ScheduleID
	Backup   backup.ID
}

// LastFailure returns the newest failed backup of a server or of a schedule, or, with its id, a backup. For a schedule
// only its own backups count.
func (c *ControlPlane) LastFailure(ctx context.Context, of FailureOf) (last LastFailure, err error) {
	var b backup.Backup
	switch {
	case of.Backup != "":
		b, err = c.Backup(ctx, of.Backup)
		of.Server = b.ServerID
	case of.Schedule != "":
		var s backup.Schedule
		s, err = c.Schedule(ctx, of.Schedule)
		of.Server = s.ServerID
	default:
		_, err = c.Server(ctx, of.Server)
	}
	if err != nil {
		return LastFailure{}, err
	}
	if of.Backup == "" {
		if b, err = c.Store.LastFailed(ctx, of.Server, of.Schedule); err != nil && !isNotFound(err) {
			return LastFailure{}, err
		}
	}
	var types []backup.Type
	if last.Failed = b.Status == backup.StatusFailed && b.Failure != nil; last.Failed {
		last.Backup, types = b, []backup.Type{b.Type, backup.TypeFull}
	}
	last.LastSuccess, last.Failures, err = c.Store.Outcomes(ctx, of.Server, of.Schedule, types)
	last.Resolved = last.Failed && last.LastSuccess.After(b.FinishedAt)
	return last, err
}

// Download writes a completed archive to w.
func (c *ControlPlane) Download(ctx context.Context, id backup.ID) (backup.Backup, func(io.Writer) error, error) {
	b, err := c.liveBackup(ctx, id)
	if err != nil {
		return b, nil, err
	}
	if b.Status != backup.StatusCompleted {
		fix := "Wait for it: cloudaipilot backup wait " + string(b.ID)
		if b.Status == backup.StatusFailed {
			fix = "See why: cloudaipilot backup show " + string(b.ID)
		}
		return b, nil, refuse(backup.CodeNotCompleted, "", fmt.Sprintf("Backup %s is %s", b.ID, b.Status), "Only a completed backup has an archive.", fix)
	}
	if c.Virtual != nil {
		return b, nil, refuse(backup.CodeInvalidState, "", "The archive of "+b.ServerName+" is simulated", "It has a size and no content.", "Nothing is lost: nothing was backed up.")
	}
	server, err := c.Store.Server(ctx, b.ServerID)
	if err != nil {
		return b, nil, fmt.Errorf("server %s: %w", b.ServerID, err)
	}
	if !server.DeletedAt.IsZero() {
		return b, nil, refuse(backup.CodeGone, "", "The server "+b.ServerName+" is no longer registered",
			fmt.Sprintf("Its key went with it, so nobody can log in for the archive, which was left in %s on %s (SHA-256 %s).", b.Path, server.Host, b.SHA256),
			"Copy it from there with a login of your own, or register the server again.")
	}
	t, err := c.target(server)
	if err != nil {
		return b, nil, err
	}
	if elsewhere, ok := errors.AsType[*elsewhereError](c.moved(ctx, t, b)); ok {
		return b, nil, refuse(backup.CodeGone, "", "The archive is not where its server is now", "Of this backup: "+elsewhere.Error()+".",
			"Set the server's address back for as long as it takes, or copy the archive from there with a login of your own (SHA-256 "+b.SHA256+").")
	}
	return b, func(w io.Writer) error { return c.Runner.Download(ctx, t, b, w) }, nil
}

// failureOf returns the Failure in an error's chain, or one that says honestly that it came from here.
func failureOf(err error, stage backup.Stage) *backup.Failure {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*backup.Failure](err); ok {
		copied := *f
		return &copied
	}
	return &backup.Failure{Stage: stage, Fact: backup.FactInternal, Text: err.Error()}
}
